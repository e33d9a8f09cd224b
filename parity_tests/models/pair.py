"""A chapter built on both sides, and the mistakes that can be planted in its twin."""

import contextlib
import types
from collections.abc import Callable
from typing import NamedTuple
from unittest import mock

import numpy as np
import tensorflow as tf

from parity_tests.engine import budgets
from parity_tests.models import chapters, programs, recorded
from parity_tests.pair.pair import Pair, Sides
from tf2_keras import tf1_semantics, training


class Fault(NamedTuple):
    """A mistake planted in the twin, which the comparison has to catch.

    says: what is wrong, in one sentence.
    stage: where it must first show, one of the stages of a record.
    patch: (twin module) -> {attribute of the module: its faulty replacement}.
    fields: configuration of the twin that differs from the graph's.
    both: configuration of both sides under which the fault shows, or shows cheaply.
    batch: batch by name -> the faulty batch that the twin's training gets.
    skipped: how many of the moves the twin leaves out at the beginning.
    moves: all moves -> those that the twin gets instead.

    In the twin of a program only ``patch``, ``fields`` and ``both`` can be planted.
    """

    says: str
    stage: str
    patch: Callable | None = None
    fields: dict | None = None
    both: dict | None = None
    batch: Callable | None = None
    skipped: int = 0
    moves: Callable | None = None

    def faulty(self, moves):
        """The moves that the twin gets instead of ``moves``."""
        if self.moves is not None:
            moves = self.moves(list(moves))
        for number, (move, batch) in enumerate(moves):
            if number >= self.skipped:
                faulty = self.batch is not None and move == "train"
                yield move, self.batch(dict(batch)) if faulty else batch


def other_parts(kind, **parts):
    """(twin module) -> patch: parts of ``tf1_semantics`` that are other ones.

    Args:
        kind: the module of the parts, such as "recurrent".
        **parts: {name of a part: what stands for it}.
    """
    module = types.SimpleNamespace(**{**vars(getattr(tf1_semantics, kind)), **parts})
    semantics = types.SimpleNamespace(**{**vars(tf1_semantics), kind: module})
    return lambda _twin: {"tf1_semantics": semantics}


def twin_of(name, model):
    """The ``Twin`` of a chapter's compiled model."""
    setup, names = chapters.setup(name), chapters.twin(name).checkpoint_names(model)
    played = setup.played(model) if hasattr(setup, "played") else {}
    return training.compiled(model, names, **played)


def powers_of(names):
    """{name: name}: whose the powers of several Adams are only a map can say."""
    powers = [name for name in names if "_power" in name]
    return {name: name for name in powers} if "beta1_power_1" in powers else {}


class ChapterPair(Pair):
    """The two sides of a chapter with one configuration.

    Args:
        name: a chapter.
        fields: {field of the chapter's Config: value} on both sides.
        fault: a ``Fault`` to plant in the twin.
        program: the TF1 side with this configuration, if it is built already.

    One with a fault has to be closed, or used in a ``with`` statement: the twin's module
    stays patched for as long as its functions may still be traced.
    """

    def __init__(self, name, fields=None, fault=None, program=None):
        self.name, self.setup, self.fault = name, chapters.setup(name), fault
        fields = {**(fields or {}), **((fault and fault.both) or {})}
        graph, twin = chapters.graph(name), chapters.twin(name)
        self.config = graph.Config(**fields)
        self._patches = contextlib.ExitStack()
        if fault and fault.patch:
            self._patches.enter_context(mock.patch.multiple(twin, **fault.patch(twin)))
        twin_fields = {**fields, **((fault and fault.fields) or {})}
        self.model = twin.build(twin.Config(**twin_fields))
        self.names = twin.checkpoint_names(self.model)
        super().__init__(
            program or chapters.program(name, self.config),
            twin_of(name, self.model),
            lambda level: budgets.budget_for(name, level),
        )

    def close(self):
        """Take the fault back and free the Session."""
        self._patches.close()
        super().close()

    def powers(self):
        """What ``powers_of`` says of the program's variables."""
        return powers_of(self.program.variables)

    def share_off(self, moves, level="function", names=None):
        """How far off the twin ends, as a share of the way that TF1's variables went.

        Args:
            moves, level: of a play from the initial values on.
            names: of the variables that count; by default all that both sides train.
        """
        first, *_, last = self.reference(moves)
        *_, off = self.candidate(moves, level)
        start, end, other = (
            record[stage]
            for record, stage in (
                (first, "initial values"),
                (last, "updates"),
                (off, "updates"),
            )
        )
        if names is None:
            trained = self.program.graph.get_collection("trainable_variables")
            names = [variable.op.name for variable in trained]
        return distance(end, other, names) / distance(end, start, names)

    def candidate(self, moves, level, values=None, settings=None):
        """The twin's play, faulty if a fault is planted."""
        if self.fault:
            moves = self.fault.faulty(moves)
        return super().candidate(moves, level, values, settings)


class ProgramPair(Sides):
    """The two sides of one of ``chapters.PROGRAMS`` with one configuration.

    Of what is ``chapters.recorded`` the TF1 side is 1.15.5's record. Its moves are what
    the chapter's ``load`` returns to train on, see ``programs``.

    Args:
        name, fields, fault: as of ``ChapterPair``.
    """

    def __init__(self, name, fields=None, fault=None):
        self.name, self.fault = name, fault
        fields = {**(fields or {}), **((fault and fault.both) or {})}
        self.graph, self.twin = chapters.graph(name), chapters.twin(name)
        self.config = self.graph.Config(**fields)
        twin_fields = {**fields, **((fault and fault.fields) or {})}
        self.twin_config = self.twin.Config(**twin_fields)
        self.recorded = bool(chapters.recorded(name))
        self.budgets = lambda level: budgets.budget_for(
            name, *self._levels_of_budgets(level)
        )

    def _levels_of_budgets(self, level):
        if self.recorded:
            return recorded.levels_of_budgets(self.name)
        setup = chapters.setup(self.name)
        if hasattr(setup, "level_of_budgets"):
            return [setup.level_of_budgets(level, self.config)]
        return [level]

    def close(self):
        """Nothing is kept between two plays."""

    def reference(self, moves, values=None, settings=None):
        """The records of TF1's program.

        Raises:
            recorded.NotRecorded: if they would have to be in the golden, and are not.
        """
        del values, settings  # a program has those of its configuration
        if self.recorded:
            return recorded.records(self.name, self.config, self._exact())
        return programs.records(self.graph, moves, self.config)

    def candidate(self, moves, level, values=None, settings=None):
        """Those of its twin, of which a recorded chapter keeps what its reference has kept."""
        del values, settings
        history = self.played(moves, level)
        if self.recorded:
            return recorded.like(self.name, self.config, history, self._exact())
        return history

    def _exact(self):
        """(stage, tensor) -> whether of a recorded tensor all elements must be the same."""
        budget_for = self.budgets(None)

        def exact(stage, tensor):
            granted = budget_for(stage, tensor)
            return not granted.ulp and granted.normwise is None

        return exact

    def played(self, moves, level):
        """The twin's records, faulty if a fault is planted; its functions run as ``level`` says."""
        if programs.cluster(self.twin, self.twin_config) is not None:
            return programs.records(self.twin, moves, self.twin_config, self.fault)
        patch = {}
        if self.fault and self.fault.patch:
            patch = self.fault.patch(self.twin)
        eagerly = tf.config.functions_run_eagerly()
        # With one level only the program is run as it is written.
        one_of_several = len(chapters.levels(self.name)) > 1
        tf.config.run_functions_eagerly(level == "eager" and one_of_several)
        try:
            with (
                mock.patch.multiple(self.twin, **patch)
                if patch
                else contextlib.nullcontext()
            ):
                return programs.records(self.twin, moves, self.twin_config)
        finally:
            tf.config.run_functions_eagerly(eagerly)


def distance(arrays, others, names):
    """The Euclidean distance of two sets of arrays by name."""
    squares = (
        np.square(arrays[name].astype(np.float64) - others[name]).sum()
        for name in names
    )
    return np.sqrt(sum(squares))
