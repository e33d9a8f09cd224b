"""A play of the TF1 side in one file, so that the old environment is needed once.

The file is an ``.npz``: every array that was fed or seen is stored once, whole, under the
SHA-256 of its bytes as ``.npy``; ``play.json`` says what was played, which array stands
where, and where the numbers come from. Nothing is pickled, and what was changed is refused.

    with recording.Writer(path) as writer:
        writer.add(moves, session.play(program, moves))
        writer.facts.update(...)
    stored = recording.Recording(path)
    for (move, batch), record in zip(stored.moves(0), stored.records(0)): ...

Runs under Python 3.7 and NumPy 1.18 as well.
"""

import collections
import hashlib
import io
import json
import os
import tempfile
import zipfile

import numpy as np

from parity_tests.pair import unfinished
from parity_tests.pair.errors import mistake

FORMAT = 1
CONTENTS = "play.json"
MOVE = "move"  # the key of a record that is no stage
HASH = "sha256"  # the key of what play.json is checked by
KINDS = "biufcS"  # of dtypes that .npy holds without pickle
# A sparse tensor as it is fed, and as a stored batch gives it back.
Sparse = collections.namedtuple("Sparse", ["indices", "values", "dense_shape"])
BEGINNING = (1980, 1, 1, 0, 0, 0)  # of ZIP's time: equal plays are equal files


class Writer:
    """Writes plays into a file: whole when the ``with`` ends, or not at all.

    Attributes:
        facts: {fact: value} to be stored, JSON-valid.
        inputs: {name in a batch: (shape with None for what is open, dtype)}.
        variables: {TF1 name: {"trainable", "slot"}}, in order of use.
        effects: what ``behaviour`` measured, or None.
        graph: what ``stored_graphs`` gave, or None.
    """

    def __init__(self, path):
        self.path = os.path.realpath(path)
        self.facts, self.inputs, self.effects = {}, {}, None
        self.graph = None
        self.variables = collections.OrderedDict()
        self._plays, self._stored = [], set()

    def __enter__(self):
        folder = os.path.dirname(self.path)
        handle, self._part = tempfile.mkstemp(".part", ".tf-parity-", folder)
        self._noted = unfinished.noted(self._part)
        self._noted.__enter__()
        self._file = os.fdopen(handle, "wb")
        self._zip = zipfile.ZipFile(self._file, "w", allowZip64=True)
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                contents = {
                    "format": FORMAT,
                    "facts": self.facts,
                    "inputs": self.inputs,
                    "variables": list(self.variables.items()),
                    "effects": self.effects,
                    "graph": self.graph,
                    "plays": self._plays,
                }
                contents[HASH] = fingerprint(contents)
                text = json.dumps(contents, indent=1) + "\n"
                self._zip.writestr(zipfile.ZipInfo(CONTENTS, BEGINNING), text)
            self._zip.close()
            self._file.close()
            if kind is None:
                umask = os.umask(0)
                os.umask(umask)
                os.chmod(self._part, 0o666 & ~umask)
                os.replace(self._part, self.path)
        finally:
            self._file.close()
            if os.path.exists(self._part):
                os.unlink(self._part)
            self._noted.__exit__(None, None, None)

    def add(self, moves, records=()):
        """Stores one play.

        Args:
            moves: [(move, {name in a batch: array, or what has a ``dense_shape``})].
            records: what playing them yields, the initial values first; none for moves
                that are still to be played.
        """
        self._plays.append(
            {
                "moves": [[name, self._kept(batch)] for name, batch in moves],
                "records": [
                    [
                        [stage, named if stage == MOVE else self._kept(named)]
                        for stage, named in record.items()
                    ]
                    for record in records
                ],
            }
        )

    def _kept(self, named):
        return [
            [
                name,
                [self.array(name, getattr(value, part)) for part in Sparse._fields]
                if hasattr(value, "dense_shape")
                else self.array(name, value),
            ]
            for name, value in named.items()
        ]

    def array(self, name, value):
        """What play.json calls an array: its hash, and its dtype if .npy has none."""
        array = np.asarray(value)
        apart = ""
        if array.dtype.name == "bfloat16":
            array, apart = array.view(np.uint16), ":bfloat16"
        elif array.dtype.kind in "OU" and array.size:
            array = np.array(
                [
                    text if isinstance(text, bytes) else str(text).encode("utf-8")
                    for text in array.ravel()
                ]
            ).reshape(array.shape)
        if array.dtype.kind not in KINDS:
            raise mistake(
                "A recorded tensor must hold numbers, bool or text",
                f"{name}, of {array.dtype}",
                "Leave it out of what the move sees",
            )
        data = io.BytesIO()
        np.lib.format.write_array(data, np.array(array, order="C"), allow_pickle=False)
        name = hashlib.sha256(data.getvalue()).hexdigest()
        if name not in self._stored:
            self._stored.add(name)
            entry = zipfile.ZipInfo(name + ".npy", BEGINNING)
            self._zip.writestr(entry, data.getvalue())
        return name + apart


def fingerprint(contents):
    """SHA-256 of all that play.json says but itself, as text."""
    stated = {key: value for key, value in contents.items() if key != HASH}
    stated = json.dumps(json.loads(json.dumps(stated)), sort_keys=True)
    return hashlib.sha256(stated.encode()).hexdigest()


class Recording:
    """Stored plays.

    Args:
        path: what a ``Writer`` wrote.

    Attributes:
        facts, inputs, variables, effects, graph: as of ``Writer``.
        plays: how many there are.

    Raises:
        PairError: if the file is missing, no recording, or was changed.
    """

    def __init__(self, path):
        self.path = str(path)
        try:
            with zipfile.ZipFile(self.path) as stored:
                contents = json.loads(stored.read(CONTENTS).decode("utf-8"))
            if not isinstance(contents, dict) or contents.get("format") != FORMAT:
                raise ValueError("of another format")
            if contents.get(HASH) != fingerprint(contents):
                raise ValueError(f"its {CONTENTS} was changed")
            self.facts, self.inputs = contents["facts"], contents["inputs"]
            self.variables = collections.OrderedDict(contents["variables"])
            self.effects, self._plays = contents["effects"], contents["plays"]
            self.graph = contents.get("graph")
        except (
            OSError,
            ValueError,
            KeyError,
            RecursionError,
            zipfile.BadZipFile,
        ) as error:
            raise self._refused(error) from None
        self.plays = len(self._plays)

    def _refused(self, error):
        if isinstance(error, FileNotFoundError):
            why, remedy = "no such file", "Write it by tf-parity record"
        else:
            why = getattr(error, "strerror", None) or str(error).rstrip(".")
            remedy = "Record it again"
        return mistake(
            "A recorded play must be a file that tf-parity record wrote",
            f"{self.path} ({why})",
            remedy,
        )

    def moves(self, play):
        """[(move, {name in a batch: array or Sparse})] of a stored play."""
        return [
            (name, self._arrays(stored, batch))
            for stored in [self._open()]
            for name, batch in self._plays[play]["moves"]
        ]

    def records(self, play, stages=None):
        """Yields the records of a stored play, read as they are asked for."""
        stored = self._open()
        for record in self._plays[play]["records"]:
            yield collections.OrderedDict(
                (stage, named if stage == MOVE else self._arrays(stored, named))
                for stage, named in record
                if stages is None or stage in stages
            )

    def array(self, kept):
        """One array, by what ``Writer.array`` called it."""
        with self._open() as stored:
            return self._array(stored, kept)

    def _open(self):
        try:
            return zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile) as error:
            raise self._refused(error) from None

    def _arrays(self, stored, named):
        return collections.OrderedDict(
            (name, self._array(stored, kept)) for name, kept in named
        )

    def _array(self, stored, kept):
        if isinstance(kept, list):
            return Sparse(*(self._array(stored, part) for part in kept))
        name, _, apart = kept.partition(":")
        try:
            data = stored.read(name + ".npy")
            if hashlib.sha256(data).hexdigest() != name:
                raise ValueError("an array in it was changed")
            array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise self._refused(error) from None
        if apart:
            import ml_dtypes  # of today's TensorFlow

            array = array.view(getattr(ml_dtypes, apart))
        return array
