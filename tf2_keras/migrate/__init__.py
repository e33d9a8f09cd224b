"""Tools for TF1 code bases that have no twin: what becomes of their symbols."""
