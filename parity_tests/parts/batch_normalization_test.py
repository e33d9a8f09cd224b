"""TF1's batch normalisation as a Keras layer: over many batches, and in a program.

That values, gradients and updates of every kind are TF1's is tested with all layers, in
layers_test.py.
"""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.engine.comparison import Comparison, compare_plays
from parity_tests.parts import layer_runs, layers
from tf2_keras import tf1_semantics, training

NAME = "BatchNormalization"
EVERY_CASE = pytest.mark.parametrize("number", range(len(layers.CASES[NAME])))


@EVERY_CASE
def test_a_hundred_batches_move_the_statistics_as_in_tf1(number):
    arguments, sizes, dtype = layers.CASES[NAME][number]
    weights, (batch, _, predicted) = layers.ordinary_problem(NAME, number)
    batches = [(batch[0] * (1 + step % 7), batch[1], True) for step in range(100)] + [
        predicted
    ]
    before = weights["moving_mean"].copy()
    layer_runs.require_parity(layers.both(NAME, number), weights, batches)
    moved = layers.both(NAME, number)[1].layer.moving_mean.numpy()
    assert (moved != before).all() or arguments["momentum"] == 1.0


@pytest.mark.parametrize("number", [1, 10])  # fused and not
@pytest.mark.parametrize("content", [0.0, 3.5])
def test_a_single_example_is_that_of_tf1(number, content):
    """N is 1, and N - 1 is no divisor."""
    reference, twin = layers.both(NAME, number)
    _, sizes, _ = layers.CASES[NAME][number]
    x = np.full([size or 1 for size in sizes], content, np.float32)
    weights = {of: np.ones(each.shape, each.dtype) for of, each in twin.weights.items()}
    batches = [(x, np.ones_like(x), training) for training in (True, True, False)]
    expected = list(reference.run(weights, batches))
    for level in layer_runs.LEVELS:
        compare_plays(expected, twin.run(weights, batches, level)).require_agreement()


def test_the_sum_of_three_gradients_has_the_order_of_the_graph():
    """The fault that eager code would have: TensorFlow's own ops, which add otherwise."""

    class Plain(keras.layers.Layer):
        def build(self, _input_shape):
            self.gamma = self.add_weight(shape=(5,), initializer="ones", name="gamma")

        def call(self, x):
            mean, variance = tf.nn.moments(x, [0])
            return tf.nn.batch_normalization(x, mean, variance, None, self.gamma, 1e-3)

    def reference(x, weights, _training):
        mean, variance = tf.compat.v1.nn.moments(x, [0])
        return {
            "y": tf.nn.batch_normalization(
                x, mean, variance, None, weights["gamma"], 1e-3
            )
        }, []

    plain = layer_runs.pair(reference, Plain(), {}, [None, 5])
    weights, batches = layers.ordinary_problem(NAME, 10)
    weights = {"gamma": weights["gamma"]}
    layer_runs.require_parity(plain, weights, batches, "function")
    with pytest.raises(AssertionError, match="gradients"):
        layer_runs.require_parity(plain, weights, batches, "eager")


# --- a whole program, with UPDATE_OPS and a momentum ---

PIXELS, FILTERS, HIDDEN, CLASSES = 6, 4, 5, 3


class Program(keras.Model):
    # Keras passes them by position, and others by name.
    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, y_pred)
        return tf.reduce_mean(losses)


def new_program(normalisation=tf1_semantics.layers.BatchNormalization):
    """Convolution, fused normalisation, ReLU, product, unfused, ReLU, product."""

    def initial(op_seed):
        return tf1_semantics.initializers.GlorotUniform(seed=(1, op_seed))

    def product(units, op_seed, name):
        return keras.layers.Dense(
            units, use_bias=False, kernel_initializer=initial(op_seed), name=name
        )

    x = inputs = keras.Input((PIXELS, PIXELS, 1))
    x = keras.layers.Conv2D(
        FILTERS, 3, padding="same", use_bias=False, kernel_initializer=initial(2),
        name="conv",
    )(x)  # fmt: skip
    x = normalisation(momentum=0.9, name="norm1")(x)
    x = keras.layers.Flatten()(keras.layers.ReLU()(x))
    x = product(HIDDEN, 3, "dense1")(x)
    x = normalisation(momentum=0.9, name="norm2")(x)
    x = product(CLASSES, 4, "dense2")(keras.layers.ReLU()(x))
    model = Program(inputs, x)
    model.compile(
        tf1_semantics.optimizers.Momentum(0.1, 0.9, name="momentum"), jit_compile=False
    )
    names = {variable.path: variable.path for variable in model.variables}
    return training.Training(model, names, next(batches()))


def batches(steps=8):
    random = np.random.RandomState(0)
    for step in range(steps):
        size = 8 - step % 2
        images = random.standard_normal((size, PIXELS, PIXELS, 1)) + 1
        yield images.astype(np.float32), random.randint(CLASSES, size=size)


class ProgramOfTF1:
    """The same as a compat.v1 graph, with moving statistics in UPDATE_OPS.

    run_update_ops: False for a program that forgot them.
    """

    def __init__(self, initial, run_update_ops=True):
        self.run_update_ops = run_update_ops
        with tf.Graph().as_default() as graph:
            self._build(initial)
        self.session = tf.compat.v1.Session(graph=graph)

    def _build(self, initial):
        tf1 = tf.compat.v1
        self.x = tf1.placeholder(tf.float32, [None, PIXELS, PIXELS, 1])
        self.labels = tf1.placeholder(tf.int64, [None])
        self.variables = {
            path: tf1.get_variable(
                path, initializer=value, trainable="moving" not in path
            )
            for path, value in initial.items()
        }
        logits = self._logits(True)
        self.probabilities = self._logits(False)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(self.labels, logits)
        )
        optimizer = tf1.train.MomentumOptimizer(0.1, 0.9)
        gradients = optimizer.compute_gradients(loss)
        update_ops = tf1.get_collection(tf1.GraphKeys.UPDATE_OPS)
        with tf.control_dependencies(update_ops if self.run_update_ops else []):
            self.train = optimizer.apply_gradients(gradients)
        self.happened = {
            "loss": {"loss": loss},
            "gradients": {each.op.name: gradient for gradient, each in gradients},
        }
        self.state = {
            "slots": {slot.op.name: slot for slot in optimizer.variables()},
            "updates": self.variables,
        }
        self.initialise = tf1.global_variables_initializer()

    def _logits(self, training):
        x = tf.nn.conv2d(self.x, self.variables["conv/kernel"], 1, "SAME")
        x = tf.nn.relu(self._normalised(x, "norm1", training))
        x = tf.reshape(x, [-1, PIXELS * PIXELS * FILTERS])
        x = tf.matmul(x, self.variables["dense1/kernel"])
        x = tf.nn.relu(self._normalised(x, "norm2", training))
        return tf.matmul(x, self.variables["dense2/kernel"])

    def _normalised(self, x, scope, training):
        weights = {
            path.rpartition("/")[2]: each
            for path, each in self.variables.items()
            if path.startswith(scope)
        }
        outputs, updates = layers.batch_normalization(
            x, weights, training, momentum=0.9
        )
        for update in updates:
            tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.UPDATE_OPS, update)
        return outputs["y"]

    def run(self):
        """Yields the records of a run over ``batches``."""
        self.session.run(self.initialise)
        values = self.session.run(self.state)
        yield {"initial values": {**values["updates"], **values["slots"]}}
        for batch in batches():
            feed = dict(zip((self.x, self.labels), batch, strict=False))
            happened, _ = self.session.run((self.happened, self.train), feed)
            yield {**happened, **self.session.run(self.state)}

    def predict(self, x):
        return self.session.run(self.probabilities, {self.x: x})


def initial_values(program):
    return {path: variable.numpy() for path, variable in program.variables.items()}


def test_a_program_with_update_ops_and_a_momentum_is_that_of_tf1():
    """Where TF1 ran UPDATE_OPS before its train op, the layer's forward pass does."""
    program = new_program()
    of_tf1 = ProgramOfTF1(initial_values(program))
    x, _ = next(batches())
    with contextlib.closing(of_tf1.session):
        expected = list(of_tf1.run())
        predicted = of_tf1.predict(x)
    for level in ("function", "fit"):
        comparison = Comparison(expected)
        program.run(batches(), level, comparison.observe)
        comparison.require_agreement()
        assert comparison.records == 9
        np.testing.assert_array_equal(program.predict(x), predicted)


def test_a_program_that_forgot_update_ops_is_found_and_told_apart():
    """The fault of TF1 that Keras cannot have: train alike, predict otherwise."""
    program = new_program()
    of_tf1 = ProgramOfTF1(initial_values(program), run_update_ops=False)
    x, _ = next(batches())
    with contextlib.closing(of_tf1.session):
        expected = list(of_tf1.run())
        predicted = of_tf1.predict(x)
    comparison = Comparison(expected)
    program.run(batches(), "function", comparison.observe)
    comparison.finish()
    assert "moving" in comparison.first_divergence.tensor
    assert comparison.cells["loss"].ok and comparison.cells["gradients"].ok
    assert np.abs(program.predict(x) - predicted).max() > 0.1
    # To migrate it as it was: statistics that never move.
    frozen = new_program(
        lambda _momentum, name: tf1_semantics.layers.BatchNormalization(
            momentum=1.0, name=name
        )
    )
    comparison = Comparison(expected)
    frozen.run(batches(), "function", comparison.observe)
    comparison.require_agreement()
    np.testing.assert_array_equal(frozen.predict(x), predicted)


# --- the layer itself ---


def test_the_moving_variance_gathers_the_samples_and_kerass_own_the_populations():
    """The trap: six pixels of a channel, and Keras remembers five sixths."""
    x = np.random.RandomState(0).standard_normal((1, 2, 3, 4)).astype(np.float32)
    made = [
        tf1_semantics.layers.BatchNormalization(momentum=0.0),
        keras.layers.BatchNormalization(momentum=0.0),
        tf1_semantics.layers.BatchNormalization(momentum=0.0, fused=False),
    ]
    for layer in made:
        layer(x, training=True)
    sample, population, unfused = (layer.moving_variance.numpy() for layer in made)
    np.testing.assert_allclose(sample, x.var((0, 1, 2), ddof=1), rtol=1e-5)
    np.testing.assert_allclose(population / sample, 5 / 6, rtol=1e-5)
    np.testing.assert_allclose(unfused, population, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 2, 2, 3), (2, 3)])
def test_a_layer_that_is_not_told_to_train_does_not(shape):
    layer = tf1_semantics.layers.BatchNormalization()
    layer(np.full(shape, 7.0, np.float32))
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))


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
    made = tf1_semantics.layers.BatchNormalization(), keras.layers.BatchNormalization()
    for layer in made:
        layer.build((None, 2, 2, 3))
    names = [
        ([w.name for w in layer.trainable_weights], [w.name for w in layer.weights])
        for layer in made
    ]
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
    np.testing.assert_array_equal(model(x), loaded(x))
    assert model(x).numpy().std() > 0
