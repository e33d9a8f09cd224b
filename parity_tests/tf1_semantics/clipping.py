"""Descriptors of tf1_semantics.clipping."""

PARTS = ()
