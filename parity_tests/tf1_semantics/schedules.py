"""Descriptors of tf1_semantics.schedules."""

PARTS = ()
