"""Where two sides part: the first tensor that is apart, all before it being equal.

Both sides run the move that parted from TF1's state before it, with every tensor tapped:
TF1's between its inputs and what the move sees, the twin's at each layer and, where the
layers are right, at each op. Backwards the same is done with the gradients of those
tensors. What stands in the graph, to the bit, is right, and so is what leads to it. The
first tap that is not, all of whose predecessors are, is the place; the tensor nearest to
it in the graph is its counterpart.
"""

import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from parity_tests.engine.comparison import DENSE, SPARSE
from parity_tests.pair import tapping, translated
from parity_tests.pair.tracebacks import line_of
from tf1_graph import updates

ACTIVATIONS = (
    "Relu",
    "Relu6",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Tanh",
    "Sigmoid",
    "Softmax",
)
ACTIVATIONS += ("Softplus", "Softsign")
# Layers that do nothing else: where such a one is apart it is another activation.
ACTIVATION_LAYERS = ("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax")
# Up to here two arrays are the same but for a fusion that tapping undoes, in ULPs of the
# largest magnitude; where the sides part by no more than that, only equal bits count.
ROUNDED = 64.0
MOST_SUSPECTS = 3
# What tf.gradients names its ops: such a gradient goes into the update as it is.
AS_IT_IS = re.compile(r"(^|/)gradients(_\d+)?/(?!.*clip_by)")
# Where a divergence lies that no layer has.
LOSS, AFTER, OPTIMIZER = "loss", "gradients", "optimizer"
# The same in a twin of callables, which has no layers.
OP, BACKWARD, VARIABLE = "op", "backward", "variable"
# Where nothing is apart as soon as every tensor is fetched.
REWRITTEN = "rewrites"
REWRITES = (
    "Grappler gathers sums, products and constants of what nobody looks at; turn its "
    "rewrites off one by one with tf.config.optimizer.set_experimental_options"
)


class Place(NamedTuple):
    """Where two sides part.

    layer, kind: the twin's layer and its class; an op of the twin's and its type where
    all layers are right; or "loss", "gradients" (between backpropagation and update),
    "optimizer", and what is known of it. In a twin of callables "op", "backward" (the
    gradients, of which nothing is tapped), "optimizer" or "variable".
    op, op_type: TF1's, or None.
    distance: norm-wise, in ULPs; None where no number says it.
    tf1_line, tf2_line: of the user's code, "file:line", or None.
    direction: "forward" or "backward".
    """

    layer: str
    kind: str
    op: str | None
    op_type: str | None
    distance: float | None
    tf1_line: str | None
    tf2_line: str | None
    direction: str = "forward"

    def describe(self):
        """Lines of text."""
        by = (
            ""
            if self.distance is None
            else f", off by {self.distance:.3g} ULP norm-wise"
        )
        at_tf2 = f" ({self.tf2_line})" if self.tf2_line else ""
        if self.layer in SAID:
            lines = [f"{SAID[self.layer]}: {self.kind}{at_tf2}{by}"]
        else:
            way = "" if self.direction == "forward" else "backwards, "
            lines = [f"{way}first apart in layer {self.layer}, {self.kind}{at_tf2}{by}"]
        if self.op is not None:
            at_tf1 = f" ({self.tf1_line})" if self.tf1_line else ""
            lines.append(f"  TF1 has {self.op_type} {self.op}{at_tf1}")
        return "\n".join(lines)

    def as_data(self):
        return self._asdict()


SAID = {
    LOSS: "all layers are equal, the loss is not",
    AFTER: "backpropagation is equal, what is made of the gradients is not",
    REWRITTEN: "all is equal when it is tapped, and rounds otherwise when it is not",
    OPTIMIZER: "gradients are equal, the update is not",
    OP: "first apart in an op",
    BACKWARD: "all ops up to the loss are equal, a gradient is not",
    VARIABLE: "a variable begins with other values",
}


# {problem: what to do about it} of gradients that both sides have, in another form.
FORMS = {
    SPARSE: "TF1 keeps the rows of a table, tf.IndexedSlices; let nothing make them dense "
    "in the twin: look the rows up in the variable itself, keras.layers.Embedding or "
    "tf.gather, and clip without tf.convert_to_tensor",
    DENSE: "TF1 made a dense tensor of the rows; do so before the twin's update, "
    "tf.convert_to_tensor(gradient)",
}


class Suspect(NamedTuple):
    """A tap that is apart: by how much, and how much further than what it took."""

    layer: str
    kind: str
    distance: float
    growth: float

    def describe(self):
        more = f"{self.growth:.3g} times as far as what it is computed from"
        return (
            f"{self.layer} ({self.kind}), off by {self.distance:.3g} ULP norm-wise"
            + (f", {more}" if self.growth < self.distance else "")
        )

    def as_data(self):
        return self._asdict()


class Tapped(NamedTuple):
    """place: a ``Place`` or None. suspects: [Suspect], the worst growth first.
    notes: sentences."""

    place: object
    suspects: list
    notes: list


def tapped(sides, move, values, divergence):
    """``Tapped``: where a move parts.

    Args:
        sides: ``probes.Sides``.
        move: (name, batch).
        values: {TF1 name: array}, TF1's state before it.
        divergence: the engine's, of this move, at a stage that the move sees.
    """
    name, batch = move
    is_backward = divergence.stage == "gradients"
    network = _Network(sides, name, batch, values, divergence, is_backward)
    found = network.apart(network.layers, forward=True)
    if sides.model is None:
        return network.of_callables(divergence.tensor if is_backward else None)
    if found is None and is_backward:
        found = network.apart(network.layers, forward=False)
        suspects = network.suspects(network.layers, forward=False)
        found = found or network.of_parameter(divergence)
        found = found or Place(
            AFTER, _of_gradient(divergence), *network.of_gradient(divergence.tensor)
        )
        return Tapped(found, suspects, network.notes)
    suspects = network.suspects(network.layers, forward=True)
    if found is None:
        operations = network.operations()
        inner = network.apart(operations, forward=True)
        suspects = network.suspects(operations, forward=True)
        kind = "what is computed from the outputs"
        if inner is not None:
            kind = f"first apart in op {inner.layer}, {inner.kind}"
            found = inner._replace(layer=LOSS, kind=kind)
        else:
            is_rounding = divergence.normwise is not None
            is_rounding = is_rounding and divergence.normwise <= ROUNDED
            where, kind = (REWRITTEN, REWRITES) if is_rounding else (LOSS, kind)
            found = Place(where, kind, None, None, None, None, None)
    return Tapped(found, suspects, network.notes)


def _of_gradient(divergence):
    """What is known of a gradient that is apart where backpropagation is equal."""
    return FORMS.get(divergence.problem, f"the gradient of {divergence.tensor}")


class _Network:
    """One run of a move on both sides, tapped."""

    def __init__(self, sides, name, batch, values, divergence, backward):
        self.sides, self.name, self.batch, self.values = sides, name, batch, values
        self.notes = []
        normwise = divergence.normwise
        self.before = tapping.moves_before(sides.program, sides.moves, divergence.step)
        is_far = normwise is None or normwise > 16 * ROUNDED
        self.tolerance = ROUNDED if is_far else 0.0
        self.tensors = tapping.of_graph(sides.program, name)
        self.backward_tensors = (
            tapping.backward_of_graph(sides.program, name) if backward else []
        )
        self._fetch()
        self._start()
        self.layers, self.of_variables, self.untouched = [], {}, set()
        if sides.model is not None:
            tapped_model = tapping.of_model(sides.model, sides.twin, name, batch)
            self.layers, self.of_variables, self.untouched = tapped_model
        sides.twin.reset()

    def _start(self):
        translation = translated.Translation(self.sides.matches)
        twin, start = self.sides.twin, self.sides.start
        values, start = (
            translation.values(given, twin.state) for given in (self.values, start)
        )
        tapping.reset(twin, values, self.before, start)

    def _fetch(self):
        """Runs TF1's side, with fewer taps where memory is out."""
        total = len(self.tensors) + len(self.backward_tensors)
        while True:
            wanted = [*self.tensors, *self.backward_tensors]
            try:
                arrays = tapping.graph_arrays(
                    self.sides.program,
                    *(self.name, self.batch, self.values, wanted),
                    *(self.before, self.sides.start),
                )
                break
            except (tf.errors.ResourceExhaustedError, MemoryError):
                if len(wanted) < 4:
                    raise
                self.tensors = self.tensors[1::2]
                self.backward_tensors = self.backward_tensors[1::2]
        self.arrays = arrays[: len(self.tensors)]
        self.backward_arrays = arrays[len(self.tensors) :]
        if len(wanted) < total:
            self.notes.append(
                f"Only {len(wanted)} of {total} tensors of the graph were tapped: memory "
                "was out. The place that is named may come later than the first."
            )

    def operations(self):
        self._start()
        taps = tapping.of_function(self.sides.twin, self.name, self.batch)
        self.sides.twin.reset()
        return taps

    def of_callables(self, gradient):
        """``Tapped`` of a twin of callables, by its ops; ``gradient`` is what parted."""
        operations = self.operations()
        found = self.apart(operations, forward=True)
        suspects = self.suspects(operations, forward=True)
        if found is not None:
            kind = f"{found.layer}, {found.kind}"
            found = found._replace(layer=OP, kind=kind)
        elif gradient is not None:
            of_tf1 = self.of_gradient(gradient)
            found = Place(BACKWARD, f"gradient of {gradient}", *of_tf1)
        return Tapped(found, suspects, self.notes)

    def _side(self, taps, forward):
        """(arrays of taps, their sources, TF1's tensors and arrays), in order."""
        if forward:
            return (
                [tap.output for tap in taps],
                [tap.sources for tap in taps],
                self.tensors,
                self.arrays,
            )
        # Backwards a tensor's gradient comes from those of what took it.
        after = [[] for _ in taps]
        for number, tap in enumerate(taps):
            for source in tap.sources:
                after[source].append(number)
        return (
            [tap.gradient for tap in taps],
            after,
            self.backward_tensors,
            self.backward_arrays,
        )

    def _found(self, taps, forward):
        outputs, sources, _, arrays = self._side(taps, forward)
        found = [
            (None, None) if output is None else tapping.nearest(output, arrays)
            for output in outputs
        ]
        right = [
            output is None or (distance is not None and distance <= self.tolerance)
            for output, (_, distance) in zip(outputs, found, strict=True)
        ]
        return found, right, sources

    def apart(self, taps, forward):
        """The ``Place`` of the first tap without a counterpart, or None."""
        found, right, sources = self._found(taps, forward)
        outputs, _, tensors, arrays = self._side(taps, forward)
        order = range(len(taps)) if forward else reversed(range(len(taps)))
        order = list(order)
        good = list(right)
        for number in reversed(order):
            if good[number] and tells(outputs[number]):
                for source in sources[number]:
                    good[source] = True
        for number in order:
            if good[number] or not all(good[source] for source in sources[number]):
                continue
            before = [
                tensors[found[source][0]].op
                for source in sources[number]
                if right[source] and found[source][0] is not None
            ]
            position, distance = tapping.nearest(
                outputs[number], arrays, _after(before, tensors)
            )
            if position is None:  # TF1 has nothing of this shape there
                position, distance = found[number]
            if not forward:
                operation = None if position is None else tensors[position].op
                tap = _handing_back(taps, number, sources[number])
                return _place(tap, operation, distance, "backward")
            return self._named(
                taps, number, position, distance, found, right, sources, tensors
            )
        return None

    def _named(self, taps, number, position, distance, found, right, sources, tensors):
        operation = None if position is None else tensors[position].op
        for source in sources[number] if operation else ():
            if right[source] and found[source][0] is not None:
                tensor = tensors[found[source][0]]
                missing = _missing_activation(tensor, operation)
                if missing is not None and taps[number].kind in ACTIVATION_LAYERS:
                    return _place(taps[number], missing, distance)
                if missing is not None:  # the layer before ends too early
                    return _place(taps[source], missing, None)
        activation = operation and _activation_of(tensors[position])
        if activation is not None and taps[number].activates:
            operation = activation  # where the layer of the twin ends as well
        return _place(taps[number], operation, distance)

    def suspects(self, taps, forward):
        """[Suspect] of what is apart, by how much further each is than what it took."""
        found, right, sources = self._found(taps, forward)
        listed = []
        for number, (_, distance) in enumerate(found):
            if right[number] or distance is None or not np.isfinite(distance):
                continue
            before = [
                found[source][1]
                for source in sources[number]
                if found[source][1] is not None and np.isfinite(found[source][1])
            ]
            growth = distance / max([1.0, *before])
            tap = taps[number]
            kind = f"{tap.kind}, {tap.line}" if tap.line else tap.kind
            listed.append(Suspect(tap.layer, kind, float(distance), float(growth)))
        listed.sort(key=lambda suspect: -suspect.growth)
        return listed[:MOST_SUSPECTS]

    def of_parameter(self, divergence):
        """The ``Place`` of a layer whose own variable has another gradient, although what
        comes back to the layer is right: it sums otherwise, or is read elsewhere as well.

        None where something is made of the gradient before the update, on either side.
        """
        name = divergence.tensor
        match = self.sides.matches.get(name)
        gradient = self.of_variables.get(match.sources[0]) if match else None
        if gradient is None or not match.is_plain:
            return None
        operation, op_type, _, line, _ = self.of_gradient(name)
        is_rounding = divergence.normwise is not None and divergence.normwise <= ROUNDED
        if is_rounding:
            _, distance = tapping.nearest(gradient, self.backward_arrays)
            if not distance or distance > ROUNDED:
                return None
        elif match.sources[0] in self.untouched and AS_IT_IS.search(operation or ""):
            distance = divergence.normwise or np.inf
        else:
            return None
        for layer in self.sides.model._flatten_layers(include_self=False):
            for variable in layer._trainable_variables:
                if variable.path == match.sources[0]:
                    kind = f"{type(layer).__name__}, gradient of its {variable.name}"
                    if not is_rounding:
                        kind += ", wherever it is read"
                    at = tapping.line_of_class(type(layer))
                    return Place(
                        *(layer.name, kind, operation, op_type),
                        float(distance) if np.isfinite(distance) else None,
                        *(line, at, "backward"),
                    )
        return None

    def of_gradient(self, name):
        """(op, op_type, distance, tf1_line, tf2_line) of a variable's gradient in TF1."""
        gradients = self.sides.program.moves[self.name].seen.get("gradients", {})
        base = str(name).removesuffix(" values").removesuffix(" indices")
        gradient = gradients.get(name, gradients.get(base))
        operation = getattr(getattr(gradient, "values", gradient), "op", None)
        if operation is None:
            return None, None, None, None, None
        return operation.name, operation.type, None, line_of(operation), None


def _handing_back(taps, number, consumers):
    """The ``Tap`` that stands for a derivative that is apart where all before are right:
    the layer that hands it back, if there is but one that took the output."""
    tap = taps[number]
    if not consumers:
        return tap._replace(kind=f"{tap.kind}, what the loss hands back to it")
    if len(consumers) > 1:
        names = " and ".join(taps[consumer].layer for consumer in consumers)
        return tap._replace(kind=f"{tap.kind}, what {names} hand back to it")
    consumer = taps[consumers[0]]
    return consumer._replace(kind=f"{consumer.kind}, what it hands back to {tap.layer}")


def tells(output):
    """Whether what stands in the graph, to the bit, says that what led to it does too.

    Ones, zeros, a mask or a count come out of other numbers as well.
    """
    return output is not None and bool((output != np.round(output)).any())


def _after(operations, tensors):
    """Places of the tensors that depend on all of these ops, and are not theirs."""
    if not operations:
        return list(range(len(tensors)))
    wanted, known, positions = set(operations), {}, []
    for position, tensor in enumerate(tensors):
        if tensor.op not in known:
            known[tensor.op] = tensor.op not in wanted and not (
                wanted - updates.ancestors([tensor.op])
            )
        if known[tensor.op]:
            positions.append(position)
    return positions


def _activation_of(tensor):
    """The activation that TF1 takes of a tensor, if it does nothing else with it."""
    consumers = [op for op in tensor.consumers() if "gradients" not in op.name]
    is_one = len(consumers) == 1 and consumers[0].type in ACTIVATIONS
    return consumers[0] if is_one else None


def _missing_activation(tensor, operation):
    """The activation that TF1 takes of a tensor before an op; or None."""
    activation = _activation_of(tensor)
    is_before = activation in updates.ancestors([operation]) - {operation}
    return activation if is_before else None


def _place(tap, operation, distance, direction="forward"):
    return Place(
        tap.layer,
        tap.kind,
        operation and operation.name,
        operation and operation.type,
        distance if distance is not None and np.isfinite(distance) else None,
        operation and line_of(operation),
        tap.line,
        direction,
    )


def of_layer(layer):
    """The ``Place`` of a layer that holds what differs."""
    kind = type(layer)
    return Place(
        layer.name, kind.__name__, None, None, None, None, tapping.line_of_class(kind)
    )


def of_operation(where, kind, operation):
    """The ``Place`` of something that is no layer, and TF1's op for it or None."""
    return Place(
        where,
        kind,
        operation and operation.name,
        operation and operation.type,
        None,
        operation and line_of(operation),
        None,
    )
