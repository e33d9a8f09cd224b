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
    run = training(name)
    print("ready", flush=True)
    for line in sys.stdin:
        begin = time.perf_counter()
        run(int(line))
        print(repr(time.perf_counter() - begin), flush=True)


def training(name):
    """A function that trains so many steps more in one Session, with nothing observed."""
    from tf1_graph import session as tf1_session

    setup = chapters.setup(name)
    config = chapters.graph(name).Config(**runs.fields_of(name))
    train, _ = setup.load(None, runs.SEED)
    moves = setup.moves(train, config)
    program = chapters.program(name, config)
    session = tf1_session.open_session(program.graph)
    tf1_session.initialise(session, program)

    def run(steps):
        for move, batch in itertools.islice(moves, steps):
            tf1_session.run(session, program, move, batch, unseen=True)

    return run


if __name__ == "__main__":
    main(sys.argv[1])
