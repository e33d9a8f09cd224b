"""Claims about mistakes of every migration: found where they are, the cause proven."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair.own_pair import OwnPair
from tf2_keras.tf1_semantics import initializers, layers, losses, optimizers

SEED = 3
FEATURES, HIDDEN, CLASSES = 4, 8, 3  # of 8 and more, sums differ by their order


def cross_entropy(labels, logits):
    return tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def graph(
    loss=cross_entropy, add=tf.nn.bias_add, clip=None, optimizer=None, phase=None
):
    """A build function: two dense layers, a dropout whose keep_prob is fed between."""

    def build():
        tf1.set_random_seed(SEED)
        x = tf1.placeholder(tf.float32, [None, FEATURES], name="x")
        labels = tf1.placeholder(tf.float32, [None, CLASSES], name="labels")
        keep_prob = tf1.placeholder_with_default(1.0, [], name="keep_prob")

        def dense(x, name, units, seed):
            with tf1.variable_scope(name):
                initial = tf1.truncated_normal([x.shape[1], units], seed=seed)
                kernel = tf1.get_variable("kernel", initializer=initial)
                bias = tf1.get_variable("bias", initializer=tf.fill([units], 0.1))
                return add(tf.matmul(x, kernel), bias)

        hidden = tf.nn.relu(dense(x, "hidden", HIDDEN, 1))
        if phase:
            hidden = tf1.nn.dropout(hidden, keep_prob, seed=7)
        logits = dense(hidden, "logits", CLASSES, 2)
        value = loss(labels, logits)
        made = optimizer() if optimizer else tf1.train.GradientDescentOptimizer(0.1)
        pairs = made.compute_gradients(value)
        if clip:
            pairs = [(clip(gradient), variable) for gradient, variable in pairs]
        with tf1.variable_scope("training"):
            step = made.apply_gradients(pairs)
        return {
            "inputs": {"x": x, "y_true": labels},
            "train": {"op": step, "loss": value, "feed": {keep_prob: phase or 1.0}},
            "predict": {"outputs": {"y_pred": logits}},
        }

    return build


def model(loss=None, add=layers.BiasAdd, dropout=None, optimizer=None, **compiled):
    """() -> its rewrite; ``add`` is None for the bias of Keras's own layers."""

    def rewrite():
        x = keras.Input([FEATURES], name="x")

        def dense(x, name, units, seed, activation=None):
            kernel = initializers.TruncatedNormal(seed=(SEED, seed))
            bias = keras.initializers.Constant(0.1)
            options = {"kernel_initializer": kernel, "name": name}
            if add is None:
                return keras.layers.Dense(
                    units, activation, bias_initializer=bias, **options
                )(x)
            y = keras.layers.Dense(units, use_bias=False, **options)(x)
            y = add(initializer=bias, name=f"{name}_bias")(y)
            return keras.layers.Activation(activation)(y) if activation else y

        hidden = dense(x, "hidden", HIDDEN, 1, "relu")
        if dropout:
            hidden = dropout()(hidden)
        twin = keras.Model(x, dense(hidden, "logits", CLASSES, 2))
        twin.compile(
            optimizer() if optimizer else optimizers.GradientDescent(0.1),
            loss or losses.SoftmaxCrossEntropy(),
            jit_compile=False,
            **compiled,
        )
        return twin

    return rewrite


def checked(tf1_side, tf2, **options):
    random = np.random.RandomState(5)
    x = random.standard_normal([80, FEATURES]).astype(np.float32)
    labels = np.eye(CLASSES, dtype=np.float32)[random.randint(CLASSES, size=80)]
    options = {"batch_size": 10, "steps": 2, "levels": ["function"], **options}
    return OwnPair(tf1_side, tf2, (x, labels), **options).check()


def drop(**options):
    options = {"scaling": "compat.v1", "fed": True, **options}
    return lambda: layers.Dropout(0.7, seed=(SEED, 7), name="drop", **options)


def of_classes(labels, logits):
    """A loss as programs spell it out, from what is clipped to a difference's sign."""
    chosen = tf.reduce_sum(labels * logits, 1)
    clipped = tf.minimum(chosen, 0.2)
    spread = tf.reduce_max(logits, 1) - clipped
    return tf.reduce_mean(tf.square(spread)) + 0.5 * tf.reduce_mean(tf.abs(logits))


def misspelt(**planted):
    """The same with a mistake: another number, op, order; or one that is left out."""
    limit, pick = planted.get("limit", 0.2), planted.get("pick", tf.reduce_max)
    sign, half = planted.get("sign", 1.0), planted.get("half", 0.5)

    def loss(labels, logits):
        chosen = tf.reduce_sum(labels * logits, 1)
        clipped = planted.get("factor", 1.0) * tf.minimum(chosen, limit)
        parts = pick(logits, 1), clipped
        spread = parts[0] - parts[1] if sign > 0 else parts[1] - parts[0]
        spread = tf.square(spread) if planted.get("square", True) else spread
        size = tf.reduce_mean(tf.abs(logits))
        return tf.reduce_mean(spread) + (half * size if half != 1 else size)

    return loss


def with_penalty(labels, logits):
    (kernel,) = [v for v in tf1.trainable_variables() if v.op.name == "hidden/kernel"]
    return cross_entropy(labels, logits) + 0.01 * tf.nn.l2_loss(kernel)


LOSS, GRADIENTS = "loss", "gradients"
CROSS_ENTROPY = keras.losses.CategoricalCrossentropy
# {mistake: (TF1's side, the rewrite, stage, layer, regular expression of the change)}
PLANTED = {
    "probabilities for logits": (
        graph(),
        model("categorical_crossentropy"),
        (LOSS, "loss"),
        r"SoftmaxCrossEntropy\(\): TF1's takes logits.*from_logits=True",
    ),
    "labels that are smoothed": (
        graph(),
        model(CROSS_ENTROPY(from_logits=True, label_smoothing=0.1)),
        (LOSS, "loss"),
        r"CategoricalCrossentropy → tf1_semantics.losses.SoftmaxCrossEntropy\(\)$",
    ),
    "another loss": (
        graph(lambda labels, logits: tf1.losses.huber_loss(labels, logits, delta=0.5)),
        model(losses.HuberLoss()),
        (LOSS, "loss"),
        r"HuberLoss → tf1_semantics.losses.HuberLoss\(delta=0.5\)",
    ),
    "a stream that predictions move on": (
        graph(phase=0.7),
        model(dropout=drop(fed=False)),
        (LOSS, "drop"),
        r"drop \(Dropout\): fed=False → True. Where TF1 feeds keep_prob",
    ),
    "the scaling of another release": (
        graph(phase=0.7),
        model(dropout=drop(scaling="1.15")),
        (LOSS, "drop"),
        r"scaling='1.15' → 'compat.v1'$",
    ),
    "Keras's dropout": (
        graph(phase=0.7),
        model(dropout=lambda: keras.layers.Dropout(0.3, seed=7, name="drop")),
        (LOSS, "drop"),
        r"drop \(Dropout\) → tf1_semantics.layers.Dropout\(keep_prob=0.7, "
        r"seed=\(3, 7\), scaling='compat.v1', fed=True\)",
    ),
    "gradients that are not clipped": (
        graph(clip=lambda gradient: tf.clip_by_value(gradient, -0.01, 0.02)),
        model(),
        (GRADIENTS, "gradients"),
        r"clipping.ByValue\(-0.01, 0.02\)",
    ),
    "another number": (
        graph(of_classes),
        model(misspelt(limit=0.1)),
        (LOSS, "loss"),
        r"Minimum\(Sum, 0.1\).* → Minimum\(Sum, 0.2\), as TF1 has it",
    ),
    "another op": (
        graph(of_classes),
        model(misspelt(pick=tf.reduce_mean)),
        (LOSS, "loss"),
        r"^Mean\(.*\).* → Max\(",
    ),
    "an op that is left out": (
        graph(of_classes),
        model(misspelt(half=1)),
        (LOSS, "loss"),
        r"→ AddV2\(Mean, Mul\(0.5, Mean_1\)\), as TF1 has it",
    ),
    "an op too many": (
        graph(of_classes),
        model(misspelt(factor=0.9)),
        (LOSS, "loss"),
        r"^Mul\(0.9, Minimum\).* left out: TF1 goes on with what it takes",
    ),
    "a penalty that is forgotten": (
        graph(with_penalty),
        model(lambda y, logits: cross_entropy(y, logits)),
        (LOSS, "loss"),
        r"→ AddV2\(Mean, Mul\(0.01, L2Loss\(ReadVariableOp\)\)\), as TF1 has it",
    ),
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_usual_mistake_is_found_and_its_cause_proven(mistake):
    tf1_side, tf2, (stage, layer), said = PLANTED[mistake]
    found = checked(tf1_side, tf2)
    ((_, divergence),) = found.divergences.values()
    assert divergence.stage in (stage, GRADIENTS)
    place, cause = found.places["function"], found.causes.get("function")
    assert cause is not None, found.data["notes"]
    assert re.search(said, cause.change), cause.change
    assert re.fullmatch(layer, place.layer), place


@pytest.mark.slow
def test_of_two_mistakes_in_one_pass_that_of_the_first_layer_is_proven_first():
    found = checked(
        graph(phase=0.7), model("categorical_crossentropy", dropout=drop(fed=False))
    )
    place, cause = found.places["function"], found.causes["function"]
    assert (place.layer, cause.whole) == ("drop", True)
    first, second = (proven.change for proven in cause.changes)
    assert first.startswith("drop (Dropout): fed=False → True")
    assert "categorical_crossentropy" in second


@pytest.mark.slow
def test_an_op_is_replaced_where_fit_traces_it_within_its_loop():
    found = checked(graph(of_classes), model(misspelt(limit=0.1)), levels=["fit"])
    cause = found.causes["fit"]
    assert cause.whole and "→ Minimum(Sum, 0.2), as TF1 has it" in cause.change


def test_without_a_mistake_all_of_it_is_equal():
    for tf1_side, tf2 in (
        (graph(phase=0.7), model(dropout=drop())),
        (graph(of_classes), model(misspelt())),
    ):
        assert checked(tf1_side, tf2).ok


def norms(in_order, seed=SEED):
    """Two dense layers, each with a batch norm before its activation, or after."""

    def rewrite():
        x = y = keras.Input([FEATURES], name="x")
        for name, units in (("hidden", HIDDEN), ("logits", CLASSES)):
            kernel = initializers.TruncatedNormal(seed=(seed, units))
            dense = keras.layers.Dense(
                units, use_bias=False, kernel_initializer=kernel, name=name
            )
            norm = layers.BatchNormalization(name=f"{name}_norm")
            after = [norm, keras.layers.ReLU(name=f"{name}_relu")]
            for layer in [dense, *(after if in_order else reversed(after))]:
                y = layer(y)
        twin = keras.Model(x, y)
        twin.compile(
            optimizers.GradientDescent(0.1),
            losses.MeanSquaredError(),
            jit_compile=False,
        )
        return twin

    return rewrite


def graph_of_norms():
    tf1.set_random_seed(SEED)
    x = y = tf1.placeholder(tf.float32, [None, FEATURES], name="x")
    labels = tf1.placeholder(tf.float32, [None, CLASSES], name="labels")
    moved = []
    for name, units in (("hidden", HIDDEN), ("logits", CLASSES)):
        with tf1.variable_scope(name):
            initial = tf1.truncated_normal([y.shape[1], units], seed=units)
            y = tf.matmul(y, tf1.get_variable("kernel", initializer=initial))
        with tf1.variable_scope(f"{name}_norm"):
            gamma, beta, mean, variance = (
                tf1.get_variable(part, initializer=tf.fill([units], start), trainable=t)
                for part, start, t in (
                    ("gamma", 1.0, True),
                    ("beta", 0.0, True),
                    ("moving_mean", 0.0, False),
                    ("moving_variance", 1.0, False),
                )
            )
            batch_mean, batch_variance = tf.nn.moments(y, [0])
            y = tf.nn.batch_normalization(
                y, batch_mean, batch_variance, beta, gamma, 1e-3
            )
            for moving, value in ((mean, batch_mean), (variance, batch_variance)):
                rate = tf.constant(1 - 0.99)
                moved.append(tf1.assign_sub(moving, (moving - value) * rate))
        y = tf.nn.relu(y)
    loss = tf1.losses.mean_squared_error(labels, y)
    with tf1.control_dependencies(moved):
        step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
    return {"inputs": {"x": x, "y_true": labels}, "train": {"op": step, "loss": loss}}


@pytest.mark.slow
def test_layers_in_each_others_place_are_exchanged_wherever_they_are():
    found = checked(graph_of_norms, norms(in_order=False))
    assert found.places["function"].layer == "hidden_relu"
    change = found.causes["function"].change
    assert "hidden_norm (BatchNormalization) comes before hidden_relu (ReLU)" in change
    assert "logits_norm (BatchNormalization) comes before logits_relu (ReLU)" in change


@pytest.mark.parametrize("name", ["Adam", "mine"])
def test_the_slots_of_an_optimizer_in_a_scope_or_of_another_name_are_known(name):
    side = graph(optimizer=lambda: tf1.train.AdamOptimizer(0.1, name=name))
    found = checked(side, model(optimizer=lambda: optimizers.Adam(0.1)))
    assert found.ok and found.data["levels"]["function"]["slots"]["ok"]


def test_a_number_that_differs_is_named_where_it_is_whatever_counts_come_out_alike():
    side = graph(
        lambda labels, logits: tf1.losses.huber_loss(labels, logits, delta=0.5)
    )
    found = checked(side, model(losses.HuberLoss()))
    assert found.places["function"].kind.startswith("first apart in op ")
    assert "Minimum" in found.places["function"].kind


def test_a_gradient_that_is_summed_otherwise_is_that_of_its_layer():
    side = graph(add=lambda x, bias: x + bias)
    found = checked(side, model(add=None), batch_size=16)  # fewer sum alike
    place, cause = found.places["function"], found.causes["function"]
    assert place.direction == "backward" and "gradient of its bias" in place.kind
    assert "tf1_semantics.layers.AddBias() after each" in cause.change and cause.whole


def test_the_rates_of_both_sides_are_told_and_none_is_called_late_that_is_not():
    def build():
        built = graph()()
        step = tf1.train.get_or_create_global_step()
        rate = tf1.train.exponential_decay(0.1, step, 2, 0.5, staircase=True)
        optimizer = tf1.train.GradientDescentOptimizer(rate)
        train = optimizer.minimize(built["train"]["loss"], global_step=step)
        return {**built, "train": {**built["train"], "op": train}}

    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    found = checked(
        build, model(optimizer=lambda: optimizers.GradientDescent(schedule)), steps=3
    )
    change = found.causes["function"].change
    assert "TF1 has at each step, 0.1, 0.1, 0.05; the twin has 0.1, 0.07" in change
    assert change.count("0.05") == 2
    assert "late" not in change


def test_a_constant_rate_that_is_no_number_of_the_graph_is_told_once():
    def build():
        built = graph()()
        rate = tf1.placeholder_with_default(0.1, [])
        optimizer = tf1.train.GradientDescentOptimizer(rate)
        train = optimizer.minimize(built["train"]["loss"])
        return {**built, "train": {**built["train"], "op": train}}

    twin = model(optimizer=lambda: optimizers.GradientDescent(0.2))
    change = checked(build, twin).causes["function"].change
    assert "TF1 has at each step, 0.1; the twin has 0.2" in change


def test_a_variable_that_the_twin_lacks_hides_no_cause_and_is_no_update():
    def build():
        built = graph()()
        tf1.get_variable("more", initializer=1.0, trainable=False)
        return built

    found = checked(build, model(optimizer=lambda: optimizers.GradientDescent(0.2)))
    ((_, divergence),) = found.divergences.values()
    assert (divergence.tensor, found.places, found.causes) == ("more", {}, {})
    assert "names={'...': None}" in found.data["remedy"]["function"]["says"]
    assert any("names={'more': None}" in note for note in found.data["notes"])
