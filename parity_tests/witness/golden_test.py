"""Goldens are exact, and notice every change."""

import contextlib
import copy
import json
import os

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.budgets import Budget
from parity_tests.engine.comparison import compare_plays
from parity_tests.engine.records import MOVE
from parity_tests.witness import golden

SHAPES = [(), (3,), (0, 2), (8, 8), (65,), (7, 11), (3, 4, 5, 6)]
DTYPES = ["float16", "float32", "float64", "complex64", "int32", "int64", "bool"]


@st.composite
def tensors(draw):
    """{name: array} of up to three; names are shared between records, shapes are not."""
    named = {}
    for number in range(draw(st.integers(0, 3))):
        array = draw(strategies.arrays(draw(st.sampled_from(SHAPES)), "float32"))
        dtype = draw(st.sampled_from(DTYPES))
        with np.errstate(invalid="ignore", over="ignore"):
            named[f"model/variable_{number}"] = array.astype(dtype)
    return named


@st.composite
def plays(draw):
    """{name: records} of one or two plays, moves and stages as they come."""
    stages = ["outputs", "loss", "gradients", "carried", "a new stage", "slots"]
    played = {}
    for name in ("play", "another play")[: draw(st.integers(1, 2))]:
        played[name] = [{"initial values": draw(tensors())}]
        for _ in range(draw(st.integers(0, 3))):
            record = {MOVE: draw(st.sampled_from(["train", "predict"]))}
            for stage in draw(st.lists(st.sampled_from(stages), max_size=3)):
                record[stage] = draw(tensors())
            played[name].append({**record, "updates": draw(tensors())})
    return played


def stored(folder, played):
    golden.write(folder, played, {"chapter": "none"})
    return golden.Golden(folder)


def compare(kept, name, records):
    return compare_plays(kept.play(name), kept.like(name, records))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all examples: each is written over the last."""
    return tmp_path_factory.mktemp("golden")


@given(played=plays())
def test_plays_equal_their_own_golden(played, folder):
    kept = stored(folder, played)
    assert kept.facts == {"chapter": "none"}
    assert kept.plays == tuple(played)
    for name, records in played.items():
        comparison = compare(kept, name, records)
        assert comparison.first_difference is None
        assert comparison.records == len(records)
        for record, replayed in zip(records, kept.play(name), strict=True):
            assert list(replayed) == list(record)


@given(played=plays(), data=st.data())
def test_any_changed_element_is_noticed(played, data, folder):
    kept = stored(folder, played)
    places = [
        (name, number, stage, tensor)
        for name, records in played.items()
        for number, record in enumerate(records)
        for stage, named in record.items()
        if stage != MOVE
        for tensor, array in named.items()
        if array.size
    ]
    assume(places)
    name, number, stage, tensor = data.draw(st.sampled_from(places))
    records = copy.deepcopy(played[name])
    flat = records[number][stage][tensor].reshape(-1)
    position = data.draw(st.integers(0, flat.size - 1))
    flat[position] = 0.0 if flat[position] else 1.0
    divergence = compare(kept, name, records).first_divergence
    assert (divergence.step, divergence.stage) == (number, stage)
    assert divergence.tensor.startswith(tensor)


@given(played=plays(), data=st.data())
def test_other_moves_are_noticed(played, data, folder):
    kept = stored(folder, played)
    records = played["play"]
    number = data.draw(st.integers(1, len(records)))
    changes = [[*records[:number], {MOVE: "one more"}, *records[number:]]]
    if number < len(records):
        renamed = {**records[number], MOVE: "another"}
        changes += [
            [*records[:number], *records[number + 1 :]],
            [*records[:number], renamed, *records[number + 1 :]],
        ]
    for changed in changes:
        assert compare(kept, "play", changed).first_divergence is not None


@given(data=st.data())
def test_another_shape_or_dtype_of_the_same_elements_is_noticed(data, folder):
    array = data.draw(strategies.arrays(data.draw(st.sampled_from(SHAPES)), "float32"))
    kept = stored(folder, {"play": [{"updates": {"variable": array}}]})
    for changed in (
        array[np.newaxis],
        array.reshape(array.shape[::-1]),
        np.resize(array, 2),
        np.resize(array, 100),
        array.astype("float64"),
    ):
        records = [{"updates": {"variable": changed}}]
        agree = changed.shape == array.shape and changed.dtype == array.dtype
        assert (compare(kept, "play", records).first_divergence is None) == agree


def test_another_shape_is_told_as_such(folder):
    array = np.arange(100.0)
    kept = stored(folder, {"play": [{"updates": {"variable": array}}]})
    for size in (3, 99, 101):
        records = [{"updates": {"variable": np.resize(array, size)}}]
        divergence = compare(kept, "play", records).first_divergence
        assert divergence.tensor == "variable shape"
        assert (divergence.reference, divergence.candidate) == (100, size)


def test_other_nans_are_the_same(folder):
    """As in every comparison; but not a number where there was a NaN."""
    array = np.zeros(100, np.float32)
    array[50] = np.nan
    kept = stored(folder, {"play": [{"updates": {"variable": array}}]})
    array.view(np.uint32)[50] ^= 0x80000001
    assert np.isnan(array[50])
    assert compare(kept, "play", [{"updates": {"variable": array}}]).ok
    array[50] = 0
    assert not compare(kept, "play", [{"updates": {"variable": array}}]).ok


def test_a_large_tensor_is_stored_as_its_hash_a_sample_and_its_largest(tmp_path):
    array = np.zeros((100, 100), np.float32)
    array[37, 41] = -5.0  # at no position of the sample
    kept = stored(tmp_path, {"play": [{"initial values": {"variable": array}}]})
    (record,) = kept.play("play")
    assert list(record["initial values"]) == [
        "variable shape",
        "variable sample",
        "variable largest",
        "variable sha256",
    ]
    sample = record["initial values"]["variable sample"]
    assert sample.size == golden.SAMPLE + 1 and sample[-1] == -5.0
    assert record["initial values"]["variable sha256"].size == 32
    assert (tmp_path / golden.NPZ).stat().st_size < 2000


def within_a_budget(kept, array):
    """The comparison of one tensor in which a little is granted, and no hash compared."""

    def exact(*_):
        return False

    return compare_plays(
        kept.play("play", exact),
        kept.like("play", [{"updates": {"variable": array}}], exact),
        budget_for=lambda *_: Budget(normwise=4),
    )


def test_within_a_budget_hashes_are_left_out(folder):
    array = np.random.RandomState(0).standard_normal(1000)
    kept = stored(folder, {"play": [{"updates": {"variable": array}}]})
    assert within_a_budget(kept, np.nextafter(array, 9)).ok
    assert not compare(
        kept, "play", [{"updates": {"variable": np.nextafter(array, 9)}}]
    ).ok


@pytest.mark.parametrize("outlier", [1e3, -1e3, np.nan, np.inf])
def test_within_a_budget_nothing_large_is_overlooked(outlier, folder):
    """Not even where no sample is taken."""
    array = np.random.RandomState(0).standard_normal(1000)
    kept = stored(folder, {"play": [{"updates": {"variable": array}}]})
    assert 500 not in golden.sample_positions(1000)
    array[500] = outlier
    assert within_a_budget(kept, array).first_divergence.tensor == "variable largest"
    kept = stored(folder, {"play": [{"updates": {"variable": array}}]})
    assert within_a_budget(kept, array).ok
    array[500] = 0
    assert not within_a_budget(kept, array).ok


def test_the_largest_is_looked_for_where_it_was(folder):
    """Two elements of opposite signs, and roundings decide which one is larger."""
    array = np.zeros(1000, np.float32)
    array[500], array[501] = 1, -np.nextafter(np.float32(1), np.float32(0))
    kept = stored(folder, {"play": [{"updates": {"variable": array}}]})
    array[500], array[501] = -array[501], -1
    assert within_a_budget(kept, array).ok


def test_what_is_said_about_a_play_is_read_after_its_last_record(tmp_path):
    facts = {}

    def play():
        yield {"initial values": {"variable": np.ones(3)}}
        facts["reached"] = 0.5

    golden.write(tmp_path, {"play": play()}, facts)
    assert golden.Golden(tmp_path).facts == {"reached": 0.5}


def test_state_that_stays_takes_no_room(tmp_path):
    """A prediction leaves variables as they were: only a training step costs bytes."""
    random = np.random.RandomState(0)
    state = {f"variable_{n}": random.standard_normal(500) for n in range(20)}
    sizes = []
    for predictions in (1, 50):
        record = {MOVE: "predict", "updates": state}
        golden.write(tmp_path, {"play": [record] * predictions}, {})
        sizes.append((tmp_path / golden.NPZ).stat().st_size)
    assert sizes[1] < 2 * sizes[0]


def refusal(folder):
    with pytest.raises(golden.GoldenError) as caught:
        golden.Golden(folder)
    message = str(caught.value)
    assert " must " in message and "Received: " in message and "\n" not in message
    return message


@given(data=st.data())
def test_a_damaged_file_is_refused_in_one_line(data, folder):
    golden.write(folder, {"play": [{"updates": {"variable": np.ones(3)}}]}, {})
    path = folder / data.draw(st.sampled_from([golden.JSON, golden.NPZ]))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    damaged = data.draw(
        st.sampled_from(
            [
                whole[:place],
                whole[:place] + bytes([byte]) + whole[place + 1 :],
                whole[:place] + bytes([byte]) + whole[place:],
            ]
        )
    )
    # JSON that says the same is no damage: another space, a last line end.
    with contextlib.suppress(ValueError):
        assume(json.loads(damaged) != json.loads(whole))
    path.write_bytes(damaged)
    refusal(folder)


@pytest.mark.parametrize("text", ["[", "[]", "null", "{}", "[" * 100_000, "\xff"])
def test_what_is_no_golden_is_refused(text, tmp_path):
    golden.write(tmp_path, {"play": [{"updates": {"variable": np.ones(3)}}]}, {})
    (tmp_path / golden.JSON).write_text(text, encoding="latin-1")
    refusal(tmp_path)


def test_missing_files_and_other_formats_are_named(tmp_path):
    golden.write(tmp_path, {"play": [{"updates": {"variable": np.ones(3)}}]}, {})
    contents = json.loads((tmp_path / golden.JSON).read_text())
    (tmp_path / golden.JSON).write_text(json.dumps({**contents, "format": 1}))
    assert "must be of format 2. Received: " in refusal(tmp_path)
    (tmp_path / golden.JSON).write_text(json.dumps({**contents, "facts": 1}))
    assert "must have the hash that it states" in refusal(tmp_path)
    (tmp_path / golden.NPZ).unlink()
    assert "must be a folder with golden.json and records.npz" in refusal(tmp_path)


def test_an_unknown_play_is_refused_with_the_known_ones(folder):
    kept = stored(folder, {"play": [{"updates": {"variable": np.ones(3)}}]})
    with pytest.raises(golden.GoldenError, match="Received: ply. Use some of: play."):
        list(kept.play("ply"))


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([None]), np.array({})])
def test_what_is_no_number_is_refused(array, tmp_path):
    """Text has no distance; objects would be pickled."""
    with pytest.raises(golden.GoldenError, match="must hold numbers or bool"):
        golden.write(tmp_path, {"play": [{"outputs": {"it": array}}]}, {})
    assert not os.listdir(tmp_path)


# What may be replaced.

EXPORTED = [
    "checkpoint",
    "model.ckpt.meta",
    "model.ckpt.index",
    "model.ckpt.data-00000-of-00001",
    "saved_model/saved_model.pb",
    "saved_model/variables/variables.index",
    "saved_model/variables/variables.data-00000-of-00001",
]


def add(folder, name, text=""):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_a_golden_may_be_replaced_and_so_may_its_exports(tmp_path):
    golden.write(tmp_path, {"play": [{"updates": {"variable": np.ones(3)}}]}, {})
    assert golden.is_golden(tmp_path)
    for name in EXPORTED:
        add(tmp_path, name)
    assert golden.is_golden(tmp_path)
    old = {"format": 1, "records_sha256": "of another time"}
    (tmp_path / golden.JSON).write_text(json.dumps(old))
    assert golden.is_golden(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "thesis.txt",
        "golden.json.bak",
        "model.ckpt.py",
        "saved_model/notes",
        "saved_model/variables/mine/variables.index",
        "nothing/",
    ],
)
def test_a_folder_that_holds_anything_else_is_not_replaced(name, tmp_path):
    golden.write(tmp_path, {"play": [{"updates": {"variable": np.ones(3)}}]}, {})
    if name.endswith("/"):
        (tmp_path / name).mkdir()
    else:
        add(tmp_path, name)
    assert not golden.is_golden(tmp_path)


def test_a_folder_without_a_golden_of_ours_is_not_replaced(tmp_path):
    assert not golden.is_golden(tmp_path / "missing")
    assert not golden.is_golden(tmp_path)
    for text in ("{}", "[]", "not JSON", '{"format": 2}'):
        add(tmp_path, golden.JSON, text)
        assert not golden.is_golden(tmp_path)


def test_links_are_not_followed(tmp_path):
    whole, linked, partly = (tmp_path / name for name in ("whole", "link", "partly"))
    for path in (whole, partly):
        golden.write(path, {"play": [{"updates": {"variable": np.ones(3)}}]}, {})
    linked.symlink_to(whole)
    (partly / golden.NPZ).unlink()
    (partly / golden.NPZ).symlink_to(whole / golden.NPZ)
    assert golden.is_golden(whole)
    assert not golden.is_golden(linked) and not golden.is_golden(partly)
