"""The open table of probes, what they are given and what they give.

    @probe("epsilon", stages=("slots", "updates"), page="docs/guide/optimizers.md")
    def epsilon(sides, divergence):
        yield Change("epsilon=1e-07 → 1e-08", replaced(optimizer, epsilon=1e-8))

is all that a new one takes.
"""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# Where a probe may apply: stages of a record, of which two are told apart.
VALUES, SLOT_STARTS = "initial values", "starts of slots"
TRAINED, STATISTICS = "updates", "updates of statistics"
FORWARD = ("outputs", "loss", "carried")
OPTIMIZER = (SLOT_STARTS, "slots", TRAINED)

# What is replaced, as a place in the network tells them apart.
LAYERS, LOSS, GRADIENTS, UPDATE = "layers", "loss", "gradients", "update"
FORWARD_PASS = "forward pass"  # of layers and of the loss, whatever is apart
REWRITTEN = "rewrites"  # a place where nothing is apart once it is tapped

PROBES = []  # of Probe, in the order in which they are tried


class Probe(NamedTuple):
    """name: of the semantics. stages: where it applies. page: to read about it. at: what
    it replaces, LAYERS, LOSS, GRADIENTS or UPDATE. changes: (Sides, Divergence) ->
    iterable of Change; its docstring says what it replaces."""

    name: str
    stages: tuple
    page: str
    at: str
    changes: Callable


class Change(NamedTuple):
    """What is tried.

    told: the change to make, in one line.
    put: a context manager, while it is entered the model is so changed.
    on_twin: called with the ``Twin`` of the changed model, before it plays.
    """

    told: str
    put: contextlib.AbstractContextManager
    on_twin: Callable = lambda _: None


class Cause(NamedTuple):
    """A change to the twin that takes a divergence away.

    change: what to do, in one line. whole: whether nothing differs any more in the whole
    play. page: where to read about it. stage: where the two sides parted. probe: name of
    the probe that proved it.
    """

    change: str
    whole: bool
    page: str
    stage: str
    probe: str

    def describe(self):
        extent = (
            "with it everything is equal"
            if self.whole
            else "with it the two sides part later"
        )
        return f"cause, proven: {extent}\n  {self.change}\n  read {self.page}"

    def as_data(self):
        return self._asdict()


class Sides(NamedTuple):
    """What a probe has to do with.

    program: the ``session.Program``. model: the ``keras.Model``. twin: the ``Twin`` that
    diverged. matches: {TF1 name: layouts.Match}. pair: (Twin, {TF1 name: array} that both
    sides start from, or None) -> a ``Pair`` with it in place of the twin.
    moves: [(move, batch)] that were played. initial: {TF1 name: array} of TF1's initial
    values, slots included. start: {TF1 name: array} that the play started from instead,
    or None. place: the ``taps.Place`` where they part, or None. placed: (Twin,
    Divergence) -> that of a changed twin, or None.
    """

    program: object
    model: object
    twin: object
    matches: dict
    pair: object
    moves: list = ()
    initial: dict = {}
    start: object = None
    place: object = None
    placed: Callable | None = None


def probe(name, stages, page, at):
    """Puts a function of (Sides, Divergence) into the table."""

    def put(changes):
        PROBES.append(Probe(name, tuple(stages), page, at, changes))
        return changes

    return put


def together(*changes):
    """Several context managers as one."""
    stack = contextlib.ExitStack()

    @contextlib.contextmanager
    def entered():
        with stack:
            for change in changes:
                stack.enter_context(change)
            yield

    return entered()


def shortest(value):
    """The shortest decimal that is the same number in its own dtype: 0.9 of a float32."""
    value = np.asarray(value)[()]
    return float(np.format_float_positional(value, unique=True, trim="0"))
