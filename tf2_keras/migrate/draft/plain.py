"""Plain ops as Python: what no layer stands for, and the loss, in public names of tf."""

import ast
import collections
import keyword
import re

import numpy as np
import tensorflow as tf

from tf2_keras.migrate.draft import losses, penalties
from tf2_keras.migrate.draft.errors import refused_op
from tf2_keras.migrate.draft.public_ops import FUNCTIONS, REDUCTIONS, SIGNS
from tf2_keras.migrate.draft.reading import OUTSIDE
from tf2_keras.migrate.draft.rules.shapes import index_of
from tf2_keras.migrate.draft.statements import array, number

DRAWS = ("RandomStandardNormal", "RandomUniform", "TruncatedNormal")
TAKEN = {"tf", "keras", "config", "loss", "self", "x", "y_true", "y_pred"}
MOST_LISTED = 256  # numbers of a constant that are written out
LONG = 64  # characters from which an expression gets a line of its own


class Expressions:
    """Python for tensors that others, which have names, make.

    Args:
        reader: a ``Reader``.
        known: {tensor's name: Python}.
        weight: (variable's name) -> Python; None where no variable may be used.
        reasons: {scope of a loop: why no rule took it}.

    Attributes:
        lines: assignments, in order.
        uses: modules besides tf that the Python needs, such as 'tf1_semantics'.
        raw: kinds of ops that only tf.raw_ops has.
        penalised: paths of the weights that one comprehension penalises, or None.
    """

    def __init__(self, reader, known, weight=None, reasons=None):
        self.reader = reader
        self.known, self._weight = dict(known), weight
        self._reasons = reasons or {}
        self.lines, self.uses, self.raw = [], set(), set()
        self.penalised = None
        self._taken = set(known.values()) | TAKEN

    def body(self, outputs):
        """(lines, [Python of each output])."""
        reader = self.reader
        outputs = [reader.source(output) for output in outputs]
        counts, order = collections.Counter(), []
        waiting = [(output, False) for output in reversed(outputs)]
        seen = set()
        while waiting:
            tensor, is_done = waiting.pop()
            if is_done:
                order.append(tensor)
                continue
            counts[tensor.name] += 1
            if tensor.name in seen or self._is_leaf(tensor):
                continue
            seen.add(tensor.name)
            waiting.append((tensor, True))
            for given in reversed(self.arguments(tensor)):
                waiting.append((reader.source(given), False))
        order.sort(key=lambda tensor: (reader.position[tensor.op.name], tensor.name))
        finals = {output.name for output in outputs}
        for tensor in order:
            written = self.expression(tensor)
            is_long = len(written) > LONG and "weights[" not in written
            if counts[tensor.name] > 1 or (is_long and tensor.name not in finals):
                is_loss = losses.pattern_of(reader, tensor) is not None
                name = self._fresh("losses" if is_loss else tensor.op.name)
                self.lines.append(f"{name} = {clean(written)}")
                written = name
            self.known[tensor.name] = written
        return self.lines, [clean(self.of(output)) for output in outputs]

    def _is_leaf(self, tensor):
        return (
            tensor.name in self.known
            or self.reader.variable(tensor) is not None
            or self.reader.constant(tensor) is not None
        )

    def _fresh(self, op_name):
        word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", op_name.rpartition("/")[2])
        base = re.sub(r"\W", "_", word).lower()
        base = re.sub(r"(_\d+)+$", "", base).strip("_") or "value"
        if "crossentropy" in base.replace("_", ""):
            base = "cross_entropy"
        if base[0].isdigit() or keyword.iskeyword(base) or base in TAKEN:
            base = f"value_{base}"
        name, count = base, 1
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name

    def of(self, tensor):
        """Python of a tensor whose own inputs are known."""
        tensor = self.reader.source(tensor)
        if tensor.name in self.known:
            return self.known[tensor.name]
        variable = self.reader.variable(tensor)
        if variable is not None:
            if self._weight is None:
                raise refused_op(tensor.op, f"it reads {variable} where no layer is")
            return self._weight(variable)
        value = self.reader.constant(tensor)
        if value is None:
            raise refused_op(tensor.op, "it leads out of the part that is drafted")
        return _constant(value, tensor.op)

    def typed(self, tensor):
        """The same where a bare number would get another dtype."""
        value = None
        if self.reader.source(tensor).name not in self.known:
            value = self.reader.constant(tensor)
        written = self.of(tensor)
        if value is None:
            return written
        dtype = self.reader.source(tensor).dtype.base_dtype
        if dtype in (tf.float32, tf.int32, tf.bool):
            return f"tf.constant({written})"
        return f"tf.constant({written}, tf.{dtype.name})"

    def arguments(self, tensor):
        """The tensors that the Python of a tensor is written in."""
        found = losses.pattern_of(self.reader, tensor)
        if found:
            return found.tensors
        operation = tensor.op
        kind = self.reader.kind(tensor)
        if kind in REDUCTIONS and self._is_over_all(operation):
            return [operation.inputs[0]]
        return list(operation.inputs)

    def _is_over_all(self, operation):
        axes = self.reader.constant(operation.inputs[1])
        rank = self.reader.source(operation.inputs[0]).shape.rank
        if axes is None:
            return self.reader.kind(operation.inputs[1]) == "Range"
        listed = sorted(np.ravel(axes).tolist())
        return axes.ndim == 1 and rank is not None and listed == list(range(rank))

    def expression(self, tensor):
        """Python of one op."""
        reader, operation = self.reader, tensor.op
        found = losses.pattern_of(reader, tensor)
        if found:
            self.uses |= found.uses
            return found.template.format(*(self.of(given) for given in found.tensors))
        kind = reader.kind(tensor)
        if operation.type in OUTSIDE:
            raise refused_op(operation, OUTSIDE[operation.type])
        if operation.type in DRAWS:
            raise refused_op(operation, "a draw that no rule takes, or without a seed")
        written = WRITTEN.get(kind)
        if written is not None:
            return written(self, operation, tensor)
        inputs = list(operation.inputs)
        if kind in SIGNS:
            first, second = (self.of(given) for given in inputs)
            if (
                reader.constant(inputs[0]) is not None
                and inputs[0].name not in self.known
            ):
                first = (
                    self.typed(inputs[0]) if _is_constant(reader, inputs[1]) else first
                )
            return f"({first} {SIGNS[kind]} {second})"
        if kind == "Neg":
            return f"(-{self.of(inputs[0])})"
        if FUNCTIONS.get(kind):
            return f"{FUNCTIONS[kind]}({self._listed(inputs)})"
        if kind in REDUCTIONS:
            return self._reduction(kind, operation)
        return self._raw(tensor)

    def _listed(self, tensors):
        return ", ".join(self.of(tensor) for tensor in tensors)

    def _reduction(self, kind, operation):
        words = [self.of(operation.inputs[0])]
        if not self._is_over_all(operation):
            words.append(self.of(operation.inputs[1]))
        if operation.get_attr("keep_dims"):
            words.append("keepdims=True")
        return f"{REDUCTIONS[kind]}({', '.join(words)})"

    def _raw(self, tensor):
        """tf.raw_ops: for what has no public name."""
        operation = tensor.op
        for scope, why in self._reasons.items():
            if operation.name.startswith(scope):
                raise refused_op(
                    operation, f"it is of a loop that is not drafted, {why}"
                )
        is_known = hasattr(tf.raw_ops, operation.type)
        definition = operation.op_def
        if not is_known or definition.is_stateful:
            why = (
                "it keeps something between runs"
                if is_known
                else "its kernel is not here"
            )
            raise refused_op(operation, why)
        self.raw.add(operation.type)
        words, inferred, place = [], set(), 0
        inputs = list(operation.inputs)
        for given in definition.input_arg:
            inferred |= {given.number_attr, given.type_list_attr, given.type_attr}
            count = None
            if given.number_attr:
                count = operation.get_attr(given.number_attr)
            elif given.type_list_attr:
                count = len(operation.get_attr(given.type_list_attr))
            if count is None:
                words.append(f"{given.name}={self.typed(inputs[place])}")
                place += 1
            else:
                listed = ", ".join(
                    self.typed(inputs[place + number]) for number in range(count)
                )
                words.append(f"{given.name}=[{listed}]")
                place += count
        for attribute in definition.attr:
            if attribute.name in inferred or attribute.name.startswith("_"):
                continue
            words.append(f"{attribute.name}={_attribute(operation, attribute.name)}")
        call = f"tf.raw_ops.{operation.type}({', '.join(words)})"
        return f"{call}[{tensor.value_index}]" if len(operation.outputs) > 1 else call


def _is_constant(reader, tensor):
    return reader.constant(tensor) is not None


def _attribute(operation, name):
    value = operation.get_attr(name)
    if isinstance(value, bytes):
        return repr(value.decode())
    if isinstance(value, tf.DType):
        return f"tf.{value.name}"
    if isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, list) and all(
        isinstance(item, (int, float)) for item in value
    ):
        return repr(value)
    raise refused_op(operation, f"its attribute {name} has no Python")


def _constant(value, operation):
    if value.dtype == object:
        if value.ndim == 0:
            return repr(value[()].decode())
        raise refused_op(operation, "it holds strings")
    if value.size > 8 and len(np.unique(value)) == 1:
        return f"tf.fill({list(value.shape)}, {number(value.flat[0])})"
    if value.size > MOST_LISTED:
        raise refused_op(operation, f"it holds {value.size:,} numbers of its own")
    if value.size == 0:
        dtype = operation.outputs[0].dtype.base_dtype.name
        return f"tf.zeros({list(value.shape)}, tf.{dtype})"
    return array(value)


def clean(written):
    """Python without brackets that it does without."""
    return ast.unparse(ast.parse(written, mode="eval"))


# Ops whose Python is not a function of all their inputs in order.


def _cast(python, operation, tensor):
    return f"tf.cast({python.of(operation.inputs[0])}, tf.{tensor.dtype.name})"


def _matmul(python, operation, _tensor):
    words = [python.of(given) for given in operation.inputs]
    for attribute, word in (
        ("transpose_a", "transpose_a"),
        ("transpose_b", "transpose_b"),
        ("adj_x", "adjoint_a"),
        ("adj_y", "adjoint_b"),
    ):
        if attribute in operation.node_def.attr and operation.get_attr(attribute):
            words.append(f"{word}=True")
    return f"tf.matmul({', '.join(words)})"


def _concat(python, operation, _tensor):
    *values, axis = operation.inputs
    return f"tf.concat([{python._listed(values)}], {python.of(axis)})"


def _pack(python, operation, _tensor):
    axis = operation.get_attr("axis")
    words = f"[{python._listed(operation.inputs)}]" + (f", axis={axis}" if axis else "")
    return f"tf.stack({words})"


def _unpack(python, operation, tensor):
    axis, count = operation.get_attr("axis"), operation.get_attr("num")
    words = f"{python.of(operation.inputs[0])}, {count}"
    words += f", axis={axis}" if axis else ""
    return f"tf.unstack({words})[{tensor.value_index}]"


def _split(python, operation, tensor):
    axis, value = (python.of(given) for given in operation.inputs)
    count = operation.get_attr("num_split")
    return f"tf.split({value}, {count}, axis={axis})[{tensor.value_index}]"


def _squeeze(python, operation, _tensor):
    axes = list(operation.get_attr("squeeze_dims"))
    return f"tf.squeeze({python.of(operation.inputs[0])}" + (
        f", {axes})" if axes else ")"
    )


def _gather(python, operation, _tensor):
    table, ids = (python.of(given) for given in operation.inputs[:2])
    words = [table, ids]
    if operation.type == "GatherV2" and python.of(operation.inputs[2]) != "0":
        words.append(f"axis={python.of(operation.inputs[2])}")
    if operation.type == "GatherV2" and operation.get_attr("batch_dims"):
        words.append(f"batch_dims={operation.get_attr('batch_dims')}")
    return f"tf.gather({', '.join(words)})"


def _strided_slice(python, operation, tensor):
    index = index_of(python.reader, operation)
    if index is None:
        return python._raw(tensor)
    return f"{python.of(operation.inputs[0])}[{index}]"


def _argmax(python, operation, _tensor):
    return f"tf.argmax({python._listed(operation.inputs)})"


def _select(python, operation, tensor):
    condition, chosen, other = operation.inputs
    rank = python.reader.source(condition).shape.rank
    is_by_row = operation.type == "Select" and rank != tensor.shape.rank and rank != 0
    if is_by_row:
        return python._raw(tensor)
    return (
        f"tf.where({python.of(condition)}, {python.typed(chosen)}, "
        f"{python.typed(other)})"
    )


def _sum_of_many(python, operation, _tensor):
    inputs = list(operation.inputs)
    if len(inputs) < 3:
        return f"tf.add_n([{python._listed(inputs)}])"
    # Grappler sorts the terms of a sum by the names of their nodes.
    inputs.sort(key=lambda given: given.op.name)
    python.uses.add("sums")
    listed = [clean(python.of(given)) for given in inputs]
    if python.penalised is None:
        listed, python.penalised = penalties.gathered(listed)
    return f"sums.add_n([{', '.join(listed)}])"


def _sparse_cross_entropy(python, operation, tensor):
    if tensor.value_index:
        return python._raw(tensor)
    logits, labels = (python.of(given) for given in operation.inputs)
    function = "tf.nn.sparse_softmax_cross_entropy_with_logits"
    return f"{function}(labels={labels}, logits={logits})"


def _transposed(python, operation, tensor):
    dilated = set(operation.get_attr("dilations")) != {1}
    padding = operation.get_attr("padding").decode()
    if operation.get_attr("data_format") != b"NHWC" or dilated or padding == "EXPLICIT":
        return python._raw(tensor)
    shape, kernel, value = (python.of(given) for given in operation.inputs)
    strides = list(operation.get_attr("strides"))[1:3]
    words = f"{value}, {kernel}, {shape}, {strides}, {padding!r}"
    return f"tf.nn.conv2d_transpose({words})"


def _leaky_relu(python, operation, _tensor):
    alpha = number(np.float32(operation.get_attr("alpha")))
    return f"tf.nn.leaky_relu({python.of(operation.inputs[0])}, {alpha})"


def _reverse_sequence(python, operation, _tensor):
    words = [python.of(given) for given in operation.inputs]
    for attribute, word in (("seq_dim", "seq_axis"), ("batch_dim", "batch_axis")):
        words.append(f"{word}={operation.get_attr(attribute)}")
    return f"tf.reverse_sequence({', '.join(words)})"


def _fill(python, operation, tensor):
    """tf.ones_like and tf.zeros_like of what has a shape that only running tells."""
    shape = python.reader.source(operation.inputs[0])
    value = python.reader.number(operation.inputs[1])
    if shape.op.type == "Shape" and value in (0, 1):
        given = shape.op.inputs[0]
        if given.dtype.base_dtype == tensor.dtype.base_dtype:
            name = "ones_like" if value else "zeros_like"
            return f"tf.{name}({python.of(given)})"
    return f"tf.fill({python._listed(operation.inputs)})"


def _where(python, operation, _tensor):
    return f"tf.where({python.of(operation.inputs[0])})"


def _bias_add(python, operation, tensor):
    if operation.get_attr("data_format") != b"NHWC":
        return python._raw(tensor)
    return f"tf.nn.bias_add({python._listed(operation.inputs)})"


WRITTEN = {
    "AddN": _sum_of_many,
    "ArgMax": _argmax,
    "BatchMatMul": _matmul,
    "BiasAdd": _bias_add,
    "Cast": _cast,
    "ConcatV2": _concat,
    "Conv2DBackpropInput": _transposed,
    "Fill": _fill,
    "GatherV2": _gather,
    "LeakyRelu": _leaky_relu,
    "MatMul": _matmul,
    "Pack": _pack,
    "ReverseSequence": _reverse_sequence,
    "Select": _select,
    "SparseSoftmaxCrossEntropyWithLogits": _sparse_cross_entropy,
    "Split": _split,
    "Squeeze": _squeeze,
    "StridedSlice": _strided_slice,
    "Unpack": _unpack,
    "Where": _where,
}
