"""TF1's optimizers as Keras ones: plays of raw variables and models beside TF1's."""

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
from parity_tests.pair.pair import Pair
from parity_tests.parts.making import constructor, made
from parity_tests.parts.optimizer_traps import DECAY, MOMENTUM, RATE
from parity_tests.parts.optimizer_twins import (
    gradient_of,
    regression,
    regression_twin,
    twin,
)
from parity_tests.parts.optimizers import PARTS
from tf1_graph.parts import clipping as tf1_clipping
from tf1_graph.parts import optimizers as tf1_optimizers
from tf1_graph.parts.optimizers import KERNEL, TABLE
from tf2_keras import tf1_semantics, training

ROOT = pathlib.Path(__file__).parents[2]
# What both TF1's arrays and the kernels know; bfloat16 has no NumPy dtype.
DTYPES = ("float16", "float32", "float64")
BY_NAME = {part.name: part for part in PARTS}
EVERY_PART = pytest.mark.parametrize("part", BY_NAME)
SAMPLES = pytest.mark.parametrize(
    "part, arguments",
    [
        pytest.param(part.name, arguments, id=f"{part.name}-{number}")
        for part in PARTS
        for number, arguments in enumerate(part.samples)
    ],
)


def new_pair(part, arguments, problem, optimizer=None, of_twin=None, undecayed=()):
    """The Pair of an optimizer's program and its twin.

    Args:
        optimizer: what the twin has in place of the part.
        of_twin: arguments of the twin, where they are not the program's.
    """
    return Pair(
        tf1_optimizers.program(part, arguments, problem, undecayed),
        twin(part, of_twin or arguments, problem, optimizer),
    )


def require_parity(part, arguments, problem, steps, **options):
    """Fails unless both sides do the same, to the bit.

    Args:
        steps: {level: how many steps are played at it}.
        **options: of ``new_pair``.
    """
    values, batches = problem
    with new_pair(part, arguments, problem, **options) as pair:
        for level, number in steps.items():
            moves = tf1_optimizers.moves(arguments, batches[:number])
            comparison = pair.compare(moves, level, values).require_agreement()
            assert comparison.records == len(moves) + 1


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


def ordinary_problem(steps, dtypes=("float32",)):
    """Variables of several dtypes at once, as in ``tf1_optimizers.ordinary_problem``."""
    values, batches = {}, [{} for _ in range(steps)]
    for dtype in dtypes:
        suffix = f"_{dtype}" if len(dtypes) > 1 else ""
        of_dtype, gradients = tf1_optimizers.ordinary_problem(dtype, steps)
        values.update((name + suffix, value) for name, value in of_dtype.items())
        for batch, arrays in zip(batches, gradients, strict=True):
            for name, array in arrays.items():
                variable, *part_of_it = name.split(" ")
                batch[" ".join([variable + suffix, *part_of_it])] = array
    return values, batches


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


# Keras models: fit, save and load.

BATCH = 4


def examples(steps):
    """ids [examples, 2], int32, some alike; y [examples, 1]."""
    random = np.random.RandomState(0)
    number = steps * BATCH
    ids = random.randint(TABLE[0], size=(number, 2)).astype(np.int32)
    return ids, random.standard_normal((number, 1)).astype(np.float32)


def batches_of(steps):
    ids, y = (np.split(array, steps) for array in examples(steps))
    return [{"x": x, "y_true": y_true} for x, y_true in zip(ids, y, strict=True)]


def initial_values():
    random = np.random.RandomState(1)
    return {
        "table": random.standard_normal(TABLE).astype(np.float32),
        "kernel": random.standard_normal(KERNEL).astype(np.float32),
    }


def new_model(kind, **options):
    return regression(*kinds()[kind], initial_values(), **options)


IN_FIT = [(part.name, 0) for part in PARTS] + [
    ("optimizers.Momentum", -3),
    ("optimizers.Adam", -1),
    ("optimizers.AdamW", 2),
]


@pytest.mark.parametrize(
    "part, sample",
    [pytest.param(part, sample, id=f"{part}-{sample}") for part, sample in IN_FIT],
)
def test_fit_is_that_of_tf1_also_after_saving_and_loading(part, sample, tmp_path):
    arguments = BY_NAME[part].samples[sample]
    steps, saved = 40, 22  # in the midst of an accumulation by three
    moves = tf1_optimizers.moves(arguments, batches_of(steps))
    model, records = regression(part, arguments, initial_values()), []
    program = tf1_optimizers.regression(part, arguments)
    with Pair(program, regression_twin(model)) as pair:
        pair.compare(
            moves[:saved], "fit", initial_values(), on_reference=records.append
        ).require_agreement()
        model.save(tmp_path / "model.keras")
        loaded = regression_twin(keras.models.load_model(tmp_path / "model.keras"))
        # What was loaded is compared with what TF1 left, and goes on from there.
        left = {**records[-1]["slots"], **records[-1]["updates"]}
        comparison = compare_plays(
            pair.reference(moves[saved:], left),
            training.play(loaded, moves[saved:], "fit"),
        ).require_agreement()
    assert comparison.records == steps - saved + 1


@functools.cache
def kinds():
    """{name: (part, arguments)}: each part, and what is made otherwise."""
    several = {part.name: (part.name, part.samples[0]) for part in PARTS}
    for kind, arguments in tf1_optimizers.WITH_OTHER_PARTS.items():
        several[kind] = (
            "optimizers.Momentum",
            {**MOMENTUM, "learning_rate": 0.1} | arguments,
        )
    return several


KINDS = pytest.mark.parametrize("kind", kinds())


def new_optimizer(kind):
    return made(*kinds()[kind])


def new_twin(kind, problem, **options):
    return twin(*kinds()[kind], problem, **options)


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
    model = new_model(kind)
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


REFUSES_XLA = r"Received: jit_compile=True\. Use"


def as_tensors(batch):
    return {name: tf.constant(array) for name, array in batch.items()}


@KINDS
def test_xla_is_refused_before_anything_changes(kind):
    values, (batch,) = ordinary_problem(1)
    del values["table"], batch["table values"], batch["table indices"]
    played = new_twin(kind, (values, [batch]))
    before = played.values()
    compiled = tf.function(played.moves["train"], jit_compile=True)
    with pytest.raises(NotImplementedError, match=REFUSES_XLA):
        compiled(**as_tensors(batch))
    require_same(before, played.values())


def test_xla_is_refused_in_fit_before_anything_changes():
    model = new_model("optimizers.Adam", jit_compile=True)
    with pytest.raises(NotImplementedError, match=REFUSES_XLA):
        model.fit(*examples(2), batch_size=BATCH, verbose=0)
    require_same(
        initial_values(),
        dict(zip(("table", "kernel"), model.get_weights(), strict=True)),
    )
    assert model.optimizer.iterations.numpy() == 0


def require_same(expected, received):
    compare_plays([{"updates": expected}], [{"updates": received}]).require_agreement()


# Optimizers as Keras treats them.


@KINDS
def test_a_configuration_makes_the_same_optimizer_again(kind):
    part, arguments = kinds()[kind]
    values, batches = problem = ordinary_problem(4)
    moves = tf1_optimizers.moves(arguments, batches)
    original = new_optimizer(kind)
    for copy in (
        type(original).from_config(original.get_config()),
        keras.optimizers.deserialize(keras.optimizers.serialize(original)),
    ):
        assert copy.get_config() == original.get_config()
        with new_pair(part, arguments, problem, copy) as pair:
            pair.compare(moves, "eager", values).require_agreement()


@KINDS
def test_no_gradients_change_nothing(kind):
    optimizer = new_optimizer(kind)
    played = new_twin(kind, ordinary_problem(1), optimizer=optimizer)
    before = played.values()
    optimizer.apply([], [])
    new_optimizer(kind).apply([])  # not even built
    require_same(before, played.values())


@KINDS
def test_gradients_that_are_all_none_are_refused(kind):
    played = new_twin(kind, ordinary_problem(1))
    before = played.values()
    with pytest.raises(ValueError, match="No gradients provided"):
        played.moves["train"]()  # of nothing that is fed
    require_same(before, played.values())


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@KINDS
def test_a_variable_without_gradient_stays_and_the_others_move(kind):
    part, arguments = kinds()[kind]
    if "gradient_accumulation_steps" in arguments:
        pytest.skip("TF1 programs made sums of what has gradients only")
    values, batches = ordinary_problem(3)
    for batch in batches:
        del batch["bias"]
    with new_pair(part, arguments, (values, batches)) as pair:
        # TF1 makes no slots for it. Its average moves with the others', to where it is.
        idle = {name for name in pair.twin.state if name.startswith("bias/")}
        idle.discard("bias/ExponentialMovingAverage")
        slots = {name: pair.twin.state.pop(name) for name in idle}
        initial = {name: slot.numpy() for name, slot in slots.items()}
        records = []
        moves = tf1_optimizers.moves(arguments, batches)
        pair.compare(
            moves, "eager", values, on_candidate=records.append
        ).require_agreement()
    for name, slot in slots.items():
        np.testing.assert_array_equal(slot.numpy(), initial[name])
    np.testing.assert_array_equal(records[-1]["updates"]["bias"], values["bias"])


@KINDS
def test_plain_tensorflow_variables_are_updated_alike(kind):
    part, arguments = kinds()[kind]
    values, batches = problem = ordinary_problem(3)
    with Pair(
        tf1_optimizers.program(part, arguments, problem),
        new_twin(kind, problem, variable=tf.Variable),
    ) as pair:
        moves = tf1_optimizers.moves(arguments, batches)
        pair.compare(moves, "eager", values).require_agreement()


@EVERY_PART
def test_rows_without_a_gradient_stay_as_they_are_but_for_adam(part):
    """Lazy: momenta neither decay nor move what was not looked up."""
    arguments = BY_NAME[part].samples[0]
    values, batches = problem = ordinary_problem(6)
    moves = tf1_optimizers.moves(arguments, batches)
    records = list(training.play(twin(part, arguments, problem), moves, "eager"))[1:]
    for before, after, batch in zip(records, records[1:], batches[1:], strict=False):
        idle = np.setdiff1d(np.arange(len(values["table"])), batch["table indices"])
        unchanged = all(
            np.array_equal(before[stage][name][idle], after[stage][name][idle])
            for stage in ("slots", "updates")
            for name in before[stage]
            if name.startswith("table")
        )
        moves_all = part in ("optimizers.Adam", "optimizers.AdamW")
        assert unchanged != moves_all


def test_a_loss_scale_that_is_a_power_of_two_changes_nothing():
    values, batches = ordinary_problem(4)
    del values["table"]  # Keras makes dense gradients of the sparse ones it unscales
    batches = [{name: batch[name] for name in values} for batch in batches]
    moves = tf1_optimizers.moves({}, batches)
    *records, last = training.play(
        new_twin("optimizers.Adam", (values, batches)), moves
    )
    inner = new_optimizer("optimizers.Adam")
    wrapped = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1024.0)
    variables = [keras.Variable(value, name=name) for name, value in values.items()]

    @tf.function
    def step(gradients):
        wrapped.apply([gradient * 1024.0 for gradient in gradients], variables)
        return gradients

    def held():
        return {
            name: variable.numpy()
            for name, variable in zip(values, variables, strict=True)
        }

    for record, batch in zip([*records[1:], last], batches, strict=True):
        step([tf.constant(batch[name]) for name in values])
        require_same({name: record["updates"][name] for name in values}, held())
    before = held()
    step([tf.fill(value.shape, np.float32(np.inf)) for value in values.values()])
    require_same(before, held())
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
print(json.dumps(test.on_two_replicas()))
"""
ON_REPLICAS = ("GradientDescent", "Momentum", "Adam", "RMSProp", "AdagradDA", "AdamW")


def on_two_replicas():
    """What differs from one device; to be called where there are two logical ones."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    random = np.random.RandomState(0)

    def normal(*shape):
        return random.standard_normal(shape).astype(np.float32)

    values = {"weights": normal(3, 5), "table": normal(7, 2)}
    # [replica, ...] of each step, and what one device gets of both together.
    apart = [
        {
            "weights": normal(2, 3, 5),
            "table values": normal(2, 4, 2),
            "table indices": random.randint(7, size=(2, 4)),
        }
        for _ in range(3)
    ]
    summed = [
        {
            "weights": batch["weights"].sum(0),
            "table values": np.concatenate(batch["table values"]),
            "table indices": np.concatenate(batch["table indices"]),
        }
        for batch in apart
    ]
    problem = values, summed
    differing = []
    for name in ON_REPLICAS:
        kind = f"optimizers.{name}"
        with strategy.scope():
            optimizer = new_optimizer(kind)
            several = new_twin(kind, problem, optimizer=optimizer)
        variables = {name: several.state[name] for name in values}

        def replica_step(batch, optimizer=optimizer, variables=variables):
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            own = {name: array[number] for name, array in batch.items()}
            gradients = [
                gradient_of(name, variable, own) for name, variable in variables.items()
            ]
            optimizer.apply(gradients, list(variables.values()))

        step = tf.function(
            lambda batch, replica_step=replica_step: strategy.run(
                replica_step, (batch,)
            )
        )
        records = training.play(
            new_twin(kind, problem),
            tf1_optimizers.moves({}, summed),
            "eager",
        )
        next(records)
        for batch, record in zip(apart, records, strict=True):
            step(as_tensors(batch))
            received = several.values()
            for name, expected in {**record["slots"], **record["updates"]}.items():
                if not np.array_equal(expected, received[name]):
                    differing.append((kind, name))
    with strategy.scope():
        accumulating = new_optimizer("an accumulation")
        played = new_twin("an accumulation", problem, optimizer=accumulating)
    before = played.values()
    variables = [played.state[name] for name in values]
    refused = ""
    try:
        ones = [tf.ones(value.shape) for value in values.values()]
        strategy.run(lambda: accumulating.apply(ones, variables))
    except NotImplementedError as error:
        refused = str(error)
    require_same(before, played.values())
    with strategy.scope():
        models = [
            new_model("optimizers.GradientDescent"),
            new_model(
                "optimizers.GradientDescent", optimizer=keras.optimizers.SGD(0.1)
            ),
        ]
    for model in models:
        model.fit(*examples(6), batch_size=BATCH, shuffle=False, verbose=0)
    ours, of_keras = (model.get_weights() for model in models)
    pairs = zip(ours, of_keras, strict=True)
    return {
        "differing": differing,
        "refused": refused,
        "clipped": clipped_on(strategy),
        "off": [float(abs(own - other).max()) for own, other in pairs],
        "way": float(abs(ours[0] - initial_values()["table"]).max()),
    }


def clipped_on(strategy):
    """What two replicas' gradients of norms 3 and 4 move a variable by: ours, Keras's."""
    moved = []
    for clip in ({"clip": tf1_semantics.clipping.ByNorm(1.0)}, {"clipnorm": 1.0}):
        with strategy.scope():
            variable = keras.Variable([0.0, 0.0])
            optimizer = tf1_semantics.optimizers.GradientDescent(1.0, **clip)
            optimizer.build([variable])
        gradients = tf.constant([[3.0, 0.0], [0.0, 4.0]])

        def replica_step(optimizer=optimizer, variable=variable, gradients=gradients):
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            optimizer.apply([gradients[number]], [variable])

        strategy.run(replica_step)
        moved.append(variable.numpy().tolist())
    return moved


def test_two_replicas_update_as_one_device_does_on_the_summed_gradients(run_python):
    result = run_python("-c", REPLICAS)
    assert result.returncode == 0, result.stderr[-3000:]
    received = json.loads(result.stdout.splitlines()[-1])
    assert received["differing"] == []
    # Clips see the gradients of a replica, as Keras's clipnorm does: of their sum,
    # [3, 4], there would be [0.6, 0.8] left.
    assert received["clipped"] == [[-1.0, -1.0]] * 2
    assert "must be None on several replicas. Received: 3. Use" in received["refused"]
    # In fit too: Keras's SGD is TF1's.
    assert received["way"] > 0.01 and received["off"] == [0.0, 0.0]
