"""TF1's optimizers as Keras ones: claims on raw variables against compat.v1 graphs."""

import contextlib
import functools
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.parts.optimizers import (
    BY_NAME,
    CLIPS,
    DECAY,
    MOMENTUM,
    PARTS,
    RATE,
    Graph,
    Rows,
)
from tf2_keras import tf1_semantics

ROOT = pathlib.Path(__file__).parents[2]
# What both TF1's arrays and the kernels know; bfloat16 has no NumPy dtype.
DTYPES = ("float16", "float32", "float64")
EVERY_PART = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
SAMPLES = pytest.mark.parametrize(
    "part, arguments",
    [
        pytest.param(part, arguments, id=f"{part.name}-{number}")
        for part in PARTS
        for number, arguments in enumerate(part.samples)
    ],
)


def part_of(name):
    return BY_NAME[f"optimizers.{name}"]


def constructor(part):
    return getattr(tf1_semantics.optimizers, part.name.partition(".")[2])


def made(part, arguments):
    return constructor(part)(**arguments)


def reference_run(part, arguments, values, gradients, **options):
    """Every record of a compat.v1 graph after each list of gradients."""
    graph = Graph(part, arguments, values, gradients[0], **options)
    with contextlib.closing(graph):
        return list(graph.run(gradients))


def dtypes(part):
    return [dtype for dtype in DTYPES if dtype in constructor(part).dtypes]


class Twin:
    """A Keras optimizer on variables of its own, ready for one step after another."""

    def __init__(self, optimizer, values, like=(), variable=keras.Variable):
        self.optimizer = optimizer
        self.names = list(values)
        self.variables = [variable(value, name=key) for key, value in values.items()]
        optimizer.build(self.variables)
        specs = [
            spec_like(gradient, value)
            for gradient, value in zip(like, values.values(), strict=False)
        ]
        self.function = tf.function(self.step, input_signature=[specs])

    def step(self, gradients):
        """Applies the gradients and returns them.

        Grappler leaves a function alone that returns nothing: a schedule's divisions
        by constants would stay divisions there, and be products in TF1's graph.
        """
        self.optimizer.apply(gradients, self.variables)
        return gradients

    def run(self, gradients, level="function"):
        """Yields the same as ``Graph.run``."""
        for step in gradients:
            tensors = [
                as_tensor(gradient, value)
                for gradient, value in zip(step, self.variables, strict=False)
            ]
            if level == "function":
                self.function(tensors)
            else:
                self.optimizer.apply(tensors, self.variables)
            yield self.state()

    def state(self):
        slots, others = self.optimizer.tf1_slots()
        if self.optimizer.accumulation_steps:
            slots = {**slots, "gradient_sum": self.optimizer._sums}
        named = {
            f"{name}/{slot}": variable
            for slot, variables in slots.items()
            for name, variable in zip(self.names, variables, strict=False)
        }
        updates = dict(zip(self.names, self.variables, strict=False))
        updates["global_step"] = self.optimizer.iterations
        return {
            "slots": {key: slot.numpy() for key, slot in {**named, **others}.items()},
            "updates": {key: variable.numpy() for key, variable in updates.items()},
        }


def spec_like(gradient, value):
    if not isinstance(gradient, Rows):
        return tf.TensorSpec(value.shape, value.dtype)
    return tf.IndexedSlicesSpec(
        value.shape, value.dtype, gradient.indices.dtype, tf.int64, [None]
    )


def as_tensor(gradient, variable):
    if not isinstance(gradient, Rows):
        return None if gradient is None else tf.convert_to_tensor(gradient)
    return tf.IndexedSlices(
        tf.convert_to_tensor(gradient.values),
        tf.convert_to_tensor(gradient.indices),
        tf.constant(list(variable.shape), tf.int64),
    )


def require_parity(part, arguments, values, gradients, eager_steps=None, **options):
    """Fails unless the optimizers of both sides do the same, to the bit.

    Args:
        eager_steps: how many steps are repeated eagerly; None for all of them.
        keras_rate: the twin's learning rate, if it is not among the arguments.
        **options: of the Graph.
    """
    of_twin = dict(arguments)
    if "keras_rate" in options:
        of_twin["learning_rate"] = options.pop("keras_rate")
    expected = reference_run(part, arguments, values, gradients, **options)
    levels = [("function", None)] + [("eager", eager_steps)] * (eager_steps != 0)
    for level, steps in levels:
        twin = Twin(made(part, of_twin), values, gradients[0])
        comparison = compare_plays(expected[:steps], twin.run(gradients[:steps], level))
        comparison.require_agreement()
        assert comparison.records == len(expected[:steps])


shapes = st.sampled_from([(), (1,), (7,), (8,), (3, 5), (2, 1, 3), (0,), (65,)])
tables = st.sampled_from([(1, 1), (3, 2), (20, 5), (4, 2, 3), (6,), (9, 17)])


@st.composite
def problems(draw, dtypes=DTYPES, most_steps=6):
    """(initial values, gradients) of three variables, infinities and NaN among them.

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

    def gradients():
        indices = draw(st.lists(st.integers(0, rows - 1), max_size=9))
        return [
            draw(strategies.arrays(values["weights"].shape, dtype)),
            draw(strategies.arrays(values["bias"].shape, dtype)),
            Rows(
                draw(strategies.arrays((len(indices), *row), dtype)),
                np.array(indices, index_dtype),
            ),
        ]

    different = [gradients() for _ in range(draw(st.integers(1, 3)))]
    special = draw(st.sampled_from([None, None, np.inf, -np.inf, np.nan]))
    if special is not None:
        for array in (different[-1][0], different[-1][2].values):
            if array.size:
                array.flat[0] = special
    steps = draw(st.integers(1, most_steps))
    return values, [different[step % len(different)] for step in range(steps)]


def ordinary_problem(steps, dtypes=("float32",)):
    """Weights, a bias and a table of each dtype: {"weights": ...}, or by dtype."""
    random = np.random.RandomState(0)
    values = {
        key + (f"_{dtype}" if len(dtypes) > 1 else ""): (
            random.standard_normal(shape).astype(dtype)
        )
        for dtype in dtypes
        for key, shape in (("weights", (5, 13)), ("bias", (3,)), ("table", (11, 3)))
    }

    def gradients():
        for dtype in dtypes:
            # Some rows without a gradient, as behind a ReLU.
            some_rows = random.randint(2, size=(5, 1))
            yield (random.standard_normal((5, 13)) * some_rows).astype(dtype)
            yield random.standard_normal(3).astype(dtype)
            number = random.randint(8)
            yield Rows(
                random.standard_normal((number, 3)).astype(dtype),
                random.randint(11, size=number),
            )

    return values, [list(gradients()) for _ in range(steps)]


@EVERY_PART
@given(data=st.data())
def test_updates_and_slots_are_those_of_tf1(part, data):
    require_parity(part, data.draw(part.arguments), *data.draw(problems(dtypes(part))))


@SAMPLES
def test_a_hundred_and_twenty_steps_are_those_of_tf1(part, arguments):
    """Dense and sparse, of every dtype at once; the first steps eagerly too."""
    # Eagerly a Keras schedule rounds otherwise: tf1_semantics.schedules do not.
    scheduled = any(callable(value) for value in arguments.values())
    values, gradients = ordinary_problem(
        120, ("float32",) if scheduled else dtypes(part)
    )
    require_parity(
        part, arguments, values, gradients, eager_steps=0 if scheduled else 7
    )


# Faults, one a claim: what the tests above must see.


def test_a_wrong_epsilon_a_late_power_or_a_missing_decay_is_seen():
    values, gradients = ordinary_problem(12)

    class WithoutPowers(tf1_semantics.optimizers.Adam):
        def finish(self):
            return

    class WithoutDecayOfRows(tf1_semantics.optimizers.AdamW):
        def sparse_update(self, *arguments):
            return tf1_semantics.optimizers.Adam.sparse_update(self, *arguments)

    class WithoutSums(tf1_semantics.optimizers.Adagrad):
        sums_duplicate_rows = False

    class FromZero(tf1_semantics.optimizers.RMSProp):
        def add_slots(self, variables, name, *_):
            return super().add_slots(variables, name)

    for name, arguments, faulty in (
        ("Adam", {}, tf1_semantics.optimizers.Adam(RATE, epsilon=1e-7)),
        ("Adam", {}, WithoutPowers(RATE)),
        ("AdamW", DECAY, WithoutDecayOfRows(1e-3, RATE)),
        ("Adagrad", {}, WithoutSums(RATE)),
        ("RMSProp", {}, FromZero(RATE)),
    ):
        arguments = {"learning_rate": RATE, **arguments}
        expected = reference_run(part_of(name), arguments, values, gradients)
        run = Twin(faulty, values, gradients[0]).run(gradients)
        comparison = compare_plays(expected, run)
        assert comparison.first_divergence is not None, type(faulty)


# Rates and clips.

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
@pytest.mark.parametrize("name, arguments", [("Momentum", MOMENTUM), ("Adam", {})])
def test_rates_of_a_schedule_are_those_of_tf1(name, arguments, schedule):
    of_tf1, of_keras = SCHEDULES[schedule]
    values, gradients = ordinary_problem(40)
    rates = {"rate": of_tf1, "keras_rate": of_keras}
    require_parity(part_of(name), arguments, values, gradients, eager_steps=0, **rates)


@given(
    problem=problems(most_steps=1),
    clip=st.sampled_from(list(CLIPS)),
    limit=st.sampled_from([1e-3, 0.5, 1, 30, 3e4]),
)
def test_clipped_gradients_are_those_of_tf1(problem, clip, limit):
    # The slot then holds what was left of the gradient.
    arguments = {"learning_rate": 1.0, **MOMENTUM, clip: limit}
    require_parity(part_of("Momentum"), arguments, *problem)


@EVERY_PART
def test_slots_carry_the_names_of_tf1(part):
    values, gradients = ordinary_problem(1)
    for arguments in (part.samples[0], part.samples[-1]):
        (expected,) = reference_run(part, arguments, values, gradients)
        twin = Twin(made(part, arguments), values)
        assert set(twin.state()["slots"]) == set(expected["slots"])


@pytest.mark.parametrize("name", ["AdamW", "MomentumW"])
def test_variables_left_out_of_the_decay_are_those_of_tf1(name):
    part, undecayed = part_of(name), ("bias", "table")
    values, gradients = ordinary_problem(3)
    arguments = {**part.samples[0], "weight_decay": 0.1}
    expected = reference_run(part, arguments, values, gradients, undecayed=undecayed)
    optimizer = made(part, arguments)
    optimizer.exclude_from_weight_decay(var_names=list(undecayed))
    run = Twin(optimizer, values, gradients[0]).run(gradients)
    compare_plays(expected, run).require_agreement()


# Keras models: fit, save and load.

BATCH = 4
TABLE, KERNEL = (11, 3), (6, 1)


def examples(steps):
    """ids [examples, 2], int32, some alike; y [examples, 1]."""
    random = np.random.RandomState(0)
    number = steps * BATCH
    ids = random.randint(TABLE[0], size=(number, 2)).astype(np.int32)
    return ids, random.standard_normal((number, 1)).astype(np.float32)


def initial_values():
    random = np.random.RandomState(1)
    return {
        "table": random.standard_normal(TABLE).astype(np.float32),
        "kernel": random.standard_normal(KERNEL).astype(np.float32),
    }


def backward(variables):
    """([ids, y], gradients): a linear regression on two looked-up rows, in TF1."""
    table, kernel = variables
    ids = tf.compat.v1.placeholder(tf.int32, [None, 2])
    y = tf.compat.v1.placeholder(tf.float32, [None, 1])
    looked_up = tf.reshape(tf.nn.embedding_lookup(table, ids), [-1, KERNEL[0]])
    loss = tf.reduce_mean(tf.square(tf.matmul(looked_up, kernel) - y))
    return [ids, y], tf.gradients(loss, variables)


@keras.saving.register_keras_serializable("optimizers_test")
def mean_square(y, y_pred):
    return tf.reduce_mean(tf.square(y_pred - y))


def new_model(optimizer, **options):
    model = keras.Sequential(
        [
            keras.Input((2,), dtype="int32"),
            keras.layers.Embedding(*TABLE),
            keras.layers.Flatten(),
            keras.layers.Dense(1, use_bias=False),
        ]
    )
    model.set_weights(list(initial_values().values()))
    model.compile(optimizer, mean_square, **{"jit_compile": False, **options})
    return model


class Recorder(keras.callbacks.Callback):
    """Keeps {"slots", "updates"} after every batch."""

    def __init__(self):
        super().__init__()
        self.records = []

    def on_train_batch_end(self, *_, **__):
        twin = Twin.__new__(Twin)
        twin.optimizer, twin.names = self.model.optimizer, list(initial_values())
        twin.variables = self.model.trainable_variables
        self.records.append(twin.state())


def fit(model, data, steps):
    """The records of a fit on the batches of a slice of steps."""
    recorder = Recorder()
    ids, y = (array[steps.start * BATCH : steps.stop * BATCH] for array in data)
    model.fit(ids, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[recorder])
    return recorder.records


IN_FIT = [(part, 0) for part in PARTS] + [
    (part_of("Momentum"), 2),
    (part_of("Adam"), 3),
    (part_of("AdamW"), 4),
]


@pytest.mark.parametrize(
    "part, sample",
    [pytest.param(part, sample, id=f"{part.name}-{sample}") for part, sample in IN_FIT],
)
def test_fit_is_that_of_tf1_also_after_saving_and_loading(part, sample, tmp_path):
    steps, saved = 104, 52  # in the midst of an accumulation by three
    data = examples(steps)
    graph = Graph(part, part.samples[sample], initial_values(), backward=backward)
    with contextlib.closing(graph):
        batches = zip(*(np.split(array, steps) for array in data), strict=False)
        expected = list(graph.run(batches))
    model = new_model(made(part, part.samples[sample]))
    records = fit(model, data, range(0, saved))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    records += fit(loaded, data, range(saved, steps))
    comparison = compare_plays(expected, records)
    comparison.require_agreement()
    assert comparison.records == steps


def kinds():
    """{name: (part, arguments)}: each part, and what is made otherwise."""
    found = {part.name: (part, part.samples[0]) for part in PARTS}
    momentum = part_of("Momentum")
    found["a schedule and a clip"] = momentum, momentum.samples[2]
    found["an accumulation"] = momentum, momentum.samples[3]
    return found


KINDS = pytest.mark.parametrize("kind", kinds())


def new_optimizer(kind):
    return made(*kinds()[kind])


@pytest.mark.parametrize(
    "kind", ["optimizers.Adam", "a schedule and a clip", "an accumulation"]
)
def test_fit_counts_only_the_steps_that_it_takes(kind):
    """A data set that does not know its length has one more step begun at its end.

    Keras's own optimizers count that one, at the end of every epoch.
    """

    def batches():
        for _ in range(6):
            yield np.ones((4, 2), np.int32), np.ones((4, 1), np.float32)

    specs = tf.TensorSpec([None, 2], tf.int32), tf.TensorSpec([None, 1])
    model = new_model(new_optimizer(kind))
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(
            tf.data.Dataset.from_generator(batches, output_signature=specs),
            epochs=3,
            verbose=0,
        )
    optimizer = model.optimizer
    applied = 18 // (optimizer.accumulation_steps or 1)
    assert optimizer.iterations.numpy() == applied
    if optimizer.accumulation_steps:
        assert optimizer._summed.numpy() == 0
    _, others = optimizer.tf1_slots()
    for name, power in others.items():
        beta = np.float32(getattr(optimizer, name.removesuffix("_power")))
        expected = functools.reduce(np.multiply, [beta] * (applied + 1))
        assert power.numpy() == expected


@KINDS
def test_xla_is_refused_before_anything_changes(kind):
    values, gradients = ordinary_problem(1)
    dense = gradients[0][:2]
    values = dict(list(values.items())[:2])
    twin = Twin(new_optimizer(kind), values, dense)
    before = twin.state()
    compiled = tf.function(twin.step, jit_compile=True)
    with pytest.raises(NotImplementedError, match=r"Received: jit_compile=True\. Use"):
        compiled([tf.constant(gradient) for gradient in dense])
    compare_plays([before], [twin.state()]).require_agreement()


def test_xla_is_refused_in_fit_before_anything_changes():
    model = new_model(new_optimizer("optimizers.Adam"), jit_compile=True)
    with pytest.raises(NotImplementedError, match=r"Received: jit_compile=True\. Use"):
        fit(model, examples(2), range(2))
    for value, variable in zip(
        initial_values().values(), model.get_weights(), strict=False
    ):
        np.testing.assert_array_equal(value, variable)
    assert model.optimizer.iterations.numpy() == 0


# Optimizers as Keras treats them.


@KINDS
def test_a_configuration_makes_the_same_optimizer_again(kind):
    values, gradients = ordinary_problem(4)
    original = new_optimizer(kind)
    copies = [
        type(original).from_config(original.get_config()),
        keras.optimizers.deserialize(keras.optimizers.serialize(original)),
    ]
    expected = list(Twin(original, values).run(gradients, "eager"))
    for copy in copies:
        assert copy.get_config() == original.get_config()
        run = Twin(copy, values).run(gradients, "eager")
        compare_plays(expected, run).require_agreement()


@KINDS
def test_no_gradients_change_nothing(kind):
    twin = Twin(new_optimizer(kind), ordinary_problem(1)[0])
    before = twin.state()
    twin.optimizer.apply([], [])
    new_optimizer(kind).apply([])  # not even built
    compare_plays([before], [twin.state()]).require_agreement()


@KINDS
def test_gradients_that_are_all_none_are_refused(kind):
    twin = Twin(new_optimizer(kind), ordinary_problem(1)[0])
    before = twin.state()
    with pytest.raises(ValueError, match="No gradients provided"):
        twin.optimizer.apply([None, None, None], twin.variables)
    compare_plays([before], [twin.state()]).require_agreement()


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@KINDS
def test_a_variable_without_gradient_stays_and_the_others_move(kind):
    part, arguments = kinds()[kind]
    if "gradient_accumulation_steps" in arguments:
        pytest.skip("TF1 programs made sums of what has gradients only")
    values, gradients = ordinary_problem(3)
    gradients = [[weights, None, rows] for weights, _, rows in gradients]
    expected = reference_run(part, arguments, values, gradients)
    twin = Twin(made(part, arguments), values)
    initial = twin.state()["slots"]
    records = list(twin.run(gradients, "eager"))
    for record in records:  # TF1 makes no slots for it
        for idle in [key for key in record["slots"] if key.startswith("bias/")]:
            np.testing.assert_array_equal(record["slots"].pop(idle), initial[idle])
    for record in expected:
        record["slots"] = {
            key: slot for key, slot in record["slots"].items() if "bias/" not in key
        }
    compare_plays(expected, records).require_agreement()
    np.testing.assert_array_equal(records[-1]["updates"]["bias"], values["bias"])


@KINDS
def test_plain_tensorflow_variables_are_updated_alike(kind):
    values, gradients = ordinary_problem(3)
    compare_plays(
        Twin(new_optimizer(kind), values).run(gradients, "eager"),
        Twin(new_optimizer(kind), values, variable=tf.Variable).run(gradients, "eager"),
    ).require_agreement()


def test_rows_without_a_gradient_stay_as_they_are_but_for_adam():
    """Lazy: momenta neither decay nor move what was not looked up."""
    values, gradients = ordinary_problem(6)
    for part in PARTS:
        run = list(Twin(made(part, part.samples[0]), values).run(gradients, "eager"))
        for before, after, step in zip(run, run[1:], gradients[1:], strict=False):
            idle = np.setdiff1d(np.arange(11), step[2].indices)
            tables = [
                (before[stage][key][idle], after[stage][key][idle])
                for stage in before
                for key in before[stage]
                if key.startswith("table")
            ]
            unchanged = all(np.array_equal(*pair) for pair in tables)
            moves_all = part.name in ("optimizers.Adam", "optimizers.AdamW")
            assert unchanged != moves_all, part.name


def test_a_loss_scale_that_is_a_power_of_two_changes_nothing():
    values, gradients = ordinary_problem(4)
    # Keras makes dense gradients of the sparse ones that it unscales.
    values.pop("table")
    gradients = [step[:2] for step in gradients]
    plain = Twin(new_optimizer("optimizers.Adam"), values, gradients[0])
    expected = list(plain.run(gradients))
    inner = new_optimizer("optimizers.Adam")
    wrapped = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1024.0)
    variables = [keras.Variable(value, name=key) for key, value in values.items()]

    @tf.function
    def step(gradients):
        wrapped.apply([gradient * 1024.0 for gradient in gradients], variables)
        return gradients

    for record, step_gradients in zip(expected, gradients, strict=False):
        step([tf.constant(gradient) for gradient in step_gradients])
        for key, variable in zip(values, variables, strict=False):
            np.testing.assert_array_equal(record["updates"][key], variable.numpy())
    before = [variable.numpy() for variable in variables]
    step([tf.fill(gradient.shape, np.float32(np.inf)) for gradient in gradients[0]])
    for value, variable in zip(before, variables, strict=False):
        np.testing.assert_array_equal(value, variable.numpy())
    assert inner.iterations.numpy() == 4


def test_whole_numbers_are_rates_too():
    assert tf1_semantics.optimizers.Momentum(1, 0).learning_rate.numpy() == 1.0


@pytest.mark.parametrize("name", ["AdagradDA", "ProximalAdagrad"])
def test_variables_of_a_dtype_without_kernel_are_refused(name):
    optimizer = getattr(tf1_semantics.optimizers, name)(0.1)
    with pytest.raises(ValueError, match=r"^variables must .*float16 of .*\. Use "):
        optimizer.build([keras.Variable(np.zeros(3, np.float16))])


# Two replicas, in a process of its own: logical devices are made before all else.

REPLICAS = """
import json
from parity_tests.witness import reference_conditions
reference_conditions.import_tensorflow()
import keras, numpy as np, tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
from parity_tests.parts import optimizers_test as test

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
random = np.random.RandomState(0)
normal = lambda *shape: random.standard_normal(shape).astype(np.float32)
values = {"weights": normal(3, 5), "table": normal(7, 2)}
steps = [
    (normal(2, 3, 5), normal(2, 4, 2), random.randint(7, size=(2, 4))) for _ in range(3)
]
summed = [
    [dense.sum(0), test.Rows(np.concatenate(rows), np.concatenate(indices))]
    for dense, rows, indices in steps
]
differing = []
for name in test.ON_REPLICAS:
    kind = "optimizers." + name
    with strategy.scope():
        several = test.Twin(test.new_optimizer(kind), values)

    def replica_step(dense, rows, indices):
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        sparse = tf.IndexedSlices(rows[number], indices[number], tf.constant([7, 2]))
        several.optimizer.apply([dense[number], sparse], several.variables)

    step = tf.function(lambda *arguments: strategy.run(replica_step, arguments))
    one = test.Twin(test.new_optimizer(kind), values).run(summed, "eager")
    for arguments, expected in zip(steps, one):
        step(*map(tf.constant, arguments))
        received = several.state()
        for stage in expected:
            for key, value in expected[stage].items():
                if not np.array_equal(value, received[stage][key]):
                    differing.append((kind, key))

with strategy.scope():
    twin = test.Twin(test.new_optimizer("an accumulation"), values)
before = twin.state()
try:
    ones = [tf.ones([3, 5]), tf.ones([7, 2])]
    strategy.run(lambda: twin.optimizer.apply(ones, twin.variables))
except NotImplementedError as error:
    refused = str(error)
test.compare_plays([before], [twin.state()]).require_agreement()

data = test.examples(6)
with strategy.scope():
    models = [
        test.new_model(test.new_optimizer("optimizers.GradientDescent")),
        test.new_model(keras.optimizers.SGD(0.01)),
    ]
for model in models:
    model.fit(*data, batch_size=4, shuffle=False, verbose=0)
ours, of_keras = (model.get_weights() for model in models)
off = [float(abs(a - b).max()) for a, b in zip(ours, of_keras)]
way = float(abs(ours[0] - test.initial_values()["table"]).max())

clipped = []
for clip in (
    {"clip": test.tf1_semantics.clipping.ByNorm(1.0)},
    {"clipnorm": 1.0},
):
    with strategy.scope():
        variable = keras.Variable([0.0, 0.0])
        optimizer = test.tf1_semantics.optimizers.GradientDescent(1.0, **clip)
        optimizer.build([variable])
    gradients = tf.constant([[3.0, 0.0], [0.0, 4.0]])

    def replica_step():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        optimizer.apply([gradients[number]], [variable])

    strategy.run(replica_step)
    clipped.append(variable.numpy().tolist())
print(
    json.dumps(
        {"differing": differing, "refused": refused, "off": off, "way": way,
         "clipped": clipped}
    )
)
"""
ON_REPLICAS = ("GradientDescent", "Momentum", "Adam", "RMSProp", "AdagradDA", "AdamW")


def test_two_replicas_update_as_one_device_does_on_the_summed_gradients(run_python):
    result = run_python("-c", REPLICAS)
    assert result.returncode == 0, result.stderr[-3000:]
    received = json.loads(result.stdout.splitlines()[-1])
    assert received["differing"] == []
    assert "must be None on several replicas. Received: 3. Use" in received["refused"]
    # In fit too: Keras's SGD is TF1's.
    assert received["way"] > 0.01 and received["off"] == [0.0, 0.0]
    # Clips see the gradients of a replica, as Keras's clipnorm does: of their sum,
    # [3, 4], there would be [0.6, 0.8] left.
    assert received["clipped"] == [[-1.0, -1.0]] * 2
