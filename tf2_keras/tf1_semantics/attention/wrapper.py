"""contrib.seq2seq's AttentionWrapper: one step of a cell that attends to a memory.

Shapes: B batch, T memory's time, M its depth, A width of the attention.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.attention.mechanisms import AttentionMechanism, Memory
from tf2_keras.tf1_semantics.errors import (
    initializer_from,
    require,
    require_flags,
    require_int,
)
from tf2_keras.tf1_semantics.layers.layer import TF1Layer
from tf2_keras.tf1_semantics.recurrent.wrappers import require_cell
from tf2_keras.tf1_semantics.xla import refuse_xla


class AttentionWrapperState(NamedTuple):
    """What one step hands on to the next.

    cell_state: of the cell inside. attention: [B, A], fed to the next step beside its
    input. time: int32, the number of steps so far. alignments: [B, T].
    alignment_history: a tf.TensorArray of all alignments, to be stacked; or ().
    """

    cell_state: Any
    attention: tf.Tensor
    time: tf.Tensor
    alignments: tf.Tensor
    alignment_history: Any


@keras.saving.register_keras_serializable("tf1_semantics")
class AttentionWrapper(TF1Layer):
    r"""``tf.contrib.seq2seq.AttentionWrapper``: one step of a cell with attention.

        output, cell_state = cell([input, attention], cell_state)
        alignments = mechanism(output, memory)
        context = sum over time of alignments * memory
        attention = [output, context] @ kernel, or the context alone

    The kernel has no bias. What is fed to the next step is the attention, whatever the
    output is (Luong's input feeding). It is a step for a loop of one's own; no decoder
    of contrib's comes with it.

    Args:
        cell: a cell of ``tf1_semantics.recurrent``.
        attention_mechanism: one of this package. TF1 also took a list of several.
        attention_layer_size: width of the attention, A; None for the context, M.
        alignment_history: whether to keep the alignments of all steps.
        output_attention: whether the output is the attention, or the cell's own.
        kernel_initializer: of the attention's kernel; None for a glorot_uniform without
            seed.

    Call arguments:
        inputs: [B, features].
        state: of the step before; ``get_initial_state(memory)`` at first.
        memory: what ``prepare`` of the mechanism returned, once for all steps.

    Returns on call: the output [B, A], or [B, the cell's output_size], and the state.
    Raises:
        ValueError: for arguments other than these, or a state or memory of another
            kind.
        NotImplementedError: under ``jit_compile=True``.
    Source: contrib/seq2seq/python/ops/attention_wrapper.py, 1.15; Luong et al. 2015,
        arXiv:1508.04025, section 3.3.
    """

    scope = "attention_wrapper"

    def __init__(
        self,
        cell,
        attention_mechanism,
        attention_layer_size=None,
        alignment_history=False,
        output_attention=True,
        kernel_initializer=None,
        **kwargs,
    ):
        require_cell("cell", cell)
        require(
            isinstance(attention_mechanism, AttentionMechanism),
            "attention_mechanism must be one of tf1_semantics.attention",
            repr(attention_mechanism),
            "Use for instance BahdanauAttention(128)",
        )
        if attention_layer_size is not None:
            require_int(
                "attention_layer_size",
                attention_layer_size,
                "None for the context",
                at_least=1,
            )
        require_flags(
            alignment_history=alignment_history, output_attention=output_attention
        )
        super().__init__(**kwargs)
        self.cell = cell
        self.attention_mechanism = attention_mechanism
        self.attention_layer_size = attention_layer_size
        self.alignment_history = alignment_history
        self.output_attention = output_attention
        self.kernel_initializer = initializer_from(
            "kernel_initializer", kernel_initializer, optional=True
        )

    def build(self, features, memory_shape):
        """Makes the weights, for so many features and a memory [B, T, M]."""
        depth, width = memory_shape[2], self.attention_layer_size
        query_depth = self.cell.output_size
        if not self.attention_mechanism.built:
            self.attention_mechanism.build((None, query_depth), memory_shape)
            self.attention_mechanism.built = True
        if not self.cell.built:
            self.cell.build((None, features + (depth if width is None else width)))
            self.cell.built = True
        self.attention_kernel = None
        if width is not None:
            self.attention_kernel = self.add_weight(
                shape=(query_depth + depth, width),
                initializer=self.kernel_initializer or "glorot_uniform",
                name="attention_kernel",
            )
        self.built = True

    def prepare(self, memory, memory_sequence_length=None):
        """The memory for all steps of a batch: see ``AttentionMechanism``."""
        return self.attention_mechanism.prepare(memory, memory_sequence_length)

    def get_initial_state(self, memory):
        """Zeros, for a prepared memory. An encoder's last state takes the place of the
        cell's by ``state._replace(cell_state=last)``."""
        batch, time = tf.unstack(tf.shape(memory.values)[:2])
        dtype, width = memory.values.dtype, self.attention_layer_size
        if width is None:
            width = memory.values.shape[2]
        history = ()
        if self.alignment_history:
            history = tf.TensorArray(
                dtype,
                0,
                dynamic_size=True,
                element_shape=memory.keys.shape[:2],
                clear_after_read=False,
            )
        return AttentionWrapperState(
            cell_state=self.cell.get_initial_state(batch),
            attention=tf.zeros([batch, width], dtype),
            time=tf.zeros([], tf.int32),
            alignments=tf.zeros([batch, time], dtype),
            alignment_history=history,
        )

    def __call__(self, inputs, state, memory, training=False):
        # Keras would look for tensors in the state, and not find them in a TensorArray.
        require(
            isinstance(state, AttentionWrapperState) and isinstance(memory, Memory),
            "state must be an AttentionWrapperState, and memory a prepared one",
            f"{type(state).__name__} and {type(memory).__name__}",
            "Use get_initial_state(memory) and prepare(memory, lengths)",
        )
        refuse_xla(type(self).__name__)
        inputs = tf.cast(inputs, self.compute_dtype)
        if not self.built:
            self.build(inputs.shape[-1], memory.values.shape)
        return self.step(inputs, state, memory, training)

    def step(self, inputs, state, memory, training=False):
        cell_inputs = tf.concat([inputs, state.attention], -1)
        output, cell_state = self.cell.step(cell_inputs, state.cell_state, training)
        # As in TF1, whose checks stood behind it: its two gradients are one of the
        # cell's.
        output = tf.identity(output)
        alignments = self.attention_mechanism.align(output, memory)
        context = tf.matmul(alignments[:, tf.newaxis], memory.values)
        attention = tf.squeeze(context, [1])
        if self.attention_kernel is not None:
            attention = tf.matmul(
                tf.concat([output, attention], 1),
                tf.convert_to_tensor(self.attention_kernel),
            )
        history = state.alignment_history
        if self.alignment_history:
            history = history.write(state.time, alignments)
        state = AttentionWrapperState(
            cell_state, attention, state.time + 1, alignments, history
        )
        return (attention if self.output_attention else output), state

    def tf1_weights(self):
        """{name of TF1's variable: weight}."""
        caller = f"{self.scope}/"
        weights = {
            caller + name: weight for name, weight in self.cell.tf1_weights().items()
        }
        weights.update(self.attention_mechanism.tf1_weights(caller))
        if self.attention_kernel is not None:
            weights[f"{caller}attention_layer/kernel"] = self.attention_kernel
        return weights
