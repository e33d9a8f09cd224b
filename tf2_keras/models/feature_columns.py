"""Feature columns of the census: the twin in preprocessing layers of Keras 3.

A layer makes the same number of a word, if it is told where TF1 began to count, and what
it took for nothing: the word's place in a list, a bucket of its hash, or of a hash of
several words; an age has that of its range. What the halves are given these numbers by,
linear_model and input_layer, are functions here.

Shapes: B people.
"""

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics

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
    """An endless tf.data.Dataset of ({column: [B]}, labels [B]), shuffled in each epoch."""
    random = np.random.RandomState(seed)

    def orders():
        # Dataset.shuffle would draw another order than NumPy.
        while True:
            order = random.permutation(len(labels))
            for start in range(0, len(labels), batch_size):
                yield order[start : start + batch_size]

    return tf.data.Dataset.from_generator(
        orders, output_signature=tf.TensorSpec([None], tf.int64)
    ).map(
        lambda rows: tf.nest.map_structure(
            lambda column: tf.gather(column, rows), (features, labels)
        )
    )


def inputs():
    """{column: keras.Input [B]}."""
    features = {name: keras.Input([], name=name) for name in NUMBERS}
    for name in WORDS:
        features[name] = keras.Input([], dtype="string", name=name)
    return features


def category(words, vocabulary):
    """Words [B] -> their places [B] in a vocabulary; -1, no category, of unknown ones."""
    # Keras counts what is unknown as number 0, in front of the vocabulary.
    return keras.layers.StringLookup(vocabulary=vocabulary)(words) - 1


def hashed(words, buckets):
    """Words [B] -> buckets [B]; -1 of an empty word, which was none in TF1."""
    # Keras's hash is TF1's, and an empty word has one unless it is the mask, number 0.
    return keras.layers.Hashing(buckets + 1, mask_value="")(words) - 1


def crossed(columns, buckets):
    """Columns [B] -> buckets [B] of what they say together."""
    # keras.layers.HashedCrossing takes two columns and no more.
    return tf1_semantics.lookup.CrossedColumn(buckets)(columns)


def build_model_columns(features, config):
    """({wide column: ids [B]}, {deep column: [B, width]})."""
    buckets, dimension = config.hash_bucket_size, config.embedding_dimension
    education, occupation = features["education"], features["occupation"]
    age_buckets = keras.layers.Discretization(AGES)(features["age"])
    ids = {
        name: category(features[name], vocabulary)
        for name, vocabulary in VOCABULARIES.items()
    }
    indicators = {
        name + "_indicator": keras.ops.one_hot(ids[name], len(vocabulary))
        for name, vocabulary in VOCABULARIES.items()
    }
    ids["occupation"] = hashed(occupation, buckets)
    ids["age_bucketized"] = age_buckets
    ids["education_X_occupation"] = crossed([education, occupation], buckets)
    ids["age_bucketized_X_education_X_occupation"] = crossed(
        [age_buckets, education, occupation], buckets
    )
    # keras.layers.Embedding would need a row for what is no category, and train it.
    embedding = tf1_semantics.lookup.SafeEmbedding(
        buckets,
        dimension,
        initializer=tf1_semantics.initializers.TruncatedNormal(
            stddev=dimension**-0.5, seed=(config.seed, 11)
        ),
        name="dnn_occupation_embedding",
    )(ids["occupation"])
    numbers = {name: keras.ops.expand_dims(features[name], 1) for name in NUMBERS}
    return ids, {**numbers, **indicators, "occupation_embedding": embedding}


def num_buckets(name, config):
    """How many ids a wide column has. A TF1 column knew that itself."""
    if name in VOCABULARIES:
        return len(VOCABULARIES[name])
    return len(AGES) + 1 if name == "age_bucketized" else config.hash_bucket_size


def linear_model(wide_columns, config):
    """{column: ids [B]} -> [B, 1]: the sum of a weight for each id, and a bias."""
    # -1, an unknown word or an empty one, has no weight.
    weights = [
        tf1_semantics.lookup.SafeEmbedding(
            num_buckets(name, config), 1, name="linear_" + name
        )(wide_columns[name])
        for name in sorted(wide_columns)
    ]
    total = keras.layers.Add()(weights)
    return tf1_semantics.layers.BiasAdd(name="linear_model")(total)


def input_layer(deep_columns):
    """{column: [B, width]} -> [B, sum of widths]."""
    # TF1 put them side by side in the order of their names, not in that of a list.
    return keras.ops.concatenate(
        [deep_columns[name] for name in sorted(deep_columns)], 1
    )
