"""The site of documentation: Sphinx over the Markdown here, a reference made from the code."""

from pathlib import Path

from bot import __version__
from bot.reference import write_more, write_reference

project = "ALVH"
copyright = "the contributors"
release = version = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
html_theme = "furo"
html_title = f"ALVH {version}"
html_theme_options = {"source_repository": "", "navigation_with_keys": True}
html_copy_source = False
html_show_sourcelink = False
# A code block without a language is what a terminal shows.
highlight_language = "none"

FOLDER = Path(__file__).parent
write_reference(FOLDER / "_generated")
write_more(FOLDER, FOLDER / "_generated" / "more.md")
