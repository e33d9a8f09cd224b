"""Descriptors of tf1_semantics.optimizers."""

PARTS = ()
