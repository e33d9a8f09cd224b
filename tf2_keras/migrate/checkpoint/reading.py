"""TF1 checkpoints, read tensor by tensor without TensorFlow.

    checkpoint = reading.opened("model.ckpt-1000")
    for name, entry in checkpoint.entries.items():
        print(name, entry.shape, entry.dtype)
    array = checkpoint.read("dense/kernel")

Formats: V2, an ``.index`` and its shards of ``.data``; and V1, a single file, or several.
A checkpoint may come from a stranger: what its index says is checked against the files
that there are before anything is read, every byte that is used by its checksum.

Source: tensorflow/core/util/tensor_bundle/, saved_tensor_slice_util, 1.15 and 2.21.
"""

import contextlib
import difflib
import glob
import math
import os
import re

import numpy as np

from tf2_keras.migrate.checkpoint import roles
from tf2_keras.migrate.checkpoint.entries import (
    UNREADABLE,
    Entry,
    dtype_name,
    entry_of,
    extents_of,
    numpy_dtype,
    parts_of,
    shape_of,
    values_of,
)
from tf2_keras.migrate.checkpoint.errors import HandoverError, mistake
from tf2_keras.migrate.checkpoint.tables import Table
from tf2_keras.migrate.checkpoint.wire import (
    BYTES,
    PIECE,
    VARINT,
    Damaged,
    blocks,
    crc32c,
    in_pieces,
    last,
    masked,
    message,
    messages,
    signed,
    slice_key,
    text,
    varint,
)

MOST_SHARDS = 10_000
OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"  # what tf.train.Checkpoint adds
SAVED_MODELS = ("saved_model.pb", "saved_model.pbtxt")


def opened(path):
    """The checkpoint that a path names.

    Args:
        path: a prefix, such as 'model.ckpt-1000'; one of its files; a V1 file; a frozen
            graph, ``.pb``; an ``.h5`` of tf.keras; the folder of a SavedModel; or one with a file 'checkpoint',
            whose latest it is.

    Returns:
        A ``BundleCheckpoint`` or a ``SliceCheckpoint``, with ``prefix``, ``kind``,
        ``entries``: {name: Entry}, ``read(name)``, ``verify(name)`` and ``files``.

    Raises:
        HandoverError: if there is none, or if it is not whole.
    """
    path = os.fspath(path)
    try:
        prefix = prefix_of(path)
        if os.path.isfile(prefix + ".index"):
            return BundleCheckpoint(prefix)
        if path.endswith(".pb") and os.path.isfile(path):
            from tf2_keras.migrate.checkpoint import (
                frozen,
            )  # which reads by this module

            return frozen.opened(path)
        if path.endswith((".h5", ".hdf5")) and not path.endswith(".weights.h5"):
            from tf2_keras.migrate.checkpoint import keras_files  # likewise

            return keras_files.opened(path)
        files = [prefix] if os.path.isfile(prefix) else _v1_shards(prefix)
        if files:
            return SliceCheckpoint(prefix, files)
    except OSError as error:
        raise unreadable(error, path) from None
    raise absent(path)


def absent(path):
    """The refusal of a path at which there is no checkpoint."""
    if os.path.isdir(path):
        return mistake(
            "CKPT must come with the values of its variables",
            f"{path} without {os.path.relpath(prefix_of(path), path)}.index",
            "Copy the whole of it",
        )
    folder = os.path.dirname(path) or "."
    try:
        known = sorted(
            name[: -len(".index")]
            for name in os.listdir(folder)
            if name.endswith(".index")
        )
    except OSError:
        known = []
    near = difflib.get_close_matches(os.path.basename(path), known, n=3, cutoff=0.3)
    listed = ", ".join(os.path.join(folder, name) for name in near or known[:3])
    return mistake(
        "CKPT must name a checkpoint",
        f"{path} (no such file)",
        f"Use for instance {listed}" if listed else "Use the path without .index",
    )


def prefix_of(path):
    """What the files of the checkpoint that a path names begin with."""
    if os.path.isdir(path):
        if any(os.path.isfile(os.path.join(path, name)) for name in SAVED_MODELS):
            return os.path.join(path, "variables", "variables")
        state = os.path.join(path, "checkpoint")
        if os.path.isfile(state):
            with open(state, encoding="utf-8", errors="replace") as file:
                latest = re.search(r'^model_checkpoint_path: "(.*)"', file.read(2**20))
            if latest:
                return os.path.join(path, latest[1])
        raise mistake(
            "CKPT must name a checkpoint",
            f"the folder {path}, which has no saved_model.pb and no file 'checkpoint'",
            "Name the prefix of a checkpoint in it, such as model.ckpt-1000",
        )
    match = re.match(r"(.+)\.(index|data-\d{5}-of-\d{5})$", path, re.S)
    return match[1] if match else path


def _v1_shards(prefix):
    found = [
        name
        for name in sorted(glob.glob(glob.escape(prefix) + "-?????-of-?????"))
        if re.search(r"-\d{5}-of-\d{5}$", name)
    ]
    if found:
        count = int(found[0][-5:])
        names = [
            f"{prefix}-{n:05d}-of-{count:05d}" for n in range(min(count, MOST_SHARDS))
        ]
        missing = [name for name in names if name not in found]
        if missing or count > MOST_SHARDS:
            raise missing_shard(prefix, missing[0] if missing else prefix, count)
    return found


def missing_shard(prefix, name, count):
    return mistake(
        "A checkpoint must have all of its shards",
        f"{prefix} without {os.path.basename(name)}, of {count}",
        "Copy that file as well",
    )


@contextlib.contextmanager
def whole_file(path):
    """Makes one line of what is wrong with a file."""
    try:
        yield
    except Damaged as error:
        raise damaged(path, error) from None
    except OSError as error:
        raise unreadable(error, path) from None


def damaged(path, what):
    """The refusal of a file that is not whole."""
    return mistake(
        "A checkpoint must be whole",
        f"{path}: {what}",
        "Copy it again, and compare its size with the original",
    )


def unreadable(error, path):
    """The refusal of a file that the system does not let be read."""
    return mistake(
        "A checkpoint must be readable",
        f"{error.filename or path} ({error.strerror or error})",
        "Change its permissions, or copy it again",
    )


def require_readable(path):
    """Refuses a file that the system does not let be read; HDF5 would say it at length."""
    try:
        open(path, "rb").close()
    except OSError as error:
        raise unreadable(error, path) from None


class BundleCheckpoint:
    """Format V2: ``PREFIX.index`` and ``PREFIX.data-00000-of-00001``, or more shards."""

    def __init__(self, prefix):
        self.prefix, self.kind = prefix, "V2"
        index = prefix + ".index"
        self.parts = {}  # {key of a part: Entry}
        self.entries = {}
        with whole_file(index), open(index, "rb") as file:
            items = Table(file).items()
            key, header = next(items, (None, b""))
            if key != b"":
                raise Damaged("it has no header")
            fields = message(header)
            shards = signed(last(fields, 1, VARINT, 0))
            if not 1 <= shards <= MOST_SHARDS:
                raise Damaged(f"it says that there are {shards} shards")
            big_endian = last(fields, 2, VARINT, 0) == 1
            for key, value in items:
                entry = entry_of(value)
                if key.startswith(b"\x00"):
                    self.parts[key] = entry
                else:
                    self.entries[_name(key)] = entry
        if big_endian:
            raise mistake(
                "A checkpoint must be of a little-endian machine",
                f"{prefix}, of a big-endian one",
                "Read it and write it again there, in format V1",
            )
        self.shards = [
            f"{prefix}.data-{number:05d}-of-{shards:05d}" for number in range(shards)
        ]
        self.files = [index, *self.shards]
        sizes = []
        for shard in self.shards:
            if not os.path.isfile(shard):
                raise missing_shard(prefix, shard, shards)
            sizes.append(os.path.getsize(shard))
        self.entries.update(self._pieces())
        with whole_file(prefix):
            for name, entry in self.entries.items():
                self._check(name, entry, sizes)

    def _pieces(self):
        """{name: Entry} of slots that are pieces, by names of their own.

        Where TF1 cut such a name, see ``roles``, it says the shape of the whole.
        """
        pieces = {}
        for name, entry in self.entries.items():
            if len(entry.slices) == 1:
                base = name.rpartition("/")[0]
                variable = roles.variable_of(base, self.entries)
                slices = self.entries.get(variable, entry).slices
                key = slice_key(name, entry.slices[0])
                is_piece = len(slices) > 1 and entry.slices[0] in slices
                if variable != base and is_piece and key in self.parts:
                    pieces[name] = self.parts[key]
        return pieces

    def _check(self, name, entry, sizes):
        """What an entry says must be there and as long as its shape says."""
        if entry.slices:
            total = 0
            for _, extents, shape in parts_of(entry):
                part = self.parts.get(slice_key(name, extents))
                if part is None or part.slices or part.dtype != entry.dtype:
                    raise Damaged(f"a part of {name} is missing")
                if part.shape != shape:
                    raise Damaged(f"a part of {name} has another shape")
                self._check(name, part, sizes)
                total += part.size
            if total > sum(sizes):
                raise Damaged(f"{name} is larger than its files")
            return
        if not 0 <= entry.shard < len(sizes):
            raise Damaged(f"{name} lies in shard {entry.shard} of {len(sizes)}")
        end = entry.offset + entry.size
        if entry.offset < 0 or entry.size < 0:
            raise Damaged(f"{name} lies outside its shard")
        if end > sizes[entry.shard]:
            raise Damaged(
                f"{os.path.basename(self.shards[entry.shard])} has "
                f"{sizes[entry.shard]} bytes, and {name} ends at {end}"
            )
        fixed = entry.dtype not in ("string", *UNREADABLE)
        if fixed and entry.size != entry.nbytes:
            raise Damaged(
                f"{name} has {entry.size} bytes for {entry.dtype} {list(entry.shape)}"
            )
        if entry.dtype == "string" and entry.elements > entry.size:
            raise Damaged(f"{name} has {entry.size} bytes for {entry.elements} strings")

    def read(self, name, verify=True):
        """The array of a tensor; of strings one of bytes objects."""
        entry = known(name, self)
        if entry.dtype in UNREADABLE:
            what = f"{name} is a {entry.dtype}, which has no values"
            raise damaged(self.prefix, what)
        # Not empty: a stranger's parts may leave places out, where memory of ours would be.
        array = np.zeros(entry.shape, numpy_dtype(entry.dtype))
        self.fill(name, array, verify)
        return array

    def fill(self, name, array, verify=True):
        """Reads a tensor into an array of its shape, wherever that lies."""
        entry = known(name, self)
        with whole_file(self.prefix):
            if not entry.slices:
                self._fill(name, entry, array, verify)
            for place, extents, _ in parts_of(entry) if entry.slices else ():
                part = self.parts[slice_key(name, extents)]
                self._fill(name, part, array[place], verify)

    def verify(self, name):
        """Fails unless the bytes of a tensor are what their checksums say."""
        if self.is_in_one_place(name):
            for _ in self.bytes_of(name):
                pass
        else:
            self.read(name)

    def is_in_one_place(self, name):
        """Whether the values of a tensor lie in a file as they do in memory."""
        entry = self.entries[name]
        return not entry.slices and entry.dtype not in ("string", *UNREADABLE)

    def bytes_of(self, name):
        """Yields the bytes of a tensor that is in one place, PIECE at a time.

        Fails at their end unless they are what their checksum says.
        """
        entry, crc = known(name, self), 0
        with whole_file(self.prefix), open(self.shards[entry.shard], "rb") as file:
            file.seek(entry.offset)
            for begin in range(0, entry.size, PIECE):
                piece = file.read(min(PIECE, entry.size - begin))
                crc = crc32c(piece, crc)
                yield piece
            self._require(name, entry, crc)

    @staticmethod
    def _require(name, entry, crc):
        if masked(crc) != entry.crc:
            raise Damaged(f"{name} is not what its checksum says")

    def _fill(self, name, entry, array, verify):
        crc = 0
        with open(self.shards[entry.shard], "rb") as file:
            file.seek(entry.offset)
            if entry.dtype == "string":
                strings = self._strings(name, entry, file.read(entry.size))
                array[...] = strings.reshape(entry.shape)
                return
            for block in blocks(array):
                in_place = block.flags.c_contiguous
                read = block if in_place else np.empty(block.shape, block.dtype)
                for piece in in_pieces(read):
                    if file.readinto(piece) != len(piece):
                        raise Damaged(f"{name} is cut off")
                    crc = crc32c(piece, crc) if verify else crc
                if not in_place:
                    block[...] = read
        if verify:
            self._require(name, entry, crc)

    def _strings(self, name, entry, content):
        """Lengths, their checksum, then the strings."""
        place, lengths, crc = 0, [], 0
        for _ in range(entry.elements):
            length, place = varint(content, place)
            lengths.append(length)
            width = 4 if length < 2**32 else 8
            crc = crc32c(length.to_bytes(width, "little"), crc)
        stored, place = content[place : place + 4], place + 4
        if masked(crc) != int.from_bytes(stored, "little"):
            raise Damaged(f"{name} is not what its checksum says")
        self._require(name, entry, crc32c(content[place:], crc32c(stored, crc)))
        array = np.empty(entry.elements, object)
        for number, length in enumerate(lengths):
            if place + length > len(content):
                raise Damaged(f"{name} is cut off")
            array[number] = content[place : place + length]
            place += length
        return array


class SliceCheckpoint:
    """Format V1, of ``tf.train.Saver(write_version=V1)`` and TensorFlow before 0.12."""

    def __init__(self, prefix, files):
        self.prefix, self.kind, self.files = prefix, "V1", list(files)
        self.entries, self._places = {}, {}
        for path in self.files:
            with whole_file(path), open(path, "rb") as file:
                meta = messages(message(Table(file).get(b"")), 1)
                for tensor in messages(next(meta, {}), 1):
                    self._add(path, tensor)
        with whole_file(prefix):
            size = sum(map(os.path.getsize, self.files))
            for name, entry in self.entries.items():
                for _, extents, _ in parts_of(entry):
                    if (name, extents) not in self._places:
                        raise Damaged(f"a part of {name} is missing")
                if entry.elements > size:  # each has a byte at least
                    raise Damaged(f"{name} is larger than its files")

    def _add(self, path, tensor):
        name = text(tensor, 1)
        slices = tuple(extents_of(part) for part in messages(tensor, 4))
        entry = Entry(
            shape_of(message(last(tensor, 2, BYTES, b""))),
            dtype_name(last(tensor, 3, VARINT, 0)),
            slices,
        )
        before = self.entries.get(name)
        if before is not None:
            if (before.shape, before.dtype) != (entry.shape, entry.dtype):
                raise Damaged(f"{name} has two shapes")
            entry = entry._replace(slices=before.slices + slices)
        self.entries[name] = entry
        self._places.update({(name, extents): path for extents in slices})

    def read(self, name, verify=True):  # noqa: ARG002 - one signature for both formats
        """The array of a tensor; blocks are always read by their checksums."""
        entry = known(name, self)
        with whole_file(self.prefix):
            parts = parts_of(entry)
            if len(parts) == 1:  # as it lies in its block
                ((_, *part),) = parts
                return self._read(name, entry.dtype, *part).reshape(entry.shape)
            array = np.zeros(entry.shape, numpy_dtype(entry.dtype))
            for place, *part in parts:
                array[place] = self._read(name, entry.dtype, *part)
            return array

    def _read(self, name, dtype, extents, shape):
        path = self._places[name, extents]
        with whole_file(path), open(path, "rb") as file:
            saved = message(Table(file).get(slice_key(name, extents)))
            data = message(last(saved, 2, BYTES, b""))
            values = message(last(data, 3, BYTES, b""))
            return values_of(values, dtype, math.prod(shape)).reshape(shape)

    def verify(self, name):
        """Fails unless a tensor can be read."""
        self.read(name)


def known(name, checkpoint):
    """The entry of a name.

    Raises:
        HandoverError: for a name that is not there, with the nearest.
    """
    if name not in checkpoint.entries:
        near = difflib.get_close_matches(name, checkpoint.entries, n=3, cutoff=0.4)
        raise mistake(
            "A name must be one of the checkpoint's",
            name,
            f"Nearest: {', '.join(near) or 'none'}",
        )
    return checkpoint.entries[name]


def _name(key):
    try:
        return key.decode("utf-8")
    except UnicodeDecodeError:
        raise Damaged("a name is no text") from None


def is_checkpoint(path):
    """Whether a path names something that ``opened`` would open."""
    try:
        opened(path)
    except HandoverError:
        return False
    return True
