"""Chapters of layers that 1.15.5 alone has: their twins go on from what it saved, and back.

No graph of compat.v1 could be the reference; 1.15.5 is, live.
"""

import dataclasses
from typing import NamedTuple
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine import budgets
from parity_tests.engine.comparison import compare_plays
from parity_tests.models import chapters, programs
from parity_tests.pair import recording
from parity_tests.witness.chapters_test import printed
from parity_tests.witness.programs import stopped_layers
from tf2_keras.migrate.checkpoint import handover, reading, streams, writing

# What each remembers besides its weights.
CHAPTERS = {
    "cnn_layers": ("statistics", "masks"),
    "conv_autoencoder": ("slots",),
    "slim_cnn": ("slots", "statistics", "masks"),
}
BEFORE = 2  # steps of the twin, from which 1.15.5 goes on
FEWER = settings(max_examples=settings().max_examples // 3)


class Layers(NamedTuple):
    """A chapter, and what 1.15.5 did.

    folder: of its checkpoints, and of the twin's. whole: the records of its play that
    never stopped. left: the twin's after BEFORE steps. back: those of 1.15.5's from there.
    """

    name: str
    folder: str
    whole: list
    left: list
    back: list


def twin_of(name):
    """(the twin, what 1.15.5 was run with)."""
    twin = chapters.twin(name)
    return twin, stopped_layers.config_of(twin, name)


def names_of(twin, model):
    """{TF1 name: path} of what a checkpoint of the chapter holds; slots follow."""
    if hasattr(twin, "checkpoint_names"):
        named = twin.checkpoint_names(model).items()
        return {n: v.path for n, v in named if not n.endswith("/Momentum")}
    paths = [variable.path for variable in model.weights]
    return {path: path for path in paths if not path.endswith(handover.UNSAVED)}


def played(name, model, steps, before=0):
    """The records of so many steps of a twin, by a model that is there.

    Args:
        before: how many steps have had their batches.
    """
    twin, config = twin_of(name)
    train, *rest = chapters.setup(name).load(None, 1)[0]
    patch = {"build": lambda _: model}
    if hasattr(twin, "next_batch"):
        batches = twin.next_batch
        patch["next_batch"] = lambda *given: batches(*given).skip(before)
    else:
        shift = -before * config.batch_size
        is_alone = isinstance(train, np.ndarray)
        train = [np.roll(part, shift, 0) for part in ([train] if is_alone else train)]
        train = train[0] if is_alone else train
    with mock.patch.multiple(twin, **patch):
        return of_steps(
            twin.run(train, *rest, dataclasses.replace(config, steps=steps))
        )


def of_steps(records):
    """A play without what is said once, before its first step."""
    return [record for record in records if "size" not in record]


def require_as_in_1_15_5(name, expected, received):
    """The state to the bit, what follows within the budget of 1.15.5's own play."""
    compare_plays(expected[:1], received[:1]).require_agreement()
    granted = budgets.budget_for(name, chapters.level_of_budgets())
    compare_plays(expected, received, budget_for=granted).require_agreement()


@pytest.fixture(scope="module", params=CHAPTERS)
def layers(request, genuine_python, tmp_path_factory):
    """The ``Layers`` of each."""
    name, folder = request.param, tmp_path_factory.mktemp(request.param)
    twin, config = twin_of(name)
    model = twin.build(config)
    left = played(name, model, BEFORE)
    writing.save(folder / "back.ckpt", model, names_of(twin, model))
    printed(genuine_python, stopped_layers.__name__, name, folder)
    plays = recording.Recording(folder / "plays.npz")
    whole, back = (of_steps(plays.records(play)) for play in range(2))
    return Layers(name, str(folder), whole, left, back)


@FEWER
@given(data=st.data())
def test_layers_go_on_in_keras(layers, data):
    """Wherever it was saved, as if it had never stopped: statistics, masks of dropout."""
    twin, config = twin_of(layers.name)
    before = data.draw(st.integers(0, config.steps - 1), label="steps of 1.15.5")
    model = twin.build(config)
    handover.load(
        f"{layers.folder}/model.ckpt-{before}",
        model,
        names_of(twin, model),
        runs=[streams.Runs(before, config.batch_size)],
    )
    received = played(layers.name, model, config.steps - before, before)
    expected = programs.rest_of(layers.whole, before)
    require_as_in_1_15_5(layers.name, expected, received)


def test_1_15_5_goes_on_from_layers_of_keras(layers):
    """What the twin had, its slots and step included; both begin their streams anew."""
    twin, config = twin_of(layers.name)
    ended = programs.rest_of(layers.left, BEFORE)[:1]
    compare_plays(ended, layers.back[:1]).require_agreement()
    model = twin.build(config)
    handover.load(f"{layers.folder}/back.ckpt", model, names_of(twin, model))
    received = played(layers.name, model, config.steps)
    require_as_in_1_15_5(layers.name, layers.back, received)


@pytest.mark.parametrize("forgotten", ["slots", "statistics", "masks"])
def test_less_than_all_is_another_training(layers, forgotten):
    """Each of these is beyond the budget within which all goes on."""
    twin, config = twin_of(layers.name)
    model, prefix = twin.build(config), f"{layers.folder}/model.ckpt-{BEFORE}"
    names = names_of(twin, model)
    ending = {"slots": "/Momentum", "statistics": "/moving_variance", "masks": "none"}
    left_out = [
        name
        for name in reading.opened(prefix).entries
        if name.endswith(ending[forgotten])
    ]
    if forgotten not in CHAPTERS[layers.name]:
        assert not left_out
        return
    has_masks = forgotten != "masks"
    runs = [streams.Runs(BEFORE, config.batch_size)] if has_masks else []
    names.update(dict.fromkeys(left_out))
    handover.load(prefix, model, names, partial=True, runs=runs)
    received = played(layers.name, model, config.steps - BEFORE, BEFORE)[1:]
    _, *expected = programs.rest_of(layers.whole, BEFORE)
    granted = budgets.budget_for(layers.name, chapters.level_of_budgets())
    assert not compare_plays(expected, received, budget_for=granted).ok
