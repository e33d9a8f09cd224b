"""TF1's vocabulary lookups as Keras layers, against compat.v1 graphs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from parity_tests.pair.pair import Pair
from parity_tests.parts.lookup import twin
from tf1_graph.parts import lookup as tf1_lookup
from tf1_graph.parts.lookup import CROSS, ROWS, UNIFORM
from tf2_keras.tf1_semantics import lookup

PART = "lookup.IndexTable"
# No surrogates and no zeros: NumPy's strings lose them at their ends.
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)


@given(
    mapping=st.lists(words, min_size=1, max_size=5, unique=True),
    others=st.lists(words, min_size=1, max_size=9),
    arguments=st.fixed_dictionaries(
        {},
        optional={
            "num_oov_buckets": st.integers(0, 7),
            "default_value": st.integers(-2, 5),
        },
    ),
)
def test_numbers_are_those_of_tf1(mapping, others, arguments):
    arguments = {"mapping": mapping, **arguments}
    moves = [("look_up", {"x": np.array([mapping + others])})]
    program = tf1_lookup.program(PART, arguments, {"dtype": "string"})
    with Pair(program, twin(PART, arguments, {})) as pair:
        pair.compare(moves, "eager").require_agreement()


@given(
    mapping=st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=5, unique=True),
    others=st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=9),
)
def test_integers_are_hashed_as_their_decimal_digits(mapping, others):
    arguments = {"mapping": mapping, "num_oov_buckets": 5}
    moves = [("look_up", {"x": np.array([mapping + others])})]
    program = tf1_lookup.program(PART, arguments, {"dtype": "int64"})
    with Pair(program, twin(PART, arguments, {})) as pair:
        pair.compare(moves, "eager").require_agreement()


@given(
    dtypes=st.lists(st.sampled_from(["string", "int32"]), min_size=2, max_size=4),
    arguments=st.fixed_dictionaries(
        {"hash_bucket_size": st.integers(1, 999)},
        optional={"hash_key": st.integers(0, 2**62)},
    ),
    rows=st.integers(1, 9),
    data=st.data(),
)
def test_buckets_of_a_cross_are_those_of_tf1(dtypes, arguments, rows, data):
    """Of words, empty ones and such that are not ASCII, and of ranges of numbers."""
    kinds = {"string": words, "int32": st.integers(-(2**31), 2**31 - 1)}
    batch = {}
    for place, dtype in enumerate(dtypes):
        column = data.draw(st.lists(kinds[dtype], min_size=rows, max_size=rows))
        batch[f"c{place}"] = np.array(column, None if dtype == "string" else dtype)
    program = tf1_lookup.program(CROSS, arguments, {"dtype": " ".join(dtypes)})
    with Pair(program, twin(CROSS, arguments, {})) as pair:
        pair.compare([("look_up", batch)], "eager").require_agreement()


@pytest.mark.slow
@given(
    ids=arrays(
        np.int64,
        st.tuples(st.integers(1, 6), st.integers(1, 4)),
        elements=st.integers(-2, 4),
    ),
    combiner=st.sampled_from(["mean", "sum", "sqrtn"]),
)
def test_rows_and_their_gradient_are_those_of_tf1(ids, combiner):
    """Of people with several categories, with one, and with none."""
    arguments = {"buckets": 5, "width": 3, "initializer": UNIFORM, "combiner": combiner}
    program = tf1_lookup.program(ROWS, arguments, {"dtype": "int64"})
    with Pair(program, twin(ROWS, arguments, {})) as pair:
        pair.compare([("look_up", {"x": ids})], "function").require_agreement()


def test_one_category_each_may_be_a_row_or_a_column():
    layer = lookup.SafeEmbedding(5, 3, "ones")
    ids = np.int64([3, -1, 0])
    np.testing.assert_array_equal(layer(ids), layer(ids[:, np.newaxis]), strict=True)
    assert layer(ids).numpy().sum(1).tolist() == [3.0, 0.0, 3.0]


def test_a_feature_column_numbers_alike():
    vocabulary, sentence = ["wolf", "a", "the"], [["the"], ["cat"], ["wolf"], ["dog"]]
    for arguments in ({}, {"num_oov_buckets": 4}, {"default_value": 1}):
        with tf.Graph().as_default() as graph:
            column = tf.feature_column.categorical_column_with_vocabulary_list(
                "word", vocabulary, **arguments
            )
            indicated = tf.compat.v1.feature_column.input_layer(
                {"word": tf.constant(sentence)},
                [tf.feature_column.indicator_column(column)],
            )
            tables = tf.compat.v1.tables_initializer()
        with tf.compat.v1.Session(graph=graph) as session:
            session.run(tables)
            expected = session.run(indicated)
        numbers = lookup.IndexTable(vocabulary, **arguments)(np.array(sentence))
        received = tf.one_hot(numbers[:, 0], expected.shape[1])  # -1 is none
        np.testing.assert_array_equal(received, expected, strict=True)


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_feature_column_of_a_file_numbers_alike(ending, tmp_path):
    path, sentence = tmp_path / "words", [["the"], ["cat"], ["a b"], ["dog"]]
    path.write_bytes(ending.join(["wolf", "a b", "the", ""]).encode())
    for arguments in ({}, {"num_oov_buckets": 4}, {"default_value": 1}):
        with tf.Graph().as_default() as graph:
            words = tf.feature_column.categorical_column_with_vocabulary_file
            indicator = tf.feature_column.indicator_column
            indicated = tf.compat.v1.feature_column.input_layer(
                {"word": tf.constant(sentence)},
                [indicator(words("word", str(path), **arguments))],
            )
            tables = tf.compat.v1.tables_initializer()
        with tf.compat.v1.Session(graph=graph) as session:
            session.run(tables)
            expected = session.run(indicated)
        with open(path) as file:
            vocabulary = [line.rstrip("\n") for line in file]
        numbers = lookup.IndexTable(vocabulary, **arguments)(np.array(sentence))
        received = tf.one_hot(numbers[:, 0], expected.shape[1])  # -1 is none
        np.testing.assert_array_equal(received, expected, strict=True)
        assert expected[0, 2] == expected[2, 1] == 1


# Keras 3 writes a TensorFlow variable as NumPy 1 would.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_table_is_part_of_a_model_that_can_be_saved(tmp_path):
    inputs = keras.Input([2], dtype="string")
    numbers = lookup.IndexTable(["b", "a"], num_oov_buckets=2)(inputs)
    model = keras.Model(inputs, keras.layers.Embedding(4, 3)(numbers))
    batch = tf.constant([["a", "b"], ["c", "a"]])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(batch), model(batch), strict=True)


@pytest.mark.parametrize(
    "mapping, x",
    [(["a"], [1]), (["a"], [1.0]), ([1], ["a"]), ([1], [1.0]), ([1], [True])],
)
def test_inputs_of_another_kind_are_refused(mapping, x):
    table = lookup.IndexTable(mapping)
    refusal = r"^inputs must be of the kind of mapping\. Received: \w+\. Use "
    with pytest.raises(ValueError, match=refusal):
        table(np.array(x))
