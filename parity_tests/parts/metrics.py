"""Descriptors of tf1_semantics.metrics, and their twins."""

import functools

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine import strategies
from parity_tests.pair.pair import Pair
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from tf1_graph.parts import metrics as tf1_metrics
from tf1_graph.parts.metrics import CLASSES, SYMBOLS, batch_of, moves_of, problem_of
from tf2_keras import training
from tf2_keras.tf1_semantics import metrics

PROOF = "parity_tests/parts/metrics_test.py::test_values_and_variables_are_those_of_tf1"


def twin(part, arguments, problem):
    """The twin of ``tf1_metrics.program``: a metric, its variables by TF1's names."""
    metric = getattr(metrics, part.partition(".")[2])(**arguments)
    # TF1 counted each of these in a scope of its own.
    scope = "/count" if part in ("metrics.Precision", "metrics.Recall") else ""
    return following(
        metric,
        problem,
        {
            f"{metric.name}/{variable.name}{scope}": variable
            for variable in metric.variables
        },
    )


def of_update(metric):
    """What TF1's update returned; not always the value."""
    if isinstance(metric, metrics.MeanIoU):
        return metric.total_confusion_matrix.value
    if isinstance(metric, metrics.MeanPerClassAccuracy):
        total = tf.maximum(metric.total.value, 0.0)
        return tf.math.divide_no_nan(metric.correct.value, total)
    return metric.result()


def following(metric, problem, state=None):
    """The twin that a Keras metric is; of ``state`` nothing is compared by default."""
    names = list(tf1_metrics.specifications(problem))

    def update(**batch):
        metric.update_state(*(batch[name] for name in names))
        return {"outputs": {"value": of_update(metric)}}

    def value():
        return {"outputs": {"value": metric.result()}}

    return training.Twin(
        state or {}, {"update": update, "value": value}, hidden=metric.variables
    )


def naive_and_expected(part, naive, arguments, data=None, weighted=False):
    """(value of ``naive``, value of TF1) over two batches.

    Args:
        part: whose value is TF1's.
        naive: () -> a Keras metric.
        arguments: of the part.
        data: a kind, if not the part's.
        weighted: whether every example has a weight, a third of them zero.
    """
    random = np.random.RandomState(0)
    problem = problem_of(part, weights=1 if weighted else None, data=data)
    batches = []
    for examples in (40, 2):
        batch = batch_of(problem, random, examples)
        if weighted:
            batch["weights"] = random.uniform(0.1, 0.9, examples).astype(np.float32)
            batch["weights"][::3] = 0.0
        batches.append(batch)
    program = tf1_metrics.program(part, arguments, problem)
    with Pair(program, following(naive(), problem)) as pair:
        *_, expected = pair.reference(moves_of(batches))
        *_, received = pair.candidate(moves_of(batches), "eager")
    return received["outputs"]["value"], expected["outputs"]["value"]


# Keras's namesakes that compute the same, but for the last bits.
AGREEING = {
    "metrics.AUC": keras.metrics.AUC,  # of the ROC curve
    "metrics.Accuracy": keras.metrics.Accuracy,
    "metrics.Mean": keras.metrics.Mean,
    "metrics.RootMeanSquaredError": keras.metrics.RootMeanSquaredError,
}
CLASS_COUNT = {
    "arguments": strategies.hyperparameters(num_classes=[CLASSES, CLASSES + 3]),
    "samples": ({"num_classes": 2}, {"num_classes": 7, "name": "other"}),
    "refused": (
        ({"num_classes": 0}, "num_classes"),
        ({"num_classes": 2.5}, "num_classes"),
    ),
}


def trap(name, write, naive, at_least, arguments=None, instead=None, **conditions):
    """A Trap of a metric; ``conditions`` are those of ``naive_and_expected``."""

    def off():
        received, expected = naive_and_expected(
            f"metrics.{name}", naive, arguments or {}, **conditions
        )
        return {1: relative_error(expected, received)}

    return (Trap(write, off, {1: at_least}, instead or f"metrics.{name}()"),)


def part(name, **options):
    return Part(
        **{
            "name": f"metrics.{name}",
            "tf1": SYMBOLS[f"metrics.{name}"],
            "proof": PROOF,
            "samples": ({}, {"name": "other"}),
            **options,
        }
    )


PARTS = (
    part(
        "AUC",
        arguments=strategies.hyperparameters(
            num_thresholds=[200, 2, 3, 11],
            curve=list(tf1_metrics.CURVES),
            summation_method=list(tf1_metrics.METHODS),
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
        traps=trap(
            "AUC",
            'keras.metrics.AUC(curve="PR")',
            functools.partial(keras.metrics.AUC, curve="PR"),
            0.2,
            {"curve": "PR"},
            'metrics.AUC(curve="PR")',
            data="rare",
        ),
    ),
    part(
        "Accuracy",
        no_trap="keras.metrics.Accuracy agrees on class numbers: measured",
    ),
    part("Mean", no_trap="keras.metrics.Mean agrees: measured"),
    part(
        "MeanAbsoluteError",
        traps=trap(
            "MeanAbsoluteError",
            "keras.metrics.MeanAbsoluteError()  # predictions of [batch]",
            keras.metrics.MeanAbsoluteError,
            0.2,
        ),
    ),
    part(
        "MeanIoU",
        **CLASS_COUNT,
        traps=trap(
            "MeanIoU",
            "keras.metrics.MeanIoU(num_classes)  # with weights below one",
            functools.partial(keras.metrics.MeanIoU, CLASSES),
            0.9,
            {"num_classes": CLASSES},
            "metrics.MeanIoU(num_classes)",
            weighted=True,
        ),
    ),
    part("MeanPerClassAccuracy", **CLASS_COUNT, no_trap="Keras has no namesake"),
    part(
        "MeanSquaredError",
        traps=trap(
            "MeanSquaredError",
            "keras.metrics.MeanSquaredError()  # predictions of [batch]",
            keras.metrics.MeanSquaredError,
            0.3,
        ),
    ),
    part(
        "Precision",
        traps=trap(
            "Precision",
            "keras.metrics.Precision()  # on probabilities",
            keras.metrics.Precision,
            0.25,
            data="probabilities",
        ),
    ),
    part(
        "Recall",
        traps=trap(
            "Recall",
            "keras.metrics.Recall()  # on probabilities",
            keras.metrics.Recall,
            0.2,
            data="probabilities",
        ),
    ),
    part(
        "RootMeanSquaredError",
        no_trap="keras.metrics.RootMeanSquaredError agrees to rounding: measured",
    ),
)
