"""TF1's attention as Keras layers, against compat.v1 graphs.

With 1.15.5's own classes every variant is compared in every_part_test.py.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.parts.attention import WRAPPER, twin
from parity_tests.parts.pairs import Pairs
from tf1_graph.parts import attention as tf1_attention
from tf1_graph.parts.attention import DEPTH, FEATURES, UNITS
from tf2_keras.tf1_semantics import attention, recurrent

PAIRS = Pairs(tf1_attention.program, twin)
VARIANTS = list(tf1_attention.variants())


@pytest.mark.slow
@pytest.mark.parametrize("part", tf1_attention.VARIANTS)
@given(data=st.data())
def test_outputs_and_gradients_are_those_of_tf1(part, data):
    """In a function; a mechanism also eagerly, as a wrapped LSTM.

    Called eagerly a GRU's gates round otherwise: TF1's graph fused them.
    """
    variants = [variant for variant in VARIANTS if variant[0] == part]
    _, arguments, problem = data.draw(st.sampled_from(variants))
    pair = PAIRS(part, arguments, problem)
    moves, values = tf1_attention.ordinary(
        pair.program, data.draw(st.integers(0, 2**31))
    )
    levels = ["function", "eager"]
    if arguments.get("cell") == tf1_attention.GRU:
        levels = ["function"]
    for level in levels:
        comparison = pair.compare(moves, level, values).require_agreement()
        assert comparison.records == len(moves) + 1


def test_a_step_is_that_of_tf1_in_fit():
    variant = next(variant for variant in VARIANTS if variant[0] == WRAPPER)
    pair = PAIRS(*variant)
    moves, values = tf1_attention.ordinary(pair.program)
    moves = [moves[0], moves[2]]  # fit carries nothing from one batch to the next
    pair.compare(moves, "fit", values).require_agreement()


FAULTS = [
    ("attention.LuongAttention", 0, {"score_mask_value": -9.0}),
    ("attention.LuongAttention", 3, {"probability_fn": "softmax"}),
    ("attention.BahdanauAttention", 3, {"probability_fn": None}),
    (WRAPPER, 2, {"output_attention": True, "attention_layer_size": UNITS}),
]


@pytest.mark.parametrize("part, number, changed", FAULTS)
def test_a_planted_fault_is_found(part, number, changed):
    variants = [variant for variant in VARIANTS if variant[0] == part]
    _, arguments, problem = variants[number]
    if "attention_layer_size" in changed:  # so that shapes agree
        arguments = {**arguments, "attention_layer_size": UNITS}
    pair = PAIRS(part, {**arguments, **changed}, problem, of_twin=arguments)
    moves, values = tf1_attention.ordinary(pair.program)
    comparison = pair.compare(moves, "function", values)
    assert comparison.first_divergence.stage == "outputs"


def test_a_mechanism_is_a_layer_of_a_model_that_can_be_saved(tmp_path):
    query, memory = keras.Input([UNITS]), keras.Input([None, DEPTH])
    lengths = keras.Input([], dtype="int32")
    for mechanism in (
        attention.LuongAttention(UNITS, scale=True),
        attention.BahdanauAttention(3, normalize=True, probability_fn="hardmax"),
    ):
        inputs = [query, memory, lengths]
        model = keras.Model(inputs, mechanism(*inputs))
        random = np.random.RandomState(0)
        batch = [
            random.standard_normal((2, UNITS)).astype(np.float32),
            random.standard_normal((2, 6, DEPTH)).astype(np.float32),
            np.array([2, 6], np.int32),
        ]
        alignments = model(batch).numpy()
        assert (alignments[0, 2:] == 0).all() and alignments[0, :2].any()
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(loaded(batch).numpy(), alignments, strict=True)


def wrapper(**arguments):
    return attention.AttentionWrapper(
        recurrent.GRUCell(UNITS), attention.LuongAttention(UNITS), **arguments
    )


def test_a_state_is_handed_on_and_the_history_grows():
    layer = wrapper(alignment_history=True, attention_layer_size=2)
    layer.build(FEATURES, (None, None, DEPTH))
    memory = layer.prepare(tf.ones([3, 6, DEPTH]), [1, 2, 6])
    state = layer.get_initial_state(memory)
    last = state.cell_state + 1.0  # of an encoder
    state = state._replace(cell_state=last)
    alignments = []
    for _ in range(3):
        output, state = layer(tf.ones([3, FEATURES]), state, memory)
        np.testing.assert_array_equal(output, state.attention, strict=True)
        alignments.append(state.alignments.numpy())
    assert state.time.numpy() == 3 and output.shape == [3, 2]
    history = state.alignment_history.stack().numpy()
    np.testing.assert_array_equal(history, alignments, strict=True)
    clone = attention.AttentionWrapper.from_config(layer.get_config())
    assert clone.cell is not layer.cell and clone.alignment_history
    clone.build(FEATURES, (None, None, DEPTH))
    assert set(clone.tf1_weights()) == set(layer.tf1_weights())


def test_a_first_step_builds_by_the_features_of_its_inputs():
    """Of another number than the examples."""
    layer, built = wrapper(attention_layer_size=2), wrapper(attention_layer_size=2)
    built.build(FEATURES, (None, None, DEPTH))
    memory = built.prepare(tf.ones([FEATURES + 1, 6, DEPTH]))
    inputs = tf.ones([FEATURES + 1, FEATURES])
    layer(inputs, built.get_initial_state(memory), memory)
    shapes = [
        {name: tuple(value.shape) for name, value in either.tf1_weights().items()}
        for either in (layer, built)
    ]
    assert shapes[0] == shapes[1]


def test_what_does_not_fit_is_refused():
    query, memory = tf.ones([2, UNITS]), tf.ones([2, 6, DEPTH])
    with pytest.raises(ValueError, match=r"^num_units must be 4, .* Received: 3\. Use"):
        attention.LuongAttention(3)(query, memory)
    mechanism = attention.BahdanauAttention(3)
    with pytest.raises(ValueError, match="^inputs must be a query .* Received: .* Use"):
        mechanism(query[:, None], memory)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be above zero"):
        mechanism(query, memory, tf.constant([3, 0]))
    layer = wrapper()
    with pytest.raises(
        ValueError, match="^state must be an AttentionWrapperState, and"
    ):
        layer(query, (), memory)


@pytest.mark.parametrize(
    "mechanism", [attention.LuongAttention, attention.BahdanauAttention]
)
def test_xla_and_integers_are_refused(mechanism):
    layer = mechanism(UNITS)
    query, memory = tf.ones([2, UNITS]), tf.ones([2, 6, DEPTH])
    layer(query, memory)
    with pytest.raises(NotImplementedError, match="Use jit_compile=False"):
        tf.function(layer, jit_compile=True)(query, memory)
    with pytest.raises(ValueError, match="^inputs must be of a dtype that is floating"):
        layer(tf.ones([2, UNITS], tf.int32), memory)


def test_softmax_gradients_magnify_what_alignments_are_off_by():
    """Why gradients have larger budgets than alignments: a difference that cancels."""
    eps = np.finfo(np.float32).eps
    scores = np.float32([[6.0, 0.5, -1.0, 0.0, -2.0, 1.0]])
    alignments = tf.nn.softmax(scores).numpy()
    upstream = np.float32([[1.7, -0.4, 0.3, 1.1, -0.9, 0.2]])

    def gradient(alignments):
        mean = np.sum(upstream * alignments, -1, keepdims=True, dtype=np.float32)
        return alignments * (upstream - mean)

    def apart(a, b):
        return np.max(np.abs(a - b)) / np.max(np.abs(a)) / eps

    other = np.nextafter(alignments, np.float32(0))
    assert apart(alignments, other) <= 1
    assert apart(gradient(alignments), gradient(other)) > 16
