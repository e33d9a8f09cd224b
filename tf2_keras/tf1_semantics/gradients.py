"""TF1's gradients, for a ``train_step`` of one's own."""

import keras
import tensorflow as tf

__all__ = ["gradients"]


def gradients(ys, xs, tape):
    """``tf.gradients``: what has several gradients gets their sum in TF1's order.

        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        grads = gradients(loss, self.trainable_variables, tape)
        self.optimizer.apply(grads, self.trainable_variables)

    A tape adds up three contributions, or more, in another order. In a function, ``fit``'s
    included, this is ``tf.gradients`` itself; eager code, which has none, takes the
    tape's.

    Args:
        ys: a tensor.
        xs: list of variables, Keras's or TensorFlow's.
        tape: the ``tf.GradientTape`` that ``ys`` was computed under.

    Returns:
        [a gradient for each of ``xs``, or None].
    Source: python/ops/gradients_util.py, 1.15.
    """
    variables = [
        variable.value if isinstance(variable, keras.Variable) else variable
        for variable in xs
    ]
    if tf.executing_eagerly():
        return tape.gradient(ys, variables)
    return tf.gradients(ys, variables)
