"""Weights of TF1's cells as weights of the stock Keras layers, and back.

For those who prefer ``keras.layers.LSTM`` to TF1's numbers to the bit: the function is
the same, the sums are rounded in another order.
"""

import numpy as np

from tf2_keras.tf1_semantics.errors import require, require_number


def require_weights(weights, bias, gates, names=("kernel", "bias")):
    """Units of TF1's kernel [features + units, gates * units] and bias [gates * units].

    Raises:
        ValueError: if the shapes do not fit together.
    """
    shape = np.shape(weights)
    units = shape[-1] // gates if shape else 0
    require(
        len(shape) == 2
        and units > 0
        and shape[1] == gates * units
        and shape[0] > units,
        f"{names[0]} must be of the shape [features + units, {gates} * units]",
        repr(shape),
        "Use TF1's variable as it is in the checkpoint",
    )
    require(
        np.shape(bias) == (gates * units,),
        f"{names[1]} must be of the shape [{gates} * units], {(gates * units,)}",
        repr(np.shape(bias)),
        "Use TF1's variable as it is in the checkpoint",
    )
    return units


def require_keras_weights(kernel, recurrent_kernel, bias, gates):
    """Units of Keras's kernel [features, gates * units], recurrent and bias.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    shape = np.shape(recurrent_kernel)
    require(
        len(shape) == 2 and shape[0] > 0 and shape[1] == gates * shape[0],
        f"recurrent_kernel must be of the shape [units, {gates} * units]",
        repr(shape),
        "Use the second of get_weights() of the Keras layer",
    )
    require(
        len(np.shape(kernel)) == 2 and np.shape(kernel)[1] == shape[1],
        f"kernel must be of the shape [features, {shape[1]}]",
        repr(np.shape(kernel)),
        "Use the first of get_weights() of the Keras layer",
    )
    require(
        np.shape(bias) == (shape[1],),
        f"bias must be of the shape {(shape[1],)}",
        repr(np.shape(bias)),
        "Use the third of get_weights() of the Keras layer, with use_bias=True and, of "
        "a GRU, reset_after=False",
    )
    return shape[0]


def in_order(array, order):
    """The equal parts of the last axis in another order."""
    parts = np.split(np.asarray(array), len(order), axis=-1)
    return np.concatenate([parts[position] for position in order], axis=-1)


def split_rows(kernel, units):
    """[the rows of the inputs, the rows of the state]."""
    return [kernel[:-units], kernel[-units:]]


def with_forget_bias(bias, forget_bias):
    """Adds to the third of TF1's four gates, in the dtype of ``bias``."""
    bias = np.asarray(bias)
    if forget_bias == 0:
        return bias  # a sum would make 0.0 of -0.0
    i, j, f, o = np.split(bias, 4)
    return np.concatenate([i, j, f + f.dtype.type(forget_bias), o])


SWAP_MIDDLE = (0, 2, 1, 3)  # TF1's i, j, f, o and Keras's i, f, j, o


def lstm_weights_to_keras(kernel, bias, forget_bias=1.0):
    """Weights of a BasicLSTMCell or plain LSTMCell for ``keras.layers.LSTM``.

    Args:
        kernel: array [features + units, 4 * units], gates i, j, f, o.
        bias: array [4 * units].
        forget_bias: of the TF1 cell, which added it at every step; Keras has it in the
            bias, where it is rounded once.

    Returns: for ``set_weights``: [kernel [features, 4 * units], recurrent kernel
    [units, 4 * units], bias], gates i, f, j, o.
    Raises:
        ValueError: for other shapes.
    Source: rnn_cell_impl.BasicLSTMCell.call, 1.15; keras.layers.LSTMCell.call.
    """
    units = require_weights(kernel, bias, 4)
    require_number("forget_bias", forget_bias, 1.0)
    return [
        *split_rows(in_order(kernel, SWAP_MIDDLE), units),
        in_order(with_forget_bias(bias, forget_bias), SWAP_MIDDLE),
    ]


def lstm_weights_from_keras(kernel, recurrent_kernel, bias, forget_bias=1.0):
    """Weights of ``keras.layers.LSTM`` for a BasicLSTMCell or plain LSTMCell.

    Args:
        kernel, recurrent_kernel, bias: ``get_weights()`` of the layer.
        forget_bias: of the TF1 cell. With 0.0 every number stays as it is; another one
            is subtracted from the bias, which is then rounded.

    Returns: [kernel [features + units, 4 * units], bias [4 * units]].
    Raises:
        ValueError: for other shapes.
    Source: as lstm_weights_to_keras.
    """
    require_keras_weights(kernel, recurrent_kernel, bias, 4)
    require_number("forget_bias", forget_bias, 1.0)
    return [
        in_order(np.concatenate([kernel, recurrent_kernel]), SWAP_MIDDLE),
        with_forget_bias(in_order(bias, SWAP_MIDDLE), -forget_bias),
    ]


def require_reset_before(reset_after):
    """TF1's GRU resets the state before the product."""
    require(
        reset_after is False,
        "reset_after must be False: TF1 resets the state before the product, and no "
        "weights make the other formula compute the same",
        repr(reset_after),
        "Make the layer with keras.layers.GRU(units, reset_after=False)",
    )


def gru_weights_to_keras(
    gate_kernel, gate_bias, candidate_kernel, candidate_bias, reset_after=False
):
    """Weights of a GRUCell for ``keras.layers.GRU(units, reset_after=False)``.

    Args:
        gate_kernel: array [features + units, 2 * units], gates r, u.
        gate_bias: array [2 * units].
        candidate_kernel: array [features + units, units].
        candidate_bias: array [units].
        reset_after: of the Keras layer, whose default True is refused.

    Returns: for ``set_weights``: [kernel [features, 3 * units], recurrent kernel
    [units, 3 * units], bias [3 * units]], gates z = u, r, h.
    Raises:
        ValueError: for other shapes, or for reset_after=True.
    Source: rnn_cell_impl.GRUCell.call, 1.15; keras.layers.GRUCell.call.
    """
    require_reset_before(reset_after)
    units = require_weights(gate_kernel, gate_bias, 2, ("gate_kernel", "gate_bias"))
    require_weights(
        candidate_kernel, candidate_bias, 1, ("candidate_kernel", "candidate_bias")
    )
    require(
        np.shape(candidate_kernel) == (np.shape(gate_kernel)[0], units),
        f"candidate_kernel must be of the shape {(np.shape(gate_kernel)[0], units)}",
        repr(np.shape(candidate_kernel)),
        "Use the variables of one and the same cell",
    )
    kernel = np.concatenate([in_order(gate_kernel, (1, 0)), candidate_kernel], axis=1)
    bias = np.concatenate([in_order(gate_bias, (1, 0)), candidate_bias])
    return [*split_rows(kernel, units), bias]


def gru_weights_from_keras(kernel, recurrent_kernel, bias, reset_after=False):
    """Weights of ``keras.layers.GRU(units, reset_after=False)`` for a GRUCell.

    Args:
        kernel, recurrent_kernel, bias: ``get_weights()`` of the layer.
        reset_after: of the Keras layer, whose default True is refused.

    Returns: [gate kernel, gate bias, candidate kernel, candidate bias].
    Raises:
        ValueError: for other shapes, such as the bias [2, 3 * units] of
            reset_after=True.
    Source: as gru_weights_to_keras.
    """
    require_reset_before(reset_after)
    units = require_keras_weights(kernel, recurrent_kernel, bias, 3)
    together = np.concatenate([kernel, recurrent_kernel])
    return [
        in_order(together[:, : 2 * units], (1, 0)),
        in_order(np.asarray(bias)[: 2 * units], (1, 0)),
        together[:, 2 * units :],
        np.asarray(bias)[2 * units :],
    ]


def basic_rnn_weights_to_keras(kernel, bias):
    """Weights of a BasicRNNCell for ``keras.layers.SimpleRNN``.

    Args:
        kernel: array [features + units, units].
        bias: array [units].

    Returns: for ``set_weights``: [kernel [features, units], recurrent kernel [units,
    units], bias].
    Raises:
        ValueError: for other shapes.
    Source: rnn_cell_impl.BasicRNNCell.call, 1.15; keras.layers.SimpleRNNCell.call.
    """
    units = require_weights(kernel, bias, 1)
    return [*split_rows(np.asarray(kernel), units), np.asarray(bias)]


def basic_rnn_weights_from_keras(kernel, recurrent_kernel, bias):
    """Weights of ``keras.layers.SimpleRNN`` for a BasicRNNCell.

    Args:
        kernel, recurrent_kernel, bias: ``get_weights()`` of the layer.

    Returns: [kernel [features + units, units], bias [units]].
    Raises:
        ValueError: for other shapes.
    Source: as basic_rnn_weights_to_keras.
    """
    require_keras_weights(kernel, recurrent_kernel, bias, 1)
    return [np.concatenate([kernel, recurrent_kernel]), np.asarray(bias)]
