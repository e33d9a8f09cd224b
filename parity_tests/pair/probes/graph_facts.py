"""What a TF1 graph says of itself: its updates, its rates, its clips, its numbers."""

import re

import numpy as np
import tensorflow as tf

from parity_tests.pair.probes.table import shortest
from tf1_graph import session as tf1_session
from tf1_graph import updates

# {type of the fused op: (tf1_semantics' class, {its argument: the op's input})}.
FUSED = {
    "ApplyGradientDescent": ("GradientDescent", {"learning_rate": "alpha"}),
    "ApplyMomentum": ("Momentum", {"learning_rate": "lr", "momentum": "momentum"}),
    "ApplyAdam": (
        "Adam",
        {
            "learning_rate": "lr",
            "beta1": "beta1",
            "beta2": "beta2",
            "epsilon": "epsilon",
        },
    ),
    "ApplyRMSProp": (
        "RMSProp",
        {
            "learning_rate": "lr",
            "decay": "rho",
            "momentum": "momentum",
            "epsilon": "epsilon",
        },
    ),
    "ApplyAdadelta": (
        "Adadelta",
        {"learning_rate": "lr", "rho": "rho", "epsilon": "epsilon"},
    ),
    "ApplyAdagrad": ("Adagrad", {"learning_rate": "lr"}),
}
FUSED["ApplyCenteredRMSProp"] = FUSED["ApplyRMSProp"]


def changes_of_train(program):
    """[(op, TF1 name)] of what the moves that train change, in the graph's order."""
    return [
        change
        for move in program.moves.values()
        for change in updates.changes(move.op, program.variables)
    ]


def changing(program, name):
    """The ops by which the moves that train change a variable, or the one of a slot."""
    listed = changes_of_train(program)
    direct = [operation for operation, changed in listed if changed == name]
    base = str(name).rpartition("/")[0]
    return direct or [operation for operation, changed in listed if changed == base]


def update_of(program, name):
    """(name of tf1_semantics' optimizer, {argument: tensor or bool}) of one variable.

    None for what no optimizer that is known here updates.
    """
    for operation, changed in changes_of_train(program):
        if changed != name:
            continue
        kind = operation.type.replace("Resource", "").replace("Sparse", "")
        if kind in FUSED:
            optimizer, arguments = FUSED[kind]
            inputs = {
                argument.name: tensor
                for argument, tensor in zip(
                    operation.op_def.input_arg, operation.inputs, strict=True
                )
            }
            stated = {key: inputs[source] for key, source in arguments.items()}
            if kind == "ApplyCenteredRMSProp":
                stated["centered"] = True
            if kind == "ApplyMomentum" and operation.get_attr("use_nesterov"):
                stated["use_nesterov"] = True
            return optimizer, stated
        # Adam has no op for rows: its numbers are constants in its own scope.
        scope = re.match(r"(.*?)/update_", operation.name)
        stated = scope and {
            key: _tensor(program.graph, f"{scope[1]}/{key}:0")
            for key in ("learning_rate", "beta1", "beta2", "epsilon")
        }
        if stated and all(tensor is not None for tensor in stated.values()):
            return "Adam", stated
    return None


def _tensor(graph, name):
    try:
        return graph.get_tensor_by_name(name)
    except KeyError:
        return None


def numbers_of(stated):
    """{argument: number} of what is one, whatever is fed; the rest is left out."""
    numbers = {}
    for argument, value in stated.items():
        if isinstance(value, bool):
            numbers[argument] = value
            continue
        value = tf.get_static_value(value)
        if value is not None:
            numbers[argument] = shortest(value)
    return numbers


def values_in_play(program, moves, tensors):
    """[{name: array}] of tensors, by move, in a play from the start.

    Args:
        tensors: {name: tensor}; those that a move does not reach are left out of it.
    """
    watched = {}
    for name, move in program.moves.items():
        known = updates.ancestors(updates.operations_of(move.op))
        reached = {key: t for key, t in tensors.items() if t.op in known}
        watched[name] = move._replace(seen={**move.seen, "watched": reached})
    records = tf1_session.play(program._replace(moves=watched), moves)
    next(records)
    return [record.get("watched", {}) for record in records]


def clips_of(program):
    """[(name of tf1_semantics' clip, its arguments)] between gradients and updates."""
    clips = []
    changing = [operation for operation, _ in changes_of_train(program)]
    after_loss = updates.ancestors(changing) - forward(program)
    for operation in program.graph.get_operations():
        if operation not in after_loss:
            continue
        numbers = [tf.get_static_value(tensor) for tensor in operation.inputs]
        numbers = [n.item() for n in numbers if n is not None and np.ndim(n) == 0]
        for pattern, clip in (
            (r"(.*/)?clip_by_global_norm(_\d+)?/mul$", "ByGlobalNorm"),
            (r"(.*/)?clip_by_norm(_\d+)?/mul(_1)?$", "ByNorm"),
        ):
            if numbers and re.match(pattern, operation.name):
                clips.append((clip, (shortest(np.float32(numbers[0])),)))
        if re.match(r"(.*/)?clip_by_value(_\d+)?$", operation.name):
            inner = [tf.get_static_value(t) for t in operation.inputs[0].op.inputs]
            highest = [n.item() for n in inner if n is not None and np.ndim(n) == 0]
            if numbers and highest:
                limits = (shortest(np.float32(n)) for n in (numbers[0], highest[0]))
                clips.append(("ByValue", tuple(limits)))
    return list(dict.fromkeys(clips))


def forward(program):
    """The set of ops that the losses of the moves that train need."""
    losses = [
        tensor.op
        for move in program.moves.values()
        for tensor in move.seen.get("loss", {}).values()
    ]
    return updates.ancestors(losses)


def attributes(program, types, name):
    """Different values of an attribute of the ops of some types, in the graph's order."""
    known = forward(program)
    return list(
        dict.fromkeys(
            _plain(operation.get_attr(name))
            for operation in program.graph.get_operations()
            if operation.type in types and operation in known
        )
    )


def _plain(value):
    return shortest(np.float32(value)) if isinstance(value, float) else value


def scalars_before(operation, depth=5):
    """Different scalar constants that an op is computed from, nearest first."""
    found, waiting, seen = [], [(operation, 0)], set()
    while waiting:
        operation, level = waiting.pop(0)
        for tensor in operation.inputs:
            if tensor.op in seen:
                continue
            seen.add(tensor.op)
            value = tf.get_static_value(tensor)
            if value is not None and np.ndim(value) == 0 and tensor.dtype.is_floating:
                found.append(shortest(value))
            elif level < depth:
                waiting.append((tensor.op, level + 1))
    return list(dict.fromkeys(found))


def seeds_of(program):
    """Different (graph seed, op seed) of the draws in the forward pass, in order."""
    known = forward(program)
    return list(
        dict.fromkeys(
            (operation.get_attr("seed"), operation.get_attr("seed2"))
            for operation in program.graph.get_operations()
            if operation in known
            and operation.type
            in ("RandomUniform", "RandomStandardNormal", "TruncatedNormal")
        )
    )
