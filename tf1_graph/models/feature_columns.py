"""Feature columns of the census: what the chapter wide_deep is given of a person.

The tutorial had them in a file of their own, too. A column makes a number of a word: its
place in a list, a bucket of its hash, or of a hash of several words; an age has that of
its range. The wide half has a weight for each number, the deep half takes it as a row of
zeros with a one in its place, or as that row of an embedding.

Shapes: B people.
"""

import numpy as np
import tensorflow.compat.v1 as tf

NUMBERS = ("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
# fmt: off
VOCABULARIES = {
    "education": [
        "Bachelors", "HS-grad", "11th", "Masters", "9th", "Some-college", "Assoc-acdm",
        "Assoc-voc", "7th-8th", "Doctorate", "Prof-school", "5th-6th", "10th", "1st-4th",
        "Preschool", "12th"],
    "marital_status": [
        "Married-civ-spouse", "Divorced", "Married-spouse-absent", "Never-married",
        "Separated", "Married-AF-spouse", "Widowed"],
    "relationship": [
        "Husband", "Not-in-family", "Wife", "Own-child", "Unmarried", "Other-relative"],
    "workclass": [
        "Self-emp-not-inc", "Private", "State-gov", "Federal-gov", "Local-gov", "?",
        "Self-emp-inc", "Without-pay", "Never-worked"],
}
# fmt: on
WORDS = (*VOCABULARIES, "occupation")
AGES = (18.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 65.0)


def input_fn(features, labels, batch_size, seed):
    """Endless ({column: [B]}, labels [B]), shuffled anew in each epoch, the last short."""
    random = np.random.RandomState(seed)
    while True:
        order = random.permutation(len(labels))
        for start in range(0, len(labels), batch_size):
            rows = order[start : start + batch_size]
            yield (
                {name: column[rows] for name, column in features.items()},
                labels[rows],
            )


def inputs():
    """{column: placeholder [B]}."""
    features = {name: tf.placeholder(tf.float32, [None], name) for name in NUMBERS}
    for name in WORDS:
        features[name] = tf.placeholder(tf.string, [None], name)
    return features


def build_model_columns(config):
    """(wide columns, deep columns), of which nothing is computed yet."""
    column, buckets = tf.feature_column, config.hash_bucket_size
    numbers = {name: column.numeric_column(name) for name in NUMBERS}
    words = {
        name: column.categorical_column_with_vocabulary_list(name, vocabulary)
        for name, vocabulary in VOCABULARIES.items()
    }
    occupation = column.categorical_column_with_hash_bucket("occupation", buckets)
    age_buckets = column.bucketized_column(numbers["age"], AGES)
    crosses = [
        column.crossed_column(["education", "occupation"], buckets),
        column.crossed_column([age_buckets, "education", "occupation"], buckets),
    ]
    dimension = config.embedding_dimension
    embedding = column.embedding_column(
        occupation,
        dimension,
        initializer=tf.truncated_normal_initializer(stddev=dimension**-0.5, seed=11),
    )
    indicators = [column.indicator_column(known) for known in words.values()]
    wide = list(words.values()) + [occupation, age_buckets] + crosses
    return wide, list(numbers.values()) + indicators + [embedding]
