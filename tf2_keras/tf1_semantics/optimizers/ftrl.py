"""``tf.train.FtrlOptimizer`` as a Keras optimizer."""

import keras

from tf2_keras.tf1_semantics.errors import (
    is_function,
    is_number,
    require,
    require_not_negative,
    require_positive,
)
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer, filled_with


@keras.saving.register_keras_serializable("tf1_semantics")
class Ftrl(FusedOptimizer):
    r"""``tf.train.FtrlOptimizer``: McMahan et al. 2013, "Ad Click Prediction".

        shrunk  = gradient + 2 * l2_shrinkage * variable
        squares = accumulator + gradient^2
        change  = (squares^-power - accumulator^-power) / learning_rate
        linear += shrunk - change * variable
        variable = (sign(linear) * l1 - linear)
                   / (squares^-power / learning_rate + 2 * l2)
                   if |linear| > l1, else 0
        accumulator = squares                starts at initial_accumulator_value

    Args:
        learning_rate: a float above zero, or a schedule.
        learning_rate_power: float of at most zero.
        initial_accumulator_value: float, not negative.
        l1_regularization_strength, l2_regularization_strength: floats, not negative.
        l2_shrinkage_regularization_strength: float, not negative; what it adds to the
            gradient is not in the accumulator.

    Source: training/ftrl.py and training_ops.ResourceApplyFtrl[V2], 1.15.
    """

    slot_names = ("accum", "linear")
    hyperparameters = {
        "l1": "l1_regularization_strength",
        "l2": "l2_regularization_strength",
        "lr_power": "learning_rate_power",
    }

    def __init__(
        self,
        learning_rate,
        learning_rate_power=-0.5,
        initial_accumulator_value=0.1,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        l2_shrinkage_regularization_strength=0.0,
        name="ftrl",
        **kwargs,
    ):
        if not is_function(learning_rate):
            require_positive("learning_rate", learning_rate, 0.01)  # the kernel divides
        require(
            is_number(learning_rate_power) and float("-inf") < learning_rate_power <= 0,
            "learning_rate_power must be a finite number of at most zero",
            repr(learning_rate_power),
            "Use -0.5",
        )
        require_not_negative(
            "initial_accumulator_value", initial_accumulator_value, 0.1
        )
        for name, strength in (
            ("l1_regularization_strength", l1_regularization_strength),
            ("l2_regularization_strength", l2_regularization_strength),
            (
                "l2_shrinkage_regularization_strength",
                l2_shrinkage_regularization_strength,
            ),
        ):
            require_not_negative(name, strength, 0.0)
        super().__init__(learning_rate, name, **kwargs)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength

    def create_slots(self, variables):
        initial = filled_with(self.initial_accumulator_value)
        return {
            "Ftrl": self.add_slots(variables, "accum", initial),
            "Ftrl_1": self.add_slots(variables, "linear"),
        }

    @property
    def dense_kernel(self):
        return f"ResourceApplyFtrl{self._version}"

    @property
    def sparse_kernel(self):
        return f"ResourceSparseApplyFtrl{self._version}"

    @property
    def _version(self):
        return "V2" if self.l2_shrinkage_regularization_strength else ""

    def arguments(self, variable, rate, slots):
        arguments = super().arguments(variable, rate, slots)
        if self._version:
            arguments["l2_shrinkage"] = self.as_tf1(
                self.l2_shrinkage_regularization_strength, variable.dtype
            )
        return arguments
