"""Descriptors of tf1_semantics.decoding, and their twins."""

import tensorflow as tf

from parity_tests.pair.pair import Pair
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from parity_tests.parts.recurrent_twins import cell_of_twin
from tf1_graph.parts import decoding as tf1_decoding
from tf1_graph.parts.decoding import END, FEATURES, START, SYMBOLS, VARIANTS
from tf2_keras import training
from tf2_keras.tf1_semantics import decoding


def twin(part, arguments, problem):
    """The twin of ``tf1_decoding.program``."""
    arguments, dtype = dict(arguments), problem["dtype"]
    cell = cell_of_twin(arguments.pop("cell"), dtype)
    cell.build((None, FEATURES))
    weights = {f"decoder/{name}": weight for name, weight in cell.tf1_weights().items()}
    if words := arguments.pop("output_layer", None):
        kernel = tf.Variable(tf.zeros([cell.output_size, words], dtype))
        weights["decoder/words/kernel"] = kernel
        arguments["output_layer"] = lambda outputs: tf.matmul(outputs, kernel)
    state_size = cell.state_size

    def teacher_forced(x, state, upstream):
        sources = {name: weight.value for name, weight in weights.items()}
        sources.update(x=x, state=state)
        with tf.GradientTape() as tape:
            tape.watch([x, state])
            y, last = decoding.teacher_forced(cell, x, state)
        return {
            "outputs": {"y": y, "last": last},
            "gradients": tape.gradient(y, sources, upstream),
        }

    def beam_search(state, embedding):
        batch = tf.shape(state)[0] // arguments["beam_width"]
        words, log_probs = decoding.beam_search(
            cell,
            lambda words: tf.gather(embedding, words),
            tf.fill([batch], START),
            END,
            state,
            **arguments,
        )
        return {"outputs": {"words": words, "log_probs": log_probs}}

    decode = {"teacher_forced": teacher_forced, "beam_search": beam_search}
    return training.Twin(
        weights,
        {"decode": decode[part.partition(".")[2]]},
        inputs={
            "x": tf.TensorSpec([None, None, FEATURES], dtype),
            "state": tf.TensorSpec([None, state_size], dtype),
            "upstream": tf.TensorSpec([None, None, cell.output_size], dtype),
            "embedding": tf.TensorSpec([None, FEATURES], dtype),
        },
    )


# --- traps ---


def _word_by_word():
    """{1: error} of the likeliest sequence's log-probability, of the likeliest words."""
    part, problem = "decoding.beam_search", {"dtype": "float64"}
    arguments = VARIANTS[part][1]
    width = arguments["beam_width"]
    program = tf1_decoding.program(part, arguments, problem)
    (_, (name, batch)), values = tf1_decoding.ordinary(program, arguments)
    greedy = {**batch, "state": batch["state"][::width]}
    with Pair(program, twin(part, {**arguments, "beam_width": 1}, problem)) as pair:
        *_, expected = pair.reference([(name, batch)], values)
        *_, received = pair.candidate([(name, greedy)], "function", values)
    found = [record["outputs"]["log_probs"][:, 0] for record in (expected, received)]
    return {1: relative_error(*found)}


PROOF = "parity_tests/parts/decoding_test.py::test_what_is_decoded_is_what_tf1_decoded"
PARTS = (
    Part(
        name="decoding.beam_search",
        tf1=SYMBOLS["decoding.beam_search"],
        proof=PROOF,
        traps=(
            Trap(
                "tf.argmax(logits, -1) at each step  # the likeliest word",
                _word_by_word,
                {1: 0.1},
                "tf1_semantics.decoding.beam_search(cell, embedding, …)",
            ),
        ),
    ),
    Part(
        name="decoding.teacher_forced",
        tf1=SYMBOLS["decoding.teacher_forced"],
        proof=PROOF,
        no_trap="keras.layers.RNN(cell) computes the same for a cell without attention",
    ),
)
