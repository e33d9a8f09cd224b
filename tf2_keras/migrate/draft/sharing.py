"""Layers that are called more than once, as the discriminator of a GAN is."""

import collections

from tf2_keras.migrate.draft.statements import Statement


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
