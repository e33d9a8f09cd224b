"""By Keras object: whoever uses ``keras.optimizers.RMSprop`` finds what changes with it."""

import functools
import re

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from parity_tests.site import symbols, traps
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
        result = []
        for name, (measured, rules) in by_object().items():
            result += [symbols.heading(name), *_measured(measured), *_rules(rules)]
        return result


def _measured(measured):
    if not measured:
        return []
    rows = []
    for trap in measured:
        off = [nodes.inline(text=trap.off.get(steps, "")) for steps in (1, 10, 100)]
        code = [nodes.literal(text=text) for text in (trap.written, trap.instead)]
        rows.append([symbols.to_symbol(trap.symbol), code[0], *off, code[1]])
    heading = ("TF1", "people write", "off after 1", "10", "100 steps", "instead")
    return [symbols.table(heading, rows)]


def _rules(rules):
    if not rules:
        return []
    rows = [
        [symbols.to_symbol(rule.symbol), nodes.inline(text=rule.status)]
        + [nodes.inline(text=rule.note)]
        for rule in rules
    ]
    return [symbols.table(("TF1", "status", "what changes"), rows)]
