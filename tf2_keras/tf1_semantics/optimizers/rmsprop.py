"""``tf.train.RMSPropOptimizer`` as a Keras optimizer."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require_below_one, require_not_negative
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer


@keras.saving.register_keras_serializable("tf1_semantics")
class RMSProp(FusedOptimizer):
    r"""``tf.train.RMSPropOptimizer``: divides by a running mean of squares.

    Hinton, lecture 6e; centered: Graves 2013, arXiv:1308.0850, equations 38 to 45.

        rms += (gradient^2 - rms) * (1 - decay)                    starts at one
        mean += (gradient - mean) * (1 - decay)                    if centered
        step = momentum * step + learning_rate * gradient / sqrt(rms + epsilon)
        variable -= step

    with ``rms - mean^2 + epsilon`` under the root if centered. Keras starts its average
    of squares at zero: its first steps are up to 1 / sqrt(1 - decay) times as long.

    Args:
        learning_rate: a float or a schedule.
        decay: float in [0, 1); what Keras calls rho.
        momentum: float, not negative.
        epsilon: float, not negative, under the root.
        centered: whether to divide by the variance instead of the mean square.

    Source: training/rmsprop.py and training_ops.ResourceApply[Centered]RMSProp, 1.15.
    """

    def __init__(
        self,
        learning_rate,
        decay=0.9,
        momentum=0.0,
        epsilon=1e-10,
        centered=False,
        name="rmsprop",
        **kwargs,
    ):
        require_below_one("decay", decay, 0.9)
        require_not_negative("momentum", momentum, 0.9)
        require_not_negative("epsilon", epsilon, 1e-10)
        super().__init__(learning_rate, name, **kwargs)
        self.decay = decay
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def create_slots(self, variables):
        # TF1 starts the rms slot at ones; and numbers the slots in this order.
        slots = [self.add_slots(variables, "rms", "ones")]
        if self.centered:
            slots.append(self.add_slots(variables, "mg"))
        slots.append(self.add_slots(variables, "momentum"))
        return dict(zip(("RMSProp", "RMSProp_1", "RMSProp_2"), slots))

    def dense_update(self, variable, gradient, rate, rms, *others):
        arguments = self._arguments(variable, rate, rms, *others)
        if self.centered:
            tf.raw_ops.ResourceApplyCenteredRMSProp(grad=gradient, **arguments)
        else:
            tf.raw_ops.ResourceApplyRMSProp(grad=gradient, **arguments)

    def sparse_update(self, variable, values, rows, rate, rms, *others):
        arguments = self._arguments(variable, rate, rms, *others)
        arguments.update(grad=values, indices=rows)
        if self.centered:
            tf.raw_ops.ResourceSparseApplyCenteredRMSProp(**arguments)
        else:
            tf.raw_ops.ResourceSparseApplyRMSProp(**arguments)

    def _arguments(self, variable, rate, rms, *others):
        *mean, momentum = others
        return {
            "var": variable.handle,
            "ms": rms,
            "mom": momentum,
            "lr": rate,
            "rho": self.as_tf1(self.decay, variable.dtype),
            "momentum": self.as_tf1(self.momentum, variable.dtype),
            "epsilon": self.as_tf1(self.epsilon, variable.dtype),
            **({"mg": mean[0]} if mean else {}),
        }

    def get_config(self):
        config = super().get_config()
        config.update(
            decay=self.decay,
            momentum=self.momentum,
            epsilon=self.epsilon,
            centered=self.centered,
        )
        return config
