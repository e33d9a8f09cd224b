"""Where in the network two sides part: the first layer without its counterpart in TF1.

Both sides run the move that parted from TF1's state before it, with every tensor tapped:
TF1's between its inputs and what the move sees, the twin's at each layer. A layer whose
output stands in the graph, to the bit, is right, and so is what leads to it. The first
layer that is not, all of whose inputs are, is the place; the tensor nearest to it in the
graph is its counterpart.
"""

import contextlib
import inspect
import os
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine.ulps import normwise_error
from parity_tests.pair import tf1_sides, translated
from parity_tests.pair.errors import OURS
from tf1_graph import session as tf1_session
from tf1_graph import updates
from tf2_keras import training
from tf2_keras.observing import replaced

MOST_TAPS = 4000  # tensors of a graph that are fetched
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
# Up to here two arrays are the same but for a fusion that tapping undoes, in ULPs of the
# largest magnitude; where the sides part by no more than that, only equal bits count.
ROUNDED = 64.0


class Tap(NamedTuple):
    """A layer's call: which, what it took (places of earlier taps), what it gave."""

    layer: object
    sources: tuple
    output: object


class Place(NamedTuple):
    """Where two sides part.

    layer, kind: the twin's layer and its class. op, op_type: TF1's, or None.
    distance: norm-wise, in ULPs; None where no number says it.
    tf1_line, tf2_line: of the user's code, "file:line", or None.
    """

    layer: str
    kind: str
    op: str | None
    op_type: str | None
    distance: float | None
    tf1_line: str | None
    tf2_line: str | None

    def describe(self):
        """Lines of text."""
        by = (
            ""
            if self.distance is None
            else f", off by {self.distance:.3g} ULP norm-wise"
        )
        at_tf2 = f" ({self.tf2_line})" if self.tf2_line else ""
        lines = [f"first apart in layer {self.layer}, {self.kind}{at_tf2}{by}"]
        if self.op is not None:
            at_tf1 = f" ({self.tf1_line})" if self.tf1_line else ""
            lines.append(f"  TF1 has {self.op_type} {self.op}{at_tf1}")
        return "\n".join(lines)

    def as_data(self):
        return self._asdict()


def place(program, model, twin, matches, move, values, normwise):
    """The ``Place`` where a move parts, or None if every layer has its counterpart.

    Args:
        program: a ``session.Program``.
        model, twin: the ``keras.Model`` and its ``Twin``.
        matches: {TF1 name: layouts.Match}.
        move: (name, batch).
        values: {TF1 name: array}, TF1's state before it.
        normwise: how far the two sides are apart, in ULPs of the largest magnitude.
    """
    name, batch = move
    graph_tensors = of_graph(program, name)
    arrays = graph_arrays(program, name, batch, values, graph_tensors)
    twin.reset(translated.Translation(matches).values(values, twin.state))
    taps = of_model(model, twin, batch, training_mode=name != tf1_sides.PREDICT)
    twin.reset()
    tolerance = ROUNDED if normwise is None or normwise > 16 * ROUNDED else 0.0
    found = [nearest(tap.output, arrays) for tap in taps]
    right = [distance is not None and distance <= tolerance for _, distance in found]
    good = list(right)
    for number in reversed(range(len(taps))):
        if good[number]:
            for source in taps[number].sources:
                good[source] = True
    for number, tap in enumerate(taps):
        if not good[number] and all(good[source] for source in tap.sources):
            before = [
                graph_tensors[found[source][0]].op
                for source in tap.sources
                if right[source]
            ]
            position, distance = nearest(
                tap.output, arrays, _after(before, graph_tensors)
            )
            if position is None:  # TF1 has nothing of this shape there
                position, distance = found[number]
            operation = None if position is None else graph_tensors[position].op
            for source in tap.sources if operation else ():
                if right[source]:
                    tensor = graph_tensors[found[source][0]]
                    missing = _missing_activation(tensor, operation)
                    if missing is not None:  # the layer before ends too early
                        return _place(taps[source], missing, None)
            activation = operation and _activation_of(graph_tensors[position])
            if activation is not None and _activates(tap.layer):
                operation = activation  # where the layer of the twin ends as well
            return _place(tap, operation, distance)
    return None


def _after(operations, tensors):
    """Places of the tensors that depend on all of these ops, and are not theirs."""
    return [
        position
        for position, tensor in enumerate(tensors)
        if tensor.op not in operations
        and not set(operations) - updates.ancestors([tensor.op])
    ]


def _activation_of(tensor):
    """The activation that TF1 takes of a tensor, if it does nothing else with it."""
    consumers = [op for op in tensor.consumers() if "gradients" not in op.name]
    is_one = len(consumers) == 1 and consumers[0].type in ACTIVATIONS
    return consumers[0] if is_one else None


def _activates(layer):
    return getattr(layer, "activation", None) not in (None, keras.activations.linear)


def _missing_activation(tensor, operation):
    """The activation that TF1 takes of a tensor before an op; or None."""
    activation = _activation_of(tensor)
    is_before = activation in updates.ancestors([operation]) - {operation}
    return activation if is_before else None


def _place(tap, operation, distance):
    return Place(
        tap.layer.name,
        type(tap.layer).__name__,
        operation and operation.name,
        operation and operation.type,
        distance if distance is not None and np.isfinite(distance) else None,
        operation and _line_of(operation),
        _line_of_class(type(tap.layer)),
    )


def of_graph(program, name):
    """The float tensors between the inputs of a move and what it sees of the forward pass."""
    move = program.moves[name]
    seen = [
        tensor
        for stage, named in move.seen.items()
        if stage != "gradients"
        for tensor in named.values()
    ]
    inputs = {
        getattr(tensor, "values", tensor).op for tensor in program.inputs.values()
    }
    before = updates.ancestors([tensor.op for tensor in seen if hasattr(tensor, "op")])
    depending = set(inputs)
    tensors = []
    for operation in program.graph.get_operations():  # in order of creation
        if operation not in before:
            continue
        if operation in depending or any(t.op in depending for t in operation.inputs):
            depending.add(operation)
            tensors += [
                tensor
                for tensor in operation.outputs
                if tensor.dtype.is_floating and not tensor.dtype._is_ref_dtype
            ]
    return tensors[:MOST_TAPS]


def graph_arrays(program, name, batch, values, tensors):
    """The values of tensors in one run of a move's forward pass."""
    feed = {program.inputs[key]: value for key, value in batch.items()}
    feed.update(program.moves[name].feed)
    with contextlib.closing(tf1_session.open_session(program.graph)) as session:
        tf1_session.initialise(session, program, values)
        return session.run(tensors, feed)


def of_model(model, twin, batch, training_mode):
    """[Tap] of one forward pass, in order of execution, in a function."""
    leaves = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if not list(layer._flatten_layers(include_self=False))
        and not isinstance(layer, keras.layers.InputLayer)
    ]
    taps = []

    def run(given):
        taps.clear()
        producers = {}  # {id of a tensor: place of the tap}; the taps keep them alive
        outputs = []

        def tapped(layer):
            call = layer.call

            def observed(*arguments, **options):
                output = call(*arguments, **options)
                taken = tf.nest.flatten([arguments, list(options.values())])
                sources = {producers[id(t)] for t in taken if id(t) in producers}
                listed = [t for t in tf.nest.flatten(output) if tf.is_tensor(t)]
                if len(listed) == 1 and listed[0].dtype.is_floating:
                    producers[id(listed[0])] = len(taps)
                    taps.append(Tap(layer, tuple(sorted(sources)), listed[0]))
                    outputs.append(listed[0])
                return output

            return replaced(layer, call=observed)

        with contextlib.ExitStack() as stack:
            for layer in leaves:
                stack.enter_context(tapped(layer))
            x, *_ = training.data_of(model, given)
            model(x, training=training_mode)
        return outputs

    batch = twin.batch(batch)
    arrays = tf.function(run, input_signature=[twin.specs(batch)])(batch)
    return [
        tap._replace(output=array.numpy())
        for tap, array in zip(taps, arrays, strict=True)
    ]


def nearest(output, arrays, positions=None):
    """(place of the array that is most like ``output``, norm-wise distance), or Nones.

    Args:
        output: an array.
        arrays: [array].
        positions: places of those that may be it; by default all.
    """
    best = None, None
    for position in range(len(arrays)) if positions is None else positions:
        array = arrays[position]
        if array.dtype != output.dtype or array.size != output.size or not array.size:
            continue
        views = [array.reshape(output.shape)] if _alike(array, output) else []
        if array.ndim == output.ndim == 2 and array.T.shape == output.shape:
            views.append(array.T)
        for view in views:
            distance = normwise_error(view, output)
            # Of several that are equal the last: what only hands its input on comes after.
            if best[1] is None or distance <= best[1]:
                best = position, distance
    return best


def _alike(array, output):
    """Whether two shapes are one, but for sizes of 1."""
    return [n for n in array.shape if n != 1] == [n for n in output.shape if n != 1]


def _line_of(operation):
    """The line of the user's code that made an op, or None."""
    libraries = (os.path.dirname(tf.__file__), os.path.dirname(os.__file__))
    for frame in reversed(operation.traceback or []):
        path, line = frame[0], frame[1]
        if (
            not path.startswith((*OURS, *libraries, "<"))
            and "site-packages" not in path
        ):
            return f"{path}:{line}"
    return None


def _line_of_class(kind):
    """The line where a layer of the user's own is defined; None for a library's."""
    with contextlib.suppress(OSError, TypeError):
        path = inspect.getsourcefile(kind)
        if path and "site-packages" not in path and not path.startswith(OURS):
            return f"{path}:{inspect.getsourcelines(kind)[1]}"
    return None
