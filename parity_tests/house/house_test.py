"""Claims about the project itself: its layout, its imports, its pages, its budgets."""

import ast
import dataclasses
import inspect
import pathlib
import re
import subprocess
import sys

import pytest

from parity_tests.engine import budgets
from parity_tests.models import chapters
from parity_tests.pages import tolerances as tolerances_page
from parity_tests.parts import table as parts
from parity_tests.witness import replay
from tf2_keras.migrate import catalogue

ROOT = pathlib.Path(__file__).parents[2]
NEEDS_CHECKOUT = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="docs/ and README.md are in a checkout only"
)


def python_files(folder):
    return sorted(
        path
        for path in (ROOT / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    )


def imported_packages(path):
    """Top-level names and full names of everything that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def standard(name):
    return name.partition(".")[0] in sys.stdlib_module_names


OF_PYTHON_3_7 = (
    "__init__",
    "api",
    "golden",
    "record",
    "recordables",
    "runs",
    "steps",
)
ALLOWED = {
    "tf1_graph": ("numpy", "tensorflow.compat.v1", "tf1_graph"),
    "tf2_keras": ("numpy", "tensorflow", "keras", "tf2_keras"),
    "tf2_keras/migrate": ("tf2_keras.migrate", "fissix", "tomli"),
    "parity_tests/engine": ("numpy", "hypothesis", "parity_tests.engine"),
}


@pytest.mark.parametrize("folder", ALLOWED)
def test_rooms_import_only_what_they_may(folder):
    inner = [ROOT / other for other in ALLOWED if other.startswith(folder + "/")]
    files = [
        path
        for path in python_files(folder)
        if not path.stem.endswith("_test")
        and not any(room in path.parents for room in inner)
    ]
    assert files
    for path in files:
        for name in imported_packages(path):
            allowed = standard(name) or any(
                name == prefix or name.startswith(prefix + ".")
                for prefix in ALLOWED[folder]
            )
            assert allowed, f"{path.relative_to(ROOT)} imports {name}"


def test_what_must_run_on_python_3_7_parses_there():
    """Both sides of the recorder: the graphs, and all that it imports besides."""
    witness = [f"parity_tests/witness/{name}.py" for name in OF_PYTHON_3_7]
    meeting_points = [f"parity_tests/models/{name}.py" for name in chapters.NAMES]
    for path in [
        *python_files("tf1_graph"),
        *python_files("parity_tests/datasets"),
        *python_files("parity_tests/witness/programs"),
        *[ROOT / path for path in (*witness, *meeting_points)],
        ROOT / "parity_tests/models/chapters.py",
        ROOT / "parity_tests/witness/reference_conditions.py",
    ]:
        if not path.stem.endswith("_test"):
            ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_tf1_graph_uses_only_names_that_1_15_5_and_compat_v1_have():
    import tensorflow.compat.v1 as tf

    used = set()
    for path in python_files("tf1_graph"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                dotted = ast.unparse(node)
                if re.fullmatch(r"tf(\.\w+)+", dotted):
                    used.add(dotted)
    assert len(used) > 30
    for dotted in used:
        found, path = tf, "tf"
        for name in dotted.split(".")[1:]:
            if not hasattr(found, name) and not inspect.ismodule(found):
                break  # an attribute of what a call or a class returns
            assert hasattr(found, name), dotted
            path = f"{path}.{name}"
            if inspect.ismodule(found):
                of_tf1 = catalogue.api().get(path)
                assert of_tf1 is not None and of_tf1.in_tf1, f"{path} is not in 1.15.5"
            found = getattr(found, name)


def test_nothing_switches_tensorflow_over_for_the_whole_process():
    for folder in ("tf1_graph", "tf2_keras", "parity_tests"):
        for path in python_files(folder):
            if path != pathlib.Path(__file__):
                source = path.read_text(encoding="utf-8")
                calls = re.findall(r"disable_(?:eager_execution|v2_behavior)\(", source)
                assert not calls, path


@pytest.mark.parametrize("name", chapters.NAMES)
def test_a_chapter_is_whole(name):
    for path in (
        f"tf1_graph/models/{name}.py",
        f"tf2_keras/models/{name}.py",
        f"parity_tests/models/{name}_test.py",
        f"parity_tests/models/{name}_faults.py",
    ):
        assert (ROOT / path).is_file(), path
    if (ROOT / "docs").is_dir():
        assert (ROOT / f"docs/models/{name}.md").is_file()
    meeting_point = chapters.meeting_point(name)
    for needed in (
        "TEACHES",
        "STEPS",
        "METRIC",
        "HAS_STREAM",
        "LEARNING_RATE",
        "configure",
        "load",
        "example_batch",
        "batches",
        "dataset",
        "score",
    ):
        assert hasattr(meeting_point, needed), needed


def test_every_model_is_a_chapter():
    for folder in ("tf1_graph/models", "tf2_keras/models"):
        stems = {path.stem for path in python_files(folder)} - {"__init__"}
        assert stems == set(chapters.NAMES)


@pytest.mark.parametrize("name", chapters.NAMES)
def test_twins_have_the_same_configuration_field_by_field(name):
    of_graph, of_twin = (
        [(field.name, field.default) for field in dataclasses.fields(side.Config)]
        for side in (chapters.graph(name), chapters.twin(name))
    )
    assert of_graph == of_twin


@pytest.mark.parametrize("name", chapters.NAMES)
def test_twins_show_the_same_functions_in_the_same_order(name):
    shared = []
    for side in (chapters.graph(name), chapters.twin(name)):
        tree = ast.parse(inspect.getsource(side))
        shared.append(
            [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        )
    of_graph = [function for function in shared[0] if function in shared[1]]
    of_twin = [function for function in shared[1] if function in shared[0]]
    assert of_graph == of_twin
    assert {"inference", "loss", "train", "build", "run"} <= set(of_graph)


@pytest.mark.parametrize(
    "entry",
    budgets.entries(),
    ids=lambda e: f"{budgets.subject(e)}-{e['level']}-{e['stage']}",
)
def test_a_budget_has_a_reason_a_test_and_no_exact_level(entry):
    parts_named = [part.name for part in parts.PARTS]
    programs = [path.name for path in (replay.GOLDENS / "exported").iterdir()]
    assert budgets.subject(entry) in (*chapters.NAMES, *parts_named, *programs)
    # Level function and level fit are 0 ULP, always.
    of_1_15_5 = ("", ", oneDNN off", ", another CPU", ", float64")
    assert entry["level"] in ("eager", *[f"1.15.5{apart}" for apart in of_1_15_5])
    assert len(entry["reason"]) > 10
    path, _, test = entry["test"].partition("::")
    assert re.search(
        rf"^def {re.escape(test)}\(", (ROOT / path).read_text(encoding="utf-8"), re.M
    )


@NEEDS_CHECKOUT
def test_the_tolerances_page_is_up_to_date():
    assert tolerances_page.PAGE.read_text(encoding="utf-8") == tolerances_page.page(), (
        "run python -m parity_tests.pages.tolerances"
    )


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@NEEDS_CHECKOUT
def test_every_test_that_a_page_names_exists():
    named = 0
    for page in pages():
        for path, test in re.findall(
            r"(parity_tests/[\w/]+_test\.py)::(test_\w+)", page.read_text("utf-8")
        ):
            source = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^def {test}\(", source, re.M), f"{page.name}: {test}"
            named += 1
    assert named > 10


@NEEDS_CHECKOUT
def test_every_link_of_a_page_leads_somewhere():
    for page in pages():
        for target in re.findall(
            r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")
        ):
            assert (page.parent / target).exists(), (
                f"{page.relative_to(ROOT)}: {target}"
            )


def test_importing_a_side_has_no_effect():
    program = (
        "import tensorflow as tf; before = tf.executing_eagerly();"
        "import tf1_graph.models.resnet, tf2_keras.models.resnet;"
        "assert before and tf.executing_eagerly()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
