"""The calls that are run under TensorFlow 1.15.5 and under today's, of all tables.

A line is TF1's expression, and behind an arrow TF2's where it is written otherwise. The
symbol that it witnesses stands first, before " :: ", or else is the first name of ``tf``.
``calls.Side`` says which names stand in it.
"""

import os
import re

from parity_tests.migrate import renamed_rows

FOLDER = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "migrate"
)
ROOT = os.path.dirname(os.path.dirname(FOLDER))
API = os.path.join(ROOT, "tf2_keras", "migrate", "tf1_api.tsv")
TABLES = ("calls_tf.txt", "calls_keras.txt")


def rows():
    """[(symbol, TF1's expression, TF2's expression)], each expression of TF1 once."""
    known = {}
    for symbol, before, after in renamed_rows.rows():
        if symbol not in renamed_rows.BEFORE_1_15:
            known[before] = symbol, before, after
    for table in TABLES:
        with open(os.path.join(FOLDER, table), encoding="utf-8") as file:
            for line in file.read().splitlines():
                if line and not line.startswith("#"):
                    symbol, before, after = row_of(line)
                    known.setdefault(before, (symbol, before, after))
    return list(known.values())


def constants():
    """[(symbol, symbol)] of every constant of 1.15's API: its value is what it gives."""
    with open(API, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if line[0] != "#"]
    return [
        (row[0], row[0])
        for row in lines
        if row[1] == "constant" and row[3] == "yes" and ".contrib." not in row[0]
    ]


def row_of(line):
    """(symbol, TF1's expression, TF2's expression) of one line."""
    symbol, colon, expressions = line.partition(" :: ")
    if not colon:
        expressions = line
        symbol = re.search(r"\btf(\.\w+)+", line).group()
    before, _, after = expressions.partition("  ->  ")
    return symbol.strip(), before.strip(), (after or before).strip()
