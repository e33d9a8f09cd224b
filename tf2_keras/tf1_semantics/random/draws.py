"""TF1's seeded choices: of a class by its logits, of an order."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.errors import require, require_int, require_one_of
from tf2_keras.tf1_semantics.layers.layer import ElementwiseLayer
from tf2_keras.tf1_semantics.layers.stream import StreamLayer
from tf2_keras.tf1_semantics.xla import refuse_xla


@keras.saving.register_keras_serializable("tf1_semantics")
class Categorical(StreamLayer):
    """``tf.multinomial(logits, num_samples, seed=op_seed)``: classes by their logits.

    How far its stream has been read is a weight, ``drawn``. TF1's op dealt out large
    batches to its threads, each of which read the stream from another place; the part
    draws them as one thread did, which on two threads is the same below some hundred
    rows of a dozen classes.

    Args:
        num_samples: how many to draw for each row.
        seed: (graph seed, op seed), or the op seed alone.
        output_dtype: 'int64', which None stands for, or 'int32'.

    Input shape: [batch, classes], of a float dtype. A logit that is not finite is never
    drawn.
    Output shape: [batch, num_samples].
    Raises:
        ValueError: for arguments other than these, or an input of another rank.
        NotImplementedError: under ``jit_compile=True``, which draws other numbers.
    Source: random_ops.multinomial, 1.15; multinomial_op.cc.
    """

    def __init__(self, num_samples, seed=None, output_dtype=None, **kwargs):
        require_int("num_samples", num_samples, 1, at_least=1)
        require_one_of("output_dtype", output_dtype, (None, "int64", "int32"), "int64")
        super().__init__(**kwargs)
        philox.op_seeds(seed)
        self.num_samples = num_samples
        self.seed = seed
        self.output_dtype = output_dtype

    def build(self, input_shape):
        require(
            len(input_shape) == 2,
            "inputs must be [batch, classes]",
            repr(tuple(input_shape)),
            "Use keras.ops.reshape",
        )
        super().build(input_shape)

    def call(self, logits):
        refuse_xla(type(self).__name__)
        rows = tf.shape(logits, tf.int64)[0]
        rounded_up = -(-self.num_samples // 4) * 4
        # What TF1 reserved, in numbers of two words: 256 of their blocks for each.
        drawn = self.advance(rows * rounded_up * 2 * philox.RESERVED_PER_ELEMENT)
        pairs = philox.words(2 * rows * self.num_samples, self.seed, drawn)
        numbers = philox.doubles(tf.reshape(pairs, [rows, self.num_samples, 2]))
        finite = tf.math.is_finite(logits)
        lowest = tf.constant(logits.dtype.min, logits.dtype)
        largest = tf.reduce_max(tf.where(finite, logits, lowest), 1, keepdims=True)
        shares = tf.exp(tf.cast(logits, tf.float64) - tf.cast(largest, tf.float64))
        cumulated = tf.cumsum(tf.where(finite, shares, tf.zeros_like(shares)), 1)
        found = tf.searchsorted(
            cumulated, numbers * cumulated[:, -1:], side="right", out_type=tf.int64
        )
        return tf.cast(found, self.output_dtype or "int64")

    def compute_output_spec(self, logits):
        shape = (logits.shape[0], self.num_samples)
        return keras.KerasTensor(shape, self.output_dtype or "int64")


@keras.saving.register_keras_serializable("tf1_semantics")
class Shuffle(StreamLayer, ElementwiseLayer):
    """``tf.random_shuffle(value, seed=op_seed)``: the rows in another order each time.

    How far its stream has been read is a weight, ``drawn``.

    Args:
        seed: (graph seed, op seed), or the op seed alone.

    Input shape: [rows, ...], floats or integers. Output shape: the same.
    Raises:
        ValueError: for seeds that are none, or an input without an axis.
        NotImplementedError: under ``jit_compile=True``, which draws other numbers.
    Source: random_ops.random_shuffle, 1.15; random_shuffle_op.cc.
    """

    kinds_of_inputs = ("floating", "integer")

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        philox.op_seeds(seed)
        self.seed = seed

    def build(self, input_shape):
        require(
            len(input_shape) > 0,
            "inputs must have an axis to shuffle",
            repr(tuple(input_shape)),
            "Use keras.ops.expand_dims",
        )
        super().build(input_shape)

    def call(self, x):
        refuse_xla(type(self).__name__)
        rows = tf.shape(x, tf.int64)[0]
        number = tf.maximum(rows - 1, 0)
        # With nothing to choose TF1 read nothing.
        reads = tf.where(tf.size(x) > 1, number, 0)
        words = philox.words(number, self.seed, self.advance((reads + 3) // 4))

        def swap(row, order):
            other = row + words[row] % (rows - row)
            pair = tf.stack([row, other])
            swapped = tf.gather(order, pair[::-1])
            return row + 1, tf.tensor_scatter_nd_update(order, pair[:, None], swapped)

        start = tf.zeros([], tf.int64), tf.range(rows)
        _, order = tf.while_loop(lambda row, _: row < number, swap, start)
        return tf.gather(x, order)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)
