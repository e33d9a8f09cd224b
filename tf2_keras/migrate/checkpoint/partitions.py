"""Variables that TF1 kept in pieces, NAME/part_0, NAME/part_1, …, as one again.

A Saver that was given a list of variables joined the pieces of a partitioned variable
under its own name, as slices, which ``reading`` puts together. One that was given a
dictionary, and the variables of an exported graph, kept the pieces' names. Slots that
were made in a scope, such as a DNNClassifier's, have the end of them: see ``roles``.
"""

import collections
import re

import numpy as np

from tf2_keras.migrate.checkpoint.entries import numpy_dtype
from tf2_keras.migrate.checkpoint.errors import mistake
from tf2_keras.migrate.checkpoint.wire import in_pieces

PART = re.compile(r"^(.+)/part_(\d+)(/.+)?$")
CUT = re.compile(r"^(.+)/(?:(?:(?:a?r)?t)?_)?(\d+)(/.+)$")  # of part_N at most art_N


class Joined:
    """A checkpoint whose pieces are joined, slots and averages as their variables.

    Args:
        checkpoint: as ``reading.opened`` returns it.

    Raises:
        HandoverError: for pieces that do not fit together.
    """

    def __init__(self, checkpoint):
        self.checkpoint = checkpoint
        self.prefix, self.kind = checkpoint.prefix, checkpoint.kind
        # Whether a velocity in it is Keras's, with the rate folded in.
        self.of_keras = getattr(checkpoint, "of_keras", False)
        groups = collections.defaultdict(dict)
        self.entries, self.pieces = {}, {}
        for name in checkpoint.entries:
            match = self._match(name)
            if match:
                groups[match[1] + (match[3] or "")][int(match[2])] = name
        for name, entry in checkpoint.entries.items():
            match = self._match(name)
            joined = match and match[1] + (match[3] or "")
            if not joined or joined in checkpoint.entries:
                self.entries[name] = entry
            elif joined not in self.entries:
                self._join(joined, groups[joined])

    def _match(self, name):
        """What a piece's name consists of, or None."""
        cut = CUT.match(name)
        variable = cut and self.checkpoint.entries.get(cut[1])
        return PART.match(name) or (cut if variable and variable.slices else None)

    def _join(self, joined, names):
        entries = [self.checkpoint.entries[names[number]] for number in sorted(names)]
        shapes = [entry.shape for entry in entries]
        rank = len(shapes[0])
        axes = [
            axis
            for axis in range(rank)
            if any(
                shape[axis : axis + 1] != shapes[0][axis : axis + 1] for shape in shapes
            )
        ] or [0]
        if (
            sorted(names) != list(range(len(names)))
            or rank == 0
            or len(axes) > 1
            or len({(len(entry.shape), entry.dtype) for entry in entries}) > 1
        ):
            raise mistake(
                "Pieces of a variable must be all there and differ along one axis",
                f"{joined}/part_N for N in {sorted(names)}: {[list(s) for s in shapes]}",
                "Copy the whole checkpoint, or name the pieces in a map",
            )
        sizes = list(shapes[0])
        sizes[axes[0]] = sum(shape[axes[0]] for shape in shapes)
        self.entries[joined] = entries[0]._replace(shape=tuple(sizes))
        self.pieces[joined] = axes[0], [names[number] for number in sorted(names)]

    def read(self, name, verify=True):
        """The array of a tensor, joined if it is in pieces."""
        if name not in self.pieces:
            return self.checkpoint.read(name, verify)
        axis, names = self.pieces[name]
        entry = self.entries[name]
        array = np.empty(entry.shape, numpy_dtype(entry.dtype))
        ends = np.cumsum([self.checkpoint.entries[n].shape[axis] for n in names])
        for piece, view in zip(names, np.split(array, ends[:-1], axis), strict=True):
            self._fill(piece, view, verify)
        return array

    def _fill(self, piece, array, verify):
        """Reads a piece into an array of its shape."""
        if hasattr(self.checkpoint, "fill"):
            self.checkpoint.fill(piece, array, verify)
        else:
            array[...] = self.checkpoint.read(piece, verify)

    def bytes_of(self, name):
        """Yields the bytes of a tensor, few at a time, in memory what has other places.

        Fails at their end at the latest unless they are what their checksums say.
        """
        is_in_one_place = getattr(self.checkpoint, "is_in_one_place", None)
        if name in self.pieces or is_in_one_place is None or not is_in_one_place(name):
            yield from in_pieces(self.read(name))
        else:
            yield from self.checkpoint.bytes_of(name)

    def verify(self, name):
        """Fails unless the bytes of a tensor are what their checksums say."""
        for piece in self.pieces.get(name, (0, [name]))[1]:
            self.checkpoint.verify(piece)
