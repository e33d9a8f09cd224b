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
from parity_tests.parts.optimizer_traps import KERAS_NAMESAKES, RATE
from parity_tests.parts.optimizer_twins import gradient_of
from tf1_graph import session
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
    problem = embedding(rows) if sparse else dense()
    with contextlib.ExitStack() as finally_close:
        stepping = {
            "tf1": session_run(part, problem, finally_close),
            "part": function_run(made(part.name, part.samples[0]), problem),
        }
        if part.name in KERAS_NAMESAKES:
            make, _ = KERAS_NAMESAKES[part.name]
            stepping["keras"] = function_run(make(RATE), problem)
        taken = _times(stepping, rounds, seconds, on_round)
    return {
        side: {
            "milliseconds": 1000 * statistics.median(times),
            "ratio": statistics.median(
                reference / own
                for reference, own in zip(taken["tf1"], times, strict=True)
            ),
        }
        for side, times in taken.items()
    }


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


def dense():
    """A problem of optimizers: 3.3 million parameters."""
    random = np.random.RandomState(0)
    gradients = {
        f"variable_{number}": random.standard_normal(shape).astype(np.float32)
        for number, shape in enumerate(DENSE_SHAPES)
    }
    return {name: np.zeros_like(array) for name, array in gradients.items()}, [
        gradients
    ]


def embedding(rows):
    """A problem of optimizers: a table of which few rows have a gradient."""
    random = np.random.RandomState(0)
    gradient = {
        "table values": random.standard_normal((TOUCHED, COLUMNS)).astype(np.float32),
        "table indices": random.randint(max(1, rows // 2), size=TOUCHED) // 2,
    }
    return {"table": np.zeros((rows, COLUMNS), np.float32)}, [gradient]


def session_run(part, problem, finally_close):
    """steps -> None: ``session.run`` of the program that the tests compare."""
    program = tf1_optimizers.program(part.name, part.samples[0], problem, held=True)
    opened = session.open_session(program.graph)
    finally_close.callback(opened.close)
    session.initialise(opened, program, tf1_optimizers.held(problem))

    def run(steps):
        for _ in range(steps):
            session.run(opened, program, "train", {}, unseen=True)

    return run


def function_run(optimizer, problem):
    """steps -> None: a function that takes the steps in a loop of its own."""
    values, (batch,) = problem
    variables = {name: tf.Variable(value) for name, value in values.items()}
    # From variables, so that nothing can be computed before the step.
    held = {name: tf.Variable(array, trainable=False) for name, array in batch.items()}
    optimizer.build(list(variables.values()))

    @tf.function
    def run(steps):
        for _ in tf.range(steps):
            read = {name: variable.read_value() for name, variable in held.items()}
            gradients = [
                gradient_of(name, variable, read)
                for name, variable in variables.items()
            ]
            optimizer.apply(gradients, list(variables.values()))

    return lambda steps: run(tf.constant(steps))
