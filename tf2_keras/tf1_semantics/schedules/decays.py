"""TF1's decays by powers, by division and by a list."""

import itertools
import math

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import (
    is_number,
    require,
    require_flags,
    require_not_negative,
    require_one_of,
)
from tf2_keras.tf1_semantics.schedules.schedule import (
    DTYPES,
    Decay,
    TF1Schedule,
    as_tensor,
    power_of,
)


@keras.saving.register_keras_serializable("tf1_semantics")
class ExponentialDecay(Decay):
    r"""``tf.train.exponential_decay``.

        rate = learning_rate * decay_rate^(step / decay_steps)

    Args:
        learning_rate: the first rate, a float.
        decay_steps: how many steps one factor of ``decay_rate`` takes.
        decay_rate: a float, not negative.
        staircase: whether ``step / decay_steps`` is rounded down.
        dtype: 'float32'; 'float64' if TF1's ``learning_rate`` was of that.

    Returns on call with a step: a scalar of ``dtype``.
    Raises:
        ValueError: for arguments outside their range.
    Source: tf.train.exponential_decay, 1.15.
    """

    def __init__(
        self,
        learning_rate,
        decay_steps,
        decay_rate,
        staircase=False,
        dtype="float32",
        name=None,
    ):
        super().__init__(learning_rate, decay_steps, dtype, name)
        require_not_negative("decay_rate", decay_rate, 0.96)
        require_flags(staircase=staircase)
        self.decay_rate = decay_rate
        self.staircase = staircase

    def factor(self):
        """By what the rate is multiplied every ``decay_steps``."""
        return self.constant(self.decay_rate)

    def __call__(self, step):
        passed = self.float_step(step) * self.inverse_of_steps()
        if self.staircase:
            passed = tf.floor(passed)
        return self.first_rate() * tf.pow(self.factor(), passed)


@keras.saving.register_keras_serializable("tf1_semantics")
class NaturalExpDecay(ExponentialDecay):
    r"""``tf.train.natural_exp_decay``.

        rate = learning_rate * exp(-decay_rate)^(step / decay_steps)

    Keras has none; its ExponentialDecay with the same arguments multiplies by
    ``decay_rate`` where this multiplies by ``exp(-decay_rate)``.

    Args:
        learning_rate, decay_steps, decay_rate, staircase, dtype: as ExponentialDecay's.

    Raises:
        ValueError: for arguments outside their range.
    Source: tf.train.natural_exp_decay, 1.15.
    """

    def factor(self):
        return tf.cast(tf.exp(np.float32(-self.decay_rate)), self.dtype)


@keras.saving.register_keras_serializable("tf1_semantics")
class InverseTimeDecay(Decay):
    r"""``tf.train.inverse_time_decay``.

        rate = learning_rate / (1 + decay_rate * step / decay_steps)

    Args:
        learning_rate: the first rate, a float.
        decay_steps: how many steps the divisor takes to grow by ``decay_rate``.
        decay_rate: a float, not negative.
        staircase: whether ``step / decay_steps`` is rounded down.
        dtype: 'float32'; 'float64' if TF1's ``learning_rate`` was of that.

    Raises:
        ValueError: for arguments outside their range.
    Source: tf.train.inverse_time_decay, 1.15.
    """

    def __init__(
        self,
        learning_rate,
        decay_steps,
        decay_rate,
        staircase=False,
        dtype="float32",
        name=None,
    ):
        super().__init__(learning_rate, decay_steps, dtype, name)
        require_not_negative("decay_rate", decay_rate, 0.5)
        require_flags(staircase=staircase)
        self.decay_rate = decay_rate
        self.staircase = staircase

    def __call__(self, step):
        step = self.float_step(step)
        growth = self.constant(self.decay_rate)
        if self.staircase:
            grown = growth * tf.floor(step * self.inverse_of_steps())
        else:  # nothing between the two constants, so they became one
            grown = (growth * self.inverse_of_steps()) * step
        return self.first_rate() / (self.constant(1) + grown)


@keras.saving.register_keras_serializable("tf1_semantics")
class PiecewiseConstant(TF1Schedule):
    """``tf.train.piecewise_constant``: ``values[i]`` up to ``boundaries[i]`` inclusive.

    Args:
        boundaries: rising whole numbers, the last steps of all rates but the last.
        values: the rates, one more.
        dtype: 'float32'; 'float64' if TF1's ``values`` were of that.

    Raises:
        ValueError: if boundaries are not rising whole numbers, or values not one more.
    Source: tf.train.piecewise_constant, 1.15.
    """

    def __init__(self, boundaries, values, dtype="float32", name=None):
        rising = (
            isinstance(boundaries, (list, tuple))
            and len(boundaries)
            and all(
                is_number(boundary) and float(boundary).is_integer()
                for boundary in boundaries
            )
            and all(low < high for low, high in itertools.pairwise(boundaries))
        )
        require(
            rising,
            "boundaries must be a list of rising whole numbers",
            repr(boundaries),
            "Use for instance [1000, 2000]",
        )
        require(
            isinstance(values, (list, tuple))
            and len(values) == len(boundaries) + 1
            and all(is_number(value) and 0 <= value < math.inf for value in values),
            "values must be a list of finite rates that are not negative, one more "
            "than boundaries",
            repr(values),
            "Use for instance [0.1, 0.01, 0.001]",
        )
        require_one_of("dtype", dtype, DTYPES, "float32")
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.dtype = dtype
        self.name = name

    def __call__(self, step):
        passed = tf.cast(as_tensor(step), tf.int64) > tf.constant(
            [int(boundary) for boundary in self.boundaries], tf.int64
        )
        return tf.gather(
            tf.constant(self.values, self.dtype),
            tf.reduce_sum(tf.cast(passed, tf.int32)),
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class PolynomialDecay(Decay):
    r"""``tf.train.polynomial_decay``.

        rate = (learning_rate - end_learning_rate) * (1 - step / decay_steps)^power
               + end_learning_rate

    Args:
        learning_rate: the first rate, a float.
        decay_steps: the step from which on the rate is ``end_learning_rate``.
        end_learning_rate: a float.
        power: a float, not negative.
        cycle: whether ``decay_steps`` grows to its next multiple instead of the decay
            ending there.
        dtype: 'float32'; 'float64' if TF1's ``learning_rate`` was of that.

    Raises:
        ValueError: for arguments outside their range.
    Source: tf.train.polynomial_decay, 1.15.
    """

    def __init__(
        self,
        learning_rate,
        decay_steps,
        end_learning_rate=0.0001,
        power=1.0,
        cycle=False,
        dtype="float32",
        name=None,
    ):
        super().__init__(learning_rate, decay_steps, dtype, name)
        require_not_negative("end_learning_rate", end_learning_rate, 0.0001)
        require_not_negative("power", power, 1.0)
        require_flags(cycle=cycle)
        require(
            not cycle or dtype == "float32",
            "dtype must be 'float32' with cycle=True, which TF1 had in no other",
            repr(dtype),
            "Use 'float32'",
        )
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle

    def __call__(self, step):
        one = self.constant(1)
        if self.cycle:
            step = self.float_step(step)
            multiple = tf.where(
                step == 0, one, tf.math.ceil(step * self.inverse_of_steps())
            )
            passed = step / (self.constant(self.decay_steps) * multiple)
        else:
            passed = self.step_until_the_end(step) * self.inverse_of_steps()
        end = self.constant(self.end_learning_rate)
        height, left = self.first_rate() - end, one - passed
        if self.power == 3:  # the constant goes to one of the two factors
            return (height * left) * tf.square(left) + end
        return height * power_of(left, self.constant(self.power)) + end


@keras.saving.register_keras_serializable("tf1_semantics")
class WarmUp(PolynomialDecay):
    r"""The rate of BERT's ``create_optimizer``: a straight line up, then a decay.

        rate = learning_rate * step / warmup_steps    while step < warmup_steps,
               tf.train.polynomial_decay(...)(step)   from then on

    At step 0 it is zero: the first update of all moves the moments alone. The decay has
    begun at step 0 as well, so that the rate never quite reaches ``learning_rate``.

    Args:
        learning_rate: where the line leads to, a float.
        decay_steps: the step from which on the rate is ``end_learning_rate``.
        warmup_steps: the first step of the decay; 0 for the decay alone.
        end_learning_rate: a float.
        power: a float, not negative.

    Raises:
        ValueError: for arguments outside their range.
    Source: google-research/bert, optimization.py, create_optimizer.
    """

    def __init__(
        self,
        learning_rate,
        decay_steps,
        warmup_steps,
        end_learning_rate=0.0,
        power=1.0,
        name=None,
    ):
        super().__init__(
            learning_rate, decay_steps, end_learning_rate, power, name=name
        )
        require_not_negative("warmup_steps", warmup_steps, 1000)
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        rate = super().__call__(step)
        if not self.warmup_steps:
            return rate
        step, steps = self.float_step(step), self.constant(self.warmup_steps)
        # Grappler gathers the two constants that meet.
        warmup_rate = self.first_rate() * (self.constant(1) / steps) * step
        is_warmup = tf.cast(step < steps, self.dtype)
        return (self.constant(1) - is_warmup) * rate + is_warmup * warmup_rate
