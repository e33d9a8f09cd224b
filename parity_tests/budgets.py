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
FIELDS = {"chapter", "level", "stage", "ulp", "normwise", "reason", "test"}


@functools.lru_cache(maxsize=None)
def entries():
    """The entries of budgets.toml, as a tuple of dicts.

    Raises:
        ValueError: if one lacks its reason or test, or names an unknown stage or field.
    """
    found = tuple(tomllib.loads(FILE.read_text(encoding="utf-8")).get("budget", ()))
    for entry in found:
        missing = {"chapter", "level", "stage", "reason", "test"} - set(entry)
        unknown = set(entry) - FIELDS
        if missing or unknown or entry["stage"] not in STAGES:
            raise ValueError(
                f"A budget has the fields {sorted(FIELDS)} and a stage of {STAGES}. "
                f"Received: {entry}. Complete it or take it out."
            )
    return found


def budget_for(chapter, level):
    """(stage, tensor) -> Budget of that chapter at that level; 0 ULP if none is stated."""
    granted = {
        entry["stage"]: Budget(
            ulp=entry.get("ulp", 0),
            normwise=entry.get("normwise"),
            reason=entry["reason"],
        )
        for entry in entries()
        if entry["chapter"] == chapter and entry["level"] == level
    }
    return lambda stage, tensor: granted.get(stage, Budget())
