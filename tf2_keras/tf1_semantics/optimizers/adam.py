"""``tf.train.AdamOptimizer`` as a Keras optimizer."""
import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require_below_one, require_not_negative
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer


@keras.saving.register_keras_serializable('tf1_semantics')
class Adam(FusedOptimizer):
    r"""``tf.train.AdamOptimizer``: Kingma and Ba 2014, arXiv:1412.6980, end of section 2.

        rate = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
        m += (gradient - m) * (1 - beta1)
        v += (gradient^2 - v) * (1 - beta2)
        variable -= rate * m / (sqrt(v) + epsilon)

    beta1^t and beta2^t are float32 variables, multiplied up after each step, as in TF1;
    Keras recomputes them by a power. TF1's epsilon is 1e-8, Keras's 1e-7.

    Args:
        learning_rate: a float or a schedule.
        beta1, beta2: floats in [0, 1).
        epsilon: float.

    Source: training_ops.ResourceApplyAdam.
    """

    def __init__(
        self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, name='adam',
        **kwargs,
    ):
        require_below_one('beta1', beta1, 0.9)
        require_below_one('beta2', beta2, 0.999)
        require_not_negative('epsilon', epsilon, 1e-8)
        super().__init__(learning_rate, name, **kwargs)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon

    def create_slots(self, variables):
        self._beta1_power = self._add_power(self.beta1, 'beta1_power')
        self._beta2_power = self._add_power(self.beta2, 'beta2_power')
        return {
            'Adam': self.add_slots(variables, 'm'),
            'Adam_1': self.add_slots(variables, 'v'),
        }

    def _add_power(self, beta, name):
        # TF1 stores the first power, not one: after t steps beta^(t+1) is stored.
        return self.add_variable(
            shape=(), dtype='float32',
            initializer=keras.initializers.Constant(beta), name=name,
            aggregation='only_first_replica',
        )

    def tf1_slots(self):
        slots, _ = super().tf1_slots()
        return slots, {
            'beta1_power': self._beta1_power, 'beta2_power': self._beta2_power
        }

    def finish(self):
        # After the last variable, so that all of them saw the same power.
        for power, beta in (
            (self._beta1_power, self.beta1), (self._beta2_power, self.beta2)
        ):
            power.value.assign(power.value * tf.constant(beta, power.value.dtype))

    def dense_update(self, variable, gradient, rate, m, v):
        dtype = variable.dtype
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=m, v=v, lr=rate, grad=gradient,
            beta1_power=tf.cast(self._beta1_power.value, dtype),
            beta2_power=tf.cast(self._beta2_power.value, dtype),
            beta1=self.as_tf1(self.beta1, dtype),
            beta2=self.as_tf1(self.beta2, dtype),
            epsilon=self.as_tf1(self.epsilon, dtype),
        )

    def get_config(self):
        config = super().get_config()
        config.update(beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)
        return config
