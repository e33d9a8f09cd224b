"""Claims about reading TF1 checkpoints: every format and dtype, and what is no checkpoint."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.migrate import written_checkpoints as written
from tf2_keras.migrate.checkpoint import partitions, reading, roles, wire, writing
from tf2_keras.migrate.checkpoint.errors import HandoverError

DTYPES = (
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "bool"),
)
NOT_IN_V1 = ("float16", "bfloat16", "complex128", "uint16")
STRINGS = [b"ab", b"", b"xyz\x00\xff" * 50]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """({name: array}, {format: prefix}) of what a Saver wrote."""
    folder = tmp_path_factory.mktemp("saved")
    numbers = np.random.RandomState(0)
    values = {}
    with tf1.Graph().as_default():
        for name in DTYPES:
            dtype = tf1.as_dtype(name).as_numpy_dtype
            values[name] = numbers.randint(0, 2, (3, 5)).astype(dtype)
            if np.dtype(name if name != "bfloat16" else "float32").kind in "if":
                values[name] = (values[name] * dtype(-3)).astype(dtype)
        values["empty"] = np.zeros((0, 3), np.float32)
        values["scalar"] = np.array(-7, np.int64)
        values["strings"] = np.array(STRINGS, object)
        for name, value in values.items():
            tf1.get_variable(name, initializer=tf1.constant(value))
        several = tf1.get_variable(
            "several",
            [70, 300],
            initializer=tf1.zeros_initializer(),
            partitioner=tf1.fixed_size_partitioner(7),
        )
        values["several"] = numbers.standard_normal((70, 300)).astype("f")
        in_v1 = [
            variable
            for variable in tf1.global_variables()
            if variable.dtype.base_dtype.name not in NOT_IN_V1
        ]
        savers = {
            "V2": tf1.train.Saver(),
            "V2, sharded": tf1.train.Saver(sharded=True),
            "V1": tf1.train.Saver(in_v1, write_version=1),
        }
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            pieces = np.split(values["several"], 7)
            session.run([p.assign(v) for p, v in zip(several, pieces, strict=True)])
            prefixes = {
                kind: saver.save(session, str(folder / kind.replace(", ", "_")))
                for kind, saver in savers.items()
            }
    prefixes["V1"] = str(folder / "V1")
    return values, prefixes


@pytest.mark.parametrize("kind", ["V2", "V2, sharded", "V1"])
def test_every_tensor_is_what_tensorflow_wrote(saved, kind):
    values, prefixes = saved
    checkpoint = reading.opened(prefixes[kind])
    assert checkpoint.kind == kind[:2]
    expected = {name for name in values if kind != "V1" or name not in NOT_IN_V1}
    assert set(checkpoint.entries) == expected
    for name, entry in checkpoint.entries.items():
        checkpoint.verify(name)
        np.testing.assert_array_equal(checkpoint.read(name), values[name], strict=True)
        assert entry.shape == values[name].shape


def test_tensorflow_reads_what_is_written_here(tmp_path):
    """So that what the claims below damage is whole before."""
    tensors, slices = written.example()
    prefix = written.written(tmp_path / "model.ckpt", *written.bundle(tensors, slices))
    reader = tf.train.load_checkpoint(prefix)
    checkpoint = reading.opened(prefix)
    assert set(reader.get_variable_to_shape_map()) == set(tensors)
    for name, value in tensors.items():
        theirs = np.asarray(reader.get_tensor(name))
        np.testing.assert_array_equal(theirs, value, strict=True)
        np.testing.assert_array_equal(checkpoint.read(name), value, strict=True)
    v1 = tmp_path / "v1.ckpt"
    floats = {n: a for n, a in tensors.items() if a.dtype == np.float32}
    v1.write_bytes(written.table(written.slice_pairs(floats)))
    for name, value in floats.items():
        ours = reading.opened(v1).read(name)
        np.testing.assert_array_equal(ours, value, strict=True)
        theirs = tf.train.load_checkpoint(str(v1)).get_tensor(name)
        np.testing.assert_array_equal(theirs, value, strict=True)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 5000, 70001])
def test_the_checksum_is_that_of_its_definition(size):
    content = np.random.RandomState(size).bytes(size)
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    assert wire.crc32c(content) == register ^ 0xFFFFFFFF
    in_two = wire.crc32c(content[size // 3 :], wire.crc32c(content[: size // 3]))
    assert in_two == register ^ 0xFFFFFFFF
    assert wire.crc32c(b"123456789") == 0xE3069283  # RFC 3720's


def test_the_places_that_a_checkpoint_is_named_by(saved, tmp_path):
    _, prefixes = saved
    prefix = pathlib.Path(prefixes["V2"])
    for path in (prefix, f"{prefix}.index", f"{prefix}.data-00000-of-00001"):
        assert reading.opened(path).prefix == str(prefix)
    assert reading.opened(prefix.parent).kind in (
        "V1",
        "V2",
    )  # of its file 'checkpoint'
    module = tf.Module()
    module.kernel = tf.Variable([1.0])
    tf.saved_model.save(module, str(tmp_path / "model"))
    assert reading.OBJECTS in reading.opened(tmp_path / "model").entries


def test_pieces_under_names_of_their_own_are_one_variable(tmp_path):
    """Slots as well, along whichever axis."""
    whole = np.arange(30, dtype=np.float32).reshape(3, 10)
    tensors = {}
    for number, piece in enumerate(np.split(whole, [3, 7], axis=1)):
        tensors[f"w/part_{number}"] = np.ascontiguousarray(piece)
        tensors[f"w/part_{number}/Adam"] = np.ascontiguousarray(-piece)
    tensors["bias"] = np.ones(3, np.float32)
    prefix = written.written(tmp_path / "model.ckpt", *written.bundle(tensors))
    joined = partitions.Joined(reading.opened(prefix))
    assert set(joined.entries) == {"w", "w/Adam", "bias"}
    np.testing.assert_array_equal(joined.read("w"), whole, strict=True)
    np.testing.assert_array_equal(joined.read("w/Adam"), -whole, strict=True)
    del tensors["w/part_1"]
    prefix = written.written(tmp_path / "cut.ckpt", *written.bundle(tensors))
    with pytest.raises(HandoverError, match="Pieces of a variable must be all there"):
        partitions.Joined(reading.opened(prefix))


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize(
    "scope", ["a", "ab", "abc", "dnn", "tower", "towers", "of_mine"]
)
def test_slots_of_pieces_that_were_made_in_a_scope_are_slots(tmp_path, scope, pieces):
    """As a DNNClassifier makes its own: the end of a piece's name is in a slot's."""
    prefix = str(tmp_path / "model.ckpt")
    with tf1.Graph().as_default(), tf1.Session() as session:
        partitioner = tf1.fixed_size_partitioner(pieces)
        with tf1.variable_scope(scope, partitioner=partitioner):
            kernel = tf1.get_variable("kernel", [4, 3])
            loss = tf1.reduce_sum(tf1.square(tf1.convert_to_tensor(kernel)))
            adam = tf1.train.AdamOptimizer()
            train = adam.minimize(loss)
            average = tf1.train.ExponentialMovingAverage(0.9)
            averages = average.apply(list(kernel))
        session.run(tf1.global_variables_initializer())
        session.run([train, averages])
        tf1.train.Saver().save(session, prefix)
        slots = {
            "Adam": [adam.get_slot(piece, "m") for piece in kernel],
            "Adam_1": [adam.get_slot(piece, "v") for piece in kernel],
            roles.EMA: [average.average(piece) for piece in kernel],
        }
        slots = session.run(slots)
    joined = partitions.Joined(reading.opened(prefix))
    told = roles.roles(joined.entries)
    received = {
        role.slot: joined.read(name)
        for name, role in told.items()
        if role.of == f"{scope}/kernel" and role.kind in (roles.SLOT, roles.AVERAGE)
    }
    assert received.keys() == slots.keys() and len(told) == 3 + len(slots)
    for slot, value in received.items():
        np.testing.assert_array_equal(value, np.concatenate(slots[slot]), strict=True)


# What is no checkpoint, or not whole.


@pytest.fixture
def small(tmp_path):
    tensors, slices = written.example()
    return written.written(tmp_path / "model.ckpt", *written.bundle(tensors, slices))


def refusal(path, name=None):
    with pytest.raises(HandoverError) as caught:
        checkpoint = reading.opened(path)
        if name is not None:
            checkpoint.read(name)
    said = str(caught.value)
    assert ". Received: " in said and "\n" not in said
    return said


def test_a_missing_shard_is_named(small):
    os.remove(f"{small}.data-00000-of-00001")
    assert "without model.ckpt.data-00000-of-00001" in refusal(small)


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
@pytest.mark.parametrize("kept", [0, 1, 47, 48, -1])
def test_a_file_that_is_cut_off_is_refused(small, ending, kept):
    path = pathlib.Path(small + ending)
    path.write_bytes(path.read_bytes()[:kept])
    assert "must be whole" in refusal(small)


def test_a_changed_byte_is_seen_before_it_is_a_weight(small):
    path = pathlib.Path(f"{small}.data-00000-of-00001")
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)
    assert "checksum" in refusal(small, "conv/kernel")


@pytest.mark.parametrize(
    "value, said",
    [
        (written.field(1, 99), "there is no dtype 99"),
        (written.field(1, 1) + written.field(2, written.shape([-1])), "no shape"),
        (written.field(1, 1) + written.field(2, written.shape([2**62])), "bytes for"),
        (written.field(1, 1) + written.field(5, 2**40), "ends at"),
        (written.field(1, 1) + written.field(3, 7) + written.field(5, 4), "shard 7"),
        (written.field(1, 1) + written.field(4, -4) + written.field(5, 4), "outside"),
        (b"\x80", "cut off"),
    ],
)
def test_an_index_that_cannot_be_meant_is_refused(tmp_path, value, said):
    pairs, data = written.bundle({"a": np.ones(3, np.float32)})
    prefix = written.written(tmp_path / "model.ckpt", [pairs[0], (b"b", value)], data)
    assert said in refusal(prefix)


def test_parts_that_leave_a_place_out_show_nothing_of_our_memory(tmp_path):
    """As many elements as the whole, but some of them twice."""
    values, slices = np.arange(1, 9, dtype=np.float32), [[(0, 4)], [(2, 4)]]
    bundle = written.bundle({"a": values}, {"a": slices})
    prefix = written.written(tmp_path / "model.ckpt", *bundle)
    received = reading.opened(prefix).read("a")
    expected = np.float32([1, 2, 3, 4, 5, 6, 0, 0])
    np.testing.assert_array_equal(received, expected, strict=True)


def test_a_v1_file_that_says_more_than_it_holds_is_refused(tmp_path):
    """Before any memory is asked for."""
    pairs = written.slice_pairs({"a": np.ones([2, 2], np.float32)})
    (_, meta), *rest = pairs
    said = written.field(2, written.shape([2, 2]))
    larger = written.field(2, written.shape([2, 99]))
    assert meta.count(said) == 1 and len(said) == len(larger)
    path = tmp_path / "old.ckpt"
    path.write_bytes(written.table([(b"", meta.replace(said, larger)), *rest]))
    assert "a is larger than its files" in refusal(path)


def test_a_path_without_a_checkpoint_shows_those_beside_it(small, tmp_path):
    assert small in refusal(tmp_path / "modle.ckpt")
    assert "no file 'checkpoint'" in refusal(tmp_path)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").touch()
    assert "saved without variables/variables.index" in refusal(tmp_path / "saved")
    other = tmp_path / "text"
    other.write_text("no checkpoint " * 10)
    assert "must be whole" in refusal(other)
    assert "Nearest: global_step" in refusal(small, "globl_step")


def test_hundreds_of_damaged_files_are_read_or_refused():
    """10 000 by ``python -m parity_tests.migrate.written_checkpoints 10000``."""
    outcomes = written.damaged_and_read(range(300))
    assert outcomes["read"] > 3 and outcomes["refused"] > 200


# Roles.


def test_names_say_what_they_are_for():
    entry = reading.Entry((3, 4), "float32")
    scalar = reading.Entry((), "float32")
    entries = {
        "dense/kernel": entry,
        "dense/kernel/Adam": entry,
        "dense/kernel/Adam_1": entry,
        "dense/kernel/mine_1": entry,
        "train/dense/kernel/RMSProp": entry,
        "dense/kernel/ExponentialMovingAverage": entry,
        "dense/kernel/adam_v": entry,
        "loss/ExponentialMovingAverage": scalar,
        "bn/moving_mean": entry,
        "beta1_power": scalar,
        "train/beta2_power_1": scalar,
        "global_step": reading.Entry((), "int64"),
        "epoch": reading.Entry((), "int32"),
        "vocabulary": reading.Entry((9,), "string"),
        "dense/bias/Adam": entry,
    }
    says = {name: role.says for name, role in roles.roles(entries).items()}
    assert says == {
        "dense/kernel": "weight",
        "dense/kernel/Adam": "slot Adam of AdamOptimizer",
        "dense/kernel/Adam_1": "slot Adam_1 of AdamOptimizer",
        "dense/kernel/mine_1": "slot mine_1 of mine",
        "train/dense/kernel/RMSProp": "slot RMSProp of RMSPropOptimizer",
        "dense/kernel/ExponentialMovingAverage": "moving average",
        "dense/kernel/adam_v": "slot adam_v of BERT's AdamWeightDecayOptimizer",
        "loss/ExponentialMovingAverage": "moving average",
        "bn/moving_mean": "moving statistics",
        "beta1_power": "power, beta1_power",
        "train/beta2_power_1": "power, beta2_power",
        "global_step": "step",
        "epoch": "other",
        "vocabulary": "other",
        "dense/bias/Adam": "weight",  # of no variable that is there
    }
    told = roles.roles(entries)
    assert told["train/dense/kernel/RMSProp"].of == "dense/kernel"


# Writing.


def test_a_checkpoint_is_written_tensor_by_tensor_as_tensorflow_reads_it(
    saved, tmp_path
):
    """Every dtype, strings and several blocks of names included; copied as well."""
    values, prefixes = saved
    many = {f"scope_{n:03d}/{'name' * 9}": np.float32(n) for n in range(200)}
    prefix = str(tmp_path / "written")
    writing.write(prefix, {**values, **{n: lambda v=v: v for n, v in many.items()}})
    copied = str(tmp_path / "copied")
    source = partitions.Joined(reading.opened(prefixes["V2, sharded"]))
    writing.rewrite(copied, source, {name: f"new/{name}" for name in values})
    for path, named in (
        (prefix, {**values, **many}),
        (copied, {f"new/{name}": value for name, value in values.items()}),
    ):
        ours, theirs = reading.opened(path), tf.train.load_checkpoint(path)
        assert (
            set(theirs.get_variable_to_shape_map()) == set(named) == set(ours.entries)
        )
        for name, value in named.items():
            np.testing.assert_array_equal(ours.read(name), value, strict=True)
            received = np.asarray(theirs.get_tensor(name))
            np.testing.assert_array_equal(received, value, strict=True)
    assert sorted(os.listdir(tmp_path)) == sorted(
        f"{name}{ending}"
        for name in ("copied", "written")
        for ending in (".data-00000-of-00001", ".index")
    )
