"""Every command that a page shows is one: run where that is cheap, parsed where not.

Run as printed: ``read``, ``list``, ``scan``, ``guide``, ``seeds``, and the programs of the
chapters, whose output is that of the page. Run once a fault, in three steps at one level
unless it says otherwise: ``run`` with a fault, which has to be caught. Only parsed, with
every name and value checked as in a call: what trains without a fault (the chapters' own
tests do), what measures, and what needs TensorFlow 1.15. Calls of ``pytest`` collect.
"""

import importlib.util
import pathlib
import re
import runpy

import click
import pytest

from parity_tests.commands import cli
from parity_tests.house import markdown
from parity_tests.models import chapters, programs

(GROUP,) = (value for value in vars(cli).values() if isinstance(value, click.Group))
OF_OTHERS = {"git", "pip", "ruff", "sphinx-build"}
RUN_AS_PRINTED = {"read", "list", "scan", "guide", "seeds", "explain"}
GRAPH = "parity_tests/goldens/exported/graph_seed_only/model.meta"


def shown():
    """{command line: first place that shows it}, the program without its folder."""
    places = {}
    for page in markdown.pages():
        for piece in markdown.code(page):
            for program, *words in commands(piece):
                command = (pathlib.PurePosixPath(program).name, *words)
                places.setdefault(command, piece.place)
    return places


def commands(piece):
    if piece.language in ("bash", "console"):
        return list(markdown.commands(piece))
    is_command = re.match(r"(tf-parity|python -m|pytest) [\w.-]", piece.text)
    return list(markdown.commands(piece)) if is_command else []


def divergences():
    """{command line that a report names: the report's first line}, of all pages."""
    report = r"^(First divergence: [^\n]+)$.*?^ +reproduce +tf-parity ([^\n]+)$"
    return {
        tuple(words.split()): first
        for page in markdown.pages()
        for piece in markdown.code(page)
        for first, words in re.findall(report, piece.text, re.M | re.S)
    }


def fault(words):
    """(chapter, fault) of a run, or None."""
    if words[:1] == ("run",) and "--fault" in words:
        return tuple(
            words[words.index(option) + 1] for option in ("--chapter", "--fault")
        )
    return None


SHOWN = shown()
DIVERGENCES = divergences()
# One run a fault: the longest call, which says most about how to run it.
OF_FAULTS = {
    fault(words): words
    for words in [
        *sorted((command[1:] for command in SHOWN), key=len),
        *DIVERGENCES,
    ]
    if fault(words)
}


def of_program(*names):
    """A parametrisation by the commands that start with one of these programs."""
    chosen = [command for command in SHOWN if command[0] in names]
    return pytest.mark.parametrize("command", chosen, ids=" ".join)


def parse(words):
    """Parses a call of tf-parity as the call itself would, and runs nothing."""
    # A command keeps the help option of its first context, so this has to be the true one.
    context = click.Context(GROUP, **GROUP.context_settings)
    command, words = GROUP, list(words)
    while isinstance(command, click.Group):
        if command.default and not (words and words[0] in command.commands):
            words = [command.default, *words]
        _, command, words = command.resolve_command(context, words)
    command.make_context(command.name, words, parent=context)


@pytest.fixture
def filled_in(tmp_path):
    """Puts something that exists in the place of a page's PATH and the like."""
    program = tmp_path / "program.py"
    program.write_text("import tensorflow as tf\ny = tf.contrib.layers.flatten(x)\n")
    values = {
        "PATH": program,
        "PATH…": program,
        "DIR": tmp_path / "folder",
        "FILE": tmp_path / "file",
        "NAME": "linear_regression",
        "CHAPTER": "linear_regression",
        "N": 3,
        "MESSAGE": "module 'tensorflow' has no attribute 'Session'",
        "MODEL.meta": markdown.ROOT / GRAPH,
        "model.meta": markdown.ROOT / GRAPH,
    }
    return lambda words: [str(values.get(word, word)) for word in words]


def test_every_program_that_is_called_is_known():
    known = {"tf-parity", "python", "python3", "python3.7", "pytest", *OF_OTHERS}
    assert {command[0] for command in SHOWN} <= known


@of_program("tf-parity")
def test_a_call_of_tf_parity_is_right(command, filled_in, tf_parity):
    subcommand, *words = command[1:]
    if not words or command[-1] == "--help":  # a sentence that speaks of the command
        assert subcommand in {*GROUP.list_commands(None), "COMMAND", "--help"}
    else:
        words = filled_in(words)
        parse([subcommand, *words])
    if subcommand in RUN_AS_PRINTED and words or subcommand == "list":
        code, out, err = tf_parity(subcommand, *words)
        assert code == int("--fail-on" in words), err
        assert out


@pytest.mark.slow
@pytest.mark.parametrize("words", OF_FAULTS.values(), ids=" ".join)
def test_a_fault_is_caught_where_a_page_says(words, tf_parity):
    """At one level, in three steps: where a chapter has levels and steps to choose."""
    said = DIVERGENCES.get(words, "First divergence: ")
    name = words[words.index("--chapter") + 1]
    if "--level" not in words and not chapters.levels(name):
        words = (*words, "--level", "function")
    if "--steps" not in words and not chapters.recorded(name):
        words = (*words, "--steps", "3")
    code, out, err = tf_parity(*words)
    assert code == 1, err
    assert said in out


def test_a_wrong_call_is_seen():
    for words in (
        ["run", "--stpes", "3"],
        ["run", "--chapter", "mnist"],
        ["run", "--steps", "ten"],
        ["rnu"],
    ):
        with pytest.raises(click.ClickException):
            parse(words)


@of_program("python", "python3", "python3.7")
def test_a_module_that_is_called_exists(command, capsys, run_python):
    assert command[1] == "-m"
    module = command[2]
    specification = importlib.util.find_spec(module)
    assert specification, f"{SHOWN[command]} names no module"
    page = markdown.ROOT / SHOWN[command].rpartition(":")[0]
    if module.endswith(f".models.{page.stem}"):
        side = importlib.import_module(module)
        if programs.cluster(side, side.Config()) is not None:
            printed = run_python("-m", module).stdout
        else:
            runpy.run_path(specification.origin, run_name="__main__")
            printed = capsys.readouterr().out
        stated = [piece.text for piece in markdown.code(page) if not piece.language]
        assert same_but_for_rounding(printed, stated[0])


def same_but_for_rounding(printed, stated):
    """Whether two texts have the same words, and numbers that are alike to 1e-4."""
    number = r"-?\d+\.\d+(?:e-?\d+)?"
    values = [
        [float(value) for value in re.findall(number, text)]
        for text in (printed, stated)
    ]
    words = [re.sub(number, "", text).split() for text in (printed, stated)]
    return words[0] == words[1] and values[0] == pytest.approx(values[1], rel=1e-4)


@pytest.mark.slow
def test_every_call_of_pytest_collects(run_python):
    calls = [list(command[1:]) for command in SHOWN if command[0] == "pytest"]
    for words in calls:
        if not any(word.startswith("parity_tests/") for word in words):
            words.append("parity_tests/house/collection_test.py")
    # One after the other in one process, which imports TensorFlow once.
    program = (
        "import pytest\n"
        f"for words in {calls!r}:\n"
        "    code = pytest.main([*words, '--collect-only', '-q'])\n"
        "    assert code == 0, (words, code)\n"
    )
    result = run_python("-c", program)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    collected = re.findall(r"^\d+(?:/\d+)? tests? collected", result.stdout, re.M)
    assert len(collected) == len(calls)


@of_program("pip")
def test_what_pip_is_told_to_install_is_here(command):
    project = (markdown.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extras in re.findall(r"\.\[([\w,]+)\]", " ".join(command)):
        for extra in extras.split(","):
            assert f"\n{extra} = [\n" in project
    if "-r" in command:
        requirements = command[command.index("-r") + 1]
        assert (markdown.ROOT / requirements).is_file()
