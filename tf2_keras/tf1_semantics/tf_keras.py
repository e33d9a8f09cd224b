"""tf.keras as TensorFlow 1.15 had it, where today's Keras computes something else.

1.15's ``LSTM`` and ``GRU`` took ``hard_sigmoid`` for their gates where Keras 3 takes
sigmoid, its GRU applied the reset gate before the product, and Keras 3's ``hard_sigmoid``
has another slope. Weights are those of Keras, in its order and with its names: 1.15's
``get_weights()`` fit as they are.
"""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import (
    activation_from,
    require_flags,
    require_int,
    require_one_of,
)
from tf2_keras.tf1_semantics.xla import refuse_xla

# Registered with the module's name, as ``recurrent`` has cells of the same names.
__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "hard_sigmoid"]


@keras.saving.register_keras_serializable("tf1_semantics")
def hard_sigmoid(x):
    """``tf.keras.activations.hard_sigmoid`` of 1.15: 0.2 x + 0.5 within [0, 1].

    Keras 3's is x / 6 + 0.5 within [0, 1]: off by up to 1/12.

    Source: tf.keras.backend.hard_sigmoid, 1.15.
    """
    x = tf.convert_to_tensor(x)
    x = tf.add(tf.multiply(x, constant(0.2, x.dtype)), constant(0.5, x.dtype))
    return tf.clip_by_value(x, 0.0, 1.0)


def _activation(name, identifier):
    """The Keras activation of an argument; "hard_sigmoid" is 1.15's."""
    if identifier == "hard_sigmoid":
        return hard_sigmoid
    return activation_from(name, identifier)


class _Cell(Configured):
    """What both cells share; to be mixed into Keras's own, which has the weights."""

    def __init__(self, units, activation, recurrent_activation, implementation, **rest):
        require_int("units", units, "a width such as 128", at_least=1)
        require_one_of("implementation", implementation, (1, 2), 1)
        super().__init__(
            units,
            activation=_activation("activation", activation),
            recurrent_activation=_activation(
                "recurrent_activation", recurrent_activation
            ),
            **rest,
        )
        # Keras makes 1 of it where there is a recurrent dropout.
        self.implementation = implementation
        self.dropout_mask_count = self.gates

    def call(self, inputs, states, training=False):
        refuse_xla(type(self).__name__)
        masked = [[inputs] * self.gates, [states[0]] * self.gates]
        if training:
            masks = (
                self.get_dropout_mask(inputs),
                self.get_recurrent_dropout_mask(states[0]),
            )
            masked = [
                values
                if mask is None
                else [value * m for value, m in zip(values, mask, strict=True)]
                for values, mask in zip(masked, masks, strict=True)
            ]
        return self.next_states(*masked, states)

    def of_gate(self, weights, number):
        """A gate's columns [..., units] of weights that stand side by side."""
        return weights[..., number * self.units : (number + 1) * self.units]


@keras.saving.register_keras_serializable("tf1_semantics", "tf_keras_LSTMCell")
class LSTMCell(_Cell, keras.layers.LSTMCell):
    r"""``tf.keras.layers.LSTMCell`` of 1.15, with ``hard_sigmoid`` for its gates.

        i, f, o = recurrent_activation(x @ kernel + bias + h @ recurrent_kernel)
        c' = f * c + i * activation(...),   h' = o * activation(c')

    Args:
        units: width of the states.
        activation: of candidate and output.
        recurrent_activation: of the gates; "hard_sigmoid" is 1.15's, any other name
            Keras's.
        implementation: 1 for a product a gate, as 1.15 had it, or 2 for one of all.
        **kwargs: Keras's own arguments, such as use_bias, unit_forget_bias, dropout,
            whose masks 1.15 did not seed: those here are Keras's.

    Input shape: [batch, features]; states: [h, c], [batch, units] each. Returns: h',
    [h', c'].
    Raises:
        ValueError: for arguments outside their range.
        NotImplementedError: under ``jit_compile=True``.
    Source: tf.keras.layers.LSTMCell, 1.15.
    """

    gates = 4

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="hard_sigmoid",
        *,
        implementation=1,
        **kwargs,
    ):
        super().__init__(
            units, activation, recurrent_activation, implementation, **kwargs
        )

    def next_states(self, inputs, h, states):
        if self.implementation == 1:
            kernels = tf.split(self.kernel, 4, axis=1)
            x = [
                tf.matmul(x, kernel) for x, kernel in zip(inputs, kernels, strict=True)
            ]
            if self.use_bias:
                biases = tf.split(self.bias, 4, axis=0)
                x = [tf.nn.bias_add(x, b) for x, b in zip(x, biases, strict=True)]
            z = [None] * 4
        else:
            z = tf.matmul(inputs[0], self.kernel)
            z += tf.matmul(h[0], self.recurrent_kernel)
            if self.use_bias:
                z = tf.nn.bias_add(z, self.bias)
            z = tf.split(z, 4, axis=1)

        def of(number):
            if self.implementation == 2:
                return z[number]
            recurrent = self.of_gate(self.recurrent_kernel, number)
            return x[number] + tf.matmul(h[number], recurrent)

        i = self.recurrent_activation(of(0))
        f = self.recurrent_activation(of(1))
        c = f * states[1] + i * self.activation(of(2))
        o = self.recurrent_activation(of(3))
        h = o * self.activation(c)
        return h, [h, c]


@keras.saving.register_keras_serializable("tf1_semantics", "tf_keras_GRUCell")
class GRUCell(_Cell, keras.layers.GRUCell):
    r"""``tf.keras.layers.GRUCell`` of 1.15, with ``hard_sigmoid`` for its gates.

        z, r = recurrent_activation(x @ kernel + bias + h @ recurrent_kernel)
        h' = z * h + (1 - z) * activation(x @ kernel + bias + (r * h) @ recurrent_kernel)

    Args:
        units, activation, recurrent_activation, implementation: as for ``LSTMCell``.
        reset_after: True for r * (h @ recurrent_kernel), and two biases: Keras 3's
            default, and not 1.15's.
        **kwargs: Keras's own arguments.

    Input shape: [batch, features]; states: [h], [batch, units]. Returns: h', [h'].
    Raises:
        ValueError: for arguments outside their range.
        NotImplementedError: under ``jit_compile=True``.
    Source: tf.keras.layers.GRUCell, 1.15.
    """

    gates = 3

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="hard_sigmoid",
        *,
        implementation=1,
        reset_after=False,
        **kwargs,
    ):
        require_flags(reset_after=reset_after)
        super().__init__(
            units,
            activation,
            recurrent_activation,
            implementation,
            reset_after=reset_after,
            **kwargs,
        )

    def next_states(self, inputs, h, states):
        bias, recurrent_bias = None, None
        if self.use_bias:
            bias = tf.convert_to_tensor(self.bias)
            if self.reset_after:
                bias, recurrent_bias = tf.unstack(bias)
        kernel, recurrent_kernel = self.kernel, self.recurrent_kernel

        def product(x, weights, bias):
            x = tf.matmul(x, weights)
            return x if bias is None else tf.nn.bias_add(x, bias)

        def of(weights, number):
            return None if weights is None else self.of_gate(weights, number)

        def recurrent(number):
            return product(
                h[number], of(recurrent_kernel, number), of(recurrent_bias, number)
            )

        if self.implementation == 1:
            x = [product(inputs[n], of(kernel, n), of(bias, n)) for n in range(3)]
            z, r = (
                self.recurrent_activation(x[n] + inner)
                for n, inner in enumerate([recurrent(0), recurrent(1)])
            )
            if self.reset_after:
                inner = r * recurrent(2)
            else:
                inner = tf.matmul(r * h[2], of(recurrent_kernel, 2))
        else:
            x = tf.split(product(inputs[0], kernel, bias), 3, axis=-1)
            if self.reset_after:
                inner = product(h[0], recurrent_kernel, recurrent_bias)
            else:
                inner = tf.matmul(h[0], recurrent_kernel[:, : 2 * self.units])
            z, r = (
                self.recurrent_activation(x[n] + self.of_gate(inner, n))
                for n in range(2)
            )
            if self.reset_after:
                inner = r * self.of_gate(inner, 2)
            else:
                inner = tf.matmul(r * h[0], of(recurrent_kernel, 2))
        candidate = self.activation(x[2] + inner)
        h = z * states[0] + (1 - z) * candidate
        return h, [h]


class _Loop(Configured, keras.layers.RNN):
    """The layer of a cell: Keras's own loop over time, with its arguments."""

    OF_LOOP = (
        "return_sequences",
        "return_state",
        "go_backwards",
        "stateful",
        "unroll",
        "zero_output_for_mask",
        "activity_regularizer",
        "input_shape",
        "input_dim",
        "name",
    )
    OF_BOTH = ("dtype", "trainable")

    def __init__(self, *arguments, **options):
        of_loop = {name: options.pop(name) for name in self.OF_LOOP if name in options}
        of_loop.update(
            (name, options[name]) for name in self.OF_BOTH if name in options
        )
        super().__init__(self.cell_class(*arguments, **options), **of_loop)

    def get_config(self):
        config = keras.layers.RNN.get_config(self)
        del config["cell"]
        return {**self.cell.get_config(), **config}

    def __getattr__(self, name):
        """Arguments of the cell, as Keras's own layers have them."""
        if name in ("units", "activation", "recurrent_activation", "implementation"):
            return getattr(self.cell, name)
        raise AttributeError(name)


@keras.saving.register_keras_serializable("tf1_semantics", "tf_keras_LSTM")
class LSTM(_Loop):
    """``tf.keras.layers.LSTM`` of 1.15, with ``hard_sigmoid`` for its gates.

    Args:
        units, activation, recurrent_activation, implementation: as for ``LSTMCell``.
        **kwargs: Keras's own arguments, of the cell and of the loop, such as
            return_sequences, go_backwards.

    Input shape: [batch, time, features]. Output: as of ``keras.layers.LSTM``.
    Raises: as ``LSTMCell``.
    Source: tf.keras.layers.LSTM, 1.15.
    """

    cell_class = LSTMCell

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="hard_sigmoid",
        *,
        implementation=1,
        **kwargs,
    ):
        super().__init__(
            units,
            activation,
            recurrent_activation,
            implementation=implementation,
            **kwargs,
        )


@keras.saving.register_keras_serializable("tf1_semantics", "tf_keras_GRU")
class GRU(_Loop):
    """``tf.keras.layers.GRU`` of 1.15, with ``hard_sigmoid`` for its gates.

    Args:
        units, activation, recurrent_activation, implementation, reset_after: as for
            ``GRUCell``.
        **kwargs: Keras's own arguments, of the cell and of the loop.

    Input shape: [batch, time, features]. Output: as of ``keras.layers.GRU``.
    Raises: as ``GRUCell``.
    Source: tf.keras.layers.GRU, 1.15.
    """

    cell_class = GRUCell

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="hard_sigmoid",
        *,
        implementation=1,
        reset_after=False,
        **kwargs,
    ):
        super().__init__(
            units,
            activation,
            recurrent_activation,
            implementation=implementation,
            reset_after=reset_after,
            **kwargs,
        )
