"""``tf.train.GradientDescentOptimizer`` as a Keras optimizer."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer


@keras.saving.register_keras_serializable("tf1_semantics")
class GradientDescent(FusedOptimizer):
    r"""``tf.train.GradientDescentOptimizer``.

        variable -= learning_rate * gradient

    Of a sparse gradient each slice is subtracted on its own, one after the other: equal
    rows are not summed first.

    Args:
        learning_rate: a float or a schedule.

    Source: training/gradient_descent.py and training_ops.ResourceApplyGradientDescent,
        1.15.
    """

    dense_kernel = "ResourceApplyGradientDescent"
    rate_name, dense_gradient_name = "alpha", "delta"
    sums_duplicate_rows = False

    def __init__(self, learning_rate, name="gradient_descent", **kwargs):
        super().__init__(learning_rate, name, **kwargs)

    def sparse_update(self, variable, values, rows, rate):
        tf.raw_ops.ResourceScatterAdd(
            resource=variable.handle, indices=rows, updates=-values * rate
        )
