"""Twins of TF1's cells in loops: see ``tf1_graph.parts.recurrent`` for what is what."""

import functools

import keras
import tensorflow as tf

from parity_tests.parts.making import made
from tf1_graph.parts import recurrent as tf1_recurrent
from tf2_keras import training
from tf2_keras.tf1_semantics import initializers, recurrent


def cell_of_twin(spec, dtype="float32", seed=tf1_recurrent.SEED):
    """The part of a pair (part, arguments), with TF1's seed for unseeded weights.

    Args:
        seed: of weights without an initialiser; None leaves the part's own.
    """
    part, arguments = spec
    arguments = {**arguments, "dtype": dtype}
    if part == tf1_recurrent.ECHO:
        return Echo(**arguments)
    for name, value in arguments.items():
        if "initializer" in name and isinstance(value, tuple):
            arguments[name] = made(*value)
    if "cell" in arguments:
        arguments["cell"] = cell_of_twin(arguments["cell"], dtype, seed)
    elif "cells" in arguments:
        arguments["cells"] = [
            cell_of_twin(cell, dtype, seed) for cell in arguments["cells"]
        ]
    elif seed is not None:
        of_lstm = part == "recurrent.LSTMCell"
        initializer = "initializer" if of_lstm else "kernel_initializer"
        seeded = initializers.GlorotUniform(seed=seed)
        arguments.setdefault(initializer, seeded)
    return getattr(recurrent, part.partition(".")[2])(**arguments)


class Echo(recurrent.cells.Cell):
    """The twin of ``tf1_recurrent.echo``."""

    state_is_memory = False

    def __init__(self, num_units, **kwargs):
        super().__init__(**kwargs)
        self.state_size = self.output_size = num_units

    def step(self, inputs, states, _training):
        return inputs, tf.nest.pack_sequence_as(states, [inputs])

    def tf1_weights(self):
        return {}


def twin(part, arguments, problem):
    """The twin of ``tf1_recurrent.program``."""
    if part == tf1_recurrent.CARRIED:
        return written_out(problem)
    specs, time_major = tf1_recurrent.loop_of(part, arguments)
    dtype = problem["dtype"]
    cells = [cell_of_twin(spec, dtype) for spec in specs]
    if part.endswith("_keras"):
        return converted(part, *cells, problem["features"])
    directions = len(cells)
    loop = (recurrent.DynamicRNN, recurrent.BidirectionalDynamicRNN)[directions - 1]
    return of_loop(
        loop(*cells, time_major=time_major, dtype=dtype), problem["features"]
    )


def of_loop(layer, features, leading=(None, None)):
    """The twin that a loop is; ``leading`` are the sizes of batch and time."""
    layer.build((*leading, features))
    if isinstance(layer, recurrent.DynamicRNN):
        names, sizes = ["initial_state"], [layer.cell.state_size]
    else:
        names = ["initial_state_fw", "initial_state_bw"]
        sizes = [loop.cell.state_size for loop in (layer.forward, layer.backward)]
    weights = layer.tf1_weights()

    def run(inputs, training):
        options = {}
        if "initial_0" in inputs:
            states = tf.nest.pack_sequence_as(sizes, numbered(inputs, "initial"))
            options.update(zip(names, states, strict=True))
        if "sequence_length" in inputs:
            options["sequence_length"] = inputs["sequence_length"]
        return tf.nest.flatten(layer(inputs["x"], training=training, **options))

    return twin_of(run, weights, layer.weights)


def written_out(problem, carried=recurrent.carried):
    """The twin of ``tf1_recurrent.written_out``."""
    features, dtype, width = problem["features"], problem["dtype"], tf1_recurrent.WIDTH
    start = initializers.GlorotUniform(seed=tf1_recurrent.SEED)
    weights = {
        name: keras.Variable(start(shape, dtype), name=name)
        for name, shape in (
            ("kernel", (features, 4 * width)),
            ("peepholes", (3, width)),
        )
    }

    def run(inputs, _training):
        return tf1_recurrent.gated_loop(tf, inputs["x"], carried=carried, **weights)

    return twin_of(run, weights, list(weights.values()))


def twin_of(run, weights, hidden, as_tf1=False):
    """The twin of ``tf1_recurrent.program_of``.

    Args:
        run: ({input: tensor}, training) -> [outputs and states].
        weights: {TF1 name: variable}.
        hidden: all variables.
        as_tf1: whether a function takes its gradients by tf.gradients, which adds three
            or more of one tensor in TF1's order, as a tape does not.
    """

    def train(**inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs["x"])
            seen = run(inputs, True)
            products = [
                a * b for a, b in zip(seen, numbered(inputs, "upstream"), strict=True)
            ]
            loss = tf.add_n([tf.reduce_sum(product) for product in products])
        sources = {name: weight.value for name, weight in weights.items()}
        sources["x"] = inputs["x"]
        if as_tf1 and not tf.executing_eagerly():
            gradients = tf.gradients(loss, list(sources.values()))
            gradients = dict(zip(sources, gradients, strict=True))
        else:
            gradients = tape.gradient(loss, sources)
        return {"outputs": named(seen), "loss": {"loss": loss}, "gradients": gradients}

    def predict(**inputs):
        return {"outputs": named(run(inputs, False))}

    return training.Twin(weights, {"train": train, "predict": predict}, hidden=hidden)


def numbered(inputs, kind):
    """The inputs of a kind such as ``upstream``, in order."""
    count = sum(name.startswith(f"{kind}_") for name in inputs)
    return [inputs[f"{kind}_{number}"] for number in range(count)]


def named(seen):
    return {f"output or state {number}": tensor for number, tensor in enumerate(seen)}


STOCK = {
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "basic_rnn": keras.layers.SimpleRNN,
}


def stock(kind, units, **options):
    """The stock layer of a kind, which takes converted weights."""
    if kind == "gru":
        options.setdefault("reset_after", False)
    return STOCK[kind](units, return_sequences=True, **options)


class Converted:
    """One of the arrays that TF1 had, as what holds it now: a stock layer's weights."""

    def __init__(self, layer, number, to_keras, from_keras):
        self.layer, self.number = layer, number
        self.to_keras, self.from_keras = to_keras, from_keras

    def numpy(self):
        return self.from_keras(*self.layer.get_weights())[self.number]

    def assign(self, value):
        arrays = list(self.from_keras(*self.layer.get_weights()))
        arrays[self.number] = value
        self.layer.set_weights(self.to_keras(*arrays))


def converted(part, cell, features):
    """The twin that a stock layer with the converted weights of a cell is."""
    kind = part.partition(".")[2].partition("_weights")[0]
    ways = [getattr(recurrent, f"{kind}_weights_{way}_keras") for way in ("to", "from")]
    if kind == "lstm":
        bias = {"forget_bias": cell.forget_bias}
        ways = [functools.partial(way, **bias) for way in ways]
    cell.build((None, features))
    layer = stock(kind, cell.num_units, return_state=True, dtype=cell.dtype)
    layer.build((None, None, features))
    layer.set_weights(ways[0](*(weight.numpy() for weight in cell.weights)))

    def predict(x, **_):
        outputs, *states = layer(x)
        return {"outputs": named([outputs, *states[::-1]])}  # TF1's are (c, h)

    names = recurrent.DynamicRNN(cell).tf1_weights()
    state = {name: Converted(layer, n, *ways) for n, name in enumerate(names)}
    return training.Twin(state, {"predict": predict}, hidden=layer.weights)
