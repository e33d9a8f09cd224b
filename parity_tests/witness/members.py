"""Lists the members of TensorFlow 1.15's classes: ``python -m parity_tests.witness.members``.

    python -m parity_tests.witness.members --out FILE        # under TensorFlow 1.15.5
    python -m parity_tests.witness.members --complete FILE   # under each one of today

The first, under Python 3.7, records the public methods and attributes of every public
class, those of a public base class with that only. The second notes what has become of
each: the signature that it has today, or that it is gone, in any of the TensorFlows.
"""

import collections
import inspect
import os
import re

from parity_tests.witness import api

API = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
    "tf2_keras",
    "migrate",
    "tf1_api.tsv",
)
COLUMNS = ("symbol", "signature", "today")
COMMAND = "# python -m parity_tests.witness.members"
BASE = "<"  # what stands for a member's name in a row that tells the base class
GONE = "-"
AS_BEFORE = "="
ATTRIBUTE = "."
# Whose instances are of another class than the public one.
CONCRETE = ("EagerTensor", "SymbolicTensor", "_EagerTensorBase")


def main(arguments=None):
    options, tf = api.chosen(COMMAND[2:], __doc__, arguments)
    if options.out:
        rows = [row + ("",) for row in recorded(tf, class_symbols())]
        write(options.out, [recorded_with(tf, "--out FILE")], rows)
    else:
        comments, rows = read(options.complete)
        comments.append(recorded_with(tf, "--complete FILE"))
        write(options.complete, comments, completed(tf, rows))


def recorded_with(tf, option):
    return f"{COMMAND} {option}: TensorFlow {tf.__version__}"


def class_symbols():
    """The public classes of 1.15 that some TensorFlow still has."""
    with open(API, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if line[0] != "#"]
    return [
        row[0]
        for row in lines
        if row[1] == "class" and row[3] == "yes" and "yes" in row[4:6]
    ]


def recorded(tf, symbols):
    """[(symbol of a member, signature)]; a base class stands behind ``BASE``."""
    classes = collections.OrderedDict()
    for symbol in symbols:
        value = api.reach(tf, symbol)
        if inspect.isclass(value) and not hasattr(value, "DESCRIPTOR"):
            classes[symbol] = value
    names = {}
    for symbol in sorted(classes, key=lambda symbol: (symbol.count("."), symbol)):
        names.setdefault(classes[symbol], symbol)
    rows = []
    for symbol, value in classes.items():
        base = next((names[one] for one in value.__mro__[1:] if one in names), "")
        if names[value] != symbol:  # another name of a class
            rows.append((symbol + "." + BASE, names[value]))
            continue
        if base:
            rows.append((symbol + "." + BASE, base))
        rows += [
            (symbol + "." + name, signature)
            for name, signature in sorted(members(value).items())
            if not base or not is_inherited(value, api.reach(tf, base), name)
        ]
    return rows


def members(value):
    """{name: signature, or ATTRIBUTE} of a class, of its instances too."""
    found = {}
    for name in dir(value):
        if not name.startswith("_"):
            found[name] = kind_of(value, name)
    for name in assigned(value):
        found.setdefault(name, ATTRIBUTE)
    for concrete in value.__subclasses__():
        if concrete.__name__ in CONCRETE:
            found.update(dict(members(concrete), **found))
    return found


def kind_of(value, name):
    static = inspect.getattr_static(value, name)
    if isinstance(static, property) or not callable(getattr(value, name)):
        return ATTRIBUTE
    return api.describe(getattr(value, name))[1]


def assigned(value):
    """The names of the attributes that methods of a class set."""
    names = set()
    for one in value.__mro__[:-1]:
        try:
            source = inspect.getsource(one)
        except (OSError, TypeError):
            continue
        names |= set(re.findall(r"\bself\.([a-z]\w*)\s*(?::[^=\n]+)?=[^=]", source))
    return names


def is_inherited(value, base, name):
    missing = object()
    mine = inspect.getattr_static(value, name, missing)
    return mine is inspect.getattr_static(base, name, missing)


def completed(tf, rows):
    """The rows with what each member is today; what is gone in one stays gone."""
    from parity_tests.migrate.witnessed import successor_of
    from tf2_keras.migrate import catalogue

    now = {}
    filled = []
    for symbol, signature, known in rows:
        owner, _, name = symbol.rpartition(".")
        if name == BASE:
            filled.append((symbol, signature, ""))
            continue
        if owner not in now:
            successor = successor_of(catalogue.unwitnessed(owner)) or owner
            value = api.reach(tf, successor) if api.exists(tf, successor) else None
            now[owner] = members(value) if inspect.isclass(value) else None
        if now[owner] is None:
            filled.append((symbol, signature, known))
            continue
        today = now[owner].get(name, GONE)
        today = AS_BEFORE if today == signature else today
        filled.append((symbol, signature, GONE if known == GONE else known or today))
    return filled


def read(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows = [tuple(line.split("\t")) for line in lines[len(comments) + 1 :]]
    return comments, [row + ("",) * (3 - len(row)) for row in rows]


def write(path, comments, rows):
    with open(path, "w", encoding="utf-8") as file:
        for line in comments:
            file.write(line + "\n")
        for row in [COLUMNS] + list(rows):
            file.write("\t".join(row) + "\n")


if __name__ == "__main__":
    main()
