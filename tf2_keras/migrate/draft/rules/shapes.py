"""Reshaping, padding, slicing, joining: what moves numbers about."""

import math

from tensorflow.python.framework import tensor_util

from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.statements import argument, array


def reshape(context, tensor):
    """A reshape that leaves the batch alone, as Flatten or Reshape."""
    reader, operation = context.reader, tensor.op
    source = reader.source(operation.inputs[0])
    require(context.is_value(source), "a weight reshaped")
    require(source.shape.rank and source.shape[0] is None, "a batch of a known size")
    rest = source.shape.as_list()[1:]
    require(None not in rest, "sizes that are not known")
    size = math.prod(rest)
    wanted = _target(reader, operation.inputs[1], size)
    require(
        wanted[0] == -1 and -1 not in wanted[1:] and math.prod(wanted[1:]) == size,
        "a reshape of the batch",
    )
    if len(wanted) == 2:
        return context.statement(tensor, "keras.layers.Flatten", [], [source])
    target = [argument(repr(wanted[1:]))]
    return context.statement(tensor, "keras.layers.Reshape", target, [source])


def _require_batch(reader, size):
    """The first size must be the batch's, or be left open."""
    if reader.number(size) is not None:
        return
    source = reader.source(size)
    require(
        source.op.type == "StridedSlice"
        and index_of(reader, source.op) == "0"
        and reader.given(source)[0].op.type == "Shape",
        "a batch of another size",
    )


def _target(reader, shape, size):
    """The sizes that a reshape asks for, -1 for the batch."""
    constant = reader.constant(shape)
    if constant is not None:
        wanted = [int(number) for number in constant]
    else:
        known = tensor_util.constant_value_as_shape(reader.source(shape))
        require(known.rank, "sizes that are computed")
        wanted = [-1 if number is None else number for number in known.as_list()]
        packed = reader.source(shape).op
        if packed.type == "Pack":
            _require_batch(reader, packed.inputs[0])
            told = [reader.number(number) for number in packed.inputs[1:]]
            wanted[1:] = [
                number if value is None else int(value)
                for number, value in zip(wanted[1:], told, strict=True)
            ]
    require(wanted, "a reshape to a number")
    if wanted.count(-1) == 2 and wanted[0] == -1 or -1 in wanted[1:]:
        others = math.prod(number for number in wanted[1:] if number != -1)
        require(others and size % others == 0, "sizes that do not divide")
        open_places = [place for place, n in enumerate(wanted) if n == -1 and place]
        require(len(open_places) == 1, "several open sizes")
        if wanted[0] == -1:
            wanted[open_places[0]] = size // others
    return wanted


def concatenation(context, tensor):
    reader, operation = context.reader, tensor.op
    axis = reader.number(operation.inputs[-1])
    values = list(operation.inputs[:-1])
    require(axis is not None and int(axis) != 0, "joined along the batch")
    require(all(context.is_value(value) for value in values), "weights joined")
    rank = tensor.shape.rank
    require(rank, "an unknown rank")
    is_last = int(axis) in (-1, rank - 1)
    words = [] if is_last else [argument(repr(int(axis)), keyword="axis")]
    return context.statement(tensor, "keras.layers.Concatenate", words, values)


def padding(context, tensor):
    reader, operation = context.reader, tensor.op
    paddings = reader.constant(operation.inputs[1])
    source = operation.inputs[0]
    require(paddings is not None and context.is_value(source), "computed paddings")
    if operation.type == "PadV2":
        require(reader.number(operation.inputs[2]) == 0, "padded with another number")
    rows = [[int(number) for number in row] for row in paddings]
    if len(rows) == 4 and rows[0] == rows[3] == [0, 0]:
        words = argument(repr(tuple(tuple(row) for row in rows[1:3])))
        return context.statement(
            tensor, "keras.layers.ZeroPadding2D", [words], [source]
        )
    return context.operator(
        tensor, f"keras.ops.pad({{0}}, {array(paddings)})", [source]
    )


def strided_slice(context, tensor):
    """x[:, ::2, -1] of constants."""
    index = index_of(context.reader, tensor.op)
    require(index is not None, "a computed slice")
    require(index.startswith((":,", ":]")) or index == ":", "a slice of the batch")
    require(context.is_value(tensor.op.inputs[0]), "a slice of a weight")
    return context.operator(tensor, f"{{0}}[{index}]", [tensor.op.inputs[0]])


def index_of(reader, operation):
    """What stands in the brackets of a slice by constants, or None."""
    bounds = [reader.constant(given) for given in operation.inputs[1:4]]
    if any(bound is None for bound in bounds):
        return None
    masks = {
        name: operation.get_attr(f"{name}_mask")
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    words = []
    for place, (begin, end, step) in enumerate(
        zip(*(bound.tolist() for bound in bounds), strict=True)
    ):
        bit = 1 << place
        if masks["ellipsis"] & bit:
            words.append("...")
        elif masks["new_axis"] & bit:
            words.append("tf.newaxis")
        elif masks["shrink_axis"] & bit:
            words.append(str(begin))
        else:
            first = "" if masks["begin"] & bit else str(begin)
            last = "" if masks["end"] & bit else str(end)
            words.append(f"{first}:{last}" + (f":{step}" if step != 1 else ""))
    return ", ".join(words)


RULES = {
    "Reshape": [reshape],
    "ConcatV2": [concatenation],
    "Pad": [padding],
    "PadV2": [padding],
    "StridedSlice": [strided_slice],
}
