"""TF1's feed-forward layers as Keras ones, against compat.v1 graphs.

Every case of the descriptors is run on its own, and each layer in a training program.
What is particular to batch normalisation and to dropout has files of its own; what all
parts refuse and how they are configured is in parts_test.py.
"""

import contextlib
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import Comparison, compare_plays
from parity_tests.parts import layer_runs, layers
from tf2_keras import tf1_semantics, training

MAGNITUDES = {"float16": 1e4, "bfloat16": 1e25, "float32": 1e25, "float64": 1e100}


def arrays(shape, dtype):
    if dtype == "uint8":
        return st.integers(0, 2**32 - 1).map(
            lambda seed: (
                np.random.RandomState(seed).randint(0, 256, shape).astype(dtype)
            )
        )
    return st.sampled_from([1.0, 100.0, MAGNITUDES[dtype]]).flatmap(
        lambda magnitude: strategies.arrays(shape, dtype, magnitude=magnitude)
    )


@st.composite
def problems(draw, name):
    """(number of the case, weights, batches); a batch is (x, upstream, training)."""
    number = draw(st.integers(0, len(layers.CASES[name]) - 1))
    _, sizes, dtype = layers.CASES[name][number]
    reference, twin = layers.both(name, number)
    weights = {
        of: draw(strategies.arrays(tuple(weight.shape), weight.dtype))
        for of, weight in twin.weights.items()
    }
    # What is no variance makes NaN at inference; both sides have to make it.
    if "moving_variance" in weights and draw(st.booleans()):
        weights["moving_variance"] = np.abs(weights["moving_variance"])
    batches = []
    for _ in range(draw(st.integers(1, 3))):
        shape = tuple(size or draw(st.integers(1, 6)) for size in sizes)
        if name == "MaxPoolingWithArgmax":  # a window of 3 has to fit
            shape = (shape[0], shape[1] + 2, shape[2] + 2, shape[3])
        x = draw(arrays(shape, dtype))
        y = twin.outputs(tf.constant(x), False)[0]
        of_y = reference.output.dtype.as_numpy_dtype
        upstream = draw(arrays(tuple(y.shape), np.dtype(of_y).name))
        batches.append((x, upstream, draw(st.booleans())))
    return number, weights, batches


@pytest.mark.parametrize("name", layers.CASES)
@given(data=st.data())
def test_values_gradients_and_updates_are_those_of_tf1(name, data):
    number, weights, batches = data.draw(problems(name))
    reference, twin = layers.both(name, number)
    expected = list(reference.run(weights, batches))
    for level in layer_runs.LEVELS:
        comparison = compare_plays(expected, twin.run(weights, batches, level))
        comparison.require_agreement()
        assert comparison.records == len(batches)


@pytest.mark.parametrize(
    "name, number",
    [
        (name, number)
        for name, cases in layers.CASES.items()
        for number in range(len(cases))
    ],
)
def test_every_case_is_that_of_tf1_on_ordinary_data(name, number):
    problem = layers.ordinary_problem(name, number)
    reference, twin = layers.both(name, number)
    expected = list(reference.run(*problem))
    for level in layer_runs.LEVELS:
        compare_plays(expected, twin.run(*problem, level)).require_agreement()


# --- each in a training program ---

IN_A_PROGRAM = [
    ("AddBias", {}),
    ("BiasAdd", {}),
    ("BatchNormalization", {"momentum": 0.9}),
    ("BatchNormalization", {"momentum": 0.9, "fused": False}),
    ("LayerNormalization", {}),
    ("LocalResponseNormalization", {"depth_radius": 1}),
    ("MaxPoolingWithArgmax", {"ksize": 2, "strides": 2, "padding": "SAME"}),
    ("ResizeBilinear", {"size": (4, 9)}),
    ("ResizeNearestNeighbor", {"size": (4, 9)}),
]
CHANNELS = 4


def batches_of_a_program(steps=4):
    random = np.random.RandomState(0)
    for step in range(steps):
        size = 6 - step % 2  # the last batch is a short one
        x = random.standard_normal((size, 6, 5, 3)).astype(np.float32)
        x[0] = np.round(x[0])  # ties
        yield x, random.standard_normal((size, 1, 1, CHANNELS)).astype(np.float32)


class Program(keras.Model):
    """Convolution, the layer, mean square."""

    # Keras passes them by position, and others by name.
    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002
        return tf.reduce_mean(tf.square(y_pred - y))


def new_program(layer):
    inputs = keras.Input((6, 5, 3))
    kernel = tf1_semantics.initializers.GlorotUniform(seed=(1, 2))
    outputs = layer(
        keras.layers.Conv2D(
            CHANNELS, 3, padding="same", use_bias=False, kernel_initializer=kernel,
            name="conv",
        )(inputs)
    )  # fmt: skip
    outputs = outputs[0] if isinstance(outputs, tuple) else outputs
    model = Program(inputs, outputs)
    model.compile(
        tf1_semantics.optimizers.Momentum(0.1, 0.9, name="momentum"), jit_compile=False
    )
    names = {variable.path: variable.path for variable in model.variables}
    return training.Training(model, names, next(batches_of_a_program()))


def program_of_tf1(name, arguments, initial):
    """Yields the records of the same program as a compat.v1 graph."""
    tf1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        x = tf1.placeholder(tf.float32, [None, 6, 5, 3])
        target = tf1.placeholder(tf.float32, [None] * 4)
        variables = {
            path: tf1.get_variable(
                path, initializer=value, trainable="moving" not in path
            )
            for path, value in initial.items()
        }
        hidden = tf1.nn.conv2d(x, variables["conv/kernel"], [1, 1, 1, 1], "SAME")
        weights = {path.rpartition("/")[2]: each for path, each in variables.items()}
        outputs, updates = layers.REFERENCES[name][1](
            hidden, weights, True, **arguments
        )
        loss = tf.reduce_mean(tf.square(next(iter(outputs.values())) - target))
        optimizer = tf1.train.MomentumOptimizer(0.1, 0.9)
        gradients = optimizer.compute_gradients(loss)
        with tf.control_dependencies(updates):
            train = optimizer.apply_gradients(gradients)
        happened = {
            "loss": {"loss": loss},
            "gradients": {each.op.name: gradient for gradient, each in gradients},
        }
        state = {
            "slots": {slot.op.name: slot for slot in optimizer.variables()},
            "updates": variables,
        }
        initialise = tf1.global_variables_initializer()
    with contextlib.closing(tf1.Session(graph=graph)) as session:
        session.run(initialise)
        values = session.run(state)
        yield {"initial values": {**values["updates"], **values["slots"]}}
        for batch in batches_of_a_program():
            of_step, _ = session.run(
                (happened, train), dict(zip((x, target), batch, strict=False))
            )
            yield {**of_step, **session.run(state)}


@pytest.mark.parametrize("name, arguments", IN_A_PROGRAM)
def test_a_training_program_is_that_of_tf1(name, arguments):
    """In a function, in fit and eagerly: loss, gradients, slots and all variables."""
    layer = getattr(tf1_semantics.layers, name)(**arguments, name="layer")
    program = new_program(layer)
    initial = {path: each.numpy() for path, each in program.variables.items()}
    expected = list(program_of_tf1(name, arguments, initial))
    for level in ("function", "fit", "eager"):
        comparison = Comparison(expected)
        program.run(batches_of_a_program(), level, comparison.observe)
        comparison.require_agreement()
        assert comparison.records == 5


def test_max_pooling_of_keras_is_that_of_tf1_ties_and_all():
    """So there is no part for it: of equal maxima the first gets the gradient."""

    def pooled(x, _weights, _training):
        return {
            "y": tf.compat.v1.nn.max_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], "SAME")
        }, []

    layer = keras.layers.MaxPooling2D(3, 2, "same")
    both = layer_runs.pair(pooled, layer, {}, [None, None, None, 2])
    random = np.random.RandomState(0)
    batches = []
    for content in (random.randint(0, 2, (3, 7, 6, 2)), np.zeros((2, 5, 8, 2))):
        y_shape = (len(content), *(-(-size // 2) for size in content.shape[1:3]), 2)
        upstream = random.standard_normal(y_shape).astype(np.float32)
        batches.append((content.astype(np.float32), upstream, True))
    for level in layer_runs.LEVELS:
        layer_runs.require_parity(both, {}, batches, level)
    # All maxima of one window are equal: the gradient is at its first pixel alone.
    x, upstream = np.zeros((1, 3, 3, 2), np.float32), np.ones((1, 1, 1, 2), np.float32)
    valid = keras.layers.MaxPooling2D(3, 3, "valid")
    (record,) = layer_runs.Twin(valid).run({}, [(x, upstream, True)], "eager")
    assert (
        record["gradients"]["x"].sum() == 2
        and record["gradients"]["x"][0, 0, 0, 0] == 1
    )


def test_indices_of_maxima_are_of_either_integer_dtype():
    x = np.random.RandomState(0).randint(0, 3, (2, 4, 4, 1)).astype(np.float32)
    of_64, of_32 = (
        tf1_semantics.layers.MaxPoolingWithArgmax(2, 2, "SAME", output_dtype=dtype)(x)[
            1
        ]
        for dtype in ("int64", "int32")
    )
    assert (of_64.dtype, of_32.dtype) == (tf.int64, tf.int32)
    np.testing.assert_array_equal(of_64, of_32)


# --- what is refused ---

IMAGES = (2, 4, 4, 3)
MADE = {
    "AddBias": {},
    "BatchNormalization": {},
    "LayerNormalization": {},
    "LocalResponseNormalization": {},
    "MaxPoolingWithArgmax": {"ksize": 2, "strides": 2, "padding": "SAME"},
    "ResizeBilinear": {"size": (3, 3)},
    "ResizeNearestNeighbor": {"size": (3, 3)},
    "Dropout": {"keep_prob": 0.5, "seed": 1},
}
# Without a sum or a product that XLA could order or fuse otherwise.
UNDER_XLA = {"AddBias", "ResizeNearestNeighbor"}


@pytest.mark.parametrize("name", sorted(set(MADE) - UNDER_XLA))
def test_xla_which_computes_otherwise_is_refused(name):
    layer = getattr(tf1_semantics.layers, name)(**MADE[name])
    layer.build(IMAGES)
    options = {"training": True} if name in ("Dropout", "BatchNormalization") else {}
    compiled = tf.function(functools.partial(layer, **options), jit_compile=True)
    with pytest.raises(NotImplementedError, match="Use jit_compile=False"):
        compiled(tf.zeros(IMAGES))


@pytest.mark.parametrize(
    "name, arguments, shape",
    [
        ("AddBias", {}, (None, None)),
        ("BatchNormalization", {}, (None, 2, 2, None)),
        ("BatchNormalization", {}, (3,)),
        ("BatchNormalization", {"axis": 2}, (None, 3)),
        ("BatchNormalization", {"dtype": "float64"}, (None, 2, 2, 3)),
        ("LayerNormalization", {"begin_norm_axis": 2}, (None, 3)),
        ("LayerNormalization", {"begin_params_axis": 1}, (None, None, 3)),
        ("LayerNormalization", {"begin_params_axis": -3}, (None, 3)),
        ("LocalResponseNormalization", {}, (None, 3)),
        ("LocalResponseNormalization", {"dtype": "float64"}, (None, 2, 2, 3)),
        ("ResizeBilinear", {"size": (3, 3)}, (None, 2, 3)),
        ("ResizeNearestNeighbor", {"size": (3, 3)}, (2, 3)),
        ("MaxPoolingWithArgmax", MADE["MaxPoolingWithArgmax"], (None, 2, 3)),
    ],
)
def test_an_input_that_does_not_suit_is_refused_and_nothing_is_made(
    name, arguments, shape
):
    layer = getattr(tf1_semantics.layers, name)(**arguments)
    with pytest.raises(ValueError, match=r"^\w+ must .*\. Received: .*\. Use .*\.$"):
        layer.build(shape)
    assert not layer.weights


# --- planted faults ---


def _other(name, **changed):
    """The reference with one argument changed."""

    def reference(x, weights, training, **arguments):
        return layers.REFERENCES[name][1](
            x, weights, training, **{**arguments, **changed}
        )

    return reference


FAULTS = {
    "wrong epsilon": ("LayerNormalization", 0, {"epsilon": 1e-7}, "loss"),
    "the last axis alone": ("LayerNormalization", 1, {"begin_norm_axis": -1}, "loss"),
    "half pixels": ("ResizeBilinear", 0, {"half_pixel_centers": True}, "loss"),
    "aligned corners": ("ResizeNearestNeighbor", 0, {"align_corners": True}, "loss"),
    "one neighbour less": (
        "LocalResponseNormalization",
        0,
        {"depth_radius": 4},
        "loss",
    ),
    "indices in the whole batch": (
        "MaxPoolingWithArgmax",
        0,
        {"include_batch_in_index": True},
        "loss",
    ),
    "wrong momentum": ("BatchNormalization", 10, {"momentum": 0.90001}, "updates"),
    "wrong epsilon, unfused": ("BatchNormalization", 15, {"epsilon": 1.001e-3}, "loss"),
    "sample variance": ("BatchNormalization", 15, {"fused": None}, "updates"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault):
    name, number, changed, stage = FAULTS[fault]
    arguments, sizes, dtype = layers.CASES[name][number]
    layer = getattr(tf1_semantics.layers, name)(**arguments, dtype=dtype)
    reference, twin = layer_runs.pair(
        _other(name, **changed), layer, arguments, sizes, dtype
    )
    problem = layers.ordinary_problem(name, number)
    comparison = compare_plays(reference.run(*problem), twin.run(*problem))
    assert not comparison.ok and comparison.cells[stage].ok is False
