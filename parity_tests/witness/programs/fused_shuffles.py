"""In which orders 1.15.5 shuffled what it repeated: one line of JSON.

python -m parity_tests.witness.programs.fused_shuffles
"""

import json

import tensorflow as tf

GRAPH_SEED, OP_SEED = 1, 11
# (rows, buffer, epochs): less than an epoch in the buffer, all of it, more, and one row.
SIZES = ((12, 8, 3), (12, 12, 2), (5, 13, 3), (4, 1, 2))


def order(sizes, shuffled):
    """The rows of all epochs, by a one-shot iterator."""
    rows, buffer, epochs = sizes
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(GRAPH_SEED)
        dataset = shuffled(tf.data.Dataset.range(rows), buffer, epochs)
        row = tf.data.make_one_shot_iterator(dataset).get_next()
        return [int(session.run(row)) for _ in range(rows * epochs)]


def orders(sizes):
    """{how: the rows}."""
    together = tf.data.experimental.shuffle_and_repeat
    lines = {
        "shuffle, repeat": lambda rows, buffer, epochs: rows.shuffle(
            buffer, OP_SEED
        ).repeat(epochs),
        "shuffle_and_repeat": lambda rows, buffer, epochs: rows.apply(
            together(buffer, epochs, OP_SEED)
        ),
        "repeat, shuffle": lambda rows, buffer, epochs: rows.repeat(epochs).shuffle(
            buffer, OP_SEED
        ),
    }
    return {name: order(sizes, shuffled) for name, shuffled in lines.items()}


def main():
    print(json.dumps([orders(sizes) for sizes in SIZES]))


if __name__ == "__main__":
    main()
