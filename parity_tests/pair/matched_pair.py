"""Both sides of a user's own pair as one comparison takes them."""

import numpy as np
import tensorflow as tf

from parity_tests.engine.records import MOVE
from parity_tests.pair import plays, recording, tf1_sides
from parity_tests.pair.errors import theirs
from parity_tests.pair.pair import Pair


class MatchedPair(Pair):
    """Both sides of a user's pair, the twin's records in TF1's terms.

    Args:
        reference: a ``session.Program``, or a ``recording.Recording``.
        twin: a ``Twin`` under names of its own.
        translation: a ``translated.Translation``.
        budgets: {level: {stage: Budget}}.
        copied: {TF1 name: array} that both sides start from, or None.
        left_out_moves: names of moves that the twin has not got.
        start: {TF1 name: array} that TF1's side alone starts from, or None.
    """

    def __init__(
        self,
        reference,
        twin,
        translation,
        budgets,
        copied,
        left_out_moves=(),
        start=None,
    ):
        self.recorded = isinstance(reference, recording.Recording)

        def budgets_of(level):
            stated = budgets.get(level, {})
            return lambda stage, _tensor: stated.get(stage)

        self.translation, self.copied, self.start = translation, copied, start
        self.left_out_moves = left_out_moves
        if self.recorded:
            self.stored, self.program, self.twin = reference, None, twin
            self.budgets, self._session = budgets_of, None
            for name, spec in reference.inputs.items():
                spec = tf.TensorSpec(spec["shape"], spec["dtype"])
                twin.inputs.setdefault(name, spec)
        else:
            super().__init__(reference, twin, budgets_of)

    def reference(self, moves, values=None, settings=None):
        """TF1's records; of a recording, ``moves`` is the number of the play."""
        if self.recorded:
            records = self.stored.records(moves.play)
        else:
            start = values or self.copied or self.start
            records = super().reference(moves, start, settings)
        for record in self._played("tf1 must play its moves", records):
            yield self._seen(self.translation.reference(record))

    def candidate(self, moves, level, values=None, settings=None):
        values = self.translation.values(values or self.copied, self.twin.state)
        records = super().candidate(moves, level, values, settings)
        for record in self._played("tf2 must play its moves", records):
            yield self._seen(self.translation.candidate(record))

    def _played(self, rule, records):
        records = iter(records)
        while True:
            with theirs(rule):
                record = next(records, None)
            if record is None:
                return
            if record.get(MOVE) not in self.left_out_moves:
                _require_scalars(record)
                yield record

    def _seen(self, record):
        if self.copied is None or "initial values" not in record:
            return record
        return {"initial values": {}}  # copied: equal, and no proof of anything


class Moves(list):
    """The moves of a play, and its number."""

    def __init__(self, moves, play):
        super().__init__(moves)
        self.play = play


def _require_scalars(record):
    for name, value in (record.get("loss") or {}).items():
        if record.get(MOVE) == plays.TRAIN:
            tf1_sides.require_scalar(record[MOVE], name, np.shape(value))
