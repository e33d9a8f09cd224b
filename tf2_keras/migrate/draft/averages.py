"""Moving averages of what is trained, which an optimizer's part keeps."""

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import refusal
from tf2_keras.migrate.draft.statements import Call, Literal, number

PART = "tf1_semantics.averages.ExponentialMovingAverage"
NAME = "/ExponentialMovingAverage"
SUBTRACTING = ("AssignSub", "AssignSubVariableOp")
UPDATE = ("Mul", ("Sub", "$average", "$variable"), ("Sub", 1.0, "?decay"))
# min(decay, (1 + n) / (10 + n)) of the step n.
COUNTED = (
    "Minimum",
    "#decay",
    ("RealDiv", ("Add", 1.0, ("Cast", "$step")), ("Add", 10.0, ("Cast", "$step"))),
)


def averages_of(reader, updates, trained, step):
    """((argument of the optimizer,) or (), {average's name: its update's}).

    Args:
        updates: [(op, variable's name)] beside the optimizer's own.
        trained: names of the variables that the optimizer updates.
        step: the variable that counts the updates, or None.

    Raises:
        Undraftable: for averages that are not of all that is trained, or not alike.
    """
    found, decays = {}, {}
    for operation, variable in updates:
        name = variable.removesuffix(NAME)
        if operation.type not in SUBTRACTING or name == variable:
            continue
        bound = terms.unify(
            reader, UPDATE, operation.inputs[1], {"average": variable, "variable": name}
        )
        if bound is None:
            continue
        found[variable] = operation.name
        decays[name] = _decay(reader, bound["decay"], step)
    if not found:
        return (), {}
    if (
        {*decays} != {*trained}
        or len({*decays.values()}) > 1
        or None in decays.values()
    ):
        raise refusal(
            "Moving averages must be of all that is trained, by one decay",
            ", ".join([*found][:3]),
            "Average the others by hand",
        )
    decay, is_counted = decays.popitem()[1]
    words = [(None, Literal(decay, "config:moving_average_decay"))]
    if is_counted:
        words.append(("num_updates", Literal("True")))
    return (("moving_average", Call(PART, tuple(words))),), found


def _decay(reader, tensor, step):
    """(the decay as Python, whether it grows with the step), or None."""
    value = reader.number(tensor)
    if value is not None:
        return number(value), False
    bound = terms.unify(reader, COUNTED, tensor)
    if bound is None or bound["step"] != step:
        return None
    return number(bound["decay"]), True
