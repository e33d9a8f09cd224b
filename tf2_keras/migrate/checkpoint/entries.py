"""One tensor of a checkpoint: where its values lie, looked at before they are read."""

import math
from typing import NamedTuple

import numpy as np

from tf2_keras.migrate.checkpoint.wire import (
    BYTES,
    FIXED32,
    VARINT,
    Damaged,
    last,
    message,
    messages,
    signed,
    varint,
)

# {number of a dtype in TensorFlow's protobufs: its name}; quantised ones as what they hold.
DTYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "complex64",
    9: "int64",
    10: "bool",
    11: "int8",
    12: "uint8",
    13: "int32",
    14: "bfloat16",
    15: "int16",
    16: "uint16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    20: "resource",
    21: "variant",
    22: "uint32",
    23: "uint64",
}
UNREADABLE = ("resource", "variant")
MOST_DIMENSIONS = 254  # TensorShape::MaxDimensions


class Entry(NamedTuple):
    """What an index says of one tensor.

    shape: sizes. dtype: name. slices: extents of its parts if it is partitioned, else ().
    shard, offset, size, crc: where its bytes are, in format V2.
    """

    shape: tuple
    dtype: str
    slices: tuple = ()
    shard: int = 0
    offset: int = 0
    size: int = 0
    crc: int = 0

    @property
    def elements(self):
        return math.prod(self.shape)

    @property
    def nbytes(self):
        """Of its values; of strings what the file takes for them."""
        if self.dtype in ("string", *UNREADABLE):
            return self.size
        return self.elements * numpy_dtype(self.dtype).itemsize


def numpy_dtype(name):
    """NumPy's dtype of that name."""
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(object if name == "string" else name)


def dtype_name(number):
    if number not in DTYPES:
        raise Damaged(f"there is no dtype {number}")
    return DTYPES[number]


def shape_of(fields):
    """The sizes in a TensorShapeProto."""
    if last(fields, 3, VARINT, 0):
        raise Damaged("a tensor has no shape")
    sizes = tuple(
        signed(last(dimension, 1, VARINT, 0)) for dimension in messages(fields, 2)
    )
    if len(sizes) > MOST_DIMENSIONS or min(sizes, default=0) < 0:
        raise Damaged(f"there is no shape {list(sizes)[:8]}")
    return sizes


def extents_of(fields):
    """((start, length), ...) in a TensorSliceProto; (0, -1) is all of a dimension."""
    return tuple(
        (
            signed(last(extent, 1, VARINT, 0)),
            signed(last(extent, 2, VARINT, 2**64 - 1)),
        )
        for extent in messages(fields, 1)
    )


def entry_of(data):
    """The ``Entry`` in a BundleEntryProto."""
    fields = message(data)
    return Entry(
        shape_of(message(last(fields, 2, BYTES, b""))),
        dtype_name(last(fields, 1, VARINT, 0)),
        tuple(extents_of(part) for part in messages(fields, 7)),
        signed(last(fields, 3, VARINT, 0)),
        signed(last(fields, 4, VARINT, 0)),
        signed(last(fields, 5, VARINT, 0)),
        last(fields, 6, FIXED32, 0),
    )


def parts_of(entry):
    """[(index, key's extents, shape)] of the parts of a partitioned tensor.

    An array's index gives a view, also where it has no dimensions.

    Raises:
        Damaged: unless they lie within it and are together as many elements.
    """
    parts, elements = [], 0
    for extents in entry.slices:
        if len(extents) != len(entry.shape):
            raise Damaged("a part has other dimensions than its tensor")
        places, shape = [], []
        for (start, length), size in zip(extents, entry.shape, strict=True):
            length = size if length == -1 else length
            if start < 0 or length < 0 or start + length > size:
                raise Damaged("a part lies outside its tensor")
            places.append(slice(start, start + length))
            shape.append(length)
        parts.append(((*places, ...), extents, tuple(shape)))
        elements += math.prod(shape)
    if elements != entry.elements:
        raise Damaged("the parts of a tensor are not the whole of it")
    return parts


# Values as format V1 keeps them, in a TensorProto: {dtype: (field, dtype in the file)}.
FIXED = {
    "float32": (5, "<f4"),
    "float64": (6, "<f8"),
    "complex64": (9, "<c8"),
    "complex128": (12, "<c16"),
}
VARINTS = {
    **dict.fromkeys(("int32", "int16", "int8", "uint8", "uint16"), 7),
    "int64": 10,
    "bool": 11,
    "float16": 13,
    "bfloat16": 13,
    "uint32": 16,
    "uint64": 17,
}
STRINGS = 8
CONTENT = 4


def values_of(fields, dtype, elements):
    """The flat array of so many elements in the fields of a TensorProto."""
    kept = numpy_dtype(dtype)
    if dtype == "string":
        values = [bytes(value) for _, value in fields.get(STRINGS, ())]
        array = np.empty(len(values), object)
        array[:] = values
    elif CONTENT in fields:
        content = last(fields, CONTENT, BYTES, b"")
        if len(content) % kept.itemsize:
            raise Damaged("the values of a tensor are cut off")
        array = np.frombuffer(content, kept)
    elif dtype in FIXED:
        number, stored = FIXED[dtype]
        content = _packed(fields, number)
        if len(content) % np.dtype(stored).itemsize:
            raise Damaged("the values of a tensor are cut off")
        array = np.frombuffer(content, stored).astype(kept, copy=False)
    elif dtype in VARINTS:
        array = np.fromiter(_numbers(fields, VARINTS[dtype]), np.uint64)
        if dtype in ("float16", "bfloat16"):
            array = (array & 0xFFFF).astype(np.uint16).view(kept)
        else:
            array = array.astype(kept)
    else:
        raise Damaged(f"no values are kept of the dtype {dtype}")
    if array.size != elements:
        raise Damaged(f"a tensor has {array.size} values, not {elements}")
    return array


def _packed(fields, number):
    chunks = fields.get(number, [])
    if len(chunks) == 1 and chunks[0][0] == BYTES:
        return chunks[0][1]
    if any(kind != BYTES for kind, _ in chunks):
        raise Damaged("the values of a tensor are of another kind")
    return b"".join(chunk for _, chunk in chunks)


def _numbers(fields, number):
    for kind, value in fields.get(number, ()):
        if kind == VARINT:
            yield value
            continue
        if kind != BYTES:
            raise Damaged("the values of a tensor are of another kind")
        place = 0
        while place < len(value):
            value_there, place = varint(value, place)
            yield value_there
