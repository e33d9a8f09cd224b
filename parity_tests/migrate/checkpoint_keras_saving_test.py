"""Claims about files of Keras's that are written tensor by tensor."""

import os
import tracemalloc

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.migrate import written_checkpoints
from parity_tests.migrate.checkpoint_models import (
    adam,
    array,
    checkpoint,
    compiled,
    require_equal,
    slots_by_path,
    weights,
    with_slots,
)
from tf2_keras.migrate.checkpoint import handover, keras_saving, wire, writing
from tf2_keras.migrate.checkpoint.errors import HandoverError

# Keras 3 writes a TensorFlow variable as NumPy 1 would.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    """Variables of 16 bytes and more are large, and read one by one; scalars are not."""
    monkeypatch.setattr(keras_saving, "LARGE", 16)


@keras.saving.register_keras_serializable("keras_saving_test")
class Doubled(keras.layers.Dense):
    """Saves its kernel in a form of its own."""

    def save_own_variables(self, store):
        store["doubled"] = 2 * np.asarray(self.kernel)

    def load_own_variables(self, store):
        self.kernel.assign(np.asarray(store["doubled"]) / 2)


@keras.saving.register_keras_serializable("keras_saving_test")
class Turned(keras.layers.Dense):
    """Asks its kernel for its value in all ways that a variable has, twice."""

    def save_own_variables(self, store):
        for _ in range(2):
            array, value = self.kernel.numpy(), self.kernel.value
        store["turned"] = array.T + 1
        store["negative"] = -array
        store["again"] = keras.ops.transpose(self.kernel) + keras.ops.transpose(value)
        store["first"] = array[0] * len(array)
        store["exact"] = np.array(self.kernel, np.float64)

    def load_own_variables(self, store):
        self.kernel.assign(np.asarray(store["exact"]))


@keras.saving.register_keras_serializable("keras_saving_test")
class Beside(keras.layers.Dense):
    """Saves its kernel as it is, and beside it what it computes of the same array."""

    def save_own_variables(self, store):
        kernel = np.asarray(self.kernel)
        store["kernel"], store["largest"] = kernel, np.abs(kernel).max()

    def load_own_variables(self, store):
        kernel = np.asarray(store["kernel"])
        assert np.abs(kernel).max() == np.asarray(store["largest"]) > 0
        self.kernel.assign(kernel)


def dense(*, dtype=None, kind=keras.layers.Dense, optimizer=adam):
    layers = [
        kind(4, use_bias=False, name="first", dtype=dtype),
        keras.layers.Dense(5, name="second"),
    ]
    return compiled(layers, (3,), optimizer())


def lstm():
    return compiled([keras.layers.LSTM(4, name="cell")], (None, 3), adam())


def gru():
    layer = keras.layers.GRU(4, reset_after=False, name="cell")
    return compiled([layer], (None, 3), adam())


DENSE = {
    "first/kernel": array(3, 4),
    "second/kernel": array(4, 5),
    "second/bias": array(5),
}
LSTM = {"rnn/lstm_cell/kernel": array(7, 16), "rnn/lstm_cell/bias": array(16)}
GRU = {
    "rnn/gru_cell/gates/kernel": array(7, 8),
    "rnn/gru_cell/gates/bias": array(8),
    "rnn/gru_cell/candidate/kernel": array(7, 4),
    "rnn/gru_cell/candidate/bias": array(4),
}
CASES = {
    "weights and slots": (dense, with_slots(DENSE)),
    "gates of an LSTM": (lstm, with_slots(LSTM)),
    "gates of a GRU, in two kernels": (gru, with_slots(GRU)),
    "a velocity with the rate in it": (
        lambda: dense(optimizer=lambda: keras.optimizers.SGD(0.1, 0.9)),
        {**DENSE, **{f"{name}/Momentum": 2 * v for name, v in DENSE.items()}},
    ),
    "a layer that saves in a form of its own": (
        lambda: dense(kind=Doubled),
        with_slots(DENSE),
    ),
    "a layer that asks in other ways": (
        lambda: dense(kind=Turned),
        with_slots(DENSE),
    ),
    "a layer that saves something beside its value": (
        lambda: dense(kind=Beside),
        with_slots(DENSE),
    ),
    "an average of Keras's": (
        lambda: dense(optimizer=lambda: keras.optimizers.SGD(0.1, use_ema=True)),
        {
            **DENSE,
            **{f"{n}/ExponentialMovingAverage": -v for n, v in DENSE.items()},
            "global_step": np.array(7, np.int64),
        },
    ),
}


def contents(path):
    """{name of a data set: (array, attributes)}."""
    with h5py.File(path) as file:
        listed = []
        file.visititems(lambda name, item: listed.append((name, item)))
        return {
            name: (item[()], dict(item.attrs))
            for name, item in listed
            if isinstance(item, h5py.Dataset)
        }


@pytest.mark.parametrize("case", CASES)
def test_the_file_is_the_one_that_keras_writes_of_the_loaded_model(case, tmp_path):
    """Data set by data set; made of a model that never had values."""
    build, tensors = CASES[case]
    prefix = checkpoint(tmp_path, tensors)
    model = build()
    handover.load(prefix, model)
    model.save_weights(tmp_path / "expected.weights.h5")
    with keras_saving.unallocated() as variables:
        model = build()
        plan = handover.plan(prefix, model)
    assert len(variables) >= 2
    path = tmp_path / "received.weights.h5"
    loaded = []
    keras_saving.save(plan, path, variables, on_item=lambda: loaded.append(1))
    assert len(loaded) == len(plan.items)
    received, expected = contents(path), contents(tmp_path / "expected.weights.h5")
    assert received.keys() == expected.keys()
    for name, (value, attributes) in expected.items():
        require_equal(received[name][0], value)
        assert received[name][1].keys() == attributes.keys()


@pytest.mark.parametrize(
    "case",
    [
        "weights and slots",
        "gates of an LSTM",
        "a layer that saves in a form of its own",
        "a layer that saves something beside its value",
    ],
)
def test_a_keras_archive_is_loaded_as_the_model_with_its_optimizer(case, tmp_path):
    build, tensors = CASES[case]
    prefix, path = checkpoint(tmp_path, tensors), tmp_path / "model.keras"
    with keras_saving.unallocated() as variables:
        model = build()
        plan = handover.plan(prefix, model)
    keras_saving.save(plan, path, variables)
    expected = build()
    handover.load(prefix, expected)
    received = keras.models.load_model(path)
    for name, value in weights(expected).items():
        require_equal(weights(received)[name], value)
    for ours, theirs in zip(
        received.optimizer.variables, expected.optimizer.variables, strict=True
    ):
        require_equal(ours.numpy(), theirs.numpy())
    assert sorted(os.listdir(tmp_path)) == sorted(
        [
            "model.keras",
            *(os.path.basename(prefix) + e for e in (".index", ".data-00000-of-00001")),
        ]
    )


def test_bfloat16_is_kept(tmp_path):
    """HDF5 does not know it: Keras writes its bytes, and so are ours."""
    halves = DENSE["first/kernel"].astype(tf.bfloat16.as_numpy_dtype)
    prefix, path = str(tmp_path / "model.ckpt"), tmp_path / "m.weights.h5"
    writing.write(prefix, {**DENSE, "first/kernel": halves})
    with keras_saving.unallocated() as variables:
        model = dense(dtype="bfloat16", optimizer=keras.optimizers.SGD)
    assert len(variables) == 3
    keras_saving.save(handover.plan(prefix, model), path, variables)
    again = dense(dtype="bfloat16", optimizer=keras.optimizers.SGD)
    again.load_weights(path)
    require_equal(weights(again)["first/kernel"], halves)
    require_equal(weights(again)["second/kernel"], DENSE["second/kernel"])


class Counting(keras.initializers.Ones):
    calls = 0

    def __call__(self, shape, dtype=None):
        Counting.calls += 1
        return super().__call__(shape, dtype)


def test_only_what_no_tensor_fills_gets_initial_values(tmp_path):
    Counting.calls = 0
    with keras_saving.unallocated() as variables:
        layers = [
            keras.layers.Dense(
                4, use_bias=False, name=name, kernel_initializer=Counting()
            )
            for name in ("first", "second")
        ]
        model = compiled(layers, (3,))
    assert Counting.calls == 0 and len(variables) == 2
    tensors = {"first/kernel": DENSE["first/kernel"]}
    plan = handover.plan(checkpoint(tmp_path, tensors), model)
    keras_saving.save(plan, tmp_path / "m.weights.h5", variables, partial=True)
    assert Counting.calls == 1
    again = compiled(layers, (3,))
    again.load_weights(tmp_path / "m.weights.h5")
    require_equal(weights(again)["first/kernel"], DENSE["first/kernel"])
    require_equal(weights(again)["second/kernel"], np.ones((4, 4), np.float32))
    # Outside of it variables are Keras's own again.
    assert "__init__" not in vars(keras.Variable)
    assert "value" not in vars(keras.Variable)


def memory_of_saving(plan, path, variables):
    """What Python and NumPy take at the highest, in bytes."""
    tracemalloc.start()
    try:
        keras_saving.save(plan, path, variables)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["m.weights.h5", "m.keras"])
def test_no_large_tensor_is_ever_in_memory(name, tmp_path):
    """All that is taken is a fraction of the largest."""
    large = array(1024, 1024)
    prefix = checkpoint(tmp_path, with_slots({"first/kernel": large}))
    with keras_saving.unallocated() as variables:
        layer = keras.layers.Dense(1024, use_bias=False, name="first")
        model = compiled([layer], (1024,), adam())
    most = memory_of_saving(handover.plan(prefix, model), tmp_path / name, variables)
    assert large.nbytes > 3 * wire.PIECE
    assert most < large.nbytes / 2


HEIGHT, WIDTH = 2048, 1024  # of a kernel of 8 MB


def v1(folder, tensors):
    """The path of a checkpoint of format V1."""
    path = folder / "old.ckpt"
    path.write_bytes(
        written_checkpoints.table(written_checkpoints.slice_pairs(tensors))
    )
    return str(path)


def pieces(kernel):
    """{name of a piece of the first kernel: its columns}."""
    left, right = np.split(kernel, [400], 1)
    return {"first/kernel/part_0": left, "first/kernel/part_1": right}


# {what a kernel is on its way: (folder, {TF1 name: array}) -> (a checkpoint, a map)}
IN_MEMORY = {
    "transposed": lambda folder, tensors: (
        checkpoint(folder, {"kernel": tensors["first/kernel"].T}),
        {"kernel": {"layout": "transposed", "of": ["first/kernel"]}},
    ),
    "a velocity": lambda folder, tensors: (
        checkpoint(folder, {**tensors, "first/kernel/Momentum": array(HEIGHT, WIDTH)}),
        None,
    ),
    "in two parts": lambda folder, tensors: (
        checkpoint(
            folder,
            tensors,
            {"first/kernel": [[(0, -1), (0, 512)], [(0, -1), (512, 512)]]},
        ),
        None,
    ),
    "in two pieces": lambda folder, tensors: (
        checkpoint(folder, pieces(tensors["first/kernel"])),
        None,
    ),
    "of format V1": lambda folder, tensors: (v1(folder, tensors), None),
}


@pytest.mark.parametrize("case", IN_MEMORY)
def test_what_does_not_lie_as_keras_has_it_is_in_memory_once(case, tmp_path):
    """The largest tensor and a fifth, whatever becomes of it."""
    tensors = {"first/kernel": array(HEIGHT, WIDTH)}
    prefix, names = IN_MEMORY[case](tmp_path, tensors)
    with keras_saving.unallocated() as variables:
        layer = keras.layers.Dense(WIDTH, use_bias=False, name="first")
        momentum = keras.optimizers.SGD(0.5, momentum=0.9 * (case == "a velocity"))
        model = compiled([layer], (HEIGHT,), momentum)
    plan = handover.plan(prefix, model, names)
    path = tmp_path / "m.weights.h5"
    most = memory_of_saving(plan, path, variables)
    assert most < 1.2 * tensors["first/kernel"].nbytes
    model.load_weights(path)
    require_equal(weights(model)["first/kernel"], tensors["first/kernel"])


INPUTS, UNITS = 1501, 517  # neither is a whole number of pieces, nor is their sum


def recurrent(kind, units, optimizer):
    """(a model of one recurrent layer, TF1's tensors of it)."""
    rows = INPUTS + units
    if kind == "lstm":
        layer = keras.layers.LSTM(units, name="rnn")
        widths = {"lstm_cell": 4 * units}
    else:
        layer = keras.layers.GRU(units, reset_after=False, name="rnn")
        widths = {"gru_cell/gates": 2 * units, "gru_cell/candidate": units}
    tensors = {}
    for name, width in widths.items():
        tensors[f"rnn/{name}/kernel"] = array(rows, width)
        tensors[f"rnn/{name}/bias"] = array(width)
    return compiled([layer], (None, INPUTS), optimizer), tensors


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_gates_change_their_places_a_few_rows_at_a_time(kind, tmp_path):
    """Of kernels that are larger than all that is taken; slots in their layout."""
    with keras_saving.unallocated() as variables:
        model, tensors = recurrent(kind, UNITS, adam())
    prefix, path = checkpoint(tmp_path, with_slots(tensors)), tmp_path / "m.keras"
    most = memory_of_saving(handover.plan(prefix, model), path, variables)
    largest = max(value.nbytes for value in tensors.values())
    assert largest > 30 * wire.PIECE and most < largest / 2
    expected, _ = recurrent(kind, UNITS, adam())
    handover.load(prefix, expected)
    received = keras.models.load_model(path)
    for path, value in weights(expected).items():
        require_equal(weights(received)[path], value)
    for path, value in slots_by_path(expected).items():
        require_equal(slots_by_path(received)[path], value)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_velocity_of_gates_has_the_rate_in_it(kind, tmp_path):
    def momentum():
        return keras.optimizers.SGD(0.3, momentum=0.9)

    model, tensors = recurrent(kind, 5, momentum())
    slots = {f"{name}/Momentum": value + 1 for name, value in tensors.items()}
    prefix, path = checkpoint(tmp_path, tensors | slots), tmp_path / "m.keras"
    keras_saving.save(handover.plan(prefix, model), path)
    expected, _ = recurrent(kind, 5, momentum())
    handover.load(prefix, expected)
    received = keras.models.load_model(path)
    for optimizers in zip(
        expected.optimizer.variables, received.optimizer.variables, strict=True
    ):
        value, again = map(np.asarray, optimizers)
        require_equal(again, value)


def test_gates_that_are_damaged_or_are_not_all_there(tmp_path):
    """The last bytes are no part of the kernel, whose rows come first."""
    model, tensors = recurrent("gru", 4, None)
    del tensors["rnn/gru_cell/candidate/bias"], tensors["rnn/gru_cell/gates/bias"]
    path, before = tmp_path / "m.weights.h5", weights(model)
    candidate = {"rnn/gru_cell/candidate/kernel": tensors.popitem()[1]}
    gates = checkpoint(tmp_path, tensors)
    keras_saving.save(handover.plan(gates, model), path, partial=True)
    again, _ = recurrent("gru", 4, None)
    again.load_weights(path)
    kernel = "rnn/gru_cell/kernel"
    require_equal(weights(again)[kernel][:, 8:], before[kernel][:, 8:])
    require_equal(
        weights(again)[kernel][:, :4], tensors["rnn/gru_cell/gates/kernel"][:INPUTS, 4:]
    )
    prefix = checkpoint(tmp_path, tensors | candidate)
    data = tmp_path / f"{prefix}.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[-1] ^= 1
    data.write_bytes(content)
    path = tmp_path / "damaged.weights.h5"
    with pytest.raises(HandoverError, match="is not what its checksum says"):
        keras_saving.save(handover.plan(prefix, model), path, partial=True)
    assert not path.exists()


def test_a_damaged_tensor_leaves_no_file(tmp_path):
    prefix = checkpoint(tmp_path, with_slots(DENSE))
    data = tmp_path / f"{prefix}.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[5] ^= 1
    data.write_bytes(content)
    before = sorted(os.listdir(tmp_path))
    model = dense()
    for name in ("m.weights.h5", "m.keras"):
        with pytest.raises(HandoverError, match="is not what its checksum says"):
            keras_saving.save(handover.plan(prefix, model), tmp_path / name)
        assert sorted(os.listdir(tmp_path)) == before
