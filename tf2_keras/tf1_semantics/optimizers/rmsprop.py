"""``tf.train.RMSPropOptimizer`` as a Keras optimizer."""

import keras

from tf2_keras.tf1_semantics.errors import (
    require_below_one,
    require_flags,
    require_not_negative,
)
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

    hyperparameters = {"rho": "decay", "momentum": "momentum", "epsilon": "epsilon"}

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
        require_flags(centered=centered)
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
        names = ("RMSProp", "RMSProp_1", "RMSProp_2")[: len(slots)]
        return dict(zip(names, slots, strict=True))

    @property
    def dense_kernel(self):
        return f"ResourceApply{'Centered' * self.centered}RMSProp"

    @property
    def sparse_kernel(self):
        return f"ResourceSparseApply{'Centered' * self.centered}RMSProp"

    @property
    def slot_names(self):
        return ("ms", "mg", "mom") if self.centered else ("ms", "mom")
