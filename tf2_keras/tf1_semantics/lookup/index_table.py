"""Words to numbers, as TF1 numbered them: unknown words behind the vocabulary."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import require, require_int


@keras.saving.register_keras_serializable("tf1_semantics")
class IndexTable(Configured, keras.layers.Layer):
    """``tf.contrib.lookup.index_table_from_tensor``: the place of a word in a list.

    So do ``categorical_column_with_vocabulary_list`` and ``..._file`` number words. What
    is not in the list is default_value, or one of num_oov_buckets numbers behind the
    vocabulary, by TF1's hash. ``keras.layers.StringLookup`` numbers from
    num_oov_indices on and puts unknown words first.

    With both, TF1 took the word whose number is default_value for an unknown one, and so
    does this.

    Args:
        mapping: list of different words, or of ints.
        num_oov_buckets: how many numbers there are for what is not in the list.
        default_value: the number of what is not in the list, if there are no buckets.

    Input shape: any, strings, or integers where ``mapping`` holds ints.
    Output shape: the same, int64.
    Raises:
        ValueError: for arguments or inputs other than these.
    Source: lookup_ops.index_table_from_tensor, IdTableWithHashBuckets, 1.15.
    """

    def __init__(self, mapping, num_oov_buckets=0, default_value=-1, **kwargs):
        words = isinstance(mapping, (list, tuple)) and len(mapping) > 0
        kinds = {type(word) for word in mapping} if words else set()
        require(
            words and kinds in ({str}, {int}) and len(set(mapping)) == len(mapping),
            "mapping must be a list of different words, or of different ints",
            repr(mapping),
            'Use for instance ["a", "b"]; a file\'s lines by open(…).read().split()',
        )
        require_int("num_oov_buckets", num_oov_buckets, 0, at_least=0)
        require_int("default_value", default_value, -1)
        super().__init__(**kwargs)
        self.mapping = mapping
        self.num_oov_buckets = num_oov_buckets
        self.default_value = default_value
        with tf.init_scope():
            keys = tf.constant(mapping, tf.string if kinds == {str} else tf.int64)
            numbers = tf.range(len(mapping), dtype=tf.int64)
            self._table = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(keys, numbers), default_value
            )

    def __call__(self, x):
        if not isinstance(x, keras.KerasTensor):
            x = tf.convert_to_tensor(x)
        dtype, keys = tf.as_dtype(x.dtype), self._table.key_dtype
        require(
            dtype == keys or dtype.is_integer and keys.is_integer,
            "inputs must be of the kind of mapping",
            dtype.name,
            "Use strings" if keys == tf.string else "Use keras.ops.cast(x, 'int64')",
        )
        return super().__call__(x)

    def call(self, x):
        words = x if x.dtype == tf.string else tf.as_string(x)
        numbers = self._table.lookup(tf.cast(x, self._table.key_dtype))
        if not self.num_oov_buckets:
            return numbers
        buckets = tf.strings.to_hash_bucket_fast(words, self.num_oov_buckets)
        # As in TF1, where a word whose number is default_value counts as unknown too.
        known = tf.not_equal(numbers, self.default_value)
        return tf.where(known, numbers, buckets + len(self.mapping))

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, "int64")
