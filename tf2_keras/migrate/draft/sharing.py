"""Layers that are called more than once, as the discriminator of a GAN is."""

import collections
import os

from tf2_keras.migrate.draft.statements import Call, Statement, rendered

CHAINED = '''\
def chained(*layers):
    """A function that calls layers one after the other."""

    def call(x):
        for layer in layers:
            x = layer(x)
        return x

    return call'''


def shared(statements):
    """The statements, in which a layer that is called again is a statement by itself.

    Calls are of one layer if they say the same of the same variables.
    """
    calls = collections.defaultdict(list)
    for statement in statements:
        if statement.weights and not statement.structure and not statement.template:
            weights = tuple(sorted(statement.weights.items()))
            calls[statement.call, weights].append(statement)
    several = {
        id(statement): listed
        for listed in calls.values()
        if len(listed) > 1
        for statement in listed
    }
    written = []
    for statement in statements:
        listed = several.get(id(statement))
        if listed is None:
            written.append(statement)
            continue
        layer = f"layer:{listed[0].outputs[0]}"
        if statement is listed[0]:
            written.append(_definition(statement, layer))
        written.append(_use(statement, layer))
    return written


def _definition(statement, layer):
    return Statement(
        [layer],
        statement.call,
        [],
        statement.position,
        statement.base,
        statement.weights,
        kind="definition",
    )


def _use(statement, layer):
    places = ", ".join(f"{{{place + 1}}}" for place in range(len(statement.inputs)))
    if len(statement.inputs) > 1 and not statement.spread:
        places = f"[{places}]"
    return Statement(
        list(statement.outputs),
        None,
        [layer, *statement.inputs],
        statement.position,
        template=f"{{0}}({places})",
        kind="operator",
        why=statement.why,
    )


def chained(statements, outputs):
    """The statements, in which a row of layers that is called again is one, a network.

    Args:
        statements: of inference, in order, with their names.
        outputs: names of the tensors that it returns.
    """
    calls = collections.Counter(name for s in statements for name in s.inputs)
    rows = collections.defaultdict(list)
    for row in _rows(statements, calls + collections.Counter(outputs)):
        rows[tuple(map(_said, row))].append(row)
    defined = {s.outputs[0]: s for s in statements if s.kind == "definition"}
    instead = {}  # {id of a statement: what is written for it}
    for said, listed in rows.items():
        own = [word for word in said if word in defined]
        if len(listed) == 1 or any(calls[word] != len(listed) for word in own):
            continue
        layers = [defined.get(_said(step), step) for step in listed[0]]
        network = _network(layers)
        for step in [*layers, *(step for row in listed for step in row)]:
            instead[id(step)] = []
        for row in listed:
            use = _use(row[-1], network.outputs[0])
            use.inputs, use.template = (
                [network.outputs[0], row[0].inputs[-1]],
                "{0}({1})",
            )
            instead[id(row[-1])] = [network, use] if row is listed[0] else [use]
    return [
        s for statement in statements for s in instead.get(id(statement), [statement])
    ]


def _rows(statements, takers):
    """Layers in a row, from one that is called again to the last such one.

    Each takes what the one before gives to it alone.
    """
    rows = {}  # {the tensor that a row ends in: the row}
    for statement in statements:
        if _is_shared(statement) or _is_plain(statement):
            given = statement.inputs[-1]
            row = rows.pop(given, []) if takers[given] == 1 else []
            rows[statement.outputs[0]] = [*row, statement]
    for row in rows.values():
        shared_at = [place for place, step in enumerate(row) if _is_shared(step)]
        if len(shared_at) > 1:
            yield row[shared_at[0] : shared_at[-1] + 1]


def _is_shared(statement):
    """Whether it is a call, of one tensor, of a layer that is called again."""
    is_call = len(statement.inputs) == 2 and statement.inputs[0].startswith("layer:")
    return is_call and not statement.why


def _is_plain(statement):
    """Whether it is a layer of Keras's own without weights, called by one tensor."""
    if statement.kind != "layer" or statement.weights or statement.template:
        return False
    is_one = len(statement.inputs) == 1 and statement.structure is None
    is_kerass = statement.call.function.startswith("keras.layers.")
    return is_one and is_kerass and not statement.why


def _said(step):
    """What is equal of two calls of one layer."""
    return step.inputs[0] if step.call is None else rendered(step.call)


def _network(layers):
    """The definition of what calls some layers one after the other."""
    scopes = [layer.name.split(".")[:-1] for layer in layers if layer.name]
    return Statement(
        [f"{layers[-1].outputs[0]}:chained"],
        Call("chained", tuple((None, layer.call) for layer in layers)),
        [],
        layers[0].position,
        kind="definition",
        name=".".join(os.path.commonprefix(scopes)) or "network",
    )
