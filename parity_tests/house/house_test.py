"""Claims about the project itself: its layout, its imports, its pages, its budgets."""

import ast
import inspect
import operator
import pathlib
import re
import sys

import pytest

from parity_tests.engine import budgets
from parity_tests.house import markdown
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


SIDES = ("tf1_graph", "tf2_keras", "parity_tests")
SPHINX = ("sphinx", "docutils", "pygments", "myst_parser")
ALLOWED = {
    "tf1_graph": ("numpy", "tensorflow.compat.v1", "tf1_graph"),
    "tf2_keras": ("numpy", "tensorflow", "keras", "tf2_keras"),
    "tf2_keras/migrate": ("tf2_keras.migrate", "rich", "jinja2", "fissix", "tomli"),
    # Where values are carried over.
    "tf2_keras/migrate/checkpoint": (
        "numpy",
        "ml_dtypes",
        "h5py",
        "google_crc32c",
        "tensorflow",
        "keras",
        "tf2_keras",
    ),
    # Reads a graph, and asks parts whether they compute the same.
    "tf2_keras/migrate/draft": ("numpy", "tensorflow", "keras", "tf2_keras"),
    "parity_tests/engine": ("numpy", "hypothesis", "tomli", "parity_tests.engine"),
    # Builds without TensorFlow: of the chapters it reads the files.
    "parity_tests/site": (
        *SPHINX,
        "babel",  # which Sphinx brings
        "markdown_it",
        "parity_tests.site",
        "parity_tests.models",
        "parity_tests.engine",
        "parity_tests.witness.reference_conditions",  # whose budgets a badge leads to
        "tf2_keras.migrate",
    ),
}


# What a chapter may import besides whose reference is what 1.15.5 recorded.
OF_1_15_ALONE = ("tensorflow.contrib", "tensorflow.examples")


@pytest.mark.parametrize("folder", ALLOWED)
def test_rooms_import_only_what_they_may(folder):
    inner = [ROOT / other for other in ALLOWED if other.startswith(folder + "/")]
    files = [
        path
        for path in python_files(folder)
        if not path.stem.endswith("_test")
        and path.stem != "conftest"
        and not any(room in path.parents for room in inner)
    ]
    assert files
    recorded = [*filter(chapters.recorded, chapters.PROGRAMS)]
    for path in files:
        only_1_15 = folder == "tf1_graph" and path.stem in recorded
        prefixes = (*ALLOWED[folder], *(OF_1_15_ALONE if only_1_15 else ()))
        for name in imported_packages(path):
            allowed = standard(name) or any(
                name == prefix or name.startswith(prefix + ".") for prefix in prefixes
            )
            assert allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.slow
def test_only_the_site_imports_sphinx():
    for folder in SIDES:
        for path in python_files(folder):
            if "site" in path.relative_to(ROOT).parts:
                continue
            roots = {name.partition(".")[0] for name in imported_packages(path)}
            assert not roots & set(SPHINX), path.relative_to(ROOT)


# What tf1_graph looks up by name, where no import statement would do.
LOOKED_UP = {
    "tf1_graph/parts/cases.py": "tf.contrib: compat.v1 has none, not even in 1.15.5",
    "tf1_graph/rnn_cell.py": "TF1's cells: compat.v1 lost them with Keras 3, but "
    "tensorflow.python.keras.layers.legacy_rnn keeps their source, line by line",
    "tf1_graph/parts/tf_keras.py": "1.15's tf.keras: tensorflow.python.keras keeps it",
}


def test_tf1_graph_looks_up_only_what_is_said_here():
    looking = {
        str(path.relative_to(ROOT))
        for path in python_files("tf1_graph")
        if "importlib" in imported_packages(path)
    }
    assert looking == set(LOOKED_UP)


def with_what_they_import(paths):
    """Files of this tree, and all others of it that they import, within functions too."""
    files, waiting = set(), [path for path in paths if not path.stem.endswith("_test")]
    while waiting:
        path = waiting.pop()
        if path in files or not path.is_file():
            continue
        files.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                module = ROOT.joinpath(*node.module.split("."))
                names = [module / alias.name for alias in node.names]
                waiting += [name.with_suffix(".py") for name in (module, *names)]
    return files


def test_what_must_run_on_python_3_7_parses_there():
    """The graphs and all that records them, or lists the API, on TensorFlow 1.15.5."""
    files = with_what_they_import(
        [
            *python_files("tf1_graph"),
            *python_files("parity_tests/datasets"),
            *python_files("parity_tests/witness/programs"),
            *[ROOT / f"parity_tests/models/{name}.py" for name in chapters.NAMES],
            ROOT / "parity_tests/witness/record.py",
            *[
                ROOT / f"parity_tests/witness/{name}.py"
                for name in ("api", "calls", "call_rows", "members")
            ],
            ROOT / "parity_tests/pair/recorder.py",
        ]
    )
    assert ROOT / "parity_tests/witness/golden.py" in files
    for path in files:
        source = path.read_text(encoding="utf-8")
        ast.parse(source, str(path.relative_to(ROOT)), feature_version=(3, 7))


def test_tf1_graph_uses_only_names_that_1_15_5_and_compat_v1_have():
    import tensorflow.compat.v1 as tf

    used, of_1_15_alone = set(), set()
    for path in python_files("tf1_graph"):
        # Of a chapter whose reference is a golden nothing has to be there today.
        only_1_15 = path.stem in filter(chapters.recorded, chapters.PROGRAMS)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                dotted = ast.unparse(node)
                if re.fullmatch(r"tf(\.\w+)+", dotted):
                    (of_1_15_alone if only_1_15 else used).add(dotted)
    for dotted in of_1_15_alone:
        row = catalogue.api().get(dotted)
        assert row is not None and row.in_tf1, f"{dotted} is not in 1.15.5"
    assert "tf.estimator.Estimator" in of_1_15_alone
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


def test_no_file_is_longer_than_500_lines():
    for folder in SIDES:
        for path in python_files(folder):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            assert lines <= 500, f"{path.relative_to(ROOT)} has {lines} lines"


@pytest.mark.slow
def test_arrays_are_equal_only_if_shape_and_dtype_are():
    """Without ``strict`` NumPy broadcasts a number, and takes 1.0 for 1; so does
    ``array_equal``, which says nothing of where two differ either.
    """
    compared = 0
    for path in python_files("parity_tests"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Assert) and isinstance(node.test, ast.Call):
                assert ast.unparse(node.test.func) != "np.array_equal", place
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called.endswith("assert_array_equal"):
                options = [ast.unparse(option) for option in node.keywords]
                assert "strict=True" in options, place
                compared += 1
    assert compared > 30


def test_nothing_switches_tensorflow_over_for_the_whole_process():
    for folder in SIDES:
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
        f"parity_tests/models/{name}_plays.py",
    ):
        assert (ROOT / path).is_file(), path
    if (ROOT / "docs").is_dir():
        assert (ROOT / f"docs/models/{name}.md").is_file()
    setup, drawn = chapters.setup(name), chapters.drawn(name)
    if name in chapters.PROGRAMS:
        wanted = (
            (setup, ("TEACHES", "STEPS", "LEVELS", "configure", "load")),
            (drawn, ("plays",)),
        )
    else:
        wanted = (
            (setup, ("TEACHES", "STEPS", "METRIC", "configure", "load", "program")),
            (setup, ("moves", "dataset", "evaluation", "score")),
            (drawn, ("SMALL", "START", "plays", "moves")),
        )
    for module, needed in wanted:
        for attribute in needed:
            assert hasattr(module, attribute), attribute


def test_every_model_is_a_chapter():
    for folder in ("tf1_graph/models", "tf2_keras/models"):
        stems = {path.stem for path in python_files(folder)} - {"__init__"}
        assert stems == set(chapters.STEMS)


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
    # TF1's own sum of three workers depends on which comes first.
    of_races = ["3 workers or more"] * (budgets.subject(entry) == "parameter_server")
    assert entry["level"] in (
        "eager",
        *of_races,
        *[f"1.15.5{apart}" for apart in of_1_15_5],
    )
    assert len(entry["reason"]) > 10
    path, _, test = entry["test"].partition("::")
    assert defines(path, test)


@NEEDS_CHECKOUT
def test_the_tolerances_page_is_up_to_date():
    assert tolerances_page.PAGE.read_text(encoding="utf-8") == tolerances_page.page(), (
        "run python -m parity_tests.pages.tolerances"
    )


@NEEDS_CHECKOUT
def test_readme_is_no_wider_than_100_columns():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 100] == []


@NEEDS_CHECKOUT
@pytest.mark.parametrize("page", ["README.md", "docs/README.md"])
def test_a_page_lists_every_chapter(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    listed = re.findall(r"^[|-] \[(\w+)\]\(\S*models/\1\.md\)", text, re.M)
    assert listed == list(chapters.NAMES)


@pytest.mark.slow
@NEEDS_CHECKOUT
def test_every_test_that_a_page_names_exists():
    named = 0
    for page in markdown.pages():
        path = None
        for piece in markdown.code(page):
            name = re.fullmatch(r"([\w/]+_test\.py)?::(test_\w+)", piece.text)
            if piece.language == "inline" and name:
                path = name[1] or path
                assert defines(path, name[2]), f"{piece.place}: {piece.text}"
                named += 1
    assert named > 50


def defines(path, function):
    """Whether a file of this tree has a function of that name at its top level."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return any(getattr(node, "name", None) == function for node in tree.body)


@NEEDS_CHECKOUT
def test_every_path_that_a_page_names_exists():
    for page in markdown.pages():
        for piece in markdown.code(page):
            path = re.match(
                r"(tf1_graph|tf2_keras|parity_tests|docs)/[\w/.]*", piece.text
            )
            if piece.language == "inline" and path and "NAME" not in piece.text:
                assert (ROOT / path[0]).exists(), f"{piece.place}: {piece.text}"


@NEEDS_CHECKOUT
def test_every_link_of_a_page_leads_somewhere():
    for page in markdown.pages():
        for target in markdown.links(page):
            path, _, heading = target.partition("#")
            if "://" in target:
                continue
            destination = page.parent / path if path else page
            place = f"{page.relative_to(ROOT)}: {target}"
            assert destination.exists(), place
            assert not heading or heading in markdown.anchors(destination), place


@NEEDS_CHECKOUT
def test_every_name_of_a_library_that_a_page_uses_exists():
    """A TF1 name in TensorFlow 1.15 or today, Keras's and the parts' in what is here."""
    import keras
    import tensorflow as tf

    from tf2_keras import tf1_semantics

    roots = {"tf": (tf, tf.compat.v1), "keras": (keras,)}
    roots["tf1_semantics"] = (tf1_semantics,)
    looked_up = 0
    for page in markdown.pages():
        for piece in markdown.code(page):
            names = re.findall(
                rf"(?<![\w./-])((?:{'|'.join(roots)})(?:\.\w+)+)", piece.text
            )
            for name in names if piece.language == "inline" else ():
                root, _, path = name.partition(".")
                assert name in catalogue.api() or any(
                    has(module, path) for module in roots[root]
                ), f"{piece.place}: {name}"
                looked_up += 1
    assert looked_up > 100


def has(module, path):
    try:
        operator.attrgetter(path)(module)
    except AttributeError:
        return False
    return True


@pytest.mark.slow
def test_importing_a_side_has_no_effect(run_python):
    program = (
        "import tensorflow as tf; before = tf.executing_eagerly();"
        "import tf1_graph.models.resnet, tf2_keras.models.resnet;"
        "assert before and tf.executing_eagerly()"
    )
    result = run_python("-c", program)
    assert result.returncode == 0, result.stderr
