"""Claims about CIFAR-10: both versions, and pickles that mean harm."""

import os
import pickle
import struct
import sys
import tracemalloc
import types
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.datasets import DatasetError, cifar10, files
from parity_tests.datasets.batch_pickle import decode_batch

ROWS = 3  # images in a batch


def batch(seed=0, rows=ROWS):
    """Pixels `[rows, 3072]` uint8 and a list of labels."""
    generator = np.random.RandomState(seed)
    pixels = generator.randint(0, 256, (rows, 3072)).astype(np.uint8)
    return pixels, generator.randint(0, 10, rows).tolist()


def written_by_python_2(pixels, labels):
    """The bytes that Python 2's cPickle and numpy write for a batch at protocol 2.

    Instruction by instruction, since Python 3 writes bytes and globals differently.
    """

    def string(content):
        if len(content) < 256:
            return b"U" + bytes([len(content)]) + content
        return b"T" + struct.pack("<i", len(content)) + content

    def integer(value):
        if value < 256:
            return b"K" + bytes([value])
        return b"M" + struct.pack("<H", value)

    rows, columns = map(integer, pixels.shape)
    minus_one = b"J" + b"\xff" * 4
    array = b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\nq\x05",
            *(b"cnumpy\nndarray\nq\x06", b"K\x00\x85q\x07", string(b"b")),
            *(b"\x87q\x08Rq\x09", b"(K\x01", rows, columns, b"\x86q\x0a"),
            *(b"cnumpy\ndtype\nq\x0b", string(b"u1"), b"K\x00K\x01\x87q\x0cRq\x0d"),
            *(b"(K\x03", string(b"|"), b"NNN", minus_one, minus_one, b"K\x00tq\x0eb"),
            *(b"\x89", string(pixels.tobytes()), b"tq\x0fb"),
        ]
    )
    names = [string(b"automobile_s_%06d.png" % index) for index in range(len(labels))]
    return b"".join(
        [
            *(b"\x80\x02}q\x01(", string(b"batch_label")),
            *(string(b"training batch 1 of 5"), b"q\x02"),
            *(string(b"labels"), b"]q\x03(", *map(integer, labels), b"e"),
            *(string(b"data"), array),
            *(string(b"filenames"), b"]q\x10(", *names, b"eu."),
        ]
    )


def written_by_python_3(pixels, labels):
    content = {
        b"batch_label": b"training batch 1 of 5",
        b"labels": labels,
        b"data": pixels,
        b"filenames": [b"automobile_s_000000.png"] * len(labels),
    }
    return pickle.dumps(content, protocol=2)


def binary(pixels, labels):
    return np.hstack([np.array(labels, np.uint8)[:, None], pixels]).tobytes()


WRITERS = {
    "python 2": (written_by_python_2, cifar10.PYTHON_FILES, "cifar-10-batches-py"),
    "python 3": (written_by_python_3, cifar10.PYTHON_FILES, "cifar-10-batches-py"),
    "binary": (binary, cifar10.BINARY_FILES, "cifar-10-batches-bin"),
}
EACH_VERSION = pytest.mark.parametrize("version", WRITERS)


def write_folder(folder, version, first_seed=0):
    write, names, _ = WRITERS[version]
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        (folder / name).write_bytes(write(*batch(first_seed + index)))


def images_of(pixels):
    """The slow and plain way from planes to channels last."""
    images = np.zeros((len(pixels), 32, 32, 3), np.uint8)
    for channel in range(3):
        for row in range(32):
            start = 1024 * channel + 32 * row
            images[:, row, :, channel] = pixels[:, start : start + 32]
    return images


def assert_loaded(received, first_seed=0):
    batches = [batch(first_seed + index) for index in range(6)]
    pixels = np.concatenate([pixels for pixels, _ in batches[:5]])
    labels = np.concatenate([labels for _, labels in batches[:5]]).astype(np.uint8)
    test_labels = np.array(batches[5][1], np.uint8)
    expected = images_of(pixels), labels, images_of(batches[5][0]), test_labels
    for array, expected_array in zip(received, expected):
        np.testing.assert_array_equal(array, expected_array, strict=True)
        assert array.flags.c_contiguous and array.flags.writeable


def assert_refused(content, match="Received: "):
    with pytest.raises(DatasetError, match=match) as caught:
        decode_batch(content, "data_batch_1")
    message = str(caught.value)
    assert "data_batch_1" in message and len(message) < 500


# ---- folders


@EACH_VERSION
def test_folder_is_read_directly(tmp_path, version):
    assert not cifar10.is_present(tmp_path)
    write_folder(tmp_path, version)
    assert cifar10.is_present(tmp_path)
    assert_loaded(cifar10.load(tmp_path))
    assert_loaded(cifar10.load(str(tmp_path)))


@EACH_VERSION
def test_folder_is_read_from_the_subfolder_of_its_archive(tmp_path, version):
    write_folder(tmp_path / WRITERS[version][2], version)
    assert cifar10.is_present(tmp_path)
    assert_loaded(cifar10.load(tmp_path))


def test_python_version_is_preferred(tmp_path):
    write_folder(tmp_path, "binary", first_seed=0)
    write_folder(tmp_path, "python 2", first_seed=10)
    assert_loaded(cifar10.load(tmp_path), first_seed=10)


def test_complete_version_is_preferred(tmp_path):
    write_folder(tmp_path, "python 2", first_seed=10)
    write_folder(tmp_path, "binary", first_seed=0)
    (tmp_path / "data_batch_3").unlink()
    assert_loaded(cifar10.load(tmp_path), first_seed=0)


@EACH_VERSION
def test_missing_batches_are_named(tmp_path, version):
    names = WRITERS[version][1]
    write_folder(tmp_path, version)
    (tmp_path / names[1]).unlink()
    (tmp_path / names[5]).unlink()
    with pytest.raises(DatasetError, match=f"without {names[1]}, {names[5]}. Unpack"):
        cifar10.load(tmp_path)
    assert cifar10.is_present(tmp_path)


def test_folder_without_batches_is_told_by_what_it_holds(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").touch()
    with pytest.raises(DatasetError, match="with 'cifar-10-python.tar.gz'. Unpack"):
        cifar10.load(tmp_path)


def test_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="must exist"):
        cifar10.load(tmp_path / "absent")
    assert not cifar10.is_present(tmp_path / "absent")


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").touch()
    with pytest.raises(DatasetError, match="must be a folder"):
        cifar10.load(tmp_path / "cifar-10-python.tar.gz")


def test_file_in_place_of_the_subfolder_is_refused(tmp_path):
    (tmp_path / "cifar-10-batches-py").touch()
    with pytest.raises(DatasetError, match="must be a folder"):
        cifar10.load(tmp_path)
    assert not cifar10.is_present(tmp_path)


def test_no_data_is_refused():
    with pytest.raises(DatasetError, match="none of it is embedded"):
        cifar10.load(None)


def test_file_that_the_system_does_not_open_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    write_folder(tmp_path, "binary")
    monkeypatch.setattr(files, "open", refuse, raising=False)
    with pytest.raises(DatasetError, match="data_batch_1.bin.*Permission denied"):
        cifar10.load(tmp_path)


# ---- the binary version


@pytest.mark.parametrize("change", [-1, 1, -3072])
def test_binary_batch_of_broken_rows_is_refused(tmp_path, change):
    write_folder(tmp_path, "binary")
    path = tmp_path / "test_batch.bin"
    content = path.read_bytes() + bytes(3073)
    path.write_bytes(content[: ROWS * 3073 + change])
    with pytest.raises(DatasetError, match="test_batch.bin.* too many"):
        cifar10.load(tmp_path)


def test_empty_binary_batch_is_refused(tmp_path):
    write_folder(tmp_path, "binary")
    (tmp_path / "data_batch_5.bin").write_bytes(b"")
    with pytest.raises(DatasetError, match="data_batch_5.bin"):
        cifar10.load(tmp_path)


def test_binary_label_above_nine_is_refused(tmp_path):
    write_folder(tmp_path, "binary")
    (tmp_path / "data_batch_2.bin").write_bytes(binary(batch()[0], [0, 10, 3]))
    with pytest.raises(DatasetError, match="labels from 0 to 10 in .*data_batch_2.bin"):
        cifar10.load(tmp_path)


# ---- honest pickles


@pytest.mark.parametrize("write", [written_by_python_2, written_by_python_3])
@given(rows=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_batch_of_any_length_is_decoded(write, rows, seed):
    pixels, labels = batch(seed, rows)
    received = decode_batch(write(pixels, labels), "data_batch_1")
    np.testing.assert_array_equal(received[0], pixels, strict=True)
    np.testing.assert_array_equal(received[1], np.array(labels, np.uint8), strict=True)


def test_python_2_bytes_are_what_pickle_and_numpy_understand():
    pixels, labels = batch()
    content = written_by_python_2(pixels, labels)
    with warnings.catch_warnings():
        # NumPy 2.4 deprecates the integer flags that Python 2's dtypes carry.
        warnings.filterwarnings("ignore", message=".*align should be passed")
        received = pickle.loads(content, encoding="bytes")
    np.testing.assert_array_equal(received[b"data"], pixels, strict=True)
    assert received[b"labels"] == labels
    assert received[b"batch_label"] == b"training batch 1 of 5"


def test_batch_of_the_true_length_is_decoded():
    pixels, labels = batch(rows=10_000)
    received = decode_batch(written_by_python_2(pixels, labels), "data_batch_1")
    np.testing.assert_array_equal(received[0], pixels, strict=True)


def test_batch_in_fortran_order_is_decoded():
    pixels, labels = batch()
    content = pickle.dumps({b"data": np.asfortranarray(pixels), b"labels": labels}, 2)
    np.testing.assert_array_equal(decode_batch(content, "data_batch_1")[0], pixels)


def test_numpy_1_and_numpy_2_names_are_both_admitted():
    content = written_by_python_3(*batch())
    old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    new = old.replace(b"numpy.core.multiarray", b"numpy._core.multiarray")
    assert old != new
    for spelled in (old, new):
        np.testing.assert_array_equal(decode_batch(spelled, "x")[0], batch()[0])


# ---- pickles of something else


@pytest.mark.parametrize(
    "content, received",
    [
        ([1, 2], "a list of int"),
        ({}, "no keys"),
        ({b"data": 1, b"fine_labels": 2}, "b'data', b'fine_labels'"),
        ({"data": batch()[0], "labels": batch()[1]}, "'data', 'labels'"),
        ({b"data": b"pixels", b"labels": [1]}, "a value of type bytes"),
        ({b"data": [1, 2], b"labels": [1]}, "a list of int"),
        ({b"data": batch()[0].astype(np.int64), b"labels": [1]}, "dtype 'i8'"),
        ({b"data": batch()[0].astype(np.int8), b"labels": [1]}, "dtype 'i1'"),
        ({b"data": batch()[0].astype(object), b"labels": [1]}, "dtype 'O8'"),
        ({b"data": batch()[0][:, 1:], b"labels": [1]}, r"shape \(3, 3071\)"),
        ({b"data": batch()[0][0], b"labels": [1]}, r"shape \(3072,\)"),
        ({b"data": batch()[0].reshape(3, 3, 1024), b"labels": [1]}, r"\(3, 3, 1024\)"),
        ({b"data": batch()[0], b"labels": [1, 2]}, "3 images and 2 labels"),
        ({b"data": batch()[0], b"labels": []}, "3 images and 0 labels"),
        ({b"data": batch()[0], b"labels": [1, 2, 10]}, "the label 10"),
        ({b"data": batch()[0], b"labels": [1, 2, -1]}, "the label -1"),
        ({b"data": batch()[0], b"labels": [1, 2, 2**2000]}, "the label 1148"),
        ({b"data": batch()[0], b"labels": [1, 2, True]}, "a list of bool, int"),
        ({b"data": batch()[0], b"labels": [1, 2, [3]]}, "a list of int, list"),
        ({b"data": batch()[0], b"labels": batch()[0]}, "an array"),
        ({b"data": batch()[0], b"labels": None}, "type NoneType"),
    ],
)
def test_batch_of_other_content_is_refused(content, received):
    assert_refused(pickle.dumps(content, protocol=2), f"Received: .*{received}")


def test_array_that_is_not_as_long_as_its_shape_is_refused():
    content = written_by_python_2(*batch())
    longer = content.replace(b"(K\x01K\x03M\x00\x0c", b"(K\x01K\x04M\x00\x0c")
    assert longer != content
    assert_refused(longer, "not as long as its shape")


def test_array_without_rows_is_refused():
    no_pixels = np.zeros((0, 3072), np.uint8)
    assert_refused(written_by_python_2(no_pixels, []), r"\(0, 3072\)")


def test_array_without_a_state_is_refused():
    bare = b"cnumpy.core.multiarray\n_reconstruct\nNNN\x87R"
    assert_refused(b"\x80\x02}(U\x04data" + bare + b"U\x06labels]u.", "an array")


# ---- damaged pickles


@pytest.mark.parametrize("write", [written_by_python_2, written_by_python_3])
def test_truncated_pickle_is_refused_wherever_it_breaks_off(write):
    content = write(np.zeros((1, 3072), np.uint8), [7])
    pixels = content.index(bytes(3072))
    for length in [*range(pixels + 2), *range(pixels + 3071, len(content))]:
        assert_refused(content[:length])


@given(data=st.data())
def test_changed_byte_is_decoded_or_refused_and_nothing_else(data):
    content = bytearray(written_by_python_2(np.zeros((1, 3072), np.uint8), [7]))
    pixels = content.index(bytes(3072))
    framing = [*range(pixels), *range(pixels + 3072, len(content))]
    index = data.draw(st.sampled_from(framing))
    content[index] = data.draw(st.integers(0, 255))
    try:
        pixels, labels = decode_batch(bytes(content), "data_batch_1")
    except DatasetError:
        return
    assert pixels.dtype == labels.dtype == np.uint8
    assert pixels.shape == (1, 3072) and labels.shape == (1,)


@given(content=st.binary(max_size=64))
def test_arbitrary_bytes_are_refused(content):
    assert_refused(content)


def test_file_of_another_kind_is_refused():
    assert_refused(b"\x1f\x8b\x08\x00", "instruction b'.x1f'")


# ---- pickles that mean harm


class Calls:
    """Pickles as a call, which an ordinary unpickler would make."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize(
    "function, name",
    [(os.system, "system"), (eval, "eval"), (exec, "exec"), (getattr, "getattr")],
)
@pytest.mark.parametrize("place", ["whole", "data", "labels", "filenames"])
def test_call_is_named_and_not_made(tmp_path, function, name, protocol, place):
    witness = tmp_path / "executed"
    harm = f"open({str(witness)!r}, 'w')"
    harm = Calls(function, f"touch {witness}" if function is os.system else harm)
    content = {b"data": batch()[0], b"labels": batch()[1], place.encode(): harm}
    content = harm if place == "whole" else content
    assert_refused(pickle.dumps(content, protocol), rf"\.{name}'")
    assert not witness.exists()


@pytest.mark.parametrize("protocol", [0, 1, 4, 5])
def test_call_at_a_foreign_protocol_is_not_made(tmp_path, protocol):
    witness = tmp_path / "executed"
    content = pickle.dumps(Calls(os.system, f"touch {witness}"), protocol)
    assert_refused(content, "Do not trust this file")
    assert not witness.exists()


@pytest.mark.parametrize(
    "module, name",
    [
        ("posix", "system"),
        ("numpy", "load"),
        ("numpy", "core.multiarray._reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("_codecs", "decode"),
        ("parity_tests.datasets.batch_pickle", "pickle"),
        ("__builtin__", "bytes"),
        ("line\x1b[2J\rbreak", "name" * 1000),
    ],
)
def test_global_outside_the_five_is_refused(module, name):
    content = b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"."
    assert_refused(content, "may name nothing but")


@pytest.mark.parametrize(
    "program",
    [
        b"\x82\x01.",  # EXT1: whatever the registry of extensions holds
        b"P1\n.",  # PERSID: an object that the program looks up
        b"c_codecs\nencode\n)\x81.",  # NEWOBJ
        b"(c_codecs\nencode\no.",  # OBJ
        b"(i_codecs\nencode\n.",  # INST
        b"\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x8f.",  # EMPTY_SET
        b"\x8b\xff\xff\xff\x7f.",  # LONG4
        b"\x96" + b"\xff" * 8 + b".",  # BYTEARRAY8
    ],
)
def test_instruction_outside_the_admitted_is_refused(program):
    assert_refused(b"\x80\x02" + program, "with the instruction")


@pytest.mark.parametrize(
    "program",
    [
        b"c_codecs\nencode\nU\x05hello\x85R.",  # too few arguments
        b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R.",
        b"cnumpy\nndarray\n)R.",  # to construct the array type itself
        b"cnumpy\ndtype\n)R.",
        b"c_codecs\nencode\n}U\x08__code__Nsb.",  # to change a function
        b"cnumpy\ndtype\n}U\x08__init__Nsb.",  # to change a class
        b"cnumpy\ndtype\nU\x08__init__Ns.",
        b"]K\x00K\x00s.",  # SETITEM on a list
        b"}(]K\x00u.",  # a list as a key
        b"}K\x00a.",  # APPEND to a dict
        b"R.",
        b"b.",
        b"t.",
        b".",
        b"h\x07.",  # GET what was never PUT
    ],
)
def test_misused_instruction_is_refused(program):
    assert_refused(b"\x80\x02" + program)


def test_refused_pickles_leave_the_next_one_unharmed():
    assert_refused(b"\x80\x02cnumpy\ndtype\nN}U\x05names]s\x86b.")
    pixels, labels = batch()
    received, _ = decode_batch(written_by_python_2(pixels, labels), "data_batch_1")
    np.testing.assert_array_equal(received, pixels)


@pytest.mark.parametrize(
    "program",
    [
        b"r\xff\xff\xff\x7f",  # PUT at an index of two thousand million
        b"T\xff\xff\xff\x7f",  # a string of two gibibytes
        b"X\xff\xff\xff\xff",
        b"B\xff\xff\xff\xff",
        b"T\xff\xff\xff\xff",  # a string of the length -1
    ],
)
def test_absurd_number_is_given_no_memory(program):
    tracemalloc.start()
    try:
        assert_refused(b"\x80\x02N" + program + b".")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


DEPTH = 200_000


@pytest.mark.parametrize(
    "program",
    [
        b"]" * DEPTH + b"a" * (DEPTH - 1),  # lists within lists
        b")" + b"\x85" * DEPTH,  # tuples within tuples
        b"(" * DEPTH,  # open groups
        b"}" + b")" + b"\x85" * DEPTH + b"Ns",  # as a key, which would be hashed
        b"}U\x04data" + b")" + b"\x85" * DEPTH + b"sU\x06labels]s",
        b"}U\x06labels]" + b")" + b"\x85" * DEPTH + b"asU\x04dataNs",
    ],
)
def test_deep_nest_is_refused(program):
    assert_refused(b"\x80\x02" + program + b".")


def terabytes_when_spelled_out():
    """Ten references to ten references to ... an empty tuple, forty levels high."""
    program = b")q\x00"
    for level in range(40):
        program += b"(" + 10 * bytes([pickle.BINGET[0], level]) + b"t"
        program += bytes([pickle.BINPUT[0], level + 1])
    return b"(" + program + b"t"


@pytest.mark.parametrize("place", ["shape", "dtype"])
def test_nest_that_would_spell_out_to_terabytes_is_refused_at_once(place):
    shape, dtype_name = b")", b"U\x02u1"
    if place == "shape":
        shape = terabytes_when_spelled_out()
    else:
        dtype_name = terabytes_when_spelled_out()
    dtype = b"cnumpy\ndtype\n" + dtype_name + b"NN\x87R"
    array = b"cnumpy.core.multiarray\n_reconstruct\nNNN\x87R"
    array += b"(K\x01" + shape + dtype + b"NU\x00tb"
    content = b"\x80\x02}(U\x04data" + array + b"U\x06labels]u."
    assert_refused(content, rf"an array of .*{place} \(\(")


# ---- keras.datasets


def pretend_keras(monkeypatch, load_data):
    """Puts a keras.datasets.cifar10 in place whose load_data is the given one."""
    module = types.SimpleNamespace(load_data=load_data)
    datasets = types.SimpleNamespace(cifar10=module)
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(datasets=datasets))
    monkeypatch.setitem(sys.modules, "keras.datasets", datasets)


def keras_half(seed):
    pixels, labels = batch(seed)
    return images_of(pixels), np.array(labels)[:, None]


def test_full_cifar10_comes_from_keras(monkeypatch):
    pretend_keras(monkeypatch, lambda: (keras_half(0), keras_half(1)))
    received = cifar10.load("full")
    expected = *keras_half(0), *keras_half(1)
    for array, expected_array in zip(received, expected):
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(array, np.squeeze(expected_array))


def test_keras_without_network_is_refused_with_a_remedy(monkeypatch):
    def offline():
        raise Exception("URL fetch failure on\nhttps://www.cs.toronto.edu")

    pretend_keras(monkeypatch, offline)
    with pytest.raises(DatasetError, match="URL fetch failure on https.*--data DIR"):
        cifar10.load("full")


def test_keras_with_channels_first_is_refused_with_a_remedy(monkeypatch):
    images, labels = keras_half(0)
    half = images.transpose(0, 3, 1, 2), labels
    pretend_keras(monkeypatch, lambda: (half, half))
    with pytest.raises(DatasetError, match="channels_last"):
        cifar10.load("full")
