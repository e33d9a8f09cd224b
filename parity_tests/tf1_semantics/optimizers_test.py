"""TF1's optimizers as Keras ones: claims on raw variables against compat.v1 graphs."""

import contextlib
import functools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_runs
from tf2_keras import tf1_semantics

DTYPES = ("float16", "float32", "float64")
# What is clipped by which argument, and by which function of TF1.
CLIPS = {
    "clipnorm": lambda gradients, limit: [
        tf.compat.v1.clip_by_norm(gradient, limit) for gradient in gradients
    ],
    "clipvalue": lambda gradients, limit: [
        tf.compat.v1.clip_by_value(gradient, -limit, limit) for gradient in gradients
    ],
    "global_clipnorm": lambda gradients, limit: tf.compat.v1.clip_by_global_norm(
        gradients, limit
    )[0],
}


def momentum_of_tf1(learning_rate, momentum, use_nesterov=False):
    return tf.compat.v1.train.MomentumOptimizer(
        learning_rate, momentum, use_nesterov=use_nesterov
    )


def adam_of_tf1(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    return tf.compat.v1.train.AdamOptimizer(learning_rate, beta1, beta2, epsilon)


TF1 = {"Momentum": momentum_of_tf1, "Adam": adam_of_tf1}


def run_of_tf1(name, arguments, values, gradients, schedule=None, clip=None):
    """Yields {"slots", "updates"} of a compat.v1 graph after each list of gradients.

    Args:
        name, arguments: the optimizer.
        values: {name of a variable: initial value}.
        gradients: list of lists of arrays, None where a variable has no gradient.
        schedule: global step -> learning rate tensor, in place of a number.
        clip: (argument, limit) of CLIPS.
    """
    with tf.Graph().as_default() as graph:
        variables = [
            tf.compat.v1.get_variable(key, initializer=value)
            for key, value in values.items()
        ]
        global_step = tf.compat.v1.train.get_or_create_global_step()
        if schedule is not None:
            arguments = {**arguments, "learning_rate": schedule(global_step)}
        optimizer = TF1[name](**arguments)
        fed = [
            None
            if gradient is None
            else tf.compat.v1.placeholder(value.dtype, value.shape)
            for gradient, value in zip(gradients[0], values.values())
        ]
        clipped = CLIPS[clip[0]](fed, clip[1]) if clip else fed
        train = optimizer.apply_gradients(zip(clipped, variables), global_step)
        state = {
            "slots": {slot.op.name: slot for slot in optimizer.variables()},
            "updates": dict(zip(values, variables), global_step=global_step),
        }
        initialise = tf.compat.v1.global_variables_initializer()
    # A Session in a with statement would also be the default of whoever takes a record.
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        for step in gradients:
            feed = {key: value for key, value in zip(fed, step) if key is not None}
            session.run(train, feed)
            yield session.run(state)


class Twin:
    """A Keras optimizer on variables of its own, ready for one step after another."""

    def __init__(self, optimizer, values, variable=keras.Variable):
        self.optimizer = optimizer
        self.names = list(values)
        self.variables = [variable(value, name=key) for key, value in values.items()]
        optimizer.build(self.variables)
        self.function = tf.function(
            self.step,
            input_signature=[
                [tf.TensorSpec(value.shape, value.dtype) for value in values.values()]
            ],
        )

    def step(self, gradients):
        """Applies the gradients and returns them.

        Grappler leaves a function alone that returns nothing: a schedule's divisions
        by constants would stay divisions there, and be products in TF1's graph.
        """
        self.optimizer.apply(gradients, self.variables)
        return gradients

    def run(self, gradients, level="function"):
        """Yields the same as ``run_of_tf1``."""
        for step in gradients:
            if level == "function":
                self.function(step)
            else:
                present = [None if g is None else tf.convert_to_tensor(g) for g in step]
                self.optimizer.apply(present, self.variables)
            yield self.state()

    def state(self):
        slots, others = self.optimizer.tf1_slots()
        named = {
            f"{name}/{slot}": variable
            for slot, variables in slots.items()
            for name, variable in zip(self.names, variables)
        }
        updates = dict(zip(self.names, self.variables))
        updates["global_step"] = self.optimizer.iterations
        return {
            "slots": {key: slot.numpy() for key, slot in {**named, **others}.items()},
            "updates": {key: variable.numpy() for key, variable in updates.items()},
        }


def require_parity(name, arguments, values, gradients, level="function", **options):
    """Fails unless the optimizers of both sides do the same, to the bit."""
    of_twin = dict(arguments)
    if "schedule" in options:
        of_twin["learning_rate"] = options.pop("keras_schedule")
    if "clip" in options:
        of_twin.update([options["clip"]])
    twin = Twin(getattr(tf1_semantics.optimizers, name)(**of_twin), values)
    comparison = compare_runs(
        run_of_tf1(name, arguments, values, gradients, **options),
        twin.run(gradients, level),
    )
    comparison.require_agreement()
    assert comparison.records == len(gradients)


hyperparameters = {
    "Momentum": strategies.hyperparameters(
        learning_rate=(1e-6, 10.0),
        momentum=st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0, 1.5]) | st.floats(0, 2),
        use_nesterov=[False, True],
    ),
    "Adam": strategies.hyperparameters(
        learning_rate=(1e-6, 10.0),
        beta1=[0.0, 0.5, 0.9, 0.99],
        beta2=[0.0, 0.9, 0.99, 0.999, 0.99999],
        epsilon=[0.0, 1e-30, 1e-10, 1e-8, 1e-7, 1e-3, 1.0],
    ),
}
shapes = st.sampled_from([(), (1,), (7,), (8,), (3, 5), (2, 1, 3), (0,), (65,)])


@st.composite
def problems(draw, most_steps=6):
    """(initial values, gradients) of two variables, infinities and NaN among them."""
    dtype = draw(st.sampled_from(DTYPES))
    array = functools.partial(strategies.arrays, dtype=dtype)
    values = {"weights": draw(array(draw(shapes))), "bias": draw(array(draw(shapes)))}
    different = [
        [draw(array(value.shape)) for value in values.values()]
        for _ in range(draw(st.integers(1, 3)))
    ]
    special = draw(st.sampled_from([None, None, np.inf, -np.inf, np.nan]))
    if special is not None and different[-1][0].size:
        different[-1][0].flat[0] = special
    steps = draw(st.integers(1, most_steps))
    return values, [different[step % len(different)] for step in range(steps)]


def ordinary_problem(steps, dtype="float32"):
    random = np.random.RandomState(0)
    values = {
        "weights": random.standard_normal((5, 13)).astype(dtype),
        "bias": random.standard_normal(3).astype(dtype),
    }
    gradients = [
        [
            # Some rows without a gradient, as behind a ReLU.
            (random.standard_normal((5, 13)) * random.randint(2, size=(5, 1))).astype(
                dtype
            ),
            random.standard_normal(3).astype(dtype),
        ]
        for _ in range(steps)
    ]
    return values, gradients


@pytest.mark.parametrize("level", ["function", "eager"])
@pytest.mark.parametrize("name", TF1)
@given(data=st.data())
def test_updates_and_slots_are_those_of_tf1(name, level, data):
    arguments = data.draw(hyperparameters[name])
    require_parity(name, arguments, *data.draw(problems()), level)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "name, arguments",
    [
        ("Momentum", {"learning_rate": 0.1, "momentum": 0.9}),
        ("Momentum", {"learning_rate": 0.1, "momentum": 0.9, "use_nesterov": True}),
        ("Adam", {}),
        ("Adam", {"learning_rate": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4}),
    ],
)
def test_a_hundred_and_twenty_steps_are_those_of_tf1(name, arguments, dtype):
    require_parity(name, arguments, *ordinary_problem(120, dtype))


SCHEDULES = {
    "exponential": (
        lambda step: tf.compat.v1.train.exponential_decay(0.1, step, 7, 0.6),
        keras.optimizers.schedules.ExponentialDecay(0.1, 7, 0.6),
    ),
    "exponential, staircase": (
        lambda step: tf.compat.v1.train.exponential_decay(0.1, step, 7, 0.6, True),
        keras.optimizers.schedules.ExponentialDecay(0.1, 7, 0.6, True),
    ),
    "piecewise constant": (
        lambda step: tf.compat.v1.train.piecewise_constant(
            step, [3, 10, 11], [0.3, 0.1, 0.2, 0.007]
        ),
        keras.optimizers.schedules.PiecewiseConstantDecay(
            [3, 10, 11], [0.3, 0.1, 0.2, 0.007]
        ),
    ),
    "polynomial": (
        lambda step: tf.compat.v1.train.polynomial_decay(0.1, step, 30, 0.01, 0.5),
        keras.optimizers.schedules.PolynomialDecay(0.1, 30, 0.01, 0.5),
    ),
    "inverse time": (
        lambda step: tf.compat.v1.train.inverse_time_decay(0.1, step, 3, 0.4),
        keras.optimizers.schedules.InverseTimeDecay(0.1, 3, 0.4),
    ),
    "cosine": (
        lambda step: tf.compat.v1.train.cosine_decay(0.1, step, 30, 0.1),
        keras.optimizers.schedules.CosineDecay(0.1, 30, 0.1),
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    "name, arguments",
    [("Momentum", {"momentum": 0.9, "use_nesterov": True}), ("Adam", {})],
)
def test_rates_of_a_schedule_are_those_of_tf1(name, arguments, schedule):
    of_tf1, of_keras = SCHEDULES[schedule]
    values, gradients = ordinary_problem(40)
    require_parity(
        name, arguments, values, gradients, schedule=of_tf1, keras_schedule=of_keras
    )


@pytest.mark.parametrize("clip", CLIPS)
@given(problem=problems(most_steps=1), limit=st.sampled_from([1e-3, 0.5, 1, 30, 3e4]))
def test_clipped_gradients_are_those_of_tf1(clip, problem, limit):
    # The slot then holds what was left of the gradient.
    arguments = {"learning_rate": 1.0, "momentum": 0.9}
    require_parity("Momentum", arguments, *problem, clip=(clip, limit))


@pytest.mark.parametrize("name", TF1)
def test_slots_carry_the_names_of_tf1(name):
    values, gradients = ordinary_problem(1)
    arguments = {"learning_rate": 0.1}
    if name == "Momentum":
        arguments["momentum"] = 0.9
    (of_tf1,) = run_of_tf1(name, arguments, values, gradients)
    twin = Twin(getattr(tf1_semantics.optimizers, name)(**arguments), values)
    assert set(twin.state()["slots"]) == set(of_tf1["slots"])


def new_optimizers():
    """One of each kind, with arguments that are no defaults."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    return [
        tf1_semantics.optimizers.Momentum(0.1, 0.8, use_nesterov=True, clipnorm=1.0),
        tf1_semantics.optimizers.Momentum(schedule, 0.8),
        tf1_semantics.optimizers.Adam(0.1, 0.8, 0.95, 1e-4, global_clipnorm=2.0),
        tf1_semantics.optimizers.Adam(schedule),
    ]


KINDS = pytest.mark.parametrize("kind", range(len(new_optimizers())))


@KINDS
def test_a_configuration_makes_the_same_optimizer_again(kind):
    values, gradients = ordinary_problem(3)
    original = new_optimizers()[kind]
    copies = [
        type(original).from_config(original.get_config()),
        keras.optimizers.deserialize(keras.optimizers.serialize(original)),
    ]
    for copy in copies:
        assert copy.get_config() == original.get_config()
        compare_runs(
            Twin(new_optimizers()[kind], values).run(gradients),
            Twin(copy, values).run(gradients),
        ).require_agreement()


@KINDS
def test_a_loaded_model_goes_on_as_if_never_saved(kind, tmp_path):
    random = np.random.RandomState(0)
    x = random.standard_normal((24, 4)).astype(np.float32)
    y = random.standard_normal((24, 2)).astype(np.float32)

    def fit(model, examples):
        model.fit(x[examples], y[examples], batch_size=4, shuffle=False, verbose=0)

    initial = tf1_semantics.initializers.RandomNormal(seed=1)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2, kernel_initializer=initial)]
    )
    model.compile(new_optimizers()[kind], "mse", jit_compile=False)
    fit(model, slice(0, 12))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        fit(one, slice(12, 24))
    expected = [*model.variables, *model.optimizer.variables]
    received = [*loaded.variables, *loaded.optimizer.variables]
    assert model.optimizer.iterations.numpy() == 6
    for one, other in zip(expected, received, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@KINDS
def test_fit_counts_only_the_steps_that_it_takes(kind):
    """A data set that does not know its length has one more step begun at its end.

    Keras's own optimizers count that one, at the end of every epoch.
    """

    def batches():
        for _ in range(5):
            yield np.ones((4, 3), np.float32), np.ones((4, 1), np.float32)

    specs = tf.TensorSpec([None, 3]), tf.TensorSpec([None, 1])
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(new_optimizers()[kind], "mse", jit_compile=False)
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(
            tf.data.Dataset.from_generator(batches, output_signature=specs),
            epochs=3,
            verbose=0,
        )
    assert model.optimizer.iterations.numpy() == 15
    _, others = model.optimizer.tf1_slots()
    for name, power in others.items():
        beta = np.float32(getattr(model.optimizer, name.removesuffix("_power")))
        expected = functools.reduce(np.multiply, [beta] * 16)
        assert power.numpy() == expected


@KINDS
def test_no_gradients_change_nothing(kind):
    twin = Twin(new_optimizers()[kind], ordinary_problem(1)[0])
    before = twin.state()
    twin.optimizer.apply([], [])
    new_optimizers()[kind].apply([])  # not even built
    compare_runs([before], [twin.state()]).require_agreement()


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("name, slot", [("Momentum", "Momentum"), ("Adam", "Adam")])
def test_a_variable_without_gradient_stays_and_the_others_move(name, slot):
    arguments = {"learning_rate": 0.1}
    if name == "Momentum":
        arguments["momentum"] = 0.9
    values, gradients = ordinary_problem(3)
    gradients = [[weights, None] for weights, _ in gradients]
    of_tf1 = list(run_of_tf1(name, arguments, values, gradients))
    twin = Twin(getattr(tf1_semantics.optimizers, name)(**arguments), values)
    of_twin = list(twin.run(gradients, "eager"))
    for record in of_twin:  # TF1 makes no slots for it
        for idle in [key for key in record["slots"] if key.startswith("bias/")]:
            assert not record["slots"].pop(idle).any()
    compare_runs(of_tf1, of_twin).require_agreement()
    np.testing.assert_array_equal(of_twin[-1]["updates"]["bias"], values["bias"])


@KINDS
def test_plain_tensorflow_variables_are_updated_alike(kind):
    values, gradients = ordinary_problem(3)
    compare_runs(
        Twin(new_optimizers()[kind], values).run(gradients),
        Twin(new_optimizers()[kind], values, tf.Variable).run(gradients),
    ).require_agreement()


@KINDS
def test_sparse_gradients_are_refused_before_anything_changes(kind):
    twin = Twin(new_optimizers()[kind], ordinary_problem(1)[0])
    before = twin.state()
    sparse = tf.IndexedSlices(tf.ones([1, 13]), [2], dense_shape=[5, 13])
    with pytest.raises(TypeError, match=r"dense gradients\. Received: .*weights\. Use"):
        twin.optimizer.apply([sparse, tf.ones([3])], twin.variables)
    compare_runs([before], [twin.state()]).require_agreement()


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("Momentum", {"learning_rate": -0.1, "momentum": 0.9}),
        ("Momentum", {"learning_rate": float("nan"), "momentum": 0.9}),
        ("Momentum", {"learning_rate": "0.1", "momentum": 0.9}),
        ("Momentum", {"learning_rate": 0.1, "momentum": -0.9}),
        ("Momentum", {"learning_rate": 0.1, "momentum": None}),
        ("Adam", {"learning_rate": -0.1}),
        ("Adam", {"beta1": 1.0}),
        ("Adam", {"beta1": -0.1}),
        ("Adam", {"beta2": 1.5}),
        ("Adam", {"beta2": float("nan")}),
        ("Adam", {"epsilon": -1e-8}),
        # What Keras would do without a word, and TF1 did not or did otherwise.
        ("Adam", {"weight_decay": 0.01}),
        ("Adam", {"use_ema": True}),
        ("Adam", {"loss_scale_factor": 128.0}),
        ("Adam", {"gradient_accumulation_steps": 2}),
        ("Momentum", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ],
)
def test_bad_arguments_are_told_by_rule_received_and_remedy(name, arguments):
    with pytest.raises(ValueError) as caught:
        getattr(tf1_semantics.optimizers, name)(**arguments)
    message = str(caught.value)
    (wrong,) = set(arguments) & set(
        re.findall(r"\w+", message.split(". Received: ")[0])
    )
    assert f". Received: {arguments[wrong]}. " in message and message.endswith(".")


def test_whole_numbers_are_rates_too():
    assert tf1_semantics.optimizers.Momentum(1, 0).learning_rate.numpy() == 1.0
