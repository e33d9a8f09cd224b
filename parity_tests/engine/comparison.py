"""Compares two runs record by record and names the first divergence.

A run is plain data in order: first `{"initial values": {name: array}}`, then one record
a step, `{"loss": {...}, "gradients": {...}, "slots": {...}, "updates": {...}}`. Each
stage maps names to numpy arrays or scalars, in order of execution; a stage may be
missing or empty.

    comparison = Comparison(reference_run)
    for record in candidate_run:
        comparison.observe(record)
    comparison.require_agreement()
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from parity_tests.engine.ulps import (
    FLOAT_LAYOUTS,
    INCOMPARABLE,
    identical,
    largest_magnitude,
    normwise_distance,
    normwise_error,
    require_measurable,
    ulp_distance,
)

STAGES = ("initial values", "loss", "gradients", "slots", "updates")


class Budget(NamedTuple):
    """How far a tensor may stray: in elementwise ULPs, or else norm-wise.

    ulp: ULPs that every element may be off.
    normwise: ULPs of the tensor's largest magnitude so far in the run that every element
        may be off; None grants nothing beyond `ulp`. A gradient that has converged to
        nothing is rounding noise, and measured against itself would say nothing.
    reason: why it is not zero.
    """

    ulp: int = 0
    normwise: float | None = None
    reason: str = ""

    def admits(self, max_ulp, normwise):
        """Whether a tensor with these two errors is within the budget: one suffices."""
        if max_ulp == INCOMPARABLE:
            return False
        return max_ulp <= self.ulp or (
            self.normwise is not None and normwise <= float(self.normwise)
        )

    def describe(self):
        """Such as '4 ULP' or '16 ULP of the largest magnitude'."""
        elementwise = f"{self.ulp} ULP"
        if self.normwise is None:
            return elementwise
        normwise = f"{self.normwise:g} ULP of the largest magnitude"
        return f"{elementwise} or {normwise}" if self.ulp else normwise

    def as_data(self):
        """A dict that is valid JSON."""
        return {
            "ulp": int(self.ulp),
            "normwise": _finite_or_none(self.normwise),
            "reason": self.reason,
        }


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
            "normwise": _finite_or_none(self.normwise) if measured else None,
            "budget": self.budget.as_data(),
            "ok": self.ok,
        }

    def add_difference(self, step, tensor, max_ulp, normwise, budget):
        """Take note of one tensor that differs by these two errors."""
        beyond = not budget.admits(max_ulp, normwise)
        if (beyond, max_ulp, normwise) > self._worst:
            self._worst = (beyond, max_ulp, normwise)
            self.worst_at = (step, tensor)
            self.budget = budget
        self.max_ulp = max(self.max_ulp, max_ulp)
        self.normwise = max(self.normwise, normwise)
        self.beyond_budget = self.beyond_budget or beyond


class Divergence(NamedTuple):
    """Where, and by how much, a candidate differs from its reference.

    step: 0 for the initial values, 1 for the first training step.
    stage: one of STAGES; None where a run ended.
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

    def describe(self, reproduce=None, title="First divergence"):
        """A report of several lines of plain text.

        Args:
            reproduce: the command line that shows it again, if there is one.
            title: what kind of difference this is.
        """
        place = [f"step {self.step}"]
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
            lines.append(("reproduce", reproduce))
        return "\n".join(
            [f"{title}: {', '.join(place)}"]
            + [f"  {label:<11}{text}" for label, text in lines]
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
            "stage": self.stage,
            "tensor": self.tensor,
            "problem": self.problem,
            "index": None if self.index is None else list(self.index),
            **values,
            "ulps": _measurable_or_none(self.ulps),
            "normwise": _finite_or_none(self.normwise),
            "budget": self.budget.as_data(),
            "differing": self.differing,
            "total": self.total,
            "worst_index": None if self.worst_index is None else list(self.worst_index),
            "worst_ulps": _measurable_or_none(self.worst_ulps),
            "worst_normwise": _finite_or_none(self.worst_normwise),
        }


class Comparison:
    """Compares a candidate's records with the reference's, in order of execution.

    Args:
        reference_run: the reference's records. Each is pulled only when the candidate's
            is observed, and nothing of it is kept, so that it may reuse its buffers.
        budget_for: called once for each stage and tensor name, gives its Budget, or
            None for 0 ULP. Without it every budget is 0 ULP.
        signed_zeros: whether -0.0 differs from 0.0.
        stop_at_first: whether to compare nothing more once something is beyond budget.

    Attributes:
        cells: {stage: Cell}, every one of STAGES.
        first_divergence: the first Divergence beyond budget, or None.
        first_difference: the first Divergence at all, even if within budget, or None.
        records: how many of the candidate's records were observed.
    """

    def __init__(
        self,
        reference_run: Iterable[dict],
        budget_for: Callable[[str, str], Budget | None] | None = None,
        signed_zeros: bool = True,
        stop_at_first: bool = False,
    ):
        self.cells = {stage: Cell() for stage in STAGES}
        self.first_divergence = None
        self.first_difference = None
        self.records = 0
        self._reference_records = iter(reference_run)
        self._budget_for = budget_for
        self._budgets = {}
        self._largest = {}
        self._signed_zeros = signed_zeros
        self._stop_at_first = stop_at_first
        self._finished = False

    @property
    def ok(self):
        """Whether anything was compared, and nothing so far is beyond its budget."""
        return self.first_divergence is None and self._compared_anything

    @property
    def _compared_anything(self):
        return any(cell.compared for cell in self.cells.values())

    @property
    def _stopped(self):
        return self._stop_at_first and self.first_divergence is not None

    def observe(self, candidate_record):
        """Compare the candidate's next record with the reference's next one.

        Returns:
            bool: whether it is worth going on; False once `stop_at_first` has stopped.

        Raises:
            TypeError: for a tensor that is neither of numbers nor bool, such as None.
            RuntimeError: after `finish`.
        """
        if self._finished:
            raise RuntimeError(
                "A finished comparison observes nothing more. "
                f"Received: a record after {self.records} records and finish(). "
                "Observe every record first, or begin a new Comparison."
            )
        if self._stopped:
            return False
        step = self.records
        self.records += 1
        reference_record = next(self._reference_records, None)
        if reference_record is None:
            self._fail_record(step, candidate_record, "reference ended")
        else:
            self._compare_records(step, reference_record, candidate_record)
        return not self._stopped

    def finish(self):
        """Check that the reference has no more records. Twice does no harm."""
        if self._finished:
            return
        self._finished = True
        if self._stopped:
            return
        reference_record = next(self._reference_records, None)
        if reference_record is not None:
            self._fail_record(self.records, reference_record, "run ended early")

    def require_agreement(self, reproduce=None):
        """Finish, and raise unless the two runs agree within their budgets.

        Args:
            reproduce: the command line to show in the report.

        Raises:
            AssertionError: with the report of the first divergence; or if nothing was
                compared, for then nothing could have failed.
        """
        self.finish()
        if self.first_divergence is not None:
            raise AssertionError(self.first_divergence.describe(reproduce))
        if not self._compared_anything:
            raise AssertionError(
                "Runs agree only if something was compared. "
                f"Received: {self.records} records without a single element. "
                "Check that both runs yield their tensors."
            )

    def _compare_records(self, step, reference_record, candidate_record):
        for stage in STAGES:
            reference_tensors = reference_record.get(stage) or {}
            candidate_tensors = candidate_record.get(stage) or {}
            self._compare_stage(step, stage, reference_tensors, candidate_tensors)
            if self._stopped:
                return
        for record in (reference_record, candidate_record):
            for stage in record:
                if stage not in STAGES:
                    known = ", ".join(STAGES)
                    self._fail(step, stage, None, f"unknown stage; known are {known}")

    def _compare_stage(self, step, stage, reference_tensors, candidate_tensors):
        if reference_tensors and not candidate_tensors:
            self._fail(step, stage, None, "stage missing in the candidate")
            return
        if candidate_tensors and not reference_tensors:
            self._fail(step, stage, None, "stage not in the reference")
            return
        for tensor, reference in reference_tensors.items():
            if tensor in candidate_tensors:
                self._compare_tensor(
                    step, stage, tensor, reference, candidate_tensors[tensor]
                )
            else:
                self._fail(step, stage, tensor, "missing in the candidate")
            if self._stopped:
                return
        for tensor in candidate_tensors:
            if tensor not in reference_tensors:
                self._fail(step, stage, tensor, "not in the reference")

    def _compare_tensor(self, step, stage, tensor, reference, candidate):
        reference = np.asarray(reference)
        candidate = np.asarray(candidate)
        problems = []
        if reference.shape != candidate.shape:
            problems.append(
                f"shape {list(reference.shape)} against {list(candidate.shape)}"
            )
        if reference.dtype != candidate.dtype:
            problems.append(f"dtype {reference.dtype} against {candidate.dtype}")
        if problems:
            self._fail(step, stage, tensor, ", ".join(problems))
            return

        try:
            require_measurable(reference.dtype)
        except TypeError as error:
            place = f"Step {step}, {stage}, tensor {tensor}"
            raise TypeError(f"{place}: {error}") from error

        cell = self.cells[stage]
        budget = self._budget(stage, tensor)
        if not cell.compared and cell.worst_at is None:
            cell.budget = budget
        if reference.size:
            cell.compared += 1
        largest = 0.0
        if budget.normwise is not None and reference.size:
            largest = max(
                self._largest.get((stage, tensor), 0.0), largest_magnitude(reference)
            )
            self._largest[stage, tensor] = largest
        if identical(reference, candidate):
            return
        distances = ulp_distance(reference, candidate, self._signed_zeros)
        max_ulp = int(distances.max())
        if max_ulp == 0:  # NaNs of different bytes, or zeros of different signs
            return
        normwise = normwise_error(reference, candidate, largest)
        cell.add_difference(step, tensor, max_ulp, normwise, budget)

        if self.first_difference is None:
            self.first_difference = _locate(
                step,
                stage,
                tensor,
                reference,
                candidate,
                distances,
                budget,
                0,
                None,
                largest,
            )
        if self.first_divergence is None and not budget.admits(max_ulp, normwise):
            self.first_divergence = _locate(
                step,
                stage,
                tensor,
                reference,
                candidate,
                distances,
                budget,
                budget.ulp,
                budget.normwise,
                largest,
            )

    def _budget(self, stage, tensor):
        budget = self._budgets.get((stage, tensor))
        if budget is None:
            asked = self._budget_for and self._budget_for(stage, tensor)
            budget = self._budgets[stage, tensor] = asked or Budget()
        return budget

    def _fail_record(self, step, record, problem):
        """One run ended: `record`, of the other, has no counterpart."""
        stages = [stage for stage, tensors in record.items() if tensors]
        self._note(Divergence(step, None, None, problem))
        for stage in stages:
            self._fail(step, stage, None, problem)

    def _fail(self, step, stage, tensor, problem):
        """Note a divergence for which there are no values to compare."""
        budget = Budget() if tensor is None else self._budget(stage, tensor)
        cell = self.cells.setdefault(stage, Cell())
        cell.add_difference(step, tensor, INCOMPARABLE, float("inf"), budget)
        self._note(Divergence(step, stage, tensor, problem, budget=budget))

    def _note(self, divergence):
        if self.first_difference is None:
            self.first_difference = divergence
        if self.first_divergence is None:
            self.first_divergence = divergence


def compare_runs(reference_run, candidate_run, **options):
    """Compare two whole runs, record by record, as far as both go.

    Args:
        reference_run, candidate_run: iterables of records; neither is kept in memory.
        **options: as for Comparison.

    Returns:
        Comparison, finished.
    """
    comparison = Comparison(reference_run, **options)
    for record in candidate_run:
        if not comparison.observe(record):
            break
    comparison.finish()
    return comparison


def _locate(
    step,
    stage,
    tensor,
    reference,
    candidate,
    distances,
    budget,
    ulp,
    normwise,
    largest,
):
    """The Divergence of a tensor whose values differ.

    Args:
        reference, candidate: arrays of the same shape and dtype.
        distances: their `ulp_distance`.
        budget: what the tensor was granted, for the report.
        ulp, normwise: an element has to exceed both (normwise may be None) in order to
            be reported.
    """
    errors = normwise_distance(reference, candidate)
    exceeds = (distances > np.uint64(ulp)) | (distances == np.uint64(INCOMPARABLE))
    if normwise is not None and (exceeds & (errors > normwise)).any():
        exceeds &= errors > normwise
    # Else no single element exceeds both, though the tensor's two maxima do.
    measure = distances if budget.normwise is None else errors
    first = np.unravel_index(int(exceeds.argmax()), reference.shape)
    worst = np.unravel_index(int(measure.argmax()), reference.shape)
    first = tuple(int(position) for position in first)
    worst = tuple(int(position) for position in worst)
    return Divergence(
        step=step,
        stage=stage,
        tensor=tensor,
        problem="values differ",
        index=first,
        reference=reference[first],
        candidate=candidate[first],
        ulps=int(distances[first]),
        normwise=float(errors[first]),
        budget=budget,
        differing=int(np.count_nonzero(distances)),
        total=reference.size,
        worst_index=worst,
        worst_ulps=int(distances[worst]),
        worst_normwise=float(errors[worst]),
    )


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


def _finite_or_none(number):
    return None if number is None or not np.isfinite(number) else float(number)
