"""Descriptors of tf1_semantics.losses, and their twins.

TF1's side of both programs, a loss alone and a model that it trains, is
``tf1_graph.parts.losses``.
"""

import functools

import keras
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.pair.pair import Pair
from parity_tests.parts import sequence_losses
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from tf1_graph.parts import losses as tf1_losses
from tf1_graph.parts.losses import SYMBOLS
from tf2_keras import training
from tf2_keras.tf1_semantics import losses
from tf2_keras.tf1_semantics.losses import Reduction

TEST = "parity_tests/parts/losses_test.py"
STEPS = (1, 10, 100)
REDUCTIONS = tuple(dict.fromkeys(Reduction))  # two names share one string


def part_of(part, arguments):
    """What computes a loss of its inputs and, if any, weights."""
    name = part.partition(".")[2]
    if name == "Reduction":
        reduction = getattr(Reduction, arguments["name"])
        return losses.MeanSquaredError(reduction=reduction)
    known = getattr(losses, name)
    if isinstance(known, type):
        return known(**arguments)
    return functools.partial(known, **arguments)


def twin(part, arguments, problem):
    """A part alone: the twin of ``tf1_losses.program``."""
    if part in sequence_losses.SEQUENCES:
        return sequence_losses.twin(part, arguments, problem)
    compute = part_of(part, arguments)
    names = list(tf1_losses.specifications(part, problem))

    def loss(**inputs):
        by = {
            name: inputs[name]
            for name in names
            if name != "weights" and inputs[name].dtype.is_floating
        }
        with tf.GradientTape() as tape:
            tape.watch(by)
            value = compute(*[inputs[name] for name in names])
        gradients = tape.gradient(value, by)
        return {
            "loss": {"loss": value},
            "gradients": {
                name: gradient
                for name, gradient in gradients.items()
                if gradient is not None
            },
        }

    return training.Twin({}, {"loss": loss})


def trained(loss_of, problem):
    """The twin of ``tf1_losses.trained``, in a loop of its own.

    Args:
        loss_of: (labels, predictions, weights or None, kernel) -> scalar.
    """
    *_, start = tf1_losses.data(problem["model"])
    kernel = tf.Variable(start * problem["scale"])
    activation = tf1_losses.ACTIVATIONS.get(problem["model"], tf.identity)

    def train(x, y_true, sample_weight=None):
        with tf.GradientTape() as tape:
            predictions = activation(x @ kernel)
            loss = loss_of(y_true, predictions, sample_weight, kernel)
        gradient = tape.gradient(loss, kernel)
        kernel.assign_sub(problem["rate"] * gradient)
        return {"loss": {"loss": loss}, "gradients": {"kernel": gradient}}

    return training.Twin({"kernel": kernel}, {"train": train})


def batches(problem, size, epochs):
    """[(``train``, batch)] of a model's data; the last batch of an epoch may be short."""
    features, labels, weights, _ = tf1_losses.data(problem["model"])
    arrays = {"x": features, "y_true": labels}
    if problem["weighted"]:
        arrays["sample_weight"] = weights
    return [
        ("train", {name: array[start : start + size] for name, array in arrays.items()})
        for _ in range(epochs)
        for start in range(0, len(features), size)
    ]


def trap(
    write,
    naive,
    at_least,
    arguments=None,
    model=None,
    instead=None,
    weighted=True,
    rate=0.1,
    scale=1.0,
):
    """name of a part -> the Trap of what is written in its place, in a trained model.

    Args:
        naive: () -> (labels, predictions, weights or None, kernel) -> scalar.
        arguments: of the part.
        model: the loss whose data it is; by default the part itself.
        weighted, rate, scale: see ``tf1_losses.trained``.
    """
    arguments = arguments or {}
    written = ", ".join(f"{key}={value!r}" for key, value in arguments.items())

    def of_part(name):
        problem = {
            "model": f"losses.{model or name}",
            "weighted": weighted,
            "rate": rate,
            "scale": scale,
        }

        def off():
            program = tf1_losses.trained(f"losses.{name}", arguments, problem)
            moves = batches(problem, 12, STEPS[-1])
            with Pair(program, trained(naive(), problem)) as pair:
                expected, received = (
                    [record["loss"]["loss"] for record in records if "loss" in record]
                    for records in (
                        pair.reference(moves),
                        pair.candidate(moves, "function"),
                    )
                )
            return {
                step: relative_error(expected[step - 1], received[step - 1])
                for step in STEPS
            }

        return Trap(write, off, at_least, instead or f"losses.{name}({written})")

    return of_part


def of_keras(loss, **options):
    """``naive`` of ``trap``: a Keras loss, made anew, given weights if there are any."""

    def naive():
        made = loss(**options)
        return lambda labels, predictions, weights, _: made(
            labels, predictions, weights
        )

    return naive


def mean_of_products():
    """For compute_weighted_loss the mean of the weighted elements."""
    return lambda labels, predictions, weights, _: tf.reduce_mean(
        tf.math.squared_difference(predictions, labels) * weights
    )


def on_own_labels():
    """TF2's function of the old name, on labels that the model makes."""
    return lambda _labels, predictions, _weights, _kernel: tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits(
            labels=tf.nn.softmax(predictions[:, ::-1]), logits=predictions
        )
    )


def positives_as_samples():
    """The weight of a positive, for each example that has a positive."""
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return lambda labels, predictions, _weights, _kernel: loss(
        labels, predictions, sample_weight=1.0 + 2.7 * tf.reduce_max(labels, axis=-1)
    )


SCALE = 0.1


def decayed_by_keras():
    penalty = keras.regularizers.L2(SCALE)
    return lambda labels, predictions, _, kernel: (
        tf.reduce_mean(tf.math.squared_difference(predictions, labels))
        + penalty(kernel)
    )


EVERY = {
    "weights": [1.0, 0.0, 2.5, -0.3],
    "reduction": list(REDUCTIONS),
}
# What a sample has besides its own hyper-parameters, and what is refused.
SAMPLE = {"weights": [[0.5, 0.0, 2.0]], "reduction": Reduction.MEAN}
REFUSED = {"weights": "balanced", "reduction": "sum_over_batch_size"}


def part(name, required=None, traps=(), no_trap=None, **own):
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
        tf1=SYMBOLS[f"losses.{name}"],
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
        traps=tuple(of_part(name) for of_part in traps),
        no_trap=no_trap,
    )


def function(name, test, of_part, **options):
    """The Part of what is no loss by itself."""
    return Part(
        name=f"losses.{name}",
        tf1=SYMBOLS[f"losses.{name}"],
        proof=f"{TEST}::{test}",
        traps=(of_part(name),),
        **options,
    )


PARTS = (
    part(
        "AbsoluteDifference",
        traps=(
            trap(
                "keras.losses.MeanAbsoluteError()  # with sample_weight",
                of_keras(keras.losses.MeanAbsoluteError),
                {1: 0.3, 100: 0.15},
            ),
        ),
    ),
    part(
        "CosineDistance",
        required={"axis": -1},
        axis=([0, 1, -1], None),
        traps=(
            trap(
                "keras.losses.CosineSimilarity(axis=-1)  # with sample_weight",
                of_keras(keras.losses.CosineSimilarity),
                {1: 1.0, 100: 1.5},
                {"axis": -1},
            ),
            trap(
                "keras.losses.CosineSimilarity(axis=-1)  # without",
                of_keras(keras.losses.CosineSimilarity),
                {1: 1.0, 100: 1.5},
                {"axis": -1},
                weighted=False,
            ),
        ),
    ),
    part(
        "HingeLoss",
        traps=(
            trap(
                "keras.losses.Hinge()  # with sample_weight",
                of_keras(keras.losses.Hinge),
                {1: 0.3, 100: 0.1},
            ),
        ),
    ),
    part(
        "HuberLoss",
        delta=([1.0, 0.0, 0.1, 3.0, 0.5], -1.0),
        traps=(
            trap(
                "keras.losses.Huber()  # with sample_weight",
                of_keras(keras.losses.Huber),
                {1: 0.3, 100: 0.1},
            ),
        ),
    ),
    part(
        "LogLoss",
        epsilon=([1e-7, 0.0, 0.1, 1e-3], -1e-7),
        rounding=(["1.15", "compat.v1"], "1.14"),
        traps=(
            trap(
                "keras.losses.BinaryCrossentropy()  # with sample_weight",
                of_keras(keras.losses.BinaryCrossentropy),
                {1: 0.3, 100: 0.15},
            ),
            trap(
                "keras.losses.BinaryCrossentropy()  # without, on saturated sigmoids",
                of_keras(keras.losses.BinaryCrossentropy),
                {1: 0.5},
                weighted=False,
                rate=10.0,
                scale=20.0,
            ),
        ),
    ),
    part(
        "MeanPairwiseSquaredError",
        no_trap="Keras has no namesake",
    ),
    part(
        "MeanSquaredError",
        traps=(
            trap(
                "keras.losses.MeanSquaredError()  # with sample_weight",
                of_keras(keras.losses.MeanSquaredError),
                {1: 0.3, 100: 0.2},
            ),
            trap(
                'keras.losses.MeanSquaredError(reduction="sum")',
                of_keras(keras.losses.MeanSquaredError, reduction="sum"),
                {1: 0.6, 100: 0.3},
                {"reduction": Reduction.SUM},
                rate=0.003,
            ),
        ),
    ),
    part(
        "SigmoidCrossEntropy",
        label_smoothing=([0.0, 1.0, 0.1], 1.5),
        traps=(
            trap(
                "keras.losses.BinaryCrossentropy(from_logits=True)  # with sample_weight",
                of_keras(keras.losses.BinaryCrossentropy, from_logits=True),
                {1: 0.3, 100: 0.15},
            ),
        ),
    ),
    part(
        "SoftmaxCrossEntropy",
        label_smoothing=([0.0, 1.0, 0.1], -0.1),
        traps=(
            trap(
                "keras.losses.CategoricalCrossentropy(from_logits=True)  # with sample_weight",
                of_keras(keras.losses.CategoricalCrossentropy, from_logits=True),
                {1: 0.3, 100: 0.2},
            ),
            trap(
                "keras.losses.CategoricalCrossentropy()  # logits, without",
                of_keras(keras.losses.CategoricalCrossentropy),
                {1: 1.0, 100: 2.0},
                weighted=False,
            ),
        ),
    ),
    part(
        "SparseSoftmaxCrossEntropy",
        traps=(
            trap(
                "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
                "  # with sample_weight",
                of_keras(keras.losses.SparseCategoricalCrossentropy, from_logits=True),
                {1: 0.3, 100: 0.2},
            ),
        ),
    ),
    part(
        "WeightedCrossEntropy",
        required={"pos_weight": 3.7},
        pos_weight=([0.5, 1.0, 10.0, [0.3, 1.0, 3.7]], "balanced"),
        traps=(
            trap(
                "keras.losses.BinaryCrossentropy(from_logits=True)",
                of_keras(keras.losses.BinaryCrossentropy, from_logits=True),
                {1: 0.3, 100: 0.15},
                {"pos_weight": 3.7},
                weighted=False,
            ),
            trap(
                "keras.losses.BinaryCrossentropy(from_logits=True)"
                "  # sample_weight of 3.7 where a label is 1",
                positives_as_samples,
                {1: 0.2, 100: 0.3},
                {"pos_weight": 3.7},
                weighted=False,
            ),
        ),
    ),
    function(
        "Reduction",
        "test_the_reductions_are_called_as_in_tf1",
        trap(
            'keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")',
            of_keras(
                keras.losses.MeanSquaredError, reduction="mean_with_sample_weight"
            ),
            {1: 0.15, 100: 0.1},
            {"name": "SUM_BY_NONZERO_WEIGHTS"},
            model="MeanSquaredError",
            instead="losses.MeanSquaredError()",
        ),
    ),
    function(
        "compute_weighted_loss",
        "test_weights_and_reductions_are_those_of_tf1",
        trap(
            "tf.reduce_mean(losses * weights)",
            mean_of_products,
            {1: 0.3, 100: 0.2},
            model="MeanSquaredError",
            instead="losses.compute_weighted_loss(losses, weights)",
        ),
        arguments=strategies.hyperparameters(reduction=list(REDUCTIONS)),
        refused=(({"losses": [1.0], "reduction": "mean"}, "reduction"),),
    ),
    function(
        "softmax_cross_entropy_with_logits",
        "test_no_gradient_flows_into_the_labels",
        trap(
            "tf.nn.softmax_cross_entropy_with_logits(labels, logits)"
            "  # labels that the model makes",
            on_own_labels,
            {10: 0.04, 100: 0.15},
            model="SoftmaxCrossEntropy",
            instead="losses.softmax_cross_entropy_with_logits(labels, logits)",
        ),
        arguments=strategies.hyperparameters(axis=[-1, 0, 1]),
    ),
    function(
        "L2",
        "test_the_l2_penalty_and_its_gradient_are_those_of_tf1",
        trap(
            "keras.regularizers.L2(scale)",
            decayed_by_keras,
            {1: 0.08, 100: 0.05},
            {"scale": SCALE},
            model="MeanSquaredError",
            instead="losses.L2(scale)",
            weighted=False,
        ),
        arguments=st.fixed_dictionaries(
            {"scale": st.sampled_from([0.0, 1e-4, 0.1, 1.0, 3.7])}
        ),
        samples=({"scale": 1e-4}, {"scale": 0.0}),
        refused=(({"scale": -1.0}, "scale"), ({"scale": "small"}, "scale")),
    ),
    *sequence_losses.PARTS,
)
