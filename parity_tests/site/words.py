"""The site's own words, those of no page, in the language of the edition."""

from sphinx.locale import get_translation

CATALOGUE = "site"
_ = get_translation(CATALOGUE)
