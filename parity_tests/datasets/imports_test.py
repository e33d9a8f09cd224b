"""Claims about what these modules need: Python 3.7, numpy, the standard library."""

import ast
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).parent
MODULES = sorted(
    path for path in FOLDER.glob("*.py") if not path.name.endswith("_test.py")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_parses_as_python_3_7(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_imports_no_framework(path):
    # In a process of its own, since this one may have imported TensorFlow long ago.
    program = (
        f"import parity_tests.datasets.{path.stem}, sys\n"
        "print({'tensorflow', 'keras', 'hypothesis', 'pytest'} & set(sys.modules))"
    )
    root = FOLDER.parent.parent
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True
    )
    assert (output.stdout, output.stderr) == ("set()\n", "")
