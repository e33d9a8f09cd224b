"""Claims about code of the user's that ends Python or fails: it is told, and where."""

import os
import sys
import threading

import keras
import pytest
import tensorflow as tf

from parity_tests.pair import errors, small_pair, tf1_sides, tracebacks
from parity_tests.pair.errors import SideFailed

# A user's file; {place} is where Python is ended, by {ends}.
SOURCE = """
import os, sys

import tensorflow as tf

from parity_tests.pair import small_pair


def ends(place):
    if place == {place!r}:
        {ends}


class Layer(tf.keras.layers.Layer):
    armed = False

    def call(self, x):
        if self.armed:
            ends("layer")
        return x


def tf1():
    ends("tf1")
    return small_pair.build()


def tf2():
    ends("tf2")
    model = small_pair.model()
    layer = Layer()
    x = tf.keras.Input([3], name="x")
    outer = tf.keras.Model(x, model(layer(x)))
    outer.compile(model.optimizer, model.loss, jit_compile=False)
    layer.armed = True
    return outer


def batches():
    yield from small_pair.batches()
    ends("batches")


def pair():
    ends("pair")
    return small_pair.pair(tf1, tf2, batches=batches)


ends("import")
"""


@pytest.fixture
def ending(tmp_path):
    """Writes a file that ends Python in a place, by a statement."""

    def write(place, ends="sys.exit(0)"):
        path = tmp_path / "ending.py"
        path.write_text(SOURCE.format(place=place, ends=ends))
        return path

    return write


def test_the_same_file_is_equal_where_nothing_ends_python(tf_parity, ending):
    code, out, err = tf_parity("check", ending("nowhere"), "--steps", 1)
    assert code == 0, err
    assert "1 of 1 exactly" in out


@pytest.mark.parametrize("place", ["import", "pair", "tf1", "tf2", "batches", "layer"])
def test_what_ends_python_is_a_mistake_wherever_it_is_called(tf_parity, ending, place):
    path = ending(place)
    code, _, err = tf_parity("check", path)
    *trace, line = err.splitlines()
    assert code == 2
    assert "it ended Python, sys.exit(0)" in line
    assert trace[0] == errors.HEADING.strip() and f'File "{path}"' in err


@pytest.mark.parametrize("place", ["import", "pair", "tf1", "batches"])
def test_a_recording_says_so_too_and_writes_nothing(tf_parity, ending, place, tmp_path):
    play = tmp_path / "play.npz"
    code, _, err = tf_parity("record", ending(place, "sys.exit('bye')"), "-o", play)
    assert code == 2 and "it ended Python, sys.exit('bye')" in err
    assert os.listdir(tmp_path) == ["ending.py"]


@pytest.mark.parametrize("place", ["import", "tf1"])
def test_os_exit_is_no_end_without_a_word(tf_parity, ending, place):
    kept = os._exit
    code, _, err = tf_parity("check", ending(place, "os._exit(0)"))
    assert code == 2 and "it ended Python, os._exit(0)" in err
    assert os._exit is kept


def test_os_exit_still_ends_what_is_not_the_users_code(run_python):
    """A child that was forked, and another thread: as when the time is over."""
    threads = "threading.Thread(target=os._exit, args=[4]).start(); time.sleep(60)"
    for code, ends in (
        (3, "pid = os.fork(); pid or os._exit(3); status = os.waitpid(pid, 0)[1]"),
        (4, threads),
    ):
        called = (
            "import os, sys, threading, time\n"
            "from parity_tests.pair.errors import theirs\n"
            f"with theirs('it must end'):\n    {ends}\n"
            "os._exit(os.WEXITSTATUS(status))"
        )
        assert run_python("-c", called).returncode == code


@pytest.mark.slow
@pytest.mark.parametrize(
    "ends, said",
    [
        (
            "sys.exit(0)",
            "tf1 must build its graph. Received: it ended Python, sys.exit(0)",
        ),
        ("os._exit(0)", "it ended Python, os._exit(0)"),
        (
            "os.kill(os.getpid(), 9)",
            "process of the TF1 side must end well, its play recorded. Received: signal 9",
        ),
        (
            "os.execv('/bin/true', ['true'])",
            "must end well, its play recorded. Received: exit code 0",
        ),
    ],
)
def test_a_process_of_its_own_that_ends_is_told(tmp_path, ends, said):
    path = tmp_path / "program.py"
    path.write_text(f"import os, sys\ndef build():\n    {ends}\n")
    with pytest.raises(SideFailed) as failed:
        small_pair.pair(f"{path}:build").check()
    assert said in str(failed.value) and "play.npz" not in str(failed.value)


def test_a_traceback_has_the_users_frames_alone(tf_parity, tmp_path):
    path = tmp_path / "pair.py"
    path.write_text("import helper_of_the_pair\n")
    helper = tmp_path / "helper_of_the_pair.py"
    helper.write_text("def f():\n    import json\n    json.loads('{')\nf()\n")
    try:
        code, _, err = tf_parity("check", path)
    finally:
        sys.modules.pop("helper_of_the_pair", None)
    files = [line for line in err.splitlines() if line.startswith("  File ")]
    assert code == 2
    assert [line.split('"')[1] for line in files] == [
        str(path),
        str(helper),
        str(helper),
    ]


@pytest.mark.slow
def test_what_tensorflow_logs_is_no_part_of_what_the_process_said(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        "import sys\n"
        "def build():\n"
        "    sys.stderr.write('WARNING: All log messages before absl::InitializeLog()\\n"
        "E0000 00:00:1700.1 12 cuda_dnn.cc:8310] Unable to register\\n"
        "2024-01-01 10:00:00.123456: I tensorflow/core/util/port.cc:113] oneDNN\\n"
        "mine\\n')\n"
        "    raise KeyError('x')\n"
    )
    with pytest.raises(SideFailed) as failed:
        small_pair.pair(f"{path}:build").check()
    assert failed.value.trace.startswith(f"mine\n{errors.HEADING}")


def test_only_lines_of_the_user_are_named(tmp_path):
    """What called the comparison, a launcher of scripts say, made no op."""
    launcher = tmp_path / "bin" / "launcher"
    model = tmp_path / "model.py"
    space = {"Graph": tf.Graph, "constant": tf.constant}
    harness = os.path.join(errors.OURS[0], "pair", "checking.py")

    def run(source, path, **names):
        exec(compile(source, path, "exec"), {**space, **names})

    for inner, named in ((str(model), f"{model}:2"), (keras.__file__, None)):
        made = []

        def build(inner=inner, made=made):
            run("\nmade.append(constant(1.0, name='one'))", inner, made=made)

        def check(build=build):
            run("build()", harness, build=build)

        with tf.Graph().as_default():
            run("check()", str(launcher), check=check)
            run("\nmade.append(constant(2.0))", str(model), made=made)
        assert tracebacks.line_of(made[0].op) == named


def test_a_thread_that_was_forked_off_is_no_reason_to_ignore_ends():
    ended = []

    def call():
        with pytest.raises(SideFailed), errors.theirs("it must not end"):
            os._exit(1)
        ended.append(True)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert ended


@pytest.mark.parametrize("form", ["{}.py", "{}/__init__.py"])
def test_a_module_beside_one_pair_is_not_that_beside_the_next(tmp_path, form):
    name = "model_beside_a_pair"
    try:
        for number in range(2):
            path = tmp_path / str(number) / form.format(name)
            path.parent.mkdir(parents=True)
            path.write_text(f"count = {number}\n")
            pair = tmp_path / str(number) / "pair.py"
            pair.write_text(f"import {name}\n")
            loaded = [vars(tf1_sides.load(pair))[name] for _ in range(2)]
            assert loaded[0] is loaded[1] and loaded[0].count == number
    finally:
        sys.modules.pop(name, None)
