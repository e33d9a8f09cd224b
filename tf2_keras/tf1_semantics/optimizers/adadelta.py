"""``tf.train.AdadeltaOptimizer`` as a Keras optimizer."""

import keras

from tf2_keras.tf1_semantics.errors import require_below_one, require_not_negative
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer


@keras.saving.register_keras_serializable("tf1_semantics")
class Adadelta(FusedOptimizer):
    r"""``tf.train.AdadeltaOptimizer``: Zeiler 2012, arXiv:1212.5701, algorithm 1.

        squares  = rho * squares + (1 - rho) * gradient^2
        step     = gradient * sqrt(steps + epsilon) / sqrt(squares + epsilon)
        steps    = rho * steps + (1 - rho) * step^2
        variable -= learning_rate * step

    Args:
        learning_rate: a float or a schedule. TF1's default of 0.001 is a thousandth of
            Zeiler's.
        rho: float in [0, 1).
        epsilon: float, not negative. TF1's default is 1e-8, Keras's 1e-7.

    Source: training/adadelta.py and training_ops.ResourceApplyAdadelta, 1.15.
    """

    dense_kernel = "ResourceApplyAdadelta"
    sparse_kernel = "ResourceSparseApplyAdadelta"
    slot_names = ("accum", "accum_update")
    hyperparameters = {"rho": "rho", "epsilon": "epsilon"}

    def __init__(
        self, learning_rate=0.001, rho=0.95, epsilon=1e-8, name="adadelta", **kwargs
    ):
        require_below_one("rho", rho, 0.95)
        require_not_negative("epsilon", epsilon, 1e-8)
        super().__init__(learning_rate, name, **kwargs)
        self.rho = rho
        self.epsilon = epsilon

    def create_slots(self, variables):
        return {
            "Adadelta": self.add_slots(variables, "accum"),
            "Adadelta_1": self.add_slots(variables, "accum_update"),
        }
