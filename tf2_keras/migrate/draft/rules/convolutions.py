"""Convolutions of one to three dimensions, transposed and by depth."""

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.rules.context import scope_of
from tf2_keras.migrate.draft.statements import argument, same_or_tuple

SEQUENCE = (
    "Squeeze",
    ("Conv2D", ("ExpandDims", "?x", "*"), ("ExpandDims", "$kernel", 0)),
)


def convolution(axes):
    """The rule of a convolution over ``axes`` axes between batch and channels."""

    def rule(context, tensor):
        reader, operation = context.reader, tensor.op
        kernel = reader.variable(operation.inputs[1])
        require(kernel, "a convolution with no variable")
        require(context.is_value(operation.inputs[0]), "a convolution of no input")
        return _convolved(context, tensor, operation, kernel, operation.inputs[0], axes)

    return rule


def sequence_convolution(context, tensor):
    """tf.nn.conv1d: a Conv2D of one row."""
    reader = context.reader
    bound = terms.unify(reader, SEQUENCE, tensor)
    require(bound is not None, "no convolution of a sequence")
    convolved, expanded = reader.given(tensor)[0].op, reader.given(tensor)[0]
    row = reader.number(reader.given(expanded)[0].op.inputs[1])
    squeezed = list(tensor.op.get_attr("squeeze_dims"))
    require(row in (1, -3) and squeezed in ([1], [-3]), "rows along another axis")
    return _convolved(context, tensor, convolved, bound["kernel"], bound["x"], 1)


def _convolved(context, tensor, operation, kernel, source, axes):
    reader = context.reader
    require(
        operation.get_attr("data_format") in (b"NHWC", b"NDHWC"),
        "channels that come first",
    )
    strides = list(operation.get_attr("strides"))
    require(set(operation.get_attr("dilations")) == {1}, "dilations")
    padding = operation.get_attr("padding").decode().lower()
    require(padding in ("same", "valid"), "paddings of its own")
    require(strides[0] == strides[-1] == 1, "strides of channels")
    shape = reader.shape_of(kernel)
    require(len(shape) == axes + 2, "a kernel of another rank")
    arguments = [
        argument(repr(shape[-1]), "channels"),
        argument(same_or_tuple(shape[:axes]), "size"),
        argument(same_or_tuple(strides[-1 - axes : -1]), "strides", "strides"),
        argument(repr(padding), "padding", "padding"),
        argument("False", keyword="use_bias"),
        *context.initializer(kernel, "kernel_initializer"),
    ]
    return context.statement(
        tensor,
        f"keras.layers.Conv{axes}D",
        arguments,
        [source],
        scope_of(kernel, "conv"),
        {"kernel": kernel},
    )


def depthwise(context, tensor):
    reader, operation = context.reader, tensor.op
    kernel = reader.variable(operation.inputs[1])
    require(kernel, "a convolution with no variable")
    require(operation.get_attr("data_format") == b"NHWC", "channels that come first")
    require(set(operation.get_attr("dilations")) == {1}, "dilations")
    padding = operation.get_attr("padding").decode().lower()
    require(padding in ("same", "valid"), "paddings of its own")
    shape = reader.shape_of(kernel)
    multiplier = [argument(repr(shape[3]), keyword="depth_multiplier")]
    arguments = [
        argument(same_or_tuple(shape[:2]), "size"),
        argument(
            same_or_tuple(operation.get_attr("strides")[1:3]), "strides", "strides"
        ),
        argument(repr(padding), "padding", "padding"),
        *(multiplier if shape[3] != 1 else []),
        argument("False", keyword="use_bias"),
        *context.initializer(kernel, "depthwise_initializer"),
    ]
    return context.statement(
        tensor,
        "keras.layers.DepthwiseConv2D",
        arguments,
        [operation.inputs[0]],
        scope_of(kernel, "depthwise"),
        {"kernel": kernel},
    )


def transposed(context, tensor):
    """conv2d_transpose whose output has the size that Keras's layer gives it."""
    reader, operation = context.reader, tensor.op
    kernel = reader.variable(operation.inputs[1])
    require(kernel, "a transposed convolution with no variable")
    require(operation.get_attr("data_format") == b"NHWC", "channels that come first")
    padding = operation.get_attr("padding").decode().lower()
    require(padding in ("same", "valid"), "paddings of its own")
    strides = list(operation.get_attr("strides")[1:3])
    source, shape = reader.source(operation.inputs[2]), reader.shape_of(kernel)
    sizes = _sizes(reader, operation.inputs[0], tensor)
    for place in (0, 1):
        before, after = source.shape[place + 1], sizes[place]
        require(before and after, "sizes that are not known")
        expected = before * strides[place]
        if padding == "valid":
            expected += max(shape[place] - strides[place], 0)
        require(after == expected, "an output of another size than Keras's")
    arguments = [
        argument(repr(shape[2]), "channels"),
        argument(same_or_tuple(shape[:2]), "size"),
        argument(same_or_tuple(strides), "strides", "strides"),
        argument(repr(padding), "padding", "padding"),
        argument("False", keyword="use_bias"),
        *context.initializer(kernel, "kernel_initializer"),
    ]
    return context.statement(
        tensor,
        "keras.layers.Conv2DTranspose",
        arguments,
        [source],
        scope_of(kernel, "transposed"),
        {"kernel": kernel},
    )


def _sizes(reader, shape, tensor):
    """Height and width of an output, as far as the graph says."""
    known = tensor.shape.as_list()[1:3] if tensor.shape.rank == 4 else [None, None]
    packed = reader.source(shape).op
    if packed.type == "Pack":
        told = [reader.number(size) for size in packed.inputs[1:3]]
        known = [a if a is not None else b for a, b in zip(known, told, strict=True)]
    return known


RULES = {
    "Conv2D": [convolution(2)],
    "Conv3D": [convolution(3)],
    "Squeeze": [sequence_convolution],
    "DepthwiseConv2dNative": [depthwise],
    "Conv2DBackpropInput": [transposed],
}
