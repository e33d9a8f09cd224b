"""TF1's feed-forward layers as Keras ones, against compat.v1 graphs.

Every variant that TF1's side lists is run on its own, and each layer in a training
program. What is particular to batch normalisation and to dropout has files of its own;
what all parts refuse and how they are configured is in parts_test.py.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.pair.pair import Pair
from parity_tests.parts.layers import of_layer, twin
from parity_tests.parts.pairs import Pairs
from parity_tests.witness import golden, replay
from tf1_graph import session
from tf1_graph.parts import layer_models
from tf1_graph.parts import layers as tf1_layers
from tf2_keras import tf1_semantics, training

MAGNITUDES = {"float16": 1e4, "bfloat16": 1e25, "float32": 1e25, "float64": 1e100}
PAIRS = Pairs(tf1_layers.program, twin)
VARIANTS = list(tf1_layers.variants())
EVERY_VARIANT = pytest.mark.parametrize(
    "part, arguments, problem",
    [
        pytest.param(*variant, id=f"{variant[0]}-{number}")
        for number, variant in enumerate(VARIANTS)
    ],
)


def require_parity(pair, moves, values=None):
    """Fails unless a function and eager code agree with the graph, to the bit."""
    for level in ("function", "eager"):
        comparison = pair.compare(moves, level, values).require_agreement()
        assert comparison.records == len(moves) + 1


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
def plays(draw, program, part, arguments, problem):
    """(moves, values) of awkward data."""
    values = {
        name: draw(
            strategies.arrays(
                tuple(variable.shape), variable.dtype.base_dtype.as_numpy_dtype
            )
        )
        for name, variable in program.variables.items()
    }
    # What is no variance makes NaN at inference; both sides have to make it.
    if "layer/moving_variance" in values and draw(st.booleans()):
        values["layer/moving_variance"] = np.abs(values["layer/moving_variance"])
    moves = []
    for _ in range(draw(st.integers(1, 3))):
        shape = [size or draw(st.integers(1, 6)) for size in problem["sizes"]]
        if part == "layers.MaxPoolingWithArgmax":  # a window of 3 has to fit
            shape = [shape[0], shape[1] + 2, shape[2] + 2, shape[3]]
        of_y = tf1_layers.output_shape(part, arguments, shape)
        batch = {
            "x": draw(arrays(tuple(shape), problem["dtype"])),
            "upstream": draw(arrays(of_y, program.inputs["upstream"].dtype.name)),
        }
        moves.append((draw(st.sampled_from(["train", "predict"])), batch))
    return moves, values


@pytest.mark.parametrize("part", tf1_layers.VARIANTS)
@given(data=st.data())
def test_values_gradients_and_updates_are_those_of_tf1(part, data):
    variant = data.draw(st.sampled_from([v for v in VARIANTS if v[0] == part]))
    pair = PAIRS(*variant)
    require_parity(pair, *data.draw(plays(pair.program, *variant)))


@EVERY_VARIANT
def test_every_variant_is_that_of_tf1_on_ordinary_data(part, arguments, problem):
    """And, without values, from where TF1's initialisers start."""
    pair = PAIRS(part, arguments, problem)
    moves, values = tf1_layers.ordinary(pair.program, part, arguments, problem)
    require_parity(pair, moves, values)
    require_parity(pair, moves)


def test_unfused_normalisation_by_batch_is_that_of_1_15_5_to_the_bit():
    """What the budgets say: it is oneDNN that differs, which runs the fused one."""
    stored, played = golden.Golden(replay.GOLDENS / "parts" / "layers"), 0
    for play, case in tf1_layers.CASES.items():
        of_contrib = case.arguments.get("rate") == "contrib"
        fits = of_contrib or len(case.problem["sizes"]) == 4
        fused = fits and case.arguments.get("fused") is not False
        if case.part != "layers.BatchNormalization" or fused:
            continue
        records = session.play(*tf1_layers.play(case))
        replay.compare(stored, play, records).require_agreement()
        played += 1
    assert played > 8


# --- each in a training program ---

IN_A_PROGRAM = [
    ("AddBias", {}),
    ("BiasAdd", {}),
    ("BatchNormalization", {"momentum": 0.9}),
    ("BatchNormalization", {"momentum": 0.9, "fused": False}),
    ("GroupNormalization", {"groups": 2}),
    ("InstanceNormalization", {}),
    ("LayerNormalization", {}),
    ("LocalResponseNormalization", {"depth_radius": 1}),
    ("MaxPoolingWithArgmax", {"ksize": 2, "strides": 2, "padding": "SAME"}),
    ("ResizeBilinear", {"size": (4, 9)}),
    ("ResizeNearestNeighbor", {"size": (4, 9)}),
]


def moves_of_a_program(steps=4):
    random = np.random.RandomState(0)
    for step in range(steps):
        size = 6 - step % 2  # the last batch is a short one
        x = random.standard_normal((size, *layer_models.IMAGES)).astype(np.float32)
        x[0] = np.round(x[0])  # ties
        y = random.standard_normal((size, 1, 1, layer_models.CHANNELS))
        yield "train", {"x": x, "y_true": y.astype(np.float32)}


class Program(keras.Model):
    """Convolution, the layer, mean square."""

    # Keras passes them by position, and others by name.
    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002
        return tf.reduce_mean(tf.square(y_pred - y))


def trained(part, arguments):
    """The twin of ``layer_models.trained``."""
    layer = getattr(tf1_semantics.layers, part)(**arguments, name="layer")
    inputs = keras.Input(layer_models.IMAGES)
    conv = keras.layers.Conv2D(
        layer_models.CHANNELS,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=tf1_semantics.initializers.GlorotUniform(seed=(1, 2)),
        name="conv",
    )
    outputs = layer(conv(inputs))
    outputs = outputs[0] if isinstance(outputs, tuple) else outputs
    model = Program(inputs, outputs)
    model.compile(
        tf1_semantics.optimizers.Momentum(0.1, 0.9, name="momentum"), jit_compile=False
    )
    names = {variable.path: variable.path for variable in model.variables}
    return training.compiled(model, names)


@pytest.mark.parametrize("part, arguments", IN_A_PROGRAM)
def test_a_training_program_is_that_of_tf1(part, arguments):
    """In a function, in fit and eagerly: loss, gradients, slots and all variables."""
    program = layer_models.trained(f"layers.{part}", arguments)
    with Pair(program, trained(part, arguments)) as pair:
        for level in training.LEVELS:
            comparison = pair.compare(lambda: moves_of_a_program(), level)
            comparison.require_agreement()
            assert comparison.records == 5


def test_max_pooling_of_keras_is_that_of_tf1_ties_and_all():
    """So there is no part for it: of equal maxima the first gets the gradient."""

    def pooled(x, _training):
        return {"y": tf.compat.v1.nn.max_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], "SAME")}

    layer = keras.layers.MaxPooling2D(3, 2, "same")
    problem = {"sizes": [None, None, None, 2], "dtype": "float32"}
    random = np.random.RandomState(0)
    moves = []
    for x in (random.randint(0, 2, (3, 7, 6, 2)), np.zeros((2, 5, 8, 2))):
        of_y = (len(x), *(-(-size // 2) for size in x.shape[1:3]), 2)
        upstream = random.standard_normal(of_y).astype(np.float32)
        moves.append(("train", {"x": x.astype(np.float32), "upstream": upstream}))
    with Pair(tf1_layers.program_of(pooled, problem), of_layer(layer)) as pair:
        require_parity(pair, moves)
    # All maxima of one window are equal: the gradient is at its first pixel alone.
    x, upstream = np.zeros((1, 3, 3, 2), np.float32), np.ones((1, 1, 1, 2), np.float32)
    valid = of_layer(keras.layers.MaxPooling2D(3, 3, "valid"))
    seen = valid.step("train", valid.batch({"x": x, "upstream": upstream}))
    gradient = seen["gradients"]["x"].numpy()
    assert gradient.sum() == 2 and gradient[0, 0, 0, 0] == 1


def test_indices_of_maxima_are_of_either_integer_dtype():
    x = np.random.RandomState(0).randint(0, 3, (2, 4, 4, 1)).astype(np.float32)
    of_64, of_32 = (
        tf1_semantics.layers.MaxPoolingWithArgmax(2, 2, "SAME", output_dtype=dtype)(x)[
            1
        ]
        for dtype in ("int64", "int32")
    )
    assert (of_64.dtype, of_32.dtype) == (tf.int64, tf.int32)
    np.testing.assert_array_equal(of_64, tf.cast(of_32, tf.int64), strict=True)


# --- what is refused ---

IMAGES = (2, 4, 4, 3)
MADE = {
    "AddBias": {},
    "BatchNormalization": {},
    "GroupNormalization": {"groups": 1},
    "InstanceNormalization": {},
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
        ("BatchNormalization", {"axis": -3}, (None, 3)),
        ("BatchNormalization", {"dtype": "float64"}, (None, 2, 2, 3)),
        ("GroupNormalization", {"groups": 2}, (None, 3, 3, 3)),
        ("GroupNormalization", {"groups": 1}, (None, None, 3, 3)),
        ("GroupNormalization", {"groups": 1}, (None, 3)),
        ("GroupNormalization", {"groups": 1, "channels_axis": 1}, (None, 3, 3, 3)),
        ("InstanceNormalization", {}, (None, 3)),
        ("InstanceNormalization", {}, (None, 3, None)),
        ("LayerNormalization", {"begin_norm_axis": 2}, (None, 3)),
        ("LayerNormalization", {"begin_norm_axis": -3}, (None, 3)),
        ("LayerNormalization", {"begin_params_axis": 2}, (None, 3)),
        ("LayerNormalization", {"begin_params_axis": 1}, (None, None, 3)),
        ("LayerNormalization", {"begin_params_axis": -3}, (None, 3)),
        ("LocalResponseNormalization", {}, (None, 3)),
        ("LocalResponseNormalization", {"dtype": "float64"}, (None, 2, 2, 3)),
        ("ResizeBilinear", {"size": (3, 3)}, (None, 2, 3)),
        ("ResizeNearestNeighbor", {"size": (3, 3)}, (2, 3)),
        ("ResizeNearestNeighbor", {"size": (3, 3)}, (2, 3, 3, 3, 3)),
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


def test_the_outermost_axes_are_taken():
    for name, arguments in (
        ("BatchNormalization", {"axis": -2}),
        ("BatchNormalization", {"axis": 0}),
        ("LayerNormalization", {"begin_norm_axis": -2, "begin_params_axis": -2}),
        ("LayerNormalization", {"begin_norm_axis": 0, "begin_params_axis": 1}),
    ):
        getattr(tf1_semantics.layers, name)(**arguments).build((2, 3))


@pytest.mark.parametrize("axis", [1, 3])
def test_five_axes_are_no_images_to_the_fused_kernel(axis):
    layer = tf1_semantics.layers.BatchNormalization(axis=axis)
    x = np.random.RandomState(0).standard_normal((2, 3, 4, 3, 2)).astype(np.float32)
    y = layer(x, training=True).numpy()
    others = tuple(other for other in range(5) if other != axis)
    np.testing.assert_allclose(y.mean(others), np.zeros(3), atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, 0.01 * x.mean(others), atol=1e-6)


# --- planted faults ---

FAULTS = {
    "wrong epsilon": ("LayerNormalization", 0, {"epsilon": 1e-7}, "outputs"),
    "the last axis alone": (
        "LayerNormalization",
        1,
        {"begin_norm_axis": -1},
        "outputs",
    ),
    "Keras's epsilon": ("GroupNormalization", 4, {"epsilon": 1e-6}, "outputs"),
    "an epsilon too large": ("InstanceNormalization", 0, {"epsilon": 1e-5}, "outputs"),
    "half pixels": ("ResizeBilinear", 0, {"half_pixel_centers": True}, "outputs"),
    "aligned corners": ("ResizeNearestNeighbor", 0, {"align_corners": True}, "outputs"),
    "one neighbour less": (
        "LocalResponseNormalization",
        0,
        {"depth_radius": 4},
        "outputs",
    ),
    "indices in the whole batch": (
        "MaxPoolingWithArgmax",
        0,
        {"include_batch_in_index": True},
        "outputs",
    ),
    "wrong momentum": ("BatchNormalization", 10, {"momentum": 0.90001}, "updates"),
    "wrong epsilon, unfused": (
        "BatchNormalization",
        15,
        {"epsilon": 1.001e-3},
        "outputs",
    ),
    "sample variance": ("BatchNormalization", 15, {"fused": None}, "updates"),
    "another start": ("AddBias", 0, {"initializer": "ones"}, "initial values"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault):
    name, number, changed, stage = FAULTS[fault]
    part, arguments, problem = [v for v in VARIANTS if v[0] == f"layers.{name}"][number]
    pair = PAIRS(part, {**arguments, **changed}, problem, of_twin=arguments)
    moves, values = tf1_layers.ordinary(pair.program, part, arguments, problem)
    if stage == "initial values":
        values = None
    comparison = pair.compare(moves, "function", values)
    assert not comparison.ok and comparison.cells[stage].ok is False
