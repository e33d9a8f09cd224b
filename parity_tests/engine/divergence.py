"""What a comparison finds: the worst of each stage, and where two sides first part."""

import shlex
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from parity_tests.engine.budgets import Budget
from parity_tests.engine.ulps import FLOAT_LAYOUTS, INCOMPARABLE, finite_or_none

LABEL_WIDTH = 11
# Of a line of 80 columns, after its label and before the backslash that breaks it.
COMMAND_WIDTH = 80 - 2 - LABEL_WIDTH - 2


@dataclass
class Cell:
    """The worst of one stage so far, over all its tensors and all steps.

    max_ulp: greatest elementwise distance; INCOMPARABLE for a NaN against a number, and
        for tensors that could not be compared at all.
    normwise: greatest norm-wise error; inf as above. It may stem from another tensor.
    budget: that of the tensor in `worst_at`; of the first tensor while all are equal.
    beyond_budget: whether any tensor was, each against its own budget.
    compared: how many tensors had elements that were compared.
    worst_at: (step, tensor), or None while all are equal. A tensor beyond its budget is
        worse than any tensor within.
    """

    max_ulp: int = 0
    normwise: float = 0.0
    budget: Budget = Budget()
    beyond_budget: bool = False
    compared: int = 0
    worst_at: tuple[int, str | None] | None = None
    _worst: tuple[bool, int, float] = field(default=(False, 0, 0.0), repr=False)

    @property
    def ok(self):
        """True or False; None, which is no pass, where nothing was compared."""
        if self.beyond_budget:
            return False
        return True if self.compared else None

    def as_data(self):
        """A dict that is valid JSON; null stands for what no number can say."""
        measured = self.compared or self.beyond_budget
        return {
            "max_ulp": _measurable_or_none(self.max_ulp) if measured else None,
            "normwise": finite_or_none(self.normwise) if measured else None,
            "budget": self.budget.as_data(),
            "ok": self.ok,
        }

    def add_difference(self, step, tensor, max_ulp, normwise, budget, beyond):
        """Take note of one tensor that differs by these errors, beyond budget or not."""
        beyond = bool(beyond)
        if (beyond, max_ulp, normwise) > self._worst:
            self._worst = (beyond, max_ulp, normwise)
            self.worst_at = (step, tensor)
            self.budget = budget
        self.max_ulp = max(self.max_ulp, max_ulp)
        self.normwise = max(self.normwise, normwise)
        self.beyond_budget = self.beyond_budget or beyond


class Divergence(NamedTuple):
    """Where, and by how much, a candidate differs from its reference.

    step: 0 for the initial values, 1 for the first move.
    stage: None where a play ended, or the two played different moves.
    tensor: its name; None where a whole stage or record is concerned.
    problem: 'values differ', or what kept values from being compared.
    index: the first element in C order whose distance exceeds the budget; None where no
        values were compared, () for a scalar.
    reference, candidate: the numpy scalars at `index`.
    ulps, normwise: their distance.
    budget: what the tensor was granted.
    differing, total: how many elements differ, of how many.
    worst_index, worst_ulps, worst_normwise: the element that is furthest off, in the
        measure that the budget is stated in.
    move: what was played; None for the initial values.
    occurrence: how many moves of that name there were so far, this one included: of those
        that train, as their steps are counted.
    """

    step: int
    stage: str | None
    tensor: str | None
    problem: str
    index: tuple[int, ...] | None = None
    reference: np.generic | None = None
    candidate: np.generic | None = None
    ulps: int | None = None
    normwise: float | None = None
    budget: Budget = Budget()
    differing: int = 0
    total: int = 0
    worst_index: tuple[int, ...] | None = None
    worst_ulps: int | None = None
    worst_normwise: float | None = None
    move: str | None = None
    occurrence: int | None = None

    @property
    def when(self):
        """Which step it was, of its kind, and of the whole play where that differs."""
        if self.occurrence in (None, self.step):
            return f"step {self.step}"
        return f"step {self.occurrence} (move {self.step} of the play)"

    def describe(self, reproduce=None, title="First divergence"):
        """A report of several lines of plain text.

        Args:
            reproduce: the command line that shows it again, if there is one.
            title: what kind of difference this is.
        """
        place = [self.when]
        if self.move is not None:
            place.append(f"move {self.move}")
        if self.stage is not None:
            place.append(self.stage)
        if self.tensor is not None:
            place.append(f"tensor {self.tensor}")
        lines = []
        if self.index is None:
            lines.append(("problem", self.problem))
        else:
            elements = "element differs" if self.total == 1 else "elements differ"
            count = f"{self.differing} of {self.total} {elements}"
            lines += [
                ("index", f"{list(self.index)}   ({count})"),
                ("reference", _value_and_bits(self.reference)),
                ("candidate", _value_and_bits(self.candidate)),
                ("distance", _distance_text(self.ulps, self.normwise)),
            ]
            if self.worst_index != self.index:
                worst = _distance_text(self.worst_ulps, self.worst_normwise)
                lines.append(("worst", f"{worst} at {list(self.worst_index)}"))
            reason = f": {self.budget.reason}" if self.budget.reason else ""
            lines.append(("budget", self.budget.describe() + reason))
        if reproduce:
            lines.append(("reproduce", _copyable(reproduce)))
        return "\n".join(
            [f"{title}: {', '.join(place)}"]
            + [f"  {label:<{LABEL_WIDTH}}{text}" for label, text in lines]
        )

    def as_data(self):
        """A dict that is valid JSON; the two values as text that names them exactly."""
        values = {
            "reference": None,
            "reference_bits": None,
            "candidate": None,
            "candidate_bits": None,
        }
        if self.index is not None:
            values["reference"] = _value_text(self.reference).strip()
            values["reference_bits"] = _bits_text(self.reference)
            values["candidate"] = _value_text(self.candidate).strip()
            values["candidate_bits"] = _bits_text(self.candidate)
        return {
            "step": self.step,
            "move": self.move,
            "occurrence": self.occurrence,
            "stage": self.stage,
            "tensor": self.tensor,
            "problem": self.problem,
            "index": None if self.index is None else list(self.index),
            **values,
            "ulps": _measurable_or_none(self.ulps),
            "normwise": finite_or_none(self.normwise),
            "budget": self.budget.as_data(),
            "differing": self.differing,
            "total": self.total,
            "worst_index": None if self.worst_index is None else list(self.worst_index),
            "worst_ulps": _measurable_or_none(self.worst_ulps),
            "worst_normwise": finite_or_none(self.worst_normwise),
        }


def _copyable(command):
    """A command line, broken between its options as a shell takes it where it is long."""
    if len(command) <= COMMAND_WIDTH:
        return command
    try:
        words = shlex.split(command)
    except ValueError:  # some other text of the caller's
        return command
    parts = []
    for word in words:
        if parts and not word.startswith("-"):
            parts[-1].append(word)
        else:
            parts.append([word])
    lines = []
    for part in map(shlex.join, parts):
        if lines and len(lines[-1]) + 1 + len(part) <= COMMAND_WIDTH:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return f" \\\n{' ' * (LABEL_WIDTH + 4)}".join(lines)


def _value_and_bits(value):
    return f"{_value_text(value)}  {_bits_text(value)}"


def _value_text(value):
    """All digits that the dtype can tell apart, with room for a sign."""
    value = np.asarray(value)
    layout = FLOAT_LAYOUTS.get(value.dtype.name)
    if layout is not None:
        return f"{float(value): .{layout.digits - 1}e}"
    return f" {bool(value)}" if value.dtype == bool else f"{int(value): d}"


def _bits_text(value):
    value = np.asarray(value)
    width = value.dtype.itemsize
    bits = value.astype(value.dtype.newbyteorder("=")).view(f"u{width}")
    return f"0x{int(bits):0{2 * width}x}"


def _distance_text(ulps, normwise):
    if ulps == INCOMPARABLE:
        return "not comparable"
    return f"{ulps} ULP (norm-wise {normwise:.4g})"


def _measurable_or_none(ulps):
    return None if ulps is None or ulps == INCOMPARABLE else int(ulps)
