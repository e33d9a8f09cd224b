"""Records what TensorFlow 1.15.5 computes: ``python -m parity_tests.witness.record``.

Runs under Python 3.7 with requirements.txt beside this file. A dry run by default: says
what it would record; ``--write`` does it.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile

from parity_tests.engine import processors
from parity_tests.models import chapters
from parity_tests.witness import (
    golden,
    golden_folders,
    recordables,
    reference_conditions,
)

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
        require_free(os.path.join(options.out, name), options.replace)
    for name in options.names:
        recordable = recordables.recordable(name, options.steps, options.data)
        destination = os.path.join(options.out, name)
        print(f"{name}: {recordable.says} into {destination}", flush=True)
        if options.write:
            record(recordable, destination, options)
    if not options.write:
        print("Nothing was written. Add --write to record.")


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m parity_tests.witness.record", description=__doc__
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="CHAPTER",
        help="what to record: {}; default: all".format(", ".join(recordables.NAMES)),
    )
    parser.add_argument("--out", metavar="DIR", required=True, help="where to put it")
    parser.add_argument("--write", action="store_true", help="record, not only say so")
    parser.add_argument(
        "--replace", action="store_true", help="overwrite goldens that are there"
    )
    parser.add_argument("--steps", type=int, help="instead of a chapter's own")
    parser.add_argument(
        "--data", metavar="DIR", help="a folder of data instead of the embedded digits"
    )
    parser.add_argument(
        "--export",
        action="store_true",
        help="also a chapter's Saver checkpoint, .meta and SavedModel",
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
    options.names = options.names or list(recordables.NAMES)
    for name in options.names:
        try:
            chapters.require_known(name, recordables.NAMES, "CHAPTER")
        except chapters.UnknownName as error:
            print(f"record: {error}", file=sys.stderr)
            sys.exit(2)
    return options


def refuse(rule, received, remedy):
    print(f"record: {rule}. Received: {received}. {remedy}.", file=sys.stderr)
    sys.exit(2)


def require_free(destination, replace):
    """Refuses to write where something is, unless it is a golden that may be replaced."""
    try:
        golden_folders.require_replaceable(destination)
    except golden_folders.ForeignFolder as error:
        refuse(
            "--out must hold nothing but goldens under the names that are recorded",
            error.received,
            "Move it away, or name another folder",
        )
    if not replace and os.path.isdir(destination) and os.listdir(destination):
        refuse(
            "--out must not hold a golden of the same name yet",
            destination,
            "Pass --replace to overwrite it",
        )


def record(recordable, destination, options):
    """Records into the folder ``destination``: whole or not at all."""
    # Made beside its destination, then moved.
    parent, name = os.path.split(destination)
    os.makedirs(parent, exist_ok=True)
    part = tempfile.mkdtemp(prefix=name + ".", suffix=".part", dir=parent)
    try:
        facts = recordable.facts
        facts.update(provenance(options, recordable))
        golden.write(part, recordable.plays(), facts)
        if options.export and recordable.export is not None:
            recordable.export(part)
        require_free(destination, options.replace)  # recording took its time
        os.chmod(part, 0o755)
        golden_folders.replace(part, destination)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def provenance(options, recordable):
    """Where the numbers come from: versions, processor, threads, command, sources."""
    import numpy
    import tensorflow.compat.v1 as tf

    command = ["python", "-m", "parity_tests.witness.record", recordable.name]
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
        "cpu": processors.model(),
        "cpu_flags": processors.flags(),
        "intra_op_threads": int(os.environ["TF_NUM_INTRAOP_THREADS"]),
        "inter_op_threads": int(os.environ["TF_NUM_INTEROP_THREADS"]),
        "command": " ".join(command + ["--out", "DIR", "--write"]),
        "sources_sha256": {path: file_sha256(path) for path in recordable.sources},
    }


def file_sha256(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


if __name__ == "__main__":
    main()
