"""``tf.train.MomentumOptimizer`` as a Keras optimizer."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require_not_negative
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer


@keras.saving.register_keras_serializable("tf1_semantics")
class Momentum(FusedOptimizer):
    r"""``tf.train.MomentumOptimizer``: accumulate, then step by the rate of the moment.

        accumulator = momentum * accumulator + gradient
        variable   -= learning_rate * accumulator

    ``keras.optimizers.SGD(momentum=...)`` folds the rate into what it accumulates:
    under a changing rate that is another algorithm.

    Args:
        learning_rate: a float or a schedule.
        momentum: float.
        use_nesterov: step by ``gradient + momentum * accumulator`` instead.

    Source: training_ops.ResourceApplyMomentum.
    """

    def __init__(
        self, learning_rate, momentum, use_nesterov=False, name="momentum", **kwargs
    ):
        require_not_negative("momentum", momentum, 0.9)
        super().__init__(learning_rate, name, **kwargs)
        self.momentum = momentum
        self.use_nesterov = use_nesterov

    def create_slots(self, variables):
        return {"Momentum": self.add_slots(variables, "momentum")}

    def dense_update(self, variable, gradient, rate, accumulator):
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=accumulator,
            lr=rate,
            grad=gradient,
            momentum=self.as_tf1(self.momentum, variable.dtype),
            use_nesterov=self.use_nesterov,
        )

    def sparse_update(self, variable, values, rows, rate, accumulator):
        tf.raw_ops.ResourceSparseApplyMomentum(
            var=variable.handle,
            accum=accumulator,
            lr=rate,
            grad=values,
            indices=rows,
            momentum=self.as_tf1(self.momentum, variable.dtype),
            use_nesterov=self.use_nesterov,
        )

    def get_config(self):
        config = super().get_config()
        config.update(momentum=self.momentum, use_nesterov=self.use_nesterov)
        return config
