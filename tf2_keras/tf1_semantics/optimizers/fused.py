"""What the optimizers share: they run on the fused kernels that TF1's own Session ran.

Keras 3 writes its updates as a dozen elementwise ops; these are one kernel a variable:
the numbers are TF1's and the step is faster.
"""
import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import is_number, require
from tf2_keras.tf1_semantics.xla import refuse_xla

# What Keras offers every optimizer and TF1 computed otherwise, or not at all.
UNLIKE_TF1 = {
    'weight_decay': 'Add weight_decay * tf.nn.l2_loss(variable) to the loss, or use '
    'AdamW or MomentumW',
    'use_ema': 'Use moving_average=averages.ExponentialMovingAverage(0.99), whose '
    'first is the initial value',
    'loss_scale_factor': 'Wrap the optimizer in keras.optimizers.LossScaleOptimizer',
    'gradient_accumulation_steps': 'Sum the gradients in variables of your own and '
    'apply their mean',
}


class FusedOptimizer(keras.optimizers.Optimizer):
    """The base of TF1's optimizers as Keras ones.

    Dense gradients update all of a variable; of sparse ones (``tf.IndexedSlices``, what
    an embedding gets) duplicate rows are summed first and only the rows that occur are
    touched, as in TF1, unless a subclass says otherwise.

    Args:
        learning_rate: a float, not negative, or a schedule.
        name: of the optimizer.
        clip: functions of a list of gradients, applied in order; see ``clipping``.
        moving_average: an ``averages.ExponentialMovingAverage`` of the variables, or None.
        clipnorm, global_clipnorm, clipvalue: Keras's own arguments, which give what
            ``tf.clip_by_norm``, ``tf.clip_by_global_norm`` and ``tf.clip_by_value`` gave.

    Raises:
        ValueError: for arguments outside their range.
        NotImplementedError: when traced under ``jit_compile=True``.
    """

    def __init__(self, learning_rate, name, clip=(), moving_average=None, **kwargs):
        if not callable(learning_rate):  # schedules are
            require(
                is_number(learning_rate) and 0 <= learning_rate < float('inf'),
                'learning_rate must be a finite number that is not negative, or a '
                'schedule', repr(learning_rate), 'Use a value such as 0.01',
            )
            learning_rate = float(learning_rate)
        for argument, remedy in UNLIKE_TF1.items():
            require(
                not kwargs.get(argument),
                f'{argument} must be left out: TF1 had none, or computed it otherwise',
                repr(kwargs.get(argument)), remedy,
            )
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.clip = tuple(
            keras.saving.deserialize_keras_object(one) if isinstance(one, dict) else one
            for one in (clip if isinstance(clip, (list, tuple)) else [clip])
        )
        if isinstance(moving_average, dict):
            moving_average = keras.saving.deserialize_keras_object(moving_average)
        self.moving_average = moving_average

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._slots = self.create_slots(variables)
        if self.moving_average is not None:
            self.moving_average.build(variables, self)

    def create_slots(self, variables):
        """{TF1's name of a slot: [a Keras variable for each of ``variables``]}."""
        return {}

    def add_slots(self, variables, name, initializer='zeros'):
        """[a variable of the same shape and dtype for each of ``variables``]."""
        return [
            self.add_variable_from_reference(
                variable, name=name, initializer=initializer
            )
            for variable in variables
        ]

    def tf1_slots(self):
        """({slot: [a variable for each trainable one]}, {name: variable of no other}).

        The names are TF1's, so that a checkpoint can be handed over.
        """
        return dict(self._slots), {}

    def apply(self, grads, trainable_variables=None):
        refuse_xla(type(self).__name__)
        grads = list(grads)
        if not grads:
            return
        # TF1 counts a step once its updates are done. Keras counts as soon as it can:
        # when a data set of unknown length runs out, fit has one more step in hand,
        # whose batch never comes and which is counted all the same.
        backpropagated = [gradient for gradient in grads if gradient is not None][-1:]
        with tf.control_dependencies(tf.nest.flatten(backpropagated, expand_composites=True)):
            for clip in self.clip:
                grads = clip(grads)
            super().apply(grads, trainable_variables)
            self.finish()
            if self.moving_average is not None:
                self.moving_average.update(self.iterations)

    def finish(self):
        """What happens once every variable is updated: nothing, in most optimizers."""
        return  # AutoGraph cannot convert a body that is only a docstring

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        slots = [
            of_variables[index].value.handle for of_variables in self._slots.values()
        ]
        rate = self.as_tf1(learning_rate, variable.dtype)
        if isinstance(gradient, tf.IndexedSlices):
            values, rows = sum_of_duplicates(gradient)
            self.sparse_update(variable, values, rows, rate, *slots)
        else:
            self.dense_update(variable, gradient, rate, *slots)

    @staticmethod
    def as_tf1(hyperparameter, dtype):
        """TF1 made a float32 of every hyper-parameter, whatever it updated."""
        return tf.cast(tf.cast(hyperparameter, tf.float32), dtype)

    def get_config(self):
        config = super().get_config()
        config['clip'] = [keras.saving.serialize_keras_object(one) for one in self.clip]
        config['moving_average'] = self.moving_average and (
            keras.saving.serialize_keras_object(self.moving_average)
        )
        return config


def sum_of_duplicates(gradient):
    """(values [rows, ...], distinct rows): the slices of equal rows summed.

    Source: training/optimizer.py, _deduplicate_indexed_slices.
    """
    rows, position = tf.unique(gradient.indices)
    return tf.math.unsorted_segment_sum(gradient.values, position, tf.size(rows)), rows
