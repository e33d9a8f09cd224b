"""How recorded plays are stored: small, exact, and loaded without pickle.

A golden is a folder of two files. ``golden.json`` says where the numbers come from, and
what was played: of each play the forms of its records, of each form the move and the
stages, of each stage the names, dtypes and shapes in order of execution. ``records.npz``
holds the elements in that same order, one array a dtype: of a small tensor all of them,
of a large one a sample, its largest element last, and the SHA-256 of all its bytes.

    golden.write(folder, {'play': session.play(program, moves)}, {'chapter': name})
    stored = golden.Golden(folder)
    compare_plays(stored.play('play'), stored.like('play', candidate_play))

Runs under Python 3.7 and NumPy 1.18 as well.
"""

import collections
import hashlib
import io
import json
import os
import re

import numpy as np

FORMAT = 2
WHOLE = 64  # elements up to which a tensor is kept whole
SAMPLE = 31  # elements kept of a larger one, besides its largest
JSON, NPZ = "golden.json", "records.npz"
HASH = "records_sha256"  # the key of what both files are checked by
MOVE = "move"  # the key of a record that is no stage
# What a large tensor is compared by; each comes as a tensor of its own.
SHAPE, SAMPLED, LARGEST, SHA256 = " shape", " sample", " largest", " sha256"
KINDS = "biufc"  # of dtype: bool, integers, floats and complex numbers
# All that a folder may hold to be replaced: a golden, and what --export adds to one.
DATA = r"(index|data-\d{5}-of-\d{5})"
OURS = re.compile(
    rf"golden\.json|records\.npz|checkpoint|model\.ckpt\.(meta|{DATA})"
    rf"|saved_model(/saved_model\.pb|/variables(/variables\.{DATA})?)?"
)

# What is kept of one tensor. ``largest``, the position of its largest element in flat C
# order, and ``sha256`` are None where ``elements`` are all of them.
Kept = collections.namedtuple("Kept", ["shape", "elements", "largest", "sha256"])


class GoldenError(ValueError):
    """A folder that holds no golden, or not the one that was asked for."""


def always(*_):
    return True


def digest(array):
    """SHA-256 of an array's bytes in C order, as a uint8 array [32]; any NaN is one."""
    if array.dtype.kind in "fc":
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    data = np.ascontiguousarray(array).tobytes()
    return np.frombuffer(hashlib.sha256(data).digest(), np.uint8)


def sample_positions(size):
    """The fixed positions of a sample, in flat C order."""
    return np.linspace(0, size - 1, SAMPLE).astype(np.int64)


def largest_position(flat):
    """Where the largest magnitude of [n] elements is; a NaN is larger than all."""
    magnitude = np.abs(flat)
    return int(np.argmax(np.where(np.isnan(magnitude), np.inf, magnitude)))


def reduced(array, largest=None):
    """What is ``Kept`` of an array.

    Args:
        array: any shape.
        largest: the position that was stored, where another play is to be reduced alike.

    Raises:
        GoldenError: for what is neither numbers nor bool.
    """
    array = np.asarray(array)
    if array.dtype.kind not in KINDS:
        raise GoldenError(
            "A recorded tensor must hold numbers or bool. "
            f"Received: an array of {array.dtype}. Leave it out of the record."
        )
    if array.size <= WHOLE:
        return Kept(array.shape, array, None, None)
    flat = array.ravel()
    if largest is None:
        largest = largest_position(flat)
    kept = flat[np.append(sample_positions(flat.size), largest)]
    return Kept(array.shape, kept, largest, digest(array))


def spread(name, kept, largest, exact):
    """{name: array} by which a large tensor is compared; its hash only where ``exact``.

    Args:
        kept: a ``Kept``.
        largest: its largest element.
    """
    tensors = {
        name + SHAPE: np.array(kept.shape, np.int64),
        name + SAMPLED: kept.elements,
        name + LARGEST: np.abs(largest),
    }
    if exact:
        tensors[name + SHA256] = kept.sha256
    return tensors


def write(folder, plays, facts):
    """Stores plays.

    Args:
        folder: is made; holds both files afterwards.
        plays: {name: iterable of records as ``tf1_graph.session.play`` yields them};
            none is kept in memory.
        facts: what else ``golden.json`` is to say, JSON-valid; read after the last
            record.
    """
    layouts, forms, numbers = [], [], collections.OrderedDict()
    arrays = collections.defaultdict(list)
    for name, records in plays.items():
        numbers[name] = [
            number_of(form_of(record, layouts, arrays), forms) for record in records
        ]
    data = io.BytesIO()
    np.savez_compressed(
        data, **{name: np.concatenate(parts) for name, parts in arrays.items()}
    )
    contents = dict(
        facts,
        format=FORMAT,
        layouts=[json.loads(layout) for layout in layouts],
        forms=[json.loads(form) for form in forms],
        plays=numbers,
    )
    contents[HASH] = fingerprint(contents, data.getvalue())
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, NPZ), "wb") as file:
        file.write(data.getvalue())
    with open(os.path.join(folder, JSON), "w") as file:
        json.dump(contents, file, indent=1)
        file.write("\n")


def form_of(record, layouts, arrays):
    """{'move': its move, stage: the number of its layout}; what is kept goes to arrays."""
    form = collections.OrderedDict()
    for stage, tensors in record.items():
        if stage == MOVE:
            form[MOVE] = tensors
            continue
        layout = collections.OrderedDict()
        for name, array in (tensors or {}).items():
            kept = reduced(array)
            dtype = str(kept.elements.dtype)
            layout[name] = "{}[{}]".format(dtype, ",".join(map(str, kept.shape)))
            arrays[dtype].append(kept.elements.ravel())
            if kept.largest is not None:
                arrays["largest"].append([np.int64(kept.largest)])
                arrays["sha256"].append([kept.sha256])
        form[stage] = number_of(layout, layouts)
    return form


def number_of(described, known):
    """The place of a dictionary among those that are known, its order included."""
    text = json.dumps(described)
    if text not in known:
        known.append(text)
    return known.index(text)


def fingerprint(contents, data):
    """SHA-256 of both files, of all that ``golden.json`` says but itself, as text."""
    stated = {key: value for key, value in contents.items() if key != HASH}
    # As JSON gives it back: lists for tuples, text for keys.
    stated = json.dumps(json.loads(json.dumps(stated)), sort_keys=True)
    return hashlib.sha256(stated.encode() + data).hexdigest()


class Golden:
    """Stored plays.

    Args:
        folder: what ``write`` filled.

    Attributes:
        facts: {fact: value} that ``write`` was given.
        plays: the names of the plays, a tuple.

    Raises:
        GoldenError: if the files are missing, of another format, or were changed.
    """

    def __init__(self, folder):
        try:
            with open(os.path.join(folder, JSON), encoding="utf-8") as file:
                contents = json.load(file)
            with open(os.path.join(folder, NPZ), "rb") as file:
                data = file.read()
        except (OSError, ValueError, RecursionError) as error:
            raise GoldenError(
                f"A golden must be a folder with {JSON} and {NPZ}. "
                f"Received: {folder} ({error}). Record it again."
            ) from None
        stated = contents.get("format") if isinstance(contents, dict) else None
        if stated != FORMAT:
            raise GoldenError(
                f"A golden must be of format {FORMAT}. "
                f"Received: {folder}, of format {stated!r:.20}. Record it again."
            )
        if contents.get(HASH) != fingerprint(contents, data):
            raise GoldenError(
                "A golden must have the hash that it states. "
                f"Received: {folder}, whose files do not. Record it again."
            )
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            arrays = {name: arrays[name] for name in arrays.files}
        self._records = records_of(contents, arrays)
        self.plays = tuple(self._records)
        structure = ("format", "layouts", "forms", "plays", HASH)
        self.facts = {
            key: value for key, value in contents.items() if key not in structure
        }

    def play(self, name, exact=always):
        """Yields the records of a stored play.

        A small tensor comes whole. A large one comes as ``NAME shape``, ``NAME sample``,
        ``NAME largest``, which is a magnitude, and ``NAME sha256``.

        Args:
            name: one of ``plays``.
            exact: (stage, tensor) -> whether the hash of a large tensor is to be
                compared too.

        Raises:
            GoldenError: if there is no such play.
        """
        for stored in self.kept(name):
            yield {
                stage: kept if stage == MOVE else spread_all(stage, kept, exact)
                for stage, kept in stored.items()
            }

    def like(self, name, records, exact=always):
        """Yields the records of another play, each reduced as the stored one is."""
        stored_records = iter(self.kept(name))
        for record in records:
            stored = next(stored_records, {})
            alike = {}
            for stage, tensors in record.items():
                if stage == MOVE:
                    alike[stage] = tensors
                    continue
                alike[stage] = {}
                known = stored.get(stage, {})
                for tensor, array in (tensors or {}).items():
                    alike[stage].update(
                        spread_like(
                            tensor,
                            np.asarray(array),
                            known.get(tensor),
                            exact(stage, tensor),
                        )
                    )
            yield alike

    def kept(self, name):
        """[{'move': its move, stage: {tensor: Kept}}] of a stored play."""
        if name not in self._records:
            raise GoldenError(
                "A play must be one of the golden's. "
                f"Received: {name}. Use some of: {', '.join(self.plays)}."
            )
        return self._records[name]


def spread_all(stage, tensors, exact):
    """{name: array} by which the tensors of a stored stage are compared."""
    arrays = {}
    for name, kept in tensors.items():
        if kept.largest is None:
            arrays[name] = kept.elements
        else:
            arrays.update(spread(name, kept, kept.elements[-1], exact(stage, name)))
    return arrays


def spread_like(name, array, kept, exact):
    """The same of an array that is to be compared with what was kept."""
    if kept is not None and kept.shape != array.shape:
        # There is nothing to compare: the difference is that of the shapes.
        if kept.largest is None:
            return {name: array}
        return {name + SHAPE: np.array(array.shape, np.int64)}
    alike = reduced(array, None if kept is None else kept.largest)
    if alike.largest is None:
        return {name: array}
    # Sampled where the stored one is, but nothing larger may be anywhere else.
    flat = array.ravel()
    return spread(name, alike, flat[largest_position(flat)], exact)


def records_of(contents, arrays):
    """{play: [{'move': its move, stage: {tensor: Kept}}]} of both files."""
    taken = collections.Counter()

    def take(name, count):
        taken[name] += count
        return arrays[name][taken[name] - count : taken[name]]

    def kept(described):
        dtype, _, sizes = described.rstrip("]").partition("[")
        shape = tuple(int(size) for size in sizes.split(",") if size)
        size = int(np.prod(shape, dtype=np.int64))
        if size <= WHOLE:
            return Kept(shape, take(dtype, size).reshape(shape), None, None)
        elements = take(dtype, SAMPLE + 1)
        return Kept(shape, elements, int(take("largest", 1)[0]), take("sha256", 1)[0])

    plays = collections.OrderedDict()
    for play, numbers in contents["plays"].items():
        plays[play] = []
        for number in numbers:
            record = collections.OrderedDict()
            for stage, layout in contents["forms"][number].items():
                record[stage] = layout
                if stage != MOVE:
                    record[stage] = collections.OrderedDict(
                        (name, kept(described))
                        for name, described in contents["layouts"][layout].items()
                    )
            plays[play].append(record)
    return plays


def is_golden(folder):
    """Whether a folder holds a golden of any format, exports included, and nothing else.

    Only such a folder may be replaced by another golden.
    """
    if os.path.islink(folder):
        return False
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            inner = os.path.relpath(path, folder).replace(os.sep, "/")
            if os.path.islink(path) or not OURS.fullmatch(inner):
                return False
    try:
        with open(os.path.join(folder, JSON), encoding="utf-8") as file:
            contents = json.load(file)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(contents, dict) and {"format", HASH} <= set(contents)
