"""What becomes of each TF1 symbol: rules.toml, tf1_api.tsv and TensorFlow's own tables.

rules.toml holds the semantics, written by hand; tf1_api.tsv every public symbol of
TensorFlow 1.15.5 and whether it exists today; the mechanical renames are read from
tensorflow.tools.compatibility, without importing TensorFlow.

    find('tf.log')                       # renamed, tf.math.log
    decide(find('tf.nn.dropout'), call)  # with the case that fits the call

Statuses: ``same`` (same name, same numbers), ``renamed`` (same numbers under the new
name), ``changes`` (the name or its official successor computes something else),
``restructure`` (no one line replaces it), ``gone`` (absent even from tf.compat.v1).
"""

import difflib
import fnmatch
import functools

from tf2_keras.migrate import evidence, members
from tf2_keras.migrate.api_table import (
    api,
    canonical,
    canonical_target,
    tables,
    within,
)
from tf2_keras.migrate.rule_file import (
    TEXTS,
    UNPROVEN,
    Case,
    Rule,
    placed,
    rules,
)


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
    pattern = _pattern(symbol)
    own_rule = pattern is not None and _weight(pattern.symbol) >= len(owner)
    return symbol.rpartition(".")[0] == owner and not own_rule


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

    call: has ``positional``, the number of positional arguments, ``keywords``, {name:
        literal or None}, with '*' or '**' as a further key where the call unpacks, and
        ``origins``, see bindings.Call; or None where the symbol is not called.
    used: the symbols that the whole file uses; without_call does not hold where it is
        None.
    """
    rule = evidence.as_called(rule, call)
    for case in rule.cases:
        if _holds(case.when, call, used):
            changed = {key: getattr(case, key) for key in TEXTS if getattr(case, key)}
            return rule._replace(**changed)
    return rule


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
    if symbol in known.exact:
        return _filled(known.exact[symbol], symbol, symbol.rpartition(".")[2])
    derived = _derived(symbol)
    pattern = _pattern(symbol)
    owner = _owner(symbol)
    if owner in known.exact and (
        pattern is None or len(owner) > _weight(pattern.symbol)
    ):
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
    replacement = rule.replacement.replace("{symbol}", today).replace("{name}", name)
    row, status = api().get(symbol), rule.status
    # A rule may speak of siblings of which some are not where the others are.
    if row is not None and row.in_tf1 and not row.in_v2:
        if not row.in_compat_v1:
            status = "gone"
        elif status == "same":
            status = "renamed"
    cases = tuple(
        case._replace(note=f"{case.note} {rule.note}")
        for case in _table_cases(symbol, status)
    )
    return _proven(
        rule._replace(
            symbol=symbol,
            status=status,
            replacement=replacement,
            cases=rule.cases + cases,
        )
    )


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
    if evidence.has_signature(symbol):
        return ()  # today's signature tells it, place by place
    status = "renamed" if status == "same" else ""  # the call cannot stay as it is
    cases = [
        Case({"argument": old}, status, "", f"The argument {old} is {new} in TF2.")
        for old, new in tables().keywords.get(symbol, {}).items()
        if old != new and isinstance(new, str)
    ]
    order = tables().orders.get(symbol, [])
    moved = [place for place, name in enumerate(order) if name is not None]
    if moved:
        words = "Pass the arguments by name: in TF2 they come in another order from "
        cases.append(
            Case(
                {"positional_from": moved[0]},
                status,
                "",
                f"{words}number {moved[0] + 1} on.",
            )
        )
    return tuple(placed(case, symbol) for case in cases)


def _alive(target):
    if target.startswith("tf.compat.v1."):
        row = api().get(target.replace("tf.compat.v1.", "tf.", 1))
        return row is not None and row.in_compat_v1
    row = api().get(target)
    return row is not None and row.in_v2


def _holds(when, call, used):
    if "without_call" in when:
        if used is None or _any_within(used, when["without_call"]):
            return False
        if len(when) == 1:
            return True
    if call is None:
        return False
    if "with_call" in when and not _any_within(call.origins, when["with_call"]):
        return False
    unpacks = "*" in call.keywords or "**" in call.keywords
    place = when.get("position")
    given = place is not None and call.positional > place
    if "positional_from" in when and call.positional <= when["positional_from"]:
        return False
    if "missing" in when and (unpacks or given or when["missing"] in call.keywords):
        return False
    if "argument" in when:
        if "is" in when:
            return call.keywords.get(when["argument"]) == when["is"]
        return given or when["argument"] in call.keywords
    return True


def _any_within(symbols, names):
    return any(within(symbol, names.split("|")) for symbol in symbols)
