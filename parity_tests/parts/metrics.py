"""Descriptors of tf1_semantics.metrics."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap

PROOF = "parity_tests/parts/metrics_test.py::test_values_and_variables_are_those_of_tf1"
V1 = tf.compat.v1.metrics
CLASSES = 5

# What each metric takes as labels and predictions.
DATA = {
    "AUC": "probabilities",
    "Accuracy": "classes",
    "Mean": "values",
    "MeanAbsoluteError": "real",
    "MeanIoU": "classes",
    "MeanPerClassAccuracy": "classes",
    "MeanSquaredError": "real",
    "Precision": "binary",
    "Recall": "binary",
    "RootMeanSquaredError": "real",
}


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


@contextlib.contextmanager
def session_of_tf1(reference, arguments, placeholders):
    """Yields (update, {name: variable}): of a metric in a compat.v1 graph.

    Args:
        reference: a function of tf.metrics.
        arguments: of its own.
        placeholders: {name of an argument: TensorSpec}.

    ``update(*arrays)`` returns (the value, [the variables]) after one more batch.
    """
    with tf.Graph().as_default() as graph:
        fed = {
            name: tf.compat.v1.placeholder(one.dtype, one.shape)
            for name, one in placeholders.items()
        }
        value, update_op = reference(**fed, **arguments)
        variables = tf.compat.v1.local_variables()
        initialise = tf.compat.v1.local_variables_initializer()
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)

        def update(*arrays):
            session.run(update_op, dict(zip(fed.values(), arrays, strict=False)))
            return session.run([value, variables])

        update.restart = functools.partial(session.run, initialise)
        yield update, [variable.op.name for variable in variables]


def naive_and_expected(name, naive, arguments, kind=None, weighted=False):
    """(value of ``naive``, value of TF1) over two batches.

    Args:
        name: of a part, whose reference is TF1's.
        naive: () -> a Keras metric.
        arguments: of the reference.
        kind: of the data, if not the part's.
        weighted: whether every example has a weight, a third of them zero.
    """
    random = np.random.RandomState(0)
    metric = naive()
    batches = []
    for examples in (40, 2):
        batch = data_of(kind or DATA[name], random, examples)
        batch = batch[:1] if DATA[name] == "values" else batch
        if weighted:
            weights = random.uniform(0.1, 0.9, examples).astype(np.float32)
            weights[::3] = 0.0
            batch += (weights,)
        batches.append(batch)
        metric.update_state(*batch)
    names = ["values"] if DATA[name] == "values" else ["labels", "predictions"]
    placeholders = {
        key: tf.TensorSpec([None], array.dtype)
        for key, array in zip([*names, "weights"], batches[0], strict=False)
    }
    with session_of_tf1(REFERENCES[name], arguments, placeholders) as (update, _):
        for batch in batches:
            expected, _ = update(*batch)
    return float(metric.result()), float(expected)


def off(name, naive, arguments=None, **options):
    def measure():
        received, expected = naive_and_expected(name, naive, arguments or {}, **options)
        return {1: abs(received - expected) / abs(expected)}

    return measure


REFERENCES = {
    "AUC": V1.auc,
    "Accuracy": V1.accuracy,
    "Mean": V1.mean,
    "MeanAbsoluteError": V1.mean_absolute_error,
    "MeanIoU": V1.mean_iou,
    "MeanPerClassAccuracy": V1.mean_per_class_accuracy,
    "MeanSquaredError": V1.mean_squared_error,
    "Precision": V1.precision,
    "Recall": V1.recall,
    "RootMeanSquaredError": V1.root_mean_squared_error,
}
# Keras's namesakes that compute the same, but for the last bits.
AGREEING = {
    "AUC": keras.metrics.AUC,  # of the ROC curve
    "Accuracy": keras.metrics.Accuracy,
    "Mean": keras.metrics.Mean,
    "RootMeanSquaredError": keras.metrics.RootMeanSquaredError,
}
CLASS_COUNT = {
    "arguments": strategies.hyperparameters(num_classes=[CLASSES, CLASSES + 3]),
    "samples": ({"num_classes": 2}, {"num_classes": 7, "name": "other"}),
    "refused": (
        ({"num_classes": 0}, "num_classes"),
        ({"num_classes": 2.5}, "num_classes"),
    ),
}


def part(name, tf1, **options):
    return Part(
        **{
            "name": f"metrics.{name}",
            "tf1": f"tf.metrics.{tf1}",
            "reference": REFERENCES[name],
            "proof": PROOF,
            "samples": ({}, {"name": "other"}),
            **options,
        }
    )


PARTS = (
    part(
        "AUC",
        "auc",
        arguments=strategies.hyperparameters(
            num_thresholds=[200, 2, 3, 11],
            curve=["ROC", "PR"],
            summation_method=[
                "trapezoidal",
                "careful_interpolation",
                "minoring",
                "majoring",
            ],
        ),
        samples=(
            {},
            {"num_thresholds": 11, "curve": "PR", "summation_method": "minoring"},
            {"thresholds": [0.3, 0.1, 0.9], "name": "other"},
        ),
        refused=(
            ({"num_thresholds": 1}, "num_thresholds"),
            ({"curve": "pr"}, "curve"),
            ({"summation_method": "interpolation"}, "summation_method"),
            ({"thresholds": [0.1, 1.2]}, "thresholds"),
            ({"thresholds": 0.5}, "thresholds"),
        ),
        traps=(
            Trap(
                'keras.metrics.AUC(curve="PR")',
                off(
                    "AUC",
                    functools.partial(keras.metrics.AUC, curve="PR"),
                    {"curve": "PR"},
                    kind="rare",
                ),
                {1: 0.2},
                'metrics.AUC(curve="PR")',
            ),
        ),
    ),
    part(
        "Accuracy",
        "accuracy",
        no_trap="keras.metrics.Accuracy agrees on class numbers: measured",
    ),
    part("Mean", "mean", no_trap="keras.metrics.Mean agrees: measured"),
    part(
        "MeanAbsoluteError",
        "mean_absolute_error",
        traps=(
            Trap(
                "keras.metrics.MeanAbsoluteError()  # predictions of [batch]",
                off("MeanAbsoluteError", keras.metrics.MeanAbsoluteError),
                {1: 0.2},
                "metrics.MeanAbsoluteError()",
            ),
        ),
    ),
    part(
        "MeanIoU",
        "mean_iou",
        **CLASS_COUNT,
        traps=(
            Trap(
                "keras.metrics.MeanIoU(num_classes)  # with weights below one",
                off(
                    "MeanIoU",
                    functools.partial(keras.metrics.MeanIoU, CLASSES),
                    {"num_classes": CLASSES},
                    weighted=True,
                ),
                {1: 0.9},
                "metrics.MeanIoU(num_classes)",
            ),
        ),
    ),
    part(
        "MeanPerClassAccuracy",
        "mean_per_class_accuracy",
        **CLASS_COUNT,
        no_trap="Keras has no namesake",
    ),
    part(
        "MeanSquaredError",
        "mean_squared_error",
        traps=(
            Trap(
                "keras.metrics.MeanSquaredError()  # predictions of [batch]",
                off("MeanSquaredError", keras.metrics.MeanSquaredError),
                {1: 0.3},
                "metrics.MeanSquaredError()",
            ),
        ),
    ),
    part(
        "Precision",
        "precision",
        traps=(
            Trap(
                "keras.metrics.Precision()  # on probabilities",
                off("Precision", keras.metrics.Precision, kind="probabilities"),
                {1: 0.25},
                "metrics.Precision()",
            ),
        ),
    ),
    part(
        "Recall",
        "recall",
        traps=(
            Trap(
                "keras.metrics.Recall()  # on probabilities",
                off("Recall", keras.metrics.Recall, kind="probabilities"),
                {1: 0.2},
                "metrics.Recall()",
            ),
        ),
    ),
    part(
        "RootMeanSquaredError",
        "root_mean_squared_error",
        no_trap="keras.metrics.RootMeanSquaredError agrees to rounding: measured",
    ),
)
