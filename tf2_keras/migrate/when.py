"""Whether a condition of rules.toml holds for one use of a symbol.

    when = { argument = "rate" }                     # is given, by name or by position
    when = { argument = "trainable", is = false }    # has this value, or has it by default
    when = { argument = "fn", is_not = "None" }      # has another value, or by default
    when = { argument = "params", kind = "list" }    # is written as a list
    when = { missing = "seed" }                      # is not given
    when = { keyword = "dim" }                       # is given by name
    when = { positional_from = 2 }                   # more than two go by position
    when = { with_call = "tf.a|tf.b" }               # was given what one of them returned
    when = { without_call = "tf.a|tf.b" }            # the file uses none of them
    when = { ..., also = { ... } }                   # and this holds as well

``position`` says at which place an argument goes where no signature is recorded. An
unpacked ``*`` or ``**`` may hold anything: nothing is missing then, and no default holds.
"""

from tf2_keras.migrate.api_table import within
from tf2_keras.migrate.signatures import signature

CONDITIONS = (
    "argument",
    "position",
    "is",
    "is_not",
    "kind",
    "missing",
    "keyword",
    "positional_from",
    "without_call",
    "with_call",
    "also",
)
VALUES = ("is", "is_not", "kind")  # what is asked of an argument's value
KINDS = {
    "list": lambda value: isinstance(value, list),
    "number": lambda value: (
        isinstance(value, (int, float)) and not isinstance(value, bool)
    ),
    "text": lambda value: isinstance(value, str) and not _is_name(value),
    "name": lambda value: (
        isinstance(value, str) and _is_name(value) and value != "None"
    ),
    "flags": lambda value: (
        isinstance(value, list) and any(isinstance(entry, bool) for entry in value)
    ),
}


def holds(when, symbol, call, used):
    """Whether a condition holds.

    symbol: the canonical symbol that is used.
    call, used: as ``catalogue.decide`` has them.
    """
    if "also" in when and not holds(when["also"], symbol, call, used):
        return False
    if "without_call" in when:
        if used is None or any_within(used, when["without_call"]):
            return False
        if not set(when) - {"without_call", "also"}:
            return True
    if call is None:
        return False
    if "with_call" in when and not any_within(call.origins, when["with_call"]):
        return False
    if "positional_from" in when and call.positional <= when["positional_from"]:
        return False
    if "keyword" in when and when["keyword"] not in call.keywords:
        return False
    if "missing" in when:
        missing = when["missing"]
        return not call.unpacks and not _given(
            call, missing, _place(when, symbol, missing)
        )
    return "argument" not in when or _argument_holds(when, symbol, call)


def _argument_holds(when, symbol, call):
    name = when["argument"]
    place = _place(when, symbol, name)
    given = _given(call, name, place)
    if not any(key in when for key in VALUES):
        return given
    if given:
        value = _value(call, name, place)
    elif call.unpacks:
        return False
    else:
        value = signature(symbol).defaults.get(name)
    if "is_not" in when:
        return (given or value is not None) and value != when["is_not"]
    if "kind" in when:
        return KINDS[when["kind"]](value)
    expected = when["is"]
    # In Python 1 == True, and 0 == False.
    return value == expected and isinstance(value, bool) == isinstance(expected, bool)


def _place(when, symbol, name):
    return when.get("position", signature(symbol).place(name))


def _given(call, name, place):
    return name in call.keywords or (place is not None and call.positional > place)


def _value(call, name, place):
    if name in call.keywords:
        return call.keywords[name]
    return call.literals[place] if place < len(call.literals) else None


def _is_name(value):
    return value == "None" or value.startswith("tensorflow.")


def any_within(symbols, names):
    return any(within(symbol, names.split("|")) for symbol in symbols)
