"""Descriptors of tf1_semantics.attention, and their twins."""

import keras
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.pair.pair import Pair
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import attention as tf1_attention
from tf1_graph.parts.attention import (
    DEPTH,
    FEATURES,
    LUONG,
    SYMBOLS,
    UNITS,
    VARIANTS,
)
from tf2_keras import training
from tf2_keras.tf1_semantics import attention, recurrent

START = ("initializers.GlorotUniform", {"seed": 5})


def seeded(arguments):
    """Arguments in which TF1's scope's initializer is that of all that is inside."""
    start = arguments.get("kernel_initializer", START)

    def inner(spec):
        return spec[0], {"kernel_initializer": start, **spec[1]}

    arguments = {"kernel_initializer": start, **arguments}
    for name in ("cell", "attention_mechanism"):
        if name in arguments:
            arguments[name] = inner(arguments[name])
    return arguments


def with_dtype(arguments, dtype):
    """Arguments of a part and of the parts inside of it, all of a dtype."""
    inner = {
        name: (value[0], {**value[1], "dtype": dtype})
        for name, value in arguments.items()
        if name in ("cell", "attention_mechanism")
    }
    return {**arguments, **inner, "dtype": dtype}


def twin(part, arguments, problem):
    """The twin of ``tf1_attention.program``."""
    if part == "attention.hardmax":
        return training.Twin(
            {}, {"attend": lambda x: {"outputs": {"y": attention.hardmax(x)}}}
        )
    layer = made(part, with_dtype(seeded(arguments), problem["dtype"]))
    return of_layer(layer)


def of_layer(layer):
    """The twin that a mechanism or a wrapper is."""
    wrapped = isinstance(layer, attention.AttentionWrapper)
    if wrapped:
        layer.build(FEATURES, (None, None, DEPTH))
    else:
        layer.build((None, UNITS), (None, None, DEPTH))
    weights = {f"layer/{name}": weight for name, weight in layer.tf1_weights().items()}

    def attend(upstream, **inputs):
        sources = {name: weight.value for name, weight in weights.items()}
        sources.update(
            (name, value) for name, value in inputs.items() if value.dtype.is_floating
        )
        with tf.GradientTape() as tape:
            tape.watch(list(inputs.values()))
            if wrapped:
                outputs, carried = attended(layer, **inputs)
            else:
                query = inputs.pop("x")
                outputs, carried = {"alignments": layer(query, **inputs)}, {}
        y = next(iter(outputs.values()))
        if tf.executing_eagerly():
            gradients = tape.gradient(y, list(sources.values()), upstream)
        else:  # of three contributions or more the tape adds in another order
            gradients = tf.gradients(y, list(sources.values()), upstream)
        gradients = {
            name: gradient
            for name, gradient in zip(sources, gradients, strict=True)
            if gradient is not None
        }
        return {"outputs": outputs, "gradients": gradients, "carried": carried}

    return training.Twin(weights, {"attend": attend}, hidden=layer.weights)


def attended(layer, x, memory, memory_sequence_length=None, **carried):
    """The twin of ``tf1_attention.attended``."""
    memory = layer.prepare(memory, memory_sequence_length)
    state = layer.get_initial_state(memory)
    attention, *cell_state = (carried[name] for name in sorted(carried))
    cell_state = tf.nest.pack_sequence_as(state.cell_state, cell_state)
    state = state._replace(attention=attention, cell_state=cell_state)
    output, state = layer(x, state, memory)
    outputs = {"output": output, "alignments": state.alignments}
    if layer.alignment_history:
        outputs["history"] = state.alignment_history.stack()
    return outputs, tf1_attention.carried_of(state)


# --- traps ---

WRAPPER = "attention.AttentionWrapper"
NUMBERS = {"lengths": True, "dtype": "float32"}


def _off(part, arguments, naive):
    """{1: error} of alignments that are computed otherwise.

    Args:
        naive: (query, memory, weights by TF1's names below the scope) -> alignments.
    """
    program = tf1_attention.program(part, arguments, NUMBERS)
    (move, *_), values = tf1_attention.ordinary(program)
    _, record = session.play(program, [move], values)
    weights = {name.partition("/")[2]: value for name, value in values.items()}
    received = naive(move[1]["x"], move[1]["memory"], weights)
    return {1: relative_error(record["outputs"]["alignments"], received)}


def _unmasked(query, memory, weights):
    keys = memory @ weights["memory_layer/kernel"]
    attention = keras.layers.Attention()
    _, scores = attention([query[:, None], keys], return_attention_scores=True)
    return scores[:, 0]


def _not_normalized(query, memory, weights):
    keys = memory @ weights["memory_layer/kernel"]
    query = query @ weights["bahdanau_attention/query_layer/kernel"]
    attention = keras.layers.AdditiveAttention()
    attention.build([(None, None, 6), (None, None, 6)])
    attention.set_weights([weights["bahdanau_attention/attention_v"]])
    inputs = [query[:, None], keys]
    _, scores = attention(inputs, return_attention_scores=True)
    return scores[:, 0]


def _without_feeding():
    """{10: error} of outputs after steps in which no attention was fed."""
    arguments, *_ = VARIANTS[WRAPPER][0]
    program = tf1_attention.program(WRAPPER, arguments, NUMBERS)
    (first, second, _), values = tf1_attention.ordinary(program)
    start = {name: 0 * value for name, value in first[1].items() if "state" in name}
    moves = [("attend", {**first[1], **start}), *[second] * 9]
    with Pair(program, twin(WRAPPER, arguments, NUMBERS)) as pair:
        *_, expected = pair.reference(moves, values)
        unfed = [
            (name, {**batch, "state_0": start["state_0"]}) for name, batch in moves
        ]
        *_, received = pair.candidate(unfed, "function", values)
    return {10: relative_error(*(r["outputs"]["output"] for r in (expected, received)))}


# --- the table ---


def _part(name, refused=(), samples=None, **rest):
    part = f"attention.{name}"
    if samples is None:
        samples = tuple(arguments for arguments, *_ in VARIANTS[part])
    return Part(
        name=part,
        tf1=SYMBOLS[part],
        proof="parity_tests/parts/attention_test.py"
        "::test_outputs_and_gradients_are_those_of_tf1",
        arguments=st.sampled_from(samples) if samples else None,
        samples=samples,
        refused=tuple(
            ({**samples[0], argument: value}, argument)
            for argument, values in refused
            for value in values
        ),
        **rest,
    )


OF_MECHANISMS = (
    ("num_units", (0, -1, 4.0, True, None)),
    ("probability_fn", ("sigmoid", 1, keras.layers.Softmax)),
    ("score_mask_value", (float("nan"), "-inf", True)),
    ("kernel_initializer", ("glorot", 0.1)),
)

INSIDE = {
    "cell": recurrent.GRUCell(UNITS),
    "attention_mechanism": attention.LuongAttention(UNITS),
}
PARTS = (
    _part(
        "AttentionWrapper",
        (
            ("cell", (None, "gru")),
            ("attention_mechanism", (None, "luong")),
            ("attention_layer_size", (0, 1.0, True)),
            ("alignment_history", (None, 1)),
            ("output_attention", (None, 1)),
            ("kernel_initializer", ("glorot", 0.1)),
        ),
        samples=(
            INSIDE,
            {**INSIDE, "attention_layer_size": 3, "alignment_history": True},
            {**INSIDE, "output_attention": False, "kernel_initializer": "zeros"},
        ),
        traps=(
            Trap(
                "keras.layers.RNN(cell), then keras.layers.Attention of its outputs"
                "  # no attention is fed to the next step",
                _without_feeding,
                {10: 0.05},
                "tf1_semantics.attention.AttentionWrapper(cell, mechanism)",
            ),
        ),
    ),
    _part(
        "BahdanauAttention",
        (*OF_MECHANISMS, ("normalize", (None, 1))),
        traps=(
            Trap(
                "keras.layers.AdditiveAttention()([query, keys])  # for normalize=True, "
                "with lengths",
                lambda: _off(
                    "attention.BahdanauAttention",
                    {"num_units": 6, "normalize": True},
                    _not_normalized,
                ),
                {1: 0.1},
                "tf1_semantics.attention.BahdanauAttention(6, normalize=True)",
            ),
        ),
    ),
    _part(
        "LuongAttention",
        (*OF_MECHANISMS, ("scale", (None, 1))),
        traps=(
            Trap(
                "keras.layers.Attention()([query, keys])  # past the memory's ends too",
                lambda: _off(*LUONG, _unmasked),
                {1: 0.1},
                "tf1_semantics.attention.LuongAttention(num_units)",
            ),
        ),
    ),
    _part(
        "hardmax",
        samples=(),
        no_trap="Keras has no namesake; tf.one_hot(tf.argmax(x, -1), classes) is it",
    ),
)
