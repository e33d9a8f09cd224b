"""TF1's cells in networks of as many cells as there are steps.

A problem is one of ``recurrent`` without ``lengths``, with the number of ``steps``: of
these the graph is made. What is fed is one tensor, which TF1 was given as a list.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.parts import recurrent
from tf1_graph.parts.cases import Case
from tf1_graph.rnn_cell import while_loops

SYMBOLS = collections.OrderedDict(
    [
        ("recurrent.StaticRNN", "tf.nn.static_rnn"),
        ("recurrent.StaticBidirectionalRNN", "tf.nn.static_bidirectional_rnn"),
    ]
)


def loop_of(part, arguments):
    """([cell of each direction], whether time comes first)."""
    ways = ["cell"] if part == "recurrent.StaticRNN" else ["cell_fw", "cell_bw"]
    return [arguments[way] for way in ways], arguments.get("time_major", False)


def unrolled(directions, rows, states):
    """(outputs, states) of static_rnn or static_bidirectional_rnn; outputs are a list."""
    options = {"dtype": rows[0].dtype}
    if len(directions) == 1:
        (direction,), state = directions, states[0] if states else None
        return tf.nn.static_rnn(direction, rows, initial_state=state, **options)
    if states:
        options.update(initial_state_fw=states[0], initial_state_bw=states[1])
    outputs, *states = tf.nn.static_bidirectional_rnn(*directions, rows, **options)
    return outputs, states


def program(part, arguments, problem):
    """``train`` and ``predict`` of ``recurrent.program_of``, of an unrolled network."""
    specs, time_major = loop_of(part, arguments)
    dtype, inputs = problem["dtype"], collections.OrderedDict()
    axis, sizes = (0, [None, None]) if time_major else (1, [None, None])
    sizes[axis] = problem["steps"]
    with tf.Graph().as_default() as graph, while_loops(), recurrent.seeded_scope(
        specs[0]
    ):
        shape = sizes + [problem["features"]]
        x = inputs["x"] = tf.placeholder(dtype, shape, name="x")
        directions = [recurrent.cell(spec, dtype) for spec in specs]
        states = None
        if problem["initial"]:
            of_states = [direction.state_size for direction in directions]
            for number, size in enumerate(tf.nest.flatten(of_states)):
                name = f"initial_{number}"
                inputs[name] = tf.placeholder(dtype, [None, size], name=name)
            given = [inputs[name] for name in inputs if name.startswith("initial_")]
            states = tf.nest.pack_sequence_as(of_states, given)
        outputs, states = unrolled(directions, tf.unstack(x, axis=axis), states)
        seen = [tf.stack(outputs, axis), *tf.nest.flatten(states)]
        return recurrent.program_of(graph, inputs, seen)


# What 1.15.5 records: what starts as TF1 does, and what is given values and states
# to begin with.
STEPS = 5
ARGUMENTS = {
    "StaticRNN": [
        {"cell": recurrent.LSTM},
        {"cell": recurrent.GRU, "time_major": True},
    ],
    "StaticBidirectionalRNN": [
        {"cell_fw": recurrent.PROJECTED, "cell_bw": recurrent.GRU},
        {"cell_fw": recurrent.GRU, "cell_bw": recurrent.LSTM, "time_major": True},
    ],
}


def _cases():
    for name, ways in ARGUMENTS.items():
        for number, arguments in enumerate(ways):
            problem = {
                "features": recurrent.FEATURES,
                "steps": STEPS,
                "initial": bool(number),
                "start": not number,
            }
            for dtype in ["float32"] + ["float64"] * number:
                case = Case(
                    "recurrent." + name, arguments, dict(problem, dtype=dtype), None
                )
                yield f"{name} {number} {dtype}", case


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case: two steps on one batch."""
    built = program(*case[:3])
    time_major = loop_of(case.part, case.arguments)[1]
    x = np.random.RandomState(0).standard_normal((4, STEPS, recurrent.FEATURES))
    x = x.astype(case.problem["dtype"])
    if time_major:
        x = x.transpose(1, 0, 2)
    batch = recurrent.batch_of(built, x, time_major=time_major)
    values = None if case.problem["start"] else recurrent.values_of(built)
    return built, [("train", batch)] * 2, values, None
