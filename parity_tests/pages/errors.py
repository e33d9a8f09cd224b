"""Writes docs/guide/errors.md from errors.toml: ``python -m parity_tests.pages.errors``."""

import pathlib
import re

from parity_tests.pages.idioms import address
from tf2_keras.migrate import errors

MARKUP = re.compile(r"\*|_(?=_)|(?<=_)_|<(?=[A-Za-z/])")
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "guide" / "errors.md"
HEAD = """\
# Errors, by message

<!-- Made by `python -m parity_tests.pages.errors` from tf2_keras/migrate/errors.toml. -->

What TensorFlow 1 code dies of today, and what to write. In a terminal:

```bash
tf-parity explain "module 'tensorflow' has no attribute 'Session'"
```

Tests run what raises each message, with TensorFlow 2.18 to 2.21 and Keras 3.8 on, and what
is to be written instead
(`parity_tests/migrate/errors_test.py::test_each_message_is_met_today`,
`::test_what_is_to_be_written_runs`). `tf`, `keras`,
`np` and `tf1_semantics` are imported; `folder` is one for files.

"""
LEGACY = """\
## `TF_USE_LEGACY_KERAS=1`: what it buys and what it costs

With the package tf-keras, of TensorFlow's own minor version, and this variable set before
TensorFlow is imported, `tf.keras` is Keras 2. Looked at with TensorFlow 2.21 and tf-keras
2.21 (`parity_tests/migrate/errors_test.py::test_what_legacy_keras_buys_and_costs`, where
tf-keras is installed):

| | Keras 3 | with `TF_USE_LEGACY_KERAS=1` |
|---|---|---|
| `tf.layers.dense` of compat.v1, and its like | refused | build a graph |
| `tf.nn.rnn_cell.BasicLSTMCell` of compat.v1 | refused | computes |
| `fit_generator`, `Adam(lr=…)`, `optimizers.legacy`, `K.get_session` | gone or refused | there |
| `tf.keras.activations.hard_sigmoid(1.0)` | 0.6667 | 0.7, as in 1.15 |
| `tf.keras.layers.LSTM`'s recurrent activation | sigmoid | sigmoid; 1.15's was hard_sigmoid |
| `tf.keras.layers.GRU`'s reset_after | True | True; 1.15's was False |
| `tf.contrib`, `tf.estimator` | gone | gone |
| `import keras` | Keras 3 | Keras 3: the two do not mix |
| the optimizers, layers and losses of `tf1_semantics` | work | are refused by `compile` |

It buys time: a TF1 graph runs on today's TensorFlow, so that its numbers can be recorded
beside a new program. It is no place to stay: Keras 2 gets no new versions of its own, and
the defaults that changed between 1.15 and TensorFlow 2 have changed there too.
"""


def page():
    """The whole page, as text."""
    return HEAD + "".join(map(section, errors.errors())) + LEGACY


def plain(text):
    """A text in which only backticks are Markdown: no emphasis, and no tag of HTML."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [MARKUP.sub(r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def section(error):
    stem = error.page if error.page.startswith("..") else ""
    link = f"{stem}.md" if stem else address(error.page)
    name = error.page.rpartition("/")[2]
    read = "" if error.page == "errors" else f" See [{name}]({link})."
    asked = f" Asked in {error.thread}." if error.thread else ""
    why = f" Not raised by a test: {error.since}." if error.since else ""
    parts = [f"## {plain(error.message.rstrip('.'))}\n"]
    told = f"{plain(error.means)} **{plain(error.remedy.rstrip('.'))}.**"
    parts.append(f"{told}{read}{asked}{why}\n")
    if error.provoke:
        parts.append(f"```text\n{error.provoke.strip()}\n```\n")
    if error.instead:
        parts.append(f"Instead:\n\n```text\n{error.instead.strip()}\n```\n")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
