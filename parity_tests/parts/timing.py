"""How long one step of each optimizer takes: TF1's, the part, and Keras's namesake.

All three are timed in turn in one run, and what counts is the ratio, taken round by
round, of which the median is stated. Each side has its gradient in memory already. TF1's
step is ``session.run(train)``; on the other side a tf.function takes the steps in a loop
of its own, as ``fit`` does with ``steps_per_execution``: what a call costs before its
first step would otherwise be most of the smallest updates.
"""

import contextlib
import statistics
import time

import numpy as np
import tensorflow as tf

from parity_tests.parts.making import made
from parity_tests.parts.optimizer_traps import KERAS_NAMESAKES
from tf1_graph.parts import optimizers as tf1_optimizers

# As many parameters as the notes' CNN has, in three variables.
DENSE_SHAPES = ((3136, 1024), (1024, 53), (1024,))
ROWS, COLUMNS = 1_000_000, 64
TOUCHED = 1024  # rows of an embedding that one batch touches, some of them twice
SIDES = ("tf1", "part", "keras")


def measure(part, sparse, rounds=5, seconds=0.5, rows=ROWS, on_round=None):
    """Milliseconds of one step on each side.

    Args:
        part: the descriptor of an optimizer.
        sparse: True for an embedding [rows, 64] of which a batch touches 1024 rows, with
            duplicates; False for 3.3 million dense parameters.
        rounds: how many rounds, each of every side in turn.
        seconds: of each side in a round, at least one step.
        rows: of the embedding.
        on_round: called after each round of each side.

    Returns:
        {side: {"milliseconds": median, "ratio": median of TF1's time over this side's in
        the same round}}; without "keras" where Keras has no such optimizer.
    """
    with contextlib.ExitStack() as finally_close:
        problem = _embedding(rows) if sparse else _dense()
        stepping = _runs(part, problem, finally_close)
        taken = _times(stepping, rounds, seconds, on_round)
    return {
        side: {
            "milliseconds": 1000 * statistics.median(times),
            "ratio": statistics.median(
                reference / own
                for reference, own in zip(taken["tf1"], times, strict=False)
            ),
        }
        for side, times in taken.items()
    }


def _runs(part, problem, finally_close):
    stepping = {
        "tf1": _session_run(part, *problem, finally_close),
        "part": _function_run(made(part.name, _arguments(part)), *problem),
    }
    if part.name in KERAS_NAMESAKES:
        make, _ = KERAS_NAMESAKES[part.name]
        stepping["keras"] = _function_run(make(0.01), *problem)
    return stepping


def _times(stepping, rounds, seconds, on_round):
    """{side: [seconds of a step, round by round]}."""
    counts = {}
    for side, run in stepping.items():
        run(1)
        begin = time.perf_counter()
        run(2)
        counts[side] = max(2, round(2 * seconds / (time.perf_counter() - begin)))
    taken = {side: [] for side in stepping}
    for _ in range(rounds):
        for side, run in stepping.items():
            begin = time.perf_counter()
            run(counts[side])
            taken[side].append((time.perf_counter() - begin) / counts[side])
            if on_round is not None:
                on_round()
    return taken


def _arguments(part):
    """The first sample of a part: its defaults, with a rate where TF1 asked for one."""
    return part.samples[0]


def _dense():
    random = np.random.RandomState(0)
    return [
        (
            random.standard_normal(shape).astype(np.float32),
            random.standard_normal(shape).astype(np.float32),
            None,
        )
        for shape in DENSE_SHAPES
    ], None


def _embedding(rows):
    random = np.random.RandomState(0)
    return [
        (
            np.zeros((rows, COLUMNS), np.float32),
            random.standard_normal((TOUCHED, COLUMNS)).astype(np.float32),
            random.randint(max(1, rows // 2), size=TOUCHED) // 2,
        )
    ], rows


def _gradient(values, indices, rows):
    """From variables, so that nothing can be computed before the step."""
    held = tf.Variable(values, trainable=False)
    if indices is None:
        return lambda: held.read_value()
    held_indices = tf.Variable(indices, trainable=False)
    return lambda: tf.IndexedSlices(
        held.read_value(),
        held_indices.read_value(),
        dense_shape=tf.constant([rows, COLUMNS], tf.int64),
    )


def _session_run(part, problem, rows, finally_close):
    """``session.run`` of one update in a graph of its own."""
    with tf.Graph().as_default() as graph:
        pairs = []
        for number, (value, gradient, indices) in enumerate(problem):
            variable = tf.compat.v1.get_variable(
                f"variable_{number}",
                value.shape,
                use_resource=True,
                initializer=tf.compat.v1.zeros_initializer(),
            )
            pairs.append((_gradient(gradient, indices, rows)(), variable))
        step = tf.compat.v1.train.get_or_create_global_step()
        train = tf1_optimizers.made(
            part.name, _arguments(part), step, tf.float32
        ).apply_gradients(pairs, step)
        initialise = tf.compat.v1.global_variables_initializer()
    session = tf.compat.v1.Session(graph=graph)
    finally_close.callback(session.close)
    session.run(initialise)

    def run(steps):
        for _ in range(steps):
            session.run(train)

    return run


def _function_run(optimizer, problem, rows):
    variables = [tf.Variable(np.zeros_like(value)) for value, _, _ in problem]
    gradients = [_gradient(values, indices, rows) for _, values, indices in problem]
    optimizer.build(variables)

    @tf.function
    def run(steps):
        for _ in tf.range(steps):
            optimizer.apply([gradient() for gradient in gradients], variables)

    return lambda steps: run(tf.constant(steps))
