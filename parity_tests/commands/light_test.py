"""Claims about an installation without TensorFlow: .ci/scan-requirements.txt is enough."""

import pathlib
import re

import pytest

from parity_tests.house.house_test import NEEDS_CHECKOUT

ROOT = pathlib.Path(__file__).parents[2]
REQUIREMENTS = ROOT / ".ci" / "scan-requirements.txt"
# What the required packages bring along.
BROUGHT = ("markupsafe", "pygments", "markdown_it", "mdurl", "typing_extensions")
OWN = ("tf1_graph", "tf2_keras", "parity_tests")

# Runs tf-parity where nothing can be imported but what sys.argv[1] names.
BLOCKED = """
import sys

allowed = {*sys.argv[1].split(","), *sys.stdlib_module_names}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
sys.argv[:2] = ["tf-parity"]
from parity_tests.commands import cli
cli.main()
"""


def required(path):
    """{package: its requirement as written}, of a list for pip or of pyproject.toml."""
    lines = re.findall(r"^[ \"]*([a-z0-9]+)([><=][^\"\n]*)", path.read_text(), re.M)
    return {package: bounds for package, bounds in lines}


@pytest.fixture
def light(run_python):
    """tf-parity with the required packages only: a ``subprocess.CompletedProcess``."""
    allowed = ",".join((*required(REQUIREMENTS), *BROUGHT, *OWN))
    return lambda *words: run_python("-c", BLOCKED, allowed, *words)


PROGRAM = "import tensorflow as tf\ntf.contrib.layers.flatten(tf.log(x))\n"
CALLS = {
    "list": (["list"], 0, "mnist_cnn"),
    "read": (["read", "mnist_cnn"], 0, "def inference"),
    "explain": (["explain", "tf.log"], 0, "tf.math.log"),
    "explain a message": (
        ["explain", "module 'tensorflow' has no attribute 'Session'"],
        0,
        "tf.Session",
    ),
    "scan": (["scan", "{file}"], 0, "tf.contrib.layers.flatten"),
    "scan, JSON": (["scan", "{file}", "--format", "json"], 0, '"tf.math.log"'),
    "scan, SARIF": (["scan", "{file}", "--format", "sarif"], 0, "tf.log/renamed"),
    "scan, HTML": (["scan", "{file}", "--format", "html"], 0, "<html"),
    "scan as a gate": (["scan", "{file}", "--fail-on", "gone"], 1, "gone"),
    "scan and mend": (["scan", "{file}", "--fix", "--diff"], 0, "+tf.contrib"),
    "guide": (["guide", "{file}"], 0, "Effort"),
}


@NEEDS_CHECKOUT
@pytest.mark.parametrize("name", CALLS)
def test_reading_commands_need_no_tensorflow(name, light, tmp_path):
    words, code, said = CALLS[name]
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    done = light(*[word.format(file=file) for word in words])
    assert (done.returncode, done.stderr) == (code, "")
    assert said in done.stdout


@NEEDS_CHECKOUT
def test_what_compares_numbers_says_what_is_missing(light):
    done = light("run", "--steps", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"tf-parity: \w+ must be installed to compare numbers\. Received: .*\. "
        r"Use pip install .*\.\n",
        done.stderr,
    )


@NEEDS_CHECKOUT
def test_what_is_required_has_the_bounds_of_pyproject():
    whole = required(ROOT / "pyproject.toml")
    light = required(REQUIREMENTS)
    assert len(light) >= 4
    for package, bounds in light.items():
        assert whole[package] == bounds
