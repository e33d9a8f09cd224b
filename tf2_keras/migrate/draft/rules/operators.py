"""Arithmetic between tensors of the model, as operators and keras.ops.

keras.ops calls the op of the same name where its input has one dtype; what needs a shape
that only running tells stays a layer of plain ops.
"""

import numpy as np

from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.statements import number

SIGNS = {"Add": "+", "Sub": "-", "Mul": "*", "RealDiv": "/"}
FUNCTIONS = {
    "Square": "square",
    "Sqrt": "sqrt",
    "Exp": "exp",
    "Log": "log",
    "Abs": "abs",
    "Sign": "sign",
    "Maximum": "maximum",
    "Minimum": "minimum",
}
REDUCTIONS = {"Mean": "mean", "Sum": "sum", "Max": "max", "Min": "min"}


def binary(context, tensor):
    """x + y; of a number and a tensor too."""
    sign = SIGNS[context.reader.kind(tensor)]
    words, inputs = _operands(context, tensor)
    return context.operator(tensor, f"{words[0]} {sign} {words[1]}", inputs)


def function(context, tensor):
    name = FUNCTIONS[context.reader.kind(tensor)]
    words, inputs = _operands(context, tensor)
    call = f"keras.ops.{name}({', '.join(words)})"
    return context.operator(tensor, call, inputs)


def negative(context, tensor):
    require(context.is_value(tensor.op.inputs[0]), "of a weight")
    return context.operator(tensor, "-{0}", tensor.op.inputs)


def _operands(context, tensor):
    """(['{0}' or a number], [tensors]) of what has a batch."""
    reader = context.reader
    require(tensor.shape.rank and tensor.dtype.is_floating, "no tensor of a batch")
    words, inputs = [], []
    for given in tensor.op.inputs:
        require(reader.variable(given) is None, "arithmetic with a weight")
        constant = reader.constant(given)
        if constant is None:
            require(reader.source(given).shape.rank, "a number that is computed")
            words.append(f"{{{len(inputs)}}}")
            inputs.append(given)
        else:
            require(constant.ndim == 0, "arithmetic with an array")
            words.append(number(constant))
    require(inputs, "a constant")
    return words, inputs


def reduction(context, tensor):
    """A mean or sum over known axes other than the batch."""
    reader, operation = context.reader, tensor.op
    source = reader.source(operation.inputs[0])
    axes = reader.constant(operation.inputs[1])
    require(context.is_value(source) and axes is not None, "computed axes")
    rank = source.shape.rank
    require(rank and source.dtype.is_floating, "an unknown rank")
    listed = [int(axis) for axis in np.ravel(axes)]
    require(listed and all(axis % rank for axis in listed), "over the batch")
    axis = repr(listed[0]) if len(listed) == 1 else repr(tuple(listed))
    keeps = ", keepdims=True" if operation.get_attr("keep_dims") else ""
    name = REDUCTIONS[reader.kind(tensor)]
    return context.operator(
        tensor, f"keras.ops.{name}({{0}}, axis={axis}{keeps})", [source]
    )


def expand(context, tensor):
    axis = context.reader.number(tensor.op.inputs[1])
    require(axis is not None and int(axis) != 0, "an axis before the batch")
    require(context.is_value(tensor.op.inputs[0]), "of a weight")
    call = f"keras.ops.expand_dims({{0}}, {int(axis)})"
    return context.operator(tensor, call, tensor.op.inputs[:1])


def squeeze(context, tensor):
    axes = list(tensor.op.get_attr("squeeze_dims"))
    require(axes and 0 not in axes, "axes that are not named")
    require(context.is_value(tensor.op.inputs[0]), "of a weight")
    listed = axes[0] if len(axes) == 1 else tuple(axes)
    call = f"keras.ops.squeeze({{0}}, {listed})"
    return context.operator(tensor, call, tensor.op.inputs[:1])


def transpose(context, tensor):
    axes = context.reader.constant(tensor.op.inputs[1])
    require(axes is not None and len(axes) and axes[0] == 0, "a batch moved")
    require(context.is_value(tensor.op.inputs[0]), "of a weight")
    call = f"keras.ops.transpose({{0}}, {tuple(axes.tolist())})"
    return context.operator(tensor, call, tensor.op.inputs[:1])


RULES = {
    **{kind: [binary] for kind in SIGNS},
    **{kind: [function] for kind in FUNCTIONS},
    **{kind: [reduction] for kind in REDUCTIONS},
    "Neg": [negative],
    "ExpandDims": [expand],
    "Squeeze": [squeeze],
    "Transpose": [transpose],
}
