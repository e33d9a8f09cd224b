"""Claims about files that commands write: whole or not at all, never the wrong one."""

import errno
import json
import os
import pathlib
import stat
import threading

import pytest

SYMBOL = ["explain", "tf.log", "--format", "json", "--output"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def explained(path):
    """Whether a file holds the whole of what SYMBOL writes."""
    return json.loads(pathlib.Path(path).read_text())["symbol"] == "tf.log"


def test_a_file_is_written_whole_and_like_any_other(tf_parity):
    assert tf_parity(*SYMBOL, "report.json") == (0, "", "")
    assert explained("report.json") and os.listdir() == ["report.json"]
    pathlib.Path("other").touch()
    modes = [os.stat(name).st_mode for name in ("report.json", "other")]
    assert modes[0] == modes[1]


def test_a_file_that_exists_keeps_its_mode(tf_parity):
    pathlib.Path("report.json").touch()
    os.chmod("report.json", 0o640)
    assert tf_parity(*SYMBOL, "report.json")[0] == 0
    assert explained("report.json")
    assert stat.S_IMODE(os.stat("report.json").st_mode) == 0o640


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_followed_and_stays(tf_parity, exists):
    os.mkdir("elsewhere")
    if exists:
        pathlib.Path("elsewhere/report.json").write_text('{"generator": "tf-parity"}')
    os.symlink("elsewhere/report.json", "link")
    os.symlink("link", "link to link")
    assert tf_parity(*SYMBOL, "link to link")[0] == 0
    assert os.readlink("link") == "elsewhere/report.json"
    assert explained("elsewhere/report.json")
    assert sorted(os.listdir()) == ["elsewhere", "link", "link to link"]
    assert os.listdir("elsewhere") == ["report.json"]


def test_a_device_is_written_to(tf_parity):
    os.symlink(os.devnull, "link")
    for path in (os.devnull, "link"):
        assert tf_parity(*SYMBOL, path) == (0, "", "")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode) and os.path.islink("link")


def test_a_pipe_is_written_to(tf_parity):
    os.mkfifo("pipe")
    read = []
    reader = threading.Thread(
        target=lambda: read.append(pathlib.Path("pipe").read_text())
    )
    reader.start()
    assert tf_parity(*SYMBOL, "pipe") == (0, "", "")
    reader.join(timeout=60)
    assert json.loads(read[0])["symbol"] == "tf.log"
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


def test_a_reader_of_a_pipe_may_leave(tf_parity):
    os.mkfifo("pipe")
    reader = threading.Thread(target=lambda: open("pipe").close())
    reader.start()
    code, out, err = tf_parity(*SYMBOL, "pipe")
    reader.join(timeout=60)
    assert (code, out, err) == (0, "", "")


def test_a_dash_is_stdout(tf_parity):
    code, out, err = tf_parity(*SYMBOL, "-")
    assert (code, err) == (0, "") and json.loads(out)["symbol"] == "tf.log"
    assert os.listdir() == []


def test_data_on_stdout_stand_alone(tf_parity):
    """What people read goes to stderr then."""
    export = pathlib.Path(__file__).parents[1] / "goldens/exported/graph_seed_only"
    code, out, err = tf_parity("seeds", export / "model.meta", "--json", "-")
    assert code == 0 and json.loads(out)["random_ops"]
    assert "Random ops of" in err and os.listdir() == []


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "same.json"])
def test_stdout_under_another_name_is_stdout(run_python, path):
    """A file that stdout goes to would else be replaced under the shell's hands."""
    root = pathlib.Path(__file__).parents[2]
    with open("same.json", "w") as stdout:
        done = run_python(
            "-m",
            "parity_tests",
            *SYMBOL,
            path,
            stdout=stdout,
            cwd=os.getcwd(),
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        assert os.path.samestat(os.fstat(stdout.fileno()), os.stat("same.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert explained("same.json")


def test_a_stream_for_errors_can_be_named_too(run_python):
    with open("errors", "w") as stderr:
        done = run_python("-m", "parity_tests", *SYMBOL, "/dev/stderr", stderr=stderr)
        assert os.path.samestat(os.fstat(stderr.fileno()), os.stat("errors"))
    assert (done.returncode, done.stdout) == (0, "")
    assert explained("errors") and os.listdir() == ["errors"]


# ------------------------------------------------------------------------------ refusals


def refused(tf_parity, *words):
    """The one line of a refusal, after which nothing has changed."""
    before = {path: path.read_bytes() for path in pathlib.Path().rglob("*.*")}
    code, out, err = tf_parity(*words)
    assert code == 2 and err.count("\n") == 1
    assert {path: path.read_bytes() for path in pathlib.Path().rglob("*.*")} == before
    return err


@pytest.mark.parametrize(
    "output", ["train.py", "link", "hard", "./train.py", "sub/b.py"]
)
@pytest.mark.parametrize("command", ["scan", "guide"])
def test_what_a_scan_reads_is_not_written_over(tf_parity, command, output):
    os.mkdir("sub")
    for path in ("train.py", "sub/b.py"):
        pathlib.Path(path).write_text("import tensorflow as tf\n")
    os.symlink("train.py", "link")
    os.link("train.py", "hard")
    err = refused(tf_parity, command, ".", "--output", output)
    assert f"--output must not name what the command reads. Received: {output}." in err


def test_what_a_scan_does_not_read_may_be_written_over(tf_parity):
    pathlib.Path("train.py").write_text("import tensorflow as tf\n")
    pathlib.Path("report.txt").touch()
    for _ in range(2):  # an empty file, then the report itself
        assert tf_parity("scan", ".", "--output", "report.txt")[0] == 0
        assert "1 file" in pathlib.Path("report.txt").read_text(encoding="utf-8")
    pathlib.Path("report.txt").write_text("import tensorflow as tf\n")
    assert "--output must not" in refused(
        tf_parity, "scan", "report.txt", "--output", "report.txt"
    )


@pytest.mark.parametrize(
    "words, option",
    [
        ("draft m.meta -o same.py --pair ./same.py", "--pair"),
        ("draft m.meta -o same.py --json same.py", "--json"),
        ("check pair.py --json same.py --worst-case same.py", "--worst-case"),
    ],
)
def test_two_options_do_not_name_one_file(tf_parity, words, option):
    for name in ("m.meta", "pair.py"):
        pathlib.Path(name).touch()
    code, out, err = tf_parity(*words.split())
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert f"{option} must not name the file of --" in err
    assert not os.path.exists("same.py")
    # A command that ended has its names free for the next one.
    assert tf_parity(*SYMBOL, "same.py")[0] == 0 and explained("same.py")


def test_other_inputs_are_not_written_over(tf_parity):
    golden = pathlib.Path(__file__).parents[1] / "goldens/resnet/golden.json"
    os.mkdir("data")
    for name in (
        "model.meta",
        "data/t10k-labels-idx1-ubyte.gz",
        "data/data_batch_1.bin",
    ):
        pathlib.Path(name).write_bytes(b"precious")
    for words in (
        ["seeds", "model.meta", "--json", "model.meta"],
        ["run", "--data", "data", "--json", "data/t10k-labels-idx1-ubyte.gz"],
        ["bench", "--data", "data", "--json", "data/data_batch_1.bin"],
        ["witness", "--stored", "--json", golden],
    ):
        assert "--json must not name what the command reads" in refused(
            tf_parity, *words
        )


@pytest.mark.parametrize(
    "path, says",
    [
        ("", "must name a file. Received: an empty text."),
        (".", "must name a file. Received: the folder .."),
        ("new/", "must name a file. Received: new/."),
        ("no/where.json", "(No such file or directory)"),
        ("file.txt/report.json", "(Not a directory)"),
        ("loop", "symbolic links)"),
        ("dangling", "(No such file or directory)"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(tf_parity, path, says):
    pathlib.Path("file.txt").write_text("old")
    os.symlink("loop", "loop")
    os.symlink("no/where", "dangling")
    for words in (SYMBOL, ["run", "--steps", "9999999", "--json"]):
        assert says in refused(tf_parity, *words, path)


@pytest.mark.usefixtures("permissions_bind")
@pytest.mark.parametrize("path", ["read only", "folder/new"])
def test_permissions_are_kept_to(tf_parity, path):
    pathlib.Path("read only").write_text('{"generator": "tf-parity"}')
    os.chmod("read only", 0o400)
    os.mkdir("folder", 0o500)
    assert "permission" in refused(tf_parity, *SYMBOL, path).lower()


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(tf_parity, monkeypatch, failing):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    pathlib.Path("report.json").write_text('{"generator": "tf-parity"}')
    monkeypatch.setattr(os, failing, full)
    err = refused(tf_parity, *SYMBOL, "report.json")
    assert "--output must name a file that can be written" in err
    assert "(No space left on device)" in err and os.listdir() == ["report.json"]


def test_a_limit_of_the_system_is_no_crash(run_python, tmp_path):
    program = (
        "import os, resource, sys\n"
        "sys.dont_write_bytecode = True  # half a file of it would stop every other run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "from parity_tests.__main__ import main; main()"
    )
    done = run_python("-c", program, *SYMBOL, tmp_path / "report.json")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "(File too large)" in done.stderr and os.listdir() == []


def test_colours_of_the_terminal_do_not_reach_a_file(tf_parity, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, out, _ = tf_parity("explain", "tf.log")
    assert "\x1b[" in out
    assert tf_parity("explain", "tf.log", "--output", "report.txt")[0] == 0
    assert "\x1b" not in pathlib.Path("report.txt").read_text(encoding="utf-8")
