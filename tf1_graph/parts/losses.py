"""TF1's losses: programs of one loss alone, and of a linear model that it trains."""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case
from tf1_graph.parts.symbols import is_tf1, symbol

# {part: the TF1 symbol that it reproduces}
SYMBOLS = collections.OrderedDict(
    [
        ("AbsoluteDifference", "tf.losses.absolute_difference"),
        ("CosineDistance", "tf.losses.cosine_distance"),
        ("HingeLoss", "tf.losses.hinge_loss"),
        ("HuberLoss", "tf.losses.huber_loss"),
        ("LogLoss", "tf.losses.log_loss"),
        ("MeanPairwiseSquaredError", "tf.losses.mean_pairwise_squared_error"),
        ("MeanSquaredError", "tf.losses.mean_squared_error"),
        ("SigmoidCrossEntropy", "tf.losses.sigmoid_cross_entropy"),
        ("SoftmaxCrossEntropy", "tf.losses.softmax_cross_entropy"),
        ("SparseSoftmaxCrossEntropy", "tf.losses.sparse_softmax_cross_entropy"),
        ("Reduction", "tf.losses.Reduction"),
        ("compute_weighted_loss", "tf.losses.compute_weighted_loss"),
        (
            "softmax_cross_entropy_with_logits",
            "tf.nn.softmax_cross_entropy_with_logits",
        ),
        ("L2", "tf.contrib.layers.l2_regularizer"),
    ]
)
# What each loss takes as labels.
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
CLASSES = 3


def labels_of(kind, random, examples, classes=CLASSES):
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


def specifications(part, problem):
    """{input: (dtype, shape)} of a loss, its batch left open.

    Args:
        problem: ``dtype``; ``weights``, their rank, or None for none; for what takes
            losses, their ``rank`` as well.
    """
    dtype, weights = problem["dtype"], problem["weights"]
    if part == "compute_weighted_loss":
        specified = [("losses", (dtype, [None] * problem["rank"]))]
    elif part == "L2":
        specified = [("x", (dtype, [None, None]))]
    else:
        labels = (dtype, [None, CLASSES])
        if LABELS.get(part) == "classes":
            labels = ("int64", [None])
        specified = [("labels", labels), ("predictions", (dtype, [None, CLASSES]))]
    if weights is not None:
        specified.append(("weights", ("float32", [None] * weights)))
    return collections.OrderedDict(specified)


def loss(part, arguments, *inputs, **weights):
    """A loss as TF1 computed it.

    Args:
        arguments: of the part. Constant ``weights`` among them multiply those given.
        *inputs: labels and predictions, or what else the symbol takes first.
        **weights: ``weights`` or nothing.
    """
    arguments = dict(arguments)
    if part == "L2":
        return l2_penalty(arguments["scale"])(*inputs)
    if part == "Reduction":
        arguments = {"reduction": getattr(tf.losses.Reduction, arguments["name"])}
        part = "MeanSquaredError"
    if part == "softmax_cross_entropy_with_logits":
        # TF1's own ``axis`` fails beside the default of its older name, ``dim``.
        labels, logits = inputs
        dim = arguments.get("axis", -1)
        return symbol(SYMBOLS[part])(labels=labels, logits=logits, dim=dim)
    if "weights" in weights and "weights" in arguments:
        constant = tf.constant(arguments.pop("weights"), tf.float32)
        weights = {"weights": constant * weights["weights"]}
    arguments.update(weights)
    return symbol(SYMBOLS[part])(*inputs, **arguments)


def l2_penalty(scale):
    """``l2_regularizer(scale)``: contrib's, or where that is gone its definition."""
    if is_tf1():
        return symbol(SYMBOLS["L2"])(scale)
    return lambda x: tf.constant(scale, x.dtype.base_dtype) * tf.nn.l2_loss(x)


def program(part, arguments, problem):
    """A loss alone: the move ``loss`` reports it and its gradients by what is no weight.

    Args:
        problem: see ``specifications``.
    """
    with tf.Graph().as_default() as graph:
        inputs = collections.OrderedDict(
            (name, tf.placeholder(dtype, shape, name=name))
            for name, (dtype, shape) in specifications(part, problem).items()
        )
        weights = {name: inputs[name] for name in inputs if name == "weights"}
        by = {name: inputs[name] for name in inputs if name != "weights"}
        value = loss(part, arguments, *by.values(), **weights)
        by = {name: by[name] for name in by if by[name].dtype.is_floating}
        gradients = zip(by, tf.gradients(value, list(by.values())))
    gradients = {name: gradient for name, gradient in gradients if gradient is not None}
    return session.program(
        graph, inputs, loss=session.move(loss={"loss": value}, gradients=gradients)
    )


def trained(part, arguments, problem):
    """A linear model [batch, 4] -> [batch, 3] under gradient descent.

    A loss stands where a program has it; L2 beside a mean of squares; a function of
    logits on labels that the model makes, as distillation and co-training do.

    Args:
        problem: ``model``, the loss whose data it is; ``kernel``, where that starts;
            ``rate``; ``weighted``, whether examples have weights.
    """
    _, _, weights, _ = data(problem["model"])
    with tf.Graph().as_default() as graph:
        features = tf.placeholder(tf.float32, [None, 4], name="features")
        labels = tf.placeholder(*label_specification(problem["model"]), name="labels")
        inputs = {"features": features, "labels": labels}
        given = {}
        if problem["weighted"]:
            shape = [None] + list(weights.shape[1:])
            given["weights"] = tf.placeholder(tf.float32, shape, name="weights")
        kernel = tf.get_variable("kernel", initializer=problem["kernel"])
        predictions = activated(problem["model"], tf.matmul(features, kernel), tf)
        if part == "L2":
            error = tf.reduce_mean(tf.math.squared_difference(predictions, labels))
            value = error + loss(part, arguments, kernel)
        elif part == "softmax_cross_entropy_with_logits":
            own = tf.nn.softmax(predictions[:, ::-1])
            value = tf.reduce_mean(loss(part, arguments, own, predictions))
        elif part == "compute_weighted_loss":
            errors = tf.math.squared_difference(predictions, labels)
            value = loss(part, arguments, errors, **given)
        else:
            value = loss(part, arguments, labels, predictions, **given)
        train = tf.train.GradientDescentOptimizer(problem["rate"]).minimize(value)
    inputs.update(given)
    return session.program(graph, inputs, train=session.train(train, value))


def activated(part, logits, ops):
    """The predictions that a loss takes, of a model's logits; ``ops``: a TensorFlow."""
    if part == "LogLoss":
        return ops.sigmoid(logits)
    if part == "CosineDistance":
        return ops.nn.l2_normalize(logits, axis=-1)
    return logits


def label_specification(part):
    """(dtype, shape) of a loss's labels in a model."""
    labels = data(part)[1]
    return labels.dtype, [None] + list(labels.shape[1:])


def data(part):
    """(features [12, 4], labels, weights of the examples, kernel [4, 3]) of a model.

    A third of the weights is zero. The weights are of the rank that TF1 asks for.
    """
    random = np.random.RandomState(1)
    features = random.standard_normal((12, 4)).astype(np.float32)
    kind = LABELS[part]
    labels = labels_of(kind, random, 12)
    weights = random.uniform(0.5, 3.0, 12).astype(np.float32)
    weights[::3] = 0.0
    if kind not in ("one-hot", "classes"):
        weights = weights[:, np.newaxis]
    kernel = random.standard_normal((4, CLASSES)).astype(np.float32)
    return features, labels, weights, kernel


# What 1.15.5 records: each loss with its defaults, with all else set, and in float64.

REQUIRED = {
    "CosineDistance": {"axis": -1},
    "Reduction": {"name": "SUM"},
    "L2": {"scale": 0.1},
}
OTHERS = {
    "CosineDistance": {"axis": 1},
    "HuberLoss": {"delta": 0.3},
    "LogLoss": {"epsilon": 1e-3},
    "SigmoidCrossEntropy": {"label_smoothing": 0.1},
    "SoftmaxCrossEntropy": {"label_smoothing": 0.1},
    "Reduction": {"name": "MEAN"},
    "compute_weighted_loss": {"reduction": "weighted_sum_over_batch_size"},
    "softmax_cross_entropy_with_logits": {"axis": 0},
    "L2": {"scale": 3.7},
}
WITHOUT_REDUCTION = ("MeanPairwiseSquaredError",)


def weights_rank(part):
    """Rank of the weights of a loss's examples, as TF1 asks for it."""
    if part in ("L2", "softmax_cross_entropy_with_logits"):
        return None
    return 1 if LABELS.get(part) in ("one-hot", "classes") else 2


def _cases():
    for part in SYMBOLS:
        others = dict(OTHERS.get(part, {}))
        if part in LABELS:
            others["weights"] = 0.3
            if part not in WITHOUT_REDUCTION:
                others["reduction"] = "weighted_mean"
        required, rank = REQUIRED.get(part, {}), weights_rank(part)
        for arguments, dtype, weights in (
            (required, "float32", None),
            (others, "float32", rank),
            (required, "float64", rank),
        ):
            problem = {"dtype": dtype, "weights": weights, "rank": 2}
            yield Case(part, arguments, problem)


CASES = tuple(_cases())


def batch_of(part, problem, random, examples):
    """{input: array} of ordinary data; a third of the weights is zero."""
    kind = LABELS.get(part, "real")
    batch = {}
    for name, (dtype, shape) in specifications(part, problem).items():
        sizes = [examples] + [CLASSES] * (len(shape) - 1)
        if name == "labels":
            batch[name] = labels_of(kind, random, examples).astype(dtype)
        elif name == "weights":
            weights = random.uniform(0.5, 3.0, [examples] + [1] * (len(shape) - 1))
            weights[::3] = 0.0
            batch[name] = weights.astype(dtype)
        elif part == "LogLoss":
            batch[name] = random.uniform(size=sizes).astype(dtype)
        else:
            batch[name] = random.standard_normal(sizes).astype(dtype)
    return batch


def play(case):
    """(Program, moves, values, settings) of a case: two batches."""
    random = np.random.RandomState(0)
    moves = [
        ("loss", batch_of(case.part, case.problem, random, size)) for size in (7, 4)
    ]
    return program(*case), moves, None, None
