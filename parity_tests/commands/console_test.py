"""Claims about what is printed on: its width, its quiet, and what shows while one waits."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import termios

import pytest

GREETINGS = re.compile(
    "before absl|oneDNN custom|cudart|cpu_feature_guard|mlir_graph|WARNING:"
)


@pytest.mark.parametrize(
    "columns, widest", [("60", 60), ("80", 80), ("", 100), ("x", 100)]
)
@pytest.mark.parametrize(
    "words", [["list"], ["explain", "tf.nn.dropout"], ["read", "resnet"]], ids=" ".join
)
def test_a_pipe_is_as_wide_as_columns_says(
    tf_parity, monkeypatch, words, columns, widest
):
    monkeypatch.setenv("COLUMNS", columns)
    _, out, _ = tf_parity(*words)
    assert max(map(len, out.splitlines())) == widest
    assert "\x1b" not in out  # no colours where there is no terminal


@pytest.mark.parametrize("columns, width", [("1", 40), ("9" * 30, 1000)])
def test_a_width_that_nothing_fits_is_not_taken(tf_parity, monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    _, out, _ = tf_parity("explain", "tf.log")
    assert max(map(len, out.splitlines())) <= width


@pytest.mark.parametrize("columns, width", [(72, 72), (20, 40)])
def test_a_pipe_into_a_pager_is_as_wide_as_its_terminal(started_python, columns, width):
    leader, follower = pty.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    with started_python(
        "-m", "parity_tests", "list", stderr=follower, env=environment
    ) as process:
        out, _ = process.communicate(timeout=60)
    os.close(leader)
    os.close(follower)
    assert max(map(len, out.splitlines())) == width and "\x1b" not in out


def on_a_terminal(started_python, *words, columns=80):
    """(exit code, all that a terminal of so many columns received)."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color"}
    received = b""
    with started_python(
        *words, stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        with contextlib.suppress(OSError):  # Linux's way to say that nobody is left
            while part := os.read(leader, 65536):
                received += part
        code = process.wait(timeout=60)
    os.close(leader)
    return code, received.decode()


RUN = ["run", "--chapter", "session_basics", "--level", "function", "--steps", "1"]


@pytest.mark.slow
def test_a_terminal_shows_what_is_waited_for(started_python):
    code, shown = on_a_terminal(started_python, "-m", "parity_tests", *RUN)
    assert code == 0
    assert shown.count("importing TensorFlow") > 3  # it moves while nothing else does
    assert shown.index("importing TensorFlow") < shown.index("session_basics")
    assert shown.endswith("all equal within budgets; 1 of 1 exactly.\x1b[0m\r\n")
    assert not GREETINGS.search(shown)


@pytest.mark.slow
def test_where_there_is_no_terminal_nothing_is_said_on_stderr(run_python):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = run_python("-m", "parity_tests", *RUN, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_the_tests_are_quiet_too(run_python, tmp_path):
    """Whatever imports TensorFlow first, in whatever process, conftest settles it."""
    (tmp_path / "quiet_test.py").write_text(
        "def test_quiet():\n    import tensorflow as tf\n    print(tf.constant(1) + 1)\n"
    )
    words = [
        "-m",
        "pytest",
        "-s",
        "-q",
        "-c",
        "pyproject.toml",
        "-p",
        "parity_tests.conftest",
    ]
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("TF_CPP")
    }
    done = run_python(*words, tmp_path / "quiet_test.py", env=environment)
    assert done.returncode == 0 and "tf.Tensor(2" in done.stdout
    assert not GREETINGS.search(done.stderr), done.stderr
