"""Compares two plays record by record and names the first divergence.

    comparison = compare_plays(reference_play, candidate_play)
    comparison.require_agreement()

What a record is says `records`.
"""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from parity_tests.engine import cell_tables
from parity_tests.engine.budgets import Budget
from parity_tests.engine.divergence import Cell, Divergence
from parity_tests.engine.records import MOVE, checked, in_order, other_form
from parity_tests.engine.ulps import (
    INCOMPARABLE,
    identical,
    largest_magnitude,
    normwise_distance,
    require_measurable,
    ulp_distance,
)

# Problems of what both sides have, each in a form of its own.
SPARSE = "sparse in the reference, values and indices, dense in the candidate"
DENSE = "dense in the reference, sparse in the candidate, values and indices"


class Comparison:
    """Compares a candidate's records with the reference's, in order of execution.

    Args:
        reference_play: the reference's records. Each is pulled only when the
            candidate's is observed, and nothing of it is kept, so that it may reuse its
            buffers.
        budget_for: called once for each stage and tensor name, gives its Budget, or
            None for 0 ULP. Without it every budget is 0 ULP.
        signed_zeros: whether -0.0 differs from 0.0.
        stop_at_first: whether to compare nothing more once something is beyond budget.
        on_difference: called with step, stage, tensor, and its greatest distance in
            ULPs, INCOMPARABLE where there is none, for every tensor that differs.

    Attributes:
        cells: {stage: Cell} of all stages seen so far, in order of execution.
        first_divergence: the first Divergence beyond budget, or None.
        first_difference: the first Divergence at all, even if within budget, or None.
        records: how many of the candidate's records were observed.
    """

    def __init__(
        self,
        reference_play: Iterable[dict],
        budget_for: Callable[[str, str], Budget | None] | None = None,
        signed_zeros: bool = True,
        stop_at_first: bool = False,
        on_difference: Callable[[int, str, str | None, int], None] | None = None,
    ):
        self.cells = {}
        self.first_divergence = None
        self.first_difference = None
        self.records = 0
        self._reference_records = iter(reference_play)
        self._budget_for = budget_for
        self._budgets = {}
        self._largest = {}
        self._signed_zeros = signed_zeros
        self._stop_at_first = stop_at_first
        self._on_difference = on_difference
        self._finished = False
        self._move = None
        self._played = Counter()  # moves by their names

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
            TypeError: for a record that is no dictionary of dictionaries; for a tensor
                that cannot be compared, such as None.
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
        candidate_record = checked(candidate_record, "candidate", step)
        reference_record = next(self._reference_records, None)
        if reference_record is None:
            self._begin(candidate_record)
            self._fail_record(step, candidate_record, "reference ended")
        else:
            reference_record = checked(reference_record, "reference", step)
            self._begin(reference_record)
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
            reference_record = checked(reference_record, "reference", self.records)
            self._begin(reference_record)
            self._fail_record(self.records, reference_record, "play ended early")

    def require_agreement(self, reproduce=None):
        """Finish, and raise unless the two plays agree within their budgets.

        Args:
            reproduce: the command line to show in the report.

        Returns:
            Comparison: itself.

        Raises:
            AssertionError: with the report of the first divergence; or if nothing was
                compared, for then nothing could have failed.
        """
        self.finish()
        if self.first_divergence is not None:
            raise AssertionError(self.first_divergence.describe(reproduce))
        if not self._compared_anything:
            raise AssertionError(
                "Plays agree only if something was compared. "
                f"Received: {self.records} records without a single element. "
                "Check that both plays yield their tensors."
            )
        return self

    def _repr_html_(self):
        """What a notebook shows: the table of the stages, and where the two parted."""
        cells = {stage: cell.as_data() for stage, cell in self.cells.items()}
        divergence = self.first_divergence
        after = [] if divergence is None else [divergence.describe()]
        return cell_tables.as_html([("candidate", cells)], *after)

    def _begin(self, record):
        self._move = record.get(MOVE)
        self._played[self._move] += 1

    def _at(self, step, stage, tensor, problem, budget=None):
        """A ``Divergence`` of the move that is compared."""
        occurrence = None if self._move is None else self._played[self._move]
        return Divergence(
            *(step, stage, tensor, problem),
            budget=budget or Budget(),
            move=self._move,
            occurrence=occurrence,
        )

    def _compare_records(self, step, reference_record, candidate_record):
        moves = [record.get(MOVE) for record in (reference_record, candidate_record)]
        if moves[0] != moves[1]:
            problem = f"move {moves[0]} against move {moves[1]}"
            self._fail_record(step, reference_record, problem)
            return
        for stage in in_order([*reference_record, *candidate_record]):
            if stage != MOVE:
                self._compare_stage(
                    step,
                    stage,
                    reference_record.get(stage) or {},
                    candidate_record.get(stage) or {},
                )
            if self._stopped:
                return

    def _compare_stage(self, step, stage, reference_tensors, candidate_tensors):
        cell = self._cell(stage)
        if reference_tensors and not candidate_tensors:
            self._fail(step, stage, None, "stage missing in the candidate")
            return
        if candidate_tensors and not reference_tensors:
            self._fail(step, stage, None, "stage not in the reference")
            return
        in_another_form = {}
        for tensor, reference in reference_tensors.items():
            other = other_form(tensor, candidate_tensors)
            if other is not None:
                in_another_form[other[0]] = other[1]
            elif tensor in candidate_tensors:
                self._compare_tensor(
                    cell, step, stage, tensor, reference, candidate_tensors[tensor]
                )
            else:
                self._fail(step, stage, tensor, "missing in the candidate")
            if self._stopped:
                return
        for tensor, is_sparse in in_another_form.items():
            self._fail(step, stage, tensor, SPARSE if is_sparse else DENSE)
        for tensor in candidate_tensors:
            if tensor not in reference_tensors and not other_form(
                tensor, reference_tensors
            ):
                self._fail(step, stage, tensor, "not in the reference")

    def _compare_tensor(self, cell, step, stage, tensor, reference, candidate):
        reference = np.asarray(reference)
        candidate = np.asarray(candidate)
        problems = []
        if reference.shape != candidate.shape:
            problems.append(
                f"shape {list(reference.shape)} against {list(candidate.shape)}"
            )
        if not _same_dtype(reference, candidate):
            problems.append(f"dtype {reference.dtype} against {candidate.dtype}")
        if problems:
            self._fail(step, stage, tensor, ", ".join(problems))
            return

        budget = self._budget(stage, tensor)
        if not cell.compared and cell.worst_at is None:
            cell.budget = budget
        if reference.size:
            cell.compared += 1
        if _is_text(reference):
            self._compare_text(step, stage, tensor, reference, candidate)
            return
        if reference.dtype.kind == "c":  # by its real and imaginary parts
            reference, candidate = _as_parts(reference), _as_parts(candidate)
        try:
            require_measurable(reference.dtype)
        except TypeError as error:
            place = f"Step {step}, {stage}, tensor {tensor}"
            raise TypeError(f"{place}: {error}") from error

        largest = self._largest_so_far(stage, tensor, reference)
        if identical(reference, candidate):
            return
        distances = ulp_distance(reference, candidate, self._signed_zeros)
        if not distances.any():  # NaNs of different bytes, or zeros of different signs
            return
        # These arrays give the verdict, the cell and the report.
        errors = normwise_distance(reference, candidate, largest)
        beyond = ~budget.admits(distances, errors)
        worst = int(distances.max()), float(errors.max())
        cell.add_difference(step, tensor, *worst, budget, beyond.any())
        if self._on_difference is not None:
            self._on_difference(step, stage, tensor, worst[0])

        def located(exceeds):
            return _located(
                self._at(step, stage, tensor, "values differ", budget),
                reference,
                candidate,
                distances,
                errors,
                exceeds,
            )

        if self.first_difference is None:
            self.first_difference = located(distances > 0)
        if self.first_divergence is None and beyond.any():
            self.first_divergence = located(beyond)

    def _largest_so_far(self, stage, tensor, reference):
        """The largest magnitude of a tensor in the play; 0.0 if no budget asks for it.

        An update is taken from what the variable was: its initial value counts.
        """
        stage = "updates" if stage == "initial values" else stage
        if not reference.size or self._budget(stage, tensor).normwise is None:
            return 0.0
        largest = max(
            self._largest.get((stage, tensor), 0.0), largest_magnitude(reference)
        )
        self._largest[stage, tensor] = largest
        return largest

    def _compare_text(self, step, stage, tensor, reference, candidate):
        """Strings and bytes: equal or not, nothing between."""
        differing = np.atleast_1d(reference != candidate)
        if differing.any():
            first = np.unravel_index(int(differing.argmax()), differing.shape)
            values = [
                repr(np.atleast_1d(array).astype(object)[first])[:40]
                for array in (reference, candidate)
            ]
            index = [int(position) for position in first[: reference.ndim]]
            self._fail(
                step, stage, tensor, f"{values[0]} against {values[1]} at {index}"
            )

    def _cell(self, stage):
        if stage not in self.cells:
            self.cells[stage] = Cell()
            ordered = in_order(self.cells)
            self.cells = {stage: self.cells[stage] for stage in ordered}
        return self.cells[stage]

    def _budget(self, stage, tensor):
        budget = self._budgets.get((stage, tensor))
        if budget is None:
            asked = self._budget_for and self._budget_for(stage, tensor)
            budget = self._budgets[stage, tensor] = asked or Budget()
        return budget

    def _fail_record(self, step, record, problem):
        """`record`, of one side, has no counterpart on the other."""
        stages = [
            stage for stage, tensors in record.items() if stage != MOVE and tensors
        ]
        self._note(self._at(step, None, None, problem))
        for stage in in_order(stages):
            self._fail(step, stage, None, problem)

    def _fail(self, step, stage, tensor, problem):
        """Note a divergence for which there are no values to compare."""
        budget = Budget() if tensor is None else self._budget(stage, tensor)
        self._cell(stage).add_difference(
            step, tensor, INCOMPARABLE, float("inf"), budget, True
        )
        if self._on_difference is not None:
            self._on_difference(step, stage, tensor, INCOMPARABLE)
        self._note(self._at(step, stage, tensor, problem, budget))

    def _note(self, divergence):
        if self.first_difference is None:
            self.first_difference = divergence
        if self.first_divergence is None:
            self.first_divergence = divergence


def compare_plays(reference_play, candidate_play, **options):
    """Compare two whole plays, record by record, as far as both go.

    Args:
        reference_play, candidate_play: iterables of records; neither is kept in memory.
        **options: as for Comparison.

    Returns:
        Comparison, finished.
    """
    comparison = Comparison(reference_play, **options)
    for record in candidate_play:
        if not comparison.observe(record):
            break
    comparison.finish()
    return comparison


def _is_text(array):
    if array.dtype.kind in "SU":
        return True
    return array.dtype.kind == "O" and all(
        isinstance(element, (bytes, str)) for element in array.reshape(-1)
    )


def _same_dtype(reference, candidate):
    # Strings of different widths are of one dtype.
    return reference.dtype == candidate.dtype or (
        _is_text(reference) and _is_text(candidate)
    )


def _as_parts(array):
    """[..., 2] of a complex array [...]: its real and its imaginary parts."""
    return np.stack([array.real, array.imag], axis=-1)


def _located(divergence, reference, candidate, distances, errors, exceeds):
    """The divergence with the first element that exceeds, and the worst of all.

    Args:
        reference, candidate: arrays of the same shape and dtype.
        distances, errors: of each element, in ULPs and norm-wise.
        exceeds: bool of each element, some of them True.
    """
    measure = distances if divergence.budget.normwise is None else errors
    first, worst = (
        tuple(int(place) for place in np.unravel_index(flat, reference.shape))
        for flat in (int(exceeds.argmax()), int(measure.argmax()))
    )
    return divergence._replace(
        index=first,
        reference=reference[first],
        candidate=candidate[first],
        ulps=int(distances[first]),
        normwise=float(errors[first]),
        differing=int(np.count_nonzero(distances)),
        total=reference.size,
        worst_index=worst,
        worst_ulps=int(distances[worst]),
        worst_normwise=float(errors[worst]),
    )
