"""Descriptors of tf1_semantics.metrics."""

PARTS = ()
