"""Claims about check, record and new-pair: what they print, write, and how they end."""

import json
import os
import pathlib
import shlex
import signal
import time

import jsonschema
import pytest

from parity_tests.commands import new_pair, time_limits
from parity_tests.commands.mistakes import UserError
from parity_tests.pair import small_pair

PAIR = """
from parity_tests.pair import small_pair
pair = small_pair.pair()
off = small_pair.pair(tf2=lambda: small_pair.model(momentum=0.8))
scaled = small_pair.pair(tf2=lambda: small_pair.model(scale=2.0))
"""
SCHEMA = json.loads(
    pathlib.Path(small_pair.__file__).with_name("check.schema.json").read_text()
)
STAGES = {"initial values", "outputs", "loss", "gradients", "slots", "updates"}


@pytest.fixture
def pair_file(tmp_path):
    path = tmp_path / "pair.py"
    path.write_text(PAIR)
    return path


def test_check_prints_the_table_of_run_and_writes_the_same_as_data(
    tf_parity, pair_file, tmp_path
):
    report, names = tmp_path / "report.json", tmp_path / "names.json"
    words = ["--level", "fit", "--json", report, "--save-names", names]
    code, out, err = tf_parity("check", pair_file, *words)
    assert code == 0, err
    data = json.loads(report.read_text())
    assert set(data) == {"generator", "environment", "pairs"}
    ((name, pair),) = data["pairs"].items()
    assert name == str(pair_file) and set(pair["levels"]["fit"]) == STAGES
    assert pair["first_divergence"] == {} and pair["steps"] == 3
    assert json.loads(names.read_text()) == {"dense/kernel": "dense/kernel"}
    heading = f"{pair_file}, 3 steps, loss {pair['result']['session']:.4g}"
    assert heading.replace(" ", "") in "".join(out.split())  # a long one is broken
    assert out.endswith(
        "\n1 pair, 1 level: all equal within budgets; 1 of 1 exactly.\n"
    )
    assert sorted(os.listdir(tmp_path)) == ["names.json", "pair.py", "report.json"]


def test_check_of_another_name_shows_where_it_parts_and_how_to_see_it_again(
    tf_parity, pair_file
):
    code, out, _ = tf_parity("check", f"{pair_file}:off", "--steps", 2)
    assert code == 1
    assert (
        "First divergence: step 2 (move 3 of the play), move train, slots, tensor dense/kernel/Mom"
        in out
    )
    whole = out.replace("\\\n", "")  # as a shell reads it
    line = next(line for line in whole.splitlines() if "reproduce" in line)
    code, again, _ = tf_parity(*shlex.split(line.split("tf-parity ")[1]))
    assert code == 1 and line.strip() in again.replace("\\\n", "")
    assert out.endswith("\n1 pair, 1 level: 1 of 1 diverges; 0 of 1 exactly equal.\n")


def test_a_recorded_play_is_checked_without_the_first_side(
    tf_parity, pair_file, tmp_path
):
    play = tmp_path / "play.npz"
    code, out, err = tf_parity("record", pair_file, "-o", play)
    assert code == 0, err
    assert "1 play of 5 moves" in out
    called = out.splitlines()[-1].removeprefix("tf-parity ")
    code, out, err = tf_parity(*shlex.split(called))
    assert code == 0, err
    assert "TF1's side:" in out
    code, out, _ = tf_parity("check", f"{pair_file}:off", "--play", play)
    assert code == 1 and "step 2 (move 3 of the play), move train, slots" in out
    code, _, err = tf_parity("check", pair_file, "--play", play, "--steps", 7)
    assert code == 2 and "--steps must be what was recorded. Received: 7" in err


@pytest.mark.parametrize("name, code", [("pair", 0), ("off", 1), ("scaled", 1)])
def test_the_report_is_what_its_schema_says(name, code, tf_parity, pair_file, tmp_path):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    report = tmp_path / "report.json"
    words = [f"{pair_file}:{name}", "--json", report]
    assert tf_parity("check", *words)[0] == code
    data = json.loads(report.read_text())
    jsonschema.validate(data, SCHEMA)
    (pair,) = data["pairs"].values()
    if code:
        assert pair["first_divergence"]["function"]["problem"] == "values differ"
        cause = pair["cause"]["function"]
        assert cause["whole"]
        assert pair["remedy"]["function"] == {
            "says": cause["change"],
            "chapter": cause["page"],
            "proven": True,
        }
        del pair["first_divergence"]["function"]["stage"]
        with pytest.raises(jsonschema.ValidationError, match="'stage' is a required"):
            jsonschema.validate(data, SCHEMA)


def test_a_check_writes_a_page_runs_of_tensorboard_and_the_worst_case(
    tf_parity, pair_file, tmp_path
):
    folder, logs, script = (
        tmp_path / "new" / "report",
        tmp_path / "runs",
        tmp_path / "w.py",
    )
    report = tmp_path / "report.json"
    words = ["--report", folder, "--logdir", logs, "--json", report, "--steps", 2]
    words += ["--worst-case", script, "--search-seconds", 600]
    code, out, err = tf_parity("check", f"{pair_file}:off", *words)
    assert code == 1, err
    assert os.listdir(folder) == ["index.html"]
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert (
        "The two sides part at step 2 (move 3 of the play), slots, dense/kernel/Momentum"
        in page
    )
    assert (
        "the cause is proven: tf1_semantics.optimizers.Momentum(momentum=0.8)" in page
    )
    assert f"tf-parity check {pair_file}:off --steps 2 --level function" in page
    assert "The remedy, proven." in page and "Read docs/guide/optimizers.md." in page
    # The layer's output is right, its weights are not; both sources are named.
    assert "<b>dense</b>" in page and 'output <b class="ok">0</b>' in page
    assert 'weights <b class="beyond">' in page
    assert sorted(os.listdir(logs)) == ["function", "tf1"]
    assert "has 2 moves and 8 numbers" in out
    data = json.loads(report.read_text())
    jsonschema.validate(data, SCHEMA)
    ((_, pair),) = data["pairs"].items()
    assert pair["worst_case"]["steps"] == 2 and "pair.batches" in script.read_text()
    # A page of ours may be written again; runs of TensorBoard would be mixed.
    code, _, err = tf_parity("check", pair_file, "--report", folder, "--steps", 1)
    assert code == 0, err
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "The two sides are equal to the last bit over 1 step, at level" in page
    code, _, err = tf_parity("check", pair_file, "--logdir", logs)
    assert code == 2 and "--logdir must name a folder without runs" in err


def test_nothing_of_the_users_is_written_over(tf_parity, pair_file, tmp_path):
    mine = tmp_path / "site" / "index.html"
    mine.parent.mkdir()
    mine.write_text("mine")
    refused = {
        ("--report", mine.parent): "without an index.html of yours",
        ("--report", pair_file): "--report must name a folder that can be made",
        ("--report", pair_file / "new"): "--report must name a folder that can be made",
        ("--logdir", pair_file): "--logdir must name a folder that can be made",
        ("--worst-case", pair_file): "must not name what the command reads",
        ("--search-seconds", 0): "--search-seconds must be a number from 1",
    }
    for words, said in refused.items():
        code, out, err = tf_parity("check", pair_file, *words)
        assert (code, out) == (2, "") and said in err, words
        assert len(err.splitlines()) == 1
    assert mine.read_text() == "mine" and pair_file.read_text() == PAIR
    assert sorted(os.listdir(tmp_path)) == ["pair.py", "site"]


def test_a_new_pair_runs_and_overwrites_nothing(tf_parity, tmp_path):
    folder = tmp_path / "new" / "folder"
    code, out, _ = tf_parity("new-pair", folder)
    assert code == 0 and os.listdir(folder) == [new_pair.NAME]
    called = shlex.split(out.splitlines()[-1].removeprefix("tf-parity "))
    code, out, err = tf_parity(*called, "--steps", 1, "--level", "function")
    assert code == 0, err
    assert "1 of 1 exactly" in out
    path = folder / new_pair.NAME
    path.write_text("mine")
    code, out, err = tf_parity("new-pair", folder)
    assert (code, out) == (2, "") and path.read_text() == "mine"
    assert "DIR must be a folder without a pair.py" in err
    assert tf_parity("new-pair", path)[0] == 2


BROKEN = {
    "a file that fails": (
        "import no_such_module\n",
        "No module named 'no_such_module'",
    ),
    "a file that ends Python": ("import sys; sys.exit(3)\n", "it ended Python"),
    "a file that is not Python": ("def pair(:\n", "SyntaxError"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_imported_shows_its_traceback_then_a_line(
    name, tf_parity, tmp_path
):
    source, said = BROKEN[name]
    path, report = tmp_path / "pair.py", tmp_path / "report.json"
    path.write_text(source)
    words = ["--json", report, "--report", tmp_path / "a", "--logdir", tmp_path / "b"]
    code, out, err = tf_parity("check", path, *words)
    *trace, line = err.splitlines()
    assert (code, out) == (2, "") and os.listdir(tmp_path) == ["pair.py"]
    assert trace[0].startswith("Traceback") and any(str(path) in text for text in trace)
    assert line.startswith(f"tf-parity: {path} must be a file that can be imported")
    assert said in line


@pytest.mark.parametrize(
    "words, said",
    [
        (["none.py"], "FILE.py must name a file. Received: none.py (no such file)"),
        (["{folder}"], "(a folder)"),
        (
            ["{pair}:other"],
            "no other. Use {pair}:pair, {pair}:off, {pair}:scaled",
        ),
        (["{pair}", "--seed", "1"], "--seed must go with batches of a Hypothesis str"),
        (["{pair}", "--examples", "2"], "--examples must go with batches of a Hypo"),
        (
            ["{pair}", "--steps", "9"],
            "batches must last for all steps. Received: 3 of 9",
        ),
        (
            ["{pair}", "--play", "none.npz"],
            "must be a file that tf-parity record wrote",
        ),
        (["{pair}", "--json", "{pair}"], "--json must not name what the command reads"),
    ],
)
def test_a_mistake_in_the_call_is_one_line(words, said, tf_parity, pair_file, tmp_path):
    where = {"pair": pair_file, "folder": tmp_path}
    words = [word.format(**where) for word in words]
    code, out, err = tf_parity("check", *words)
    assert (code, out) == (2, "") and len(err.splitlines()) == 1
    assert said.format(**where) in err
    assert os.listdir(tmp_path) == ["pair.py"]


def test_nan_on_both_sides_is_shown_and_is_a_mistake(tf_parity, tmp_path):
    path, report = tmp_path / "pair.py", tmp_path / "report.json"
    path.write_text(
        "from parity_tests.pair import small_pair\n"
        "batches = [(x * float('nan'), y) for x, y in small_pair.batches()]\n"
        "pair = small_pair.pair(batches=batches)\n"
    )
    code, out, err = tf_parity("check", path, "--json", report)
    assert code == 2 and "3 steps" in out
    assert out.endswith("\nNaN on both sides: nothing is proven.\n")
    assert "NaN on both sides, first at step 1, outputs, tensor y_pred" in err
    # Data says it as well, and is valid JSON all the same.
    ((_, pair),) = json.loads(report.read_text(), parse_constant=pytest.fail)[
        "pairs"
    ].items()
    assert pair["nan"] == {"step": 1, "stage": "outputs", "tensor": "y_pred"}
    jsonschema.validate(json.loads(report.read_text()), SCHEMA)


HANGING = """
import time
from parity_tests.pair import small_pair

def begin():
    open(__file__ + ".begun", "w").close()
    return 0.0

def tf1():
    begin()
    while True:
        time.sleep(0.1)

def waiting():
    import tensorflow.compat.v1 as tf
    built = small_pair.build()
    queue = tf.FIFOQueue(1, tf.float32, shapes=[[]])
    with tf.control_dependencies([tf.numpy_function(begin, [], tf.float64)]):
        built["train"] = {"op": built["train"]["op"], "loss": queue.dequeue()}
    return built

pair = small_pair.pair(tf1)
queue = small_pair.pair(waiting)
"""
# SIGINT is heard even where the parent ignores it.
CALL = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from parity_tests.commands.cli import main
main()
"""
# The time begins to count when what hangs has begun, however busy the machine is.
COUNTING_LATE = """
import os, signal, sys, threading, time
begun = sys.argv.pop()
Timer = threading.Timer

class Late(Timer):
    def run(self):
        while not os.path.exists(begun):
            time.sleep(0.05)
        super().run()

def alarm(_, seconds):
    if seconds:
        late = Late(seconds, os.kill, [os.getpid(), signal.SIGALRM])
        late.daemon = True
        late.start()

threading.Timer, signal.setitimer = Late, alarm
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pair", "queue"])
def test_what_hangs_ends_in_python_and_in_a_session_that_waits(
    name, run_python, tmp_path
):
    path, report = tmp_path / "pair.py", tmp_path / "report.json"
    path.write_text(HANGING)
    begun = f"{path}.begun"
    words = ["check", f"{path}:{name}", "--timeout", 1, "--json", report]
    words += ["--report", tmp_path / "page", "--logdir", tmp_path / "runs", begun]
    result = run_python("-c", COUNTING_LATE + CALL, *words)
    assert result.returncode == 2, result.stderr
    line = result.stderr.splitlines()[-1]
    assert "check must end within --timeout 1 seconds" in line
    assert sorted(os.listdir(tmp_path)) == ["pair.py", "pair.py.begun"]
    if name == "pair":
        assert f"{path}:" in line


def test_the_end_of_the_time_is_no_exception_of_theirs():
    swallowed = False
    said = "check must end within --timeout 0.2"
    with pytest.raises(UserError, match=said), time_limits.limited(0.2, "check"):
        try:
            time.sleep(60)
        except Exception:
            swallowed = True
    assert not swallowed


@pytest.mark.slow
def test_interrupting_ends_cleanly(started_python, tmp_path):
    path, report = tmp_path / "pair.py", tmp_path / "report.json"
    begun = tmp_path / "pair.py.begun"
    path.write_text(HANGING)
    words = ["check", path, "--json", report, "--report", tmp_path / "page"]
    words += ["--logdir", tmp_path / "runs", "--worst-case", tmp_path / "worst.py"]
    with started_python("-c", CALL, *words) as process:
        while not begun.exists() and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "tf-parity: interrupted."
    assert sorted(os.listdir(tmp_path)) == ["pair.py", "pair.py.begun"]


def test_the_source_of_a_small_pair_has_what_it_names():
    built = small_pair.SOURCE
    assert all(name in built for name in small_pair.NAMED["inputs"].values())
