"""Tools for TF1 code bases: what becomes of their symbols, and of what they trained."""
