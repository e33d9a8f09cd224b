"""Claims about reading IDX files, and about the files and folders around them."""

import contextlib
import errno
import gzip
import os
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.datasets import DatasetError, files
from parity_tests.datasets.idx import decode_idx, encode_idx, read_idx

LABELS = np.array([5, 0, 4], np.uint8)
IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)

LABELS_FILE = b"\x00\x00\x08\x01" + b"\x00\x00\x00\x03" + b"\x05\x00\x04"
IMAGES_FILE = (
    b"\x00\x00\x08\x03"
    + b"\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04"
    + bytes(range(24))
)

BOTH_RANKS = pytest.mark.parametrize(
    "array, content",
    [(LABELS, LABELS_FILE), (IMAGES, IMAGES_FILE)],
    ids=["labels", "images"],
)


@st.composite
def idx_arrays(draw):
    """uint8 arrays of rank 1 or 3 that hold at least one element."""
    rank = draw(st.sampled_from([1, 3]))
    sizes = st.integers(min_value=1, max_value=6)
    shape = draw(st.tuples(*[sizes] * rank))
    count = int(np.prod(shape))
    content = draw(st.binary(min_size=count, max_size=count))
    return np.frombuffer(content, np.uint8).reshape(shape)


def gzipped(content, level=9):
    """A gzip stream that holds no time, so that it is the same in every run."""
    return gzip.compress(content, level, mtime=0)


EACH_FILE = pytest.mark.parametrize(
    "content", [LABELS_FILE, IMAGES_FILE], ids=["labels", "images"]
)
PLAIN_AND_GZIPPED = pytest.mark.parametrize(
    "pack", [bytes, gzipped], ids=["plain", "gzipped"]
)


def assert_refused(content, match="Received: "):
    with pytest.raises(DatasetError, match=match):
        decode_idx(content, "digits")


# ---- what is read


@BOTH_RANKS
def test_file_is_read_as_its_format_says(tmp_path, array, content):
    path = tmp_path / "digits"
    path.write_bytes(content)
    received = read_idx(path)
    assert received.dtype == np.uint8
    np.testing.assert_array_equal(received, array, strict=True)


@BOTH_RANKS
def test_gzip_is_told_by_content_and_not_by_name(tmp_path, array, content):
    (tmp_path / "packed").write_bytes(gzipped(content))
    (tmp_path / "plain.gz").write_bytes(content)
    np.testing.assert_array_equal(read_idx(tmp_path / "packed"), array, strict=True)
    np.testing.assert_array_equal(read_idx(tmp_path / "plain.gz"), array, strict=True)


@BOTH_RANKS
def test_encoding_writes_the_bytes_of_the_format(array, content):
    assert encode_idx(array) == content


@given(array=idx_arrays(), zipped=st.booleans())
def test_encoded_array_reads_back_the_same(array, zipped):
    content = encode_idx(array)
    content = gzipped(content) if zipped else content
    np.testing.assert_array_equal(decode_idx(content, "digits"), array, strict=True)


@EACH_FILE
@PLAIN_AND_GZIPPED
def test_array_may_be_written_to(content, pack):
    decode_idx(pack(content), "digits")[...] = 7


@pytest.mark.parametrize(
    "array",
    [np.zeros(3), np.zeros((2, 2), np.uint8), np.zeros(0, np.uint8)],
    ids=["float64", "rank 2", "no element"],
)
def test_only_what_reads_back_is_encoded(array):
    with pytest.raises(ValueError, match="Received: "):
        encode_idx(array)


# ---- damaged files


@EACH_FILE
def test_truncated_file_is_refused_wherever_it_breaks_off(content):
    for length in range(len(content)):
        assert_refused(content[:length])


@EACH_FILE
def test_truncated_gzip_is_refused_wherever_it_breaks_off(content):
    packed = gzipped(content)
    for length in range(len(packed)):
        assert_refused(packed[:length])


@EACH_FILE
def test_trailing_bytes_are_refused(content):
    assert_refused(content + b"\0", "more bytes")
    assert_refused(gzipped(content + b"\0"), "more bytes")


@pytest.mark.parametrize(
    "trail", [b"\0", b"x", gzipped(b"x")], ids=["a zero", "a letter", "a stream"]
)
def test_bytes_behind_the_gzip_stream_are_refused(trail):
    assert_refused(gzipped(IMAGES_FILE) + trail, "after the stream")


@given(array=idx_arrays(), data=st.data())
def test_flipped_bit_in_the_header_is_refused(array, data):
    content = bytearray(encode_idx(array))
    bit = data.draw(st.integers(0, 8 * (4 + 4 * array.ndim) - 1))
    content[bit // 8] ^= 1 << bit % 8
    assert_refused(bytes(content))


def test_flipped_bit_in_a_gzip_stream_never_changes_the_array():
    packed = gzipped(IMAGES_FILE)
    for bit in range(8 * len(packed)):
        flipped = bytearray(packed)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            received = decode_idx(bytes(flipped), "digits")
        except DatasetError:
            continue
        # The time stamp and the like: bits that say nothing about the content.
        np.testing.assert_array_equal(received, IMAGES, strict=True)


def test_wrong_checksum_is_refused():
    packed = bytearray(gzipped(IMAGES_FILE))
    packed[-8] ^= 1
    assert_refused(bytes(packed), "incorrect data check")


@given(content=st.binary(max_size=64), zipped=st.booleans())
def test_arbitrary_bytes_are_read_or_refused_and_nothing_else(content, zipped):
    content = gzipped(content) if zipped else content
    with contextlib.suppress(DatasetError):
        decode_idx(content, "digits")


@pytest.mark.parametrize(
    "header, received",
    [
        (b"\x00\x00\x0d\x01", "type 0d and rank 1"),
        (b"\x00\x00\x08\x02", "type 08 and rank 2"),
        (b"\x00\x00\x08\x00", "type 08 and rank 0"),
        (b"\x89PNG", "89 50 4e 47"),
    ],
)
def test_other_formats_are_refused_by_what_they_start_with(header, received):
    assert_refused(header + LABELS_FILE[4:], received)


def test_array_without_elements_is_refused():
    assert_refused(b"\x00\x00\x08\x01" + bytes(4), "between 1 and")
    assert_refused(b"\x00\x00\x08\x03" + b"\xff" * 8 + bytes(4), "between 1 and")


@PLAIN_AND_GZIPPED
@pytest.mark.parametrize(
    "sizes",
    [
        b"\xff" * 12,
        b"\x00\x01\x00\x00" * 2 + b"\x00\x00\x10\x00",
        b"\x00\x00\x04\x00" * 3,
    ],
    ids=["96 bits", "16 TiB", "1 GiB"],
)
def test_absurd_promise_in_the_header_is_given_no_memory(pack, sizes):
    content = pack(b"\x00\x00\x08\x03" + sizes + bytes(100))
    tracemalloc.start()
    try:
        assert_refused(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_stream_longer_than_its_header_says_is_given_no_memory():
    content = gzipped(LABELS_FILE + bytes(2**24), 1)
    tracemalloc.start()
    try:
        assert_refused(content, "more bytes")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


# ---- paths


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="No such file"):
        read_idx(tmp_path / "absent")


def test_folder_instead_of_a_file_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="Received: the folder"):
        read_idx(tmp_path)


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(DatasetError, match="must not be empty"):
        read_idx(tmp_path / "empty")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_named_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="a regular file"):
        read_idx(tmp_path / "pipe")


def test_huge_file_is_refused_unread(tmp_path, monkeypatch):
    (tmp_path / "huge").write_bytes(bytes(101))
    monkeypatch.setattr(files, "LARGEST_FILE_BYTES", 100)
    with pytest.raises(DatasetError, match="with 101 bytes"):
        read_idx(tmp_path / "huge")


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, ""], ids=["NUL", "long", "empty"])
def test_impossible_path_is_refused(path):
    with pytest.raises(DatasetError, match="Check the spelling"):
        read_idx(path)


@pytest.mark.parametrize("path", [None, 3, 1.5])
def test_path_of_another_type_is_refused(path):
    with pytest.raises(DatasetError, match=type(path).__name__):
        read_idx(path)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_file_that_the_system_does_not_open_is_refused(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    (tmp_path / "digits").write_bytes(LABELS_FILE)
    monkeypatch.setattr(files, "open", refuse, raising=False)
    with pytest.raises(DatasetError, match=os.strerror(code)):
        read_idx(tmp_path / "digits")


@pytest.mark.usefixtures("permissions_bind")
def test_file_without_read_permission_is_refused(tmp_path):
    path = tmp_path / "digits"
    path.write_bytes(LABELS_FILE)
    path.chmod(0)
    with pytest.raises(DatasetError, match="Grant yourself read permission"):
        read_idx(path)


# ---- the exception


def test_message_is_one_line_of_rule_received_remedy():
    error = DatasetError("The rule", "a\nb", "Do this")
    assert str(error) == "The rule. Received: a b. Do this."


def test_line_break_in_a_path_does_not_break_the_message(tmp_path):
    with pytest.raises(DatasetError) as caught:
        read_idx(tmp_path / "two\nlines")
    assert "\n" not in str(caught.value)
    assert r"two\nlines" in str(caught.value)


def test_exception_survives_pickling():
    error = DatasetError("The rule", "that", "Do this")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
