"""Descriptors of tf1_semantics.crf, and their twins."""

import numpy as np
import tensorflow as tf

from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from tf1_graph import session
from tf1_graph.parts import crf as tf1_crf
from tf1_graph.parts.recurrent import SEED
from tf2_keras import training
from tf2_keras.tf1_semantics import crf, initializers, optimizers


def outputs_of(part, x, tags, allowed, lengths, transitions):
    """{name: output} of a function."""
    function = getattr(crf, part.partition(".")[2])
    if function is crf.viterbi_decode:
        found, score = tf.numpy_function(
            lambda scores, transitions: _viterbi(scores[0], transitions),
            [x, transitions],
            [tf.int64, tf.float32],
        )
        return {"tags": found, "score": score}
    if function is crf.crf_decode:
        found, score = function(x, transitions, lengths)
        return {"tags": found, "score": score}
    if function is crf.crf_log_likelihood:
        score, _ = function(x, tags, lengths, transitions)
    elif function is crf.crf_unary_score:
        score = function(tags, lengths, x)
    elif function is crf.crf_binary_score:
        score = function(tags, lengths, transitions)
    elif function is crf.crf_log_norm:
        score = function(x, lengths, transitions)
    else:
        among = allowed if "multitag" in part else tags
        score = function(x, among, lengths, transitions)
    return {"score": score}


def _viterbi(scores, transitions):
    tags, score = crf.viterbi_decode(scores, transitions)
    return np.array(tags, np.int64), np.float32(score)


def twin(part, _arguments, problem):
    """The twin of ``tf1_crf.program``."""
    number = problem["tags"]
    initializer = initializers.GlorotUniform(seed=SEED)
    transitions = tf.Variable(initializer((number, number)), name="transitions")
    optimizer = optimizers.GradientDescent(0.5)
    optimizer.build([transitions])

    def train(x, **inputs):
        with tf.GradientTape() as tape:
            tape.watch(x)
            # Read once, as a constant of TF1's loops was.
            value = tf.convert_to_tensor(transitions)
            outputs = outputs_of(part, x, transitions=value, **inputs)
            loss = -tf.reduce_mean(outputs["score"])
        gradients = tape.gradient(loss, {"transitions": value, "x": x})
        gradients = {
            name: gradient
            for name, gradient in gradients.items()
            if gradient is not None
        }
        if "transitions" in gradients:
            optimizer.apply([gradients["transitions"]], [transitions])
        return {"outputs": outputs, "loss": {"loss": loss}, "gradients": gradients}

    def decode(**inputs):
        return {"outputs": outputs_of(part, transitions=transitions, **inputs)}

    return training.Twin(
        {"transitions": transitions},
        {"decode": decode} if part in tf1_crf.DECODERS else {"train": train},
        hidden=optimizer.variables,
        inputs={
            "x": tf.TensorSpec([None, None, number]),
            "tags": tf.TensorSpec([None, None], problem["integers"]),
            "allowed": tf.TensorSpec([None, None, number], tf.bool),
            "lengths": tf.TensorSpec([None], problem["integers"]),
        },
    )


def _seen(part, output):
    """(a batch, transitions, an output of TF1's side on it)."""
    problem = {"tags": 4, "integers": "int32"}
    batch, *_ = tf1_crf.batches(problem)
    values = tf1_crf.transitions_of(problem)
    program = tf1_crf.program(part, {}, problem)
    (move,) = program.moves
    _, record = session.play(program, [(move, batch)], values)
    return batch, values["transitions"], record["outputs"][output]


def _padding_included():
    batch, transitions, expected = _seen("crf.crf_log_likelihood", "score")
    lengths = np.full(len(batch["lengths"]), batch["x"].shape[1])
    received, _ = crf.crf_log_likelihood(
        batch["x"], batch["tags"], lengths, transitions
    )
    return {1: relative_error(expected, received.numpy())}


def _step_by_step():
    batch, _, expected = _seen("crf.crf_decode", "tags")
    return {1: relative_error(expected, batch["x"].argmax(-1))}


PROOF = (
    "parity_tests/parts/crf_test.py::test_scores_gradients_and_tags_are_those_of_tf1"
)
NO_TRAP = "Keras has no namesake, and TensorFlow Addons, which had, does not load"
TRAPS = {
    "crf_log_likelihood": Trap(
        "crf_log_likelihood with every length the longest, padding included",
        _padding_included,
        {1: 0.3},
        "tf1_semantics.crf.crf_log_likelihood(inputs, tags, lengths, transitions)",
    ),
    "crf_decode": Trap(
        "tf.argmax(potentials, -1)",
        _step_by_step,
        {1: 0.3},
        "tf1_semantics.crf.crf_decode(potentials, transitions, lengths)",
    ),
}
PARTS = tuple(
    Part(
        name=part,
        tf1=symbol,
        proof=PROOF,
        traps=(TRAPS[name],) if name in TRAPS else (),
        no_trap=None if name in TRAPS else NO_TRAP,
    )
    for part, symbol in tf1_crf.SYMBOLS.items()
    for name in [part.partition(".")[2]]
)
