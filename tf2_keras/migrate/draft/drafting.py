"""From a training graph to a ``Product``, all that the source of a twin is written of.

product = drafting.drafted(Request(graph, {"x": x, "y_true": y}, loss, updates))
text = writing.source(product, ["Not compared."])
"""

import collections
import dataclasses
import keyword
import re
from typing import NamedTuple

from tf2_keras.migrate.draft import (
    cutting,
    factoring,
    forward,
    naming,
    optimizers,
    penalties,
)
from tf2_keras.migrate.draft.cones import _shape
from tf2_keras.migrate.draft.errors import Undraftable, refusal, refused_op
from tf2_keras.migrate.draft.plain import Expressions
from tf2_keras.migrate.draft.reading import OUTSIDE, Reader
from tf2_keras.migrate.draft.rules.context import Context
from tf2_keras.migrate.draft.statements import Literal, filled, literals

TAKEN = {"Config", "Model", "inference", "loss", "optimizer", "build"}
TAKEN |= {"checkpoint_names", "config", "keras", "tf", "tf1_semantics", "x", "y"}
MOST_PARAMETERS = 6  # of a function of a draft


class Request(NamedTuple):
    """What is to be drafted; all tensors are of ``graph``.

    inputs: {name in a batch: tensor}.
    loss: a scalar; None for a twin that only predicts.
    updates: [(op, variable's name)] of all that the train op changes.
    y_true: name in a batch of the target; None to find it.
    y_pred: the tensor that is predicted; None for what the loss is cut at.
    feed: {tensor: value} of the training run.
    origin: what to call the graph.
    gradients_of_tf1: whether the twin takes its gradients by tf.gradients.
    """

    graph: object
    inputs: dict
    loss: object
    updates: list
    y_true: str | None = None
    y_pred: object = None
    feed: dict | None = None
    origin: str = "a graph"
    gradients_of_tf1: bool = False


class Loss(NamedTuple):
    """The function ``loss`` and how ``compute_loss`` calls it.

    kernels: Python of the weights that it penalises alike, or None.
    """

    parameters: list
    arguments: list
    lines: list
    shapes: str
    kernels: str | None
    is_special: bool


@dataclasses.dataclass
class Product:
    """See the attributes' uses in ``writing``."""

    origin: str
    package: str
    config: dict
    inputs: dict  # {Python name: tensor's name}
    outputs: list
    statements: list
    functions: list
    classes: list
    loss: Loss | None
    optimizer: object
    optimizer_call: object
    paths: dict
    prefix: str | None  # the scope that all layers are in
    target: str | None
    has_streams: bool
    gradients_of_tf1: bool
    unseeded: list
    raw: list
    remainder: list  # variables that the graph has and the twin has not
    predicts: bool  # whether the model returns y_pred
    tensors: dict

    @property
    def taken(self):
        """{Python name: tensor's name} of the inputs that ``inference`` takes."""
        used = {*self.outputs, *(n for s in self.statements for n in s.inputs)}
        return {python: name for python, name in self.inputs.items() if name in used}

    @property
    def is_special(self):
        return self.loss is not None and (self.loss.is_special or self.gradients_of_tf1)

    @property
    def why_special(self):
        if self.loss.is_special and "y_true" not in self.loss.parameters:
            return "whose loss has no target"
        if self.loss.is_special:
            return "whose loss is of more than one output"
        return "whose gradients are added in TF1's order"

    @property
    def dtype(self):
        return self.tensors[self.outputs[0]].dtype.name

    def rank_of(self, name):
        return self.tensors[name].shape.rank if name in self.tensors else None

    def shape_of(self, name):
        return _shape(self.tensors[name].shape)

    def input_of(self, name, python):
        """Python of the arguments of keras.Input."""
        tensor = self.tensors[name]
        if tensor.shape.rank is None:
            raise refusal(
                "An input of a model must have a known rank",
                f"{tensor.name}, of any shape",
                "Give its placeholder a shape",
            )
        sizes = tensor.shape.as_list()
        words = [f"shape={tuple(sizes[1:])}"]
        if sizes and sizes[0] is not None:
            words = [f"batch_shape={tuple(sizes)}"]
        if not sizes:
            words = ["batch_shape=()"]
        if tensor.dtype.name != "float32":
            words.append(f"dtype={tensor.dtype.name!r}")
        return ", ".join([*words, f"name={self.batch_name(name, python)!r}"])

    def batch_name(self, name, python):
        return self.names.get(name, python)

    names: dict = dataclasses.field(default_factory=dict)  # {tensor's name: in a batch}


def drafted(request):
    """The ``Product`` of a ``Request``.

    Raises:
        Undraftable: for a graph that no twin can be drafted of, naming op and node.
    """
    reader = Reader(request.graph, request.inputs, request.feed or {})
    try:
        return _drafted(request, reader)
    except RecursionError:
        raise Undraftable(
            "A graph must be no deeper than what can be read. Received: ops nested "
            "thousands deep. Draft a part of it, by other outputs."
        ) from None


def _drafted(request, reader):
    _require_known_ops(request, reader)
    cut = _cut(request, reader)
    optimizer = None
    if request.loss is not None:
        optimizer = optimizers.Optimizer(reader, request.updates)
    trained = optimizer.trained if optimizer else reader.trainable
    context = Context(reader, request.updates, cut.outputs, trained)
    statements, cones, prefix = forward.statements_of(context, cut.outputs)
    paths = naming.paths(statements)
    loss = None
    uses_raw = set(cones.raw)
    if request.loss is not None:
        loss, raw = _loss(request, reader, cut, paths)
        uses_raw |= raw
        _require_explained(context, optimizer, request.updates)
        _require_trained(reader, optimizer, statements)
        paths.update(optimizer.renamed(paths))
        if optimizer.step is not None:
            paths = {optimizer.step: f"{optimizer.name}/iteration", **paths}
        if optimizer.rate is not None:
            paths[optimizer.rate] = f"{optimizer.name}/learning_rate"
    config, statements, call = _configured(
        statements, optimizer.call if optimizer else None
    )
    outputs = [output.name for output in cut.outputs]
    taken = {*TAKEN, *(layer.name for layer in cones.classes)}
    inputs = _inputs(request, statements, cut, loss)
    flat, functions = factoring.factored(statements, outputs, {*taken, *inputs})
    known = {*paths}
    if optimizer is not None:
        known |= optimizer.slots | optimizer.averages
    return Product(
        origin=request.origin,
        package=re.sub(r"\W", "_", request.origin.partition(".")[0]) or "draft",
        config=config,
        inputs=inputs,
        outputs=outputs,
        statements=flat,
        functions=functions,
        classes=cones.classes,
        loss=loss,
        optimizer=optimizer,
        optimizer_call=call,
        paths=paths,
        prefix=prefix,
        target=cut.target,
        has_streams=any(
            statement.call is not None
            and statement.call.function.startswith(
                ("tf1_semantics.layers.Dropout", "tf1_semantics.random.")
            )
            for statement in statements
        ),
        gradients_of_tf1=request.gradients_of_tf1 and loss is not None,
        unseeded=context.initializers.unseeded,
        raw=sorted(uses_raw),
        remainder=[name for name in reader.variables if name not in known],
        predicts=request.y_pred is not None
        and outputs == [reader.source(request.y_pred).name],
        tensors={
            output.name: output
            for operation in reader.operations
            for output in operation.outputs
        },
        # What is the target as well is an input of the model by its other name.
        names={
            request.inputs[name].name: name
            for name in sorted(request.inputs, key=lambda name: name != cut.target)
        },
    )


def _require_known_ops(request, reader):
    """Refuses ops whose computation is in no graph, wherever training runs them."""

    ends = [operation for operation, _ in request.updates]
    ends += [
        tensor.op for tensor in (request.loss, request.y_pred) if tensor is not None
    ]
    for operation in sorted(reader.ancestors(ends), key=lambda op: op.name):
        if operation.type in OUTSIDE:
            raise refused_op(operation, OUTSIDE[operation.type])


def _cut(request, reader):
    if request.loss is None:
        return cutting.Cut([reader.source(request.y_pred)], None, [])
    target = cutting.target_of(reader, request.loss, request.inputs, request.y_true)
    return cutting.cut(reader, request.loss, request.inputs, target, request.y_pred)


def _loss(request, reader, cut, paths):
    """(Loss, kinds of ops that only tf.raw_ops has)."""
    several = len(cut.outputs) > 1
    names = ["y_pred"]
    if several:
        names = [f"y_pred_{place}" for place in range(len(cut.outputs))]
    known = {output.name: name for output, name in zip(cut.outputs, names, strict=True)}
    parameters, arguments = [], []
    if cut.target is not None:
        known.setdefault(request.inputs[cut.target].name, "y_true")
        parameters.append("y_true")
        arguments.append("y")
    if several and len(names) + len(cut.read) >= MOST_PARAMETERS:
        known.update(
            (output.name, f"y_pred[{place}]")
            for place, output in enumerate(cut.outputs)
        )
        several, names = False, ["y_pred"]
    parameters += names
    arguments += (
        [f"y_pred[{place}]" for place in range(len(names))] if several else ["y_pred"]
    )
    model_inputs = [name for name in request.inputs if name != cut.target]
    for name in cut.read:
        python = _python_name(name)
        known[request.inputs[name].name] = python
        parameters.append(python)
        arguments.append("x" if len(model_inputs) == 1 else f"x[{name!r}]")
    read = []

    def weight(variable):
        if variable not in paths:
            raise refusal(
                "A loss must read only variables that the model has",
                f"{reader.variables[variable].op.type} (node {variable})",
                "Write that part by hand, or name another loss with --loss",
            )
        read.append(paths[variable])
        return penalties.weight_of(paths[variable])

    python = Expressions(reader, known, weight)
    lines, (result,) = python.body([request.loss])
    lines = [*lines, f"return {result}"]
    kernels = None
    if python.penalised is not None:
        trained = [paths[name] for name in reader.trainable if name in paths]
        kernels = penalties.kernels(python.penalised, trained)
        parameters.append("kernels")
        arguments.append("kernels")
    if "weights[" in "".join(lines):
        parameters.append("weights")
        arguments.append("weights")
    shapes = " and ".join(_shape(output.shape) for output in cut.outputs)
    is_special = (
        len(cut.outputs) > 1 or bool(cut.read) or bool(read) or cut.target is None
    )
    dtype = None if is_special else request.inputs[cut.target].dtype.name
    if dtype not in (None, "float32"):
        why = "# Keras hands a loss its labels as float32."
        lines = [why, f"y_true = tf.cast(y_true, tf.{dtype})", *lines]
    return Loss(
        parameters, arguments, lines, f"Of {shapes}", kernels, is_special
    ), python.raw


def _require_explained(context, optimizer, updates):
    """Every update of the train op is a layer's or the optimizer's."""
    explained = context.explained | optimizer.explained
    left = [
        f"{operation.name} ({operation.type} of {variable})"
        for operation, variable in updates
        if operation.name not in explained
    ]
    if left:
        raise refusal(
            "Every update of a train op must belong to a layer or the optimizer",
            "; ".join(left[:3]) + (f" and {len(left) - 3} more" if left[3:] else ""),
            "Name a train op without it with --train, and write that part by hand",
        )


def _require_trained(reader, optimizer, statements):
    """What is trained must be what the model holds, and of a layer all of it."""
    held = [{*statement.weights.values()} for statement in statements]
    missing = [name for name in optimizer.trained if name not in set().union(*held)]
    if missing:
        raise refusal(
            "An optimizer must train variables that the model has",
            ", ".join(missing[:3]),
            "Name the outputs that need them",
        )
    for weights in held:
        still = [
            name
            for name in reader.trainable
            if name in weights and name not in optimizer.trained
        ]
        if still and weights & {*optimizer.trained}:
            raise refusal(
                "A layer must be trained whole or not at all",
                ", ".join(still[:3]) + ", which the train op leaves alone",
                "Freeze that variable by hand",
            )


def _configured(statements, call):
    """({field: Python}, statements, call) with a Config's fields in place of literals."""
    values, order = collections.defaultdict(list), []
    trees = [statement.call for statement in statements if statement.call] + (
        [call] if call is not None else []
    )
    for tree in trees:
        for literal in literals(tree):
            if literal.role.startswith("config:"):
                field = literal.role.partition(":")[2]
                if field not in order:
                    order.append(field)
                if literal.source not in values[field]:
                    values[field].append(literal.source)
    config = {field: values[field][0] for field in order if len(values[field]) == 1}

    def put(tree):
        return filled(
            tree,
            iter(
                [
                    Literal(f"config.{literal.role.partition(':')[2]}", literal.role)
                    if literal.role.partition(":")[2] in config
                    and literal.role.startswith("config:")
                    else literal
                    for literal in literals(tree)
                ]
            ),
        )

    for statement in statements:
        if statement.call is not None:
            statement.call = put(statement.call)
    return config, statements, put(call) if call is not None else None


def _python_name(name):
    """What an input is called in Python, after its name in a batch."""
    word = re.sub(r"\W", "_", name)
    word = word.lower() if word.startswith("Placeholder") else word
    return f"{word}_" if keyword.iskeyword(word) or word[0].isdigit() else word


def _inputs(request, statements, cut, loss):
    """{Python name: tensor's name} of the model's inputs."""
    taken = {name for statement in statements for name in statement.inputs}
    taken |= {output.name for output in cut.outputs}
    inputs = {}
    for name, tensor in request.inputs.items():
        is_read = loss is not None and name in cut.read
        if tensor.name not in taken and not is_read:
            continue
        if name == cut.target and tensor.name in {
            other.name for key, other in request.inputs.items() if key != name
        }:
            continue
        if tensor.name in inputs.values():
            continue
        inputs[_python_name(name)] = tensor.name
    if [*inputs] == ["placeholder"]:
        inputs = {"x": inputs["placeholder"]}
    if not inputs:
        raise refusal(
            "A model must have an input",
            "none that its outputs need",
            "Name it with --x",
        )
    return inputs
