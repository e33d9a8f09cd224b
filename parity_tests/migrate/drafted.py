"""Graphs that drafts are made of: chapters, and what 1.15.5 exported; their goldens.

``python -m parity_tests.migrate.drafted`` writes the goldens anew.
"""

import pathlib
import sys

import tensorflow.compat.v1 as tf

from parity_tests.models import chapters
from parity_tests.pair.drafting import finding, proving, shapes
from parity_tests.witness import exported_twins
from tf1_graph import exported

FOLDER = pathlib.Path(__file__).parent / "drafts"
STEPS = 4
# Chapters whose graphs are drafted to the bit; the others are refused, see REFUSED.
CHAPTERS = (
    "session_basics",
    "linear_regression",
    "logistic_regression",
    "mlp",
    "mnist_cnn",
    "resnet",
    "text_cnn",
    "rnn_classifier",
    "transformer",
    "static_rnn",
    "unet",
    "vae",
    "autoencoder",
    "batch_norm_by_hand",
    "dqn",
    "ppo",
    "dcgan",
)
# {chapter: its train ops}, of those that have several.
SEVERAL = {"dcgan": "Adam,Adam_1"}
# {chapter: the op, and the node, that nothing drafts yet}.
REFUSED = {
    "char_rnn": "TensorArrayV3 (node rnn/TensorArray_1)",
    "bilstm_crf": "VarHandleOp (node transitions)",
    "word2vec": "LogUniformCandidateSampler (node LogUniformCandidateSampler)",
    "seq2seq": "TensorArrayV3 (node nmt/decoder/decoder/TensorArray)",
    "wide_deep": "bias/ResourceApplyAdagrad): updates of the kinds Adagrad, Ftrl",
}
# {chapter: what has to be named, and is not enough yet}.
ASKED = {
    "ctc": "values of a sparse placeholder",
    "gcn": "features/values of a sparse placeholder",
    "dcgan": "Received: Adam, Adam_1. Name one with --train",
    "wgan_gp": "Received: Adam, Adam_1. Name one with --train",
    "bert_classifier": "none of --train, --loss, --y-pred",
    "bert": "none of --train, --loss, --y-pred",
    "kmeans": "Received: no scalar above the train op. Name one with --loss",
    "neural_style": "image starts at what Mul (node mul) gives",
}
OWN_DATA = ("unet", "vae", "autoencoder", "dqn", "ppo")  # whose batches no graph tells
# What has to be named: which input is the target, and what is fed for a draft.
TARGETS = {"dqn": "r", "ppo": "actions"}
UNUSED = ("new_epsilon",)  # by a step of training
FED = {"ppo": {"lr:0": 0.001}}
EXPORTED = ("slim_cnn", "lstm_classifier")  # by 1.15.5; nothing of them is named
NAMES = (*CHAPTERS, *EXPORTED)


def exported_chapter(name):
    """(MetaGraphDef, Program) of a chapter's small TF1 side."""
    config = chapters.graph(name).Config(**chapters.drawn(name).SMALL)
    program = chapters.program(name, config)
    with program.graph.as_default():
        meta_graph = tf.train.export_meta_graph(graph=program.graph)
    return shapes.completed(meta_graph), program


def of_chapter(name):
    """(MetaGraphDef, ``finding.Names``) of a chapter's small TF1 side."""
    meta_graph, program = exported_chapter(name)
    train = program.moves["train"]
    predict = program.moves.get("predict")
    fed = FED.get(name, {})
    outputs = list(predict.seen["outputs"].values()) if predict else []
    names = finding.Names(
        inputs={
            "y_true" if key == TARGETS.get(name) else key: tensor.name
            for key, tensor in program.inputs.items()
            if tensor.name not in fed and key not in UNUSED
        },
        y_true="y_true" if {"y_true", TARGETS.get(name)} & {*program.inputs} else None,
        y_pred=outputs[0].name if len(outputs) == 1 else None,
        loss=next(iter(train.seen["loss"].values())).name,
        train=train.op.name,
        training_feed={**fed, **{t.name: value for t, value in train.feed.items()}},
        inference_feed={t.name: v for t, v in predict.feed.items()} if predict else {},
    )
    return meta_graph, names


def of(name):
    """(MetaGraphDef, ``finding.Names``) of any of ``NAMES``."""
    if name in SEVERAL:
        return exported_chapter(name)[0], finding.Names(train=SEVERAL[name])
    if name in CHAPTERS:
        return of_chapter(name)
    return exported.read(exported_twins.meta(name)), finding.Names()


def proven(name):
    """The ``proving.Proof`` of a graph."""
    meta_graph, names = of(name)
    names = finding.found(meta_graph, names)
    moves = None
    if name in OWN_DATA:
        drawn = chapters.drawn(name)
        config = chapters.graph(name).Config(**drawn.SMALL)
        moves = [
            (
                move,
                {
                    "y_true" if key == TARGETS.get(name) else key: array
                    for key, array in batch.items()
                    if key == TARGETS.get(name) or key in names.inputs
                },
            )
            for move, batch in drawn.moves(config)
            if move == "train"
        ][:STEPS]
    return proving.proven(meta_graph, names, f"{name}.meta", STEPS, moves=moves)


def golden(name):
    """The path of a draft that was read and found good."""
    return FOLDER / f"{name}.txt"


def main():
    for name in sys.argv[1:] or NAMES:
        proof = proven(name)
        golden(name).write_text(proof.source, encoding="utf-8")
        print(name, "equal" if proof.is_equal else proof.status)


if __name__ == "__main__":
    main()
