"""TF1's cells in TF1's loops.

A cell is a pair such as ``("recurrent.GRUCell", {"num_units": 3})``, cells inside of it
likewise. A part that is a cell runs in ``dynamic_rnn``; what converts weights is a part
whose TF1 side is the cell that they come from.

A problem says what the loop gets: ``features``, how many; ``dtype``; ``lengths``, the
dtype of sequence lengths, or None for none; ``initial``, whether a state to begin with.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case
from tf1_graph.parts.initializers import initializer
from tf1_graph.parts.layers import UNIFORM, dropout
from tf1_graph.rnn_cell import cell_class, while_loops

CELLS = (
    "BasicRNNCell",
    "GRUCell",
    "BasicLSTMCell",
    "LSTMCell",
    "DropoutWrapper",
    "ResidualWrapper",
    "MultiRNNCell",
)
CONVERTED = {"lstm": "BasicLSTMCell", "gru": "GRUCell", "basic_rnn": "BasicRNNCell"}
ECHO = "recurrent.Echo"  # no part, see ``echo``
SYMBOLS = collections.OrderedDict(
    ("recurrent." + name, "tf.nn.rnn_cell." + name) for name in CELLS
)
SYMBOLS["recurrent.DynamicRNN"] = "tf.nn.dynamic_rnn"
SYMBOLS["recurrent.BidirectionalDynamicRNN"] = "tf.nn.bidirectional_dynamic_rnn"
CARRIED = "recurrent.carried"
SYMBOLS[CARRIED] = "tf.while_loop"
for _kind, _cell in CONVERTED.items():
    for _way in ("to", "from"):
        _name = f"recurrent.{_kind}_weights_{_way}_keras"
        SYMBOLS[_name] = "tf.nn.rnn_cell." + _cell
# Where the cells themselves give no initializer: the op's seed of a glorot_uniform.
SEED = 5


# Cells that TF1 gave no initializer: they took the variable scope's.
OF_SCOPE = ("recurrent.BasicRNNCell", "recurrent.BasicLSTMCell")


def cell(spec, dtype="float32"):
    """TF1's cell of a pair (part, arguments).

    A dropout that is ``fed`` has its shares from placeholders, of the inputs' dtype; for
    ``scaling`` see ``layers.dropout``. Its seed may be (graph seed, its own).
    """
    part, arguments = spec
    arguments = dict(arguments)
    if part == ECHO:
        return echo(dtype=dtype, **arguments)
    for name in ("initializer", "kernel_initializer", "bias_initializer"):
        if name in arguments:
            arguments[name] = initializer(arguments[name])
    if part in OF_SCOPE:
        arguments.pop("kernel_initializer", None)
    if "cell" in arguments:
        arguments["cell"] = cell(arguments["cell"], dtype)
    if "cells" in arguments:
        arguments["cells"] = [cell(inner, dtype) for inner in arguments["cells"]]
    if part != "recurrent.DropoutWrapper":
        return cell_class(part.partition(".")[2])(**arguments)
    if isinstance(arguments["seed"], tuple):
        graph_seed, arguments["seed"] = arguments["seed"]
        tf.set_random_seed(graph_seed)
    if arguments.pop("fed", False):
        for key in ("input_keep_prob", "output_keep_prob", "state_keep_prob"):
            share = tf.constant(arguments.get(key, 1.0), dtype)
            arguments[key] = tf.placeholder_with_default(share, [])
    return dropout_wrapper(arguments.pop("scaling", "1.15"))(**arguments)


def dropout_wrapper(scaling):
    """TF1's class; today's drops as 1.15's did unless its own scaling is asked for."""
    wrapper = cell_class("DropoutWrapper")
    if scaling == "compat.v1" or tf.__version__.startswith("1."):
        return wrapper

    class Wrapper(wrapper):
        def _dropout(self, values, salt_prefix, _noise, keep_prob, filtered=None):
            if not isinstance(keep_prob, tf.Tensor):
                keep_prob = float(keep_prob)  # NumPy 1 subtracted in float64
            flat = tf.nest.flatten(values)
            dropped = flat if filtered is None else tf.nest.flatten(filtered)
            return tf.nest.pack_sequence_as(
                values,
                [
                    value
                    if drop is False
                    else dropout(value, keep_prob, self._gen_seed(salt_prefix, number))
                    for number, (drop, value) in enumerate(zip(dropped, flat))
                ],
            )

    return Wrapper


def echo(num_units, dtype):
    """A cell that hands its inputs on, as output and as state: no weights, no sums."""

    class Echo(cell_class("RNNCell")):
        state_size = output_size = num_units

        def call(self, inputs, state):
            # 1.15 made float32 of the gradient of a state that nothing read.
            return inputs, tf.where(tf.ones_like(inputs, tf.bool), inputs, state)

    return Echo(dtype=dtype)


def loop_of(part, arguments):
    """([cell of each direction], whether time comes first)."""
    if part == "recurrent.DynamicRNN":
        return [arguments["cell"]], arguments.get("time_major", False)
    if part == "recurrent.BidirectionalDynamicRNN":
        directions = [arguments["cell_fw"], arguments["cell_bw"]]
        return directions, arguments.get("time_major", False)
    if part == CARRIED:
        return [], True
    if part.endswith("_keras"):
        part = "recurrent." + SYMBOLS[part].rpartition(".")[2]
    return [(part, arguments)], False


def unrolled(directions, time_major, x, lengths=None, states=None):
    """(outputs, states) of dynamic_rnn or bidirectional_dynamic_rnn."""
    options = {
        "sequence_length": lengths,
        "dtype": x.dtype,
        "time_major": time_major,
        # With more, the steps of a loop draw their dropout masks in any order.
        "parallel_iterations": 1,
    }
    states = states or [None] * len(directions)
    if len(directions) == 1:
        (direction,), (state,) = directions, states
        return tf.nn.dynamic_rnn(direction, x, initial_state=state, **options)
    options.update(initial_state_fw=states[0], initial_state_bw=states[1])
    return tf.nn.bidirectional_dynamic_rnn(*directions, inputs=x, **options)


def seeded_scope(spec=None):
    """The root scope, with an initializer for what a cell gives none to.

    Args:
        spec: of a cell whose ``kernel_initializer`` it is, if it took the scope's.
    """
    start = ("initializers.GlorotUniform", {"seed": SEED})
    part, arguments = spec or (None, {})
    if part in OF_SCOPE:
        start = arguments.get("kernel_initializer", start)
    return tf.variable_scope(tf.get_variable_scope(), initializer=initializer(start))


def program(part, arguments, problem):
    """A loop: ``train`` reports outputs, states, a loss and gradients, ``predict`` less.

    The loss is the sum of all outputs and states, each times its ``upstream_N``; the
    states to begin with are ``initial_N``.
    """
    if part == CARRIED:
        return written_out(problem)
    specs, time_major = loop_of(part, arguments)
    dtype, inputs = problem["dtype"], collections.OrderedDict()

    def placeholder(name, dtype, *shape):
        inputs[name] = tf.placeholder(dtype, shape, name=name)
        return inputs[name]

    with tf.Graph().as_default() as graph, while_loops(), seeded_scope(specs[0]):
        x = placeholder("x", dtype, None, None, problem["features"])
        lengths = None
        if problem["lengths"] is not None:
            lengths = placeholder("sequence_length", problem["lengths"], None)
        directions, states = [cell(spec, dtype) for spec in specs], None
        if problem["initial"]:
            sizes = [direction.state_size for direction in directions]
            states = tf.nest.pack_sequence_as(
                sizes,
                [
                    placeholder(f"initial_{number}", dtype, None, size)
                    for number, size in enumerate(tf.nest.flatten(sizes))
                ],
            )
        seen = tf.nest.flatten(unrolled(directions, time_major, x, lengths, states))
        return program_of(graph, inputs, seen)


WIDTH = 4  # of the state of what is written out


def written_out(problem):
    """A loop of one's own, time first, whose gates see its state by peepholes."""
    dtype, features = problem["dtype"], problem["features"]
    with tf.Graph().as_default() as graph, while_loops(), seeded_scope():
        x = tf.placeholder(dtype, [None, None, features], name="x")
        kernel = tf.get_variable("kernel", [features, 4 * WIDTH], dtype)
        peepholes = tf.get_variable("peepholes", [3, WIDTH], dtype)
        seen = gated_loop(tf, x, kernel, peepholes, lambda state: state)
        return program_of(graph, collections.OrderedDict(x=x), seen)


def gated_loop(tensorflow, x, kernel, peepholes, carried):
    """[outputs [time, batch, WIDTH], last state] of a while_loop of either TensorFlow.

    Args:
        tensorflow: the module whose ops it takes.
        carried: state -> what the next step gets.
    """
    steps, batch = tensorflow.unstack(tensorflow.shape(x)[:2])
    of_steps = tensorflow.TensorArray(x.dtype, steps, element_shape=x.shape[1:])
    of_steps = of_steps.unstack(x)
    shape = [None, WIDTH]
    outputs = tensorflow.TensorArray(x.dtype, steps, element_shape=shape)

    def step(time, state, outputs):
        projected = tensorflow.matmul(of_steps.read(time), kernel)
        f, i, j, o = tensorflow.split(projected, 4, axis=1)
        f = tensorflow.sigmoid(f + peepholes[0] * state)
        i = tensorflow.sigmoid(i + peepholes[1] * state)
        state = f * state + i * tensorflow.tanh(j)
        # Three gradients of the new state: from here twice, and from the next step.
        o = tensorflow.sigmoid(o + peepholes[2] * state)
        outputs = outputs.write(time, o * tensorflow.tanh(state))
        return time + 1, carried(state), outputs

    start = tensorflow.zeros([batch, WIDTH], x.dtype)
    start.set_shape(shape)
    loop = (0, start, outputs)
    _, last, outputs = tensorflow.while_loop(lambda time, *_: time < steps, step, loop)
    return [outputs.stack(), last]


def program_of(graph, inputs, seen, name_of=lambda variable: variable.op.name):
    """``train`` and ``predict`` of what is computed from inputs, ``x`` among them.

    Args:
        graph: the default graph, of which all trainable variables get gradients.
        inputs: {name: placeholder}, to which those of the ``upstream`` are added.
        seen: [outputs and states].
        name_of: variable -> the name that it is recorded under.
    """
    x, dtype = inputs["x"], inputs["x"].dtype
    upstream = []
    for number, tensor in enumerate(seen):
        sizes = [None] * tensor.shape.rank
        upstream.append(tf.placeholder(dtype, sizes, name=f"upstream_{number}"))
        inputs[f"upstream_{number}"] = upstream[-1]
    products = [a * b for a, b in zip(seen, upstream)]
    loss = tf.add_n([tf.reduce_sum(product) for product in products])
    sources = collections.OrderedDict(
        (name_of(variable), variable) for variable in tf.trainable_variables()
    )
    sources["x"] = x
    gradients = dict(zip(sources, tf.gradients(loss, list(sources.values()))))
    if x.shape.rank == 3:
        # -0.0 as 0.0: TF2's list of the inputs' gradients starts from zeros to which
        # each step adds, TF1's array took the first that was written as it was. A
        # constant that is not fed would be optimised away.
        gradients["x"] += tf.placeholder_with_default(tf.zeros([], dtype), [])
    outputs = collections.OrderedDict(
        (f"output or state {number}", tensor) for number, tensor in enumerate(seen)
    )
    built = session.program(
        graph,
        inputs,
        train=session.move(outputs=outputs, loss={"loss": loss}, gradients=gradients),
        predict=session.move(outputs=outputs),
    )
    variables = built.variables.values()
    return built._replace(
        variables=collections.OrderedDict((name_of(v), v) for v in variables)
    )


def batch_of(built, x, lengths=None, time_major=False, seed=0):
    """{input: array} for an input [batch, time, features]; the rest is drawn.

    What the outputs are weighted with has zeros in it.
    """
    random = np.random.RandomState([seed, 1])
    batch = {"x": x}
    if lengths is not None:
        batch["sequence_length"] = lengths
    seen = list(built.moves["train"].seen["outputs"].values())
    size = x.shape[1 if time_major else 0]
    for name, tensor in built.inputs.items():
        kind, _, number = name.partition("_")
        shape = [size] + tensor.shape.as_list()[1:]
        if kind == "upstream":
            width = int(seen[int(number)].shape[-1])
            leading = x.shape[:2] if tensor.shape.rank == 3 else (size,)
            shape = leading + (width,)
        elif kind != "initial":
            continue
        drawn = 0.5 * random.standard_normal(shape)
        if kind == "upstream":
            drawn *= random.randint(3, size=shape).clip(0, 1)
        batch[name] = drawn.astype(x.dtype)
    return batch


def values_of(built, seed=0):
    """{TF1 name: array} of every variable, biases and peepholes included.

    They are whole numbers of 64ths: to add a forget bias of one rounds nothing.
    """
    random = np.random.RandomState([seed, 0])
    return {
        name: (
            np.round(32 * random.standard_normal(variable.shape.as_list())) / 64
        ).astype(variable.dtype.base_dtype.as_numpy_dtype)
        for name, variable in built.variables.items()
    }


FEATURES, CLASSES, UNITS = 3, 3, 6
OPTIMIZERS = {
    "Momentum": lambda: tf.train.MomentumOptimizer(0.1, 0.9),
    "Adam": lambda: tf.train.AdamOptimizer(0.01),
}


def classifier(optimizer):
    """An LSTM's last state [batch, UNITS] to logits: sequences of any length."""
    with tf.Graph().as_default() as graph, while_loops(), seeded_scope():
        x = tf.placeholder(tf.float32, [None, None, FEATURES], name="x")
        lengths = tf.placeholder(tf.int32, [None], name="sequence_length")
        labels = tf.placeholder(tf.int64, [None], name="y_true")
        lstm = cell(("recurrent.BasicLSTMCell", {"num_units": UNITS}))
        _, (_, h) = unrolled([lstm], False, x, lengths)
        w = tf.get_variable("w", [UNITS, CLASSES])
        b = tf.get_variable("b", [CLASSES], initializer=tf.zeros_initializer())
        loss = tf.losses.sparse_softmax_cross_entropy(labels, tf.matmul(h, w) + b)
        train = OPTIMIZERS[optimizer]().minimize(loss)
    return session.program(graph, train=session.train(train, loss))


# What 1.15.5 records. Of each part: what starts as TF1 does, and what is given values
# that make its options bind, lengths, and states to begin with.

LSTM = ("recurrent.BasicLSTMCell", {"num_units": 4})
GRU = ("recurrent.GRUCell", {"num_units": 3})
RESIDUAL = ("recurrent.ResidualWrapper", {"cell": GRU})
PROJECTED = (
    "recurrent.LSTMCell",
    {"num_units": 4, "use_peepholes": True, "num_proj": 3},
)
NARROW = (
    "recurrent.ResidualWrapper",
    {"cell": ("recurrent.BasicRNNCell", {"num_units": 3})},
)
FULL = {
    "num_units": 4,
    "use_peepholes": True,
    "cell_clip": 0.1,
    "num_proj": 3,
    "proj_clip": 0.05,
    "forget_bias": 0.3,
    "activation": "softsign",
}
DROPPED = {
    "cell": LSTM,
    "input_keep_prob": 0.7,
    "output_keep_prob": 0.5,
    "state_keep_prob": 0.9,
    "seed": 3,
}
# Nothing but dropout, to be equal to the bit.
ECHOED = {
    "cell": (ECHO, {"num_units": FEATURES}),
    "input_keep_prob": 0.8,
    "output_keep_prob": 0.7,
    "state_keep_prob": 0.9,
    "seed": (1, 14),
}
STARTS = {
    "BasicRNNCell": [{"num_units": 5}, {"num_units": 3, "kernel_initializer": UNIFORM}],
    "GRUCell": [
        {"num_units": 4},
        {"num_units": 3, "kernel_initializer": UNIFORM, "bias_initializer": UNIFORM},
    ],
    "BasicLSTMCell": [
        {"num_units": 4},
        {"num_units": 3, "kernel_initializer": UNIFORM},
    ],
    "LSTMCell": [
        {"num_units": 4},
        PROJECTED[1],
        {"num_units": 3, "initializer": UNIFORM},
    ],
    "DropoutWrapper": [
        {"cell": GRU, "seed": 1},
        ECHOED,
        dict(ECHOED, fed=True),
    ],
    "ResidualWrapper": [{"cell": GRU}],
    "MultiRNNCell": [{"cells": [GRU, PROJECTED, NARROW]}],
    "DynamicRNN": [{"cell": LSTM}],
    "BidirectionalDynamicRNN": [{"cell_fw": PROJECTED, "cell_bw": GRU}],
}
BOUND = {
    "BasicRNNCell": [{"num_units": 3, "activation": "relu"}],
    "GRUCell": [{"num_units": 3, "activation": "softsign"}],
    "BasicLSTMCell": [{"num_units": 3, "forget_bias": 0.0, "activation": "relu"}],
    "LSTMCell": [FULL],
    "DropoutWrapper": [DROPPED, dict(DROPPED, fed=True)],
    "ResidualWrapper": [{"cell": ("recurrent.LSTMCell", FULL)}],
    "MultiRNNCell": [{"cells": [GRU, RESIDUAL]}],
    "DynamicRNN": [{"cell": GRU, "time_major": True}],
    "BidirectionalDynamicRNN": [{"cell_fw": GRU, "cell_bw": LSTM, "time_major": True}],
    "lstm_weights_to_keras": [{"num_units": 5}, {"num_units": 3, "forget_bias": 0.3}],
    "lstm_weights_from_keras": [{"num_units": 5}, {"num_units": 3, "forget_bias": 0.3}],
    "gru_weights_to_keras": [{"num_units": 5}],
    "gru_weights_from_keras": [{"num_units": 5}],
    "basic_rnn_weights_to_keras": [{"num_units": 5}],
    "basic_rnn_weights_from_keras": [{"num_units": 5}],
    "carried": [{}],
}


def _cases():
    """Yields (name of a play, Case): all in float32, the last of a part in float64 too."""
    for part in SYMBOLS:
        name = part.partition(".")[2]
        starts = STARTS.get(name, [])
        ways = starts + BOUND[name]
        for number, arguments in enumerate(ways):
            bound = number >= len(starts)
            # The stock layers that take converted weights have neither, nor has it.
            loops = bound and not name.endswith("_keras") and part != CARRIED
            problem = {
                "features": FEATURES,
                "lengths": "int32" if loops else None,
                "initial": loops,
                "start": not bound,
            }
            dtypes = ["float32"] + ["float64"] * (number == len(ways) - 1)
            if arguments.get("cell", (None,))[0] == ECHO:
                dtypes = ["float16", "float32", "float64"]
            for dtype in dtypes:
                case = Case(part, arguments, dict(problem, dtype=dtype), None)
                yield f"{name} {number} {dtype}", case


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case: two steps on one batch."""
    built = program(*case[:3])
    time_major = loop_of(case.part, case.arguments)[1]
    x = np.random.RandomState(0).standard_normal((4, 7, FEATURES))
    x = x.astype(case.problem["dtype"])
    if time_major:
        x = x.transpose(1, 0, 2)
    lengths = np.array([0, 5, 7, 2], np.int32) if case.problem["lengths"] else None
    batch = batch_of(built, x, lengths, time_major)
    move = "predict" if case.part.endswith("_keras") else "train"
    values = None if case.problem["start"] else values_of(built)
    return built, [(move, batch)] * 2, values, None
