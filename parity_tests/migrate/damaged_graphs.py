"""Exported graphs with some bytes changed, and a command that changes many.

    python -m parity_tests.migrate.damaged_graphs 10000

mutates so many ``.meta`` files and frozen graphs, makes a model of each as
``tf-parity convert`` does, and fails if anything else comes of one than a model or a
``HandoverError``, if one takes longer than LONGEST, or all take more than MOST_MEMORY.
"""

import collections
import os
import pathlib
import random
import sys
import tempfile
import time

import keras
import tensorflow.compat.v1 as tf1

from parity_tests.migrate.written_checkpoints import LONGEST, MOST_MEMORY, mutated
from tf1_graph.rnn_cell import while_loops
from tf2_keras.migrate.checkpoint import exports
from tf2_keras.migrate.checkpoint.errors import HandoverError

OUTPUTS = {"y": "y"}
AT_A_TIME = 250  # after which the command says how far it is


def examples(folder):
    """[(path of a whole file, its content)]: a .meta with its checkpoint, a frozen graph."""
    with while_loops(), tf1.Graph().as_default() as graph, tf1.Session() as session:
        x = tf1.placeholder(tf1.float32, [None, 3], "x")
        kernel = tf1.get_variable("kernel", [3, 3])
        _, y = tf1.while_loop(
            lambda step, _: step < 3,
            lambda step, y: (step + 1, tf1.tanh(tf1.matmul(y, kernel))),
            [0, x],
        )
        bias = tf1.get_variable("bias", [3], use_resource=True)
        y = tf1.cond(tf1.size(x) > 3, lambda: y + bias, lambda: y)
        tf1.reshape(y, [-1, 3], name="y")
        session.run(tf1.global_variables_initializer())
        prefix = tf1.train.Saver().save(session, os.path.join(folder, "model.ckpt"))
        frozen = tf1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["y"]
        ).SerializeToString()
    path = os.path.join(folder, "frozen.pb")
    pathlib.Path(path).write_bytes(frozen)
    meta = f"{prefix}.meta"
    return [(meta, pathlib.Path(meta).read_bytes()), (path, frozen)]


def made(path):
    """A model of an export, or the ``HandoverError`` that came of it."""
    try:
        return exports.opened(path).model(outputs=OUTPUTS)
    except HandoverError as error:
        return error


def damaged_and_made(numbers):
    """{outcome: how many} of damaged exports, one a number.

    Raises:
        AssertionError: for one that takes longer than LONGEST.
    """
    outcomes = {"made": 0, "refused": 0}
    # Not at each: it looks through all that the process holds for garbage.
    keras.backend.clear_session()
    with tempfile.TemporaryDirectory() as folder:
        whole = examples(folder)
        files = sorted(os.listdir(folder))
        for number in numbers:
            chance = random.Random(number)
            path, content = whole[chance.randrange(len(whole))]
            pathlib.Path(path).write_bytes(mutated(content, chance))
            begin = time.process_time()
            outcome = made(path)
            assert time.process_time() - begin < LONGEST, number
            pathlib.Path(path).write_bytes(content)
            assert sorted(os.listdir(folder)) == files, number
            refused = isinstance(outcome, HandoverError)
            if refused:
                said = str(outcome)
                assert "\n" not in said and ". Received: " in said, (number, said)
            outcomes["refused" if refused else "made"] += 1
    return outcomes


def main(words):
    """Damages as many as the first word says, from the number of the second on."""
    import resource

    count = int(words[0]) if words else 10_000
    first = int(words[1]) if len(words) > 1 else 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    outcomes = collections.Counter()
    for begin in range(first, first + count, AT_A_TIME):
        numbers = range(begin, min(begin + AT_A_TIME, first + count))
        outcomes.update(damaged_and_made(numbers))
        print(f"to {numbers.stop}: {dict(outcomes)}", flush=True)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    print(f"{count} damaged exports: {dict(outcomes)}, {used / 2**20:.0f} MiB")
    return 0 if used < MOST_MEMORY else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
