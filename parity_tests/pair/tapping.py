"""Tensors of both sides in one move: TF1's between its ops, the twin's between its layers.

Both run as one graph, of which every float is fetched that may be.
"""

import contextlib
import inspect
import re
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine.ulps import normwise_error
from parity_tests.pair.errors import OURS
from parity_tests.pair.kept import kept_by
from parity_tests.pair.tracebacks import line_of, origin_of
from tf1_graph import session as tf1_session
from tf1_graph import updates
from tf2_keras import training
from tf2_keras.observing import key_of, replaced

SHAPED = re.compile(r"(Ones|Zeros)Like\b")  # ops that take but the shape of a tensor
MOST_TAPS = 4000  # tensors of a graph that are fetched


class Tap(NamedTuple):
    """What was tapped of the twin.

    layer, kind: name and class of a layer, or name and type of an op. sources: places of
    earlier taps that it took. output: array. gradient: array of the loss's derivative by
    it, or None. line: of the user's code, or None. activates: whether it is a layer that
    ends in an activation. number: of an op in its graph.
    """

    layer: str
    kind: str
    sources: tuple
    output: object
    gradient: object = None
    line: str | None = None
    activates: bool = False
    number: int = 0

    @property
    def is_float(self):
        return self.output is not None


def _can_be_tapped(tensor):
    return tensor.dtype.is_floating and not tensor.dtype._is_ref_dtype


def _within(operations):
    """The ops inside of loops and of branches, whose tensors may not exist at all."""
    looping, branching = set(), set()
    for operation in operations:  # in order of creation
        # A constant in the body of a loop is known by its control inputs alone.
        before = {tensor.op for tensor in operation.inputs}
        before = before or set(operation.control_inputs)
        kind = operation.type.replace("Ref", "")
        if kind == "Enter" or (before & looping and kind != "Exit"):
            looping.add(operation)
        if kind == "Switch" or (before & branching and kind not in ("Merge", "Exit")):
            branching.add(operation)
    return looping | branching


def of_graph(program, name):
    """The float tensors between the inputs of a move and what it sees of the forward pass."""
    move = program.moves[name]
    seen = [
        tensor
        for stage, named in move.seen.items()
        if stage != "gradients"
        for tensor in named.values()
    ]
    return _between(program, _operations(seen))


def backward_of_graph(program, name):
    """The float tensors between the forward pass of a move and its gradients."""
    move = program.moves[name]
    forward = updates.ancestors(
        _operations(
            [
                tensor
                for stage, named in move.seen.items()
                if stage != "gradients"
                for tensor in named.values()
            ]
        )
    )
    gradients = list(move.seen.get("gradients", {}).values())
    return [
        tensor
        for tensor in _between(program, _operations(gradients))
        if tensor.op not in forward
    ]


def _operations(values):
    """The ops of tensors and of the values of sparse ones."""
    tensors = [getattr(value, "values", value) for value in values]
    return [tensor.op for tensor in tensors if hasattr(tensor, "op")]


def _between(program, operations):
    """Float tensors that depend on an input and lead to one of these ops, in order."""
    depending = {
        getattr(tensor, "values", tensor).op for tensor in program.inputs.values()
    }
    before = updates.ancestors(operations)
    listed = program.graph.get_operations()  # in order of creation
    within, tensors = _within(listed), []
    for operation in listed:
        if operation not in before:
            continue
        if operation in depending or any(t.op in depending for t in operation.inputs):
            depending.add(operation)
            if operation not in within:
                tensors += [t for t in operation.outputs if _can_be_tapped(t)]
    return tensors[:MOST_TAPS]


def can_be_fetched(tensor):
    """Whether a tensor is numbers, and no variable's own memory."""
    dtype = tensor.dtype
    is_number = dtype.is_floating or dtype.is_integer or dtype.is_bool
    return is_number and not dtype._is_ref_dtype


def all_of_graph(program, results):
    """All tensors of numbers that some results are computed from, in order, at most
    MOST_TAPS."""
    operations = program.graph.get_operations()
    within, before = _within(operations), updates.ancestors(_operations(results))
    tensors = [
        tensor
        for operation in operations
        if operation in before and operation not in within
        for tensor in operation.outputs
        if can_be_fetched(tensor)
    ]
    return tensors[-MOST_TAPS:]


def graph_arrays(program, name, batch, values, tensors, before=(), start=None):
    """The values of tensors in one run of a move, which updates nothing.

    Args:
        values: {TF1 name: array}, the state before it.
        before: moves that are played first, and ``start``, what they start from: what
            draws goes on where they left its stream.
    """
    feed = {program.inputs[key]: value for key, value in batch.items()}
    feed.update(program.moves[name].feed)
    with contextlib.closing(tf1_session.open_session(program.graph)) as session:
        if before:
            for _ in tf1_session.play(program, before, start, session=session):
                pass
        else:
            tf1_session.initialise(session, program, values)
        return session.run(tensors, feed)


def moves_before(program, moves, step):
    """The moves before a step that its streams have to be read by; [] if it has none."""
    name = moves[step - 1][0]
    move = program.moves[name]
    seen = [value for named in move.seen.values() for value in named.values()]
    return moves[: step - 1] if kept_by(program.graph, _operations(seen)) else []


def reset(twin, values, before=(), start=None):
    """The twin with these values, its streams read by the moves before.

    Args:
        values, start: {the twin's name: array}.
    """
    if not before:
        twin.reset(values)
        return
    for _ in training.play(twin, before, values=start):
        pass
    for key, value in values.items():
        twin.state[key].assign(value)


def of_model(model, twin, name, batch):
    """([Tap] of the layers in one move of a twin, {its name: gradient of a variable},
    names of the variables whose update gets what backpropagation left, as it is).

    Taps are in order of execution, in a function; gradients are dense ones, as the
    optimizer is given them.
    """
    listed, gradients, untouched = [], [], set()

    def run(given):
        listed.clear()
        gradients.clear()
        of_variables = {}
        producers = {}  # {id of a tensor: place of the tap}; ``kept`` keeps them alive
        kept, outputs = [], []
        graph = tf.compat.v1.get_default_graph()

        def tapped_layer(layer):
            call = layer.call

            def observed(*arguments, **options):
                output = call(*arguments, **options)
                taken = tf.nest.flatten([arguments, list(options.values())])
                tensors = [t for t in tf.nest.flatten(output) if tf.is_tensor(t)]
                floats = [t for t in tensors if t.dtype.is_floating]
                if not floats or getattr(floats[0], "graph", None) is not graph:
                    return output
                sources = {producers[id(t)] for t in taken if id(t) in producers}
                place = len(listed)
                watched = _watched(floats[0], gradients, place)
                output = tf.nest.map_structure(
                    lambda t: watched if t is floats[0] else t, output
                )
                for tensor in [watched, *tensors]:
                    producers[id(tensor)] = place
                    kept.append(tensor)
                listed.append(
                    Tap(
                        layer.name,
                        type(layer).__name__,
                        tuple(sorted(sources)),
                        None,
                        line=line_of_class(type(layer)),
                        activates=_activates(layer),
                    )
                )
                outputs.append(watched)
                return output

            return replaced(layer, call=observed)

        with contextlib.ExitStack() as stack:
            for layer in layers_of(model):
                stack.enter_context(tapped_layer(layer))
            for optimizer in twin.optimizers:
                stack.enter_context(_applied(optimizer, of_variables))
            left = stack.enter_context(_backpropagated())
            seen = twin.step(name, given)
        untouched.update(
            variable
            for variable, gradient in seen.get("gradients", {}).items()
            if any(_origin(gradient) is _dense(tensor) for tensor in left)
        )
        known = {place: gradient for place, gradient in gradients}
        return outputs, known, twin.named_gradients(of_variables)

    arrays, known, of_variables = called(twin, batch, run)
    taps = [
        tap._replace(
            output=array.numpy(),
            gradient=known[place].numpy() if place in known else None,
        )
        for place, (tap, array) in enumerate(zip(listed, arrays, strict=True))
    ]
    return taps, {k: value.numpy() for k, value in of_variables.items()}, untouched


def _dense(tensor):
    """The rows of a sparse gradient, tf.IndexedSlices; any other as it is."""
    return tensor.values if isinstance(tensor, tf.IndexedSlices) else tensor


def _origin(tensor):
    """What a tensor of a graph is handed on from, as it is; of a sparse one its rows."""
    tensor = _dense(tensor)
    while isinstance(tensor, tf.Tensor) and tensor.op.type in ("Identity", "IdentityN"):
        tensor = tensor.op.inputs[tensor.value_index]
    return tensor


@contextlib.contextmanager
def _backpropagated():
    """While this is entered, all gradients that are computed: a list that grows."""
    left, tape_gradient, gradients = [], tf.GradientTape.gradient, tf.gradients

    def kept(function):
        def keeping(*arguments, **options):
            result = function(*arguments, **options)
            left.extend(tf.nest.flatten(result))
            return result

        return keeping

    tf.GradientTape.gradient, tf.gradients = kept(tape_gradient), kept(gradients)
    try:
        yield left
    finally:
        tf.GradientTape.gradient, tf.gradients = tape_gradient, gradients


def _applied(optimizer, gradients):
    """While this is entered the dense gradients that an optimizer is given are kept."""
    apply = optimizer.apply

    def observed(grads, trainable_variables=None):
        grads = list(grads)
        variables = trainable_variables or optimizer._trainable_variables
        for gradient, variable in zip(grads, variables, strict=False):
            if tf.is_tensor(gradient) and not hasattr(gradient, "indices"):
                gradients[key_of(variable)] = gradient
        return apply(grads, trainable_variables)

    return replaced(optimizer, apply=observed)


def layers_of(model):
    """What computes in a model: layers, and Keras's own ops between them."""
    listed = {}
    for layer in model._flatten_layers():
        if not isinstance(layer, (keras.Model, keras.layers.InputLayer)):
            listed[id(layer)] = layer
        for operation in getattr(layer, "operations", ()):
            if not isinstance(operation, keras.layers.Layer):
                listed[id(operation)] = operation
    return list(listed.values())


def called(twin, batch, run):
    """What a function of a batch returns, run once as one graph."""
    batch = twin.batch(batch)
    function = tf.function(run, input_signature=[twin.specs(batch)], autograph=False)
    # Its one trace: to call the function itself warns of many of them.
    return function.get_concrete_function()(batch)


def _watched(tensor, gradients, place):
    """The same tensor; its gradient is kept in ``gradients`` when it is computed."""

    @tf.custom_gradient
    def identity(x):
        def gradient(upstream):
            if getattr(upstream, "graph", None) is x.graph:
                gradients.append((place, upstream))
            return upstream

        return tf.identity(x), gradient

    return identity(tensor)


def of_function(twin, name, batch):
    """[Tap] of the ops between the inputs and the losses of one move of a twin."""
    listed = []

    def run(given):
        listed.clear()
        graph = tf.compat.v1.get_default_graph()
        inputs = {tensor.op for tensor in tf.nest.flatten(given)}
        seen = twin.step(name, given)
        before = updates.ancestors(_operations(seen.get("loss", {}).values()))
        producers, outputs = {}, []
        for number, operation in enumerate(graph.get_operations()):
            if operation not in before or operation in inputs:
                continue
            sources = {
                producers[tensor.op]
                for tensor in operation.inputs
                if tensor.op in producers
            }
            tensors = [t for t in operation.outputs if _can_be_tapped(t)]
            depends = sources or any(t.op in inputs for t in operation.inputs)
            if tensors and depends:
                producers[operation] = len(listed)
                line = line_of(operation)
                origin = None if line else origin_of(operation)
                listed.append(
                    Tap(
                        operation.name,
                        operation.type + (f" of {origin}" if origin else ""),
                        tuple(sorted(sources)),
                        None,
                        line=line,
                        number=number,
                    )
                )
                outputs.append(tensors[0])
        return outputs

    arrays = called(twin, batch, run)
    # What is the same whatever its input holds is never what is apart.
    shaped = set()
    for place, tap in enumerate(listed):
        if SHAPED.match(tap.kind) or (tap.sources and shaped.issuperset(tap.sources)):
            shaped.add(place)
    return [
        tap._replace(output=None if place in shaped else array.numpy())
        for place, (tap, array) in enumerate(zip(listed, arrays, strict=True))
    ]


def nearest(output, arrays, positions=None):
    """(place of the array that is most like ``output``, norm-wise distance), or Nones.

    Args:
        output: an array.
        arrays: [array].
        positions: places of those that may be it; by default all.
    """
    best = (np.inf, True), None  # (distance, whether the shape is another), place
    for position in range(len(arrays)) if positions is None else positions:
        array = arrays[position]
        if array.dtype != output.dtype or array.size != output.size or not array.size:
            continue
        # Time is laid into the batch and out of it.
        views = [array.reshape(output.shape)]
        if array.ndim == output.ndim == 2 and array.T.shape == output.shape:
            views.append(array.T)
        for view in views:
            measured = normwise_error(view, output), not _alike(array, output)
            # Of several that are equal the last: what only hands its input on comes after.
            if best[1] is None or measured <= best[0]:
                best = measured, position
    (distance, _), position = best
    return (None, None) if position is None else (position, distance)


def _alike(array, output):
    """Whether two shapes are one, but for sizes of 1."""
    return [n for n in array.shape if n != 1] == [n for n in output.shape if n != 1]


def line_of_class(kind):
    """The line where a layer of the user's own is defined; None for a library's."""
    with contextlib.suppress(OSError, TypeError):
        path = inspect.getsourcefile(kind)
        if path and "site-packages" not in path and not path.startswith(OURS):
            return f"{path}:{inspect.getsourcelines(kind)[1]}"
    return None


def _activates(layer):
    return getattr(layer, "activation", None) not in (None, keras.activations.linear)
