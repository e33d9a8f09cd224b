"""Dense layers, biases, embeddings, activations, pooling."""

import numpy as np

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.rules.context import scope_of
from tf2_keras.migrate.draft.statements import argument, number, same_or_tuple

BIASED = ("BiasAdd", ("MatMul", "?x", "$kernel"), "$bias")
PRODUCT = ("MatMul", "?x", "$kernel")
FOLLOWING = "+_add"  # named after the layer before, and _add


def dense(context, tensor):
    """x w, or BiasAdd(x w, b) as tf.layers and contrib wrote it."""
    reader = context.reader
    kind, bound = terms.first(reader, {"biased": BIASED, "plain": PRODUCT}, tensor)
    require(kind, "a product without a kernel")
    product = tensor.op
    if kind == "biased":
        require(_is_channels_last(tensor.op), "channels that come first")
        product = reader.given(tensor)[0].op
        require(context.is_used_once(product.outputs[0]), "a product used twice")
    require(
        not product.get_attr("transpose_a") and not product.get_attr("transpose_b"),
        "a transposed product",
    )
    require(reader.variable(bound["x"]) is None, "a product of variables")
    kernel, bias = bound["kernel"], bound.get("bias")
    shape = reader.shape_of(kernel)
    # Keras broadcasts the bias of a single unit: its gradient is another kernel's sum.
    require(bias is None or shape[1] != 1, "a bias of one unit")
    arguments = [argument(repr(shape[1]), "units")]
    if bias is None:
        arguments.append(argument("False", keyword="use_bias"))
    arguments += context.initializer(kernel, "kernel_initializer")
    weights = {"kernel": kernel}
    if bias is not None:
        arguments += context.initializer(bias, "bias_initializer", "zeros")
        weights["bias"] = bias
    return context.statement(
        tensor,
        "keras.layers.Dense",
        arguments,
        [bound["x"]],
        scope_of(kernel, "dense"),
        weights,
    )


def bias_add(context, tensor):
    """A bias behind what has none, as a convolution."""
    reader = context.reader
    bound = terms.unify(reader, ("BiasAdd", "?x", "$bias"), tensor)
    require(bound is not None, "a bias that is no variable")
    require(_is_channels_last(tensor.op), "channels that come first")
    return _biased(context, tensor, "tf1_semantics.layers.BiasAdd", bound)


def added_bias(context, tensor):
    """x + b by broadcasting."""
    reader = context.reader
    bound = terms.unify(reader, ("Add", "?x", "$bias"), tensor)
    require(bound is not None and context.is_value(bound["x"]), "no sum with a bias")
    shape, rank = reader.shape_of(bound["bias"]), bound["x"].shape.rank
    require(len(shape) == 1 and (rank or 0) > 1, "a bias that is no vector")
    require(bound["x"].shape[-1] == shape[0], "a bias of other channels")
    return _biased(context, tensor, "tf1_semantics.layers.AddBias", bound)


def _biased(context, tensor, function, bound):
    bias = bound["bias"]
    scope = bias.rpartition("/")[0].replace("/", ".")
    return context.statement(
        tensor,
        function,
        [
            (None, initializer)
            for _, initializer in context.initializer(bias, None, "zeros")
        ],
        [bound["x"]],
        f"{scope}_add" if scope else FOLLOWING,
        {"bias": bias},
    )


def embedding(context, tensor):
    """Rows of a table by their numbers."""
    reader = context.reader
    pattern = ("GatherV2", "$table", "?ids", Ellipsis)
    bound = terms.unify(reader, pattern, tensor)
    require(bound is not None, "rows of what is no variable")
    shape = reader.shape_of(bound["table"])
    require(len(shape) == 2, "rows of no matrix")
    if tensor.op.type == "GatherV2":
        require(reader.number(tensor.op.inputs[2]) == 0, "no rows, but columns")
        require(tensor.op.get_attr("batch_dims") == 0, "rows by batch")
    arguments = [argument(repr(size), "size") for size in shape]
    arguments += context.initializer(bound["table"], "embeddings_initializer")
    return context.statement(
        tensor,
        "keras.layers.Embedding",
        arguments,
        [bound["ids"]],
        scope_of(bound["table"], "embedding"),
        {"embeddings": bound["table"]},
    )


def activation(function, *arguments):
    """The rule of an activation without weights."""

    def rule(context, tensor):
        require(tensor.shape.rank, "an activation of one number")
        source = tensor.op.inputs[0]
        require(context.is_value(source), "an activation of a weight")
        words = [argument(repr(word)) for word in arguments]
        return context.statement(tensor, function, words, [source])

    return rule


def leaky_relu(context, tensor):
    alpha = number(np.float32(tensor.op.get_attr("alpha")))
    return context.statement(
        tensor, "keras.layers.LeakyReLU", [argument(alpha)], [tensor.op.inputs[0]]
    )


def pooling(function, axes=2):
    """The rule of a pooling over ``axes`` axes between batch and channels."""

    def rule(context, tensor):
        operation = tensor.op
        require(_is_channels_last(operation), "channels that come first")
        size, strides = operation.get_attr("ksize"), operation.get_attr("strides")
        require(size[0] == size[-1] == 1, "pooling of channels")
        require(strides[0] == strides[-1] == 1, "strides of channels")
        padding = operation.get_attr("padding").decode().lower()
        require(padding in ("same", "valid"), "paddings of its own")
        return context.statement(
            tensor,
            f"keras.layers.{function}{axes}D",
            [
                argument(same_or_tuple(size[1:-1]), "pool"),
                argument(same_or_tuple(strides[1:-1]), "strides", "strides"),
                argument(repr(padding), "padding", "padding"),
            ],
            [operation.inputs[0]],
        )

    return rule


def global_pooling(context, tensor):
    """A mean over height and width."""
    reader, operation = context.reader, tensor.op
    axes, source = reader.constant(operation.inputs[1]), operation.inputs[0]
    rank = reader.source(source).shape.rank
    require(rank == 4 and axes is not None, "no mean of images")
    require(sorted(np.ravel(axes) % rank) == [1, 2], "a mean over other axes")
    require(context.is_value(source), "a mean of weights")
    keeps = operation.get_attr("keep_dims")
    words = [argument("True", keyword="keepdims")] if keeps else []
    return context.statement(
        tensor, "keras.layers.GlobalAveragePooling2D", words, [source]
    )


def _is_channels_last(operation):
    return operation.get_attr("data_format") in (b"NHWC", b"NDHWC")


RULES = {
    "MatMul": [dense],
    "BiasAdd": [dense, bias_add],
    "Add": [added_bias],
    "GatherV2": [embedding],
    "Relu": [activation("keras.layers.ReLU")],
    "Relu6": [activation("keras.layers.Activation", "relu6")],
    "Tanh": [activation("keras.layers.Activation", "tanh")],
    "Sigmoid": [activation("keras.layers.Activation", "sigmoid")],
    "Elu": [activation("keras.layers.Activation", "elu")],
    "Selu": [activation("keras.layers.Activation", "selu")],
    "Softplus": [activation("keras.layers.Activation", "softplus")],
    "Softsign": [activation("keras.layers.Activation", "softsign")],
    "Softmax": [activation("keras.layers.Softmax")],
    "LeakyRelu": [leaky_relu],
    "MaxPool": [pooling("MaxPooling")],
    "AvgPool": [pooling("AveragePooling")],
    "MaxPool3D": [pooling("MaxPooling", 3)],
    "AvgPool3D": [pooling("AveragePooling", 3)],
    "Mean": [global_pooling],
}
