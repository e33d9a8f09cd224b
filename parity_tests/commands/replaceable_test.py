"""Claims about what a report may take the place of: one of ours, or an empty file."""

import os
import pathlib
import zipfile

import pytest

from parity_tests.commands import outputs, replaceable
from parity_tests.commands.mistakes import UserError
from parity_tests.pair import html_report, stored_pairs

EXPORT = (
    pathlib.Path(__file__).parents[1] / "goldens/exported/graph_seed_only/model.meta"
)
SCANNED = "import tensorflow as tf\ntf.log(1.0)\n"
# What a mistyped name may lead to.
PRECIOUS = {
    "program.py": "print('mine')\n",
    "package.json": '{"name": "mine", "scripts": {"test": "pytest"}}',
    "list.json": "[1, 2]",
    "broken.json": '{"generator": "tf-parity"',
    "other.sarif": '{"runs": [{"tool": {"driver": {"name": "ruff"}}}]}',
    "page.html": "<html><title>mine</title></html>",
    "notes.txt": "tf-parity found nothing\n",
    "model.bin": "\udcff\udcfe",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a program to scan, which is the current one."""
    monkeypatch.chdir(tmp_path)
    pathlib.Path("train.py").write_text(SCANNED)
    return tmp_path


@pytest.mark.parametrize("name", PRECIOUS)
@pytest.mark.parametrize(
    "words",
    [
        ["run", "--json"],
        ["check", "train.py", "--json"],
        ["check", "train.py", "--save-names"],
        ["check", "train.py", "--worst-case"],
        ["bench", "--json"],
        ["seeds", str(EXPORT), "--json"],
        ["scan", "train.py", "--output"],
        ["scan", "train.py", "--format", "html", "--output"],
        ["explain", "tf.log", "--output"],
    ],
    ids=lambda words: " ".join(word for word in words if word != str(EXPORT)),
)
def test_what_is_no_report_is_never_replaced(tf_parity, words, name):
    before = os.fsencode(PRECIOUS[name])
    pathlib.Path(name).write_bytes(before)
    code, out, err = tf_parity(*words, name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"must name a new file, or one that it wrote before. Received: {name}" in err
    assert pathlib.Path(name).read_bytes() == before
    assert sorted(os.listdir()) == sorted([name, "train.py"])


@pytest.mark.parametrize(
    "words",
    [
        ["seeds", str(EXPORT), "--json"],
        ["inspect", str(EXPORT), "--json"],
        ["explain", "tf.log", "--output"],
        ["explain", "tf.log", "--format", "json", "--output"],
        ["guide", "train.py", "--output"],
        ["guide", "train.py", "--cover", "--output"],
        ["guide", "train.py", "--format", "json", "--output"],
        *(
            ["scan", "train.py", "--format", form, "--output"]
            for form in ("terminal", "json", "sarif", "html")
        ),
    ],
    ids=lambda words: " ".join(word for word in words if word != str(EXPORT)),
)
def test_a_report_replaces_itself_and_any_other_of_ours(tf_parity, words):
    pathlib.Path("report").touch()
    for earlier in (words, words, ["explain", "tf.exp", "--output"]):
        assert tf_parity(*earlier, "report")[0] == 0
        assert replaceable.is_report("report")
    assert tf_parity(*words, "report")[0] == 0


def test_pages_and_scripts_of_a_check_are_known_as_ours():
    subject = stored_pairs.subject()
    pathlib.Path("index.html").write_text(
        html_report.page([subject], {"tensorflow": "2"}), encoding="utf-8"
    )
    assert replaceable.is_report("index.html")
    script = '"""It parts.\n\nWritten by tf-parity check --worst-case. """\n'
    pathlib.Path("worst.py").write_text(script)
    assert replaceable.is_report("worst.py")


@pytest.mark.parametrize(
    "text, known",
    [
        ('{"w": "dense/kernel", "step": null, "b": {"of": ["b"]}}', True),
        ("", True),
        ("{}", False),
        ('{"name": "mine", "scripts": {"test": "pytest"}}', False),
        ("[1]", False),
        ("print('mine')", False),
    ],
)
def test_a_map_replaces_a_map(text, known):
    pathlib.Path("names.json").write_text(text)
    assert replaceable.is_map("names.json") is known


def test_a_play_replaces_a_play_and_no_other_archive(tf_parity):
    with zipfile.ZipFile("play.npz", "w") as archive:
        archive.writestr("play.json", "{}")
    assert replaceable.is_play("play.npz")
    with zipfile.ZipFile("data.npz", "w") as archive:
        archive.writestr("images.npy", "x")
    before = pathlib.Path("data.npz").read_bytes()
    code, _, err = tf_parity("record", "train.py", "-o", "data.npz")
    assert code == 2 and "-o must name a new file, or one that it wrote before" in err
    assert pathlib.Path("data.npz").read_bytes() == before
    pathlib.Path("empty.npz").touch()
    assert replaceable.is_play("empty.npz") and not replaceable.is_play("none.npz")


@pytest.mark.parametrize(
    "option, example, words",
    [
        ("--output", "twin.py", ["draft", "m.meta", "-o"]),
        ("--pair", "pair.py", ["draft", "m.meta", "-o", "twin.py", "--pair"]),
        ("--worst-case", "worst.py", ["check", "train.py", "--worst-case"]),
        ("--save-names", "names.json", ["check", "train.py", "--save-names"]),
        ("--json", "report.json", ["run", "--json"]),
    ],
)
def test_the_remedy_names_such_a_file_as_is_written(tf_parity, option, example, words):
    os.mkdir("there")
    code, _, err = tf_parity(*words, "there")
    assert code == 2
    assert f"{option} must name a file. Received: the folder there." in err
    assert f"Use for instance there/{example}." in err


def test_what_may_replace_is_asked_of_files_only():
    def never(_):
        raise AssertionError("asked")

    for path in ("new", os.devnull, "-", None):
        with outputs.Output(path, "--json", replaces=never):
            pass
    pathlib.Path("new").touch()
    with pytest.raises(UserError), outputs.Output("new", "--json", (), lambda _: False):
        pass
