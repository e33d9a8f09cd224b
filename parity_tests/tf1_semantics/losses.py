"""Descriptors of tf1_semantics.losses."""

PARTS = ()
