"""Claims about docs/guide/threads.md: what people asked meets an answer."""

import pathlib
import re
import shlex

import pytest

from parity_tests.house.house_test import NEEDS_CHECKOUT
from parity_tests.migrate.programs import TF

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "guide" / "threads.md"
# What an answer has to say, for the threads that a command answers.
SAYS = {
    "keras-team/keras#19649": "population",
    "tensorflow/addons#2876": "tf1_semantics.recurrent.BasicLSTMCell",
    "tensorflow/tensorflow#76349": "keras.Model",
    "tensorflow/models#11252": "keras.Model",
    "alibaba/EasyRec#484": "keras.Model",
    "tensorflow/tensorflow#69921": "keras.layers.Dense",
    "XuexiongLuoMQ/ComGA#5": "keras.layers.Layer",
    "tensorflow/tensorflow#66985": "with tf.Graph().as_default()",
    "tensorflow/tensorflow#55763": "load_checkpoint",
    "keras-team/keras#19992": "duplicates",
    "google-deepmind/optax#571": "1e-8",
    "tensorflow/tensorflow#53105": "blank",
    "tensorflow/tensorflow#45585": "how many nodes",
    "tensorflow/tensorflow#47495": "hard_sigmoid",
}
COMMAND = re.compile(r"`tf-parity ([^`]+)`")


def rows():
    """[(thread, symptom, answer)] of the page."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [tuple(row) for row in cells[1:]] if PAGE.is_file() else []


@NEEDS_CHECKOUT
def test_every_thread_meets_an_answer():
    assert len(rows()) >= 16
    first = {thread.split(",")[0] for thread, _, _ in rows()}
    assert set(SAYS) <= first
    for thread, _, answer in rows():
        links = re.findall(r"\]\(([\w./]+)\)", answer)
        assert links or COMMAND.search(answer), thread
        for link in links:
            assert (PAGE.parent / link).is_file(), link


@NEEDS_CHECKOUT
@pytest.mark.parametrize("thread", SAYS)
def test_the_command_of_an_answer_gives_it(thread, tf_parity, tmp_path):
    file = tmp_path / "lstm.py"
    file.write_text(TF + "tf.keras.layers.LSTM(3)\n")
    (answer,) = (answer for first, _, answer in rows() if first.startswith(thread))
    said = ""
    for command in COMMAND.findall(answer):
        words = [str(file) if word == "PATH" else word for word in shlex.split(command)]
        code, out, err = tf_parity(*words)
        assert (code, err) == (0, "")
        said += out
    said = re.sub(r"[\s│]+", " ", said)
    assert SAYS[thread] in said
