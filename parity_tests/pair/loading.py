"""FILE.py[:pair]: the file of the user's that declares a pair."""

import os
import re

DEFAULT = "pair"


def split(file):
    """(path, name) of FILE.py:name."""
    match = re.match(r"(.*):(\w+)$", file, re.S)
    return (match[1], match[2]) if match else (file, DEFAULT)


def loaded(file):
    """The ``OwnPair`` that FILE.py:pair is, or returns.

    Raises:
        PairError: if it is none; a ``SideFailed`` if the file cannot be imported.
    """
    from parity_tests.witness import reference_conditions

    reference_conditions.import_tensorflow()
    from parity_tests.pair import tf1_sides
    from parity_tests.pair.errors import mistake, theirs
    from parity_tests.pair.own_pair import OwnPair

    path, name = split(file)
    with tf1_sides.unswitched():
        module = tf1_sides.load(path)
    missing = object()
    pair = getattr(module, name, missing)
    if callable(pair):
        with theirs(f"{name} must return the pair"), tf1_sides.unswitched():
            pair = pair()
    if not isinstance(pair, OwnPair):
        known = [
            key for key, value in vars(module).items() if isinstance(value, OwnPair)
        ]
        named = ", ".join(f"{path}:{key}" for key in known)
        raise mistake(
            f"{path} must hold a parity_tests.OwnPair of that name",
            f"no {name}"
            if pair is missing
            else f"{name}, of type {type(pair).__name__}",
            f"Use {named}" if known else f"Write {name} = parity_tests.OwnPair(...)",
        )
    if pair.folder is None:  # else a file that stands for another's pair
        pair.folder = os.path.dirname(os.path.abspath(path))
    return pair
