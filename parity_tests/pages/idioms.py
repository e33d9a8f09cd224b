"""Writes docs/guide/idioms.md from rules.toml: ``python -m parity_tests.pages.idioms``."""

import pathlib

from tf2_keras.migrate import catalogue

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "guide" / "idioms.md"

HEAD = """\
# Idioms

<!-- Made by `python -m parity_tests.pages.idioms` from tf2_keras/migrate/rules.toml. -->

TF1 on the left, TF2 on the right. `parity_tests/migrate/idioms_test.py` runs both sides
and compares `result`, or else every name that both assign: dtype, shape and every bit.
Where the left side cannot run under today's `tf.compat.v1`, only the right one does, and
the heading says so.

`tf` is `tensorflow.compat.v1` on the left and `tensorflow` on the right; `np` is numpy;
`keras` and `from tf2_keras import tf1_semantics` are imported. `x` is [4, 3], `images`
[2, 8, 8, 4], `logits` and `onehot` [4, 2], `weights` and `labels` [4], `sequences`
[4, 5, 3] with `lengths` [4], `table` and `rows` [4, 3], all of numpy.

"""

SECTIONS = {
    "sessions": "Sessions and graphs",
    "variables": "Variables and scopes",
    "layers": "Layers",
    "optimizers": "Optimizers and rates",
    "losses": "Losses and metrics",
    "input": "Input",
    "state": "State and summaries",
    "program": "The program around it",
}
# Chapters belong to the section of the guide that their idioms are about.
CHAPTERS = {
    "session_basics": "sessions",
    "linear_regression": "optimizers",
    "logistic_regression": "losses",
    "mnist_cnn": "layers",
    "resnet": "layers",
    "control_flow": "sessions",
    "variable_sharing": "variables",
    "input_iterators": "input",
    "input_queues": "input",
    "save_restore": "state",
    "summaries": "state",
    "monitored_session": "sessions",
    "estimator": "sessions",
    "numbers": "sessions",
    "verify": "sessions",
}


def idioms():
    """The rules that have a snippet for both sides, in the order of the file."""
    return [rule for rule in catalogue.rules().exact.values() if rule.before]


def page():
    """The whole page, as text."""
    found = {section: [] for section in SECTIONS}
    for rule in idioms():
        found[CHAPTERS.get(rule.chapter, rule.chapter)].append(rule)
    text = HEAD
    for section, rules in found.items():
        text += f"## {SECTIONS[section]}\n\n"
        for rule in rules:
            text += idiom(rule)
    return text


def idiom(rule):
    gone = "" if rule.runs else " (only the right side runs today)"
    link = f" See [{rule.chapter}]({address(rule.chapter)})." if rule.chapter else ""
    cells = "".join(
        f"<td>\n\n```python\n{code}\n```\n\n</td>" for code in (rule.before, rule.after)
    )
    return (
        f"### `{rule.symbol}`{gone}\n\n**{rule.status}**: {rule.note}{link}\n\n"
        f"<table><tr>{cells}</tr></table>\n\n"
    )


def address(chapter):
    """Of a guide page or a chapter, from this page."""
    if (PAGE.parent / f"{chapter}.md").exists():
        return f"{chapter}.md"
    return f"../models/{chapter}.md"


if __name__ == "__main__":
    PAGE.write_text(page().rstrip("\n") + "\n", encoding="utf-8")
