"""An old program whose source no longer runs, from the ``.meta`` that it exported.

``tf.train.Saver.save`` and ``tf.train.export_meta_graph`` wrote the whole graph: also
what ``tf.contrib`` and ``tf.layers`` built, as plain ops that are still there. ``load``
makes a ``session.Program`` of it; so the old program can be the TF1 side of a
comparison, with the old seeds of its random ops.

    from parity_tests.engine.comparison import compare_runs
    from tf1_graph import exported, session
    from tf2_keras.training import Training

    program = exported.load(
        'model.meta', x='x', y_true='y_true', loss='total_loss',
        train='train_op/control_dependency', training_feed={'is_training': True},
    )
    training = Training(model, checkpoint_names, on_batch=batches[0])  # the Keras twin
    records = []
    training.run(batches, 'function', records.append)
    with session.open_session(program) as opened:
        reference = session.run(opened, program, batches)
        compare_runs(reference, records).require_agreement()

``checkpoint_names`` is {TF1 variable name: Keras path}; ``tf-parity seeds model.meta``
says which seeds the twin's initialisers and dropouts need.
"""

import collections
import difflib
import os
import re

import tensorflow.compat.v1 as tf

from tf1_graph import session as tf1_session
from tf1_graph.meta_graphs import all_nodes, check, read, refusal

# Fused updates of one variable by one gradient, of ref and of resource variables.
APPLY = re.compile(r"(Resource)?(Sparse)?Apply[A-Z]\w*$")
# What else changes a variable; an initialiser does too, but no train op runs it.
ASSIGN = re.compile(r"(Resource)?(Scatter|StridedSliceAssign|Assign)\w*$")
GRADIENT_INPUTS = ("grad", "delta")
# Inputs of a fused update that are values of variables which the optimizer made.
POWER_INPUTS = ("beta1_power", "beta2_power")
VARIABLES = ("VariableV2", "Variable", "VarHandleOp")


class Slots:
    """What ``session`` asks an optimizer for: the variables of its own."""

    def __init__(self, variables):
        self._variables = list(variables)

    def variables(self):
        return list(self._variables)


def load(
    path,
    x,
    y_true,
    loss,
    train,
    y_pred=None,
    predict=None,
    checkpoint=None,
    training_feed=None,
    inference_feed=None,
    gradients=None,
):
    """A ``session.Program`` of an exported graph.

    The gradients, the slots and the beta powers are found from the graph: every
    ``Apply...`` op that ``train`` runs says which variable it updates, by which
    gradient and with which slots. The gradient is what the update got, so after any
    clipping, where ``Training`` records it before; ``gradients`` can name another
    tensor. That of the rows of an embedding is a ``tf.IndexedSlices``, as
    compute_gradients gave it.

    ``train`` runs what it ran in the program: moving statistics move with it only if
    the program made its UPDATE_OPS part of the train op, as slim's ``create_train_op``
    does.

    Args:
        path: a binary ``.meta`` file, or a ``tf.MetaGraphDef``, which
            ``google.protobuf.text_format.Parse`` makes of a text file.
        x, y_true: names of the tensors that take a batch, such as 'x' or 'x:0'. Any
            tensor can be fed, what an input pipeline yields included.
        loss: name of a scalar tensor.
        train: name of the op, or of a tensor, whose run is one step.
        y_pred, predict: names of tensors; ``predict`` is ``y_pred`` unless given. Only
            ``session.predict`` needs them.
        checkpoint: prefix of a checkpoint of the same program, such as
            'model.ckpt-100'. ``session.initialise`` then restores it, slots and steps
            included, instead of drawing initial values.
        training_feed, inference_feed: {name of a tensor: value}, see ``Program``.
        gradients: {variable name: name of its gradient, or None for no record of it},
            for variables that ``train`` updates by other ops than ``Apply...``, as
            Adam does with the rows of an embedding, or whose gradient is clipped.

    Returns:
        A ``Program`` on a graph of its own, without the devices of the old machine.
    Raises:
        ValueError: for a file that is no MetaGraphDef, ops that this TensorFlow has
            not got, names that the graph has not got, a train op that updates nothing,
            or a checkpoint of another program.
    """
    given = isinstance(path, tf.MetaGraphDef)
    meta_graph = check(path, "a MetaGraphDef") if given else read(path)
    _require_known_ops(meta_graph)
    named = collections.OrderedDict(x=x, y_true=y_true, loss=loss, train=train)
    named.update(y_pred=y_pred, predict=predict)
    for argument, feed in (
        ("training_feed", training_feed),
        ("inference_feed", inference_feed),
    ):
        for name in feed or {}:
            named[f"{argument}[{name!r}]"] = name
    for variable, name in sorted((gradients or {}).items()):
        named[f"gradients[{variable!r}]"] = name
    with tf.Graph().as_default() as graph:
        try:
            tf.train.import_meta_graph(_without_shapes(meta_graph), clear_devices=True)
        except (ValueError, KeyError, TypeError, tf.errors.OpError) as error:
            raise refusal(
                "path must name a graph that this TensorFlow can import",
                str(error).strip().rstrip("."),
                "Export it again with TensorFlow {}, whose ops are these".format(
                    meta_graph.meta_info_def.tensorflow_version or "1.15"
                ),
            ) from None
        found = _elements(graph, named)
        variables = collections.OrderedDict(
            (variable.op.name, variable) for variable in tf.global_variables()
        )
        if not variables:
            raise refusal(
                "path must name a graph with its variables",
                f"a MetaGraphDef without the collection {tf.GraphKeys.GLOBAL_VARIABLES!r}",
                "Export it with tf.train.export_meta_graph, not from a frozen graph",
            )
        updates = _updates(found["train"], variables)
        pairs, slots = _gradients_and_slots(
            updates, variables, gradients or {}, found, train
        )
        if checkpoint is not None:
            variables = _restored(graph, variables, checkpoint)
    y_pred, predict = found.get("y_pred"), found.get("predict")
    return tf1_session.program(
        graph=graph,
        x=found["x"],
        y_true=found["y_true"],
        loss=found["loss"],
        train=found["train"],
        y_pred=y_pred,
        predict=y_pred if predict is None else predict,
        gradients=[
            (pairs[name], variable)
            for name, variable in variables.items()
            if name in pairs
        ],
        optimizer=Slots(
            variable for name, variable in variables.items() if name in slots
        ),
        training_feed=_feed("training_feed", training_feed, found),
        inference_feed=_feed("inference_feed", inference_feed, found),
    )


def _without_shapes(meta_graph):
    """A copy in which no node says what shapes it was thought to give.

    An import compares them with those that it infers itself, and shape functions have
    changed: of FusedBatchNormGradV3, for one, so that no batch norm would come through.
    """
    copied = tf.MetaGraphDef()
    copied.CopyFrom(meta_graph)
    for node in all_nodes(copied):
        node.attr.pop("_output_shapes", None)
    return copied


def _require_known_ops(meta_graph):
    """Every op type of the graph and of its functions must exist in this TensorFlow."""
    nodes = all_nodes(meta_graph)
    library = meta_graph.graph_def.library
    own = {function.signature.name for function in library.function}
    missing = collections.OrderedDict(
        (node.op, node.name)
        for node in reversed(nodes)
        if node.op not in own and not _is_known(node.op)
    )
    if missing:
        raise refusal(
            f"path must name a graph whose ops this TensorFlow {tf.__version__} has",
            ", ".join(f"{op} (node {missing[op]})" for op in sorted(missing)),
            "Load the library that has them with tf.load_op_library first, or export "
            "the part of the graph that does without",
        )


def _is_known(op):
    if hasattr(tf.raw_ops, op):
        return True
    # Ops of a loaded library are not in raw_ops. A node of the type says it: one that
    # exists complains of its missing inputs at most.
    lone = tf.GraphDef()
    lone.node.add(name="lone", op=op)
    with tf.Graph().as_default():
        try:
            tf.import_graph_def(lone)
        except Exception as error:
            return not re.search(r"not registered|No op named|not defined", str(error))
    return True


def _elements(graph, named):
    """{argument: the tensor, or for ``train`` the op or tensor, of that name}."""
    found, missing = {}, []
    for argument, name in named.items():
        if name is None:
            continue
        try:
            if not isinstance(name, str):
                raise ValueError
            whole = name if ":" in name or argument == "train" else name + ":0"
            found[argument] = graph.as_graph_element(whole)
        except (KeyError, ValueError):
            missing.append((argument, name))
    if missing:
        operations = graph.get_operations()
        tensors = [
            output.name for operation in operations for output in operation.outputs
        ]
        operations = [operation.name for operation in operations]
        received = []
        for argument, name in missing:
            known = operations if argument == "train" else tensors
            received.append(f"{argument}={name!r} (nearest: {_nearest(name, known)})")
        raise refusal(
            "names must be of tensors, train of an op, in the graph",
            ", ".join(received),
            "Use names of the .meta; if none is near, it is of another program",
        )
    return found


def _nearest(name, known):
    nearest = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    return ", ".join(nearest) or "none"


def _updates(train, variables):
    """[(op, its variable's name)] of what changes variables in a run of ``train``."""
    start = getattr(train, "op", train)
    seen, waiting = {start}, [start]
    while waiting:
        operation = waiting.pop()
        before = [tensor.op for tensor in operation.inputs] + operation.control_inputs
        for each in before:
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    initialisers = {variable.initializer for variable in variables.values()}
    found = []
    for operation in seen - initialisers:
        if operation.inputs and (
            APPLY.match(operation.type) or ASSIGN.match(operation.type)
        ):
            name = _variable_of(operation.inputs[0])
            if name in variables:
                found.append((operation, name))
    return sorted(found, key=lambda update: update[0].name)


def _variable_of(tensor):
    """Name of the variable that a tensor is, refers to or was read from; or None."""
    operation = tensor.op
    while operation.type not in VARIABLES:
        if operation.type not in (
            "Identity",
            "ReadVariableOp",
            "Enter",
            "RefEnter",
            "Switch",
            "RefSwitch",
            "Cast",
        ):
            return None
        operation = operation.inputs[0].op
    return operation.name


def _gradients_and_slots(updates, variables, named_gradients, found, train):
    """({variable name: gradient}, names of slots and powers)."""
    unknown = sorted(set(named_gradients) - set(variables))
    if unknown:
        raise refusal(
            "gradients must be named after variables of the program",
            ", ".join(
                f"{name!r} (nearest: {_nearest(name, list(variables))})"
                for name in unknown
            ),
            "Use names of tf.global_variables()",
        )
    pairs, slots, twice = {}, set(), []
    for operation, name in updates:
        if not APPLY.match(operation.type):
            continue
        inputs = {
            argument.name: tensor
            for argument, tensor in zip(operation.op_def.input_arg, operation.inputs)
        }
        for argument in operation.op_def.input_arg[1:]:
            # Slots are passed to be changed, all else to be read.
            passed_to_change = argument.is_ref or argument.type == tf.resource
            if passed_to_change or argument.name in POWER_INPUTS:
                slots.add(_variable_of(inputs[argument.name]))
        gradient = next(
            inputs[argument] for argument in GRADIENT_INPUTS if argument in inputs
        )
        if "indices" in inputs:
            gradient = tf.IndexedSlices(gradient, inputs["indices"])
        if name in pairs:
            twice.append(name)
        pairs[name] = gradient
    pairs.update((name, found.get(f"gradients[{name!r}]")) for name in named_gradients)
    for name in named_gradients:
        # Slots of an update without a fused op are told by their names.
        slots.update(
            other
            for _, other in updates
            if other.startswith(name + "/") and other not in pairs
        )
    trained = {variable.op.name for variable in tf.trainable_variables()}
    changed = {name for _, name in updates}
    unclear = sorted(
        set(twice) - set(named_gradients) | (trained & changed) - set(pairs)
    )
    if unclear:
        raise refusal(
            "train must update each variable by one Apply op",
            ", ".join(
                "{} (by {})".format(
                    name, ", ".join(each.name for each, of in updates if of == name)
                )
                for name in unclear
            ),
            "Name their gradients: "
            f"gradients={{{unclear[0]!r}: name of a tensor, or None}}",
        )
    if not pairs:
        elsewhere = sorted(
            operation.name
            for operation in found["loss"].graph.get_operations()
            if APPLY.match(operation.type)
        )
        raise refusal(
            "train must lead to the ops that update variables by their gradients",
            f"{train!r}, which leads to none",
            "Use the name of what minimize or apply_gradients returned. The graph "
            "updates by {}".format(", ".join(elsewhere[:3]) or "no Apply op at all"),
        )
    return pairs, slots


def _restored(graph, variables, checkpoint):
    """The variables again, each with an initialiser that reads the checkpoint."""
    try:
        checkpoint = os.fspath(checkpoint)
        reader = tf.train.load_checkpoint(checkpoint)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise refusal(
            "checkpoint must be the prefix of a checkpoint",
            "{} ({})".format(checkpoint, str(error).strip().rstrip(".")),
            "Use the path without .index, such as model.ckpt-100",
        ) from None
    shapes = reader.get_variable_to_shape_map()
    dtypes = reader.get_variable_to_dtype_map()
    problems = []
    for name, variable in variables.items():
        wanted = variable.get_shape().as_list(), variable.dtype.base_dtype
        if name not in shapes:
            problems.append(
                f"{name} is missing (nearest: {_nearest(name, list(shapes))})"
            )
        elif (list(shapes[name]), dtypes[name]) != wanted:
            problems.append(
                f"{name} is {dtypes[name].name} {list(shapes[name])}, not {wanted[1].name} {wanted[0]}"
            )
    if problems:
        raise refusal(
            "checkpoint must hold every variable of the graph, shaped alike",
            "{}: {}".format(checkpoint, ", ".join(problems)),
            "Use a checkpoint of the same program",
        )
    values = tf.raw_ops.RestoreV2(
        prefix=tf.constant(checkpoint),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        dtypes=[variable.dtype.base_dtype for variable in variables.values()],
    )
    restored = collections.OrderedDict()
    for (name, variable), value in zip(variables.items(), values):
        value.set_shape(variable.get_shape())
        assign = variable.assign(value, read_value=False)
        described = variable.to_proto()
        described.initializer_name = assign.name
        restored[name] = type(variable).from_proto(described)
    collection = graph.get_collection_ref(tf.GraphKeys.GLOBAL_VARIABLES)
    collection[:] = list(restored.values())
    return restored


def _feed(argument, feed, found):
    return {
        found[f"{argument}[{name!r}]"]: value for name, value in (feed or {}).items()
    }
