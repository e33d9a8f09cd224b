"""The worst differences as people read them: one cell in words, a table of them in HTML.

A notebook shows a comparison by ``html``, the terminal and the report say cells by ``said``.
"""

import html
import re

from parity_tests.engine.records import in_order

LEGEND = (
    "0: equal to the bit.  a of b: the error relative to the tensor's largest magnitude, in "
    "ULPs of it, of the b that its budget grants.  differs: no number can say by how much, "
    "as with NaN or another shape.  –: there is none to compare."
)
# A notebook may be dark or light: its own text colour stays, on a tint that suits both.
BEYOND = ";font-weight:bold;background:rgba(229,57,53,.25)"


def said(cell):
    """One comparison's worst difference, in the measure of its budget.

    Args:
        cell: a Cell's ``as_data()``, or None.
    """
    if cell is None or cell["ok"] is None:
        return "–"
    granted = cell["budget"]["normwise"]
    if cell["max_ulp"] == 0:
        return "0"
    if cell["max_ulp"] is None or (granted is not None and cell["normwise"] is None):
        return "differs"
    if granted is not None:
        if granted < 10_000:
            return f"{short(cell['normwise'])} of {granted:g}"
        return f"{short(cell['normwise'], 1)} of {short(granted)}"
    return f"{short(cell['max_ulp'])} ULP"


def short(value, digits=2):
    """A number of some digits in at most six characters: 0.12, 7.1, 616, 2.0e9."""
    if 100 <= value < 10_000:
        return f"{value:.0f}"
    text = f"{value:.{digits}g}" if value < 100 else f"{value:.{digits - 1}e}"
    return re.sub(r"e([+-])0*(\d)", lambda m: f"e{m[1].strip('+')}{m[2]}", text)


def exactly_equal(cells):
    """Whether no stage differs at all."""
    return all(
        cell["ok"] is not False and not cell["max_ulp"] for cell in cells.values()
    )


def as_html(rows, *after):
    """A table of comparisons, in HTML that a notebook shows as it is.

    Args:
        rows: [(name, {stage: cell's ``as_data()``})].
        after: texts that follow it, a paragraph each.
    """
    stages = in_order(stage for _, cells in rows for stage in cells)
    heading = "".join(
        f'<th scope="col" style="text-align:right">{html.escape(stage)}</th>'
        for stage in stages
    )
    lines = []
    for name, cells in rows:
        numbers = "".join(
            f'<td style="text-align:right{_style(cells.get(stage))}">'
            f"{html.escape(said(cells.get(stage)))}</td>"
            for stage in stages
        )
        lines.append(f'<tr><th scope="row">{html.escape(name)}</th>{numbers}</tr>')
    paragraphs = "".join(
        '<pre style="white-space:pre-wrap;overflow-wrap:anywhere">'
        f"{html.escape(text)}</pre>"
        for text in after
    )
    return (
        '<div role="region" aria-label="worst differences" tabindex="0" '
        'style="overflow-x:auto">'
        f"<table><thead><tr><td></td>{heading}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>{paragraphs}"
        f"<p><small>{html.escape(LEGEND)}</small></p>"
    )


def _style(cell):
    return BEYOND if cell is not None and cell["ok"] is False else ""
