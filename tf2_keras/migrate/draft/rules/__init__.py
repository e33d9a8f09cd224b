"""Rules: which ops become which layer. One that does not fit raises ``Unlike``.

A rule is tried on every tensor of its kinds; the ``Statement`` that it returns is kept
only if something needs that tensor. What no rule takes becomes a layer of plain ops.
"""

from tf2_keras.migrate.draft.errors import Unlike
from tf2_keras.migrate.draft.rules import (
    convolutions,
    dropout,
    layers,
    noise,
    normalization,
    operators,
    recurrent,
    shapes,
    unrolled,
)

RULES = {}
for module in (
    noise,
    dropout,
    normalization,
    recurrent,
    unrolled,
    layers,
    convolutions,
    shapes,
    operators,
):
    for kind, listed in module.RULES.items():
        RULES.setdefault(kind, []).extend(listed)


def statement_of(context, tensor):
    """(Statement or None, why no rule took the tensor)."""
    reasons = []
    for rule in RULES.get(context.reader.kind(tensor), ()):
        try:
            return rule(context, tensor), ""
        except Unlike as error:
            reasons.append(str(error))
    return None, "; ".join(reasons) or f"no rule for {tensor.op.type}"
