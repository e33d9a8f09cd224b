"""What canned Estimators of 1.15.5 did, and the Keras models in their place.

Each model begins at the values that the Estimator began at; what they do from there on may
be off by the roundings of other kernels, ``ULPS`` units of the last place of the largest
magnitude.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.witness import stored
from tf2_keras import tf1_semantics

# programs/canned_estimators.py needs tf.estimator; what is taken from it is said again.
BATCH_SIZE, STEPS, HIDDEN, ULPS = 4, 4, 3, 16
X = np.float32([[1, 0], [0, 1], [1, 1], [2, 1], [0, 0], [1, 2], [2, 0], [0, 2]])
Y_TRUE = (X @ np.float32([[1], [-2]]) + 1).astype(np.float32)
CLASSES = np.int64([0, 1, 2, 0, 1, 2, 0, 1])
LOGITS = np.float32([[1, -1, 0.5], [0, 2, -1], [-0.5, 0, 1], [3, 1, 0]])
losses, optimizers = tf1_semantics.losses, tf1_semantics.optimizers
SUM, MEAN = losses.Reduction.SUM, losses.Reduction.SUM_OVER_BATCH_SIZE


def recorded(part):
    """{name: array} of one part of what 1.15.5 did."""
    return {
        name.partition("/")[2]: value
        for name, value in stored.computed("canned_estimators").items()
        if name.partition("/")[0] == part
    }


def assert_near(actual, expected, name):
    expected = np.asarray(expected)
    room = ULPS * 2.0**-23 * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=room, err_msg=name)


def dense(x, name, units=1, **options):
    return keras.layers.Dense(units, name=name, **options)(x)


def linear(x):
    return dense(x, "linear", kernel_initializer="zeros")


def dnn(x):
    return dense(dense(x, "hidden", HIDDEN, activation="relu"), "logits")


# {what an Estimator's name ends its first word with: (what is made, {prefix: optimizer})}
MODELS = {
    "Linear": (linear, {"linear": lambda: optimizers.Ftrl(0.2)}),
    "DNN": (dnn, {"dnn": lambda: optimizers.Adagrad(0.05)}),
    "DNNLinearCombined": (
        lambda x: dnn(x) + linear(x),
        {
            "linear": lambda: optimizers.Ftrl(0.005),
            "dnn": lambda: optimizers.Adagrad(0.001),
        },
    ),
    # Its input says nothing but how many examples there are.
    "Baseline": (
        lambda x: dense(0 * x[:, :1], "baseline", kernel_initializer="zeros"),
        {"baseline": lambda: optimizers.Ftrl(0.3)},
    ),
}
KINDS = ("Classifier", "Regressor", "Estimator")
# {TF1's name: (layer, weight)}
NAMES = {
    "linear/linear_model/x/weights": ("linear", "kernel"),
    "linear/linear_model/bias_weights": ("linear", "bias"),
    "dnn/hiddenlayer_0/kernel": ("hidden", "kernel"),
    "dnn/hiddenlayer_0/bias": ("hidden", "bias"),
    "dnn/logits/kernel": ("logits", "kernel"),
    "dnn/logits/bias": ("logits", "bias"),
    "baseline/bias": ("baseline", "bias"),
}


def loss_of(kind, reduction=None):
    """The loss of a kind of canned Estimator: a sum, of one with a head a mean."""
    reduction = reduction or (MEAN if kind == "Estimator" else SUM)
    if kind == "Classifier":  # of two classes: one logit
        return losses.SigmoidCrossEntropy(reduction=reduction)
    return losses.MeanSquaredError(reduction=reduction)


def played(family, kind, reduction=None):
    """(losses, {TF1 name: value at the end}, loss of an evaluation) of the replacement."""
    of_tf1 = recorded(family + kind)
    make, halves = MODELS[family]
    x = keras.Input([2])
    model, loss = keras.Model(x, make(x)), loss_of(kind, reduction)
    variables = {
        name: getattr(model.get_layer(layer), weight)
        for name, (layer, weight) in NAMES.items()
        if f"0/{name}" in of_tf1
    }
    for name, variable in variables.items():
        variable.assign(of_tf1[f"0/{name}"])
    trained = [
        (make(), [v for name, v in variables.items() if name.startswith(prefix)])
        for prefix, make in halves.items()
    ]
    for optimizer, of_half in trained:
        optimizer.build(of_half)
    y_true = CLASSES[:, np.newaxis] % 2 if kind == "Classifier" else Y_TRUE

    @tf.function(reduce_retracing=True)
    def step(x, y):
        with tf.GradientTape(persistent=True) as tape:
            value = loss(y, model(x))
        for optimizer, of_half in trained:
            optimizer.apply(tape.gradient(value, of_half), of_half)
        return value

    y_true = y_true.astype(np.float32)
    batches = [
        (X[rows], y_true[rows]) for rows in (slice(BATCH_SIZE), slice(BATCH_SIZE, None))
    ]
    seen = [step(*batches[number % 2]).numpy() for number in range(STEPS)]
    evaluated = np.mean([loss(y, model(x)) for x, y in batches])
    ends = {name: variable.numpy() for name, variable in variables.items()}
    return seen, ends, evaluated


def test_the_arrays_are_those_that_1_15_5_computed():
    stored.require_provenance("canned_estimators")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", MODELS)
def test_a_canned_estimator_is_a_model_of_keras(family, kind):
    """Losses, weights at the end, and the loss of an evaluation."""
    if family + kind == "DNNLinearCombinedClassifier":
        pytest.skip("it is the chapter wide_deep")
    of_tf1 = recorded(family + kind)
    seen, ends, evaluated = played(family, kind)
    assert_near(seen, of_tf1["losses"], "losses")
    assert ends
    for name, value in ends.items():
        assert_near(value, of_tf1[f"{STEPS}/{name}"], name)
    assert_near(evaluated, of_tf1["evaluate/loss"], "loss of the evaluation")


@pytest.mark.parametrize("family, share", [("DNN", 0.05), ("Linear", 0.005)])
def test_a_mean_for_a_sum_is_off(family, share):
    """The margin, a share of the weights' way: Adagrad and Ftrl forget much of a scale."""
    of_tf1 = recorded(family + "Regressor")
    _, ends, _ = played(family, "Regressor", MEAN)
    way, off = (
        np.sqrt(
            sum(np.square(of_tf1[f"{STEPS}/{name}"] - value).sum() for name, value in v)
        )
        for v in ([(name, of_tf1[f"0/{name}"]) for name in ends], ends.items())
    )
    assert off > share * way


# {head: its loss of LOGITS today}
several = np.float32([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]])
two, numbers, one = CLASSES[:4, np.newaxis] % 2, np.abs(Y_TRUE[:4]), LOGITS[:, :1]
HEADS = {
    "BinaryClassHead": lambda: losses.SigmoidCrossEntropy()(np.float32(two), one),
    "MultiClassHead": lambda: losses.SparseSoftmaxCrossEntropy()(CLASSES[:4], LOGITS),
    "MultiLabelHead": lambda: losses.SigmoidCrossEntropy()(several, LOGITS),
    "RegressionHead": lambda: losses.MeanSquaredError()(numbers, one),
    "PoissonRegressionHead": lambda: tf.reduce_mean(
        tf.nn.log_poisson_loss(numbers, one, compute_full_loss=True)
    ),
    "LogisticRegressionHead": lambda: losses.SigmoidCrossEntropy()(numbers / 4, one),
    "MultiHead": lambda: (
        1 * losses.SparseSoftmaxCrossEntropy()(CLASSES[:4], LOGITS)
        + 0.5 * losses.MeanSquaredError()(numbers, one)
    ),
}


@pytest.mark.parametrize("head", HEADS)
def test_a_head_is_a_loss(head):
    """A mean over the batch; of several labels over those as well."""
    assert_near(HEADS[head](), recorded("heads")[head], head)


def test_halves_that_were_built_for_an_estimator():
    """The logits of linear_logit_fn_builder and dnn_logit_fn_builder."""
    values = recorded("builders")
    weights = {name: value for name, value in values.items() if name[-6:] != "logits"}
    of_linear = X @ weights["linear/linear_model/x/weights"]
    assert_near(of_linear, values["linear logits"], "linear")
    hidden = np.maximum(X @ weights["dnn/hiddenlayer_0/kernel"], 0)
    of_dnn = hidden @ weights["dnn/logits/kernel"]
    assert_near(of_dnn, values["dnn logits"], "dnn")
    assert np.abs(of_dnn).max() > 0.1


def test_k_means_is_a_loop_of_means():
    """On all examples; its score is the sum of the squared distances."""
    of_tf1 = recorded("KMeans")
    centres = tf.constant([[0.0, 0.0], [2.0, 2.0]])

    def distances():
        return tf.reduce_sum(tf.square(X[:, tf.newaxis] - centres), 2)

    for step in range(3):
        clusters = tf.argmin(distances(), 1)
        centres = tf.math.unsorted_segment_mean(X, clusters, 2)
        assert_near(centres, of_tf1[f"centres/{step}"], f"step {step}")
    assert tf.argmin(distances(), 1).numpy().tolist() == of_tf1["clusters"].tolist()
    assert_near(tf.reduce_sum(tf.reduce_min(distances(), 1)), of_tf1["score"], "score")


def test_boosted_trees_have_no_kernels_today():
    """Nor has an export of theirs, whose first op is this one."""
    with pytest.raises(tf.errors.OpError, match="BoostedTrees"):
        tf.raw_ops.BoostedTreesEnsembleResourceHandleOp(container="", shared_name="")
