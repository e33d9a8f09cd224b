"""Drafts of all training graphs in a folder, as a table: what becomes of graphs at large.

``python -m parity_tests.migrate.draft_table FOLDER`` reads each ``.meta`` below FOLDER,
with what beside it in a ``.json`` of the same name has to be named, such as
``{"train": "train", "training_feed": {"keep_prob:0": 0.5}}``.
"""

import collections
import json
import pathlib
import sys
import time
import traceback
from typing import NamedTuple

import tensorflow.compat.v1 as tf

from parity_tests.pair.drafting import finding, proving, shapes
from tf2_keras.migrate.draft.errors import Undraftable

STEPS = 10


class Row(NamedTuple):
    """verdict: 'equal', 'unproven', 'diverges', 'refused', 'asked' or 'fails'."""

    name: str
    nodes: int
    verdict: str
    lines: int
    seconds: float
    said: str


def row(path, steps=STEPS):
    """The ``Row`` of the graph in a ``.meta``, a ``pathlib.Path``."""
    meta_graph = tf.MetaGraphDef.FromString(path.read_bytes())
    beside = path.with_suffix(".json")
    options = json.loads(beside.read_text()) if beside.exists() else {}
    began = time.perf_counter()
    lines = 0
    try:
        meta_graph = shapes.completed(meta_graph, options.get("training_feed") or ())
        names = finding.found(meta_graph, finding.Names(**options))
    except ValueError as error:
        verdict, said = "asked", str(error)
    else:
        try:
            proof = proving.proven(meta_graph, names, path.name, steps)
        except (Undraftable, ValueError) as error:
            verdict = "refused" if isinstance(error, Undraftable) else "asked"
            said = str(error)
        except Exception:  # whatever a draft must not raise
            verdict, said = "fails", traceback.format_exc()
        else:
            lines = len(proof.source.splitlines())
            unproven = "unproven" if proof.divergence is None else "diverges"
            verdict = "equal" if proof.is_equal else unproven
            said = proof.status[0]
    seconds = time.perf_counter() - began
    nodes = len(meta_graph.graph_def.node)
    return Row(path.stem, nodes, verdict, lines, seconds, said)


def main():
    counted = collections.Counter()
    folder = pathlib.Path(sys.argv[1])
    for path in sorted(folder.rglob("*.meta")):
        told = row(path)
        counted[told.verdict] += 1
        said = told.said if told.verdict == "fails" else " ".join(told.said.split())
        print(
            f"{told.name:40} {told.nodes:6} {told.verdict:9} {told.lines:4} "
            f"{told.seconds:6.1f} s  {said}",
            flush=True,
        )
    print(", ".join(f"{count} {verdict}" for verdict, count in counted.items()))


if __name__ == "__main__":
    main()
