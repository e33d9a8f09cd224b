"""Records the public API of TensorFlow 1.15.5: ``python -m parity_tests.witness.api``.

Under Python 3.7 with requirements.txt beside this file, ``--out FILE`` writes one line for
each public symbol. Under a TensorFlow of today, ``--complete FILE`` then notes which of
them still exist, and adds what is new; run with several versions, it keeps what all of
them have. tf2_keras/migrate/api_table.py reads the result.
"""

import argparse
import inspect
import os
import re
import sys
import types

COLUMNS = (
    "symbol",
    "kind",
    "signature",
    "in_tf1",
    "in_compat_v1",
    "in_v2",
    "successor",
)
# How what replaces a symbol relates to it: the very object that tf.compat.v1 has, one with
# the recorded signature, or one with another.
RELATIONS = ("identical", "same", "differs")
COMMAND = "# python -m parity_tests.witness.api"

# The whole API again, under other names.
SKIPPED = ("tf.compat.v1", "tf.compat.v2")
# Every op under the sun, imported by a star.
STARRED = ("tf.contrib.quantization", "tf.contrib.specs", "tf.contrib.labeled_tensor")
# The modules of a public API, as against those that one of them imported.
API_MODULE = re.compile(
    r"_api|\bkeras\.api\b|\bkeras\._tf_keras\b|estimator\.api\b|contrib|^tensorflow$"
)
FLAGS = ("tf.app.flags", "tf.flags")
# All of these; of the rest of contrib the names just below each module.
CONTRIB = (
    "layers",
    "rnn",
    "seq2seq",
    "slim",
    "framework",
    "training",
    "opt",
    "data",
    "metrics",
    "losses",
)
# And the signatures of these.
SIGNED = (*CONTRIB, "crf", "cudnn_rnn", "eager", "image", "lookup")


def chosen(prog, says, arguments=None):
    """(options, TensorFlow) of a command that records 1.15 or completes its record."""
    parser = argparse.ArgumentParser(prog=prog, description=says)
    parser.add_argument("--out", metavar="FILE", help="record 1.15.5 into FILE")
    parser.add_argument("--complete", metavar="FILE", help="note what exists today")
    options = parser.parse_args(arguments)
    if bool(options.out) == bool(options.complete):
        parser.error("--out or --complete must be given, one of the two.")
    del sys.argv[1:]  # tf.flags.FLAGS parses them as soon as it is looked at
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    if options.out:
        if not tf.__version__.startswith("1.15."):
            parser.error(
                f"--out must run under TensorFlow 1.15. Received: {tf.__version__}. "
                "Use --complete here."
            )
        tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.FATAL)
    return options, tf


def main(arguments=None):
    options, tf = chosen(COMMAND[2:], __doc__, arguments)
    if options.out:
        rows = [
            (symbol, kind, signature, "yes", "", "", "")
            for symbol, (kind, signature) in sorted(walk(tf).items())
        ]
        write(options.out, [recorded_with(tf, "--out FILE")], rows)
    else:
        complete(options.complete, tf)


def recorded_with(tf, option):
    return "{} {}: TensorFlow {}, Python {}.{}".format(
        COMMAND, option, tf.__version__, *sys.version_info
    )


def write(path, comments, rows):
    with open(path, "w") as file:
        for line in comments:
            file.write(line + "\n")
        for row in [COLUMNS] + rows:
            file.write("\t".join(row) + "\n")


def complete(path, tf):
    """Fills the columns that say what exists in the TensorFlow that runs this."""
    with open(path) as file:
        lines = file.read().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows = [tuple(line.split("\t")) for line in lines[len(comments) + 1 :]]
    first_time = len(comments) == 1
    today = walk(tf)
    old = {row[0]: row for row in rows if row[3] == "yes"}
    new = [row for row in rows if row[3] == "no" and row[0] in today]
    if first_time:
        new = [
            (symbol, kind, "", "no", "", "yes", "")
            for symbol, (kind, _) in today.items()
            if symbol not in old and kind not in ("method", "constant")
        ]
    filled = []
    for symbol, kind, signature, _, in_v1, in_v2, relation in old.values():
        in_v1 = "yes" if in_v1 != "no" and exists(tf.compat.v1, symbol) else "no"
        in_v2 = "yes" if in_v2 != "no" and exists(tf, symbol) else "no"
        found = relation_of(tf, symbol, signature) if kind != "module" else ""
        if relation and found != relation:
            found = (
                ""
                if "" in (found, relation)
                else max(found, relation, key=RELATIONS.index)
            )
        filled.append((symbol, kind, signature, "yes", in_v1, in_v2, found))
    comments.append(recorded_with(tf, "--complete FILE"))
    write(path, comments, sorted(filled + new))


def relation_of(tf, symbol, signature):
    """One of RELATIONS, or '' where nothing in TF2 replaces the symbol by name."""
    from tf2_keras.migrate import catalogue

    successor = catalogue.canonical_target(
        catalogue.tables().renames.get(symbol, symbol)
    )
    if ".compat." in successor or not exists(tf, successor):
        return ""
    new = reach(tf, successor)
    if exists(tf.compat.v1, symbol):
        old = reach(tf.compat.v1, symbol)
        plain = isinstance(old, (str, int, float, tuple)) and type(old) is type(new)
        if new is old or (plain and old == new):
            return "identical"
    return "same" if describe(new)[1] == signature else "differs"


def exists(root, symbol):
    """Whether the name can be reached and used: some are there and raise."""
    try:
        reach(root, symbol)
        return True
    except Exception:  # AttributeError, and the errors of lazily loaded modules.
        return False


def reach(root, symbol):
    found = root
    for name in symbol.split(".")[1:]:
        found = getattr(found, name)
        if isinstance(found, types.ModuleType):
            dir(found)  # loads what is lazy, or raises
    if isinstance(found, types.ModuleType) and not public_names(found):
        raise AttributeError(symbol)
    return found


def walk(tf):
    """{symbol: (kind, signature)} of everything public below ``tf``."""
    found = {}
    waiting = [("tf", tf)]
    while waiting:
        prefix, module = waiting.pop(0)
        for name in public_names(module):
            symbol = prefix + "." + name
            try:
                value = getattr(module, name)
                if isinstance(value, types.ModuleType):
                    dir(value)  # loads what is lazy, or raises
            except Exception:
                continue
            if isinstance(value, types.ModuleType):
                if is_public(symbol, value):
                    found[symbol] = ("module", "")
                    if symbol not in STARRED:
                        waiting.append((symbol, value))
            elif not (prefix.startswith("tf.contrib.") and imported(module, value)):
                kind, signature = describe(value)
                found[symbol] = (kind, "" if terse(symbol) else signature)
                if kind == "class" and not terse(symbol):
                    found.update(members(symbol, value))
    return found


def is_public(symbol, module):
    names = symbol.split(".")
    if symbol in SKIPPED or names[-1] == "python" or len(set(names)) < len(names) - 1:
        return False
    if names[1] == "contrib":
        home = module.__name__.split(".")
        if len(names) < 4:
            return symbol == "tf.contrib" or "contrib" in home
        # Modules of slim and of metrics that are part of the surface; not what they use.
        return names[2] in CONTRIB and len(names) == 4 and names[2] in home
    return symbol in FLAGS or bool(API_MODULE.search(module.__name__))


def imported(module, value):
    """Whether a module of contrib only uses it: not every one hides what it imports."""
    origin = getattr(value, "__module__", None) or ""
    return "slim" in module.__name__ and "contrib" not in origin


def terse(symbol):
    """Whether to leave the signature out, to keep the file small."""
    names = symbol.split(".")
    return names[1] == "raw_ops" or (names[1] == "contrib" and names[2] not in SIGNED)


def public_names(module):
    names = sorted(name for name in dir(module) if not name.startswith("_"))
    hidden = ("absolute_import", "division", "print_function")
    names = [name for name in names if name not in hidden]
    return names + (["__version__"] if hasattr(module, "__version__") else [])


def members(symbol, value):
    """What is used through a class: constants, and static and class methods."""
    found = {}
    for name in sorted(vars(value)):
        if name.startswith("_"):
            continue
        try:
            static = inspect.getattr_static(value, name)
        except AttributeError:
            continue
        if isinstance(static, (staticmethod, classmethod)):
            found[symbol + "." + name] = ("method", describe(getattr(value, name))[1])
        elif isinstance(static, (str, int, float)) or (
            isinstance(value, type(object)) and isinstance(static, value)
        ):
            found[symbol + "." + name] = ("constant", "")
    return found


def describe(value):
    """(kind, signature)"""
    if inspect.isclass(value):
        return "class", signature_of(value.__init__, skip_self=True)
    if callable(value):
        return "function", signature_of(value)
    return "constant", ""


def signature_of(function, skip_self=False):
    # TensorFlow's decorators keep the signature of what they wrap to themselves.
    for _ in range(20):
        decorator = getattr(function, "_tf_decorator", None)
        if decorator is not None:
            specification = getattr(decorator, "decorator_argspec", None)
            if specification is not None:
                return from_specification(specification, skip_self)
            function = decorator.decorated_target
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            break
    try:
        return from_specification(inspect.getfullargspec(function), skip_self)
    except TypeError:
        return "(...)"


def from_specification(specification, skip_self):
    arguments = list(specification.args)
    defaults = list(specification.defaults or ())
    required = len(arguments) - len(defaults)
    words = [
        name if number < required else f"{name}={literal(defaults[number - required])}"
        for number, name in enumerate(arguments)
    ]
    if arguments[:1] in (["self"], ["cls"]) or skip_self:
        words = words[1:]
    if specification.varargs:
        words.append("*" + specification.varargs)
    elif getattr(specification, "kwonlyargs", None):
        words.append("*")
    for name in getattr(specification, "kwonlyargs", None) or ():
        given = specification.kwonlydefaults or {}
        words.append(f"{name}={literal(given[name])}" if name in given else name)
    if getattr(specification, "varkw", None) or getattr(
        specification, "keywords", None
    ):
        words.append(
            "**" + (getattr(specification, "varkw", None) or specification.keywords)
        )
    return "({})".format(", ".join(words))


def literal(value):
    """A default as code, where it is short and the same in each run; else ``...``."""
    if type(value).__name__ == "DType" and hasattr(value, "as_numpy_dtype"):
        return "tf." + value.name
    if value is None or isinstance(value, (bool, int, float, str)):
        text = repr(value)
    elif isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        inner = ", ".join(literal(each) for each in value)
        text = f"[{inner}]" if isinstance(value, list) else f"({inner},)"
    else:
        return "..."
    return text if len(text) <= 40 and "\n" not in text and "\t" not in text else "..."


if __name__ == "__main__":
    main()
