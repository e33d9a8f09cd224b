"""Both files of every chapter show the same things, in the same order."""

import ast
import runpy

import keras
import pytest

from parity_tests.models import chapters, programs, reading

EVERY_CHAPTER = pytest.mark.parametrize("name", chapters.NAMES)


def core_of(name):
    """The functions that both files of a chapter have in this order."""
    if name not in chapters.MODELS:
        return ["run"]
    descends = hasattr(chapters.graph(name), "optimizer")
    return ["inference", "loss", *["optimizer"] * descends, "build", "run"]


@pytest.mark.parametrize("name", chapters.STEMS)
def test_twins_show_the_same_functions_in_the_same_order(name):
    sides = []
    for path in reading.sources(name):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        sides.append(
            [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        )
    shared = [
        [key for key in side if key in sides[0] and key in sides[1]] for side in sides
    ]
    assert shared[0] == shared[1] and shared[0]
    core = core_of(name) if name in chapters.NAMES else []
    assert [key for key in shared[0] if key in core] == core


@EVERY_CHAPTER
def test_reading_aligns_what_corresponds(name):
    both = {left.name for left, right in reading.aligned(name) if left and right}
    assert {"Config", *core_of(name)} <= both


@pytest.mark.parametrize(
    "name", [name for name in chapters.NAMES if not chapters.recorded(name)]
)
def test_twins_print_the_same_where_they_are_programs(name, capsys, run_python):
    printed, sides = [], (chapters.graph(name), chapters.twin(name))
    registered = keras.saving.get_custom_objects()
    kept = dict(registered)
    for side in sides:
        if programs.cluster(side, side.Config()) is not None:
            result = run_python("-m", side.__name__)
            assert result.returncode == 0, result.stderr
            printed.append(result.stdout)
            continue
        runpy.run_path(side.__file__, run_name="__main__")
        printed.append(capsys.readouterr().out)
    registered.update(kept)  # and not the classes of __main__
    assert printed[0] == printed[1]
