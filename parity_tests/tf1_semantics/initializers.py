"""Descriptors of tf1_semantics.initializers."""

PARTS = ()
