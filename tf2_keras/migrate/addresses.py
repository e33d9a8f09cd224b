"""Where the reading room tells of a symbol, a message or a Keras object.

Addresses are relative to the site and stay as they are: they depend on nothing but the
table of 1.15's public symbols.
"""

import functools
import re

from tf2_keras.migrate.api_table import api, canonical
from tf2_keras.migrate.rule_file import rules

FOLDER = "symbols"


@functools.cache
def module(symbol):
    """The module that a TF1 symbol belongs to: 'tf.nn' of 'tf.nn.dropout'."""
    while "." in symbol:
        symbol = symbol.rpartition(".")[0]
        row = api().get(symbol)
        if row is not None and row.kind == "module":
            return symbol
    return "tf"


def document(module):
    """The document of the reading room that lists a module's symbols."""
    return f"{FOLDER}/{module}"


def of_symbol(symbol):
    """'symbols/tf.nn.html#tf.nn.dropout'; '' of what neither it nor an owner is told of.

    A method that only its class is told of has the address of the class.
    """
    symbol = canonical(symbol)
    while not has_entry(symbol):
        symbol = symbol.rpartition(".")[0]
        if not symbol:
            return ""
    return f"{document(module(symbol))}.html#{symbol}"


def has_entry(symbol):
    """Whether a symbol is one of ``catalogue.every``."""
    row = api().get(symbol)
    return (row is not None and row.in_tf1) or symbol in rules().exact


def anchor(heading):
    """What the site and GitHub add to a page's address for a heading of it."""
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


def of_message(error):
    """'guide/errors.html#…' of an errors.Error."""
    return f"guide/errors.html#{anchor(error.message.rstrip('.'))}"
