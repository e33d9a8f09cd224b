"""Checkpoints written without TensorFlow, whole or damaged, and a command that damages many.

    python -m parity_tests.migrate.written_checkpoints 10000

mutates so many, reads each of them whole, and fails if anything else comes of one than
its tensors or a ``HandoverError``. Half of the mutations keep the checksums right, as a
stranger would.
"""

import os
import pathlib
import random
import sys
import tempfile
import time

import numpy as np

from tf2_keras.migrate.checkpoint import reading, roles
from tf2_keras.migrate.checkpoint.entries import DTYPES
from tf2_keras.migrate.checkpoint.errors import HandoverError
from tf2_keras.migrate.checkpoint.tables import MAGIC
from tf2_keras.migrate.checkpoint.wire import crc32c, masked, slice_key

NUMBERS = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10}
LONGEST = 10.0  # seconds that one small file may take
MOST_MEMORY = 2**30  # bytes


def varint(number):
    """A number as protobuf and LevelDB write it."""
    number &= 2**64 - 1
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def field(number, value):
    """A field of a message: an int, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed32(number, value):
    return varint(number << 3 | 5) + value.to_bytes(4, "little")


def block(pairs):
    """A block of a table: entries that share no beginnings, and one restart."""
    entries = b"".join(
        varint(0) + varint(len(key)) + varint(len(value)) + key + value
        for key, value in pairs
    )
    return entries + (0).to_bytes(4, "little") + (1).to_bytes(4, "little")


def table(pairs):
    """The bytes of a table of sorted (key, value), in one block."""
    written = b""

    def add(content):
        nonlocal written
        handle = varint(len(written)) + varint(len(content))
        content += b"\x00"
        written += content + masked(crc32c(content)).to_bytes(4, "little")
        return handle

    data = add(block(pairs))
    meta = add(block([]))
    index = add(block([(b"\xff", data)]))
    footer = (meta + index).ljust(40, b"\x00")
    return written + footer + MAGIC.to_bytes(8, "little")


def shape(sizes):
    return b"".join(field(2, field(1, size)) for size in sizes)


def part(extents):
    """A TensorSliceProto; (0, -1) is all of a dimension."""
    return b"".join(
        field(1, b"" if length == -1 else field(1, start) + field(2, length))
        for start, length in extents
    )


def bundle(tensors, slices=None):
    """(index pairs, data) of a V2 checkpoint with one shard.

    Args:
        tensors: {name: array}.
        slices: {name: [extents]} of those that are written in parts.
    """
    data, pairs = b"", []

    def entry(array):
        nonlocal data
        content = array.tobytes()
        written = field(1, NUMBERS[array.dtype.name]) + field(2, shape(array.shape))
        written += field(4, len(data)) + field(5, len(content))
        data += content
        return written + fixed32(6, masked(crc32c(content)))

    for name, array in tensors.items():
        listed = (slices or {}).get(name)
        if listed is None:
            pairs.append((name.encode(), entry(array)))
            continue
        whole = field(1, NUMBERS[array.dtype.name]) + field(2, shape(array.shape))
        for extents in listed:
            places = tuple(
                slice(None) if length == -1 else slice(start, start + length)
                for start, length in extents
            )
            pairs.append((slice_key(name, extents), entry(array[places])))
            whole += field(7, part(extents))
        pairs.append((name.encode(), whole))
    header = field(1, 1) + field(3, field(1, 1))
    return [(b"", header), *sorted(pairs)], data


def written(prefix, pairs, data):
    """Writes the files of a V2 checkpoint."""
    pathlib.Path(f"{prefix}.index").write_bytes(table(pairs))
    pathlib.Path(f"{prefix}.data-00000-of-00001").write_bytes(data)
    return str(prefix)


def slice_pairs(tensors):
    """The pairs of a V1 checkpoint of float32 tensors: a table that holds all."""
    metas, pairs = b"", []
    for name, array in tensors.items():
        everything = [(0, -1)] * array.ndim
        named = field(1, name.encode())
        meta = named + field(2, shape(array.shape)) + field(3, 1)
        metas += field(1, meta + field(4, part(everything)))
        values = field(1, 1) + field(5, array.astype("<f4").tobytes())
        saved = named + field(2, part(everything)) + field(3, values)
        pairs.append((slice_key(name, everything), field(2, saved)))
    return [(b"", field(1, metas)), *sorted(pairs)]


def example():
    """({name: array}, {name: [extents]}) of a small checkpoint of all kinds."""
    numbers = np.random.RandomState(0)
    tensors = {
        "conv/kernel": numbers.standard_normal((3, 3, 2, 4)).astype("f"),
        "conv/kernel/Adam": numbers.standard_normal((3, 3, 2, 4)).astype("f"),
        "embedding": numbers.standard_normal((20, 5)),
        "flags": np.array([True, False]),
        "global_step": np.array(7, np.int64),
        "ids": np.arange(6, dtype=np.int32).reshape(2, 3),
    }
    return tensors, {"embedding": [[(0, 12), (0, -1)], [(12, 8), (0, -1)]]}


def mutated(content, chance):
    """Bytes with some of them changed, moved, cut off or repeated."""
    content = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 5])):
        if not content:
            break
        place = chance.randrange(len(content))
        length = chance.choice([1, 1, 4, 9, 60])
        kind = chance.randrange(6)
        if kind == 0:
            content[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            content[place] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif kind == 2:
            del content[place : place + length]
        elif kind == 3:
            content[place:place] = content[place : place + length]
        elif kind == 4:
            del content[place:]
        else:
            content[place : place + length] = b"\xff" * length
    return bytes(content)


def damage(prefix, chance):
    """Writes a damaged checkpoint of one of both formats at a prefix."""
    tensors, slices = example()
    pairs, data = bundle(tensors, slices)
    if chance.random() < 0.3:
        floats = {n: a for n, a in tensors.items() if a.dtype == np.float32}
        pairs, data = slice_pairs(floats), None
    if chance.random() < 0.5:  # with checksums that are right
        number = chance.randrange(len(pairs))
        key, value = pairs[number]
        if chance.random() < 0.2:
            key = mutated(key, chance)
        pairs[number] = key, mutated(value, chance)
        index = table(pairs)
    else:
        index = mutated(table(pairs), chance)
    if data is None:
        pathlib.Path(prefix).write_bytes(index)
        return
    if chance.random() < 0.3:
        data = mutated(data, chance)
    pathlib.Path(f"{prefix}.index").write_bytes(index)
    pathlib.Path(f"{prefix}.data-00000-of-00001").write_bytes(data)


def read_whole(prefix):
    """How many tensors were read, or the ``HandoverError`` that came of it."""
    try:
        checkpoint = reading.opened(prefix)
        roles.roles(checkpoint.entries)
        for name, entry in checkpoint.entries.items():
            array = checkpoint.read(name)
            assert array.shape == entry.shape and entry.dtype in DTYPES.values()
            checkpoint.verify(name)
    except HandoverError as error:
        return error
    return len(checkpoint.entries)


def damaged_and_read(numbers):
    """{outcome: how many} of damaged checkpoints, one a number.

    Raises:
        AssertionError: for one that takes longer than LONGEST.
    """
    outcomes = {"read": 0, "refused": 0}
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            prefix = os.path.join(folder, "model.ckpt")
            damage(prefix, random.Random(number))
            files = sorted(os.listdir(folder))
            begin = time.monotonic()
            outcome = read_whole(prefix)
            assert time.monotonic() - begin < LONGEST, number
            assert sorted(os.listdir(folder)) == files, number
        refused = isinstance(outcome, HandoverError)
        if refused:
            assert "\n" not in str(outcome) and ". Received: " in str(outcome), number
        outcomes["refused" if refused else "read"] += 1
    return outcomes


def main(words):
    """Damages and reads as many as the first word says, in at most MOST_MEMORY."""
    import resource

    count = int(words[0]) if words else 10_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    outcomes = damaged_and_read(range(count))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{count} damaged checkpoints: {outcomes}, {(used - before) / 2**20:.0f} MiB")
    return 0 if used < MOST_MEMORY else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
