"""rules.toml, the semantics that were written by hand: its rules, each field checked."""

import difflib
import functools
import os
import re
from typing import NamedTuple

from tf2_keras.migrate import statuses
from tf2_keras.migrate.api_table import canonical
from tf2_keras.migrate.when import CONDITIONS, KINDS, VALUES

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

FOLDER = os.path.dirname(os.path.abspath(__file__))
RULES = ("rules.toml", "rules_contrib.toml", "rules_estimator.toml")
STATUSES = tuple(status for status in statuses.STATUSES if status != "unknown")
UNPROVEN = "unproven"
# The test that runs both sides of an idiom: it proves what the snippet names.
IDIOM = "parity_tests/migrate/idioms_test.py::test_both_sides_of_an_idiom_agree"
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
    untouched: (status, note, evidence, differences): how a call reads that touches none
        of the arguments that differ from 1.15's, see ``differences``; () if none does.
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
    untouched: tuple = ()


class Rules(NamedTuple):
    """The whole file.

    exact: {symbol: Rule}.
    patterns: the Rules whose symbol has a star.
    proofs: {symbol: evidence}.
    origins: the symbols that some ``with_call`` names.
    """

    exact: dict
    patterns: tuple
    proofs: dict
    origins: frozenset


@functools.cache
def rules():
    """The files of RULES, checked as one."""
    data = {}
    for name in RULES:
        with open(os.path.join(FOLDER, name), "rb") as file:
            for key, tables in tomllib.load(file).items():
                data.setdefault(key, []).extend(tables)
    return checked(data)


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
    origins = {
        symbol
        for rule in (*exact.values(), *patterns.values())
        for case in rule.cases
        for names in asked(case.when, "with_call")
        for symbol in names.split("|")
    }
    return Rules(exact, tuple(patterns.values()), proofs, frozenset(origins))


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
            tuple(cases),
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
    _check_condition(when, where)
    _check_texts(table, where)
    return Case(when, **{key: table[key] for key in TEXTS if key in table})


def _check_condition(when, where):
    _only(when, CONDITIONS, f"when in {where[0].lower() + where[1:]}")
    asks = set(when) - {"position", *VALUES}
    if not asks or (set(VALUES) & set(when) and "argument" not in when):
        _refuse(
            f"{where} must name an argument", when, 'Write { argument = "…", is = … }'
        )
    if when.get("kind", "list") not in KINDS:
        _refuse(
            f"kind in {where[0].lower() + where[1:]} must be known",
            when["kind"],
            f"Choose one of {', '.join(KINDS)}",
        )
    if "also" in when:
        _check_condition(when["also"], where)


def asked(when, key):
    """What a condition asks with ``key``, its ``also`` included."""
    while when:
        if key in when:
            yield when[key]
        when = when.get("also")


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
