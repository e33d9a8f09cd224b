"""Writes docs/parts.md and docs/traps.md: ``python -m parity_tests.pages.parts``.

Both come from the table of parts; the traps' numbers are measured as it runs.
"""

import inspect
import itertools
import pathlib

import numpy as np

from parity_tests.parts import signatures
from parity_tests.parts import table as parts

DOCS = pathlib.Path(__file__).parents[2] / "docs"
STEPS = (1, 10, 100)

PARTS_HEAD = """\
# Parts

<!-- Made by `python -m parity_tests.pages.parts` from the table of parts. -->

`tf2_keras.tf1_semantics` is TF1's behaviour as Keras 3 objects. Its modules are named
after Keras's own: where you would write `keras.optimizers.Adam` and want TF1's numbers,
write `tf1_semantics.optimizers.Adam`. Every part is compared with a compat.v1 graph, to
the bit, by the test in its row; dropout, which compat.v1 has changed since, with 1.15.5
itself as well. [traps](traps.md) says how far off the plain migrations are,
[tolerances](tolerances.md) where running eagerly rounds otherwise.

```python
from tf2_keras import tf1_semantics

optimizer = tf1_semantics.optimizers.RMSProp(0.01, momentum=0.9)
model.compile(optimizer, loss=tf1_semantics.losses.HuberLoss(), jit_compile=False)
```

A saved model is loaded where the parts are imported. Elsewhere Keras fails with
"TypeError: Could not locate class", which does not say what to import:

```python
import keras

import tf2_keras.tf1_semantics  # registers the parts

model = keras.models.load_model("model.keras")
```

Arguments have the names, the order and the defaults of the TF1 symbol in 1.15.5; what is
otherwise stands [at the end](#arguments-that-are-not-tf1s), with the reason.
"""

ARGUMENTS_HEAD = """\
## Arguments that are not TF1's

All others are: `parity_tests/parts/signatures_test.py` compares every part with the
signature that 1.15.5 recorded.

| part | argument | what | why |
|---|---|---|---|"""

TRAPS_HEAD = """\
# Traps

<!-- Made by `python -m parity_tests.pages.parts` from the table of parts. -->

What people write when they migrate a TF1 symbol, and how far that is from what TF1
computed. Each row is a test: the plain migration is run beside a compat.v1 graph and must
fail by a margin (`parity_tests/parts/parts_test.py::test_a_naive_migration_is_off_by_its_stated_margin`).

The errors are relative. For an optimizer, or a schedule in one, it is the largest
difference of a variable over the largest way that TF1's variables went since the start:
1 is as wrong as not to train at all. Otherwise it is the largest difference over the
largest value that TF1 computed; what has no steps has one number. Errors below 1e-5 are
roundings in float32, which training may amplify. What to write instead is named as it
is in `tf2_keras.tf1_semantics`.
"""


def parts_page():
    """The list of all parts by module, as text."""
    lines = [PARTS_HEAD]
    for module, members in itertools.groupby(parts.PARTS, _module):
        lines += [
            f"## {module}",
            "",
            "| TF1 | part | what it is | proven by |",
            "|---|---|---|---|",
        ]
        for part in members:
            summary = inspect.getdoc(parts.constructor(part.name)).splitlines()[0]
            path, _, test = part.proof.partition("::")
            proof = f"[`{test}`](../{path})"
            lines.append(_row(f"`{part.tf1}`", f"`{part.name}`", _cell(summary), proof))
        lines.append("")
    lines.append(ARGUMENTS_HEAD)
    # An argument a row would be long: those of one reason stand together.
    for (pattern, what, reason), rows in itertools.groupby(
        signatures.KEPT, lambda kept: (kept.parts, kept.what, kept.reason)
    ):
        names = ", ".join(f"`{kept.argument}`" for kept in rows)
        lines.append(_row(f"`{pattern}`", names, what, _cell(reason)))
    return "\n".join(lines).rstrip() + "\n"


def traps_page(measured=parts.measured):
    """All traps by module with what they measure, as text.

    Args:
        measured: (name of a part, number of its trap) -> {step: error}.
    """
    lines = [TRAPS_HEAD]
    for module, members in itertools.groupby(parts.PARTS, _module):
        members = list(members)
        lines += [f"## {module}", ""]
        rows = list(_trap_rows(members, measured))
        if rows:
            lines += [
                "| TF1 | people write | off after 1 | 10 | 100 steps | write instead |",
                "|---|---|---|---|---|---|",
                *rows,
                "",
            ]
        lines += [
            f"- `{part.tf1}`, `{part.name}`: {part.no_trap}."
            for part in members
            if part.no_trap
        ]
        lines.append("")
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"


def _trap_rows(members, measured):
    for part in members:
        for number, trap in enumerate(part.traps):
            yield trap_row(part, trap, measured(part.name, number))


def trap_row(part, trap, measured):
    """The row of a trap that is off by {step: error}."""
    return _row(
        f"`{part.tf1}`",
        f"`{_cell(trap.write)}`",
        *[_number(measured[s]) if s in measured else "" for s in STEPS],
        f"`{_cell(trap.instead)}`",
    )


def _number(error):
    """One digit: the rest differs from one processor to the next."""
    rounded = float(f"{error:.0e}")
    if rounded and not 1e-4 <= rounded < 1e5:
        return f"{rounded:.0e}"
    return np.format_float_positional(rounded, trim="-")


def _module(part):
    return part.name.partition(".")[0]


def _cell(text):
    text = text.replace("tf1_semantics.", "").replace("``", "`")
    return text.replace("|", "\\|")


def _row(*cells):
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    (DOCS / "parts.md").write_text(parts_page(), encoding="utf-8")
    (DOCS / "traps.md").write_text(traps_page(), encoding="utf-8")
