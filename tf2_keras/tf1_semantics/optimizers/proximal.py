"""TF1's proximal optimizers, whose l1 makes exact zeros, as Keras optimizers."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require_not_negative, require_positive
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer, filled_with


class Proximal(FusedOptimizer):
    """What the two share: l1 and l2, which pull towards zero after each step."""

    dtypes = ("float32", "float64")

    def __init__(
        self,
        learning_rate,
        l1_regularization_strength,
        l2_regularization_strength,
        name,
        **kwargs,
    ):
        require_not_negative(
            "l1_regularization_strength", l1_regularization_strength, 0.0
        )
        require_not_negative(
            "l2_regularization_strength", l2_regularization_strength, 0.0
        )
        super().__init__(learning_rate, name, **kwargs)
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength

    def strengths(self, dtype):
        """{'l1': ..., 'l2': ...} as tensors of that dtype."""
        return {
            "l1": self.as_tf1(self.l1_regularization_strength, dtype),
            "l2": self.as_tf1(self.l2_regularization_strength, dtype),
        }

    def get_config(self):
        config = super().get_config()
        config.update(
            l1_regularization_strength=self.l1_regularization_strength,
            l2_regularization_strength=self.l2_regularization_strength,
        )
        return config


@keras.saving.register_keras_serializable("tf1_semantics")
class ProximalGradientDescent(Proximal):
    r"""``tf.train.ProximalGradientDescentOptimizer``: Duchi and Singer 2009, FOBOS.

        moved    = variable - learning_rate * gradient
        variable = sign(moved) * max(|moved| - learning_rate * l1, 0)
                   / (1 + learning_rate * l2)

    Args:
        learning_rate: a float or a schedule.
        l1_regularization_strength, l2_regularization_strength: floats, not negative.

    Source: training/proximal_gradient_descent.py and
        training_ops.ResourceApplyProximalGradientDescent, 1.15, which took float32
        only where a gradient was dense.
    """

    def __init__(
        self,
        learning_rate,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        name="proximal_gradient_descent",
        **kwargs,
    ):
        super().__init__(
            learning_rate,
            l1_regularization_strength,
            l2_regularization_strength,
            name,
            **kwargs,
        )

    def dense_update(self, variable, gradient, rate):
        tf.raw_ops.ResourceApplyProximalGradientDescent(
            var=variable.handle,
            alpha=rate,
            delta=gradient,
            **self.strengths(variable.dtype),
        )

    def sparse_update(self, variable, values, rows, rate):
        tf.raw_ops.ResourceSparseApplyProximalGradientDescent(
            var=variable.handle,
            alpha=rate,
            grad=values,
            indices=rows,
            **self.strengths(variable.dtype),
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class ProximalAdagrad(Proximal):
    r"""``tf.train.ProximalAdagradOptimizer``: FOBOS with Adagrad's rates.

        accumulator += gradient^2            starts at initial_accumulator_value
        rate     = learning_rate / sqrt(accumulator)
        moved    = variable - rate * gradient
        variable = sign(moved) * max(|moved| - rate * l1, 0) / (1 + rate * l2)

    Args:
        learning_rate: a float or a schedule.
        initial_accumulator_value: float above zero.
        l1_regularization_strength, l2_regularization_strength: floats, not negative.

    Source: training/proximal_adagrad.py and training_ops.ResourceApplyProximalAdagrad,
        1.15, which took float32 only where a gradient was dense.
    """

    def __init__(
        self,
        learning_rate,
        initial_accumulator_value=0.1,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        name="proximal_adagrad",
        **kwargs,
    ):
        require_positive("initial_accumulator_value", initial_accumulator_value, 0.1)
        super().__init__(
            learning_rate,
            l1_regularization_strength,
            l2_regularization_strength,
            name,
            **kwargs,
        )
        self.initial_accumulator_value = initial_accumulator_value

    def create_slots(self, variables):
        initial = filled_with(self.initial_accumulator_value)
        return {"ProximalAdagrad": self.add_slots(variables, "accumulator", initial)}

    def dense_update(self, variable, gradient, rate, accumulator):
        tf.raw_ops.ResourceApplyProximalAdagrad(
            var=variable.handle,
            accum=accumulator,
            lr=rate,
            grad=gradient,
            **self.strengths(variable.dtype),
        )

    def sparse_update(self, variable, values, rows, rate, accumulator):
        tf.raw_ops.ResourceSparseApplyProximalAdagrad(
            var=variable.handle,
            accum=accumulator,
            lr=rate,
            grad=values,
            indices=rows,
            **self.strengths(variable.dtype),
        )

    def get_config(self):
        config = super().get_config()
        config.update(initial_accumulator_value=self.initial_accumulator_value)
        return config
