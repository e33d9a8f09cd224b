"""TF1's cells and loops as Keras layers: in a model that is trained, saved, asked."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.pair.pair import Pair
from parity_tests.parts.recurrent_twins import cell_of_twin
from tf1_graph.parts import recurrent as tf1_recurrent
from tf1_graph.parts.recurrent import CLASSES, FEATURES, LSTM, UNITS
from tf2_keras import tf1_semantics, training
from tf2_keras.tf1_semantics.recurrent import (
    BasicLSTMCell,
    BidirectionalDynamicRNN,
    DynamicRNN,
    GRUCell,
    LSTMCell,
    MultiRNNCell,
)

BATCH, STEPS = 8, 32
OPTIMIZERS = {
    "Momentum": lambda: tf1_semantics.optimizers.Momentum(0.1, 0.9),
    "Adam": lambda: tf1_semantics.optimizers.Adam(0.01),
}


def moves():
    """Batches of sequences of up to 21 steps, the last one short."""
    random = np.random.RandomState(0)
    count = BATCH * STEPS - 3
    x = random.standard_normal((count, 21, FEATURES)).astype(np.float32)
    arrays = {
        "x": x,
        "sequence_length": random.randint(22, size=count).astype(np.int32),
        "y_true": random.randint(CLASSES, size=count),
    }
    for start in range(0, count, BATCH):
        yield (
            "train",
            {name: array[start : start + BATCH] for name, array in arrays.items()},
        )


def classifier(optimizer):
    """The twin of ``tf1_recurrent.classifier``."""
    initial = tf1_semantics.initializers.GlorotUniform(seed=tf1_recurrent.SEED)
    x = keras.Input((None, FEATURES), name="x")
    lengths = keras.Input((), dtype="int32", name="sequence_length")
    loop = DynamicRNN(BasicLSTMCell(UNITS, kernel_initializer=initial))
    _, (_, h) = loop(x, sequence_length=lengths)
    dense = keras.layers.Dense(CLASSES, use_bias=False, kernel_initializer=initial)
    bias = tf1_semantics.layers.AddBias()
    model = keras.Model({"x": x, "sequence_length": lengths}, bias(dense(h)))
    loss = tf1_semantics.losses.SparseSoftmaxCrossEntropy()
    model.compile(OPTIMIZERS[optimizer](), loss, jit_compile=False)
    weights = {**loop.tf1_weights(), "w": dense.kernel, "b": bias.bias}
    return training.compiled(model, {name: w.path for name, w in weights.items()})


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_classifier_is_trained_as_in_tf1(optimizer):
    program = tf1_recurrent.classifier(optimizer)
    with Pair(program, classifier(optimizer)) as pair:
        for level in training.LEVELS:
            comparison = pair.compare(moves, level).require_agreement()
            assert comparison.records == STEPS + 1
            assert {"loss", "gradients", "slots"} <= set(comparison.cells)


# Keras 3 writes a TensorFlow variable as NumPy 1 would.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_saved_model_goes_on_as_if_never_saved(tmp_path):
    """Its weights, its lengths, and the streams of its dropouts."""
    x = keras.Input((None, FEATURES))
    lengths = keras.Input((), dtype="int32")
    cell = cell_of_twin(
        (
            "recurrent.DropoutWrapper",
            {"cell": LSTM, "input_keep_prob": 0.5, "seed": (1, 2)},
        )
    )
    (forward, backward), states = BidirectionalDynamicRNN(
        MultiRNNCell([cell, GRUCell(3)]), LSTMCell(3, num_proj=2)
    )(x, sequence_length=lengths)
    model = keras.Model([x, lengths], [forward, backward, *tf.nest.flatten(states)])
    _, batch = next(moves())
    arguments = [tf.constant(batch[name][:4]) for name in ("x", "sequence_length")]
    first = model(arguments, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    second, of_loaded = (known(arguments, training=True) for known in (model, loaded))
    assert np.any(first[0] != second[0])
    for tensor, same in zip(second, of_loaded, strict=True):
        np.testing.assert_array_equal(tensor, same, strict=True)


@pytest.mark.parametrize("time_major", [False, True])
def test_a_symbol_of_a_loop_has_the_shapes_of_its_tensors(time_major):
    shape = (7, 2, FEATURES) if time_major else (2, 7, FEATURES)
    cells = [MultiRNNCell([LSTMCell(5, num_proj=4), GRUCell(3)]) for _ in range(3)]
    for layer in (
        DynamicRNN(cells[0], time_major),
        BidirectionalDynamicRNN(*cells[1:], time_major),
    ):
        symbols = layer(keras.Input(batch_shape=shape))
        tensors = layer(tf.ones(shape))
        tf.nest.assert_same_structure(symbols, tensors)
        for symbol, tensor in zip(
            *map(tf.nest.flatten, (symbols, tensors)), strict=True
        ):
            assert symbol.shape == tensor.shape and symbol.dtype == tensor.dtype.name
    cell = LSTMCell(5, num_proj=4)
    states = tuple(keras.Input(batch_shape=(2, size)) for size in cell.state_size)
    output, (c, h) = cell(keras.Input(batch_shape=(2, FEATURES)), states)
    assert (output.shape, c.shape, h.shape) == ((2, 4), (2, 5), (2, 4))


def test_evaluating_neither_drops_nor_moves_a_stream():
    spec = (
        "recurrent.DropoutWrapper",
        {"cell": LSTM, "output_keep_prob": 0.5, "seed": 3},
    )
    layer = DynamicRNN(cell_of_twin(spec))
    x = tf.ones([2, 5, FEATURES])
    outputs, _ = layer(x)
    assert np.all(outputs.numpy() != 0)
    assert [int(place) for place in layer.non_trainable_weights] == [0]
    layer(x, training=True)
    # TF1's kernel reserves 256 numbers an element, at each of the 5 steps.
    assert [int(place) for place in layer.non_trainable_weights] == [5 * 2 * 4 * 256]


def test_masks_do_not_depend_on_what_else_is_drawn_or_traced():
    spec = (
        "recurrent.DropoutWrapper",
        {"cell": LSTM, "state_keep_prob": 0.5, "seed": 3},
    )
    x = np.random.RandomState(0).standard_normal((4, 4, FEATURES)).astype(np.float32)
    runs = []
    for seed, traced in ((1, False), (2, True)):
        keras.utils.set_random_seed(seed)
        layer = DynamicRNN(cell_of_twin(spec))
        layer.build((None, None, FEATURES))
        step = tf.function(layer) if traced else layer
        runs.append([step(x[:size], training=True)[0].numpy() for size in (4, 2, 3)])
    for eager, of_function in zip(*runs, strict=True):
        assert eager.tobytes() == of_function.tobytes()
