"""One chapter built on both sides, ready to be compared again and again.

Importing TensorFlow takes seconds, building graphs and tracing functions tenths of
seconds: a Pair does each once and is fed many times.
"""

import contextlib
from collections.abc import Callable
from typing import NamedTuple
from unittest import mock

from parity_tests.engine import budgets
from parity_tests.engine.comparison import Comparison
from parity_tests.models import chapters
from tf1_graph import session as tf1_session
from tf2_keras import training


class Fault(NamedTuple):
    """A mistake planted in the twin, which the comparison has to catch.

    says: what is wrong, in one sentence.
    stage: where it must first show, one of the engine's STAGES.
    patch: (twin module) -> {attribute of the module: its faulty replacement}.
    fields: configuration of the twin that differs from the graph's.
    both: configuration of both sides under which the fault shows, or shows cheaply.
    batches: iterable of batches -> the faulty iterable that the twin gets.
    """

    says: str
    stage: str
    patch: Callable | None = None
    fields: dict | None = None
    both: dict | None = None
    batches: Callable | None = None


class Pair:
    """A TF1 graph and its Keras twin with one configuration.

    Args:
        name: a chapter.
        fields: {field of the chapter's Config: value} on both sides.
        fault: a ``Fault`` to plant in the twin.

    A Pair with a fault has to be closed, or used in a ``with`` statement: the twin's
    module stays patched for as long as its functions may still be traced.
    """

    def __init__(self, name, fields=None, fault=None):
        self.name = name
        self.meeting_point = chapters.meeting_point(name)
        self.fault = fault
        fields = {**(fields or {}), **((fault and fault.both) or {})}
        graph, twin = chapters.graph(name), chapters.twin(name)
        self.config = graph.Config(**fields)
        self.program = graph.build(self.config)
        self._patches = contextlib.ExitStack()
        if fault and fault.patch:
            self._patches.enter_context(mock.patch.multiple(twin, **fault.patch(twin)))
        twin_fields = {**fields, **((fault and fault.fields) or {})}
        self.model = twin.build(twin.Config(**twin_fields))
        self.training = training.Training(
            self.model,
            twin.checkpoint_names(self.model),
            self.meeting_point.example_batch(self.config),
        )
        self._session = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Take the fault back and free the Session."""
        self._patches.close()
        if self._session is not None:
            self._session.close()
            self._session = None

    def session(self, fresh):
        """The Session to run in; a fresh one reads its random streams from the start."""
        if self._session is not None and fresh:
            self._session.close()
            self._session = None
        if self._session is None:
            self._session = tf1_session.open_session(self.program)
        return self._session

    def compare(
        self,
        batches,
        level,
        values=None,
        learning_rate=None,
        on_step=None,
        granted=True,
    ):
        """Runs both sides over the same batches and compares every record.

        Args:
            batches: callable that returns an iterable of (x, y_true) numpy arrays; it
                is called once for each side.
            level: one of ``training.LEVELS``.
            values: {TF1 name: array} to start from instead of the initialisers'.
            learning_rate: a float in place of the configuration's.
            on_step: called after each record.
            granted: whether budgets above zero apply.

        Returns:
            engine.comparison.Comparison, finished.
        """
        feed = {}
        if learning_rate is not None:
            feed[self.meeting_point.LEARNING_RATE] = learning_rate
        # An initialiser that runs twice in one Session draws twice.
        fresh = self.meeting_point.HAS_STREAM or values is None
        reference = tf1_session.run(
            self.session(fresh), self.program, batches(), values, feed
        )
        comparison = Comparison(
            reference, budgets.budget_for(self.name, level) if granted else None
        )

        def observe(record):
            comparison.observe(record)
            if on_step is not None:
                on_step()

        candidate = batches()
        if self.fault and self.fault.batches:
            candidate = self.fault.batches(candidate)
        self.training.run(candidate, level, observe, values, learning_rate)
        comparison.finish()
        return comparison

    def predict(self, side, x):
        """What 'session' or the twin predicts for ``x`` in its present state."""
        if side == "session":
            return tf1_session.predict(self._session, self.program, x)
        return self.training.predict(x)
