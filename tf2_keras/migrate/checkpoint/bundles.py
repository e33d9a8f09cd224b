"""Writing a checkpoint of format V2 tensor by tensor, without TensorFlow.

Source: tensorflow/core/util/tensor_bundle/, lib/io/table_builder.cc, 1.15 and 2.21.
"""

import numpy as np

from tf2_keras.migrate.checkpoint.entries import DTYPES
from tf2_keras.migrate.checkpoint.tables import MAGIC
from tf2_keras.migrate.checkpoint.wire import crc32c, in_pieces, masked

BLOCK = 2**12  # bytes, from which on a block of the index is full
NUMBERS = {name: number for number, name in reversed(DTYPES.items())}


def varint(number):
    """A number as protobuf and LevelDB write it."""
    written = bytearray()
    number &= 2**64 - 1
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _field(number, value):
    """A field of a message, an int or bytes; nothing of a zero."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    return varint(number << 3 | 2) + varint(len(value)) + value


class Bundle:
    """The files of a checkpoint that is being written; a context manager.

    Args:
        prefix: of its two files. ``written`` says then what is in them.
    """

    def __init__(self, prefix):
        self.prefix, self.entries, self.place = prefix, {}, 0
        self.written = {}  # {name: (dtype, shape)}
        self.file = open(f"{prefix}.data-00000-of-00001", "wb")  # noqa: SIM115 - __exit__

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.file.close()
        if kind is None:
            self._write_index()

    def add(self, name, array):
        """Appends an array; of strings one of bytes objects."""
        array = np.asarray(array)
        if array.dtype == object:
            pieces, crc = _strings(array.ravel())
            self._append(name, "string", array.shape, pieces, crc)
        else:
            self.add_pieces(name, array.dtype.name, array.shape, in_pieces(array))

    def add_pieces(self, name, dtype, shape, pieces):
        """Appends a tensor, not of strings, whose bytes come piece by piece."""
        self._append(name, dtype, shape, pieces)

    def _append(self, name, dtype, shape, pieces, crc=None):
        """Appends pieces; without a checksum that of all of them is the tensor's."""
        begin, self.written[name] = self.place, (dtype, tuple(shape))
        of_pieces = 0
        for piece in pieces:
            of_pieces = crc32c(piece, of_pieces)
            self.place += self.file.write(piece)
        sizes = b"".join(_field(2, _field(1, int(size))) for size in shape)
        self.entries[name.encode("utf-8")] = (
            _field(1, NUMBERS[dtype])
            + _field(2, sizes)
            + _field(4, begin)
            + _field(5, self.place - begin)
            + varint(6 << 3 | 5)
            + masked(of_pieces if crc is None else crc).to_bytes(4, "little")
        )

    def _write_index(self):
        header = _field(1, 1) + _field(3, _field(1, 1))
        pairs = [(b"", header), *sorted(self.entries.items())]
        with open(f"{self.prefix}.index", "wb") as file:
            handles, block, size = [], [], 0
            for number, (key, value) in enumerate(pairs, 1):
                block.append((key, value))
                size += len(key) + len(value)
                if size >= BLOCK or number == len(pairs):
                    handles.append((key, _written(file, block)))
                    block, size = [], 0
            places = _written(file, []) + _written(file, handles)
            file.write(places.ljust(40, b"\x00") + MAGIC.to_bytes(8, "little"))


def _written(file, pairs):
    """Writes a block of a table; gives its handle. Keys share no beginnings."""
    content = b"".join(
        varint(0) + varint(len(key)) + varint(len(value)) + key + value
        for key, value in pairs
    )
    content += (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    handle = varint(file.tell()) + varint(len(content))
    content += b"\x00"
    file.write(content + masked(crc32c(content)).to_bytes(4, "little"))
    return handle


def _strings(values):
    """([pieces], checksum) of strings: lengths, their checksum, then all of them."""
    crc, lengths = 0, b""
    for value in values:
        width = 4 if len(value) < 2**32 else 8
        crc = crc32c(len(value).to_bytes(width, "little"), crc)
        lengths += varint(len(value))
    stored = masked(crc).to_bytes(4, "little")
    crc = crc32c(stored, crc)
    for value in values:
        crc = crc32c(value, crc)
    return [lengths, stored, *values], crc
