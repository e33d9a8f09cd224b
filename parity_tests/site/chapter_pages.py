"""What the page of a chapter has besides its prose: both programs, numbers, symbols."""

from docutils import nodes
from sphinx.transforms import SphinxTransform

from parity_tests.engine import cell_tables
from parity_tests.engine.records import in_order
from parity_tests.models import chapters
from parity_tests.site import markup, numbers, symbols, trajectories, twin_view
from parity_tests.site.words import _

FOLDER = "models"


class ChapterSections(SphinxTransform):
    """Puts the twin view after a chapter's first section, the rest after its last.

    A chapter of another day needs no line for it.
    """

    default_priority = 200  # before sections are numbered and references are found

    def apply(self, **_options):
        folder, name = self.env.docname.rpartition("/")[::2]
        if folder != FOLDER or name not in chapters.NAMES:
            return
        # Both columns need the width that a table of contents would take.
        self.env.metadata[self.env.docname]["hide-toc"] = "true"
        (page,) = self._pages()
        sections = [node for node in page.children if isinstance(node, nodes.section)]
        place = page.index(sections[0]) + 1 if sections else len(page)
        view = _section("side-by-side", _("Side by side"))
        view += nodes.paragraph(
            text=_(
                "What corresponds stands in one row. A row that has the focus is moved "
                "by the arrow keys; comments that say why stand out."
            )
        )
        for stem in chapters.stems(name):
            view += twin_view.twin(self.env, stem)
        page.insert(place, view)
        page += self._numbers(name)
        page += self._trajectory(name)
        page += self._symbols(name)

    def _pages(self):
        return [
            node for node in self.document.children if isinstance(node, nodes.section)
        ][:1]

    def _numbers(self, name):
        section = _section("numbers", _("The numbers of a run"))
        run = self.config.parity_run
        recorded = numbers.chapter(run, name)
        if recorded is None:
            section += _said(
                _("These pages were built without a run of it: {how}.").format(
                    how=numbers.HOW
                )
            )
            return section
        if numbers.is_stale(recorded, name):
            section += _said(
                _(
                    "The run that these pages were built with is of other files than "
                    "those above, and none of its numbers is shown. Make a new one: {how}."
                ).format(how=numbers.HOW)
            )
            return section
        stages = in_order(
            stage for cells in recorded["levels"].values() for stage in cells
        )
        section += nodes.paragraph(
            text=_("The worst difference of {steps} steps, in ULPs.").format(
                steps=recorded["steps"]
            )
            + " "
            + _(cell_tables.LEGEND)
        )
        rows = [
            (level, *(cell_tables.said(cells.get(stage)) for stage in stages))
            for level, cells in recorded["levels"].items()
        ]
        table = markup.table((_("level"), *stages), rows)
        section += nodes.raw("", table, format="html")
        section += _said(numbers.environment(run))
        return section

    def _trajectory(self, name):
        recorded = numbers.chapter(self.config.parity_run, name)
        if recorded is None or numbers.is_stale(recorded, name):
            return []
        figure = trajectories.figure(recorded)
        if figure is None:
            return []
        section = _section("trajectory", _("The trajectory"))
        section += nodes.raw("", figure, format="html")
        return section

    def _symbols(self, name):
        section = _section("symbols", _("TF1 symbols that it uses"))
        paragraph = nodes.paragraph()
        for number, symbol in enumerate(symbols.symbols_by_chapter()[name]):
            if number:
                paragraph += nodes.Text(", ")
            paragraph += symbols.to_symbol(symbol)
        section += paragraph
        return section


def _section(anchor, title):
    section = nodes.section(ids=[anchor], names=[])
    section += nodes.title(text=title)
    return section


def _said(text):
    return nodes.paragraph(text=text, classes=["admonition-text"])
