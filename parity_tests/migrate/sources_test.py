"""Claims about reading files: nothing stops a scan, and places are those of the file."""

import json
import os
import pathlib
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf2_keras.migrate import scan, sources

TF = "import tensorflow as tf\n"


def places(path):
    """[(symbol, line, column)] of a file."""
    report = scan.scan([str(path)])
    assert not report.skipped
    return [(each.symbol, each.line, each.column) for each in report.findings]


def write(path, content):
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(content)
    return path


# ----------------------------------------------------------------------------- Python 2

PYTHON_2 = """import tensorflow as tf
print "rate", tf.log(1.), tf.log(2.)
print >>out, tf.log(3.),
try:
    exec "x = 1" in space
except IOError, error:
    raise ValueError, tf.log(4.)
def f((a, b), c):
    return tf.log(a <> b)
n = 0777L + len(`tf.log(5.)`)
u = ur'a', tf.log(6.)
tf.log(
    7.)
"""


def test_python_2_keeps_its_places(tmp_path):
    found = places(write(tmp_path / "a.py", PYTHON_2))
    assert found == [
        ("tf.log", 2, 15),
        ("tf.log", 2, 27),
        ("tf.log", 3, 14),
        ("tf.log", 7, 23),
        ("tf.log", 9, 12),
        ("tf.log", 10, 18),
        ("tf.log", 11, 12),
        ("tf.log", 12, 1),
    ]
    lines = PYTHON_2.split("\n")
    for _, line, column in found:
        assert lines[line - 1][column - 1 :].startswith("tf.log")


def test_python_2_and_3_see_the_same(tmp_path):
    modern = PYTHON_2
    for old, new in [
        ('print "rate", tf.log(1.), tf.log(2.)', "print(1, tf.log(1.), tf.log(2.))"),
        ("print >>out, tf.log(3.),", "print(tf.log(3.), file=out)"),
        ('exec "x = 1" in space', 'exec("x = 1", space)'),
        ("IOError, e", "IOError as e"),
        ("ValueError, tf.log(4.)", "ValueError(tf.log(4.))"),
        ("(a, b), c", "a, b, c"),
        ("<>", "!="),
        ("0777L", "0o777"),
        ("`tf.log(5.)`", "repr(tf.log(5.))"),
        ("ur'", "r'"),
    ]:
        assert old in modern
        modern = modern.replace(old, new)
    old = places(write(tmp_path / "old.py", PYTHON_2))
    new = places(write(tmp_path / "new.py", modern))
    assert [place[:2] for place in old] == [place[:2] for place in new]


def test_async_was_a_name(tmp_path):
    assert places(write(tmp_path / "a.py", TF + "f(async=True)\nx = tf.log(1)")) == [
        ("tf.log", 3, 5)
    ]


# ---------------------------------------------------------------------------- encodings

GREETING = "x = 'grüße'; tf.log(1)\n"
ENCODINGS = {
    "UTF-8": (TF + GREETING).encode(),
    "byte order mark": b"\xef\xbb\xbf" + (TF + GREETING).encode(),
    "coding line": ("# -*- coding: latin-1 -*-\n" + GREETING + TF).encode("latin-1"),
    "unknown coding": ("# coding: klingon\n" + TF + GREETING).encode(),
    "no text coding": ("# coding: hex\n" + TF + GREETING).encode(),
    "no coding line": (TF + GREETING).encode("latin-1"),
    "UTF-16": (TF + GREETING).encode("utf-16"),
    "carriage returns": (TF + GREETING).replace("\n", "\r\n").encode(),
    "old Macintosh": (TF + GREETING).replace("\n", "\r").encode(),
    "form feed": (TF + "\f\n" + GREETING).encode(),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_any_encoding_is_read_and_columns_count_characters(name, tmp_path):
    text = ENCODINGS[name]
    if name == "coding line":  # the import must come first
        text = ("# -*- coding: latin-1 -*-\n" + TF + GREETING).encode("latin-1")
    ((symbol, line, column),) = places(write(tmp_path / "a.py", text))
    assert symbol == "tf.log" and column == 14
    assert line == {
        "coding line": 3,
        "unknown coding": 3,
        "no text coding": 3,
        "form feed": 3,
    }.get(name, 2)


# ----------------------------------------------------------------------- what is no code

BAD = {
    "syntax error": TF + "x = = 1\n",
    "binary": b"\x00\x01\x02tensorflow",
    "nested too deeply": TF + "x = " + "(" * 5000 + ")" * 5000,
    "broken notebook": "{",
}


@pytest.mark.parametrize("reason", BAD)
def test_bad_files_are_counted_and_the_rest_goes_on(reason, tmp_path):
    name = "bad.ipynb" if "notebook" in reason else "bad.py"
    write(tmp_path / name, BAD[reason])
    write(tmp_path / "good.py", TF + "tf.log(1)")
    report = scan.scan([str(tmp_path)])
    assert report.files == 1 and len(report.findings) == 1
    expected = reason if reason != "nested too deeply" else report.skipped[0].reason
    assert report.summary()["skipped"] == {expected: 1}
    assert expected in (reason, "syntax error")  # versions of Python differ in depth


def test_a_syntax_error_names_its_line(tmp_path):
    write(tmp_path / "bad.py", "x = 1\ny = = 2\n")
    (skipped,) = scan.scan([str(tmp_path)]).skipped
    assert skipped.line == 2 and skipped.detail == "invalid syntax"


def test_deep_expressions_are_read_or_counted(tmp_path):
    write(tmp_path / "deep.py", TF + "x = " + " + ".join(["tf.log(1)"] * 5000))
    report = scan.scan([str(tmp_path)])
    assert len(report.findings) == 5000 or report.summary()["skipped"]


def test_huge_files_are_counted(tmp_path, monkeypatch):
    monkeypatch.setitem(sources.LARGEST, ".py", 2**20)
    write(tmp_path / "huge.py", b"x = 1\n" * 200_000)
    assert scan.scan([str(tmp_path)]).summary()["skipped"] == {"huge": 1}


def test_links_are_followed_once_and_never_for_ever(tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    write(folder / "x.py", TF + "tf.log(1)")
    (folder / "up").symlink_to(tmp_path / "a")
    (tmp_path / "again").symlink_to(folder)
    (tmp_path / "nowhere.py").symlink_to(tmp_path / "missing.py")
    (tmp_path / "itself.py").symlink_to(tmp_path / "itself.py")
    report = scan.scan([str(tmp_path), str(folder / "x.py")])
    assert report.files == 1 and len(report.findings) == 1
    assert report.summary()["skipped"] == {"broken link": 1, "symlink loop": 2}


def test_unreadable_folders_and_files_are_counted(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    write(tmp_path / "closed.py", TF)
    write(tmp_path / "open.py", TF + "tf.log(1)")
    real_scan, real_open = os.scandir, open

    def refuse(path, *rest, **named):
        if "closed" in str(path):
            raise PermissionError(13, "Permission denied")
        return (real_open if rest else real_scan)(path, *rest, **named)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    report = scan.scan([str(tmp_path)])
    assert report.files == 1
    assert report.summary()["skipped"] == {"unreadable": 1, "unreadable folder": 1}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    assert scan.scan([str(tmp_path)]).summary()["skipped"] == {"not a regular file": 1}


def test_folders_that_hold_no_code_of_the_project_are_passed_over(tmp_path):
    for name in (".git", "__pycache__", "node_modules", "venv"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "a.py", TF + "tf.log(1)")
    write(tmp_path / "venv" / "pyvenv.cfg", "")
    report = scan.scan([str(tmp_path)])
    assert report.files == 0
    assert report.summary()["skipped"] == {"virtual environment": 1}
    assert scan.scan([str(tmp_path / "venv")]).files == 1  # it was asked for


def test_a_name_that_is_no_utf_8_is_a_name(tmp_path):
    name = os.fsencode(str(tmp_path)) + b"/\xff.py"
    try:
        with open(name, "wb") as file:
            file.write((TF + "tf.log(1)").encode())
    except OSError:
        pytest.skip("this file system refuses such names")
    assert len(scan.scan([str(tmp_path)]).findings) == 1


def test_nothing_is_imported_or_run(tmp_path):
    write(tmp_path / "a.py", TF + "raise SystemExit(3)\ntf.log(1)")
    before = set(sys.modules)
    assert len(scan.scan([str(tmp_path)]).findings) == 1
    assert not any(name == "a" for name in set(sys.modules) - before)


# ---------------------------------------------------------------------------- notebooks


def notebook(*cells, split=True, old=False, indent=1):
    def source(text):
        return text.splitlines(keepends=True) if split else text

    cells = [
        {"cell_type": "code", ("input" if old else "source"): source(cell)}
        for cell in cells
    ]
    cells.insert(0, {"cell_type": "markdown", "source": "tf.log(1) in words"})
    content = {"worksheets": [{"cells": cells}]} if old else {"cells": cells}
    return json.dumps(content, indent=indent)


MAGIC = (
    "!pip install tensorflow==1.15 \\\n  --quiet\n%matplotlib inline\n" + TF.strip(),
    "files = !ls\n%time a = tf.log(1)\ntf.log?\nif True:\n    !ls\nb = tf.log(2)",
    "%%bash\necho tf.log(3)",
    "%%time\ntf.log(4)",
    "text = '''\n%d\n''' % 3, tf.log(5)",
    "x = = 1",
    "s = 'ü\"\\t', tf.log(6)",
    "  %ls\n  if True:\n    tf.log(7)\n",
)


@pytest.mark.parametrize(
    "form", [{}, {"split": False}, {"old": True}, {"indent": None}], ids=str
)
def test_notebooks_are_read_with_their_magics(form, tmp_path):
    text = notebook(*MAGIC, **form)
    path = write(tmp_path / "a.ipynb", text)
    report = scan.scan([str(path)])
    assert [each.symbol for each in report.findings] == ["tf.log"] * 6
    assert [each.cell for each in report.findings] == [
        "cell 3, line 2",
        "cell 3, line 6",
        "cell 5, line 2",
        "cell 6, line 3",
        "cell 8, line 1",
        "cell 9, line 3",
    ]
    (skipped,) = report.skipped
    assert skipped.reason == "syntax error" and skipped.detail.startswith("cell 7: ")
    lines = text.split("\n")
    for each in report.findings:  # line and column are those of the file itself
        assert lines[each.line - 1][each.column - 1 :].startswith("tf.log(")


@given(st.text(max_size=40), st.booleans())
@settings(deadline=None)
def test_any_text_before_a_use_keeps_its_place_in_a_notebook(
    tmp_path_factory, text, split
):
    cell = f"{TF}x = {text!r}; tf.log(1)"
    content = notebook(cell, split=split)
    path = write(tmp_path_factory.mktemp("notebook") / "a.ipynb", content)
    (each,) = scan.scan([str(path)]).findings
    lines = content.split("\n")
    assert lines[each.line - 1][each.column - 1 :].startswith("tf.log(1)")


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"cells": [3]}', '{"cells": 3}', "\x00"]
)
def test_json_that_is_no_notebook_is_told(content, tmp_path):
    path = write(tmp_path / "a.ipynb", content)
    assert scan.scan([str(path)]).summary()["skipped"] == {"broken notebook": 1}


# --------------------------------------------------------------------- several processes


def many(tmp_path, count=12):
    for number in range(count):
        write(tmp_path / f"{number:02}.py", TF + "tf.log(1)\n" * (number + 1))
    return sources.find([str(tmp_path)])[0]


def test_processes_find_the_same_in_the_same_order(tmp_path, monkeypatch):
    many(tmp_path)
    monkeypatch.setattr(scan, "CHUNK", 100)
    told = []
    alone = scan.scan([str(tmp_path)], workers=1)
    together = scan.scan(
        [str(tmp_path)], workers=2, on_progress=lambda *numbers: told.append(numbers)
    )
    assert together == alone and alone.files == 12
    assert told[0][0] == 0 and told[-1][0] == told[-1][1] > 0


def test_a_file_that_takes_its_process_down_is_counted(tmp_path, monkeypatch):
    files = many(tmp_path, 3)
    crashing = pathlib.Path(files[1])
    write(crashing, "CRASH")
    from parity_tests.migrate import crash

    monkeypatch.setattr(scan, "read_files", crash.read_files)
    report = scan.scan([str(tmp_path)], workers=2)
    assert report.files == 2
    assert [tuple(each)[:2] for each in report.skipped] == [
        (str(crashing), "crashes the parser")
    ]
