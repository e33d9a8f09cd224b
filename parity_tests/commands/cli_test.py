"""Claims about the command line as a whole: how commands are found, how they end."""

import contextlib
import os
import pathlib
import signal
import tempfile
import threading

import pytest

import parity_tests.commands
from parity_tests.commands import cli
from parity_tests.commands.help_test import COMMANDS, EVERY_CALL
from parity_tests.models import reading

FOLDER = pathlib.Path(parity_tests.commands.__file__).parent


def spoken(value):
    """A test id of words; None, for pytest's own, of anything else."""
    return " ".join(value) if isinstance(value, list) else None


def test_a_command_is_found_by_its_file():
    modules = {
        path.stem
        for path in FOLDER.glob("*.py")
        if not path.stem.endswith("_test") and path.stem != "__init__"
    }
    commands = {name.replace("-", "_") for name in COMMANDS}
    assert modules == commands | set(cli.SHARED)
    for name, command in COMMANDS.items():
        assert command.name == name and 2 <= len(command.examples) <= 4


def test_neither_help_nor_list_import_what_they_do_not_need(run_python):
    program = (
        "import sys\n"
        "from parity_tests.commands import cli\n"
        f"for words in {[*EVERY_CALL, []]!r}:\n"
        "    sys.argv = ['tf-parity', *words, '--help']\n"
        "    try: cli.main()\n"
        "    except SystemExit as stop: assert not stop.code\n"
        "heavy = {'tensorflow', 'keras', 'hypothesis'}\n"
        "unneeded = {*heavy, 'numpy', 'tf1_graph'} & set(sys.modules)\n"
        "assert not unneeded, unneeded\n"
        "sys.argv = ['tf-parity', 'list']\n"
        "try: cli.main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert not heavy & set(sys.modules)"
    )
    done = run_python("-c", program)
    assert done.returncode == 0, done.stderr
    assert "session_basics" in done.stdout and "resnet" in done.stdout


@pytest.mark.parametrize(
    "module", ["parity_tests", "parity_tests.commands.cli"], ids=lambda module: module
)
def test_the_package_is_a_command_too(module, run_python):
    done = run_python("-m", module, "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "session_basics" in done.stdout


IMPORTING = """
import sys
class Finder:
    def find_spec(self, name, *_):
        if name == "rich":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
from parity_tests.__main__ import main
main()
"""


def test_an_interrupt_while_it_is_imported_ends_cleanly_too(run_python):
    done = run_python("-c", IMPORTING)
    assert (done.returncode, done.stderr) == (130, "tf-parity: interrupted.\n")


# ------------------------------------------------------------------------------- defects


def test_a_defect_exits_70_and_says_where_its_traceback_is(
    tf_parity, monkeypatch, tmp_path
):
    def broken(name, width):
        raise KeyError(f"{name}\nof {width}")

    monkeypatch.setattr(reading, "side_by_side", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code, out, err = tf_parity("read", "resnet", "--width", "77")
    assert (code, out) == (70, "")
    (path,) = tmp_path.iterdir()
    assert err == (
        "tf-parity: KeyError: 'resnet\\nof 77'. This is a defect of tf-parity; "
        f"its traceback is in {path}.\n"
    )
    report = path.read_text(encoding="utf-8")
    assert "arguments: ['read', 'resnet', '--width', '77']" in report
    assert "Traceback (most recent call last)" in report and "in broken" in report


def test_where_no_file_takes_the_traceback_it_is_shown(tf_parity, monkeypatch):
    def full(**_):
        raise OSError("no room")

    monkeypatch.setattr(reading, "side_by_side", None)
    monkeypatch.setattr(tempfile, "mkstemp", full)
    code, _, err = tf_parity("read", "resnet")
    assert code == 70
    assert err.startswith("Traceback ") and "no file would take" in err


# ------------------------------------------------------------------ signals, pipes, disks


OLD = '{"generator": "tf-parity"}'  # else it would not be replaced at all

# A scan that never ends: it says that it is at work, and with "write" reaches the moment
# in which its file is half written. SIGINT is heard even where the parent ignores it.
AT_WORK = """
import os, signal, sys, time
# Whatever the shell ignores, as nohup does a hang-up, its children would ignore.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from parity_tests.commands import cli
from tf2_keras.migrate import scan
def pause(*_, **__):
    print("at work", flush=True)
    time.sleep(600)
if os.environ.get("PAUSE") == "write":
    os.fsync = pause
else:
    scan.scan = pause
cli.main()
"""


@pytest.mark.parametrize("pause", ["scan", "write"])
@pytest.mark.parametrize(
    "number, code, says",
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "terminated"),
    ],
)
def test_a_signal_ends_cleanly_and_leaves_nothing(
    started_python, tmp_path, number, code, says, pause
):
    (tmp_path / "train.py").write_text("import tensorflow as tf\n")
    (tmp_path / "report.json").write_text(OLD)
    words = ["scan", tmp_path / "train.py", "--format", "json"]
    words += ["--output", tmp_path / "report.json"]
    environment = {**os.environ, "PAUSE": pause}
    with started_python("-c", AT_WORK, *words, env=environment) as process:
        assert process.stdout.readline() == "at work\n"
        assert len(os.listdir(tmp_path)) == (3 if pause == "write" else 2)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "", f"tf-parity: {says}.\n")
    assert sorted(os.listdir(tmp_path)) == ["report.json", "train.py"]
    assert (tmp_path / "report.json").read_text() == OLD


TRAINING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from parity_tests.commands import cli, console
console.import_tensorflow()
from parity_tests.models import runner
run_chapter = runner.run_chapter
def told(request, on_progress, *others):
    def progress():
        print("at work", flush=True)
        on_progress()
    return run_chapter(request, progress, *others)
runner.run_chapter = told
cli.main()
"""


@pytest.mark.slow
def test_interrupting_a_training_ends_cleanly(started_python, tmp_path):
    words = [
        "run",
        "--chapter",
        "mnist_cnn",
        "--steps",
        "100000",
        "--level",
        "function",
    ]
    words += ["--json", tmp_path / "report.json"]
    with started_python("-c", TRAINING, *words) as process:
        for _ in range(3):
            assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "tf-parity: interrupted.\n")
    assert os.listdir(tmp_path) == []


BUSY = """
import signal, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from parity_tests.commands import cli
from tf2_keras.migrate import scan
def busy(*_, **__):
    while True:
        print("at work", flush=True)
        time.sleep(0.01)
scan.scan = busy
cli.main()
"""


def test_under_nohup_a_hangup_is_ignored(started_python, tmp_path):
    with started_python("-c", BUSY, "scan", tmp_path) as process:
        assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGHUP)
        for _ in range(100):
            assert process.stdout.readline() == "at work\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    "words, code",
    [
        (["list"], 0),
        (["read", "resnet"], 0),
        (["--help"], 0),
        (["explain", "tf.log", "--format", "json"], 0),
        (["scan", ".", "--fail-on", "gone"], 1),
    ],
    ids=spoken,
)
def test_a_reader_that_goes_away_changes_nothing(started_python, tmp_path, words, code):
    (tmp_path / "train.py").write_text(
        "import tensorflow as tf\ntf.layers.dense(1, 2)\n"
    )
    reading_end, writing_end = os.pipe()
    os.close(reading_end)  # as `| head -0` does
    words = [tmp_path if word == "." else word for word in words]
    with started_python("-m", "parity_tests", *words, stdout=writing_end) as process:
        os.close(writing_end)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has this device")
@pytest.mark.parametrize(
    "words",
    [["list"], ["--help"], ["explain", "tf.log", "--output", "-"]],
    ids=spoken,
)
def test_a_full_disk_under_stdout_is_one_line(run_python, words):
    with open("/dev/full", "w") as full:
        done = run_python("-m", "parity_tests", *words, stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith("tf-parity: Standard output must ")
    assert "No space left" in done.stderr and done.stderr.count("\n") == 1


def test_a_closed_stdout_is_one_line(run_python):
    # As Python has it after >&-.
    program = "import sys; sys.stdout = None; from parity_tests import __main__ as m; m.main()"
    done = run_python("-c", program, "list")
    assert done.returncode == 2
    assert done.stderr.startswith("tf-parity: Standard output must be open. Received: ")
    assert done.stderr.count("\n") == 1


def test_what_an_encoding_lacks_is_no_crash(run_python):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for words in (["list"], ["read", "resnet"], ["explain", "tf.nn.dropout"]):
        done = run_python("-m", "parity_tests", *words, env=environment)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_handlers_of_a_caller_are_given_back(tf_parity):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    tf_parity("list")
    after = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    assert before == after


def test_a_thread_may_call_it(monkeypatch, capfd):
    monkeypatch.setattr("sys.argv", ["tf-parity", "list"])
    codes = []

    def call():
        with contextlib.suppress(SystemExit):
            cli.main()
            return
        codes.append("ended")

    thread = threading.Thread(target=call)
    thread.start()
    thread.join(timeout=60)
    assert codes == ["ended"] and "session_basics" in capfd.readouterr().out
