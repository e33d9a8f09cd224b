"""What becomes of each TF1 symbol: rules.toml, tf1_api.tsv and tf1_renames.tsv.

rules.toml holds the semantics, written by hand; tf1_api.tsv every public symbol of
TensorFlow 1.15.5 and whether it exists today; tf1_renames.tsv the mechanical renames, from
TensorFlow's own tables. TensorFlow need not be installed.

    find('tf.log')                       # renamed, tf.math.log
    decide(find('tf.nn.dropout'), call)  # with the case that fits the call

Statuses: ``same`` (same name, same numbers), ``renamed`` (same numbers under the new
name), ``changes`` (the name or its official successor computes something else),
``restructure`` (no one line replaces it), ``gone`` (absent even from tf.compat.v1).
"""

import difflib
import fnmatch
import functools
import re

from tf2_keras.migrate import evidence, members
from tf2_keras.migrate.api_table import (
    api,
    canonical,
    canonical_target,
    original,
    tables,
)
from tf2_keras.migrate.replacements import rendered
from tf2_keras.migrate.rule_file import (
    TEXTS,
    UNPROVEN,
    Case,
    Rule,
    rules,
)
from tf2_keras.migrate.when import holds

# TensorFlow's table of moved arguments names those before them as well, which are where
# they were: the first place of 1.15's that has another argument today.
FIRST_MOVED = {
    "tf.nn.avg_pool": 6,
    "tf.nn.avg_pool2d": 6,
    "tf.nn.ctc_beam_search_decoder": 4,
    "tf.nn.max_pool": 6,
}


@functools.cache
def find(symbol):
    """The rule of a TF1 symbol, 'tf.…' or 'tf.compat.v1.…'; None if it is unknown."""
    rule = unwitnessed(symbol)
    return None if rule is None else evidence.witnessed(rule)


@functools.cache
def unwitnessed(symbol):
    """The rule by what is written and by TensorFlow's tables, before any measurement."""
    symbol = canonical(symbol)
    owner = _owner(symbol)
    if owner is not None and _is_member(symbol, owner):
        name = symbol.rpartition(".")[2]
        rule = members.answered(_answer(owner), owner, name)
    else:
        rule = _answer(symbol) or (None if owner is None else _answer(owner))
    return None if rule is None else rule._replace(symbol=symbol)


def _is_member(symbol, owner):
    """Whether only tf1_members.tsv knows a method or attribute of a class."""
    if symbol in rules().exact or symbol in api() or not members.is_class(owner):
        return False
    return symbol.rpartition(".")[0] == owner and not _is_closer(
        _pattern(symbol), symbol, owner
    )


def nearest(symbol, count=5):
    """Known symbols that are spelt like this one, best first."""
    symbol = canonical(symbol)
    known = [*api(), *rules().exact]
    close = difflib.get_close_matches(symbol, known, count, 0.75)
    name = symbol.rpartition(".")[2]
    namesakes = [other for other in known if other.rpartition(".")[2] == name]
    return list(dict.fromkeys(namesakes[:count] + close))[:count]


def decide(rule, call, used=None):
    """The rule as it applies to one use: with its first case that holds.

    A case speaks of the call. Only ``without_call`` speaks of the whole file: that
    nothing in it calls for what the symbol needs elsewhere. ``with_call`` holds where
    the call was given what one of its symbols returned, or a method's object was.

    call: a bindings.Call, or None where the symbol is not called.
    used: the symbols that the whole file uses; without_call does not hold where it is
        None.
    """
    rule = evidence.as_called(rule, call)
    for case in rule.cases:
        if holds(case.when, rule.symbol, call, used):
            changed = {key: getattr(case, key) for key in TEXTS if getattr(case, key)}
            rule = rule._replace(**changed)
            break
    return rule._replace(**_rendered(rule, rule.symbol, call))


def shown(rule):
    """The rule as it reads without a call: every case, with names of arguments."""
    cases = tuple(
        case._replace(**_rendered(case, rule.symbol, None)) for case in rule.cases
    )
    return rule._replace(**_rendered(rule, rule.symbol, None), cases=cases)


def _rendered(text, symbol, call):
    """{'replacement': …, 'note': …} of a Rule or Case, with the arguments of a call."""
    return {
        key: rendered(getattr(text, key), symbol, call, _name_today)
        for key in ("replacement", "note")
    }


def _name_today(dotted):
    """What a TF1 symbol that stands as an argument is called today; None if unsure."""
    rule = find(dotted)
    if rule is None or rule.status not in ("same", "renamed"):
        return None
    if rule.status == "same":
        return rule.symbol
    return rule.replacement if re.fullmatch(r"[\w.]+", rule.replacement) else None


def every():
    """The rule of every public symbol of TF1, and of those that went before 1.15."""
    recorded = [row.symbol for row in api().values() if row.in_tf1]
    for symbol in dict.fromkeys([*recorded, *rules().exact]):
        rule = find(symbol)
        if rule is not None:
            yield rule


def _answer(symbol):
    """The rule of exactly this symbol; None if nothing says anything about it."""
    known = rules()
    for name in dict.fromkeys((symbol, original(symbol))):
        if name in known.exact:
            return _filled(known.exact[name], symbol, name.rpartition(".")[2])
    derived = _derived(symbol)
    pattern = _pattern(symbol)
    owner = _owner(symbol)
    if owner in known.exact and not _is_closer(pattern, symbol, owner):
        name = owner.rpartition(".")[2]
        return _filled(known.exact[owner], symbol, name)
    if pattern is not None:
        name = symbol[len(pattern.symbol.rstrip("*")) :]
        if pattern.status == "gone" and derived and derived.replacement:
            pattern = pattern._replace(replacement=derived.replacement)
        return _filled(pattern._replace(before="", after=""), symbol, name)
    return _proven(derived) if derived else None


def _filled(rule, symbol, name):
    """A rule as that of ``symbol``; TensorFlow's tables add what became of arguments."""
    derived = _derived(symbol)
    today = derived.replacement if derived and derived.replacement else symbol
    names = {"{symbol}": today, "{name}": name}
    row, status = api().get(symbol), rule.status
    # A rule may speak of siblings of which some are not where the others are.
    if row is not None and row.in_tf1 and not row.in_v2:
        if not row.in_compat_v1:
            status = "gone"
        elif status == "same":
            status = "renamed"
    cases = [
        case._replace(replacement=_named(case.replacement, names))
        for case in rule.cases
    ]
    cases += [
        case._replace(note=f"{case.note} {rule.note}")
        for case in _table_cases(symbol, status)
    ]
    replacement = _named(rule.replacement, names)
    written = re.match(r"[\w.]*", replacement)[0]
    if status == "renamed" and written == symbol and row is not None and row.in_v2:
        status = "same"
    if status == "gone" and replacement == symbol:
        replacement = ""
    return _proven(
        rule._replace(
            symbol=symbol,
            status=status,
            replacement=replacement,
            cases=tuple(cases),
        )
    )


def _named(replacement, names):
    for field, name in names.items():
        replacement = replacement.replace(field, name)
    return replacement


def _owner(symbol):
    """The class, function or constant that an attribute belongs to, or None."""
    while "." in symbol:
        symbol = symbol.rpartition(".")[0]
        if symbol in rules().exact and symbol not in api():
            return symbol
        row = api().get(symbol)
        if row is not None:
            return None if row.kind == "module" else symbol
    return None


def _pattern(symbol):
    fitting = [
        rule for rule in rules().patterns if fnmatch.fnmatchcase(symbol, rule.symbol)
    ]
    return max(fitting, key=lambda rule: _weight(rule.symbol), default=None)


def _is_closer(pattern, symbol, owner):
    """Whether a pattern says more of a symbol than the rule of its owner does."""
    if pattern is None:
        return False
    named = pattern.symbol.endswith("." + symbol.rpartition(".")[2])
    return named or _weight(pattern.symbol) >= len(owner)


def _weight(pattern):
    return len(pattern.replace("*", ""))


def _proven(rule):
    if rule.evidence == UNPROVEN and rule.symbol in rules().proofs:
        return rule._replace(evidence=rules().proofs[rule.symbol])
    return rule


def _derived(symbol):
    """A rule from tf1_api.tsv and TensorFlow's own tables."""
    row = api().get(symbol)
    if row is None:
        return None
    if not row.in_tf1:
        return Rule(symbol, "same", symbol, "Not in TensorFlow 1.15: TF2 code already.")
    target = canonical_target(tables().renames.get(symbol, ""))
    if target and target != symbol and _alive(target):
        if row.in_compat_v1 or symbol == "tf.contrib":
            note = (
                "Kept for TF1 code only."
                if target.startswith("tf.compat.v1.")
                else "TensorFlow's own table renames it."
            )
            return Rule(
                symbol,
                "renamed",
                target,
                note,
                cases=_table_cases(symbol, "renamed"),
            )
        return Rule(
            symbol, "gone", target, "TensorFlow names this successor; it is not proven."
        )
    if row.in_v2:
        note = (
            "Its arguments are not all those of TF1."
            if row.successor == "differs"
            else ""
        )
        cases = _table_cases(symbol, "same")
        return Rule(symbol, "same", symbol, note, cases=cases)
    if row.in_compat_v1:
        old = symbol.replace("tf.", "tf.compat.v1.", 1)
        return Rule(symbol, "renamed", old, "Kept for TF1 code only.")
    return Rule(symbol, "gone")


def _table_cases(symbol, status):
    """Arguments that have other names or places in TF2, by TensorFlow's tables."""
    if tables().renames.get(symbol, "").startswith("tf.compat.v1."):
        return ()  # as it was
    if evidence.has_signature(symbol):
        return ()  # today's signature tells it, place by place
    status = "renamed" if status == "same" else ""  # the call cannot stay as it is
    cases = [
        Case({"keyword": old}, status, "", f"The argument {old} is {new} in TF2.")
        for old, new in tables().keywords.get(symbol, {}).items()
        if old != new and isinstance(new, str)
    ]
    order = tables().orders.get(symbol, [])
    moved = [place for place, name in enumerate(order) if name is not None]
    if moved:
        first = FIRST_MOVED.get(symbol, moved[0])
        words = "Pass the arguments by name: in TF2 they come in another order from "
        cases.append(
            Case(
                {"positional_from": first},
                status,
                "",
                f"{words}number {first + 1} on.",
            )
        )
    return tuple(cases)


def _alive(target):
    if target.startswith("tf.compat.v1."):
        row = api().get(target.replace("tf.compat.v1.", "tf.", 1))
        return row is not None and row.in_compat_v1
    row = api().get(target)
    return row is not None and row.in_v2
