"""What programs of ``witness/programs`` stored of 1.15.5 beside the chapters."""

import functools
import hashlib
import json
import pathlib

import numpy as np

GOLDENS = pathlib.Path(__file__).parents[1] / "goldens"
PROGRAMS = pathlib.Path(__file__).parent / "programs"


@functools.cache
def computed(name):
    """{name: array} of what 1.15.5 computed."""
    with np.load(GOLDENS / name / "computed.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def require_provenance(name):
    """Fails unless the arrays and the program are those that the provenance hashes."""
    provenance = json.loads((GOLDENS / name / "provenance.json").read_text())
    assert set(provenance["sha256"]) == {"computed.npz"}
    for path, digest in (
        (GOLDENS / name / "computed.npz", provenance["sha256"]["computed.npz"]),
        (PROGRAMS / f"{name}.py", provenance["source_sha256"]),
    ):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, path.name
    assert provenance["tensorflow"] == "1.15.5" and provenance["cpu"]
