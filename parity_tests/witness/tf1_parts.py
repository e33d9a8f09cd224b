"""What is recorded of TF1's optimizers and initialisers, apart from the chapters.

One program for all: a few variables of each kind, the same gradients, 100 steps. It runs
under Python 3.7 and TensorFlow 1.15.5, contrib included, and under today's compat.v1.
"""

import collections

import numpy as np

NAME = "tf1_parts"
STEPS = (1, 10, 100)  # after which state is recorded
DTYPES = ("float32", "float64")
# They pass their hyper-parameters on uncast: another dtype is an error in TF1.
ONLY_FLOAT32 = {"ProximalGradientDescent", "ProximalAdagrad"}
SEED = (1, 11)  # of graph and op, for initialisers
SHAPE = (24, 16)  # of what they fill

# {part of tf1_semantics: [(TF1 symbol, keyword arguments of both)]}
OPTIMIZERS = collections.OrderedDict(
    [
        (
            "GradientDescent",
            [("train.GradientDescentOptimizer", {"learning_rate": 0.1})],
        ),
        (
            "Momentum",
            [
                ("train.MomentumOptimizer", {"learning_rate": 0.1, "momentum": 0.9}),
                (
                    "train.MomentumOptimizer",
                    {"learning_rate": 0.1, "momentum": 0.9, "use_nesterov": True},
                ),
            ],
        ),
        ("Adam", [("train.AdamOptimizer", {"learning_rate": 0.01})]),
        (
            "RMSProp",
            [
                ("train.RMSPropOptimizer", {"learning_rate": 0.01, "momentum": 0.9}),
                ("train.RMSPropOptimizer", {"learning_rate": 0.01, "centered": True}),
            ],
        ),
        ("Adagrad", [("train.AdagradOptimizer", {"learning_rate": 0.1})]),
        (
            "AdagradDA",
            [
                (
                    "train.AdagradDAOptimizer",
                    {"learning_rate": 0.1, "l1_regularization_strength": 0.01},
                ),
            ],
        ),
        ("Adadelta", [("train.AdadeltaOptimizer", {"learning_rate": 1.0})]),
        (
            "Ftrl",
            [
                (
                    "train.FtrlOptimizer",
                    {
                        "learning_rate": 0.1,
                        "l1_regularization_strength": 0.01,
                        "l2_regularization_strength": 0.02,
                    },
                ),
                (
                    "train.FtrlOptimizer",
                    {
                        "learning_rate": 0.1,
                        "l2_shrinkage_regularization_strength": 0.01,
                    },
                ),
            ],
        ),
        (
            "ProximalGradientDescent",
            [
                (
                    "train.ProximalGradientDescentOptimizer",
                    {"learning_rate": 0.1, "l1_regularization_strength": 0.01},
                ),
            ],
        ),
        (
            "ProximalAdagrad",
            [
                (
                    "train.ProximalAdagradOptimizer",
                    {"learning_rate": 0.1, "l2_regularization_strength": 0.01},
                ),
            ],
        ),
        (
            "AdamW",
            [
                (
                    "contrib.opt.AdamWOptimizer",
                    {"learning_rate": 0.01, "weight_decay": 0.001},
                ),
            ],
        ),
        (
            "MomentumW",
            [
                (
                    "contrib.opt.MomentumWOptimizer",
                    {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.001},
                ),
            ],
        ),
    ]
)

INITIALIZERS = collections.OrderedDict(
    [
        ("RandomNormal", [("random_normal_initializer", {"stddev": 0.3, "mean": 1.0})]),
        (
            "RandomUniform",
            [("random_uniform_initializer", {"minval": -0.3, "maxval": 0.2})],
        ),
        ("TruncatedNormal", [("truncated_normal_initializer", {"stddev": 0.1})]),
        (
            "VarianceScaling",
            [
                (
                    "variance_scaling_initializer",
                    {"scale": 2.0, "mode": mode, "distribution": distribution},
                )
                for mode in ("fan_in", "fan_out", "fan_avg")
                for distribution in (
                    "truncated_normal",
                    "untruncated_normal",
                    "uniform",
                )
            ],
        ),
        ("GlorotUniform", [("glorot_uniform_initializer", {})]),
        ("GlorotNormal", [("glorot_normal_initializer", {})]),
        ("HeNormal", [("initializers.he_normal", {})]),
        ("HeUniform", [("initializers.he_uniform", {})]),
        ("LecunNormal", [("initializers.lecun_normal", {})]),
        ("LecunUniform", [("initializers.lecun_uniform", {})]),
        ("UniformUnitScaling", [("uniform_unit_scaling_initializer", {"factor": 1.5})]),
        ("Orthogonal", [("orthogonal_initializer", {"gain": 1.1})]),
    ]
)


def description():
    """What is recorded, in one sentence."""
    return "{} optimizers and {} initialisers, as {}".format(
        len(OPTIMIZERS), len(INITIALIZERS), " and ".join(DTYPES)
    )


def problem(dtype):
    """({name: initial value}, gradient: step -> {name: array or (values, rows)}).

    Some rows of ``weights`` have no gradient at times, as behind a ReLU; ``embedding``
    has sparse gradients in which rows occur twice and others never.
    """
    random = np.random.RandomState(0)
    values = collections.OrderedDict(
        [
            ("weights", random.standard_normal((4, 13)).astype(dtype)),
            ("bias", random.standard_normal(3).astype(dtype)),
            ("embedding", random.standard_normal((12, 4)).astype(dtype)),
        ]
    )

    def gradient(step):
        drawn = np.random.RandomState(step)
        rows = drawn.randint(8, size=5)
        some = drawn.randint(2, size=(4, 1))
        return {
            "weights": (drawn.standard_normal((4, 13)) * some).astype(dtype),
            "bias": drawn.standard_normal(3).astype(dtype),
            "embedding": (drawn.standard_normal((5, 4)).astype(dtype), rows),
        }

    return values, gradient


def optimizer_states(make, dtype):
    """[{'slots', 'updates'}] of an optimizer in a graph after each of ``STEPS``."""
    import tensorflow.compat.v1 as tf

    values, gradient = problem(dtype)
    with tf.Graph().as_default() as graph:
        variables = collections.OrderedDict(
            (name, tf.get_variable(name, initializer=value))
            for name, value in values.items()
        )
        fed = {
            "weights": tf.placeholder(dtype, values["weights"].shape),
            "bias": tf.placeholder(dtype, values["bias"].shape),
            "embedding": tf.IndexedSlices(
                tf.placeholder(dtype, [None, 4]),
                tf.placeholder(tf.int32, [None]),
                tf.constant([12, 4]),
            ),
        }
        optimizer = make()
        train = optimizer.apply_gradients(
            [(fed[name], variable) for name, variable in variables.items()],
            tf.train.get_or_create_global_step(),
        )
        state = {
            "slots": {slot.op.name: slot for slot in optimizer.variables()},
            "updates": dict(variables),
        }
        initialise = tf.global_variables_initializer()
    states = []
    session = tf.Session(graph=graph)
    try:
        session.run(initialise)
        for step in range(1, max(STEPS) + 1):
            dense = gradient(step)
            rows_of = dense.pop("embedding")
            feed = {fed[name]: array for name, array in dense.items()}
            feed[fed["embedding"].values], feed[fed["embedding"].indices] = rows_of
            session.run(train, feed)
            if step in STEPS:
                states.append(session.run(state))
    finally:
        session.close()
    return states


def initial_value(make, dtype):
    """What a variable starts with in a graph with ``SEED``."""
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default() as graph:
        tf.set_random_seed(SEED[0])
        variable = tf.get_variable("variable", SHAPE, dtype, initializer=make())
    session = tf.Session(graph=graph)
    try:
        session.run(variable.initializer)
        return session.run(variable)
    finally:
        session.close()


def plays(optimizer_of=None, initializer_of=None):
    """{part, such as 'optimizers.Adam': its records} of everything above.

    Args:
        optimizer_of, initializer_of: (part, TF1 symbol, arguments) -> what to put into a
            graph; by default TF1's own.
    """
    optimizer_of = optimizer_of or optimizer_of_tf1
    initializer_of = initializer_of or initializer_of_tf1

    def values(*entry):
        *described, dtype = entry
        return initial_value(lambda: initializer_of(*described), dtype)

    def states(*entry):
        *described, dtype = entry
        return optimizer_states(lambda: optimizer_of(*described), dtype)

    return plays_of(values, states)


def plays_of(value_of, states_of):
    """{part: its records} of functions that ``initializer_play`` and ``optimizer_play`` take."""
    played = collections.OrderedDict()
    for name in INITIALIZERS:
        played["initializers." + name] = initializer_play(name, value_of)
    for name in OPTIMIZERS:
        played["optimizers." + name] = optimizer_play(name, states_of)
    return played


def initializer_play(name, value_of):
    """Yields the one record of an initialiser: what each of its ways starts with.

    Args:
        value_of: (part, TF1 symbol, arguments, dtype) -> array.
    """
    yield {
        "initial values": collections.OrderedDict(
            (key, value_of(*entry)) for key, entry in entries(INITIALIZERS, name)
        )
    }


def optimizer_play(name, states_of):
    """Yields the records of an optimizer, of each of its ways after each of ``STEPS``.

    Args:
        states_of: (part, TF1 symbol, arguments, dtype) -> iterable of {'slots',
            'updates'}.
    """
    for key, entry in entries(OPTIMIZERS, name):
        for step, state in zip(STEPS, states_of(*entry)):
            record = {"move": f"{key}, to step {step}"}
            for stage, tensors in state.items():
                record[stage] = collections.OrderedDict(
                    (f"{key} {name}", tensors[name]) for name in sorted(tensors)
                )
            yield record


def entries(table, part):
    """Yields (key such as '0 float32', (part, TF1 symbol, arguments, dtype))."""
    for number, (symbol, arguments) in enumerate(table[part]):
        for dtype in ("float32",) if part in ONLY_FLOAT32 else DTYPES:
            yield f"{number} {dtype}", (part, symbol, arguments, dtype)


def symbol_of_tf1(symbol):
    """The object of a TF1 symbol such as 'train.AdamOptimizer', contrib included."""
    import importlib

    if symbol.startswith("contrib."):
        package, _, name = symbol.rpartition(".")
        return getattr(importlib.import_module("tensorflow." + package), name)
    import tensorflow.compat.v1 as tf

    found = tf
    for name in symbol.split("."):
        found = getattr(found, name)
    return found


def optimizer_of_tf1(part, symbol, arguments):
    """TF1's optimizer, for the graph that is the default."""
    import tensorflow.compat.v1 as tf

    if part == "AdagradDA":  # counts steps itself
        arguments = dict(arguments, global_step=tf.train.get_or_create_global_step())
    return symbol_of_tf1(symbol)(**arguments)


def initializer_of_tf1(_part, symbol, arguments):
    """TF1's initialiser with the op seed of ``SEED``."""
    return symbol_of_tf1(symbol)(seed=SEED[1], **arguments)
