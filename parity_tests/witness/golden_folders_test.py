"""Which folders may be replaced: a folder of anyone else's files never."""

import json
import os

import pytest

from parity_tests.witness import golden, golden_folders


def write_golden(folder):
    """The smallest golden, and what --export puts beside it."""
    folder.mkdir(exist_ok=True)
    (folder / golden.JSON).write_text('{"format": 1, "records_sha256": "0"}')
    (folder / golden.NPZ).write_text("arrays")
    for name in golden_folders.EXPORTS:
        path = folder / name
        if name in ("saved_model", "saved_model/variables"):
            path.mkdir()
        else:
            path.write_text("exported")
    return folder


def digests(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_absent_empty_or_a_golden_may_be_replaced(tmp_path):
    (tmp_path / "empty").mkdir()
    write_golden(tmp_path / "golden")
    for name in ("absent", "empty", "golden"):
        golden_folders.require_replaceable(str(tmp_path / name))


@pytest.mark.parametrize("name", ["absent", "empty", "golden"])
def test_replacing_leaves_the_new_one_alone(tmp_path, name):
    (tmp_path / "empty").mkdir()
    write_golden(tmp_path / "golden")
    part = write_golden(tmp_path / "new.part")
    (part / golden.NPZ).write_text("new")
    before = set(os.listdir(tmp_path)) - {"new.part", name}
    golden_folders.replace(str(part), str(tmp_path / name))
    assert (tmp_path / name / golden.NPZ).read_text() == "new"
    assert set(os.listdir(tmp_path)) == before | {name}


FOREIGN = {
    "other files": lambda folder: (folder / "thesis.tex").write_text("work"),
    "a golden and a file": lambda folder: (write_golden(folder) / "x").write_text("x"),
    "a golden and a folder": lambda folder: (write_golden(folder) / "x").mkdir(),
    "a file deep within": lambda folder: (
        write_golden(folder) / "saved_model" / "variables" / "mine"
    ).write_text("x"),
    "a link": lambda folder: (write_golden(folder) / "x").symlink_to("/"),
    "a link of a known name": lambda folder: (folder / "saved_model").symlink_to("/"),
    "arrays alone": lambda folder: (folder / golden.NPZ).write_text("x"),
    "JSON of something else": lambda folder: (folder / golden.JSON).write_text(
        json.dumps({"format": 1})
    ),
    "no JSON": lambda folder: (folder / golden.JSON).write_text("{"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_folder_with_anything_else_is_refused_untouched(tmp_path, kind):
    folder = tmp_path / "kept"
    folder.mkdir()
    FOREIGN[kind](folder)
    part = write_golden(tmp_path / "new.part")
    before = digests(tmp_path)
    for call in (
        lambda: golden_folders.require_replaceable(str(folder)),
        lambda: golden_folders.replace(str(part), str(folder)),
    ):
        with pytest.raises(golden_folders.ForeignFolder) as caught:
            call()
        message = str(caught.value)
        assert message.startswith(
            "A golden may replace nothing but a golden. Received:"
        )
        assert str(folder) in message and "\n" not in message
    assert digests(tmp_path) == before


@pytest.mark.parametrize("kind", ["a file", "a link to a golden", "a dangling link"])
def test_what_is_no_folder_is_refused(tmp_path, kind):
    path = tmp_path / "kept"
    if kind == "a file":
        path.write_text("mine")
    else:
        target = tmp_path / "elsewhere"
        path.symlink_to(target)
        if kind == "a link to a golden":
            write_golden(target)
    with pytest.raises(golden_folders.ForeignFolder, match="which is no folder"):
        golden_folders.require_replaceable(str(path))
