"""Keras models as SavedModels of TF1, which ``tf.saved_model.load`` of 1.15 loads and runs.

saved_models.write("exported", model)
saved_models.write("exported", model, {"features": features_model}, names)
"""

import contextlib
import io
import os
import pathlib

import keras
import tensorflow as tf

from tf2_keras.migrate.checkpoint.errors import mistake
from tf2_keras.migrate.checkpoint.writing import folder_beside, require_free
from tf2_keras.observing import key_of

v1 = tf.compat.v1
DEFAULT, SERVING = "serving_default", "serve"
OPS_OF_TF1 = pathlib.Path(__file__).with_name("tf1_ops.txt")
MOST_LISTED = 6


def write(folder, model, signatures=None, names=None, force=False):
    """Writes a folder that TF1's loaders, and TensorFlow Serving, take for one of TF1's.

    What it computes is the model's ``training=False``. The inputs of a signature are
    those of its model by name, its outputs the model's ``output_names``, or the keys of
    what it returns.

    Args:
        folder: a path that does not exist.
        model: a built ``keras.Model`` with inputs; the signature 'serving_default'.
        signatures: {name: keras.Model} of others; they share variables with ``model``.
        names: {TF1 name: Keras path} of the variables; by default their paths.
        force: whether what is there may be replaced.

    Returns:
        {name of a signature: (inputs, outputs)}, each {key: name of a tensor}.

    Raises:
        HandoverError: for a model without inputs, for ops that 1.15 has not got, for
            names that lead nowhere, for a place that cannot be written.
    """
    folder = os.path.abspath(os.fspath(folder))
    require_free(folder, force=force)
    models = {DEFAULT: model, **(signatures or {})}
    traced = {name: _traced(name, each) for name, each in models.items()}
    by_key = {
        key_of(variable): variable
        for each in models.values()
        for variable in each.variables
    }
    called = _names(by_key, names)
    graph, of_graph = tf.Graph(), {}
    with graph.as_default():
        for key, variable in by_key.items():
            of_graph[key] = v1.get_variable(
                called[key],
                variable.shape,
                tf.as_dtype(variable.dtype),
                initializer=v1.zeros_initializer(),
                use_resource=True,
                trainable=bool(variable.trainable),
            )
        described = {
            name: _imported(name, concrete, of_graph)
            for name, concrete in traced.items()
        }
    session = v1.Session(graph=graph)
    with contextlib.closing(session):
        for key, variable in by_key.items():
            initial = of_graph[key].initializer
            session.run(initial, {initial.inputs[1]: variable.numpy()})
        with folder_beside(folder) as temporary:
            whole = os.path.join(temporary, "model")
            _saved(whole, graph, session, described)
            if force and os.path.isdir(folder):
                os.rename(folder, os.path.join(temporary, "old"))
            elif force and os.path.exists(folder):
                os.remove(folder)
            os.rename(whole, folder)
    return {
        name: tuple({key: t.name for key, t in side.items()} for side in tensors)
        for name, tensors in described.items()
    }


def _saved(folder, graph, session, described):
    with graph.as_default(), contextlib.redirect_stderr(io.StringIO()):
        builder = v1.saved_model.builder.SavedModelBuilder(folder)
        builder.add_meta_graph_and_variables(
            session,
            [SERVING],
            signature_def_map={
                name: _definition(*tensors) for name, tensors in described.items()
            },
            strip_default_attrs=True,
        )
        builder.save()
    _rewritten(pathlib.Path(folder, "saved_model.pb"))


def _traced(name, model):
    """The concrete function of a model, its inputs by name."""
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise mistake(
            "A signature must be of a keras.Model that knows its inputs",
            f"{name}: {getattr(model, 'name', type(model).__name__)}",
            "Build it by keras.Input, or call it on one",
        )
    specs = {
        tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype, tensor.name)
        for tensor in model.inputs
    }

    @tf.function(autograph=False)
    def called(**tensors):
        given = tensors if len(tensors) > 1 else next(iter(tensors.values()))
        if not isinstance(model._inputs_struct, dict) and len(tensors) > 1:
            given = keras.tree.pack_sequence_as(
                model._inputs_struct, [tensors[t.name] for t in model.inputs]
            )
        elif isinstance(model._inputs_struct, dict):
            given = tensors
        results = model(given, training=False)
        if isinstance(results, dict):
            return results
        flat = keras.tree.flatten(results)
        return dict(zip(model.output_names, flat, strict=True))

    return called.get_concrete_function(**specs)


def _names(by_key, names):
    """{key of a variable: its TF1 name}."""
    paths = {variable.path: key for key, variable in by_key.items()}
    called = {key: path for path, key in paths.items()}
    if len(called) < len(by_key):
        raise mistake(
            "Variables must have paths of their own",
            ", ".join(sorted(paths))[:200],
            "Give the layers names of their own",
        )
    for name, path in (names or {}).items():
        if isinstance(path, str) and path in paths:
            called[paths[path]] = name
    return called


def _imported(name, concrete, of_graph):
    """({input: tensor}, {output: tensor}) of a function, imported into the graph."""
    mapped, inputs = {}, {}
    handles = {id(v.handle): v for v in concrete.variables}
    for outer, inner in concrete.graph.captures:
        variable = handles.get(id(outer))
        if variable is not None:
            mapped[inner.name] = of_graph[key_of(variable)].handle
        elif outer.dtype == tf.resource:
            raise mistake(
                "A model must keep nothing but variables",
                f"{name}, which has a table or another resource",
                "Move it out of the model",
            )
        else:
            mapped[inner.name] = tf.constant(outer.numpy())
    _, keywords = concrete.structured_input_signature
    for tensor in concrete.inputs[: len(keywords)]:
        key = tensor.op.name
        inputs[key] = v1.placeholder(tensor.dtype, tensor.shape, f"{name}_{key}")
        mapped[tensor.name] = inputs[key]
    results = concrete.structured_outputs
    wanted = {
        key: concrete.graph.outputs[place] for place, key in enumerate(sorted(results))
    }
    found = v1.import_graph_def(
        concrete.graph.as_graph_def(),
        mapped,
        [tensor.name for tensor in wanted.values()],
        name=name,
    )
    outputs = {
        key: tf.identity(tensor, f"{name}_{key}_output")
        for key, tensor in zip(wanted, found, strict=True)
    }
    return inputs, outputs


def _definition(inputs, outputs):
    sides = [
        {key: v1.saved_model.build_tensor_info(tensor) for key, tensor in side.items()}
        for side in (inputs, outputs)
    ]
    return v1.saved_model.build_signature_def(*sides, "tensorflow/serving/predict")


def _rewritten(path):
    """Takes out of a saved_model.pb what 1.15 cannot read.

    Raises:
        HandoverError: for ops and attributes of ops that it has not got.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes = list(graph.node)
    for function in graph.library.function:
        nodes += function.node_def
    own = {function.signature.name for function in graph.library.function}
    known = {}
    for line in OPS_OF_TF1.read_text(encoding="utf-8").splitlines():
        name, *attributes = line.split()
        known[name] = set(attributes)
    missing = []
    for node in nodes:
        node.attr.pop("debug_name", None)  # says nothing to the op
        if node.op == "AssignVariableOp":
            node.attr.pop("validate_shape", None)  # a check, which 1.15 left out
        if node.op in own:
            continue
        if node.op not in known:
            missing.append(node.op)
            continue
        missing += [
            f"{node.op}'s {attribute}"
            for attribute in node.attr
            if not attribute.startswith("_") and attribute not in known[node.op]
        ]
    if missing:
        raise mistake(
            "A SavedModel of TF1 must be of ops that 1.15 has",
            ", ".join(sorted(set(missing))[:MOST_LISTED]),
            "Put another layer in place of the one that makes it",
        )
    path.write_bytes(saved.SerializeToString(deterministic=True))
