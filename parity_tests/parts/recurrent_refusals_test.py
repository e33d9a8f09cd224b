"""What recurrent parts refuse: shapes, lengths and options that do not fit."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.parts.recurrent_test import LSTM
from parity_tests.parts.recurrent_twins import cell_of_twin
from tf1_graph.parts.recurrent import FEATURES
from tf2_keras import tf1_semantics
from tf2_keras.tf1_semantics.recurrent import (
    BasicLSTMCell,
    BidirectionalDynamicRNN,
    DynamicRNN,
    GRUCell,
)


def a_layer(**options):
    return DynamicRNN(BasicLSTMCell(2), **options)


X = np.ones((2, 5, FEATURES), np.float32)


@pytest.mark.parametrize(
    "x, options, message",
    [
        (
            X,
            {"sequence_length": np.array([5, 6])},
            r"sequence_length must be in \[0, 5\]",
        ),
        (X, {"sequence_length": np.array([-1, 5])}, r"sequence_length must be in"),
        (
            X,
            {"sequence_length": np.array([5])},
            r"sequence_length must be of the shape",
        ),
        (
            X,
            {"sequence_length": np.ones([2, 1], int)},
            r"must be of the shape \[batch\]",
        ),
        (X, {"sequence_length": 5}, r"sequence_length must be of the shape"),
        (X[0], {}, r"inputs must be of rank 3"),
        (X[..., None], {}, r"inputs must be of rank 3"),
        (
            X,
            {"initial_state": [np.zeros((2, 2), "f"), np.zeros((2, 3), "f")]},
            "states must",
        ),
        (X, {"initial_state": np.zeros((2, 2), np.float32)}, r"states must"),
    ],
)
@pytest.mark.parametrize("traced", [False, True], ids=["eager", "function"])
def test_shapes_and_lengths_that_are_known_are_refused(x, options, message, traced):
    layer = a_layer()
    call = functools.partial(layer, x, **options)
    with pytest.raises(
        ValueError, match=rf"{message}[^.]*\. Received: .*\. \w+ "
    ) as raised:
        tf.function(call)() if traced else call()
    assert "must" in str(raised.value)


@pytest.mark.parametrize(
    "lengths, message",
    [([1, 5, 6], "sequence_length must be in"), ([1, 5], "must be of the shape"),
     ([1, 5, -1], "sequence_length must be in")],
)  # fmt: skip
@pytest.mark.parametrize("loop", [DynamicRNN, BidirectionalDynamicRNN])
def test_lengths_known_only_when_run_are_refused_before_anything_changes(
    loop, lengths, message
):
    cells = [
        cell_of_twin(
            (
                "recurrent.DropoutWrapper",
                {"cell": LSTM, "input_keep_prob": 0.5, "seed": seed},
            )
        )
        for seed in range(1 if loop is DynamicRNN else 2)
    ]
    layer = loop(*cells)
    layer.build((None, None, FEATURES))
    optimizer = tf1_semantics.optimizers.Adam(0.1)
    optimizer.build(layer.trainable_variables)
    specs = [tf.TensorSpec([None, None, FEATURES]), tf.TensorSpec([None], tf.int32)]

    @functools.partial(tf.function, input_signature=specs, autograph=False)
    def step(x, lengths):
        with tf.GradientTape() as tape:
            outputs = layer(x, sequence_length=lengths, training=True)
            loss = tf.add_n(
                [tf.reduce_sum(tensor) for tensor in tf.nest.flatten(outputs)]
            )
        variables = layer.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return loss

    x = np.ones((3, 5, FEATURES), np.float32)
    step(x, np.array([0, 5, 3], np.int32))
    state = [*layer.variables, *optimizer.variables]
    before = [variable.numpy() for variable in state]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        step(x, np.array(lengths, np.int32))
    for value, variable in zip(before, state, strict=True):
        np.testing.assert_array_equal(value, variable.numpy(), strict=True)


def test_a_cell_refuses_states_of_another_shape():
    cell = GRUCell(3)
    x = tf.ones([2, FEATURES])
    for state in (
        *(tf.ones([2, 4]), [tf.ones([2, 3])] * 2),
        *(tf.ones([3]), tf.ones([2, 3, 1])),
    ):
        with pytest.raises(
            ValueError, match=r"states must be of the shapes .*Received"
        ):
            cell(x, state)
    for shape in ((None, 5, FEATURES), (FEATURES,), (None, None)):
        with pytest.raises(
            ValueError, match=r"inputs must be of rank 2.*Received.*Use"
        ):
            cell.build(shape)
    for shape in ((None, 5), (None, 5, None), (None, 5, FEATURES, 1)):
        with pytest.raises(
            ValueError, match=r"inputs must be of rank 3.*Received.*set"
        ):
            DynamicRNN(cell).build(shape)


def test_a_residual_cell_refuses_inputs_of_another_width():
    layer = DynamicRNN(tf1_semantics.recurrent.ResidualWrapper(GRUCell(FEATURES + 1)))
    with pytest.raises(
        ValueError, match=r"inputs must be as wide as the outputs, 4\. R"
    ):
        layer.build((None, None, FEATURES))


def test_dropout_is_refused_under_xla():
    spec = (
        "recurrent.DropoutWrapper",
        {"cell": LSTM, "output_keep_prob": 0.5, "seed": 3},
    )
    layer = DynamicRNN(cell_of_twin(spec))
    layer.build((None, None, FEATURES))
    compiled = tf.function(functools.partial(layer, training=True), jit_compile=True)
    with pytest.raises(NotImplementedError, match="jit_compile=False"):
        compiled(tf.ones([2, 5, FEATURES]))
