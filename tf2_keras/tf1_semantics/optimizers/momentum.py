"""``tf.train.MomentumOptimizer`` as a Keras optimizer."""

import keras

from tf2_keras.tf1_semantics.errors import require_flags, require_not_negative
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

    dense_kernel = "ResourceApplyMomentum"
    sparse_kernel = "ResourceSparseApplyMomentum"
    slot_names = ("accum",)
    hyperparameters = {"momentum": "momentum"}

    def __init__(
        self, learning_rate, momentum, use_nesterov=False, name="momentum", **kwargs
    ):
        require_not_negative("momentum", momentum, 0.9)
        require_flags(use_nesterov=use_nesterov)
        super().__init__(learning_rate, name, **kwargs)
        self.momentum = momentum
        self.use_nesterov = use_nesterov

    def create_slots(self, variables):
        return {"Momentum": self.add_slots(variables, "momentum")}

    def arguments(self, variable, rate, slots):
        arguments = super().arguments(variable, rate, slots)
        return {**arguments, "use_nesterov": self.use_nesterov}
