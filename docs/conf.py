"""The documents as a site: `sphinx-build docs build/docs`. They are plain Markdown and read well without it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from glm_core.version import __version__

project = "glm-core"
version = release = __version__
root_doc = "contents"
extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
exclude_patterns = ["*.py"]
html_theme = "alabaster"
html_theme_options = {"description": "Every task is a text with a blank", "fixed_sidebar": True, "page_width": "1100px"}
html_copy_source = False
html_show_copyright = False
nitpicky = True
pygments_style = "friendly"
