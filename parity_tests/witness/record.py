"""Records what TensorFlow 1.15.5 computes: ``python -m parity_tests.witness.record``.

Runs under Python 3.7 with requirements.txt beside this file. A dry run by default: says
what it would record; ``--write`` does it.
"""

import argparse
import dataclasses
import hashlib
import os
import shutil
import sys
import tempfile

from parity_tests.models import chapters
from parity_tests.witness import golden, reference_conditions, runs, tf1_parts

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main(arguments=None):
    options = parse(arguments)
    reference_conditions.settle()
    import tensorflow.compat.v1 as tf

    tf.logging.set_verbosity(tf.logging.ERROR)
    if not tf.__version__.startswith("1.15.") and not options.any_tensorflow:
        refuse(
            "record must run under TensorFlow 1.15",
            "TensorFlow {} on Python {}.{}".format(tf.__version__, *sys.version_info),
            "Build its environment as requirements.txt beside record.py says, or pass "
            "--any-tensorflow to record what this one computes",
        )
    for name in options.names:
        print(f"{name}: {description(name, options)}")
        if not options.write:
            continue
        if os.path.exists(os.path.join(options.out, name, golden.JSON)):
            if not options.replace:
                refuse(
                    "--out must not hold a golden of the same name yet",
                    os.path.join(options.out, name),
                    "Pass --replace to overwrite it",
                )
        # Whole or not at all: made beside its destination, then moved.
        os.makedirs(options.out, exist_ok=True)
        part = tempfile.mkdtemp(prefix=name + ".", suffix=".part", dir=options.out)
        try:
            if name == tf1_parts.NAME:
                tf1_parts.record(part, provenance(options, []))
            else:
                record(name, part, options)
            destination = os.path.join(options.out, name)
            shutil.rmtree(destination, ignore_errors=True)
            os.rename(part, destination)
            os.chmod(destination, 0o755)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    if not options.write:
        print("Nothing was written. Add --write to record.")


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m parity_tests.witness.record", description=__doc__
    )
    known = list(chapters.NAMES) + [tf1_parts.NAME]
    parser.add_argument(
        "names",
        nargs="*",
        metavar="CHAPTER",
        help="what to record: {}; default: all".format(", ".join(known)),
    )
    parser.add_argument("--out", metavar="DIR", required=True, help="where to put it")
    parser.add_argument("--write", action="store_true", help="record, not only say so")
    parser.add_argument(
        "--replace", action="store_true", help="overwrite what is there"
    )
    parser.add_argument("--steps", type=int, help="instead of the chapter's own")
    parser.add_argument(
        "--data", metavar="DIR", help="a folder of data instead of the embedded digits"
    )
    parser.add_argument(
        "--export",
        action="store_true",
        help="also a Saver checkpoint, the .meta and a SavedModel",
    )
    parser.add_argument(
        "--any-tensorflow", action="store_true", help="record another TensorFlow"
    )
    options = parser.parse_args(arguments)
    if options.steps is not None and options.steps < 1:
        refuse("--steps must be positive", options.steps, "Use for instance --steps 20")
    if options.data is not None and not os.path.isdir(options.data):
        refuse(
            "--data must name a folder of data",
            options.data,
            "Leave it out for the embedded digits",
        )
    options.names = options.names or known
    for name in options.names:
        try:
            chapters.require_known(name, tuple(known), "CHAPTER")
        except chapters.UnknownName as error:
            print(f"record: {error}", file=sys.stderr)
            sys.exit(2)
    return options


def refuse(rule, received, remedy):
    print(f"record: {rule}. Received: {received}. {remedy}.", file=sys.stderr)
    sys.exit(2)


def description(name, options):
    """What recording ``name`` would do, in one sentence."""
    if name == tf1_parts.NAME:
        return tf1_parts.description()
    return f"{options.steps or runs.steps_of(name)} steps into {os.path.join(options.out, name)}"


def record(name, folder, options):
    """Trains a chapter and stores all that happens in ``folder``."""
    from tf1_graph import session as tf1_session

    graph = chapters.graph(name)
    config = graph.Config(**runs.fields_of(name, options.data))
    built = graph.build(config)
    steps = options.steps or runs.steps_of(name)
    session = tf1_session.open_session(built)
    try:
        batches = runs.batches_of(name, config, steps, options.data)
        records = list(tf1_session.run(session, built, batches))
        reached = runs.score(
            name, lambda x: tf1_session.predict(session, built, x), options.data
        )
        facts = provenance(
            options,
            [f"tf1_graph/models/{name}.py", "tf1_graph/session.py"],
        )
        facts.update(
            chapter=name,
            config=dataclasses.asdict(config),
            steps=steps,
            reached=reached,
        )
        golden.write(folder, records, facts)
        if options.export:
            export(session, built, folder)
    finally:
        session.close()


def export(session, built, folder):
    """A Saver checkpoint with its .meta, and a SavedModel that predicts."""
    import tensorflow.compat.v1 as tf

    with built.graph.as_default():
        # Exported, the model is to predict as it is: no placeholder of the training left.
        tf.train.Saver().save(session, os.path.join(folder, "model.ckpt"))
        inputs = {"x": built.x}
        for number, tensor in enumerate(built.inference_feed):
            inputs[f"fed_{number}"] = tensor
        tf.saved_model.simple_save(
            session,
            os.path.join(folder, "saved_model"),
            inputs,
            {"y_pred": built.predict},
        )


def provenance(options, sources):
    """Where the numbers come from: versions, processor, threads, command, sources."""
    import numpy
    import tensorflow.compat.v1 as tf

    command = ["python", "-m", "parity_tests.witness.record"] + list(options.names)
    for option in ("steps", "data"):
        if getattr(options, option):
            command += [
                "--" + option,
                "DIR" if option == "data" else str(options.steps),
            ]
    for flag in ("export", "any_tensorflow"):
        if getattr(options, flag):
            command.append("--" + flag.replace("_", "-"))
    return {
        "tensorflow": tf.__version__,
        "tensorflow_built_from": str(tf.GIT_VERSION),
        "numpy": numpy.__version__,
        "python": "{}.{}.{}".format(*sys.version_info),
        "cpu": reference_conditions.cpu_model(),
        "cpu_flags": reference_conditions.cpu_flags(),
        "intra_op_threads": int(os.environ["TF_NUM_INTRAOP_THREADS"]),
        "inter_op_threads": int(os.environ["TF_NUM_INTEROP_THREADS"]),
        "command": " ".join(command + ["--out", "DIR", "--write"]),
        "sources_sha256": {path: file_sha256(path) for path in sources},
    }


def file_sha256(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


if __name__ == "__main__":
    main()
