"""The numbers that feature columns make of words, ranges and crosses: chapter wide_deep.

    python -m parity_tests.witness.programs.wide_deep_ids

Prints {column: [number of each person]} as one line of JSON; -1 is no number.
"""

import json

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.datasets import adult
from tf1_graph.models import feature_columns, wide_deep

PEOPLE = 400
# Words that no list has, an empty one, and one that is not ASCII.
STRANGE = ("", "unheard of", " Private", "m\u00e9tier")


def people():
    """{column: [n]} of the census, with strange words, and ages on every boundary."""
    columns, _ = adult.load()
    columns = {name: column[:PEOPLE].copy() for name, column in columns.items()}
    for place, word in enumerate(STRANGE):
        for name in feature_columns.WORDS:
            columns[name][7 * place + len(name)] = word.encode("utf-8")
    columns["age"][: len(feature_columns.AGES)] = feature_columns.AGES
    return columns


def ids(columns, config):
    """{column: [n], int64}: each row of a table holds its own number, and one more."""
    with tf.Graph().as_default(), tf.Session() as session:
        features = {name: tf.constant(value) for name, value in columns.items()}
        rows, tables = {}, []
        for column in feature_columns.build_model_columns(config)[0]:
            variables = {}
            rows[column.name] = tf.feature_column.linear_model(
                features, [column], cols_to_vars=variables
            )
            tables += variables[column]
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        for table in tables:
            numbers = np.arange(1, 1 + int(table.shape[0]), dtype=np.float32)
            table.load(numbers[:, np.newaxis], session)
        return {
            name: value[:, 0].astype(np.int64) - 1
            for name, value in session.run(rows).items()
        }


def main():
    made = ids(people(), wide_deep.Config())
    print(json.dumps({name: value.tolist() for name, value in made.items()}))


if __name__ == "__main__":
    main()
