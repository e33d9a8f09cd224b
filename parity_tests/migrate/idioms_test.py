"""Every pair of snippets in rules.toml runs, and both sides yield the same numbers."""

import contextlib
import itertools
import linecache
import pathlib
import re
import shlex

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.commands import cli
from parity_tests.engine.ulps import identical
from parity_tests.models import chapters
from parity_tests.pages import idioms
from tf2_keras import tf1_semantics
from tf2_keras.migrate import catalogue, errors
from tf2_keras.training import LEVELS

IDIOMS = idioms.idioms()


def data():
    """What a snippet finds, as the head of the page says."""
    generator = np.random.default_rng(7)
    labels = np.array([0, 1, 1, 0], np.int32)
    return {
        "np": np,
        "keras": keras,
        "tf1_semantics": tf1_semantics,
        "x": generator.normal(size=[4, 3]).astype(np.float32),
        "images": generator.normal(size=[2, 8, 8, 4]).astype(np.float32),
        "logits": generator.normal(size=[4, 2]).astype(np.float32),
        "onehot": np.eye(2, dtype=np.float32)[labels],
        "weights": np.array([1.0, 0.0, 2.0, 0.5], np.float32),
        "labels": labels,
        "sequences": generator.normal(size=[4, 5, 3]).astype(np.float32),
        "lengths": np.array([5, 3, 1, 4], np.int32),
        "table": generator.normal(size=[4, 3]).astype(np.float32),
        "rows": generator.normal(size=[4, 3]).astype(np.float32),
    }


def run_before(rule, folder):
    """{name: array} of what the TF1 side assigns.

    A snippet that opens a Session has its numbers from there; of another one every
    tensor is run, in one Session, once its variables are initialised.
    """
    space = {**data(), "tf": tf1, "folder": str(folder)}
    given = set(space)
    with tf1.Graph().as_default() as graph:
        space["x_tensor"] = tf1.constant(space["x"])
        run_code(rule.before, folder / "before.py", space)
        if "session" not in space:
            tensors = {
                name: value
                for name, value in assigned(space, given).items()
                if all(map(is_of_graph, value if isinstance(value, list) else [value]))
            }
            with contextlib.closing(
                tf1.Session(graph=graph, config=as_fed())
            ) as session:
                session.run(
                    [
                        tf1.global_variables_initializer(),
                        tf1.local_variables_initializer(),
                    ]
                )
                space.update(session.run(tensors))
    return numbers(space, given)


def as_fed():
    """Arrays of a snippet stand for what is fed: kernels of folded ones round otherwise."""
    config = tf1.ConfigProto()
    options = config.graph_options
    options.optimizer_options.opt_level = -1  # L0
    options.rewrite_options.constant_folding = 2  # OFF
    return config


def is_of_graph(value):
    return isinstance(value, (tf.Tensor, tf.Variable, tf1.Variable))


def run_code(code, path, namespace):
    """Runs a snippet from a file: AutoGraph reads the source of functions."""
    path.write_text(code + "\n", encoding="utf-8")
    linecache.checkcache()
    exec(compile(code, str(path), "exec"), namespace)


def run_after(rule, folder):
    """{name: array} of what the TF2 side assigns."""
    space = {**data(), "tf": tf, "folder": str(folder)}
    given = set(space)
    space["x_tensor"] = tf.constant(space["x"])
    run_code(rule.after, folder / "after.py", space)
    return numbers(space, given)


def assigned(space, given):
    return {
        name: value
        for name, value in space.items()
        if name not in given and not name.startswith("_") and name != "x_tensor"
    }


def numbers(space, given):
    """{name: [array]} of the values that are arrays, numbers or lists of such."""
    lists = {}
    for name, value in assigned(space, given).items():
        values = value if isinstance(value, (list, tuple)) else [value]
        arrays = [array_of(element) for element in values]
        if arrays and all(array is not None for array in arrays):
            lists[name] = arrays
    return lists


def differing(before, after):
    """Names that both sides assign, `result` alone if it is one, and do not agree on.

    dtype and shape are compared before values: TF2 code that changes one of them would
    give a user's next line something else.
    """
    common = set(before) & set(after)
    common = {"result"} if "result" in common else common
    return common, sorted(
        name
        for name in common
        if len(before[name]) != len(after[name])
        or not all(map(identical, before[name], after[name]))
    )


def array_of(value):
    if hasattr(value, "numpy") and not isinstance(value, type):
        with contextlib.suppress(AttributeError, NotImplementedError, TypeError):
            value = value.numpy()
    if isinstance(value, (bool, int, float, np.ndarray, np.generic)):
        array = np.asarray(value)
        return array if array.dtype.kind in "biuf" else None
    return None


def test_there_are_idioms_of_every_section():
    assert len(IDIOMS) >= 40
    sections = {idioms.CHAPTERS.get(rule.chapter, rule.chapter) for rule in IDIOMS}
    assert sections == set(idioms.SECTIONS)


@pytest.mark.parametrize(
    "rule", [rule for rule in IDIOMS if rule.runs], ids=lambda rule: rule.symbol
)
def test_both_sides_of_an_idiom_agree(rule, tmp_path):
    if "tf.summary" in rule.after:
        # TensorFlow 2.21 no longer brings it along, and its summaries need it.
        pytest.importorskip("tensorboard", reason="the package tensorboard is missing")
    before, after = run_before(rule, tmp_path), run_after(rule, tmp_path)
    common, different = differing(before, after)
    silent = rule.symbol in ("tf.logging",)
    assert common or silent, f"no common name: {sorted(before)}, {sorted(after)}"
    assert not different, [(name, before[name], after[name]) for name in different]


@pytest.mark.parametrize(
    "rule", [rule for rule in IDIOMS if not rule.runs], ids=lambda rule: rule.symbol
)
def test_the_tf2_side_of_what_is_gone_runs(rule, tmp_path):
    for values in run_after(rule, tmp_path).values():
        assert all(np.isfinite(array).all() for array in values)


@pytest.mark.parametrize(
    "rule", [rule for rule in IDIOMS if not rule.runs], ids=lambda rule: rule.symbol
)
def test_what_is_said_to_be_gone_cannot_run(rule, tmp_path):
    with pytest.raises((AttributeError, NameError, ImportError)):
        run_before(rule, tmp_path)


WRONG = {
    "value": "kept = kept + 1.0",
    "dtype": "kept = tf.cast(kept, tf.float64)",
    "shape": "kept = kept[None]",
}


@pytest.mark.parametrize("changed", WRONG)
def test_a_wrong_snippet_is_seen(changed, tmp_path):
    (rule,) = (rule for rule in IDIOMS if rule.symbol == "tf.nn.dropout")
    wrong = rule._replace(after=f"{rule.after}\n{WRONG[changed]}")
    before, after = run_before(rule, tmp_path), run_after(wrong, tmp_path)
    assert differing(before, after) == ({"kept"}, ["kept"])


@pytest.mark.skipif(
    not idioms.PAGE.parent.is_dir(), reason="docs/ is in a checkout only"
)
def test_the_page_is_up_to_date():
    stored = idioms.PAGE.read_text(encoding="utf-8")
    remedy = "run python -m parity_tests.pages.idioms"
    assert stored.rstrip("\n") == idioms.page().rstrip("\n"), remedy


@pytest.mark.skipif(
    not idioms.PAGE.parent.is_dir(), reason="docs/ is in a checkout only"
)
def test_every_chapter_of_a_rule_is_a_page():
    docs = pathlib.Path(idioms.__file__).parents[2] / "docs"
    for rule in catalogue.every():
        for chapter in {rule.chapter, *(case.chapter for case in rule.cases)} - {""}:
            pages = (
                docs / "guide" / f"{chapter}.md",
                docs / "models" / f"{chapter}.md",
            )
            assert any(page.is_file() for page in pages), (rule.symbol, chapter)


GUIDE = sorted(idioms.PAGE.parent.glob("*.md"))


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_links_of_the_guide_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# ")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    for address in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, heading = address.partition("#")
        target = (page.parent / path) if path else page
        assert target.is_file(), address
        if heading:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
            anchors = [
                re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")
                for title in titles
            ]
            assert heading in anchors, address


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_commands_of_the_guide_exist(page):
    for line in re.findall(r"^tf-parity .+$", page.read_text(encoding="utf-8"), re.M):
        name, *words = shlex.split(line.partition("  #")[0])[1:]
        command = cli.commands.commands[name]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line
        known = {"--chapter": chapters.NAMES, "--level": LEVELS}
        for option, value in itertools.pairwise([name, *words]):
            assert value in known.get(option, [value]), line
            if option in ("explain", "--explain"):
                known_message = " " in value and errors.found(value)
                assert known_message or catalogue.find(value), line
            if option == "--fault":
                named = words[words.index("--chapter") + 1]
                assert value in chapters.faults(named), line


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_tests_that_the_guide_names_exist(page):
    text = page.read_text(encoding="utf-8")
    path = None  # a test without one is in the file named before
    for named, test in re.findall(r"`(parity_tests/[\w/.]+)?::(test_\w+)`", text):
        path = named or path
        source = (idioms.PAGE.parents[2] / path).read_text(encoding="utf-8")
        assert f"def {test}(" in source, test
