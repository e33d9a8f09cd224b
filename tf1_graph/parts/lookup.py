"""TF1's vocabulary lookups: the program of one table.

A problem says the ``dtype`` of what is looked up.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine

SYMBOLS = collections.OrderedDict(
    [("lookup.IndexTable", "tf.contrib.lookup.index_table_from_tensor")]
)


def table_in_ops(mapping, num_oov_buckets=0, default_value=-1, dtype=tf.string):
    """What contrib's of 1.15 built, of tables that there are today."""
    keys = tf.constant(mapping, tf.string if dtype == tf.string else tf.int64)
    start = tf.lookup.KeyValueTensorInitializer(
        keys, tf.range(len(mapping), dtype=tf.int64)
    )
    table = tf.lookup.StaticHashTable(start, default_value)

    class Table:
        def lookup(self, values):
            numbers = table.lookup(tf.cast(values, table.key_dtype))
            if not num_oov_buckets:
                return numbers
            words = values if dtype == tf.string else tf.as_string(values)
            buckets = tf.strings.to_hash_bucket_fast(words, num_oov_buckets)
            known = tf.not_equal(numbers, default_value)
            return tf.where_v2(known, numbers, buckets + len(mapping))

    return Table()


def program(part, arguments, problem):
    """The move ``look_up`` reports the numbers of ``x``."""
    dtype = tf.as_dtype(problem["dtype"])
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(dtype, [None, None], name="x")
        table = genuine(SYMBOLS[part], lost=table_in_ops)(dtype=dtype, **arguments)
        outputs = {"y": table.lookup(x)}
        tables = tf.tables_initializer()
    built = session.program(graph, {"x": x}, look_up=session.move(outputs=outputs))
    return built._replace(initialisers=built.initialisers + [[tables]])


WORDS = ["wolf", "a", "", "\u00e9t\u00e9", "the", "zoo zoo"]
NUMBERS = [7, -1, 0, 2**40]
VARIANTS = {
    "lookup.IndexTable": [
        ({"mapping": WORDS}, "string"),
        ({"mapping": WORDS, "num_oov_buckets": 3}, "string"),
        ({"mapping": WORDS, "default_value": 4}, "string"),
        ({"mapping": WORDS, "num_oov_buckets": 1, "default_value": 4}, "string"),
        ({"mapping": NUMBERS, "num_oov_buckets": 5}, "int32"),
        ({"mapping": NUMBERS}, "int64"),
    ]
}


def variants():
    """Yields (part, arguments, problem) of each."""
    for part, ways in VARIANTS.items():
        for arguments, dtype in ways:
            yield part, arguments, {"dtype": dtype}


def batch_of(arguments, problem, random, shape):
    """{"x": array}: half of it is in the table."""
    known = arguments["mapping"]
    if problem["dtype"] == "int32":
        known = [number for number in known if abs(number) < 2**31]
    if problem["dtype"] == "string":
        unknown = [letter * size for letter in "xyz\u00df" for size in range(1, 41, 8)]
    else:
        unknown = [3, -5, 11, 999]
    drawn = [
        kind[random.randint(len(kind))]
        for kind in (known, unknown)
        for _ in range(-(-shape[0] * shape[1] // 2))
    ]
    words = np.array(drawn[: shape[0] * shape[1]]).reshape(shape)
    return {
        "x": words if problem["dtype"] == "string" else words.astype(problem["dtype"])
    }


def _cases():
    """Yields (name of a play, Case)."""
    for number, (part, arguments, problem) in enumerate(variants()):
        name = "{} {} {}".format(part.partition(".")[2], number, problem["dtype"])
        yield name, Case(part, arguments, problem, None)


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case."""
    random = np.random.RandomState(0)
    moves = [
        ("look_up", batch_of(case.arguments, case.problem, random, shape))
        for shape in ((4, 5), (1, 3))
    ]
    return program(*case[:3]), moves, None, None
