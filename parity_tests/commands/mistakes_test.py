"""Claims about mistakes in a call: one line each, rule, received, remedy; exit code 2."""

import pathlib
import re

import pytest

MISTAKES = {
    "unknown command": (["rnu"], "Nearest: run."),
    "unknown bench": (["bench", "part"], "Nearest: parts"),
    "unknown option": (["run", "--stpes", "3"], "Received: --stpes. Nearest: --steps"),
    "unknown option of the group": (["--verison"], "Nearest: --version"),
    "unknown short option": (["run", "-j"], "Received: -j. See tf-parity run --help."),
    "no value": (
        ["run", "--json"],
        "must have a value. Received: none. See tf-parity run --help.",
    ),
    "a value too many": (
        ["scan", ".", "--all=3"],
        "--all must have no value. Received",
    ),
    "an argument too many": (
        ["list", "mlp", "all", "of"],
        "no more arguments. Received: all of",
    ),
    "a bench after options": (["bench", "--rounds", "1", "parts"], "Received: parts"),
    "no chapter": (["read"], "CHAPTER must be given. Received: none. Use for instance"),
    "no pair": (["check"], "FILE.py must be given. Received: none."),
    "no symbol": (["explain"], "SYMBOL must be given. Received: none."),
    "no path": (["guide"], "PATH must be given. Received: none."),
    "unknown chapter": (["run", "--chapter", "mnist_cn"], "Nearest: mnist_cnn"),
    "unknown chapter to read": (["read", "resnt"], "Nearest: resnet"),
    "unknown chapter to time": (["bench", "--chapter", "lenear"], "linear_regression"),
    "unknown level": (["run", "--level", "functoin"], "Nearest: function"),
    "unknown golden": (["witness", "--chapter", "mnist_cn"], "Nearest: mnist_cnn"),
    "unknown part": (["bench", "parts", "optimizers.Adan"], "Nearest: optimizers.Adam"),
    "unknown format": (["explain", "tf.log", "--format", "jso"], "Nearest: json"),
    "unknown fault": (
        ["run", "--chapter", "linear_regression", "--fault", "wrong_rat"],
        "Nearest: wrong_rate",
    ),
    "a fault of no chapter": (
        ["run", "--fault", "x"],
        "Received: all of them. x is no chapter's; tf-parity list CHAPTER lists",
    ),
    "a fault of two chapters": (
        ["run", "--chapter", "resnet", "--chapter", "mnist_cnn", "--fault", "x"],
        "Received: 2 of them: resnet, mnist_cnn. x is no chapter's",
    ),
    "a fault of one of two chapters": (
        [
            "run",
            "--chapter",
            "resnet",
            "--chapter",
            "vae",
            "--fault",
            "stride_on_the_3x3",
        ],
        "Received: 2 of them: resnet, vae. Give only --chapter resnet.",
    ),
    "a fault of neither of two chapters": (
        ["run", "--chapter", "mlp", "--chapter", "vae", "--fault", "stride_on_the_3x3"],
        "Received: 2 of them: mlp, vae. Give --chapter resnet.",
    ),
    "a fault of some chapter": (
        ["run", "--fault", "stride_on_the_3x3"],
        "Received: all of them. Give --chapter resnet.",
    ),
    "a fault of another chapter": (
        ["run", "--chapter", "mnist_cnn", "--fault", "stride_on_the_3x3"],
        "--fault must be one of mnist_cnn's. Received: stride_on_the_3x3, which is of "
        "resnet. Use --chapter resnet, or one of: keras_truncated_normal, ",
    ),
    "a level that a chapter lacks": (
        ["run", "--chapter", "input_queues", "--level", "fit"],
        "--level must be one at which input_queues is run. Received: fit. "
        "Use --level eager, or another chapter.",
    ),
    "a level that a chapter lacks, beside one that it has": (
        ["run", "--chapter", "input_queues", "--level", "function", "--level", "eager"],
        "Received: function. Use --level eager",
    ),
    "no folder": (["new-pair", ""], "Received: an empty text ("),
    "no file": (["check", ""], "Received: an empty text (no such file)."),
    "no play": (["record", "", "-o", ""], "Received: an empty text"),
    "no path to scan": (["scan", ""], "Received: an empty text (no such file)."),
    "no name for a report": (["run", "--json", ""], "Received: an empty text."),
    "no folder for a page": (["run", "--report", ""], "Received: an empty text"),
    "no folder for curves": (["run", "--logdir", ""], "Received: an empty text"),
    "no export": (["seeds", ""], "Received: an empty text (no such file)."),
    "no checkpoint": (["inspect", ""], "Received: an empty text"),
    "no model": (["draft", "", "-o", "twin.py"], "Received: an empty text"),
    "no name for a twin": (["draft", "/no.meta", "-o", ""], "Received: an empty text"),
    "no steps": (["run", "--steps", "0"], "--steps must be a whole number from 1 to "),
    "negative steps": (["run", "--steps", "-3"], "Received: -3. Use for instance"),
    "steps for ever": (["run", "--steps", "9" * 20], f"Received: {'9' * 20}."),
    "steps without end": (["run", "--steps", "9" * 5000], f"{'9' * 80}…. Use"),
    "no batch": (["run", "--batch-size", "0"], "--batch-size must be a whole number"),
    "steps that are no number": (["run", "--steps", "ten"], "Received: ten."),
    "negative seed": (["run", "--seed", "-1"], "--seed must be a whole number from 0"),
    "too large a seed": (["run", "--seed", str(2**32)], "Received: 4294967296."),
    "a seed that is a float": (["run", "--seed", "1.0"], "Received: 1.0."),
    "no width": (["read", "resnet", "--width", "0"], "--width must be a whole number"),
    "one column": (["read", "resnet", "--width", "1"], "from 40 to 1,000"),
    "a width without end": (["read", "resnet", "--width", "99999999999"], "to 1,000"),
    "no rounds": (["bench", "--rounds", "0"], "--rounds must be a whole number"),
    "no seconds": (["bench", "--seconds", "0"], "--seconds must be a number from 0.01"),
    "seconds that are no number": (["bench", "--seconds", "nan"], "Received: nan."),
    "seconds for ever": (["bench", "--seconds", "inf"], "Received: inf."),
    "no rows": (["bench", "parts", "--rows", "0"], "--rows must be a whole number"),
    "too many rows": (["bench", "parts", "--rows", "9" * 9], "to 4,000,000"),
    "an option of chapters for parts": (
        ["bench", "parts", "--seconds", "1"],
        "--seconds",
    ),
    "an option of parts for chapters": (["bench", "--rows", "10"], "Received: --rows"),
    "the old way to parts": (["bench", "--parts"], "Use tf-parity bench parts."),
    "the old way to a part": (
        ["bench", "--part", "x"],
        "Use tf-parity bench parts PART.",
    ),
    "the old way to comparison": (
        ["bench", "--comparison"],
        "tf-parity bench comparison",
    ),
    "the old way to explain": (
        ["scan", "--explain", "tf.log"],
        "Use tf-parity explain SYMBOL.",
    ),
    "a grouping of JSON": (
        ["scan", ".", "--by", "file", "--format", "json"],
        "--by must go with --format terminal. Received: --by file --format json.",
    ),
    "nothing to keep": (["witness", "--stored", "--keep", "x"], "Received: --stored"),
    "unwritable report": (["run", "--json", "/no/such/folder/r.json"], "Received: /no"),
    "a folder as report": (["run", "--json", "/"], "--json must name a file"),
    "no such export": (["seeds", "/no/model.meta"], "(no such file). Name what"),
    "a folder as export": (["seeds", "/"], "Received: / (a folder). Name what"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(tf_parity, mistake):
    words, expected = MISTAKES[mistake]
    code, out, err = tf_parity(*words)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("tf-parity: ") and expected in err
    assert re.search(r"Received: .+?\. \S", err), "rule, received, remedy"
    assert "Traceback" not in err


def test_every_option_is_checked_before_tensorflow_is_imported(run_python):
    """What can be known wrong at once is not said after five seconds."""
    late = {"no such export", "a folder as export"}
    calls = [words for name, (words, _) in MISTAKES.items() if name not in late]
    program = (
        "import sys\n"
        "from parity_tests.commands import cli\n"
        f"for words in {calls!r}:\n"
        "    sys.argv = ['tf-parity', *words]\n"
        "    try: cli.main()\n"
        "    except SystemExit as stop: assert stop.code == 2, words\n"
        "    assert 'tensorflow' not in sys.modules, words\n"
    )
    done = run_python("-c", program)
    assert done.returncode == 0, done.stderr


def test_what_would_steer_the_terminal_is_shown_as_its_escape(
    tf_parity, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    name = "\x1b[31m\x07\u202e\nred.py"
    pathlib.Path(name).write_text("import tensorflow as tf\ntf.layers.dense(1, 2)\n")
    code, out, _ = tf_parity("scan", name)
    assert code == 0 and "red.py" in out
    assert not re.search("[\x1b\x07\u202e]", out)
    code, _, err = tf_parity("scan", ".", "--output", f"no{name}/x")
    assert code == 2 and err.count("\n") == 1
    assert r"no\x1b[31m\x07\u202e\nred.py/x" in err


@pytest.mark.parametrize(
    "words, remedy",
    [
        (["explain", ""], "Write it as tf.log."),
        (["explain", " "], "Write it as tf.log."),
        (["scan", ""], "Use for instance . for all of this folder."),
        (["guide", ""], "Use for instance . for all of this folder."),
        (["read", ""], "Known: "),
        (["list", ""], "Known: "),
        (["scan", ".", "--format", ""], "Known: terminal"),
        (["scan", ".", "--fail-on", ""], "Known: "),
    ],
    ids=" ".join,
)
def test_what_was_received_is_said_even_if_it_is_nothing(words, remedy, tf_parity):
    code, _, err = tf_parity(*words)
    assert code == 2 and "Received: an empty text" in err
    assert remedy in err and "Nearest" not in err


@pytest.mark.parametrize("symbol", [".", "tf", "tf.", "tf..", " tf. "])
def test_nothing_is_near_to_what_names_nothing(symbol, tf_parity):
    code, _, err = tf_parity("explain", symbol)
    assert code == 2 and f"Received: {symbol.strip()}. Write it as tf.log." in err
