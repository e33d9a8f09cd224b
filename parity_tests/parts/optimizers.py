"""Descriptors of tf1_semantics.optimizers, and TF1's side of them."""

import contextlib
import functools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.engine.strategies import hyperparameters
from parity_tests.parts.descriptor import Part, Trap

L1_L2 = ("l1_regularization_strength", "l2_regularization_strength")
PROOF = "parity_tests/parts/optimizers_test.py::test_updates_and_slots_are_those_of_tf1"


class Rows(NamedTuple):
    """A sparse gradient: values [n, ...] of the rows named by indices [n]."""

    values: np.ndarray
    indices: np.ndarray


# TF1's side. Each takes a part's own arguments and makes what has apply_gradients and
# variables in a compat.v1 graph.


def of_tf1(name):
    """The optimizer class of that name."""
    return getattr(tf.compat.v1.train, name)


def adagrad_da_of_tf1(learning_rate, **arguments):
    step = tf.compat.v1.train.get_or_create_global_step()
    return of_tf1("AdagradDAOptimizer")(learning_rate, step, **arguments)


class OfItsDtype:
    """An optimizer that took float32 only, given its arguments in a variable's dtype.

    The kernels know float16 and float64, and the sparse ones were used with them.
    """

    def __init__(self, name, arguments):
        self.name = name
        self.arguments = arguments
        self.optimizers = {}

    def apply_gradients(self, gradients_and_variables, global_step):
        updates = []
        for gradient, variable in gradients_and_variables:
            dtype = variable.dtype.base_dtype
            if dtype not in self.optimizers:
                # The accumulator's start is no tensor: TF1 compares it.
                arguments = {
                    key: value
                    if key.startswith("initial")
                    else tf.cast(tf.cast(value, tf.float32), dtype)
                    for key, value in self.arguments.items()
                }
                self.optimizers[dtype] = of_tf1(self.name)(**arguments)
            if gradient is not None:
                pair = [(gradient, variable)]
                updates.append(self.optimizers[dtype].apply_gradients(pair))
        with tf.control_dependencies(updates):
            return tf.compat.v1.assign_add(global_step, 1).op

    def variables(self):
        return [slot for one in self.optimizers.values() for slot in one.variables()]


def proximal_of_tf1(name, **arguments):
    return OfItsDtype(name, {**dict.fromkeys(L1_L2, 0.0), **arguments})


class Decoupled:
    """tf.contrib.opt's decay, which compat.v1 lost, before an optimizer that it kept.

    Source: contrib/opt/python/training/weight_decay_optimizers.py, 1.15: a variable is
    decayed, its rows if the gradient is sparse, and then updated.
    """

    def __init__(self, optimizer, weight_decay):
        self.optimizer = optimizer
        self.weight_decay = weight_decay

    def apply_gradients(self, gradients_and_variables, global_step, undecayed=()):
        decays = []
        for gradient, variable in gradients_and_variables:
            if gradient is None or any(variable is one for one in undecayed):
                continue
            # TF1 left open which comes first; the twin's gradient does.
            with tf.control_dependencies(
                tf.nest.flatten(gradient, expand_composites=True)
            ):
                if isinstance(gradient, tf.IndexedSlices):
                    rows = tf.unique(gradient.indices).y
                    change = -self.decay(variable) * tf.gather(variable, rows)
                    decays.append(tf.compat.v1.scatter_add(variable, rows, change))
                else:
                    change = self.decay(variable) * variable
                    decays.append(tf.compat.v1.assign_sub(variable, change))
        with tf.control_dependencies(decays):
            return self.optimizer.apply_gradients(gradients_and_variables, global_step)

    def decay(self, variable):
        """A number; or a schedule's tensor, which TF1 had for float32 variables."""
        if not tf.is_tensor(self.weight_decay):
            return self.weight_decay
        return tf.cast(self.weight_decay, variable.dtype.base_dtype)

    def variables(self):
        return self.optimizer.variables()


def decoupled_of_tf1(optimizer, name, weight_decay, **arguments):
    return Decoupled(of_tf1(optimizer)(**arguments, name=name), weight_decay)


# What a sample adds to TF1's own arguments, and TF1's way to the same.

CLIPS = {
    "clipnorm": lambda gradients, limit: [
        None if gradient is None else tf.compat.v1.clip_by_norm(gradient, limit)
        for gradient in gradients
    ],
    "clipvalue": lambda gradients, limit: [
        gradient
        if gradient is None
        else tf.compat.v1.clip_by_value(gradient, -limit, limit)
        for gradient in gradients
    ],
    "global_clipnorm": lambda gradients, limit: tf.compat.v1.clip_by_global_norm(
        gradients, limit
    )[0],
}


def rate_of_tf1(rate):
    """A Keras schedule as a tensor of the graph's global step; a number as it is."""
    if not isinstance(rate, keras.optimizers.schedules.ExponentialDecay):
        return rate
    return tf.compat.v1.train.exponential_decay(
        rate.initial_learning_rate,
        tf.compat.v1.train.get_or_create_global_step(),
        rate.decay_steps,
        rate.decay_rate,
        rate.staircase,
    )


class Graph:
    """A compat.v1 graph that trains variables by gradients that are fed.

    Args:
        part: a Part of this module.
        arguments: of the part; clips, schedules and gradient_accumulation_steps are
            translated into what TF1 programs wrote.
        values: {name of a variable: initial value}.
        like: a list of gradients, one a variable: an array, Rows or None.
        rate: (global step) -> a rate tensor, in place of the arguments' learning rate.
        backward: (variables) -> (placeholders, gradients), for what is fed in place of
            gradients.
        undecayed: names of variables that a weight decay leaves out.
    """

    def __init__(
        self, part, arguments, values, like=None, rate=None, backward=None, undecayed=()
    ):
        arguments = dict(arguments)
        self.every = arguments.pop("gradient_accumulation_steps", None)
        clips = [(key, arguments.pop(key)) for key in CLIPS if key in arguments]
        with tf.Graph().as_default() as graph:
            variables = [
                tf.compat.v1.get_variable(key, initializer=value)
                for key, value in values.items()
            ]
            step = tf.compat.v1.train.get_or_create_global_step()
            if rate is not None:
                arguments["learning_rate"] = rate(step)
            for key in ("learning_rate", "weight_decay"):
                if key in arguments:
                    arguments[key] = rate_of_tf1(arguments[key])
            optimizer = part.reference(**arguments)
            if backward is not None:
                self.fed, gradients = backward(variables)
            else:
                self.fed = gradients = [
                    fed_like(gradient, variable)
                    for gradient, variable in zip(like, variables, strict=True)
                ]
            sums = []
            if self.every:
                sums = [
                    tf.compat.v1.get_variable(
                        f"{key}/gradient_sum", initializer=np.zeros_like(value)
                    )
                    for key, value in values.items()
                ]
                self.accumulate = [
                    tf.compat.v1.scatter_add(total, gradient.indices, gradient.values)
                    if isinstance(gradient, tf.IndexedSlices)
                    else tf.compat.v1.assign_add(total, gradient)
                    for total, gradient in zip(sums, gradients, strict=False)
                ]
                gradients = [total / self.every for total in sums]
                self.zero = [
                    tf.compat.v1.assign(total, tf.zeros_like(total)) for total in sums
                ]
            for key, limit in clips:
                gradients = CLIPS[key](gradients, limit)
            options = {}
            if undecayed:
                options["undecayed"] = [
                    variable
                    for key, variable in zip(values, variables, strict=False)
                    if key in undecayed
                ]
            self.train = optimizer.apply_gradients(
                list(zip(gradients, variables, strict=False)), step, **options
            )
            slots = [*optimizer.variables(), *sums]
            self.state = {
                "slots": {slot.op.name: slot for slot in slots},
                "updates": dict(zip(values, variables, strict=False), global_step=step),
            }
            initialise = tf.compat.v1.global_variables_initializer()
        self.session = tf.compat.v1.Session(graph=graph)
        self.session.run(initialise)

    def run(self, steps):
        """Yields {"slots", "updates"} after each list of gradients of `steps`."""
        for number, gradients in enumerate(steps, 1):
            feed = {}
            for placeholder, gradient in zip(self.fed, gradients, strict=False):
                if isinstance(gradient, Rows):
                    feed[placeholder.values] = gradient.values
                    feed[placeholder.indices] = gradient.indices
                elif gradient is not None:
                    feed[placeholder] = gradient
            if not self.every:
                self.session.run(self.train, feed)
            else:
                self.session.run(self.accumulate, feed)
                if number % self.every == 0:
                    self.session.run(self.train)
                    self.session.run(self.zero)
            yield self.session.run(self.state)

    def close(self):
        self.session.close()


def fed_like(gradient, variable):
    """A placeholder, or slices of two; the number of slices is left open."""
    placeholder = tf.compat.v1.placeholder
    if gradient is None:
        return None
    if not isinstance(gradient, Rows):
        return placeholder(variable.dtype.base_dtype, variable.shape)
    return tf.IndexedSlices(
        placeholder(variable.dtype.base_dtype, [None, *variable.shape[1:]]),
        placeholder(gradient.indices.dtype, [None]),
        tf.constant(variable.shape.as_list(), tf.int64),
    )


# Traps.

RATE = 0.01
STEPS = 100
# Made at every call: a Keras optimizer belongs to one list of variables.
KERAS = keras.optimizers
# {part: (Keras's object as people name it, the same with TF1's hyper-parameters)},
# called with the learning rate: for the traps, and to time the parts against.
KERAS_NAMESAKES = {
    "optimizers.GradientDescent": (KERAS.SGD, KERAS.SGD),
    "optimizers.Momentum": (
        lambda rate: KERAS.SGD(rate, momentum=0.9),
        lambda rate: KERAS.SGD(rate, momentum=0.9),
    ),
    "optimizers.Adam": (KERAS.Adam, lambda rate: KERAS.Adam(rate, epsilon=1e-8)),
    "optimizers.RMSProp": (
        KERAS.RMSprop,
        lambda rate: KERAS.RMSprop(rate, rho=0.9, epsilon=1e-10),
    ),
    "optimizers.Adagrad": (
        KERAS.Adagrad,
        lambda rate: KERAS.Adagrad(rate, epsilon=0.0),
    ),
    "optimizers.Adadelta": (
        KERAS.Adadelta,
        lambda rate: KERAS.Adadelta(rate, rho=0.95, epsilon=1e-8),
    ),
    "optimizers.Ftrl": (KERAS.Ftrl, KERAS.Ftrl),
    "optimizers.AdamW": (
        lambda rate: KERAS.AdamW(rate, weight_decay=1e-3),
        lambda rate: KERAS.AdamW(rate, weight_decay=1e-3, epsilon=1e-8),
    ),
    "optimizers.MomentumW": (
        lambda rate: KERAS.SGD(rate, momentum=0.9, weight_decay=1e-3),
        lambda rate: KERAS.SGD(rate, momentum=0.9, weight_decay=1e-3),
    ),
}


@functools.cache
def problem(sparse):
    """(initial values, STEPS lists of gradients) of one variable, float32.

    Sparse: an embedding [20, 4], of which 6 rows are looked up, some of them twice.
    """
    random = np.random.RandomState(0)

    def normal(*shape):
        return random.standard_normal(shape).astype(np.float32)

    if not sparse:
        return {"weights": normal(5, 13)}, [[normal(5, 13)] for _ in range(STEPS)]
    steps = [
        [Rows(normal(8, 4), np.append(random.choice(20, 6), [0, 0]))]
        for _ in range(STEPS)
    ]
    return {"table": normal(20, 4)}, steps


def decaying_rate():
    return keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)


@functools.cache
def run_of_tf1(name, arguments, sparse):
    """[the variable after 0, 1, ... STEPS steps] of a part's reference.

    Args:
        arguments: a tuple of pairs; the rate True stands for ``decaying_rate()``.
    """
    arguments = dict(arguments)
    if arguments["learning_rate"] is True:
        arguments["learning_rate"] = decaying_rate()
    values, steps = problem(sparse)
    with contextlib.closing(Graph(BY_NAME[name], arguments, values, steps[0])) as graph:
        (key,) = values
        return [values[key], *(record["updates"][key] for record in graph.run(steps))]


def distance(make, name, arguments, sparse=False):
    """{step: how far a Keras optimizer is from TF1's}, for a Trap.

    Args:
        make: rate -> the naive optimizer.
        name, arguments: the part and a tuple of its arguments, without the rate unless
            it is not RATE.
    """
    arguments = dict({"learning_rate": RATE}, **dict(arguments))
    expected = run_of_tf1(name, tuple(arguments.items()), sparse)
    rate = arguments["learning_rate"]
    naive = make(decaying_rate() if rate is True else rate)
    values, steps = problem(sparse)
    variable = keras.Variable(expected[0])
    naive.build([variable])

    @tf.function(reduce_retracing=True)
    def step(gradient):
        naive.apply([gradient], [variable])

    errors = {}
    for number, (gradient,) in enumerate(steps, 1):
        if isinstance(gradient, Rows):
            values, indices = map(tf.constant, gradient)
            gradient = tf.IndexedSlices(values, indices, tf.constant([20, 4], tf.int64))
        step(gradient)
        if number in (1, 10, 100):
            way = np.abs(expected[number] - expected[0]).max()
            off = np.abs(variable.numpy() - expected[number]).max()
            # Neither moves before the first accumulation is full.
            errors[number] = float(off / way) if off else 0.0
    return errors


def trap(write, name, make, at_least, arguments=(), sparse=False):
    """A Trap; what to write instead is the part with the same arguments.

    Args:
        write: the naive line; {} stands for the rate.
        make: rate -> what that line makes.
        arguments: a dict of the part's; the rate True stands for a schedule.
    """
    given = {"learning_rate": RATE, **dict(arguments)}
    shown = dict(given)
    if shown["learning_rate"] is True:
        shown["learning_rate"] = "schedule"
    listed = ", ".join(f"{key}={value}" for key, value in shown.items())
    write = write.replace("{}", str(shown["learning_rate"]))
    return Trap(
        write=write + "  # an embedding" * sparse,
        off=functools.partial(
            distance, make, name, tuple(dict(arguments).items()), sparse
        ),
        at_least=at_least,
        instead=f"tf1_semantics.{name}({listed})",
    )


# The table.

RATES = (1e-3, 10.0)
STRENGTHS = [0.0, 0.0, 1e-3, 0.1, 3.0]
BETAS = st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999]) | st.floats(0, 0.999)
EPSILONS = [0.0, 1e-30, 1e-10, 1e-8, 1e-7, 1e-3, 1.0]
STARTS = [1e-6, 0.1, 1.0, 30.0]
MOMENTA = st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0, 1.5]) | st.floats(0, 2)
SCHEDULE = keras.optimizers.schedules.ExponentialDecay(0.1, 7, 0.6)


def samples(required, other):
    """TF1's defaults; `other` arguments; a schedule; a clip and an accumulation."""
    return (
        {"learning_rate": RATE, **required},
        {"learning_rate": 0.3, **required, **other},
        {**required, **other, "learning_rate": SCHEDULE, "clipnorm": 2.0},
        {"learning_rate": 0.1, **required, "gradient_accumulation_steps": 3},
    )


def refused(required, wrong=()):
    """What every optimizer refuses, and `wrong` pairs (name, value) of this one."""
    wrong = [
        ("learning_rate", -0.1),
        ("learning_rate", float("nan")),
        ("learning_rate", "0.1"),
        ("gradient_accumulation_steps", 1),
        ("gradient_accumulation_steps", 2.0),
        ("clipnorm", -1.0),
        ("use_ema", True),
        ("loss_scale_factor", 128.0),
        ("use_locking", True),
        ("decay" if "decay" not in dict(wrong) else "rho", 0.9),
        *wrong,
    ]
    return tuple(
        ({"learning_rate": RATE, **required, name: value}, name)
        for name, value in wrong
    )


def of_regularization(*names):
    """Bad values of arguments that may not be negative."""
    return [(name, -0.1) for name in names]


NOTHING_ALIKE = "Keras has no namesake"
MOMENTUM = {"momentum": 0.9}
DECAY = {"weight_decay": 1e-3}

PARTS = (
    Part(
        name="optimizers.GradientDescent",
        tf1="tf.train.GradientDescentOptimizer",
        reference=of_tf1("GradientDescentOptimizer"),
        proof=PROOF,
        arguments=hyperparameters(learning_rate=RATES),
        samples=samples({}, {}),
        refused=refused({}, [("weight_decay", 1e-4)]),
        traps=(
            trap(
                "keras.optimizers.SGD({}, gradient_accumulation_steps=3)",
                "optimizers.GradientDescent",
                lambda rate: KERAS.SGD(rate, gradient_accumulation_steps=3),
                {10: 0.05, 100: 0.2},
                {"learning_rate": True, "gradient_accumulation_steps": 3},
            ),
        ),
    ),
    Part(
        name="optimizers.Momentum",
        tf1="tf.train.MomentumOptimizer",
        reference=of_tf1("MomentumOptimizer"),
        proof=PROOF,
        arguments=hyperparameters(
            learning_rate=RATES, momentum=MOMENTA, use_nesterov=[False, True]
        ),
        samples=samples(MOMENTUM, {"use_nesterov": True}),
        refused=refused(
            MOMENTUM,
            [("momentum", -0.9), ("momentum", None), ("weight_decay", 1e-4)],
        ),
        traps=(
            trap(
                "keras.optimizers.SGD({}, momentum=0.9)",
                "optimizers.Momentum",
                KERAS_NAMESAKES["optimizers.Momentum"][0],
                {10: 0.05, 100: 0.2},
                {"learning_rate": True, **MOMENTUM},
            ),
            trap(
                "keras.optimizers.SGD({}, momentum=0.9, nesterov=True)",
                "optimizers.Momentum",
                lambda rate: KERAS.SGD(rate, momentum=0.9, nesterov=True),
                {10: 0.05, 100: 0.2},
                {"learning_rate": True, **MOMENTUM, "use_nesterov": True},
            ),
            trap(
                "keras.optimizers.SGD({}, momentum=0.9)",
                "optimizers.Momentum",
                KERAS_NAMESAKES["optimizers.Momentum"][0],
                {10: 0.1, 100: 0.05},
                MOMENTUM,
                sparse=True,
            ),
        ),
    ),
    Part(
        name="optimizers.Adam",
        tf1="tf.train.AdamOptimizer",
        reference=of_tf1("AdamOptimizer"),
        proof=PROOF,
        arguments=hyperparameters(
            learning_rate=RATES, beta1=BETAS, beta2=BETAS, epsilon=EPSILONS
        ),
        samples=samples({}, {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4}),
        refused=refused(
            {},
            [
                ("beta1", 1.0),
                ("beta1", -0.1),
                ("beta2", 1.5),
                ("beta2", float("nan")),
                ("epsilon", -1e-8),
                ("weight_decay", 1e-4),
            ],
        ),
        traps=(
            trap(
                "keras.optimizers.Adam({})",
                "optimizers.Adam",
                KERAS_NAMESAKES["optimizers.Adam"][0],
                {1: 1e-4, 10: 1e-5},
            ),
            trap(
                "keras.optimizers.Adam({}, epsilon=1e-8)",
                "optimizers.Adam",
                KERAS_NAMESAKES["optimizers.Adam"][1],
                {1: 0.5, 10: 0.1},
                sparse=True,
            ),
        ),
    ),
    Part(
        name="optimizers.RMSProp",
        tf1="tf.train.RMSPropOptimizer",
        reference=of_tf1("RMSPropOptimizer"),
        proof=PROOF,
        arguments=hyperparameters(
            learning_rate=RATES,
            decay=BETAS,
            momentum=MOMENTA,
            epsilon=EPSILONS,
            centered=[False, True],
        ),
        samples=(
            *samples({}, {"decay": 0.8, "momentum": 0.7, "epsilon": 1e-3}),
            {"learning_rate": 0.1, "momentum": 0.5, "centered": True},
        ),
        refused=refused(
            {},
            [("decay", 1.0), ("decay", -0.1), ("momentum", -0.9), ("epsilon", -1e-10)],
        ),
        traps=(
            trap(
                "keras.optimizers.RMSprop({})",
                "optimizers.RMSProp",
                KERAS_NAMESAKES["optimizers.RMSProp"][0],
                {1: 1.0, 10: 0.5, 100: 0.2},
            ),
            trap(
                "keras.optimizers.RMSprop({}, rho=0.9, epsilon=1e-10)",
                "optimizers.RMSProp",
                KERAS_NAMESAKES["optimizers.RMSProp"][1],
                {1: 1.0, 10: 0.5, 100: 0.2},
            ),
            trap(
                "keras.optimizers.RMSprop({}, rho=0.9, epsilon=1e-10)",
                "optimizers.RMSProp",
                KERAS_NAMESAKES["optimizers.RMSProp"][1],
                {1: 0.5, 10: 0.5, 100: 0.2},
                sparse=True,
            ),
        ),
    ),
    Part(
        name="optimizers.Adagrad",
        tf1="tf.train.AdagradOptimizer",
        reference=of_tf1("AdagradOptimizer"),
        proof=PROOF,
        arguments=hyperparameters(
            learning_rate=RATES, initial_accumulator_value=STARTS
        ),
        samples=samples({}, {"initial_accumulator_value": 1.5}),
        refused=refused({}, [("initial_accumulator_value", 0.0)]),
        traps=(
            trap(
                "keras.optimizers.Adagrad({}, epsilon=0)",
                "optimizers.Adagrad",
                KERAS_NAMESAKES["optimizers.Adagrad"][1],
                {1: 0.2, 10: 0.2, 100: 0.1},
                sparse=True,
            ),
        ),
    ),
    Part(
        name="optimizers.AdagradDA",
        tf1="tf.train.AdagradDAOptimizer",
        reference=adagrad_da_of_tf1,
        proof=PROOF,
        arguments=hyperparameters(
            learning_rate=RATES,
            initial_gradient_squared_accumulator_value=STARTS,
            l1_regularization_strength=STRENGTHS,
            l2_regularization_strength=STRENGTHS,
        ),
        samples=samples(
            {},
            {
                "initial_gradient_squared_accumulator_value": 0.3,
                "l1_regularization_strength": 0.1,
                "l2_regularization_strength": 0.02,
            },
        ),
        refused=refused(
            {},
            [
                ("initial_gradient_squared_accumulator_value", 0.0),
                *of_regularization(*L1_L2),
            ],
        ),
        no_trap=NOTHING_ALIKE,
    ),
    Part(
        name="optimizers.Adadelta",
        tf1="tf.train.AdadeltaOptimizer",
        reference=of_tf1("AdadeltaOptimizer"),
        proof=PROOF,
        arguments=hyperparameters(learning_rate=RATES, rho=BETAS, epsilon=EPSILONS),
        samples=samples({}, {"rho": 0.8, "epsilon": 1e-3}),
        refused=refused({}, [("rho", 1.0), ("rho", -0.1), ("epsilon", -1e-8)]),
        traps=(
            trap(
                "keras.optimizers.Adadelta({})",
                "optimizers.Adadelta",
                KERAS_NAMESAKES["optimizers.Adadelta"][0],
                {1: 1.0, 10: 1.0, 100: 1.0},
            ),
            trap(
                "keras.optimizers.Adadelta({}, rho=0.95, epsilon=1e-8)",
                "optimizers.Adadelta",
                KERAS_NAMESAKES["optimizers.Adadelta"][1],
                {1: 0.5, 10: 0.1, 100: 0.1},
                sparse=True,
            ),
        ),
    ),
    Part(
        name="optimizers.Ftrl",
        tf1="tf.train.FtrlOptimizer",
        reference=of_tf1("FtrlOptimizer"),
        proof=PROOF,
        arguments=hyperparameters(
            learning_rate=RATES,
            learning_rate_power=[-0.5, -0.5, 0.0, -0.3, -1.0],
            initial_accumulator_value=[0.0, *STARTS],
            l1_regularization_strength=STRENGTHS,
            l2_regularization_strength=STRENGTHS,
            l2_shrinkage_regularization_strength=STRENGTHS,
        ),
        samples=(
            *samples(
                {},
                {
                    "initial_accumulator_value": 0.3,
                    "l1_regularization_strength": 0.1,
                    "l2_regularization_strength": 0.02,
                    "l2_shrinkage_regularization_strength": 0.01,
                },
            ),
            {"learning_rate": 0.1, "learning_rate_power": -0.7},
        ),
        refused=refused(
            {},
            [
                ("learning_rate", 0.0),
                ("learning_rate_power", 0.5),
                ("initial_accumulator_value", -0.1),
                *of_regularization(*L1_L2, "l2_shrinkage_regularization_strength"),
            ],
        ),
        traps=(
            trap(
                "keras.optimizers.Ftrl({})",
                "optimizers.Ftrl",
                KERAS_NAMESAKES["optimizers.Ftrl"][1],
                {1: 0.5, 10: 0.5, 100: 0.5},
                sparse=True,
            ),
        ),
    ),
    Part(
        name="optimizers.ProximalGradientDescent",
        tf1="tf.train.ProximalGradientDescentOptimizer",
        reference=functools.partial(
            proximal_of_tf1, "ProximalGradientDescentOptimizer"
        ),
        proof=PROOF,
        arguments=hyperparameters(
            learning_rate=RATES,
            l1_regularization_strength=STRENGTHS,
            l2_regularization_strength=STRENGTHS,
        ),
        samples=samples(
            {}, {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.02}
        ),
        refused=refused({}, of_regularization(*L1_L2)),
        no_trap=NOTHING_ALIKE,
    ),
    Part(
        name="optimizers.ProximalAdagrad",
        tf1="tf.train.ProximalAdagradOptimizer",
        reference=functools.partial(proximal_of_tf1, "ProximalAdagradOptimizer"),
        proof=PROOF,
        arguments=hyperparameters(
            learning_rate=RATES,
            initial_accumulator_value=STARTS,
            l1_regularization_strength=STRENGTHS,
            l2_regularization_strength=STRENGTHS,
        ),
        samples=samples(
            {},
            {
                "initial_accumulator_value": 0.3,
                "l1_regularization_strength": 0.1,
                "l2_regularization_strength": 0.02,
            },
        ),
        refused=refused(
            {}, [("initial_accumulator_value", 0.0), *of_regularization(*L1_L2)]
        ),
        no_trap=NOTHING_ALIKE,
    ),
    Part(
        name="optimizers.AdamW",
        tf1="tf.contrib.opt.AdamWOptimizer",
        reference=functools.partial(decoupled_of_tf1, "AdamOptimizer", "AdamW"),
        proof=PROOF,
        arguments=hyperparameters(
            weight_decay=[0.0, 1e-4, 0.1, 0.5],
            learning_rate=RATES,
            beta1=BETAS,
            beta2=BETAS,
            epsilon=EPSILONS,
        ),
        samples=(
            *samples(DECAY, {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4}),
            {"weight_decay": SCHEDULE, "learning_rate": 0.1},
        ),
        refused=refused(
            DECAY, [("weight_decay", -0.1), ("beta1", 1.0), ("epsilon", -1e-8)]
        ),
        traps=(
            trap(
                "keras.optimizers.AdamW({}, weight_decay=1e-3)",
                "optimizers.AdamW",
                KERAS_NAMESAKES["optimizers.AdamW"][0],
                {1: 0.1, 10: 0.1, 100: 0.3},
                DECAY,
            ),
            trap(
                "keras.optimizers.AdamW({}, weight_decay=1e-3, epsilon=1e-8)",
                "optimizers.AdamW",
                KERAS_NAMESAKES["optimizers.AdamW"][1],
                {1: 0.3, 10: 0.2, 100: 0.3},
                DECAY,
                sparse=True,
            ),
        ),
    ),
    Part(
        name="optimizers.MomentumW",
        tf1="tf.contrib.opt.MomentumWOptimizer",
        reference=functools.partial(decoupled_of_tf1, "MomentumOptimizer", "MomentumW"),
        proof=PROOF,
        arguments=hyperparameters(
            weight_decay=[0.0, 1e-4, 0.1, 0.5],
            learning_rate=RATES,
            momentum=MOMENTA,
            use_nesterov=[False, True],
        ),
        samples=samples({**DECAY, **MOMENTUM}, {"use_nesterov": True}),
        refused=refused(
            {**DECAY, **MOMENTUM}, [("weight_decay", -0.1), ("momentum", -0.9)]
        ),
        traps=(
            trap(
                "keras.optimizers.SGD({}, momentum=0.9, weight_decay=1e-3)",
                "optimizers.MomentumW",
                KERAS_NAMESAKES["optimizers.MomentumW"][0],
                {1: 0.05, 10: 0.02, 100: 0.05},
                {**DECAY, **MOMENTUM},
            ),
            trap(
                "keras.optimizers.SGD({}, momentum=0.9, weight_decay=1e-3)",
                "optimizers.MomentumW",
                KERAS_NAMESAKES["optimizers.MomentumW"][1],
                {1: 0.02, 10: 0.1, 100: 0.05},
                {**DECAY, **MOMENTUM},
                sparse=True,
            ),
        ),
    ),
)
BY_NAME = {part.name: part for part in PARTS}
