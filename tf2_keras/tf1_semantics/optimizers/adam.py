"""``tf.train.AdamOptimizer`` as a Keras optimizer."""

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require_below_one, require_not_negative
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer, filled_with


@keras.saving.register_keras_serializable("tf1_semantics")
class Adam(FusedOptimizer):
    r"""``tf.train.AdamOptimizer``: Kingma and Ba 2014, arXiv:1412.6980, section 2.

        rate = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
        m += (gradient - m) * (1 - beta1)
        v += (gradient^2 - v) * (1 - beta2)
        variable -= rate * m / (sqrt(v) + epsilon)

    beta1^t and beta2^t are float32 variables, multiplied up after each step, as in TF1;
    Keras recomputes them by a power. TF1's epsilon is 1e-8, Keras's 1e-7.

    A sparse gradient counts as zero in the rows that it lacks: all of m, v and the
    variable move. That is the one sparse update of TF1 that takes time for every row.

    Args:
        learning_rate: a float or a schedule.
        beta1, beta2: floats in [0, 1).
        epsilon: float.

    Source: training/adam.py and training_ops.ResourceApplyAdam, 1.15.
    """

    dense_kernel = "ResourceApplyAdam"
    slot_names = ("m", "v")
    hyperparameters = {"beta1": "beta1", "beta2": "beta2", "epsilon": "epsilon"}

    def __init__(
        self,
        learning_rate=0.001,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        name="adam",
        **kwargs,
    ):
        require_below_one("beta1", beta1, 0.9)
        require_below_one("beta2", beta2, 0.999)
        require_not_negative("epsilon", epsilon, 1e-8)
        super().__init__(learning_rate, name, **kwargs)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon

    def create_slots(self, variables):
        self._beta1_power = self._add_power(self.beta1, "beta1_power")
        self._beta2_power = self._add_power(self.beta2, "beta2_power")
        return {
            "Adam": self.add_slots(variables, "m"),
            "Adam_1": self.add_slots(variables, "v"),
        }

    def _add_power(self, beta, name):
        # TF1 stores the first power, not one: after t steps beta^(t+1) is stored.
        return self.add_variable(
            shape=(),
            dtype="float32",
            initializer=filled_with(beta),
            name=name,
            aggregation="only_first_replica",
        )

    def tf1_slots(self):
        slots, _ = super().tf1_slots()
        return slots, self._powers()

    def _powers(self):
        return {"beta1_power": self._beta1_power, "beta2_power": self._beta2_power}

    def finish(self):
        # After the last variable, so that all of them saw the same power.
        for power, beta in zip(
            self._powers().values(), (self.beta1, self.beta2), strict=True
        ):
            power.value.assign(power.value * tf.constant(beta, power.value.dtype))

    def arguments(self, variable, rate, slots):
        arguments = super().arguments(variable, rate, slots)
        for name, power in self._powers().items():
            arguments[name] = tf.cast(power.value, variable.dtype)
        return arguments

    def sparse_update(self, variable, values, rows, rate, m, v):
        # No kernel does this. All rows of m, v and the variable move, as if dense.
        dtype = variable.dtype
        beta1, beta2 = self.as_tf1(self.beta1, dtype), self.as_tf1(self.beta2, dtype)
        rate = rate * tf.sqrt(1 - tf.cast(self._beta2_power.value, dtype))
        rate = rate / (1 - tf.cast(self._beta1_power.value, dtype))
        if dtype == tf.float16:
            squares = tf.square(values) * (1 - beta2)
        else:
            # What Grappler makes of TF1's (values * values) * (1 - beta2).
            squares = values * (values * (1 - beta2))
        m = decayed_and_added_to(m, beta1, rows, values * (1 - beta1))
        v = decayed_and_added_to(v, beta2, rows, squares)
        vanished = dtype.as_numpy_dtype(np.float32(self.epsilon)) == 0
        if vanished and tf.executing_eagerly():
            # As Grappler makes it in TF1's Session and in a function: it drops a sum
            # with 0, which 1e-8 is in float16, and then knows a quotient by a root.
            step = rate * m * tf.math.rsqrt(v)
        else:
            step = rate * m / (tf.sqrt(v) + self.as_tf1(self.epsilon, dtype))
        variable.assign_sub(step, read_value=False)


def decayed_and_added_to(slot, decay, rows, values):
    """The slot's value once ``slot = decay * slot`` and ``slot[rows] += values``."""
    dtype = values.dtype
    before = tf.raw_ops.ReadVariableOp(resource=slot, dtype=dtype)
    tf.raw_ops.AssignVariableOp(resource=slot, value=before * decay)
    tf.raw_ops.ResourceScatterAdd(resource=slot, indices=rows, updates=values)
    return tf.raw_ops.ReadVariableOp(resource=slot, dtype=dtype)
