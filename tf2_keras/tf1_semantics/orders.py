"""The orders in which TF1's input shuffled, drawn again where no op of today gives them.

They are what ``tf.data`` shuffled in 1.15; what ``tf.data`` shuffles today in one pass is
the same by itself, after ``tf.random.set_seed(graph seed)``.
"""

import numpy as np

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.errors import is_int, require


def shuffled_and_repeated(rows, buffer_size, count, seed):
    """``range(rows).shuffle(buffer_size, seed).repeat(count)``, as 1.15 fused the two.

    1.15 made one op of both, as of ``shuffle_and_repeat``: its stream goes on from epoch to
    epoch, where today's begins each anew. Rows are gathered, or a data set made, by it.

    Args:
        rows: how many there are, int.
        buffer_size: among how many a row is chosen, int.
        count: epochs, int.
        seed: (graph seed, op seed), or the op seed alone.

    Returns:
        [count * rows], int64: the number of each row, epoch after epoch.

    Raises:
        ValueError: for a number below 1, or seeds that are none.
    Source: shuffle_dataset_op.cc, 1.15; grappler/optimizers/data/shuffle_and_repeat_fusion.cc.
    """
    for name, number in (
        ("rows", rows),
        ("buffer_size", buffer_size),
        ("count", count),
    ):
        require(
            is_int(number, at_least=1),
            f"{name} must be a whole number above zero",
            repr(number),
            "Use for instance 1000",
        )
    words = iter(philox.words(count * rows, seed).numpy().tolist())
    held, filled, order = [0] * buffer_size, 0, []
    for taken in range(count * rows):
        while filled < min(taken + buffer_size, count * rows):
            held[filled % buffer_size] = filled % rows
            filled += 1
        # Chosen among what the buffer holds of the epoch that has not ended yet.
        end = min(filled, (taken // rows + 1) * rows)
        chosen = (taken + next(words) % (end - taken)) % buffer_size
        order.append(held[chosen])
        held[chosen] = held[taken % buffer_size]
    return np.array(order)
