"""TF1's side of the parts of ``tf1_semantics``, written once, one file a kind.

A part, its arguments and a problem, all of them plain data, make a ``session.Program``.
``CASES`` says what genuine 1.15.5 records of each part, and ``play`` what is played.
"""
