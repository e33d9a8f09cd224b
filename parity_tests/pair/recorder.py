"""Plays a TF1 side and stores it: ``python -m parity_tests.pair.recorder REQUEST.json``.

This is the process of its own in which a module of the user's runs, under this Python or
under 3.7 with TensorFlow 1.15.5. What is asked comes and goes in files:

    {"source": ..., "inputs": ..., "checkpoint": ..., "moves": ..., "path": [folders],
     "plays": a file of plays without records, "predicts": bool, "out": FILE}

Exit codes: 2 for a mistake, told in one line; 3 if code of the user's failed, with its
traceback before that line.
"""

import hashlib
import json
import os
import sys

import numpy as np

from parity_tests.engine import processors
from parity_tests.pair import behaviour, recording
from parity_tests.pair.errors import PairError, SideFailed, theirs
from parity_tests.witness import reference_conditions

MISTAKE, FAILED = 2, 3


def main(path):
    with open(path, encoding="utf-8") as file:
        request = json.load(file)
    sys.path[:0] = request["path"]
    reference_conditions.import_tensorflow()
    import tensorflow.compat.v1 as tf

    tf.logging.set_verbosity(tf.logging.ERROR)
    from parity_tests.pair import tf1_sides
    from tf1_graph import session as tf1_session

    try:
        program = tf1_sides.program(
            request["source"],
            request["inputs"],
            request["checkpoint"],
            request["moves"],
        )
        unplayed = recording.Recording(request["plays"])
        plays = [unplayed.moves(number) for number in range(unplayed.plays)]
        with tf1_session.unfused():
            out, source = request["out"], request["source"]
            write(program, plays, out, source, request["predicts"])
    except SideFailed as error:
        sys.stderr.write(error.trace)
        tell(error, FAILED)
    except PairError as error:
        tell(error, MISTAKE)


def tell(error, code):
    sys.stderr.write(f"{error}\n")
    sys.stderr.flush()
    sys.exit(code)


def write(program, plays, path, source, predicts=True, on_progress=lambda: None):
    """Plays a program and stores all of it, whole or not at all.

    Args:
        program: a ``session.Program``.
        plays: [[(move, batch)]].
        path: the file to write.
        source: what the TF1 side was named by, for the facts.
        predicts: whether predictions are added, see ``with_predictions``.
        on_progress: called after every record.
    """
    from parity_tests.pair import tf1_sides
    from tf1_graph import session as tf1_session

    with recording.Writer(path) as writer:
        for moves in plays:
            if predicts:
                moves = tf1_sides.with_predictions(program, moves)
            tf1_sides.require_playable(program, moves)
            records = tf1_session.play(program, moves)
            with theirs("tf1 must play its moves"):
                writer.add(moves, _watched(records, on_progress))
        describe(writer, program, source)
        writer.effects = effects(program, plays[0])


def _watched(records, on_progress):
    for record in records:
        yield record
        on_progress()


def describe(writer, program, source):
    """Fills in what a recording says besides its plays."""
    from parity_tests.pair import stored_graphs, tf1_sides

    try:
        writer.graph = stored_graphs.stored(program, writer.array)
    except Exception as error:  # it only explains: a play without it is a play
        writer.graph = f"{type(error).__name__}: {str(error)[:200]}"
    for name, tensor in program.inputs.items():
        if hasattr(tensor, "shape") and tensor.shape.rank is not None:
            shape = tensor.shape.as_list()
            writer.inputs[name] = {"shape": shape, "dtype": tensor.dtype.name}
    for name, facts in variables(program).items():
        writer.variables[name] = {
            "trainable": facts["trainable"],
            "slot": name in program.slots,
        }
        if name in tf1_sides.unrecorded(program):
            writer.variables[name]["unrecorded"] = True
    writer.facts.update(provenance(tf1_sides.split(source)[0]))


def variables(program):
    """{TF1 name: {"shape", "dtype", "trainable"}}, in order of use."""
    from parity_tests.pair import tf1_sides

    with program.graph.as_default():
        import tensorflow.compat.v1 as tf

        trainable = {variable.op.name for variable in tf.trainable_variables()}
    return {
        name: {
            "shape": tuple(variable.shape.as_list()),
            "dtype": np.dtype(variable.dtype.base_dtype.as_numpy_dtype),
            "trainable": name in trainable,
        }
        for name, variable in tf1_sides.order_of_use(program).items()
        if variable.shape.rank is not None and variable.shape.is_fully_defined()
    }


def effects(program, moves, which=(behaviour.APART, behaviour.RAISED)):
    """What ``behaviour.effects`` gives of a program, or None without a loss."""
    first = next(
        (
            (name, batch)
            for name, batch in moves
            if program.moves[name].seen.get("loss")
        ),
        None,
    )
    if first is None:
        return None
    from tf1_graph import session as tf1_session

    measured = {
        name: (facts["shape"], facts["dtype"])
        for name, facts in variables(program).items()
        if facts["dtype"].kind == "f" and name not in program.slots
    }

    def loss_of(values):
        _, record = tf1_session.play(program, [first], values)
        return float(np.asarray(next(iter(record["loss"].values()))))

    try:
        return behaviour.effects(measured, loss_of, which)
    except Exception:  # a program may refuse values that it never had, by an Assert op
        return None


def provenance(path):
    """Where the numbers come from: versions, processor, threads, the source."""
    import tensorflow.compat.v1 as tf

    from tf1_graph import session as tf1_session

    source = None
    if os.path.isfile(path):
        with open(path, "rb") as file:
            source = hashlib.sha256(file.read()).hexdigest()
    facts = {
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": "{}.{}.{}".format(*sys.version_info),
        "cpu": processors.model(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", reference_conditions.DEFAULT),
        tf1_session.REMAPPING: tf1_session.remaps(),
        "source": os.path.basename(path),
        "source_sha256": source,
    }
    facts.update(reference_conditions.threads())
    return facts


if __name__ == "__main__":
    main(sys.argv[1])
