"""TF1's streaming metrics: programs that update one, batch by batch.

A problem says which inputs there are: ``data``, a kind of ``data_of``; ``rank``, theirs;
``weights``, the rank of weights, or None for none; ``dtypes``, of all in their order, if
they are not those of the data; ``examples``, of each batch, where a case says so.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine

SYMBOLS = collections.OrderedDict(
    [
        ("metrics.AUC", "tf.metrics.auc"),
        ("metrics.Accuracy", "tf.metrics.accuracy"),
        ("metrics.Mean", "tf.metrics.mean"),
        ("metrics.MeanAbsoluteError", "tf.metrics.mean_absolute_error"),
        ("metrics.MeanIoU", "tf.metrics.mean_iou"),
        ("metrics.MeanPerClassAccuracy", "tf.metrics.mean_per_class_accuracy"),
        ("metrics.MeanSquaredError", "tf.metrics.mean_squared_error"),
        ("metrics.Precision", "tf.metrics.precision"),
        ("metrics.Recall", "tf.metrics.recall"),
        ("metrics.RootMeanSquaredError", "tf.metrics.root_mean_squared_error"),
    ]
)
# What each metric takes as labels and predictions.
DATA = {
    "metrics.AUC": "probabilities",
    "metrics.Accuracy": "classes",
    "metrics.Mean": "values",
    "metrics.MeanAbsoluteError": "real",
    "metrics.MeanIoU": "classes",
    "metrics.MeanPerClassAccuracy": "classes",
    "metrics.MeanSquaredError": "real",
    "metrics.Precision": "binary",
    "metrics.Recall": "binary",
    "metrics.RootMeanSquaredError": "real",
}
CLASSES = 5


def problem_of(part, rank=1, weights=None, data=None):
    """The problem of a metric on its own data, or of another kind."""
    return {"data": data or DATA[part], "rank": rank, "weights": weights}


def data_of(kind, random, examples):
    """(labels, predictions) [examples]; the last class of all never occurs."""
    if kind in ("real", "values"):
        return tuple(random.standard_normal((2, examples)).astype(np.float32))
    present = CLASSES - 1 if kind == "classes" else 2
    labels = random.randint(present, size=examples)
    if kind == "rare":  # one positive in ten, of predictions that are all but certain
        labels = random.randint(10, size=examples) == 0
        certain = random.choice([0.0, 0.5, 1.0], examples, p=[0.8, 0.1, 0.1])
        return labels, np.where(labels, 1.0 - certain / 2, certain).astype(np.float32)
    if kind == "probabilities":
        # Few distinct ones, so that thresholds fall between some and not others.
        noise = random.randint(11, size=examples) / 10.0
        return labels, np.float32(0.7 * noise + 0.3 * labels)
    others = random.randint(present, size=examples)
    return labels, np.where(random.uniform(size=examples) < 0.6, labels, others)


def batch_of(problem, random, *shape):
    """{input: array [shape]} of the problem's data, without weights."""
    names = specifications(problem)
    arrays = data_of(problem["data"], random, int(np.prod(shape)))
    return {
        name: array.reshape(shape)
        for name, array in zip(names, arrays)
        if name != "weights"
    }


def specifications(problem):
    """{input: (dtype, shape)}, all sizes left open."""
    shape = [None] * problem["rank"]
    if problem["data"] == "values":
        specified = [("values", ("float32", shape))]
    else:
        specified = [
            (name, (array.dtype.name, shape))
            for name, array in zip(
                ("labels", "predictions"),
                data_of(problem["data"], np.random.RandomState(0), 1),
            )
        ]
    if problem["weights"] is not None:
        specified.append(("weights", ("float32", [None] * problem["weights"])))
    if "dtypes" in problem:
        specified = [
            (name, (dtype, of_data))
            for (name, (_, of_data)), dtype in zip(specified, problem["dtypes"])
        ]
    return collections.OrderedDict(specified)


def program(part, arguments, problem):
    """A metric: the move ``update`` takes a batch, ``value`` only looks.

    Both report the value, that of all batches so far: ``update`` what its op returned,
    of the metrics of classes the confusion matrix or what each class has. The variables
    are the metric's own, local ones in TF1.
    """
    with tf.Graph().as_default() as graph:
        inputs = collections.OrderedDict(
            (name, tf.placeholder(dtype, shape, name=name))
            for name, (dtype, shape) in specifications(problem).items()
        )
        value, update = genuine(SYMBOLS[part])(**dict(inputs, **arguments))
        variables = tf.local_variables()
    return session.program(
        graph,
        inputs,
        variables=variables,
        update=session.move(outputs={"value": update}),
        value=session.move(outputs={"value": value}),
    )


def moves_of(batches):
    """Updates by each batch, each with a look at the value behind it."""
    return [move for batch in batches for move in (("update", batch), ("value", {}))]


# What 1.15.5 records: each metric with its defaults, with and without weights; with all
# else set; errors in float64 too, and one sum of many.

REQUIRED = {
    "metrics.MeanIoU": {"num_classes": CLASSES},
    "metrics.MeanPerClassAccuracy": {"num_classes": CLASSES},
}
CURVES = ("ROC", "PR")
METHODS = ("trapezoidal", "careful_interpolation", "minoring", "majoring")
OTHERS = {
    "metrics.AUC": [
        {"curve": curve, "summation_method": method, "num_thresholds": 11}
        for curve in CURVES
        for method in METHODS
    ]
    + [{"thresholds": [0.7, 0.2, 0.45]}],
    "metrics.MeanIoU": [{"num_classes": CLASSES + 3}],
    "metrics.MeanPerClassAccuracy": [{"num_classes": CLASSES + 3}],
}
# Of up to 63 elements 1.15.5 and today's TensorFlow sum alike.
EXAMPLES = (40, 1, 23)
MANY = (200,)


def ways(part):
    """Yields (arguments, problem) to record."""
    required = REQUIRED.get(part, {})
    yield required, problem_of(part, weights=1)
    yield required, problem_of(part)
    for arguments in OTHERS.get(part, []):
        yield arguments, problem_of(part, weights=1)
    if DATA[part] == "real":
        yield required, dict(problem_of(part), dtypes=["float64", "float64"])
    if part == "metrics.Mean":
        yield required, dict(problem_of(part), examples=MANY)


def _cases():
    """Yields (name of a play, Case)."""
    for part in SYMBOLS:
        for number, (arguments, problem) in enumerate(ways(part)):
            dtype = "".join(" " + dtype for dtype in problem.get("dtypes", [])[:1])
            name = "{} {}{}".format(part.partition(".")[2], number, dtype)
            yield name, Case(part, arguments, problem, None)


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case: by default, the second is a single."""
    random = np.random.RandomState(0)
    batches = []
    for size in case.problem.get("examples", EXAMPLES):
        batch = batch_of(case.problem, random, size)
        if case.problem["weights"] is not None:
            batch["weights"] = random.uniform(-0.1, 2.0, size)
            batch["weights"][::3] = 0.0
        batches.append(
            {
                name: batch[name].astype(dtype)
                for name, (dtype, _) in specifications(case.problem).items()
            }
        )
    return program(*case[:3]), moves_of(batches), None, None
