"""Lets the tests of this folder import the sample venue beside them by its plain name.

A dependency installs a package named `tests`, so an absolute import from here is not safe.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
