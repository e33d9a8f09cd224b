"""Names of a graph's nodes, read off a .meta without TensorFlow, whose import takes long.

A MetaGraphDef has its graph in field 2, a GraphDef its nodes in field 1, and a node its
name in field 1: that much of protobuf's wire format is read here, and no more.
"""

import difflib
import os

from parity_tests.commands.mistakes import UserError, shortened

LARGEST_BYTES = 256 * 2**20  # of a file that is read for its names
GRAPH, NODE, NAME = 2, 1, 1
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5


def of_meta(path):
    """{name of a node}, empty for no whole MetaGraphDef; None for what was not read."""
    try:
        if os.path.getsize(path) > LARGEST_BYTES:
            return None
        with open(path, "rb") as file:
            content = memoryview(file.read())
        return {
            str(name, "utf-8")
            for graph in _within(content, GRAPH)
            for node in _within(graph, NODE)
            for name in _within(node, NAME)
        }
    except (ValueError, IndexError):
        return set()
    except OSError:
        return None  # whoever reads it says what is wrong with it


def _within(message, wanted):
    """The contents of a message's fields of one number that have a length."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            _, place = _varint(message, place)
        elif kind == LENGTH:
            length, place = _varint(message, place)
            if place + length > len(message):
                raise ValueError("a field that is longer than its message")
            if number == wanted:
                yield message[place : place + length]
            place += length
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            place += 8 if kind == EIGHT_BYTES else 4
        else:
            raise ValueError("a field of no known kind")


def _varint(message, place):
    """(a number, the place behind it)."""
    number = shift = 0
    while True:
        byte = message[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return number, place


def require_known(path, named):
    """Refuses a .meta that is none, and names that no node of it has.

    Args:
        named: [(option, name of a tensor or an op)].
    """
    known = of_meta(path) if path.endswith(".meta") else None
    if known is None:
        return
    if not known:
        raise UserError(
            "A graph's file must hold a whole MetaGraphDef with a graph in it. "
            f"Received: {path} ({os.path.getsize(path)} bytes). "
            "Copy the .meta again, and compare its size with the original; "
            "checkpoints, frozen graphs and saved_model.pb are other formats."
        )
    missing = [
        (option, name)
        for option, name in named
        if name.partition(":")[0] not in known and name.rpartition(":")[0] not in known
    ]
    if not missing:
        return
    told = ", ".join(
        f"{option} {shortened(name)} (nearest: {_nearest(name, known)})"
        for option, name in missing
    )
    raise UserError(
        f"A name must be that of a node in the graph. Received: {told}. "
        "Use names of the .meta; if none is near, it is of another program."
    )


def _nearest(name, known):
    close = difflib.get_close_matches(name.partition(":")[0], known, n=3, cutoff=0.5)
    return ", ".join(close) or "none"
