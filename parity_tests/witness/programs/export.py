"""What every program here does besides its model: check, write, and say where from.

Runs under Python 3.7 with requirements.txt beside record.py.
"""

import argparse
import contextlib
import hashlib
import json
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.engine import processors

PROVENANCE = "provenance.json"
META = "model.meta"


def folder(name, description, arguments=None):
    """The folder that ``--out`` asks for; exits with code 2 where this cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m parity_tests.witness.programs." + name, description=description
    )
    parser.add_argument("--out", metavar="DIR", required=True, help="where to put it")
    out = parser.parse_args(arguments).out
    if not tf.__version__.startswith("1.15."):
        _refuse(
            name,
            "the program must run under TensorFlow 1.15",
            "TensorFlow {} on Python {}.{}".format(tf.__version__, *sys.version_info),
            "Build its environment as requirements.txt beside record.py says",
        )
    if os.path.exists(out) and (not os.path.isdir(out) or os.listdir(out)):
        _refuse(
            name,
            "--out must be a new or an empty folder",
            out,
            "Take away what is there, or name another",
        )
    os.makedirs(out, exist_ok=True)
    return out


def _refuse(name, rule, received, remedy):
    message = f"{name}: {rule}. Received: {received}. {remedy}."
    print(message, file=sys.stderr)
    sys.exit(2)


@contextlib.contextmanager
def session(graph):
    """A Session of one thread: no sum depends on how the work was divided."""
    config = tf.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
    )
    with tf.Session(graph=graph, config=config) as opened:
        yield opened


def values(opened, graph):
    """{TF1 name: value} of every global variable."""
    return opened.run(
        {
            variable.op.name: variable
            for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        }
    )


def checkpoint(opened, graph, out):
    """A Saver checkpoint ``model.ckpt``, without what else a Saver leaves."""
    with graph.as_default():
        tf.train.Saver().save(
            opened, os.path.join(out, "model.ckpt"), write_meta_graph=False
        )
    os.remove(os.path.join(out, "checkpoint"))  # names an absolute folder


def write(name, out, graph, arrays):
    """``computed.npz``, ``model.meta`` if there is a graph, and their provenance."""
    if graph is not None:
        with graph.as_default():
            tf.train.export_meta_graph(os.path.join(out, META))
    np.savez_compressed(os.path.join(out, "computed.npz"), **arrays)
    stated = {
        "tensorflow": tf.__version__,
        "tensorflow_built_from": str(tf.GIT_VERSION),
        "numpy": np.__version__,
        "python": "{}.{}.{}".format(*sys.version_info),
        "cpu": processors.model(),
        "cpu_flags": processors.flags(),
        "intra_op_threads": 1,
        "inter_op_threads": 1,
        "command": f"python -m parity_tests.witness.programs.{name} --out DIR",
        "source_sha256": digest(os.path.join(os.path.dirname(__file__), name + ".py")),
        "sha256": {
            file: digest(os.path.join(out, file)) for file in sorted(os.listdir(out))
        },
    }
    with open(os.path.join(out, PROVENANCE), "w") as file:
        json.dump(stated, file, indent=2, sort_keys=True)
        file.write("\n")


def digest(path):
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
