"""TF1's vocabulary lookups and columns of categories as Keras layers."""

from tf2_keras.tf1_semantics.lookup.columns import CrossedColumn, SafeEmbedding
from tf2_keras.tf1_semantics.lookup.index_table import IndexTable

__all__ = ["CrossedColumn", "IndexTable", "SafeEmbedding"]
