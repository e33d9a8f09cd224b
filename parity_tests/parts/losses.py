"""Descriptors of tf1_semantics.losses."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap
from tf2_keras.tf1_semantics.losses import Reduction

TEST = "parity_tests/parts/losses_test.py"
STEPS = (1, 10, 100)
V1 = tf.compat.v1.losses
REDUCTIONS = tuple(dict.fromkeys(Reduction))  # two names share one string

# What each loss takes as labels, and what turns logits into its predictions.
LABELS = {
    "AbsoluteDifference": "real",
    "CosineDistance": "directions",
    "HingeLoss": "binary",
    "HuberLoss": "real",
    "LogLoss": "binary",
    "MeanPairwiseSquaredError": "real",
    "MeanSquaredError": "real",
    "SigmoidCrossEntropy": "binary",
    "SoftmaxCrossEntropy": "one-hot",
    "SparseSoftmaxCrossEntropy": "classes",
}
ACTIVATIONS = {
    "LogLoss": tf.sigmoid,
    "CosineDistance": lambda logits: tf.nn.l2_normalize(logits, axis=-1),
}


def labels_of(kind, random, examples, classes):
    """Labels [examples, classes], or [examples] class numbers."""
    numbers = random.randint(classes, size=examples)
    if kind == "classes":
        return numbers.astype(np.int64)
    if kind == "one-hot":
        return np.eye(classes, dtype=np.float32)[numbers]
    if kind == "binary":
        return random.randint(2, size=(examples, classes)).astype(np.float32)
    labels = random.standard_normal((examples, classes)).astype(np.float32)
    if kind == "directions":
        labels /= np.linalg.norm(labels, axis=-1, keepdims=True)
    return labels


@functools.cache
def problem(name):
    """(features [12, 4], labels, weights of the examples, kernel [4, 3]) of a loss.

    A third of the weights is zero. The weights are of the rank that TF1 asks for.
    """
    random = np.random.RandomState(1)
    features = random.standard_normal((12, 4)).astype(np.float32)
    kind = LABELS[name]
    labels = labels_of(kind, random, 12, 3)
    weights = random.uniform(0.5, 3.0, 12).astype(np.float32)
    weights[::3] = 0.0
    if kind not in ("one-hot", "classes"):
        weights = weights[:, np.newaxis]
    return features, labels, weights, random.standard_normal((4, 3)).astype(np.float32)


@functools.cache
def training_of_tf1(
    name, reference, arguments=(), is_weighted=True, rate=0.1, scale=1.0
):
    """{step: loss} of a linear model under gradient descent, in a compat.v1 graph.

    Args:
        name: of a loss, whose problem it is.
        reference: (labels, predictions, weights, kernel) -> loss; weights are 1.0 if
            not ``is_weighted``.
        arguments: pairs, handed on.
        scale: what multiplies the initial kernel.
    """
    features, labels, weights, kernel = problem(name)
    with tf.Graph().as_default() as graph:
        variable = tf.compat.v1.get_variable("kernel", initializer=kernel * scale)
        predictions = ACTIVATIONS.get(name, tf.identity)(features @ variable)
        loss = reference(
            labels,
            predictions,
            weights if is_weighted else 1.0,
            variable,
            **dict(arguments),
        )
        train = tf.compat.v1.train.GradientDescentOptimizer(rate).minimize(loss)
        initialise = tf.compat.v1.global_variables_initializer()
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        losses = [session.run([loss, train])[0] for _ in range(STEPS[-1])]
    return {step: losses[step - 1] for step in STEPS}


def training_of_keras(name, loss_of, rate=0.1, scale=1.0):
    """The same with ``loss_of``: (labels, predictions, weights, kernel) -> loss."""
    features, labels, weights, kernel = problem(name)
    variable = tf.Variable(kernel * scale)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            predictions = ACTIVATIONS.get(name, tf.identity)(features @ variable)
            loss = loss_of(labels, predictions, weights, variable)
        variable.assign_sub(rate * tape.gradient(loss, variable))
        return loss

    losses = [step().numpy() for _ in range(STEPS[-1])]
    return {step: losses[step - 1] for step in STEPS}


def difference(expected, received):
    """{step: relative error} of the losses."""
    return {
        step: float(abs(received[step] - expected[step]) / abs(expected[step]))
        for step in STEPS
    }


@functools.cache
def weighted(reference):
    """A function of tf.losses as ``training_of_tf1`` takes it."""

    def loss(labels, predictions, weights, _kernel, **arguments):
        return reference(labels, predictions, weights=weights, **arguments)

    return loss


def trap(
    name,
    reference,
    write,
    naive,
    at_least,
    arguments=None,
    is_weighted=True,
    **conditions,
):
    """The Trap of a Keras loss, made by ``naive``, in place of a function of tf.losses.

    Args:
        arguments: of the part and of the reference.
        is_weighted: whether the weights of the problem are used.
        **conditions: of both trainings.
    """
    arguments = arguments or {}

    def off():
        expected = training_of_tf1(
            name,
            weighted(reference),
            tuple(arguments.items()),
            is_weighted,
            **conditions,
        )
        loss = naive()
        received = training_of_keras(
            name,
            lambda labels, predictions, weights, _: loss(
                labels, predictions, weights if is_weighted else None
            ),
            **conditions,
        )
        return difference(expected, received)

    written = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return Trap(write, off, at_least, f"losses.{name}({written})")


def cross_entropy_of_tf1(labels, logits, axis=-1):
    """TF1's own ``axis`` fails beside the default of its older name, ``dim``."""
    return tf.compat.v1.nn.softmax_cross_entropy_with_logits(
        labels=labels, logits=logits, dim=axis
    )


def stopped_labels(_labels, predictions, _weights, _kernel, cross_entropy):
    """A model that also makes its own labels, as distillation and co-training do."""
    made = tf.nn.softmax(predictions[:, ::-1])
    return tf.reduce_mean(cross_entropy(labels=made, logits=predictions))


def off_softmax():
    expected = training_of_tf1(
        "SoftmaxCrossEntropy",
        stopped_labels,
        (("cross_entropy", cross_entropy_of_tf1),),
    )
    received = training_of_keras(
        "SoftmaxCrossEntropy",
        functools.partial(
            stopped_labels, cross_entropy=tf.nn.softmax_cross_entropy_with_logits
        ),
    )
    return difference(expected, received)


def decayed(labels, predictions, _weights, kernel, penalty):
    error = tf.reduce_mean(tf.math.squared_difference(predictions, labels))
    return error + penalty(kernel)


def l2_of_tf1(scale):
    """contrib's l2_regularizer(scale), by its definition."""
    return lambda kernel: scale * tf.nn.l2_loss(kernel)


SCALE = 0.1
L2_PENALTY = l2_of_tf1(SCALE)


def off_l2():
    expected = training_of_tf1("MeanSquaredError", decayed, (("penalty", L2_PENALTY),))
    received = training_of_keras(
        "MeanSquaredError",
        functools.partial(decayed, penalty=keras.regularizers.L2(SCALE)),
    )
    return difference(expected, received)


def off_mean():
    """The mean of the weighted elements for compute_weighted_loss."""
    expected = training_of_tf1("MeanSquaredError", weighted(V1.mean_squared_error))
    received = training_of_keras(
        "MeanSquaredError",
        lambda labels, predictions, weights, _: tf.reduce_mean(
            tf.math.squared_difference(predictions, labels) * weights
        ),
    )
    return difference(expected, received)


EVERY = {
    "weights": [1.0, 0.0, 2.5, -0.3],
    "reduction": list(REDUCTIONS),
}
# What a sample has besides its own hyper-parameters, and what is refused.
SAMPLE = {"weights": [[0.5, 0.0, 2.0]], "reduction": Reduction.MEAN}
REFUSED = {"weights": "balanced", "reduction": "sum_over_batch_size"}


def part(name, tf1, reference, required=None, traps=(), no_trap=None, **own):
    """The Part of a loss.

    Args:
        required: arguments without a default.
        **own: for each hyper-parameter its values, and one that is refused.
    """
    required = required or {}
    pairwise = name == "MeanPairwiseSquaredError"  # takes no reduction
    shared = ["weights"] if pairwise else ["weights", "reduction"]
    refused = {key: REFUSED[key] for key in shared}
    refused.update({key: bad for key, (_, bad) in own.items()})
    return Part(
        name=f"losses.{name}",
        tf1=tf1,
        reference=reference,
        proof=f"{TEST}::test_losses_and_gradients_are_those_of_tf1",
        arguments=strategies.hyperparameters(
            **{key: values for key, (values, _) in own.items()},
            **{key: EVERY[key] for key in shared},
        ),
        samples=(
            required,
            {
                **{key: values[-1] for key, (values, _) in own.items()},
                **{key: SAMPLE[key] for key in shared},
            },
        ),
        refused=tuple(
            ({**required, key: value}, key) for key, value in refused.items()
        ),
        traps=traps,
        no_trap=no_trap,
    )


PARTS = (
    part(
        "AbsoluteDifference",
        "tf.losses.absolute_difference",
        V1.absolute_difference,
        traps=(
            trap(
                "AbsoluteDifference",
                V1.absolute_difference,
                "keras.losses.MeanAbsoluteError()  # with sample_weight",
                keras.losses.MeanAbsoluteError,
                {1: 0.3, 100: 0.15},
            ),
        ),
    ),
    part(
        "CosineDistance",
        "tf.losses.cosine_distance",
        V1.cosine_distance,
        required={"axis": -1},
        axis=([0, 1, -1], None),
        traps=(
            trap(
                "CosineDistance",
                V1.cosine_distance,
                "keras.losses.CosineSimilarity(axis=-1)  # with sample_weight",
                keras.losses.CosineSimilarity,
                {1: 1.0, 100: 1.5},
                {"axis": -1},
            ),
            trap(
                "CosineDistance",
                V1.cosine_distance,
                "keras.losses.CosineSimilarity(axis=-1)  # without",
                keras.losses.CosineSimilarity,
                {1: 1.0, 100: 1.5},
                {"axis": -1},
                is_weighted=False,
            ),
        ),
    ),
    part(
        "HingeLoss",
        "tf.losses.hinge_loss",
        V1.hinge_loss,
        traps=(
            trap(
                "HingeLoss",
                V1.hinge_loss,
                "keras.losses.Hinge()  # with sample_weight",
                keras.losses.Hinge,
                {1: 0.3, 100: 0.1},
            ),
        ),
    ),
    part(
        "HuberLoss",
        "tf.losses.huber_loss",
        V1.huber_loss,
        delta=([1.0, 0.0, 0.1, 3.0, 0.5], -1.0),
        traps=(
            trap(
                "HuberLoss",
                V1.huber_loss,
                "keras.losses.Huber()  # with sample_weight",
                keras.losses.Huber,
                {1: 0.3, 100: 0.1},
            ),
        ),
    ),
    part(
        "LogLoss",
        "tf.losses.log_loss",
        V1.log_loss,
        epsilon=([1e-7, 0.0, 0.1, 1e-3], -1e-7),
        traps=(
            trap(
                "LogLoss",
                V1.log_loss,
                "keras.losses.BinaryCrossentropy()  # with sample_weight",
                keras.losses.BinaryCrossentropy,
                {1: 0.3, 100: 0.15},
            ),
            trap(
                "LogLoss",
                V1.log_loss,
                "keras.losses.BinaryCrossentropy()  # without, on saturated sigmoids",
                keras.losses.BinaryCrossentropy,
                {1: 0.5},
                is_weighted=False,
                rate=10.0,
                scale=20.0,
            ),
        ),
    ),
    part(
        "MeanPairwiseSquaredError",
        "tf.losses.mean_pairwise_squared_error",
        V1.mean_pairwise_squared_error,
        no_trap="Keras has no namesake",
    ),
    part(
        "MeanSquaredError",
        "tf.losses.mean_squared_error",
        V1.mean_squared_error,
        traps=(
            trap(
                "MeanSquaredError",
                V1.mean_squared_error,
                "keras.losses.MeanSquaredError()  # with sample_weight",
                keras.losses.MeanSquaredError,
                {1: 0.3, 100: 0.2},
            ),
            trap(
                "MeanSquaredError",
                V1.mean_squared_error,
                'keras.losses.MeanSquaredError(reduction="sum")',
                functools.partial(keras.losses.MeanSquaredError, reduction="sum"),
                {1: 0.6, 100: 0.3},
                {"reduction": Reduction.SUM},
                rate=0.003,
            ),
        ),
    ),
    part(
        "SigmoidCrossEntropy",
        "tf.losses.sigmoid_cross_entropy",
        V1.sigmoid_cross_entropy,
        label_smoothing=([0.0, 1.0, 0.1], 1.5),
        traps=(
            trap(
                "SigmoidCrossEntropy",
                V1.sigmoid_cross_entropy,
                "keras.losses.BinaryCrossentropy(from_logits=True)  # with sample_weight",
                functools.partial(keras.losses.BinaryCrossentropy, from_logits=True),
                {1: 0.3, 100: 0.15},
            ),
        ),
    ),
    part(
        "SoftmaxCrossEntropy",
        "tf.losses.softmax_cross_entropy",
        V1.softmax_cross_entropy,
        label_smoothing=([0.0, 1.0, 0.1], -0.1),
        traps=(
            trap(
                "SoftmaxCrossEntropy",
                V1.softmax_cross_entropy,
                "keras.losses.CategoricalCrossentropy(from_logits=True)  # with sample_weight",
                functools.partial(
                    keras.losses.CategoricalCrossentropy, from_logits=True
                ),
                {1: 0.3, 100: 0.2},
            ),
            trap(
                "SoftmaxCrossEntropy",
                V1.softmax_cross_entropy,
                "keras.losses.CategoricalCrossentropy()  # logits, without",
                keras.losses.CategoricalCrossentropy,
                {1: 1.0, 100: 2.0},
                is_weighted=False,
            ),
        ),
    ),
    part(
        "SparseSoftmaxCrossEntropy",
        "tf.losses.sparse_softmax_cross_entropy",
        V1.sparse_softmax_cross_entropy,
        traps=(
            trap(
                "SparseSoftmaxCrossEntropy",
                V1.sparse_softmax_cross_entropy,
                "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
                "  # with sample_weight",
                functools.partial(
                    keras.losses.SparseCategoricalCrossentropy, from_logits=True
                ),
                {1: 0.3, 100: 0.2},
            ),
        ),
    ),
    Part(
        name="losses.Reduction",
        tf1="tf.losses.Reduction",
        reference=V1.Reduction,
        proof=f"{TEST}::test_the_reductions_are_called_as_in_tf1",
        traps=(
            trap(
                "MeanSquaredError",
                V1.mean_squared_error,
                'keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")',
                functools.partial(
                    keras.losses.MeanSquaredError, reduction="mean_with_sample_weight"
                ),
                {1: 0.15, 100: 0.1},
            ),
        ),
    ),
    Part(
        name="losses.compute_weighted_loss",
        tf1="tf.losses.compute_weighted_loss",
        reference=V1.compute_weighted_loss,
        proof=f"{TEST}::test_weights_and_reductions_are_those_of_tf1",
        arguments=strategies.hyperparameters(reduction=list(REDUCTIONS)),
        refused=(({"losses": [1.0], "reduction": "mean"}, "reduction"),),
        traps=(
            Trap(
                "tf.reduce_mean(losses * weights)",
                off_mean,
                {1: 0.3, 100: 0.2},
                "losses.compute_weighted_loss(losses, weights)",
            ),
        ),
    ),
    Part(
        name="losses.softmax_cross_entropy_with_logits",
        tf1="tf.nn.softmax_cross_entropy_with_logits",
        reference=cross_entropy_of_tf1,
        proof=f"{TEST}::test_no_gradient_flows_into_the_labels",
        arguments=strategies.hyperparameters(axis=[-1, 0, 1]),
        traps=(
            Trap(
                "tf.nn.softmax_cross_entropy_with_logits(labels, logits)"
                "  # labels that the model makes",
                off_softmax,
                {10: 0.04, 100: 0.15},
                "losses.softmax_cross_entropy_with_logits(labels, logits)",
            ),
        ),
    ),
    Part(
        name="losses.L2",
        tf1="tf.contrib.layers.l2_regularizer",
        reference=l2_of_tf1,
        proof=f"{TEST}::test_the_l2_penalty_and_its_gradient_are_those_of_tf1",
        arguments=st.fixed_dictionaries(
            {"scale": st.sampled_from([0.0, 1e-4, 0.1, 1.0, 3.7])}
        ),
        samples=({"scale": 1e-4}, {"scale": 0.0}),
        refused=(({"scale": -1.0}, "scale"), ({"scale": "small"}, "scale")),
        traps=(
            Trap(
                "keras.regularizers.L2(scale)",
                off_l2,
                {1: 0.08, 100: 0.05},
                "losses.L2(scale)",
            ),
        ),
    ),
)
