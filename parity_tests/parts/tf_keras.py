"""Descriptors of tf1_semantics.tf_keras, and their twins."""

import functools

import keras
import numpy as np
import tensorflow as tf

from parity_tests.parts import recurrent_twins
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import cases
from tf1_graph.parts import recurrent as tf1_recurrent
from tf1_graph.parts import tf_keras as tf1_keras
from tf2_keras.tf1_semantics import tf_keras


def twin(part, arguments, problem):
    """The twin of ``tf1_keras.program``."""
    if part == "tf_keras.hard_sigmoid":
        return recurrent_twins.twin_of(
            lambda inputs, _training: [tf_keras.hard_sigmoid(inputs["x"])], {}, []
        )
    return of_layer(made(part, {**arguments, "dtype": problem["dtype"]}))


def of_layer(layer):
    """The twin that a cell is, or a layer."""
    is_cell = hasattr(layer, "state_size") and not hasattr(layer, "cell")
    layer.build((None,) * (1 if is_cell else 2) + (tf1_keras.FEATURES,))

    def run(inputs, training):
        if is_cell:
            states = recurrent_twins.numbered(inputs, "initial")
            return tf.nest.flatten(layer(inputs["x"], states, training=training))
        mask = inputs.get("mask")
        return tf.nest.flatten(layer(inputs["x"], mask=mask, training=training))

    # Where a dropout's stream is, is no variable of TF1's.
    weights = {
        f"layer/{weight.name}": weight
        for weight in layer.weights
        if weight.dtype.startswith("float")
    }
    return recurrent_twins.twin_of(run, weights, layer.variables, as_tf1=is_cell)


UNITS = 5


def _off(part, naive, **arguments):
    """{1: error} of a Keras object in place of a part, on the same weights."""
    problem = {"dtype": "float32", "mask": False, "start": False}
    if part != "tf_keras.hard_sigmoid":
        arguments["units"] = UNITS
    program = tf1_keras.program(part, arguments, problem)
    values = tf1_recurrent.values_of(program)
    batch, _ = tf1_keras.batches(program, part, problem)
    _, record = session.play(program, [("predict", batch)], values)
    expected = record["outputs"]["output or state 0"]
    if isinstance(naive, type) and issubclass(naive, keras.layers.Layer):
        layer = naive(UNITS)
        layer.build(batch["x"].shape)
        weights = list(values.values())
        if getattr(layer, "reset_after", False) or getattr(
            getattr(layer, "cell", None), "reset_after", False
        ):  # as if the second bias were just zeros
            weights[-1] = np.stack([weights[-1], 0 * weights[-1]])
        layer.set_weights(weights)
        states = [batch[name] for name in batch if name.startswith("initial")]
        received = tf.nest.flatten(
            layer(batch["x"], states) if states else layer(batch["x"])
        )[0]
    else:
        received = naive(batch["x"])
    return {1: relative_error(expected, np.asarray(received))}


def _trap(name, at_least):
    return Trap(
        write=f"keras.layers.{name}(units)",
        off=functools.partial(_off, f"tf_keras.{name}", getattr(keras.layers, name)),
        at_least={1: at_least},
        instead=f"tf1_semantics.tf_keras.{name}(units)",
    )


PROOF = "parity_tests/parts/tf_keras_test.py::test_numbers_are_those_of_tf1"


def _part(name, at_least):
    part = f"tf_keras.{name}"
    samples = tuple(
        {
            argument: made(*value) if isinstance(value, tuple) else value
            for argument, value in arguments.items()
        }
        for arguments in cases.samples(tf1_keras.CASES, part)
    )
    flags = [(flag, "yes") for flag in ("reset_after",) if "GRU" in name]
    wrong = [("units", 0), ("units", 2.0), ("implementation", 0), *flags]
    wrong += [("activation", "tan"), ("recurrent_activation", "hard")]
    return Part(
        name=part,
        tf1=tf1_keras.SYMBOLS[part],
        proof=PROOF,
        samples=samples,
        refused=tuple(
            ({"units": 3, argument: value}, argument) for argument, value in wrong
        ),
        traps=(_trap(name, at_least),),
    )


PARTS = (
    Part(
        name="tf_keras.hard_sigmoid",
        tf1=tf1_keras.SYMBOLS["tf_keras.hard_sigmoid"],
        proof=PROOF,
        traps=(
            Trap(
                write="keras.activations.hard_sigmoid(x)",
                off=functools.partial(
                    _off, "tf_keras.hard_sigmoid", keras.activations.hard_sigmoid
                ),
                at_least={1: 0.05},
                instead="tf1_semantics.tf_keras.hard_sigmoid(x)",
            ),
        ),
    ),
    _part("LSTMCell", 0.01),
    _part("GRUCell", 0.05),
    _part("LSTM", 0.01),
    _part("GRU", 0.05),
)
