"""What of a training graph is its loss, its train op, its inputs, if nobody says so."""

import collections
import re
from typing import NamedTuple

import tensorflow.compat.v1 as tf

from parity_tests.pair.errors import mistake
from tf1_graph import exported, updates
from tf2_keras.migrate.draft import naming
from tf2_keras.migrate.draft.reading import MOST_NODES

# The gradient of an op is made below its name; the first is that of the loss.
GRADIENT = re.compile(r"^(.*?/)?gradients(_\d+)?/(.+)_grad/")
SEED_OF_GRADIENTS = re.compile(r"^(.*/)?gradients(_\d+)?/(grad_ys_\d+|Fill)$")
MOST_CANDIDATES = 6
# What yields batches where a program had no placeholders.
PIPELINE = re.compile(r"IteratorGetNext(Sync)?$|QueueDequeue(Many|UpTo)?(V2)?$")
# Kinds of ops that minimize, group and with_dependencies make.
RUN = ("NoOp", "AssignAdd", "AssignAddVariableOp", "Identity")


class Names(NamedTuple):
    """Names of a graph's elements, as the options of the command give them.

    inputs: {name in a batch: tensor's name}; None for all placeholders that are not fed.
    train, loss: of a step; of several steps with commas between.
    steps: what to call several steps.
    y_true: name in a batch. feeds: {tensor's name: value}.
    """

    inputs: dict | None = None
    y_true: str | None = None
    y_pred: str | None = None
    loss: str | None = None
    train: str | None = None
    training_feed: dict | None = None
    inference_feed: dict | None = None
    steps: tuple | None = None


def steps(names):
    """{what to call a step: {"op", "loss"}}, in order; empty without a train op.

    Args:
        names: ``Names``, found.
    """
    if names.train is None:
        return {}
    trains, losses = names.train.split(","), names.loss.split(",")
    return {
        step: {"op": train, "loss": loss}
        for step, train, loss in zip(
            names.steps or ("train",), trains, losses, strict=True
        )
    }


def _step_names(graph, trains):
    """What to call several steps: by the scopes that they train, else by their ops."""
    with graph.as_default():
        variables = {variable.op.name: variable for variable in tf.global_variables()}
    scopes = []
    for train in trains:
        operation = graph.as_graph_element(train, allow_tensor=True)
        changes = updates.changes(getattr(operation, "op", operation), variables)
        scopes.append(
            {
                variable.partition("/")[0]
                for operation, variable in changes
                if updates.APPLY.match(operation.type)
            }
        )
    for told in (
        [scope.pop() for scope in scopes if len(scope) == 1],
        [train.rpartition("/")[2] for train in trains],
        trains,
    ):
        words = [naming.python_name(word).lower() for word in told]
        if len({*words}) == len(trains):
            break
    # A model has moves of these names already.
    return tuple(f"{w}_op" if w in ("train", "predict") else w for w in words)


def found(meta_graph, names):
    """The ``Names`` with what was left open found.

    Raises:
        PairError: for what is ambiguous, with the candidates.
        ValueError: for a graph that cannot be imported.
    """
    count = len(meta_graph.graph_def.node)
    if count > MOST_NODES:  # before the import, which takes longer than the count
        raise mistake(
            f"A graph must have at most {MOST_NODES:,} ops to be drafted",
            f"{count:,}",
            "Draft a part of it",
        )
    graph = exported.imported(meta_graph)
    named = exported.Named(graph)
    losses = _listed("--loss", names.loss)
    trains = _listed("--train", names.train)
    for loss in losses:
        named.element("--loss", loss)
    if names.y_pred is not None:
        named.element("--y-pred", names.y_pred)
    for train in trains:
        named.element("--train", train, op=True)
    named.require_known()
    if not trains:
        trains = [train for train in [_train(graph)] if train is not None]
    if trains:
        for train in trains:
            _require_updates(graph, train)
        if losses and len(losses) != len(trains):
            raise mistake(
                "Each train op must have its own loss",
                f"{len(trains)} for --train, {len(losses)} for --loss",
                "Name as many, in the same order, or no loss",
            )
        losses = [
            _loss(graph, train, loss)
            for train, loss in zip(trains, losses or [None] * len(trains), strict=True)
        ]
    train, loss = (",".join(listed) or None for listed in (trains, losses))
    training_feed = dict(names.training_feed or {})
    inference_feed = dict(names.inference_feed or {})
    fed = {_tensor(name) for name in training_feed}
    ends = [*trains, *losses, *([] if names.y_pred is None else [names.y_pred])]
    if not ends:
        raise mistake(
            "A graph without a train op must have an output",
            "none of --train, --loss, --y-pred",
            "Name what it predicts with --y-pred",
        )
    needed = _placeholders(graph, ends)
    for placeholder in needed:
        if placeholder.name in fed or placeholder.shape.rank != 0:
            continue
        if placeholder.dtype == tf.bool and names.inputs is None:
            training_feed[placeholder.name] = True
            inference_feed.setdefault(placeholder.name, False)
    inputs = names.inputs
    if inputs is None:
        fed = {_tensor(name) for name in training_feed}
        inputs = _inputs([t for t in needed if t.name not in fed])
        unfed = [
            placeholder.op.name
            for placeholder in needed
            if placeholder.name not in fed and placeholder.shape.rank == 0
        ]
        if unfed:
            raise mistake(
                "A number that is fed must be given its value in training",
                ", ".join(unfed),
                f"Use --training-feed {unfed[0]}=0.5, and --inference-feed "
                f"{unfed[0]}=1.0",
            )
    y_true = names.y_true
    if y_true is not None and y_true not in inputs:
        # It may be named by its tensor.
        wanted = _tensor(y_true)
        for key, name in inputs.items():
            if _tensor(name) == wanted:
                y_true = key
    return names._replace(
        inputs=inputs,
        y_true=y_true,
        loss=loss,
        train=train,
        training_feed=training_feed,
        inference_feed=inference_feed,
        steps=_step_names(graph, trains) if len(trains) > 1 else None,
    )


def _listed(option, words):
    """The names that an option has, each once."""
    listed = [] if words is None else [word.strip() for word in words.split(",")]
    if "" in listed or len({*listed}) < len(listed):
        raise mistake(f"{option} must name each once", words, f"Use {option} NAME,NAME")
    return listed


def _tensor(name):
    return name if ":" in name else f"{name}:0"


def _train(graph):
    """The name of the one op that leads to all updates; None without any."""
    applied = [
        operation
        for operation in graph.get_operations()
        if updates.APPLY.match(operation.type) or updates.SCATTER.match(operation.type)
    ]
    if not applied:
        return None
    collected = [
        getattr(element, "op", element)
        for element in graph.get_collection(tf.GraphKeys.TRAIN_OP)
    ]
    # A group of the optimizer's op and others, such as averages, is in no collection.
    led_to = {
        operation: updates.ancestors([operation])
        for operation in graph.get_operations()
        if operation in collected or operation.type in RUN
    }
    ends = [end for end, before in led_to.items() if set(applied) <= before]
    if not ends and len(applied) == 1:
        return applied[0].name
    # What leads to all others is what a program ran: its updates behind the optimizer's
    # are part of a step.
    last = [end for end in ends if set(ends) <= led_to[end]]
    if len(last) == 1:
        return last[0].name
    if not ends:
        # Several train: of each what leads to its updates, and is led to by none.
        some = {end: before for end, before in led_to.items() if before & set(applied)}
        ends = [
            end
            for end in some
            if not any(end in before for other, before in some.items() if other != end)
        ]
    raise mistake(
        "The op that trains must be known",
        ", ".join(op.name for op in ends[:MOST_CANDIDATES]) or "no single one",
        "Name one with --train, or several, of a GAN, with commas between",
    )


def _require_updates(graph, train):
    """The train op must lead to an op that updates a variable."""
    operation = graph.as_graph_element(train, allow_tensor=True, allow_operation=True)
    before = updates.ancestors([getattr(operation, "op", operation)])
    if any(
        updates.APPLY.match(earlier.type) or updates.SCATTER.match(earlier.type)
        for earlier in before
    ):
        return
    applied = [op.name for op in graph.get_operations() if updates.APPLY.match(op.type)]
    raise mistake(
        "The train op must lead to what updates variables",
        f"{train}, which leads to none",
        f"The graph updates by {', '.join(applied[:3]) or 'no Apply op at all'}",
    )


def _loss(graph, train, named=None):
    """The name of the scalar whose gradients the train op takes.

    Args:
        named: what the caller says it is, or None.

    Raises:
        PairError: if that is another, or nothing says which of several it is.
    """
    operation = graph.as_graph_element(train, allow_tensor=True, allow_operation=True)
    minimised = _minimised(graph, getattr(operation, "op", operation))
    if named is not None:
        scalars = [tensor for tensor in minimised.values() if not tensor.shape.rank]
        loss = _handed_on(graph.get_tensor_by_name(_tensor(named)))
        if scalars and loss.name not in {
            _handed_on(t).name for t in minimised.values()
        }:
            raise mistake(
                "--loss must name what the train op minimises",
                f"{named}; {train} minimises "
                + ", ".join(tensor.name for tensor in scalars[:MOST_CANDIDATES]),
                "Name that one, or leave it out",
            )
        return named
    if len(minimised) == 1:
        return next(iter(minimised))
    scalars = sorted(minimised) or [
        output.name
        for op in graph.get_operations()
        for output in op.outputs
        if "loss" in op.name.rpartition("/")[2]
        and output.shape.rank == 0
        and "gradients" not in op.name
    ]
    single = _of_one_loss(graph, getattr(operation, "op", operation))
    if len(minimised) > 1 and len(single) > 1:
        raise mistake(
            "A train op must minimise one loss",
            f"{train}, which runs {', '.join(single)} and minimises "
            + ", ".join(scalars[:MOST_CANDIDATES]),
            f"Name them, --train {','.join(single)}, or one, such as --train {single[0]}",
        )
    raise mistake(
        "The loss must be known",
        ", ".join(scalars[:MOST_CANDIDATES]) or "no scalar above the train op",
        "Name one with --loss",
    )


def _minimised(graph, operation):
    """{name: tensor} of all whose gradients an op takes."""
    minimised = {}
    for earlier in updates.ancestors([operation]):
        if not SEED_OF_GRADIENTS.match(earlier.name):
            continue
        for consumer in earlier.outputs[0].consumers() if earlier.outputs else ():
            match = GRADIENT.match(consumer.name)
            if match and _has(graph, match.group(3)):
                output = graph.get_operation_by_name(match.group(3)).outputs[0]
                if output.dtype.is_floating:
                    minimised[output.name] = output
    return minimised


def _of_one_loss(graph, operation):
    """Names of the ops that an op waits for and that each train by one loss."""
    return sorted(
        earlier.name
        for earlier in operation.control_inputs
        if len(_minimised(graph, earlier)) == 1
        and any(updates.APPLY.match(op.type) for op in updates.ancestors([earlier]))
    )


def _handed_on(tensor):
    while tensor.op.type in ("Identity", "CheckNumerics", "Snapshot"):
        tensor = tensor.op.inputs[0]
    return tensor


def _has(graph, name):
    try:
        return bool(graph.get_operation_by_name(name).outputs)
    except KeyError:
        return False


def _placeholders(graph, ends):
    """The placeholders, and what an input pipeline yields, that some ends need."""
    elements = [
        graph.as_graph_element(
            name if ":" in name or _is_op(graph, name) else _tensor(name),
            allow_tensor=True,
            allow_operation=True,
        )
        for name in ends
    ]
    waiting = [getattr(element, "op", element) for element in elements]
    known, found = set(waiting), []
    while waiting:
        operation = waiting.pop()
        if operation.type == "Placeholder" or PIPELINE.match(operation.type):
            found += [output for output in operation.outputs if output.consumers()]
            continue
        for earlier in (*(t.op for t in operation.inputs), *operation.control_inputs):
            if earlier not in known:
                known.add(earlier)
                waiting.append(earlier)
    position = {op: place for place, op in enumerate(graph.get_operations())}
    return sorted(found, key=lambda output: (position[output.op], output.value_index))


def _inputs(tensors):
    """{name in a batch: tensor's name}: the last part, or all where that is another's."""
    names = {tensor.op.name for tensor in tensors}
    for name in sorted(names):
        scope, _, part = name.rpartition("/")
        if part == "values" and f"{scope}/indices" in names:
            raise mistake(
                "An input must be a dense tensor to be drafted",
                f"{name} of a sparse placeholder",
                "Write by hand what takes it, or name others to be fed with --x",
            )
    last = collections.Counter(t.op.name.rpartition("/")[2] for t in tensors)
    inputs = {}
    for tensor in tensors:
        name = tensor.op.name.rpartition("/")[2]
        siblings = sum(other.op is tensor.op for other in tensors)
        if last[name] > siblings:
            name = tensor.op.name.replace("/", "_")
        inputs[f"{name}_{tensor.value_index}" if siblings > 1 else name] = tensor.name
    return inputs


def _is_op(graph, name):
    try:
        graph.get_operation_by_name(name)
        return True
    except (KeyError, ValueError):
        return False
