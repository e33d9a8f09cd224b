"""The sorted table of keys and values that both formats of checkpoints are made of.

It is LevelDB's: blocks of entries, an index of the blocks, a footer. A V2 checkpoint has
one as its ``.index``; a V1 checkpoint is one, tensors and all, so that blocks are read
when they are asked for.

Source: tensorflow/core/lib/io/table.cc, block.cc, format.cc.
"""

import os

from tf2_keras.migrate.checkpoint.wire import Damaged, crc32c, masked, varint

FOOTER = 48  # bytes
MAGIC = 0xDB4775248B80FB57
TRAILER = 5  # bytes after a block: how it is compressed, and its checksum
LONGEST_KEY = 2**14  # bytes: keys share beginnings, so few bytes could ask for many
MOST_KEYS_BYTES = 2**28  # of all keys of a table together


class Table:
    """A table in an open file.

    Args:
        file: opened to be read, in binary.

    Raises:
        Damaged: if it is none, whole.
    """

    def __init__(self, file):
        self.file = file
        self.size = os.fstat(file.fileno()).st_size
        if self.size < FOOTER:
            raise Damaged(f"{self.size} bytes are too few for a table")
        footer = self._bytes(self.size - FOOTER, FOOTER)
        if int.from_bytes(footer[40:], "little") != MAGIC:
            raise Damaged(
                "the end is not that of a table: it is cut off, or another file"
            )
        _, place = self._handle(footer, 0)
        handle, _ = self._handle(footer, place)
        self.blocks = [
            (key, self._handle(value, 0)[0])
            for key, value in self._entries(self._block(*handle))
        ]

    def items(self):
        """Yields (key, value) of all entries, block by block."""
        before, total = None, 0
        for _, handle in self.blocks:
            for key, value in self._entries(self._block(*handle)):
                total += len(key)
                if total > MOST_KEYS_BYTES:
                    raise Damaged("there are too many names")
                if before is not None and key <= before:
                    raise Damaged("names are not in order")
                before = key
                yield key, value

    def get(self, key):
        """The value of a key.

        Raises:
            Damaged: if there is none.
        """
        for last, handle in self.blocks:
            if key <= last:
                for known, value in self._entries(self._block(*handle)):
                    if known == key:
                        return value
                break
        raise Damaged("a part of a tensor is missing")

    def _bytes(self, offset, size):
        if offset < 0 or offset + size > self.size:
            raise Damaged("a block lies outside the file")
        self.file.seek(offset)
        data = self.file.read(size)
        if len(data) != size:
            raise Damaged("a block is cut off")
        return data

    @staticmethod
    def _handle(data, place):
        offset, place = varint(data, place)
        size, place = varint(data, place)
        return (offset, size), place

    def _block(self, offset, size):
        data = self._bytes(offset, size + TRAILER)
        stored = int.from_bytes(data[size + 1 :], "little")
        if masked(crc32c(memoryview(data)[: size + 1])) != stored:
            raise Damaged("a block is not what its checksum says")
        if data[size]:
            raise Damaged("a block is compressed, which TensorFlow did not do")
        return memoryview(data)[:size]

    @staticmethod
    def _entries(block):
        if len(block) < 4:
            raise Damaged("a block is cut off")
        restarts = int.from_bytes(block[-4:], "little")
        end = len(block) - 4 * (restarts + 1)
        if end < 0:
            raise Damaged("a block is cut off")
        place, key = 0, b""
        while place < end:
            shared, place = varint(block, place)
            unshared, place = varint(block, place)
            length, place = varint(block, place)
            if shared > len(key) or unshared + length > end - place:
                raise Damaged("an entry is cut off")
            if shared + unshared > LONGEST_KEY:
                raise Damaged("a name is too long")
            key = key[:shared] + bytes(block[place : place + unshared])
            place += unshared
            yield key, block[place : place + length]
            place += length
