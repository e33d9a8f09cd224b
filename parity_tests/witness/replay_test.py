"""The claims about genuine TensorFlow 1.15.5: its goldens against both sides.

They need no TensorFlow 1.15; the live test does, and says so where there is none.
"""

import functools
import hashlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from parity_tests.engine import budgets
from parity_tests.models import chapters
from parity_tests.witness import environment, golden, recordables, replay
from tf1_graph import session
from tf1_graph.parts import losses

ROOT = pathlib.Path(__file__).parents[2]
EVERY_GOLDEN = pytest.mark.parametrize("name", recordables.NAMES)


def stored(name):
    return golden.Golden(replay.GOLDENS / name)


@functools.cache
def compared(name, side):
    """A golden's chapter against a side: only what is asked for is played."""
    ((_, comparison),) = replay.chapter_legs(stored(name), sides=[side])
    return comparison


@EVERY_GOLDEN
def test_a_golden_is_of_1_15_5_and_says_where_it_comes_from(name):
    facts = stored(name).facts
    assert facts["tensorflow"] == "1.15.5" and facts["python"].startswith("3.7.")
    assert facts["cpu"] and facts["cpu_flags"] and facts["intra_op_threads"] >= 1
    assert "--any-tensorflow" not in facts["command"]
    assert list(facts["sources_sha256"]) == list(recordables.recordable(name).sources)
    for path, sha256 in facts["sources_sha256"].items():
        now = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
        assert now == sha256, f"{path} has changed: record {name} again"


def test_all_goldens_together_are_small():
    files = [path for path in replay.GOLDENS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000


@pytest.mark.parametrize("side", replay.SIDES)
@pytest.mark.parametrize("name", (*chapters.MODELS, *recordables.VARIANTS))
def test_a_chapter_does_what_1_15_5_did(name, side):
    comparison = compared(name, side)
    comparison.require_agreement()
    moves = [record.get("move") for record in stored(name).play("play")]
    assert comparison.records == len(moves)
    cells = comparison.cells
    chapter = stored(name).facts["chapter"]
    trains = getattr(chapters.setup(chapter), "TRAINS", ("train",))
    trained = sum(move in trains for move in moves)
    assert cells["loss"].compared == trained > 0
    changing = [move for move in moves if move not in (None, "predict")]
    assert trained <= stored(name).facts["steps"] <= len(changing)
    assert cells["outputs"].compared >= moves.count("predict") >= 1
    # Explicit seeds: the same numbers to the bit, whole tensors by their hash.
    assert cells["initial values"].max_ulp == 0 and cells["initial values"].compared


def test_losses_are_those_of_the_same_configuration_only():
    config = stored("mnist_cnn").facts["config"]
    losses = replay.losses("mnist_cnn", config)["losses"]["loss"]
    assert [step for step, _ in losses] == list(range(1, 11))
    assert losses[0][1] == pytest.approx(11.988064)  # as docs/witness.md has it
    assert replay.losses("mnist_cnn", {**config, "seed": 2}) is None


@pytest.mark.parametrize("name", chapters.PROGRAMS)
def test_a_program_does_what_1_15_5_did(name):
    golden_of_it, plays = stored(name), set()
    for side in replay.sides_of(name):
        play = side.partition(replay.OF_SIDE)[2] or recordables.PLAY
        comparison = compared(name, side).require_agreement(side)
        assert comparison.records == len(list(golden_of_it.play(play)))
        plays.add(play)
    assert plays == {*golden_of_it.plays}


def differing_stages(comparison):
    return {stage for stage, cell in comparison.cells.items() if cell.max_ulp}


def stages_with_a_budget(name, level):
    entries = [e for e in budgets.entries() if e["level"] == level]
    return {e["stage"] for e in entries if budgets.subject(e) == name}


@pytest.mark.parametrize("name", chapters.NAMES)
def test_the_budgets_of_a_chapter_are_needed(name, needed_here):
    needed_here(name)
    differing = differing_stages(compared(name, replay.sides_of(name)[0]))
    # A loss is a single number, and equal by chance on some processor.
    assert differing >= stages_with_a_budget(name, "1.15.5") - {"loss"}


def sides_without_onednn(name):
    """fit, which takes as long as both others, is the function in another loop."""
    if chapters.recorded(name):
        return replay.sides_of(name)
    twin = ["function"] if name in chapters.MODELS else chapters.levels(name)
    return ["compat.v1", *twin]


REPORT = """\
import json, sys
from parity_tests.witness import reference_conditions
reference_conditions.import_tensorflow()
from parity_tests.witness import golden, replay
report = {
    name: {
        side: {stage: cell.as_data() for stage, cell in comparison.cells.items()}
        for side, comparison in replay.chapter_legs(
            golden.Golden(replay.GOLDENS / name), onednn=False, sides=sides
        )
    }
    for name, sides in json.loads(sys.argv[1]).items()
}
print(json.dumps([reference_conditions.describe(), report]))
"""


@functools.cache
def without_onednn(names):
    """(conditions, {chapter: {side: cells}}) of a process without oneDNN."""
    sides = {name: sides_without_onednn(name) for name in names}
    result = subprocess.run(
        [sys.executable, "-c", REPORT, json.dumps(sides)],
        timeout=600,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment.clean_environment(), "TF_ENABLE_ONEDNN_OPTS": "0"},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


# A process imports TensorFlow once for several chapters.
SIX_CHAPTERS = pytest.mark.parametrize(
    "names",
    [chapters.NAMES[at : at + 6] for at in range(0, len(chapters.NAMES), 6)],
    ids=lambda names: f"{names[0]} to {names[-1]}",
)


@pytest.mark.slow
@SIX_CHAPTERS
def test_chapters_do_what_1_15_5_did_without_onednn(names):
    conditions, report = without_onednn(names)
    assert conditions["onednn"] == "0"
    assert [*report] == [*names]
    for name, sides in report.items():
        assert [*sides] == [*sides_without_onednn(name)]
        for cells in sides.values():
            assert all(cell["ok"] in (True, None) for cell in cells.values()), name


@SIX_CHAPTERS
def test_the_budgets_without_onednn_are_needed(names, needed_here):
    needed_here(*names)
    _, report = without_onednn(names)
    for name, sides in report.items():
        cells = sides[replay.sides_of(name)[0]]
        differing = {stage for stage, cell in cells.items() if cell["max_ulp"]}
        assert differing == stages_with_a_budget(name, "1.15.5, oneDNN off"), name


@pytest.mark.parametrize(
    "name, fault",
    [
        ("linear_regression", "wrong_rate"),
        ("logistic_regression", "wrong_rate"),
        ("mnist_cnn", "wrong_epsilon"),
        ("mnist_cnn", "powers_one_step_late"),
        ("mnist_cnn", "gradients_one_step_late"),
        ("resnet", "truncated_he_normal"),
    ],
)
def test_a_planted_fault_is_caught_at_these_budgets_too(name, fault):
    planted = chapters.faults(name)[fault]
    ((_, comparison),) = replay.chapter_legs(
        stored(name), fault=planted, sides=["function"], stop_at_first=True
    )
    assert not comparison.ok


@pytest.mark.parametrize(
    "part, fault",
    [
        ("HuberLoss", {"delta": 0.3001}),
        ("LogLoss", {"epsilon": 1.1e-3}),
        ("SigmoidCrossEntropy", {"label_smoothing": 0.1001}),
        ("SoftmaxCrossEntropy", {"label_smoothing": 0.1001}),
    ],
)
def test_a_planted_fault_of_a_loss_is_caught_at_these_budgets_too(part, fault):
    """In the very case that is recorded, against the very number that its option had."""
    kept = stored("parts/losses")
    ((play, case),) = (
        (play, case)
        for play, case in losses.CASES.items()
        if case.part == f"losses.{part}" and case.arguments.keys() >= fault.keys()
    )
    budget_for = replay.budget_here(kept, play)
    for arguments, agree in (({}, True), (fault, False)):
        changed = case._replace(arguments={**case.arguments, **arguments})
        records = session.play(*losses.play(changed))
        comparison = replay.compare(kept, play, records, budget_for)
        assert comparison.ok is agree


def test_a_budget_of_a_zero_s_sign_asks_for_no_hash(tmp_path):
    zeros = np.zeros(100, np.float32)
    golden.write(tmp_path, {"play": [{"gradients": {"x": zeros}}]}, {})
    kept = golden.Golden(tmp_path)
    for budget, agree in (
        (budgets.Budget(), False),
        (budgets.Budget(normwise=0), True),
    ):
        comparison = replay.compare(
            kept, "play", [{"gradients": {"x": -zeros}}], lambda *_, b=budget: b
        )
        assert comparison.ok is agree


# 1.15.5 itself, live.


@pytest.mark.parametrize(
    "name",
    [
        "linear_regression",
        *(part.name for part in recordables.PARTS),
        *filter(chapters.recorded, chapters.PROGRAMS),  # which nothing else runs
    ],
)
def test_1_15_5_itself_says_the_same_as_its_golden(
    name, genuine_python, tmp_path, monkeypatch
):
    """Recorded again: whole tensors by their hashes, on the same kind of processor."""
    for pool in ("intra", "inter"):  # threads divide a sum
        threads = stored(name).facts[f"{pool}_op_threads"]
        monkeypatch.setenv(f"TF_NUM_{pool.upper()}OP_THREADS", str(threads))
    environment.record(genuine_python, [name], tmp_path)
    again = golden.Golden(tmp_path / name)
    assert again.facts["tensorflow"] == "1.15.5"
    assert again.plays == stored(name).plays
    for play in again.plays:
        replay.compare_recordings(stored(name), again, play).require_agreement()


def recorded(folder, **facts):
    """The golden of one part, its updates a little off, on some processor."""
    value = np.float32(1) + np.arange(100, dtype=np.float32)
    nudged = np.nextafter(value, np.float32(np.inf))
    update = facts.pop("nudged", False)
    play = [{"updates": {"weights": nudged if update else value}}]
    golden.write(folder, {"Adam 0 float32": play}, {"kind": "optimizers", **facts})
    return golden.Golden(folder)


@pytest.mark.parametrize(
    "facts, agree",
    [
        ({"cpu": "A", "cpu_flags": ["avx"]}, False),
        ({"cpu": "B", "cpu_flags": ["avx"]}, True),
        ({"cpu": "A", "cpu_flags": ["avx", "fma"]}, True),
    ],
)
def test_only_another_processor_may_differ_and_within_a_budget(facts, agree, tmp_path):
    first = recorded(tmp_path / "first", cpu="A", cpu_flags=["avx"])
    again = recorded(tmp_path / "again", nudged=True, **facts)
    comparison = replay.compare_recordings(first, again, "Adam 0 float32")
    assert comparison.ok is agree
    exactly = recorded(tmp_path / "exactly", **facts)
    assert replay.compare_recordings(first, exactly, "Adam 0 float32").ok
