"""Claims about reading files: nothing stops a scan, and places are those of the file."""

import os
import pathlib
import subprocess
import sys

import pytest

from parity_tests.migrate import crash
from parity_tests.migrate.programs import TF, places, write
from tf2_keras.migrate import names, reads, scan, sources

ROOT = pathlib.Path(__file__).parents[2]


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
        [sys.executable, "-c", program],
        timeout=600,
        check=True,
        env=environment,
        cwd=ROOT,
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_what_is_named_and_is_not_there_or_no_file_is_refused(tmp_path):
    (tmp_path / "nowhere.py").symlink_to(tmp_path / "missing.py")
    os.mkfifo(tmp_path / "pipe.py")
    for name in ("nowhere.py", "pipe.py"):
        with pytest.raises(scan.UnreadPath):
            scan.scan([str(tmp_path / name)])


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


@pytest.mark.slow
@pytest.mark.parametrize("count", [300, 700])
@pytest.mark.parametrize("kind", DEEP)
def test_deep_code_is_read(kind, count, tmp_path):
    limit = sys.getrecursionlimit()
    write(tmp_path / "deep.py", TF + DEEP[kind](count))
    report = scan.scan([str(tmp_path)])
    logs = [finding for finding in report.findings if finding.symbol == "tf.log"]
    assert not report.skipped and len(logs) == count
    assert sys.getrecursionlimit() == limit


def test_what_is_too_deep_even_so_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(reads, "DEEP_CALLS", 2000)
    write(tmp_path / "deep.py", TF + DEEP["sum"](3000))
    write(tmp_path / "good.py", TF + "tf.log(1)")
    report = scan.scan([str(tmp_path)])
    assert report.files == 1
    assert report.summary()["skipped"] == {"nested too deeply": 1}


def test_where_no_deep_stack_is_granted_only_deep_files_are_skipped(
    tmp_path, monkeypatch
):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    limit = sys.getrecursionlimit()
    monkeypatch.setattr(reads.threading.Thread, "start", refuse)
    write(tmp_path / "deep.py", TF + DEEP["sum"](3000))
    write(tmp_path / "good.py", TF + "tf.log(1)")
    report = scan.scan([str(tmp_path)])
    assert report.files == 1 and sys.getrecursionlimit() == limit
    assert report.summary()["skipped"] == {"nested too deeply": 1}


@pytest.mark.parametrize("name, megabytes", [("huge.py", 2), ("huge.ipynb", 20)])
def test_huge_files_are_counted(tmp_path, monkeypatch, name, megabytes):
    write(tmp_path / name, '{"cells": []}')
    for size, expected in (
        (megabytes * 2**20, []),
        (megabytes * 2**20 + 1, [("huge", f"more than {megabytes} MB")]),
    ):
        monkeypatch.setattr(sources.os.path, "getsize", lambda _, size=size: size)
        skipped = scan.scan([str(tmp_path)], workers=1).skipped
        assert [(reason, told) for _, reason, told, *_ in skipped] == expected


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


def test_a_link_back_to_what_was_named_is_skipped(tmp_path):
    write(tmp_path / "x.py", TF + "tf.log(1)")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    report = scan.scan([str(tmp_path)])
    assert report.files == 1 and len(report.findings) == 1
    assert report.summary()["skipped"] == {"symlink loop": 2}
    # Named itself, it is refused.
    (tmp_path / "itself.py").symlink_to(tmp_path / "itself.py")
    with pytest.raises(scan.UnreadPath, match="symlink loop.*Name a file or a folder"):
        scan.scan([str(tmp_path / "itself.py")])


@pytest.mark.parametrize("text, lines", [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2)])
def test_lines_are_counted(text, lines, tmp_path):
    write(tmp_path / "x.py", text)
    assert scan.scan([str(tmp_path)]).lines == lines


def test_folders_are_searched_in_order_however_deep(tmp_path):
    folder = tmp_path
    for name in ("a", "b.py", "c"):
        (tmp_path / f"{name}_").mkdir()
        write(tmp_path / f"{name}_" / "x.py", TF)
        write(tmp_path / f"{name}.py", TF)
    depth = sys.getrecursionlimit() + 100
    try:
        for _ in range(depth):
            folder = folder / "d"
            folder.mkdir()
        write(folder / "deep.py", TF + "tf.log(1)")
        files, skipped = sources.find([str(tmp_path)])
    except OSError:
        pytest.skip("this system has no paths as long as that")
    finally:  # what clears up after tests calls itself for each folder
        (folder / "deep.py").unlink(missing_ok=True)
        while folder != tmp_path:
            folder.rmdir()
            folder = folder.parent
    assert [os.path.relpath(file, tmp_path) for file in files] == [
        "a.py",
        "a_/x.py",
        "b.py.py",
        "b.py_/x.py",
        "c.py",
        "c_/x.py",
        "d/" * depth + "deep.py",
    ]
    assert skipped == []


@pytest.mark.usefixtures("permissions_bind")
def test_unreadable_folders_and_files_are_counted(tmp_path):
    write(tmp_path / "closed.py", TF).chmod(0)
    write(tmp_path / "open.py", TF + "tf.log(1)")
    (tmp_path / "closed").mkdir(0)
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
