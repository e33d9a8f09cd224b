"""The public symbol that a dotted name stands for, however it was reached.

resolve('tensorflow.python.ops.array_ops.placeholder').symbol    # 'tf.placeholder'
"""

import fnmatch
import functools
from typing import NamedTuple

from tf2_keras.migrate import catalogue, members
from tf2_keras.migrate.api_table import original

# Modules of tensorflow.python whose names are public somewhere else.
INTERNAL = {
    **dict.fromkeys(
        [
            "ops.array_ops",
            "ops.check_ops",
            "ops.clip_ops",
            "ops.control_flow_ops",
            "ops.data_flow_ops",
            "ops.functional_ops",
            "ops.gradients",
            "ops.gradients_impl",
            "ops.init_ops",
            "ops.io_ops",
            "ops.logging_ops",
            "ops.math_ops",
            "ops.parsing_ops",
            "ops.partitioned_variables",
            "ops.random_ops",
            "ops.script_ops",
            "ops.sparse_ops",
            "ops.special_math_ops",
            "ops.state_ops",
            "ops.string_ops",
            "ops.tensor_array_ops",
            "ops.variable_scope",
            "ops.variables",
            "ops.while_v2",
            "ops.map_fn",
            "ops.histogram_ops",
            "framework.ops",
            "framework.dtypes",
            "framework.tensor_shape",
            "framework.constant_op",
            "framework.importer",
            "framework.random_seed",
            "framework.sparse_tensor",
            "framework.tensor_util",
            "framework.tensor_spec",
            "framework.function",
            "client.session",
        ],
        "tf",
    ),
    **dict.fromkeys(
        [
            "ops.nn",
            "ops.nn_ops",
            "ops.nn_impl",
            "ops.rnn",
            "ops.ctc_ops",
            "ops.embedding_ops",
            "ops.candidate_sampling_ops",
        ],
        "tf.nn",
    ),
    **dict.fromkeys(["ops.rnn_cell", "ops.rnn_cell_impl"], "tf.nn.rnn_cell"),
    **dict.fromkeys(["ops.image_ops", "ops.image_ops_impl"], "tf.image"),
    **dict.fromkeys(
        [
            "layers.base",
            "layers.convolutional",
            "layers.core",
            "layers.layers",
            "layers.normalization",
            "layers.pooling",
        ],
        "tf.layers",
    ),
    "data.ops.dataset_ops": "tf.data",
    "data.ops.iterator_ops": "tf.data",
    "data.ops.readers": "tf.data",
    "estimator": "tf.estimator",
    "feature_column.feature_column": "tf.feature_column",
    "framework.errors": "tf.errors",
    "framework.graph_util": "tf.graph_util",
    "keras": "tf.keras",
    "lib.io.python_io": "tf.python_io",
    "ops.distributions": "tf.distributions",
    "ops.linalg_ops": "tf.linalg",
    "ops.losses.losses": "tf.losses",
    "ops.losses.losses_impl": "tf.losses",
    "ops.metrics": "tf.metrics",
    "ops.metrics_impl": "tf.metrics",
    "platform.app": "tf.app",
    "platform.flags": "tf.app.flags",
    "platform.gfile": "tf.gfile",
    "platform.resource_loader": "tf.resource_loader",
    "platform.test": "tf.test",
    "platform.tf_logging": "tf.logging",
    "saved_model": "tf.saved_model",
    "summary.summary": "tf.summary",
    "training": "tf.train",
    "util.nest": "tf.nest",
}


class Known(NamedTuple):
    """What is known of a name; ``symbol`` is canonical."""

    symbol: str
    only_in_tf1: bool
    only_in_tf2: bool
    by_compat: bool  # written with compat.v1
    listed: bool  # has a row or a rule of its own
    in_both: bool = False  # under this name in TensorFlow 1.15 and today


@functools.cache
def resolve(dotted):
    """The canonical symbol of a dotted name: its longest known beginning.

    None for TensorFlow itself and for what is marked as TF2.
    """
    if dotted.startswith("tensorflow.compat.v2"):
        return None
    symbol = catalogue.canonical(dotted)
    if symbol.startswith("tf.python."):
        symbol = _public(symbol)
    elif symbol.startswith("tf.contrib.") and ".python." in symbol:
        symbol = _public_in_contrib(symbol)
    parts = symbol.split(".")
    if len(parts) == 1:
        return None
    known, exact = catalogue.api(), catalogue.rules().exact
    for count in range(len(parts), 1, -1):
        start = ".".join(parts[:count])
        if start in known or start in exact or original(start) != start:
            if start in known and known[start].kind == "module":
                # Only the module is known. Its next name is the symbol; inside of a
                # private package, the whole path.
                if parts[count : count + 1] != ["python"]:
                    symbol = ".".join(parts[: count + 1])
            else:
                symbol = start
            break
    row = known.get(symbol)
    if row is None:
        only_in_tf1 = symbol in exact or catalogue.find(symbol) is not None
        owner = known.get(symbol.rpartition(".")[0])
        of_both = owner is not None and owner.kind == "class" and owner.in_v2
        only_in_tf1 = only_in_tf1 and not (of_both or symbol.startswith("tf.keras"))
    else:
        only_in_tf1 = row.in_tf1 and not row.in_v2
    return Known(
        symbol,
        only_in_tf1=only_in_tf1,
        only_in_tf2=row is not None and not row.in_tf1,
        by_compat=".compat.v1" in dotted,
        listed=row is not None or symbol in exact,
        in_both=row is not None and row.in_tf1 and row.in_v2,
    )


@functools.cache
def method(symbol):
    """The rule of a method, 'tf.train.AdamOptimizer.minimize', if it has its own."""
    if symbol in catalogue.rules().exact or symbol in catalogue.api():
        return catalogue.find(symbol)
    name = symbol.rpartition(".")[2]
    for rule in catalogue.rules().patterns:
        named = rule.symbol.endswith("." + name)
        if named and fnmatch.fnmatchcase(symbol, rule.symbol):
            return rule._replace(symbol=symbol)
    owner, _, name = symbol.rpartition(".")
    if members.find(owner, name) is None:
        return None
    rule, of_class = catalogue.find(symbol), catalogue.unwitnessed(owner)
    if of_class.status not in ("same", "renamed", "changes"):
        return None  # told with its class
    differs = rule.status not in ("same", "renamed") and rule.note != of_class.note
    return rule if differs else None


def _public(symbol):
    """Where a name of tensorflow.python is public; itself if nowhere."""
    parts = symbol.split(".")[2:]
    for count in range(len(parts) - 1, 0, -1):
        module = INTERNAL.get(".".join(parts[:count]))
        if module is None:
            continue
        # Modules below tf.keras and tf.train may be folded into them.
        for first in (count, len(parts) - 1):
            public = ".".join((module, *parts[first:]))
            if public in catalogue.api():
                return public
    return symbol


def _public_in_contrib(symbol):
    """'tf.contrib.rnn.python.ops.rnn_cell.LSTMCell' as 'tf.contrib.rnn.LSTMCell'."""
    package, _, path = symbol.partition(".python.")
    for name in path.split("."):
        public = f"{package}.{name}"
        if public in catalogue.api() and catalogue.api()[public].kind != "module":
            return public
    return symbol
