"""What a step of a twin is seen to do, without a change to its code."""

import contextlib

import numpy as np
import tensorflow as tf
from tensorflow.python.ops.resource_variable_ops import ResourceVariable


@contextlib.contextmanager
def replaced(instance, **attributes):
    """Attributes of one instance replaced, past whatever tracks its attributes."""
    kept = {name: vars(instance)[name] for name in attributes if name in vars(instance)}
    vars(instance).update(attributes)
    try:
        yield
    finally:
        for name in attributes:
            vars(instance).pop(name, None)
        vars(instance).update(kept)


@contextlib.contextmanager
def observed_gradients(optimizers):
    """Yields {id of a variable: gradient} of what is applied until the end of this.

    It is the gradient that the update gets, after any clipping; where the update is in
    a branch of its own, as when gradients are accumulated, what ``apply`` was given.
    """
    gradients = {}

    def observe(optimizer):
        apply, update_step = optimizer.apply, optimizer.update_step

        def observed_apply(grads, trainable_variables=None):
            grads = list(grads)
            variables = trainable_variables
            if variables is None:
                variables = optimizer._trainable_variables
            # As Keras pairs them: what has no counterpart is not applied.
            for gradient, variable in zip(grads, variables, strict=False):
                if gradient is not None:
                    gradients[key_of(variable)] = gradient
            return apply(grads, trainable_variables)

        def observed_update_step(gradient, variable, learning_rate):
            known = gradients.get(key_of(variable))
            if known is not None and _graph(known) is _graph(gradient):
                gradients[key_of(variable)] = gradient
            return update_step(gradient, variable, learning_rate)

        return replaced(
            optimizer, apply=observed_apply, update_step=observed_update_step
        )

    with contextlib.ExitStack() as stack:
        for optimizer in optimizers:
            stack.enter_context(observe(optimizer))
        yield gradients


def key_of(variable):
    """What a Keras variable and the TensorFlow variable in it have in common."""
    return id(getattr(variable, "_value", variable))


def _graph(gradient):
    return getattr(getattr(gradient, "values", gradient), "graph", None)


@contextlib.contextmanager
def observed_loss(model, losses, outputs=None):
    """Puts what the model's ``compute_loss`` returns into ``losses``.

    Args:
        outputs: a dictionary for what it was given of a model with named outputs.
    """
    compute_loss = model.compute_loss

    def observed(x=None, y=None, y_pred=None, *arguments, **options):
        if outputs is not None and isinstance(y_pred, dict):
            outputs.update(y_pred)
        losses["loss"] = compute_loss(x, y, y_pred, *arguments, **options)
        return losses["loss"]

    with replaced(model, compute_loss=observed):
        yield


def as_tensor(value, dtype=None):
    """A tensor of an array, in a dtype; of what has a ``dense_shape``, a sparse one."""
    if isinstance(value, np.ndarray) and dtype is not None and dtype != tf.string:
        # By far the most common, and past the registry of what can be converted.
        return tf.constant(np.asarray(value, dtype.as_numpy_dtype), dtype)
    if hasattr(value, "dense_shape"):
        return tf.SparseTensor(value.indices, value.values, value.dense_shape)
    if tf.is_tensor(value):
        return value if dtype in (None, value.dtype) else tf.cast(value, dtype)
    if dtype not in (None, tf.string):
        value = np.asarray(value, dtype.as_numpy_dtype)
    return tf.convert_to_tensor(value)


def in_parts(named):
    """What is sparse as its parts, ``table values`` and ``table indices``."""
    parts = {}
    for name, value in named.items():
        if hasattr(value, "indices"):
            parts[f"{name} values"], parts[f"{name} indices"] = (
                value.values,
                value.indices,
            )
        else:
            parts[name] = value
    return parts


def plain(named):
    """{name: array} of tensors and variables by name, sparse ones in parts."""
    return {name: _array(value) for name, value in in_parts(named).items()}


def _array(value):
    """What a tensor or a variable holds now."""
    variable = getattr(value, "_value", value)  # that of a Keras variable
    if isinstance(variable, ResourceVariable):
        # By the op alone: what else its numpy() does costs four times as much, which is
        # most of what it takes to record a small step.
        value = tf.raw_ops.ReadVariableOp(
            resource=variable.handle, dtype=variable.dtype
        )
    return value.numpy() if hasattr(value, "numpy") else np.asarray(value)
