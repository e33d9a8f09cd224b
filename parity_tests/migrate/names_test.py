"""Claims about what a scan sees in a program: aliases, scopes, context; not formatting."""

import ast
import io
import textwrap
import tokenize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf2_keras.migrate import catalogue, names, scan


def findings(tmp_path, text, name="program.py"):
    path = tmp_path / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return scan.scan([str(path)]).findings


def symbols(tmp_path, text):
    return [each.symbol for each in findings(tmp_path, text)]


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


@pytest.mark.parametrize("name", NOT_TENSORFLOW)
def test_a_shadowed_name_is_no_alias(name, tmp_path):
    assert symbols(tmp_path, "import tensorflow as tf\n" + NOT_TENSORFLOW[name]) == []


def test_a_reader_without_scopes_would_be_found(tmp_path, monkeypatch):
    """A planted mistake: names are never unbound."""
    bind = names._Reader.bind
    monkeypatch.setattr(
        names._Reader,
        "bind",
        lambda self, name, value: None if value is None else bind(self, name, value),
    )
    wrong = [
        name
        for name, text in NOT_TENSORFLOW.items()
        if symbols(tmp_path, "import tensorflow as tf\n" + text)
    ]
    assert len(wrong) >= 8


def uses(text):
    return names.read(ast.parse(textwrap.dedent(text)).body).uses


@pytest.mark.parametrize(
    "written, positional, keywords",
    [
        ("tf.nn.dropout(x, 0.5)", 2, {}),
        ("tf.nn.dropout(x, keep_prob=.5)", 1, {"keep_prob": 0.5}),
        ("tf.nn.dropout(x, keep_prob=y)", 1, {"keep_prob": None}),
        ("tf.nn.dropout(x, keep_prob=-1)", 1, {"keep_prob": -1}),
        ("tf.nn.dropout(*x, **y)", 0, {"*": None, "**": None}),
        ("tf.nn.dropout(x, noise_shape=[1, 2])", 1, {"noise_shape": [1, 2]}),
        ("tf.nn.dropout(x, d=tf.float32)", 1, {"d": "tensorflow.float32"}),
        ("d = tf.nn.dropout; d(x, rate=1)", 1, {"rate": 1}),
        ("functools.partial(tf.nn.dropout, rate=1)", 0, {"rate": 1, "**": None}),
        ("getattr(tf.nn, 'dropout')(x, rate=1)", 1, {"rate": 1}),
    ],
)
def test_arguments_are_seen(written, positional, keywords):
    calls = [
        use.call
        for use in uses(f"import tensorflow as tf\n{written}")
        if use.dotted == "tensorflow.nn.dropout" and use.call is not None
    ]
    assert [(call.positional, call.keywords) for call in calls] == [
        (positional, keywords)
    ]


def test_an_arg_scope_gives_its_arguments_to_the_calls_of_the_file():
    text = """
    import tensorflow.contrib.slim as slim
    with slim.arg_scope([slim.batch_norm], decay=0.9, scale=True):
        slim.batch_norm(x, scale=False)
    """
    (call,) = [
        use.call
        for use in uses(text)
        if use.dotted.endswith("batch_norm") and use.call is not None
    ]
    assert call.keywords == {"decay": 0.9, "scale": False}


# ------------------------------------------------------ what only the whole program shows

TRAINED = """
import tensorflow as tf
tf.set_random_seed(1)
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32{shape})
w = tf.Variable(tf.zeros([3, 1]))
prediction = tf.matmul(x, w) + 1.0
loss = tf.reduce_mean({difference})
"""
BROADCASTS = {
    "no shape": ("", "tf.square(prediction - y)", True),
    "[None]": (", [None]", "tf.square(y - prediction)", True),
    "shape=None": (", shape=None", "tf.squared_difference(prediction, y)", True),
    "shape=[None]": (
        ", shape=[None]",
        "tf.losses.mean_squared_error(y, prediction)",
        True,
    ),
    "[None, 1]": (", [None, 1]", "tf.square(prediction - y)", False),
    "unknown shape": (", shape=SHAPE", "tf.square(prediction - y)", False),
    "no prediction": ("", "tf.square(y - tf.reduce_mean(y))", False),
}


def told(tmp_path, text, fact):
    """Lines where a fact of the whole program is told."""
    note = scan.FACTS[fact].note
    return [each.line for each in findings(tmp_path, text) if each.note == note]


@pytest.mark.parametrize("name", BROADCASTS)
def test_targets_that_broadcast_are_told(name, tmp_path):
    shape, difference, expected = BROADCASTS[name]
    text = TRAINED.format(shape=shape, difference=difference)
    assert told(tmp_path, text, "broadcast") == ([8] if expected else [])


DECAY = """
import tensorflow as tf
tf.set_random_seed(1)
step = tf.train.get_or_create_global_step()
rate = {rate}
optimizer = tf.train.{optimizer}(rate{more})
optimizer.minimize(loss{step})
"""
SCHEDULE = "tf.train.exponential_decay(.1, step, 10, .9)"


@pytest.mark.parametrize(
    "rate, step, expected",
    [
        (SCHEDULE, "", [7]),
        (SCHEDULE, ", global_step=step", []),
        (SCHEDULE, ", step", []),
        (SCHEDULE, ", **options", []),
        ("tf.train.piecewise_constant(step, [3], [.1, .2])", "", [7]),
        ("0.1", "", []),
    ],
)
def test_a_missing_global_step_is_told_where_a_rate_decays(
    rate, step, expected, tmp_path
):
    text = DECAY.format(rate=rate, optimizer="AdamOptimizer", more="", step=step)
    assert told(tmp_path, text, "no_global_step") == expected


@pytest.mark.parametrize(
    "rate, optimizer, more, expected",
    [
        (SCHEDULE, "MomentumOptimizer", ", 0.9", [6]),
        ("0.1", "MomentumOptimizer", ", 0.9", []),
        (SCHEDULE, "AdamOptimizer", "", []),
    ],
)
def test_momentum_under_a_schedule_is_told(rate, optimizer, more, expected, tmp_path):
    text = DECAY.format(rate=rate, optimizer=optimizer, more=more, step=", step")
    assert told(tmp_path, text, "schedule") == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("tf.train.AdamOptimizer().minimize(l)\nwith tf.Session() as s: pass", [3]),
        ("tf.set_random_seed(1)\ntf.train.AdamOptimizer()\ntf.Session()", []),
        ("print(tf.Session())", []),
    ],
)
def test_a_program_that_trains_without_a_seed_is_told(text, expected, tmp_path):
    assert told(tmp_path, "import tensorflow as tf\n" + text, "no_seed") == expected


def test_a_rule_may_ask_what_the_rest_of_the_program_uses(tmp_path, monkeypatch):
    asked = {}
    decide = catalogue.decide

    def remember(rule, call, used=None):
        asked[rule.symbol] = used
        return decide(rule, call, used)

    monkeypatch.setattr(catalogue, "decide", remember)
    model = "import tensorflow as tf\ntf.layers.batch_normalization(x)\n"
    train = "tf.train.AdamOptimizer()\n"
    (tmp_path / "other.py").write_text(
        "import tensorflow as tf\ntf.get_collection(tf.GraphKeys.UPDATE_OPS)\n"
    )
    for text, known in [
        (model + train, False),  # trains, and does not ask
        (model + train + "tf.get_collection('update_ops')", True),
        (model, True),  # another file trains it
    ]:
        (tmp_path / "model.py").write_text(text)
        scan.scan([str(tmp_path)])
        used = asked["tf.layers.batch_normalization"]
        assert ("tf.GraphKeys.UPDATE_OPS" in used) == known


def test_every_fact_names_a_test_that_exists():
    import pathlib

    root = pathlib.Path(__file__).parents[2]
    for rule in scan.FACTS.values():
        assert rule.status in catalogue.STATUSES and rule.replacement and rule.note
        if rule.evidence != catalogue.UNPROVEN:
            path, _, test = rule.evidence.partition("::")
            assert f"def {test}(" in (root / path).read_text(encoding="utf-8")


# --------------------------------------------------------------------------- TF2 code

TF2 = {
    "model": "import tensorflow as tf\nm = tf.keras.Sequential([tf.keras.layers.Dense(3)])\n"
    "@tf.function\ndef step(x):\n    with tf.GradientTape() as tape:\n"
    "        loss = tf.nn.softmax_cross_entropy_with_logits(x, m(x))\n"
    "    return tape.gradient(loss, m.variables)",
    "keras": "import keras\nfrom keras import layers\nimport tensorflow as tf\n"
    "ds = tf.data.Dataset.from_tensor_slices(x).map(lambda x: tf.image.resize(x, (3, 3)))\n"
    "layers.Dense(3)(tf.nn.dropout(x, 0.5))",
    "only in TF2": "import tensorflow as tf\ntf.random.set_seed(1)\ntf.nn.dropout(x, 0.5)\n"
    "tf.random.Generator.from_seed(1)",
    "newer than known": "import tensorflow as tf\n@tf.function\ndef f(): tf.brand.new()",
    "names that TF2 lost since": "import tensorflow as tf\n"
    "tf.keras.layers.Dense(3, kernel_initializer=tf.initializers.zeros)\n"
    "tf.keras.losses.mean_squared_error(x, y)\nprint(tf.__version__)",
    "private names": "import keras\nimport tensorflow as tf\n"
    "from tensorflow.python.ops.math_ops import is_nan\ntf.where(is_nan(x), x, y)",
    "compat.v2": "import tensorflow.compat.v2 as tf\ntf.nn.dropout(x, 0.5)",
}


@pytest.mark.parametrize("name", TF2)
def test_code_for_tensorflow_2_gives_nothing(name, tmp_path):
    assert findings(tmp_path, TF2[name]) == []


def test_old_names_in_code_for_tensorflow_2_are_told(tmp_path):
    text = TF2["model"] + "\ntf.compat.v1.placeholder(tf.float32)"
    assert symbols(tmp_path, text) == ["tf.placeholder"]


def test_a_file_that_says_nothing_goes_with_its_neighbours(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    for folder, text in (("old", "tf.Session()"), ("new", "tf.GradientTape()")):
        (tmp_path / folder / "model.py").write_text(
            f"import tensorflow as tf\n{text}\n"
        )
        (tmp_path / folder / "loss.py").write_text(
            "import tensorflow as tf\ntf.nn.l2_loss(x)\n"
        )
    found = scan.scan([str(tmp_path)]).findings
    assert [each.symbol for each in found if each.file.endswith("loss.py")] == [
        "tf.nn.l2_loss"
    ]
    assert all("old" in each.file for each in found)


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

    other = respaced(text, data.draw)
    assert ast.dump(ast.parse(other)) == ast.dump(ast.parse(text))
    assert seen(other) == seen(text)
    assert seen(ast.unparse(ast.parse(text))) == seen(text)
    assert len(seen(text)) >= 1 or not any("tf." in each for each in statements)
