"""Training that stops in TF1 and goes on in Keras: every optimizer, and naive ways."""

import functools
import itertools
import os
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine.comparison import compare_plays
from parity_tests.parts.optimizer_pairs import kinds
from parity_tests.parts.optimizer_twins import regression, regression_twin
from tf1_graph import session as tf1_session
from tf1_graph.parts import optimizers as tf1_optimizers
from tf2_keras import training
from tf2_keras.migrate.checkpoint import handover
from tf2_keras.slots import slots_of

STEPS = 12
FEWER = settings(max_examples=settings().max_examples // 3)
EVERY_KIND = pytest.mark.parametrize("kind", kinds())


class Stopped:
    """A TF1 regression that a Session plays and a Saver saves wherever it is asked to."""

    def __init__(self, part, arguments):
        self.part, self.arguments = part, arguments
        self.values, moves = tf1_optimizers.regression_problem(STEPS)
        batches = [batch for _, batch in moves]
        self.moves = tf1_optimizers.moves(arguments, batches)
        self.program = tf1_optimizers.regression(part, arguments)
        self.folder = tempfile.TemporaryDirectory()
        self.records = []
        with (
            self.program.graph.as_default(),
            tf1_session.open_session(self.program.graph) as session,
        ):
            saver = tf1.train.Saver(max_to_keep=None)
            play = tf1_session.play(
                self.program, self.moves, self.values, session=session
            )
            for record in play:
                prefix = self.prefix(len(self.records))
                saver.save(session, prefix, write_meta_graph=False)
                self.records.append(record)

    def prefix(self, stopped):
        return os.path.join(self.folder.name, f"model.ckpt-{stopped}")

    def rest(self, stopped):
        """The play from there on."""
        record = self.records[stopped]
        state = record.get("initial values") or {
            **record["updates"],
            **record["slots"],
        }
        return [{"initial values": state}, *self.records[stopped + 1 :]]


@functools.cache
def stopped_program(kind):
    return Stopped(*kinds()[kind])


@functools.cache
def model_of(kind):
    part, arguments = kinds()[kind]
    values, _ = tf1_optimizers.regression_problem(0)
    model = regression(part, arguments, values)
    return model, regression_twin(model)


def names_of(model):
    """{TF1 name: Keras path}."""
    table, kernel = model.trainable_variables
    return {
        "table": table.path,
        "kernel": kernel.path,
        "global_step": model.optimizer._iterations.path,
    }


@EVERY_KIND
@FEWER
@given(data=st.data())
def test_an_optimizer_goes_on_as_if_it_had_never_stopped(kind, data):
    """0 ULP, slots, powers, averages and steps included."""
    stopped = stopped_program(kind)
    every = stopped.arguments.get("gradient_accumulation_steps") or 1
    # How many batches of a sum there are, TF1 programs knew in Python.
    number = data.draw(st.integers(0, (STEPS - 1) // every)) * every
    level = data.draw(st.sampled_from(("function", "fit")))
    model, twin = model_of(kind)
    names = names_of(model)
    if every > 1:
        names |= {"table/gradient_sum": None, "kernel/gradient_sum": None}
    handover.load(stopped.prefix(number), model, names)
    with twin.starting_here():
        rest = training.play(twin, stopped.moves[number:], level)
        comparison = compare_plays(stopped.rest(number), rest).require_agreement()
    assert comparison.records == 1 + STEPS - number


# Naive hand-overs: how far off the weights are, 6 steps later, of the largest weight.

CUT = 6


def off(kind, naive, model=None):
    """The relative error of the weights after a hand-over that ``naive`` does.

    Args:
        naive: function of the model and the prefix.
        model: what to hand over to; by default the kind's own twin.
    """
    stopped = stopped_program(kind)
    part, arguments = kinds()[kind]
    if model is None:
        model = regression(part, arguments, stopped.values)
    model.optimizer.build(model.trainable_variables)
    naive(model, stopped.prefix(CUT))
    for _, batch in stopped.moves[CUT:]:
        training.train_step(model, batch["x"], batch["y_true"])
    expected = stopped.records[-1]["updates"]
    return max(
        float(np.abs(variable.numpy() - expected[name]).max())
        / float(np.abs(expected[name]).max())
        for name, variable in zip(
            ("table", "kernel"), model.trainable_variables, strict=True
        )
    )


def weights_only(model, prefix):
    reader = tf.train.load_checkpoint(prefix)
    for name, variable in zip(
        ("table", "kernel"), model.trainable_variables, strict=True
    ):
        variable.assign(reader.get_tensor(name))


def all_but_the_step(model, prefix):
    handover.load(prefix, model, names_of(model))
    model.optimizer._iterations.assign(0)


def whole(model, prefix):
    handover.load(prefix, model, names_of(model))


@pytest.mark.parametrize(
    "kind, margin",
    [
        ("optimizers.Momentum", 0.01),
        ("optimizers.Adam", 1e-4),
        ("optimizers.RMSProp", 1e-3),
        ("optimizers.Adagrad", 0.01),
        ("optimizers.AdagradDA", 0.01),
        ("optimizers.Adadelta", 1e-7),
        ("optimizers.Ftrl", 0.01),
    ],
)
def test_weights_without_slots_are_another_training(kind, margin):
    assert off(kind, weights_only) > margin
    assert off(kind, whole) < margin / 100


def test_a_step_left_at_zero_is_another_rate():
    kind = "a schedule and a clip"
    assert off(kind, all_but_the_step) > 1e-3
    assert off(kind, whole) < 1e-6


def test_keras_s_adam_with_all_that_it_can_take_stays_off():
    """Its epsilon is another; with iterations at 0 its steps are as well."""

    def of_keras():
        kind = "optimizers.Adam"
        part, arguments = kinds()[kind]
        values, _ = tf1_optimizers.regression_problem(0)
        model = regression(part, arguments, values, keras.optimizers.Adam(1e-3))
        return kind, model

    kind, model = of_keras()
    handed_over = off(kind, whole, model)
    kind, model = of_keras()
    at_zero = off(kind, all_but_the_step, model)
    assert 0 < handed_over < at_zero / 2, (handed_over, at_zero)
    assert at_zero > 1e-4, at_zero


def test_a_fresh_average_is_another_average():
    kind = "a clip and an average"
    stopped = stopped_program(kind)
    expected = stopped.records[-1]["updates"]["kernel/ExponentialMovingAverage"]
    apart = {}
    for naive in (weights_only, whole):
        part, arguments = kinds()[kind]
        model = regression(part, arguments, stopped.values)
        # Averages start from what the variables hold when the optimizer is built.
        if naive is weights_only:
            naive(model, stopped.prefix(CUT))
        model.optimizer.build(model.trainable_variables)
        if naive is whole:
            naive(model, stopped.prefix(CUT))
        for _, batch in stopped.moves[CUT:]:
            training.train_step(model, batch["x"], batch["y_true"])
        _, average = model.optimizer.moving_average.averages
        apart[naive] = float(np.abs(average.numpy() - expected).max())
    assert apart[weights_only] > 1e-3 * float(np.abs(expected).max())
    assert apart[whole] < 1e-6


# Keras's own optimizers.


@pytest.mark.parametrize(
    "kind, arguments, optimizer",
    [
        ("Adagrad", {"learning_rate": 0.1}, lambda: keras.optimizers.Adagrad(0.1)),
        (
            "Adadelta",
            {"learning_rate": 1.0, "rho": 0.8},
            lambda: keras.optimizers.Adadelta(1.0, 0.8, 1e-8),
        ),
        (
            "RMSProp",
            {"learning_rate": 0.01, "momentum": 0.5, "centered": True},
            lambda: keras.optimizers.RMSprop(0.01, 0.9, 0.5, 1e-10, centered=True),
        ),
        (
            "Momentum",
            {"learning_rate": 0.1, "momentum": 0.9},
            lambda: keras.optimizers.SGD(0.1, 0.9),
        ),
        ("Ftrl", {"learning_rate": 0.1}, lambda: keras.optimizers.Ftrl(0.1)),
        ("Adam", {}, lambda: keras.optimizers.Adam(epsilon=1e-8)),
    ],
    ids=("Adagrad", "Adadelta", "RMSProp", "Momentum", "Ftrl", "Adam"),
)
def test_keras_s_own_optimizers_take_the_slots_over(kind, arguments, optimizer):
    """As close as their own arithmetic is; without the slots they are far off.

    On dense gradients: rows that occur twice Keras does not sum.
    """
    part = f"optimizers.{kind}"
    values, _ = tf1_optimizers.regression_problem(0)
    problem = tf1_optimizers.ordinary_problem("float32", STEPS)
    dense = ("weights", "bias")
    values = {name: problem[0][name] for name in dense}
    batches = [{name: batch[name] for name in dense} for batch in problem[1]]
    program = tf1_optimizers.program(part, arguments, (values, batches))
    moves = tf1_optimizers.moves(arguments, batches)
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "model.ckpt")
        with (
            program.graph.as_default(),
            tf1_session.open_session(program.graph) as session,
        ):
            play = tf1_session.play(program, moves, values, session=session)
            list(itertools.islice(play, CUT + 1))
            tf1.train.Saver().save(session, prefix)
            *_, last = play
        apart = {
            alone: _continued(
                optimizer(), values, prefix, batches[CUT:], last["updates"], alone
            )
            for alone in (False, True)
        }
    assert apart[False] < 1e-5 < apart[True], apart


def _continued(optimizer, values, prefix, batches, expected, weights_alone):
    """How far off the weights are, of the largest, after the rest of the steps."""
    variables = {n: keras.Variable(v, name=n) for n, v in values.items()}
    optimizer.build(list(variables.values()))
    names = {id(v._value): n for n, v in variables.items()}
    slots = slots_of(optimizer, names)
    twin = training.Twin(
        {**variables, "global_step": optimizer._iterations, **slots},
        {},
        slots=slots,
        optimizers=[optimizer],
    )
    if weights_alone:
        reader = tf.train.load_checkpoint(prefix)
        for name, variable in variables.items():
            variable.assign(reader.get_tensor(name))
    else:
        handover.load(prefix, twin)
    for batch in batches:
        optimizer.apply(
            [tf.constant(batch[name]) for name in variables],
            list(variables.values()),
        )
    return max(
        float(np.abs(variable.numpy() - expected[name]).max())
        / float(np.abs(expected[name]).max())
        for name, variable in variables.items()
    )
