"""The one seam to the client library: `ib_insync`, or its maintained successor `ib_async`.

Rules of this file:
- Only here is the library imported, and only inside a running event loop: imported before one
  runs, `ib_insync` binds to another loop and loses events without a word.
- What is used of it: its socket client, its decoder and its plain contract and order classes. Its
  picture of orders is not used, since a harmless notice turns a live order into a cancelled one
  there; the adapter keeps its own (`ledger.py`).
- The two cannot share an environment: both install the module `eventkit`.
"""

import asyncio
import logging
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from market.errors import ConfigError

LIBRARIES = ("ib_insync", "ib_async")


def client_library() -> ModuleType:
    """Return the installed client library.

    Raises:
        ConfigError: neither is installed.
        RuntimeError: no event loop is running.
    """
    asyncio.get_running_loop()
    for name in LIBRARIES:
        if find_spec(name) is not None:
            # Without a handler of its own its errors would go to the terminal; ours tell them.
            logging.getLogger(name).addHandler(logging.NullHandler())
            return import_module(name)
    raise ConfigError("neither ib_insync nor ib_async is installed; install this package whole.")
