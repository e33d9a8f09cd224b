"""Integers below a bound from Philox's words, without the bias of a remainder.

Source: tensorflow/core/lib/random/exact_uniform_int.h, 1.15.
"""

import tensorflow as tf

REJECTED = -1


def below(bound, low, high=None):
    """[0, bound) of words, int64; ``REJECTED`` where TF1 took the next word instead.

    Args:
        bound: int or int64 scalar, less than 2^31.
        low: words, int64 in [0, 2^32).
        high: the upper halves, where numbers of 64 bits were drawn.
    """
    bound = tf.cast(bound, tf.int64)
    carry = 2**32 % bound  # of one in the upper half
    remainder, whole = low % bound, carry
    if high is not None:
        remainder = (high % bound * carry + low % bound) % bound
        whole = carry * carry % bound
    # The smallest numbers are one too many for some remainders: 2^bits % bound of them.
    rejected = low < whole
    if high is not None:
        rejected &= high == 0
    return tf.where(rejected, tf.constant(REJECTED, tf.int64), remainder)
