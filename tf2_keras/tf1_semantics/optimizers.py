"""TF1's optimizers as Keras ones, on the fused kernels that TF1's own Session ran.

Keras 3 writes its updates as a dozen elementwise ops; these are one kernel a variable:
the numbers are TF1's and the step is faster. Slots carry TF1's names in
``tf1_slots``, so that a checkpoint can be handed over in either direction.
"""
import numbers

import keras
import tensorflow as tf


def require(condition, rule, received, remedy):
    if not condition:
        raise ValueError(f'{rule}. Received: {received}. {remedy}.')


# What Keras offers every optimizer and TF1 computed otherwise, or not at all.
UNLIKE_TF1 = {
    'weight_decay': 'Add weight_decay * tf.nn.l2_loss(variable) to the loss',
    'use_ema': 'Keep the averages with tf.train.ExponentialMovingAverage, whose first '
    'is the initial value',
    'loss_scale_factor': 'Wrap the optimizer in keras.optimizers.LossScaleOptimizer',
    'gradient_accumulation_steps': 'Sum the gradients in variables of your own and '
    'apply their mean',
}


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


class FusedOptimizer(keras.optimizers.Optimizer):
    """What the fused optimizers share: dense gradients only, and TF1's slot names.

    ``clipnorm``, ``global_clipnorm`` and ``clipvalue`` are Keras's own, and give what
    ``tf.clip_by_norm``, ``tf.clip_by_global_norm`` and ``tf.clip_by_value`` gave.
    """

    def __init__(self, learning_rate, name, **kwargs):
        if not callable(learning_rate):  # schedules are
            require(
                _is_number(learning_rate) and learning_rate >= 0,
                'learning_rate must be a number that is not negative, or a schedule',
                learning_rate, 'Use a value such as 0.01',
            )
            learning_rate = float(learning_rate)
        for argument, remedy in UNLIKE_TF1.items():
            require(
                not kwargs.get(argument),
                f'{argument} must be left out: TF1 had none, or computed it otherwise',
                kwargs.get(argument), remedy,
            )
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)

    def apply(self, grads, trainable_variables=None):
        grads = list(grads)
        if not grads:
            return
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
        variables = trainable_variables or self._trainable_variables
        for gradient, variable in zip(grads, variables):
            if isinstance(gradient, tf.IndexedSlices):
                raise TypeError(
                    f'{type(self).__name__} takes dense gradients. Received: '
                    f'IndexedSlices for {variable.name}. '
                    'Use tf.convert_to_tensor(gradient) first.'
                )
        # TF1 counts a step once its updates are done. Keras counts as soon as it can:
        # when a data set of unknown length runs out, fit has one more step in hand,
        # whose batch never comes and which is counted all the same.
        backpropagated = [gradient for gradient in grads if gradient is not None][-1:]
        with tf.control_dependencies(backpropagated):
            super().apply(grads, trainable_variables)
            self.finish()

    def finish(self):
        """What happens once every variable is updated: nothing, in most optimizers."""
        return  # AutoGraph cannot convert a body that is only a docstring

    def update_step(self, gradient, variable, learning_rate):
        self.fused_update(
            gradient, variable, self.as_tf1(learning_rate, variable.dtype),
            self._get_variable_index(variable),
        )

    @staticmethod
    def as_tf1(hyperparameter, dtype):
        """TF1 made a float32 of every hyper-parameter, whatever it updated."""
        return tf.cast(tf.cast(hyperparameter, tf.float32), dtype)

    def _add_slots(self, variables, name):
        return [
            self.add_variable_from_reference(variable, name=name)
            for variable in variables
        ]


@keras.saving.register_keras_serializable('tf1_semantics')
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

    def __init__(
        self, learning_rate, momentum, use_nesterov=False, name='momentum', **kwargs
    ):
        require(
            _is_number(momentum) and momentum >= 0,
            'momentum must be a number that is not negative', momentum, 'Use 0.9',
        )
        super().__init__(learning_rate, name, **kwargs)
        self.momentum = momentum
        self.use_nesterov = use_nesterov

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._accumulators = self._add_slots(variables, 'momentum')

    def fused_update(self, gradient, variable, learning_rate, index):
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=self._accumulators[index].value.handle,
            lr=learning_rate,
            grad=gradient,
            momentum=self.as_tf1(self.momentum, variable.dtype),
            use_nesterov=self.use_nesterov,
        )

    def tf1_slots(self):
        """({slot name: [a variable for each trainable one]}, {name: variable})."""
        return {'Momentum': self._accumulators}, {}

    def get_config(self):
        config = super().get_config()
        config.update(momentum=self.momentum, use_nesterov=self.use_nesterov)
        return config


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
        for name_of_beta, beta, default in (
            ('beta1', beta1, 0.9), ('beta2', beta2, 0.999)
        ):
            require(
                _is_number(beta) and 0 <= beta < 1,
                f'{name_of_beta} must be in [0, 1)', beta, f'Use {default}',
            )
        require(
            _is_number(epsilon) and epsilon >= 0,
            'epsilon must be a number that is not negative', epsilon, 'Use 1e-8',
        )
        super().__init__(learning_rate, name, **kwargs)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._m = self._add_slots(variables, 'm')
        self._v = self._add_slots(variables, 'v')
        self._beta1_power = self._add_power(self.beta1, 'beta1_power')
        self._beta2_power = self._add_power(self.beta2, 'beta2_power')

    def _add_power(self, beta, name):
        # TF1 stores the first power, not one: after t steps beta^(t+1) is stored.
        return self.add_variable(
            shape=(), dtype='float32',
            initializer=keras.initializers.Constant(beta), name=name,
            aggregation='only_first_replica',
        )

    def finish(self):
        # After the last variable, so that all of them saw the same power.
        for power, beta in (
            (self._beta1_power, self.beta1), (self._beta2_power, self.beta2)
        ):
            power.value.assign(power.value * tf.constant(beta, power.value.dtype))

    def fused_update(self, gradient, variable, learning_rate, index):
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._m[index].value.handle,
            v=self._v[index].value.handle,
            beta1_power=tf.cast(self._beta1_power.value, variable.dtype),
            beta2_power=tf.cast(self._beta2_power.value, variable.dtype),
            lr=learning_rate,
            beta1=self.as_tf1(self.beta1, variable.dtype),
            beta2=self.as_tf1(self.beta2, variable.dtype),
            epsilon=self.as_tf1(self.epsilon, variable.dtype),
            grad=gradient,
        )

    def tf1_slots(self):
        """({slot name: [a variable for each trainable one]}, {name: variable})."""
        powers = {'beta1_power': self._beta1_power, 'beta2_power': self._beta2_power}
        return {'Adam': self._m, 'Adam_1': self._v}, powers

    def get_config(self):
        config = super().get_config()
        config.update(beta1=self.beta1, beta2=self.beta2, epsilon=self.epsilon)
        return config
