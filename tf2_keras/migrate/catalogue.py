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

import ast
import difflib
import fnmatch
import functools
import importlib.util
import os
import re
from typing import NamedTuple

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = os.path.join(HERE, "rules.toml")
API = os.path.join(HERE, "tf1_api.tsv")

STATUSES = ("same", "renamed", "changes", "restructure", "gone")
UNPROVEN = "unproven"
# The test that runs both sides of an idiom: it proves what the snippet names.
IDIOM = "parity_tests/migrate/idioms_test.py::test_both_sides_of_an_idiom_agree"
# The test that looks whether the old name and the new one are one object.
IDENTITY = "parity_tests/migrate/same_test.py::test_the_old_name_and_the_new_one_are_one_object"
CONDITIONS = (
    "argument",
    "position",
    "is",
    "missing",
    "positional_from",
    "without_call",
    "with_call",
)
TEXTS = ("status", "replacement", "note", "chapter", "evidence")
RULE_FIELDS = ("symbol", *TEXTS, "before", "after", "runs", "case")
PROOF_FIELDS = ("evidence", "symbols")
EVIDENCE = re.compile(r"parity_tests/[\w/]+_test\.py::test_\w+")


class Case(NamedTuple):
    """What replaces a rule's answer where ``when`` holds; empty texts replace nothing."""

    when: dict
    status: str = ""
    replacement: str = ""
    note: str = ""
    chapter: str = ""
    evidence: str = ""


class Rule(NamedTuple):
    """What becomes of one symbol.

    symbol: canonical TF1 name, 'tf.train.AdamOptimizer'.
    status: one of STATUSES.
    replacement: what to write; '' where there is nothing. In rules.toml {symbol} is the
        symbol itself, {name} its last part, or what the star of a pattern stands for.
    note: why, in one or two sentences.
    chapter: stem of the page in docs/models or docs/guide that shows it, or ''.
    evidence: 'file::test' that proves it, or 'unproven'.
    cases: refinements, see ``decide``.
    before, after: the idiom in TF1 and in TF2, or ''.
    runs: whether ``before`` still runs under tf.compat.v1.
    """

    symbol: str
    status: str
    replacement: str = ""
    note: str = ""
    chapter: str = ""
    evidence: str = UNPROVEN
    cases: tuple = ()
    before: str = ""
    after: str = ""
    runs: bool = True


class Symbol(NamedTuple):
    """One row of tf1_api.tsv; the flags are booleans."""

    symbol: str
    kind: str
    signature: str
    in_tf1: bool
    in_compat_v1: bool
    in_v2: bool
    successor: str  # 'identical', 'same' or 'differs'; '' where there is none


@functools.cache
def find(symbol):
    """The rule of a TF1 symbol, 'tf.…' or 'tf.compat.v1.…'; None if it is unknown."""
    symbol = canonical(symbol)
    found = _answer(symbol)
    if found is None:
        owner = _owner(symbol)
        if owner is None:
            return None
        found = _answer(owner)
    return found._replace(symbol=symbol)


def nearest(symbol, count=5):
    """Known symbols that are spelt like this one, best first."""
    symbol = canonical(symbol)
    known = [*api(), *rules().exact]
    close = difflib.get_close_matches(symbol, known, count, 0.75)
    name = symbol.rpartition(".")[2]
    same_name = [each for each in known if each.rpartition(".")[2] == name]
    return list(dict.fromkeys(same_name[:count] + close))[:count]


def decide(rule, call, used=None):
    """The rule as it applies to one use: with its first case that holds.

    call: has ``positional``, the number of positional arguments, and ``keywords``,
        {name: literal or None}, with '*' or '**' as a further key where the call
        unpacks; or None where the symbol is not called.
    used: the symbols that the whole file uses, for the conditions without_call and
        with_call; those do not hold where it is None.
    """
    for case in rule.cases:
        if _holds(case.when, call, used):
            changed = {key: getattr(case, key) for key in TEXTS if getattr(case, key)}
            return rule._replace(**changed)
    return rule


def every():
    """The rule of every public symbol of TF1, and of those that went before 1.15."""
    recorded = [row.symbol for row in api().values() if row.in_tf1]
    for symbol in dict.fromkeys([*recorded, *rules().exact]):
        found = find(symbol)
        if found is not None:
            yield found


def canonical(symbol):
    """'tf.compat.v1.layers.dense' and the like as 'tf.layers.dense'."""
    symbol = re.sub(r"^tensorflow\b", "tf", symbol)
    while True:
        shorter = re.sub(r"^tf\.compat\.v[12]\b", "tf", symbol)
        if shorter == symbol:
            return symbol
        symbol = shorter


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
    row, status, evidence = api().get(symbol), rule.status, rule.evidence
    # A rule may speak of siblings of which some are not where the others are.
    if row is not None and row.in_tf1 and not row.in_v2:
        if not row.in_compat_v1:
            status = "gone"
        elif status == "same":
            status = "renamed"
    if derived and evidence == UNPROVEN and status in ("same", "renamed"):
        evidence = derived.evidence
    cases = tuple(
        case._replace(note=f"{case.note} {rule.note}")
        for case in _table_cases(symbol, status)
    )
    return _proven(
        rule._replace(
            symbol=symbol,
            status=status,
            replacement=replacement,
            evidence=evidence,
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
    if rule.evidence in (UNPROVEN, IDENTITY) and rule.symbol in rules().proofs:
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
    evidence = IDENTITY if row.successor == "identical" else UNPROVEN
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
                "",
                evidence,
                _table_cases(symbol, "renamed"),
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
        return Rule(symbol, "same", symbol, note, "", evidence, cases)
    if row.in_compat_v1:
        old = symbol.replace("tf.", "tf.compat.v1.", 1)
        return Rule(symbol, "renamed", old, "Kept for TF1 code only.")
    return Rule(symbol, "gone")


def _table_cases(symbol, status):
    """Arguments that have other names or places in TF2, by TensorFlow's tables."""
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
    return tuple(_placed(case, symbol) for case in cases)


def _alive(target):
    if target.startswith("tf.compat.v1."):
        row = api().get(target.replace("tf.compat.v1.", "tf.", 1))
        return row is not None and row.in_compat_v1
    row = api().get(target)
    return row is not None and row.in_v2


def canonical_target(target):
    return re.sub(r"^tf\.compat\.v2\.", "tf.", target)


def _holds(when, call, used):
    if "with_call" in when or "without_call" in when:
        if used is None:
            return False
        if "with_call" in when and not _uses(used, when["with_call"]):
            return False
        if "without_call" in when and _uses(used, when["without_call"]):
            return False
        if len(when) == 1:
            return True
    if call is None:
        return False
    starred = "*" in call.keywords or "**" in call.keywords
    place = when.get("position")
    given = place is not None and call.positional > place
    if "positional_from" in when and call.positional <= when["positional_from"]:
        return False
    if "missing" in when:
        if starred or given or when["missing"] in call.keywords:
            return False
    if "argument" in when:
        if "is" in when:
            return call.keywords.get(when["argument"]) == when["is"]
        if not given and when["argument"] not in call.keywords:
            return False
    return True


def _uses(used, symbols):
    """Whether a file uses the symbol, or an attribute of it; '|' separates several."""
    return any(
        each == symbol or each.startswith(symbol + ".")
        for symbol in symbols.split("|")
        for each in used
    )


# ------------------------------------------------------------------ the three sources


class Rules(NamedTuple):
    exact: dict
    patterns: tuple
    proofs: dict


@functools.cache
def rules():
    """rules.toml, checked."""
    with open(RULES, "rb") as file:
        return checked(tomllib.load(file))


def checked(data):
    """Rules from the tables of a TOML file; ValueError on the first that is wrong."""
    for key in data:
        if key not in ("rule", "proof"):
            _refuse("A table must be [[rule]] or [[proof]]", key, "Correct its name")
    exact, patterns, proofs = {}, {}, {}
    for table in data.get("rule", ()):
        for rule in _rules_of(table):
            into = patterns if "*" in rule.symbol else exact
            if rule.symbol in into:
                _refuse(
                    "symbol must have one rule only", rule.symbol, "Join the two rules"
                )
            into[rule.symbol] = rule
    for table in data.get("proof", ()):
        _only(table, PROOF_FIELDS, "A [[proof]]")
        _check_evidence(table.get("evidence", ""), "A [[proof]]")
        for symbol in table.get("symbols", ()):
            if symbol in proofs:
                _refuse("symbols must be proven once", symbol, "Name one test for it")
            proofs[symbol] = table["evidence"]
    return Rules(exact, tuple(patterns.values()), proofs)


def _rules_of(table):
    _only(table, RULE_FIELDS, "A [[rule]]")
    symbols = table.get("symbol", ())
    symbols = [symbols] if isinstance(symbols, str) and symbols else list(symbols)
    if not symbols:
        _refuse("A [[rule]] must have a symbol", table, 'Name it, such as "tf.log"')
    for symbol in symbols:
        if not isinstance(symbol, str) or not re.fullmatch(r"tf(\.[\w*]+)+", symbol):
            _refuse("symbol must be a TF1 name", symbol, 'Write it as "tf.train.Saver"')
        if canonical(symbol) != symbol:
            _refuse("symbol must be canonical", symbol, f"Write {canonical(symbol)!r}")
    where = f"The rule of {symbols[0]}"
    if "status" not in table:
        _refuse(f"{where} must have a status", table, f"Choose one of {STATUSES}")
    _check_texts(table, where)
    for key in ("before", "after"):
        if not isinstance(table.get(key, ""), str):
            _refuse(f"{key} of {symbols[0]} must be code", table[key], "Write a string")
    if table.get("evidence") == IDIOM and not table.get("before"):
        _refuse(
            f"{where} must have a snippet to be proven by it",
            "neither before nor after",
            "Write both, or name another test",
        )
    if bool(table.get("before")) != bool(table.get("after")):
        _refuse(
            f"{where} must have before and after, or neither",
            "before" if table.get("before") else "after",
            "Write the other one too",
        )
    cases = [_case_of(case, where) for case in table.get("case", ())]
    return [
        Rule(
            symbol,
            table["status"],
            table.get("replacement", ""),
            table.get("note", ""),
            table.get("chapter", ""),
            _evidence_for(symbol, table),
            tuple(_placed(case, symbol) for case in cases),
            # One idiom is told once, under the first of the names.
            table.get("before", "").strip() if symbol == symbols[0] else "",
            table.get("after", "").strip() if symbol == symbols[0] else "",
            table.get("runs", True),
        )
        for symbol in symbols
    ]


def _evidence_for(symbol, table):
    evidence = table.get("evidence", UNPROVEN)
    if evidence == IDIOM:
        named = re.search(rf"\b{re.escape(symbol)}\b", table["before"])
        return IDIOM if named and table.get("runs", True) else UNPROVEN
    return evidence


def _case_of(table, where):
    where = f"A case of {where[0].lower() + where[1:]}"
    _only(table, ("when", *TEXTS), where)
    when = table.get("when")
    if not isinstance(when, dict) or not when:
        _refuse(
            f"{where} must have a condition", when, 'Write when = { argument = "…" }'
        )
    _only(when, CONDITIONS, f"when in {where[0].lower() + where[1:]}")
    if set(when) <= {"position", "is"} or ("is" in when and "argument" not in when):
        _refuse(
            f"{where} must name an argument", when, 'Write { argument = "…", is = … }'
        )
    _check_texts(table, where)
    return Case(when, **{key: table[key] for key in TEXTS if key in table})


def _placed(case, symbol):
    """Fills in the place of an argument from the recorded signature."""
    name = case.when.get("argument") or case.when.get("missing")
    row = api().get(symbol)
    if name is None or "position" in case.when or row is None:
        return case
    positional = row.signature.strip("()").split(", *")[0].split(", ")
    names = [each.partition("=")[0] for each in positional]
    if name not in names:
        return case
    return case._replace(when={**case.when, "position": names.index(name)})


def _check_texts(table, where):
    for key in TEXTS:
        if not isinstance(table.get(key, ""), str):
            _refuse(
                f"{key} of {where[0].lower() + where[1:]} must be text",
                table[key],
                "Write a string",
            )
    if table.get("status", "same") not in STATUSES:
        _refuse(
            f"status of {where[0].lower() + where[1:]} must be known",
            table["status"],
            f"Choose one of {', '.join(STATUSES)}",
        )
    if "evidence" in table:
        _check_evidence(table["evidence"], where)


def _check_evidence(evidence, where):
    if evidence != UNPROVEN and not EVIDENCE.fullmatch(evidence):
        _refuse(
            f"evidence of {where[0].lower() + where[1:]} must name a test",
            evidence,
            'Write "parity_tests/…_test.py::test_…" or "unproven"',
        )


def _only(table, known, where):
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            _refuse(
                f"{where} must have known fields only",
                key,
                f"Did you mean {near[0]}" if near else f"Known are {', '.join(known)}",
            )


def _refuse(rule, received, remedy):
    raise ValueError(f"{rule}. Received: {received!r}. {remedy}.")


@functools.cache
def api():
    """{symbol: Symbol} from tf1_api.tsv."""
    with open(API, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file if not line.startswith("#")]
    rows = {}
    for line in lines[1:]:
        symbol, kind, signature, *flags, successor = line.split("\t")
        flags = [flag == "yes" for flag in flags]
        rows[symbol] = Symbol(symbol, kind, signature, *flags, successor)
    return rows


class Tables(NamedTuple):
    renames: dict
    keywords: dict
    orders: dict


@functools.cache
def tables():
    """TensorFlow's tables for tf_upgrade_v2, read from their files."""
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "tensorflow must be installed: its own tables of renames are read. "
            "Received: none. Use pip install tensorflow."
        )
    folder = os.path.join(spec.submodule_search_locations[0], "tools", "compatibility")
    renames = _dictionary(folder, "renames_v2.py", "renames")
    for name in ("addons_symbol_mappings", "manual_symbol_renames"):
        renames.update(_dictionary(folder, "all_renames_v2.py", name))
    keywords = _dictionary(folder, "tf_upgrade_v2.py", "function_keyword_renames")
    orders = _dictionary(folder, "reorders_v2.py", "reorders")
    return Tables(renames, keywords, orders)


def _dictionary(folder, file_name, name):
    """The literal entries of a dictionary that a Python file assigns to ``name``."""
    with open(os.path.join(folder, file_name), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Dict):
            continue
        target = node.targets[0]
        if name != getattr(target, "id", getattr(target, "attr", None)):
            continue
        for key, value in zip(node.value.keys, node.value.values):
            try:
                found[ast.literal_eval(key)] = ast.literal_eval(value)
            except ValueError:
                continue
        if found:
            break
    return found
