"""What Python's operators do with tensors: ``python -m parity_tests.witness.tensor_values``.

Evaluates every expression of EXPRESSIONS under the TensorFlow that runs it, in TF1's graph
and in TF2 eagerly, and prints a line for each; under Python 3.7 with TensorFlow 1.15.5 the
lines are parity_tests/migrate/tensor_values.tsv, which tests and docs/guide/tensors.md
compare with today's.
"""

import os
import sys

# a and b are variables, c and d constants, all of one value; x and y are vectors of equal
# values; `column` is a placeholder [None, 3] in TF1 and its TensorSpec in TF2.
EXPRESSIONS = (
    "a == b",
    "a != b",
    "c == d",
    "x == y",
    "a == 0.0",
    "a is b",
    "b in [a]",
    "y in [x]",
    "x in [x]",
    "[a, b].index(b)",
    "[c, d].count(d)",
    "len({a: 1, b: 2})",
    "len({c: 1, d: 2})",
    "len({a, b})",
    "len({a.experimental_ref(), b.experimental_ref()})",
    "bool(a)",
    "bool(c)",
    "bool(x)",
    "x.shape[0].value",
    "int(x.shape[0])",
    "x.shape.as_list()[0]",
    "column.shape[0]",
    "column.shape[0] is None",
    "column.shape[0] == None",
    "bool(column.shape[0])",
    "column.shape[1] / 2",
    "column.shape[1] // 2",
)
HEAD = "# python -m parity_tests.witness.tensor_values: TensorFlow {}, Python {}.{}"


def names(tf):
    """What the expressions speak of: {name: tensor}."""
    graph = tf.__version__.startswith("1.")
    column = tf.compat.v1.placeholder if graph else _spec
    return {
        "a": tf.Variable(0.0),
        "b": tf.Variable(0.0),
        "c": tf.constant(0.0),
        "d": tf.constant(0.0),
        "x": tf.constant([1.0, 2.0]),
        "y": tf.constant([1.0, 2.0]),
        "column": column(tf.float32, [None, 3]),
    }


def _spec(dtype, shape):
    import tensorflow as tf

    return tf.TensorSpec(shape, dtype)


def value(expression, known):
    """What an expression gives: a number as Python writes it, or the name of the error."""
    try:
        result = eval(expression, {}, known)  # the expressions of this file
    except Exception as error:  # what it raises is the answer
        return type(error).__name__
    if hasattr(result, "numpy"):
        result = result.numpy().tolist()
    return str(result)


def main():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    known = names(tf)
    print(HEAD.format(tf.__version__, *sys.version_info[:2]))
    for expression in EXPRESSIONS:
        print(expression + "\t" + value(expression, known))


if __name__ == "__main__":
    main()
