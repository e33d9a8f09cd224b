"""Claims about pairs of what many TF1 programs are: a table, penalties, a batch norm."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair import small_pair, streams, taps
from parity_tests.pair.own_pair import OwnPair, TF1Side
from parity_tests.pair.small_programs import normal
from tf1_graph import session
from tf2_keras.tf1_semantics import layers, losses, optimizers

TABLE, KERNEL = normal(6, 3, seed=1), normal(3, 1, seed=2)


def equal(checked):
    return checked.require_agreement().ok and all(
        cell["max_ulp"] in (0, None)
        for cells in checked.data["levels"].values()
        for cell in cells.values()
    )


# ------------------------------------------------------------------ a table of rows


def of_words(optimizer, made=lambda pairs: pairs, **move):
    """A build function: rows of a table, averaged, through one layer."""

    def build():
        words = tf1.placeholder(tf.int32, [None, 4], name="words")
        labels = tf1.placeholder(tf.float32, [None, 1], name="labels")
        table = tf1.get_variable("table", initializer=TABLE)
        kernel = tf1.get_variable("kernel", initializer=KERNEL)
        averaged = tf.reduce_mean(tf.nn.embedding_lookup(table, words), 1)
        loss = tf.reduce_mean(tf.square(labels - tf.matmul(averaged, kernel)))
        step = optimizer()
        step = step.apply_gradients(made(step.compute_gradients(loss)))
        return {
            "inputs": {"x": words, "y_true": labels},
            "train": {"op": step, "loss": loss, **move},
        }

    return build


def word_model(optimizer):
    def initial(value):
        return lambda shape, dtype=None: tf.constant(value, dtype, shape)

    model = keras.Sequential(
        [
            keras.Input([4], dtype="int32"),
            keras.layers.Embedding(6, 3, initial(TABLE), name="table"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, use_bias=False, kernel_initializer=initial(KERNEL)),
        ]
    )
    model.compile(optimizer(), small_pair.MeanOfSquares(), jit_compile=False)
    return model


def pair_of_words(build, optimizer):
    random = np.random.RandomState(3)
    batches = [
        (random.randint(6, size=[5, 4]).astype(np.int32), normal(5, 1, seed=n))
        for n in range(2)
    ]
    return OwnPair(build, lambda: word_model(optimizer), batches, levels=["function"])


def tf1_adam():
    return tf1.train.AdamOptimizer(0.1)


def adam():
    return optimizers.Adam(0.1)


@pytest.mark.parametrize(
    "of_tf1, of_tf2",
    [
        (tf1_adam, adam),
        (
            lambda: tf1.train.GradientDescentOptimizer(0.1),
            lambda: optimizers.GradientDescent(0.1),
        ),
    ],
    ids=["Adam", "gradient descent"],
)
def test_a_table_that_minimize_trains_needs_no_gradients_named(of_tf1, of_tf2):
    checked = pair_of_words(of_words(of_tf1), of_tf2).check()
    assert equal(checked)
    assert checked.data["levels"]["function"]["gradients"]["ok"]


@pytest.mark.parametrize("recorded", [False, True])
def test_a_gradient_that_is_not_recorded_is_not_compared(recorded, tmp_path):
    pair = pair_of_words(of_words(tf1_adam, gradients={"table": None}), adam)
    path = tmp_path / "play.npz"
    if recorded:
        pair.record(path)
    assert equal(pair.check(play=str(path) if recorded else None))


def dense(pairs):
    return [(tf.convert_to_tensor(gradient), v) for gradient, v in pairs]


def test_rows_that_tf1_made_dense_are_told_and_that_is_proven_to_be_the_cause():
    checked = pair_of_words(of_words(tf1_adam, dense), adam).check()
    ((_, divergence),) = checked.divergences.values()
    assert (divergence.stage, divergence.tensor) == ("gradients", "table")
    assert divergence.problem.startswith("dense in the reference, sparse")
    (place,) = checked.places.values()
    assert "tf.convert_to_tensor(gradient)" in place.kind
    assert "clips" not in place.describe()
    (cause,) = checked.causes.values()
    assert cause.whole and "as TF1 did: tf.convert_to_tensor" in cause.change


# ----------------------------------------------------- penalties, and how they are added

SCALES = 0.3, 0.07, 0.011
KERNELS = normal(3, 4, seed=4), normal(4, 4, seed=5), normal(4, 1, seed=6)


def penalised():
    """A build function of three layers with an L2 each."""
    x = y = tf1.placeholder(tf.float32, [None, 3], name="x")
    labels = tf1.placeholder(tf.float32, [None, 1], name="labels")
    penalties = []
    for n, (kernel, scale) in enumerate(zip(KERNELS, SCALES, strict=True)):
        kernel = tf1.get_variable(f"kernel_{n}", initializer=kernel)
        y = tf.matmul(y, kernel)
        penalties.append(scale * tf.nn.l2_loss(kernel))
    loss = tf.reduce_mean(tf.square(labels - y)) + tf.add_n(penalties)
    step = tf1.train.GradientDescentOptimizer(0.001).minimize(loss)
    return {"inputs": {"x": x, "y_true": labels}, "train": {"op": step, "loss": loss}}


def penalised_model():
    x = y = keras.Input([3], name="x")
    for n, (kernel, scale) in enumerate(zip(KERNELS, SCALES, strict=True)):
        y = keras.layers.Dense(
            kernel.shape[1],
            use_bias=False,
            kernel_initializer=lambda shape, dtype=None, kernel=kernel: tf.constant(
                kernel, dtype, shape
            ),
            kernel_regularizer=losses.L2(scale),
            name=f"kernel_{n}",
        )(y)
    model = keras.Model(x, y)
    optimizer = optimizers.GradientDescent(0.001)
    model.compile(optimizer, small_pair.MeanOfSquares(), jit_compile=False)
    return model


def test_the_order_in_which_penalties_are_added_is_proven_to_be_the_cause():
    batches = [(normal(4, 3, seed=n), normal(4, 1, seed=n + 50)) for n in range(6)]
    names = {f"kernel_{n}": f"kernel_{n}/kernel" for n in range(3)}
    options = {"batches": batches, "names": names, "levels": ["function"]}
    checked = OwnPair(penalised, penalised_model, **options).check()
    ((_, divergence),) = checked.divergences.values()
    (cause,) = checked.causes.values()
    (proven,) = cause.changes
    assert divergence.stage == "loss" and proven.probe == "order of penalties"
    assert cause.whole and "tf.add_n(self.losses)" in cause.change
    (place,) = checked.places.values()
    assert "of Keras's compute_loss" in place.kind and place.tf2_line is None


# ----------------------------------------------------- a batch norm that a phase chooses

STATE = {
    "kernel": normal(3, 3, 3, 8, seed=7),
    "scale": normal(8, seed=8),
    "offset": normal(8, seed=9),
    "mean": normal(8, seed=10),
    "variance": normal(8, seed=11) ** 2,
}


def normalised(x, statistics):
    y, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x, is_training=False, epsilon=1e-3, **statistics
    )
    return y


def under_a_phase():
    """A build function; the phase parts what a twin without it has in one piece."""
    x = tf1.placeholder(tf.float32, [None, 16, 16, 3], name="x")
    training = tf1.placeholder(tf.bool, [], name="training")
    variables = {
        name: tf1.get_variable(name, initializer=value) for name, value in STATE.items()
    }
    statistics = {name: variables[name] for name in STATE if name != "kernel"}
    features = tf.nn.conv2d(x, variables["kernel"], 1, "SAME")
    inference, unused = tf.raw_ops.Switch(data=features, pred=training)
    chosen = [normalised(inference, statistics), unused]
    y_pred = tf.nn.relu(tf.raw_ops.Merge(inputs=chosen).output)
    step = tf1.assign_add(variables["offset"], tf.ones([8]))
    return {
        "inputs": {"x": x},
        "train": {"op": step},
        "predict": {"outputs": {"y_pred": y_pred}, "feed": {training: False}},
    }


def without_a_phase():
    variables = {name: tf.Variable(value) for name, value in STATE.items()}
    statistics = {name: variables[name] for name in STATE if name != "kernel"}

    def train(x):
        variables["offset"].assign_add(tf.ones([8]) + 0.0 * tf.reduce_sum(x))

    def predict(x):
        features = tf.nn.conv2d(x, variables["kernel"], 1, "SAME")
        return {"outputs": {"y_pred": tf.nn.relu(normalised(features, statistics))}}

    return {"state": variables, "moves": {"train": train, "predict": predict}}


@pytest.mark.parametrize("recorded", [False, True])
def test_a_batch_norm_under_a_phase_is_equal_to_one_that_could_be_fused(
    recorded, tmp_path
):
    batches = [{"x": normal(2, 16, 16, 3, seed=n)} for n in range(2)]
    pair = OwnPair(under_a_phase, without_a_phase, batches, levels=["function"])
    path = tmp_path / "play.npz"
    if recorded:
        pair.record(path)
    checked = pair.check(play=str(path) if recorded else None)
    assert equal(checked) and checked.data["levels"]["function"]["outputs"]["ok"]


def test_the_remapper_is_off_on_both_sides_and_as_it_was_afterwards():
    def remapping():
        with tf1.Graph().as_default() as graph, session.open_session(graph) as opened:
            options = opened._config.graph_options.rewrite_options
            return options.remapping != options.OFF

    def told():
        return tf.config.optimizer.get_experimental_options().get("remapping")

    assert (remapping(), told()) == (True, None)
    with session.unfused():
        assert (remapping(), told()) == (False, False)
        with session.unfused():
            pass
        assert told() is False
    assert (remapping(), told()) == (True, None)  # nothing is told, as in a new process


# ----------------------------------------------------- what draws, and where TF1 starts


@pytest.mark.parametrize(
    "layer, draws",
    [
        (lambda: keras.layers.LSTM(2), False),
        (lambda: keras.layers.GRU(2), False),
        (lambda: keras.layers.SimpleRNN(2), False),
        (lambda: keras.layers.Bidirectional(keras.layers.LSTM(2)), False),
        (lambda: keras.layers.Dropout(0.0), False),
        (lambda: keras.layers.SpatialDropout1D(0.0), False),
        (lambda: keras.layers.GaussianNoise(0.0), False),
        (lambda: layers.Dropout(0.5, seed=(1, 2)), False),
        (lambda: keras.layers.LSTM(2, dropout=0.1), True),
        (lambda: keras.layers.GRU(2, recurrent_dropout=0.1), True),
        (lambda: keras.layers.Dropout(0.5), True),
        (lambda: keras.layers.SpatialDropout1D(0.2), True),
        (lambda: keras.layers.GaussianNoise(1.0), True),
        (lambda: keras.layers.AlphaDropout(0.1), True),
    ],
)
def test_a_layer_is_said_to_draw_only_where_it_does(layer, draws):
    x = keras.Input([4, 3])
    model = keras.Model(x, layer()(x))
    assert bool(streams.of_model(model)) is draws


def test_a_checkpoint_to_start_from_is_answered_by_the_option_that_does(tmp_path):
    with tf1.Graph().as_default(), tf1.Session() as opened:
        named = {"train": {"op": "step", "loss": "loss"}}
        x = tf1.placeholder(tf.float32, [None, 3], name="x")
        labels = tf1.placeholder(tf.float32, [None, 1], name="labels")
        kernel = tf1.get_variable("kernel", initializer=KERNEL)
        loss = tf.reduce_mean(tf.square(labels - tf.matmul(x, kernel)), name="loss")
        tf1.train.MomentumOptimizer(0.05, 0.9).minimize(loss, name="step")
        opened.run(tf1.global_variables_initializer())
        opened.run("step", {x: normal(4, 3), labels: normal(4, 1)})
        tf1.train.Saver().save(opened, str(tmp_path / "model"))
    side = TF1Side(
        str(tmp_path / "model.meta"),
        named,
        {"x": "x", "y_true": "labels"},
        str(tmp_path / "model"),
    )
    pair = small_pair.pair(side)
    checked = pair.check()
    ((_, divergence),) = checked.divergences.values()
    assert divergence.stage == "initial values" and not checked.causes
    assert "--init-from-tf1 starts the twin from the same" in checked.data["notes"][-1]
    assert pair.check(init_from_tf1=True).ok is not None


@pytest.mark.parametrize("scale, layer", [(1 + 2**-22, "rewrites"), (2.0, "loss")])
def test_what_is_apart_by_rounding_and_equal_once_tapped_is_said_to_be_so(
    scale, layer, monkeypatch
):
    monkeypatch.setattr(taps._Network, "apart", lambda *_, **__: None)
    twin = lambda: small_pair.model(scale=scale)  # noqa: E731 -- as tf2 is given
    (place,) = small_pair.pair(tf2=twin).check().places.values()
    assert place.layer == layer
    is_said = "equal when it is tapped, and rounds otherwise" in place.describe()
    assert is_said is (layer == "rewrites")
