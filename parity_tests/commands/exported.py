"""What ``tf-parity convert`` does with TF1's exports: graphs as models, models as graphs."""

import os
import warnings

from parity_tests.commands import conversions
from tf2_keras.migrate.checkpoint.errors import mistake, said
from tf2_keras.migrate.terminal import counted


def named_tensors(option, words):
    """{key: name of a tensor} of KEY=NAME,NAME; a NAME alone is its own last part."""
    if words is None:
        return None
    named = {}
    for word in words.split(","):
        key, equals, name = word.strip().rpartition("=")
        if not name or (equals and not key):
            raise mistake(
                f"{option} must be names of tensors, or KEY=NAME, with commas",
                words,
                f"Use for instance {option} x=input:0,mask",
            )
        key = key or name.partition(":")[0].rpartition("/")[2]
        if key in named:
            raise mistake(
                f"{option} must name each key once", key, f"Write OTHER={name}"
            )
        named[key] = name
    return named


def to_keras(request):
    """An exported graph as a Keras model that computes and trains it."""
    from tf2_keras.migrate.checkpoint import exports, writing

    export = exports.opened(request.source)
    model = export.model(
        request.signature,
        named_tensors("--inputs", request.inputs),
        named_tensors("--outputs", request.outputs),
    )
    layer = model.get_layer("graph")
    lines = [
        *(f"input {key}: {name}" for key, name in layer.inputs_by_key.items()),
        *(f"output {key}: {name}" for key, name in layer.outputs_by_key.items()),
        *(
            f"{name} → {variable.path}  "
            + ("trained" if variable.trainable else "not trained")
            for name, variable in layer.tf1_variables.items()
        ),
    ]
    if not request.dry_run:
        with writing.folder_beside(request.path) as folder:
            temporary = os.path.join(folder, "model.keras")
            model.save(temporary)
            writing.moved(temporary, request.path)
        lines += conversions.written(request)
    report = {
        "from": request.source,
        "to": request.target,
        "written": not request.dry_run,
        "inputs": layer.inputs_by_key,
        "outputs": layer.outputs_by_key,
        "variables": layer.checkpoint_names(),
    }
    return report, lines


def to_saved_model(request, names):
    """A Keras model as a SavedModel of TF1."""
    from tf2_keras.migrate.checkpoint import saved_models

    if request.chapter or request.model_file:
        model, own_names = conversions.model_of(request)
        names = own_names if names is None else names
        with warnings.catch_warnings():
            # No signature computes with the slots that stay behind.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            conversions.load_weights(model, request.source)
    else:
        model = _loaded(request.source)
    signatures = {}
    if not request.dry_run:
        signatures = saved_models.write(
            request.path, model, names=names, force=request.force
        )
    lines = [
        f"{name}: {side} {key} = {tensor}"
        for name, sides in signatures.items()
        for side, tensors in zip(("input", "output"), sides, strict=True)
        for key, tensor in tensors.items()
    ]
    report = {
        "from": request.source,
        "to": request.target,
        "written": not request.dry_run,
        "signatures": {
            name: {"inputs": inputs, "outputs": outputs}
            for name, (inputs, outputs) in signatures.items()
        },
    }
    return report, [*lines, f"{request.path}: {counted(len(signatures), 'signature')}"]


def _loaded(path):
    import keras

    import tf2_keras.migrate.checkpoint.graph_layer  # noqa: F401 - registers it
    import tf2_keras.tf1_semantics  # noqa: F401 - registers its parts

    try:
        return keras.models.load_model(path, safe_mode=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise mistake(
            "CKPT must hold a model that Keras can load",
            f"{path} ({said(error)})",
            "Use --model FILE.py:build, with the model that it was saved from",
        ) from None
