"""Bytes as protocol buffers and checksums have them, read without TensorFlow.

A checkpoint may come from a stranger: what is read here is bounded by the bytes that
there are, and what cannot be meant is a ``Damaged``.

Source: protobuf's wire format; tensorflow/core/lib/hash/crc32c.h, io/ordered_code.cc.
"""

import google_crc32c
import numpy as np


class Damaged(ValueError):
    """Bytes that no TensorFlow wrote; the message says what is wrong with them."""


VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
PIECE = 2**18  # bytes of values at a time: they stay in a processor's cache
LONGEST_VARINT = 10  # bytes of 64 bits, seven each


def varint(data, place):
    """(the unsigned number at a place, the place after it)."""
    number = 0
    for index in range(LONGEST_VARINT):
        if place >= len(data):
            raise Damaged("a number is cut off")
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number & (2**64 - 1), place
    raise Damaged("a number has too many bytes")


def signed(number):
    """A number of 64 bits in two's complement."""
    return number - 2**64 if number >= 2**63 else number


def message(data):
    """{number of a field: [its values]}; of messages and strings the bytes."""
    data, place, fields = memoryview(data), 0, {}
    while place < len(data):
        key, place = varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = varint(data, place)
        elif kind in (FIXED64, FIXED32, BYTES):
            size = {FIXED64: 8, FIXED32: 4}.get(kind)
            if size is None:
                size, place = varint(data, place)
            if size > len(data) - place:
                raise Damaged("a field is cut off")
            value, place = data[place : place + size], place + size
            if kind != BYTES:
                value = int.from_bytes(value, "little")
        else:
            raise Damaged(f"a field has the unknown kind {kind}")
        fields.setdefault(number, []).append((kind, value))
    return fields


def last(fields, number, kind, default):
    """The value of a field that is there once at most."""
    values = fields.get(number)
    if not values:
        return default
    if values[-1][0] != kind:
        raise Damaged(f"field {number} has the kind {values[-1][0]}, not {kind}")
    return values[-1][1]


def text(fields, number):
    """The text of a field."""
    try:
        return bytes(last(fields, number, BYTES, b"")).decode("utf-8")
    except UnicodeDecodeError:
        raise Damaged("a name is no text") from None


def messages(fields, number):
    """[fields of each message] of a repeated field."""
    for kind, value in fields.get(number, ()):
        if kind != BYTES:
            raise Damaged(f"field {number} has the kind {kind}, not {BYTES}")
        yield message(value)


# Checksums.


def crc32c(data, crc=0):
    """The CRC-32C (Castagnoli) of bytes, continued from that of bytes before them."""
    # As an array, which is no copy: the library takes no memoryview.
    return google_crc32c.extend(crc, np.frombuffer(data, np.uint8))


def in_pieces(array):
    """Yields the bytes of an array, PIECE of them at a time, without a copy of it all."""
    for block in blocks(array):
        content = np.ascontiguousarray(block).reshape(-1).view(np.uint8)
        for begin in range(0, len(content), PIECE):
            yield content[begin : begin + PIECE]


def blocks(array):
    """Yields parts of an array in their order, each in one place or of few bytes."""
    row = array[:1].nbytes if array.ndim else 0
    if array.flags.c_contiguous:
        yield array
    elif row > PIECE:
        for part in array:
            yield from blocks(part)
    else:
        rows = PIECE // max(1, row)
        for begin in range(0, len(array), rows):
            yield array[begin : begin + rows]


def masked(crc):
    """A checksum as TensorFlow stores it."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


# Keys of slices: numbers and names so written that bytes sort as they do.


def slice_key(name, extents):
    """The key of a part of a tensor.

    Args:
        name: of the tensor.
        extents: (start, length) of each dimension; (0, -1) for the whole of it.
    """
    escaped = name.encode("utf-8").replace(b"\x00", b"\x00\xff")
    parts = [_increasing(0), escaped + b"\x00\x01", _increasing(len(extents))]
    parts += [_signed_increasing(number) for extent in extents for number in extent]
    return b"".join(parts)


def _increasing(number):
    size = (number.bit_length() + 7) // 8
    return bytes([size]) + number.to_bytes(size, "big")


def _signed_increasing(number):
    magnitude = ~number if number < 0 else number
    size = 1
    while magnitude >= 1 << (7 * size - 1):
        size += 1
    raw = bytearray(number.to_bytes(12, "big", signed=True)[-size:])
    header = ((1 << size) - 1) << (16 - size)  # so many ones
    raw[0] ^= header >> 8
    if size > 1:
        raw[1] ^= header & 0xFF
    return bytes(raw)
