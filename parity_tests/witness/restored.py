"""Plays a chapter, or a part, from a checkpoint, under whatever TensorFlow runs this.

    python -m parity_tests.witness.restored

takes requests as lines of JSON and answers each with a line once it was played. One has
"chapter" and "fields" of its Config, or "part", an optimizer's, and its "arguments", a
literal of Python's; "plays", a file of ``recording`` with the moves; and, each if it is
wanted, "restore", the prefix of a checkpoint that ``tf.train.Saver`` restores in place of
initial values, "save", one that it writes after "after" moves, and "again", whether a
program that draws nothing as it runs may keep the Session of the request before; and
"out", the recording to write.

Runs under Python 3.7 and TensorFlow 1.15.5.
"""

import ast
import contextlib
import functools
import json
import sys

from parity_tests.models import chapters
from parity_tests.pair import recording
from parity_tests.witness import reference_conditions


def main():
    reference_conditions.settle()
    for line in sys.stdin:
        request = json.loads(line)
        moves = [
            (name, dict(batch))
            for name, batch in recording.Recording(request["plays"]).moves(0)
        ]
        with recording.Writer(request["out"]) as writer:
            writer.add(moves, list(played(request, moves)))
        print("played", flush=True)


def program_of(request, moves):
    """(the Program of a request, its variables' values or None)."""
    if "part" in request:
        from tf1_graph.parts import optimizers

        problem = optimizers.ordinary_problem("float32", len(moves))
        arguments = ast.literal_eval(request["arguments"])
        return optimizers.program(request["part"], arguments, problem), problem[0]
    return chapter_program(request["chapter"], json.dumps(request["fields"])), None


@functools.lru_cache(maxsize=1)
def chapter_program(name, fields):
    """The Program of a chapter; what one was built for, several requests play."""
    fields = {
        field: tuple(value) if isinstance(value, list) else value
        for field, value in json.loads(fields).items()
    }
    return chapters.program(name, chapters.graph(name).Config(**fields))


LAST = []  # (program, its Session) of the request before


@contextlib.contextmanager
def session_of(program, again):
    """A new Session; or that of the request before, which has its moves optimized."""
    from tf1_graph import session as tf1_session

    if not (again and LAST and LAST[0][0] is program):
        while LAST:
            LAST.pop()[1].close()
        LAST.append((program, tf1_session.open_session(program.graph)))
    with LAST[0][1].as_default():
        yield LAST[0][1]


def played(request, moves):
    """Yields the records of a request's play."""
    import tensorflow.compat.v1 as tf

    from tf1_graph import session as tf1_session

    program, values = program_of(request, moves)
    with program.graph.as_default():
        saver = tf.train.Saver()
        with session_of(program, request.get("again")) as session:
            records = tf1_session.play(program, moves, values, session=session)
            first = next(records)
            if request.get("restore"):
                saver.restore(session, request["restore"])
                state = session.run(program.variables)
                first = {"initial values": tf1_session.plain(state)}
            yield first
            for number, record in enumerate(records, 1):
                if number == request.get("after"):
                    saver.save(session, request["save"])
                yield record


if __name__ == "__main__":
    main()
