"""Descriptors of tf1_semantics.recurrent."""

PARTS = ()
