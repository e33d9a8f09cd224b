"""TF1's vocabulary lookups: the program of one table, of a cross, of rows.

A problem says the ``dtype`` of what is looked up, of a cross that of each column.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine
from tf1_graph.parts.initializers import initializer

TABLE, CROSS, ROWS = "lookup.IndexTable", "lookup.CrossedColumn", "lookup.SafeEmbedding"
SYMBOLS = collections.OrderedDict(
    [
        (CROSS, "tf.feature_column.crossed_column"),
        (TABLE, "tf.contrib.lookup.index_table_from_tensor"),
        (ROWS, "tf.nn.safe_embedding_lookup_sparse"),
    ]
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


def look_up(graph, inputs, outputs):
    """A program whose one move reports what was looked up."""
    built = session.program(graph, inputs, look_up=session.move(outputs=outputs))
    with graph.as_default():
        tables = tf.tables_initializer()
    return built._replace(initialisers=built.initialisers + [[tables]])


def table_program(part, arguments, problem):
    """The numbers of ``x``."""
    dtype = tf.as_dtype(problem["dtype"])
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(dtype, [None, None], name="x")
        table = genuine(SYMBOLS[part], lost=table_in_ops)(dtype=dtype, **arguments)
        return look_up(graph, {"x": x}, {"y": table.lookup(x)})


def cross_program(part, arguments, problem):
    """The buckets of the columns ``c0``, ``c1``, ..., as an indicator's places."""
    with tf.Graph().as_default() as graph:
        columns = collections.OrderedDict(
            (f"c{place}", tf.placeholder(dtype, [None], f"c{place}"))
            for place, dtype in enumerate(problem["dtype"].split())
        )
        keys = [
            # The place of a bucketized column: the only numbers that a cross takes.
            name
            if column.dtype == tf.string
            else tf.feature_column.bucketized_column(
                tf.feature_column.numeric_column(name, dtype=column.dtype), BOUNDARIES
            )
            for name, column in columns.items()
        ]
        crossed = genuine(SYMBOLS[part])(keys, **arguments)
        indicator = tf.feature_column.indicator_column(crossed)
        places = tf.feature_column.input_layer(columns, [indicator])
        return look_up(graph, columns, {"y": tf.argmax(places, 1)})


def rows_program(part, arguments, _problem):
    """The rows of ``x``, and the gradient of half their squares."""
    arguments = dict(arguments)
    shape = arguments.pop("buckets"), arguments.pop("width")
    start = initializer(arguments.pop("initializer", "zeros"))
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.int64, [None, None], name="x")
        rows = tf.get_variable("rows", shape, initializer=start, use_resource=True)
        known = tf.where(x >= 0)
        ids = tf.SparseTensor(
            known, tf.gather_nd(x, known), tf.shape(x, out_type=tf.int64)
        )
        y = genuine(SYMBOLS[part])(rows, ids, **arguments)
        (gradient,) = tf.gradients(tf.reduce_sum(tf.square(y)) / 2, [rows])
        outputs = {"y": y, "gradient": tf.convert_to_tensor(gradient)}
        return look_up(graph, {"x": x}, outputs)


def program(part, arguments, problem):
    """The move ``look_up`` reports what a part makes of its input."""
    programs = {TABLE: table_program, CROSS: cross_program, ROWS: rows_program}
    return programs[part](part, arguments, problem)


WORDS = ["wolf", "a", "", "\u00e9t\u00e9", "the", "zoo zoo"]
NUMBERS = [7, -1, 0, 2**40]
BOUNDARIES = [-3, 0, 7]
UNIFORM = ("initializers.RandomUniform", {"minval": -0.3, "maxval": 0.7, "seed": 11})
VARIANTS = collections.OrderedDict(
    [
        (
            TABLE,
            [
                ({"mapping": WORDS}, "string"),
                ({"mapping": WORDS, "num_oov_buckets": 3}, "string"),
                ({"mapping": WORDS, "default_value": 4}, "string"),
                (
                    {"mapping": WORDS, "num_oov_buckets": 1, "default_value": 4},
                    "string",
                ),
                ({"mapping": NUMBERS, "num_oov_buckets": 5}, "int32"),
                ({"mapping": NUMBERS}, "int64"),
            ],
        ),
        (
            CROSS,
            [
                ({"hash_bucket_size": 50}, "string string"),
                ({"hash_bucket_size": 50}, "int32 string string"),
                ({"hash_bucket_size": 9, "hash_key": 77}, "string int64"),
            ],
        ),
        (
            ROWS,
            [
                ({"buckets": 5, "width": 3}, "int64"),
                ({"buckets": 5, "width": 3, "initializer": UNIFORM}, "int64"),
                (
                    {
                        "buckets": 4,
                        "width": 2,
                        "initializer": UNIFORM,
                        "combiner": "sqrtn",
                    },
                    "int64",
                ),
                (
                    {
                        "buckets": 3,
                        "width": 1,
                        "initializer": UNIFORM,
                        "combiner": "sum",
                    },
                    "int64",
                ),
            ],
        ),
    ]
)


def variants():
    """Yields (part, arguments, problem) of each."""
    for part, ways in VARIANTS.items():
        for arguments, dtype in ways:
            yield part, arguments, {"dtype": dtype}


def batch_of(part, arguments, problem, random, shape):
    """{input: array}: of a table half of it is known."""
    if part == ROWS:
        return {"x": random.randint(-2, arguments["buckets"], shape).astype(np.int64)}
    if part == CROSS:
        batch = {}
        for place, dtype in enumerate(problem["dtype"].split()):
            known = np.array(WORDS if dtype == "string" else [-9, -3, 0, 5, 7, 8])
            column = known[random.randint(len(known), size=shape[0])]
            batch[f"c{place}"] = column if dtype == "string" else column.astype(dtype)
        return batch
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
        ("look_up", batch_of(*case[:3], random=random, shape=shape))
        for shape in ((4, 5), (1, 3))
    ]
    return program(*case[:3]), moves, None, None
