"""The methods and attributes of 1.15's classes, and what became of each.

tf1_members.tsv is written by parity_tests.witness.members.
"""

import functools
import os
from typing import NamedTuple

from tf2_keras.migrate import differences
from tf2_keras.migrate.api_table import cells

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tf1_members.tsv")
BASE, GONE, AS_BEFORE, ATTRIBUTE = "<", "-", "=", "."


class Member(NamedTuple):
    """A method or attribute as its class, or the base that it comes from, has it.

    signature: 1.15's, or ATTRIBUTE.
    today: a signature or ATTRIBUTE; GONE, or AS_BEFORE; '' where the class is gone.
    """

    owner: str
    signature: str
    today: str


@functools.cache
def table():
    """({class: {name: Member}}, {class: base class or other name of the class})"""
    owners, bases = {}, {}
    for symbol, signature, today in cells(TABLE):
        owner, _, name = symbol.rpartition(".")
        members = owners.setdefault(owner, {})
        if name == BASE:
            bases[owner] = signature
        else:
            members[name] = Member(owner, signature, today)
    return owners, bases


def is_class(symbol):
    """Whether it is a class whose members are recorded."""
    return symbol in table()[0]


def find(owner, name):
    """The Member of that name, of the class or of one of its bases; None if none."""
    owners, bases = table()
    while owner:
        member = owners.get(owner, {}).get(name)
        if member is not None:
            return member
        owner = bases.get(owner, "")
    return None


def answered(rule, owner, name):
    """The rule of a member, from that of its class; None if 1.15 had no such member.

    rule: the class's.
    """
    member = find(owner, name)
    if member is None:
        return None
    if rule.status not in ("same", "renamed", "changes") or not member.today:
        return rule
    if member.today == GONE:
        words = f"{member.owner} had {name}; today's class has it no more."
        return rule._replace(
            status="restructure",
            replacement="",
            note=words,
            evidence=TEST,
            cases=(),
            untouched=(),
        )
    if rule.status == "changes":
        return rule
    rule = rule._replace(
        replacement=f"{rule.replacement}.{name}",
        note="",
        evidence="unproven",
        cases=(),
        untouched=(),
    )
    found = differences.between(member.signature, signature_today(member))
    return differences.told(rule, found)


def signature_today(member):
    return member.signature if member.today == AS_BEFORE else member.today


TEST = "parity_tests/migrate/members_test.py::test_members_are_those_that_are_recorded"
