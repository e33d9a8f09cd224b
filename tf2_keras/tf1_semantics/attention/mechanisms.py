"""Luong's and Bahdanau's attention mechanisms, as contrib.seq2seq had them.

Shapes: B batch, T memory's time, M its depth, U units, Q depth of a query.
"""

import math
from typing import NamedTuple

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import (
    initializer_from,
    is_function,
    is_number,
    require,
    require_flags,
    require_int,
)
from tf2_keras.tf1_semantics.initializers import Constant
from tf2_keras.tf1_semantics.layers.layer import TF1Layer, require_channels
from tf2_keras.tf1_semantics.xla import refuse_xla


@keras.saving.register_keras_serializable("tf1_semantics")
def hardmax(logits):
    """``tf.contrib.seq2seq.hardmax``: one where the largest logit is, the first of equals.

    It has no gradient: what is trained through it learns nothing from the choice.

    Args:
        logits: [..., classes], floats.

    Returns the shape and the dtype of ``logits``.
    Source: contrib/seq2seq/python/ops/attention_wrapper.py, hardmax, 1.15.
    """
    logits = tf.convert_to_tensor(logits)
    return tf.one_hot(tf.argmax(logits, -1), tf.shape(logits)[-1], dtype=logits.dtype)


PROBABILITIES = {None: tf.nn.softmax, "softmax": tf.nn.softmax, "hardmax": hardmax}


class Memory(NamedTuple):
    """What a mechanism looks at, prepared once for all steps.

    keys: [B, T, U]. values: [B, T, M], zeros past the ends. mask: [B, T] bool, or None.
    """

    keys: tf.Tensor
    values: tf.Tensor
    mask: tf.Tensor | None


class AttentionMechanism(TF1Layer):
    """The base of both: a subclass has ``score``.

    Call arguments:
        query: [B, Q].
        memory: [B, T, M], usually the outputs of an encoder.
        memory_sequence_length: integers [B], each above zero; None for full lengths.

    Returns on call: alignments [B, T], which sum to one.

    In a loop ``prepare(memory, memory_sequence_length)`` comes before it, once, and
    ``align(query, prepared)`` in each step.
    """

    scope = None  # of the variables that TF1 made at the first query

    def __init__(
        self, num_units, probability_fn, score_mask_value, kernel_initializer, **kwargs
    ):
        require_int("num_units", num_units, "a width such as 128", at_least=1)
        require(
            isinstance(probability_fn, (str, type(None)))
            and probability_fn in PROBABILITIES
            or is_function(probability_fn),
            "probability_fn must be None, 'softmax', 'hardmax' or a function",
            repr(probability_fn),
            "Use None for a softmax",
        )
        require(
            score_mask_value is None
            or is_number(score_mask_value)
            and not math.isnan(score_mask_value),
            "score_mask_value must be a number",
            repr(score_mask_value),
            "Use None for minus infinity",
        )
        super().__init__(**kwargs)
        self.num_units = num_units
        self.probability_fn = probability_fn
        self.score_mask_value = score_mask_value
        self.kernel_initializer = initializer_from(
            "kernel_initializer", kernel_initializer, optional=True
        )

    # Keras hands over what call takes, by name, be it needed or not.
    def build(self, query_shape, memory_shape, memory_sequence_length_shape=None):  # noqa: ARG002
        require(
            len(query_shape) == 2 and len(memory_shape) == 3,
            "inputs must be a query [batch, depth] and a memory [batch, time, depth]",
            f"{tuple(query_shape)} and {tuple(memory_shape)}",
            "Use one mechanism call for each step of the queries",
        )
        shapes = (query_shape, memory_shape)
        query_depth, depth = (require_channels(shape) for shape in shapes)
        self.memory_kernel = self._kernel(depth, "memory_kernel")
        self.build_score(query_depth)

    def _kernel(self, depth, name):
        return self._weight((depth, self.num_units), name)

    def _weight(self, shape, name, initializer=None):
        """TF1 drew what had no initializer by the scope's, or glorot_uniform."""
        initializer = initializer or self.kernel_initializer or "glorot_uniform"
        return self.add_weight(shape=shape, initializer=initializer, name=name)

    def prepare(self, memory, memory_sequence_length=None):
        """The ``Memory`` of a batch, for ``align``."""
        mask = None
        if memory_sequence_length is not None:
            lengths = tf.convert_to_tensor(memory_sequence_length)
            rule = "memory_sequence_length must be above zero. Received:"
            remedy = ". Use 1 for what is empty."
            check = tf.debugging.Assert(
                tf.reduce_all(lengths > 0), [rule, lengths, remedy]
            )
            with tf.control_dependencies([] if check is None else [check]):
                mask = tf.sequence_mask(lengths, tf.shape(memory)[1])
            inside = tf.sequence_mask(lengths, tf.shape(memory)[1], memory.dtype)
            memory = memory * inside[:, :, tf.newaxis]
        keys = tf.tensordot(
            memory, tf.convert_to_tensor(self.memory_kernel), [[2], [0]]
        )
        return Memory(keys, memory, mask)

    def align(self, query, memory):
        """Alignments [B, T] of a query and what ``prepare`` returned."""
        score = self.score(query, memory.keys)
        if memory.mask is not None:
            value = self.score_mask_value
            value = constant(-math.inf if value is None else value, score.dtype)
            outside = value * tf.ones_like(score)
            score = tf.raw_ops.Select(condition=memory.mask, x=score, y=outside)
        probability = PROBABILITIES.get(self.probability_fn, self.probability_fn)
        return probability(score)

    def call(self, query, memory, memory_sequence_length=None):
        refuse_xla(type(self).__name__)
        return self.align(query, self.prepare(memory, memory_sequence_length))

    # As above.
    def compute_output_spec(self, query, memory, memory_sequence_length=None):  # noqa: ARG002
        return keras.KerasTensor(memory.shape[:2], self.compute_dtype)

    def tf1_weights(self, caller=""):
        """{name of TF1's variable: weight}.

        Args:
            caller: scope of the first query, such as 'attention_wrapper/'.
        """
        weights = {
            f"{caller}{self.scope}/{name}": weight
            for name, weight in self.score_weights().items()
        }
        return {"memory_layer/kernel": self.memory_kernel, **weights}


@keras.saving.register_keras_serializable("tf1_semantics")
class LuongAttention(AttentionMechanism):
    r"""``tf.contrib.seq2seq.LuongAttention``: softmax(scale * query . (memory @ kernel)).

    Keras's Attention has neither the memory's kernel nor masks of its own.

    Args:
        num_units: depth of the keys, which must be the query's, U.
        scale: whether the score is multiplied by a weight, which starts at one.
        probability_fn: of the scores [B, T]: None or 'softmax', 'hardmax', or a
            function.
        score_mask_value: score past the ends of the memory; None for minus infinity.
        kernel_initializer: None for a glorot_uniform without seed.

    Input shape and results: see ``AttentionMechanism``.
    Raises:
        ValueError: for arguments other than these, inputs of other ranks, or a query
            that is not U deep; tf.errors.InvalidArgumentError for an empty memory.
        NotImplementedError: under ``jit_compile=True``.
    Source: contrib/seq2seq/python/ops/attention_wrapper.py, 1.15; Luong et al. 2015,
        arXiv:1508.04025.
    """

    scope = "luong_attention"

    def __init__(
        self,
        num_units,
        scale=False,
        probability_fn=None,
        score_mask_value=None,
        kernel_initializer=None,
        **kwargs,
    ):
        require_flags(scale=scale)
        super().__init__(
            num_units, probability_fn, score_mask_value, kernel_initializer, **kwargs
        )
        self.scale = scale

    def build_score(self, query_depth):
        require(
            query_depth == self.num_units,
            f"num_units must be {query_depth}, the depth of the query",
            repr(self.num_units),
            "Use BahdanauAttention, which brings the query to num_units",
        )
        self.attention_g = None
        if self.scale:
            self.attention_g = self._weight((), "attention_g", "ones")

    def score(self, query, keys):
        score = tf.matmul(query[:, tf.newaxis], keys, transpose_b=True)
        score = tf.squeeze(score, [1])
        return score if self.attention_g is None else self.attention_g * score

    def score_weights(self):
        return {} if self.attention_g is None else {"attention_g": self.attention_g}


@keras.saving.register_keras_serializable("tf1_semantics")
class BahdanauAttention(AttentionMechanism):
    r"""``tf.contrib.seq2seq.BahdanauAttention``: softmax(v . tanh(key + query @ kernel)).

    With ``normalize``, v is g * v / |v|, and a bias is added before the tanh (Salimans
    and Kingma 2016, arXiv:1602.07868). Keras's AdditiveAttention has no kernels.

    Args:
        num_units: depth of keys and queries, U.
        normalize: whether v is normalised.
        probability_fn, score_mask_value, kernel_initializer: as of ``LuongAttention``;
            the initializer is that of both kernels and of v.

    Input shape and results: see ``AttentionMechanism``.
    Raises:
        ValueError: for arguments other than these, or inputs of other ranks;
            tf.errors.InvalidArgumentError for an empty memory.
        NotImplementedError: under ``jit_compile=True``.
    Source: contrib/seq2seq/python/ops/attention_wrapper.py, 1.15; Bahdanau et al. 2015,
        arXiv:1409.0473.
    """

    scope = "bahdanau_attention"

    def __init__(
        self,
        num_units,
        normalize=False,
        probability_fn=None,
        score_mask_value=None,
        kernel_initializer=None,
        **kwargs,
    ):
        require_flags(normalize=normalize)
        super().__init__(
            num_units, probability_fn, score_mask_value, kernel_initializer, **kwargs
        )
        self.normalize = normalize

    def build_score(self, query_depth):
        self.query_kernel = self._kernel(query_depth, "query_kernel")
        self.attention_v = self._weight((self.num_units,), "attention_v")
        self.attention_g = self.attention_b = None
        if self.normalize:
            start = Constant(math.sqrt(1.0 / self.num_units))
            self.attention_g = self._weight((), "attention_g", start)
            self.attention_b = self._weight((self.num_units,), "attention_b", "zeros")

    def score(self, query, keys):
        query = tf.matmul(query, tf.convert_to_tensor(self.query_kernel))
        sum_ = keys + query[:, tf.newaxis]
        v = tf.convert_to_tensor(self.attention_v)
        if self.normalize:
            sum_ = sum_ + self.attention_b
            norm = tf.math.rsqrt(tf.reduce_sum(tf.square(v)))
            v = self.attention_g * v * norm
        return tf.reduce_sum(v * tf.tanh(sum_), [2])

    def score_weights(self):
        weights = {
            "query_layer/kernel": self.query_kernel,
            "attention_v": self.attention_v,
        }
        if self.normalize:
            weights.update(attention_g=self.attention_g, attention_b=self.attention_b)
        return weights
