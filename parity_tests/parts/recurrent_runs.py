"""How cells and loops run on either side.

A cell is written as a pair such as ("GRUCell", {"num_units": 3}), cells inside of it
likewise: both sides make theirs of that. References are TF1's own cells, of which the
legacy Keras inside TensorFlow keeps the source, in TF1's own loop.
"""

import contextlib
import warnings
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl

from tf2_keras import tf1_semantics

CELL_ARGUMENTS = ("cell", "cell_fw", "cell_bw")


def cell_of_tf1(spec, dtype="float32"):
    """TF1's cell of a pair (name, arguments).

    A dropout that is ``fed`` has its shares from placeholders, of the inputs' dtype.
    """
    name, arguments = spec
    arguments = {
        key: cell_of_tf1(value, dtype) if key in CELL_ARGUMENTS else value
        for key, value in arguments.items()
    }
    if "cells" in arguments:
        arguments["cells"] = [cell_of_tf1(one, dtype) for one in arguments["cells"]]
    if arguments.pop("fed", False):
        for key in ("input_keep_prob", "output_keep_prob", "state_keep_prob"):
            share = tf.constant(arguments.get(key, 1.0), dtype)
            arguments[key] = tf.compat.v1.placeholder_with_default(share, [])
    return getattr(rnn_cell_impl, name)(**arguments)


def cell_of_twin(spec, dtype="float32"):
    """The part of a pair (name, arguments)."""
    name, arguments = spec
    arguments = {
        key: cell_of_twin(value, dtype) if key in CELL_ARGUMENTS else value
        for key, value in arguments.items()
    }
    if "cells" in arguments:
        arguments["cells"] = [cell_of_twin(one, dtype) for one in arguments["cells"]]
    if name == "DropoutWrapper":  # the reference is today's
        arguments["scaling"] = "compat.v1"
    return getattr(tf1_semantics.recurrent, name)(dtype=dtype, **arguments)


@contextlib.contextmanager
def loops_of_tf1():
    """Graphs get TF1's while loop of Enter, Merge and Exit, not TF2's functional one.

    Of that one's gradients Grappler adds those of one tensor in another order.
    """
    kept = tf.compat.v1.control_flow_v2_enabled()
    tf.compat.v1.disable_control_flow_v2()
    try:
        with warnings.catch_warnings():
            # What TF1's own cells say of themselves when they are made and built.
            warnings.filterwarnings("ignore", message=".*is deprecated and will be")
            yield
    finally:
        if kept:
            tf.compat.v1.enable_control_flow_v2()


class Problem(NamedTuple):
    """What both sides compute.

    cells: one spec for dynamic_rnn, two for bidirectional_dynamic_rnn.
    x: [batch, time, features], or [time, batch, features].
    lengths: [batch] int32 or int64, or None.
    initial: whether the loop starts at a drawn state instead of zeros.
    seed: of weights, cotangents and initial state.
    """

    cells: tuple
    x: np.ndarray
    lengths: np.ndarray | None = None
    time_major: bool = False
    initial: bool = False
    seed: int = 0

    @property
    def batch(self):
        return self.x.shape[1 if self.time_major else 0]

    def draw(self, shapes, salt):
        random = np.random.RandomState([self.seed, salt])
        return [
            (0.5 * random.standard_normal(shape)).astype(self.x.dtype)
            for shape in shapes
        ]


def structures(problem):
    """[state size of each direction], nested, as the parts have it."""
    return [cell_of_twin(spec).state_size for spec in problem.cells]


def initial_states(problem):
    """[arrays of each direction], structured as the state size; or [None, ...]."""
    sizes = structures(problem)
    if not problem.initial:
        return [None] * len(sizes)
    return [
        tf.nest.pack_sequence_as(
            size,
            problem.draw([(problem.batch, one) for one in tf.nest.flatten(size)], salt),
        )
        for salt, size in enumerate(sizes, 10)
    ]


def record(names, weights, flat, loss, gradients):
    """What is compared: flat outputs and states, gradients of inputs and weights.

    A gradient of -0.0 of the inputs counts as 0.0: TF2's list of them starts from zeros
    to which each step adds, TF1's array took the first that was written as it was.
    """
    gradients = [gradients[0] + np.zeros_like(gradients[0]), *gradients[1:]]
    outputs = {f"output or state {number}": value for number, value in enumerate(flat)}
    return {
        "initial values": weights,
        "loss": {**outputs, "loss": loss},
        "gradients": dict(zip(["inputs", *names], gradients, strict=False)),
    }


def cotangents(problem, shapes):
    """What the outputs are weighted with for the loss: zeros among them."""
    drawn = problem.draw(shapes, 1)
    random = np.random.RandomState([problem.seed, 2])
    return [
        one * random.randint(3, size=one.shape).clip(0, 1).astype(one.dtype)
        for one in drawn
    ]


def loop_of_tf1(problem, x, lengths, states):
    """(outputs, states) of tf.nn.dynamic_rnn or tf.nn.bidirectional_dynamic_rnn."""
    options = {
        "sequence_length": lengths,
        "dtype": x.dtype,
        "time_major": problem.time_major,
        # With more, the steps of a loop draw their dropout masks in any order.
        "parallel_iterations": 1,
    }
    cells = [cell_of_tf1(spec, x.dtype) for spec in problem.cells]
    if problem.initial:
        states = [
            tf.nest.pack_sequence_as(cell.state_size, tf.nest.flatten(state))
            for cell, state in zip(cells, states, strict=False)
        ]
    if len(cells) == 1:
        return tf.compat.v1.nn.dynamic_rnn(
            *cells, x, initial_state=states[0], **options
        )
    return tf.compat.v1.nn.bidirectional_dynamic_rnn(
        *cells, x, initial_state_fw=states[0], initial_state_bw=states[1], **options
    )


def run_of_tf1(problem, steps=1):
    """Yields ``record`` of a compat.v1 graph, run so many times."""
    dtype = problem.x.dtype
    with tf.Graph().as_default() as graph, loops_of_tf1():
        features = problem.x.shape[2]
        x = tf.compat.v1.placeholder(dtype, [None, None, features])
        feed = {x: problem.x}
        lengths = None
        if problem.lengths is not None:
            lengths = tf.compat.v1.placeholder(problem.lengths.dtype, [None])
            feed[lengths] = problem.lengths
        states = initial_states(problem)
        if problem.initial:
            drawn = tf.nest.flatten(states)
            states = tf.nest.map_structure(
                lambda value: tf.compat.v1.placeholder(dtype, [None, value.shape[1]]),
                states,
            )
            feed.update(zip(tf.nest.flatten(states), drawn, strict=False))
        flat = tf.nest.flatten(loop_of_tf1(problem, x, lengths, states))
        weighting = [
            tf.compat.v1.placeholder(dtype, [None] * one.shape.rank) for one in flat
        ]
        loss = tf.add_n(
            [tf.reduce_sum(a * b) for a, b in zip(flat, weighting, strict=False)]
        )
        variables = tf.compat.v1.trainable_variables()
        gradients = tf.compat.v1.gradients(loss, [x, *variables])
        initialisers = [variable.initializer for variable in variables]
    names = [variable.op.name for variable in variables]
    values = problem.draw([variable.shape for variable in variables], 0)
    shapes = [
        (
            *(problem.x.shape[:2] if one.shape.rank == 3 else [problem.batch]),
            one.shape[-1],
        )
        for one in flat
    ]
    feed.update(zip(weighting, cotangents(problem, shapes), strict=False))
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(
            initialisers,
            {
                one.inputs[1]: value
                for one, value in zip(initialisers, values, strict=False)
            },
        )
        for _ in range(steps):
            yield record(
                names,
                dict(zip(names, session.run(variables), strict=False)),
                *session.run([flat, loss, gradients], feed),
            )


class Twin:
    """A loop of tf1_semantics on the same weights as ``run_of_tf1``'s.

    The weights are found by TF1's names, in the order in which the graph made them.
    """

    def __init__(self, problem, cells=None):
        self.problem = problem
        dtype = problem.x.dtype.name
        cells = cells or [cell_of_twin(spec, dtype) for spec in problem.cells]
        loop = (
            tf1_semantics.recurrent.DynamicRNN
            if len(cells) == 1
            else tf1_semantics.recurrent.BidirectionalDynamicRNN
        )
        self.layer = loop(*cells, time_major=problem.time_major, dtype=dtype)
        self.layer.build((None, None, problem.x.shape[2]))
        self.weights = self.layer.tf1_weights()
        values = problem.draw([weight.shape for weight in self.weights.values()], 0)
        for weight, value in zip(self.weights.values(), values, strict=False):
            weight.assign(value)

    def step(self, inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs["x"])
            options = {
                key: value
                for key, value in inputs.items()
                if key not in ("x", "weighting")
            }
            flat = tf.nest.flatten(self.layer(inputs["x"], training=True, **options))
            loss = tf.add_n(
                [
                    tf.reduce_sum(a * b)
                    for a, b in zip(flat, inputs["weighting"], strict=False)
                ]
            )
        wanted = [inputs["x"], *(weight.value for weight in self.weights.values())]
        return flat, loss, tape.gradient(loss, wanted)

    def inputs(self):
        problem = self.problem
        names = ["initial_state_fw", "initial_state_bw"]
        inputs = {"x": problem.x}
        if len(problem.cells) == 1:
            names = ["initial_state"]
        if problem.lengths is not None:
            inputs["sequence_length"] = problem.lengths
        if problem.initial:
            inputs.update(zip(names, initial_states(problem), strict=False))
        spec = self.layer.compute_output_spec(
            keras.KerasTensor(problem.x.shape, problem.x.dtype.name)
        )
        shapes = [one.shape for one in tf.nest.flatten(spec)]
        inputs["weighting"] = cotangents(problem, shapes)
        return tf.nest.map_structure(tf.constant, inputs)

    def run(self, level="function", steps=1):
        """Yields ``record`` so many times."""
        step, inputs = self.step, self.inputs()
        if level == "function":
            # The features alone have a size, as in the graph.
            specs = tf.nest.map_structure(
                lambda one: tf.TensorSpec([None] * one.shape.rank, one.dtype), inputs
            )
            specs["x"] = tf.TensorSpec(
                [None, None, inputs["x"].shape[2]], inputs["x"].dtype
            )
            for key in inputs:
                if key.startswith("initial_state"):
                    specs[key] = tf.nest.map_structure(
                        lambda one: tf.TensorSpec([None, one.shape[1]], one.dtype),
                        inputs[key],
                    )
            step = tf.function(step, input_signature=[specs], autograph=False)
        for _ in range(steps):
            weights = {name: one.numpy() for name, one in self.weights.items()}
            results = tf.nest.map_structure(lambda one: one.numpy(), step(inputs))
            yield record(list(self.weights), weights, *results)
