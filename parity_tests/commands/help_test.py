"""Claims about the help of each command, and about what a shell completes."""

import re

import pytest

from parity_tests.commands import cli, declared, options, scan
from parity_tests.models import chapters

COMMANDS = cli.commands.commands
BENCHES = COMMANDS["bench"].commands
EVERY_CALL = [[name] for name in COMMANDS] + [["bench", name] for name in BENCHES]


def spoken(words):
    """A test id."""
    return " ".join(["tf-parity", *words])


def called(words):
    """The click command that these words name."""
    command = cli.commands
    for word in words:
        command = command.commands[word]
    return command


@pytest.mark.parametrize("words", [*EVERY_CALL, []], ids=spoken)
def test_help_fits_80_columns_and_cuts_nothing(words, tf_parity, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = tf_parity(*words, "--help")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert not re.search(r"[a-z]\.\.\.$", out, re.M)
    assert "Examples:\n" in out


@pytest.mark.parametrize("words", EVERY_CALL, ids=spoken)
def test_examples_of_the_help_are_calls_that_exist(words):
    command = called(words)
    for example in command.examples:
        program, *rest = example.split()
        assert program == "tf-parity"
        with cli.commands.make_context("tf-parity", rest, resilient_parsing=True):
            pass  # an unknown command or option would have raised
        for option in re.findall(r"--[\w-]+", example):
            assert any(option in known.opts for known in _options_of(rest)), example


def _options_of(words):
    """The options of the command that words call, bench's default included."""
    if words[0] == "bench":
        name = words[1] if words[1:2] and words[1] in BENCHES else "chapters"
        return BENCHES[name].params
    return COMMANDS[words[0]].params


@pytest.mark.parametrize(
    "words, names",
    [
        (["run"], [*chapters.NAMES, *options.LEVELS]),
        (["check"], options.LEVELS),
        (["read"], chapters.NAMES),
        (["witness"], chapters.NAMES),
        (["bench", "chapters"], chapters.NAMES),
        (["bench", "parts"], declared.optimizers()),
        (["scan"], ["terminal", "json", "sarif", "html", "symbol", *scan.FAIL_ON]),
        (["explain"], ["terminal", "json"]),
        (["guide"], ["terminal", "json"]),
    ],
)
def test_help_lists_every_name_that_a_command_knows(words, names, tf_parity):
    _, out, _ = tf_parity(*words, "--help")
    listed = out.partition("-h, --help")[2]
    assert set(names) <= set(re.findall(r"[\w.]+", listed))


def test_help_says_where_the_faults_of_a_chapter_are_listed(tf_parity):
    _, out, _ = tf_parity("run", "--help")
    assert "Faults:\n  those of a chapter: tf-parity list CHAPTER\n" in out


@pytest.mark.parametrize("name", chapters.NAMES)
def test_list_shows_what_each_fault_of_a_chapter_is(name, tf_parity):
    code, out, _ = tf_parity("list", name)
    assert code == 0
    faults, words = declared.faults(name), out.split()
    assert set(" ".join(faults).split()) <= set(words)
    for says, stage in faults.values():
        assert set(f"{says} {stage}".split()) <= set(words)


def test_without_a_command_the_help_comes_and_it_is_a_mistake(tf_parity):
    code, out, err = tf_parity()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: tf-parity ") and "witness" in err


# ------------------------------------------------------------------- completion of words


COMPLETIONS = {
    "a command": ("re", ["read", "record"]),
    "a command of two words": ("new", ["new-pair"]),
    "a level of a pair": ("check pair.py --level f", ["function", "fit"]),
    "a chapter": ("run --chapter mn", ["mnist_cnn"]),
    "a chapter to read": ("read log", ["logistic_regression"]),
    "a level": ("run --level f", ["function", "fit"]),
    "a fault": ("run --fault nest", ["nesterov"]),
    "a fault of a chapter": (
        "run --chapter linear_regression --fault m",
        ["momentum"],
    ),
    "a format": ("scan . --format s", ["sarif"]),
    "a format of guide": ("guide . --format ", ["terminal", "json"]),
    "a grouping": ("scan . --by ", ["file", "symbol"]),
    "a status": ("scan . --fail-on g", ["gone"]),
    "another status": ("scan . --fail-on gone,un", ["gone,unknown"]),
    "a bench": ("bench pa", ["parts"]),
    "a part": ("bench parts optimizers.AdamWe", ["optimizers.AdamWeightDecay"]),
    "an option of the default": ("bench --sec", ["--seconds"]),
    "a value of the default": ("bench --chapter res", ["resnet"]),
    "nothing after what does not exist": ("rnu --chap", []),
}


@pytest.mark.parametrize("name", COMPLETIONS)
def test_a_shell_completes(name, tf_parity, monkeypatch):
    words, expected = COMPLETIONS[name]
    monkeypatch.setenv("_TF_PARITY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"tf-parity {words}")
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ") + 1))
    code, out, err = tf_parity()
    assert (code, err) == (0, "")
    assert [line.partition(",")[2] for line in out.split()] == expected


def test_the_lines_that_switch_completion_on_are_those_of_the_help(
    tf_parity, monkeypatch
):
    _, out, _ = tf_parity("--help")
    for variable, shell in re.findall(r"(_\w+_COMPLETE)=(\w+)_source", out):
        monkeypatch.setenv(variable, f"{shell}_source")
        code, script, _ = tf_parity()
        assert code == 0 and "tf-parity" in script and f"{shell}_complete" in script
