"""What each of several train ops computes: a step moves the statistics that TF1's moved."""

import itertools

from tf2_keras.migrate.draft.errors import refusal


def computed(context, trains, cuts, outputs, has_streams):
    """[groups of places among a model's outputs; None for all of them] of train ops.

    A step computes one group after the other.

    A batch norm that is called moves its statistics, and a dropout draws, so that a step
    must call neither more nor less than TF1's ran.

    Args:
        trains: [``drafting.Train``]. cuts: [``Cut``] of each.
        outputs: tensors that the model returns.
        has_streams: whether something in it draws.

    Raises:
        Undraftable: for a step whose statistics are not those of what it computes.
    """
    if len(trains) < 2 or not (context.explained or has_streams):
        return [None] * len(trains)
    return [
        _places(context, train, cut, outputs, has_streams)
        for train, cut in zip(trains, cuts, strict=True)
    ]


def _places(context, train, cut, outputs, has_streams):
    names = [output.name for output in outputs]
    needed = tuple(names.index(output.name) for output in cut.outputs)
    every = tuple(range(len(outputs)))
    moved = {operation.name for operation, _ in train.updates} & {*context.explained}
    for places in (needed,) if has_streams else (needed, every):
        behind = [_behind(context.reader, outputs[place]) for place in places]
        if _moved(context, set().union(*behind)) == moved:
            groups = (places,)
            if _are_apart(context, train, behind):
                groups = tuple((place,) for place in places)
            return None if groups == (every,) else groups
    listed = ", ".join(sorted(moved)[:2]) or "none"
    raise refusal(
        "A step must move the statistics of what its loss needs, or of the whole model",
        f"{train.step}, which moves {listed}",
        "Draft one train op at a time, and put them together by hand",
    )


def _moved(context, behind):
    """Names of the updates by the layers whose outputs are among some tensors."""
    return {op for op, output in context.explained.items() if output in behind}


def _are_apart(context, train, behind):
    """Whether outputs have nothing in common but a statistic that all of them move.

    One after the other they move it in the order of the graph: Keras would call the
    layers of a single network in an order of its own.
    """
    variables = {operation.name: name for operation, name in train.updates}
    moved = [{variables[op] for op in _moved(context, tensors)} for tensors in behind]
    pairs = list(itertools.combinations(range(len(behind)), 2))
    return any(moved[one] & moved[other] for one, other in pairs) and not any(
        behind[one] & behind[other] for one, other in pairs
    )


def _behind(reader, output):
    """Names of all tensors of a batch that an output is computed of, with it."""
    known, waiting = set(), [reader.source(output)]
    while waiting:
        tensor = waiting.pop()
        is_of_batch = reader.needs_kind(tensor, "input")
        if is_of_batch and tensor.name not in {*known, *reader.inputs}:
            known.add(tensor.name)
            waiting += reader.given(tensor)
    return known
