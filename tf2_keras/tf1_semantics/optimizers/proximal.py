"""TF1's proximal optimizers, whose l1 makes exact zeros, as Keras optimizers."""

import keras

from tf2_keras.tf1_semantics.errors import require_not_negative, require_positive
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer, filled_with


class Proximal(FusedOptimizer):
    """What the two share: l1 and l2, which pull towards zero after each step."""

    dtypes = ("float32", "float64")
    hyperparameters = {
        "l1": "l1_regularization_strength",
        "l2": "l2_regularization_strength",
    }

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

    dense_kernel = "ResourceApplyProximalGradientDescent"
    sparse_kernel = "ResourceSparseApplyProximalGradientDescent"
    rate_name, dense_gradient_name = "alpha", "delta"

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

    dense_kernel = "ResourceApplyProximalAdagrad"
    sparse_kernel = "ResourceSparseApplyProximalAdagrad"
    slot_names = ("accum",)

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
