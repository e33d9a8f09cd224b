"""TF1's dropout as a Keras layer with a stream of its own."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.barriers import with_gradient_apart
from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import (
    require_flags,
    require_one_of,
    require_share_kept,
)
from tf2_keras.tf1_semantics.layers.layer import ElementwiseLayer
from tf2_keras.tf1_semantics.layers.stream import StreamLayer
from tf2_keras.tf1_semantics.xla import refuse_xla

SCALINGS = ("1.15", "compat.v1")


@keras.saving.register_keras_serializable("tf1_semantics")
class Dropout(StreamLayer, ElementwiseLayer):
    r"""``tf.nn.dropout(x, keep_prob, seed=op_seed)``, the same mask at the same step.

    How far its stream has been read is a weight, see ``StreamLayer``.

    What is kept was scaled in two ages, alike where keep_prob is a power of two:

        '1.15'        x * (1 / (1 - rate)) * mask, every operation in the dtype of x
        'compat.v1'   today's TensorFlow: x * (1 / keep_prob), the inverse taken in
                      Python and rounded once; if fed, x / (1 - rate); 0 for the rest

    Elsewhere last bits differ, at a fed keep_prob of 0.9 in three of ten values. And
    what is dropped: 1.15 left -0.0 of what is negative, and NaN of what is not finite.

    Args:
        keep_prob: the share that is kept, in (0, 1]. Keras's ``rate`` is 1 - keep_prob.
        seed: (graph seed, op seed), or the op seed alone.
        fed: True if the TF1 program fed ``keep_prob`` through a placeholder. Such a
            graph holds one dropout op for training and for evaluation. So evaluating,
            with keep_prob 1.0 fed, draws and moves the stream on as well, and
            1 - keep_prob is computed in the dtype of ``x``, not in Python.
        scaling: '1.15', what TF1 programs computed when TensorFlow 1.15 ran them; or
            'compat.v1', what the same programs compute under today's tf.compat.v1.

    Input shape: any. Output shape: the same.
    Raises:
        ValueError: if ``keep_prob`` is not in (0, 1], for an unknown scaling, or an
            input that is not of a float dtype.
        NotImplementedError: under ``jit_compile=True``, which draws other numbers.
    Source: nn_ops.dropout_v2, random_seed.get_seed, 1.15 and 2.21.
    """

    def __init__(self, keep_prob, seed, fed=False, scaling="1.15", **kwargs):
        super().__init__(**kwargs)
        require_share_kept("keep_prob", keep_prob)
        philox.op_seeds(seed)
        require_flags(fed=fed)
        require_one_of("scaling", scaling, SCALINGS, "1.15")
        self.keep_prob = keep_prob
        self.seed = seed
        self.fed = fed
        self.scaling = scaling

    def call(self, x, training=False):
        if not training and not self.fed:
            return x
        refuse_xla(type(self).__name__)
        drawn = self.advance(tf.size(x, tf.int64) * philox.RESERVED_PER_ELEMENT)
        if not training:
            return x * fed(1, x.dtype)  # which makes zeros of denormals
        if self.keep_prob == 1 and not self.fed:
            return x
        rate = self.rate(x.dtype)
        noise = philox.uniform(tf.shape(x), self.seed, drawn, x.dtype)
        kept = noise >= rate
        one = constant(1, x.dtype)
        if self.scaling == "1.15":
            # Grappler would scale gradients before it masks them: what then overflows
            # would be NaN where TF1 had 0.
            scaled = with_gradient_apart(x * (one / (one - rate)))
            return scaled * tf.cast(kept, x.dtype)
        if self.fed:
            scaled = x / (one - rate)
        else:
            scaled = x * constant(1 / (1 - (1 - self.keep_prob)), x.dtype)
        return tf.where(kept, scaled, tf.zeros([], x.dtype))

    def rate(self, dtype):
        """1 - keep_prob, from Python or from what was fed."""
        if not self.fed:
            return constant(1 - self.keep_prob, dtype)
        return constant(1, dtype) - fed(self.keep_prob, dtype)


def fed(value, dtype):
    """A number as a placeholder gives it, of which Grappler knows nothing.

    Of a constant it would turn divisions into products with the rounded inverse, and
    leave out a product with 1.
    """
    return tf.raw_ops.PlaceholderWithDefault(input=constant(value, dtype), shape=[])
