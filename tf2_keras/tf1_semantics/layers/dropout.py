"""TF1's dropout as a Keras layer with a stream of its own."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import is_number, require
from tf2_keras.tf1_semantics.xla import refuse_xla


@keras.saving.register_keras_serializable("tf1_semantics")
class Dropout(keras.layers.Layer):
    """``tf.nn.dropout(x, keep_prob, seed=op_seed)``, the same mask at the same step.

    The layer holds how far its stream has been read, as a weight: it survives
    retracing and save/load, and neither global seeds nor other layers touch it.

    Args:
        keep_prob: the share that is kept, in (0, 1]. Keras's ``rate`` is 1 - keep_prob.
        seed: (graph seed, op seed), or the op seed alone.
        fed: True if the TF1 program fed ``keep_prob`` through a placeholder. Such a
            graph holds one dropout op for training and for evaluation. So evaluating,
            with keep_prob 1.0 fed, draws and moves the stream on as well, and
            1 - keep_prob is computed in the dtype of ``x``, not in Python.

    A number is what today's compat.v1 makes of it: 1 / keep_prob in Python. TensorFlow
    1.15 itself divided in float32, so that the last bit may differ; ``tf-parity seeds``
    looks for a keep_prob that gives 1.15's.

    Input shape: any. Output shape: the same.
    Raises:
        ValueError: if ``keep_prob`` is not in (0, 1].
        NotImplementedError: under ``jit_compile=True``, which draws other numbers.
    Source: nn_ops.dropout_v2, random_seed.get_seed.
    """

    def __init__(self, keep_prob, seed, fed=False, **kwargs):
        super().__init__(**kwargs)
        require(
            is_number(keep_prob) and 0 < keep_prob <= 1,
            "keep_prob must be in (0, 1]",
            repr(keep_prob),
            "Use 1 - rate if you have the share that is dropped",
        )
        philox.op_seeds(seed)
        self.keep_prob = keep_prob
        self.seed = seed
        self.fed = fed

    def build(self, input_shape):
        self.drawn = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="drawn"
        )

    def call(self, x, training=False):
        if not training and not self.fed:
            return x
        refuse_xla(type(self).__name__)
        drawn = tf.identity(self.drawn.value)
        self.drawn.assign_add(tf.size(x, tf.int64) * philox.RESERVED_PER_ELEMENT)
        if not training or (self.keep_prob == 1 and not self.fed):
            return x
        one = constant(1, x.dtype)
        if self.fed:
            # A constant would let Grappler turn the division into a product with the
            # rounded inverse, which a fed tensor did not allow.
            keep_prob = tf.raw_ops.PlaceholderWithDefault(
                input=constant(self.keep_prob, x.dtype), shape=[]
            )
            rate = one - keep_prob
            scaled = x / (one - rate)
        else:
            rate = 1 - self.keep_prob
            scaled = x * constant(1 / (1 - rate), x.dtype)
            rate = constant(rate, x.dtype)
        noise = philox.uniform(tf.shape(x), self.seed, drawn, x.dtype)
        return tf.where(noise >= rate, scaled, tf.zeros([], x.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(keep_prob=self.keep_prob, seed=self.seed, fed=self.fed)
        return config
