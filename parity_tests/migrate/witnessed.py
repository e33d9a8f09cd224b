"""Writes evidence.tsv: what each symbol of TF1 gives under 1.15.5 and today.

    python -m parity_tests.migrate.witnessed            # under today's TensorFlow
    python -m parity_tests.migrate.witnessed --also     # then under the oldest supported

The calls of ``call_rows`` are run here and compared with those that 1.15.5 was recorded
in; the signature of what takes a symbol's place is written down.
"""

import argparse
import base64
import collections
import os
import re
from typing import NamedTuple

import numpy as np

from parity_tests.engine.ulps import FLOAT_LAYOUTS
from parity_tests.witness import (
    api,
    call_rows,
    calls,
    process_state,
    reference_conditions,
)
from tf2_keras.migrate import catalogue, evidence

GOLDEN = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    "goldens",
    "calls.tsv.gz",
)
COLUMNS = evidence.Evidence._fields
COMMAND = "# python -m parity_tests.migrate.witnessed"
# How far one function may be from itself: other kernels of the same mathematics round
# otherwise, above all 1.15's vectorised exp, tanh and sqrt, and sum in another order.
# In ULPs of the largest magnitude of a tensor.
ROUNDING = {"float16": 16, "bfloat16": 16, "float32": 64, "float64": 64}
# A tensor of nothing but small numbers is measured as if it had this one: where larger
# ones cancel, their rounding stays.
SMALLEST_SCALE = 1 / 16
# What programs feed; what differs only elsewhere is told, and called same. Keras casts
# what it is given to its own float type, today in more places than in 1.15.
ORDINARY = ("plain", "tied", "gradient")
ORDINARY_OF_TENSORFLOW = (*ORDINARY, "float64", "int32")
COMPONENTS = {"complex64": "float32", "complex128": "float64"}


# Of a gradient that 1.15 has: an op of today's has none registered.
NO_GRADIENT = "LookupError today"

# Made by other calls: nobody calls the constructor.
MADE_ELSEWHERE = ("tf.data.Dataset", "tf.RaggedTensor", "tf.Tensor", "tf.Operation")


class Verdict(NamedTuple):
    """Of one call: '' where both gave the same, or how they differ; and what kind."""

    difference: str = ""
    kind: str = ""  # 'margin', 'nonfinite', 'zero', 'form' or 'refused'
    margin: float = 0.0
    ulps: float = 0.0


class Leaf(NamedTuple):
    """Part of a result: an array, or Python's repr."""

    dtype: str
    shape: str
    value: object


def leaf(text):
    """A Leaf from its text, see ``calls.text``."""
    head, _, body = text.partition(":")
    raw = base64.b64decode(body)
    if head == "py":
        return Leaf("py", "", raw.decode())
    dtype, shape = re.fullmatch(r"(\w+)\[([\d,]*)\]", head).groups()
    if dtype == "bfloat16":
        words = np.frombuffer(raw, np.uint16).astype(np.uint32) << 16
        return Leaf(dtype, shape, words.view(np.float32))
    return Leaf(dtype, shape, np.frombuffer(raw, dtype))


def verdict(recorded, today):
    """The Verdict on two lists of leaves as text."""
    if recorded == today:
        return Verdict()
    if today[:1] == [calls.REFUSED]:
        return Verdict(f"{today[1]} today", "refused")
    if len(recorded) != len(today):
        return Verdict(f"{len(today)} results, in 1.15 {len(recorded)}", "form")
    verdicts = [
        _of_leaves(leaf(a), leaf(b)) for a, b in zip(recorded, today, strict=True)
    ]
    order = ("", "zero", "nonfinite", "margin", "form")
    return max(verdicts, key=lambda found: (order.index(found.kind), found.margin))


def _of_leaves(old, new):
    if old == new if old.dtype == "py" else False:
        return Verdict()
    if "py" in (old.dtype, new.dtype):
        if old.dtype != new.dtype:
            return Verdict(f"{new.dtype}, in 1.15 {old.dtype}", "form")
        return Verdict(f"{new.value[:60]}, in 1.15 {old.value[:60]}", "form")
    if old.dtype != new.dtype:
        return Verdict(f"{new.dtype}, in 1.15 {old.dtype}", "form")
    if old.shape != new.shape:
        return Verdict(f"shape [{new.shape}], in 1.15 [{old.shape}]", "form")
    if old.value.tobytes() == new.value.tobytes():
        return Verdict()
    component = COMPONENTS.get(old.dtype, old.dtype)
    a, b = old.value, new.value
    if old.dtype in COMPONENTS:
        a, b = a.view(component), b.view(component)
    if component not in FLOAT_LAYOUTS:
        margin = float(np.max(np.abs(a.astype(float) - b.astype(float))))
        return Verdict(f"off by {margin:.2g}", "margin", margin)
    return _of_floats(a, b, component)


def _of_floats(a, b, dtype):
    a, b = a.astype(np.float64), b.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    same = finite | (np.isnan(a) & np.isnan(b)) | (a == b)
    gap = float(np.max(np.abs(a[finite] - b[finite]), initial=0.0))
    scale = float(np.max(np.abs(a[finite]), initial=0.0))
    unit = max(scale, SMALLEST_SCALE) * FLOAT_LAYOUTS[dtype].epsilon
    ulps = gap / unit
    if ulps > ROUNDING[dtype]:
        return Verdict(f"off by {gap:.2g}", "margin", gap, ulps)
    if not same.all():
        at = int(np.flatnonzero(~same)[0])
        words = f"{b[at]:g} where 1.15 gives {a[at]:g}"
        return Verdict(words, "nonfinite", 0.0, ulps)
    zeros = (a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b))
    if zeros.any():
        return Verdict("another sign of zero", "zero", 0.0, ulps)
    return Verdict("", "", gap, ulps)


@process_state.as_new()
def measured(tf, golden, symbols=None):
    """{symbol: [(expression of TF2, variant, Verdict)]} of every recorded call.

    1.15.5 was recorded in a new process.
    """
    found = collections.defaultdict(list)
    for symbol, before, after in rows():
        if symbols is not None and symbol not in symbols:
            continue
        for variant in calls.variants_of(before):
            recorded = golden.get((before, variant))
            if recorded is not None:
                today = calls.outcome(tf, after, variant)
                found[symbol].append((after, variant, verdict(recorded, today)))
    return dict(found)


def rows():
    """Those of ``call_rows``, and the constants under the names that they have today."""
    constants = [
        (symbol, before, successor_of(catalogue.unwitnessed(symbol)))
        for symbol, before in call_rows.constants()
    ]
    return call_rows.rows() + [row for row in constants if row[2]]


def successor_of(rule):
    """The one name of TensorFlow's that a symbol has today, or ''."""
    if rule is None or rule.status not in evidence.PROVABLE:
        return ""
    name = rule.symbol if rule.status == "same" else rule.replacement
    return name if re.fullmatch(r"tf(\.\w+)+", name) else ""


def difference_of(outcomes):
    """How a symbol's ordinary calls differ, in the plainest of those that do; or ''."""
    return _told(
        [
            (expression, variant, found)
            for expression, variant, found in outcomes
            if variant in ordinary(expression)
            and found.kind in ("margin", "form", "refused")
            # Where nothing leads to an input, one side says None and the other zeros.
            and (
                variant != "gradient"
                or found.kind == "margin"
                or found.difference == NO_GRADIENT
            )
        ]
    )


def ordinary(expression):
    """Those of the variants that programs feed to a symbol."""
    return ORDINARY if "tf.keras." in expression else ORDINARY_OF_TENSORFLOW


def edge_of(outcomes):
    """How calls differ at the edges: no example, half precision, NaN, sign of zero."""
    edges = [
        row
        for row in outcomes
        if row[2].kind and row[1] != "gradient" and not difference_of([row])
    ]
    return _told(sorted(edges, key=lambda row: row[2].kind == "zero"))


def _told(differing):
    if not differing:
        return ""
    variant, kind = differing[0][1], differing[0][2].kind
    alike = [row for row in differing if row[1] == variant and row[2].kind == kind]
    expression, _, worst = max(alike, key=lambda row: row[2].margin)
    shown = expression
    if len(expression) >= 70:  # what is left out begins with a whole name
        shown = re.sub(r"[\w.]*$", "", expression[:67]) + "…"
    return f"{worst.difference} ({shown}{'' if variant == 'plain' else ', ' + variant})"


def table(tf, golden):
    """The Evidence of every symbol that has any."""
    outcomes = measured(tf, golden)
    found = {}
    symbols = [
        row.symbol
        for row in catalogue.api().values()
        if row.in_tf1 and row.kind != "module"
    ]
    for symbol in dict.fromkeys([*symbols, *outcomes]):  # and methods that are called
        rule = catalogue.unwitnessed(symbol)
        successor = successor_of(rule)
        if not api.exists(tf, successor):
            successor = ""
        described = successor and symbol not in MADE_ELSEWHERE
        signature = api.describe(api.reach(tf, successor))[1] if described else ""
        results = outcomes.get(symbol, [])
        if not results and not signature:
            continue
        found[symbol] = evidence.Evidence(
            symbol,
            successor,
            signature,
            "golden" if results else "",
            len(results),
            difference_of(results),
            edge_of(results),
        )
    return found


def write(found, comments):
    with open(evidence.TABLE, "w", encoding="utf-8") as file:
        for line in comments:
            file.write(line + "\n")
        for row in [COLUMNS, *(found[symbol] for symbol in sorted(found))]:
            file.write("\t".join(map(str, row)) + "\n")


def joined(known, other, version):
    """The Evidence of a symbol in two TensorFlows: what differs in either differs."""
    if other.difference and not known.difference:
        words = f"{other.difference}, with Keras {version}"
        known = known._replace(difference=words)
    here = evidence.beside(known.symbol, known.signature)
    there = evidence.beside(known.symbol, other.signature)
    return known._replace(signature=other.signature) if there and not here else known


def main(arguments=None):
    parser = argparse.ArgumentParser(prog=COMMAND[2:], description=__doc__)
    parser.add_argument(
        "--also", action="store_true", help="add what differs in this TensorFlow too"
    )
    options = parser.parse_args(arguments)
    reference_conditions.import_tensorflow()
    import keras
    import tensorflow as tf

    with_this = f"{COMMAND}: TensorFlow {tf.__version__}, Keras {keras.__version__}"
    found = table(tf, calls.read(GOLDEN)[1])
    if not options.also:
        write(found, [with_this])
        return
    stored = evidence.table()
    with open(evidence.TABLE, encoding="utf-8") as file:
        comments = [file.readline().strip()]
    for symbol, row in found.items():
        if symbol in stored:
            stored[symbol] = joined(stored[symbol], row, keras.__version__)
    write(stored, [*comments, with_this])


if __name__ == "__main__":
    main()
