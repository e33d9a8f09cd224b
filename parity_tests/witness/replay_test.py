"""The claims about genuine TensorFlow 1.15.5: its goldens against both sides.

They need no TensorFlow 1.15; the live test does, and says so where there is none.
"""

import functools
import hashlib
import json
import pathlib

import pytest

from parity_tests.engine import budgets
from parity_tests.engine.comparison import STAGES
from parity_tests.models import chapters
from parity_tests.parts import table as parts
from parity_tests.witness import environment, golden, replay, tf1_parts

ROOT = pathlib.Path(__file__).parents[2]
EVERY_GOLDEN = pytest.mark.parametrize("name", [*chapters.NAMES, tf1_parts.NAME])
OF_PARTS = (*tf1_parts.OPTIMIZERS, *tf1_parts.INITIALIZERS)


@functools.lru_cache(maxsize=None)
def compared_parts(side, granted=True):
    return replay.compare_parts(side, granted=granted)


@EVERY_GOLDEN
def test_a_golden_is_of_1_15_5_and_says_where_it_comes_from(name):
    facts = golden.Golden(replay.GOLDENS / name).facts
    assert facts["tensorflow"] == "1.15.5" and facts["python"].startswith("3.7.")
    assert facts["cpu"] and facts["cpu_flags"] and facts["intra_op_threads"] >= 1
    assert "--any-tensorflow" not in facts["command"]
    for path, sha256 in facts["sources_sha256"].items():
        now = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
        assert now == sha256, f"{path} has changed: record {name} again"


def test_all_goldens_together_are_small():
    files = [path for path in replay.GOLDENS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 4_000_000


def test_every_optimizer_of_tf1_semantics_is_recorded():
    names = {part.name for part in parts.PARTS if part.name.startswith("optimizers.")}
    assert names == {f"optimizers.{name}" for name in tf1_parts.OPTIMIZERS}


@pytest.mark.parametrize("side", replay.SIDES)
@pytest.mark.parametrize("name", chapters.NAMES)
def test_a_chapter_does_what_1_15_5_did(name, side):
    comparison = replay.compare_chapter(name, side)
    comparison.require_agreement()
    assert comparison.records == comparison.cells["loss"].compared + 1
    # Explicit seeds: the same numbers to the bit, whole tensors by their hash.
    assert comparison.cells["initial values"].as_data()["max_ulp"] == 0


@pytest.mark.parametrize("side", ["compat.v1", "function"])
@pytest.mark.parametrize("name", OF_PARTS)
def test_a_part_does_what_1_15_5_did(name, side):
    (comparison,) = (
        found
        for part, found in compared_parts(side).items()
        if part.partition(".")[2] == name
    )
    comparison.require_agreement()


def differing_stages(comparison):
    data = {stage: cell.as_data() for stage, cell in comparison.cells.items()}
    return {stage for stage in STAGES if data[stage]["max_ulp"]}


def stages_with_a_budget(name, level):
    entries = [e for e in budgets.entries() if e["level"] == level]
    return {e["stage"] for e in entries if budgets.subject(e) == name}


@pytest.mark.parametrize("name", chapters.NAMES)
def test_the_budgets_of_a_chapter_are_needed(name):
    comparison = replay.compare_chapter(name, "compat.v1", granted=False)
    stated = stages_with_a_budget(name, "1.15.5")
    assert differing_stages(comparison) >= stated - {"loss"}
    assert comparison.ok != bool(stated)


def test_the_budgets_of_a_part_are_needed():
    for part, comparison in compared_parts("compat.v1", granted=False).items():
        assert differing_stages(comparison) == stages_with_a_budget(part, "1.15.5"), (
            part
        )


@pytest.fixture(scope="module")
def without_onednn(tmp_path_factory, run_python):
    """What `tf-parity witness --stored` says in a process without oneDNN."""
    path = tmp_path_factory.mktemp("without_onednn") / "report.json"
    words = ["-m", "parity_tests", "witness", "--stored", "--json", path]
    for name in chapters.NAMES:
        words += ["--chapter", name]
    result = run_python(
        *words, env={**environment.clean_environment(), "TF_ENABLE_ONEDNN_OPTS": "0"}
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(path.read_text())


def test_chapters_do_what_1_15_5_did_without_onednn(without_onednn):
    assert without_onednn["environment"]["onednn"] == "0"
    assert set(without_onednn["compared"]) == set(chapters.NAMES)
    for sides in without_onednn["compared"].values():
        assert set(sides) == set(replay.SIDES)
        for cells in sides.values():
            assert all(cell["ok"] in (True, None) for cell in cells.values())


def test_the_budgets_without_onednn_are_needed(without_onednn):
    for name, sides in without_onednn["compared"].items():
        differing = {s for s, cell in sides["compat.v1"].items() if cell["max_ulp"]}
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
    found = chapters.faults(name)[fault]
    comparison = replay.compare_chapter(name, "function", fault=found)
    assert not comparison.ok


def test_1_15_5_itself_says_the_same_as_its_goldens(tmp_path):
    """Live: records again and compares whole tensors by their hashes."""
    python = environment.find()
    if python is None:
        pytest.skip(
            "no Python with TensorFlow 1.15.5 here: `python -m "
            "parity_tests.witness.environment` builds one"
        )
    environment.record(python, ["linear_regression", tf1_parts.NAME], tmp_path)
    for name in ("linear_regression", tf1_parts.NAME):
        stored, again = (
            golden.Golden(folder / name) for folder in (replay.GOLDENS, tmp_path)
        )
        assert again.facts["tensorflow"] == "1.15.5"
        always = [g.records(lambda stage, tensor: True) for g in (stored, again)]
        for one, other in zip(*always, strict=True):
            assert one.keys() == other.keys()
            for stage in one:
                for tensor in one[stage]:
                    assert (
                        one[stage][tensor].tobytes() == other[stage][tensor].tobytes()
                    )
