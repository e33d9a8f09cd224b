"""TF1's vocabulary lookups as Keras layers."""

from tf2_keras.tf1_semantics.lookup.index_table import IndexTable

__all__ = ["IndexTable"]
