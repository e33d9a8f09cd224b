"""The file that ``tf-parity check`` runs of a draft and its graph."""

import os

from parity_tests.pair.drafting import batches, finding
from tf2_keras.migrate.draft import layout

PATHS = """\
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / {folder!r}))

"""
COMPILED = "\nmodel.compile('sgd')  # which a twin has to be; it trains nothing"
TEXT = '''\
"""A training graph and its draft: tf-parity check {name}{copied}"""

{paths}import {module}{unsorted}

import parity_tests as parity{unsorted}
from parity_tests.pair.drafting import batches{unsorted}
{imported}
META = {meta!r}
INPUTS = {inputs!r}
MOVES = {moves!r}

model = {module}.build(){compiled}
pair = parity.OwnPair(
    tf1=parity.TF1Side(META, moves=MOVES, inputs=INPUTS{checkpoint}),
    tf2={twin},
    # Numbers that suit what the graph does with them; put data of yours in their place.
    batches=lambda: batches.of_meta(__file__, META, INPUTS, MOVES{sizes}),
    names={names},
)
'''


def text(meta, twin, pair, proof, checkpoint=None):
    """The Python of a pair.

    Args:
        meta, twin, pair: paths of the graph, of the draft and of the pair's own file.
        proof: a ``proving.Proof``.
    """
    folder = os.path.dirname(os.path.abspath(pair))
    names = proof.names
    moves = finding.steps(names)
    if names.training_feed:
        moves = {
            step: {**named, "feed": names.training_feed}
            for step, named in moves.items()
        }
    if not moves:
        outputs = {"y_pred": names.y_pred}
        moves["predict"] = {"outputs": outputs, "feed": names.inference_feed or {}}
    module = os.path.splitext(os.path.basename(twin))[0]
    matched = f"{module}.checkpoint_names(model)"
    if proof.product.remainder:
        left_out = dict.fromkeys(proof.product.remainder)
        matched = f"{{**{matched}, **{left_out!r}}}"
    twin_text, imported = "model", ""
    if len(moves) > 1:  # each a method of the model
        twin_text = (
            f"training.compiled(model, {module}.checkpoint_names(model), "
            "unfitted=(), **training.steps_of(model, MOVES))"
        )
        matched = repr(dict.fromkeys(proof.product.remainder) or None)
        noted = "" if beside_of(twin, folder) == "." else "  # noqa: E402"
        imported = f"from tf2_keras import training{noted}\n"
    started = ""
    # The draft draws its own initial values where TF1's have no seed, or were trained.
    is_copied = proof.product.unseeded or checkpoint is not None
    if checkpoint is not None:
        started = f", checkpoint={os.path.relpath(checkpoint, folder)!r}"
    beside = beside_of(twin, folder)
    return layout.formatted(
        TEXT.format(
            name=os.path.basename(pair),
            copied=" --init-from-tf1" if is_copied else "",
            paths="" if beside == "." else PATHS.format(folder=beside),
            unsorted="" if beside == "." else "  # noqa: E402",
            meta=os.path.relpath(meta, folder),
            module=module,
            compiled="" if names.train is not None else COMPILED,
            inputs=dict(names.inputs),
            moves=moves,
            sizes="" if proof.sizes == batches.SIZES else f", sizes={proof.sizes}",
            checkpoint=started,
            names=matched,
            twin=twin_text,
            imported=imported,
        )
    )


def beside_of(twin, folder):
    """The folder of a twin, from that of a pair."""
    return os.path.relpath(os.path.dirname(os.path.abspath(twin)), folder)
