"""TF1's LSTM cells as Keras ones; see ``cells``."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import (
    initializer_from,
    require_flags,
    require_int,
    require_not_negative,
    require_number,
)
from tf2_keras.tf1_semantics.recurrent.cells import UnitsCell, require_tuples


@keras.saving.register_keras_serializable("tf1_semantics")
class BasicLSTMCell(UnitsCell):
    r"""``tf.nn.rnn_cell.BasicLSTMCell``: Zaremba et al. 2014, arXiv:1409.2329.

        i, j, f, o = [x, h] @ kernel + bias
        c' = c * sigmoid(f + forget_bias) + sigmoid(i) * activation(j)
        h' = activation(c') * sigmoid(o)

    ``forget_bias`` is added at every step and no part of the weights. Keras's
    unit_forget_bias is an initial value of the weights, and its states are (h, c).

    Args:
        num_units: width of state and output.
        forget_bias: a number; 0.0 for weights trained by CudnnLSTM.
        state_is_tuple: True; TF1's concatenated states are refused.
        activation: a Keras activation; None is tanh.
        kernel_initializer: None for a glorot_uniform without seed, TF1's default.

    Input shape: [batch, features]; states: (c, h), [batch, units] each.
    Returns: h', (c', h').
    Raises:
        ValueError: for arguments outside their range, inputs or states of other shapes.
    Source: rnn_cell_impl.BasicLSTMCell, 1.15.
    """

    scope = "basic_lstm_cell"
    state_is_memory = (True, False)

    def __init__(
        self,
        num_units,
        forget_bias=1.0,
        state_is_tuple=True,
        activation="tanh",
        kernel_initializer=None,
        **kwargs,
    ):
        require_number("forget_bias", forget_bias, 1.0)
        require_tuples(state_is_tuple)
        super().__init__(num_units, activation, **kwargs)
        self.forget_bias = forget_bias
        self.kernel_initializer = initializer_from(
            "kernel_initializer", kernel_initializer, optional=True
        )

    @property
    def state_size(self):
        return self.num_units, self.num_units

    def build(self, input_shape):
        rows = self.input_depth(input_shape) + self.num_units
        self.kernel = self.add_kernel(
            (rows, 4 * self.num_units), self.kernel_initializer
        )
        self.bias = self.add_bias(4 * self.num_units)

    def next_states(self, inputs, c, h):
        i, j, f, o = tf.split(self.linear(inputs, h, self.kernel, self.bias), 4, axis=1)
        c = c * tf.sigmoid(f + self.forget_bias) + tf.sigmoid(i) * self.activation(j)
        return [c, self.activation(c) * tf.sigmoid(o)]


@keras.saving.register_keras_serializable("tf1_semantics")
class LSTMCell(UnitsCell):
    r"""``tf.nn.rnn_cell.LSTMCell``: Sak et al. 2014, arXiv:1402.1128, section 2.

        i, j, f, o = [x, h] @ kernel + bias
        c' = sigmoid(f + forget_bias + w_f * c) * c
             + sigmoid(i + w_i * c) * activation(j)                 within cell_clip
        h' = (sigmoid(o + w_o * c') * activation(c')) @ projection  within proj_clip

    The w are the peepholes; without them, without a projection, without clips those
    terms fall away.

    Args:
        num_units: width of the memory c.
        use_peepholes: whether the gates see the memory.
        cell_clip: None, or the largest magnitude of c'.
        initializer: of kernel, peepholes and projection; None for a glorot_uniform
            without seed, TF1's default. ``keras.layers.LSTM`` draws the state's rows of
            the kernel orthogonal, and the others from a wider range.
        num_proj: None, or the width of h.
        proj_clip: None, or the largest magnitude of a projected h.
        forget_bias: a number; 0.0 for weights trained by CudnnLSTM.
        state_is_tuple: True; TF1's concatenated states are refused.
        activation: a Keras activation; None is tanh.

    Input shape: [batch, features]; states: (c [batch, num_units], h [batch, num_proj or
    num_units]). Returns: h', (c', h').
    Raises:
        ValueError: for arguments outside their range, inputs or states of other shapes.
    Source: rnn_cell_impl.LSTMCell, 1.15.
    """

    scope = "lstm_cell"
    state_is_memory = (True, False)

    def __init__(
        self,
        num_units,
        use_peepholes=False,
        cell_clip=None,
        initializer=None,
        num_proj=None,
        proj_clip=None,
        forget_bias=1.0,
        state_is_tuple=True,
        activation="tanh",
        **kwargs,
    ):
        require_flags(use_peepholes=use_peepholes)
        if cell_clip is not None:
            require_not_negative("cell_clip", cell_clip, "None or 50.0")
        if num_proj is not None:
            require_int("num_proj", num_proj, "None or a width such as 64", at_least=1)
        if proj_clip is not None:
            require_not_negative("proj_clip", proj_clip, "None or 50.0")
        require_number("forget_bias", forget_bias, 1.0)
        require_tuples(state_is_tuple)
        super().__init__(num_units, activation, **kwargs)
        self.use_peepholes = use_peepholes
        self.cell_clip = cell_clip
        self.initializer = initializer_from("initializer", initializer, optional=True)
        self.num_proj = num_proj
        self.proj_clip = proj_clip
        self.forget_bias = forget_bias

    @property
    def state_size(self):
        return self.num_units, self.output_size

    @property
    def output_size(self):
        return self.num_units if self.num_proj is None else self.num_proj

    def build(self, input_shape):
        rows, units = self.input_depth(input_shape) + self.output_size, self.num_units
        self.kernel = self.add_kernel((rows, 4 * units), self.initializer)
        self.bias = self.add_bias(4 * units)
        if self.use_peepholes:
            self.w_f_diag, self.w_i_diag, self.w_o_diag = (
                self.add_kernel((units,), self.initializer, f"w_{gate}_diag")
                for gate in "fio"
            )
        if self.num_proj is not None:
            self.projection_kernel = self.add_kernel(
                (units, self.num_proj), self.initializer, "projection_kernel"
            )

    def next_states(self, inputs, c, h):
        i, j, f, o = tf.split(self.linear(inputs, h, self.kernel, self.bias), 4, axis=1)
        f = f + self.forget_bias
        if self.use_peepholes:
            # Tensors, for Keras's variables name their products otherwise.
            w_f, w_i, w_o = (
                tf.convert_to_tensor(weight)
                for weight in (self.w_f_diag, self.w_i_diag, self.w_o_diag)
            )
            c = tf.sigmoid(f + w_f * c) * c + tf.sigmoid(i + w_i * c) * self.activation(
                j
            )
        else:
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * self.activation(j)
        if self.cell_clip is not None:
            c = tf.clip_by_value(c, -self.cell_clip, self.cell_clip)
        if self.use_peepholes:
            o = o + w_o * c
        h = tf.sigmoid(o) * self.activation(c)
        if self.num_proj is not None:
            h = tf.matmul(h, self.projection_kernel)
            if self.proj_clip is not None:
                h = tf.clip_by_value(h, -self.proj_clip, self.proj_clip)
        return [c, h]

    def tf1_weights(self):
        return {
            name.replace("projection_", "projection/"): weight
            for name, weight in super().tf1_weights().items()
        }
