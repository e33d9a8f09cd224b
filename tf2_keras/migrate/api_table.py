"""What TensorFlow 1.15.5 had and what became of it: tf1_api.tsv and tf1_renames.tsv.

tf1_api.tsv lists every public symbol and whether it exists today; tf1_renames.tsv holds
TensorFlow's own tables for tf_upgrade_v2, which say what is called otherwise. TensorFlow
need not be installed.
"""

import functools
import os
import re
from typing import NamedTuple

from tf2_keras.migrate import keras_names

FOLDER = os.path.dirname(os.path.abspath(__file__))
API = os.path.join(FOLDER, "tf1_api.tsv")
RENAMES = os.path.join(FOLDER, "tf1_renames.tsv")


class Row(NamedTuple):
    """One row of tf1_api.tsv; the flags are booleans."""

    symbol: str
    kind: str
    signature: str
    in_tf1: bool
    in_compat_v1: bool
    in_v2: bool
    successor: str  # 'identical', 'same' or 'differs'; '' where there is none


def cells(path):
    """[[text of each cell]] of a table of tabs, without comments and its first row."""
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file if not line.startswith("#")]
    return [line.split("\t") for line in lines[1:]]


@functools.cache
def api():
    """{symbol: Row} from tf1_api.tsv."""
    rows = {}
    for symbol, kind, signature, *flags, successor in cells(API):
        flags = [flag == "yes" for flag in flags]
        rows[symbol] = Row(symbol, kind, signature, *flags, successor)
    return rows


class Tables(NamedTuple):
    """TensorFlow's tables for tf_upgrade_v2.

    renames: {old symbol: new one, with tf.compat.v1 or tf.compat.v2 where it says so}.
    keywords: {symbol: {old name of an argument: new one, or None where it is gone}}.
    orders: {symbol: the names of TF1's arguments in order, None for those that stay}.
    """

    renames: dict
    keywords: dict
    orders: dict


@functools.cache
def tables():
    """TensorFlow's tables, from tf1_renames.tsv."""
    renames, keywords, orders = {}, {}, {}
    for table, symbol, old, new in cells(RENAMES):
        if table == "rename":
            renames[symbol] = new
        elif table == "keyword":
            keywords.setdefault(symbol, {})[old] = new or None
        else:
            orders[symbol] = [name or None for name in new.split(",")]
    return Tables(renames, keywords, orders)


@functools.cache
def canonical(symbol):
    """'tf.compat.v1.layers.dense' and the like as 'tf.layers.dense'."""
    symbol = re.sub(r"^tensorflow\b", "tf", symbol)
    if keras_names.is_standalone(symbol):
        symbol = keras_names.public(symbol)
    while True:
        shorter = re.sub(r"^tf\.compat\.v[12]\b", "tf", symbol)
        if shorter == symbol:
            return symbol
        symbol = shorter


# Where 1.15 had one object under two names, contrib's second one first: slim imports all
# of contrib.layers and contrib.framework.
SECOND_NAMES = (
    (r"slim\.(losses|metrics)\.", (r"\1.",)),
    (r"slim\.(?:layers|initializers|regularizers)\.", ("layers.",)),
    (r"slim\.", ("layers.", "framework.")),
    (r"layers\.convolution(\dd)", (r"layers.conv\1",)),
    (r"layers\.separable_convolution2d", ("layers.separable_conv2d",)),
    (r"layers\.feature_column\.", ("layers.",)),
    (r"layers\.summaries\.", ("layers.",)),
)


@functools.cache
def original(symbol):
    """'tf.contrib.layers.conv2d' for 'tf.contrib.slim.convolution2d', the same object."""
    contrib = "tf.contrib."
    for second, firsts in SECOND_NAMES:
        for first in firsts:
            name = re.sub(rf"^tf\.contrib\.{second}", contrib + first, symbol)
            row = api().get(name)
            if name != symbol and row is not None and row.kind != "module":
                return original(name)
    return symbol


def canonical_target(target):
    return re.sub(r"^tf\.compat\.v2\.", "tf.", target)


def within(symbol, names):
    """Whether a symbol is one of the names, or an attribute of one."""
    return any(symbol == name or symbol.startswith(name + ".") for name in names)
