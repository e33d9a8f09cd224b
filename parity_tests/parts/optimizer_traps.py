"""Keras's namesakes of TF1's optimizers, and how far off they are."""

import functools

import keras
import numpy as np

from parity_tests.parts.descriptor import Trap
from parity_tests.parts.optimizer_twins import twin
from tf1_graph import session
from tf1_graph.parts import optimizers as tf1_optimizers
from tf2_keras import training

RATE = 0.01
STEPS = 100
# A rate that changes: TF1's, and Keras's own of the same numbers.
DECAYING = (
    "schedules.ExponentialDecay",
    {"learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
)
KERAS = keras.optimizers
# {part: (Keras's object as people name it, the same with TF1's hyper-parameters)},
# called with the learning rate: for the traps, and to time the parts against. Made at
# every call, for a Keras optimizer belongs to one list of variables.
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
    "optimizers.AdamWeightDecay": (
        lambda rate: KERAS.AdamW(rate, weight_decay=0.01),
        lambda rate: KERAS.AdamW(rate, weight_decay=0.01, epsilon=1e-6),
    ),
}


@functools.cache
def problem(sparse):
    """One variable and STEPS gradients, float32, as ``tf1_optimizers`` has problems.

    Sparse: an embedding [20, 4], of which 6 rows are looked up, some of them twice.
    """
    random = np.random.RandomState(0)

    def normal(*shape):
        return random.standard_normal(shape).astype(np.float32)

    if not sparse:
        return {"weights": normal(5, 13)}, [
            {"weights": normal(5, 13)} for _ in range(STEPS)
        ]
    batches = [
        {
            "table values": normal(8, 4),
            "table indices": np.append(random.choice(20, 6), [0, 0]),
        }
        for _ in range(STEPS)
    ]
    return {"table": normal(20, 4)}, batches


def variable_of(records, values):
    """[the one variable after every record of a play]."""
    (name,) = values
    return [
        record.get("updates", record.get("initial values"))[name] for record in records
    ]


def distance(make, part, arguments, sparse):
    """{step: how far a Keras optimizer is from TF1's}, for a Trap.

    Args:
        make: rate -> the naive optimizer.
    """
    values, batches = problem(sparse)
    moves = tf1_optimizers.moves(arguments, batches)
    program = tf1_optimizers.program(part, arguments, problem(sparse))
    expected = variable_of(session.play(program, moves, values), values)
    rate = arguments["learning_rate"]
    if rate is DECAYING:
        rate = KERAS.schedules.ExponentialDecay(*DECAYING[1].values())
    naive = twin(part, arguments, problem(sparse), optimizer=make(rate))
    received = variable_of(training.play(naive, moves, "function"), values)
    errors = {}
    for step in (1, 10, 100):
        way = np.abs(expected[step] - expected[0]).max()
        off = np.abs(received[step] - expected[step]).max()
        # Neither moves before the first accumulation is full.
        errors[step] = float(off / way) if off else 0.0
    return errors


def trap(write, part, make, at_least, arguments=(), sparse=False):
    """A Trap; what to write instead is the part with the same arguments.

    Args:
        write: the naive line; {} stands for the rate.
        make: rate -> what that line makes.
        arguments: of the part, a dict. The rate is RATE unless it is among them.
    """
    arguments = {"learning_rate": RATE, **dict(arguments)}
    shown = {
        name: "schedule" if value is DECAYING else value
        for name, value in arguments.items()
    }
    listed = ", ".join(f"{name}={value}" for name, value in shown.items())
    write = write.replace("{}", str(shown["learning_rate"]))
    return Trap(
        write=write + "  # an embedding" * sparse,
        off=functools.partial(distance, make, part, arguments, sparse),
        at_least=at_least,
        instead=f"tf1_semantics.{part}({listed})",
    )


def traps(name, *rows):
    """The traps of an optimizer: rows of the arguments of ``trap`` but the part."""
    return {
        f"optimizers.{name}": tuple(
            trap(write, f"optimizers.{name}", *others) for write, *others in rows
        )
    }


MOMENTUM = {"momentum": 0.9}
DECAY = {"weight_decay": 1e-3}
CHANGING = {"learning_rate": DECAYING}
DENSE, SPARSE = False, True
NAIVE, SETTLED = (
    {part.partition(".")[2]: makers[number] for part, makers in KERAS_NAMESAKES.items()}
    for number in range(2)
)
TRAPS = {
    **traps(
        "GradientDescent",
        (
            "keras.optimizers.SGD({}, gradient_accumulation_steps=3)",
            lambda rate: KERAS.SGD(rate, gradient_accumulation_steps=3),
            {10: 0.05, 100: 0.2},
            {**CHANGING, "gradient_accumulation_steps": 3},
        ),
    ),
    **traps(
        "Momentum",
        (
            "keras.optimizers.SGD({}, momentum=0.9)",
            NAIVE["Momentum"],
            {10: 0.05, 100: 0.2},
            {**CHANGING, **MOMENTUM},
        ),
        (
            "keras.optimizers.SGD({}, momentum=0.9, nesterov=True)",
            lambda rate: KERAS.SGD(rate, momentum=0.9, nesterov=True),
            {10: 0.05, 100: 0.2},
            {**CHANGING, **MOMENTUM, "use_nesterov": True},
        ),
        (
            "keras.optimizers.SGD({}, momentum=0.9)",
            NAIVE["Momentum"],
            {10: 0.1, 100: 0.05},
            MOMENTUM,
            SPARSE,
        ),
    ),
    **traps(
        "Adam",
        ("keras.optimizers.Adam({})", NAIVE["Adam"], {1: 1e-4, 10: 1e-5}),
        (
            "keras.optimizers.Adam({}, epsilon=1e-8)",
            SETTLED["Adam"],
            {1: 0.5, 10: 0.1},
            {},
            SPARSE,
        ),
    ),
    **traps(
        "RMSProp",
        (
            "keras.optimizers.RMSprop({})",
            NAIVE["RMSProp"],
            {1: 1.0, 10: 0.5, 100: 0.2},
        ),
        *(
            (
                "keras.optimizers.RMSprop({}, rho=0.9, epsilon=1e-10)",
                SETTLED["RMSProp"],
                at_least,
                {},
                sparse,
            )
            for sparse, at_least in (
                (DENSE, {1: 1.0, 10: 0.5, 100: 0.2}),
                (SPARSE, {1: 0.5, 10: 0.5, 100: 0.2}),
            )
        ),
    ),
    **traps(
        "Adagrad",
        (
            "keras.optimizers.Adagrad({}, epsilon=0)",
            SETTLED["Adagrad"],
            {1: 0.2, 10: 0.2, 100: 0.1},
            {},
            SPARSE,
        ),
    ),
    **traps(
        "Adadelta",
        (
            "keras.optimizers.Adadelta({})",
            NAIVE["Adadelta"],
            {1: 1.0, 10: 1.0, 100: 1.0},
        ),
        (
            "keras.optimizers.Adadelta({}, rho=0.95, epsilon=1e-8)",
            SETTLED["Adadelta"],
            {1: 0.5, 10: 0.1, 100: 0.1},
            {},
            SPARSE,
        ),
    ),
    **traps(
        "Ftrl",
        (
            "keras.optimizers.Ftrl({})",
            NAIVE["Ftrl"],
            {1: 0.5, 10: 0.5, 100: 0.5},
            {},
            SPARSE,
        ),
    ),
    **traps(
        "AdamW",
        (
            "keras.optimizers.AdamW({}, weight_decay=1e-3)",
            NAIVE["AdamW"],
            {1: 0.1, 10: 0.1, 100: 0.3},
            DECAY,
        ),
        (
            "keras.optimizers.AdamW({}, weight_decay=1e-3, epsilon=1e-8)",
            SETTLED["AdamW"],
            {1: 0.3, 10: 0.2, 100: 0.3},
            DECAY,
            SPARSE,
        ),
    ),
    **traps(
        "MomentumW",
        *(
            (
                "keras.optimizers.SGD({}, momentum=0.9, weight_decay=1e-3)",
                NAIVE["MomentumW"],
                at_least,
                {**DECAY, **MOMENTUM},
                sparse,
            )
            for sparse, at_least in (
                (DENSE, {1: 0.05, 10: 0.02, 100: 0.05}),
                (SPARSE, {1: 0.02, 10: 0.1, 100: 0.05}),
            )
        ),
    ),
    **traps(
        "AdamWeightDecay",
        *(
            (
                "keras.optimizers.AdamW({}, weight_decay=0.01, epsilon=1e-6)",
                SETTLED["AdamWeightDecay"],
                at_least,
                {"weight_decay_rate": 0.01},
                sparse,
            )
            for sparse, at_least in (
                (DENSE, {1: 0.5, 10: 0.5, 100: 0.5}),
                (SPARSE, {1: 0.5, 10: 0.5, 100: 0.5}),
            )
        ),
        (
            "keras.optimizers.Adam({}, epsilon=1e-6)",
            lambda rate: KERAS.Adam(rate, epsilon=1e-6),
            {1: 0.1, 10: 0.1, 100: 0.1},
        ),
    ),
}
