"""Goldens are exact, and notice every change."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.witness import golden

SHAPES = [(), (3,), (8, 8), (65,), (7, 11), (3, 4, 5, 6)]
arrays = st.sampled_from(["float16", "float32", "float64"]).flatmap(
    lambda dtype: st.sampled_from(SHAPES).flatmap(
        lambda shape: strategies.arrays(shape, dtype)
    )
)


@st.composite
def run_records(draw):
    """A run of one to three steps with a few tensors in two stages."""
    tensors = draw(st.lists(arrays, min_size=1, max_size=3))
    named = {f"model/variable_{n}": array for n, array in enumerate(tensors)}
    steps = draw(st.integers(1, 3))
    later = [
        {
            "loss": {"loss": np.float32(step)},
            "updates": {k: v + 1 for k, v in named.items()},
        }
        for step in range(steps)
    ]
    return [{"initial values": named}, *later]


def always(_stage, _tensor):
    return True


def compare(stored, records):
    return compare_plays(
        stored.records(always),
        (stored.like(number, record, always) for number, record in enumerate(records)),
    )


@given(records=run_records())
def test_a_run_equals_its_own_golden(records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    golden.write(folder, records, {"chapter": "none"})
    stored = golden.Golden(folder)
    assert stored.facts["chapter"] == "none"
    comparison = compare(stored, records)
    comparison.require_agreement()
    assert comparison.records == len(records)


@given(records=run_records(), data=st.data())
def test_any_changed_element_is_noticed(records, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    golden.write(folder, records, {})
    number = data.draw(st.integers(0, len(records) - 1))
    stage = data.draw(st.sampled_from(sorted(records[number])))
    tensor = data.draw(st.sampled_from(sorted(records[number][stage])))
    changed = np.array(records[number][stage][tensor])
    position = data.draw(st.integers(0, changed.size - 1))
    flat = changed.reshape(-1)
    flat[position] = 0.0 if flat[position] else 1.0
    records[number] = {
        **records[number],
        stage: {**records[number][stage], tensor: changed},
    }
    assert not compare(golden.Golden(folder), records).ok


def test_a_large_tensor_is_stored_as_its_hash_a_sample_and_its_largest(tmp_path):
    array = np.zeros((100, 100), np.float32)
    array[37, 41] = -5.0  # at no position of the sample
    golden.write(tmp_path, [{"initial values": {"variable": array}}], {})
    stored = golden.Golden(tmp_path)
    (record,) = stored.records(always)
    kept = record["initial values"]["variable"]
    assert kept.size == golden.SAMPLE + 1 and kept[-1] == -5.0
    assert record["initial values"]["variable sha256"].size == 32
    assert (tmp_path / golden.NPZ).stat().st_size < 2000


def test_files_that_were_changed_or_are_missing_are_refused(tmp_path):
    golden.write(tmp_path, [{"initial values": {"variable": np.ones(3)}}], {})
    with (tmp_path / golden.NPZ).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(golden.GoldenError, match="hash that it states. Received: "):
        golden.Golden(tmp_path)
    (tmp_path / golden.NPZ).unlink()
    with pytest.raises(golden.GoldenError, match="must be a folder with golden.json"):
        golden.Golden(tmp_path)
    (tmp_path / golden.JSON).write_text("[", encoding="utf-8")
    with pytest.raises(golden.GoldenError, match="must be a folder with golden.json"):
        golden.Golden(tmp_path)


def test_another_format_is_refused(tmp_path):
    golden.write(tmp_path, [{"initial values": {"variable": np.ones(3)}}], {})
    facts = json.loads((tmp_path / golden.JSON).read_text())
    (tmp_path / golden.JSON).write_text(json.dumps({**facts, "format": 99}))
    with pytest.raises(golden.GoldenError, match="must be of format 1"):
        golden.Golden(tmp_path)
