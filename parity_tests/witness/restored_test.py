"""TensorFlow 1.15.5 and Keras take training over from each other, chapter by chapter."""

import json
import subprocess

import numpy as np
import pytest

from parity_tests.engine import budgets
from parity_tests.engine.comparison import compare_plays
from parity_tests.models import chapters
from parity_tests.models.batches import runs_of
from parity_tests.models.pair import powers_of, twin_of
from parity_tests.pair import recording
from parity_tests.parts.optimizer_pairs import kinds
from parity_tests.parts.optimizer_twins import twin as optimizer_twin
from parity_tests.witness import environment
from tf1_graph.parts import optimizers as tf1_optimizers
from tf2_keras import training
from tf2_keras.migrate.checkpoint import handover, streams, writing

STOPPED = 2  # moves before the hand-over


@pytest.fixture(scope="module")
def restored(genuine_python, tmp_path_factory):
    """A function of requests that gives [records]; one process plays all that are asked."""
    said = tmp_path_factory.mktemp("restored") / "said.txt"
    with said.open("w") as errors, environment.running(
        genuine_python,
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


def twin_side(name):
    """(what a chapter is drawn from, its small model, TF1's names, its Twin)."""
    drawn, twin = chapters.drawn(name), chapters.twin(name)
    model = twin.build(twin.Config(**drawn.SMALL))
    return drawn, model, twin.checkpoint_names(model), twin_of(name, model)


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


@pytest.mark.parametrize("name", chapters.checkpointed())
def test_1_15_5_and_keras_go_on_from_each_other_s_checkpoints(name, restored, tmp_path):
    """Saver.restore of what Keras wrote; Keras from what Saver.save wrote."""
    drawn, model, names, twin = twin_side(name)
    moves = drawn.moves(chapters.graph(name).Config(**drawn.SMALL))
    first, rest = moves[:STOPPED], moves[STOPPED:]
    *_, left = training.play(twin, first)
    back = str(tmp_path / "back.ckpt")
    writing.save(back, model, names)
    streams.advance(model, [])  # a program that is started again
    with twin.starting_here():
        from_keras = list(training.play(twin, rest))
    there = str(tmp_path / "there.ckpt")
    common = {"chapter": name, "fields": dict(drawn.SMALL)}
    gone_on, played = restored(
        {
            **common,
            "plays": written(tmp_path / "rest.npz", rest),
            "restore": back,
            "out": str(tmp_path / "gone_on.npz"),
        },
        {
            **common,
            "plays": written(tmp_path / "moves.npz", moves),
            "save": there,
            "after": STOPPED,
            "out": str(tmp_path / "played.npz"),
        },
    )
    assert state_of(gone_on[0]).keys() == state_of(left).keys()
    for key, value in state_of(left).items():
        np.testing.assert_array_equal(state_of(gone_on[0])[key], value, strict=True)
    require_within_budget(name, gone_on, from_keras)

    names = {**powers_of(state_of(played[STOPPED])), **names}
    handover.load(there, model, names, runs=runs_of(first))
    with twin.starting_here():
        from_tf1 = list(training.play(twin, rest))
    stopped = {"initial values": state_of(played[STOPPED])}
    require_within_budget(name, [stopped, *played[STOPPED + 1 :]], from_tf1)


@pytest.mark.parametrize(
    "name", [name for name in chapters.MODELS if name not in chapters.checkpointed()]
)
def test_a_memory_that_no_checkpoint_holds_begins_anew(name, restored, tmp_path):
    """As in 1.15.5 that is started again: what Python carried there is zeros."""
    drawn, model, names, twin = twin_side(name)
    moves = drawn.moves(chapters.graph(name).Config(**drawn.SMALL))
    first, rest = moves[:STOPPED], moves[STOPPED:]
    there = str(tmp_path / "there.ckpt")
    common = {"chapter": name, "fields": dict(drawn.SMALL)}
    _, expected = restored(
        {
            **common,
            "plays": written(tmp_path / "first.npz", first),
            "save": there,
            "after": len(first),
            "out": str(tmp_path / "played.npz"),
        },
        {
            **common,
            "plays": written(tmp_path / "rest.npz", rest),
            "restore": there,
            "out": str(tmp_path / "gone_on.npz"),
        },
    )
    handover.load(there, model, names, partial=True)
    for variable in chapters.setup(name).played(model)["remembered"].values():
        variable.assign(np.zeros(variable.shape, variable.dtype))
    with twin.starting_here():
        received = list(training.play(twin, rest))
    require_within_budget(name, expected, received)


# Optimizers. Their gradients are fed: 1.15.5's own backpropagation may read a variable
# that was updated before, where nothing gates it.

CUT, STEPS = 6, 12
# Of a tensor's largest number: what six steps make of the roundings of other kernels.
WITHIN = 2e-6


def problem_of(arguments):
    """(values, batches, moves) that an optimizer is tried on."""
    values, batches = tf1_optimizers.ordinary_problem("float32", STEPS)
    return values, batches, tf1_optimizers.moves(arguments, batches)


@pytest.fixture(scope="module")
def stopped(restored, tmp_path_factory):
    """{kind of optimizer: (prefix, 1.15.5's records)}, saved after CUT moves."""
    folder = tmp_path_factory.mktemp("optimizers")
    requests = []
    for number, (part, arguments) in enumerate(kinds().values()):
        *_, moves = problem_of(arguments)
        requests.append(
            {
                "part": part,
                "arguments": repr(arguments),
                "plays": written(folder / f"{number}.npz", moves),
                "save": str(folder / f"{number}.ckpt"),
                "after": CUT,
                "out": str(folder / f"{number}.out.npz"),
            }
        )
    records = restored(*requests)
    prefixes = [request["save"] for request in requests]
    return dict(zip(kinds(), zip(prefixes, records, strict=True), strict=True))


@pytest.mark.parametrize("kind", kinds())
def test_an_optimizer_goes_on_where_1_15_5_stopped(kind, stopped):
    """Its state to the bit; six steps later all of it, but for roundings."""
    prefix, played = stopped[kind]
    part, arguments = kinds()[kind]
    values, batches, moves = problem_of(arguments)
    twin = optimizer_twin(part, arguments, (values, batches))
    # Sums of gradients begin anew after an update.
    accumulates = arguments.get("gradient_accumulation_steps")
    sums = {f"{name}/gradient_sum": None for name in values} if accumulates else None
    handover.load(prefix, twin, sums, partial=bool(accumulates))
    with twin.starting_here():
        received = list(training.play(twin, moves[CUT:]))
    start, end = state_of(received[0]), state_of(received[-1])
    for name, value in state_of(played[CUT]).items():
        if name not in (sums or ()):
            np.testing.assert_array_equal(start[name], value, strict=True)
    for name, value in state_of(played[-1]).items():
        largest = max(float(np.abs(value).max()), 1e-30)
        np.testing.assert_allclose(end[name], value, rtol=0, atol=WITHIN * largest)
    assert all(np.abs(end[name] - start[name]).max() > 0 for name in values)
