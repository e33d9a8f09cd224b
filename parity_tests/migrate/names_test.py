"""Claims about what a scan sees in a program: aliases, scopes, context; not formatting."""

import ast
import io
import tokenize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.migrate.programs import symbols, uses
from tf2_keras.migrate import names

ALIASES = {
    "plain": "import tensorflow as tf\ntf.placeholder(tf.float32)",
    "whole name": "import tensorflow\ntensorflow.placeholder(tensorflow.float32)",
    "compat.v1": "import tensorflow.compat.v1 as tf\ntf.placeholder(tf.float32)",
    "from compat": "from tensorflow.compat import v1 as tf\ntf.placeholder(tf.float32)",
    "spelled out": "import tensorflow as tf\n"
    "tf.compat.v1.placeholder(tf.compat.v1.float32)",
    "rebound": "import tensorflow as tf\ntf = tf.compat.v1\ntf.placeholder(tf.float32)",
    "assigned": "import tensorflow\nanother = tensorflow\n"
    "another.placeholder(another.float32)",
    "getattr": "import tensorflow as tf\ngetattr(tf, 'placeholder')(tf.float32)",
    "import_module": "import importlib\ntf = importlib.import_module('tensorflow')\n"
    "tf.placeholder(tf.float32)",
    "handed on": "from compat import tfv1 as tf\ntf.placeholder(tf.float32)",
    "star of the project": "from common import *\ntf.placeholder(tf.float32)",
    "star": "from tensorflow import *\nplaceholder(float32)",
    "try": "try:\n    import tensorflow.compat.v1 as tf\nexcept ImportError:\n"
    "    tf = None\ntf.placeholder(tf.float32)",
    "in a function": "def build():\n    import tensorflow as tf\n"
    "    return tf.placeholder(tf.float32)",
    "global": "def use():\n    return tf.placeholder(tf.float32)\n"
    "def load():\n    global tf\n    import tensorflow as tf",
    "closure": "import tensorflow as tf\ndef outer():\n    t = tf\n    def inner():\n"
    "        return t.placeholder(t.float32)\n    return inner",
    "walrus": "import tensorflow as tf\nif (t := tf):\n    t.placeholder(t.float32)",
    "tuple": "import tensorflow as tf\nt, n = tf, 1\nt.placeholder(t.float32)",
    "class attribute": "import tensorflow as tf\nclass Net:\n    t = tf\n"
    "    def build(self):\n        return self.t.placeholder(self.t.float32)",
}


@pytest.mark.parametrize("name", ALIASES)
def test_a_module_is_followed_under_any_name(name, tmp_path):
    assert sorted(symbols(tmp_path, ALIASES[name])) == ["tf.float32", "tf.placeholder"]


IMPORTS = {
    "import tensorflow.contrib.slim as slim\nslim.conv2d(x, 3, 3)": [
        "tf.contrib.slim",
        "tf.contrib.slim.conv2d",
    ],
    "from tensorflow.contrib import slim\nslim.conv2d(x, 3, 3)": [
        "tf.contrib.slim",
        "tf.contrib.slim.conv2d",
    ],
    "import tensorflow as tf\nslim = tf.contrib.slim\nslim.conv2d(x, 3, 3)": [
        "tf.contrib.slim",
        "tf.contrib.slim.conv2d",
    ],
    "from tensorflow.contrib import slim\nslim.layers.conv2d(x, 3, 3)": [
        "tf.contrib.slim",
        "tf.contrib.slim.layers.conv2d",
    ],
    "from tensorflow import layers as L\nL.dense(x, 3)": [
        "tf.layers",
        "tf.layers.dense",
    ],
    "from tensorflow.contrib import rnn": ["tf.contrib.rnn"],
    "from tensorflow.contrib.rnn import BasicLSTMCell as Cell\nCell(3)": [
        "tf.contrib.rnn.BasicLSTMCell",
        "tf.contrib.rnn.BasicLSTMCell",
    ],
    "from tensorflow.contrib.rnn import BasicLSTMCell as Cell\ncells = [Cell]": [
        "tf.contrib.rnn.BasicLSTMCell",
        "tf.contrib.rnn.BasicLSTMCell",
    ],
    "from tensorflow.examples.tutorials.mnist import input_data": [
        "tf.examples.tutorials.mnist.input_data"
    ],
    "from tensorflow.contrib.layers import *\nconv2d(x, 3, 3)": [
        "tf.contrib.layers",
        "tf.contrib.layers.conv2d",
    ],
    "from tensorflow.python.ops import array_ops\narray_ops.placeholder('float32')": [
        "tf.python.ops.array_ops",
        "tf.placeholder",
    ],
    "from tensorflow.python.ops.rnn_cell import LSTMCell\nx = 1": [
        "tf.nn.rnn_cell.LSTMCell"
    ],
    "from tensorflow.contrib.rnn.python.ops.rnn_cell import LayerNormBasicLSTMCell": [
        "tf.contrib.rnn.LayerNormBasicLSTMCell"
    ],
    "import tensorflow as tf\nconv = tf.layers.conv2d\nconv(x, 3, 3)": [
        "tf.layers.conv2d",
        "tf.layers.conv2d",
    ],
    "import tensorflow as tf\nFLAGS = tf.app.flags.FLAGS\nprint(FLAGS.rate)": [
        "tf.app.flags.FLAGS"
    ],
    "import tensorflow as tf\ntf.train.Saver().save(session, path)": ["tf.train.Saver"],
    "import tensorflow as tf\ntf.train.AdamOptimizer(1.).minimize(loss)": [
        "tf.train.AdamOptimizer",
        "tf.train.AdamOptimizer.minimize",
    ],
    "import tensorflow as tf\nwith tf.Session() as s:\n    s.close()": ["tf.Session"],
    "import tensorflow as tf\nprint(tf.float32.name)": ["tf.float32"],
    "import tensorflow as tf, functools\nfunctools.partial(tf.layers.dense, units=3)": [
        "tf.layers.dense"
    ],
    "import tensorflow as tf\nclass Cell(tf.nn.rnn_cell.RNNCell):\n    pass": [
        "tf.nn.rnn_cell.RNNCell"
    ],
    "import tensorflow as tf\nclass A:\n    def call(self, x):\n        self.cell(x)\n"
    "    def __init__(self):\n        self.cell = tf.nn.rnn_cell.LSTMCell": [
        "tf.nn.rnn_cell.LSTMCell",
        "tf.nn.rnn_cell.LSTMCell",
    ],
    "import tensorflow as tf\n@tf.RegisterGradient('A')\ndef f(op, g=tf.log): pass": [
        "tf.RegisterGradient",
        "tf.log",
    ],
    "import tensorflow as tf\nprint(f'{tf.log(2.)}')": ["tf.log"],
    "import tensorflow as tf\nf = lambda x: tf.log(x)\ng = [tf.log(x) for x in y]": [
        "tf.log",
        "tf.log",
    ],
}


@pytest.mark.parametrize("text", IMPORTS)
def test_symbols_are_canonical(text, tmp_path):
    assert symbols(tmp_path, text) == IMPORTS[text]


NOT_TENSORFLOW = {
    "parameter": "def f(tf):\n    return tf.log(1)",
    "lambda": "f = lambda tf: tf.log(1)",
    "loop": "for tf in y:\n    tf.log(1)",
    "comprehension": "[tf.log(1) for tf in y]",
    "local": "def f():\n    tf = other()\n    return tf.log(1)",
    "with": "with other() as tf:\n    tf.log(1)",
    "except": "try:\n    pass\nexcept E as tf:\n    tf.log(1)",
    "function": "def tf(): pass\ntf.log(1)",
    "class": "class tf: pass\ntf.log(1)",
    "another import": "import other as tf\ntf.log(1)",
    "deleted": "del tf\ntf.log(1)",
    "match": "match y:\n    case [tf]:\n        tf.log(1)",
    "attribute of another": "other.tf.log(1)",
    "method of another": "other.placeholder(1)",
    "getattr with a variable": "getattr(tf, name)",
    "string": "print('tf.log(1)')",
    "class scope": "class A:\n    log = tf\ndef f():\n    return log.log(1)",
}


def test_a_name_that_nothing_imports_is_no_alias(tmp_path):
    """Unless another module's star may have brought it."""
    assert symbols(tmp_path, "tf.log(1)") == []
    assert symbols(tmp_path, "from common import *\ntf.log(1)") == ["tf.log"]


@pytest.mark.parametrize("name", NOT_TENSORFLOW)
def test_a_shadowed_name_is_no_alias(name, tmp_path):
    assert symbols(tmp_path, "import tensorflow as tf\n" + NOT_TENSORFLOW[name]) == []


def test_a_reader_without_scopes_would_be_found(tmp_path, monkeypatch):
    """A planted mistake: names are never unbound."""
    bind = names.Reader.bind
    monkeypatch.setattr(
        names.Reader,
        "bind",
        lambda self, name, value: None if value is None else bind(self, name, value),
    )
    wrong = [
        name
        for name, text in NOT_TENSORFLOW.items()
        if symbols(tmp_path, "import tensorflow as tf\n" + text)
    ]
    assert len(wrong) >= 8


# -------------------------------------------------------------------------- formatting

STATEMENTS = [
    "tf.placeholder(tf.float32, shape=[None, 3])",
    "y = tf.nn.dropout(x, keep_prob=tf.constant(0.5))",
    "slim = tf.contrib.slim",
    "slim.conv2d(x, 3, [3, 3], scope='a')",
    "with tf.Session() as session:\n    session.run(tf.global_variables_initializer())",
    "def f(tf):\n    return tf.log(1)",
    "def g(x, rate=tf.train.exponential_decay(0.1, 0, 1, 0.9)):\n"
    "    tf.train.MomentumOptimizer(rate, 0.9).minimize(x)\n    return [tf.log(v) for v in x]",
    "class Cell(tf.nn.rnn_cell.RNNCell):\n    def __init__(self):\n"
    "        self.act = tf.tanh\n    def call(self, x):\n        return self.act(x)",
    "if x:\n    import numpy as np\nelse:\n    tf = tf.compat.v1",
    "print('tf.log', {'a': tf.log(1), **x}, not tf.equal(x, y))",
]


def respaced(text, draw):
    """The same program with other blanks, line breaks, comments and continuations."""
    rows, depth, before = [], 0, None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind, written = token.type, token.string
        if kind in (tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT):
            continue
        if before is None:
            if kind == tokenize.NL:
                continue
            rows.append(draw(st.sampled_from(["", "\n", "# tf.log\n"])))
            rows.append(" " * (3 * token.start[1]))
        elif kind != tokenize.NEWLINE:
            breaks = (
                ["\n", "  # tf.log(1)\n\t", " "] if depth else [" ", "\t", " \\\n "]
            )
            rows.append(draw(st.sampled_from(breaks)))
        if kind == tokenize.OP:
            depth += (written in "([{") - (written in ")]}")
        rows.append(written if kind != tokenize.NEWLINE else "\n")
        before = None if kind == tokenize.NEWLINE else token
    return "".join(rows)


@given(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=6), st.data())
@settings(deadline=None)
def test_formatting_never_matters(statements, data):
    text = "import tensorflow as tf\n" + "\n".join(statements) + "\n"

    def seen(text):
        return [use._replace(line=0, column=0) for use in uses(text)]

    reformatted = respaced(text, data.draw)
    assert ast.dump(ast.parse(reformatted)) == ast.dump(ast.parse(text))
    assert seen(reformatted) == seen(text)
    assert seen(ast.unparse(ast.parse(text))) == seen(text)
    assert len(seen(text)) >= 1 or not any("tf." in text for text in statements)
