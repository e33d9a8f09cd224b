"""Claims about pickled batches: those of CIFAR-10, damaged ones, ones that mean harm."""

import os
import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.datasets import DatasetError, batch_pickle
from parity_tests.datasets.batch_pickle import decode_batch
from parity_tests.datasets.cifar10_batches import (
    batch,
    written_by_python_2,
    written_by_python_3,
)

EACH_WRITER = pytest.mark.parametrize(
    "write", [written_by_python_2, written_by_python_3], ids=["python 2", "python 3"]
)


def assert_refused(content, match="Received: "):
    with pytest.raises(DatasetError, match=match) as caught:
        decode_batch(content, "data_batch_1")
    message = str(caught.value)
    assert "data_batch_1" in message and len(message) < 500


# ---- honest pickles


@EACH_WRITER
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


@EACH_WRITER
def test_batch_of_the_true_length_is_decoded(write):
    pixels, labels = batch(rows=10_000)
    received = decode_batch(write(pixels, labels), "data_batch_1")
    np.testing.assert_array_equal(received[0], pixels, strict=True)


def test_batch_in_fortran_order_is_decoded():
    pixels, labels = batch()
    content = pickle.dumps({b"data": np.asfortranarray(pixels), b"labels": labels}, 2)
    np.testing.assert_array_equal(
        decode_batch(content, "data_batch_1")[0], pixels, strict=True
    )


def test_numpy_1_and_numpy_2_names_are_both_admitted():
    content = written_by_python_3(*batch())
    old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    new = old.replace(b"numpy.core.multiarray", b"numpy._core.multiarray")
    assert old != new
    for spelled in (old, new):
        np.testing.assert_array_equal(
            decode_batch(spelled, "x")[0], batch()[0], strict=True
        )


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


@EACH_WRITER
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
        b"}(U\x01aU\x01bU\x01cu.",  # a key without a value
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
    np.testing.assert_array_equal(received, pixels, strict=True)


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


@pytest.fixture
def any_number_of_instructions(monkeypatch):
    monkeypatch.setattr(batch_pickle, "FEWEST_INSTRUCTIONS", 10 * DEPTH)


@pytest.mark.parametrize(
    "program",
    [
        b"]" * DEPTH + b"a" * (DEPTH - 1),
        b")" + b"\x85" * DEPTH,
        b"(" * DEPTH,
        b"}" + b")" + b"\x85" * DEPTH + b"Ns",
        b"}U\x04data" + b")" + b"\x85" * DEPTH + b"sU\x06labels]s",
        b"}U\x06labels]" + b")" + b"\x85" * DEPTH + b"asU\x04dataNs",
    ],
    ids=["lists", "tuples", "open groups", "a key to hash", "data", "labels"],
)
@pytest.mark.usefixtures("any_number_of_instructions")
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


def peak_of_refusal(content, match):
    """The most memory, in bytes, that refusing a pickle takes beside its content."""
    tracemalloc.start()
    try:
        assert_refused(content, match)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak


ONE_MEBIBYTE = 2**20
TEXT = b"X" + ONE_MEBIBYTE.to_bytes(4, "little") + b"a" * ONE_MEBIBYTE
ENCODE = b"h\x01h\x02X\x06\x00\x00\x00latin1\x86R"  # the text that is remembered


@pytest.mark.parametrize("times", [2, 4000])
def test_text_that_is_encoded_again_and_again_is_given_no_memory(times):
    kept = b"c_codecs\nencode\nq\x01" + TEXT + b"q\x02"
    content = b"\x80\x02](" + kept + ENCODE * times + b"e."
    # The text itself, and as much again for the one time that it may be encoded.
    assert peak_of_refusal(content, "each of its texts once") < 4 * ONE_MEBIBYTE


@pytest.mark.parametrize(
    "instruction",
    [b"]", b"}", b"(", b")", b"N", b"K\x07", b"Nq\x07", b"U\x01a", b"\x8a\x01\x07"],
)
def test_more_instructions_than_images_need_are_given_no_memory(instruction):
    content = b"\x80\x02" + instruction * 300_000 + b"."
    limit = len(content) // batch_pickle.BYTES_PER_INSTRUCTION
    limit += batch_pickle.FEWEST_INSTRUCTIONS
    peak = peak_of_refusal(content, "as few instructions as images need")
    assert peak < 300 * limit


def test_memory_that_a_recalled_list_could_take_is_not_given():
    """A list is recalled and appended to itself, which doubles nothing."""
    content = b"\x80\x02]q\x00" + b"(" + b"h\x00" * 2000 + b"e" + b"."
    assert_refused(content, "a list of list")


@pytest.mark.parametrize(
    "arguments",
    [b"U\xff" + b"a" * 255, b"](K\x01K\x02K\x03e", b"}U\x01aNs"],
    ids=["a string", "a list", "a dict"],
)
def test_arguments_that_are_no_tuple_are_refused(arguments):
    assert_refused(b"\x80\x02cnumpy\ndtype\n" + arguments + b"R.", "damaged near")


@pytest.mark.parametrize(
    "trail", [b"\0", b".", b"\x80\x02N."], ids=["a zero", "a stop", "a pickle"]
)
@EACH_WRITER
def test_bytes_behind_the_pickle_are_refused(write, trail):
    content = write(*batch()) + trail
    assert_refused(content, f"bytes after the pickle: {len(trail)}")


@pytest.mark.parametrize(
    "before", [b"N", b"(", b"N("], ids=["a value", "an open group", "both"]
)
def test_values_left_beside_the_batch_are_refused(before):
    content = written_by_python_2(*batch())
    assert_refused(content[:2] + before + content[2:], "leaves others on its stack")
