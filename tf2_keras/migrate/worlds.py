"""Whether a file is TF1 or TF2 code: what it says itself, or else its neighbours."""

import os
from collections import Counter
from typing import NamedTuple

from tf2_keras.migrate.api_table import within

# Parts of TensorFlow 2 that lost names since 2.0: using one of those is not TF1 code.
ALSO_OF_TF2 = (
    "tf.__version__",
    "tf.autograph",
    "tf.data",
    "tf.distribute",
    "tf.estimator",
    "tf.experimental",
    "tf.feature_column",
    "tf.initializers",
    "tf.keras",
    "tf.lite",
    "tf.losses",
    "tf.metrics",
    "tf.tpu",
    "tf.version",
)
PRIVATE = ("tensorflow.python.", "tensorflow.core.", "tensorflow.compiler.")
# In 1.15 already, and hardly written by anyone who stayed with Sessions.
TF2_WAYS = ("tf.function", "tf.GradientTape")


def own_world(uses, used, assume=""):
    """'tf1' or 'tf2' if a file itself says so, else ''.

    uses: [(reads.Located, public_names.Known)].
    used: all symbols that it uses.
    assume: what its author says; 'tf1' leaves only what 1.15 did not have as a sign of TF2.
    """
    tf2 = assume != "tf1" and bool(used.intersection(TF2_WAYS))
    for (use, _), known in uses:
        if use.dotted.startswith(PRIVATE):
            continue  # says nothing: TF2 still has many old names there
        by_alias = use.kind == "name" and use.alias == 3
        if by_alias and use.dotted.startswith("tensorflow.compat.v1."):
            return "tf1"  # `import tensorflow.compat.v1 as tf`
        if (
            known.only_in_tf1
            and not known.by_compat
            and not within(known.symbol, ALSO_OF_TF2)
        ):
            return "tf1"
        tf2 = tf2 or known.only_in_tf2
    return "tf2" if tf2 else ""


class Decision(NamedTuple):
    """'tf1' or 'tf2', and whether anything said so: the file, its neighbours, the user."""

    world: str
    said: bool


def decided(files, assume=""):
    """{file: Decision}: what it says, what most neighbours say, or else TF1.

    Neighbours are the files of the nearest folder above that says anything; for a file
    with Keras in it only those of its own folder, and TF2 if they say nothing.
    assume: 'tf1' or 'tf2' for every file that says nothing itself, instead of that.
    """
    counts = {}  # {folder: Counter of what the files below it say}
    for file in files:
        if file.world:
            for folder in _folders(file):
                counts.setdefault(folder, Counter())[file.world] += 1
    return {
        file.read.file: Decision(file.world or assume, True)
        if file.world or assume
        else _by_neighbours(file, counts)
        for file in files
    }


def _by_neighbours(file, counts):
    keras = file.read.imports_keras or any(
        known.symbol.startswith("tf.keras") for _, known in file.uses
    )
    for folder in list(_folders(file))[: 1 if keras else None]:
        if folder in counts:
            count = counts[folder]
            return Decision("tf1" if count["tf1"] >= count["tf2"] else "tf2", True)
    return Decision("tf2" if keras else "tf1", False)


def _folders(file):
    """The folder of a file and all above."""
    folder = os.path.dirname(os.path.abspath(file.read.file))
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above
