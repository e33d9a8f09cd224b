"""Constants as a graph holds them."""

import numpy as np
import tensorflow as tf


def constant(value, dtype):
    """``tf.constant(value, dtype)`` rounded once, from a Python number.

    Eager code makes a float16 of a Python float by way of float32, and may round
    twice; a graph's constant comes from NumPy.
    """
    dtype = tf.as_dtype(dtype)
    return tf.constant(np.array(value, dtype.as_numpy_dtype))
