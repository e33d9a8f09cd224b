"""Chapters whose reference is what 1.15.5 recorded, for today no TensorFlow runs their TF1 side."""

from parity_tests.models import chapters, programs
from parity_tests.witness import golden, runs, stored


class NotRecorded(ValueError):
    """A configuration that 1.15.5 recorded nothing of."""


def levels_of_budgets(name):
    """Those that say what the record and today's TensorFlow differ by here."""
    return chapters.levels_of_budgets(golden.Golden(stored.GOLDENS / name).facts)


def records(name, config, exact=golden.always):
    """What 1.15.5 did with a configuration, as its golden has it: of a large tensor a sample.

    Args:
        exact: (stage, tensor) -> whether all of a large tensor is compared, by its hash.

    Raises:
        NotRecorded: if it has none of it.
        golden.GoldenError: if there is no golden, or it was changed.
    """
    recording, play = _play(name, config)
    return list(recording.play(play, exact))


def like(name, config, history, exact=golden.always):
    """The records of the twin, each reduced as that of 1.15.5 is.

    Raises: as ``records``.
    """
    recording, play = _play(name, config)
    return list(recording.like(play, programs.without_text(history), exact))


def _play(name, config):
    """(the golden of a chapter, which of its plays has a configuration)."""
    for play, fields in chapters.recorded(name).items():
        known = {**runs.fields_of(name), **fields}
        if config == chapters.graph(name).Config(**known):
            return golden.Golden(stored.GOLDENS / name), play
    raise NotRecorded(
        f"{name} must be run as TensorFlow 1.15.5 was, whose record is its reference. "
        f"Received: {config}. Leave out what it was given besides."
    )
