"""Claims about recurrent networks: what TF1 unrolled, and what it read from both ends."""

import pytest
import tensorflow.compat.v1 as tf

from parity_tests.migrate import draft_programs_test
from parity_tests.migrate.draft_rules_test import trained, weights
from parity_tests.pair.drafting import finding, proving
from tf1_graph import rnn_cell

STEPS, FEATURES, UNITS = 12, 2, 3  # more than ten: TF1's names sort otherwise then


def cell(kind="BasicLSTMCell", units=UNITS):
    return rnn_cell.cell_class(kind)(units)


def recurrent(network, seed=7):
    """A program whose model is a dense layer on what ``network(x)`` returns."""

    def build():
        start = tf.random_normal_initializer(stddev=0.3, seed=seed)
        with rnn_cell.while_loops(), tf.variable_scope("net", initializer=start):
            x = tf.placeholder(tf.float32, [None, STEPS, FEATURES], "x")
            features = network(x)
            kernel = weights("out/kernel", [features.shape[-1], 2])
            trained(tf.matmul(features, kernel), tf.train.AdamOptimizer(0.01))

    return build


def unrolled(*kinds):
    def network(x):
        cells = [cell(kind, UNITS + place) for place, kind in enumerate(kinds)]
        whole = cells[0] if len(cells) == 1 else rnn_cell.MultiRNNCell(cells)
        outputs, _ = tf.nn.static_rnn(whole, tf.unstack(x, axis=1), dtype=tf.float32)
        return outputs[-1]

    return network


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, part",
    [
        ("BasicLSTMCell", "BasicLSTMCell"),
        ("LSTMCell", "BasicLSTMCell"),  # without peepholes they are one
        ("BasicRNNCell", "BasicRNNCell"),
    ],
)
def test_a_cell_that_was_unrolled_is_one_layer_over_time(kind, part):
    source = draft_programs_test.drafted(recurrent(unrolled(kind)))
    assert source.count("tf1_semantics.recurrent.StaticRNN(") == 1
    assert f"tf1_semantics.recurrent.{part}(" in source
    assert "(keras.layers.Layer)" not in source


@pytest.mark.slow
def test_an_unrolled_gru_is_one_layer_that_is_called_equal_or_not():
    """Its state has three gradients a step, whose order the part does not always keep."""
    meta_graph = draft_programs_test.meta_graph_of(recurrent(unrolled("GRUCell")))
    names = finding.found(meta_graph, finding.Names())
    proof = proving.proven(meta_graph, names, "model.meta", 2)
    assert proof.source.count("tf1_semantics.recurrent.StaticRNN(") == 1
    assert proof.is_equal or "DIVERGES at level function" in proof.source


@pytest.mark.slow
def test_cells_on_top_of_each_other_are_one_layer():
    source = draft_programs_test.drafted(
        recurrent(unrolled("BasicLSTMCell", "BasicRNNCell"))
    )
    assert source.count("tf1_semantics.recurrent.StaticRNN(") == 1
    assert "tf1_semantics.recurrent.MultiRNNCell(" in source
    assert '.tf1_weights("net/rnn")' in source


def from_both_ends(x):
    outputs, _, _ = tf.nn.static_bidirectional_rnn(
        cell(), cell(), tf.unstack(x, axis=1), dtype=tf.float32
    )
    return outputs[-1]


@pytest.mark.slow
def test_what_was_unrolled_from_both_ends_is_one_layer():
    source = draft_programs_test.drafted(recurrent(from_both_ends))
    assert source.count("tf1_semantics.recurrent.StaticBidirectionalRNN(") == 1
    assert "x = x[:, -1]" in source


def by_hand(x):
    """As language models were written: a slice a step, all outputs joined again."""
    step, outputs = cell("BasicLSTMCell"), []
    state = step.zero_state(tf.shape(x)[0], tf.float32)
    with tf.variable_scope("by_hand") as scope:
        for time in range(STEPS):
            if time:
                scope.reuse_variables()
            output, state = step(x[:, time, :], state)
            outputs.append(output)
    return tf.reduce_max(tf.stack(outputs, axis=1), axis=1)


@pytest.mark.slow
def test_a_loop_in_python_is_one_layer_as_well():
    source = draft_programs_test.drafted(recurrent(by_hand))
    assert source.count("tf1_semantics.recurrent.StaticRNN(") == 1
    assert "keras.ops.max(x, axis=1)" in source and "[:, " not in source


def split(x):
    """Time first and flat, as the first tutorials fed static_rnn."""
    rows = tf.reshape(tf.transpose(x, [1, 0, 2]), [-1, FEATURES])
    outputs, _ = tf.nn.static_rnn(cell(), tf.split(rows, STEPS, 0), dtype=tf.float32)
    return outputs[-1]


@pytest.mark.slow
def test_rows_that_were_split_are_stacked_for_the_layer():
    source = draft_programs_test.drafted(recurrent(split))
    assert f"keras.ops.stack(keras.ops.split(x, {STEPS}))" in source
    assert "time_major=True" in source and "x = x[-1]" in source


def looped(with_lengths):
    def network(x):
        lengths = None
        if with_lengths:
            lengths = tf.placeholder(tf.int32, [None], "lengths")
        outputs, states = tf.nn.bidirectional_dynamic_rnn(
            cell("GRUCell"), cell("GRUCell"), x, lengths, dtype=tf.float32
        )
        return tf.concat([tf.reduce_sum(tf.concat(outputs, 2), 1), *states], 1)

    return network


@pytest.mark.slow
@pytest.mark.parametrize("with_lengths", [False, True])
def test_a_loop_from_both_ends_is_one_layer(with_lengths):
    source = draft_programs_test.drafted(
        recurrent(looped(with_lengths)), y_true="y_true"
    )
    assert source.count("tf1_semantics.recurrent.BidirectionalDynamicRNN(") == 1
    assert "(fw, bw), (state, state_2) = " in source
    assert "everse" not in source and "tf1_weights(" in source
