"""``tf.train.AdagradOptimizer`` and ``tf.train.AdagradDAOptimizer`` for Keras."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require_not_negative, require_positive
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer, filled_with


@keras.saving.register_keras_serializable("tf1_semantics")
class Adagrad(FusedOptimizer):
    r"""``tf.train.AdagradOptimizer``: Duchi, Hazan and Singer 2011, JMLR 12.

        accumulator += gradient^2            starts at initial_accumulator_value
        variable    -= learning_rate * gradient / sqrt(accumulator)

    TF1 has no epsilon.

    Args:
        learning_rate: a float or a schedule.
        initial_accumulator_value: float above zero.

    Source: training/adagrad.py and training_ops.ResourceApplyAdagrad, 1.15.
    """

    dense_kernel = "ResourceApplyAdagrad"
    sparse_kernel = "ResourceSparseApplyAdagrad"
    slot_names = ("accum",)

    def __init__(
        self, learning_rate, initial_accumulator_value=0.1, name="adagrad", **kwargs
    ):
        require_positive("initial_accumulator_value", initial_accumulator_value, 0.1)
        super().__init__(learning_rate, name, **kwargs)
        self.initial_accumulator_value = initial_accumulator_value

    def create_slots(self, variables):
        initial = filled_with(self.initial_accumulator_value)
        return {"Adagrad": self.add_slots(variables, "accumulator", initial)}


@keras.saving.register_keras_serializable("tf1_semantics")
class AdagradDA(FusedOptimizer):
    r"""``tf.train.AdagradDAOptimizer``: dual averaging; Duchi et al. 2011, section 1.1.

        t = iterations + 1
        gradients += gradient
        squares   += gradient^2              starts at the initial value
        shrunk     = sign(gradients) * max(|gradients| - l1 * t, 0)
        variable   = -learning_rate * shrunk / (l2 * t * learning_rate + sqrt(squares))

    The variable's own value plays no part: whatever it was, it moves to what the sums
    say. TF1 took its global step as an argument; here that is ``iterations``.

    Args:
        learning_rate: a float or a schedule.
        initial_gradient_squared_accumulator_value: float above zero.
        l1_regularization_strength, l2_regularization_strength: floats, not negative.

    Source: training/adagrad_da.py and training_ops.ResourceApplyAdagradDA, 1.15.
    """

    dtypes = ("float32", "float64")

    dense_kernel = "ResourceApplyAdagradDA"
    sparse_kernel = "ResourceSparseApplyAdagradDA"
    slot_names = ("gradient_accumulator", "gradient_squared_accumulator")
    hyperparameters = {
        "l1": "l1_regularization_strength",
        "l2": "l2_regularization_strength",
    }

    def __init__(
        self,
        learning_rate,
        initial_gradient_squared_accumulator_value=0.1,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        name="adagrad_da",
        **kwargs,
    ):
        require_positive(
            "initial_gradient_squared_accumulator_value",
            initial_gradient_squared_accumulator_value,
            0.1,
        )
        require_not_negative(
            "l1_regularization_strength", l1_regularization_strength, 0.0
        )
        require_not_negative(
            "l2_regularization_strength", l2_regularization_strength, 0.0
        )
        super().__init__(learning_rate, name, **kwargs)
        self.initial_gradient_squared_accumulator_value = (
            initial_gradient_squared_accumulator_value
        )
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength

    def create_slots(self, variables):
        initial = filled_with(self.initial_gradient_squared_accumulator_value)
        return {
            "AdagradDA": self.add_slots(variables, "gradient_accumulator"),
            "AdagradDA_1": self.add_slots(
                variables, "gradient_squared_accumulator", initial
            ),
        }

    def arguments(self, variable, rate, slots):
        step = tf.cast(self.iterations, tf.int64) + 1
        return {**super().arguments(variable, rate, slots), "global_step": step}
