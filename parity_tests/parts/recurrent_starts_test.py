"""What recurrent parts start with, against 1.15.5: elsewhere weights are assigned."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.parts.recurrent_twins import cell_of_twin
from parity_tests.witness import stored
from parity_tests.witness.programs import cells as of_1_15_5
from tf1_graph.parts import recurrent as tf1_recurrent
from tf2_keras import tf1_semantics
from tf2_keras.tf1_semantics.recurrent import (
    BidirectionalDynamicRNN,
    DynamicRNN,
    GRUCell,
)

SEEDED = tf1_semantics.initializers.GlorotUniform(seed=of_1_15_5.OP_SEED)
CASES = pytest.mark.parametrize("case", of_1_15_5.CELLS)


def seeded(cell):
    """(name, arguments) with what TF1 took from its variable scope."""
    name, arguments = cell
    arguments = {
        key: seeded(value) if key == "cell" else value
        for key, value in arguments.items()
    }
    if "cells" in arguments:
        arguments["cells"] = list(map(seeded, arguments["cells"]))
    elif "cell" not in arguments:
        arguments["initializer" if name == "LSTMCell" else "kernel_initializer"] = (
            SEEDED
        )
    return name, arguments


def part_of(cell):
    """The same with the names of parts."""
    name, arguments = cell
    arguments = {
        key: part_of(value) if key == "cell" else value
        for key, value in arguments.items()
    }
    if "cells" in arguments:
        arguments["cells"] = list(map(part_of, arguments["cells"]))
    return f"recurrent.{name}", arguments


def weights_of(cells, seed=tf1_recurrent.SEED, **options):
    """{name of TF1's variable: initial value} of a loop over these cells."""
    dtype = options.get("dtype", "float32")
    made = [cell_of_twin(part_of(cell), dtype, seed) for cell in cells]
    loop = DynamicRNN if len(made) == 1 else BidirectionalDynamicRNN
    layer = loop(*made, **options)
    layer.build((None, None, of_1_15_5.FEATURES))
    return {name: weight.numpy() for name, weight in layer.tf1_weights().items()}


def of_tf1(case):
    """{name of the variable: initial value} as 1.15.5 had it, in its order."""
    return {
        key.removeprefix(f"{case}: "): value
        for key, value in stored.computed("cells").items()
        if key.startswith(f"{case}: ")
    }


def test_the_golden_is_what_its_provenance_says():
    stored.require_provenance("cells")


@CASES
def test_seeded_initial_values_are_those_of_1_15_5(case):
    expected = of_tf1(case)
    received = weights_of(list(map(seeded, of_1_15_5.CELLS[case])))
    assert list(received) == list(expected)
    for name, value in expected.items():
        assert received[name].tobytes() == value.tobytes(), name


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@CASES
def test_without_an_initializer_biases_are_tf1_s_and_kernels_of_its_range(case, dtype):
    keras.utils.set_random_seed(1)
    weights = weights_of(of_1_15_5.CELLS[case], seed=None, dtype=dtype)
    for name, value in of_tf1(case).items():
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
    values = weights_of(of_1_15_5.CELLS["both directions"], seed=None)
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


@pytest.mark.parametrize("case", ["GRUCell", "peepholes and a projection"])
def test_states_start_at_zero(case):
    """An untrained loop is that of zeros given, as dynamic_rnn's was."""
    (cell,) = (cell_of_twin(part_of(cell)) for cell in of_1_15_5.CELLS[case])
    layer = DynamicRNN(cell)
    x = tf.constant(np.random.RandomState(0).standard_normal((2, 5, 3)), tf.float32)
    zeros = tf.nest.map_structure(lambda size: tf.zeros([2, size]), cell.state_size)
    results = [layer(x), layer(x, initial_state=zeros)]
    pairs = zip(*map(tf.nest.flatten, results), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)
