"""What rules are given: the graph, who uses what, and what they explain."""

import collections

from tf2_keras.migrate.draft.initializers import Initializers
from tf2_keras.migrate.draft.statements import Call, Literal, Statement


class Context:
    """One drafting's knowledge.

    Attributes:
        reader: a ``Reader``.
        initializers: an ``Initializers``.
        updates: [(op, variable's name)] that the train op runs.
        trained: names of the variables that the optimizer updates.
        uses: {tensor's name: how many ops of the model take it as data}.
        explained: {name of an update op: the output of the layer that stands for it}.
        reasons: {scope of a loop: why no rule took it}.
    """

    def __init__(self, reader, updates, outputs, trained):
        self.reader = reader
        self.initializers = Initializers(reader)
        self.updates = updates
        self.trained = {*trained}
        self.explained = {}
        self.reasons = {}
        self._batch_norms = None
        self.uses = self._uses(outputs)

    def _uses(self, outputs):
        uses, seen = collections.Counter(), set()
        waiting = [self.reader.source(output) for output in outputs]
        while waiting:
            tensor = waiting.pop()
            if tensor.name in seen or tensor.name in self.reader.inputs:
                continue
            seen.add(tensor.name)
            for given in self.reader.given(tensor):
                if tensor.op.type not in ("Shape", "Size", "Rank"):
                    uses[given.name] += 1
                waiting.append(given)
        return uses

    def batch_norms(self):
        """All fused batch norms of the graph."""
        if self._batch_norms is None:
            self._batch_norms = [
                operation
                for operation in self.reader.operations
                if operation.type.startswith("FusedBatchNorm")
                and "Grad" not in operation.type
            ]
        return self._batch_norms

    def is_used_once(self, tensor):
        return self.uses[self.reader.source(tensor).name] == 1

    def is_value(self, tensor):
        """Whether a tensor is neither a variable nor a constant."""
        return (
            self.reader.variable(tensor) is None
            and self.reader.constant(tensor) is None
        )

    def initializer(self, variable, keyword, usual=None):
        """((keyword, initialiser),), or () where it is the layer's own default."""
        call = self.initializers.of(variable)
        if usual is not None and call == Literal(repr(usual)):
            return ()
        return ((keyword, call),)

    def statement(self, tensor, function, arguments, inputs, base=None, weights=None):
        """The call of a layer; one with weights, or a memory, gets a name."""
        arguments = (*arguments, *self.frozen(weights or {}), *dtype_argument(tensor))
        if base is not None:
            arguments += (("name", Literal("", "name")),)
        return Statement(
            [tensor.name],
            Call(function, arguments),
            [self.reader.source(given).name for given in inputs],
            self.reader.position[tensor.op.name],
            base,
            weights or {},
        )

    def frozen(self, weights):
        """The argument of a layer with weights that no update trains; () otherwise."""
        learned = {
            variable
            for attribute, variable in weights.items()
            if not attribute.startswith("moving")
        }
        is_frozen = learned and not learned & self.trained
        return (("trainable", Literal("False")),) if is_frozen else ()

    def operator(self, tensor, template, inputs):
        """An expression of tensors."""
        return Statement(
            [tensor.name],
            None,
            [self.reader.source(given).name for given in inputs],
            self.reader.position[tensor.op.name],
            template=template,
            kind="operator",
        )


def dtype_argument(tensor):
    """The argument of a layer that computes in another dtype than Keras's; or ()."""
    dtype = tensor.dtype.base_dtype
    if not dtype.is_floating or dtype.name == "float32":
        return ()
    return (("dtype", Literal(repr(dtype.name))),)


def scope_of(variable, fallback):
    """A layer's name after a variable: its scope, with dots; else the fallback."""
    scope = variable.rpartition("/")[0] if variable else ""
    return scope.replace("/", ".") or f"{fallback}#"
