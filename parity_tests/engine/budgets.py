"""Tolerances: what a budget is, and tolerances/, where all above zero stand.

A file is what grants a chapter, the parts of a module, or the programs that are exported.
What has no entry has to be equal to the bit. An entry says

chapter:  or part, of tf2_keras.tf1_semantics, with its module; or program, of which a
          .meta is kept in goldens/exported
tensor:   part of the names that it is for; without one, for all that have none of theirs
normwise: ULPs of the tensor's largest magnitude so far in the run; 0 for the sign of a zero
reason:   the kernel or the graph rewrite that makes the difference
test:     fails if the budget is taken away
vendor:   part of the processors' names that it is for; without one, it is for all
needed_on: part of the processors' names that it was seen to be needed on, if it is for all
"""

import functools
import pathlib
import sys
from typing import NamedTuple

import numpy as np

from parity_tests.engine import processors
from parity_tests.engine.records import STAGES
from parity_tests.engine.ulps import INCOMPARABLE, finite_or_none

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = pathlib.Path(__file__).with_name("tolerances")
SUBJECTS = ("chapter", "part", "program")
# What a program took over from a file; what it evaluated by streaming metrics.
BUDGETED = (*STAGES, "restored", "evaluation")
FIELDS = {
    *SUBJECTS,
    *("level", "stage", "tensor", "ulp", "normwise", "reason", "test"),
    *("vendor", "needed_on"),
}


class Budget(NamedTuple):
    """How far a tensor may stray: in elementwise ULPs, or else norm-wise.

    ulp: ULPs that every element may be off.
    normwise: ULPs of the tensor's largest magnitude so far in the run that every element
        may be off; None grants nothing beyond `ulp`, 0 the sign of a zero, -0.0 in place
        of 0.0, and no more. A gradient that has converged to
        nothing is rounding noise, and measured against itself would say nothing.
    reason: why it is not zero.
    """

    ulp: int = 0
    normwise: float | None = None
    reason: str = ""

    def admits(self, distances, errors):
        """Which elements are within the budget: one of the two measures suffices.

        Args:
            distances: ULPs of each element, uint64.
            errors: norm-wise errors of each element, float64.

        Returns:
            bool array of the same shape.
        """
        within = distances <= np.uint64(self.ulp)
        if self.normwise is not None:
            within |= errors <= self.normwise
        return within & (distances != np.uint64(INCOMPARABLE))

    def widened(self, other):
        """The budget that admits what either does, for both reasons."""
        stated = [
            budget.normwise for budget in (self, other) if budget.normwise is not None
        ]
        reasons = dict.fromkeys(filter(None, (self.reason, other.reason)))
        return Budget(
            max(self.ulp, other.ulp), max(stated, default=None), "; and ".join(reasons)
        )

    def describe(self):
        """Such as '4 ULP', '16 ULP of the largest magnitude' or 'the sign of a zero'."""
        elementwise = f"{self.ulp} ULP"
        if self.normwise is None:
            return elementwise
        if not (self.ulp or self.normwise):
            return "the sign of a zero"
        normwise = f"{self.normwise:g} ULP of the largest magnitude"
        return f"{elementwise} or {normwise}" if self.ulp else normwise

    def as_data(self):
        """A dict that is valid JSON."""
        return {
            "ulp": int(self.ulp),
            "normwise": finite_or_none(self.normwise),
            "reason": self.reason,
        }


@functools.cache
def entries():
    """The entries of all files, by the files' names, as a tuple of dicts.

    Raises:
        ValueError: if one lacks its reason or test, or names an unknown stage or field.
    """
    stated = tuple(
        entry
        for file in sorted(FOLDER.glob("*.toml"))
        for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("budget", ())
    )
    for entry in stated:
        missing = {"level", "stage", "reason", "test"} - set(entry)
        unknown = set(entry) - FIELDS
        one_subject = sum(kind in entry for kind in SUBJECTS) == 1
        if missing or unknown or not one_subject or entry["stage"] not in BUDGETED:
            raise ValueError(
                f"A budget has the fields {sorted(FIELDS)}, one of {SUBJECTS}, "
                f"and a stage of {BUDGETED}. Received: {entry}. "
                "Complete it or take it out."
            )
    return stated


def subject(entry):
    """What an entry is about: a chapter, a part such as "recurrent.LSTMCell", or one of
    the programs of which a .meta is kept."""
    return next(entry[kind] for kind in SUBJECTS if kind in entry)


def budget_of(entry):
    """What an entry grants."""
    return Budget(entry.get("ulp", 0), entry.get("normwise"), entry["reason"])


def granted_here(entry):
    """Whether an entry is for this machine's processor."""
    return entry.get("vendor", "") in processors.model()


def budget_for(name, *levels):
    """(stage, tensor) -> Budget of a subject; 0 ULP if not stated.

    Args:
        name: of the subject.
        *levels: if several, each makes a difference of its own, and what any grants is.
    """
    granted_at = [_granted(name, level) for level in levels]

    def budget(stage, tensor):
        return functools.reduce(
            Budget.widened, (_of(granted, stage, tensor) for granted in granted_at)
        )

    return budget


def _of(granted, stage, tensor):
    for granted_stage, part, budget in granted:
        if stage == granted_stage and part in (tensor or ""):
            return budget
    return Budget()


def _granted(name, level):
    """[(stage, part of a tensor's name, Budget)], those for some tensors first."""
    granted = [
        (
            entry["stage"],
            entry.get("tensor", ""),
            budget_of(entry),
        )
        for entry in entries()
        if subject(entry) == name and entry["level"] == level and granted_here(entry)
    ]
    return sorted(granted, key=lambda grant: not grant[1])
