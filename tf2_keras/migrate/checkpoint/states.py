"""What a model holds, as a hand-over sees it: its variables, slots and optimizers."""

import keras
import numpy as np

from tf2_keras import training
from tf2_keras.migrate.checkpoint import roles
from tf2_keras.migrate.checkpoint.entries import numpy_dtype
from tf2_keras.migrate.checkpoint.matching import Variable
from tf2_keras.paths import paths_of


def state_of(model, names=None):
    """A ``training.State``, of a model under its Keras paths; a Twin is one itself.

    Args:
        names: as of ``handover.plan``; a rate is among them only if they ask for it.
    """
    if isinstance(model, keras.Model):
        asked = {entry for entry in (names or {}).values() if isinstance(entry, str)}
        scales = (
            variable.path
            for optimizer in training.optimizers_of(model)
            for variable in training.scales_of(optimizer)
        )
        names = {**paths_of(model, asked), **{path: path for path in scales}}
        return training.state_of(model, names)
    return model


def variables_of(state):
    """{name: Variable} of what a ``training.State`` holds without slots and averages."""
    listed = {}
    for name, variable in state.state.items():
        base, _, last = name.rpartition("/")
        is_average = last.startswith(roles.EMA) and base in state.state
        if name in state.slots or is_average or not hasattr(variable, "assign"):
            continue
        listed[name] = Variable(
            tuple(variable.shape), dtype_of(variable), bool(variable.trainable)
        )
    return listed


def dtype_of(variable):
    """NumPy's dtype of a variable, Keras's or TensorFlow's."""
    dtype = variable.dtype
    return numpy_dtype(dtype if isinstance(dtype, str) else dtype.name)


def slot_factor(state, slot):
    """What TF1's slot is multiplied by to be Keras's, or None.

    Keras's SGD folds the rate into its velocity: velocity = -rate * accumulator.
    """
    for optimizer in state.optimizers:
        if slot == "Momentum" and isinstance(optimizer, keras.optimizers.SGD):
            return -np.float32(optimizer.learning_rate)
    return None
