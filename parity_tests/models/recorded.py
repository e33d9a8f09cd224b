"""Chapters whose reference is what 1.15.5 recorded, for today no TensorFlow runs their TF1 side."""

import os

from parity_tests.models import chapters
from parity_tests.witness import golden, runs, stored


class NotRecorded(ValueError):
    """A configuration that 1.15.5 recorded nothing of."""


def level_of_budgets(onednn=None):
    """The level of budgets that says what 1.15.5 and today's TensorFlow differ by.

    onednn: whether this process runs with oneDNN; by default as its environment says.
    """
    if onednn is None:
        onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0"
    return "1.15.5" if onednn else "1.15.5, oneDNN off"


def records(name, config):
    """What 1.15.5 did with a configuration, as its golden has it.

    Raises:
        NotRecorded: if it has none of it.
        golden.GoldenError: if there is no golden, or it was changed.
    """
    for play, fields in chapters.recorded(name).items():
        known = {**runs.fields_of(name), **fields}
        if config == chapters.graph(name).Config(**known):
            return list(golden.Golden(stored.GOLDENS / name).play(play))
    raise NotRecorded(
        f"{name} must be run as TensorFlow 1.15.5 was, whose record is its reference. "
        f"Received: {config}. Leave out what it was given besides."
    )
