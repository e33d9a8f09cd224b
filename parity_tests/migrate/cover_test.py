"""Claims about which chapters show what of a code base."""

import json
import pathlib

import pytest

from parity_tests.models import chapters, reading
from tf2_keras.migrate import cover, scan


@pytest.fixture(scope="module")
def tf1_sides(tmp_path_factory):
    """{chapter: path of its TF1 side as it would read in 1.15}."""
    return reading.as_of_1_15(chapters.NAMES, tmp_path_factory.mktemp("tf1_sides"))


def finding(file, symbol, status="changes", note="", chapter="", evidence="unproven"):
    return scan.Finding(file, 1, 1, symbol, status, "x", note, chapter, evidence)


def test_a_chapter_shows_what_its_tf1_side_uses_and_nothing_else(tmp_path):
    (tmp_path / "a.py").write_text(
        "import tensorflow as tf\n"
        "with tf.Session() as session:\n"
        "    session.run(tf.nn.dropout(x, 0.5))\n"
        "tf.random_normal([3], seed=1)\n"
    )
    (tmp_path / "b.py").write_text("import tensorflow as tf\ntf.placeholder('f')\n")
    known = cover.shown({"a": tmp_path / "a.py", "b": tmp_path / "b.py"})
    assert {"tf.Session", "tf.Session.run", "tf.nn.dropout"} <= known["a"]
    # Seeded it is only renamed, and whoever draws without a seed learns from it.
    assert "tf.random_normal" in known["a"] and "tf.placeholder" not in known["a"]
    assert "tf.placeholder" in known["b"] and "tf.Session" not in known["b"]
    # What the catalogue says the same of is shown with it.
    (told,) = (
        entry
        for entry in scan.scan([str(tmp_path / "a.py")]).findings
        if entry.symbol == "tf.Session.run"
    )
    assert cover.shows(known["a"], finding("c", "tf.Tensor.eval", note=told.note))
    assert not cover.shows(known["b"], finding("c", "tf.Tensor.eval", note=told.note))


@pytest.mark.parametrize("name", chapters.NAMES)
def test_every_chapter_shows_something(name, tf1_sides):
    known = cover.shown({name: tf1_sides[name]})[name]
    run_by = {
        "tf.Session",
        "tf.train.MonitoredTrainingSession",
        "tf.estimator.Estimator",
        "tf.estimator.DNNClassifier",
    }
    assert known & {"tf.placeholder", *run_by}


def test_what_a_chapter_takes_from_a_stand_in_is_what_1_15_had(tf1_sides):
    names = ["seq2seq", "bilstm_crf"]
    known = cover.shown({name: tf1_sides[name] for name in names})
    assert {
        "tf.nn.rnn_cell.LSTMCell",
        "tf.contrib.seq2seq.AttentionWrapper",
        "tf.contrib.seq2seq.LuongAttention",
        "tf.contrib.seq2seq.BahdanauAttention",
    } <= known["seq2seq"]
    assert "tf.contrib.crf.crf_log_likelihood" in known["bilstm_crf"]


def test_chapters_come_by_what_they_add_to_those_before():
    findings = [finding("a.py", symbol) for symbol in "ppqqqrr"]
    constructs = {"first": {"p", "r"}, "second": {"q", "r"}, "third": {"q"}}
    order = cover.by_what_they_add(findings, constructs)
    assert [
        (chapter, [shown.symbol for shown in added]) for chapter, added in order
    ] == [("second", list("qqqrr")), ("first", list("pp"))]
    # A tie goes to the one that is read first; a rule's own chapter shows its use.
    order = cover.by_what_they_add(
        [finding("a.py", "s"), finding("a.py", "t", chapter="third")],
        {"first": {"s"}, "second": {"s"}, "third": set()},
    )
    assert [chapter for chapter, _ in order] == ["first", "third"]


def test_a_file_is_whole_once_all_it_uses_is_shown():
    findings = [
        finding("a.py", "p"),
        finding("a.py", "q"),
        finding("b.py", "q"),
        finding("b.py", "z", status="same"),
        finding("b.py", "y", status="renamed"),
        finding("c.py", "q"),
        finding("c.py", "r"),
        finding("d.py", "z", status="same"),
    ]
    constructs = {"first": {"p"}, "second": {"q"}, "third": {"z"}}
    steps, files, uses, left = cover.cover(findings, constructs)
    assert steps == [cover.Step("second", 1, 3), cover.Step("first", 2, 4)]
    assert (files, uses) == (3, 5)
    assert left == [findings[6]]


def test_other_names_of_one_thing_are_shown_with_it():
    known = {"first": {"tf.nn.rnn_cell.LSTMCell"}}
    for name in ("tf.nn.rnn_cell.LSTMCell", "tf.contrib.rnn.LSTMCell"):
        assert cover.cover([finding("a.py", name)], known)[0][-1].files == 1
    steps, *_ = cover.cover([finding("a.py", "tf.contrib.rnn.GRUCell")], known)
    assert not steps


@pytest.mark.parametrize("module", ["tf.contrib.slim", "tf.python.ops.array_ops"])
def test_a_module_counts_only_where_nothing_in_it_does(module):
    uses = [
        finding("a.py", module, "gone"),
        finding("a.py", module + ".flatten", "gone"),
        finding("b.py", module, "gone"),
        finding("b.py", "p"),
    ]
    assert cover.counting(uses) == uses[1:]
    # Not so a class, whose methods are used besides.
    uses = [finding("a.py", "tf.Session"), finding("a.py", "tf.Session.run")]
    assert cover.counting(uses) == uses


def test_what_no_chapter_shows_can_be_proven():
    uses = [finding("a.py", "p", evidence="x_test.py::test"), finding("b.py", "q")]
    assert cover.unproven(uses) == uses[1:]


@pytest.mark.usefixtures("project")
def test_the_command_measures_what_the_chapters_cover(tf_parity):
    pathlib.Path("whole.py").write_text(
        "import tensorflow as tf\ntf.placeholder(tf.float32, [None, 3])\n"
    )
    pathlib.Path("more.py").write_text(
        "import tensorflow as tf\ntf.placeholder(tf.float32, [None, 3])\n"
        "tf.train.ProfilerHook()\n"
    )
    code, out, _ = tf_parity(
        "guide", "--cover", "whole.py", "more.py", "--format", "json"
    )
    data = json.loads(out)
    assert code == 0 and (data["files"], data["uses"]) == (2, 3)
    assert [step["files"] for step in data["chapters"]] == [1]
    assert data["not_shown"] == {"tf.train.ProfilerHook": 1}
    assert data["shown_or_proven"]["files"] in (1, 2)
    code, out, _ = tf_parity("guide", "--cover", "whole.py", "more.py")
    assert code == 0 and "1 of 2   50%" in out and "2 of 3   67%" in out
    assert "In no chapter, most used: tf.train.ProfilerHook 1\n" in out
    code, out, _ = tf_parity("guide", "--cover", "whole.py")
    assert code == 0 and "1 of 1  100%" in out and out.endswith("most used: -\n")
    pathlib.Path("fine.py").write_text("print(1)\n")
    assert "Nothing to cover" in tf_parity("guide", "--cover", "fine.py")[1]
