"""Claims about a recording of another TensorFlow: its roundings hide no mistake."""

import numpy as np
import pytest

from parity_tests.engine.budgets import Budget
from parity_tests.engine.records import MOVE
from parity_tests.pair import recording, small_pair


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A recorded play of this TensorFlow."""
    folder = tmp_path_factory.mktemp("play")
    source = folder / "program.py"
    source.write_text(small_pair.SOURCE, encoding="utf-8")
    small_pair.pair(f"{source}:build").record(folder / "play.npz")
    return recording.Recording(folder / "play.npz")


def of_1_15_5(played, path, changed):
    """The same as if 1.15.5 had recorded it, all but the initial values ``changed``."""
    with recording.Writer(path) as writer:
        for name in ("inputs", "variables", "effects"):
            setattr(writer, name, getattr(played, name))
        writer.facts = {**played.facts, "tensorflow": "1.15.5"}
        arrays = {}

        def keep(described):
            """The graph as it is stored, its arrays in the new file."""
            if isinstance(described, dict):
                return {key: keep(value) for key, value in described.items()}
            if isinstance(described, list):
                return [keep(value) for value in described]
            if isinstance(described, str) and len(described) == 64:
                arrays[described] = writer.array("graph", played.array(described))
                return arrays[described]
            return described

        writer.graph = keep(played.graph)
        records = [
            {
                stage: named
                if stage in (MOVE, "initial values")
                else {name: changed(value) for name, value in named.items()}
                for stage, named in record.items()
            }
            for record in played.records(0)
        ]
        writer.add(played.moves(0), records)
    return str(path)


def last_bit(value):
    return value * np.float32(1 + 2**-23) if value.dtype.kind == "f" else value


def check(path, **options):
    momentum = options.pop("momentum", 0.9)

    def twin():
        return small_pair.model(momentum=momentum)

    return small_pair.pair(path, twin, batches=None, **options).check()


def test_a_twin_without_a_mistake_equals_the_graph_that_was_recorded(played, tmp_path):
    found = check(of_1_15_5(played, tmp_path / "play.npz", last_bit))
    assert found.ok and found.data["recorded"]["tensorflow"] == "1.15.5"
    assert all(0 < ulps <= 2 for ulps in found.data["replayed"]["normwise"].values())
    assert {"loss", "updates"} <= set(found.data["replayed"]["normwise"])
    (note,) = found.data["notes"]
    assert "recorded by TensorFlow 1.15.5, whose kernels round otherwise" in note
    assert "updates " in note


def test_a_mistake_is_found_where_it_is_and_its_cause_is_proven(played, tmp_path):
    path = of_1_15_5(played, tmp_path / "play.npz", last_bit)
    found, here = check(path, momentum=0.5), check(played.path, momentum=0.5)
    assert here.data["replayed"] is None
    divergences = [data.divergences["function"][1] for data in (found, here)]
    assert divergences[0] == divergences[1]
    assert found.causes == here.causes and found.causes["function"].whole


def test_who_states_budgets_compares_with_what_was_recorded(played, tmp_path):
    path = of_1_15_5(played, tmp_path / "play.npz", last_bit)
    budgets = {"loss": Budget(ulp=1, reason="1.15.5 rounds otherwise")}
    found = check(path, budgets=budgets)
    assert found.data["replayed"] is None and found.data["notes"][:1] != []
    assert found.divergences["function"][1].stage == "outputs"


@pytest.mark.slow
def test_what_is_no_rounding_is_compared_as_it_was_recorded(played, tmp_path):
    path = of_1_15_5(played, tmp_path / "play.npz", lambda value: value * 1.01)
    found = check(path)
    assert not found.ok and found.data["replayed"] is None
    assert "which is no rounding" in found.data["notes"][0]
