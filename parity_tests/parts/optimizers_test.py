"""TF1's optimizers as Keras ones: plays of raw variables beside TF1's."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.parts.making import constructor, made
from parity_tests.parts.optimizer_pairs import (
    BY_NAME,
    new_pair,
    ordinary_problem,
    require_parity,
)
from parity_tests.parts.optimizer_traps import DECAY, MOMENTUM, RATE
from parity_tests.parts.optimizer_twins import twin
from parity_tests.parts.optimizers import PARTS
from tf1_graph.parts import clipping as tf1_clipping
from tf1_graph.parts import optimizers as tf1_optimizers
from tf1_graph.parts.weight_decays import AdamWeightDecayOptimizer
from tf2_keras import tf1_semantics, training

# What both TF1's arrays and the kernels know; bfloat16 has no NumPy dtype.
DTYPES = ("float16", "float32", "float64")
EVERY_PART = pytest.mark.parametrize("part", BY_NAME)
SAMPLES = pytest.mark.parametrize(
    "part, arguments",
    [
        pytest.param(part.name, arguments, id=f"{part.name}-{number}")
        for part in PARTS
        for number, arguments in enumerate(part.samples)
    ],
)


def dtypes(part):
    return [dtype for dtype in DTYPES if dtype in constructor(part).dtypes]


shapes = st.sampled_from([(), (1,), (7,), (8,), (3, 5), (2, 1, 3), (0,), (65,)])
tables = st.sampled_from([(1, 1), (3, 2), (20, 5), (4, 2, 3), (6,), (9, 17)])


@st.composite
def problems(draw, dtypes=DTYPES, most_steps=6):
    """(values, batches) of three variables, infinities and NaN among the gradients.

    The third is a table with sparse gradients: its rows come twice, or not at all.
    """
    dtype = draw(st.sampled_from(dtypes))
    values = {
        "weights": draw(strategies.arrays(draw(shapes), dtype)),
        "bias": draw(strategies.arrays(draw(shapes), dtype)),
        "table": draw(strategies.arrays(draw(tables), dtype)),
    }
    index_dtype = draw(st.sampled_from([np.int32, np.int64]))
    rows, *row = values["table"].shape

    def batch():
        indices = draw(st.lists(st.integers(0, rows - 1), max_size=9))
        return {
            "weights": draw(strategies.arrays(values["weights"].shape, dtype)),
            "bias": draw(strategies.arrays(values["bias"].shape, dtype)),
            "table values": draw(strategies.arrays((len(indices), *row), dtype)),
            "table indices": np.array(indices, index_dtype),
        }

    different = [batch() for _ in range(draw(st.integers(1, 3)))]
    special = draw(st.sampled_from([None, None, np.inf, -np.inf, np.nan]))
    if special is not None:
        for name in ("weights", "table values"):
            if different[-1][name].size:
                different[-1][name].flat[0] = special
    steps = draw(st.integers(1, most_steps))
    return values, [different[step % len(different)] for step in range(steps)]


@pytest.mark.slow
@EVERY_PART
@given(data=st.data())
def test_updates_and_slots_are_those_of_tf1(part, data):
    arguments = data.draw(BY_NAME[part].arguments)
    problem = data.draw(problems(dtypes(part)))
    require_parity(part, arguments, problem, {"function": None, "eager": None})


@SAMPLES
def test_a_hundred_and_twenty_steps_are_those_of_tf1(part, arguments):
    """Dense and sparse, of every dtype at once; the first steps at all levels."""
    if any(isinstance(value, tuple) for value in arguments.values()):
        together = [("float32",)]  # TF1 decayed a weight by a schedule in no other
    elif "Proximal" in part:  # they take no more than one dtype
        together = [(dtype,) for dtype in dtypes(part)]
    else:
        together = [dtypes(part)]
    for several in together:
        require_parity(
            part,
            arguments,
            ordinary_problem(120, several),
            {"function": None, "eager": 7, "fit": 7},
        )


@pytest.mark.parametrize("beta", ["beta1", "beta2"])
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_a_denormal_power_is_stored_as_it_is(name, beta):
    arguments = {**BY_NAME[f"optimizers.{name}"].samples[0], beta: 1e-40}
    require_parity(
        f"optimizers.{name}", arguments, ordinary_problem(2), {"function": None}
    )


# Faults, one a claim: what the tests above must see.


def test_a_wrong_epsilon_a_late_power_or_a_missing_decay_is_seen():
    class WithoutPowers(tf1_semantics.optimizers.Adam):
        def finish(self):
            return

    class WithoutDecayOfRows(tf1_semantics.optimizers.AdamW):
        def sparse_update(self, *arguments):
            return tf1_semantics.optimizers.Adam.sparse_update(self, *arguments)

    class WithoutSums(tf1_semantics.optimizers.Adagrad):
        sums_duplicate_rows = False

    class FromZero(tf1_semantics.optimizers.RMSProp):
        def add_slots(self, variables, name, *_, **__):
            return super().add_slots(variables, name)

    values, batches = problem = ordinary_problem(12)
    for name, arguments, faulty in (
        ("Adam", {}, tf1_semantics.optimizers.Adam(RATE, epsilon=1e-7)),
        ("Adam", {}, WithoutPowers(RATE)),
        ("AdamW", DECAY, WithoutDecayOfRows(1e-3, RATE)),
        ("Adagrad", {}, WithoutSums(RATE)),
        ("RMSProp", {}, FromZero(RATE)),
    ):
        arguments = {"learning_rate": RATE, **arguments}
        with new_pair(f"optimizers.{name}", arguments, problem, faulty) as pair:
            moves = tf1_optimizers.moves(arguments, batches)
            comparison = pair.compare(moves, "function", values)
        assert comparison.first_divergence is not None, type(faulty)


# Rates and clips.

RATES = keras.optimizers.schedules
DECAYING = {"learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6}
SCHEDULES = {
    "exponential": (
        ("schedules.ExponentialDecay", DECAYING),
        RATES.ExponentialDecay(0.1, 7, 0.6),
    ),
    "exponential, staircase": (
        ("schedules.ExponentialDecay", {**DECAYING, "staircase": True}),
        RATES.ExponentialDecay(0.1, 7, 0.6, True),
    ),
    "piecewise constant": (
        (
            "schedules.PiecewiseConstant",
            {"boundaries": [3, 10, 11], "values": [0.3, 0.1, 0.2, 0.007]},
        ),
        RATES.PiecewiseConstantDecay([3, 10, 11], [0.3, 0.1, 0.2, 0.007]),
    ),
    "polynomial": (
        (
            "schedules.PolynomialDecay",
            {
                "learning_rate": 0.1,
                "decay_steps": 30,
                "end_learning_rate": 0.01,
                "power": 0.5,
            },
        ),
        RATES.PolynomialDecay(0.1, 30, 0.01, 0.5),
    ),
    "inverse time": (
        ("schedules.InverseTimeDecay", {**DECAYING, "decay_steps": 3}),
        RATES.InverseTimeDecay(0.1, 3, 0.6),
    ),
    "cosine": (
        (
            "schedules.CosineDecay",
            {"learning_rate": 0.1, "decay_steps": 30, "alpha": 0.1},
        ),
        RATES.CosineDecay(0.1, 30, 0.1),
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name, arguments", [("Momentum", MOMENTUM), ("Adam", {})])
def test_rates_of_a_schedule_are_those_of_tf1(name, arguments, schedule):
    """Keras's own schedules are TF1's, in a function; eagerly they round otherwise."""
    of_tf1, of_keras = SCHEDULES[schedule]
    require_parity(
        f"optimizers.{name}",
        {**arguments, "learning_rate": of_tf1},
        ordinary_problem(40),
        {"function": None},
        of_twin={**arguments, "learning_rate": of_keras},
    )


@pytest.mark.parametrize("level", training.LEVELS)
def test_a_rate_that_is_set_from_outside_is_the_rate(level):
    """A Session was fed another; a Keras optimizer is assigned one."""
    part, arguments = "optimizers.Momentum", {"learning_rate": 0.1, **MOMENTUM}
    values, batches = problem = ordinary_problem(3)
    moves = tf1_optimizers.moves(arguments, batches)
    with new_pair(part, arguments, problem) as pair:
        for rate in (0.3, 0.7):
            fed = {"learning_rate": np.float32(rate)}
            pair.compare(moves, level, values, fed).require_agreement()
        *_, last = pair.reference(moves, values, fed)
    with new_pair(part, {**arguments, "learning_rate": 0.7}, problem) as pair:
        *_, expected = pair.reference(moves, values)
    compare_plays([expected], [last]).require_agreement()


@pytest.mark.slow
@given(
    problem=problems(most_steps=1),
    clip=st.sampled_from(list(tf1_clipping.OF_KERAS)),
    share=st.sampled_from([1e-6, 1e-3, 0.1, 0.9, 1.0, 1.1, 30]),
)
def test_clipped_gradients_are_those_of_tf1(problem, clip, share):
    """Limits are shares of the largest gradient: most of them clip."""
    _, (batch,) = problem
    largest = max(
        float(np.abs(array[np.isfinite(array)]).max(initial=0))
        for name, array in batch.items()
        if name != "table indices"
    )
    limit = float(f"{share * (largest or 1.0):.3g}")
    require_parity(
        "optimizers.Momentum",
        {"learning_rate": 1.0, **MOMENTUM, clip: max(limit, 1e-30)},
        problem,
        {"function": None, "eager": None},
    )


@pytest.mark.parametrize("name", ["AdamW", "MomentumW"])
def test_variables_left_out_of_the_decay_are_those_of_tf1(name):
    part, undecayed = f"optimizers.{name}", ("bias", "table")
    arguments = {**BY_NAME[part].samples[0], "weight_decay": 0.1}
    optimizer = made(part, arguments)
    optimizer.exclude_from_weight_decay(var_names=list(undecayed))
    require_parity(
        part,
        arguments,
        ordinary_problem(3),
        {"function": None, "eager": None},
        optimizer=optimizer,
        undecayed=undecayed,
    )


@EVERY_PART
def test_rows_without_a_gradient_stay_as_they_are_but_for_adam(part):
    """Lazy: momenta neither decay nor move what was not looked up."""
    arguments = BY_NAME[part].samples[0]
    values, batches = problem = ordinary_problem(6)
    moves = tf1_optimizers.moves(arguments, batches)
    records = list(training.play(twin(part, arguments, problem), moves, "eager"))[1:]
    steps = zip(itertools.pairwise(records), batches[1:], strict=True)
    for (before, after), batch in steps:
        idle = np.setdiff1d(np.arange(len(values["table"])), batch["table indices"])
        unchanged = all(
            np.array_equal(before[stage][name][idle], after[stage][name][idle])
            for stage in ("slots", "updates")
            for name in before[stage]
            if name.startswith("table")
        )
        moves_all = part in (
            "optimizers.Adam",
            "optimizers.AdamW",
            "optimizers.AdamWeightDecay",
        )
        assert unchanged != moves_all


def test_whole_numbers_are_rates_too():
    assert tf1_semantics.optimizers.Momentum(1, 0).learning_rate.numpy() == 1.0


@pytest.mark.parametrize("name", ["AdagradDA", "ProximalAdagrad"])
def test_variables_of_a_dtype_without_kernel_are_refused(name):
    optimizer = getattr(tf1_semantics.optimizers, name)(0.1)
    with pytest.raises(ValueError, match=r"^variables must .*float16 of .*\. Use "):
        optimizer.build([keras.Variable(np.zeros(3, np.float16))])


def test_without_an_epsilon_todays_compat_v1_is_two_things():
    """Why 0 is refused: whether a root is divided by hangs on what a shape tells."""

    def weights(epsilon, shape_is_known):
        values = np.random.RandomState(0).standard_normal((2, 4, 3)).astype(np.float32)
        with tf.Graph().as_default(), tf.Session() as session:
            variable = tf.get_variable("w", initializer=values[0])
            fed = tf.placeholder(tf.float32, [4, 3])  # a feed may have any shape
            gradient = tf.reshape(fed, [4, 3]) if shape_is_known else fed
            step = tf.train.get_or_create_global_step()
            optimizer = AdamWeightDecayOptimizer(0.1, epsilon=epsilon)
            update = optimizer.apply_gradients([(gradient, variable)], step)
            session.run(tf.global_variables_initializer())
            session.run(update, {fed: values[1]})
            return session.run(variable)

    for epsilon, alike in ((1e-6, True), (0.0, False)):
        known, unknown = (weights(epsilon, flag) for flag in (True, False))
        assert np.array_equal(known, unknown) == alike
