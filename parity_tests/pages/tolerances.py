"""Writes docs/tolerances.md from engine/tolerances: ``python -m parity_tests.pages.tolerances``."""

import pathlib

from parity_tests.engine import budgets

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "tolerances.md"

HEAD = """\
# Tolerances

<!-- Made by `python -m parity_tests.pages.tolerances` from parity_tests/engine/tolerances. -->

Everything that this project compares has to be equal to the bit, but for the entries
below. A norm-wise budget counts ULPs of the largest magnitude that the tensor has had so
far in the run: a gradient that has converged to nothing is rounding noise, and measured
against itself would say nothing. "The sign of a zero" grants -0.0 in place of 0.0, and no
other difference. Each budget has a test that fails if it is taken away, and every planted
fault is caught at it as well.

"""


def page():
    """The whole page, as text."""
    lines = [
        "| chapter, part or program | level | stage | budget | reason | needed by |"
    ]
    lines.append("|---|---|---|---|---|---|")
    for entry in budgets.entries():
        budget = budgets.budget_of(entry)
        test = entry["test"].partition("::")[2]
        cells = [
            budgets.subject(entry),
            entry["level"],
            ", ".join(entry[key] for key in ("stage", "tensor") if key in entry),
            budget.describe(),
            ": ".join(
                f"on {entry[key]}" if key == "vendor" else entry[key]
                for key in ("vendor", "reason")
                if key in entry
            ),
            f"`{test}`",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
