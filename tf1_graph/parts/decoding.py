"""contrib.seq2seq's decoders: cells that are fed the truth, or search among beams.

A problem is the ``dtype``. 1.15.5 runs
contrib's own classes. What stands below for them is written from what they computed in
1.15, in the ops of both.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine
from tf1_graph.parts.recurrent import cell, seeded_scope, while_loops

SYMBOLS = collections.OrderedDict(
    [
        ("decoding.beam_search", "tf.contrib.seq2seq.BeamSearchDecoder"),
        ("decoding.teacher_forced", "tf.contrib.seq2seq.BasicDecoder"),
    ]
)
Outputs = collections.namedtuple("Outputs", ["rnn_output"])
FinalOutputs = collections.namedtuple("FinalOutputs", ["predicted_ids"])
SearchState = collections.namedtuple("SearchState", ["cell_state", "log_probs"])


class TrainingHelper:
    """contrib's: inputs [B, T, E], and how many steps each example has."""

    def __init__(self, inputs, sequence_length):
        self.inputs, self.sequence_length = inputs, sequence_length


class BasicDecoder:
    """contrib's, with a TrainingHelper."""

    def __init__(self, cell, helper, initial_state):
        self.cell, self.helper, self.initial_state = cell, helper, initial_state

    def decoded(self, _maximum_iterations):
        inputs, steps = self.helper.inputs, tf.reduce_max(self.helper.sequence_length)
        by_time = tf.TensorArray(inputs.dtype, tf.shape(inputs)[1])
        by_time = by_time.unstack(tf.transpose(inputs, [1, 0, 2]))

        def body(time, outputs, state):
            output, state = self.cell(by_time.read(time), state)
            return time + 1, outputs.write(time, output), without_alignments(state)

        start = without_alignments(self.initial_state)
        outputs = tf.TensorArray(inputs.dtype, steps)
        _, outputs, state = tf.while_loop(
            lambda time, *_: time < steps, body, (0, outputs, start)
        )
        return Outputs(tf.transpose(outputs.stack(), [1, 0, 2])), state, None


def without_alignments(state):
    """An attention's state as a loop carries it: no step reads the last alignments."""
    return state._replace(alignments=()) if hasattr(state, "alignments") else state


class BeamSearchDecoder:
    """contrib's, without penalties."""

    def __init__(
        self,
        cell,
        embedding,
        start_tokens,
        end_token,
        initial_state,
        beam_width,
        output_layer=None,
    ):
        self.cell, self.embedding, self.output_layer = cell, embedding, output_layer
        self.start_tokens, self.end_token = start_tokens, end_token
        self.initial_state, self.beam_width = initial_state, beam_width

    def decoded(self, maximum_iterations):
        width, end, batch = self.beam_width, self.end_token, tf.size(self.start_tokens)
        initial_state = without_alignments(self.initial_state)
        dtype = tf.nest.flatten(initial_state)[0].dtype

        def body(written, log_probs, state):
            words = tf.reshape(written[:, -1], [-1])
            output, state = self.cell(
                tf.nn.embedding_lookup(self.embedding, words), state
            )
            state = without_alignments(state)
            logits = self.output_layer(output) if self.output_layer else output
            number = int(logits.shape[-1])
            step_log_probs = tf.nn.log_softmax(logits)
            step_log_probs = tf.reshape(step_log_probs, [batch, width, number])
            # What has ended goes on with the end alone, at no cost.
            ended = tf.one_hot(end, number, 0.0, dtype.min, dtype=dtype)
            finished = tf.equal(written[:, -1, :, tf.newaxis], end)  # [B, W, 1]
            step_log_probs = tf.where_v2(finished, ended, step_log_probs)
            total = log_probs[:, :, tf.newaxis] + step_log_probs
            log_probs, chosen = tf.nn.top_k(tf.reshape(total, [batch, -1]), width)
            parents, words = chosen // number, chosen % number  # [B, W]
            rows = tf.reshape(parents + width * tf.range(batch)[:, tf.newaxis], [-1])
            state = tf.nest.map_structure(
                lambda part: tf.gather(part, rows) if part.shape.rank else part, state
            )
            written = tf.gather(written, parents, axis=2, batch_dims=1)
            written = tf.concat([written, words[:, tf.newaxis]], 1)
            return written, log_probs, state

        def unfinished(written, _log_probs, _state):
            return ~tf.reduce_all(tf.equal(written[:, -1], end))

        written = self.start_tokens[:, tf.newaxis, tf.newaxis]
        written = tf.tile(written, [1, 1, width])
        # All beams begin alike: only the first can be chosen from.
        first = tf.zeros([batch], tf.int32)
        log_probs = tf.one_hot(first, width, 0.0, -np.inf, dtype=dtype)
        shapes = tf.nest.map_structure(
            lambda part: part.shape, (log_probs, initial_state)
        )
        written, log_probs, state = tf.while_loop(
            unfinished,
            body,
            (written, log_probs, initial_state),
            shape_invariants=(tf.TensorShape([None, None, width]),) + shapes,
            maximum_iterations=maximum_iterations,
        )
        return FinalOutputs(written[:, 1:]), SearchState(state, log_probs), None


def dynamic_decode(decoder, maximum_iterations=None, scope=None):
    """contrib's: (outputs, final state, lengths), of the stand-ins None for the last."""
    decode = genuine("tf.contrib.seq2seq.dynamic_decode")
    if decode is not None:
        return decode(decoder, maximum_iterations=maximum_iterations, scope=scope)
    with tf.variable_scope(scope or "decoder"):
        return decoder.decoded(maximum_iterations)


class Dense:
    """``tf.layers.Dense`` without a bias, which compat.v1 has lost."""

    def __init__(self, units, use_bias, name):
        assert not use_bias, "It has a product alone."
        self.units, self.name, self.kernel = units, name, None

    def __call__(self, x):
        if self.kernel is None:
            with tf.variable_scope(self.name):
                shape = [int(x.shape[-1]), self.units]
                self.kernel = tf.get_variable("kernel", shape, x.dtype)
        if x.shape.rank == 2:
            return tf.matmul(x, self.kernel)
        return tf.tensordot(x, self.kernel, 1)


def dense(units, name):
    """A dense layer of a decoder's outputs."""
    of_today = not tf.__version__.startswith("1.")
    layer = Dense if of_today else genuine("tf.layers.Dense")
    return layer(units, use_bias=False, name=name)


FEATURES, START, END = 3, 1, 2


def program(part, arguments, problem):
    """The move ``decode`` reports outputs, and gradients by ``upstream`` of the truth's."""
    arguments, dtype = dict(arguments), problem["dtype"]
    inputs = collections.OrderedDict()

    def placeholder(name, *shape):
        inputs[name] = tf.placeholder(dtype, shape, name=name)
        return inputs[name]

    with tf.Graph().as_default() as graph, while_loops(), seeded_scope():
        of_step = cell(arguments.pop("cell"), dtype)
        state = placeholder("state", None, of_step.state_size)
        if part == "decoding.teacher_forced":
            x = placeholder("x", None, None, FEATURES)
            batch, steps, _ = tf.unstack(tf.shape(x))
            helper = genuine("tf.contrib.seq2seq.TrainingHelper", lost=TrainingHelper)
            decoder = genuine(SYMBOLS[part], lost=BasicDecoder)(
                of_step, helper(x, tf.fill([batch], steps)), state
            )
            outputs, last, _ = dynamic_decode(decoder)
            y = outputs.rnn_output
            upstream = placeholder("upstream", None, None, of_step.output_size)
            sources = {v.op.name: v for v in tf.trainable_variables()}
            sources.update(x=x, state=state)
            gradients = tf.gradients(y, list(sources.values()), upstream)
            seen = {
                "outputs": {"y": y, "last": last},
                "gradients": dict(zip(sources, gradients)),
            }
        else:
            width = arguments["beam_width"]
            arguments["start_tokens"] = tf.fill([tf.shape(state)[0] // width], START)
            arguments["embedding"] = placeholder("embedding", None, FEATURES)
            if "output_layer" in arguments:
                arguments["output_layer"] = dense(arguments["output_layer"], "words")
            most = arguments.pop("maximum_iterations", None)
            decoder = genuine(SYMBOLS[part], lost=BeamSearchDecoder)(
                of_step, end_token=END, initial_state=state, **arguments
            )
            outputs, last, _ = dynamic_decode(decoder, maximum_iterations=most)
            words = outputs.predicted_ids
            seen = {"outputs": {"words": words, "log_probs": last.log_probs}}
    return session.program(graph, inputs, decode=session.move(**seen))


# float64 and a cell of sums alone: nothing that 1.15 rounded otherwise hides what a loop
# does.
RNN = ("recurrent.BasicRNNCell", {"num_units": 5, "activation": "relu"})
VARIANTS = {
    "decoding.beam_search": [
        {"cell": RNN, "beam_width": 3},
        {"cell": RNN, "beam_width": 4, "maximum_iterations": 3},
        {"cell": RNN, "beam_width": 2, "output_layer": 4, "maximum_iterations": 6},
        {"cell": RNN, "beam_width": 1, "output_layer": 6},
    ],
    "decoding.teacher_forced": [{"cell": RNN}],
}


def variants():
    """Yields (part, arguments, problem) of each."""
    for part, ways in VARIANTS.items():
        for arguments in ways:
            yield part, arguments, {"dtype": "float64"}


def ordinary(built, arguments, seed=0):
    """(moves, values): two batches, and a value for each variable."""
    random = np.random.RandomState(seed)
    values = {
        name: random.standard_normal(variable.shape.as_list())
        for name, variable in built.variables.items()
    }
    for value in values.values():
        value[..., END] += 2.0  # what is written ends some time
    moves = []
    for batch, time in ((3, 6), (1, 1)):
        rows = batch * arguments.get("beam_width", 1)
        fed = {}
        for name, tensor in built.inputs.items():
            sizes = {"embedding": [8], "state": [rows]}.get(name, [batch, time])
            fed[name] = random.standard_normal(sizes + [int(tensor.shape[-1])])
            if name == "state":  # the beams of an example begin alike
                fed[name] = np.repeat(fed[name][:batch], rows // batch, axis=0)
        moves.append(("decode", fed))
    return moves, values


def _cases():
    """Yields (name of a play, Case)."""
    numbers = collections.Counter()
    for part, arguments, problem in variants():
        yield (
            "{} {}".format(part.partition(".")[2], numbers[part]),
            Case(part, arguments, problem, None),
        )
        numbers[part] += 1


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case."""
    built = program(*case[:3])
    return (built,) + ordinary(built, case.arguments) + (None,)
