"""Plays of which TensorFlow 1.15.5 has a part and Keras the rest, and the other way."""

import contextlib
import json
import subprocess

import numpy as np

from parity_tests.engine import budgets
from parity_tests.engine.comparison import compare_plays
from parity_tests.models import chapters
from parity_tests.models.batches import runs_of
from parity_tests.models.pair import powers_of
from parity_tests.pair import recording
from parity_tests.witness import environment
from tf2_keras import training
from tf2_keras.migrate.checkpoint import handover, streams, writing

STOPPED = 2  # moves before the hand-over


@contextlib.contextmanager
def player(python, said):
    """Yields a function of requests that gives [records]; one process plays them all.

    Args:
        python: with TensorFlow 1.15.5. said: a path, of what it says on its stderr.
    """
    with said.open("w") as errors, environment.running(
        python,
        "parity_tests.witness.restored",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    ) as process:

        def play(*requests):
            for request in requests:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                assert process.stdout.readline() == "played\n", said.read_text()[-3000:]
            return [list(recording.Recording(r["out"]).records(0)) for r in requests]

        yield play
        process.stdin.close()


def written(path, moves):
    with recording.Writer(path) as writer:
        writer.add(moves)
    return str(path)


def state_of(record):
    return record.get("initial values") or {**record["updates"], **record["slots"]}


def require_within_budget(name, expected, received):
    """The state to the bit, what follows within the budget of 1.15.5's own play."""
    expected, received = list(expected), list(received)
    compare_plays(expected[:1], received[:1]).require_agreement()
    granted = budgets.budget_for(name, "1.15.5")

    def budget_for(stage, tensor):
        # Of other batches than a golden's, a loss is off where the outputs are.
        of_loss = granted("loss", tensor)
        if stage == "loss" and of_loss == budgets.Budget():
            return granted("outputs", tensor)
        return granted(stage, tensor)

    compare_plays(expected, received, budget_for=budget_for).require_agreement()
    assert len(expected) == len(received) > 1


def plays_of(pair):
    """(the moves before a hand-over, those after it, what every request has)."""
    small = chapters.drawn(pair.name).SMALL
    moves = chapters.drawn(pair.name).moves(pair.config)
    common = {"chapter": pair.name, "fields": dict(small)}
    return moves[:STOPPED], moves[STOPPED:], common


def both_ways(pair, restored, folder):
    """Saver.restore of what Keras wrote; Keras from what Saver.save wrote.

    Args:
        pair: a ``ChapterPair`` of the small configuration. restored: what ``player``
            yields. folder: an empty one.
    """
    model, twin, names = pair.model, pair.twin, pair.names
    first, rest, common = plays_of(pair)
    *_, left = training.play(twin, first)
    back, there = str(folder / "back.ckpt"), str(folder / "there.ckpt")
    writing.save(back, model, names)
    streams.advance(model, [])  # a program that is started again
    with twin.starting_here():
        from_keras = list(training.play(twin, rest))
    draws = bool(streams.drawing(model) or streams.samplers(model))
    played, gone_on = restored(
        {
            **common,
            "plays": written(folder / "moves.npz", [*first, *rest]),
            "save": there,
            "after": STOPPED,
            "out": str(folder / "played.npz"),
        },
        {
            **common,
            "plays": written(folder / "rest.npz", rest),
            "restore": back,
            "again": not draws,
            "out": str(folder / "gone_on.npz"),
        },
    )
    assert state_of(gone_on[0]).keys() == state_of(left).keys()
    for key, value in state_of(left).items():
        np.testing.assert_array_equal(state_of(gone_on[0])[key], value, strict=True)
    require_within_budget(pair.name, gone_on, from_keras)

    names = {**powers_of(state_of(played[STOPPED])), **names}
    handover.load(there, model, names, runs=runs_of(first))
    with twin.starting_here():
        from_tf1 = list(training.play(twin, rest))
    stopped = {"initial values": state_of(played[STOPPED])}
    require_within_budget(pair.name, [stopped, *played[STOPPED + 1 :]], from_tf1)


def started_again(pair, restored, folder):
    """What Python carried from step to step is zeros in either.

    Args:
        pair, restored, folder: as of ``both_ways``.
    """
    model, twin = pair.model, pair.twin
    first, rest, common = plays_of(pair)
    there = str(folder / "there.ckpt")
    _, expected = restored(
        {
            **common,
            "plays": written(folder / "first.npz", first),
            "save": there,
            "after": len(first),
            "out": str(folder / "played.npz"),
        },
        {
            **common,
            "plays": written(folder / "rest.npz", rest),
            "restore": there,
            "out": str(folder / "gone_on.npz"),
        },
    )
    handover.load(there, model, pair.names, partial=True)
    for variable in chapters.setup(pair.name).played(model)["remembered"].values():
        variable.assign(np.zeros(variable.shape, variable.dtype))
    with twin.starting_here():
        received = list(training.play(twin, rest))
    require_within_budget(pair.name, expected, received)
