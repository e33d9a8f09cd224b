"""The random ops of an exported TF1 graph: their seeds, and how to write them in TF2.

A program that sets only a graph seed leaves each op's own seed to TensorFlow, and 1.15
took it from the number of nodes in the graph so far, which no later TensorFlow does.
But a ``.meta`` holds both seeds of every op: a Keras twin can draw the same numbers.
"""

import fractions
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from rich.table import Table
from rich.text import Text

from tf1_graph import exported

VARIABLES = ("VariableV2", "Variable", "VarHandleOp")
ASSIGNMENTS = ("Assign", "AssignVariableOp")
# Ops that take their two seeds as inputs: at which positions.
SEED_INPUTS = {
    "RandomDataset": (0, 1),
    "ShuffleDataset": (2, 3),
    "ShuffleAndRepeatDataset": (2, 3),
}
PHILOX = {
    "RandomUniform": "uniform",
    "RandomStandardNormal": "normal",
    "TruncatedNormal": "truncated_normal",
}
INITIALIZERS = {
    "RandomUniform": "RandomUniform",
    "RandomStandardNormal": "RandomNormal",
    "TruncatedNormal": "TruncatedNormal",
}
ORDERS = (
    "RandomDataset",
    "ShuffleDataset",
    "ShuffleAndRepeatDataset",
    "RandomShuffleQueue",
    "RandomShuffleQueueV2",
)


class RandomOp(NamedTuple):
    """One op that draws.

    node, op, dtype: its name, its type, and the dtype of what it draws (or None).
    shape: a list, or None where the graph computes it.
    seed: (graph seed, op seed) as TF1 gave them; None where the graph computes them.
    initialises: names of the variables whose initial value it goes into.
    tf2: Python that draws the same with ``tf2_keras.tf1_semantics``, or None.
    remark: what there is to say besides, or "".
    """

    node: str
    op: str
    dtype: str | None
    shape: list | None
    seed: tuple | None
    initialises: list
    tf2: str | None
    remark: str

    def as_data(self):
        """A dict that is valid JSON."""
        seed = None if self.seed is None else list(self.seed)
        return {**self._asdict(), "seed": seed}


def read(path):
    """The MetaGraphDef in a file, binary or text.

    Raises:
        ValueError: if there is none; see ``tf1_graph.exported.read``.
    """
    try:
        return exported.read(path)
    except ValueError as error:
        try:
            with open(path, encoding="utf-8") as file:
                parsed = text_format.Parse(file.read(), tf.compat.v1.MetaGraphDef())
            return exported.check(parsed, path)
        except (OSError, ValueError, text_format.ParseError):  # no text either
            raise error from None


def random_ops(meta_graph):
    """[RandomOp] of a MetaGraphDef, in the order of its nodes, functions' last."""
    bodies = [("", meta_graph.graph_def.node)]
    bodies += [
        (function.signature.name + "/", function.node_def)
        for function in meta_graph.graph_def.library.function
    ]
    found = []
    for prefix, nodes in bodies:
        graph = _Graph(nodes)
        for node in nodes:
            seed = graph.seed(node)
            if seed is None and node.op not in SEED_INPUTS:
                continue
            found.append(_described(graph, node, prefix, seed))
    return found


class _Graph:
    """Nodes by name, with what leads to and from each; edges lose their numbers."""

    def __init__(self, nodes):
        self.nodes = {node.name: node for node in nodes}
        self.consumers = {}
        for node in nodes:
            for name in node.input:
                self.consumers.setdefault(_producer(name), []).append(node)
        self.initialised = self._initialised()

    def inputs(self, node):
        """The nodes that a node takes values from; None for what is not a node."""
        return [
            self.nodes.get(_producer(name))
            for name in node.input
            if not name.startswith("^")
        ]

    def after(self, node, *ops):
        """The one consumer of ``node`` of these types; None if not exactly one."""
        found = [each for each in self.consumers.get(node.name, ()) if each.op in ops]
        return found[0] if len(found) == 1 else None

    def constant(self, node):
        """The array that a node always gives, or None."""
        while node is not None and node.op in ("Identity", "Enter", "Switch"):
            node = self.inputs(node)[0]
        if node is None or node.op != "Const":
            return None
        return tf.make_ndarray(node.attr["value"].tensor)

    def seed(self, node):
        """(graph seed, op seed) of a node that has both as constants, or None."""
        if "seed" in node.attr and "seed2" in node.attr:
            return int(node.attr["seed"].i), int(node.attr["seed2"].i)
        if node.op in SEED_INPUTS:
            inputs = self.inputs(node)
            values = [self.constant(inputs[at]) for at in SEED_INPUTS[node.op]]
            if all(value is not None for value in values):
                return tuple(int(value) for value in values)
        return None

    def _initialised(self):
        """{node name: {variable that it helps to initialise: its initial value}}."""
        found = {}
        for node in self.nodes.values():
            if node.op not in ASSIGNMENTS or not node.name.endswith("/Assign"):
                continue  # a Saver's, or an update
            variable, value = self.inputs(node)[:2]
            if variable is None or value is None or variable.op not in VARIABLES:
                continue
            seen, waiting = set(), [value]
            while waiting:
                each = waiting.pop()
                if each is None or each.name in seen:
                    continue
                seen.add(each.name)
                waiting += self.inputs(each)
            for name in seen:
                found.setdefault(name, {})[variable.name] = value
        return found


def _producer(name):
    """The node of an input; within a function inputs are written node:output:number."""
    return name.lstrip("^").partition(":")[0]


def _described(graph, node, prefix, seed):
    variables = graph.initialised.get(node.name, {})
    dtype = next(
        (
            node.attr[name].type
            for name in ("dtype", "Tout", "output_dtype", "T")
            if name in node.attr and node.attr[name].type
        ),
        None,
    )
    tf2, remark = None, ""
    if seed is None:
        remark = "the graph computes its seeds: hand over what it drew as data"
    elif seed == (0, 0):
        remark = "unrepeatable: without a seed every run drew other numbers; take them "
        remark += "from a checkpoint" if variables else "over as data"
    else:
        tf2, remark = _written(graph, node, seed, variables)
    return RandomOp(
        node=prefix + node.name,
        op=node.op,
        dtype=None if dtype is None else tf.as_dtype(dtype).name,
        shape=_shape(graph, node),
        seed=seed,
        initialises=sorted(variables),
        tf2=tf2,
        remark=remark,
    )


def _shape(graph, node):
    if node.op not in PHILOX and node.op != "RandomUniformInt":
        return None
    shape = graph.constant(graph.inputs(node)[0])
    return None if shape is None else [int(size) for size in shape]


def _written(graph, node, seed, variables):
    """(Python that draws the same, or None; remark) of a seeded op."""
    if node.op in PHILOX:
        sampled, arguments = _sampled(graph, node)
        if variables:
            written = _initializer(graph, node, seed, variables, sampled, arguments)
        else:
            written = _dropout(graph, node, seed, sampled, arguments)
        if written:
            return written
        remark = "scaled and shifted by the graph's own ops"
        if not variables:
            remark += "; drawn: 256 times the elements that earlier runs drew"
        return f"philox.{PHILOX[node.op]}(shape, seed={seed})", remark
    if node.op == "RandomUniformInt":
        low, high = (graph.constant(each) for each in graph.inputs(node)[1:3])
        if low is not None and high is not None:
            call = f"initializers.RandomUniform({int(low)}, {int(high)}, seed={seed})"
            if variables:
                return call, ""
            dtype = tf.as_dtype(node.attr["Tout"].type).name
            return f"{call}(shape, {dtype!r})", "the first draw only"
    if node.op in ORDERS:
        return None, "an order of examples: hand it over as data"
    return (
        f"tf.raw_ops.{node.op}(..., seed={seed[0]}, seed2={seed[1]})",
        "no part of tf1_semantics; TF1's own kernel, in a tf.function of its own",
    )


def _sampled(graph, node):
    """(the node of tf.random_...'s result, its arguments).

    1.15 scales and shifts in two ops: raw * (maxval - minval) + minval, or
    raw * stddev + mean. Later ones leave them out for a uniform of [0, 1).
    """
    dtype = tf.as_dtype(node.attr["dtype"].type).as_numpy_dtype
    scaled = graph.after(node, "Mul")
    shifted = None if scaled is None else graph.after(scaled, "Add", "AddV2")
    if shifted is not None:
        scale = _other(graph, scaled, node)
        shift = graph.constant(_other(graph, shifted, scaled))
        if node.op != "RandomUniform":
            stddev = graph.constant(scale)
            if stddev is not None and shift is not None:
                return shifted, {"mean": dtype(shift), "stddev": dtype(stddev)}
        elif scale is not None and scale.op == "Sub":
            high, low = (graph.constant(each) for each in graph.inputs(scale))
            if high is not None and low is not None and low == shift:
                return shifted, {"minval": dtype(low), "maxval": dtype(high)}
    if node.op == "RandomUniform":
        return node, {"minval": dtype(0), "maxval": dtype(1)}
    return node, {"mean": dtype(0), "stddev": dtype(1)}


def _other(graph, node, one):
    """The other of a node's two inputs."""
    inputs = graph.inputs(node)
    if len(inputs) != 2:
        return None
    return inputs[1] if inputs[0] is one else inputs[0]


def _initializer(graph, node, seed, variables, sampled, arguments):
    value = _unwrapped(graph, next(iter(variables.values())))
    if value is sampled:
        name = INITIALIZERS[node.op]
        if node.op == "RandomUniform":
            words = [_number(arguments["minval"]), _number(arguments["maxval"])]
        else:
            words = [
                f"{argument}={_number(arguments[argument])}"
                for argument, usual in (("mean", 0), ("stddev", 1))
                if arguments[argument] != usual
            ]
        return (
            f"initializers.{name}({', '.join([*words, f'seed={seed}'])})",
            _glorot(graph, node, arguments),
        )
    gain = _orthogonal_gain(graph, sampled, value)
    if gain is None:
        return None
    words = [] if gain == 1 else [f"gain={_number(gain)}"]
    return f"initializers.Orthogonal({', '.join([*words, f'seed={seed}'])})", ""


def _unwrapped(graph, node):
    while node is not None and node.op == "Identity":
        node = graph.inputs(node)[0]
    return node


def _glorot(graph, node, arguments):
    """Whose limits a uniform's are, if they are the default's."""
    shape = _shape(graph, node)
    if node.op != "RandomUniform" or not shape or len(shape) < 2:
        return ""
    field = math.prod(shape[:-2])
    limit = math.sqrt(6 / (field * (shape[-2] + shape[-1])))
    high = arguments["maxval"]
    if arguments["minval"] == -high and high == high.dtype.type(limit):
        return "the limits of GlorotUniform, the default"
    return ""


def _orthogonal_gain(graph, sampled, value):
    """The gain, if ``value`` is TF1's orthogonal matrix of a ``sampled`` normal one."""
    factored = graph.after(sampled, "Qr")
    if factored is None or value is None or value.op != "Mul":
        return None
    reshaped = next(
        (each for each in graph.inputs(value) if each and each.op == "Reshape"), None
    )
    signed = None if reshaped is None else graph.inputs(reshaped)[0]
    if signed is not None and signed.op == "Transpose":
        signed = graph.inputs(signed)[0]
    if signed is None or signed.op != "Mul" or factored not in graph.inputs(signed):
        return None
    gain = graph.constant(_other(graph, value, reshaped))
    return None if gain is None else gain[()]


def _dropout(graph, node, seed, sampled, arguments):
    if (arguments.get("minval"), arguments.get("maxval")) != (0, 1):
        return None
    kept = graph.after(sampled, "GreaterEqual")
    if kept is None:
        return _older_dropout(graph, sampled, seed)
    rate, scaled = _other(graph, kept, sampled), _scaled(graph, kept)
    if scaled is None or not _draws_for_every_element(graph, node, scaled):
        return None
    # 1.15 wrote x * (1 / (1 - rate)) * mask, each op in the dtype of x, and so kept the
    # sign of what it dropped; later compat.v1 selects between x / (1 - rate) and zero.
    of_1_15 = graph.after(kept, "Cast") is not None
    age = "" if of_1_15 else ', scaling="compat.v1"'
    share = graph.constant(rate)
    if share is not None:
        share = share[()]
        scale = graph.constant(graph.inputs(scaled)[1])
        one = type(share)(1)
        scale = one / (one - share) if scale is None else scale[()]
        keep_prob, of_layer = _keep_prob(share, scale, of_1_15)
        remark = ""
        if of_layer != scale:
            remark = f"the same mask; TF1 scales by {scale}, the layer by {of_layer}"
        return f"layers.Dropout(keep_prob={keep_prob!r}, seed={seed}{age})", remark
    if rate is not None and rate.op == "Sub":
        fed = _unwrapped(graph, graph.inputs(rate)[1])
        if fed is not None and fed.op.startswith("Placeholder"):
            remark = f"keep_prob is what was fed to {fed.name}"
            return f"layers.Dropout(keep_prob, seed={seed}, fed=True{age})", remark
    return None


def _older_dropout(graph, sampled, seed):
    """``floor(keep_prob + uniform)``, what TF1 had before its 1.13."""
    moved = graph.after(sampled, "Add", "AddV2")
    if moved is None or graph.after(moved, "Floor") is None:
        return None
    return (
        f"philox.uniform(shape, seed={seed})",
        "a dropout of an older TF1: x / keep_prob * tf.floor(keep_prob + uniform), "
        "which layers.Dropout rounds otherwise; drawn: 256 times the elements that "
        "earlier runs drew",
    )


def _scaled(graph, kept):
    """The node that scales what a dropout keeps, x times or divided by something."""
    mask, selected = graph.after(kept, "Cast"), graph.after(kept, "SelectV2")
    if selected is not None:
        scaled = graph.inputs(selected)[1]
    else:
        product = None if mask is None else graph.after(mask, "Mul")
        scaled = None if product is None else _other(graph, product, mask)
    return scaled if scaled is not None and scaled.op in ("Mul", "RealDiv") else None


def _draws_for_every_element(graph, node, scaled):
    """False if a dropout has a noise_shape, one decision for several elements."""
    shape, data = graph.inputs(node)[0], graph.inputs(scaled)[0]
    if shape is None:
        return False
    if shape.op == "Shape":
        return graph.inputs(shape)[0] is data
    # A shape that was known beforehand is a constant.
    drawn = graph.constant(shape)
    known = [] if data is None else data.attr["_output_shapes"].list.shape
    if drawn is None or len(known) == 0:
        return False
    return list(drawn) == [dimension.size for dimension in known[0].dim]


def _keep_prob(rate, scale, of_1_15):
    """(a short number that gives ``rate``, and ``scale`` if one does; its scale)."""
    kept = 1 - float(rate)
    candidates = [round(kept, digits) for digits in range(1, 16)]
    candidates += [float(fractions.Fraction(kept).limit_denominator(1000)), kept]
    candidates = [each for each in candidates if type(rate)(1 - each) == rate]
    scales = {
        each: _layer_scale(each, type(rate), of_1_15) for each in candidates or [kept]
    }
    matching = [each for each in scales if scales[each] == scale]
    keep_prob = (matching or list(scales))[0]
    return keep_prob, scales[keep_prob]


def _layer_scale(keep_prob, dtype, of_1_15):
    """By what ``layers.Dropout`` multiplies; keep_prob 0 has come from no layer."""
    if not keep_prob:
        return dtype("inf")
    if of_1_15:
        return dtype(1) / (dtype(1) - dtype(1 - keep_prob))
    return dtype(1 / (1 - (1 - keep_prob)))


def _number(value):
    """Python for a NumPy scalar: the shortest that rounds to it."""
    text = np.format_float_positional(value, trim="0")
    if len(text) > 12:
        text = np.format_float_scientific(value, trim="0")
    return text if type(value)(float(text)) == value else repr(float(value))


def table(path, meta_graph, found):
    """What the command line prints; ``found`` is what ``random_ops`` gave."""
    result = Table(
        title=f"Random ops of {path}, in the order of the graph",
        caption="seed: (graph seed, op seed) as TensorFlow "
        f"{meta_graph.meta_info_def.tensorflow_version or '1'} gave them."
        "  initializers, layers, philox: of tf2_keras.tf1_semantics.",
    )
    result.add_column("node, and the variable that it initialises", overflow="fold")
    result.add_column("draws", overflow="fold")
    result.add_column("seed", overflow="fold")
    result.add_column("in TF2", overflow="fold", ratio=1)
    for each in found:
        node = Text(each.node)
        for name in each.initialises:
            node.append(f"\n→ {name}", style="bold")
        shape = "[…]" if each.shape is None else str(each.shape)
        written = Text(each.tf2 or "", style="" if each.tf2 else "red")
        if each.remark:
            written.append("\n" if each.tf2 else "")
            written.append(each.remark, style="dim" if each.tf2 else "red")
        result.add_row(
            node,
            f"{each.op}\n{each.dtype or ''} {shape}".rstrip(),
            str(each.seed or "–"),
            written,
        )
    return result
