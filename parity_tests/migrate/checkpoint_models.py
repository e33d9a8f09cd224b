"""Small checkpoints and the models that take them, of the claims about hand-overs."""

import keras
import numpy as np

from parity_tests.migrate import written_checkpoints as written
from tf2_keras import tf1_semantics

NUMBERS = np.random.RandomState(0)


def array(*shape):
    return NUMBERS.standard_normal(shape).astype(np.float32)


def checkpoint(tmp_path, tensors, slices=None):
    """The prefix of a checkpoint that holds these arrays."""
    prefix = tmp_path / f"model.ckpt-{len(list(tmp_path.iterdir()))}"
    return written.written(prefix, *written.bundle(tensors, slices))


def compiled(layers, shape, optimizer=None):
    """A built and compiled model of some layers."""
    x = y = keras.Input(shape)
    for layer in layers:
        y = layer(y)
    model = keras.Model(x, y)
    optimizer = optimizer or tf1_semantics.optimizers.GradientDescent(0.1)
    model.compile(optimizer, "mse", jit_compile=False)
    return model


def with_slots(tensors, names=("Adam", "Adam_1")):
    """Tensors with the slots of Adam, and its powers after four steps."""
    slots = {
        f"{name}/{slot}": array(*value.shape)
        for name, value in tensors.items()
        for slot in names
    }
    powers = {f"beta{n}_power": np.float32(b**5) for n, b in ((1, 0.9), (2, 0.999))}
    return {**tensors, **slots, **powers}


def adam(**options):
    return tf1_semantics.optimizers.Adam(0.1, **options)


def slots_by_path(model):
    """{path/slot: array} of an optimizer of tf1_semantics."""
    slots, _ = model.optimizer.tf1_slots()
    return {
        f"{variable.path}/{slot}": slot_variable.numpy()
        for slot, slot_variables in slots.items()
        for slot_variable, variable in zip(
            slot_variables, model.trainable_variables, strict=True
        )
    }


def require_equal(received, expected):
    np.testing.assert_array_equal(
        np.asarray(received), np.asarray(expected), strict=True
    )


def weights(model):
    return {weight.path: weight.numpy() for weight in model.weights}


def ends(named, *parts):
    """The array of the one name that ends so."""
    (value,) = [v for name, v in named.items() if name.endswith("/".join(parts))]
    return value
