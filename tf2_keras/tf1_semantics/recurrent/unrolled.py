"""TF1's networks of as many cells as there are steps, as Keras layers."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require
from tf2_keras.tf1_semantics.recurrent.cells import unrolling
from tf2_keras.tf1_semantics.recurrent.lengths import require_shapes
from tf2_keras.tf1_semantics.recurrent.loops import (
    BidirectionalDynamicRNN,
    DynamicRNN,
    open_sizes,
)


@keras.saving.register_keras_serializable("tf1_semantics")
class StaticRNN(DynamicRNN):
    """``tf.nn.static_rnn(cell, inputs, initial_state)`` as a layer.

    One cell for each time step, so that a weight has a gradient from each. These are
    summed in TF1's order, which neither a loop nor a tape over ``keras.layers.RNN(...,
    unroll=True)`` takes. TF1 took and gave a list with an item for each step; here it is
    one tensor, ``tf.stack(inputs, 1)``. With ``sequence_length`` TF1's sums had another
    order still: DynamicRNN is equal to it to rounding. So is this where a final state
    trains, too, whose gradient from outside TF1 added at a place that the name of an op
    out there decides, and of peepholes without ``initial_state``, as TF1's Grappler
    rewrote what they are added to.

    Args:
        cell: a cell of this package, without dropout: of a seed TF1 made as many equal
            masks as there are steps.
        time_major: whether inputs and outputs are [time, batch, features].

    Call arguments:
        inputs: [batch, time, features], time known.
        initial_state: in the structure of ``cell.state_size``; None for zeros.

    Returns on call: outputs [batch, time, cell.output_size], and the final state in the
    structure of ``cell.state_size``.
    Raises:
        ValueError: for shapes that do not fit, an unknown number of steps, a dropout.
    Source: rnn.static_rnn, 1.15.
    """

    def __init__(self, cell, time_major=False, **kwargs):
        super().__init__(cell, time_major, **kwargs)

    def build(self, inputs_shape):
        require(
            inputs_shape[self.time_axis] is not None,
            "inputs must have a known number of time steps",
            repr(tuple(inputs_shape)),
            "Use DynamicRNN for any number",
        )
        super().build(inputs_shape)
        require(
            not self.cell.non_trainable_weights,
            "cell must be without dropout",
            repr(self.cell),
            "Use DynamicRNN, which has a mask for each step",
        )

    def call(self, inputs, initial_state=None, training=False):
        return super().call(inputs, None, initial_state, training)

    def compute_output_spec(self, inputs, initial_state=None, **_):
        return super().compute_output_spec(inputs, None, initial_state)

    def _run(self, arguments, training):
        # A function in any case: a tape takes a function's gradient as TF1 did, and adds
        # up in an order of its own what is computed in its sight.
        return self._function(arguments, training)(*arguments)

    def _signature(self, arguments):
        """Open sizes but for the number of steps."""
        inputs, *states = arguments
        sizes = [None, None, inputs.shape[2]]
        sizes[self.time_axis] = inputs.shape[self.time_axis]
        return [
            tf.TensorSpec(sizes, inputs.dtype),
            *tf.nest.map_structure(open_sizes, states),
        ]

    def _loop(self, inputs, state, training=False):
        """(outputs, final state); ``state`` has the structure of the cell's sizes."""
        rows = tf.unstack(inputs, axis=self.time_axis)
        outputs, state = self.steps(rows, state, training)
        return tf.stack(outputs, self.time_axis), state

    def steps(self, rows, state, training):
        """([output of each of ``rows``], final state)."""
        outputs = []
        with unrolling():
            for x in rows:
                output, state = self.cell.step(x, state, training)
                outputs.append(output)
        return outputs, state


@keras.saving.register_keras_serializable("tf1_semantics")
class StaticBidirectionalRNN(BidirectionalDynamicRNN):
    """``tf.nn.static_bidirectional_rnn`` as a layer: ``StaticRNN`` from both ends.

    Args:
        cell_fw, cell_bw: as of ``StaticRNN``, not the same object.
        time_major: whether inputs and outputs are [time, batch, features].

    Call arguments: as ``StaticRNN``, with initial_state_fw and initial_state_bw.
    Returns on call: outputs [batch, time, both widths], final state forward, backward.
        TF1 joined the outputs here, and did not where it looped.
    Raises:
        ValueError: as ``StaticRNN``.
    Source: rnn.static_bidirectional_rnn, 1.15.
    """

    direction = StaticRNN
    _function, _signature = StaticRNN._function, StaticRNN._signature

    def __init__(self, cell_fw, cell_bw, time_major=False, **kwargs):
        super().__init__(cell_fw, cell_bw, time_major, **kwargs)
        self._compiled = {}

    @property
    def time_axis(self):
        return self.forward.time_axis

    def build(self, inputs_shape):
        for direction in (self.forward, self.backward):
            if not direction.built:
                direction.build(inputs_shape)

    def call(
        self, inputs, initial_state_fw=None, initial_state_bw=None, training=False
    ):
        require_shapes(inputs.shape, None, self.time_axis)
        state_fw = self.forward._state(inputs, initial_state_fw)
        state_bw = self.backward._state(inputs, initial_state_bw)
        arguments = [inputs, state_fw, state_bw]
        return self._function(arguments, bool(training))(*arguments)

    def _loop(self, inputs, state_fw, state_bw, training=False):
        # Together, under TF1's names: a row has gradients from both.
        rows = tf.unstack(inputs, axis=self.time_axis)
        with tf.name_scope("fw"):
            outputs_fw, state_fw = self.forward.steps(rows, state_fw, training)
        with tf.name_scope("bw"):
            outputs_bw, state_bw = self.backward.steps(rows[::-1], state_bw, training)
        outputs = [
            tf.concat(both, 1)
            for both in zip(outputs_fw, outputs_bw[::-1], strict=True)
        ]
        return tf.stack(outputs, self.time_axis), state_fw, state_bw

    def compute_output_spec(
        self, inputs, initial_state_fw=None, initial_state_bw=None, **_
    ):
        (outputs_fw, state_fw), (outputs_bw, state_bw) = (
            direction.compute_output_spec(inputs, state)
            for direction, state in (
                (self.forward, initial_state_fw),
                (self.backward, initial_state_bw),
            )
        )
        width = outputs_fw.shape[-1] + outputs_bw.shape[-1]
        outputs = keras.KerasTensor((*inputs.shape[:2], width), outputs_fw.dtype)
        return outputs, state_fw, state_bw
