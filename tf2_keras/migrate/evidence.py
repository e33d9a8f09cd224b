"""What evidence.tsv knows of each symbol: what was run, and what differed.

The table is written by parity_tests.migrate.witnessed and held by its tests.
"""

import functools
import os
from typing import NamedTuple

from tf2_keras.migrate import differences
from tf2_keras.migrate.api_table import api, cells, tables

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evidence.tsv")
# {kind of evidence: the test that holds it}
TESTS = {
    "golden": "parity_tests/migrate/witnessed_test.py::test_calls_give_what_1_15_5_gave",
}
UNPROVEN = "unproven"
EDGES = "At the edges:"  # what begins the part of a note that tells them
PROVABLE = ("same", "renamed")


class Evidence(NamedTuple):
    """One row of evidence.tsv.

    successor: today's name, whose signature is given; '' where there is no one name.
    signature: today's, as in tf1_api.tsv.
    kind: one of TESTS, or ''.
    calls: how many calls were compared.
    difference: how far apart they were and in which call, or ''.
    edge: what differs for no example, half precision, NaN or the sign of zero; or ''.
    """

    symbol: str
    successor: str
    signature: str
    kind: str
    calls: int
    difference: str
    edge: str


@functools.cache
def table():
    """{symbol: Evidence}"""
    rows = cells(TABLE)
    return {row[0]: Evidence(*row[:4], int(row[4]), *row[5:]) for row in rows}


def has_signature(symbol):
    """Whether the signature of today's symbol is known beside 1.15's."""
    return symbol in table() and bool(table()[symbol].signature)


@functools.cache
def signature_differences(symbol):
    """The Differences of the arguments of 1.15's symbol and of today's; () if none."""
    return beside(symbol, table()[symbol].signature) if has_signature(symbol) else ()


def beside(symbol, today):
    """The Differences of 1.15's symbol from a signature of today.

    Where 1.15's default or today's is None, that is decided inside: no difference if the
    calls that were run, which leave it to that, agree.
    """
    recorded, row = api().get(symbol), table().get(symbol)
    if recorded is None:
        return ()
    names = tables().keywords.get(symbol, {})
    names = tuple((name, now) for name, now in names.items() if isinstance(now, str))
    found = differences.between(recorded.signature, today, names)
    if row is None or row.kind != "golden" or row.difference:
        return found
    return tuple(
        difference
        for difference in found
        if difference.kind != differences.DEFAULT
        or "None" not in (difference.before, difference.today)
    )


def witnessed(rule):
    """A rule as it stands beside what was measured: never ``same`` against it."""
    row = table().get(rule.symbol)
    if row is None:
        return rule
    if rule.evidence == UNPROVEN:
        rule = rule._replace(evidence=TESTS.get(row.kind, UNPROVEN))
    if rule.status not in PROVABLE:
        return rule
    if row.difference:
        rule = differences.told(rule, signature_differences(rule.symbol))
        note = f"{rule.note} Measured against 1.15.5: {row.difference}.".strip()
        return rule._replace(
            status="changes", note=note, evidence=TESTS[row.kind], untouched=()
        )
    if row.edge:
        note = f"{rule.note} {EDGES} {row.edge}.".strip()
        rule = rule._replace(note=note)
    return differences.told(rule, signature_differences(rule.symbol))


def as_called(rule, call):
    """A rule with those differences of the arguments only that touch a call."""
    if call is None or not rule.untouched:
        return rule
    status, note, proof, found = rule.untouched
    rule = rule._replace(status=status, note=note, evidence=proof, untouched=())
    touching = [difference for difference in found if difference.touches(call)]
    return differences.told(rule, touching)
