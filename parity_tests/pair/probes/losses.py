"""Probes of the loss: its scale, the order of its arguments, a penalty that is halved."""

import contextlib
import functools
import math
import re

import keras
import tensorflow as tf

from parity_tests.pair.probes import graph_facts
from parity_tests.pair.probes.sums import apart
from parity_tests.pair.probes.table import LOSS, Change, probe, together
from tf2_keras.observing import replaced
from tf2_keras.tf1_semantics import losses

PAGE = "docs/guide/losses.md"
MOST_ZEROS = 2**16


@probe("sum or mean", ("loss",), PAGE, at=LOSS)
def reductions(sides, divergence):
    """Replaces the loss by a whole number of times, or a part of, itself."""
    if not divergence.reference:
        return
    factor = float(divergence.candidate) / float(divergence.reference)
    if not math.isfinite(factor) or factor <= 0:
        return
    times, share = round(factor), round(1 / factor)
    if times > 1 and abs(factor / times - 1) < 1e-5:
        said, scale, count = f"{times} times", 1 / times, times
        scaled = functools.partial(mean_of, count=times)
    elif share > 1 and abs(factor * share - 1) < 1e-5:
        said, scale, count = f"1/{share} of", share, share
        scaled = functools.partial(tf.multiply, float(share))
    else:
        return
    _, batch = sides.moves[divergence.step - 1]
    sizes = {}
    for name, value in batch.items():
        shape = getattr(value, "shape", ())
        for axis, size in zip(("the batch", "time or features"), shape, strict=False):
            sizes.setdefault(size, f"{axis}, of {name}")
    over = f" ({count} is the size of {sizes[count]})" if count in sizes else ""
    told = (
        f"the twin's loss is {said} TF1's{over}: it sums where TF1 takes a mean, or has "
        "another weight; take the loss by the reduction that TF1 had, "
        "tf1_semantics.losses"
    )
    if _has_compute_loss(sides.model):
        yield Change(told, _scaled(sides.model, scaled))
    else:
        step = _scaled_step(sides.model, scaled)
        yield Change(told, together(_scaled_gradients(scale), step))


def mean_of(total, count):
    """A sum of so many as TF1's mean of them: divided.

    Grappler makes of a division by a constant a product with its reciprocal, which rounds
    otherwise unless the constant is a power of two; so a mean is taken, of it and zeros.
    """
    total = tf.convert_to_tensor(total)
    if count > MOST_ZEROS:
        return total / count
    return tf.reduce_mean(tf.pad(tf.reshape(total, [1]), [[0, count - 1]]))


def _scaled(model, scaled):
    """The model with a loss, and its gradients, of another size."""
    compute_loss = model.compute_loss

    def compute(*arguments, **options):
        return scaled(compute_loss(*arguments, **options))

    return replaced(model, compute_loss=compute, train_function=None)


def _has_compute_loss(model):
    step = type(model).train_step
    names = getattr(getattr(step, "__code__", None), "co_names", ())
    return step is keras.Model.train_step or "compute_loss" in names


@contextlib.contextmanager
def _scaled_gradients(scale):
    """While this is entered every derivative is that of ``scale`` times its loss."""
    tape_gradient, gradients = tf.GradientTape.gradient, tf.gradients

    def of_tape(tape, target, sources, output_gradients=None, **options):
        if output_gradients is None:
            output_gradients = tf.nest.map_structure(
                lambda loss: tf.fill(tf.shape(loss), tf.cast(scale, loss.dtype)), target
            )
        return tape_gradient(tape, target, sources, output_gradients, **options)

    def of_graph(ys, xs, grad_ys=None, **options):
        if grad_ys is None:
            grad_ys = tf.nest.map_structure(
                lambda loss: tf.fill(tf.shape(loss), tf.cast(scale, loss.dtype)), ys
            )
        return gradients(ys, xs, grad_ys, **options)

    tf.GradientTape.gradient, tf.gradients = of_tape, of_graph
    try:
        yield
    finally:
        tf.GradientTape.gradient, tf.gradients = tape_gradient, gradients


@contextlib.contextmanager
def _scaled_step(model, scaled):
    """What a ``train_step`` of the model's own logs as its losses, scaled alike.

    Of its class, whose step every level takes.
    """
    kind = type(model)
    step = kind.train_step

    def scaled_step(model, data):
        return {name: scaled(value) for name, value in step(model, data).items()}

    is_own = "train_step" in vars(kind)
    kind.train_step = scaled_step
    try:
        with replaced(model, train_function=None):
            yield
    finally:
        if is_own:
            kind.train_step = step
        else:
            del kind.train_step


@probe("order of labels and predictions", ("loss",), PAGE, at=LOSS)
def orders(sides, _divergence):
    """Replaces loss(y_true, y_pred) by loss(y_pred, y_true)."""
    model = sides.model
    if not _has_compute_loss(model):
        return
    compute_loss = model.compute_loss

    def swapped(x=None, y=None, y_pred=None, *arguments, **options):
        if isinstance(y_pred, (tuple, list)):
            first, *rest = y_pred
            return compute_loss(x, first, [y, *rest], *arguments, **options)
        return compute_loss(x, y_pred, y, *arguments, **options)

    yield Change(
        "the loss takes its two arguments in the other order: Keras's is loss(y_true, "
        "y_pred), where TF1's functions differ among themselves",
        replaced(model, compute_loss=swapped, train_function=None),
    )


# {what the ops of TF1's losses are called, or their scope: (name of tf1_semantics' loss,
# whether it takes logits)}.
OWN = {
    r"SparseSoftmaxCrossEntropyWithLogits$": ("SparseSoftmaxCrossEntropy", True),
    r"SoftmaxCrossEntropyWithLogits$": ("SoftmaxCrossEntropy", True),
    r"Log1p$": ("SigmoidCrossEntropy", True),
    r"(.*/)?huber_loss(_\d+)?/Minimum$": ("HuberLoss", False),
    r"(.*/)?hinge_loss(_\d+)?/": ("HingeLoss", False),
    r"(.*/)?log_loss(_\d+)?/": ("LogLoss", False),
    r"(.*/)?absolute_difference(_\d+)?/": ("AbsoluteDifference", False),
    r"(.*/)?mean_squared_error(_\d+)?/|Square$|SquaredDifference$|Pow$": (
        "MeanSquaredError",
        False,
    ),
}


def _losses_of_graph(program):
    """[(loss of tf1_semantics, whether it takes logits)] that a graph may compute."""
    known = graph_facts.forward(program)
    listed = {}
    for pattern, (name, of_logits) in OWN.items():
        for operation in program.graph.get_operations():
            called = (operation.type, operation.name)
            if operation not in known or not any(re.match(pattern, c) for c in called):
                continue
            options = {}
            if name == "HuberLoss":
                (delta,) = graph_facts.scalars_before(operation, 0)[:1] or (1.0,)
                options = {"delta": delta}
            loss = getattr(losses, name)(**options)
            listed.setdefault(repr((name, options)), (name, options, loss, of_logits))
    return list(listed.values())


@probe("TF1's own loss", ("loss",), PAGE, at=LOSS)
def own_losses(sides, _divergence):
    """Replaces the loss that a model was compiled with by the one that the graph has."""
    model = sides.model
    compiled = getattr(model, "_compile_loss", None)
    is_keras = type(model).compute_loss is keras.Model.compute_loss
    outputs = getattr(model, "output_names", None) or ()
    if compiled is None or not is_keras or len(outputs) > 1:
        return
    present = getattr(compiled, "_user_loss", None)
    for name, options, loss, of_logits in _losses_of_graph(sides.program):

        def compute_loss(
            x=None,  # noqa: ARG001 -- Keras's names
            y=None,
            y_pred=None,
            sample_weight=None,
            training=True,  # noqa: ARG001
            loss=loss,
        ):
            total = loss(y, y_pred, sample_weight)
            penalties = list(model.losses)
            return total + apart(tf.add_n(penalties)) if penalties else total

        stated = ", ".join(f"{key}={value!r}" for key, value in options.items())
        told = f"{_called(present)} → tf1_semantics.losses.{name}({stated})"
        if of_logits and _takes_probabilities(present):
            told += (
                ": TF1's takes logits; Keras's takes the model's output for "
                "probabilities unless it is told from_logits=True"
            )
        change = replaced(model, compute_loss=compute_loss, train_function=None)
        yield Change(told, change)


def _called(loss):
    """What a program says of a loss that it compiles with."""
    if isinstance(loss, str):
        return repr(loss)
    return getattr(loss, "__name__", None) or type(loss).__name__


def _takes_probabilities(loss):
    """Whether a loss of Keras's is told nothing of logits."""
    if isinstance(loss, str):
        return "crossentropy" in loss
    stated = getattr(loss, "_fn_kwargs", {})
    return stated.get("from_logits", True) is False


@probe("L2 that is halved", ("loss", "gradients"), PAGE, at=LOSS)
def penalties(sides, _divergence):
    """Replaces the strength of the L2 penalties by half of it, or the double."""
    penalised = {
        id(regularizer): regularizer
        for layer in sides.model._flatten_layers()
        for regularizer in vars(layer).values()
        if hasattr(regularizer, "l2") and callable(regularizer)
    }
    for factor, said in ((0.5, "s / 2"), (2.0, "2 * s")):
        changes = [
            replaced(regularizer, l2=regularizer.l2 * factor)
            for regularizer in penalised.values()
        ]
        if changes:
            yield Change(
                f"L2(s) → L2({said}): TF1's l2_loss and l2_regularizer are half the sum "
                "of squares, Keras's L2 is all of it",
                together(*changes, replaced(sides.model, train_function=None)),
            )
