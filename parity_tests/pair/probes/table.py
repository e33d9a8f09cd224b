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

from tf2_keras.migrate import pages

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
    edits: how many places of the program it is told for.
    """

    told: str
    put: contextlib.AbstractContextManager
    on_twin: Callable = lambda _: None
    edits: int = 1


class Proven(NamedTuple):
    """One change of a ``Cause``. change: what to do, in one line. page: where to read
    about it. probe: name of the probe that proved it."""

    change: str
    page: str
    probe: str


class Cause(NamedTuple):
    """Changes to the twin that take a divergence away, none of which can be left out.

    changes: [Proven], one for each mistake, in the order in which they were proven.
    whole: whether nothing differs any more in the whole play. stage: where the two sides
    parted.
    """

    changes: tuple
    whole: bool
    stage: str

    @property
    def change(self):
        """All that is to be done, in one line."""
        return "; and ".join(proven.change for proven in self.changes)

    @property
    def page(self):
        return self.changes[0].page

    def describe(self):
        count = len(self.changes)
        head, them = ("cause, proven", "it")
        if count > 1:
            head, them = (f"{count} causes, proven together", "all of them")
        extent = "everything is equal" if self.whole else "the two sides part later"
        lines = [f"{head}: with {them} {extent}"]
        for number, proven in enumerate(self.changes, 1):
            mark = f"{number}. " if count > 1 else ""
            lines += [
                f"  {mark}{proven.change}",
                f"  {mark and '   '}read {pages.located(proven.page)}",
            ]
        return "\n".join(lines)

    def as_data(self):
        return {
            "change": self.change,
            "changes": [proven._asdict() for proven in self.changes],
            "whole": self.whole,
            "page": self.page,
            "stage": self.stage,
            "probe": self.changes[0].probe,
        }


class Sides(NamedTuple):
    """What a probe has to do with.

    program: the ``session.Program``. model: the ``keras.Model``. twin: the ``Twin`` that
    diverged. matches: {TF1 name: layouts.Match}. pair: (Twin, {TF1 name: array} that both
    sides start from, or None) -> a ``Pair`` with it in place of the twin.
    moves: [(move, batch)] that were played. initial: {TF1 name: array} of TF1's initial
    values, slots included. start: {TF1 name: array} that the play started from instead,
    or None. place: the ``taps.Place`` where they part, or None. placed: (Twin,
    Divergence) -> that of a changed twin, or None. on_twins: what else each twin that is
    made of the model is given to before it plays, since the model is changed already.
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
    on_twins: tuple = ()


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
