"""The TF2 side of a play: a twin, its moves, and the levels at which they are played.

    eager     a move called as plain Python, op by op
    function  the same inside a ``tf.function``: what a custom loop is
    fit       Keras's own training loop, ``model.fit``

A ``Twin`` is state and moves: variables by TF1's names, and functions of a batch by name.
Of a compiled Keras model it is made, not written: ``tf2_keras.training``.

``play`` yields what ``tf1_graph.session.play`` yields: the initial values, then a record
a move, of what it saw and what it left behind.
"""

import contextlib
import inspect
import itertools

import numpy as np
import tensorflow as tf

from tf2_keras.levels import Eager, Fit, Function
from tf2_keras.observing import (
    as_tensor,
    key_of,
    observed_gradients,
    plain,
)

LEVELS = ("eager", "function", "fit")
PLAYERS = dict(zip(LEVELS, (Eager, Function, Fit), strict=True))
# Moves that one call of fit plays, and what their records may take in memory.
MOST_MOVES, MOST_BYTES = 64, 2**28


class Twin:
    """A TF2 program that can be played again and again without retracing.

    Args:
        state: {TF1 name: variable} of what is compared, Keras's or TensorFlow's; or a
            function without arguments, of what is only computed from variables.
        moves: {name: f(**batch)}, each returning {stage: {name: tensor}}. What a move
            returns as ``carried`` is given to the next one under the same names, unless
            its batch has them.
        slots: names in ``state`` that belong to an optimizer.
        hidden: variables that are not compared, but reset with the others: a dropout's
            place in its stream, a count of steps.
        settings: {name: variable} of what a play may set for all its moves, such as a
            learning rate.
        optimizers: whose gradients are observed: those that their updates got, after
            clipping. A move that returns ``gradients`` itself is taken at its word.
        inputs: {name in a batch: tf.TensorSpec}; by default every size is left
            open, as TF1's placeholders left that of the batch. A size that is known would let
            Grappler fold what TF1 left open, ``sum / count`` into ``sum * (1 / count)``.
        fitted: {name of a move: FittedMove}: moves that a model's own ``train_step``
            plays at level ``fit``. All others are played there by a model whose
            ``train_step`` is the move.
        unfitted: names of moves that are played in a function at level ``fit`` too, as
            predictions are.
        remembered: {name: variable} of what the twin itself keeps from move to move,
            where TF1 carried it: the state of a stateful layer. Every record has it as
            ``carried``.

    Raises:
        ValueError: for slots that are not in ``state``.
    """

    def __init__(
        self,
        state,
        moves,
        slots=(),
        hidden=(),
        settings=None,
        optimizers=(),
        inputs=None,
        fitted=None,
        unfitted=(),
        remembered=None,
    ):
        unknown = sorted(set(slots) - set(state))
        if unknown:
            raise ValueError(
                "slots must be names in state. "
                f"Received: {unknown}. Use some of: {sorted(state)}."
            )
        self.state = dict(state)
        self.moves = dict(moves)
        self.slots = frozenset(slots)
        self.settings = dict(settings or {})
        self.inputs = dict(inputs or {})
        self.fitted = dict(fitted or {})
        self.unfitted = frozenset(unfitted)
        self.optimizers = list(optimizers)
        self.remembered = dict(remembered or {})
        self._names = {}
        moving = {}
        for name, variable in self.state.items():
            if hasattr(variable, "assign"):
                self._names[key_of(variable)] = name
                moving[key_of(variable)] = variable
        for variable in (
            *hidden,
            *self.settings.values(),
            *self.remembered.values(),
        ):
            moving[key_of(variable)] = variable
        self._start = [(variable, _array(variable)) for variable in moving.values()]
        self.unobserved = {}  # what ``train`` runs
        self._players = {}  # {(level, move, names in its batch): what plays it}

    def reset(self, values=None, settings=None):
        """Back to the start: initial values, empty slots, random streams unread.

        Args:
            values: {TF1 name: array} in place of initial ones.
            settings: {name: number}.

        Raises:
            ValueError: for names that the twin has not got.
        """
        for variable, value in self._start:
            variable.assign(value)
        for kind, known, given in (
            ("values", self.state, values),
            ("settings", self.settings, settings),
        ):
            for name, value in (given or {}).items():
                if not hasattr(known.get(name), "assign"):
                    raise ValueError(
                        f"{kind} must be named after variables of the twin. "
                        f"Received: {name}. Use some of: {sorted(known)}."
                    )
                known[name].assign(value)
        # Kernels hold the place in a stream: a new function starts it over.
        self._players = {
            key: player
            for key, player in self._players.items()
            if not player.has_streams
        }

    @contextlib.contextmanager
    def starting_here(self):
        """What ``reset`` goes back to is what the variables hold now, in its body.

        So a play goes on from what was handed over; afterwards all is as it was.
        """
        kept = self._start
        self._start = [(variable, _array(variable)) for variable, _ in kept]
        try:
            yield self
        finally:
            self._start = kept

    def spec(self, name, value):
        """The tf.TensorSpec of one input, given the first value of it."""
        if name not in self.inputs:
            value = as_tensor(value)
            spec = (
                tf.SparseTensorSpec if hasattr(value, "dense_shape") else tf.TensorSpec
            )
            self.inputs[name] = spec([None] * value.shape.rank, value.dtype)
        return self.inputs[name]

    def batch(self, batch):
        """{name: tensor} of a batch of arrays, in the dtypes of the inputs."""
        return {
            name: as_tensor(value, self.spec(name, value).dtype)
            for name, value in batch.items()
        }

    def specs(self, batch):
        """{name: tf.TensorSpec} of a batch."""
        return {name: self.spec(name, value) for name, value in batch.items()}

    def step(self, name, batch):
        """Plays one move where it is called, eagerly or while a function is traced.

        Returns:
            {stage: {name: tensor}}.
        """
        with observed_gradients(self.optimizers) as gradients:
            seen = self.moves[name](**batch)
        seen = {} if seen is None else seen
        if not isinstance(seen, dict) or not all(
            isinstance(named, dict) for named in seen.values()
        ):
            raise ValueError(
                "A move must return {stage: {name: tensor}}. "
                f"Received: of {name}, {seen!r:.60}. "
                "Use for instance return {'loss': {'loss': loss}}."
            )
        seen = dict(seen)
        if gradients and "gradients" not in seen:
            seen["gradients"] = self.named_gradients(gradients)
        return seen

    def named_gradients(self, gradients):
        """{TF1 name: gradient}, the last variable's first, as backpropagation goes."""
        by_name = {self._names.get(key): value for key, value in gradients.items()}
        if None in by_name:
            raise ValueError(
                "Every trained variable must be in the twin's state. "
                "Received: a gradient of a variable that is not. "
                f"Add its TF1 name to {sorted(self.state)}."
            )
        return {name: by_name[name] for name in reversed(self.state) if name in by_name}

    def values(self):
        """{TF1 name: array} of all that is compared."""
        return plain(
            {
                name: variable if hasattr(variable, "assign") else variable()
                for name, variable in self.state.items()
            }
        )

    def record(self, name, seen):
        """The record of a move that was just played."""
        state = self.values()
        if self.remembered:
            seen = {**seen, "carried": self.remembered}
        return {
            "move": name,
            **{stage: plain(named) for stage, named in seen.items()},
            "slots": {key: state[key] for key in state if key in self.slots},
            "updates": {key: state[key] for key in state if key not in self.slots},
        }

    def player(self, level, name, batch):
        """What plays a move of a batch with these inputs at a level."""
        key = level, name, tuple(batch)
        if key not in self._players:
            self._players[key] = PLAYERS[level](self, name, self.specs(batch))
        return self._players[key]

    def takes(self, name, carried):
        """What of ``carried`` a move takes, by the names of its parameters."""
        if not carried:
            return carried
        parameters = inspect.signature(self.moves[name]).parameters.values()
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return carried
        names = {parameter.name for parameter in parameters}
        return {key: value for key, value in carried.items() if key in names}


def _array(variable):
    """What a variable holds; no number, whose sign of zero TensorFlow does not keep."""
    return np.asarray(variable.numpy())


def play(twin, moves, level="function", values=None, settings=None):
    """Plays ``moves`` at ``level`` and yields what happened, record by record.

    Args:
        twin: a ``Twin``.
        moves: iterable of (name of a move, {name in a batch: array}).
        level: one of ``LEVELS``. At ``fit`` consecutive moves of one kind go through one
            call of ``model.fit``, as many as ``MOST_MOVES`` and ``MOST_BYTES`` allow.
        values, settings: see ``Twin.reset``.

    Yields:
        ``{'initial values': {...}}``, then for each move ``{'move': name}`` with the
        stages that it sees, then ``'slots'`` and ``'updates'``: {TF1 name: array}.
        Sparse values come as their parts, ``table values`` and ``table indices``.

    Raises:
        ValueError: for an unknown level, move, value or setting.
    """
    if level not in LEVELS:
        raise ValueError(
            f"level must be one of {LEVELS}. Received: {level!r}. "
            "Use 'function' for a custom loop."
        )
    twin.reset(values, settings)
    initial = twin.values()
    yield {"initial values": initial}
    # A record holds the state, and gradients and slots of its size.
    size = 1 + 3 * sum(value.nbytes for value in initial.values())
    most = max(1, min(MOST_MOVES, MOST_BYTES // size)) if level == "fit" else 1
    carried = {}
    for name, batches in _runs(moves, most):
        if name not in twin.moves:
            raise ValueError(
                "A move must be one of the twin's. "
                f"Received: {name}. Use some of: {sorted(twin.moves)}."
            )
        given = {
            key: value
            for key, value in twin.takes(name, carried).items()
            if key not in batches[0]
        }
        at = "function" if level == "fit" and name in twin.unfitted else level
        player = twin.player(at, name, {**batches[0], **given})
        for seen, record in player.play(batches, given):
            carried = seen.get("carried", {})
            yield record


def _runs(moves, most):
    """Yields (name, [batch, ...]) of consecutive moves of one kind, with equal inputs."""
    for (name, _), run in itertools.groupby(
        moves, lambda move: (move[0], tuple(move[1]))
    ):
        batches = (batch for _, batch in run)
        while chunk := list(itertools.islice(batches, most)):
            yield name, chunk
