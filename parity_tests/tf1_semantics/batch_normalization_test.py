"""TF1's fused batch normalisation as a Keras layer, against compat.v1 graphs."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_runs
from tf2_keras import tf1_semantics

WEIGHTS = ("gamma", "beta", "moving_mean", "moving_variance")


class Reference:
    """A compat.v1 graph: one tower to train, one to predict, UPDATE_OPS as one op."""

    def __init__(self, channels, momentum, epsilon, dtype):
        tf1 = tf.compat.v1
        with tf.Graph().as_default() as graph:
            self.x = tf1.placeholder(dtype, [None, None, None, channels])
            self.upstream = tf1.placeholder(dtype, [None, None, None, channels])
            self.weights = {
                name: tf1.get_variable(name, initializer=np.zeros(channels, np.float32))
                for name in WEIGHTS
            }
            gamma, beta, moving_mean, moving_variance = self.weights.values()
            y, mean, variance = tf1.nn.fused_batch_norm(
                self.x, gamma, beta, epsilon=epsilon, is_training=True
            )
            rate = 1.0 - tf.constant(momentum)
            updates = [
                tf1.assign_sub(moving, (moving - batch) * rate)
                for moving, batch in ((moving_mean, mean), (moving_variance, variance))
            ]
            predicted = tf1.nn.fused_batch_norm(
                self.x, gamma, beta, moving_mean, moving_variance, epsilon=epsilon,
                is_training=False,
            )[0]  # fmt: skip
            gradients = [
                dict(
                    zip(
                        ("x", "gamma", "beta"),
                        tf.gradients(output, [self.x, gamma, beta], self.upstream),
                    )
                )
                for output in (y, predicted)
            ]
        self.trained = {"loss": {"y": y}, "gradients": gradients[0]}
        self.inference = {"loss": {"y": predicted}, "gradients": gradients[1]}
        self.update = updates
        self.session = tf1.Session(graph=graph)

    def run(self, weights, batches):
        """Yields {"loss": {"y"}, "gradients", "updates"}; the last batch is predicted."""
        self.session.run(
            [weight.initializer for weight in self.weights.values()],
            {
                self.weights[name].initializer.inputs[1]: weights[name]
                for name in WEIGHTS
            },
        )
        for step, (x, upstream) in enumerate(batches, 1):
            feed = {self.x: x, self.upstream: upstream}
            if step < len(batches):
                happened, _ = self.session.run((self.trained, self.update), feed)
            else:
                happened = self.session.run(self.inference, feed)
            yield {**happened, "updates": self.session.run(self.weights)}


class Twin:
    """The layer, called eagerly or in a function."""

    def __init__(self, channels, momentum, epsilon, dtype):
        self.layer = tf1_semantics.layers.BatchNormalization(momentum, epsilon, dtype=dtype)
        self.layer.build((None, None, None, channels))
        specs = [tf.TensorSpec([None, None, None, channels], dtype)] * 2
        self.functions = {
            training: tf.function(
                functools.partial(self.step, training), input_signature=specs
            )
            for training in (True, False)
        }

    def step(self, training, x, upstream):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = self.layer(x, training=training)
        sources = [x, self.layer.gamma.value, self.layer.beta.value]
        return y, tape.gradient(y, sources, upstream)

    def run(self, weights, batches, level="function"):
        """Yields the same as the reference."""
        for name in WEIGHTS:
            getattr(self.layer, name).assign(weights[name])
        for step, (x, upstream) in enumerate(batches, 1):
            training = step < len(batches)
            if level == "function":
                y, gradients = self.functions[training](x, upstream)
            else:
                y, gradients = self.step(
                    training, tf.constant(x), tf.constant(upstream)
                )
            gradients = dict(zip(("x", "gamma", "beta"), gradients))
            yield {
                "loss": {"y": y.numpy()},
                "gradients": {name: value.numpy() for name, value in gradients.items()},
                "updates": {
                    name: getattr(self.layer, name).numpy() for name in WEIGHTS
                },
            }


@functools.lru_cache(maxsize=None)
def both(channels, momentum, epsilon, dtype):
    arguments = channels, momentum, epsilon, dtype
    return Reference(*arguments), Twin(*arguments)


# (channels, momentum, epsilon, dtype of the input)
LAYERS = [
    (1, 0.9, 1.001e-5, "float32"),
    (3, 0.99, 1e-3, "float32"),
    (8, 0.997, 1e-5, "float32"),
    (2, 0.0, 0.1, "float32"),
    (5, 1.0, 1e-3, "float32"),
    (4, 0.9, 1e-3, "float16"),
    (2, 0.9, 1e-3, "bfloat16"),
]


@st.composite
def problems(draw, layers=tuple(LAYERS)):
    """(layer's arguments, weights, batches of images and upstream gradients)."""
    layer = draw(st.sampled_from(layers))
    channels, dtype = layer[0], layer[-1]
    weights = {name: draw(strategies.arrays((channels,))) for name in WEIGHTS}
    # What is no variance makes NaN at inference; both sides have to make it.
    if draw(st.booleans()):
        weights["moving_variance"] = np.abs(weights["moving_variance"])
    magnitude = draw(st.sampled_from([1.0, 100.0, 1e4 if dtype == "float16" else 1e25]))
    array = functools.partial(strategies.arrays, dtype=dtype, magnitude=magnitude)
    batches = []
    for _ in range(draw(st.integers(1, 4))):
        shape = [draw(st.integers(1, most)) for most in (4, 5, 5)] + [channels]
        batches.append((draw(array(tuple(shape))), draw(array(tuple(shape)))))
    return layer, weights, batches


def require_parity(problem, level):
    layer, weights, batches = problem
    reference, twin = both(*layer)
    comparison = compare_runs(
        reference.run(weights, batches), twin.run(weights, batches, level)
    )
    comparison.require_agreement()
    assert comparison.records == len(batches)


def one_pixel(constant):
    """A batch of one example with one pixel: N is 1, and N - 1 is not a divisor."""
    weights = {name: np.ones(3, np.float32) for name in WEIGHTS}
    x = np.full((1, 1, 1, 3), constant, np.float32)
    return LAYERS[1], weights, [(x, np.ones_like(x))] * 2


@pytest.mark.parametrize("level", ["function", "eager"])
@given(problem=problems())
@example(one_pixel(0.0))
@example(one_pixel(3.5))
def test_training_inference_and_gradients_are_those_of_tf1(level, problem):
    require_parity(problem, level)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_hundred_batches_move_the_statistics_as_in_tf1(layer):
    random = np.random.RandomState(0)
    weights = {
        name: np.full(layer[0], name in ("gamma", "moving_variance"), np.float32)
        for name in WEIGHTS
    }
    images = random.standard_normal((101, 2, 3, 4, layer[0])) * 3 + 1
    upstream = random.standard_normal(images.shape)
    batches = list(zip(images.astype(layer[-1]), upstream.astype(layer[-1])))
    require_parity((layer, weights, batches), "function")
    moved = both(*layer)[1].layer.moving_mean.numpy()
    assert (moved != 0).all() or layer[1] == 1.0


def test_the_moving_variance_gathers_the_samples_and_kerass_own_the_populations():
    """The trap: six pixels of a channel, and Keras remembers five sixths."""
    x = np.random.RandomState(0).standard_normal((1, 2, 3, 4)).astype(np.float32)
    layers = [
        tf1_semantics.layers.BatchNormalization(momentum=0.0),
        keras.layers.BatchNormalization(momentum=0.0),
    ]
    for layer in layers:
        layer(x, training=True)
    sample, population = (layer.moving_variance.numpy() for layer in layers)
    np.testing.assert_allclose(sample, x.var((0, 1, 2), ddof=1), rtol=1e-5)
    np.testing.assert_allclose(population / sample, 5 / 6, rtol=1e-5)


def test_a_layer_that_is_not_told_to_train_does_not():
    layer = tf1_semantics.layers.BatchNormalization()
    layer(np.full((2, 2, 2, 3), 7.0, np.float32))
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))


def test_weights_come_in_the_order_of_keras_own():
    layers = tf1_semantics.layers.BatchNormalization(), keras.layers.BatchNormalization()
    for layer in layers:
        layer.build((None, 2, 2, 3))
    names = [
        ([w.name for w in layer.trainable_weights], [w.name for w in layer.weights])
        for layer in layers
    ]
    assert names[0] == names[1]


def test_a_configuration_makes_the_same_layer_again():
    original = tf1_semantics.layers.BatchNormalization(0.7, 0.01, name="norm")
    copies = [
        tf1_semantics.layers.BatchNormalization.from_config(original.get_config()),
        keras.layers.deserialize(keras.layers.serialize(original)),
    ]
    for copy in copies:
        assert copy.get_config() == original.get_config()
        assert (copy.momentum, copy.epsilon, copy.name) == (0.7, 0.01, "norm")


def test_a_loaded_layer_predicts_alike(tmp_path):
    x = np.random.RandomState(0).standard_normal((4, 3, 3, 2)).astype(np.float32)
    model = keras.Sequential(
        [keras.Input((3, 3, 2)), tf1_semantics.layers.BatchNormalization(0.5)]
    )
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(x), loaded(x))
    assert model(x).numpy().std() > 0


@pytest.mark.parametrize(
    "wrong, value",
    [("momentum", -0.1), ("momentum", 1.1), ("momentum", float("nan"))]
    + [("momentum", None)]
    + [("epsilon", -1e-3), ("epsilon", float("nan")), ("epsilon", None)],
)
def test_bad_arguments_are_told_by_rule_received_and_remedy(wrong, value):
    with pytest.raises(ValueError) as caught:
        tf1_semantics.layers.BatchNormalization(**{wrong: value})
    message = str(caught.value)
    assert message.startswith(f"{wrong} must ")
    assert f". Received: {value}. Use " in message


@pytest.mark.parametrize(
    "shape, dtype",
    [((None, 4), "float32"), ((None, 3, 4), "float32"), ((None, 2, 2, None), "float32")]
    + [((None, 2, 2, 3), "float64")],
)
def test_what_the_kernel_does_not_take_is_refused(shape, dtype):
    with pytest.raises(ValueError, match=r"^\w+ must .*\. Received: .*\. Use .*\.$"):
        tf1_semantics.layers.BatchNormalization(dtype=dtype).build(shape)
