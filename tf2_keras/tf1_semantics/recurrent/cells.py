"""What TF1's recurrent cells share, and those with one state tensor, as Keras cells.

A cell takes ``(inputs [batch, features], states)`` and returns ``(output, states)``,
as ``keras.layers.RNN`` and ``DynamicRNN`` ask for. Weights are TF1's: one kernel over
inputs and state together, gates in TF1's order, so that a checkpoint's arrays fit.
"""

import contextlib
import contextvars

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import (
    activation_from,
    initializer_from,
    require,
    require_int,
)
from tf2_keras.tf1_semantics.layers.layer import TF1Layer

# {id of a cell: the absolute name scope that its first step opened}, in a network that is
# unrolled; None in a loop, where a cell steps once.
_scopes = contextvars.ContextVar("scopes", default=None)


@contextlib.contextmanager
def unrolling():
    """In it a cell steps in one name scope however often, as a layer of TF1 did.

    The gradients of its weights are then called as in TF1, MatMul_1 beside MatMul, and
    Grappler, which adds three or more by name, adds them in TF1's order.
    """
    token = _scopes.set({})
    try:
        yield
    finally:
        _scopes.reset(token)


@contextlib.contextmanager
def scope_of(cell, name):
    """The name scope of a cell's step."""
    scopes = _scopes.get()
    if scopes is None:
        scopes = {}
    with tf.name_scope(scopes.get(id(cell), name)) as scopes[id(cell)]:
        yield


def require_tuples(state_is_tuple):
    """``state_is_tuple`` is an argument only to be refused."""
    require(
        state_is_tuple is True,
        "state_is_tuple must be True: a state here is a tuple of tensors",
        repr(state_is_tuple),
        "Use True, and split a concatenated state along its columns",
    )


def flat_states(cell, states):
    """The list of a cell's state tensors.

    Raises:
        ValueError: if they are not as many and as wide as ``cell.state_size`` says.
    """
    sizes = tf.nest.flatten(cell.state_size)
    tensors = tf.nest.flatten(states)
    shapes = [tuple(tensor.shape) for tensor in tensors]
    require(
        len(shapes) == len(sizes)
        and all(
            len(shape) == 2 and shape[1] in (None, size)
            for shape, size in zip(shapes, sizes, strict=True)
        ),
        f"states must be of the shapes {[('batch', size) for size in sizes]}",
        repr(shapes),
        "Use get_initial_state(batch_size) of the cell",
    )
    return tensors


class Cell(TF1Layer):
    """What the loops and the wrappers ask of a cell, beyond ``call``.

    state_size: int, or a (nested) tuple of them.
    output_size: int.
    state_is_memory: bools in the structure of ``state_size``: which tensors are an
        LSTM's memory, which a DropoutWrapper's state dropout leaves alone.
    tf1_weights: {name of TF1's variable below the cell's caller: weight}.
    step: what ``call`` does, without Keras's name scopes. Grappler adds the three or
        more gradients of one tensor in the alphabetical order of their ops, so that
        names decide over the last bits; loops and wrappers therefore step, with the
        names that TF1 gave by default.
    """

    state_is_tuple = True  # the only one that is taken

    def call(self, inputs, states, training=False):
        return self.step(inputs, states, training)

    def get_initial_state(self, batch_size=None):
        """Zeros [batch, size] in the structure of ``state_size``."""
        return tf.nest.map_structure(
            lambda size: tf.zeros([batch_size, size], self.compute_dtype),
            self.state_size,
        )

    def compute_output_spec(self, inputs, states, **_):
        output = keras.KerasTensor(
            (*inputs.shape[:-1], self.output_size), self.compute_dtype
        )
        return output, tf.nest.map_structure(
            lambda state: keras.KerasTensor(state.shape, self.compute_dtype), states
        )


class UnitsCell(Cell):
    """A cell with ``num_units`` units and weights of its own.

    A state of one tensor may come as that tensor or in a list, as Keras passes it; new
    states have the structure of the old. ``next_states(inputs, *states)`` is a list of
    the new ones, of which the last is the output.
    """

    scope = None  # of its variables, the layer name that TF1 gave
    state_is_memory = False

    def __init__(self, num_units, activation, **kwargs):
        require_int("num_units", num_units, "a width such as 128", at_least=1)
        super().__init__(**kwargs)
        self.num_units = num_units
        # TF1 took tanh for None, where Keras takes the identity.
        activation = activation_from(
            "activation", "tanh" if activation is None else activation
        )
        require(
            activation is not keras.activations.hard_sigmoid,
            "activation must not be 'hard_sigmoid', whose slope is another in Keras 3",
            "'hard_sigmoid'",
            "Use tf1_semantics.tf_keras.hard_sigmoid, which is 1.15's",
        )
        self.activation = activation

    @property
    def state_size(self):
        return self.num_units

    @property
    def output_size(self):
        return self.num_units

    def step(self, inputs, states, _training):
        with scope_of(self, self.scope):
            new_states = self.next_states(inputs, *flat_states(self, states))
        return new_states[-1], tf.nest.pack_sequence_as(states, new_states)

    def add_kernel(self, shape, initializer, name="kernel"):
        """A weight; TF1 drew what had no initializer by glorot_uniform, each anew."""
        return self.add_weight(
            shape=shape, initializer=initializer or "glorot_uniform", name=name
        )

    def add_bias(self, size, initializer="zeros", name="bias"):
        """A weight, which TF1 started at zero where nothing was said."""
        return self.add_weight(shape=(size,), initializer=initializer, name=name)

    def input_depth(self, input_shape):
        """Number of features of an input [batch, features]."""
        require(
            len(input_shape) == 2 and input_shape[1] is not None,
            "inputs must be of rank 2, [batch, features], with features known",
            repr(tuple(input_shape)),
            "Use DynamicRNN for an input with a time axis",
        )
        return input_shape[1]

    def linear(self, inputs, state, kernel, bias):
        """[inputs, state] @ kernel + bias."""
        return tf.nn.bias_add(tf.matmul(tf.concat([inputs, state], 1), kernel), bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.output_size)

    def tf1_weights(self):
        return {f"{self.scope}/{weight.name}": weight for weight in self.weights}


@keras.saving.register_keras_serializable("tf1_semantics")
class BasicRNNCell(UnitsCell):
    r"""``tf.nn.rnn_cell.BasicRNNCell``: Elman's network, one step.

        h' = activation([x, h] @ kernel + bias)

    Args:
        num_units: width of state and output.
        activation: a Keras activation; None is tanh.
        kernel_initializer: None for a glorot_uniform without seed, TF1's default.

    Input shape: [batch, features]; states: h [batch, units]. Returns: h', h'.
    Raises:
        ValueError: for arguments outside their range, inputs or states of other shapes.
    Source: rnn_cell_impl.BasicRNNCell, 1.15.
    """

    scope = "basic_rnn_cell"

    def __init__(self, num_units, activation="tanh", kernel_initializer=None, **kwargs):
        super().__init__(num_units, activation, **kwargs)
        self.kernel_initializer = initializer_from(
            "kernel_initializer", kernel_initializer, optional=True
        )

    def build(self, input_shape):
        rows = self.input_depth(input_shape) + self.num_units
        self.kernel = self.add_kernel((rows, self.num_units), self.kernel_initializer)
        self.bias = self.add_bias(self.num_units)

    def next_states(self, inputs, h):
        return [self.activation(self.linear(inputs, h, self.kernel, self.bias))]


@keras.saving.register_keras_serializable("tf1_semantics")
class GRUCell(UnitsCell):
    r"""``tf.nn.rnn_cell.GRUCell``: Cho et al. 2014, arXiv:1406.1078.

        r, u = sigmoid([x, h] @ gate_kernel + gate_bias)
        c = activation([x, r * h] @ candidate_kernel + candidate_bias)
        h' = u * h + (1 - u) * c

    The gates' bias starts at one. ``keras.layers.GRU`` by default applies r after the
    product (reset_after=True), which is another function.

    Args:
        num_units: width of state and output.
        activation: a Keras activation; None is tanh.
        kernel_initializer: of both kernels; None for a glorot_uniform without seed.
        bias_initializer: of both biases; None for ones (gates) and zeros (candidate).
        candidate_kernel_initializer: of the candidate's kernel, which TF1 drew by another
            seed where only the graph had one; None for ``kernel_initializer``.

    Input shape: [batch, features]; states: h [batch, units]. Returns: h', h'.
    Raises:
        ValueError: for arguments outside their range, inputs or states of other shapes.
    Source: rnn_cell_impl.GRUCell, 1.15.
    """

    scope = "gru_cell"

    def __init__(
        self,
        num_units,
        activation="tanh",
        kernel_initializer=None,
        bias_initializer=None,
        candidate_kernel_initializer=None,
        **kwargs,
    ):
        super().__init__(num_units, activation, **kwargs)
        self.kernel_initializer = initializer_from(
            "kernel_initializer", kernel_initializer, optional=True
        )
        self.bias_initializer = initializer_from(
            "bias_initializer", bias_initializer, optional=True
        )
        self.candidate_kernel_initializer = initializer_from(
            "candidate_kernel_initializer", candidate_kernel_initializer, optional=True
        )

    def build(self, input_shape):
        rows, units = self.input_depth(input_shape) + self.num_units, self.num_units
        self.gate_kernel = self.add_kernel(
            (rows, 2 * units), self.kernel_initializer, "gate_kernel"
        )
        self.gate_bias = self.add_bias(
            2 * units, self.bias_initializer or "ones", "gate_bias"
        )
        self.candidate_kernel = self.add_kernel(
            (rows, units),
            self.candidate_kernel_initializer or self.kernel_initializer,
            "candidate_kernel",
        )
        self.candidate_bias = self.add_bias(
            units, self.bias_initializer or "zeros", "candidate_bias"
        )

    def next_states(self, inputs, h):
        gates = tf.sigmoid(self.linear(inputs, h, self.gate_kernel, self.gate_bias))
        r, u = tf.split(gates, 2, axis=1)
        c = self.activation(
            self.linear(inputs, r * h, self.candidate_kernel, self.candidate_bias)
        )
        return [u * h + (1 - u) * c]

    def tf1_weights(self):
        return {
            f"{self.scope}/gates/kernel": self.gate_kernel,
            f"{self.scope}/gates/bias": self.gate_bias,
            f"{self.scope}/candidate/kernel": self.candidate_kernel,
            f"{self.scope}/candidate/bias": self.candidate_bias,
        }
