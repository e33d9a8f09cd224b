"""The contract on programs of many kinds: each at every level, to the bit.

What one input, one target, one loss and one optimizer do not cover: several inputs, an
embedding with sparse gradients, two optimizers, state that is carried
over, no loss at all, a sampler that keeps its place.
"""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair.pair import Pair
from parity_tests.pair.small_programs import (
    budgets,
    built,
    graph_variables,
    normal,
    variables_of,
)
from tf1_graph import session
from tf2_keras import training
from tf2_keras.tf1_semantics import optimizers

EVERY_LEVEL = pytest.mark.parametrize("level", training.LEVELS)

# k-means: no loss, no gradient, no optimizer.


def kmeans_step(centres, points):
    """(the centre that each point belongs to, the new centres)."""
    distances = tf.reduce_sum(tf.square(points[:, None] - centres[None]), 2)
    nearest = tf.argmin(distances, 1)
    ones = tf.ones_like(points[:, 0])
    counts = tf.math.unsorted_segment_sum(ones, nearest, 3)[:, None]
    sums = tf.math.unsorted_segment_sum(points, nearest, 3)
    return nearest, sums / tf.maximum(counts, 1.0)


@EVERY_LEVEL
def test_a_program_without_a_loss(level):
    start = normal(3, 2)
    with tf.Graph().as_default() as graph:
        points = tf1.placeholder(tf.float32, [None, 2], name="points")
        centres = tf1.get_variable("centres", initializer=start)
        nearest, new = kmeans_step(centres, points)
        update = tf1.assign(centres, new).op
    program = session.program(
        graph, step=session.move(update, outputs={"nearest": nearest})
    )
    variable = tf.Variable(start)

    def step(points):
        nearest, new = kmeans_step(variable, points)
        variable.assign(new)
        return {"outputs": {"nearest": nearest}}

    moves = [("step", {"points": normal(50, 2, seed=7)})] * 4
    twin = training.Twin({"centres": variable}, {"step": step})
    with Pair(program, twin) as pair:
        comparison = pair.compare(moves, level).require_agreement()
    assert comparison.records == 5
    assert set(comparison.cells) >= {"initial values", "outputs", "updates"}


@EVERY_LEVEL
def test_a_move_without_inputs(level):
    with tf.Graph().as_default() as graph:
        count = tf1.get_variable("count", initializer=np.float32(1))
        program = session.program(
            graph, double=session.move(tf1.assign(count, 2 * count))
        )
    variable = tf.Variable(np.float32(1))

    def double():
        variable.assign(2 * variable)

    twin = training.Twin({"count": variable}, {"double": double})
    with Pair(program, twin) as pair:
        pair.compare([("double", {})] * 3, level).require_agreement()


# Two inputs, an embedding, two optimizers, and a state that is carried: all at once.

VOCABULARY, WIDTH, STATE, CLASSES = 11, 5, 7, 4
READER = {
    "embedding": 0.4 * normal(VOCABULARY, WIDTH, seed=1),
    "rnn/input": 0.4 * normal(WIDTH, STATE, seed=2),
    "rnn/state": 0.4 * normal(STATE, STATE, seed=3),
    "output": 0.4 * normal(STATE, CLASSES, seed=4),
}


def reader(weights, words, state):
    """([batch, steps, classes] logits, [batch, state] the last state)."""
    embedded = tf.nn.embedding_lookup(weights["embedding"], words)
    logits = []
    for step in range(2):
        state = tf.tanh(
            tf.matmul(embedded[:, step], weights["rnn/input"])
            + tf.matmul(state, weights["rnn/state"])
        )
        logits.append(tf.matmul(state, weights["output"]))
    return tf.stack(logits, 1), state


def reader_loss(labels, logits):
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def reader_program():
    with tf.Graph().as_default() as graph:
        words = tf1.placeholder(tf.int32, [None, 2], name="words")
        labels = tf1.placeholder(tf.int32, [None, 2], name="labels")
        state = tf1.placeholder(tf.float32, [None, STATE], name="state")
        weights = graph_variables(READER)
        logits, last = reader(weights, words, state)
        loss = reader_loss(labels, logits)
        table, *others = weights.values()
        lazy = tf1.train.AdamOptimizer(0.1)
        pairs = lazy.compute_gradients(loss, [table])
        others = tf1.train.RMSPropOptimizer(1e-2).minimize(loss, var_list=others)
        with tf1.control_dependencies(
            tf.nest.flatten(pairs[0][0], expand_composites=True)
        ):
            train = tf.group(others, lazy.apply_gradients(pairs))
    return session.program(
        graph,
        train=session.train(
            train,
            loss,
            pairs,
            lazy,
            outputs={"logits": logits},
            carried={"state": last},
        ),
    )


def reader_twin():
    variables = variables_of(READER)
    table, *others = variables.values()
    lazy, lazy_slots = built(optimizers.Adam(0.1), {"embedding": table})
    rest, rest_slots = built(
        optimizers.RMSProp(1e-2),
        {
            name: variable
            for name, variable in variables.items()
            if variable is not table
        },
    )
    weights = {name: variable.value for name, variable in variables.items()}

    def train(words, labels, state):
        with tf.GradientTape() as tape:
            logits, last = reader(weights, words, state)
            loss = reader_loss(labels, logits)
        of_table, *of_others = tape.gradient(loss, list(weights.values()))
        rest.apply(of_others, others)
        lazy.apply([of_table], [table])
        return {
            "loss": {"loss": loss},
            "outputs": {"logits": logits},
            "carried": {"state": last},
        }

    slots = {**lazy_slots, **rest_slots}
    return training.Twin(
        {**variables, **slots},
        {"train": train},
        slots=slots,
        hidden=[*lazy.variables, *rest.variables],
        optimizers=[lazy, rest],
    )


def reader_moves():
    random = np.random.RandomState(5)
    for number in range(5):
        batch = {
            "words": random.randint(VOCABULARY, size=(3, 2)).astype(np.int32),
            "labels": random.randint(CLASSES, size=(3, 2)).astype(np.int32),
        }
        if number in (0, 3):  # an epoch begins
            batch["state"] = np.zeros((3, STATE), np.float32)
        yield "train", batch


@functools.cache
def reading():
    return Pair(reader_program(), reader_twin(), budgets)


@EVERY_LEVEL
def test_inputs_embedding_optimizers_and_carried_state_at_once(level):
    comparison = reading().compare(list(reader_moves()), level).require_agreement()
    assert comparison.records == 6
    assert comparison.cells["carried"].compared == 5
    gradients = list(reading().candidate(list(reader_moves())[:1], level))[1][
        "gradients"
    ]
    assert set(gradients) == {
        "output",
        "rnn/state",
        "rnn/input",
        "embedding values",
        "embedding indices",
    }


def test_a_state_that_is_not_carried_is_a_divergence():
    def forgetful(moves):
        for move, batch in moves:
            yield move, {"state": np.zeros((3, STATE), np.float32), **batch}

    plays = iter([list(reader_moves()), list(forgetful(reader_moves()))])
    comparison = reading().compare(lambda: next(plays), "function")
    assert (comparison.first_divergence.step, comparison.first_divergence.stage) == (
        2,
        "outputs",
    )


# Word vectors: rows of an embedding, and a sampler that keeps its place in a stream.

VECTORS = {
    "embedding": normal(30, 4, seed=1),
    "weights": normal(30, 4, seed=2),
    "biases": np.zeros(30, np.float32),
}


def contrastive_loss(weights, centre, context, sampled, **options):
    embedded = tf.nn.embedding_lookup(weights["embedding"], centre)
    nce_loss = tf1.nn.nce_loss if options else tf.nn.nce_loss
    return tf.reduce_mean(
        nce_loss(
            weights["weights"],
            weights["biases"],
            context,
            embedded,
            5,
            30,
            sampled_values=sampled,
            **options,
        )
    )


def vectors_program():
    with tf.Graph().as_default() as graph:
        tf1.set_random_seed(1)
        centre = tf1.placeholder(tf.int64, [None], name="centre")
        context = tf1.placeholder(tf.int64, [None, 1], name="context")
        weights = graph_variables(VECTORS)
        sampled = tf1.nn.log_uniform_candidate_sampler(context, 1, 5, True, 30, seed=11)
        loss = contrastive_loss(
            weights, centre, context, sampled, partition_strategy="div"
        )
        optimizer = tf1.train.GradientDescentOptimizer(1.0)
        pairs = optimizer.compute_gradients(loss)
        train = optimizer.apply_gradients(pairs)
    return session.program(
        graph, train=session.train(train, loss, pairs, outputs={"sampled": sampled[0]})
    )


def vectors_twin():
    variables = variables_of(VECTORS)
    optimizer, _ = built(optimizers.GradientDescent(1.0), variables)
    weights = {name: variable.value for name, variable in variables.items()}

    def train(centre, context):
        sampled = tf.raw_ops.LogUniformCandidateSampler(
            true_classes=context,
            num_true=1,
            num_sampled=5,
            unique=True,
            range_max=30,
            seed=1,
            seed2=11,
        )
        with tf.GradientTape() as tape:
            loss = contrastive_loss(weights, centre, context, sampled)
        gradients = tape.gradient(loss, list(weights.values()))
        optimizer.apply(gradients, list(variables.values()))
        return {"outputs": {"sampled": sampled[0]}, "loss": {"loss": loss}}

    return training.Twin(
        variables, {"train": train}, hidden=optimizer.variables, optimizers=[optimizer]
    )


@pytest.mark.slow
@pytest.mark.parametrize("level", ["function", "fit"])
def test_a_sampler_in_the_graph_starts_over_with_each_play(level):
    """Its kernel holds the place in the stream: Session and function are made anew."""
    random = np.random.RandomState(3)
    moves = [
        (
            "train",
            {
                "centre": random.randint(30, size=8),
                "context": random.randint(30, size=(8, 1)),
            },
        )
        for _ in range(3)
    ]
    with Pair(vectors_program(), vectors_twin()) as pair:
        for _ in range(2):
            pair.compare(moves, level).require_agreement()
        _, first, second, _ = pair.candidate(moves, level)
    assert first["outputs"]["sampled"].tolist() != second["outputs"]["sampled"].tolist()
    assert {"embedding values", "embedding indices"} <= set(first["gradients"])
