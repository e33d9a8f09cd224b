"""TF1's losses: programs of one loss alone, and of a linear model that it trains."""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts import sequence_losses
from tf1_graph.parts.cases import Case, genuine
from tf1_graph.parts.sequence_losses import SEQUENCES

# {part: the TF1 symbol that it reproduces}
SYMBOLS = collections.OrderedDict(
    [
        ("losses.AbsoluteDifference", "tf.losses.absolute_difference"),
        ("losses.CosineDistance", "tf.losses.cosine_distance"),
        ("losses.HingeLoss", "tf.losses.hinge_loss"),
        ("losses.HuberLoss", "tf.losses.huber_loss"),
        ("losses.LogLoss", "tf.losses.log_loss"),
        ("losses.MeanPairwiseSquaredError", "tf.losses.mean_pairwise_squared_error"),
        ("losses.MeanSquaredError", "tf.losses.mean_squared_error"),
        ("losses.SigmoidCrossEntropy", "tf.losses.sigmoid_cross_entropy"),
        ("losses.SoftmaxCrossEntropy", "tf.losses.softmax_cross_entropy"),
        ("losses.SparseSoftmaxCrossEntropy", "tf.losses.sparse_softmax_cross_entropy"),
        (
            "losses.WeightedCrossEntropy",
            "tf.nn.weighted_cross_entropy_with_logits",
        ),
        ("losses.Reduction", "tf.losses.Reduction"),
        ("losses.compute_weighted_loss", "tf.losses.compute_weighted_loss"),
        (
            "losses.softmax_cross_entropy_with_logits",
            "tf.nn.softmax_cross_entropy_with_logits",
        ),
        ("losses.L2", "tf.contrib.layers.l2_regularizer"),
    ]
)
# What each loss takes as labels.
LABELS = {
    "losses.AbsoluteDifference": "real",
    "losses.CosineDistance": "directions",
    "losses.HingeLoss": "binary",
    "losses.HuberLoss": "real",
    "losses.LogLoss": "binary",
    "losses.MeanPairwiseSquaredError": "real",
    "losses.MeanSquaredError": "real",
    "losses.SigmoidCrossEntropy": "binary",
    "losses.SoftmaxCrossEntropy": "one-hot",
    "losses.SparseSoftmaxCrossEntropy": "classes",
    "losses.WeightedCrossEntropy": "binary",
}
# What makes of a model's logits the predictions that a loss takes.
ACTIVATIONS = {
    "losses.CosineDistance": lambda logits: tf.nn.l2_normalize(logits, axis=-1),
    "losses.LogLoss": tf.sigmoid,
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
            losses, their ``rank`` as well; ``labels``, their dtype if another.
    """
    dtype, weights = problem["dtype"], problem["weights"]
    if part == "losses.compute_weighted_loss":
        specified = [("losses", (dtype, [None] * problem["rank"]))]
    elif part == "losses.L2":
        specified = [("x", (dtype, [None, None]))]
    else:
        labels = (problem.get("labels", dtype), [None, CLASSES])
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
    if part == "losses.L2":
        return l2_penalty(arguments["scale"])(*inputs)
    if part == "losses.Reduction":
        arguments = {"reduction": getattr(tf.losses.Reduction, arguments["name"])}
        part = "losses.MeanSquaredError"
    if part == "losses.softmax_cross_entropy_with_logits":
        # TF1's own ``axis`` fails beside the default of its older name, ``dim``.
        labels, logits = inputs
        dim = arguments.get("axis", -1)
        return genuine(SYMBOLS[part])(labels=labels, logits=logits, dim=dim)
    if "weights" in weights and "weights" in arguments:
        constant = tf.constant(arguments.pop("weights"), tf.float32)
        weights = {"weights": constant * weights["weights"]}
    arguments.update(weights)
    if part == "losses.WeightedCrossEntropy":
        elements = weighted_cross_entropy(arguments.pop("pos_weight"), *inputs)
        return tf.losses.compute_weighted_loss(elements, **arguments)
    rounding = arguments.pop("rounding", "1.15")
    if part == "losses.LogLoss" and rounding == "1.15" and tf.__version__[0] != "1":
        # What is no constant is added where it is written, as 1.15 did with constants.
        epsilon = np.float32(arguments.get("epsilon", 1e-7))
        arguments["epsilon"] = tf.placeholder_with_default(epsilon, [])
    return genuine(SYMBOLS[part])(*inputs, **arguments)


def weighted_cross_entropy(pos_weight, labels, logits):
    """The elements, under a weight that is a number or [classes]."""
    if not isinstance(pos_weight, float):
        pos_weight = tf.constant(pos_weight, logits.dtype)
    labels = tf.cast(labels, logits.dtype)
    return genuine(SYMBOLS["losses.WeightedCrossEntropy"])(
        labels, logits, pos_weight=pos_weight
    )


def l2_penalty(scale):
    """``l2_regularizer(scale)``: contrib's, or where that is gone its definition."""

    def by_definition(scale):
        return lambda x: tf.constant(scale, x.dtype.base_dtype) * tf.nn.l2_loss(x)

    return genuine(SYMBOLS["losses.L2"], lost=by_definition)(scale)


def program(part, arguments, problem):
    """A loss alone: the move ``loss`` reports it and its gradients by what is no weight.

    Args:
        problem: see ``specifications``.
    """
    if part in SEQUENCES:
        return sequence_losses.program(part, arguments, problem)
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

    A loss stands where a program has it; L2 beside a mean of squares, a function of
    logits on labels that the model makes, as distillation and co-training do.

    Args:
        problem: ``model``, the loss whose data it is; ``scale`` of the first kernel;
            ``rate``; ``weighted``, whether examples have weights.
    """
    features, labels, weights, start = data(problem["model"])
    batch = {"x": features, "y_true": labels}
    if problem["weighted"]:
        batch["sample_weight"] = weights
    with tf.Graph().as_default() as graph:
        inputs = {
            name: tf.placeholder(array.dtype, (None,) + array.shape[1:], name=name)
            for name, array in batch.items()
        }
        given = {"weights": inputs["sample_weight"]} if problem["weighted"] else {}
        kernel = tf.get_variable("kernel", initializer=start * problem["scale"])
        predictions, labels = tf.matmul(inputs["x"], kernel), inputs["y_true"]
        if problem["model"] in ACTIVATIONS:
            predictions = ACTIVATIONS[problem["model"]](predictions)
        if part == "losses.L2":
            error = loss("losses.MeanSquaredError", {}, labels, predictions, **given)
            value = error + loss(part, arguments, kernel)
        elif part == "losses.softmax_cross_entropy_with_logits":
            own = tf.nn.softmax(predictions[:, ::-1])
            value = tf.reduce_mean(loss(part, arguments, own, predictions))
        elif part == "losses.compute_weighted_loss":
            errors = tf.math.squared_difference(predictions, labels)
            value = loss(part, arguments, errors, **given)
        else:
            value = loss(part, arguments, labels, predictions, **given)
        train = tf.train.GradientDescentOptimizer(problem["rate"]).minimize(value)
    return session.program(graph, inputs, train=session.train(train, value))


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


# What 1.15.5 records: each loss alone, with weights of the examples, with all else set,
# and in float64; under every reduction, and one sum of many.

REQUIRED = {
    "losses.CosineDistance": {"axis": -1},
    "losses.WeightedCrossEntropy": {"pos_weight": 3.7},
    "losses.Reduction": {"name": "SUM_BY_NONZERO_WEIGHTS"},
    "losses.L2": {"scale": 0.1},
}
OTHERS = {
    "losses.CosineDistance": {"axis": 0},
    "losses.HuberLoss": {"delta": 0.3},
    "losses.LogLoss": {"epsilon": 1e-3},
    "losses.SigmoidCrossEntropy": {"label_smoothing": 0.1},
    "losses.SoftmaxCrossEntropy": {"label_smoothing": 0.1},
    "losses.WeightedCrossEntropy": {"pos_weight": [0.3, 1.0, 3.7]},
    "losses.compute_weighted_loss": {"weights": 0.3, "reduction": "weighted_sum"},
    "losses.softmax_cross_entropy_with_logits": {"axis": 0},
    "losses.L2": {"scale": 3.7},
}
REDUCTIONS = ("NONE", "SUM", "SUM_OVER_BATCH_SIZE", "MEAN", "SUM_OVER_NONZERO_WEIGHTS")
WITHOUT_REDUCTION = ("losses.MeanPairwiseSquaredError",)
# Of up to 63 elements, 21 rows of CLASSES, 1.15.5 and today's TensorFlow sum alike.
EXAMPLES = (21, 4)
MANY = (200,)


def weights_rank(part):
    """Rank of the weights of a loss's examples, as TF1 asks for it."""
    if part in ("losses.L2", "losses.softmax_cross_entropy_with_logits"):
        return None
    return 1 if LABELS.get(part) in ("one-hot", "classes") else 2


def others(part):
    """Every option of a loss, and what its argument without a default may be besides."""
    arguments = dict(OTHERS.get(part, {}))
    if part in LABELS:
        arguments["weights"] = 0.3 if weights_rank(part) == 1 else [[0.5, 0.0, 2.0]]
        if part not in WITHOUT_REDUCTION:
            # The elements as they are: a sum hides in its rounding what they differ by.
            arguments["reduction"] = "none"
    return arguments


def ways(part):
    """Yields (arguments, dtype, rank of the examples' weights, examples) to record."""
    required, rank = REQUIRED.get(part, {}), weights_rank(part)
    if rank is not None:
        yield required, "float32", None, EXAMPLES
    yield required, "float32", rank, EXAMPLES
    yield required, "float64", rank, EXAMPLES
    if part == "losses.Reduction":
        for name in REDUCTIONS:
            yield {"name": name}, "float32", rank, EXAMPLES
        return
    yield others(part), "float32", None, EXAMPLES
    if part == "losses.compute_weighted_loss":
        yield required, "float32", rank, MANY


def _cases():
    """Yields (name of a play, Case)."""
    for part in SYMBOLS:
        for number, (arguments, dtype, rank, examples) in enumerate(ways(part)):
            problem = {"dtype": dtype, "weights": rank, "rank": 2, "examples": examples}
            name = "{} {} {}".format(part.partition(".")[2], number, dtype)
            yield name, Case(part, arguments, problem, None)


CASES = collections.OrderedDict(_cases())
CASES.update(sequence_losses.CASES)


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
        elif part == "losses.LogLoss":
            batch[name] = random.uniform(size=sizes).astype(dtype)
        else:
            batch[name] = random.standard_normal(sizes).astype(dtype)
    return batch


def play(case):
    """(Program, moves, values, settings) of a case: a batch of each size."""
    if case.part in SEQUENCES:
        return sequence_losses.play(case)
    random = np.random.RandomState(0)
    moves = [
        ("loss", batch_of(case.part, case.problem, random, examples))
        for examples in case.problem["examples"]
    ]
    return program(*case[:3]), moves, None, None
