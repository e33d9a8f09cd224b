"""TF1's optimizers: programs that apply gradients which are fed, or train a regression.

A problem is (values, batches): {name: array} that the variables start from, and for each
step what is fed of their gradients: ``NAME`` of a dense one; ``NAME values`` and ``NAME
indices`` of a sparse one, whose rows may come twice. What the first batch does not name
has no gradient.
"""

import collections
import functools
import re

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts import averages, clipping, schedules
from tf1_graph.parts.cases import Case, genuine
from tf1_graph.parts.weight_decays import (
    BERT,
    DECOUPLED,
    AdamWeightDecayOptimizer,
    Decoupled,
)

# What TF1 called them, and contrib those with a decoupled weight decay.
SYMBOLS = collections.OrderedDict(
    ("optimizers." + name, f"tf.train.{name}Optimizer")
    for name in (
        "GradientDescent",
        "Momentum",
        "Adam",
        "RMSProp",
        "Adagrad",
        "AdagradDA",
        "Adadelta",
        "Ftrl",
        "ProximalGradientDescent",
        "ProximalAdagrad",
    )
)
SYMBOLS.update(
    ("optimizers." + name, f"tf.contrib.opt.{name}Optimizer") for name in DECOUPLED
)
SYMBOLS[BERT] = "AdamWeightDecayOptimizer"  # of google-research/bert
L1, L2 = L1_L2 = ("l1_regularization_strength", "l2_regularization_strength")


def made(part, arguments, step, dtype):
    """The optimizer, in the graph that is the default.

    Args:
        step: the global step, of which a schedule among the arguments is a function.
        dtype: of the variables. The proximal optimizers take float32 only, unless their
            arguments are tensors of another dtype; their sparse kernels know it.
    """
    arguments = {
        name: schedules.rate(*value, global_step=step)
        if isinstance(value, tuple)
        else value
        for name, value in arguments.items()
    }
    if part == "optimizers.AdagradDA":
        arguments["global_step"] = step
    if "Proximal" in part and dtype != tf.float32:
        arguments = {
            # The accumulator's start is no tensor: TF1 compares it.
            name: value
            if name.startswith("initial")
            else tf.cast(tf.cast(value, tf.float32), dtype)
            for name, value in dict(dict.fromkeys(L1_L2, 0.0), **arguments).items()
        }

    if part == BERT:
        return AdamWeightDecayOptimizer(**arguments)
    decoupled = functools.partial(Decoupled, part.partition(".")[2])
    return genuine(SYMBOLS[part], lost=decoupled)(**arguments)


def updates(part, arguments, variables, gradients, undecayed=(), **seen):
    """{name of a move: session.Move} of what updates variables by gradients.

    That is ``train``; and where gradients are accumulated, ``accumulate`` of all batches
    but every n-th, which TF1 programs ran without an update.

    Args:
        part, arguments: the optimizer. As TF1 programs wrote it, there may be a
            ``gradient_accumulation_steps``; ``clip``, a list of clips, or Keras's names
            of some; ``moving_average``; schedules in place of numbers.
        variables: {name: variable}.
        gradients: {name: tensor, IndexedSlices or None}.
        undecayed: names of variables that a weight decay leaves out.
        **seen: stages that the moves see too.
    """
    arguments = dict(arguments)
    every = arguments.pop("gradient_accumulation_steps", None)
    average = arguments.pop("moving_average", None)
    clips = clipping.taken_from(arguments)
    step = tf.train.get_or_create_global_step()
    dtype = next(iter(variables.values())).dtype.base_dtype
    optimizer = made(part, arguments, step, dtype)
    moves = {}
    applied = gradients
    if every:
        sums = collections.OrderedDict(
            (
                name,
                tf.get_variable(
                    name + "/gradient_sum",
                    variable.shape,
                    variable.dtype.base_dtype,
                    tf.zeros_initializer(),
                ),
            )
            for name, variable in variables.items()
        )
        added = tf.group(
            *[
                tf.scatter_add(sums[name], gradient.indices, gradient.values)
                if isinstance(gradient, tf.IndexedSlices)
                else tf.assign_add(sums[name], gradient)
                for name, gradient in gradients.items()
            ]
        )
        slots = [total.op.name for total in sums.values()]
        moves["accumulate"] = session.move(
            added, slots=slots, gradients=gradients, **seen
        )
        with tf.control_dependencies([added]):
            applied = collections.OrderedDict(
                (name, total.read_value() / every) for name, total in sums.items()
            )
    for clip in clips:
        listed = clipping.clipped(*clip, gradients=list(applied.values()))
        applied = collections.OrderedDict(zip(applied, listed))
    options = {}
    if undecayed:
        options["decay_var_list"] = [
            variable for name, variable in variables.items() if name not in undecayed
        ]
    updated = optimizer.apply_gradients(
        [(applied[name], variable) for name, variable in variables.items()],
        step,
        **options,
    )
    # What is seen of an accumulated gradient is the batch's own.
    move = session.train(
        updated, gradients=gradients if every else applied, optimizer=optimizer, **seen
    )
    afterwards = []
    with tf.control_dependencies([updated]):
        if every:
            afterwards += [
                tf.assign(total, tf.zeros_like(total)) for total in sums.values()
            ]
        if average:
            averages_of = averages.average(*average, global_step=step)
            afterwards.append(averages_of.apply(list(variables.values())))
    moves["train"] = move._replace(op=tf.group(updated, *afterwards))
    return moves


def program(part, arguments, problem, undecayed=(), held=False):
    """The program: its moves ``train`` and ``accumulate`` apply gradients.

    Args:
        held: whether the gradients are variables in place of inputs, so that a step
            costs no feeding; see ``held``.
    """
    values, batches = problem
    with tf.Graph().as_default() as graph:
        variables = _variables(values)
        inputs = collections.OrderedDict()
        for name, array in batches[0].items():
            variable = variables[name.split(" ")[0]]
            dtype = (
                variable.dtype.base_dtype if array.dtype.kind != "i" else array.dtype
            )
            if held:
                inputs[name] = tf.get_variable(
                    _held_name(name),
                    array.shape,
                    dtype,
                    tf.zeros_initializer(),
                    trainable=False,
                ).read_value()
            else:
                # How many rows there are is left open.
                shape = array.shape if name in variables else (None,) + array.shape[1:]
                inputs[name] = tf.placeholder(dtype, shape)
        gradients = collections.OrderedDict(
            (name, _gradient(name, variable, inputs))
            for name, variable in variables.items()
        )
        moves = updates(part, arguments, variables, gradients, undecayed)
    return session.program(graph, {} if held else inputs, _settings(graph), **moves)


def _held_name(name):
    return "held/" + name.replace(" ", "_")


def held(problem):
    """{TF1 name: array}: the first batch, as the variables that hold gradients."""
    _, batches = problem
    return {_held_name(name): array for name, array in batches[0].items()}


def _variables(values):
    return collections.OrderedDict(
        (
            name,
            tf.get_variable(name, array.shape, array.dtype, tf.zeros_initializer()),
        )
        for name, array in values.items()
    )


def _gradient(name, variable, inputs):
    if name in inputs:
        return inputs[name]
    if name + " values" not in inputs:
        return None
    return tf.IndexedSlices(
        inputs[name + " values"],
        inputs[name + " indices"],
        tf.constant(variable.shape.as_list(), tf.int64),
    )


def _settings(graph):
    """{'learning_rate': the constant that it is}; of a schedule there is none."""
    rates = [
        operation.outputs[0]
        for operation in graph.get_operations()
        if operation.type == "Const"
        and re.search(r"/(learning_rate|lr)$", operation.name)
    ]
    return {"learning_rate": rates[0]} if len(rates) == 1 else {}


TABLE, KERNEL = (11, 3), (6, 1)  # shapes of the regression's variables


def regression(part, arguments):
    """The program of a regression on two looked-up rows of an embedding.

    Its inputs are ``x`` [batch, 2], the rows, and ``y_true`` [batch, 1]. ``evaluate``
    sees what it predicts, with the moving averages if there are some: what a Session
    did that restored ``variables_to_restore()``.
    """
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.int32, [None, 2], name="x")
        y_true = tf.placeholder(tf.float32, [None, 1], name="y_true")
        variables = collections.OrderedDict(
            (name, tf.get_variable(name, shape, tf.float32, tf.zeros_initializer()))
            for name, shape in (("table", TABLE), ("kernel", KERNEL))
        )

        def predicted(table, kernel):
            rows = tf.nn.embedding_lookup(table, x)
            return tf.matmul(tf.reshape(rows, [-1, KERNEL[0]]), kernel)

        # Not linear: of a linear loss no gradient depends on the forward pass, and a
        # variable might be updated before backpropagation reads it.
        loss = tf.reduce_mean(tf.square(predicted(**variables) - y_true))
        gradients = tf.gradients(loss, list(variables.values()))
        moves = updates(
            part,
            arguments,
            variables,
            collections.OrderedDict(zip(variables, gradients)),
            loss={"loss": loss},
        )
        averaged = {
            name: slot
            for slot in tf.global_variables()
            for name in variables
            if slot.op.name == name + "/ExponentialMovingAverage"
        }
        y_pred = predicted(**dict(variables, **averaged))
        moves["evaluate"] = session.move(outputs={"y_pred": y_pred})
    return session.program(graph, {"x": x, "y_true": y_true}, _settings(graph), **moves)


def regression_problem(steps, scale=1.0, batch=4):
    """(values, moves that train) of a regression whose rows come twice, or never.

    Args:
        scale: what targets, and so gradients, are multiplied by.
    """
    random = np.random.RandomState(1)
    values = {
        "table": random.standard_normal(TABLE).astype(np.float32),
        "kernel": random.standard_normal(KERNEL).astype(np.float32),
    }
    return values, [
        (
            "train",
            {
                "x": random.randint(TABLE[0], size=(batch, 2)).astype(np.int32),
                "y_true": (scale * random.standard_normal((batch, 1))).astype(
                    np.float32
                ),
            },
        )
        for _ in range(steps)
    ]


def moves(arguments, batches):
    """[(move, batch)]: ``accumulate`` of all but every n-th batch, if so many are summed."""
    every = arguments.get("gradient_accumulation_steps") or 1
    return [
        ("accumulate" if number % every else "train", batch)
        for number, batch in enumerate(batches, 1)
    ]


def ordinary_problem(dtype, steps=100):
    """Weights, a bias and an embedding of one dtype, and gradients of them.

    Some rows of ``weights`` have no gradient at times, as behind a ReLU; of ``table``
    rows come twice and others never.
    """
    random = np.random.RandomState(0)
    values = collections.OrderedDict(
        [
            ("weights", random.standard_normal((4, 13)).astype(dtype)),
            ("bias", random.standard_normal(3).astype(dtype)),
            ("table", random.standard_normal((12, 4)).astype(dtype)),
        ]
    )
    batches = []
    for _ in range(steps):
        some = random.randint(2, size=(4, 1))
        batches.append(
            collections.OrderedDict(
                [
                    ("weights", (random.standard_normal((4, 13)) * some).astype(dtype)),
                    ("bias", random.standard_normal(3).astype(dtype)),
                    ("table values", random.standard_normal((5, 4)).astype(dtype)),
                    ("table indices", random.randint(8, size=5)),
                ]
            )
        )
    return values, batches


_RATE = {"learning_rate": 0.1}
_MOMENTUM = dict(_RATE, momentum=0.9)
_SCHEDULE = (
    "schedules.ExponentialDecay",
    {"learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6},
)
_STRENGTHS = {L1: 0.1, L2: 0.02}
_START = {"initial_accumulator_value": 0.3}
_ADAM = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-2}
# {part: (what TF1 asked for, [other arguments, each of which binds])}
ARGUMENTS = collections.OrderedDict(
    [
        ("GradientDescent", (_RATE, [])),
        ("Momentum", (_MOMENTUM, [{"use_nesterov": True}])),
        ("Adam", ({}, [dict(_ADAM, learning_rate=0.01)])),
        (
            "RMSProp",
            (
                {"learning_rate": 0.01},
                [
                    {"decay": 0.8, "momentum": 0.7, "epsilon": 1e-3},
                    {"momentum": 0.5, "centered": True},
                ],
            ),
        ),
        ("Adagrad", (_RATE, [_START])),
        (
            "AdagradDA",
            (
                _RATE,
                [
                    dict(
                        _STRENGTHS,
                        initial_gradient_squared_accumulator_value=0.3,
                    )
                ],
            ),
        ),
        ("Adadelta", ({}, [{"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}])),
        (
            "Ftrl",
            (
                _RATE,
                [
                    dict(
                        _STRENGTHS, l2_shrinkage_regularization_strength=0.01, **_START
                    ),
                    {"learning_rate_power": -0.7},
                ],
            ),
        ),
        ("ProximalGradientDescent", (_RATE, [_STRENGTHS])),
        ("ProximalAdagrad", (_RATE, [dict(_STRENGTHS, **_START)])),
        (
            "AdamW",
            (
                {"weight_decay": 1e-3},
                [dict(_ADAM, learning_rate=0.01), {"weight_decay": _SCHEDULE}],
            ),
        ),
        ("MomentumW", (dict(_MOMENTUM, weight_decay=1e-3), [{"use_nesterov": True}])),
        (
            "AdamWeightDecay",
            (
                {"learning_rate": 0.01},
                [
                    {
                        "weight_decay_rate": 0.1,
                        "beta_1": 0.8,
                        "beta_2": 0.95,
                        "epsilon": 1e-2,
                        "exclude_from_weight_decay": ["bias", "^tab"],
                    },
                    {"weight_decay_rate": 0.1, "moves_global_step": False},
                ],
            ),
        ),
    ]
)
# What any optimizer may be given besides.
WITH_OTHER_PARTS = collections.OrderedDict(
    [
        ("a schedule and a clip", {"learning_rate": _SCHEDULE, "clipnorm": 2.0}),
        (
            "a clip and an average",
            {
                "clip": [("clipping.ByGlobalNorm", {"clip_norm": 2.0})],
                "moving_average": (averages.PART, {"decay": 0.9, "num_updates": True}),
            },
        ),
        ("an accumulation", {"learning_rate": 0.1, "gradient_accumulation_steps": 3}),
    ]
)
# Steps of the defaults, and of all else; after which there is a record.
LONG, SHORT = (1, 10, 99, 100), (1, 10, 11, 12)


def _cases():
    problems = {dtype: ordinary_problem(dtype) for dtype in ("float32", "float64")}
    for name, (required, others) in ARGUMENTS.items():
        ways = [required] + [
            dict(required, **other)
            for other in others + list(WITH_OTHER_PARTS.values())
        ]
        for number, arguments in enumerate(ways):
            # With other parts, in float32 only: so TF1 had its schedules and clips.
            alone = number <= len(others) and _SCHEDULE not in arguments.values()
            steps = SHORT if number else LONG
            in_float64 = alone and name != "AdamWeightDecay"  # its slots are float32
            for dtype in ("float32", "float64") if in_float64 else ("float32",):
                values, batches = problems[dtype]
                problem = values, batches[: max(steps)]
                yield (
                    f"{name} {number} {dtype}",
                    Case("optimizers." + name, arguments, problem, (0,) + steps),
                )


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case, for ``session.play``."""
    values, batches = case.problem
    built = program(case.part, case.arguments, case.problem)
    return built, moves(case.arguments, batches), values, None
