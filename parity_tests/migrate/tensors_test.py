"""Claims about tensors under Python's own operators: what is told, and what is true.

``tensor_values.tsv`` is what TensorFlow 1.15.5 answered, see witness/tensor_values.py.
"""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.house.house_test import NEEDS_CHECKOUT
from parity_tests.migrate.programs import TF, findings
from parity_tests.witness import tensor_values

GOLDEN = pathlib.Path(__file__).with_name("tensor_values.tsv")
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "guide" / "tensors.md"


def recorded():
    """{expression: what 1.15.5 gave}."""
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(tensor_values.HEAD.format("1.15.5", 3, 7))
    return dict(line.split("\t") for line in lines[1:])


def today():
    known = tensor_values.names(tf)
    return {
        expression: tensor_values.value(expression, known)
        for expression in tensor_values.EXPRESSIONS
    }


SAME_TODAY = {
    "a is b",
    "x in [x]",
    "len({a.experimental_ref(), b.experimental_ref()})",
    "int(x.shape[0])",
    "x.shape.as_list()[0]",
    "column.shape[1] // 2",
}


def test_what_became_of_equality_hash_truth_and_dimensions():
    before, now = recorded(), today()
    assert list(before) == list(tensor_values.EXPRESSIONS)
    assert {name for name in before if before[name] == now[name]} == SAME_TODAY
    assert (before["b in [a]"], now["b in [a]"]) == ("False", "True")
    assert (before["len({a: 1, b: 2})"], now["len({a: 1, b: 2})"]) == ("2", "TypeError")
    assert (before["bool(a)"], now["bool(a)"]) == ("True", "False")
    assert now["x.shape[0].value"] == "AttributeError"
    assert (before["column.shape[0] is None"], now["column.shape[0] is None"]) == (
        "False",
        "True",
    )


@NEEDS_CHECKOUT
def test_the_page_shows_both_worlds():
    before, now = recorded(), today()
    rows = "".join(f"| `{e}` | {before[e]} | {now[e]} |\n" for e in before)
    assert rows in PAGE.read_text(encoding="utf-8")


def test_a_variable_that_is_got_again_eagerly_is_another():
    """The guard for eager code is gone: nothing is raised, nothing is shared."""

    def build():
        with tf1.variable_scope("shared", reuse=tf1.AUTO_REUSE):
            return tf1.get_variable("w", [2], initializer=tf1.ones_initializer())

    with tf.Graph().as_default():
        assert build() is build()
    first, second = build(), build()
    assert first is not second and first.name == second.name == "shared/w:0"
    first.assign([5.0, 5.0])
    assert second.numpy().tolist() == [1.0, 1.0]


def test_python_runs_at_every_call_or_once_a_trace():
    generator = np.random.default_rng(0)

    def noisy(x):
        return x + generator.random()

    with tf.Graph().as_default(), tf1.Session() as session:
        built = noisy(tf1.constant(0.0))
        assert session.run(built) == session.run(built)  # a constant of the graph
    zero = tf.constant(0.0)
    assert noisy(zero) != noisy(zero)
    traced = tf.function(noisy)
    assert traced(zero) == traced(zero) != traced(tf.constant([0.0]))[0]


def test_an_assignment_happens_where_it_is_written():
    with tf.Graph().as_default(), tf1.Session() as session:
        count = tf1.Variable(0.0)
        update = count.assign_add(1.0)
        session.run(tf1.global_variables_initializer())
        assert session.run(count) == 0.0  # nothing fetched it
        assert [session.run(update) for _ in range(2)] == [1.0, 2.0]
    count = tf.Variable(0.0)
    count.assign_add(1.0)
    assert count.numpy() == 1.0


# ------------------------------------------------------------------------ what is told

EQUALITY, HASH = "tf.Tensor.__eq__", "tf.Tensor.__hash__"
TRUTH, DIMENSION = "tf.Tensor.__bool__", "tf.Dimension.value"
RUN, EVAL, RUN_OP = "tf.Session.run", "tf.Tensor.eval", "tf.Operation.run"
MADE = "a, b = tf.Variable(0.), tf.constant(1.)\n"
TOLD = {
    # The third line, and what is told of it.
    "a == b": EQUALITY,
    "a != 3": EQUALITY,
    "known = b in [a]": EQUALITY,
    "b not in tf.trainable_variables()": EQUALITY,
    "[v for v in tf.global_variables() if v not in tf.trainable_variables()]": EQUALITY,
    "names.index(a)": EQUALITY,
    "names.remove(b)": EQUALITY,
    "(a + 1) * 2 == b": EQUALITY,
    "tf.trainable_variables()[0] == a": EQUALITY,
    "slots = {a: 1}": HASH,
    "slots = {}; slots[a] = 1": HASH,
    "slots = dict(); slots.get(b)": HASH,
    "seen = set(); seen.add(a)": HASH,
    "seen = set(tf.trainable_variables())": HASH,
    "seen = {a, b}": HASH,
    "slots = {v: 0 for v in tf.trainable_variables()}": HASH,
    "slots = {}; a in slots": HASH,
    "if a: pass": TRUTH,
    "while not b: pass": TRUTH,
    "a or default": TRUTH,
    "1 if b else 2": TRUTH,
    "b.get_shape()[1].value": DIMENSION,
    "b.shape[-1].value": DIMENSION,
    "unknown.get_shape()[1].value": DIMENSION,
    "unknown.shape[1:][0].value": DIMENSION,
    "shape = unknown.get_shape(); shape[0].value": DIMENSION,
    "[d.value for d in unknown.shape]": DIMENSION,
    "for size in b.get_shape(): size.value": DIMENSION,
    "unknown.net.shape[0] is None": DIMENSION,
    "b.get_shape()[0] == None": DIMENSION,
    "b.eval()": EVAL,
    "accuracy.eval({x: images})": EVAL,
    "self.loss.eval(feed_dict=feeds)": EVAL,
    "cost.eval(session=other)": EVAL,
    "sess.run(unknown)": RUN,
    "self.sess.run(unknown)": RUN,
    "tf.get_default_session().run(unknown)": RUN,
    "runner.run(loss, feed_dict={x: images})": RUN,
    "train_step.run(feed_dict={x: images})": RUN_OP,
    "train_step.run({x: images})": RUN_OP,
    "tf.global_variables_initializer().run()": RUN_OP,
    "update = a.assign(b)": "tf.Variable.assign",
    "copy = [t.assign(s) for t, s in zip(targets, sources)]": "tf.Variable.assign",
}


@pytest.mark.parametrize("line", TOLD)
def test_it_is_told(line, tmp_path):
    program = TF + MADE + line
    told = {
        finding.symbol: finding
        for finding in findings(tmp_path, program)
        if finding.line == 3
    }
    assert TOLD[line] in told
    finding = told[TOLD[line]]
    assert finding.status in ("changes", "restructure")
    assert finding.replacement and finding.chapter and "::" in finding.evidence


NOT_TOLD = [
    "a is b",
    "a is None",
    "b == None",
    "b.name == 'x'",
    "b.dtype == tf.float32",
    "b.shape.ndims == 2",
    "b.shape.as_list()[0] == 3",
    "b.shape.dims[0].value",
    "len(b.shape) == 2",
    "b.shape[0] == 3",
    "tf.__version__ == '1.4'",
    "tf.gfile.Exists(name) == True",
    "if tf.gfile.Exists(name): pass",
    "if tf.train.latest_checkpoint(folder): pass",
    "if tf.trainable_variables(): pass",
    "tf.app.flags.FLAGS.mode == 'train'",
    "values = sess.run(a); values == 3",
    "loss = sess.run(a); results = {loss: 1}",
    "mode in ['train', 'test']",
    "names.index('a')",
    "item.value",
    "array.shape[0] * 2",
    "x = tf.placeholder(tf.float32, [3]); feeds = {x: 1}",
    "x = tf.placeholder(tf.float32, [3]); feeds = {}; feeds[x] = 1",
    "model.eval()",
    "subprocess.run(['ls'])",
    "frame.assign(total=3)",
    "b[a]",
    "cells = {'a': a}",
    "updates = set(tf.get_collection(tf.GraphKeys.UPDATE_OPS))",
    "if b is not None: pass",
    "if isinstance(b, tf.Tensor): pass",
    "tf.is_tensor(a) == True",
    "[1, 2][0] == 1",
    "a = 1; a == 2",
]


@pytest.mark.parametrize("line", NOT_TOLD)
def test_it_is_not_told(line, tmp_path):
    told = {
        finding.symbol
        for finding in findings(tmp_path, TF + MADE + line)
        if finding.line == 3
    }
    if line.startswith(("values =", "loss =")):
        told.discard(RUN)
    assert not told & {EQUALITY, HASH, TRUTH, DIMENSION, EVAL, RUN, RUN_OP}
    assert "tf.Variable.assign" not in told


def test_code_for_tensorflow_2_is_told_nothing(tmp_path):
    program = TF + "@tf.function\ndef f(a, b):\n    if tf.reduce_sum(a) == b: pass\n"
    assert findings(tmp_path, program) == []


def effects(folder, body):
    """The lines of a function that are told as Python's own."""
    lines = "".join(f"    {line}\n" for line in body.split("; "))
    program = f"{TF}import numpy as np, random, time\ndef build(x):\n{lines}"
    return [
        finding.line - 3
        for finding in findings(folder, program)
        if finding.symbol == "tf.function"
    ]


@pytest.mark.parametrize(
    "body, lines",
    [
        ("y = tf.square(x); return y * np.random.rand()", [2]),
        ("s = random.random(); return tf.nn.relu(x) + s", [1]),
        ("t = time.time(); return tf.fill([2], t)", [1]),
        ("global calls; calls += 1; return tf.square(x)", [2]),
        ("self.calls += 1; return tf.square(x)", [1]),
        ("w = tf.Variable(np.random.rand(3)); return tf.square(w)", []),
        ("return np.random.rand()", []),
        ("calls = 0; calls += 1; return tf.square(x)", []),
        ("b = np.random.rand(); y = tf.square(x); sess.run(y, {x: b})", []),
        ("np.random.seed(1); return tf.square(x)", []),
        ("b = np.random.rand(); y = self.evaluate(tf.square(b))", []),
    ],
)
def test_python_of_a_function_that_builds_is_told(body, lines, tmp_path):
    assert effects(tmp_path, body) == lines
