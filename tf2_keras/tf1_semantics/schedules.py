"""TF1's learning-rate decays as Keras schedules, alike in a function and eagerly.

A Session ran a decay through Grappler, which divides by a constant by multiplying with
its rounded inverse and gathers constants that meet. Keras's schedules leave that to
Grappler too: called eagerly, or in a tf.function that returns nothing, they give other
last digits. The schedules here are written as what Grappler makes of TF1's, so that
there is nothing left to rewrite, and every caller gets the Session's numbers: those of
resource variables. With a fed step or a reference variable Grappler knows less of the
graph, and where alpha or beta is zero, or there is noise, last digits differ.

The TF1 program passed ``global_step`` to the decay and to ``minimize``. Forgotten at
``minimize``, the step stays 0 and the rate never decays: such a program needs the first
rate as a float here.
"""

import inspect
import math

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.errors import (
    is_number,
    require,
    require_not_negative,
    require_number,
    require_one_of,
    require_positive,
)

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LinearCosineDecay",
    "NaturalExpDecay",
    "NoisyLinearCosineDecay",
    "PiecewiseConstant",
    "PolynomialDecay",
]


class TF1Schedule(keras.optimizers.schedules.LearningRateSchedule):
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

    def inverse_of_steps(self):
        """What Grappler multiplies with where TF1 divides by ``decay_steps``."""
        return self.constant(1) / self.constant(self.decay_steps)

    def float_step(self, step):
        """The step as a tensor of ``dtype``: beyond 2^24, float32 rounds it."""
        return tf.cast(as_tensor(step), self.dtype)

    def step_until_the_end(self, step):
        """The step, or ``decay_steps`` once it has passed that."""
        return tf.minimum(self.float_step(step), self.constant(self.decay_steps))

    def get_config(self):
        return {
            name: getattr(self, name)
            for name in inspect.signature(type(self).__init__).parameters
            if name != "self"
        }


def as_tensor(step):
    """An int is a step of 64 bits; so is Keras's count of iterations."""
    return (
        tf.constant(step, tf.int64)
        if isinstance(step, int)
        else (tf.convert_to_tensor(step))
    )


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


def require_decay(learning_rate, decay_steps, dtype="float32"):
    """What every decay over a number of steps asks of its arguments."""
    require_not_negative("learning_rate", learning_rate, 0.1)
    require_positive("decay_steps", decay_steps, 1000)
    require_one_of("dtype", dtype, ("float32", "float64"), "float32")


@keras.saving.register_keras_serializable("tf1_semantics")
class ExponentialDecay(TF1Schedule):
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
        require_decay(learning_rate, decay_steps, dtype)
        require_not_negative("decay_rate", decay_rate, 0.96)
        self.learning_rate = learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.dtype = dtype
        self.name = name

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
class InverseTimeDecay(TF1Schedule):
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
        require_decay(learning_rate, decay_steps, dtype)
        require_not_negative("decay_rate", decay_rate, 0.5)
        self.learning_rate = learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.dtype = dtype
        self.name = name

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
            and all(low < high for low, high in zip(boundaries, boundaries[1:]))
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
        require_one_of("dtype", dtype, ("float32", "float64"), "float32")
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
class PolynomialDecay(TF1Schedule):
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
        require_decay(learning_rate, decay_steps, dtype)
        require_not_negative("end_learning_rate", end_learning_rate, 0.0001)
        require_not_negative("power", power, 1.0)
        require(
            not cycle or dtype == "float32",
            "dtype must be 'float32' with cycle=True, which TF1 had in no other",
            repr(dtype),
            "Use 'float32'",
        )
        self.learning_rate = learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.dtype = dtype
        self.name = name

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
class CosineDecay(TF1Schedule):
    r"""``tf.train.cosine_decay``.

        rate = learning_rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2
                                + alpha)

    Args:
        learning_rate: the first rate, a float.
        decay_steps: how many steps it decays.
        alpha: the last rate as a share of the first.

    Raises:
        ValueError: for arguments outside their range.
    Source: tf.train.cosine_decay, 1.15; Loshchilov and Hutter 2016, arXiv:1608.03983.
    """

    def __init__(self, learning_rate, decay_steps, alpha=0.0, name=None):
        require_decay(learning_rate, decay_steps)
        require_number("alpha", alpha, 0.0)
        self.learning_rate = learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name

    def __call__(self, step):
        angle = (self.constant(math.pi) * self.inverse_of_steps()) * (
            self.step_until_the_end(step)
        )
        # 1 - alpha is one of Python's floats here, of float32 in the decays below.
        half_height = self.constant(1.0 - self.alpha) * self.constant(0.5)
        wave = half_height * (self.constant(1) + tf.cos(angle))
        return self.first_rate() * (wave + self.constant(self.alpha))


@keras.saving.register_keras_serializable("tf1_semantics")
class CosineDecayRestarts(TF1Schedule):
    r"""``tf.train.cosine_decay_restarts``: a cosine over and over, longer and lower.

    Args:
        learning_rate: the first rate, a float.
        first_decay_steps: how many steps the first period has.
        t_mul: how many times longer than the one before a period is, at least 1.
        m_mul: how many times higher.
        alpha: the last rate of a period as a share of ``learning_rate``.

    Raises:
        ValueError: for arguments outside their range.
    Source: tf.train.cosine_decay_restarts, 1.15; Loshchilov and Hutter 2016.
    """

    def __init__(
        self,
        learning_rate,
        first_decay_steps,
        t_mul=2.0,
        m_mul=1.0,
        alpha=0.0,
        name=None,
    ):
        require_not_negative("learning_rate", learning_rate, 0.1)
        require_positive("first_decay_steps", first_decay_steps, 1000)
        require(
            is_number(t_mul) and 1 <= t_mul < math.inf,
            "t_mul must be a finite number of at least 1",
            repr(t_mul),
            "Use 2.0",
        )
        require_positive("m_mul", m_mul, 1.0)
        require_number("alpha", alpha, 0.0)
        self.learning_rate = learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step):
        one = self.constant(1)
        periods = self.float_step(step) * (one / self.constant(self.first_decay_steps))
        longer = self.constant(self.t_mul)
        if longer == 1:
            restarts = tf.floor(periods)
            passed = periods - restarts
        else:
            # Lengths are a geometric series, of which log and sum find the place.
            inverse_of_log = tf.constant(one) / tf.math.log(longer)
            restarts = tf.floor(
                tf.math.log(one - periods * (one - longer)) * inverse_of_log
            )
            length = tf.pow(longer, restarts)
            before = (one - length) * (one / (one - longer))
            passed = (periods - before) / length
        alpha = self.constant(self.alpha)
        first, height = self.first_rate(), (one - alpha) * self.constant(0.5)
        lower = tf.pow(self.constant(self.m_mul), restarts)
        wave = one + tf.cos(self.constant(math.pi) * passed)
        if self.alpha == 0:  # nothing is added, so the first rate meets the half
            return ((first * height) * lower) * wave
        return first * ((height * lower) * wave + alpha)


@keras.saving.register_keras_serializable("tf1_semantics")
class LinearCosineDecay(TF1Schedule):
    r"""``tf.train.linear_cosine_decay``; Keras has none.

        linear = 1 - step / decay_steps
        wave   = (1 + cos(2 * pi * num_periods * step / decay_steps)) / 2
        rate   = learning_rate * ((alpha + linear) * wave + beta)

    Args:
        learning_rate: the first rate, a float.
        decay_steps: how many steps it decays.
        num_periods: how many waves there are.
        alpha, beta: floats.

    Raises:
        ValueError: for arguments outside their range.
    Source: tf.train.linear_cosine_decay, 1.15; Bello et al. 2017, arXiv:1709.07417.
    """

    def __init__(
        self,
        learning_rate,
        decay_steps,
        num_periods=0.5,
        alpha=0.0,
        beta=0.001,
        name=None,
    ):
        require_decay(learning_rate, decay_steps)
        require_positive("num_periods", num_periods, 0.5)
        require_number("alpha", alpha, 0.0)
        require_number("beta", beta, 0.001)
        self.learning_rate = learning_rate
        self.decay_steps = decay_steps
        self.num_periods = num_periods
        self.alpha = alpha
        self.beta = beta
        self.name = name

    def __call__(self, step):
        return self.rate(self.step_until_the_end(step))

    def rate(self, step, noise=None):
        """The rate at a step that is no longer than the decay, as a float tensor."""
        half, inverse = self.constant(0.5), self.inverse_of_steps()
        periods = self.constant(2) * self.constant(self.num_periods)
        angle = (self.constant(math.pi) * (periods * inverse)) * step
        wave = self.constant(1) + tf.cos(angle)
        left = self.constant(self.decay_steps) - step
        first, alpha = self.first_rate(), self.constant(self.alpha)
        if self.beta == 0 and self.alpha == 0 and noise is None:
            return ((first * inverse) * left) * (half * wave)
        # Constants go to what they find first: alpha to the noise, if there is some.
        if noise is not None:
            # Grappler would move a constant on once more; this it cannot tell for one.
            alpha = tf.raw_ops.PlaceholderWithDefault(input=alpha, shape=[])
            height = (alpha + noise) + left * inverse
        elif self.decay_steps == 1:  # divided by nothing, so alpha finds the one
            height = (alpha + inverse) - step
        else:
            height = alpha + left * inverse
        if self.beta == 0:  # nothing is added, so the first rate meets the half
            return height * ((first * half) * wave)
        return first * (height * (half * wave) + self.constant(self.beta))


@keras.saving.register_keras_serializable("tf1_semantics")
class NoisyLinearCosineDecay(LinearCosineDecay):
    r"""``tf.train.noisy_linear_cosine_decay``; Keras has none.

        linear = 1 - step / decay_steps
                 + normal(variance=initial_variance / (1 + step)^variance_decay)

    and the rest as LinearCosineDecay. The noise of step n is what a Session draws in
    its n-th run from the start (from 0) if every run evaluates the rate once, as
    training does: the step says how far the stream has been read, and asking twice
    gives the same rate twice. A Session that restored a checkpoint started the stream
    again at its first run, which no function of the step can know.

    Args:
        learning_rate, decay_steps, num_periods, alpha, beta: as LinearCosineDecay's.
        initial_variance: a float above zero; there is no noise without.
        variance_decay: a float, not negative.
        seed: (graph seed, op seed), or the op seed alone. TF1 takes no op seed for
            this; its graph counted one, which the attribute ``seed2`` of the graph's
            node ``.../random_normal/RandomStandardNormal`` tells.

    Raises:
        ValueError: for arguments outside their range.
    Source: tf.train.noisy_linear_cosine_decay, 1.15; Bello et al. 2017.
    """

    def __init__(
        self,
        learning_rate,
        decay_steps,
        initial_variance=1.0,
        variance_decay=0.55,
        num_periods=0.5,
        alpha=0.0,
        beta=0.001,
        seed=0,
        name=None,
    ):
        super().__init__(learning_rate, decay_steps, num_periods, alpha, beta, name)
        require_positive("initial_variance", initial_variance, 1.0)
        require_not_negative("variance_decay", variance_decay, 0.55)
        philox.op_seeds(seed)  # refuses a bad seed here rather than at the first call
        self.initial_variance = initial_variance
        self.variance_decay = variance_decay
        self.seed = seed

    def __call__(self, step):
        drawn = tf.cast(as_tensor(step), tf.int64) * philox.RESERVED_PER_ELEMENT
        step = self.step_until_the_end(step)
        first, later = self.constant(self.initial_variance), self.constant(1) + step
        if self.variance_decay == 0.5:  # Grappler has no division by a root either
            variance = first * tf.math.rsqrt(later)
        else:
            variance = first / power_of(later, self.constant(self.variance_decay))
        noise = philox.normal([], self.seed, drawn) * tf.sqrt(variance)
        return self.rate(step, noise)
