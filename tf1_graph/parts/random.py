"""TF1's seeded random ops: programs of one op alone, and of models that it trains.

A problem is the ``sizes`` of the input, None for what a placeholder leaves open, its
``dtype``, and how many ``rows`` the batches have. The graph's seed is part of ``seed``.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine

SYMBOLS = collections.OrderedDict(
    [
        ("random.Categorical", "tf.multinomial"),
        (
            "random.FixedUnigramCandidateSampler",
            "tf.nn.fixed_unigram_candidate_sampler",
        ),
        (
            "random.LearnedUnigramCandidateSampler",
            "tf.nn.learned_unigram_candidate_sampler",
        ),
        ("random.LogUniformCandidateSampler", "tf.nn.log_uniform_candidate_sampler"),
        ("random.Normal", "tf.random_normal"),
        ("random.Shuffle", "tf.random_shuffle"),
        ("random.Uniform", "tf.random_uniform"),
        ("random.UniformCandidateSampler", "tf.nn.uniform_candidate_sampler"),
    ]
)


def is_noise(part):
    return part in ("random.Normal", "random.Uniform")


def is_sampler(part):
    return part.endswith("CandidateSampler")


def drawn(part, x, seed, **arguments):
    """{name: what the op gives}; the graph's seed is set."""
    if isinstance(seed, tuple):
        graph_seed, seed = seed
        tf.set_random_seed(graph_seed)
    op = genuine(SYMBOLS[part])
    if is_noise(part):
        return {"y": op(tf.shape(x), dtype=x.dtype, seed=seed, **arguments)}
    if not is_sampler(part):
        return {"y": op(x, seed=seed, **arguments)}
    names = ("sampled", "true expected", "sampled expected")
    return dict(zip(names, op(x, seed=seed, **arguments)))


def program(part, arguments, problem):
    """The op alone: the move ``draw`` takes ``x`` and reports what came out."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(problem["dtype"], problem["sizes"], name="x")
        outputs = drawn(part, x, **arguments)
    return session.program(graph, {"x": x}, draw=session.move(outputs=outputs))


# Every instance that the tests build, as (arguments, sizes of the input, its dtype, rows
# of the batches).

SEED = (1, 14)
NOISE = [2, 5, 0, 3]
TRUE = {"num_true": 1, "num_sampled": 6, "unique": True, "range_max": 50, "seed": SEED}
SAMPLED = [
    dict(TRUE),
    dict(TRUE, num_true=2, unique=False),
    dict(TRUE, range_max=64, num_sampled=20),  # a power of two
    dict(TRUE, range_max=64, num_sampled=20, unique=False, seed=7),
    dict(TRUE, range_max=12, num_sampled=12),  # all classes
    dict(TRUE, range_max=1, num_sampled=1),
]
FREQUENCIES = [round(100.0 / (1 + number), 3) for number in range(50)]
LOGITS = [None, 5], "float32", [4, 1, 7]
VARIANTS = {
    "random.Categorical": [
        ({"num_samples": 1, "seed": SEED},) + LOGITS,
        ({"num_samples": 6, "seed": 5},) + LOGITS,
        ({"num_samples": 3, "seed": SEED, "output_dtype": "int32"},) + LOGITS,
        ({"num_samples": 4, "seed": SEED}, [None, 3], "float64", [3, 2]),
        ({"num_samples": 4, "seed": SEED}, [None, 3], "float16", [3, 2]),
    ],
    "random.FixedUnigramCandidateSampler": [
        (arguments, [None, arguments["num_true"]], "int64", [3, 1, 4])
        for arguments in (
            dict(TRUE, unigrams=FREQUENCIES),
            dict(TRUE, unigrams=FREQUENCIES, distortion=0.75, num_sampled=30),
            dict(TRUE, unigrams=FREQUENCIES[:47], num_reserved_ids=3, num_true=2),
            dict(
                TRUE,
                unigrams=FREQUENCIES,
                range_max=17,
                num_shards=3,
                shard=1,
            ),
            dict(TRUE, unigrams=FREQUENCIES[:32], range_max=32, unique=False),
        )
    ],  # fmt: skip
    "random.LearnedUnigramCandidateSampler": [
        (arguments, [None, arguments["num_true"]], "int64", [3, 40, 4])
        for arguments in SAMPLED[:3]
    ],
    "random.LogUniformCandidateSampler": [
        (arguments, [None, arguments["num_true"]], "int64", [3, 1, 4])
        for arguments in SAMPLED
    ],
    "random.Normal": [
        ({"seed": SEED}, [None, 3], "float32", NOISE),
        ({"seed": 7, "mean": 0.3, "stddev": 2.5}, [None, 3], "float32", NOISE),
        ({"seed": SEED, "stddev": 0.1}, [None, 3], "float64", NOISE),
        ({"seed": SEED, "mean": -1.5}, [None, 3], "float16", NOISE),
    ],
    "random.Shuffle": [
        ({"seed": SEED}, [None], "int64", [9, 8, 1, 0, 5]),
        ({"seed": 7}, [None, 2], "float32", [9, 8, 1, 0, 5]),
    ],
    "random.Uniform": [
        ({"seed": SEED}, [None, 3], "float32", NOISE),
        ({"seed": 7, "minval": -0.3, "maxval": 2.5}, [None, 3], "float32", NOISE),
        ({"seed": SEED, "minval": -0.5}, [None, 3], "float64", NOISE),
        ({"seed": SEED, "maxval": 0.3}, [None, 3], "float16", NOISE),
    ],
    "random.UniformCandidateSampler": [
        (arguments, [None, arguments["num_true"]], "int64", [3, 1, 4])
        for arguments in SAMPLED[:5]
    ],
}


def variants():
    """Yields (part, arguments, problem) of each."""
    for part, ways in VARIANTS.items():
        for arguments, sizes, dtype, rows in ways:
            yield part, arguments, {"sizes": sizes, "dtype": dtype, "rows": rows}


def batch_of(part, arguments, problem, random, rows):
    """{"x": array} of so many rows."""
    shape = [rows] + list(problem["sizes"][1:])
    if is_sampler(part):
        return {"x": random.randint(arguments["range_max"], size=shape)}
    if np.dtype(problem["dtype"]).kind == "i":
        return {"x": random.randint(100, size=shape)}
    x = 3 * random.standard_normal(shape)
    if part == "random.Categorical" and rows > 2:
        x[1, :2], x[2, 0] = -np.inf, np.nan
    return {"x": x.astype(problem["dtype"])}


def moves_of(part, arguments, problem, seed=0):
    """A draw for each of the batches' rows."""
    random = np.random.RandomState(seed)
    return [
        ("draw", batch_of(part, arguments, problem, random, rows))
        for rows in problem["rows"]
    ]


def _cases():
    """Yields (name of a play, Case)."""
    numbers = collections.Counter()
    for part, arguments, problem in variants():
        name = "{} {} {}".format(
            part.partition(".")[2], numbers[part], problem["dtype"]
        )
        yield name, Case(part, arguments, problem, None)
        numbers[part] += 1


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case."""
    return program(*case[:3]), moves_of(*case[:3]), None, None
