"""What the TF1 sides here share: dense layers, seeded, and numbers to train on."""

import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

SEED = 7  # of every graph


def placeholders(**shapes):
    """{name: float32 placeholder} by the shapes of one example; int32 where said."""
    return {
        name: tf1.placeholder(
            shape[0] if shape and isinstance(shape[0], tf.DType) else tf.float32,
            [None, *(size for size in shape if not isinstance(size, tf.DType))],
            name=name,
        )
        for name, shape in shapes.items()
    }


def weights(name, shape, seed, stddev=0.5):
    """A variable of seeded normal numbers."""
    initial = tf1.random_normal(shape, stddev=stddev, seed=seed)
    return tf1.get_variable(name, initializer=initial)


def dense(x, name, units, seed, activation=None):
    """``activation(x @ kernel + bias)``, as tf.layers.dense had it."""
    with tf1.variable_scope(name):
        kernel = weights("kernel", [int(x.shape[-1]), units], seed)
        bias = tf1.get_variable("bias", initializer=tf.zeros([units]))
        y = tf.nn.bias_add(tf.matmul(x, kernel), bias)
        return y if activation is None else activation(y)


def numbers(seed):
    """A ``RandomState`` that draws float32."""
    random = np.random.RandomState(seed)
    return lambda *shape: random.standard_normal(shape).astype(np.float32)
