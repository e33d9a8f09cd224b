"""Where a graph is cut: what the model computes, and what the loss makes of it."""

import re
from typing import NamedTuple

from tf2_keras.migrate.draft import losses
from tf2_keras.migrate.draft.errors import refusal

LABELS = re.compile(r"(^|[/_])(y|y_|y_true|labels?|targets?|truth)(_|$|/)", re.I)


class Cut(NamedTuple):
    """outputs: tensors that the model returns. target: the name in a batch of y_true, or
    None. read: names in a batch of inputs that the loss reads besides.
    """

    outputs: list
    target: str | None
    read: list


def target_of(reader, loss, inputs, named=None):
    """The name in a batch of what the model is to predict.

    Args:
        named: what the caller says it is, or None.

    Returns:
        None where there is none: each input is one of the model's.

    Raises:
        Undraftable: if several could be, with their names.
    """
    if named is not None:
        return named
    needed = [name for name in inputs if reader.needs_input(loss, [name])]
    if len(needed) < 2:
        return None
    for candidates in (
        [name for name in needed if name == "y_true"],
        _labels(reader, loss, needed),
        [name for name in needed if LABELS.search(name)],
    ):
        if len(candidates) == 1:
            return candidates[0]
    unlearned = _unlearned(reader, loss, needed)
    if len(unlearned) < 2:
        return unlearned[0] if unlearned else None
    raise refusal(
        "What the model is to predict must be known",
        f"a loss of {', '.join(needed)}",
        f"Name one with --y-true, such as --y-true {needed[-1]}",
    )


def _unlearned(reader, loss, needed):
    """Inputs that no weights act upon, neither by themselves nor joined with others."""
    learned = set()
    for operation in reader.ancestors([reader.source(loss).op]):
        told = [reader.needs(given) for given in operation.inputs]
        kinds = [{kind for kind, _ in needs} for needs in told]
        acted_upon = any(
            "variable" in kind and "input" not in kind and given.shape.rank != 0
            for kind, given in zip(kinds, operation.inputs, strict=True)
        )
        if acted_upon:
            learned |= {
                name for needs in told for kind, name in needs if kind == "input"
            }
    return [name for name in needed if name not in learned]


def _labels(reader, loss, needed):
    """Inputs that are the labels of a cross-entropy."""
    found = []
    waiting, seen = [reader.source(loss)], set()
    while waiting:
        tensor = waiting.pop()
        if tensor.name in seen or tensor.name in reader.inputs:
            continue
        seen.add(tensor.name)
        given = reader.given(tensor)
        labels = None
        if "CrossEntropyWithLogits" in tensor.op.type:
            labels = given[1]
        found += [
            name
            for name in needed
            if labels is not None
            and reader.needs_input(labels, [name])
            and not reader.needs_kind(labels, "variable")
        ]
        waiting += given
    return sorted(set(found))


def cut(reader, loss, inputs, target, y_pred=None):
    """The ``Cut`` between a model and its loss.

    What depends on the target, or on ``y_pred``, belongs to the loss, as does what
    depends on variables only, a penalty. All else that the loss takes is the model's.
    """
    loss = reader.source(loss)
    y_pred = None if y_pred is None else reader.source(y_pred)
    is_model_input = target is not None and inputs[target].name in {
        tensor.name for name, tensor in inputs.items() if name != target
    }
    own = [name for name in inputs if name != target or is_model_input]
    behind = _behind(y_pred)
    outputs, read = [], []
    waiting, seen = [loss], set()
    while waiting:
        tensor = waiting.pop()
        if tensor.name in seen:
            continue
        seen.add(tensor.name)
        if tensor.name in reader.inputs:
            name = reader.inputs[tensor.name]
            if name != target and name not in read:
                read.append(name)
            continue
        if y_pred is not None and tensor.name == y_pred.name:
            outputs.append(tensor)
            continue
        is_of_model = reader.needs_input(tensor, own) and (
            reader.needs_kind(tensor, "variable") or reader.needs_kind(tensor, "draw")
        )
        is_of_loss = (
            tensor.name == loss.name
            or tensor.name in behind
            or (
                target is not None
                and not is_model_input
                and reader.needs_input(tensor, [target])
            )
            or not (tensor.shape.rank or tensor.shape.rank is None)
            or (target is None and _is_arithmetic(reader, tensor))
        )
        if is_of_model and not is_of_loss:
            outputs.append(tensor)
            continue
        waiting += [reader.source(given) for given in _arguments(reader, tensor)]
    outputs.sort(key=lambda tensor: reader.position[tensor.op.name])
    if not outputs:
        raise refusal(
            "A loss must depend on a model",
            f"{loss.name}, in which no variable meets an input",
            "Name the loss with --loss",
        )
    return Cut(outputs, target, read)


def _is_arithmetic(reader, tensor):
    """Whether a tensor is what a loss makes of predictions: logarithms, 1 - p, labels."""
    kind = reader.kind(tensor)
    if kind in ("Log", "Neg", "Square", "Abs", "Softplus"):
        return True
    if kind in ("OnesLike", "ZerosLike", "Fill", "Shape"):
        return True  # they are told a shape, and nothing that a model computes
    if losses.pattern_of(reader, tensor) is not None:
        return True
    return kind in ("Add", "Sub") and any(
        reader.constant(given) is not None or _is_arithmetic(reader, given)
        for given in reader.given(tensor)
    )


def _behind(y_pred):
    """Names of all tensors that y_pred goes into."""
    if y_pred is None:
        return set()
    known, waiting = set(), [y_pred]
    while waiting:
        tensor = waiting.pop()
        for consumer in tensor.consumers():
            for output in consumer.outputs:
                if output.name not in known:
                    known.add(output.name)
                    waiting.append(output)
    return known


def _arguments(reader, tensor):
    """What a loss is written in: of a known pattern what it is a function of."""
    found = losses.pattern_of(reader, tensor)
    if found:
        return found.tensors
    operation = tensor.op
    if operation.type in ("Shape", "Size", "Rank"):
        return []
    return operation.inputs
