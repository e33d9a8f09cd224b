"""Patterns of ops, and their unification with what is in a graph.

A pattern is a nested tuple: a kind of op, then the patterns of its inputs.

    ("Add", ("MatMul", "?x", "$kernel"), "$bias")

    "?x"      any tensor; named twice, the same one
    "$kernel" the value of a variable, by the variable's name
    "#rate"   a number that the graph holds, or computes of what it holds
    1.0       that number
    "*"       anything, unnamed
    ("Split:2", ...)    an output other than the first
    ("Split:2/4", ...)  of four outputs the third
    ("Sigmoid|Tanh", …) one of several kinds
    (..., Ellipsis)     whatever inputs follow

The two inputs of what commutes are tried in both orders. A product is one of what is
not transposed.
"""

import numpy as np

COMMUTING = ("Add", "Mul", "Maximum", "Minimum", "SquaredDifference")


def unify(reader, pattern, tensor, bound=None):
    """{name: tensor, variable's name or NumPy scalar} that makes a pattern of a tensor.

    Returns:
        The first such dictionary, ``bound`` included; None if there is none.
    """
    return next(_unified(reader, pattern, tensor, bound or {}), None)


def first(reader, patterns, tensor):
    """(key, names) of the first of {key: pattern} that fits; (None, None) if none does."""
    for key, pattern in patterns.items():
        bound = unify(reader, pattern, tensor)
        if bound is not None:
            return key, bound
    return None, None


def _unified(reader, pattern, tensor, bound):
    tensor = reader.source(tensor)
    if isinstance(pattern, str):
        yield from _named(reader, pattern, tensor, bound)
    elif isinstance(pattern, tuple):
        yield from _of_op(reader, pattern, tensor, bound)
    else:
        value = reader.constant(tensor)
        if value is not None and value.size and np.all(value == pattern):
            yield bound


def _named(reader, pattern, tensor, bound):
    if pattern == "*":
        yield bound
        return
    if pattern[0] == "$":
        value = reader.variable(tensor)
    elif pattern[0] == "#":
        value = reader.number(tensor)
    else:
        value = tensor
    if value is None:
        return
    name = pattern[1:]
    if name not in bound:
        yield {**bound, name: value}
    elif _alike(bound[name], value):
        yield bound


def _alike(known, value):
    if hasattr(known, "op"):
        return known.name == value.name
    return known == value


def _of_op(reader, pattern, tensor, bound):
    kinds, _, output = pattern[0].partition(":")
    output, _, count = output.partition("/")
    operation = tensor.op
    if reader.kind(tensor) not in kinds.split("|"):
        return
    if tensor.value_index != int(output or 0):
        return
    if count and len(operation.outputs) != int(count):
        return
    if operation.type == "MatMul" and (
        operation.get_attr("transpose_a") or operation.get_attr("transpose_b")
    ):
        return
    wanted, inputs = pattern[1:], list(operation.inputs)
    if wanted and wanted[-1] is Ellipsis:
        wanted = wanted[:-1]
        inputs = inputs[: len(wanted)]
    if len(wanted) != len(inputs):
        return
    orders = [inputs]
    if len(inputs) == 2 and reader.kind(tensor) in COMMUTING:
        orders.append(inputs[::-1])
    for order in orders:
        yield from _all(reader, list(zip(wanted, order, strict=True)), bound)


def _all(reader, pairs, bound):
    if not pairs:
        yield bound
        return
    (pattern, tensor), *others = pairs
    for further in _unified(reader, pattern, tensor, bound):
        yield from _all(reader, others, further)
