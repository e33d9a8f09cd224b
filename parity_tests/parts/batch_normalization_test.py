"""TF1's batch normalisation as a Keras layer: over many batches, and in a program.

That values, gradients and updates of every kind are TF1's is tested with all layers, in
layers_test.py.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.pair.pair import Pair
from parity_tests.parts.layers import of_layer, passes_twin, twin
from tf1_graph.parts import layer_models
from tf1_graph.parts import layers as tf1_layers
from tf1_graph.parts import update_ops as tf1_update_ops
from tf1_graph.parts.layer_models import CLASSES, FILTERS, HIDDEN, PIXELS
from tf1_graph.parts.update_ops import UPDATE_OPS
from tf2_keras import tf1_semantics, training

PART = "layers.BatchNormalization"
VARIANTS = [variant for variant in tf1_layers.variants() if variant[0] == PART]


@functools.cache
def pair_of(number):
    """The Pair of one of the variants."""
    return Pair(tf1_layers.program(*VARIANTS[number]), twin(*VARIANTS[number]))


@pytest.mark.parametrize("number", range(len(VARIANTS)))
def test_a_hundred_batches_move_the_statistics_as_in_tf1(number):
    arguments, pair = VARIANTS[number][1], pair_of(number)
    ordinary, values = tf1_layers.ordinary(pair.program, *VARIANTS[number])
    (_, batch), _, predicted = ordinary
    moves = [("train", {**batch, "x": batch["x"] * (1 + n % 7)}) for n in range(100)]
    statistics = []
    pair.compare(
        [*moves, predicted],
        "function",
        values,
        on_candidate=lambda record: statistics.append(
            {**record.get("initial values", {}), **record.get("updates", {})}
        ),
    ).require_agreement()
    assert len(statistics) == 102
    before, after = (statistics[n]["layer/moving_mean"] for n in (0, -1))
    assert (after != before).all() or arguments["momentum"] == 1.0


@pytest.mark.parametrize("number", [1, 10])  # fused and not
@pytest.mark.parametrize("content", [0.0, 3.5])
def test_a_single_example_is_that_of_tf1(number, content):
    """N is 1, and N - 1 is no divisor."""
    x = np.full([size or 1 for size in VARIANTS[number][2]["sizes"]], content, "f")
    batch = {"x": x, "upstream": np.ones_like(x)}
    moves = [(move, batch) for move in ("train", "train", "predict")]
    values = {
        name: np.ones(variable.shape, np.float32)
        for name, variable in pair_of(number).program.variables.items()
    }
    for level in ("function", "eager"):
        pair_of(number).compare(moves, level, values).require_agreement()


def test_the_sum_of_three_gradients_has_the_order_of_the_graph():
    """The fault that eager code would have: TensorFlow's own ops, which add otherwise."""

    class Plain(keras.layers.Layer):
        def build(self, _input_shape):
            self.gamma = self.add_weight(shape=(5,), initializer="ones", name="gamma")

        def call(self, x):
            mean, variance = tf.nn.moments(x, [0])
            return tf.nn.batch_normalization(x, mean, variance, None, self.gamma, 1e-3)

    def reference(x, _training):
        with tf.compat.v1.variable_scope("layer", reuse=tf.compat.v1.AUTO_REUSE):
            gamma = tf.compat.v1.get_variable("gamma", initializer=tf.ones([5]))
        mean, variance = tf.compat.v1.nn.moments(x, [0])
        return {"y": tf.nn.batch_normalization(x, mean, variance, None, gamma, 1e-3)}

    layer, problem = Plain(), {"sizes": [None, 5], "dtype": "float32"}
    layer.build((None, 5))
    program = tf1_layers.program_of(reference, problem)
    moves, values = tf1_layers.ordinary(program, PART, {}, problem)
    with Pair(program, of_layer(layer)) as pair:
        pair.compare(moves, "function", values).require_agreement()
        assert not pair.compare(moves, "eager", values).cells["gradients"].ok


# --- a whole program, with UPDATE_OPS and a momentum ---


def classifier(momentum=0.9):
    """The twin of ``layer_models.classifier``."""

    def initial(op_seed):
        return tf1_semantics.initializers.GlorotUniform(seed=(1, op_seed))

    def product(units, op_seed, name):
        return keras.layers.Dense(
            units, use_bias=False, kernel_initializer=initial(op_seed), name=name
        )

    def normalised(name):
        return tf1_semantics.layers.BatchNormalization(momentum=momentum, name=name)

    x = inputs = keras.Input((PIXELS, PIXELS, 1))
    x = keras.layers.Conv2D(
        FILTERS, 3, padding="same", use_bias=False, kernel_initializer=initial(2),
        name="conv",
    )(x)  # fmt: skip
    x = normalised("norm1")(x)
    x = keras.layers.Flatten()(keras.layers.ReLU()(x))
    x = normalised("norm2")(product(HIDDEN, 3, "dense1")(x))
    x = product(CLASSES, 4, "dense2")(keras.layers.ReLU()(x))
    model = keras.Model(inputs, x)
    model.compile(
        tf1_semantics.optimizers.Momentum(0.1, 0.9, name="momentum"),
        tf1_semantics.losses.SparseSoftmaxCrossEntropy(),
        jit_compile=False,
    )
    names = {variable.path: variable.path for variable in model.variables}
    return training.compiled(model, names)


def moves(steps=8):
    """Trains and, at the end, predicts."""
    random = np.random.RandomState(0)
    for step in range(steps):
        size = 8 - step % 2
        x = (random.standard_normal((size, PIXELS, PIXELS, 1)) + 1).astype(np.float32)
        yield "train", {"x": x, "y_true": random.randint(CLASSES, size=size)}
    yield "predict", {"x": x}


def test_a_program_with_update_ops_and_a_momentum_is_that_of_tf1():
    """Where TF1 ran UPDATE_OPS before its train op, the layer's forward pass does."""
    with Pair(layer_models.classifier(), classifier()) as pair:
        for level in ("function", "fit"):
            comparison = pair.compare(moves, level).require_agreement()
            assert comparison.records == 10


def test_a_program_that_forgot_update_ops_is_found_and_told_apart():
    """The fault of TF1 that Keras cannot have: train alike, predict otherwise."""
    program, predicted = layer_models.classifier(run_update_ops=False), []

    def keep(record):
        predicted.extend(record.get("outputs", {}).values())

    with Pair(program, classifier()) as pair:
        comparison = pair.compare(
            moves, "function", on_reference=keep, on_candidate=keep
        )
    assert "moving" in comparison.first_divergence.tensor
    assert comparison.cells["loss"].ok and comparison.cells["gradients"].ok
    assert np.abs(np.subtract(*predicted)).max() > 0.1
    # To migrate it as it was: statistics that never move.
    with Pair(program, classifier(momentum=1.0)) as pair:
        pair.compare(moves, "function").require_agreement()


# --- updates that the caller runs ---

IMAGES = {"sizes": [None, None, None, 3], "dtype": "float32"}


@pytest.mark.parametrize("sizes", [[None, None, None, 3], [None, 3]])
def test_updates_that_the_caller_runs_are_those_of_tf1(sizes):
    """None, of the first pass alone, of both in order; fused and not."""
    problem = {**IMAGES, "sizes": sizes}
    program = tf1_layers.program(UPDATE_OPS, {}, problem)
    with Pair(program, passes_twin(problem)) as pair:
        moves = tf1_update_ops.passes(problem)
        for level in ("function", "eager"):
            comparison = pair.compare(moves, level).require_agreement()
            assert comparison.records == len(moves) + 1


def test_only_updates_of_a_scope_run():
    """As tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope) gave them."""
    nets = [
        tf1_semantics.layers.BatchNormalization(momentum=0.0, name=name)
        for name in ("generator", "discriminator")
    ]
    x = np.full((4, 3), 7.0, np.float32)
    with tf1_semantics.layers.update_ops() as updates:
        for net in nets:
            net(x, training=True)
    assert len(updates) == 4
    updates.run("generator")
    assert [net.moving_mean.numpy()[0] for net in nets] == [7.0, 0.0]
    updates.run()
    nets[1](0 * x, training=True)  # outside, it moves them by itself
    assert [net.moving_mean.numpy()[0] for net in nets] == [7.0, 0.0]


def test_contribs_rate_is_another_float32_than_that_of_tf_layers():
    """1 - 0.9 in float64, then rounded; or a difference of float32s: 4 ULP apart."""
    statistics = []
    for rate in ("contrib", "tf.layers"):
        layer = tf1_semantics.layers.BatchNormalization(momentum=0.9, rate=rate)
        layer(np.full((1, 2, 2, 1), 1.0, np.float32), training=True)
        statistics.append(layer.moving_mean.numpy()[0])
    assert statistics[0] == np.float32(1 - 0.9)
    assert statistics[1] == np.float32(1) - np.float32(0.9)
    assert statistics[0] != statistics[1]


def test_contrib_took_batch_and_channels_through_the_fused_op():
    x = np.random.RandomState(0).standard_normal((6, 4)).astype(np.float32)
    flat, on_four_axes, unfused = (
        tf1_semantics.layers.BatchNormalization(momentum=0.0, rate=rate)
        for rate in ("contrib", "contrib", "tf.layers")
    )
    for phase in (True, False):
        expected = on_four_axes(x[:, None, None], training=phase)[:, 0, 0]
        np.testing.assert_array_equal(flat(x, training=phase), expected, strict=True)
    unfused(x, training=True)
    sample, population = (layer.moving_variance.numpy() for layer in (flat, unfused))
    np.testing.assert_allclose(sample, x.var(0, ddof=1), rtol=1e-5)
    np.testing.assert_allclose(population, x.var(0), rtol=1e-5)


# --- the layer itself ---


def test_the_moving_variance_gathers_the_samples_and_kerass_own_the_populations():
    """The trap: six pixels of a channel, and Keras remembers five sixths."""
    x = np.random.RandomState(0).standard_normal((1, 2, 3, 4)).astype(np.float32)
    normalisations = [
        tf1_semantics.layers.BatchNormalization(momentum=0.0),
        keras.layers.BatchNormalization(momentum=0.0),
        tf1_semantics.layers.BatchNormalization(momentum=0.0, fused=False),
    ]
    for layer in normalisations:
        layer(x, training=True)
    sample, population, unfused = (
        layer.moving_variance.numpy() for layer in normalisations
    )
    np.testing.assert_allclose(sample, x.var((0, 1, 2), ddof=1), rtol=1e-5)
    np.testing.assert_allclose(population / sample, 5 / 6, rtol=1e-5)
    np.testing.assert_allclose(unfused, population, rtol=1e-5)


@pytest.mark.parametrize("fused", [None, False])
def test_statistics_move_from_where_they_are_told_to_start(fused):
    layer = tf1_semantics.layers.BatchNormalization(
        momentum=0.5,
        moving_mean_initializer=keras.initializers.Constant(8.0),
        moving_variance_initializer="zeros",
        fused=fused,
    )
    layer(np.full((1, 2, 2, 1), 2.0, np.float32), training=True)
    assert layer.moving_mean.numpy() == [5.0]
    assert layer.moving_variance.numpy() == [0.0]


@pytest.mark.parametrize("shape", [(2, 2, 2, 3), (2, 3)])
def test_a_layer_that_is_not_told_to_train_does_not(shape):
    layer = tf1_semantics.layers.BatchNormalization()
    layer(np.full(shape, 7.0, np.float32))
    np.testing.assert_array_equal(
        layer.moving_mean.numpy(), np.zeros(3, np.float32), strict=True
    )


def test_fused_is_chosen_as_tf1_chose():
    """True asked for it where possible, and was not heard on other inputs."""
    for arguments, shape, fused in [
        ({}, (None, 2, 2, 3), True),
        ({"fused": True}, (None, 2, 2, 3), True),
        ({"fused": False}, (None, 2, 2, 3), False),
        ({"fused": True}, (None, 3), False),
        ({"axis": -3}, (None, 3, 2, 2), True),
        ({"axis": 2}, (None, 2, 3, 2), False),
        ({}, (None, 2, 2, 2, 3), False),
    ]:
        layer = tf1_semantics.layers.BatchNormalization(momentum=0.0, **arguments)
        layer.build(shape)
        x = np.random.RandomState(0).standard_normal([size or 2 for size in shape])
        layer(x.astype(np.float32), training=True)
        variance = layer.moving_variance.numpy()
        others = tuple(i for i in range(x.ndim) if i != layer.axis % x.ndim)
        expected = x.var(others, ddof=1 if fused else 0)
        np.testing.assert_allclose(variance, expected, rtol=1e-5)


def test_weights_come_in_the_order_of_keras_own():
    names = []
    for module in (tf1_semantics.layers, keras.layers):
        layer = module.BatchNormalization()
        layer.build((None, 2, 2, 3))
        weights = (layer.trainable_weights, layer.weights)
        names.append([[weight.name for weight in known] for known in weights])
    assert names[0] == names[1]


def test_weights_of_half_precision_are_float32():
    for dtype, of_weights in [
        ("float16", "float32"),
        ("bfloat16", "float32"),
        ("mixed_float16", "float32"),
        ("float64", "float64"),
    ]:
        layer = tf1_semantics.layers.BatchNormalization(dtype=dtype)
        layer.build((None, 3))
        assert {weight.dtype for weight in layer.weights} == {of_weights}


@pytest.mark.parametrize("shape", [(3, 3, 2), (5,)])
def test_a_loaded_layer_predicts_alike(shape, tmp_path):
    x = np.random.RandomState(0).standard_normal((4, *shape)).astype(np.float32)
    model = keras.Sequential(
        [keras.Input(shape), tf1_semantics.layers.BatchNormalization(momentum=0.5)]
    )
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(x), loaded(x), strict=True)
    assert model(x).numpy().std() > 0
