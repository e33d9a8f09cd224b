"""From a training graph to a ``Product``, all that the source of a twin is written of.

product = drafting.drafted(Request(graph, {"x": x, "y_true": y}, loss, updates))
text = writing.source(product, ["Not compared."])
"""

import collections
import dataclasses
import re
from typing import NamedTuple

from tf2_keras.migrate.draft import (
    cutting,
    factoring,
    forward,
    naming,
    objectives,
    optimizers,
    separating,
    sharing,
)
from tf2_keras.migrate.draft.cones import shape_text
from tf2_keras.migrate.draft.errors import Undraftable, refusal, refused_op
from tf2_keras.migrate.draft.naming import python_name
from tf2_keras.migrate.draft.reading import OUTSIDE, Reader
from tf2_keras.migrate.draft.rules.context import Context
from tf2_keras.migrate.draft.statements import Literal, filled, literals

TAKEN = {"Config", "Model", "inference", "loss", "optimizer", "build"}
TAKEN |= {"checkpoint_names", "config", "keras", "tf", "tf1_semantics", "x", "y"}
TAKEN |= {"chained"}


class Train(NamedTuple):
    """What a train op does.

    step: what to call it, in Python. loss: a scalar.
    updates: [(op, variable's name)] of all that it changes.
    """

    step: str
    loss: object
    updates: list


class Request(NamedTuple):
    """What is to be drafted; all tensors are of ``graph``.

    inputs: {name in a batch: tensor}.
    trains: [Train]; empty for a twin that only predicts.
    y_true: name in a batch of the target; None to find it.
    y_pred: the tensor that is predicted; None for what the loss is cut at.
    feed: {tensor: value} of the training run.
    origin: what to call the graph.
    gradients_of_tf1: whether the twin takes its gradients by tf.gradients.
    """

    graph: object
    inputs: dict
    trains: list
    y_true: str | None = None
    y_pred: object = None
    feed: dict | None = None
    origin: str = "a graph"
    gradients_of_tf1: bool = False


class Step(NamedTuple):
    """A train op of the draft.

    name: of it in Python. loss: an ``objectives.Loss``. optimizer: an ``optimizers.Optimizer``.
    call: the ``Call`` of its part. computed: groups of places of the outputs that it computes,
        where the others would change something; None for all.
    """

    name: str
    loss: objectives.Loss
    optimizer: object
    call: object
    computed: tuple | None


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
    steps: list  # [Step]
    paths: dict
    scopes: dict  # {layer of a loop: what tf1_weights names its variables below}
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
    def loss(self):
        """Of a model that is trained by one."""
        return self.steps[0].loss if self.steps else None

    @property
    def taken(self):
        """{Python name: tensor's name} of the inputs that ``inference`` takes."""
        used = {*self.outputs, *(n for s in self.statements for n in s.inputs)}
        return {python: name for python, name in self.inputs.items() if name in used}

    @property
    def is_special(self):
        return self.loss is not None and (
            self.loss.is_special or self.gradients_of_tf1 or len(self.steps) > 1
        )

    @property
    def why_special(self):
        if self.loss.is_special and "y_true" not in self.loss.parameters:
            return "whose loss has no target"
        if self.dtype != "float32":
            return f"whose loss Keras would round, which is of {self.dtype}"
        if len(self.outputs) > 1:
            return "whose loss is of more than one output"
        if {"weights", "kernels"} & {*self.loss.parameters}:
            return "whose loss has a penalty of weights"
        if self.loss.is_special:
            return "whose loss reads an input besides"
        return "whose gradients are added in TF1's order"

    @property
    def dtype(self):
        return self.tensors[self.outputs[0]].dtype.name

    def rank_of(self, name):
        return self.tensors[name].shape.rank if name in self.tensors else None

    def shape_of(self, name):
        return shape_text(self.tensors[name].shape)

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
    is_one = len(request.trains) == 1
    trainers = [
        optimizers.Optimizer(reader, train.updates, None if is_one else train.step)
        for train in request.trains
    ]
    trained = [name for trainer in trainers for name in trainer.trained]
    changes = [update for train in request.trains for update in train.updates]
    changes = list(dict.fromkeys(changes))  # two steps of a GAN run one generator
    cuts = _cuts(request, reader)
    cut = _joined(reader, cuts)
    context = Context(reader, changes, cut.outputs, trained or reader.trainable)
    statements, cones, prefix = forward.statements_of(context, cut.outputs)
    paths = naming.paths(statements)
    losses, uses_raw = [], set(cones.raw)
    for train, own in zip(request.trains, cuts if trainers else (), strict=True):
        loss, raw = objectives.loss_of(
            request, reader, train.loss, own, cut.outputs, paths
        )
        losses.append(loss)
        uses_raw |= raw
    has_streams = any(_draws(statement) for statement in statements)
    if trainers:
        _require_explained(context, trainers, changes)
        _require_apart(trainers)
    for trainer in trainers:
        _require_trained(reader, trainer, statements)
        paths.update(trainer.renamed(paths))
        if trainer.step is not None:
            paths = {trainer.step: f"{trainer.name}/iteration", **paths}
        if trainer.rate is not None:
            paths[trainer.rate] = f"{trainer.name}/learning_rate"
    computed = separating.computed(
        context, request.trains, cuts, cut.outputs, has_streams
    )
    config, statements, calls = _configured(
        statements, [trainer.call for trainer in trainers]
    )
    steps = [
        Step(train.step, *rest)
        for train, *rest in zip(
            request.trains, losses, trainers, calls, computed, strict=True
        )
    ]
    outputs = [output.name for output in cut.outputs]
    taken = {*TAKEN, *(layer.name for layer in cones.classes)}
    inputs = _inputs(request, statements, cut, bool(losses))
    written = sharing.chained(statements, outputs)
    flat, functions = factoring.factored(written, outputs, {*taken, *inputs})
    known = {*paths}
    for trainer in trainers:
        known |= trainer.slots | trainer.averages
    return Product(
        origin=request.origin,
        package=re.sub(r"\W", "_", request.origin.partition(".")[0]) or "draft",
        config=config,
        inputs=inputs,
        outputs=outputs,
        statements=flat,
        functions=functions,
        classes=cones.classes,
        steps=steps,
        paths=paths,
        scopes={s.name: s.scope for s in statements if s.scope is not None},
        prefix=prefix,
        target=cut.target,
        has_streams=has_streams,
        gradients_of_tf1=request.gradients_of_tf1 and bool(losses),
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

    ends = [] if request.y_pred is None else [request.y_pred.op]
    for train in request.trains:
        ends += [train.loss.op, *(operation for operation, _ in train.updates)]
    for operation in sorted(reader.ancestors(ends), key=lambda op: op.name):
        if operation.type in OUTSIDE:
            raise refused_op(operation, OUTSIDE[operation.type])


def _cuts(request, reader):
    """[the ``Cut`` of each train op], or of what is predicted."""
    if not request.trains:
        return [cutting.Cut([reader.source(request.y_pred)], None, [])]
    target = request.y_true
    if len(request.trains) == 1:
        (train,) = request.trains
        target = cutting.target_of(reader, train.loss, request.inputs, target)
    return [
        cutting.cut(reader, train.loss, request.inputs, target, request.y_pred)
        for train in request.trains
    ]


def _joined(reader, cuts):
    """The ``Cut`` that has what several have."""
    outputs = {output.name: output for cut in cuts for output in cut.outputs}
    in_order = sorted(
        outputs.values(), key=lambda output: reader.position[output.op.name]
    )
    read = [name for cut in cuts for name in cut.read]
    return cutting.Cut(in_order, cuts[0].target, list(dict.fromkeys(read)))


def _draws(statement):
    """Whether a layer has a stream of random numbers."""
    return statement.call is not None and statement.call.function.startswith(
        ("tf1_semantics.layers.Dropout", "tf1_semantics.random.")
    )


def _require_explained(context, trainers, updates):
    """Every update of a train op is a layer's or the optimizer's."""
    explained = {*context.explained}.union(*(t.explained for t in trainers))
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


def _require_apart(trainers):
    """Several optimizers must change nothing in common."""
    if len(trainers) < 2:
        return
    received = None
    counts = [trainer.step for trainer in trainers if trainer.step is not None]
    trained = [name for trainer in trainers for name in trainer.trained]
    if len({*counts}) < len(counts):
        received = f"steps that are all counted in {counts[0]}"
    elif len({*trained}) < len(trained):
        received = "a variable that several of them train"
    if received is not None:
        raise refusal(
            "Several train ops must share nothing that they change",
            received,
            "Draft one at a time, and put them together by hand",
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


def _configured(statements, calls):
    """({field: Python}, statements, calls) with a Config's fields for literals."""
    values, order = collections.defaultdict(list), []
    trees = [statement.call for statement in statements if statement.call] + calls
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
    return config, statements, [put(call) for call in calls]


def _inputs(request, statements, cut, is_trained):
    """{Python name: tensor's name} of the model's inputs."""
    taken = {name for statement in statements for name in statement.inputs}
    taken |= {output.name for output in cut.outputs}
    inputs = {}
    for name, tensor in request.inputs.items():
        is_read = is_trained and name in cut.read
        if tensor.name not in taken and not is_read:
            continue
        if name == cut.target and tensor.name in {
            other.name for key, other in request.inputs.items() if key != name
        }:
            continue
        if tensor.name in inputs.values():
            continue
        inputs[python_name(name)] = tensor.name
    if [*inputs] == ["placeholder"]:
        inputs = {"x": inputs["placeholder"]}
    if not inputs:
        raise refusal(
            "A model must have an input",
            "none that its outputs need",
            "Name it with --x",
        )
    return inputs
