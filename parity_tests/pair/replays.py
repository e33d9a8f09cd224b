"""What another TensorFlow recorded, played again by this one.

The kernels of 1.15.5 round otherwise than today's, so a twin without a mistake parts from
what it recorded, and one with a mistake parts there first as well. Its graph comes along
with the recording: run here it is what the twin has to equal to the bit, and how far it
is from what was recorded is what the two TensorFlows differ by.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from parity_tests.engine.records import MOVE
from parity_tests.engine.ulps import largest_magnitude, normwise_error
from parity_tests.pair import tf1_references
from tf1_graph import session as tf1_session

# ULPs of the largest magnitude at the first record that differs. More is no rounding: a
# stream without a seed, or an op that means something else today.
ROUNDED = 1024.0


class Replay(NamedTuple):
    """program: the ``session.Program`` that is compared. start: {TF1 name: array} that it
    starts from. apart: {stage: ULPs norm-wise} from what was recorded, at most."""

    program: object
    start: dict
    apart: dict

    def as_data(self):
        return {"tensorflow": tf.__version__, "normwise": self.apart}


def replayed(recording, drawn, notes):
    """The ``Replay`` of a recording of another TensorFlow; None where there is none.

    Args:
        recording: a ``recording.Recording``.
        drawn: its plays, [Moves].
        notes: gets a sentence about what is compared, and with what.
    """
    recorded_by = recording.facts.get("tensorflow")
    if recorded_by == tf.__version__:
        return None
    program = tf1_references.program_of(recording, [])
    if program is None:  # said where the cause is looked for
        return None
    start = tf1_references.initial_values(recording)
    apart = {}
    for moves in drawn:
        played = tf1_session.play(program, moves, start)
        first, largest = None, _largest(recording, moves.play)
        for stored, seen in zip(recording.records(moves.play), played, strict=True):
            errors = dict(_errors(stored, seen, largest))
            worst = max(errors, key=errors.get, default=None)
            if first is None and worst is not None and errors[worst]:
                first = errors[worst], worst
            for (stage, _), error in errors.items():
                apart[stage] = max(apart.get(stage, 0.0), error)
        if first is not None and first[0] > ROUNDED:
            notes.append(
                f"TF1's side was recorded by TensorFlow {recorded_by}. Its graph, run "
                f"by {tf.__version__}, is first apart from that in {first[1][0]}, "
                f"{first[1][1]}, by {first[0]:.3g} ULP norm-wise, which is no rounding. "
                "So the twin is compared with what was recorded, and both TensorFlows' "
                "roundings count as differences."
            )
            return None
    differing = {stage: error for stage, error in apart.items() if error}
    said = ", ".join(f"{stage} {error:.3g}" for stage, error in differing.items())
    notes.append(
        f"TF1's side was recorded by TensorFlow {recorded_by}, whose kernels round "
        f"otherwise. The twin is compared with its graph run by {tf.__version__}, from "
        "the values that were recorded; what was recorded is apart from that by at most, "
        f"in ULP norm-wise: {said or 'nothing'}. With budgets= the twin is compared with "
        "what was recorded itself."
    )
    return Replay(program, start, differing)


def _tensors(record):
    for stage, named in record.items():
        for name, value in (named or {}).items() if stage != MOVE else ():
            yield (stage, name), np.asarray(value)


def _largest(recording, play):
    """{(stage, tensor): its largest magnitude in a play}: what cancels is small at times."""
    largest = {}
    for record in recording.records(play):
        for key, value in _tensors(record):
            if value.dtype.kind == "f":
                largest[key] = max(largest.get(key, 0.0), largest_magnitude(value))
    return largest


def _errors(stored, seen, largest):
    """((stage, tensor), ULPs norm-wise) of every tensor of a record."""
    played = dict(_tensors(seen))
    for key, value in _tensors(stored):
        other = played.get(key, np.asarray(None))
        if (value.shape, value.dtype) != (other.shape, other.dtype):
            yield key, np.inf
        elif value.dtype.kind == "f":
            yield key, normwise_error(value, other, largest[key])
        else:
            yield key, 0.0 if np.array_equal(value, other) else np.inf
