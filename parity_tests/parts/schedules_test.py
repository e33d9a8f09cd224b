"""TF1's decays as Keras schedules, against compat.v1 graphs that train with them."""

import contextlib
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.engine.ulps import ulp_distance
from parity_tests.parts import schedules
from tf2_keras import tf1_semantics

PARTS = {part.name.removeprefix("schedules."): part for part in schedules.PARTS}
NOISY = "NoisyLinearCosineDecay"
QUIET = [name for name in PARTS if name != NOISY]
FUNCTION_STEP = [tf.TensorSpec([], tf.int64)]
# An example takes a graph and two functions: a third of the profile's examples.
FEWER = settings(max_examples=settings().max_examples // 3)
AWKWARD = [0, 2**24 - 1, 2**24 + 1, 2**31 - 1, 2**31, 2**40, 2**53 + 1, 2**62]


def made(name, arguments):
    return getattr(tf1_semantics.schedules, name)(**arguments)


def steps_of(arguments):
    """The first steps, those around the ends of the decay, and huge ones."""
    ends = arguments.get("boundaries") or [
        int(arguments.get("decay_steps", arguments.get("first_decay_steps"))) * times
        for times in (1, 2, 3)
    ]
    around = {max(0, end + offset) for end in ends for offset in (-1, 0, 1)}
    return [*range(6), *sorted(around), *AWKWARD]


def rates_at_all_levels(schedule, steps):
    """{level: rates}: eagerly, and in tf.functions that do and do not return them."""
    held = tf.Variable(tf.zeros([], schedule.dtype))

    @tf.function(input_signature=FUNCTION_STEP)
    def returned(step):
        return schedule(step)

    @tf.function(input_signature=FUNCTION_STEP)
    def kept(step):
        held.assign(schedule(step))

    rates = {"eager": [], "function": [], "function without outputs": []}
    for step in steps:
        rates["eager"].append(schedule(step).numpy())
        rates["function"].append(returned(step).numpy())
        kept(step)
        rates["function without outputs"].append(held.numpy())
    return rates


def require_equal(expected, rates):
    """Fails unless the rates of every level are those of TF1, to the bit."""
    for level, received in rates.items():
        compare_plays(
            [{"updates": {level: rate}} for rate in expected],
            [{"updates": {level: rate}} for rate in received],
        ).require_agreement()


@pytest.mark.parametrize("name", QUIET)
@FEWER
@given(data=st.data())
def test_rates_are_those_of_tf1_at_every_level(name, data):
    arguments = data.draw(PARTS[name].arguments)
    steps = steps_of(arguments)
    expected = schedules.rates_of_tf1(
        functools.partial(PARTS[name].reference, **arguments), steps
    )
    require_equal(expected, rates_at_all_levels(made(name, arguments), steps))


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
    steps = range(40)
    expected = schedules.rates_of_tf1(
        functools.partial(PARTS[name].reference, **arguments), steps
    )
    require_equal(expected, rates_at_all_levels(made(name, arguments), steps))


@FEWER
@given(arguments=PARTS[NOISY].arguments, seed=strategies.seeds())
@example({"learning_rate": 0.1, "decay_steps": 7, "alpha": 0.1}, 0)
@example(
    {
        "learning_rate": 0.1,
        "decay_steps": 1,
        "initial_variance": 0.0115,
        "variance_decay": 0.5,
        "num_periods": 1.0,
    },
    0,
)
def test_noise_is_that_of_tf1_step_after_step(arguments, seed):
    steps = range(12)
    seeds = []
    expected = schedules.rates_of_tf1(
        functools.partial(PARTS[NOISY].reference, **arguments), steps, seed, seeds
    )
    schedule = made(NOISY, {**arguments, "seed": tuple(seeds[0])})
    require_equal(expected, rates_at_all_levels(schedule, steps))


def test_noise_is_new_at_every_step_and_the_same_when_asked_again():
    schedule = tf1_semantics.schedules.NoisyLinearCosineDecay(0.1, 10**6, seed=(1, 2))
    rates = [float(schedule(step)) for step in range(20)]
    assert len(set(rates)) == 20
    assert rates == [float(schedule(step)) for step in range(20)]


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
@pytest.mark.parametrize("name", PARTS)
def test_steps_of_any_integer_dtype_are_taken(name, dtype):
    schedule = made(name, PARTS[name].samples[0])
    for step in (0, 7, 2**24 + 1):
        expected = schedule(step).numpy()
        assert schedule(tf.constant(step, dtype)).numpy() == expected
        variable = keras.Variable(step, dtype=dtype.name, trainable=False)
        assert schedule(variable).numpy() == expected


def trained_by_tf1(reference, arguments, start, gradients, seeds=None):
    """Yields the weights and Momentum's slot after each step of sum(weights * x)."""
    with tf.Graph().as_default() as graph:
        tf.compat.v1.set_random_seed(3)
        x = tf.compat.v1.placeholder(tf.float32, [None, start.size])
        weights = tf.compat.v1.get_variable("weights", initializer=start)
        global_step = tf.compat.v1.train.get_or_create_global_step()
        optimizer = tf.compat.v1.train.MomentumOptimizer(
            reference(global_step, **arguments), 0.9
        )
        train = optimizer.minimize(tf.reduce_sum(weights * x), global_step)
        state = {
            "slots": {slot.op.name: slot for slot in optimizer.variables()},
            "updates": {"weights": weights, "global_step": global_step},
        }
        initialise = tf.compat.v1.global_variables_initializer()
    if seeds is not None:
        (random,) = [
            node for node in graph.get_operations() if node.type.startswith("Random")
        ]
        seeds.append((random.get_attr("seed"), random.get_attr("seed2")))
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        for gradient in gradients:
            session.run(train, {x: gradient[None]})
            yield session.run(state)


class Scale(keras.layers.Layer):
    """``weights * x``, whose sum has x as its gradient."""

    def __init__(self, start):
        super().__init__()
        self.start = start

    def build(self, _input_shape):
        self.scale = self.add_weight(
            shape=self.start.shape,
            initializer=lambda _, dtype: tf.constant(self.start, dtype),
            name="weights",
        )

    def call(self, x):
        return x * self.scale


def state_of(optimizer, weights):
    slots, _ = optimizer.tf1_slots()
    return {
        "slots": {"weights/Momentum": slots["Momentum"][0].numpy()},
        "updates": {
            "weights": weights.numpy(),
            "global_step": optimizer.iterations.numpy(),
        },
    }


def trained_by_fit(optimizer, start, gradients):
    """The states after each step of ``fit`` on the same loss."""
    layer = Scale(start)
    model = keras.Sequential([keras.Input(start.shape), layer])
    model.compile(
        optimizer, lambda _, output: tf.reduce_sum(output, -1), jit_compile=False
    )
    states = []
    after_each = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda *_, **__: states.append(
            state_of(optimizer, layer.scale)
        )
    )
    x = np.stack(gradients)
    model.fit(x, x, batch_size=1, shuffle=False, verbose=0, callbacks=[after_each])
    return states


def trained_by_a_loop(optimizer, start, gradients, level):
    """The states after each ``apply``, eagerly or in a function without outputs."""
    weights = keras.Variable(start, name="weights")
    optimizer.build([weights])

    def step(gradient):
        optimizer.apply([gradient], [weights])

    if level == "function":
        step = tf.function(step)
    for gradient in gradients:
        step(tf.constant(gradient))
        yield state_of(optimizer, weights)


@pytest.mark.parametrize("name", PARTS)
def test_training_with_changing_rates_is_that_of_tf1(name):
    random = np.random.RandomState(0)
    start = random.standard_normal(5).astype(np.float32)
    gradients = list(random.standard_normal((12, 5)).astype(np.float32))
    arguments = dict(PARTS[name].samples[0])
    seeds = []
    of_reference = {key: arguments[key] for key in arguments if key != "seed"}
    expected = list(
        trained_by_tf1(
            PARTS[name].reference,
            of_reference,
            start,
            gradients,
            seeds if name == NOISY else None,
        )
    )
    if seeds:
        arguments["seed"] = seeds[0]

    def optimizer():
        return tf1_semantics.optimizers.Momentum(made(name, arguments), 0.9)

    for candidate in (
        trained_by_fit(optimizer(), start, gradients),
        trained_by_a_loop(optimizer(), start, gradients, "function"),
        trained_by_a_loop(optimizer(), start, gradients, "eager"),
    ):
        comparison = compare_plays(expected, candidate)
        comparison.require_agreement()
        assert comparison.records == len(gradients)


def test_a_saved_optimizer_keeps_its_schedule_and_its_step(tmp_path):
    schedule = tf1_semantics.schedules.PolynomialDecay(0.1, 30, power=2.0, cycle=True)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(
        tf1_semantics.optimizers.Momentum(schedule, 0.9), "mse", jit_compile=False
    )
    model.fit(np.ones([12, 5]), np.ones([12, 1]), batch_size=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.iterations.numpy() == 12
    assert loaded.optimizer.learning_rate.numpy() == schedule(12).numpy()
    assert loaded.optimizer.get_config() == model.optimizer.get_config()


@pytest.mark.parametrize("name", schedules.NAMESAKES)
def test_kerass_namesakes_agree_in_functions_and_are_off_eagerly_as_stated(name):
    of_keras, arguments = schedules.NAMESAKES[name]
    steps = range(120)
    expected = np.array(
        schedules.rates_of_tf1(
            functools.partial(PARTS[name].reference, **arguments), steps
        )
    )
    function = tf.function(lambda step: of_keras(step), input_signature=FUNCTION_STEP)
    assert np.array([function(step) for step in steps]).tobytes() == expected.tobytes()
    eager = np.array([of_keras(tf.constant(step, tf.int64)) for step in steps])
    worst = int(ulp_distance(expected, eager).max())
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
        (NoiseOfTheNextStep, NOISY),
    ],
)
def test_planted_faults_are_found(faulty, name):
    arguments = dict(PARTS[name].samples[0])
    arguments.pop("seed", None)
    seeds = []
    steps = range(30)
    expected = schedules.rates_of_tf1(
        functools.partial(PARTS[name].reference, **arguments),
        steps,
        5,
        seeds if name == NOISY else None,
    )
    if seeds:
        arguments["seed"] = seeds[0]
    require_equal(expected, rates_at_all_levels(made(name, arguments), steps))
    with pytest.raises(AssertionError):
        require_equal(
            expected, {"eager": [faulty(**arguments)(n).numpy() for n in steps]}
        )
