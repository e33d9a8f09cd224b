"""By Keras object: whoever uses ``keras.optimizers.RMSprop`` finds what changes with it."""

import functools
import re

from sphinx.util.docutils import SphinxDirective

from parity_tests.site import markup, parts, symbols, traps
from tf2_keras.migrate import catalogue

DOCUMENT = "keras"
NAME = re.compile(r"(?<![\w.])keras(?:\.\w+)+")
TOLD = ("changes", "restructure", "gone")
TEXT = """\
# Keras objects

What differs between an object of Keras 3 and what TF1 computed under its name: how far
off it was when it was put in TF1's place, and which TF1 symbols lead to it. The margins
are those of [traps](/traps.md).

```{keras-objects}
```
"""


def documents():
    """{document: its text}"""
    return {DOCUMENT: TEXT}


@functools.cache
def by_object():
    """{Keras object: ([Trap], [Rule])}, by name."""
    objects = {}
    for trap in traps.traps():
        for name in NAME.findall(trap.written)[:1]:
            objects.setdefault(name, ([], []))[0].append(trap)
    for rule in catalogue.every():
        shown = catalogue.shown(rule)
        if shown.status in TOLD:
            for name in dict.fromkeys(
                NAME.findall(f"{shown.replacement} {shown.note}")
            ):
                objects.setdefault(name.rstrip("."), ([], []))[1].append(shown)
    return dict(sorted(objects.items()))


class KerasObjectsDirective(SphinxDirective):
    """``{keras-objects}``: an entry for every object of Keras that some rule names."""

    def run(self):
        for file in symbols.FILES:
            self.env.note_dependency(file)
        self.env.note_dependency(str(traps.FILE))
        address = markup.addresses_from(self.env)
        return [
            markup.page(
                markup.heading(name)
                + _measured(measured, address)
                + _rules(rules, address)
                for name, (measured, rules) in by_object().items()
            )
        ]


def _measured(measured, address):
    rows = [
        (
            markup.symbol(trap.symbol, address),
            markup.code(trap.written),
            *traps.errors(trap),
            parts.called(trap.instead, address),
        )
        for trap in measured
    ]
    heading = ("TF1", "people write", "off after 1", "10", "100 steps", "instead")
    return markup.table(heading, rows)


def _rules(rules, address):
    rows = [
        (
            markup.symbol(rule.symbol, address),
            f'<span class="{rule.status}">{rule.status}</span>',
            markup.escaped(rule.note),
        )
        for rule in rules
    ]
    return markup.table(("TF1", "status", "what changes"), rows)
