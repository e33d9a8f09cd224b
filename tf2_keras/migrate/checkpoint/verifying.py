"""Checksums of large tensors, which TensorFlow computes in a tenth of NumPy's time."""

import tensorflow as tf

from tf2_keras.migrate.checkpoint import reading

LARGE = 2**16  # bytes


def verify(checkpoint, name):
    """Fails unless a tensor is what its checksums say; a large one TensorFlow reads.

    Args:
        checkpoint: ``partitions.Joined``.

    Raises:
        HandoverError: naming the tensor.
    """
    inner, entry = checkpoint.checkpoint, checkpoint.entries[name]
    whole = name in inner.entries and not inner.entries[name].slices
    if inner.kind != "V2" or not whole or entry.nbytes < LARGE:
        checkpoint.verify(name)
        return
    try:
        tf.raw_ops.RestoreV2(
            prefix=tf.constant(inner.prefix),
            tensor_names=[name],
            shape_and_slices=[""],
            dtypes=[tf.as_dtype(entry.dtype)],
        )
    except tf.errors.OpError:
        checkpoint.verify(name)  # which says what is wrong with it
        raise reading.damaged(inner.prefix, name) from None
