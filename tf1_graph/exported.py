"""An old program whose source no longer runs, from the ``.meta`` that it exported.

``tf.train.Saver.save`` and ``tf.train.export_meta_graph`` wrote the whole graph: also
what ``tf.contrib`` and ``tf.layers`` built, as plain ops that are still there. ``load``
makes a ``session.Program`` of it; so the old program can be the TF1 side of a
comparison, with the old seeds of its random ops.

    from parity_tests.pair.pair import Pair
    from tf1_graph import exported
    from tf2_keras import training

    program = exported.load(
        'model.meta', inputs={'x': 'x', 'y_true': 'y_true'},
        train={'op': 'train_op/control_dependency', 'loss': 'total_loss',
               'feed': {'is_training': True}},
    )
    twin = training.compiled(model, checkpoint_names)  # of the Keras rewrite
    moves = [('train', {'x': x, 'y_true': y_true}) for x, y_true in batches]
    Pair(program, twin).compare(moves, 'function').require_agreement()

``checkpoint_names`` is {TF1 variable name: Keras path}; ``tf-parity seeds model.meta``
says which seeds the twin's initialisers and dropouts need.
"""

import collections
import os
import re

import tensorflow.compat.v1 as tf

from tf1_graph import races, updates
from tf1_graph import session as tf1_session
from tf1_graph.errors import refusal
from tf1_graph.meta_graphs import all_nodes, check, read


def load(path, inputs=None, checkpoint=None, **moves):
    """A ``session.Program`` of an exported graph.

    Each move is named by its tensors, as text. One with an ``op`` trains: its gradients
    and slots are found from the graph, see ``session.train``. What it runs is what the
    program ran: moving statistics move with it only if the program made its UPDATE_OPS
    part of the train op, as slim's ``create_train_op`` does.

    Args:
        path: a binary ``.meta`` file, or a ``tf.MetaGraphDef``, which
            ``google.protobuf.text_format.Parse`` makes of a text file.
        inputs: {name in a batch: name of a tensor, such as 'x' or 'x:0'}; by default all
            placeholders by their own names. Any tensor can be fed, what an input
            pipeline yields included.
        checkpoint: prefix of a checkpoint of the same program, such as
            'model.ckpt-100'. ``session.initialise`` then restores it, slots and steps
            included, instead of drawing initial values.
        **moves: {name of a move: {'op': name of an op or tensor, 'loss': name of a
            scalar, or {name: name}, 'gradients': {variable name: name of its gradient, or
            None for no record of it}, or False where the op follows no gradient, 'feed':
            {name of a tensor: value}, stage: {name: name of a tensor}}}, each part where
            it is needed.

    Returns:
        A ``Program`` on a graph of its own, without the devices of the old machine.

    Raises:
        ValueError: for a file that is no MetaGraphDef, ops that this TensorFlow has not
            got, names that the graph has not got, a train op that updates nothing, or a
            checkpoint of another program.
    Warns:
        RaceWarning: for a train op whose run cannot be repeated, see ``races``.
    """
    program = unchecked(path, inputs, checkpoint, **moves)
    for name, move in program.moves.items():
        races.warn(name, races.races(program.graph, move.op, move.feed))
    return program


def unchecked(path, inputs=None, checkpoint=None, **moves):
    """The same, of a program that may race with itself."""
    given = isinstance(path, tf.MetaGraphDef)
    meta_graph = check(path, "a MetaGraphDef") if given else read(path)
    graph = imported(meta_graph)
    with graph.as_default():
        if not tf.global_variables():
            raise refusal(
                "A graph must come with its variables",
                "a MetaGraphDef without the collection "
                f"{tf.GraphKeys.GLOBAL_VARIABLES!r}",
                "Export it with tf.train.export_meta_graph, not from a frozen graph",
            )
        named = Named(graph)
        inputs = inputs and named.tensors("inputs", inputs)
        moves = {name: named.move(name, dict(spec)) for name, spec in moves.items()}
        named.require_known()
        made = collections.OrderedDict(
            (name, _made(spec)) for name, spec in moves.items()
        )
        if checkpoint is not None:
            _restored(graph, checkpoint)
    return tf1_session.program(graph, inputs, **made)


def _made(spec):
    """The move of the arguments that ``Named.move`` found."""
    if spec.get("gradients") is False:
        spec.pop("gradients")
        return tf1_session.move(**spec)
    return tf1_session.train(**spec) if "op" in spec else tf1_session.move(**spec)


def imported(meta_graph):
    """The ``tf.Graph`` of a ``tf.MetaGraphDef``, without the devices of its machine.

    Raises:
        ValueError: for ops that this TensorFlow has not got, or a graph that it cannot
            import.
    """
    _require_known_ops(meta_graph)
    with tf.Graph().as_default() as graph:
        try:
            tf.train.import_meta_graph(_without_shapes(meta_graph), clear_devices=True)
        except (ValueError, KeyError, TypeError, tf.errors.OpError) as error:
            raise refusal(
                "A graph must be one that this TensorFlow can import",
                str(error).strip().rstrip("."),
                "Export it again with TensorFlow {}, whose ops are these".format(
                    meta_graph.meta_info_def.tensorflow_version or "1.15"
                ),
            ) from None
    return graph


class Named:
    """Finds the elements of a graph by their names, and gathers those it has not got.

    A tensor or an op of the graph stands for itself.
    """

    def __init__(self, graph):
        self.graph = graph
        self.missing = []  # [(argument, name, whether an op would do)]

    def element(self, argument, name, op=False):
        """The tensor, or where ``op`` allows it the op, of that name."""
        if hasattr(name, "dense_shape"):
            return name
        bare = isinstance(name, str) and not op and ":" not in name
        try:
            return self.graph.as_graph_element(
                name + ":0" if bare else name, allow_operation=op
            )
        except (KeyError, ValueError, TypeError):
            self.missing.append((argument, name, op))
            return None

    def tensors(self, argument, names):
        """{key: tensor} of {key: name, or None}."""
        return collections.OrderedDict(
            (key, None if name is None else self.element(f"{argument}[{key!r}]", name))
            for key, name in names.items()
        )

    def move(self, move, spec):
        """The arguments of ``session.train`` or ``session.move``."""
        found = {}
        spec = dict(spec)
        if "op" in spec:
            op = spec.pop("op")
            several = isinstance(op, (list, tuple))
            listed = [
                self.element(move + "['op']", name, op=True)
                for name in (op if several else [op])
            ]
            found["op"] = listed if several else listed[0]
        if "optimizer" in spec:
            found["optimizer"] = spec.pop("optimizer")
        # What compute_gradients returned, or none at all.
        if isinstance(spec.get("gradients"), (list, bool)):
            found["gradients"] = spec.pop("gradients")
        if "feed" in spec:
            argument = move + "['feed']"
            found["feed"] = {
                self.element(f"{argument}[{name!r}]", name): value
                for name, value in spec.pop("feed").items()
            }
        if not isinstance(spec.get("loss", {}), dict):
            found["loss"] = self.element(move + "['loss']", spec.pop("loss"))
        for stage, names in spec.items():
            found[stage] = self.tensors(f"{move}[{stage!r}]", names)
        return found

    def require_known(self):
        """Refuses all names together that were not in the graph."""
        if not self.missing:
            return
        operations = [operation.name for operation in self.graph.get_operations()]
        tensors = [
            output.name
            for operation in self.graph.get_operations()
            for output in operation.outputs
        ]
        raise refusal(
            "A name must be that of a tensor in the graph, or of an op that is run",
            ", ".join(
                f"{argument}={name!r} (nearest: {updates.nearest(name, operations if op else tensors)})"
                for argument, name, op in self.missing
            ),
            "Use names of the .meta; if none is near, it is of another program",
        )


def _without_shapes(meta_graph):
    """A copy in which no node says what shapes it was thought to give.

    An import compares them with those that it infers itself, and shape functions have
    changed: of FusedBatchNormGradV3, for one, so that no batch norm would come through.
    """
    copied = tf.MetaGraphDef()
    copied.CopyFrom(meta_graph)
    for node in all_nodes(copied):
        node.attr.pop("_output_shapes", None)
    return copied


def _require_known_ops(meta_graph):
    """Every op type of the graph and of its functions must exist in this TensorFlow."""
    nodes = all_nodes(meta_graph)
    library = meta_graph.graph_def.library
    own = {function.signature.name for function in library.function}
    missing = collections.OrderedDict(
        (node.op, node.name)
        for node in reversed(nodes)
        if node.op not in own and not _is_known(node.op)
    )
    if missing:
        raise refusal(
            f"A graph must be of ops that this TensorFlow {tf.__version__} has",
            ", ".join(f"{op} (node {missing[op]})" for op in sorted(missing)),
            "Load the library that has them with tf.load_op_library first, or export "
            "the part of the graph that does without",
        )


def _is_known(op):
    if hasattr(tf.raw_ops, op):
        return True
    # Ops of a loaded library are not in raw_ops. A node of the type says it: one that
    # exists complains of its missing inputs at most.
    lone = tf.GraphDef()
    lone.node.add(name="lone", op=op)
    with tf.Graph().as_default():
        try:
            tf.import_graph_def(lone)
        except Exception as error:
            return not re.search(r"not registered|No op named|not defined", str(error))
    return True


def _restored(graph, checkpoint):
    """Makes variables of the graph's, each with an initialiser that reads the checkpoint."""
    variables = collections.OrderedDict(
        (variable.op.name, variable) for variable in tf.global_variables()
    )
    try:
        checkpoint = os.fspath(checkpoint)
        reader = tf.train.load_checkpoint(checkpoint)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise refusal(
            "checkpoint must be the prefix of a checkpoint",
            "{} ({})".format(checkpoint, str(error).strip().rstrip(".")),
            "Use the path without .index, such as model.ckpt-100",
        ) from None
    shapes = reader.get_variable_to_shape_map()
    dtypes = reader.get_variable_to_dtype_map()
    problems = []
    for name, variable in variables.items():
        wanted = variable.get_shape().as_list(), variable.dtype.base_dtype
        if name not in shapes:
            problems.append(
                f"{name} is missing (nearest: {updates.nearest(name, list(shapes))})"
            )
        elif (list(shapes[name]), dtypes[name]) != wanted:
            problems.append(
                f"{name} is {dtypes[name].name} {list(shapes[name])}, not {wanted[1].name} {wanted[0]}"
            )
    if problems:
        raise refusal(
            "checkpoint must hold every variable of the graph, shaped alike",
            "{}: {}".format(checkpoint, ", ".join(problems)),
            "Use a checkpoint of the same program",
        )
    values = tf.raw_ops.RestoreV2(
        prefix=tf.constant(checkpoint),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        dtypes=[variable.dtype.base_dtype for variable in variables.values()],
    )
    restored = collections.OrderedDict()
    for (name, variable), value in zip(variables.items(), values):
        value.set_shape(variable.get_shape())
        assign = variable.assign(value, read_value=False)
        described = variable.to_proto()
        described.initializer_name = assign.name
        restored[name] = type(variable).from_proto(described)
    collection = graph.get_collection_ref(tf.GraphKeys.GLOBAL_VARIABLES)
    collection[:] = list(restored.values())
