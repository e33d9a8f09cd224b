"""TF1's decays along a cosine."""

import math

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.errors import (
    is_number,
    require,
    require_not_negative,
    require_number,
    require_positive,
)
from tf2_keras.tf1_semantics.schedules.schedule import (
    Decay,
    TF1Schedule,
    as_tensor,
    power_of,
)


@keras.saving.register_keras_serializable("tf1_semantics")
class CosineDecay(Decay):
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
        super().__init__(learning_rate, decay_steps, "float32", name)
        require_number("alpha", alpha, 0.0)
        self.alpha = alpha

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
class LinearCosineDecay(Decay):
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
        super().__init__(learning_rate, decay_steps, "float32", name)
        require_positive("num_periods", num_periods, 0.5)
        require_number("alpha", alpha, 0.0)
        require_number("beta", beta, 0.001)
        self.num_periods = num_periods
        self.alpha = alpha
        self.beta = beta

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
