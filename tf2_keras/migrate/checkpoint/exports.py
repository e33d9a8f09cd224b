"""What TF1 exported, as Keras layers: SavedModels, frozen graphs and ``.meta`` files.

    export = exports.opened("exported_model")
    print(export.signatures)
    layer = export.layer("serving_default")
    model = export.model("serving_default")

A layer computes what the Session did and is trained like any other: its weights are the
graph's variables, of a frozen graph the constants that they became. Layers of one export
share them. ``handover.plan`` takes the same paths, to put the variables into a twin.
"""

import contextlib
import difflib
import os
import re
from typing import NamedTuple

import keras
import tensorflow as tf

from tf2_keras.migrate.checkpoint import frozen, reading, roles
from tf2_keras.migrate.checkpoint.errors import HandoverError, mistake
from tf2_keras.migrate.checkpoint.graph_layer import GraphLayer
from tf2_keras.migrate.checkpoint.partitions import PART
from tf2_keras.migrate.checkpoint.pruning import VARIABLES, pruned
from tf2_keras.migrate.checkpoint.wire import (
    BYTES,
    VARINT,
    Damaged,
    last,
    message,
    signed,
    text,
    varint,
)

v1 = tf.compat.v1
PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
SERVING = "serve"
INITIALISERS = ("__saved_model_init_op", "__saved_model_train_op")
MOST_LISTED = 8


class Signature(NamedTuple):
    """inputs, outputs: {key: name of a tensor, such as 'x:0'}."""

    inputs: dict
    outputs: dict


def opened(path, tags=None, checkpoint=None):
    """The ``Export`` at a path.

    Args:
        path: the folder of a SavedModel of TF1; a frozen graph, ``.pb``; or a ``.meta``.
        tags: of the graph in a SavedModel that has several, such as ("serve",).
        checkpoint: of a ``.meta``: the prefix; by default the one beside it, if any.

    Raises:
        HandoverError: for what is none, not whole, of TF2, or has no such tags.
    """
    path = os.fspath(path)
    with _one_line(path):
        return _opened(path, tags, checkpoint)


def _opened(path, tags, checkpoint):
    if os.path.isdir(path):
        return Export(path, *_saved_model(path, tags))
    if path.endswith(".meta"):
        content = frozen.content_of(path, "a .meta")
        meta_graph = _meta_graph(path, content)
        if checkpoint is None and reading.is_checkpoint(path.removesuffix(".meta")):
            checkpoint = path.removesuffix(".meta")
        values = None if checkpoint is None else reading.opened(checkpoint)
        return Export(path, meta_graph, values)
    graph = frozen.opened(path)
    meta_graph = v1.MetaGraphDef()
    meta_graph.graph_def.CopyFrom(_parsed(path, v1.GraphDef, graph.content))
    return Export(path, meta_graph, graph, frozen_names=graph.variables)


def _parsed(path, kind, content):
    try:
        return kind.FromString(bytes(content))
    except Exception:  # protobuf's DecodeError, which tf does not show
        raise damaged(path, "it is no whole protobuf of that kind") from None


@contextlib.contextmanager
def _one_line(path):
    """Makes one line of whatever a graph that cannot be meant makes of its import."""
    try:
        yield
    except Exception as error:  # of protobuf, TensorFlow and Keras, of any kind
        # Keras puts lines of its own around what was said.
        said = re.search("\x1b\\[1m(.*)\x1b\\[0m", str(error), re.S)
        said = " ".join((said[1] if said else str(error)).split())
        said = said.rpartition("Error encountered: ")[2]
        if isinstance(error, HandoverError):
            raise HandoverError(said) from None
        raise mistake(
            "An export must be one that Keras can make a layer of",
            f"{path}: {said[:300] or type(error).__name__}",
            "Name other outputs, or copy it again",
        ) from None


def damaged(path, why):
    return mistake("An export must be whole", f"{path}: {why}", "Copy it again")


def _meta_graph(path, content):
    with reading.whole_file(path):
        graph = last(message(content), 2, BYTES, b"")
        if not frozen.nodes_of(graph):
            raise Damaged("it holds no graph")
    return _parsed(path, v1.MetaGraphDef, content)


def _saved_model(path, tags):
    """(MetaGraphDef, checkpoint or None) of a SavedModel."""
    file = os.path.join(path, "saved_model.pb")
    content = frozen.content_of(file, "a SavedModel, saved_model.pb")
    with reading.whole_file(file):
        graphs = [value for kind, value in message(content).get(2, ()) if kind == BYTES]
        tagged = {}
        for graph in graphs:
            info = message(last(message(graph), 1, BYTES, b""))
            words = tuple(bytes(value).decode() for _, value in info.get(4, ()))
            tagged[words] = graph
    wanted = tuple(tags) if tags else next(iter(tagged), ())
    if not tags and len(tagged) > 1:
        wanted = (SERVING,)
    chosen = next((g for w, g in tagged.items() if set(w) == set(wanted)), None)
    if chosen is None:
        raise mistake(
            "A SavedModel must have a graph with the tags asked for",
            f"{path}: {', '.join(wanted)}",
            "Use some of: " + " | ".join(",".join(words) for words in tagged),
        )
    # Of TF2 is what keeps a graph of its objects.
    if 7 in message(chosen):
        raise mistake(
            "A SavedModel must be of TF1",
            f"{path}, of TF2",
            "Load it with tf.saved_model.load, or with keras.layers.TFSMLayer",
        )
    meta_graph = _meta_graph(file, chosen)
    has_variables = os.path.isfile(os.path.join(path, "variables", "variables.index"))
    return meta_graph, reading.opened(path) if has_variables else None


class Export:
    """A graph that TF1 exported, with the values of its variables.

    Attributes:
        path: where it was. signatures: {name: Signature}; of a graph without any there
            is none, and a layer is asked for by its tensors.
        variables: {TF1 name: ``keras.Variable``} of those that layers made so far use.
        values: what ``reading.opened`` returns, or None.
    """

    def __init__(self, path, meta_graph, values, frozen_names=()):
        self.path, self.meta_graph, self.values = path, meta_graph, values
        self.variables = {}
        self._frozen = list(frozen_names)
        self._nodes = {node.name: node for node in meta_graph.graph_def.node}
        with reading.whole_file(path):
            self._slices, self._trainable = _collections(meta_graph)
        self.signatures = {
            name: Signature(
                {key: definition.inputs[key].name for key in sorted(definition.inputs)},
                {
                    key: definition.outputs[key].name
                    for key in sorted(definition.outputs)
                },
            )
            for name, definition in meta_graph.signature_def.items()
            if name not in INITIALISERS
        }

    def layer(self, signature=None, inputs=None, outputs=None, feed=None, **options):
        """A ``GraphLayer``, of a signature or of tensors by their names.

        Args:
            signature: one of ``signatures``; by default the only one, or
                'serving_default'.
            inputs: {name of an input: name of a tensor, such as 'x' or 'x:0'}; with it or
                ``outputs`` no signature is looked at. By default every placeholder that
                the outputs need, by its own name.
            outputs: {name of an output: name of a tensor}.
            feed: {name of a tensor: its value}, for what is the same in every call, such
                as {'is_training': False}.
            **options: of ``keras.layers.Layer``, such as name, trainable.

        Raises:
            HandoverError: for names that the graph has not got, for placeholders that
                are neither inputs nor fed, for ops that reach out of the graph.
        """
        with _one_line(self.path):
            return self._layer(signature, inputs, outputs, feed, options)

    def _layer(self, signature, inputs, outputs, feed, options):
        found = self._signature(signature, inputs, outputs)
        feed = {self._tensor(name): value for name, value in (feed or {}).items()}
        graph, needed = pruned(
            self.path,
            self.meta_graph,
            [*found.inputs.values(), *feed],
            list(found.outputs.values()),
            self._frozen,
        )
        open_ones = {
            f"{node.name.rpartition('/')[2]}": f"{node.name}:0"
            for node in graph.graph_def.node
            if node.name in self._nodes
            and self._nodes[node.name].op in PLACEHOLDERS[:2]
            and f"{node.name}:0" not in (*found.inputs.values(), *feed)
        }
        if inputs is None and signature is None and outputs is not None:
            found = found._replace(inputs={**found.inputs, **open_ones})
        elif open_ones:
            raise mistake(
                "What the outputs need must be inputs or fed",
                f"{', '.join(open_ones.values())} of {self.path}",
                "Add it to the inputs, or to feed={name: value}",
            )
        layer = GraphLayer(
            graph=graph,
            inputs=found.inputs,
            outputs=found.outputs,
            feed=feed,
            variables=self._variables(needed),
            shapes=self._shapes_of(found.outputs),
            **options,
        )
        layer.share(self.variables)
        layer.build()
        for name, variable in layer.tf1_variables.items():
            if name not in self.variables:
                variable.assign(self._read(name))
            self.variables[name] = variable
        return layer

    def model(self, signature=None, inputs=None, outputs=None, feed=None):
        """A functional ``keras.Model`` of one layer; outputs are a dictionary if several.

        Args: as of ``layer``.
        """
        with _one_line(self.path):
            layer = self._layer(signature, inputs, outputs, feed, {"name": "graph"})
            taken = {}
            for key, name in layer.inputs_by_key.items():
                shape, dtype = self.shape_of(name)
                if shape is None:
                    raise mistake(
                        "An input of a model must have a known rank",
                        f"{name} of {self.path}",
                        "Use Export.layer, and call it on tensors",
                    )
                taken[key] = keras.Input(batch_shape=shape, dtype=dtype, name=key)
            given = taken if len(taken) > 1 else next(iter(taken.values()), taken)
            return keras.Model(given, layer(given))

    def _shapes_of(self, outputs):
        """{key: sizes} of outputs whose rank the export says."""
        shapes = {}
        for key, name in outputs.items():
            base, _, number = name.rpartition(":")
            known = self._nodes[base].attr["_output_shapes"].list.shape
            told = [known[int(number)]] if int(number) < len(known) else []
            told += [
                definition.outputs[key].tensor_shape
                for definition in self.meta_graph.signature_def.values()
                if key in definition.outputs and definition.outputs[key].name == name
            ]
            ranked = [tf.TensorShape(shape) for shape in told]
            ranked = [shape.as_list() for shape in ranked if shape.rank is not None]
            if ranked:
                shapes[key] = ranked[0]
        return shapes

    def shape_of(self, name):
        """(sizes with None for open ones, or None; name of a dtype) of a placeholder."""
        node = self._nodes[name.rpartition(":")[0]]
        attributes = node.attr
        number = attributes["dtype"].type or attributes["T"].type
        dtype = tf.as_dtype(number or tf.float32).name
        if "shape" in attributes:
            shape = tf.TensorShape(attributes["shape"].shape)
        else:
            known = attributes["_output_shapes"].list.shape
            shape = tf.TensorShape(known[0] if known else None)
        # 1.15 wrote an unknown shape of a placeholder as that of a scalar at times.
        if shape.rank is None:
            return None, dtype
        return tuple(shape.as_list()), dtype

    def _signature(self, name, inputs, outputs):
        if name is None and (inputs or outputs):
            if not outputs:
                raise mistake(
                    "A layer must have outputs",
                    f"inputs={list(inputs)} alone",
                    "Name its tensors, outputs={'logits': 'logits:0'}",
                )
            return Signature(
                {key: self._tensor(tensor) for key, tensor in (inputs or {}).items()},
                {key: self._tensor(tensor) for key, tensor in outputs.items()},
            )
        known = list(self.signatures)
        if name is None:
            name = known[0] if len(known) == 1 else "serving_default"
        if name not in self.signatures:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known
            raise mistake(
                "An export must have the signature that is asked for",
                f"{name} of {self.path}",
                f"Use one of: {', '.join(near[:MOST_LISTED])}"
                if known
                else "It has none: name its tensors, inputs and outputs. Placeholders: "
                + ", ".join(self.placeholders()[:MOST_LISTED]),
            )
        found = self.signatures[name]
        for tensor in (*found.inputs.values(), *found.outputs.values()):
            self._tensor(tensor)
        return found

    def placeholders(self):
        """[names] of the graph's placeholders."""
        return [n.name for n in self._nodes.values() if n.op in PLACEHOLDERS]

    def _tensor(self, name):
        """'x' or 'x:0' as 'x:0'."""
        base, colon, number = str(name).rpartition(":")
        base, number = (base, number) if colon else (str(name), "0")
        if base not in self._nodes or not number.isdigit():
            near = difflib.get_close_matches(str(name), self._nodes, n=3, cutoff=0.4)
            raise mistake(
                "A name must be of a tensor in the graph",
                f"{name} of {self.path}",
                f"Nearest: {', '.join(near) or 'none'}",
            )
        return f"{base}:{number}"

    def _variables(self, needed):
        """{TF1 name: (shape, dtype, trainable)} of the variables among some nodes."""
        listed = {}
        for name in needed:
            node = self._nodes[name]
            if node.op in VARIABLES:
                shape = [d.size for d in node.attr["shape"].shape.dim]
                dtype = tf.as_dtype(node.attr["dtype"].type).name
            elif name in self._frozen:
                entry = self.values.entries[name]
                shape, dtype = list(entry.shape), entry.dtype
            else:
                continue
            moving = roles.MOVING.search(name) is not None
            is_float = roles.kind_of(dtype) == "f"
            trained = name in self._trainable if self._trainable else not moving
            listed[name] = shape, dtype, bool(trained and is_float)
        return listed

    def _read(self, name):
        """The value of a variable."""
        known = {} if self.values is None else self.values.entries
        if name in known:
            return self.values.read(name)
        if name in self._slices:
            whole, offset, shape = self._slices[name]
            if whole in known:
                places = zip(offset, shape, strict=True)
                cut = tuple(slice(begin, begin + size) for begin, size in places)
                return self.values.read(whole)[cut]
        joined = PART.match(name)
        raise mistake(
            "An export must come with the values of its variables",
            f"{self.path} without {joined[1] if joined else name}",
            "Name the checkpoint, checkpoint='model.ckpt-1000'"
            if self.path.endswith(".meta")
            else "Copy the whole of it",
        )


def _collections(meta_graph):
    """({name of a piece: (whole, offset, shape)}, {names of what is trained})."""
    slices, trainable = {}, set()
    for collection in ("variables", "trainable_variables"):
        for content in meta_graph.collection_def[collection].bytes_list.value:
            fields = message(content)
            name = text(fields, 1).removesuffix(":0")
            if collection == "trainable_variables":
                trainable.add(name)
            if 4 in fields:
                described = message(last(fields, 4, BYTES, b""))
                slices[name] = (
                    text(described, 1),
                    _sizes(described, 3),
                    _sizes(described, 4),
                )
    return slices, trainable


def _sizes(fields, number):
    """[int] of a repeated field, packed or not."""
    sizes = []
    for kind, value in fields.get(number, ()):
        if kind == VARINT:
            sizes.append(signed(value))
            continue
        place = 0
        while place < len(value):
            size, place = varint(value, place)
            sizes.append(signed(size))
    return sizes
