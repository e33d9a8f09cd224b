"""A program and its twin, ready to be compared again and again.

Importing TensorFlow takes seconds, building graphs and tracing functions tenths of
seconds: a Pair holds what was built once and is fed many times.

    pair = Pair(program, twin)
    pair.compare([("train", {"x": x, "y_true": y})], "fit").require_agreement()
"""

import time

import tensorflow as tf

from parity_tests.engine.comparison import compare_plays
from parity_tests.pair.kept import kept_by
from tf1_graph import session as tf1_session
from tf1_graph import updates
from tf2_keras import training

# Seconds for which the reference is read ahead of the twin.
SPELL = 0.02


class Sides:
    """What has a ``reference`` and a ``candidate``, and ``budgets``: two sides to compare."""

    budgets = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def compare(
        self,
        moves,
        level,
        values=None,
        settings=None,
        granted=True,
        on_reference=None,
        on_candidate=None,
        kept=None,
        **options,
    ):
        """Plays both sides and compares every record.

        Args:
            moves: list of (move, {name in a batch: array}), or a function without
                arguments that returns an iterable of them; it is called for each side.
            level: one of ``training.LEVELS``.
            values: {TF1 name: array} to start from instead of the initialisers'.
            settings: {name: value} that both sides are set to, such as a learning rate.
            granted: whether budgets above zero apply.
            on_reference, on_candidate: called with every record of a side.
            kept: a ``levels.Kept`` of the reference's records of these moves, or None.
            **options: of engine.comparison.Comparison.

        Returns:
            engine.comparison.Comparison, finished.
        """
        play = moves if callable(moves) else lambda: moves

        def reference():
            return _ahead(self.reference(play(), values, settings))

        return compare_plays(
            _seen_by(on_reference, kept.records(reference) if kept else reference()),
            _seen_by(on_candidate, self.candidate(play(), level, values, settings)),
            budget_for=self.budgets(level) if granted and self.budgets else None,
            **options,
        )


class Pair(Sides):
    """A TF1 program and its TF2 twin.

    Args:
        program: a ``tf1_graph.session.Program``.
        twin: a ``tf2_keras.training.Twin``. What it leaves open of its inputs' shapes
            and dtypes it learns from the program's placeholders: a function so knows
            as much as the graph does, and no more.
        budgets: level -> (stage, tensor) -> engine Budget; by default all are 0 ULP.
    """

    def __init__(self, program, twin, budgets=None):
        self.program, self.twin, self.budgets = program, twin, budgets
        for name, tensor in program.inputs.items():
            if isinstance(tensor, tf.Tensor) and tensor.shape.rank is not None:
                spec = tf.TensorSpec(tensor.shape, tensor.dtype)
                twin.inputs.setdefault(name, spec)
        self._session = None
        operations = [
            operation
            for move in program.moves.values()
            for operation in updates.operations_of(
                tf.nest.flatten([move.op, move.seen], expand_composites=True)
            )
        ]
        self._has_streams = kept_by(program.graph, operations)
        self._drawn = {
            name
            for name, variable in program.variables.items()
            if kept_by(program.graph, [variable.initializer])
        }
        self._drawn_values = {}  # what a fresh Session drew for some of them

    def close(self):
        """Free the Session."""
        self._close_session()

    def _close_session(self):
        if self._session is not None:
            self._session.close()
            self._session = None

    def session(self, fresh=True):
        """The Session to play in; a fresh one reads its random streams from the start."""
        if fresh:
            self._close_session()
        if self._session is None:
            self._session = tf1_session.open_session(self.program.graph)
        return self._session

    def reference(self, moves, values=None, settings=None):
        """The program's play, a generator of records."""
        # A Session costs more than a short play. It may serve again unless a move keeps
        # a place in a stream. An initialiser that runs twice draws twice: what it drew
        # in a fresh Session is handed to the others.
        if not self._has_streams:
            values = {**self._drawn_values, **(values or {})}
        waiting = self._drawn - set(values or {})
        fresh = self._has_streams or bool(waiting)
        for record in tf1_session.play(
            self.program, moves, values, settings, self.session(fresh)
        ):
            for name in waiting:
                self._drawn_values[name] = record["initial values"][name]
            waiting = ()
            yield record

    def candidate(self, moves, level, values=None, settings=None):
        """The twin's play at a level, a generator of records."""
        return training.play(self.twin, moves, level, values, settings)


def _seen_by(observer, records):
    for record in records:
        if observer is not None:
            observer(record)
        yield record


def _ahead(records):
    """The records, read ahead for a spell at a time.

    Two runtimes that take turns at every move wake each other's threads up: that costs
    small moves as much as the moves themselves.
    """
    waiting, begin = [], time.perf_counter()
    for record in records:
        waiting.append(record)
        if time.perf_counter() - begin >= SPELL:
            yield from waiting
            waiting, begin = [], time.perf_counter()
    yield from waiting
