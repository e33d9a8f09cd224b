"""TF1's clips: programs that clip the gradients which their variables hold.

A problem is {name: array}: ``weights`` of a dense gradient, ``table values`` and
``table indices`` of a sparse one [ROWS, ...], whose rows may come twice.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine

SYMBOLS = {
    "clipping.ByValue": "tf.clip_by_value",
    "clipping.ByNorm": "tf.clip_by_norm",
    "clipping.ByAverageNorm": "tf.clip_by_average_norm",
    "clipping.ByGlobalNorm": "tf.clip_by_global_norm",
}
ROWS = 7  # of the table that the sparse gradient is of
# What Keras's optimizers call their own arguments, and what TF1 programs wrote.
OF_KERAS = {
    "clipnorm": lambda limit: ("clipping.ByNorm", {"clip_norm": limit}),
    "clipvalue": lambda limit: (
        "clipping.ByValue",
        {"clip_value_min": -limit, "clip_value_max": limit},
    ),
    "global_clipnorm": lambda limit: ("clipping.ByGlobalNorm", {"clip_norm": limit}),
}


def clipped(part, arguments, gradients):
    """A list of gradients, clipped; where there is none, None."""
    clip = genuine(SYMBOLS[part])
    if part == "clipping.ByGlobalNorm":
        return clip(gradients, **arguments)[0]
    limits = [
        arguments[name]
        for name in ("clip_value_min", "clip_value_max", "clip_norm")
        if name in arguments
    ]
    return [
        None if gradient is None else clip(gradient, *limits) for gradient in gradients
    ]


def taken_from(arguments):
    """The clips among an optimizer's arguments, which are taken out, in their order."""
    clips = arguments.pop("clip", [])
    clips = list(clips) if isinstance(clips, list) else [clips]
    return clips + [
        OF_KERAS[name](arguments.pop(name))
        for name in list(arguments)
        if name in OF_KERAS
    ]


def program(part, arguments, problem, stacked=()):
    """The program: its move ``clip`` sees what is left of the gradients.

    They are variables: of what is fed Grappler knows less, and folds otherwise.

    Args:
        stacked: more clips behind the first, pairs of part and arguments.
    """
    with tf.Graph().as_default() as graph:
        held = {
            name: tf.get_variable(
                name.replace(" ", "_"), array.shape, array.dtype, tf.zeros_initializer()
            )
            for name, array in problem.items()
        }
        table = tf.IndexedSlices(
            held["table values"].read_value(),
            held["table indices"].read_value(),
            tf.constant([ROWS] + list(problem["table values"].shape[1:]), tf.int64),
        )
        gradients = [held["weights"].read_value(), None, table]
        for clip in [(part, arguments)] + list(stacked):
            gradients = clipped(*clip, gradients=gradients)
        weights, none, table = gradients
        assert none is None
    return session.program(
        graph, clip=session.move(outputs={"weights": weights, "table": table})
    )


def _problem():
    random = np.random.RandomState(0)
    return {
        # Norms of about 11 and 20: beyond the limits below.
        "weights": (3 * random.standard_normal((5, 3))).astype(np.float32),
        "table values": (3 * random.standard_normal((9, 4))).astype(np.float32),
        "table indices": random.randint(ROWS, size=9),
    }


ARGUMENTS = collections.OrderedDict(
    [
        (
            "ByValue",
            [
                {"clip_value_min": -1.0, "clip_value_max": 2.0},
                {"clip_value_min": 0, "clip_value_max": 1},
            ],
        ),
        ("ByNorm", [{"clip_norm": 5.0}, {"clip_norm": 1}]),
        ("ByAverageNorm", [{"clip_norm": 0.1}]),
        ("ByGlobalNorm", [{"clip_norm": 5.0}, {"clip_norm": 1}]),
    ]
)
CASES = collections.OrderedDict(
    (
        f"{name} {number}",
        Case("clipping." + name, arguments, _problem(), None),
    )
    for name, ways in ARGUMENTS.items()
    for number, arguments in enumerate(ways)
)


def play(case):
    """(program, moves, values, settings) of a case, for ``session.play``."""
    built = program(case.part, case.arguments, case.problem)
    return built, [("clip", {})], values(case.problem), None


def values(problem):
    """{TF1 name: array} that a play starts from."""
    return {name.replace(" ", "_"): array for name, array in problem.items()}
