"""tf.contrib.crf: linear-chain conditional random fields, scored, trained, decoded.

A problem says how many ``tags`` there are, the ``integers``' dtype, and whether the play
``start``s where TF1's initialiser does. 1.15.5 runs contrib's own functions. What stands
below for them is written from what contrib/crf/python/ops/crf.py of 1.15 computes, in ops
and a dynamic_rnn that both worlds have.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine
from tf1_graph.parts.recurrent import cell_class, seeded_scope, while_loops

NAMES = (
    "crf_binary_score",
    "crf_decode",
    "crf_log_likelihood",
    "crf_log_norm",
    "crf_multitag_sequence_score",
    "crf_sequence_score",
    "crf_unary_score",
    "viterbi_decode",
)
SYMBOLS = collections.OrderedDict(
    ("crf." + name, "tf.contrib.crf." + name) for name in NAMES
)


def unary_score(tags, lengths, inputs):
    batch, time, number = tf.unstack(tf.shape(inputs))
    places = tf.expand_dims(tf.range(batch) * time * number, 1)
    places += tf.expand_dims(tf.range(time) * number, 0)
    places = tf.reshape(tf.cast(places, tags.dtype) + tags, [-1])
    scores = tf.gather(tf.reshape(inputs, [-1]), places)
    mask = tf.sequence_mask(lengths, tf.shape(tags)[1], tf.float32)
    return tf.reduce_sum(tf.reshape(scores, [batch, time]) * mask, 1)


def binary_score(tags, lengths, transitions):
    steps = tags[:, :-1] * transitions.shape[0] + tags[:, 1:]
    scores = tf.gather(tf.reshape(transitions, [-1]), steps)
    mask = tf.sequence_mask(lengths, tf.shape(tags)[1], tf.float32)
    return tf.reduce_sum(scores * mask[:, 1:], 1)


def sequence_score(inputs, tags, lengths, transitions):
    def of_one_step():
        rows = tf.expand_dims(tf.range(tf.shape(inputs)[0]), 1)
        places = tf.concat([tf.cast(rows, tags.dtype), tags], 1)
        return none_of_no_steps(tf.gather_nd(inputs[:, 0], places), lengths)

    def of_several():
        unary = unary_score(tags, lengths, inputs)
        return unary + binary_score(tags, lengths, transitions)

    return by_steps(inputs, of_one_step, of_several)


def by_steps(inputs, of_one_step, of_several):
    """One step alone TF1 did not give to a dynamic_rnn."""
    return tf.cond(tf.equal(tf.shape(inputs)[1], 1), of_one_step, of_several)


def none_of_no_steps(scores, lengths):
    """[batch]: zero for a sequence of length zero."""
    return tf.where(lengths <= 0, tf.zeros_like(scores), scores)


def chain_cell(number, step):
    """A cell whose step is a function (inputs, state) -> (output, state)."""

    class Cell(cell_class("RNNCell")):
        state_size = output_size = number

        def __call__(self, inputs, state, **_):
            return step(inputs, state)

    return Cell()


def chain(step, inputs, lengths, dtype):
    """A dynamic_rnn from the first input over the others."""
    return tf.nn.dynamic_rnn(
        chain_cell(int(inputs.shape[-1]), step),
        inputs[:, 1:],
        tf.maximum(tf.zeros_like(lengths), lengths - 1),
        initial_state=inputs[:, 0],
        dtype=dtype,
    )


def log_norm(inputs, lengths, transitions):
    def step(of_step, alphas):
        scores = tf.expand_dims(alphas, 2) + tf.expand_dims(transitions, 0)
        alphas = of_step + tf.reduce_logsumexp(scores, [1])
        return alphas, alphas

    def of_one_step():
        norm = tf.reduce_logsumexp(inputs[:, 0], [1])
        return none_of_no_steps(norm, lengths)

    def of_several():
        _, alphas = chain(step, inputs, lengths, tf.float32)
        return none_of_no_steps(tf.reduce_logsumexp(alphas, [1]), lengths)

    return by_steps(inputs, of_one_step, of_several)


def log_likelihood(inputs, tags, lengths):
    number = int(inputs.shape[-1])
    transitions = tf.get_variable("transitions", [number, number])
    score = sequence_score(inputs, tags, lengths, transitions)
    return score - log_norm(inputs, lengths, transitions), transitions


def multitag_score(inputs, allowed, lengths, transitions):
    never = tf.fill(tf.shape(inputs), float("-inf"))
    return log_norm(tf.where(allowed, inputs, never), lengths, transitions)


def decode(inputs, transitions, lengths):
    def step(of_step, state):
        scores = tf.expand_dims(state, 2) + tf.expand_dims(transitions, 0)
        came_from = tf.cast(tf.argmax(scores, 1), tf.int32)
        return came_from, of_step + tf.reduce_max(scores, [1])

    def back(of_step, tag):
        rows = tf.range(tf.shape(tag)[0])
        tag = tf.gather_nd(of_step, tf.stack([rows, tag[:, 0]], 1))
        return tf.expand_dims(tag, -1), tf.expand_dims(tag, -1)

    def of_one_step():
        tags = tf.expand_dims(tf.argmax(inputs[:, 0], 1), 1)
        return tf.cast(tags, tf.int32), tf.reduce_max(inputs[:, 0], 1)

    def of_several():
        pointers, last = chain(step, inputs, lengths, tf.int32)
        before = tf.maximum(tf.zeros_like(lengths), lengths - 1)
        best = tf.expand_dims(tf.cast(tf.argmax(last, 1), tf.int32), -1)
        tags, _ = tf.nn.dynamic_rnn(
            chain_cell(1, back),
            tf.reverse_sequence(pointers, before, seq_axis=1),
            before,
            initial_state=best,
            dtype=tf.int32,
        )
        tags = tf.concat([best, tags[:, :, 0]], 1)
        tags = tf.reverse_sequence(tags, lengths, seq_axis=1)
        return tags, tf.reduce_max(last, 1)

    return by_steps(inputs, of_one_step, of_several)


def viterbi(score, transitions):
    best, pointers = score[0], []
    for of_step in score[1:]:
        scores = np.expand_dims(best, 1) + transitions
        best = (of_step + np.max(scores, 0)).astype(score.dtype)
        pointers.append(np.argmax(scores, 0))
    tags = [np.argmax(best)]
    for came_from in pointers[::-1]:
        tags.append(came_from[tags[-1]])
    return tags[::-1], np.max(best)


IN_OPS = {
    "crf_binary_score": binary_score,
    "crf_decode": decode,
    "crf_log_likelihood": log_likelihood,
    "crf_log_norm": log_norm,
    "crf_multitag_sequence_score": multitag_score,
    "crf_sequence_score": sequence_score,
    "crf_unary_score": unary_score,
    "viterbi_decode": viterbi,
}


def outputs_of(part, x, tags, allowed, lengths, transitions):
    """{name: output} of a function; ``transitions`` is None if it is to make them."""
    name = part.partition(".")[2]
    function = genuine(SYMBOLS[part], lost=IN_OPS[name])
    if name == "viterbi_decode":

        def of_the_first(scores, transitions):
            found, score = function(scores[0], transitions)
            return np.array(found, np.int64), np.float32(score)

        arguments = [x, transitions]
        found, score = tf.py_func(of_the_first, arguments, [tf.int64, tf.float32])
        return {"tags": found, "score": score}
    if name == "crf_decode":
        found, score = function(x, transitions, lengths)
        return {"tags": found, "score": score}
    if name == "crf_log_likelihood":
        score, _ = function(x, tags, lengths)
    elif name == "crf_unary_score":
        score = function(tags, lengths, x)
    elif name == "crf_binary_score":
        score = function(tags, lengths, transitions)
    elif name == "crf_log_norm":
        score = function(x, lengths, transitions)
    else:
        among = allowed if "multitag" in name else tags
        score = function(x, among, lengths, transitions)
    return {"score": score}


DECODERS = ("crf.crf_decode", "crf.viterbi_decode")


def program(part, _arguments, problem):
    """``train``: scores, gradients and a step of descent on their mean; or ``decode``."""
    number, integers = problem["tags"], problem["integers"]
    with tf.Graph().as_default() as graph, while_loops(), seeded_scope():
        inputs = collections.OrderedDict(
            [
                ("x", tf.placeholder(tf.float32, [None, None, number])),
                ("tags", tf.placeholder(integers, [None, None])),
                ("allowed", tf.placeholder(tf.bool, [None, None, number])),
                ("lengths", tf.placeholder(integers, [None])),
            ]
        )
        transitions = None
        if part != "crf.crf_log_likelihood":
            transitions = tf.get_variable("transitions", [number, number])
        outputs = outputs_of(part, transitions=transitions, **inputs)
        if part in DECODERS:
            moves = {"decode": session.move(outputs=outputs)}
        else:
            moves = {"train": training(inputs["x"], outputs)}
    return session.program(graph, inputs, **moves)


def training(x, outputs):
    loss = -tf.reduce_mean(outputs["score"])
    (transitions,) = tf.trainable_variables()
    gradients = {
        name: gradient
        for name, gradient in zip(
            ("transitions", "x"), tf.gradients(loss, [transitions, x])
        )
        if gradient is not None
    }
    op = ()
    if "transitions" in gradients:
        optimizer = tf.train.GradientDescentOptimizer(0.5)
        op = optimizer.apply_gradients([(gradients["transitions"], transitions)])
    return session.move(op, outputs=outputs, loss={"loss": loss}, gradients=gradients)


def batches(problem, seed=0):
    """Five batches: ragged, of one step, of none for some; scores with ties."""
    random = np.random.RandomState(seed)
    for size, time in ((4, 6), (3, 2), (2, 1), (5, 9), (4, 6)):
        shape = (size, time, problem["tags"])
        x = np.round(4 * random.standard_normal(shape)) / 4
        lengths = random.randint(0, time + 1, size)
        lengths[0] = time
        yield {
            "x": (x if time == 6 else random.standard_normal(shape)).astype(np.float32),
            "tags": random.randint(problem["tags"], size=(size, time)).astype(
                problem["integers"]
            ),
            "allowed": random.randint(3, size=shape) > 0,
            "lengths": lengths.astype(problem["integers"]),
        }


def transitions_of(problem, seed=0):
    random = np.random.RandomState([seed, 1])
    shape = [problem["tags"]] * 2
    return {"transitions": random.standard_normal(shape).astype(np.float32)}


def _cases():
    for part in SYMBOLS:
        for number, (tags, integers) in enumerate(((4, "int32"), (3, "int64"))):
            if integers == "int64" and part == "crf.viterbi_decode":
                continue  # it takes none
            problem = {"tags": tags, "integers": integers, "start": not number}
            name = f"{part.partition('.')[2]} {number} float32"
            yield name, Case(part, {}, problem, None)


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case."""
    move = "decode" if case.part in DECODERS else "train"
    moves = [(move, batch) for batch in batches(case.problem)]
    values = None if case.problem["start"] else transitions_of(case.problem)
    return program(*case[:3]), moves, values, None
