"""What chapters are run with, as the options of run and bench say."""

import os

from parity_tests.commands import declared, options
from parity_tests.commands.mistakes import UserError, told
from parity_tests.datasets.errors import DatasetError
from parity_tests.datasets.files import list_folder
from parity_tests.models import chapters


def data_files(folder):
    """The files that a chapter may read of what --data names."""
    if folder in (None, "full"):
        return []
    data_sets = {data_set for name in chapters.NAMES for data_set in _data_sets(name)}
    return [os.path.join(folder, file) for known in data_sets for file in known.FILES]


def able_to_use(
    names,
    data=None,
    seed=None,
    batch_size=None,
    levels=(),
    timed=False,
    steps=None,
    workers=None,
):
    """The chapters that can use all options given, and data that are there to be read.

    Asked without TensorFlow.

    Args:
        as of ``configured``; None is an option that is not given.

    Raises:
        UserError: a chapter is named that cannot use one of them, or a folder that
            cannot be listed.
    """
    from parity_tests.witness import runs  # where the light installation has no NumPy

    able = chapters.NAMES
    for option, value, uses in (
        ("--data", data, _data_sets),
        ("--batch-size", batch_size, _has_batches),
        ("--workers", workers, _has_workers),
        ("--level", levels or None, lambda name: _has_level(name, levels)),
        ("A time of each step", timed or None, lambda name: name in chapters.MODELS),
        ("--seed", seed, lambda name: _is_recorded_with(name, seed, runs.SEED)),
        (
            "--steps",
            steps,
            lambda name: _is_recorded_with(name, steps, chapters.setup(name).STEPS),
        ),
    ):
        if value is None:
            continue
        able = tuple(name for name in able if uses(name))
        for name in names:
            if not uses(name):
                why, remedy = "", f"Use some of: {', '.join(able)}."
                if option in ("--seed", "--steps"):
                    why = ", of which 1.15.5's record is the reference"
                    remedy = f"Leave out {option}, or that chapter."
                raise UserError(
                    f"{option} must go with chapters that use it. Received: --chapter "
                    f"{name}{why}. {remedy}"
                )
    if data not in (None, "full"):
        with told(DatasetError):
            list_folder(data)
    return able


def configured(
    names,
    data,
    seed,
    batch_size,
    groups=(),
    levels=(),
    timed=False,
    steps=None,
    workers=None,
):
    """What chapters are to be run with; needs TensorFlow, which must be imported.

    Args:
        names: chapters that are named themselves.
        groups: groups of chapters; of these, and of all chapters where neither is given,
            it is those that can use the options given.
        levels: of which a chapter must have one; () for any.
        timed: whether it must train a model, whose steps can be timed.
        steps, workers: how many are asked for, or None.

    Returns:
        {chapter: (fields of its Config, data to train on, data to score on)}.

    Raises:
        UserError: a chapter is named that cannot use an option, or not with this data.
    """
    able = able_to_use(names, data, seed, batch_size, levels, timed, steps, workers)
    chosen = options.chosen(names, groups) or chapters.NAMES
    asked = [name for name in chosen if name in able]
    if not asked:
        raise UserError(
            "--group must hold a chapter that can use the options given. "
            f"Received: --group {groups[0]}. Use --chapter with some of: "
            f"{', '.join(able)}."
        )
    result = {}
    for name in asked:
        setup = chapters.setup(name)
        with told(DatasetError):
            train, test = setup.load(data, seed)
        fields = setup.configure(data, seed)
        if batch_size is not None:
            examples = len(train[0])
            if batch_size > examples:
                raise UserError(
                    f"--batch-size must be at most the {examples:,} examples that {name} "
                    f"trains on. Received: {batch_size}. Use for instance --batch-size 50."
                )
            fields["batch_size"] = batch_size
        if workers is not None:
            fields["workers"] = workers
        result[name] = fields, train, test
    return result


def _data_sets(name):
    """The modules of ``parity_tests.datasets`` by which a chapter reads what --data names."""
    return getattr(chapters.setup(name), "DATA_SETS", ())


def _has_level(name, levels):
    known = chapters.levels(name)
    return not known or bool({*known} & {*levels})


def _is_recorded_with(name, value, recorded):
    """Whether a chapter can be run with a value: another than recorded, if not all is."""
    return value == recorded or not chapters.recorded(name)


def _has_batches(name):
    # A program's batches are its own matter: they may be what it shows.
    is_model = name in chapters.MODELS
    return is_model and "batch_size" in declared.fields(name)


def _has_workers(name):
    return "workers" in getattr(chapters.setup(name), "OPTIONS", ())
