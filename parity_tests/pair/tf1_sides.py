"""The TF1 side of a user's own pair, whatever it comes as, as a ``session.Program``.

    a build function             called in a graph of its own
    "program.py:build"           the same, of a file that is not imported here
    "program.py"                 a file that builds its graph while it is imported
    "model.meta"                 what tf.train.Saver.save exported
    "exported/"                  a SavedModel

A build function returns plain data: the inputs by their names in a batch, and its moves,
each by what it runs and what is seen of it, tensors or their names:

    return {
        "inputs": {"x": x, "y_true": labels},
        "train": {"op": train_op, "loss": loss, "feed": {keep_prob: 0.5}},
        "predict": {"outputs": {"y_pred": logits}, "feed": {keep_prob: 1.0}},
    }

Runs under Python 3.7 with TensorFlow 1.15.5 as well.
"""

import collections
import contextlib
import importlib.util
import os
import re
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.pair import move_words
from parity_tests.pair.errors import mistake, theirs
from tf1_graph import exported, updates
from tf1_graph import session as tf1_session

INPUTS, SETTINGS = move_words.RESERVED
SIDE = "tf_parity_side_"  # before a user's file's name, as that of its module
FOLDERS = set()  # of users' files, from which modules were imported
SWITCHES = ("disable_eager_execution", "disable_v2_behavior", "disable_v2_tensorshape")
SWITCHES += ("enable_eager_execution", "enable_v2_behavior")
PREDICT = "predict"
NO_PLACEHOLDER = (
    "no placeholder, so name the tensors that the batches come from, such as what an "
    "iterator's get_next() returned"
)


def program(source, inputs=None, checkpoint=None, moves=None):
    """The ``session.Program`` of a TF1 side.

    Args:
        source: one of those that the docstring of this module lists.
        inputs: {name in a batch: tensor, or its name}; by default what a build function
            returned, a SavedModel's signature says, or all placeholders by their names.
        checkpoint: prefix of a checkpoint to start from; of a ``.meta``.
        moves: {name: move as above} besides those that a build function returned.

    Raises:
        PairError: for what is none of these, or has not got what is named.
    """
    moves = dict(moves or {})
    if callable(source):
        with theirs("tf1 must build its graph"):
            return _built(source, inputs, moves)
    path, function = split(source)
    if os.path.isdir(path):
        return _of_saved_model(path, inputs, moves)
    if not os.path.isfile(path):
        raise mistake(
            "tf1 must be a build function, or name a file",
            f"{source!r}, which does not exist",
            "Use for instance tf1='program.py:build' or tf1='model.meta'",
        )
    if path.endswith(".py"):
        graph = tf.Graph()
        with graph.as_default(), resets_of_an_empty_graph():
            module = load(path)
        if function is None:
            return _named(graph, inputs, moves)
        if not callable(getattr(module, function, None)):
            raise mistake(
                "tf1 must name a function of its file",
                "{!r}; {} has {}".format(
                    source, path, ", ".join(functions(module)) or "none"
                ),
                "Write it after the colon: program.py:build",
            )
        with theirs("tf1 must build its graph"):
            return _built(getattr(module, function), inputs, moves)
    with theirs("tf1 must be a graph that can be imported"):
        return exported.load(path, inputs, checkpoint, **moves)


def split(source):
    """(path, function or None) of 'program.py:build'."""
    match = re.match(r"(.*\.py):(\w+)$", str(source), re.S)
    return (match.group(1), match.group(2)) if match else (str(source), None)


def load(path, name=None):
    """A module of the user's, from its file; what it imports beside it is found.

    Raises:
        PairError: if it cannot be read; if it fails, with its traceback.
    """
    path = os.path.abspath(path)
    folder, file = os.path.split(path)
    name = name or SIDE + re.sub(r"\W", "_", file[: -len(".py")])
    try:
        open(path, "rb").close()
    except OSError as error:
        raise mistake(
            f"{path} must be a file that can be read",
            error.strerror,
            "Change its permissions, or name another file",
        ) from None
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    _find_first_in(folder)
    arguments, sys.argv = sys.argv, [path]  # tf.app.flags reads them
    # Nothing is left behind in a folder of the user's.
    writes_nothing, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[name] = module
    try:
        with theirs(f"{path} must be a file that can be imported"):
            spec.loader.exec_module(module)
    finally:
        sys.argv = arguments
        sys.dont_write_bytecode = writes_nothing
    return module


def _find_first_in(folder):
    """Imports find what is in a folder of the user's; its namesake elsewhere is forgotten.

    A module ``twin`` beside one pair is not that beside the next.
    """
    for name, module in list(sys.modules.items()):
        place, file = os.path.split(getattr(module, "__file__", None) or "")
        if file == "__init__.py":
            place, name = os.path.split(place)
        beside = [os.path.join(folder, name + end) for end in (".py", "/__init__.py")]
        if place in FOLDERS - {folder} and any(map(os.path.isfile, beside)):
            for known in list(sys.modules):
                if known.split(".")[0] == name:
                    del sys.modules[known]
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)
    FOLDERS.add(folder)


def functions(module):
    """Names of what a module's own file defines to be called."""
    return [
        name
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__
    ]


@contextlib.contextmanager
def unswitched():
    """Refuses what would switch TensorFlow over for the whole process."""

    def refuse(name):
        def refused(*_, **__):
            raise mistake(
                "Code of a pair must not switch TensorFlow over in the process that "
                "holds both sides",
                f"tf.compat.v1.{name}()",
                "Name the file instead of importing it, tf1='program.py:build': it then "
                "runs in a process of its own",
            )

        return refused

    kept = {name: getattr(tf, name) for name in SWITCHES if hasattr(tf, name)}
    try:
        for name in kept:
            setattr(tf, name, refuse(name))
        yield
    finally:
        for name, function in kept.items():
            setattr(tf, name, function)


@contextlib.contextmanager
def resets_of_an_empty_graph():
    """Lets a program begin with tf.reset_default_graph(), within a graph of its own."""
    modules = [
        module
        for module in {id(m): m for m in (tf, sys.modules["tensorflow"])}.values()
        if hasattr(module, "reset_default_graph")
    ]
    reset = tf.reset_default_graph

    def reset_unless_empty():
        if tf.get_default_graph().get_operations():
            reset()

    try:
        for module in modules:
            module.reset_default_graph = reset_unless_empty
        yield
    finally:
        for module in modules:
            module.reset_default_graph = reset


def _built(build, inputs, moves):
    graph = tf.Graph()
    with graph.as_default(), resets_of_an_empty_graph():
        returned = build()
    if isinstance(returned, tf1_session.Program):
        return checked(returned)
    if not isinstance(returned, dict):
        raise mistake(
            "A build function must return {'inputs': ..., 'train': {'op': ..., "
            "'loss': ...}}, or a Program",
            f"{repr(returned):.60}",
            "See docs/own_pair.md",
        )
    returned = dict(returned)
    inputs = inputs or returned.pop(INPUTS, None)
    settings = returned.pop(SETTINGS, None)
    moves = dict(returned, **moves)
    tensors = [
        value
        for spec in moves.values()
        if isinstance(spec, dict)
        for value in spec.values()
        if isinstance(getattr(value, "graph", None), tf.Graph)
    ]
    # A function that makes a graph of its own returns tensors of that one.
    return _named(tensors[0].graph if tensors else graph, inputs, moves, settings)


def _named(graph, inputs, moves, settings=None):
    """A ``Program`` of a graph whose moves name tensors, or are tensors."""
    if not moves:
        raise mistake(
            "tf1 must have a move that trains",
            "none",
            "Name it: train={'op': 'train_op', 'loss': 'loss'}",
        )
    for name, spec in moves.items():
        if not isinstance(spec, (dict, tf1_session.Move)):
            raise mistake(
                "A move must be {'op': ..., 'loss': ...}",
                f"{name}: {repr(spec):.60}",
                "Or {'outputs': {...}} for one that only looks",
            )
        if isinstance(spec, dict):
            move_words.require_named(name, spec)
    named = exported.Named(graph)
    given = {
        name: spec if isinstance(spec, tf1_session.Move) else named.move(name, spec)
        for name, spec in moves.items()
    }
    inputs = inputs and named.tensors(INPUTS, inputs)
    settings = settings and named.tensors(SETTINGS, settings)
    named.require_known()
    with graph.as_default():
        made = collections.OrderedDict(
            (name, spec if isinstance(spec, tf1_session.Move) else _move(spec))
            for name, spec in given.items()
        )
    return checked(tf1_session.program(graph, inputs, settings, **made))


def _move(spec):
    make = tf1_session.train if "op" in spec and "loss" in spec else tf1_session.move
    return make(**spec)


def _of_saved_model(path, inputs, moves):
    """A ``Program`` of a SavedModel: its signature is the move ``predict``."""
    try:
        with open(os.path.join(path, "saved_model.pb"), "rb") as file:
            data = file.read()
        from tensorflow.core.protobuf import saved_model_pb2

        saved_model = saved_model_pb2.SavedModel.FromString(data)
        meta_graph = saved_model.meta_graphs[0]
    except Exception as error:  # protobuf's own are of no common kind
        raise mistake(
            "tf1 must name a folder with a SavedModel",
            f"{path} ({str(error).strip().splitlines()[0]})",
            "Name the folder that holds saved_model.pb",
        ) from None
    signature = next(
        (
            meta_graph.signature_def[name]
            for name in ["serving_default"] + sorted(meta_graph.signature_def)
            if name in meta_graph.signature_def and name != "__saved_model_init_op"
        ),
        None,
    )
    if signature is not None:
        inputs = inputs or {name: info.name for name, info in signature.inputs.items()}
        outputs = {name: info.name for name, info in signature.outputs.items()}
        if len(outputs) == 1:
            outputs = {"y_pred": next(iter(outputs.values()))}
        moves.setdefault(PREDICT, {"outputs": outputs})
    checkpoint = os.path.join(path, "variables", "variables")
    with theirs("tf1 must be a SavedModel that can be imported"):
        return checked(exported.load(meta_graph, inputs, checkpoint, **moves))


def checked(made):
    """A ``Program``, if its losses are scalars.

    Raises:
        PairError: otherwise.
    """
    for name, move in made.moves.items():
        for loss, tensor in move.seen.get("loss", {}).items():
            require_scalar(
                name, loss, None if tensor.shape.rank is None else tensor.shape
            )
    return made


def require_scalar(move, loss, shape):
    """Refuses a loss of one dimension or more; ``shape`` may be None, unknown."""
    if shape is not None and len(shape):
        raise mistake(
            "A loss must be a scalar",
            f"{loss} of move {move}, of shape {list(shape)}",
            "Use tf.reduce_mean of it, on both sides",
        )


# --------------------------------------------------------------------- what is played


def fetched(program, name):
    """The ops that a move runs."""
    move = program.moves[name]
    listed = [*updates.operations_of(move.op)]
    for named in move.seen.values():
        for value in named.values():
            parts = [getattr(value, part, None) for part in ("values", "indices")]
            parts = [part for part in parts if part is not None] or [value]
            listed += [part.op for part in parts]
    return listed


def unrecorded(program):
    """Names of the variables of which some move says that no gradient is seen."""
    return frozenset().union(*(move.unrecorded for move in program.moves.values()))


def taken(program, name):
    """Names of the inputs that a move depends on."""
    known = updates.ancestors(fetched(program, name))
    return {
        key
        for key, tensor in program.inputs.items()
        if getattr(tensor, "values", tensor).op in known
    }


def with_predictions(program, moves):
    """The moves, and predictions before the first and after the last that trains."""
    moves = list(moves)
    if PREDICT not in program.moves or any(name == PREDICT for name, _ in moves):
        return moves
    wanted = taken(program, PREDICT)

    def prediction(batch):
        return PREDICT, {key: batch[key] for key in batch if key in wanted}

    return [prediction(moves[0][1])] + moves + [prediction(moves[-1][1])]


def require_playable(program, moves):
    """Refuses moves and batches that the program has not got placeholders for.

    Raises:
        PairError: for an unknown move, an input that matches no placeholder, a shape that
            does not, or a placeholder that nothing feeds.
    """
    carried = {
        key for move in program.moves.values() for key in move.seen.get("carried", {})
    }
    needed = {}
    number = 0  # of the batch, as the user counts: predictions were added
    for name, batch in moves:
        number += name != PREDICT
        if name not in program.moves:
            raise mistake(
                "A move must be one of tf1's",
                name,
                "Use some of: {}".format(", ".join(program.moves)),
            )
        for key, value in batch.items():
            if key not in program.inputs:
                raise mistake(
                    "An input must match a placeholder of tf1",
                    f"{key!r} in batch {number or 1}",
                    f"Say which it is, inputs={{{key!r}: tensor}}; tf1 has "
                    + (_listed(program.inputs) or NO_PLACEHOLDER),
                )
            tensor = program.inputs[key]
            shape = np.shape(value)
            dense = hasattr(tensor, "shape") and not hasattr(value, "dense_shape")
            if dense and not tensor.shape.is_compatible_with(shape):
                raise mistake(
                    "An input must have the shape of its placeholder",
                    f"{key!r} of shape {list(shape)} in batch {number or 1}",
                    f"{tensor.name} takes {tensor.shape}",
                )
        if name not in needed:
            needed[name] = _placeholders(program, name)
        unfed = [
            operation.name
            for operation, keys in needed[name].items()
            if not keys & (set(batch) | carried)
        ]
        if unfed:
            raise mistake(
                "Every placeholder that a move needs must be fed",
                "move {} without {}".format(name, ", ".join(unfed)),
                f"Add it to the batches, or to the move: 'feed': {{{unfed[0]!r}: value}}",
            )


def _placeholders(program, name):
    """{placeholder op that a move needs and does not feed itself: names of its inputs}."""
    fed = {
        getattr(tensor, "values", tensor).op for tensor in program.moves[name].feed
    } | {tensor.op for tensor in program.settings.values()}
    names = collections.defaultdict(set)
    for key, tensor in program.inputs.items():
        parts = [getattr(tensor, p, None) for p in ("values", "indices", "dense_shape")]
        for part in [part for part in parts if part is not None] or [tensor]:
            names[part.op].add(key)
    listed, waiting, seen = {}, list(fetched(program, name)), set()
    while waiting:
        operation = waiting.pop()
        if operation in seen or operation in fed:
            continue
        seen.add(operation)
        if operation.type == "Placeholder":
            listed[operation] = names[operation]
        if operation not in names:  # a fed tensor hides what is before it
            waiting += [tensor.op for tensor in operation.inputs]
            waiting += operation.control_inputs
    return listed


def _listed(inputs):
    return ", ".join(
        "{} {}".format(name, getattr(tensor, "shape", ""))
        for name, tensor in inputs.items()
    )


def order_of_use(program):
    """{TF1 name: variable}, in the order in which the graph first reads them.

    A variable's own read, assignment and initialiser are no use of it.
    """
    places = {
        operation: place
        for place, operation in enumerate(program.graph.get_operations())
    }
    changing = re.compile(f"{updates.APPLY.pattern}|{updates.ASSIGN.pattern}")

    def first_use(variable):
        uses, waiting, seen = [len(places)], [variable.op], set()
        while waiting:
            operation = waiting.pop()
            for tensor in operation.outputs:
                for consumer in tensor.consumers():
                    if consumer in seen or changing.match(consumer.type):
                        continue
                    seen.add(consumer)
                    if consumer.type in updates.READS:
                        waiting.append(consumer)
                    elif consumer.type not in ("VarIsInitializedOp", "SaveV2"):
                        uses.append(places[consumer])
        return min(uses)

    return collections.OrderedDict(
        sorted(program.variables.items(), key=lambda item: first_use(item[1]))
    )
