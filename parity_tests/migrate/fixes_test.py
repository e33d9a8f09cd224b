"""Claims about rewriting: only names change, and what is rewritten still runs alike."""

import importlib.util
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.commands import fixing, outputs
from parity_tests.commands.mistakes import UserError
from parity_tests.engine.ulps import identical
from parity_tests.migrate import renamed_rows, same_test
from parity_tests.migrate.programs import TF, write
from parity_tests.models import chapters
from tf2_keras.migrate import fixes, rule_file, scan
from tf2_keras.migrate.api_table import api

ROOT = pathlib.Path(__file__).parents[2]


def planned(folder, text, name="program.py"):
    """The fixes.Plan of one file."""
    return fixes.plan(scan.scan([str(write(folder / name, text))]))


def rewritten(folder, text):
    """The text as the fix leaves it."""
    plan = planned(folder, text)
    if not plan.fixes:
        return text
    (fix,) = plan.fixes
    return fix.after.decode(fix.codec)


# ----------------------------------------------------------------- it still runs alike


def fixed_rows(folder):
    """[(symbol, TF1's form, what the fix makes of it)] of the rows that it rewrites."""
    rows = renamed_rows.rows()
    lines = [same_test.as_of_1_15(symbol, before) for symbol, before, _ in rows]
    after = rewritten(folder, TF + "\n".join(lines)).splitlines()[1:]
    return [
        (row[0], line, new)
        for row, line, new in zip(rows, lines, after, strict=True)
        if new != line
    ]


@pytest.mark.slow
def test_functions_run_alike_after_the_fix(tmp_path):
    """Each row in TF1's graph against the rewritten one in a tf.function, to the bit."""
    all_values = [same_test.inputs(3, awkward) for awkward in (False, True)]
    names = same_test.specs()
    rows = fixed_rows(tmp_path)
    assert len(rows) > 60
    different = []
    for _, before, after in rows:
        with tf.Graph().as_default(), tf1.Session() as session:
            fed = {
                name: tf1.placeholder(dtype, shape)
                for name, (shape, dtype) in names.items()
            }
            result = same_test.first_tensor(eval(before, same_test.namespace(tf1, fed)))
            old = [
                session.run(result, {fed[name]: values[name] for name in fed})
                for values in all_values
            ]

        @tf.function(reduce_retracing=True)
        def function(values, after=after):
            return same_test.first_tensor(eval(after, same_test.namespace(tf, values)))

        for values, expected in zip(all_values, old, strict=True):
            new = function({name: tf.constant(values[name]) for name in names}).numpy()
            if not same_test.agree(np.asarray(expected), np.asarray(new)):
                different.append((before, after))
    assert different == []


def test_random_ops_draw_alike_after_the_fix(tmp_path):
    lines = [before for before, _ in renamed_rows.random_rows()]
    after = rewritten(tmp_path, TF + "\n".join(lines)).splitlines()[1:]
    changed = [pair for pair in zip(lines, after, strict=True) if pair[0] != pair[1]]
    assert len(changed) >= 5
    with tf.Graph().as_default(), tf1.Session() as session:
        tf1.set_random_seed(7)
        old = session.run([eval(line, {"tf": tf1, "s": 11}) for line, _ in changed])
    for (line, new), expected in zip(changed, old, strict=True):
        tf.random.set_seed(7)
        assert identical(expected, eval(new, {"tf": tf, "s": 11}).numpy()), line


@pytest.mark.parametrize("name", chapters.MODELS)
def test_a_chapter_builds_the_same_graph_after_the_fix(name, tmp_path):
    path = ROOT / "tf1_graph" / "models" / f"{name}.py"
    # The chapters hardly use a name that TF2 has not: two more in each.
    text = path.read_text(encoding="utf-8") + (
        "\n\ndef _more(x):\n    return tf.log(tf.random_normal([3], seed=1) + x)\n"
    )
    after = rewritten(tmp_path, text)
    assert "tf.math.log(tf.random.normal(" in after
    graphs = []
    for file, source in (("old", text), ("new", after)):
        module = _module(write(tmp_path / f"{file}_{name}.py", source))
        built = module.build(module.Config(**chapters.drawn(name).SMALL))
        with built.graph.as_default():
            module._more(1.0)
        graphs.append(nameless(built.graph))
    assert graphs[0] == graphs[1] and len(graphs[0]) > 10


def nameless(graph):
    """[(kind, inputs by number, types and shapes)] of a graph's ops, whatever their names:
    an op that is not named is called after the function that made it."""
    numbers = {
        operation: place for place, operation in enumerate(graph.get_operations())
    }
    return [
        (
            operation.type,
            [(numbers[value.op], value.value_index) for value in operation.inputs],
            sorted(numbers[other] for other in operation.control_inputs),
            [
                (value.dtype, value.shape.rank and value.shape.as_list())
                for value in operation.outputs
            ],
            "value" in operation.node_def.attr
            and operation.node_def.attr["value"].tensor.SerializeToString(),
        )
        for operation in numbers
    ]


def _module(path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


# --------------------------------------------------------------- nothing else changes

CALLS = {
    "tf.log(x)": "tf.math.log(x)",
    "map(tf.log, x)": "map(tf.math.log, x)",
    "é = 'ü'; tf.log(tf.log(x))  # tf.log": "é = 'ü'; tf.math.log(tf.math.log(x))  # tf.log",
    "tf.argmax( x , dimension = 1 )": "tf.argmax( x , axis = 1 )",
    "tf.argmax(x, 1, 'name', output_type=t)": "tf.argmax(x, 1, name='name', output_type=t)",
    "tf.reduce_sum(x, keep_dims=True)": "tf.reduce_sum(x, keepdims=True)",
    "tf.compat.v1.log(x)": "tf.math.log(x)",
    "tf.to_float(x)": "tf.compat.v1.to_float(x)",
    "tf.compat.v1.to_float(x)": "tf.compat.v1.to_float(x)",
    "tf.app.flags.DEFINE_bool('a', b, 'c')": "tf.compat.v1.app.flags.DEFINE_bool('a', b, 'c')",
    "tf.space_to_batch(x, p, 2)": "tf.compat.v1.space_to_batch(x, p, 2)",
    "tf.gfile.Exists(name)": "tf.io.gfile.exists(name)",
    "nn = tf.nn; nn.softmax(x, dim=1)": "nn = tf.nn; nn.softmax(x, axis=1)",
    "f'{tf.log(x)} tf.log'": "f'{tf.math.log(x)} tf.log'",
    "t = tf; t.log(x)": "t = tf; t.math.log(x)",
}
LEFT = {
    "'tf.log(x)'": "",
    "tf.nn.dropout(x, 0.5)": "",
    "tf.placeholder(tf.float32)": "",
    "tf.contrib.layers.flatten(x)": "",
    "log = tf.sigmoid; log(x)": "",
    "tf = None; tf.log(x)": "",
    "tf.abs(x)": "",
    "(tf\n .log(x))": "not written out in one piece",
    "tf.reduce_sum(x, **more)": "",
    "tf.argmax(x, 1, 'name', *more)": "the call unpacks some",
    "tf.argmax(x, 1, ('name'))": "an argument in brackets",
    "tf.reduce_sum(x, keep_dims=a, keepdims=b)": "given twice",
    "from tensorflow import log; log(x)": "rename it there",
    "best = tf.argmax; best(x, dimension=1)": "rename it there",
}


@pytest.mark.parametrize("line", CALLS)
def test_a_name_is_replaced_and_nothing_else(line, tmp_path):
    assert rewritten(tmp_path, TF + line) == TF + CALLS[line]


@pytest.mark.parametrize("line", LEFT)
def test_what_is_more_than_a_name_is_left(line, tmp_path):
    plan = planned(tmp_path, TF + line)
    assert plan.fixes == []
    if LEFT[line]:
        assert {left.line for left in plan.left} <= {2, 3}
        assert any(LEFT[line] in left.why for left in plan.left)


def test_what_no_test_has_shown_becomes_the_old_function_under_compat_v1(tmp_path):
    """The new name is written where its rule has evidence, and only there."""
    path = write(tmp_path / "program.py", TF + "tf.argmax(tf.log(x), dimension=1)\n")
    report = scan.scan([str(path)])
    unproven = [
        finding._replace(evidence=rule_file.UNPROVEN) for finding in report.findings
    ]
    for findings, after in (
        (report.findings, b"tf.argmax(tf.math.log(x), axis=1)"),
        (unproven, b"tf.compat.v1.argmax(tf.compat.v1.log(x), dimension=1)"),
    ):
        (fix,) = fixes.plan(report._replace(findings=findings)).fixes
        assert after in fix.after


def test_under_compat_v1_only_names_of_compat_v1_are_written(tmp_path):
    v1 = "import tensorflow.compat.v1 as tf\n"
    text = (
        v1 + "tf.log(tf.argmax(x, dimension=1))\ntf.to_float(x)\ntf.gfile.Exists(x)\n"
    )
    after = rewritten(tmp_path, text)
    assert after == text.replace("tf.log", "tf.math.log").replace(
        "tf.gfile.Exists", "tf.io.gfile.exists"
    )
    for dotted in re.findall(r"tf(?:\.\w+)+", after):
        assert eval(dotted, {"tf": tf1}) is not None


def test_under_compat_v1_a_name_that_means_another_function_there_is_not_written(
    tmp_path,
):
    """The where of TF2 broadcasts; compat.v1's own chooses rows."""
    text = "tf.where_v2([[True]], x, y)\n"
    v1 = "import tensorflow.compat.v1 as tf\n"
    assert rewritten(tmp_path, v1 + text) == v1 + text
    assert rewritten(tmp_path, TF + text) == TF + text.replace("where_v2", "where")
    # Nor is any other: what is written is the same object under another name, or, as
    # the table of 1.15's names has it, calls the same.
    names = [row.symbol for row in api().values() if row.in_compat_v1]
    old = v1 + "".join(f"{name}\n" for name in names)
    changed = [
        (before, after)
        for before, after in zip(
            old.splitlines(), rewritten(tmp_path, old).splitlines(), strict=True
        )
        if before != after
    ]
    assert len(changed) > 150
    for names in changed:
        before, after = (eval(name, {"tf": tf1}) for name in names)
        calls_the_same = "same" in [api()[name].successor for name in names]
        assert before is after or calls_the_same, names


BYTES = {
    "CRLF": b"import tensorflow as tf\r\nx = tf.log(1.)\r\n\r\n",
    "CR": b"import tensorflow as tf\rx = tf.log(1.)\r",
    "no last newline": b"import tensorflow as tf\nx = tf.log(1.)",
    "byte order mark": b"\xef\xbb\xbfimport tensorflow as tf\nx = tf.log(1.)\n",
    "Latin-1": b"# coding: latin-1\nimport tensorflow as tf\nx = '\xe9', tf.log(1.)\n",
    "form feed": b"import tensorflow as tf\n\x0c\nx = tf.log(1.)\n",
    "tabs": b"import tensorflow as tf\nif x:\n\tx\t=\ttf.log( 1. )\t# a\n",
    "line separator": "import tensorflow as tf\nx = '\u2028'; tf.log(1.)\n".encode(),
}


@pytest.mark.parametrize("kind", BYTES)
def test_every_other_byte_is_kept(kind, tmp_path):
    plan = planned(tmp_path, BYTES[kind])
    (fix,) = plan.fixes
    assert fix.before == BYTES[kind]
    assert fix.after == BYTES[kind].replace(b"tf.log", b"tf.math.log")
    assert "+" in fix.diff() and "\r" not in fix.diff()


@pytest.mark.parametrize(
    "name, text, why",
    [
        (
            "old.py",
            TF + "print 'x', tf.log(x)\n",
            "Missing parentheses in call to 'print'. Did you mean print(...)?, line 2",
        ),
        (
            "wrong.py",
            TF.encode() + b"x = '\xe9', tf.log(x)\n",
            "not parsed as Python 3",
        ),
        (
            "book.ipynb",
            '{"cells": [{"cell_type": "code", "source": "import tensorflow as tf\\n'
            'tf.log(x)"}]}',
            "a notebook",
        ),
    ],
)
def test_what_cannot_be_parsed_is_not_touched(name, text, why, tmp_path):
    plan = planned(tmp_path, text, name)
    assert plan.fixes == []
    (left,) = plan.left
    assert (left.line, why in left.why) == (0, True)


def test_our_own_graphs_are_rewritten_only_once(tmp_path):
    for path in sorted((ROOT / "tf1_graph").rglob("*.py")):
        after = rewritten(tmp_path, path.read_text(encoding="utf-8"))
        assert rewritten(tmp_path, after) == after, path


# ------------------------------------------------------------------------- the command


@pytest.fixture
def two_files(tmp_path):
    for name in ("a.py", "b.py"):
        write(tmp_path / name, TF + "y = tf.log(x)\n")
    return tmp_path


def contents(folder):
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_a_diff_writes_nothing(two_files, tf_parity):
    before = contents(two_files)
    code, out, err = tf_parity("scan", two_files, "--fix", "--diff")
    assert out.startswith("--- ") and "\n+++ " in out and "\n@@ " in out
    assert (code, err) == (0, "") and contents(two_files) == before
    assert out.count("-y = tf.log(x)") == out.count("+y = tf.math.log(x)") == 2
    assert "2 uses in 2 files would be renamed" in out


def test_yes_writes_and_a_second_time_nothing(two_files, tf_parity):
    (two_files / "a.py").chmod(0o755)
    (two_files / "link.py").symlink_to(two_files / "b.py")
    code, out, err = tf_parity(
        "scan", two_files, "--fix", "--yes", "--fail-on", "renamed"
    )
    assert (code, err) == (0, "") and "2 uses in 2 files renamed." in out
    new = TF + "y = tf.math.log(x)\n"
    assert contents(two_files) == {"a.py": new, "b.py": new, "link.py": new}
    assert (two_files / "a.py").stat().st_mode & 0o777 == 0o755
    assert (two_files / "link.py").is_symlink()
    assert "Nothing to rename." in tf_parity("scan", two_files, "--fix", "--yes")[1]


@pytest.mark.parametrize("answer, written", [(True, True), (False, False)])
def test_on_a_terminal_it_asks(answer, written, two_files, tf_parity, monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr(fixing.sys, "stdin", Terminal())
    monkeypatch.setattr(fixing.click, "confirm", lambda *_, **__: answer)
    code, out, _ = tf_parity("scan", two_files, "--fix")
    assert code == 0 and ("renamed." in out) == written
    assert ("math" in (two_files / "a.py").read_text()) == written


@pytest.mark.parametrize(
    "words, told",
    [
        (["--fix"], "--fix must be confirmed"),
        (["--yes"], "--yes must go with --fix"),
        (["--diff"], "--diff must go with --fix"),
        (["--fix", "--yes", "--diff"], "--yes and --diff"),
        (["--fix", "--format", "json"], "--fix must go without --format"),
        (["--fix", "--output", "x"], "--fix must go without --output"),
    ],
)
def test_what_does_not_go_together_is_refused(words, told, two_files, tf_parity):
    before = contents(two_files)
    code, _, err = tf_parity("scan", two_files, *words)
    assert code == 2 and told in err and err.count("\n") == 1
    assert contents(two_files) == before


@pytest.mark.parametrize("fails", ["fill", "changed"])
def test_all_files_are_written_or_none(fails, two_files, monkeypatch):
    plan = fixes.plan(scan.scan([str(two_files)]))
    before = contents(two_files)
    if fails == "fill":
        filled, real = [], outputs.fill

        def fill(*arguments):
            filled.append(arguments)
            if len(filled) > 1:
                raise OSError(28, "No space left on device")
            real(*arguments)

        monkeypatch.setattr(outputs, "fill", fill)
    else:
        (two_files / "b.py").write_text("changed = True\n")
        before["b.py"] = "changed = True\n"
    with pytest.raises(UserError, match="nothing was written"):
        fixing.write(plan.fixes)
    assert contents(two_files) == before
