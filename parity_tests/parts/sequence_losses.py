"""Descriptors of the losses of sequences, and their twins."""

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from tf1_graph import session
from tf1_graph.parts import sequence_losses as tf1_sequences
from tf1_graph.parts.sequence_losses import SEQUENCES, VARIANTS
from tf2_keras import training
from tf2_keras.tf1_semantics import losses

TEST = "parity_tests/parts/sequence_losses_test.py"


def twin(part, arguments, _problem):
    """The twin of ``tf1_sequences.program``."""
    compute = getattr(losses, part.partition(".")[2])

    def loss(logits, targets, weights):
        given = [logits, targets, weights]
        with tf.GradientTape() as tape:
            tape.watch(logits)
            if tf1_sequences.takes_lists(part):
                given = [tf.unstack(tensor, axis=1) for tensor in given]
            value = compute(*given, **arguments)
        gradient = tape.gradient(value, logits)
        return {"loss": {"loss": value}, "gradients": {"logits": gradient}}

    return training.Twin({}, {"loss": loss})


# --- traps ---


def _of_keras(logits, targets, weights):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return loss(targets, logits, weights)


def _of_whole(logits, targets, weights):
    return losses.sequence_loss(logits, targets, weights)


def _trap(name, write, naive):
    part, problem = f"losses.{name}", {"dtype": "float32"}

    def off():
        batch = tf1_sequences.batch_of(problem, np.random.RandomState(0), 8)
        program = tf1_sequences.program(part, {}, problem)
        _, record = session.play(program, [("loss", batch)])
        return {1: relative_error(record["loss"]["loss"], naive(**batch))}

    return Trap(write, off, {1: 0.1}, f"tf1_semantics.losses.{name}(…)")


def _of_elements(logits, targets, weights):
    elements = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    return tf.reduce_mean(elements * weights, 1)


TRAPS = {
    "sequence_loss": (
        "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
        "(targets, logits, weights)",
        _of_keras,
    ),
    "legacy_sequence_loss": (
        "tf1_semantics.losses.sequence_loss(…)  # of all weights together",
        _of_whole,
    ),
    "sequence_loss_by_example": (
        "tf.reduce_mean(losses * weights, 1)  # over all steps",
        _of_elements,
    ),
}
PARTS = tuple(
    Part(
        name=part,
        tf1=symbol,
        proof=f"{TEST}::test_losses_and_gradients_are_those_of_tf1",
        arguments=st.sampled_from([arguments for arguments, _ in VARIANTS[part]]),
        traps=(_trap(part.partition(".")[2], *TRAPS[part.partition(".")[2]]),),
    )
    for part, symbol in SEQUENCES.items()
)
