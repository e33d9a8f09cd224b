"""Sphinx's configuration of the reading room: ``tf-parity docs``, or

    sphinx-build -W -n docs site

with the extra ``docs`` installed. parity_tests/site says what is made besides the pages.
"""

project = "tf-parity"
author = "tf-parity"
html_title = "tf-parity"
language = "en"
nitpicky = True
extensions = ["myst_parser", "sphinx_design", "parity_tests.site.extension"]
source_suffix = {".md": "markdown"}
root_doc = "index"  # README.md, see parity_tests/site/project.py
exclude_patterns = ["_locale"]
# The Chinese edition, which `tf-parity docs` builds besides, is told where it finds its
# catalogues, compiled; the compiled ones are no files of the project.
locale_dirs = []
gettext_auto_build = False

myst_enable_extensions = ["colon_fence", "deflist"]
# GitHub's anchors, so that a link reads the same there and here.
myst_heading_anchors = 4
# source: and site: see parity_tests/site/links.py; other schemes as usual.
myst_url_schemes = dict.fromkeys(("http", "https", "mailto", "source", "site"))
# What has no colours stays as it is: messages, tables in the terminal's own characters.
smartquotes = False  # a message is quoted as it was printed
highlight_language = "none"
suppress_warnings = [
    "myst.header"
]  # pages begin with a comment, or go on from ## to ####

html_theme = "furo"
html_theme_options = {"navigation_with_keys": False}
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_domain_indices = False
html_show_sphinx = False
# A browser lets no page read another from file://, which summaries would need.
html_show_search_summary = False
html_show_copyright = False
