"""TF1's gradient clips as functions of a list of gradients, for optimizers and loops.

    optimizers.Momentum(0.1, 0.9, clip=[ByGlobalNorm(5.0), ByValue(-1.0, 2.0)])

clips by the one, then by the other; a custom loop calls ``ByNorm(1.0)(gradients)``.

Under a strategy of several replicas an optimizer's clips see one replica's gradients,
before those of all are summed: so do Keras's ``clipnorm`` and its like, and so did a TF1
model_fn that clipped between ``compute_gradients`` and ``apply_gradients``. A TF1
program of towers that clipped what it had averaged needs a custom loop here: all-reduce
the gradients, clip, then ``apply``.

A sparse gradient (``tf.IndexedSlices``, what an embedding gets) stays sparse, but for
ByAverageNorm. Its norm is that of its slices as they came: two slices of one row count
as two, though the optimizer will sum them. So TF1 had it.
"""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import require, require_number, require_positive

__all__ = ["ByAverageNorm", "ByGlobalNorm", "ByNorm", "ByValue"]


def values_of(gradient):
    """The tensor that is clipped: of a sparse gradient, its slices."""
    if isinstance(gradient, tf.IndexedSlices):
        return gradient.values
    return tf.convert_to_tensor(gradient)


def with_values(gradient, values):
    """``gradient`` with other numbers: dense or sparse as it was."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return values


class Clip(Configured):
    """A clip that takes every gradient by itself; None, no gradient, stays None."""

    def __call__(self, gradients):
        return [
            None if gradient is None else self.clip(gradient) for gradient in gradients
        ]


@keras.saving.register_keras_serializable("tf1_semantics")
class ByValue(Clip):
    """``tf.clip_by_value(gradient, clip_value_min, clip_value_max)``: into that range.

    Keras's ``clipvalue`` has one limit for both sides.

    Args:
        clip_value_min, clip_value_max: finite numbers, the first below the second.

    Returns on call with a list of gradients: a list of the same shapes and dtypes.
    Raises:
        ValueError: if ``clip_value_min`` is not below ``clip_value_max``.
    Source: tf.clip_by_value, 1.15.
    """

    def __init__(self, clip_value_min, clip_value_max):
        require_number("clip_value_min", clip_value_min, "-1.0 and 1.0")
        require_number("clip_value_max", clip_value_max, "-1.0 and 1.0")
        require(
            clip_value_min < clip_value_max,
            f"clip_value_min must be below clip_value_max, which is {clip_value_max!r}",
            repr(clip_value_min),
            "Use -1.0 and 1.0",
        )
        self.clip_value_min = clip_value_min
        self.clip_value_max = clip_value_max

    def clip(self, gradient):
        values = tf.minimum(values_of(gradient), self.clip_value_max)
        return with_values(gradient, tf.maximum(values, self.clip_value_min))


class ClipToNorm(Clip):
    """A clip with one limit, ``clip_norm``, that must be above zero."""

    def __init__(self, clip_norm):
        require_positive("clip_norm", clip_norm, 5.0)
        self.clip_norm = clip_norm


@keras.saving.register_keras_serializable("tf1_semantics")
class ByNorm(ClipToNorm):
    r"""``tf.clip_by_norm``: each gradient's L2 norm to ``clip_norm`` at most.

        gradient * clip_norm / max(norm, clip_norm)

    Args:
        clip_norm: a number above zero.

    Returns on call with a list of gradients: a list of the same shapes and dtypes.
    Raises:
        ValueError: if ``clip_norm`` is not above zero.
    Source: tf.clip_by_norm, 1.15.
    """

    def clip(self, gradient):
        values = values_of(gradient)
        squares = tf.reduce_sum(values * values, keepdims=True)
        some = squares > 0  # the root of zero has no derivative
        norm = tf.where(
            some, tf.sqrt(tf.where(some, squares, tf.ones_like(squares))), squares
        )
        clipped = values * self.clip_norm / tf.maximum(norm, self.clip_norm)
        return with_values(gradient, clipped)


@keras.saving.register_keras_serializable("tf1_semantics")
class ByAverageNorm(ClipToNorm):
    r"""``tf.clip_by_average_norm``: each norm / size to ``clip_norm`` at most.

        gradient * clip_norm * min(size / norm, 1 / clip_norm)

    A sparse gradient becomes dense, and gradients must be float32, as in TF1.

    Args:
        clip_norm: a number above zero.

    Returns on call with a list of float32 gradients: a list of the same shapes, dense.
    Raises:
        ValueError: if ``clip_norm`` is not above zero, or a gradient is not float32.
    Source: tf.clip_by_average_norm, 1.15.
    """

    def clip(self, gradient):
        gradient = tf.convert_to_tensor(gradient)
        require(
            gradient.dtype == tf.float32,
            "gradients must be float32",
            gradient.dtype.name,
            "Use ByNorm for other dtypes",
        )
        size = tf.cast(tf.size(gradient), tf.float32)
        inverse_of_norm = tf.math.rsqrt(tf.reduce_sum(gradient * gradient))
        # TF1 wrote gradient * clip_norm * scale, which Grappler brackets like this to
        # multiply the two scalars first.
        return gradient * (
            self.clip_norm
            * tf.minimum(inverse_of_norm * size, tf.constant(1.0) / self.clip_norm)
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class ByGlobalNorm(ClipToNorm):
    r"""``tf.clip_by_global_norm``: the norm of all gradients together.

        gradient * clip_norm * min(1 / norm, 1 / clip_norm)

    A norm that is not finite makes all gradients NaN: one infinity, or squares that
    overflow, ruin the step, as in TF1.

    Args:
        clip_norm: a number above zero.

    Returns on call with a list of gradients: a list of the same shapes and dtypes.
    Raises:
        ValueError: if ``clip_norm`` is not above zero.
    Source: tf.clip_by_global_norm, 1.15; Pascanu et al. 2012, arXiv:1211.5063.
    """

    def __call__(self, gradients):
        present = [
            values_of(gradient) for gradient in gradients if gradient is not None
        ]
        if not present:
            return list(gradients)
        half = tf.reduce_sum(tf.stack([tf.nn.l2_loss(values) for values in present]))
        norm = tf.sqrt(half * tf.constant(2, half.dtype))
        one = tf.constant(1, half.dtype)
        scale = self.clip_norm * tf.minimum(one / norm, one / self.clip_norm)
        scale = scale + (norm - norm)  # NaN unless the norm is finite
        return [
            None
            if gradient is None
            else with_values(
                gradient, values_of(gradient) * tf.cast(scale, gradient.dtype)
            )
            for gradient in gradients
        ]
