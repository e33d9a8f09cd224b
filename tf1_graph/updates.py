"""What a train op does to variables, read from the graph.

Every ``Apply...`` op says which variable it updates, by which gradient and with which
slots. So a program may say ``minimize``, as most did, and its gradients and slots are
found all the same; in an exported graph there is no other way.
"""

import collections
import difflib
import re

import tensorflow.compat.v1 as tf

from tf1_graph.errors import refusal

# Fused updates of one variable by one gradient, of ref and of resource variables.
APPLY = re.compile(r"(Resource)?(Sparse)?Apply[A-Z]\w*$")
# What else changes a variable; an initialiser does too, but no train op runs it.
ASSIGN = re.compile(r"(Resource)?(Scatter|StridedSliceAssign|Assign)\w*$")
# What changes rows of a variable.
SCATTER = re.compile(r"(Resource)?Scatter(Add|Sub)$")
POWER = re.compile(r"(^|/)beta[12]_power(_\d+)?$")  # as Adam names them
GRADIENT_INPUTS = ("grad", "delta")
# Inputs of a fused update that are values of variables which the optimizer made.
POWER_INPUTS = ("beta1_power", "beta2_power")
VARIABLES = ("VariableV2", "Variable", "VarHandleOp")
# Ops between a variable and those who read it.
READS = (
    "Identity",
    "ReadVariableOp",
    "Enter",
    "RefEnter",
    "Switch",
    "RefSwitch",
    "Cast",
)


def ancestors(operations):
    """The set of ``operations`` and all ops that run before them."""
    known, waiting = set(operations), list(operations)
    while waiting:
        operation = waiting.pop()
        before = [tensor.op for tensor in operation.inputs] + operation.control_inputs
        for earlier in before:
            if earlier not in known:
                known.add(earlier)
                waiting.append(earlier)
    return known


def operations_of(fetches):
    """The ops of what a Session would be asked to run: ops, tensors, or several."""
    if not isinstance(fetches, (list, tuple)):
        fetches = [fetches]
    return [getattr(fetch, "op", fetch) for fetch in fetches]


def variable_of(tensor):
    """Name of the variable that a tensor is, refers to or was read from; or None."""
    operation = tensor.op
    while operation.type not in VARIABLES:
        if operation.type not in READS:
            return None
        operation = operation.inputs[0].op
    return operation.name


def changes(train, variables):
    """[(op, its variable's name)] of what changes variables in a run of ``train``.

    Args:
        train: an op, a tensor, or several.
        variables: {TF1 name: variable}.
    """
    initialisers = {variable.initializer for variable in variables.values()}
    changing = []
    for operation in ancestors(operations_of(train)) - initialisers:
        if operation.inputs and (
            APPLY.match(operation.type) or ASSIGN.match(operation.type)
        ):
            name = variable_of(operation.inputs[0])
            if name in variables:
                changing.append((operation, name))
    return sorted(changing, key=lambda change: change[0].name)


def gradients_and_slots(graph, train, named=None):
    """({variable name: gradient}, {names of slots and beta powers}) of a train op.

    Gradients come in the order in which backpropagation reaches them: the last
    variable's first. That of the rows of an embedding is a ``tf.IndexedSlices`` as
    ``compute_gradients`` gives it, before duplicate rows are summed.

    Args:
        graph: a ``tf.Graph``.
        train: an op, a tensor, or several.
        named: {variable name: its gradient, or None for no record of it}, for variables
            that ``train`` updates by ops of its own, or whose gradient is to be another
            tensor. Those of rows that gradient descent and Adam scatter are found.

    Raises:
        ValueError: for names that are not those of variables; if ``train`` updates a
            trainable variable otherwise than by one ``Apply...`` op and no gradient is
            named for it; if it updates none at all.
    """
    named = named or {}
    with graph.as_default():
        variables = collections.OrderedDict(
            (variable.op.name, variable) for variable in tf.global_variables()
        )
        trainable = {variable.op.name for variable in tf.trainable_variables()}
    unknown = sorted(set(named) - set(variables))
    if unknown:
        raise refusal(
            "gradients must be named after variables of the program",
            ", ".join(
                f"{name!r} (nearest: {nearest(name, list(variables))})"
                for name in unknown
            ),
            "Use names of tf.global_variables()",
        )
    changing = changes(train, variables)
    gradients, slots, twice = {}, set(), []
    for operation, name in changing:
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
                slots.add(variable_of(inputs[argument.name]))
        if name in gradients:
            twice.append(name)
        gradients[name] = _gradient(inputs)
    rows = {
        name: _gradient_of_rows(name, changing)
        for name in trainable - set(gradients) - set(named) - slots
    }
    rows = {name: gradient for name, gradient in rows.items() if gradient is not None}
    gradients.update(rows)
    gradients.update(named)
    for name in (*named, *rows):
        # Slots of an update without a fused op are told by their names.
        slots.update(
            other
            for _, other in changing
            if other.startswith(name + "/") and other not in gradients
        )
        slots |= _powers(name, changing)
    changed = {name for _, name in changing}
    unclear = sorted(
        set(twice) - set(named) | (trainable & changed) - set(gradients) - slots
    )
    if unclear:
        raise refusal(
            "train must update each variable by one Apply op",
            ", ".join(
                "{} (by {})".format(
                    name,
                    ", ".join(
                        operation.name
                        for operation, changed_name in changing
                        if changed_name == name
                    ),
                )
                for name in unclear
            ),
            f"Name their gradients in the move: 'gradients': {{{unclear[0]!r}: a tensor, "
            "or None for no record of it}; what compute_gradients returned will do",
        )
    if not gradients:
        elsewhere = sorted(
            operation.name
            for operation in graph.get_operations()
            if APPLY.match(operation.type)
        )
        raise refusal(
            "train must lead to the ops that update variables by their gradients",
            f"{[operation.name for operation in operations_of(train)]!r}, which leads to none",
            "Use what minimize or apply_gradients returned, or a move that does not "
            "train. The graph updates by {}".format(
                ", ".join(elsewhere[:3]) or "no Apply op at all"
            ),
        )
    return (
        collections.OrderedDict(
            (name, gradients[name])
            for name in reversed(list(variables))
            if gradients.get(name) is not None
        ),
        slots - {None},
    )


def _gradient(inputs):
    """The gradient of a fused update, from its inputs by name."""
    gradient = next(inputs[name] for name in GRADIENT_INPUTS if name in inputs)
    if "indices" not in inputs:
        return gradient
    return _rows(gradient, inputs["indices"])


def _rows(gradient, indices):
    """A ``tf.IndexedSlices`` of rows as they were before duplicates were summed."""
    summed, unique = gradient.op, indices.op
    if (
        summed.type == "UnsortedSegmentSum"
        and unique.type == "Unique"
        and summed.inputs[1].op is unique
    ):
        gradient, indices = summed.inputs[0], unique.inputs[0]
    return tf.IndexedSlices(gradient, indices)


def _gradient_of_rows(name, changing):
    """The ``tf.IndexedSlices`` by which ops without a gradient's input update rows; or None.

    Gradient descent scatters into the variable itself, ``rate * gradient`` that is taken
    away or ``-gradient * rate`` that is added; Adam into its two slots, of which the second
    takes the square of what the first takes.
    """
    scattered = collections.defaultdict(list)  # {variable: [(op, indices, updates)]}
    for operation, changed in changing:
        kind = SCATTER.match(operation.type)
        if kind and (changed == name or changed.startswith(name + "/")):
            scattered[changed].append((kind.group(2), *operation.inputs[1:3]))
    if any(len(listed) != 1 for listed in scattered.values()):
        return None
    kind, indices, scaled = scattered.pop(name, [(None, None, None)])[0]
    gradient, rate = _factors(scaled)
    if not scattered and rate is not None and rate.shape.rank == 0:
        if kind == "Sub":
            return _rows(gradient, indices)
        if kind == "Add" and gradient.op.type == "Neg":
            return _rows(gradient.op.inputs[0], indices)
    slots = [listed[0] for listed in scattered.values()]
    if kind is not None or [kind for kind, _, _ in slots] != ["Add", "Add"]:
        return None
    for (_, indices, first), (_, others, second) in (slots, slots[::-1]):
        (gradient, _), (square, _) = _factors(first), _factors(second)
        squared = _factors(square)
        if _are_one(indices, others) and all(_are_one(gradient, t) for t in squared):
            return _rows(gradient, indices)
    return None


def _factors(tensor):
    """The two factors of a product; two Nones of what is no product."""
    is_product = tensor is not None and tensor.op.type == "Mul"
    return tuple(tensor.op.inputs) if is_product else (None, None)


def _are_one(tensor, other):
    """Whether two tensors are the same output; ``==`` would compare their values."""
    if tensor is None or other is None:
        return False
    return (tensor.op, tensor.value_index) == (other.op, other.value_index)


def _powers(name, changing):
    """Names of the beta powers that the update of a variable reads and the move changes."""
    known = ancestors([op for op, changed in changing if changed == name])
    read = {operation.name for operation in known if operation.type in VARIABLES}
    return {other for _, other in changing if other in read and POWER.search(other)}


def nearest(name, known):
    """The known names nearest to one, as text."""
    close = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    return ", ".join(close) or "none"
