"""TF1's feature columns of categories: a cross of several, and rows of a table."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import (
    initializer_from,
    require_int,
    require_one_of,
)


@keras.saving.register_keras_serializable("tf1_semantics")
class CrossedColumn(Configured, keras.layers.Layer):
    """``tf.feature_column.crossed_column``: a bucket of what several columns say together.

    An empty word is a word here. A number is hashed as a number: the range of a bucketized
    column is crossed by its place, and not by its digits. TF1 took keys that are columns
    before those that name a feature, in whatever order they were listed: so must the list
    here. ``keras.layers.HashedCrossing`` takes two columns and no more.

    Args:
        hash_bucket_size: how many buckets there are.
        hash_key: of the hash; None for TF1's own.

    Input shape: a list of [batch], each of strings or of integers.
    Output shape: [batch], int64.
    Raises:
        ValueError: for arguments other than these.
    Source: feature_column_v2.CrossedColumn, sparse_ops.sparse_cross_hashed, 1.15.
    """

    def __init__(self, hash_bucket_size, hash_key=None, **kwargs):
        require_int("hash_bucket_size", hash_bucket_size, 1000, at_least=1)
        if hash_key is not None:
            require_int("hash_key", hash_key, "None")
        super().__init__(**kwargs)
        self.hash_bucket_size, self.hash_key = hash_bucket_size, hash_key

    def call(self, columns):
        columns = [
            column if column.dtype == tf.string else tf.cast(column, tf.int64)
            for column in map(tf.convert_to_tensor, columns)
        ]
        return tf.sparse.cross_hashed(
            [tf.expand_dims(column, 1) for column in columns],
            self.hash_bucket_size,
            self.hash_key,
        ).values

    def compute_output_spec(self, columns):
        return keras.KerasTensor(columns[0].shape, "int64")


@keras.saving.register_keras_serializable("tf1_semantics")
class SafeEmbedding(Configured, keras.layers.Layer):
    """``tf.nn.safe_embedding_lookup_sparse``: rows of a table, and zeros of no category.

    So did ``embedding_column`` and ``linear_model`` look up a category, whose -1 has no row
    and trains none. ``keras.layers.Embedding`` needs a row for it, and trains that too.

    Args:
        buckets: how many rows there are.
        width: of a row.
        initializer: of the table.
        combiner: of several categories: "mean", "sum" or "sqrtn".

    Input shape: [batch] or [batch, categories], integers; what is below zero is none.
    Output shape: [batch, width].
    Raises:
        ValueError: for arguments other than these.
    Source: embedding_ops.safe_embedding_lookup_sparse, 1.15.
    """

    def __init__(self, buckets, width, initializer="zeros", combiner="mean", **kwargs):
        require_int("buckets", buckets, 1000, at_least=1)
        require_int("width", width, 8, at_least=1)
        require_one_of("combiner", combiner, ("mean", "sum", "sqrtn"), "mean")
        super().__init__(**kwargs)
        self.buckets, self.width, self.combiner = buckets, width, combiner
        self.initializer = initializer_from("initializer", initializer)

    def build(self, _input_shape):
        self.rows = self.add_weight(
            shape=(self.buckets, self.width), initializer=self.initializer, name="rows"
        )

    def call(self, ids):
        if len(ids.shape) == 1:
            ids = ids[:, tf.newaxis]
        known = ids >= 0
        sparse_ids = tf.SparseTensor(
            tf.where(known), ids[known], tf.shape(known, tf.int64)
        )
        return tf.nn.safe_embedding_lookup_sparse(
            self.rows.value, sparse_ids, combiner=self.combiner
        )

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.width
