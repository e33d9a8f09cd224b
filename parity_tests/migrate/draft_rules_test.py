"""Claims about single rules: small graphs, each drafted, proven, and said by its name."""

import pytest
import tensorflow.compat.v1 as tf

from parity_tests.pair.drafting import finding, proving

STEPS = 3
UNITS = 4


def proven(build, seed=3, **names):
    """The ``Proof`` of a graph whose ``build(x)`` returns [batch, UNITS] and a train op's
    optimizer; or a whole graph, if it returns nothing.
    """
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(seed)
        build()
        meta_graph = tf.train.export_meta_graph(graph=graph)
    names = finding.found(meta_graph, finding.Names(**names))
    return proving.proven(meta_graph, names, "model.meta", STEPS)


def trained(y_pred, optimizer, global_step=None, clip=None):
    """Adds the loss and the train op of a model."""
    y_true = tf.placeholder(tf.float32, [None, *y_pred.shape.as_list()[1:]], "y_true")
    loss = tf.reduce_mean(tf.square(y_pred - y_true), name="loss")
    pairs = optimizer.compute_gradients(loss)
    if clip is not None:
        gradients, variables = zip(*pairs, strict=True)
        pairs = list(zip(clip(gradients), variables, strict=True))
    optimizer.apply_gradients(pairs, global_step, name="train")


def weights(name, shape, seed=7):
    return tf.get_variable(name, initializer=tf.random_normal(shape, seed=seed))


def dense():
    x = tf.placeholder(tf.float32, [None, 3], "x")
    return tf.nn.bias_add(
        tf.matmul(x, weights("dense/kernel", [3, UNITS])),
        tf.get_variable("dense/bias", initializer=tf.zeros([UNITS])),
    )


train = tf.train
OPTIMIZERS = {
    "optimizers.GradientDescent(": lambda: train.GradientDescentOptimizer(0.1),
    "Momentum(": lambda: train.MomentumOptimizer(0.1, 0.8),
    "use_nesterov=True": lambda: train.MomentumOptimizer(0.1, 0.8, use_nesterov=True),
    "beta1=config.beta1": lambda: train.AdamOptimizer(0.01, 0.8, 0.99, 1e-4),
    "RMSProp(": lambda: train.RMSPropOptimizer(0.01, 0.8, 0.5, 1e-6),
    "centered=True": lambda: train.RMSPropOptimizer(0.01, centered=True),
    "initial_accumulator_value=0.3": lambda: train.AdagradOptimizer(0.1, 0.3),
    "Adadelta(": lambda: train.AdadeltaOptimizer(0.5, 0.9, 1e-6),
    "Ftrl(": lambda: train.FtrlOptimizer(0.1, l1_regularization_strength=0.01),
    "ProximalGradientDescent(": lambda: train.ProximalGradientDescentOptimizer(
        0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02
    ),
    "ProximalAdagrad(": lambda: train.ProximalAdagradOptimizer(
        0.1, l1_regularization_strength=0.01
    ),
}


@pytest.mark.parametrize("said", OPTIMIZERS)
def test_an_optimizer_is_drafted_as_its_part(said):
    proof = proven(lambda: trained(dense(), OPTIMIZERS[said]()))
    assert proof.is_equal, proof.status
    assert said in proof.source


def test_what_starts_orthogonal_is_drafted_as_such():
    def build():
        x = tf.placeholder(tf.float32, [None, 3], "x")
        starts = tf.orthogonal_initializer(2.0, seed=7)
        kernel = tf.get_variable("kernel", [3, UNITS], initializer=starts)
        trained(tf.matmul(x, kernel), train.GradientDescentOptimizer(0.1))

    proof = proven(build)
    assert proof.is_equal, proof.status
    assert "initializers.Orthogonal(" in proof.source and "gain=2.0" in proof.source


SCHEDULES = {
    "ExponentialDecay(": lambda step: train.exponential_decay(0.1, step, 2, 0.5, True),
    "staircase=True": lambda step: train.exponential_decay(0.1, step, 2, 0.5, True),
    "InverseTimeDecay(": lambda step: train.inverse_time_decay(0.1, step, 2, 0.5),
    "NaturalExpDecay(": lambda step: train.natural_exp_decay(0.1, step, 2, 0.5),
    "PolynomialDecay(": lambda step: train.polynomial_decay(0.1, step, 5, 0.01, 2.0),
    "CosineDecay(": lambda step: train.cosine_decay(0.1, step, 5, 0.1),
    "boundaries: tuple = (1, 2)": lambda step: train.piecewise_constant(
        step, [1, 2], [0.1, 0.05, 0.01]
    ),
}


@pytest.mark.parametrize("said", SCHEDULES)
def test_a_decay_is_drafted_as_its_part(said):
    def build():
        step = train.get_or_create_global_step()
        rate = SCHEDULES[said](step)
        trained(dense(), train.GradientDescentOptimizer(rate), step)

    proof = proven(build)
    assert proof.is_equal, proof.status
    assert said in proof.source


CLIPS = {
    "ByValue(": lambda gradients: [
        tf.clip_by_value(gradient, -0.01, 0.02) for gradient in gradients
    ],
    "ByNorm(": lambda gradients: [tf.clip_by_norm(g, 0.05) for g in gradients],
    "ByGlobalNorm(": lambda gradients: tf.clip_by_global_norm(gradients, 0.05)[0],
}


@pytest.mark.parametrize("said", CLIPS)
def test_a_clip_is_drafted_as_its_part(said):
    proof = proven(
        lambda: trained(dense(), train.MomentumOptimizer(0.1, 0.9), clip=CLIPS[said])
    )
    assert proof.is_equal, proof.status
    assert f"clipping.{said}" in proof.source


def images(channels=2, size=8):
    return tf.placeholder(tf.float32, [None, size, size, channels], "x")


def conv1d():
    x = tf.placeholder(tf.float32, [None, 8, 2], "x")
    return tf.nn.conv1d(x, weights("conv/kernel", [3, 2, 3]), 2, "SAME")


def conv3d():
    x = tf.placeholder(tf.float32, [None, 4, 4, 4, 2], "x")
    return tf.nn.conv3d(x, weights("c/kernel", [2, 2, 2, 2, 3]), [1] * 5, "VALID")


def transposed():
    x = images()
    shape = tf.stack([tf.shape(x)[0], 16, 16, 3])
    kernel = weights("up/kernel", [2, 2, 3, 2])
    y = tf.nn.conv2d_transpose(x, kernel, shape, [1, 2, 2, 1])
    y.set_shape([None, 16, 16, 3])
    return y


def separable():
    return tf.nn.separable_conv2d(
        images(),
        weights("separable/depthwise", [3, 3, 2, 2]),
        weights("separable/pointwise", [1, 1, 4, 3]),
        [1, 1, 1, 1],
        "SAME",
    )


def pooled():
    x = tf.nn.conv2d(images(), weights("conv/kernel", [3, 3, 2, 3]), 1, "SAME")
    x = tf.nn.leaky_relu(x, 0.1)
    return tf.nn.avg_pool2d(tf.nn.max_pool2d(x, 2, 2, "VALID"), 3, 1, "SAME")


def activations():
    x = dense()
    for function in (tf.nn.elu, tf.tanh, tf.sigmoid, tf.nn.softplus, tf.nn.selu):
        x = function(x)
    return tf.nn.softmax(x)


def embedded():
    x = tf.placeholder(tf.int32, [None, 5], "x")
    table = weights("embedding/table", [9, 3])
    return tf.reduce_mean(tf.nn.embedding_lookup(table, x), 1)


LAYERS = {
    "keras.layers.Conv1D(": conv1d,
    "keras.layers.Conv3D(": conv3d,
    "keras.layers.Conv2DTranspose(": transposed,
    "keras.layers.DepthwiseConv2D(": separable,
    "keras.layers.AveragePooling2D(": pooled,
    "keras.layers.Softmax()": activations,
    "keras.layers.Embedding(": embedded,
}


@pytest.mark.parametrize("said", LAYERS)
def test_a_layer_is_drafted_as_keras_s(said):
    proof = proven(lambda: trained(LAYERS[said](), train.GradientDescentOptimizer(0.1)))
    assert proof.is_equal, proof.status
    assert said in proof.source
    assert "raw_ops" not in proof.source and "(keras.layers.Layer)" not in proof.source


def normalized(x, axes, epsilon, names=("beta", "gamma")):
    """As contrib's layer_norm and instance_norm wrote it."""
    mean, variance = tf.nn.moments(x, axes, keepdims=True)
    starts = {"beta": tf.zeros, "gamma": tf.ones}
    beta, gamma = (
        tf.get_variable(f"norm/{name}", initializer=starts[name](x.shape[-1:]))
        if name in names
        else None
        for name in ("beta", "gamma")
    )
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


NORMS = {
    "LayerNormalization(name": lambda: normalized(dense(), [1], 1e-12),
    "LayerNormalization(\n": lambda: normalized(conv1d(), [2], 1e-5),
    "center=False": lambda: normalized(dense(), [1], 1e-12, ["gamma"]),
    "InstanceNormalization(name": lambda: normalized(pooled(), [1, 2], 1e-6),
}


@pytest.mark.parametrize("said", NORMS)
def test_a_norm_of_each_example_is_drafted_as_its_part(said):
    proof = proven(lambda: trained(NORMS[said](), train.AdamOptimizer(0.01)))
    assert proof.is_equal, proof.status
    assert said in proof.source
    assert "(keras.layers.Layer)" not in proof.source


@pytest.mark.parametrize("said", ["beta1=config.beta1", "Momentum(", "RMSProp("])
def test_rows_of_an_embedding_are_updated_as_tf1_did(said):
    proof = proven(lambda: trained(embedded(), OPTIMIZERS[said]()))
    assert proof.is_equal, proof.status
    assert said in proof.source


def test_noise_in_the_forward_pass_goes_on_from_step_to_step():
    def build():
        x = dense()
        trained(x + tf.random_normal(tf.shape(x), seed=5), train.AdamOptimizer(0.01))

    proof = proven(build)
    assert proof.is_equal, proof.status
    assert "tf1_semantics.random.Normal(" in proof.source


def tied(is_transposed):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    kernel = weights("shared/kernel", [3, 3])
    hidden = tf.nn.relu(tf.matmul(x, kernel))
    y_pred = tf.matmul(hidden, kernel, transpose_b=is_transposed)
    trained(y_pred, train.GradientDescentOptimizer(0.1))


def test_a_layer_that_is_called_twice_is_one():
    proof = proven(lambda: tied(False))
    assert proof.is_equal, proof.status
    assert "    shared = keras.layers.Dense(\n" in proof.source
    assert proof.source.count("shared(x)") == 2


def test_a_weight_that_two_layers_share_is_refused():
    with pytest.raises(ValueError, match="one layer.*shared/kernel"):
        proven(lambda: tied(True))


def test_what_begins_without_a_seed_is_compared_from_tf1_s_values_on():
    def build():
        x = tf.placeholder(tf.float32, [None, 3], "x")
        kernel = tf.get_variable("kernel", [3, UNITS])
        bias = tf.get_variable("bias", [UNITS], initializer=tf.zeros_initializer())
        y_pred = tf.nn.bias_add(tf.matmul(x, kernel), bias)
        trained(y_pred, train.GradientDescentOptimizer(0.1))

    proof = proven(build, seed=None)
    assert not proof.is_equal and proof.divergence is None
    assert proof.status[0].startswith("NOT COMPARED: initial values of kernel, which")
    assert proof.status[1].endswith("the other initial values,")


def siamese(first_alone):
    """Two layers are called by two inputs each, the first one once more."""

    kernels = [
        weights(f"tower/fc{layer}/kernel", [UNITS, UNITS], layer) for layer in (1, 2)
    ]

    def embedded(x, depth=2):
        x = tf.nn.relu(tf.matmul(x, kernels[0]))
        return tf.matmul(x, kernels[1]) if depth == 2 else x

    left, right = (tf.placeholder(tf.float32, [None, UNITS], n) for n in ("a", "b"))
    y_pred = embedded(left) - embedded(right)
    if first_alone:
        y_pred += tf.stop_gradient(embedded(left, depth=1))
    trained(y_pred, train.GradientDescentOptimizer(0.1))


@pytest.mark.parametrize("first_alone", [False, True])
def test_a_row_of_layers_that_is_called_again_is_one_unless_one_is_called_alone(
    first_alone,
):
    proof = proven(lambda: siamese(first_alone))
    assert proof.is_equal, proof.status
    assert ("network = chained(" in proof.source) != first_alone
    assert proof.source.count("keras.layers.Dense(") == 2
