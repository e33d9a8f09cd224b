"""The IDX format, in which MNIST is published: unsigned bytes of rank 1 or 3.

Source: http://yann.lecun.com/exdb/mnist/, "The IDX file format". A file is

    0 0 type rank | size of dimension 1 | ... | size of dimension rank | elements

with big-endian 32-bit sizes, elements in C order, and type 0x08 for unsigned bytes.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from parity_tests.datasets.errors import DatasetError
from parity_tests.datasets.files import LARGEST_FILE_BYTES, path_text, read_file

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08
RANKS = (1, 3)  # labels and images
LONGEST_HEADER = 4 + 4 * max(RANKS)
FETCH_AGAIN = "Fetch the file again, or copy it again in binary mode"


def read_idx(path) -> np.ndarray:
    """Reads one IDX file, gzipped or not; its content tells which, not its name.

    Args:
        path: the file.

    Returns:
        A writable uint8 array, `[items]` or `[items, rows, columns]`.

    Raises:
        DatasetError: the file cannot be read, or is not exactly one such array.
    """
    return decode_idx(read_file(path), path_text(path))


def decode_idx(content: bytes, name: str) -> np.ndarray:
    """Decodes the content of an IDX file, gzipped or not.

    Args:
        content: every byte of the file.
        name: what to call the file in a message.

    Returns:
        A writable uint8 array, `[items]` or `[items, rows, columns]`.

    Raises:
        DatasetError: the content is not exactly one such array.
    """
    if content[:2] != GZIP_MAGIC:
        shape, header_size = _decode_header(content[:LONGEST_HEADER], name)
        _check_length(len(content), header_size + _count(shape), name)
    else:
        # The header alone first. It tells how much to decompress at most, so that
        # neither a huge promise nor a huge stream is ever given memory.
        header = _decompress(content, LONGEST_HEADER, name)
        shape, header_size = _decode_header(header, name)
        expected = header_size + _count(shape)
        content = _decompress(content, expected + 1, name, whole=True)
        _check_length(len(content), expected, name)
    # Through a bytearray, since an array on top of bytes would be read-only.
    elements = np.frombuffer(bytearray(memoryview(content)[header_size:]), np.uint8)
    return elements.reshape(shape)


def encode_idx(array: np.ndarray) -> bytes:
    """The uncompressed IDX file of a uint8 array of rank 1 or 3; reads back the same.

    Raises:
        ValueError: another dtype or rank, or an array without elements.
    """
    if array.dtype != np.uint8 or array.ndim not in RANKS or array.size == 0:
        raise ValueError(
            "The array must be uint8, of rank 1 or 3, and hold an element. "
            f"Received: {array.dtype} of shape {array.shape}. Convert it first."
        )
    header = struct.pack(">4B", 0, 0, UNSIGNED_BYTE, array.ndim)
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return header + sizes + array.tobytes()


def _decode_header(header, name):
    """The shape, and the number of bytes the header takes."""
    if len(header) < 4 or header[:2] != b"\0\0":
        raise DatasetError(
            "An IDX file must start with two zero bytes, the type and the rank",
            f"{name!r} starting with {_spelled(header[:4])}",
            "Name an original IDX file, as it is or gzipped",
        )
    element_type, rank = header[2], header[3]
    if element_type != UNSIGNED_BYTE or rank not in RANKS:
        raise DatasetError(
            "An IDX file must hold unsigned bytes (type 08) of rank 1 or 3",
            f"{name!r} with type {element_type:02x} and rank {rank}",
            "Name an MNIST file of images or of labels",
        )
    header_size = 4 + 4 * rank
    if len(header) < header_size:
        raise DatasetError(
            f"An IDX header of rank {rank} must have {header_size} bytes",
            f"{name!r}, truncated after {len(header)} bytes",
            FETCH_AGAIN,
        )
    shape = struct.unpack_from(f">{rank}I", header, 4)
    if not 0 < _count(shape) <= LARGEST_FILE_BYTES:
        raise DatasetError(
            f"An IDX file must hold between 1 and {LARGEST_FILE_BYTES} elements",
            f"{name!r}, whose header promises the shape {shape}",
            FETCH_AGAIN,
        )
    return shape, header_size


def _count(shape):
    count = 1
    for size in shape:  # in Python's integers: the product may need 96 bits
        count *= size
    return count


def _check_length(length, expected, name):
    if length < expected:
        raise DatasetError(
            f"The header of {name!r} promises {expected} bytes in all",
            f"a truncated file of {length} bytes",
            FETCH_AGAIN,
        )
    if length > expected:
        raise DatasetError(
            f"The header of {name!r} promises {expected} bytes in all",
            "more bytes after them",
            FETCH_AGAIN,
        )


def _decompress(content, at_most, name, whole=False):
    """The first `at_most` bytes of a gzip stream.

    With `whole`, a stream that ends before `at_most` must end well: complete, its
    checksum right, and nothing after it.
    """
    # zlib itself rather than gzip.open, which ignores zeros behind the stream.
    decompressor = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        decompressed = decompressor.decompress(content, at_most)
    except zlib.error as error:
        raise DatasetError(
            "A gzipped file must be an intact gzip stream",
            f"{name!r} ({error})",
            FETCH_AGAIN,
        ) from error
    if len(decompressed) < at_most and not decompressor.eof:
        raise DatasetError(
            "A gzipped file must be a complete gzip stream",
            f"{name!r}, truncated after {len(content)} bytes",
            FETCH_AGAIN,
        )
    if whole and decompressor.unused_data:
        raise DatasetError(
            "A gzipped file must end with its gzip stream",
            f"{name!r}, bytes after the stream: {len(decompressor.unused_data)}",
            FETCH_AGAIN,
        )
    return decompressed


def _spelled(content):
    return " ".join(f"{byte:02x}" for byte in content) or "nothing"
