"""What to do about the message that a TF1 program dies of today: errors.toml, read.

answer = found("module 'tensorflow' has no attribute 'Session'")
answer.error.remedy    # what to write
answer.rule.symbol     # 'tf.Session', whose rule says more; or None
"""

import difflib
import functools
import os
import re
from typing import NamedTuple

from tf2_keras.migrate import catalogue, pages
from tf2_keras.migrate.api_table import api, canonical
from tf2_keras.migrate.printable import printable
from tf2_keras.migrate.rule_file import Rule, tomllib

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "errors.toml")
TEST = "parity_tests/migrate/errors_test.py::test_each_message_is_met_today"
CLOSE = 0.5  # of a message to be named as near


class UnknownMessage(ValueError):
    """A message that no entry knows; the text names the nearest and the page."""


class Error(NamedTuple):
    """One entry of errors.toml, whose head says what the fields are."""

    message: str
    pattern: str
    means: str
    remedy: str
    page: str
    symbol: str = ""
    thread: str = ""
    provoke: str = ""
    instead: str = ""
    alone: bool = False
    legacy: bool = False
    since: str = ""

    @property
    def evidence(self):
        """The test that provokes it, or why none does."""
        return TEST if self.provoke else f"not raised here: {self.since}"


class Answer(NamedTuple):
    """What is known of a message that was pasted.

    error: the Error whose pattern it holds.
    rule: of the symbol that the message names, or None.
    received: the message's line as it was pasted, with its own names and numbers.
    """

    error: Error
    rule: Rule
    received: str


@functools.cache
def errors():
    """[Error] in the order of the file; ValueError on the first that is wrong."""
    with open(FILE, "rb") as file:
        entries = [Error(**table) for table in tomllib.load(file)["error"]]
    for error in entries:
        if not re.search(error.pattern, error.message):
            raise ValueError(
                f"pattern must find its own message. Received: {error.pattern!r} "
                f"for {error.message!r}. Mend one of the two."
            )
        if bool(error.provoke) == bool(error.since):
            raise ValueError(
                "An error must have either code that provokes it or a reason. "
                f"Received: {error.message!r}. Write provoke or since."
            )
    return entries


def found(text):
    """The Answer to what was pasted: the entry whose message it holds.

    Where several fit, one that speaks of this very name comes first.

    Raises:
        UnknownMessage: if there is none.
    """
    fitting = [error for error in errors() if re.search(error.pattern, text)]
    if not fitting:
        messages = [error.message for error in errors()]
        nearest = difflib.get_close_matches(text, messages, 2, CLOSE)
        near = "; ".join(message.rstrip(".") for message in nearest)
        near = f"Nearest: {near}. " if near else ""
        raise UnknownMessage(
            "MESSAGE must be one that is known. "
            f"Received: {printable(text[:80].rstrip('.'))}. {near}"
            f"All are in {pages.page('errors').file}."
        )
    error = min(fitting, key=lambda error: "{" in error.symbol)
    return Answer(error, _rule(error, text), _line(error, text))


def _line(error, text):
    """The line of what was pasted in which the entry's message begins."""
    place = re.search(error.pattern, text).start()
    start = text.rfind("\n", 0, place) + 1
    return printable(text[start:].partition("\n")[0].strip())


def _rule(error, text):
    """Of the entry's symbols the first that is public, else the first that is known."""
    match = re.search(error.pattern, text)
    groups = ["", *[group or "" for group in match.groups()]]
    symbols = [
        canonical(template.format(*groups))
        for template in filter(None, error.symbol.split("|"))
    ]
    symbols.sort(key=lambda symbol: symbol not in api())
    for symbol in symbols:
        rule = catalogue.find(symbol)
        if rule is not None and not _only_a_module(rule):
            return catalogue.shown(rule)
    return None


def _only_a_module(rule):
    """'keras.utils.np_utils' leads to a module that is still there: that says nothing."""
    row = api().get(rule.symbol)
    return row is not None and row.kind == "module" and rule.status == "same"
