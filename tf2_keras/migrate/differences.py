"""How the arguments of 1.15's symbol and of today's differ, and which calls that touches.

Every call of 1.15 has to mean the same: an argument that today's has besides is no
difference, one whose name, place or default is another is. Spelling is none: 0 and 0.0,
tf.float32 and 'float32', 2 and (2, 2), and None for False where 1.15 waited for an older
name of the argument.
"""

import ast
import functools
import re
from typing import NamedTuple

from tf2_keras.migrate.signatures import arguments

GONE, RENAMED, MOVED = "gone", "renamed", "moved"
DEFAULT, REQUIRED = "default", "required"
# The test that holds signatures beside each other.
SIGNATURES = "parity_tests/migrate/witnessed_test.py::test_nothing_whose_arguments_differ_is_called_same"
NOWHERE = "None", "False", "True"  # defaults that many arguments have
# Two spellings of one default of Keras.
SPELLINGS = ({"None", "'channels_last'"}, {"'auto'", "'sum_over_batch_size'"})


class Difference(NamedTuple):
    """Of one argument.

    kind: one of GONE, RENAMED, MOVED, DEFAULT, REQUIRED.
    name: in 1.15; today's if REQUIRED.
    place: in 1.15, from 0; None where it goes by name only.
    today: name, place or default today, as text.
    before: the default of 1.15, as code.
    older: other names of the same argument in 1.15, of which a call gives one.
    """

    kind: str
    name: str
    place: int
    today: str = ""
    before: str = ""
    older: tuple = ()

    def touches(self, call):
        """Whether a call of 1.15 may mean something else today.

        call: a bindings.Call.
        """
        unpacks = "*" in call.keywords or "**" in call.keywords
        by_place = self.place is not None and call.positional > self.place
        by_name = not {self.name, *self.older}.isdisjoint(call.keywords)
        if self.kind in (DEFAULT, REQUIRED):
            return not by_place and not by_name and not unpacks
        if self.kind == MOVED:
            return by_place or "*" in call.keywords
        if self.kind == RENAMED:
            return by_name or "**" in call.keywords
        return by_place or by_name or unpacks

    @property
    def status(self):
        """What a call becomes that it touches: refused at once, or another number."""
        waits = self.kind == REQUIRED and self.before == "None"
        return "renamed" if self.kind in (RENAMED, MOVED) or waits else "changes"

    def __str__(self):
        if self.kind == DEFAULT:
            return f"{self.name} is {self.today} by default, in 1.15 {self.before}."
        if self.kind == RENAMED:
            return f"The argument {self.name} is {self.today} today."
        if self.kind == MOVED:
            where = f"number {int(self.today) + 1}" if self.today else "by name only"
            return f"{self.name} was argument number {self.place + 1} and is {where}."
        if self.kind == REQUIRED:
            return f"{self.name} must be given today."
        return f"The argument {self.name} is gone."


def between(before, today, names=()):
    """The Differences of two signatures, as tf1_api.tsv has them; () if one is unknown.

    names: ((name in 1.15, name today), …) of arguments that are known to be renamed.
    """
    if before == today or _is_unknown(before) or _is_unknown(today):
        return ()
    return _between(before, today, names)


@functools.cache
def _between(before, today, names):
    old, new = arguments(before), arguments(today)
    known = set(new.positional) | set(new.keyword_only)
    renamed = _at_the_same_place(old, new)
    renamed |= {name: now for name, now in names if name not in known and now in known}
    found, valued = [], set()
    for name in old.positional + old.keyword_only:
        place = old.positional.index(name) if name in old.positional else None
        new_name = renamed.get(name, name)
        if new_name not in known:
            accepted = new.any_position and place is not None
            if not accepted and not name.startswith("_"):
                found.append(Difference(GONE, name, place))
            continue
        if new_name != name:
            found.append(Difference(RENAMED, name, place, new_name))
        if place is not None:
            by_place = new_name in new.positional
            now = new.positional.index(new_name) if by_place else None
            if now != place and (by_place or not new.any_position):
                text = "" if now is None else str(now)
                found.append(Difference(MOVED, name, place, text))
        known_already, valued = new_name in valued, valued | {new_name}
        if name == "name" or name not in old.defaults or known_already:
            continue
        if new_name not in new.defaults:
            default = old.defaults[name]
            older = tuple(sorted(name for name in renamed if renamed[name] == new_name))
            found.append(Difference(REQUIRED, new_name, place, "", default, older))
        elif not _agree(old.defaults[name], new.defaults[new_name]):
            values = new.defaults[new_name], old.defaults[name]
            found.append(Difference(DEFAULT, name, place, *values))
    taken = set(old.positional + old.keyword_only) | set(renamed.values())
    for name in new.positional + new.keyword_only:
        if name not in taken and name not in new.defaults:
            found.append(Difference(REQUIRED, name, None))
    return tuple(found)


def told(rule, found):
    """A rule of what is same or renamed, with what differs in its arguments.

    A call that gives none of those is what it was: ``untouched`` keeps that.
    """
    if not found:
        return rule
    sentences = said(rule.note, found)
    return rule._replace(
        status=status(found),
        note=" ".join(dict.fromkeys([rule.note, *sentences])).strip(),
        evidence=SIGNATURES if rule.evidence == "unproven" else rule.evidence,
        untouched=(rule.status, rule.note, rule.evidence, tuple(found)),
    )


def status(found):
    """What becomes of calls that the Differences touch."""
    statuses = {difference.status for difference in found}
    return "changes" if "changes" in statuses else "renamed"


def said(note, found):
    """[sentence] of what differs and a note does not say already."""
    moved = [difference for difference in found if difference.kind == MOVED]
    sentences = []
    for difference in found:
        pair = rf"\b{difference.name}\b.{{1,30}}\b{difference.today}\b"
        told_already = difference.kind == RENAMED and re.search(pair, note)
        if not (
            told_already or difference in moved[1:] or _is_given(difference, found)
        ):
            sentences.append(str(difference))
    return sentences + ["Pass it and those behind it by name."] * (len(moved) > 1)


def touched(found):
    """Which calls the Differences touch, in words."""
    given, left_out, moved = (
        [
            difference.name
            for difference in found
            if difference.kind in kinds and not _is_given(difference, found)
        ]
        for kinds in ((GONE, RENAMED), (DEFAULT, REQUIRED), (MOVED,))
    )
    words = []
    if given:
        words.append(f"a call gives {', '.join(given)}")
    if left_out:
        words.append(f"a call leaves out {', '.join(left_out)}")
    if moved:
        behind = ", or one behind it," if len(moved) > 1 else ""
        words.append(f"a call gives {moved[0]}{behind} by position")
    return "; or ".join(words)


def _is_given(difference, found):
    """Whether every call of 1.15 that worked gave it, under this name or its older one."""
    renamed = {other.today for other in found if other.kind == RENAMED}
    return difference.kind == REQUIRED and (
        difference.name in renamed or difference.before == "None"
    )


def _at_the_same_place(old, new):
    """{name in 1.15: today's} of arguments that are where another name was."""
    pairs = zip(old.positional, new.positional, strict=False)
    every_old = old.positional + old.keyword_only
    every_new = new.positional + new.keyword_only
    return {
        name: now
        for name, now in pairs
        if name not in every_new
        and now not in every_old
        and (
            name not in old.defaults
            or old.defaults[name] not in NOWHERE
            and _agree(old.defaults[name], new.defaults.get(now))
        )
    }


def _is_unknown(signature):
    return signature in ("", ".", "(...)", "(*args, **kwargs)")


def _agree(before, today):
    """Whether two defaults, as code, are one value."""
    if before == today:
        return True
    if before is None or today is None:
        return False
    if {before, today} in ({"None", "False"}, *SPELLINGS):
        return True
    return _equal(_value(before), _value(today))


def _equal(old, new):
    if isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        return all(map(_equal, old, new))
    if isinstance(old, tuple) != isinstance(new, tuple):
        several, single = (old, new) if isinstance(old, tuple) else (new, old)
        return all(value == single for value in several) and bool(several)
    if isinstance(old, str) and isinstance(new, str):
        return old.lower() == new.lower()  # Keras: 'zeros' and 'Zeros'
    return type(old) is type(new) and old == new


def _value(code):
    """A default that can be compared: numbers as float, lists as tuples."""
    text = code.removeprefix("tf.")
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return _plain(value)


def _plain(value):
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number else value
