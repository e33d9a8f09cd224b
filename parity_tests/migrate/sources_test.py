"""Claims about reading files: nothing stops a scan, and places are those of the file."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parity_tests.migrate import crash
from tf2_keras.migrate import names, reads, scan, sources

ROOT = pathlib.Path(__file__).parents[2]
TF = "import tensorflow as tf\n"


def places(path):
    """[(symbol, line, column)] of a file."""
    report = scan.scan([str(path)])
    assert not report.skipped
    return [
        (finding.symbol, finding.line, finding.column) for finding in report.findings
    ]


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
    python_2_places = places(write(tmp_path / "a.py", PYTHON_2))
    assert python_2_places == [
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
    for _, line, column in python_2_places:
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


def test_python_2_is_read_where_no_folder_can_be_written(tmp_path):
    """fissix wants to keep its grammar in a folder below HOME."""
    write(tmp_path / "a.py", PYTHON_2)
    home = write(tmp_path / "home", "")  # a file: no one can make a folder in it
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home)}
    program = (
        "from tf2_keras.migrate import scan\n"
        f"report = scan.scan([{str(tmp_path)!r}])\n"
        "assert report.files == 1 and len(report.findings) == 8, report\n"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env=environment, cwd=ROOT
    )


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
    "nested too deeply": TF + "x = " + "not " * 100_000 + "y",
    "broken notebook": "{",
}


@pytest.mark.parametrize("reason", BAD)
def test_bad_files_are_counted_and_the_rest_goes_on(reason, tmp_path):
    name = "bad.ipynb" if "notebook" in reason else "bad.py"
    write(tmp_path / name, BAD[reason])
    write(tmp_path / "good.py", TF + "tf.log(1)")
    report = scan.scan([str(tmp_path)])
    assert report.files == 1 and len(report.findings) == 1
    assert report.summary()["skipped"] == {reason: 1}


@pytest.mark.parametrize("reason", BAD)
def test_what_is_named_itself_must_be_read(reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "bad.ipynb" if "notebook" in reason else "bad.py"
    write(tmp_path / name, BAD[reason])
    write(tmp_path / "good.py", TF + "tf.log(1)")
    with pytest.raises(scan.UnreadPath) as refused:
        scan.scan(["good.py", f"./{name}"])
    message = str(refused.value)
    assert message.startswith("PATH must name what can be read and parsed. Received: ")
    assert reason in message and name in message and "\n" not in message


def test_what_is_named_and_is_not_there_or_no_file_is_refused(tmp_path):
    (tmp_path / "nowhere.py").symlink_to(tmp_path / "missing.py")
    for path in (tmp_path / "nowhere.py", os.devnull):
        with pytest.raises(scan.UnreadPath):
            scan.scan([str(path)])


def test_a_notebook_that_is_named_may_have_a_bad_cell(tmp_path):
    path = write(tmp_path / "a.ipynb", notebook(TF + "tf.log(1)", "x = = 1"))
    report = scan.scan([str(path)])
    assert report.files == len(report.findings) == len(report.skipped) == 1


def test_a_syntax_error_names_its_line(tmp_path):
    write(tmp_path / "bad.py", "x = 1\ny = = 2\n")
    (skipped,) = scan.scan([str(tmp_path)]).skipped
    assert skipped.line == 2 and skipped.detail == "invalid syntax"


DEEP = {
    "elif": lambda count: "if x: pass\n" + "elif tf.log(1): pass\n" * count,
    "sum": lambda count: "x = " + " + ".join(["tf.log(1)"] * count),
    "chained calls": lambda count: "x = y" + ".map(tf.log(1))" * count,
    "sum in Python 2": lambda count: (
        "print 'a'\nx = " + " + ".join(["tf.log(1)"] * count)
    ),
}


@pytest.mark.parametrize("count", [300, 1500])
@pytest.mark.parametrize("kind", DEEP)
def test_deep_code_is_read(kind, count, tmp_path):
    limit = sys.getrecursionlimit()
    write(tmp_path / "deep.py", TF + DEEP[kind](count))
    report = scan.scan([str(tmp_path)])
    assert not report.skipped and len(report.findings) == count
    assert sys.getrecursionlimit() == limit


def test_a_deep_cell_is_read(tmp_path):
    text = notebook(TF + DEEP["sum"](1500))
    assert len(places(write(tmp_path / "deep.ipynb", text))) == 1500


def test_what_is_too_deep_even_so_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(reads, "DEEP_CALLS", 2000)
    write(tmp_path / "deep.py", TF + DEEP["sum"](3000))
    write(tmp_path / "good.py", TF + "tf.log(1)")
    report = scan.scan([str(tmp_path)])
    assert report.files == 1
    assert report.summary()["skipped"] == {"nested too deeply": 1}


def test_where_no_deep_stack_is_granted_a_deep_file_is_skipped(tmp_path, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(reads.threading.Thread, "start", refuse)
    write(tmp_path / "deep.py", TF + DEEP["sum"](3000))
    report = scan.scan([str(tmp_path)])
    assert report.summary()["skipped"] == {"nested too deeply": 1}


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
    assert [finding.symbol for finding in report.findings] == ["tf.log"] * 6
    assert [finding.cell for finding in report.findings] == [
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
    for finding in report.findings:  # line and column are those of the file itself
        assert lines[finding.line - 1][finding.column - 1 :].startswith("tf.log(")


@given(st.text(max_size=40), st.booleans())
@example("\U0001f600", False)
@settings(deadline=None)
def test_any_text_before_a_use_keeps_its_place_in_a_notebook(
    tmp_path_factory, text, split
):
    cell = f"{TF}x = {text!r}; tf.log(1)"
    content = notebook(cell, split=split)
    path = write(tmp_path_factory.mktemp("notebook") / "a.ipynb", content)
    (finding,) = scan.scan([str(path)]).findings
    lines = content.split("\n")
    assert lines[finding.line - 1][finding.column - 1 :].startswith("tf.log(1)")


def test_half_a_character_in_a_cell_is_a_syntax_error(tmp_path):
    text = notebook(TF + "tf.log(1)", "x = '" + "\ud83d" * 100 + "'", indent=None)
    write(tmp_path / "a.ipynb", text)
    report = scan.scan([str(tmp_path)])
    assert len(report.findings) == 1
    assert report.summary()["skipped"] == {"syntax error": 1}


CODE = '{"cell_type": "code", "source": %s}'
NO_NOTEBOOKS = [
    "[]",
    "{}",
    "3",
    "null",
    '{"cells": [3]}',
    '{"cells": 3}',
    '{"cells": {"a": 3}}',
    '{"worksheets": 3}',
    '{"worksheets": [{}]}',
    *[
        f'{{"cells": [{CODE % source}]}}'
        for source in ("5", "null", "{}", '["import tensorflow as tf\\n", 5]', "[[]]")
    ],
    "[" * 3000,
    "\x00",
    "\xff",
]


@pytest.mark.parametrize("content", NO_NOTEBOOKS, ids=lambda content: content[:60])
def test_json_that_is_no_notebook_is_told(content, tmp_path):
    write(tmp_path / "a.ipynb", content.encode("latin-1"))
    write(tmp_path / "good.py", TF + "tf.log(1)")
    report = scan.scan([str(tmp_path)])
    assert report.files == 1 and len(report.findings) == 1
    assert report.summary()["skipped"] == {"broken notebook": 1}
    assert report.skipped[0].detail


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.just("tf.log(1)\n"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "cell_type", "source", "input", "worksheets"]),
            inner | st.just("code"),
        )
    ),
)


@given(JSON)
@settings(deadline=None)
def test_whatever_a_notebook_holds_the_rest_is_read(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("notebook")
    write(folder / "a.ipynb", json.dumps({"cells": content, "worksheets": content}))
    write(folder / "good.py", TF + "tf.log(1)")
    report = scan.scan([str(folder)])
    assert [finding.symbol for finding in report.findings][-1:] == ["tf.log"]
    assert "crashes the reader" not in report.summary()["skipped"]


# --------------------------------------------------------------- a reader that has faults


def test_a_file_that_the_reader_fails_on_is_one_skipped_file(tmp_path, monkeypatch):
    read = names.read

    def fail(body):
        if len(body) == 3:
            raise KeyError("a fault of the reader")
        return read(body)

    monkeypatch.setattr(names, "read", fail)
    many(tmp_path, 3)
    report = scan.scan([str(tmp_path)])
    assert report.files == 2
    (skipped,) = report.skipped
    assert skipped.file.endswith("01.py") and skipped.reason == "crashes the reader"
    assert skipped.detail == "KeyError: 'a fault of the reader'"


# --------------------------------------------------------------------- several processes


def many(tmp_path, count=12):
    for number in range(count):
        write(tmp_path / f"{number:02}.py", TF + "tf.log(1)\n" * (number + 1))
    return sources.find([str(tmp_path)])[0]


def test_processes_find_the_same_in_the_same_order(tmp_path, monkeypatch):
    many(tmp_path)
    monkeypatch.setattr(reads, "CHUNK", 100)
    told = []
    alone = scan.scan([str(tmp_path)], workers=1)
    together = scan.scan(
        [str(tmp_path)], workers=2, on_progress=lambda *numbers: told.append(numbers)
    )
    assert together == alone and alone.files == 12
    assert told[0][0] == 0 and told[-1][0] == told[-1][1] > 0


def test_a_file_that_takes_its_process_down_is_counted(tmp_path, monkeypatch):
    files = many(tmp_path, 12)
    crashing = [files[1], files[6], files[7]]
    for file in crashing:
        write(pathlib.Path(file), "CRASH")
    monkeypatch.setattr(reads, "CHUNK", 100)
    monkeypatch.setattr(reads, "read_files", crash.read_files)
    report = scan.scan([str(tmp_path)], workers=2)
    assert report.files == 9
    assert sorted(skipped[:2] for skipped in report.skipped) == [
        (file, "crashes the reader") for file in crashing
    ]
