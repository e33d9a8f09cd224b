"""A TF1 graph as a Keras layer."""

import base64
import contextlib
import functools
import zlib

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record

from tf2_keras.migrate.checkpoint import frozen, functions, reading
from tf2_keras.migrate.checkpoint.errors import mistake
from tf2_keras.migrate.checkpoint.pruning import require_harmless

v1 = tf.compat.v1
LARGEST_GRAPH = 2**29  # bytes of a graph in the configuration of a layer
SCOPE = "tf1"


@keras.saving.register_keras_serializable("tf_parity")
class GraphLayer(keras.layers.Layer):
    """Computes what a Session computed of a TF1 graph; ``exports`` makes such layers.

    The graph is imported where the layer is called, so that a function has its ops among
    its own, and gradients are those of ``tf.gradients``, in TF1's order, through loops
    and conditions as well. In eager code it runs in functions, and a gradient computes
    the outputs once more.

    Args:
        graph: a ``tf.MetaGraphDef`` of all that the outputs need, or what ``get_config``
            says of one.
        inputs: {name of an input: name of a tensor, 'x:0'}.
        outputs: {name of an output: name of a tensor}.
        feed: {name of a tensor: value} of what is the same in every call.
        variables: {TF1 name: (shape, name of a dtype, whether it is trained)}.
        shapes: {name of an output: sizes, None for open ones}, as far as they are known:
            those of a loop an import does not find again.
        **options: of ``keras.layers.Layer``.

    Input: a tensor where there is one input, else a dictionary by the names of the inputs,
    or a list in their order, that of their names in a signature. Output: a tensor where there is one output, else a dictionary.
    """

    def __init__(
        self,
        graph,
        inputs,
        outputs,
        feed=None,
        variables=None,
        shapes=None,
        **options,
    ):
        super().__init__(**options)
        self.graph = _graph_of(graph)
        self.inputs_by_key, self.outputs_by_key = dict(inputs), dict(outputs)
        self.feed, self.shapes = dict(feed or {}), dict(shapes or {})
        self.described = {
            name: (tuple(shape), dtype, bool(trained))
            for name, (shape, dtype, trained) in (variables or {}).items()
        }
        self.tf1_variables = {}
        self.share({})
        self._nodes = {node.name: node for node in self.graph.graph_def.node}

    def share(self, variables):
        """Takes variables of another layer, {TF1 name: variable}, before it is built."""
        # As an attribute Keras would take all of them for the layer's own.
        object.__setattr__(self, "_shared", dict(variables))

    def build(self, _shape=None):
        if self.built:
            return
        for name, (shape, dtype, trained) in self.described.items():
            shared = self._shared.get(name)
            if shared is None:
                shared = self.add_weight(
                    name=name.replace("/", "."),
                    shape=shape,
                    dtype=dtype,
                    initializer="zeros",
                    trainable=trained,
                )
            self.tf1_variables[name] = shared
        self.built = True

    def checkpoint_names(self):
        """{TF1 name: Keras path} of the layer's variables, for a hand-over."""
        return {name: v.path for name, v in self.tf1_variables.items()}

    def call(self, inputs):
        tensors = self._by_key(inputs)
        values = [
            tf.convert_to_tensor(variable) for variable in self.tf1_variables.values()
        ]
        # TF2's own loops, as in a SavedModel written here, want a function around them.
        apart = tf.executing_eagerly() or self.graph.graph_def.library.function
        run = _apart if apart else _in_graph
        results = run(self, tensors, values)
        outputs = dict(zip(self.outputs_by_key, results, strict=True))
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def _by_key(self, inputs):
        """[tensor] in the order of the inputs."""
        keys = list(self.inputs_by_key)
        if isinstance(inputs, dict):
            given = inputs
        elif isinstance(inputs, (list, tuple)):
            given = dict(zip(keys, inputs, strict=len(inputs) == len(keys)))
        else:
            given = {keys[0]: inputs} if keys else {}
        if set(given) != set(keys):
            raise mistake(
                "A layer must be called on its inputs",
                f"{sorted(map(str, given))} for {keys}",
                "Use a dictionary of tensors by these names",
            )
        return [
            tf.convert_to_tensor(given[key], self._dtype_of(self.inputs_by_key[key]))
            if not tf.is_tensor(given[key])
            else given[key]
            for key in keys
        ]

    def _dtype_of(self, name):
        attributes = self._nodes[name.rpartition(":")[0]].attr
        return tf.as_dtype(attributes["dtype"].type or attributes["T"].type)

    # What is imported.

    def imported(self, tensors, values):
        """([outputs], [what stands for each variable]) in the graph that is built."""
        mapped = dict(zip(self.inputs_by_key.values(), tensors, strict=True))
        for name, value in self.feed.items():
            mapped[name] = tf.constant(value, self._dtype_of(name))
        sources = []
        for (name, variable), value in zip(
            self.tf1_variables.items(), values, strict=True
        ):
            if self._nodes[name].op == "VarHandleOp":
                graph = v1.get_default_graph()
                value = graph.capture(variable.value.handle)
            mapped[f"{name}:0"] = value
            sources.append(value)
        graph = v1.get_default_graph()
        scope = graph.unique_name(SCOPE, mark_as_used=False).rpartition("/")[2]
        prefix = graph.unique_name(scope, mark_as_used=False)
        functions.register(self.graph.graph_def)
        try:
            v1.train.import_meta_graph(
                self.graph, import_scope=scope, input_map=mapped, clear_devices=True
            )
        except Exception as error:  # whatever a stranger's graph makes of an import
            raise mistake(
                "A graph must be one that this TensorFlow can import",
                str(error).strip().rstrip(".")[:300],
                "Export it again with the TensorFlow whose ops these are",
            ) from None
        outputs = [
            mapped[name]
            if name in mapped
            else graph.get_tensor_by_name(f"{prefix}/{name}")
            for name in self.outputs_by_key.values()
        ]
        outputs = [tf.identity(output) for output in outputs]
        for key, output in zip(self.outputs_by_key, outputs, strict=True):
            if key in self.shapes:
                output.set_shape(self.shapes[key])
        return outputs, sources

    def get_config(self):
        content = zlib.compress(self.graph.SerializeToString(deterministic=True), 9)
        return {
            **super().get_config(),
            "graph": base64.b64encode(content).decode(),
            "inputs": self.inputs_by_key,
            "outputs": self.outputs_by_key,
            "feed": {
                name: np.asarray(value).tolist() for name, value in self.feed.items()
            },
            "shapes": self.shapes,
            "variables": {
                name: [list(shape), dtype, trained]
                for name, (shape, dtype, trained) in self.described.items()
            },
        }


def _graph_of(graph):
    """The MetaGraphDef in a configuration, looked at as one from a stranger."""
    if not isinstance(graph, str):
        return graph
    try:
        decoder = zlib.decompressobj()
        content = decoder.decompress(base64.b64decode(graph), LARGEST_GRAPH)
        if not decoder.eof:
            raise ValueError("it is too large")
        with reading.whole_file("graph"):
            frozen.nodes_of(dict(_graph_field(content)).get("graph", b""))
        meta_graph = v1.MetaGraphDef.FromString(content)
    except Exception as error:  # zlib's, base64's and protobuf's
        raise mistake(
            "The configuration of a GraphLayer must hold a graph",
            str(error)[:200],
            "Save the model again",
        ) from None
    functions.settle("the graph of a GraphLayer", meta_graph.graph_def)
    require_harmless("the graph of a GraphLayer", meta_graph)
    return meta_graph


def _graph_field(content):
    from tf2_keras.migrate.checkpoint.wire import BYTES, last, message

    yield "graph", last(message(content), 2, BYTES, b"")


def _in_graph(layer, tensors, values):
    """Results within a function or graph that is being built."""
    kept = {}

    @tf.custom_gradient
    def computed(*arguments):
        graph = v1.get_default_graph()
        outputs, sources = layer.imported(
            arguments[: len(tensors)], arguments[len(tensors) :]
        )
        kept["graph"] = graph

        def gradient(*upstream):
            return _gradients(
                outputs, [*arguments[: len(tensors)], *sources], upstream, arguments
            )

        return outputs, gradient

    return computed(*tensors, *values)


def _gradients(outputs, sources, upstream, arguments):
    """One gradient for each argument, None where there is none."""
    paired = [
        (output, gradient)
        for output, gradient in zip(outputs, upstream, strict=True)
        if gradient is not None and output.dtype.is_floating
    ]
    if not paired:
        return [None] * len(arguments)
    trainable = [
        source.dtype == tf.resource or source.dtype.is_floating for source in sources
    ]
    wanted = [s for s, taken in zip(sources, trainable, strict=True) if taken]
    with _tf1_control_flow(outputs[0].graph):
        found = iter(
            tf.gradients(
                [output for output, _ in paired],
                wanted,
                grad_ys=[gradient for _, gradient in paired],
            )
        )
    return [next(found) if taken else None for taken in trainable]


@contextlib.contextmanager
def _tf1_control_flow(graph):
    """Has the gradients of TF1's loops and TensorArrays made of the same ops.

    TensorFlow 2 makes those of its own, which do not fit, unless it takes a function for
    one of TF1's, whose mark is an attribute; and TF1's contexts compare tensors as
    objects.
    """
    if not any(op.type == "Enter" for op in graph.get_operations()):
        yield
        return
    enabled, equality = v1.control_flow_v2_enabled(), tf.Tensor._USE_EQUALITY
    v1.disable_control_flow_v2()
    v1.disable_tensor_equality()
    graph._captured = {}
    try:
        yield
    finally:
        del graph._captured
        if equality:
            v1.enable_tensor_equality()
        if enabled:
            v1.enable_control_flow_v2()


def _apart(layer, tensors, values):
    forward, backward = _functions(layer)

    @tf.custom_gradient
    def computed(*arguments):
        # A tape would make a gradient of the function, which TF1's loops have none of.
        with record.stop_recording():
            outputs = forward(*arguments)

        def gradient(*upstream):
            found = iter(backward(arguments, upstream))
            taken = _differentiable(arguments)
            return [next(found) if is_taken else None for is_taken in taken]

        return outputs, gradient

    return computed(*tensors, *values)


def _differentiable(arguments):
    return [argument.dtype.is_floating for argument in arguments]


def _functions(layer):
    """(forward, backward) of a layer in eager code, traced once a shape."""
    made = layer.__dict__.get("_tf1_functions")
    if made is None:
        count = len(layer.inputs_by_key)

        @functools.partial(tf.function, autograph=False)
        def forward(*arguments):
            return layer.imported(arguments[:count], arguments[count:])[0]

        @functools.partial(tf.function, autograph=False)
        def backward(arguments, upstream):
            outputs, sources = layer.imported(arguments[:count], arguments[count:])
            found = _gradients(
                outputs, [*arguments[:count], *sources], upstream, arguments
            )
            return [
                tf.zeros_like(argument) if gradient is None else gradient
                for argument, gradient in zip(arguments, found, strict=True)
                if argument.dtype.is_floating
            ]

        made = forward, backward
        object.__setattr__(layer, "_tf1_functions", made)
    return made
