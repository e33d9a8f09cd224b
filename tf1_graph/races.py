"""Programs that race with themselves: an update that nothing orders against a read.

``tf.gradients`` with ``apply_gradients``, by its default gate_gradients=False, lets a
variable be updated while gradients of earlier layers still have to read it: by
reference, so that they see the new value, or the old, as threads have it. ``minimize``
gates each op's gradients, which orders them.

Runs under Python 3.7 with TensorFlow 1.15.5 as well.
"""

import collections
import warnings

import tensorflow.compat.v1 as tf

from tf1_graph import updates

# What hands a reference or a handle on, so that its readers read the variable itself.
ALIASES = ("Identity", "RefIdentity", "Enter", "RefEnter", "Switch", "RefSwitch")
# Reads that say nothing of a value.
SHAPES = (
    "Shape",
    "Size",
    "Rank",
    "ShapeN",
    "IsVariableInitialized",
    "VarIsInitializedOp",
)

# variable: name. update, other: ops that nothing orders; the other reads or writes it.
Race = collections.namedtuple("Race", ["variable", "update", "other"])


class RaceWarning(UserWarning):
    """Says of a program that two of its runs from the same values may differ."""


def told(race):
    """A race in words."""
    return (
        f"{race.update.name} changes {race.variable} while {race.other.name} may still "
        "read it"
    )


def warn(move, found):
    """Warns of the first of some races of a move, if there is one."""
    if found:
        warnings.warn(
            f"The move {move} races with itself, so that no twin can be equal to it: "
            f"{told(found[0])}. Order them with tf.control_dependencies, or use minimize.",
            RaceWarning,
            stacklevel=3,
        )


def races(graph, fetches, feed=None):
    """[Race] of one run, in order of the updates' names; at most one an update.

    Args:
        graph: a ``tf.Graph``.
        fetches: an op, a tensor, or several, of what runs together.
        feed: {tensor: value} of that run, by which conditions are decided.
    """
    fed = {tensor.name: value for tensor, value in (feed or {}).items()}
    with graph.as_default():
        variables = {variable.op.name: variable for variable in tf.global_variables()}
    running = updates.ancestors(updates.operations_of(fetches))
    changing = updates.changes(fetches, variables)
    touching = {
        name: _touching(variables[name].op, running, fed)
        for name in sorted({name for _, name in changing})
    }
    found = []
    for update, name in changing:
        before = updates.ancestors([update])
        after = None
        for other in touching[name]:
            if other is update or other in before:
                continue
            if after is None:
                after = _descendants(update, running)
            if other not in after:
                found.append(Race(name, update, other))
                break
    return found


def _touching(variable, running, fed):
    """The ops of a run that read or write a variable, in order of their names."""
    touching, waiting, seen = [], list(variable.outputs), set()
    while waiting:
        tensor = waiting.pop()
        if tensor.name in seen:
            continue
        seen.add(tensor.name)
        for consumer in tensor.consumers():
            if consumer not in running or consumer.type in SHAPES:
                continue
            hands_on = tensor.dtype == tf.resource or tensor.dtype._is_ref_dtype
            if hands_on and consumer.type in ALIASES:
                waiting += _handed_on(consumer, fed)
            else:
                touching.append(consumer)
    return sorted(touching, key=lambda operation: operation.name)


def _handed_on(operation, fed):
    """The outputs of an alias that a run computes: of a switch the branch it takes."""
    if operation.type not in ("Switch", "RefSwitch"):
        return list(operation.outputs)
    predicate, is_true = operation.inputs[1], True
    while predicate.name not in fed:
        if predicate.op.type == "LogicalNot":
            is_true = not is_true
        elif predicate.op.type not in ALIASES:
            return list(operation.outputs)
        predicate = predicate.op.inputs[0]
    return [operation.outputs[int(bool(fed[predicate.name]) == is_true)]]


def _descendants(operation, running):
    """The ops of a run that wait for an op."""
    known, waiting = set(), [operation]
    while waiting:
        current = waiting.pop()
        later = [
            consumer for tensor in current.outputs for consumer in tensor.consumers()
        ]
        for consumer in later + list(current._control_outputs):
            if consumer in running and consumer not in known:
                known.add(consumer)
                waiting.append(consumer)
    return known
