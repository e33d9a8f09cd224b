"""What TensorFlow 1.15.5 had and what became of it: tf1_api.tsv and TensorFlow's tables.

tf1_api.tsv lists every public symbol and whether it exists today; TensorFlow's own tables
for tf_upgrade_v2 say what is called otherwise. They are read without importing it.
"""

import ast
import contextlib
import functools
import importlib.util
import os
import re
from typing import NamedTuple

API = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tf1_api.tsv")


class Row(NamedTuple):
    """One row of tf1_api.tsv; the flags are booleans."""

    symbol: str
    kind: str
    signature: str
    in_tf1: bool
    in_compat_v1: bool
    in_v2: bool
    successor: str  # 'identical', 'same' or 'differs'; '' where there is none


@functools.cache
def api():
    """{symbol: Row} from tf1_api.tsv."""
    with open(API, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file if not line.startswith("#")]
    rows = {}
    for line in lines[1:]:
        symbol, kind, signature, *flags, successor = line.split("\t")
        flags = [flag == "yes" for flag in flags]
        rows[symbol] = Row(symbol, kind, signature, *flags, successor)
    return rows


class Tables(NamedTuple):
    renames: dict
    keywords: dict
    orders: dict


@functools.cache
def tables():
    """TensorFlow's tables for tf_upgrade_v2, read from their files."""
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "tensorflow must be installed: its own tables of renames are read. "
            "Received: none. Use pip install tensorflow."
        )
    folder = os.path.join(spec.submodule_search_locations[0], "tools", "compatibility")
    renames = _dictionary(folder, "renames_v2.py", "renames")
    for name in ("addons_symbol_mappings", "manual_symbol_renames"):
        renames.update(_dictionary(folder, "all_renames_v2.py", name))
    keywords = _dictionary(folder, "tf_upgrade_v2.py", "function_keyword_renames")
    orders = _dictionary(folder, "reorders_v2.py", "reorders")
    return Tables(renames, keywords, orders)


def _dictionary(folder, file_name, name):
    """The literal entries of a dictionary that a Python file assigns to ``name``."""
    with open(os.path.join(folder, file_name), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    entries = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Dict):
            continue
        target = node.targets[0]
        if name != getattr(target, "id", getattr(target, "attr", None)):
            continue
        for key, value in zip(node.value.keys, node.value.values, strict=True):
            with contextlib.suppress(ValueError):
                entries[ast.literal_eval(key)] = ast.literal_eval(value)
        if entries:
            break
    return entries


@functools.cache
def canonical(symbol):
    """'tf.compat.v1.layers.dense' and the like as 'tf.layers.dense'."""
    symbol = re.sub(r"^tensorflow\b", "tf", symbol)
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
