"""What recurrent parts start with where TF1's programs drew it: without a seed.

Seeded, they start as TF1 does: recurrent_test.py, and every_part_test.py for 1.15.5.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.parts.recurrent_twins import cell_of_twin
from tf1_graph import session
from tf1_graph.parts import recurrent as tf1_recurrent
from tf1_graph.parts.recurrent import FEATURES, GRU, PROJECTED
from tf2_keras.tf1_semantics.recurrent import (
    BidirectionalDynamicRNN,
    DynamicRNN,
    GRUCell,
    LSTMCell,
    MultiRNNCell,
    StaticRNN,
)

# Those that TF1 recorded with its own starts, initializers left out.
STARTS = {
    play: case
    for play, case in tf1_recurrent.CASES.items()
    if case.problem["start"]
    and case.problem["dtype"] == "float32"
    and not any("initializer" in argument for argument in case.arguments)
}


def weights_of(part, arguments, dtype="float32"):
    """{name of TF1's variable: initial value} of a loop without seeds."""
    specs, _ = tf1_recurrent.loop_of(part, arguments)
    made = [cell_of_twin(spec, dtype, seed=None) for spec in specs]
    loop = DynamicRNN if len(made) == 1 else BidirectionalDynamicRNN
    layer = loop(*made, dtype=dtype)
    layer.build((None, None, FEATURES))
    return {name: weight.numpy() for name, weight in layer.tf1_weights().items()}


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("play", STARTS)
def test_without_an_initializer_biases_are_tf1_s_and_kernels_of_its_range(play, dtype):
    keras.utils.set_random_seed(1)
    part, arguments, problem, _ = STARTS[play]
    weights = weights_of(part, arguments, dtype)
    program = tf1_recurrent.program(part, arguments, problem)
    (start,) = session.play(program, [])
    assert list(weights) == list(start["initial values"])
    for name, value in start["initial values"].items():
        received = weights[name]
        assert received.dtype == dtype
        if name.endswith("bias"):
            expected = value.astype(dtype)
            np.testing.assert_array_equal(received, expected, strict=True)
            continue
        # TF1's seeded numbers are of the same distribution: glorot_uniform.
        rows, columns = value.shape if value.ndim == 2 else value.shape * 2
        limit = np.sqrt(6 / (rows + columns))
        assert np.abs(value).max() <= limit
        assert np.abs(received).max() <= limit * (1 + 1e-3), name
        if received.size > 30:  # all of them so small: once in 10^15 draws
            assert np.abs(received).max() > 0.3 * limit, name


def test_kernels_without_a_seed_differ():
    values = weights_of(*PROJECTED)
    kernels = [value for name, value in values.items() if "diag" in name]
    assert len(kernels) == 3
    assert not any(np.array_equal(kernels[0], other) for other in kernels[1:])


def test_a_gru_s_gates_start_open_unless_they_are_told():
    for initializer, gates, candidate in (
        (None, 1, 0),
        ("zeros", 0, 0),
        ("ones", 1, 1),
    ):
        cell = GRUCell(3, bias_initializer=initializer)
        cell.build((None, 2))
        assert cell.gate_bias.numpy().tolist() == [gates] * 6
        assert cell.candidate_bias.numpy().tolist() == [candidate] * 3


def test_a_gru_s_kernels_start_alike_unless_they_are_told():
    for options, candidate in (({}, 2), ({"candidate_kernel_initializer": "ones"}, 1)):
        start = keras.initializers.Constant(2)
        cell = GRUCell(3, kernel_initializer=start, **options)
        cell = GRUCell.from_config(cell.get_config())
        cell.build((None, 2))
        assert np.unique(cell.gate_kernel).tolist() == [2]
        assert np.unique(cell.candidate_kernel).tolist() == [candidate]


@pytest.mark.parametrize("spec", [GRU, PROJECTED], ids=lambda spec: spec[0])
def test_states_start_at_zero(spec):
    """An untrained loop is that of zeros given, as dynamic_rnn's was."""
    cell = cell_of_twin(spec)
    layer = DynamicRNN(cell)
    x = tf.constant(np.random.RandomState(0).standard_normal((2, 5, 3)), tf.float32)
    zeros = tf.nest.map_structure(lambda size: tf.zeros([2, size]), cell.state_size)
    results = [layer(x), layer(x, initial_state=zeros)]
    pairs = zip(*map(tf.nest.flatten, results), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)


@pytest.mark.parametrize("network", [DynamicRNN, StaticRNN])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "function"])
def test_a_state_that_is_kept_is_the_one_that_was_fed(network, compiled):
    cell = MultiRNNCell([LSTMCell(3), GRUCell(2)])
    kept, fed = network(cell, stateful=True), network(cell)
    call = tf.function(kept) if compiled else kept
    batches = np.random.RandomState(0).standard_normal([3, 2, 4, 5]).astype(np.float32)
    for _ in range(2):
        state = None
        for batch in batches:
            outputs, state = fed(batch, initial_state=state)
            for ours, theirs in zip(
                tf.nest.flatten(call(batch)),
                tf.nest.flatten([outputs, state]),
                strict=True,
            ):
                np.testing.assert_array_equal(ours, theirs, strict=True)
        kept.reset_state()
    assert len(kept.trainable_weights) == len(fed.trainable_weights) == 6
    other = network.from_config(kept.get_config())
    with pytest.raises(
        ValueError, match=r"^batch must be .* Received: .* Use keras\.I"
    ):
        other(keras.Input([4, 5]))
