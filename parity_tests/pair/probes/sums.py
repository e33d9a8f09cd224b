"""Probes of what is added up: a loss and its penalties, the rows of a gradient."""

import keras
import tensorflow as tf

from parity_tests.pair.probes.table import GRADIENTS, LOSS, Change, probe, together
from tf2_keras import training
from tf2_keras.observing import replaced
from tf2_keras.tf1_semantics import barriers


def apart(x):
    """A sum that Grappler takes for itself: it gathers sums of sums into one."""
    return tf.grad_pass_through(barriers.apart)(x)


APART = "tf.grad_pass_through(tf1_semantics.barriers.apart)"
# {how TF1 programs add up a loss and its penalties: the same}.
TOTALS = {
    f"loss + {APART}(tf.add_n(self.losses))": lambda loss, penalties: (
        loss + apart(tf.add_n(penalties))
    ),
    "tf.add_n([loss, *self.losses])": lambda loss, penalties: tf.add_n(
        [loss, *penalties]
    ),
    "tf.add_n([*self.losses, loss])": lambda loss, penalties: tf.add_n(
        [*penalties, loss]
    ),
}


@probe("order of penalties", ("loss",), "docs/guide/losses.md", at=LOSS)
def penalties(sides, _divergence):
    """Replaces Keras's sum of a loss and its penalties by the sums that TF1 programs took."""
    model = sides.model
    is_keras = type(model).compute_loss is keras.Model.compute_loss
    if not is_keras or len(model.losses) < 2 or model._compile_loss is None:
        return
    for told, total in TOTALS.items():

        def compute_loss(
            x=None,  # noqa: ARG001 -- Keras's names
            y=None,
            y_pred=None,
            sample_weight=None,
            training=True,  # noqa: ARG001
            total=total,
        ):
            loss = model._compile_loss(y, y_pred, sample_weight)
            return total(loss, list(model.losses))

        yield Change(
            f"add up as TF1 does, {told}, in a compute_loss of the model's own: Keras "
            "adds the same numbers in another order, which rounds otherwise",
            replaced(model, compute_loss=compute_loss, train_function=None),
        )


@probe("rows made dense", ("gradients",), "docs/guide/optimizers.md", at=GRADIENTS)
def rows(sides, divergence):
    """Replaces the gradient of rows by a dense tensor, where TF1 made one of it."""
    if "dense in the reference" not in divergence.problem:
        return
    changes = [replaced(sides.model, train_function=None)]
    for optimizer in training.optimizers_of(sides.model):

        def apply(gradients, variables=None, apply=optimizer.apply):
            gradients = [
                tf.convert_to_tensor(gradient)
                if isinstance(gradient, tf.IndexedSlices)
                else gradient
                for gradient in gradients
            ]
            return apply(gradients, variables)

        changes.append(replaced(optimizer, apply=apply))
    yield Change(
        "make the gradient of the rows dense before the update, as TF1 did: "
        "tf.convert_to_tensor(gradient)",
        together(*changes),
    )
