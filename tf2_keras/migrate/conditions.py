"""What rules and facts ask of a call: of its arguments, and of what they were made from."""

import functools

from tf2_keras.migrate import public_names
from tf2_keras.migrate.bindings import Instance, origins
from tf2_keras.migrate.rule_file import rules

# Functions that make the variables that training moves.
MAKE_VARIABLES = ("Variable", "get_variable", "dense", "fully_connected", "linear")


def is_schedule(symbol):
    """Whether a call of it gives a learning rate that changes."""
    name = symbol.rpartition(".")[2]
    return symbol.startswith("tf.train.") and (
        name.endswith(("_decay", "_restarts")) or name.startswith("piecewise_constant")
    )


def is_optimizer(symbol):
    return symbol.endswith("Optimizer") and ".keras." not in symbol


def makes_variables(symbol):
    return symbol.rpartition(".")[2] in MAKE_VARIABLES


@functools.cache
def origin(dotted):
    """The symbol, if some condition asks what was made from its results; else None."""
    known = public_names.resolve(dotted)
    symbol = known.symbol if known is not None else ""
    asked = is_schedule(symbol) or makes_variables(symbol)
    return symbol if asked or symbol in rules().origins else None


def never_moves_its_schedule(optimizer, method, call):
    """Whether an optimizer with a schedule is not told which step it counts.

    minimize(loss, step) and apply_gradients(pairs, step) take it in second place.
    """
    if method not in ("minimize", "apply_gradients") or not is_optimizer(optimizer):
        return False
    given = call.positional > 1 or call.keywords.get("global_step", "None") != "None"
    return not given and not call.unpacks and any(map(is_schedule, call.origins))


def may_broadcast(values):
    """Whether one is a target without a shape, and another comes from variables."""
    return any(map(_has_no_shape, values)) and any(
        map(makes_variables, origins(values))
    )


def _has_no_shape(value):
    if not isinstance(value, Instance) or not value.dotted.endswith(".placeholder"):
        return False
    call = value.call
    if call.unpacks:
        return False
    if "shape" not in call.keywords and call.positional < 2:
        return True
    by_position = call.literals[1] if call.positional > 1 else None
    shape = call.keywords.get("shape", by_position)
    return shape in ("None", ["None"])
