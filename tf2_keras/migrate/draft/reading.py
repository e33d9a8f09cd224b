"""A TF1 graph as something to ask questions of.

What only hands a value on is looked through: identities, the way into a loop, and
conditions whose outcome the training feed decides, so that ``tf.cond(is_training)`` of an
old batch norm or dropout is not there at all.
"""

import collections
import functools

import numpy as np
import tensorflow as tf

from tf2_keras.migrate.draft.errors import Undraftable, refusal, refused_op

v1 = tf.compat.v1
VARIABLES = ("VariableV2", "Variable", "VarHandleOp")
HANDED_ON = (
    "Identity",
    "CheckNumerics",
    "PreventGradient",
    "Enter",
    "RefEnter",
    "RefIdentity",
    "Snapshot",
    "EnsureShape",
)
SWITCHES, MERGES = ("Switch", "RefSwitch"), ("Merge", "RefMerge")
# Ops that one name stands for in rules; the newer has the same arithmetic.
SAME_KIND = {
    "AddV2": "Add",
    "SelectV2": "Select",
    "BatchMatMulV2": "BatchMatMul",
    "FusedBatchNorm": "FusedBatchNormV3",
    "FusedBatchNormV2": "FusedBatchNormV3",
    "Gather": "GatherV2",
    "ResourceGather": "GatherV2",
    "Inv": "Reciprocal",
    "Div": "RealDiv",
}
# Whose computation is in no graph, or leads out of it.
OUTSIDE = {
    "PyFunc": "its Python is in no graph",
    "PyFuncStateless": "its Python is in no graph",
    "EagerPyFunc": "its Python is in no graph",
}
OVERRIDE = "_gradient_op_type"
MOST_NODES = 60_000
MOST_VALUES = 2**20  # of a constant that ops make of others


class Reader:
    """Answers about a graph whose training run feeds some tensors with fixed values.

    Args:
        graph: a ``tf.Graph``.
        inputs: {name in a batch: tensor}.
        feed: {tensor: value} of the training run.
    """

    def __init__(self, graph, inputs, feed):
        self.graph = graph
        self.inputs = {tensor.name: name for name, tensor in inputs.items()}
        self.feed = {tensor.name: value for tensor, value in feed.items()}
        self.operations = graph.get_operations()
        if len(self.operations) > MOST_NODES:
            raise refusal(
                f"A graph must have at most {MOST_NODES:,} ops to be drafted",
                f"{len(self.operations):,}",
                "Draft a part of it, by other outputs",
            )
        self.position = {op.name: place for place, op in enumerate(self.operations)}
        with graph.as_default():
            self.variables = collections.OrderedDict(
                (variable.op.name, variable) for variable in v1.global_variables()
            )
            self.trainable = [variable.op.name for variable in v1.trainable_variables()]
        self._alive, self._pure, self._values, self._needs = {}, {}, {}, {}

    # Looking through what hands a value on.

    def predicate(self, tensor):
        """The fixed truth of a bool, or None."""
        if tensor.name in self.feed:
            return bool(self.feed[tensor.name])
        operation = tensor.op
        if operation.type in (*HANDED_ON, *SWITCHES, "PlaceholderWithDefault"):
            return self.predicate(operation.inputs[0])
        if operation.type == "LogicalNot":
            opposite = self.predicate(operation.inputs[0])
            return None if opposite is None else not opposite
        value = tf.get_static_value(tensor)
        return None if value is None else bool(value)

    def is_loop(self, operation):
        """Whether a Merge is the begin of a loop's turn."""
        return operation.type in MERGES and any(
            tensor.op.type in ("NextIteration", "RefNextIteration")
            for tensor in operation.inputs
        )

    def alive(self, tensor):
        """Whether the training run computes a tensor at all."""
        waiting = [tensor]
        while waiting:
            current = waiting[-1]
            if self._alive.get(current.name) is not None:
                waiting.pop()
                continue
            operation = current.op
            before = [
                *operation.inputs,
                *(
                    control.outputs[0]
                    for control in operation.control_inputs
                    if control.outputs and control.type in (*SWITCHES, "Identity")
                ),
            ]
            unknown = [
                given
                for given in before
                if given.name not in self._alive
                and given.op.type not in ("NextIteration", "RefNextIteration")
            ]
            if unknown and current.name not in self._alive:
                self._alive[current.name] = None  # being looked at
                waiting += unknown
                continue
            answers = [self._alive.get(given.name) is not False for given in before]
            if operation.type in SWITCHES:
                truth = self.predicate(operation.inputs[1])
                taken = truth is None or truth == (current.value_index == 1)
                self._alive[current.name] = answers[0] and taken
            elif operation.type in MERGES:
                self._alive[current.name] = any(answers)
            else:
                self._alive[current.name] = all(answers)
            waiting.pop()
        return self._alive[tensor.name]

    def source(self, tensor):
        """The tensor whose value this is, before all that only hands it on."""
        while tensor.name not in self.inputs and tensor.name not in self.feed:
            operation = tensor.op
            if operation.get_attr(OVERRIDE) if _has(operation, OVERRIDE) else None:
                raise refused_op(
                    operation, "its gradient is overridden, by Python of no graph"
                )
            if operation.type in HANDED_ON or (
                operation.type in SWITCHES
                and self.predicate(operation.inputs[1]) is not None
            ):
                tensor = operation.inputs[0]
            elif operation.type in MERGES and not self.is_loop(operation):
                alive = [given for given in operation.inputs if self.alive(given)]
                if len(alive) != 1:
                    return tensor
                tensor = alive[0]
            else:
                return tensor
        return tensor

    def kind(self, tensor):
        """The type of the op behind a tensor, by its one name in rules."""
        operation = self.source(tensor).op
        return SAME_KIND.get(operation.type, operation.type)

    def given(self, tensor):
        """The sources of the inputs of a tensor's op."""
        return [self.source(given) for given in self.source(tensor).op.inputs]

    # What a tensor is.

    def variable(self, tensor):
        """The name of the variable that a tensor is the value of, or None."""
        operation = self.source(tensor).op
        if operation.type == "ReadVariableOp":
            operation = self.source(operation.inputs[0]).op
        return operation.name if operation.type in VARIABLES else None

    def shape_of(self, variable):
        return self.variables[variable].shape.as_list()

    def constant(self, tensor):
        """The array that a tensor always is, in its own dtype; None if it depends."""
        source = self.source(tensor)
        if source.name in self.feed or source.name in self.inputs:
            return None
        if source.name not in self._values:
            value = tf.get_static_value(source)
            if value is None and self._is_pure(source):
                value = self._evaluated(source)
            self._values[source.name] = None if value is None else np.asarray(value)
        return self._values[source.name]

    def number(self, tensor):
        """The one number that a tensor always is, or None."""
        value = self.constant(tensor)
        return value[()] if value is not None and value.ndim == 0 else None

    def _is_pure(self, tensor):
        """Whether constants and ops without a memory make all of it."""
        waiting = [tensor]
        while waiting:
            current = waiting[-1]
            if self._pure.get(current.name) is not None:
                waiting.pop()
                continue
            operation = current.op
            if operation.type == "Const" or _rank(operation) is not None:
                self._pure[current.name] = True
                continue
            if (
                not operation.inputs
                or operation.op_def.is_stateful
                or operation.type in (*MERGES, *SWITCHES, "Shape", "Size", "ShapeN")
                or "TensorArray" in operation.type
                or current.name in self.inputs
                or current.name in self.feed
            ):
                # Shapes of constants were found statically already.
                self._pure[current.name] = False
                continue
            before = [self.source(given) for given in operation.inputs]
            unknown = [given for given in before if given.name not in self._pure]
            if unknown and current.name not in self._pure:
                self._pure[current.name] = None
                waiting += unknown
                continue
            self._pure[current.name] = all(
                self._pure.get(given.name) is True for given in before
            )
            waiting.pop()
        return self._pure[tensor.name]

    def _evaluated(self, tensor):
        size = tensor.shape.num_elements()
        if size is None or size > MOST_VALUES:
            return None
        return self.computed(tensor, {})

    def computed(self, tensor, fed):
        """The value of a tensor that needs no variable but what is fed.

        It is computed of a copy of its ops, which waits for no others.

        Args:
            fed: {name of a tensor: value}.
        """
        copied = v1.GraphDef()
        copied.library.CopyFrom(self._library())
        waiting, known = [tensor], set()
        while waiting:
            operation = waiting.pop().op
            if operation.name in known:
                continue
            known.add(operation.name)
            node = copied.node.add()
            if operation.outputs and operation.outputs[0].name in fed:
                node.name, node.op = operation.name, "Placeholder"
                dtype = operation.outputs[0].dtype.base_dtype
                node.attr["dtype"].type = dtype.as_datatype_enum
                continue
            rank = _rank(operation)
            if rank is not None:
                node.name, node.op = operation.name, "Const"
                value = tf.make_tensor_proto(rank)
                node.attr["value"].tensor.CopyFrom(value)
                node.attr["dtype"].type = value.dtype
                continue
            node.CopyFrom(operation.node_def)
            node.device = ""
            node.attr.pop("_class", None)
            before = [
                given if given.name in fed else self.source(given)
                for given in operation.inputs
            ]
            # Branches are told apart by what they wait for, if nothing else does.
            pivots = [op for op in operation.control_inputs if self._decides(op)]
            del node.input[:]
            node.input.extend(given.name for given in before)
            node.input.extend(f"^{pivot.name}" for pivot in pivots)
            waiting += [*before, *(pivot.outputs[0] for pivot in pivots)]
        graph = tf.Graph()
        try:
            with graph.as_default():
                tf.import_graph_def(copied, name="")
                with v1.Session(graph=graph) as session:
                    feed = {
                        name: value
                        for name, value in fed.items()
                        if name.partition(":")[0] in known
                    }
                    return session.run(tensor.name, feed)
        except (tf.errors.OpError, ValueError) as error:
            said = " ".join(str(error).split())[:200]
            raise Undraftable(
                f"A graph's numbers must be computable. Received: {said}. "
                "Export it again."
            ) from None

    def _decides(self, operation):
        """Whether an op says which branch of a condition runs, and no feed decides it."""
        switch = operation
        if operation.type == "Identity":
            switch = operation.inputs[0].op
        if switch.type not in SWITCHES:
            return False
        value, condition = switch.inputs
        is_pivot = value.name == condition.name  # a loop's have another value
        return is_pivot and self.predicate(condition) is None

    @functools.cache  # noqa: B019 - a reader lives as long as a draft is made
    def _library(self):
        return self.graph.as_graph_def().library

    def first_value(self, variable):
        """The tensor that a variable starts at, or None."""
        assign = self.variables[variable].initializer
        return self.source(assign.inputs[1]) if len(assign.inputs) > 1 else None

    # Who needs what.

    def needs(self, tensor):
        """{'inputs': names in a batch, 'variables': names, 'draws': ops} behind a tensor."""
        return self._needed(self.source(tensor).name)

    def _needed(self, name):
        if not self._needs:
            self._find_needs()
        return self._needs[name]

    def _find_needs(self):
        nothing = frozenset()
        for _ in range(2):  # twice, for what goes round in loops
            for operation in self.operations:
                told = nothing
                if operation.type in VARIABLES:
                    told = frozenset([("variable", operation.name)])
                elif operation.op_def is not None and operation.op_def.is_stateful:
                    told = frozenset([("draw", operation.name)])
                for given in operation.inputs:
                    told = told | self._needs.get(self.source(given).name, nothing)
                for output in operation.outputs:
                    mine = told
                    if output.name in self.inputs:
                        mine = frozenset([("input", self.inputs[output.name])])
                    elif output.name in self.feed:
                        mine = nothing
                    self._needs[output.name] = mine

    def needs_input(self, tensor, names):
        """Whether a tensor depends on one of these inputs."""
        return any(("input", name) in self.needs(tensor) for name in names)

    def needs_kind(self, tensor, kind):
        """Whether it depends on an 'input', a 'variable' or a 'draw'."""
        return any(known == kind for known, _ in self.needs(tensor))

    def ancestors(self, operations):
        """All ops that a run of some has to run before, with them."""
        known, waiting = set(operations), list(operations)
        while waiting:
            operation = waiting.pop()
            if self._is_fed(operation):
                continue
            for earlier in (
                *(tensor.op for tensor in operation.inputs),
                *operation.control_inputs,
            ):
                if earlier not in known:
                    known.add(earlier)
                    waiting.append(earlier)
        return known

    def _is_fed(self, operation):
        """Whether a batch has all that an op yields, such as an iterator's."""
        taken = [output for output in operation.outputs if output.consumers()]
        return bool(taken) and all(output.name in self.inputs for output in taken)


def _rank(operation):
    """What a Rank always gives, of a tensor whose shape was told later; or None."""
    is_rank = operation.type == "Rank"
    return tf.get_static_value(operation.outputs[0]) if is_rank else None


def _has(operation, attribute):
    return attribute in operation.node_def.attr
