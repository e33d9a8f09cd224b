"""TF1's seeded random streams, without TF1's hidden state.

A TF1 random op is a Philox counter-based generator (Salmon et al. 2011): its key is the
graph's seed, half of its counter the op's seed, the other half counts what was drawn.
TensorFlow 2's stateless kernels take key and counter as arguments, so the same numbers
come out eagerly, in a tf.function and across retracing, and no global seed matters.
XLA's kernels draw other numbers.

Source: tensorflow/core/util/guarded_philox_random.cc, python/framework/random_seed.py.
"""

import tensorflow as tf

PHILOX = 1  # tf.random.Algorithm.PHILOX
DEFAULT_GRAPH_SEED = 87654321  # random_seed.DEFAULT_GRAPH_SEED: only the op was seeded
LARGEST_SEED = 2**31 - 1
# A TF1 kernel reserves 256 outputs of its stream for every element that it fills.
RESERVED_PER_ELEMENT = 256


def op_seeds(seed):
    """(graph seed, op seed) as TF1's kernels received them.

    Args:
        seed: an int, the op's seed in a graph without one, or (graph seed, op seed).

    Raises:
        ValueError: if ``seed`` is neither. Source: random_seed.get_seed.
    """
    pair = seed if isinstance(seed, (tuple, list)) else (DEFAULT_GRAPH_SEED, seed)
    if len(pair) != 2 or not all(
        isinstance(number, int)
        and not isinstance(number, bool)
        and -(2**63) <= number < 2**63
        for number in pair
    ):
        raise ValueError(
            "seed must be an int of 64 bits or a pair (graph seed, op seed) of such. "
            f"Received: {seed!r}. Use for instance (1, 42), the arguments of "
            "tf.set_random_seed and of the op."
        )
    graph_seed, op_seed = (number % LARGEST_SEED for number in pair)
    if (graph_seed, op_seed) == (0, 0):
        return 0, LARGEST_SEED
    return graph_seed, op_seed


def _draw(kernel, shape, seed, drawn, dtype):
    graph_seed, op_seed = op_seeds(seed)
    return kernel(
        shape=shape,
        key=tf.constant([graph_seed], tf.uint64),
        counter=tf.stack([tf.cast(drawn, tf.uint64), tf.constant(op_seed, tf.uint64)]),
        alg=PHILOX,
        dtype=dtype,
    )


def uniform(shape, seed, drawn=0, dtype=tf.float32):
    """[0, 1) of ``shape``, from a stream of which ``drawn`` outputs are used up."""
    return _draw(tf.raw_ops.StatelessRandomUniformV2, shape, seed, drawn, dtype)


def normal(shape, seed, drawn=0, dtype=tf.float32):
    """Standard normal of ``shape``."""
    return _draw(tf.raw_ops.StatelessRandomNormalV2, shape, seed, drawn, dtype)


def truncated_normal(shape, seed, drawn=0, dtype=tf.float32):
    """Standard normal of ``shape``, redrawn beyond two standard deviations."""
    return _draw(tf.raw_ops.StatelessTruncatedNormalV2, shape, seed, drawn, dtype)


def words(number, seed, blocks=0):
    """The next words of a stream, [number] int64 in [0, 2^32).

    Args:
        blocks: of four words each, that are used up.
    """
    kernel = tf.raw_ops.StatelessRandomUniformFullIntV2
    drawn = _draw(kernel, tf.reshape(number, [1]), seed, blocks, tf.uint32)
    return tf.cast(drawn, tf.int64)


def doubles(pairs):
    """[0, 1) in float64 of words [..., 2], as Philox's RandDouble made them.

    Source: tensorflow/core/lib/random/random_distributions.h, Uint64ToDouble.
    """
    high, low = tf.unstack(pairs, axis=-1)
    mantissa = (high % 2**20) * 2**32 + low
    return tf.cast(mantissa, tf.float64) * 2.0**-52
