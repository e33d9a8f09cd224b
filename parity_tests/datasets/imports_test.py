"""Claims about what these modules need: Python 3.7, numpy, the standard library."""

import ast
import pathlib

import pytest

FOLDER = pathlib.Path(__file__).parent
MODULES = sorted(
    path for path in FOLDER.glob("*.py") if not path.name.endswith("_test.py")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_parses_as_python_3_7(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_imports_no_framework(path, run_python):
    # In a process of its own, since this one may have imported TensorFlow long ago.
    program = (
        f"import parity_tests.datasets.{path.stem}, sys\n"
        "print({'tensorflow', 'keras', 'hypothesis', 'pytest'} & set(sys.modules))"
    )
    output = run_python("-c", program)
    assert (output.stdout, output.stderr) == ("set()\n", "")
