"""TF1's loops over time as Keras layers.

Both run in a ``tf.while_loop``, as in TF1: a loop unrolled in Python sums the gradients
of a weight in another order. Called eagerly, a loop compiles itself into a function.
"""

import functools

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.barriers import with_gradient_apart
from tf2_keras.tf1_semantics.errors import require, require_flags
from tf2_keras.tf1_semantics.layers.layer import TF1Layer
from tf2_keras.tf1_semantics.recurrent.cells import flat_states
from tf2_keras.tf1_semantics.recurrent.lengths import checked, require_shapes
from tf2_keras.tf1_semantics.recurrent.wrappers import require_cell

# dynamic_rnn's default; the number changes no result.
PARALLEL_ITERATIONS = 32


def swapped(x):
    """[batch, time, ...] as [time, batch, ...], or the other way round."""
    return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])


def open_sizes(x):
    """The specification of a tensor of which only the last of its sizes is fixed."""
    fixed = x.shape[-1:] if x.shape.rank > 1 else []
    return tf.TensorSpec([None] * (x.shape.rank - len(fixed)) + list(fixed), x.dtype)


def carried(state):
    """What a hand-written ``tf.while_loop`` hands to its next step, with TF1's gradient.

        def step(time, h):
            return time + 1, carried(tf.tanh(tf.matmul(h, w) + x[time]))

        _, h = tf.while_loop(lambda time, _: time < steps, step, (0, h))

    A state that is read three times or more, by gates and by what it is mixed with, has
    as many gradients, and the last bits of their sum depend on its order: Grappler adds
    by the names of ops. In TF1's loop the gradient from the next step was an op named
    Merge, by its capital the first of them. Here it would have any name, another one in
    a tf.function than in ``fit``, but for this barrier. The state itself is as it was.

    Args:
        state: tensors in any structure.

    Returns: the same structure.
    Source: tf.while_loop, 1.15: control_flow_grad.py, control_flow_ops.py.
    """
    with tf.name_scope("Carried"):
        return tf.nest.map_structure(with_gradient_apart, state)


@keras.saving.register_keras_serializable("tf1_semantics")
class DynamicRNN(TF1Layer):
    """``tf.nn.dynamic_rnn(cell, inputs, sequence_length, initial_state)`` as a layer.

    Past the end of a sequence outputs are zeros and the state is carried through, so
    that the final state is that at each sequence's own end. ``keras.layers.LSTM`` with
    a mask repeats the last output instead.

    Outputs, states and gradients are those of TF1's own while loop, which compat.v1 has
    under ``disable_control_flow_v2``, called eagerly too. A gradient of -0.0 of the
    inputs comes as 0.0. Batch and time should be open sizes in one program if they were
    in the other: known ones let Grappler reorder more sums.

    Args:
        cell: a cell of this package.
        time_major: whether inputs and outputs are [time, batch, ...].
        stateful: whether the layer keeps its last state, for the next batch to start
            from, as Keras's layers can: TF1 fetched a state and fed it. No gradient
            passes from batch to batch, nor did one in TF1. The size of a batch must be
            known; ``reset_state()`` goes back to zeros, which ``fit`` itself never does.

    Call arguments:
        inputs: [batch, time, features].
        sequence_length: integers [batch], each in [0, time]; None for full lengths.
        initial_state: in the structure of ``cell.state_size``; None for zeros, or for
            the state that is kept.

    Returns on call: outputs [batch, time, cell.output_size], and the final state in the
    structure of ``cell.state_size``.
    Raises:
        ValueError: for shapes that do not fit, and for lengths beyond the time axis
            where both are known; tf.errors.InvalidArgumentError where only running
            tells, before any variable changes. TF1 let such lengths pass.
    Source: rnn.dynamic_rnn, 1.15.
    """

    def __init__(self, cell, time_major=False, stateful=False, **kwargs):
        require_cell("cell", cell)
        require_flags(time_major=time_major, stateful=stateful)
        super().__init__(**kwargs)
        self.cell = cell
        self.time_major = time_major
        self.stateful = stateful
        self.state = None
        self._compiled = {}

    @property
    def time_axis(self):
        return 0 if self.time_major else 1

    def build(self, inputs_shape, sequence_length_shape=None):
        require_shapes(inputs_shape, sequence_length_shape, self.time_axis)
        batch = inputs_shape[1 - self.time_axis]
        if not self.cell.built:
            self.cell.build((batch, inputs_shape[2]))
        if self.stateful:
            require(
                batch is not None,
                "batch must be a known size, where the layer keeps its state",
                repr(tuple(inputs_shape)),
                "Use keras.Input(batch_shape=...)",
            )
            names = iter(range(len(tf.nest.flatten(self.cell.state_size))))
            self.state = tf.nest.map_structure(
                lambda size: self.add_weight(
                    shape=(batch, size),
                    initializer="zeros",
                    trainable=False,
                    name=f"state_{next(names)}",
                ),
                self.cell.state_size,
            )

    def reset_state(self):
        """Back to zeros, where the state is kept."""
        for variable in tf.nest.flatten(self.state):
            variable.assign(tf.zeros(variable.shape, variable.dtype))

    def call(self, inputs, sequence_length=None, initial_state=None, training=False):
        lengths_shape = None
        static = None
        if sequence_length is not None:
            sequence_length = tf.convert_to_tensor(sequence_length)
            lengths_shape = sequence_length.shape
            static = tf.get_static_value(sequence_length)
        require_shapes(inputs.shape, lengths_shape, self.time_axis, static)
        state = self._state(inputs, initial_state)
        if sequence_length is not None:
            inputs, sequence_length = checked(inputs, sequence_length, self.time_axis)
        arguments = [inputs, state]
        if sequence_length is not None:
            arguments.append(sequence_length)
        outputs, state = self._run(arguments, bool(training))
        if self.stateful:
            tf.nest.map_structure(
                lambda kept, last: kept.assign(last), self.state, state
            )
        return outputs, state

    def _state(self, inputs, initial_state):
        """The state to begin with, in the structure of the cell's sizes."""
        if initial_state is None and self.stateful:
            initial_state = tf.nest.map_structure(tf.convert_to_tensor, self.state)
        elif initial_state is None:
            batch = tf.shape(inputs)[1 - self.time_axis]
            initial_state = self.cell.get_initial_state(batch)
        return tf.nest.pack_sequence_as(
            self.cell.state_size, flat_states(self.cell, initial_state)
        )

    def _run(self, arguments, training):
        if not tf.executing_eagerly():
            return self._loop(*arguments, training=training)
        return self._function(arguments, training)(*arguments)

    def _function(self, arguments, training):
        """The loop as a function: eagerly, gradients would be summed in another order."""
        signature = self._signature(arguments)
        # Another one in graphs: of a function that a graph took the gradient of before,
        # eager code would sum it in another order.
        key = (*tf.nest.flatten(signature), training, tf.executing_eagerly())
        if key not in self._compiled:
            self._compiled[key] = tf.function(
                functools.partial(self._loop, training=training),
                input_signature=signature,
                autograph=False,
            )
        return self._compiled[key]

    def _signature(self, arguments):
        """One for all batches and lengths, each of whose sizes is open."""
        return tf.nest.map_structure(open_sizes, arguments)

    def _loop(self, inputs, state, sequence_length=None, training=False):
        """(outputs, final state); ``state`` has the structure of the cell's sizes."""
        if not self.time_major:
            inputs = swapped(inputs)  # [time, batch, features]
        time_steps, batch = tf.unstack(tf.shape(inputs)[:2])
        zero_output = tf.zeros([batch, self.cell.output_size], inputs.dtype)
        bound = time_steps
        if sequence_length is not None:
            # At least one step, for the outputs' shape.
            longest = tf.maximum(1, tf.reduce_max(sequence_length))
            bound = tf.minimum(time_steps, longest)
        by_time = tf.TensorArray(
            inputs.dtype, time_steps, element_shape=inputs.shape[1:]
        ).unstack(inputs)
        outputs = tf.TensorArray(
            inputs.dtype,
            time_steps,
            element_shape=[inputs.shape[1], self.cell.output_size],
        )

        def step(time, outputs, state):
            output, new_state = self.cell.step(by_time.read(time), state, training)
            if sequence_length is None:
                # A Select, where there are lengths, does as well.
                new_state = carried(new_state)
            else:
                ended = time >= sequence_length  # [batch]
                # TF1's Select takes a condition for each row.
                select = functools.partial(tf.raw_ops.Select, condition=ended)
                output = select(x=zero_output, y=output)
                new_state = tf.nest.map_structure(
                    lambda old, new: select(x=old, y=new), state, new_state
                )
            return time + 1, outputs.write(time, output), new_state

        _, outputs, state = tf.while_loop(
            lambda time, *_: time < bound,
            step,
            (0, outputs, state),
            # A dropout's stream is read step by step.
            parallel_iterations=(
                1 if self.cell.non_trainable_weights else PARALLEL_ITERATIONS
            ),
            maximum_iterations=time_steps,
        )
        outputs = outputs.stack()  # unwritten elements are zeros
        outputs.set_shape([*inputs.shape[:2], self.cell.output_size])
        return outputs if self.time_major else swapped(outputs), state

    def compute_output_spec(
        self, inputs, sequence_length=None, initial_state=None, **_
    ):
        lengths_shape = None if sequence_length is None else sequence_length.shape
        require_shapes(inputs.shape, lengths_shape, self.time_axis)
        if initial_state is not None:
            flat_states(self.cell, initial_state)
        batch = inputs.shape[1 - self.time_axis]
        outputs = keras.KerasTensor(
            (*inputs.shape[:2], self.cell.output_size), self.compute_dtype
        )
        return outputs, tf.nest.map_structure(
            lambda size: keras.KerasTensor((batch, size), self.compute_dtype),
            self.cell.state_size,
        )

    def tf1_weights(self, scope="rnn"):
        """{name of TF1's variable: weight}; ``scope`` is dynamic_rnn's own argument."""
        return {
            f"{scope}/{name}": weight
            for name, weight in self.cell.tf1_weights().items()
        }


@keras.saving.register_keras_serializable("tf1_semantics")
class BidirectionalDynamicRNN(TF1Layer):
    """``tf.nn.bidirectional_dynamic_rnn`` as a layer: two cells, one from the end.

    The backward cell reads each sequence from its own end, not from its padding.

    Args:
        cell_fw, cell_bw: cells of this package, not the same object.
        time_major: whether inputs and outputs are [time, batch, ...].

    Call arguments: as ``DynamicRNN``, with initial_state_fw and initial_state_bw.
    Returns on call: (outputs forward, backward), (final state forward, backward).
    Raises:
        ValueError, tf.errors.InvalidArgumentError: as ``DynamicRNN``.
    Source: rnn.bidirectional_dynamic_rnn, 1.15.
    """

    direction = DynamicRNN

    def __init__(self, cell_fw, cell_bw, time_major=False, **kwargs):
        require_cell("cell_fw", cell_fw)
        require_cell("cell_bw", cell_bw)
        require_flags(time_major=time_major)
        require(
            cell_fw is not cell_bw,
            "cell_bw must be another object than cell_fw, with weights of its own",
            repr(cell_bw),
            "Make a second cell of the same arguments",
        )
        super().__init__(**kwargs)
        self.forward = self.direction(
            cell_fw, time_major, name="fw", dtype=self.dtype_policy
        )
        self.backward = self.direction(
            cell_bw, time_major, name="bw", dtype=self.dtype_policy
        )
        self.time_major = time_major

    @property
    def cell_fw(self):
        return self.forward.cell

    @property
    def cell_bw(self):
        return self.backward.cell

    def build(self, inputs_shape, sequence_length_shape=None):
        for direction in (self.forward, self.backward):
            if not direction.built:
                direction.build(inputs_shape, sequence_length_shape)

    def call(
        self,
        inputs,
        sequence_length=None,
        initial_state_fw=None,
        initial_state_bw=None,
        training=False,
    ):
        outputs_fw, state_fw = self.forward(
            inputs, sequence_length, initial_state_fw, training=training
        )
        if sequence_length is not None:
            # The kernel that reverses would refuse a length beyond the end on its own,
            # in words of its own.
            inputs, sequence_length = checked(
                inputs, sequence_length, self.forward.time_axis
            )
        outputs_bw, state_bw = self.backward(
            self._reversed(inputs, sequence_length),
            sequence_length,
            initial_state_bw,
            training=training,
        )
        outputs_bw = self._reversed(outputs_bw, sequence_length)
        return (outputs_fw, outputs_bw), (state_fw, state_bw)

    def _reversed(self, x, sequence_length):
        time_axis = self.forward.time_axis
        if sequence_length is None:
            return tf.reverse(x, [time_axis])
        return tf.reverse_sequence(
            x, sequence_length, seq_axis=time_axis, batch_axis=1 - time_axis
        )

    def compute_output_spec(
        self,
        inputs,
        sequence_length=None,
        initial_state_fw=None,
        initial_state_bw=None,
        **_,
    ):
        outputs, states = zip(
            self.forward.compute_output_spec(inputs, sequence_length, initial_state_fw),
            self.backward.compute_output_spec(
                inputs, sequence_length, initial_state_bw
            ),
            strict=True,
        )
        return outputs, states

    def tf1_weights(self, scope="bidirectional_rnn"):
        """{name of TF1's variable: weight}; ``scope`` is TF1's own argument."""
        return {
            **self.forward.tf1_weights(f"{scope}/fw"),
            **self.backward.tf1_weights(f"{scope}/bw"),
        }
