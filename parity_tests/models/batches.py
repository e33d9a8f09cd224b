"""What batches of a chapter are made of, sparse ones included."""

import numpy as np

from tf2_keras.migrate.checkpoint import streams
from tf2_keras.observing import as_tensor


def batches_of(setup, element, config):
    """[[array] of each move that trains] of one element of a chapter's data set."""
    if hasattr(setup, "moves_of"):
        return [batch.values() for _, batch in setup.moves_of(element, config)]
    parts = element if isinstance(element, tuple) else (element,)
    return [
        [
            array
            for part in parts
            for array in (part.values() if isinstance(part, dict) else [part])
        ]
    ]


def dense(tensor):
    """The array of a tensor; of a sparse one, or of what it is fed, the matrix."""
    if not hasattr(tensor, "dense_shape"):
        return np.asarray(tensor)
    indices, values, shape = (
        np.asarray(part) for part in (tensor.indices, tensor.values, tensor.dense_shape)
    )
    matrix = np.zeros(shape, values.dtype)
    matrix[tuple(indices.T)] = values
    return matrix


def by_part(inputs):
    """{input: value}, sparse ones as the three tensors that an exported graph names."""
    return {
        key + part: getattr(value, part.strip()) if part else value
        for key, value in inputs.items()
        for part in (
            (" indices", " values", " dense_shape")
            if hasattr(value, "dense_shape")
            else ("",)
        )
    }


def examples_of(batch):
    """How many, or the inputs themselves: of sparse ones it counts what is not zero."""
    if not hasattr(batch["x"], "dense_shape"):
        return len(batch["x"])
    return {
        name: as_tensor(value)
        for name, value in batch.items()
        if hasattr(value, "dense_shape")
    }


def runs_of(moves):
    """What TF1 had run: each move on as many examples as its batch has."""
    return [
        streams.Runs(1, examples_of(batch), move == "train")
        for move, batch in moves
        if "x" in batch
    ]
