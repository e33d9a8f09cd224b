"""TF1's attention: programs of one mechanism, and of a step of a cell with one.

A problem says whether the memory has ``lengths``, and the ``dtype``. Variables are those
of the scope ``layer``.
"""

import collections
import math

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine
from tf1_graph.parts.initializers import initializer
from tf1_graph.parts.recurrent import cell as rnn_cell

SYMBOLS = collections.OrderedDict(
    [
        ("attention.AttentionWrapper", "tf.contrib.seq2seq.AttentionWrapper"),
        ("attention.BahdanauAttention", "tf.contrib.seq2seq.BahdanauAttention"),
        ("attention.LuongAttention", "tf.contrib.seq2seq.LuongAttention"),
        ("attention.hardmax", "tf.contrib.seq2seq.hardmax"),
    ]
)
FEATURES, DEPTH, UNITS = 3, 5, 4


def hardmax(logits):
    """contrib's, or what it built."""

    def in_ops(logits):
        classes = tf.shape(logits)[-1]
        return tf.one_hot(tf.argmax(logits, -1), classes, dtype=logits.dtype)

    return genuine(SYMBOLS["attention.hardmax"], lost=in_ops)(logits)


PROBABILITIES = {"softmax": tf.nn.softmax, "hardmax": hardmax}


def product(x, width, name):
    """A dense layer without a bias, as tf.layers made it."""
    with tf.variable_scope(name):
        kernel = tf.get_variable("kernel", [int(x.shape[-1]), width], x.dtype)
    if x.shape.rank == 2:
        return tf.matmul(x, kernel)
    return tf.tensordot(x, kernel, [[x.shape.rank - 1], [0]])


class Mechanism:
    """What contrib's mechanisms of 1.15 built, in ops that there are today."""

    def __init__(
        self,
        part,
        num_units,
        memory,
        memory_sequence_length=None,
        scale=False,
        normalize=False,
        probability_fn=None,
        score_mask_value=None,
    ):
        self.part, self.num_units = part, num_units
        self.scale, self.normalize = scale, normalize
        self.probability = probability_fn or tf.nn.softmax
        self.mask_value = -np.inf if score_mask_value is None else score_mask_value
        self.lengths = memory_sequence_length
        self.values = memory
        if self.lengths is not None:
            inside = tf.sequence_mask(self.lengths, tf.shape(memory)[1], memory.dtype)
            self.values = memory * tf.expand_dims(inside, 2)
        self.keys = product(self.values, num_units, "memory_layer")

    def __call__(self, query, _state=None):
        part = self.part.partition(".")[2]
        score = {"LuongAttention": self.luong, "BahdanauAttention": self.bahdanau}
        score = score[part](query)
        if self.lengths is not None:
            mask = tf.sequence_mask(self.lengths, tf.shape(score)[1])
            score = tf.where(mask, score, self.mask_value * tf.ones_like(score))
        alignments = self.probability(score)
        return alignments, alignments

    def variable(self, name, shape, dtype, start=None):
        return tf.get_variable(name, shape, dtype, start)

    def luong(self, query):
        with tf.variable_scope("luong_attention"):
            score = tf.matmul(tf.expand_dims(query, 1), self.keys, transpose_b=True)
            score = tf.squeeze(score, [1])
            if self.scale:
                ones = tf.ones_initializer()
                score = self.variable("attention_g", (), query.dtype, ones) * score
        return score

    def bahdanau(self, query):
        with tf.variable_scope("bahdanau_attention"):
            query = product(query, self.num_units, "query_layer")
            units, dtype = [self.num_units], query.dtype
            v = self.variable("attention_v", units, dtype)
            total = self.keys + tf.expand_dims(query, 1)
            if self.normalize:
                start = tf.constant_initializer(math.sqrt(1.0 / self.num_units))
                g = self.variable("attention_g", (), dtype, start)
                zeros = tf.zeros_initializer()
                total += self.variable("attention_b", units, dtype, zeros)
                v = g * v * tf.rsqrt(tf.reduce_sum(tf.square(v)))
            return tf.reduce_sum(v * tf.tanh(total), [2])


def mechanism(part, arguments, memory, lengths=None):
    """contrib's, or the same in ops. Its first query makes its variables."""
    arguments = dict(arguments, memory=memory, memory_sequence_length=lengths)
    if arguments.get("probability_fn") is not None:
        arguments["probability_fn"] = PROBABILITIES[arguments["probability_fn"]]
    made = genuine(SYMBOLS[part])
    if made is None:
        return Mechanism(part, **arguments)
    return made(dtype=memory.dtype, **arguments)


class Wrapper:
    """What contrib's AttentionWrapper of 1.15 built, in ops that there are today."""

    State = collections.namedtuple(
        "State", ["cell_state", "attention", "time", "alignments", "alignment_history"]
    )

    def __init__(
        self,
        cell,
        attention_mechanism,
        attention_layer_size=None,
        alignment_history=False,
        output_attention=True,
    ):
        self.cell, self.mechanism = cell, attention_mechanism
        self.size, self.keeps = attention_layer_size, alignment_history
        self.output_attention = output_attention

    def zero_state(self, batch_size, dtype):
        size = self.size or int(self.mechanism.values.shape[-1])
        return self.State(
            self.cell.zero_state(batch_size, dtype),
            tf.zeros([batch_size, size], dtype),
            tf.zeros([], tf.int32),
            None,
            tf.TensorArray(dtype, 0, dynamic_size=True) if self.keeps else (),
        )

    def __call__(self, inputs, state):
        with tf.variable_scope("attention_wrapper", reuse=tf.AUTO_REUSE):
            cell_inputs = tf.concat([inputs, state.attention], -1)
            output, cell_state = self.cell(cell_inputs, state.cell_state)
            output = tf.identity(output)
            alignments, _ = self.mechanism(output)
            context = tf.matmul(tf.expand_dims(alignments, 1), self.mechanism.values)
            attention = tf.squeeze(context, [1])
            if self.size is not None:
                both = tf.concat([output, attention], 1)
                attention = product(both, self.size, "attention_layer")
        history = state.alignment_history
        if self.keeps:
            history = history.write(state.time, alignments)
        state = self.State(cell_state, attention, state.time + 1, alignments, history)
        return (attention if self.output_attention else output), state


def start_of(arguments):
    """(arguments without it, what draws where nothing else is said: TF1's scope did)."""
    arguments = dict(arguments)
    default = ("initializers.GlorotUniform", {"seed": 5})
    return arguments, initializer(arguments.pop("kernel_initializer", default))


def wrapper_of(arguments, memory, lengths):
    """A wrapped cell; ``arguments`` are those of the part."""
    arguments = dict(arguments)
    part, of_mechanism = arguments.pop("attention_mechanism")
    of_mechanism, _ = start_of(of_mechanism)
    wrapper = genuine(SYMBOLS["attention.AttentionWrapper"])
    if wrapper is None:
        wrapper = Wrapper
    else:
        arguments["dtype"] = memory.dtype
    return wrapper(
        rnn_cell(arguments.pop("cell"), memory.dtype.name),
        mechanism(part, of_mechanism, memory, lengths),
        **arguments,
    )


def attended(cell, x, memory, placeholder):
    """(outputs, carried) of a step on x [batch, FEATURES]; a play carries the state."""
    state = cell.zero_state(tf.shape(memory)[0], x.dtype)
    fed = [
        placeholder(name, x.dtype, None, int(tensor.shape[-1]))
        for name, tensor in carried_of(state).items()
    ]
    cell_state = tf.nest.pack_sequence_as(state.cell_state, fed[1:])
    state = state._replace(attention=fed[0], cell_state=cell_state)
    output, state = cell(x, state)
    outputs = collections.OrderedDict(output=output, alignments=state.alignments)
    if isinstance(state.alignment_history, tf.TensorArray):
        outputs["history"] = state.alignment_history.stack()
    return outputs, carried_of(state)


def carried_of(state):
    """{name: tensor} of what a step hands on."""
    tensors = [state.attention] + tf.nest.flatten(state.cell_state)
    return collections.OrderedDict(
        (f"state_{number}", tensor) for number, tensor in enumerate(tensors)
    )


def program(part, arguments, problem):
    """The move ``attend`` reports outputs, and gradients by ``upstream`` of them."""
    dtype, inputs = problem["dtype"], collections.OrderedDict()

    def placeholder(name, dtype, *shape):
        inputs[name] = tf.placeholder(dtype, shape, name=name)
        return inputs[name]

    arguments, start = start_of(arguments)
    with tf.Graph().as_default() as graph:
        if part == "attention.hardmax":
            x = placeholder("x", dtype, None, None)
            outputs = {"y": hardmax(x)}
            return session.program(graph, inputs, attend=session.move(outputs=outputs))
        with tf.variable_scope("layer", initializer=start):
            wrapped, carried = part == "attention.AttentionWrapper", {}
            x = placeholder("x", dtype, None, FEATURES if wrapped else UNITS)
            memory = placeholder("memory", dtype, None, None, DEPTH)
            lengths = None
            if problem["lengths"]:
                lengths = placeholder("memory_sequence_length", "int32", None)
            if wrapped:
                cell = wrapper_of(arguments, memory, lengths)
                outputs, carried = attended(cell, x, memory, placeholder)
            else:
                alignments, _ = mechanism(part, arguments, memory, lengths)(x, None)
                outputs = {"alignments": alignments}
        y = next(iter(outputs.values()))
        upstream = placeholder("upstream", dtype, *y.shape)
        sources = collections.OrderedDict(
            (variable.op.name, variable) for variable in tf.trainable_variables()
        )
        sources.update(
            (name, tensor)
            for name, tensor in inputs.items()
            if tensor.dtype.is_floating and name != "upstream"
        )
        gradients = dict(
            zip(sources, tf.gradients(y, list(sources.values()), upstream))
        )
    gradients = {name: value for name, value in gradients.items() if value is not None}
    move = session.move(outputs=outputs, gradients=gradients, carried=carried)
    return session.program(graph, inputs, attend=move)


# Every instance that the tests build.

GLOROT = ("initializers.GlorotUniform", {"seed": 11})
LUONG = ("attention.LuongAttention", {"num_units": UNITS})
GRU = ("recurrent.GRUCell", {"num_units": UNITS})
LSTM = ("recurrent.BasicLSTMCell", {"num_units": UNITS})
NORMALIZED = ("attention.BahdanauAttention", {"num_units": 6, "normalize": True})
VARIANTS = {
    "attention.AttentionWrapper": [
        ({"cell": GRU, "attention_mechanism": LUONG}, True, "float32"),
        (
            {
                "cell": LSTM,
                "attention_mechanism": NORMALIZED,
                "attention_layer_size": 3,
                "alignment_history": True,
            },
            True,
            "float32",
        ),
        (
            {
                "cell": GRU,
                "attention_mechanism": LUONG,
                "attention_layer_size": 3,
                "kernel_initializer": GLOROT,
                "output_attention": False,
            },
            False,
            "float64",
        ),
    ],
    "attention.BahdanauAttention": [
        ({"num_units": 6}, True, "float32"),
        ({"num_units": 6, "normalize": True}, True, "float64"),
        ({"num_units": 3, "normalize": True}, False, "float32"),
        ({"num_units": 3, "probability_fn": "hardmax"}, True, "float32"),
        (
            {"num_units": 3, "score_mask_value": -2.0, "kernel_initializer": GLOROT},
            True,
            "float32",
        ),
    ],
    "attention.LuongAttention": [
        ({"num_units": UNITS}, True, "float32"),
        ({"num_units": UNITS, "scale": True}, False, "float32"),
        ({"num_units": UNITS, "scale": True}, True, "float64"),
        ({"num_units": UNITS, "probability_fn": "hardmax"}, True, "float32"),
        (
            {
                "num_units": UNITS,
                "score_mask_value": -2.0,
                "kernel_initializer": GLOROT,
            },
            True,
            "float32",
        ),
    ],
    "attention.hardmax": [({}, False, "float32"), ({}, False, "float64")],
}


def variants():
    """Yields (part, arguments, problem) of each."""
    for part, ways in VARIANTS.items():
        for arguments, lengths, dtype in ways:
            yield part, arguments, {"lengths": lengths, "dtype": dtype}


def ordinary(built, seed=0):
    """(moves, values): two batches, and a value for each variable."""
    random = np.random.RandomState(seed)

    def normal(shape, dtype):
        return random.standard_normal(shape).astype(tf.as_dtype(dtype).as_numpy_dtype)

    values = {
        name: normal(variable.shape.as_list(), variable.dtype.base_dtype)
        for name, variable in built.variables.items()
    }
    moves = []
    for batch, time in ((3, 6), (3, 6), (2, 4)):
        fed = {}
        for name, tensor in built.inputs.items():
            sizes = tensor.shape.as_list()
            if name == "memory_sequence_length":
                fed[name] = random.randint(1, time + 1, size=batch).astype(np.int32)
            elif len(moves) != 1 or not name.startswith("state"):  # else carried
                shape = [batch] + [size or time for size in sizes[1:]]
                fed[name] = normal(shape, tensor.dtype)
            if name == "x" and len(built.inputs) == 1:
                fed[name] = np.round(fed[name])  # some are equal
        moves.append(("attend", fed))
    return moves, values


def _cases():
    """Yields (name of a play, Case)."""
    numbers = collections.Counter()
    for part, arguments, problem in variants():
        name = "{} {} {}".format(
            part.partition(".")[2], numbers[part], problem["dtype"]
        )
        started = "kernel_initializer" in arguments
        yield name, Case(part, arguments, dict(problem, start=started), None)
        numbers[part] += 1


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case."""
    built = program(*case[:3])
    moves, values = ordinary(built)
    return built, moves, None if case.problem["start"] else values, None
