"""How a recorded run is stored: small, exact, and loaded without pickle.

A golden is a folder of two files. ``records.npz`` holds, for each stage and tensor, one
row a record: all elements of a small tensor; of a large one a sample, its largest element
last, and the SHA-256 of all its bytes. ``golden.json`` holds names, shapes and dtypes in
order of execution, and where the numbers come from.

Runs under Python 3.7 and NumPy 1.18 as well.
"""

import collections
import hashlib
import json
import os

import numpy as np

FORMAT = 1
WHOLE = 64  # elements up to which a tensor is kept whole
SAMPLE = 31  # elements kept of a larger one, besides its largest
JSON, NPZ = "golden.json", "records.npz"


class GoldenError(ValueError):
    """A folder that holds no golden, or not the one that was asked for."""


def digest(array):
    """SHA-256 of an array's bytes in C order, as a uint8 array [32]."""
    data = np.ascontiguousarray(array).tobytes()
    return np.frombuffer(hashlib.sha256(data).digest(), np.uint8)


def sample_positions(size):
    """The fixed positions of a sample, in flat C order."""
    return np.linspace(0, size - 1, SAMPLE).astype(np.int64)


def reduced(array, largest=None):
    """(kept elements [n], position of the largest or None) of one tensor.

    Args:
        array: any shape.
        largest: the position that was stored, where another run is to be reduced alike.
    """
    array = np.asarray(array)
    flat = array.ravel()
    if flat.size <= WHOLE:
        return flat, None
    if largest is None:
        magnitude = np.abs(flat)
        largest = int(np.argmax(np.where(np.isnan(magnitude), -1, magnitude)))
    return flat[np.append(sample_positions(flat.size), largest)], largest


def write(folder, records, facts):
    """Stores a run.

    Args:
        folder: is made; holds both files afterwards.
        records: list of {stage: {tensor: array}} as ``tf1_graph.session.run`` yields:
            the initial values alone, then the other stages, the same in every record.
        facts: what else ``golden.json`` is to say, JSON-valid.
    """
    rows = collections.OrderedDict()
    layout = collections.OrderedDict()
    for record in records:
        for stage, tensors in record.items():
            described = layout.setdefault(stage, collections.OrderedDict())
            for name, array in tensors.items():
                array = np.asarray(array)
                shape = ",".join(map(str, array.shape))
                described[name] = f"{array.dtype}[{shape}]"
                kept, largest = reduced(array)
                key = stage + "|" + name
                rows.setdefault(key, []).append(kept)
                if largest is not None:
                    rows.setdefault(key + "|largest", []).append(np.int64(largest))
                    rows.setdefault(key + "|sha256", []).append(digest(array))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, NPZ), "wb") as file:
        np.savez_compressed(file, **{key: np.stack(of) for key, of in rows.items()})
    with open(os.path.join(folder, NPZ), "rb") as file:
        sha256 = hashlib.sha256(file.read()).hexdigest()
    contents = dict(
        facts,
        format=FORMAT,
        records=len(records),
        layout=layout,
        records_sha256=sha256,
    )
    with open(os.path.join(folder, JSON), "w") as file:
        json.dump(contents, file, indent=1)
        file.write("\n")


class Golden:
    """A stored run.

    Args:
        folder: what ``write`` filled.

    Raises:
        GoldenError: if the files are missing, of another format, or were changed.
    """

    def __init__(self, folder):
        try:
            with open(os.path.join(folder, JSON)) as file:
                self.facts = json.load(file)
            with open(os.path.join(folder, NPZ), "rb") as file:
                sha256 = hashlib.sha256(file.read()).hexdigest()
        except (OSError, ValueError) as error:
            raise GoldenError(
                f"A golden must be a folder with {JSON} and {NPZ}. Received: {folder} ({error}). "
                "Record it again."
            )
        found = self.facts.get("format"), sha256
        if found != (FORMAT, self.facts.get("records_sha256")):
            raise GoldenError(
                f"A golden must be of format {FORMAT} and have the hash that it states. "
                f"Received: {folder}, whose files do not. Record it again."
            )
        with np.load(os.path.join(folder, NPZ), allow_pickle=False) as stored:
            self._rows = {key: stored[key] for key in stored.files}

    def records(self, exact):
        """Yields the stored run: {stage: {tensor: kept elements, ...}}.

        Args:
            exact: (stage, tensor) -> whether the hash of a large tensor is to be
                compared too; it comes as a tensor of its own, ``NAME sha256``.
        """
        for number in range(self.facts["records"]):
            record = collections.OrderedDict()
            for stage in self.facts["layout"]:
                if (stage == "initial values") == (number == 0):
                    record[stage] = self._stage(number, stage, exact)
            yield record

    def _stage(self, number, stage, exact):
        tensors = collections.OrderedDict()
        for name in self.facts["layout"][stage]:
            tensors[name] = self._row(number, stage, name)
            sha256 = self._row(number, stage, name, "sha256")
            if sha256 is not None and exact(stage, name):
                tensors[name + " sha256"] = sha256
        return tensors

    def _row(self, number, stage, *name):
        rows = self._rows.get("|".join((stage,) + name))
        row = number if stage == "initial values" else number - 1
        return None if rows is None or row >= len(rows) else rows[row]

    def like(self, number, record, exact):
        """Record ``number`` of another run, reduced as the stored one is."""
        alike = collections.OrderedDict()
        for stage, tensors in record.items():
            alike[stage] = collections.OrderedDict()
            for name, array in tensors.items():
                largest = self._row(number, stage, name, "largest")
                alike[stage][name], _ = reduced(array, largest)
                if largest is not None and exact(stage, name):
                    alike[stage][name + " sha256"] = digest(array)
        return alike
