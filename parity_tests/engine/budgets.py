"""Reads budgets.toml: every tolerance above zero, each with its reason."""

import functools
import pathlib
import sys

from parity_tests.engine.comparison import STAGES, Budget

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = pathlib.Path(__file__).with_name("budgets.toml")
SUBJECTS = ("chapter", "part", "program")
FIELDS = {*SUBJECTS, "level", "stage", "ulp", "normwise", "reason", "test"}


@functools.cache
def entries():
    """The entries of budgets.toml, as a tuple of dicts.

    Raises:
        ValueError: if one lacks its reason or test, or names an unknown stage or field.
    """
    found = tuple(tomllib.loads(FILE.read_text(encoding="utf-8")).get("budget", ()))
    for entry in found:
        missing = {"level", "stage", "reason", "test"} - set(entry)
        unknown = set(entry) - FIELDS
        one_subject = sum(kind in entry for kind in SUBJECTS) == 1
        if missing or unknown or not one_subject or entry["stage"] not in STAGES:
            raise ValueError(
                f"A budget has the fields {sorted(FIELDS)}, one of {SUBJECTS}, "
                f"and a stage of {STAGES}. Received: {entry}. "
                "Complete it or take it out."
            )
    return found


def subject(entry):
    """What an entry is about: a chapter, a part such as "recurrent.LSTMCell", or one of
    the programs of which a .meta is kept."""
    return next(entry[kind] for kind in SUBJECTS if kind in entry)


def budget_for(name, level):
    """(stage, tensor) -> Budget of a subject at a level; 0 ULP if not stated."""
    granted = {
        entry["stage"]: Budget(
            ulp=entry.get("ulp", 0),
            normwise=entry.get("normwise"),
            reason=entry["reason"],
        )
        for entry in entries()
        if subject(entry) == name and entry["level"] == level
    }
    return lambda stage, tensor: granted.get(stage, Budget())
