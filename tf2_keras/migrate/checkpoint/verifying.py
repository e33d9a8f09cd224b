"""Checksums of large tensors, which TensorFlow computes in a tenth of NumPy's time."""

import numpy as np
import tensorflow as tf

from tf2_keras.migrate.checkpoint import reading

AT_LEAST = 2**20  # bytes that are restored together


def verify(checkpoint, names):
    """Fails unless tensors are what their checksums say.

    Args:
        checkpoint: ``partitions.Joined``.
        names: iterable.

    Raises:
        HandoverError: naming the tensor.
    """
    for _ in verified(checkpoint, names):
        pass


def verified(checkpoint, names):
    """Yields (name, array) of tensors whose bytes are what their checksums say.

    Args, Raises: as of ``verify``.
    """
    names = list(names)
    # Together as much as the largest alone: that much memory is needed anyway.
    sizes = [checkpoint.entries[name].nbytes for name in names]
    most, together, size = max([AT_LEAST, *sizes]), [], 0
    for name in names:
        restored = _is_restored(checkpoint, name)
        nbytes = checkpoint.entries[name].nbytes if restored else most
        if together and size + nbytes > most:
            yield from _restored(checkpoint, together)
            together, size = [], 0
        if restored:
            together.append(name)
            size += nbytes
        else:
            yield name, checkpoint.read(name)
    if together:
        yield from _restored(checkpoint, together)


def _is_restored(checkpoint, name):
    """Whether TensorFlow reads a tensor as it is."""
    inner = checkpoint.checkpoint
    whole = name in inner.entries and not inner.entries[name].slices
    return inner.kind == "V2" and whole and checkpoint.entries[name].dtype != "string"


def _restored(checkpoint, names):
    """[(name, array)] of tensors as TensorFlow restores them."""
    prefix = checkpoint.checkpoint.prefix
    dtypes = [tf.as_dtype(checkpoint.entries[name].dtype) for name in names]
    try:
        tensors = tf.raw_ops.RestoreV2(
            prefix=tf.constant(prefix),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            dtypes=dtypes,
        )
    except tf.errors.OpError:
        for name in names:
            checkpoint.verify(name)  # which says what is wrong with it
        raise reading.damaged(prefix, ", ".join(names)) from None
    # Without a copy: a tensor is what its array lies in.
    return [(n, np.asarray(t)) for n, t in zip(names, tensors, strict=True)]
