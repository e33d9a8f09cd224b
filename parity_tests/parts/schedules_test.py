"""TF1's decays as Keras schedules, beside programs that train with them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.pair.pair import Pair
from parity_tests.parts import making, optimizer_twins, schedules
from tf1_graph.parts import optimizers as tf1_optimizers
from tf1_graph.parts import schedules as tf1_schedules
from tf1_graph.parts.schedules import NOISY
from tf2_keras import tf1_semantics, training

PARTS = {part.name: part for part in schedules.PARTS}
QUIET = [name for name in PARTS if name != NOISY]
# An example takes a graph and functions: a third of the profile's examples.
FEWER = settings(max_examples=settings().max_examples // 3)
AWKWARD = [0, 2**24 - 1, 2**24 + 1, 2**31 - 1, 2**31, 2**40, 2**53 + 1, 2**62]


def steps_of(arguments):
    """The first steps, those around the ends of the decay, and huge ones."""
    ends = arguments.get("boundaries") or [
        int(arguments.get("decay_steps", arguments.get("first_decay_steps"))) * times
        for times in (1, 2, 3)
    ]
    ends = [*ends, arguments.get("warmup_steps", 0)]
    around = {max(0, end + offset) for end in ends for offset in (-1, 0, 1)}
    return [*range(6), *sorted(around), *AWKWARD]


def new_pair(part, arguments, schedule=None):
    return Pair(
        tf1_schedules.program(part, arguments),
        schedules.twin(part, arguments, schedule=schedule),
    )


def require_parity(part, arguments, steps, levels=("eager", "function")):
    """Fails unless the rates are those of TF1, to the bit.

    In functions that return them and, from the move ``train``, in some that do not.
    """
    plays = [("train",), ("look",)] if part == NOISY else [("train", "look")]
    with new_pair(part, arguments) as pair:
        for level in levels:
            for computing in plays:
                moves = tf1_schedules.moves(steps, computing)
                comparison = pair.compare(moves, level).require_agreement()
                assert comparison.records == len(moves) + 1


@pytest.mark.parametrize("name", QUIET)
@FEWER
@given(data=st.data())
def test_rates_are_those_of_tf1_at_every_level(name, data):
    arguments = data.draw(PARTS[name].arguments)
    require_parity(name, arguments, steps_of(arguments))


@pytest.mark.parametrize(
    "name, arguments",
    [
        # What Grappler brackets otherwise than the formula.
        ("PolynomialDecay", {"learning_rate": 0.3, "decay_steps": 33, "power": 3.0}),
        (
            "CosineDecayRestarts",
            {"learning_rate": 0.3, "first_decay_steps": 7, "m_mul": 0.9},
        ),
        (
            "CosineDecayRestarts",
            {
                "learning_rate": 0.3,
                "first_decay_steps": 7,
                "t_mul": 1.0,
                "m_mul": 0.77,
                "alpha": 0.1,
            },
        ),
        (
            "LinearCosineDecay",
            {"learning_rate": 0.3, "decay_steps": 33, "num_periods": 1.58, "beta": 0.0},
        ),
        (
            "LinearCosineDecay",
            {"learning_rate": 0.3, "decay_steps": 33, "alpha": 0.7, "beta": 0.0},
        ),
        ("LinearCosineDecay", {"learning_rate": 0.3, "decay_steps": 1, "alpha": 0.1}),
    ],
)
def test_constants_that_meet_are_gathered_as_grappler_does(name, arguments):
    require_parity(f"schedules.{name}", arguments, range(40))
    require_parity(f"schedules.{name}", arguments, (0, 3, 35), ("fit",))


SEEDS = st.tuples(strategies.seeds(), strategies.seeds()) | strategies.seeds()


@pytest.mark.slow
@FEWER
@given(arguments=PARTS[NOISY].arguments, seed=SEEDS)
@example({"learning_rate": 0.1, "decay_steps": 7, "alpha": 0.1}, (0, 0))
@example(
    {
        "learning_rate": 0.1,
        "decay_steps": 1,
        "initial_variance": 0.0115,
        "variance_decay": 0.5,
        "num_periods": 1.0,
    },
    (0, 17),
)
def test_noise_is_that_of_tf1_step_after_step(arguments, seed):
    require_parity(NOISY, {**arguments, "seed": seed}, range(12))


def test_noise_is_new_at_every_step_and_the_same_when_asked_again():
    schedule = tf1_semantics.schedules.NoisyLinearCosineDecay(0.1, 10**6, seed=(1, 2))
    rates = [float(schedule(step)) for step in range(20)]
    assert len(set(rates)) == 20
    assert rates == [float(schedule(step)) for step in range(20)]


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
@pytest.mark.parametrize("name", PARTS)
def test_steps_of_any_integer_dtype_are_taken(name, dtype):
    schedule = making.made(name, PARTS[name].samples[0])
    for step in (0, 7, 2**24 + 1):
        expected = schedule(step).numpy()
        assert schedule(tf.constant(step, dtype)).numpy() == expected
        variable = keras.Variable(step, dtype=dtype.name, trainable=False)
        assert schedule(variable).numpy() == expected


@pytest.mark.parametrize("name", PARTS)
def test_training_with_changing_rates_is_that_of_tf1(name):
    """A loop's updates at every level, and those of a model in ``fit``."""
    part, steps = "optimizers.Momentum", 12
    rate = (name, PARTS[name].samples[0])
    arguments = {"learning_rate": rate, "momentum": 0.9}
    values, batches = problem = tf1_optimizers.ordinary_problem("float32", steps)
    with Pair(
        tf1_optimizers.program(part, arguments, problem),
        optimizer_twins.twin(part, arguments, problem),
    ) as pair:
        for level in training.LEVELS:
            moves = tf1_optimizers.moves(arguments, batches)
            comparison = pair.compare(moves, level, values).require_agreement()
            assert comparison.records == steps + 1
    values, moves = tf1_optimizers.regression_problem(steps)
    with optimizer_twins.regression_pair(part, arguments, values) as pair:
        pair.compare(moves, "fit", values).require_agreement()


def test_a_saved_optimizer_keeps_its_schedule_and_its_step(tmp_path):
    schedule = (
        "schedules.PolynomialDecay",
        {"learning_rate": 0.1, "decay_steps": 30, "power": 2.0, "cycle": True},
    )
    loaded, comparison = optimizer_twins.saved_and_loaded(
        "optimizers.Momentum",
        {"learning_rate": schedule, "momentum": 0.9},
        steps=20,
        saved=12,
        path=tmp_path / "model.keras",
    )
    comparison.require_agreement()
    optimizer = loaded.optimizer
    assert optimizer.iterations.numpy() == 20
    assert optimizer.learning_rate.numpy() == making.made(*schedule)(20).numpy()


@pytest.mark.parametrize("name", schedules.NAMESAKES)
def test_kerass_namesakes_agree_in_functions_and_are_off_eagerly_as_stated(name):
    of_keras, arguments = schedules.NAMESAKES[name]
    moves = tf1_schedules.moves(range(120), ("look",))
    with new_pair(f"schedules.{name}", arguments, of_keras) as pair:
        pair.compare(moves, "function").require_agreement()
        comparison = pair.compare(moves, "eager")
    worst = comparison.cells["updates"].as_data()["max_ulp"]
    stated = schedules.EAGER_ULPS_OF_KERAS[name]
    assert worst <= stated and bool(worst) == bool(stated)


# What a rate would be off by if the divisions were not turned into products: the tests
# above have to see that.
class AsWritten(tf1_semantics.schedules.CosineDecay):
    def __call__(self, step):
        passed = self.step_until_the_end(step) / self.constant(self.decay_steps)
        wave = 0.5 * (1.0 + tf.cos(self.constant(np.pi) * passed))
        return self.first_rate() * ((1.0 - self.alpha) * wave + self.alpha)


class OneStepLate(tf1_semantics.schedules.ExponentialDecay):
    def __call__(self, step):
        return super().__call__(tf.maximum(tf.cast(step, tf.int64) - 1, 0))


class NoiseOfTheNextStep(tf1_semantics.schedules.NoisyLinearCosineDecay):
    def __call__(self, step):
        return super().__call__(tf.cast(step, tf.int64) + 1)


@pytest.mark.parametrize(
    "faulty, name",
    [
        (AsWritten, "CosineDecay"),
        (OneStepLate, "ExponentialDecay"),
        (NoiseOfTheNextStep, "NoisyLinearCosineDecay"),
    ],
)
def test_planted_faults_are_found(faulty, name):
    arguments = PARTS[f"schedules.{name}"].samples[0]
    moves = tf1_schedules.moves(range(30), ("look",))
    for schedule, agrees in ((None, True), (faulty(**arguments), False)):
        with new_pair(f"schedules.{name}", arguments, schedule) as pair:
            assert pair.compare(moves, "eager").ok == agrees
