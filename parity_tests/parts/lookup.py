"""The descriptors of tf1_semantics.lookup, and their twins."""

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import lookup as tf1_lookup
from tf1_graph.parts.lookup import (
    BOUNDARIES,
    CROSS,
    ROWS,
    SYMBOLS,
    TABLE,
    UNIFORM,
    VARIANTS,
    WORDS,
)
from tf2_keras import training


def twin(part, arguments, _problem):
    """The twin of ``tf1_lookup.program``."""
    layer, state = made(part, arguments), {}
    if part == ROWS:
        layer.build(None)
        state["rows"] = layer.rows

    def look_up(x):
        return {"outputs": {"y": layer(x)}}

    def look_up_columns(**columns):
        columns = [tf.convert_to_tensor(column) for column in columns.values()]
        ranges = [
            tf.searchsorted(tf.constant(BOUNDARIES, column.dtype), column, "right")
            for column in columns
            if column.dtype != tf.string
        ]
        # A bucketized column came before a feature by its name, wherever it was listed.
        named = [column for column in columns if column.dtype == tf.string]
        return {"outputs": {"y": layer(ranges + named)}}

    def look_up_rows(x):
        with tf.GradientTape() as tape:
            y = layer(x)
            loss = tf.reduce_sum(tf.square(y)) / 2
        gradient = tf.convert_to_tensor(tape.gradient(loss, layer.rows.value))
        return {"outputs": {"y": y, "gradient": gradient}}

    moves = {TABLE: look_up, CROSS: look_up_columns, ROWS: look_up_rows}
    return training.Twin(state, {"look_up": moves[part]})


def _looked_up(part, arguments, dtype, **batch):
    """What TF1 made of a batch."""
    program = tf1_lookup.program(part, arguments, {"dtype": dtype})
    _, record = session.play(program, [("look_up", batch)])
    return record["outputs"]["y"]


def _off():
    """{1: error} of Keras's numbers for known words and unknown ones."""
    x = [["wolf", "the", "cat"]]
    arguments = {"mapping": WORDS, "num_oov_buckets": 1}
    layer = keras.layers.StringLookup(vocabulary=WORDS)
    return {1: relative_error(_looked_up(TABLE, arguments, "string", x=x), layer(x))}


def _crossed_twice():
    """{1: error} of a cross of three that is a cross with a cross."""
    columns = [np.array(column) for column in (WORDS, WORDS[1:] + WORDS[:1], WORDS)]
    batch = {f"c{place}": column for place, column in enumerate(columns)}
    first, second, third = map(tf.constant, columns)
    cross = keras.layers.HashedCrossing(50)
    expected = _looked_up(
        CROSS, {"hash_bucket_size": 50}, "string string string", **batch
    )
    return {1: relative_error(expected, cross((cross((first, second)), third)))}


def _a_row_for_none():
    """{1: error} of the rows of categories of which some are none."""
    ids = np.int64([[-1], [0], [2]])
    arguments = {"buckets": 3, "width": 4, "initializer": UNIFORM}
    layer = keras.layers.Embedding(4, 4, made(*UNIFORM))
    expected = _looked_up(ROWS, arguments, "int64", x=ids)
    return {1: relative_error(expected, layer(ids[:, 0] + 1))}


def _samples(part):
    return tuple(arguments for arguments, _ in VARIANTS[part])


def _refused(part, **wrong):
    """Each of the wrong values of an argument, all others right."""
    first = _samples(part)[0]
    return tuple(
        ({**first, name: value}, name)
        for name, values in wrong.items()
        for value in values
    )


SAMPLES = _samples(TABLE)
PARTS = (
    Part(
        name=CROSS,
        tf1=SYMBOLS[CROSS],
        proof="parity_tests/parts/lookup_test.py::test_buckets_of_a_cross_are_those_of_tf1",
        arguments=st.sampled_from(_samples(CROSS)),
        samples=_samples(CROSS),
        refused=_refused(CROSS, hash_bucket_size=(0, 1.0, None), hash_key=(1.0, True)),
        traps=(
            Trap(
                "HashedCrossing(n)((HashedCrossing(n)((a, b)), c))",
                _crossed_twice,
                {1: 0.3},
                "tf1_semantics.lookup.CrossedColumn(n)([a, b, c])",
            ),
        ),
    ),
    Part(
        name=TABLE,
        tf1=SYMBOLS[TABLE],
        proof="parity_tests/parts/lookup_test.py::test_numbers_are_those_of_tf1",
        arguments=st.sampled_from(SAMPLES),
        samples=SAMPLES,
        refused=_refused(
            TABLE,
            mapping=([], "words", None, ["a", "a"], ["a", 1], [True], [1.0]),
            num_oov_buckets=(-1, 1.0, None, True),
            default_value=(1.0, None, True),
        ),
        traps=(
            Trap(
                "keras.layers.StringLookup(vocabulary=words)",
                _off,
                {1: 0.5},
                "tf1_semantics.lookup.IndexTable(words, num_oov_buckets=1)",
            ),
        ),
    ),
    Part(
        name=ROWS,
        tf1=SYMBOLS[ROWS],
        proof="parity_tests/parts/lookup_test.py::test_rows_and_their_gradient_are_those_of_tf1",
        arguments=st.sampled_from(_samples(ROWS)),
        samples=_samples(ROWS),
        refused=_refused(
            ROWS,
            buckets=(0, 1.0),
            width=(0, None),
            initializer=("zeroes", None),
            combiner=("max", None),
        ),
        traps=(
            Trap(
                "keras.layers.Embedding(n + 1, width)(ids + 1)",
                _a_row_for_none,
                {1: 0.3},
                "tf1_semantics.lookup.SafeEmbedding(n, width)(ids)",
            ),
        ),
    ),
)
