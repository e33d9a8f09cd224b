"""TF1's cells around other cells: dropout, residual connections, stacks."""

import hashlib

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.errors import (
    require,
    require_flags,
    require_one_of,
    require_share_kept,
)
from tf2_keras.tf1_semantics.layers.dropout import SCALINGS, Dropout
from tf2_keras.tf1_semantics.recurrent.cells import (
    Cell,
    flat_states,
    require_tuples,
    scope_of,
)


def require_cell(name, cell):
    """``cell`` must be one of this package, or be a layer with all that those have."""
    require(
        isinstance(cell, Cell),
        f"{name} must be a cell of tf1_semantics.recurrent",
        repr(cell),
        "Use for instance BasicLSTMCell(128)",
    )


class CellAround(Cell):
    """A cell around one other, whose sizes and variables are its own."""

    def __init__(self, cell, **kwargs):
        require_cell("cell", cell)
        super().__init__(**kwargs)
        self.cell = cell

    @property
    def state_size(self):
        return self.cell.state_size

    @property
    def output_size(self):
        return self.cell.output_size

    @property
    def state_is_memory(self):
        return self.cell.state_is_memory

    def get_initial_state(self, batch_size=None):
        return self.cell.get_initial_state(batch_size)

    def build(self, input_shape):
        if not self.cell.built:
            self.cell.build(input_shape)

    def tf1_weights(self):
        return self.cell.tf1_weights()  # TF1's wrappers opened no scope


@keras.saving.register_keras_serializable("tf1_semantics")
class DropoutWrapper(CellAround):
    """``tf.nn.rnn_cell.DropoutWrapper``: other masks at every time step.

    State dropout leaves an LSTM's memory c alone, and the output is dropped apart from
    the state h that equals it. Each mask has a stream of its own, keyed as TF1 did by
    a hash of the seed and of what is dropped; its position is a weight.

    In TF1's loop the steps drew their masks in the order in which they happened to run,
    so that even TF1 did not repeat them, but for ``parallel_iterations=1``: those masks
    are drawn here.

    Args:
        cell: a cell of this package.
        input_keep_prob, output_keep_prob, state_keep_prob: shares kept, in (0, 1].
        variational_recurrent: False; TF1's masks that stay for a sequence are refused.
        seed: (graph seed, the wrapper's seed), or the wrapper's seed alone. Of a wrapper
            without a seed, in a graph with one: {name of a dropout: (graph seed, op
            seed)}, as ``tf-parity seeds`` lists them. The names are input_0, output_0
            and state_N, where N counts the cell's tensors of state.
        fed: True if the TF1 program fed its shares, all three, through placeholders;
            see ``layers.Dropout``.
        scaling: '1.15' or 'compat.v1': whose; see ``layers.Dropout``.

    Input shape, states and outputs: the cell's.
    Raises:
        ValueError: for arguments outside their range.
        NotImplementedError: under ``jit_compile=True``, which draws other numbers.
    Source: rnn_cell_wrapper_impl.DropoutWrapperBase, 1.15.
    """

    variational_recurrent = False  # the only one that is taken

    def __init__(
        self,
        cell,
        input_keep_prob=1.0,
        output_keep_prob=1.0,
        state_keep_prob=1.0,
        variational_recurrent=False,
        *,
        seed,
        fed=False,
        scaling="1.15",
        **kwargs,
    ):
        require_share_kept("input_keep_prob", input_keep_prob)
        require_share_kept("output_keep_prob", output_keep_prob)
        require_share_kept("state_keep_prob", state_keep_prob)
        require(
            variational_recurrent is False,
            "variational_recurrent must be False: a mask here lasts one time step",
            repr(variational_recurrent),
            "Use the dropout of keras.layers.LSTMCell, "
            "whose mask lasts a sequence but holds other numbers",
        )
        if not isinstance(seed, dict):
            philox.op_seeds(seed)
        require_flags(fed=fed)
        require_one_of("scaling", scaling, SCALINGS, "1.15")
        super().__init__(cell, **kwargs)
        self.input_keep_prob = input_keep_prob
        self.output_keep_prob = output_keep_prob
        self.state_keep_prob = state_keep_prob
        self.seed = seed
        self.fed = fed
        self.scaling = scaling
        self._input_dropout = self._dropout("input", 0, input_keep_prob)
        self._state_dropouts = [
            self._dropout("state", number, state_keep_prob)
            for number, memory in enumerate(tf.nest.flatten(cell.state_is_memory))
            if not memory
        ]
        self._output_dropout = self._dropout("output", 0, output_keep_prob)
        known = [dropout.name.replace("_dropout", "") for dropout in self._dropouts()]
        named = list(seed) if isinstance(seed, dict) else []
        require(
            set(named) <= set(known),
            "seed must name dropouts that there are",
            ", ".join(map(repr, named)),
            f"Use some of: {', '.join(known)}",
        )

    def _seed_of(self, name):
        """The op's seed, or its pair; None of a name without one. Source: _gen_seed."""
        if isinstance(self.seed, dict):
            return self.seed.get(name)
        *graph_seed, own_seed = (
            self.seed if isinstance(self.seed, (tuple, list)) else [self.seed]
        )
        digest = hashlib.md5(f"{own_seed}{name}".encode()).hexdigest()
        hashed = int(digest[:8], 16) & 0x7FFFFFFF
        return (*graph_seed, hashed) if graph_seed else hashed

    def _dropout(self, what, number, keep_prob):
        """A layer on TF1's stream for one tensor, or None."""
        if keep_prob == 1 and not self.fed:
            return None  # TF1 had no op for it
        seed = self._seed_of(f"{what}_{number}")
        if seed is None:  # where nothing is dropped, other shares were fed
            require(
                keep_prob == 1,
                "seed must be one for all, or have one for each dropout",
                f"{self.seed!r} without {what}_{number}",
                "Use the pairs that tf-parity seeds lists",
            )
            return None
        if not self.fed:
            keep_prob = float(np.float32(keep_prob))  # TF1 made a tensor of it first
        return Dropout(
            keep_prob,
            seed,
            fed=self.fed,
            scaling=self.scaling,
            name=f"{what}_dropout_{number}",
            dtype=self.dtype_policy,
        )

    def _dropouts(self):
        layers = (self._input_dropout, *self._state_dropouts, self._output_dropout)
        return [dropout for dropout in layers if dropout is not None]

    def build(self, input_shape):
        super().build(input_shape)
        for dropout in self._dropouts():
            dropout.build(None)  # its weight is a position, whatever the shape

    def step(self, inputs, states, training):
        def dropped(dropout, x):
            if dropout is None:
                return x
            with tf.name_scope("dropout"):  # TF1's name, see Cell
                return dropout(x, training=training)

        inputs = dropped(self._input_dropout, inputs)
        output, states = self.cell.step(inputs, states, training)
        dropouts = iter(self._state_dropouts)
        flat = [
            state if memory else dropped(next(dropouts), state)
            for state, memory in zip(
                tf.nest.flatten(states),
                tf.nest.flatten(self.cell.state_is_memory),
                strict=True,
            )
        ]
        output = dropped(self._output_dropout, output)
        return output, tf.nest.pack_sequence_as(states, flat)


@keras.saving.register_keras_serializable("tf1_semantics")
class ResidualWrapper(CellAround):
    """``tf.nn.rnn_cell.ResidualWrapper``: the inputs are added to the cell's outputs.

    Args:
        cell: a cell of this package, whose outputs are as wide as its inputs.

    Input shape, states and outputs: the cell's.
    Raises:
        ValueError: if the widths of inputs and outputs differ.
    Source: rnn_cell_wrapper_impl.ResidualWrapperBase, 1.15, without residual_fn.
    """

    def build(self, input_shape):
        require(
            input_shape[-1] == self.output_size,
            f"inputs must be as wide as the outputs, {self.output_size}",
            repr(tuple(input_shape)),
            "Use a cell with as many units as features",
        )
        super().build(input_shape)

    def step(self, inputs, states, training):
        output, states = self.cell.step(inputs, states, training)
        return inputs + output, states


@keras.saving.register_keras_serializable("tf1_semantics")
class MultiRNNCell(Cell):
    """``tf.nn.rnn_cell.MultiRNNCell``: each cell's output is the next one's input.

    Args:
        cells: a list of cells of this package.
        state_is_tuple: True; TF1's concatenated states are refused.

    Input shape: the first cell's; states: a tuple of the cells' states.
    Returns: the last cell's output, the new states.
    Raises:
        ValueError: if ``cells`` is no list, is empty, or holds something else.
    Source: rnn_cell_impl.MultiRNNCell, 1.15.
    """

    def __init__(self, cells, state_is_tuple=True, **kwargs):
        require(
            isinstance(cells, (list, tuple))
            and len(cells) > 0
            and all(isinstance(cell, Cell) for cell in cells),
            "cells must be a list of cells of tf1_semantics.recurrent, and not empty",
            repr(cells),
            "Use for instance [BasicLSTMCell(128), BasicLSTMCell(64)]",
        )
        require_tuples(state_is_tuple)
        super().__init__(**kwargs)
        self.cells = list(cells)

    @property
    def state_size(self):
        return tuple(cell.state_size for cell in self.cells)

    @property
    def output_size(self):
        return self.cells[-1].output_size

    @property
    def state_is_memory(self):
        return tuple(cell.state_is_memory for cell in self.cells)

    def get_initial_state(self, batch_size=None):
        return tuple(cell.get_initial_state(batch_size) for cell in self.cells)

    def build(self, input_shape):
        for cell in self.cells:
            if not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], cell.output_size)

    def step(self, inputs, states, training):
        sizes = self.state_size
        by_cell = tf.nest.pack_sequence_as(sizes, flat_states(self, states))
        new_states = []
        with scope_of(self, "multi_rnn_cell"):
            pairs = zip(self.cells, by_cell, strict=True)
            for number, (cell, state) in enumerate(pairs):
                with tf.name_scope(f"cell_{number}"):
                    inputs, state = cell.step(inputs, state, training)
                new_states += tf.nest.flatten(state)
        return inputs, tf.nest.pack_sequence_as(states, new_states)

    def tf1_weights(self):
        return {
            f"multi_rnn_cell/cell_{number}/{name}": weight
            for number, cell in enumerate(self.cells)
            for name, weight in cell.tf1_weights().items()
        }
