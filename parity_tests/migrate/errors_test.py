"""Claims about messages: each is raised by today's code, and what helps runs."""

import importlib.util
import json
import os
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.house.house_test import NEEDS_CHECKOUT
from parity_tests.pages import errors as page
from tf2_keras import tf1_semantics
from tf2_keras.migrate import errors, pages

ERRORS = errors.errors()
HERE = [error for error in ERRORS if error.provoke and not error.alone]
ALONE = [error for error in ERRORS if error.alone and not error.legacy]


def message(error):
    """A test id."""
    return error.message[:60]


def run(code, folder):
    names = {"tf": tf, "keras": keras, "np": np, "tf1_semantics": tf1_semantics}
    exec(code, {**names, "folder": str(folder)})


@pytest.mark.parametrize("error", HERE, ids=message)
def test_each_message_is_met_today(error, tmp_path):
    with pytest.raises(Exception) as raised:  # which of them is what is asked
        run(error.provoke, tmp_path)
    text = str(raised.value)
    assert re.search(error.pattern, text)
    assert errors.found(text).error == error
    assert errors.found(f"{raised.type.__name__}: {text}").error == error


@pytest.mark.slow
@pytest.mark.parametrize("error", ALONE, ids=message)
def test_messages_of_a_process_that_is_switched_over(error, run_python, tmp_path):
    head = f"import keras, tensorflow as tf\nfolder = {str(tmp_path)!r}\n"
    done = run_python("-c", head + error.provoke)
    assert done.returncode == 1
    assert re.search(error.pattern, done.stderr.strip().splitlines()[-1])


@pytest.mark.parametrize(
    "error", [error for error in ERRORS if error.instead], ids=message
)
def test_what_is_to_be_written_runs(error, tmp_path):
    run(error.instead, tmp_path)


@pytest.mark.parametrize("error", ERRORS, ids=message)
def test_an_entry_leads_to_its_page_and_its_rule(error):
    answer = errors.found(error.message)
    assert answer.error == error
    assert error.means and error.remedy
    if not error.page.startswith(".."):
        assert pages.page(error.page).exists or error.page == "errors"
    if "{" not in error.symbol and error.symbol:
        assert answer.rule.symbol == error.symbol


@pytest.mark.parametrize(
    "text, symbol",
    [
        ("AttributeError: module 'tensorflow' has no attribute 'log'", "tf.log"),
        (
            "module 'tensorflow._api.v2.nn' has no attribute 'rnn_cell'",
            "tf.nn.rnn_cell",
        ),
        ("module 'tensorflow' has no attribute 'contrib'", "tf.contrib"),
        (
            "`BasicLSTMCell` is not available with Keras 3.",
            "tf.nn.rnn_cell.BasicLSTMCell",
        ),
        ("`dense` is not available with Keras 3.", "tf.layers.dense"),
        (
            "module 'keras.backend' has no attribute 'function'",
            "tf.keras.backend.function",
        ),
        (
            "ImportError: cannot import name 'CuDNNLSTM' from 'keras.layers' (/a/b.py)",
            "tf.keras.layers.CuDNNLSTM",
        ),
        (
            "AttributeError: 'Functional' object has no attribute 'predict_classes'",
            "tf.keras.Model.predict_classes",
        ),
        ("cannot import name 'np_utils' from 'keras.utils'", None),
        ("module 'tensorflow' has no attribute 'no_such_thing'", None),
    ],
)
def test_the_symbol_that_a_message_names_is_explained(text, symbol):
    rule = errors.found(text).rule
    assert (rule and rule.symbol) == symbol


def test_the_command_answers_to_what_is_pasted(tf_parity):
    text = "AttributeError: module 'tensorflow' has no attribute 'Session'"
    code, out, err = tf_parity("explain", text)
    assert (code, err) == (0, "")
    for part in ("tf.Session", "restructure", "evidence", errors.TEST):
        assert part.split("::")[-1][:40] in out.replace("\n", "")
    data = json.loads(tf_parity("explain", text, "--format", "json")[1])
    assert data["rule"]["symbol"] == "tf.Session"
    assert data["error"]["remedy"] and data["error"]["evidence"] == errors.TEST


@pytest.mark.parametrize(
    "text, heading",
    [
        (
            "Attempting to use uninitialized value w/b",
            "Attempting to use uninitialized value w/b",
        ),
        ("No module named 'keras.legacy'", "No module named 'keras.legacy'"),
        (
            'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n'
            "AttributeError: module 'tensorflow' has no attribute 'log'\n",
            "AttributeError: module 'tensorflow' has no attribute 'log'",
        ),
        ("Session graph is empty \x1b[31m", r"Session graph is empty \x1b[31m"),
    ],
)
def test_an_answer_is_headed_by_what_was_pasted(text, heading, tf_parity):
    """With its own names; below it the message that stands on the page."""
    code, out, _ = tf_parity("explain", text)
    assert code == 0 and out.splitlines()[0].strip() == heading
    known = errors.found(text).error.message
    assert f"known as │ {known[:40]}" in " ".join(out.split())
    data = json.loads(tf_parity("explain", text, "--format", "json")[1])
    assert data["error"]["received"] == heading and data["error"]["message"] == known


@pytest.mark.parametrize(
    "text, near",
    [
        (
            "module 'tensorfow' has no attribut 'Session'",
            "Nearest: module 'tensorflow'",
        ),
        ("something else went wrong", "docs/guide/errors.md"),
        ("an \x1b[31mescape here", "docs/guide/errors.md"),
    ],
)
def test_a_message_that_none_knows_is_refused(text, near, tf_parity):
    code, out, err = tf_parity("explain", text)
    assert (code, out) == (2, "") and near in err
    assert err.startswith("tf-parity: MESSAGE must be one that is known. Received: ")
    assert "\x1b" not in err


def test_a_message_stands_on_its_page_letter_by_letter():
    """Markdown would take its stars and underscores away, and what looks like HTML."""
    assert page.plain("a.__init__() of <A>, b.* or c.*, d_e < 3") == (
        r"a.\_\_init\_\_() of \<A>, b.\* or c.\*, d_e < 3"
    )
    assert page.plain("`a.__init__` of `<A>`, `b.*`") == "`a.__init__` of `<A>`, `b.*`"


@NEEDS_CHECKOUT
def test_the_page_of_messages_is_up_to_date():
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), (
        "run python -m parity_tests.pages.errors"
    )


LEGACY = """
import tensorflow as tf
v1 = tf.compat.v1
with tf.Graph().as_default():
    dense = v1.layers.dense(v1.placeholder(tf.float32, [None, 3]), 3)
    cell = v1.nn.rnn_cell.BasicLSTMCell(3)
    cell(tf.zeros([2, 3]), cell.zero_state(2, tf.float32))
assert hasattr(tf.keras.Sequential(), "fit_generator")
assert hasattr(v1.keras.backend, "get_session")
tf.keras.optimizers.legacy.Adam(), tf.keras.optimizers.Adam(lr=0.1)
assert tf.keras.layers.LSTM(3).get_config()["recurrent_activation"] == "sigmoid"
assert tf.keras.layers.GRU(3).get_config()["reset_after"]
print(round(float(tf.keras.activations.hard_sigmoid(tf.constant(1.0))), 4))
assert not hasattr(tf, "contrib") and not hasattr(v1, "estimator")
import keras
assert keras.__version__.startswith("3.")
from tf2_keras import tf1_semantics
model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
try:
    model.compile(tf1_semantics.optimizers.Adam(0.1), "mse")
except ValueError as error:
    print("Could not interpret" in str(error))
"""


@pytest.mark.slow
def test_what_legacy_keras_buys_and_costs(run_python):
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}
    if importlib.util.find_spec("tf_keras") is None:
        (error,) = (error for error in ERRORS if error.legacy)
        code = "import tensorflow as tf\n" + error.provoke
        done = run_python("-c", code, env=environment)
        assert done.returncode == 1 and re.search(error.pattern, done.stderr)
        return
    done = run_python("-c", LEGACY, env=environment)
    assert (done.returncode, done.stdout.split()) == (0, ["0.7", "True"]), done.stderr
    assert round(float(keras.activations.hard_sigmoid(1.0)), 4) == 0.6667
