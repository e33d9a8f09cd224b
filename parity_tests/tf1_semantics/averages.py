"""Descriptors of tf1_semantics.averages."""

PARTS = ()
