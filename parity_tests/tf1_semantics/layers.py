"""Descriptors of tf1_semantics.layers."""

PARTS = ()
