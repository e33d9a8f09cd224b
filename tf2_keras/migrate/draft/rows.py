"""Updates of an embedding's rows that TF1 made of several ops, as those of one op."""

import re

from tf2_keras.migrate.draft import terms

SCATTER = re.compile(r"(Resource)?Scatter(Add|Sub)$")
SUBTRACTING = ("AssignSub", "AssignSubVariableOp")
ASSIGNING = ("Assign", "AssignVariableOp")
DESCENT = {
    "Add": ("Mul", ("Neg", "?gradient"), "?lr"),
    "Sub": ("Mul", "?gradient", "?lr"),
}
# rate * m / (sqrt(v) + epsilon), and its rate of beta1^t and beta2^t.
STEP = ("RealDiv", ("Mul", "?rate", "*"), ("Add", ("Sqrt", "*"), "?epsilon"))
RATE = ("RealDiv", ("Mul", "?lr", ("Sqrt", "*")), "*")
DECAYED = ("Mul", "*", "?beta")


def rows_of(reader, operation, own):
    """{'kind', 'op', name of an input: tensor} of a variable's update by rows; or None.

    Args:
        operation: one that changes the variable itself.
        own: [(op, variable)] of all that change it and its slots.
    """
    scattered = SCATTER.match(operation.type)
    if scattered and len(own) == 1:
        pattern = DESCENT[scattered.group(2)]
        bound = terms.unify(reader, pattern, operation.inputs[2])
        if bound is None:
            return None
        return {"kind": "GradientDescent", "op": operation, "lr": bound["lr"]}
    if operation.type in SUBTRACTING:
        return _adam(reader, operation, own)
    return None


def _adam(reader, operation, own):
    bound = terms.unify(reader, STEP, operation.inputs[1])
    rate = bound and terms.unify(reader, RATE, bound["rate"])
    decays = {
        slot: terms.unify(reader, DECAYED, other.inputs[1])
        for other, slot in own
        if other.type in ASSIGNING
    }
    if not rate or len(decays) != 2 or None in decays.values():
        return None
    first, second = (decays[slot]["beta"] for slot in sorted(decays))
    return {
        "kind": "Adam",
        "op": operation,
        "lr": rate["lr"],
        "epsilon": bound["epsilon"],
        "beta1": first,
        "beta2": second,
    }
