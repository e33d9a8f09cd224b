"""What TF1's decays share: constants as TF1 rounded them, and Grappler's rewriting."""

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import (
    require_not_negative,
    require_one_of,
    require_positive,
)

DTYPES = ("float32", "float64")


class TF1Schedule(Configured, keras.optimizers.schedules.LearningRateSchedule):
    """A function of the step whose constants are NumPy scalars, rounded as TF1's were.

    ``dtype`` is what the rate is computed in: float32, or float64 where TF1 was given
    a ``np.float64`` or a float64 tensor as ``learning_rate``. The other arguments were
    float32 in both cases.
    """

    dtype = "float32"

    def constant(self, value):
        """A Python number as TF1's ``cast`` of it: by way of float32, if no int."""
        scalar = np.dtype(self.dtype).type
        return scalar(value) if isinstance(value, int) else scalar(np.float32(value))

    def first_rate(self):
        """``learning_rate`` in ``dtype``, without the way by float32."""
        return np.dtype(self.dtype).type(self.learning_rate)

    def float_step(self, step):
        """The step as a tensor of ``dtype``: beyond 2^24, float32 rounds it."""
        return tf.cast(as_tensor(step), self.dtype)


class Decay(TF1Schedule):
    """What starts at ``learning_rate`` and takes ``decay_steps``."""

    def __init__(self, learning_rate, decay_steps, dtype, name):
        require_not_negative("learning_rate", learning_rate, 0.1)
        require_positive("decay_steps", decay_steps, 1000)
        require_one_of("dtype", dtype, DTYPES, "float32")
        self.learning_rate = learning_rate
        self.decay_steps = decay_steps
        self.dtype = dtype
        self.name = name

    def inverse_of_steps(self):
        """What Grappler multiplies with where TF1 divides by ``decay_steps``."""
        return self.constant(1) / self.constant(self.decay_steps)

    def step_until_the_end(self, step):
        """The step, or ``decay_steps`` once it has passed that."""
        return tf.minimum(self.float_step(step), self.constant(self.decay_steps))


def as_tensor(step):
    """An int is a step of 64 bits; so is Keras's count of iterations."""
    if isinstance(step, int):
        return tf.constant(step, tf.int64)
    return tf.convert_to_tensor(step)


def power_of(base, exponent):
    """``tf.pow(base, exponent)`` as Grappler rewrites it for a constant exponent."""
    rewritten = {
        0.0: tf.ones_like,
        0.5: tf.sqrt,
        1.0: tf.identity,
        2.0: tf.square,
        3.0: lambda base: base * tf.square(base),
    }.get(float(exponent))
    return rewritten(base) if rewritten else tf.pow(base, exponent)
