"""Layers that read a seeded stream, as an op of TF1's did."""

import tensorflow as tf

from tf2_keras.tf1_semantics.layers.layer import TF1Layer


class StreamLayer(TF1Layer):
    """A layer that holds how far its stream has been read, as the weight ``drawn``.

    TF1's ops kept it to themselves. As a weight it survives retracing and save/load, it
    can be assigned 0 to start over, and neither global seeds nor other layers touch it.
    """

    def build(self, _input_shape):
        self.drawn = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="drawn"
        )

    def advance(self, by):
        """What has been drawn so far; the stream moves on by so many outputs."""
        drawn = tf.identity(self.drawn.value)
        self.drawn.assign_add(tf.cast(by, tf.int64))
        return drawn
