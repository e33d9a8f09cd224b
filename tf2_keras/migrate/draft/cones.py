"""What no rule takes: plain ops, gathered into layers with one output each."""

import collections
import re
from typing import NamedTuple

import keras

from tf2_keras.migrate.draft.errors import Unlike, refused_op
from tf2_keras.migrate.draft.plain import DRAWS, Expressions
from tf2_keras.migrate.draft.rules.context import dtype_argument, scope_of
from tf2_keras.migrate.draft.statements import Call, Literal, Statement, rendered

# What a weight may not be called: attributes of every Keras layer.
RENAMED = {"weights": "w", "biases": "b", "variables": "v"}


class LayerOfOps(NamedTuple):
    """A class of the draft.

    name: of the class. origin: the scope of its ops. parameters: of ``call``.
    weights: [(attribute, Python of add_weight's arguments)]. lines: of ``call``.
    shapes: one line for its docstring.
    """

    name: str
    origin: str
    parameters: list
    weights: list
    lines: list
    shapes: str


class Cones:
    """Layers of the plain ops among the needed ones.

    Attributes:
        classes: [LayerOfOps], in order.
        uses: modules that their Python needs.
        raw: kinds of ops that only tf.raw_ops has.
    """

    def __init__(self, context):
        self.context, self.reader = context, context.reader
        self.classes, self.uses, self.raw = [], set(), set()
        self._data = self._find_data()

    def is_data(self, tensor):
        """Whether numbers of an input or a draw, not only a shape, make a tensor."""
        return self.reader.source(tensor).name in self._data

    def _find_data(self):
        """Names of all tensors of data: what follows from inputs and draws."""
        waiting = [
            output
            for operation in self.reader.operations
            for output in operation.outputs
            if output.name in self.reader.inputs or operation.type in DRAWS
        ]
        known = {tensor.name for tensor in waiting}
        while waiting:
            for consumer in waiting.pop().consumers():
                if consumer.type in ("Shape", "Size", "Rank", "ShapeN"):
                    continue
                for output in consumer.outputs:
                    if output.name not in known:
                        known.add(output.name)
                        waiting.append(output)
        return known

    def inputs_of(self, tensor):
        """The tensors of data that the Python of a plain op is written in."""
        python = Expressions(self.reader, {})
        found, waiting, seen = [], [tensor], set()
        while waiting:
            for given in python.arguments(waiting.pop()):
                given = self.reader.source(given)
                if given.name in seen:
                    continue
                seen.add(given.name)
                if self.is_data(given):
                    found.append(given)
                elif not python._is_leaf(given):
                    waiting.append(given)
        return found

    def statements(self, tensors, users, outputs):
        """One ``Statement`` for each cone.

        Args:
            tensors: the plain ones, in order of the graph.
            users: {tensor's name: {names of needed tensors that take it}}.
            outputs: names of what the model returns.
        """
        plain = {tensor.name for tensor in tensors}
        root_of = {}
        for tensor in reversed(tensors):
            roots = {root_of.get(user) for user in users[tensor.name]}
            is_inner = (
                tensor.name not in outputs
                and len(roots) == 1
                and None not in roots
                and users[tensor.name] <= plain
            )
            root_of[tensor.name] = roots.pop() if is_inner else tensor.name
        members = collections.defaultdict(list)
        for tensor in tensors:
            members[root_of[tensor.name]].append(tensor)
        return [
            self._cone(inside, next(t for t in inside if t.name == root))
            for root, inside in members.items()
        ]

    def _cone(self, inside, root):
        reader = self.reader
        names = {tensor.name for tensor in inside}
        external = []
        for tensor in inside:
            for given in self.inputs_of(tensor):
                if given.name not in names and given.name not in [
                    known.name for known in external
                ]:
                    external.append(given)
        parameters = self._parameters(external)
        weights = collections.OrderedDict()
        python = Expressions(
            reader,
            {
                tensor.name: parameter
                for tensor, parameter in zip(external, parameters, strict=True)
            },
            lambda variable: (
                f"self.{weights.setdefault(variable, self._attribute(variable, weights))}"
            ),
            self.context.reasons,
        )
        lines, (result,) = python.body([root])
        self.uses |= python.uses
        self.raw |= python.raw
        described = [
            (attribute, self._weight(variable, root))
            for variable, attribute in weights.items()
        ]
        layer = self._class(root, parameters, described, [*lines, f"return {result}"])
        base = None
        if weights:
            base = scope_of(next(iter(weights)), _snake(layer))
        arguments = dtype_argument(root)
        if base:
            arguments += (("name", Literal("", "name")),)
        return Statement(
            [root.name],
            Call(layer, arguments),
            [tensor.name for tensor in external],
            reader.position[root.op.name],
            base,
            {attribute: variable for variable, attribute in weights.items()},
            spread=True,
        )

    def _parameters(self, external):
        if len(external) == 1:
            return ["x"]
        named = [self.reader.inputs.get(tensor.name) for tensor in external]
        is_only_one = named.count(None) == 1 and "x" not in named
        return [
            re.sub(r"\W", "_", name or ("x" if is_only_one else f"x_{place}"))
            for place, name in enumerate(named)
        ]

    def _attribute(self, variable, weights):
        name = re.sub(r"\W", "_", variable.rpartition("/")[2])
        name = RENAMED.get(name, name)
        if hasattr(keras.layers.Layer, name) or name[0].isdigit():
            name = f"{name}_weight"
        base, count = name, 1
        while name in weights.values():
            count += 1
            name = f"{base}_{count}"
        return name

    def _weight(self, variable, root):
        """Python of the arguments of add_weight."""
        try:
            initializer = self.context.initializers.of(variable)
        except Unlike as error:
            raise refused_op(root.op, str(error)) from None
        shape = tuple(self.reader.shape_of(variable))
        written = rendered(initializer)
        words = [f"shape={shape}", f"initializer={written}"]
        dtype = self.reader.variables[variable].dtype.base_dtype.name
        if dtype != "float32":
            words.append(f"dtype={dtype!r}")
        if variable not in self.context.trained:
            words.append("trainable=False")
        return ", ".join(words)

    def _class(self, root, parameters, weights, lines):
        """The name of a class with this body; of one that is there already, if any."""
        origin = root.op.name
        shape = shape_text(root.shape)
        for known in self.classes:
            same = (known.parameters, known.weights, known.lines)
            if same == (parameters, weights, lines):
                return known.name
        words = re.findall(r"[A-Za-z][a-z]*|\d+", origin.replace("/", "_"))
        base = "".join(word.capitalize() for word in words) or "Ops"
        if base[0].isdigit():
            base = f"Ops{base}"
        taken = {known.name for known in self.classes} | {"Config", "Model"}
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}{count}"
        self.classes.append(LayerOfOps(name, origin, parameters, weights, lines, shape))
        return name


def shape_text(shape):
    """'[batch, 10]' of a tensor's shape."""
    if shape.rank is None:
        return "of any shape"
    sizes = [
        ("batch" if place == 0 else "?") if size is None else str(size)
        for place, size in enumerate(shape.as_list())
    ]
    return f"[{', '.join(sizes)}]" if sizes else "a scalar"


def _snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
