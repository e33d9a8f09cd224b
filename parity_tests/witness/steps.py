"""Trains a chapter on request: ``python -m parity_tests.witness.steps CHAPTER``.

Reads numbers of steps from standard input, one a line, and answers each with the seconds
that they took: so that another process can time this TensorFlow in turn with its own.
Runs under Python 3.7 as well.
"""

import itertools
import sys
import time

from parity_tests.models import chapters
from parity_tests.witness import reference_conditions, runs


def main(name):
    reference_conditions.settle()
    from tf1_graph import session as tf1_session

    meeting_point, graph = chapters.meeting_point(name), chapters.graph(name)
    config = graph.Config(**runs.fields_of(name))
    train, _ = meeting_point.load(None, runs.SEED)
    batches = meeting_point.batches(train, config)
    built = graph.build(config)
    session = tf1_session.open_session(built)
    tf1_session.initialise(session, built)
    print("ready", flush=True)
    for line in sys.stdin:
        begin = time.perf_counter()
        tf1_session.train(session, built, itertools.islice(batches, int(line)))
        print(repr(time.perf_counter() - begin), flush=True)
    session.close()


if __name__ == "__main__":
    main(sys.argv[1])
