"""TF1's decays: programs that compute one rate after another.

A problem is a list of steps, in the order in which the rates are computed.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine

SYMBOLS = {
    "schedules.ExponentialDecay": "tf.train.exponential_decay",
    "schedules.NaturalExpDecay": "tf.train.natural_exp_decay",
    "schedules.InverseTimeDecay": "tf.train.inverse_time_decay",
    "schedules.PiecewiseConstant": "tf.train.piecewise_constant",
    "schedules.PolynomialDecay": "tf.train.polynomial_decay",
    "schedules.CosineDecay": "tf.train.cosine_decay",
    "schedules.CosineDecayRestarts": "tf.train.cosine_decay_restarts",
    "schedules.LinearCosineDecay": "tf.train.linear_cosine_decay",
    "schedules.NoisyLinearCosineDecay": "tf.train.noisy_linear_cosine_decay",
    "schedules.WarmUp": "create_optimizer",  # of google-research/bert
}
NOISY = "schedules.NoisyLinearCosineDecay"
WARM_UP = "schedules.WarmUp"


def rate(part, arguments, global_step):
    """A scalar: the learning rate at the step that ``global_step`` holds.

    ``dtype`` says what the first rate, or the rates, are given as: a Python number is a
    float32, a NumPy one of float64 makes it all one. ``seed``, (graph seed, op seed) or
    the op seed alone, goes to the noise.
    """
    arguments = dict(arguments)
    as_given = {"float32": lambda value: value, "float64": np.float64}[
        arguments.pop("dtype", "float32")
    ]
    seed = arguments.pop("seed", 0)
    if part == WARM_UP:
        return warmed_up(global_step=global_step, **arguments)
    decay = genuine(SYMBOLS[part])
    if part == "schedules.PiecewiseConstant":
        integer = global_step.dtype.base_dtype.as_numpy_dtype
        return decay(
            global_step,
            [integer(boundary) for boundary in arguments["boundaries"]],
            [as_given(float(value)) for value in arguments["values"]],
        )
    arguments["learning_rate"] = as_given(arguments["learning_rate"])
    value = decay(global_step=global_step, **arguments)
    if part == NOISY:
        _seed_the_noise(value.graph, seed)
    return value


def warmed_up(
    learning_rate,
    decay_steps,
    warmup_steps,
    global_step,
    end_learning_rate=0.0,
    power=1.0,
):
    """A scalar: the rate that BERT's ``create_optimizer`` computed."""
    rate = tf.train.polynomial_decay(
        learning_rate, global_step, decay_steps, end_learning_rate, power
    )
    if not warmup_steps:
        return rate
    step = tf.cast(global_step, tf.float32)
    steps = tf.constant(warmup_steps, tf.float32)
    is_warmup = tf.cast(step < steps, tf.float32)
    warmup_rate = learning_rate * (step / steps)
    return (1.0 - is_warmup) * rate + is_warmup * warmup_rate


def _seed_the_noise(graph, seed):
    """Gives the decay's random op its seeds.

    TF1 took no op seed here: it was the number of ops in the graph by then.
    """
    graph_seed, op_seed = seed if isinstance(seed, tuple) else (None, seed)
    with tf.Graph().as_default():
        if graph_seed is not None:
            tf.set_random_seed(graph_seed)
        seeds = tf.get_seed(op_seed)
    (noise,) = [
        operation
        for operation in graph.get_operations()
        if operation.type == "RandomStandardNormal"
    ]
    for name, value in zip(("seed", "seed2"), seeds):
        noise._set_attr(name, tf.AttrValue(i=value))


def program(part, arguments, _steps=None):
    """The program: ``count`` sets the step; ``train`` and ``look`` compute the rate.

    Nothing fetches the rate, as in training: what is fetched is bracketed otherwise.
    ``look`` sees the variable that has been set to it.
    """
    with tf.Graph().as_default() as graph:
        step = tf.placeholder(tf.int64, [], name="step")
        global_step = tf.train.get_or_create_global_step()
        computed = rate(part, arguments, global_step)
        variable = tf.get_variable(
            "rate", [], computed.dtype, tf.zeros_initializer(), trainable=False
        )
        train = tf.group(tf.assign(variable, computed))
        with tf.control_dependencies([train]):
            looked_at = variable.read_value()
        count = tf.group(tf.assign(global_step, step))
    return session.program(
        graph,
        count=session.move(count),
        train=session.move(train),
        look=session.move(train, outputs={"rate": looked_at}),
    )


def uncounted(part, arguments):
    """A program that minimises without ``global_step=``: ``train`` sees its rate."""
    with tf.Graph().as_default() as graph:
        computed = rate(part, arguments, tf.train.get_or_create_global_step())
        weights = tf.get_variable("weights", initializer=1.0)
        train = tf.train.GradientDescentOptimizer(computed).minimize(weights)
    return session.program(graph, train=session.move(train, outputs={"rate": computed}))


def moves(problem, computing=("train", "look")):
    """What sets every step of a problem and then computes its rate.

    Args:
        computing: the moves that compute it; only one if there is noise, which is new
            in every run.
    """
    return [
        move
        for step in problem
        for move in [("count", {"step": np.int64(step)})]
        + [(name, {}) for name in computing]
    ]


STEPS = list(range(8)) + [13, 29, 30, 31, 59, 60, 90, 120, 2**24 + 1]
_DECAY = {"learning_rate": 0.1, "decay_steps": 30}
_RATE = dict(_DECAY, decay_rate=0.7)
_WAVES = {"decay_steps": 7, "num_periods": 2, "alpha": 0.2, "beta": 0.0}
ARGUMENTS = collections.OrderedDict(
    [
        (
            "ExponentialDecay",
            [_RATE, dict(_RATE, learning_rate=0.3, staircase=True, dtype="float64")],
        ),
        (
            "NaturalExpDecay",
            [_RATE, dict(_RATE, learning_rate=0.3, staircase=True, dtype="float64")],
        ),
        (
            "InverseTimeDecay",
            [_RATE, dict(_RATE, decay_rate=2, staircase=True, dtype="float64")],
        ),
        (
            "PiecewiseConstant",
            [
                {"boundaries": [10, 20], "values": [0.3, 0.1, 0.01]},
                {"boundaries": [5], "values": [1, 0.1], "dtype": "float64"},
            ],
        ),
        (
            "PolynomialDecay",
            [
                _DECAY,
                dict(_DECAY, end_learning_rate=0.001, power=0.7, dtype="float64"),
                dict(_DECAY, decay_steps=7, power=3.0, cycle=True),
            ],
        ),
        (
            "WarmUp",
            [
                dict(_DECAY, warmup_steps=7),
                dict(_DECAY, warmup_steps=3, end_learning_rate=0.01, power=2.0),
                dict(_DECAY, warmup_steps=0),
            ],
        ),
        ("CosineDecay", [_DECAY, dict(_DECAY, alpha=0.1)]),
        (
            "CosineDecayRestarts",
            [
                {"learning_rate": 0.1, "first_decay_steps": 5},
                {
                    "learning_rate": 0.1,
                    "first_decay_steps": 30,
                    "t_mul": 1.7,
                    "m_mul": 0.9,
                    "alpha": 0.1,
                },
                {"learning_rate": 0.1, "first_decay_steps": 3, "t_mul": 1.0},
            ],
        ),
        ("LinearCosineDecay", [_DECAY, dict(_DECAY, **_WAVES)]),
        (
            "NoisyLinearCosineDecay",
            [
                dict(_DECAY, seed=(1, 2)),
                dict(
                    _DECAY,
                    initial_variance=0.5,
                    variance_decay=1.0,
                    seed=7,
                    **dict(_WAVES, beta=0.1),
                ),
            ],
        ),
    ]
)
CASES = collections.OrderedDict(
    (
        f"{name} {number}",
        Case(
            "schedules." + name,
            arguments,
            STEPS[:8] if "Noisy" in name else STEPS,
            None,
        ),
    )
    for name, ways in ARGUMENTS.items()
    for number, arguments in enumerate(ways)
)


def play(case):
    """(program, moves, values, settings) of a case, for ``session.play``."""
    computing = ("train",) if case.part == NOISY else ("train", "look")
    return (
        program(case.part, case.arguments),
        moves(case.problem, computing),
        None,
        None,
    )
