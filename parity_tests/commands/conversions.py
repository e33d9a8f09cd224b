"""What ``tf-parity convert`` does: the model, the map, the plan and the output."""

import contextlib
import functools
import json
import os
import re
import zipfile
from typing import NamedTuple

from parity_tests.commands import console, pair_files
from parity_tests.models import chapters
from tf2_keras.migrate.checkpoint import keras_files, partitions, reading
from tf2_keras.migrate.checkpoint.errors import mistake, said

TF1, SAVED_MODEL = "tf1:", "saved_model:"
OF_KERAS = (".weights.h5", ".keras")
DEFAULT_FUNCTION = "build"
PARTS = "tf2_keras.tf1_semantics"


class Request(NamedTuple):
    """What the command line asked for; see ``convert.command``."""

    source: str
    target: str
    map_path: str | None
    chapter: str | None
    model_file: str | None
    streams: str | None = None
    signature: str | None = None
    inputs: str | None = None
    outputs: str | None = None
    partial: bool = False
    dry_run: bool = False
    force: bool = False

    @property
    def to_tf1(self):
        return self.target.startswith(TF1)

    @property
    def to_saved_model(self):
        return self.target.startswith(SAVED_MODEL)

    @property
    def path(self):
        """The file, folder or prefix to write."""
        begin = TF1 if self.to_tf1 else SAVED_MODEL if self.to_saved_model else ""
        return self.target[len(begin) :]

    @property
    def graph_alone(self):
        """Whether the graph that the source holds is itself to be the model."""
        is_export = os.path.isdir(self.source) or self.source.endswith((".pb", ".meta"))
        return (
            is_export
            and self.target.endswith(".keras")
            and not (self.chapter or self.model_file)
        )

    @property
    def from_keras(self):
        return self.source.endswith(OF_KERAS)

    @property
    def needs_model(self):
        if self.to_saved_model:
            return not self.source.endswith(".keras")
        return self.from_keras or not (self.to_tf1 or self.graph_alone)

    @property
    def facts(self):
        """What every report begins with."""
        written = not self.dry_run
        return {"from": self.source, "to": self.target, "written": written}

    @property
    def of_tf_keras(self):
        """Whether the source may describe its model itself, as tf.keras of 1.15 did."""
        return keras_files.is_of_tf1(self.source)


def require_possible(request):
    """Refuses what cannot be done, before TensorFlow's seconds."""
    to_tf1 = request.to_tf1 or request.to_saved_model
    if not (to_tf1 or request.target.endswith(OF_KERAS)) or not request.path:
        raise mistake(
            "--to must be model.weights.h5, model.keras, tf1:PREFIX or saved_model:DIR",
            request.target,
            "Use for instance --to model.keras",
        )
    if request.from_keras and not to_tf1:
        raise mistake(
            "A file of Keras's must be converted to a TF1 checkpoint or SavedModel",
            f"{request.source} --to {request.target}",
            "Use --to tf1:PREFIX or saved_model:DIR, or load it with Keras",
        )
    if request.to_saved_model and not request.from_keras:
        raise mistake(
            "A SavedModel must be made of a file of Keras's",
            f"{request.source} --to {request.target}",
            "Convert to model.keras first",
        )
    named = [
        f"--{n}" for n in ("signature", "inputs", "outputs") if getattr(request, n)
    ]
    if named and not request.graph_alone:
        raise mistake(
            f"{' and '.join(named)} must be of an exported graph that becomes a model",
            f"{request.source} --to {request.target}",
            "Leave it out, or convert a SavedModel, .pb or .meta --to model.keras "
            "without --model",
        )
    folder = os.path.dirname(os.path.abspath(request.path))
    if not os.path.isdir(folder):
        raise mistake(
            "--to must name a file in a folder that exists", request.target, "Make it"
        )
    if not request.dry_run and not request.force:
        for ending in (".index", ".data-00000-of-00001") if request.to_tf1 else ("",):
            if os.path.exists(request.path + ending):
                raise mistake(
                    "An output must not exist",
                    request.path + ending,
                    "Choose another name, or allow it with --force",
                )
    if request.from_keras:
        if not os.path.isfile(request.source):
            raise reading.absent(request.source)
        reading.require_readable(request.source)
    elif not request.graph_alone:
        if request.source.endswith((".meta", ".pb")) and os.path.isfile(request.source):
            raise mistake(
                "A graph must become a model of its own",
                f"{request.source} --to {request.target}",
                "Use --to model.keras without --model and --chapter, or convert the "
                "checkpoint of its values",
            )
        reading.opened(request.source)
    said = request.chapter or request.model_file or request.of_tf_keras
    if request.needs_model and not said:
        raise mistake(
            "The model must be said",
            "neither --chapter nor --model",
            "Use --model FILE.py:build, a function that returns the compiled model",
        )
    runs_of(request)


def runs_of(request):
    """[(count, batch size)] of --streams RUNSxBATCH[,RUNSxBATCH...]."""
    if request.streams is None:
        return []
    pieces = [
        re.fullmatch(r"(\d{1,12})x(\d{1,9})", p) for p in request.streams.split(",")
    ]
    if not all(pieces):
        raise mistake(
            "--streams must be RUNSxBATCH, or several with commas",
            request.streams,
            "Use for instance --streams 1000x50,1x30",
        )
    return [(int(piece[1]), int(piece[2])) for piece in pieces]


def converted(request):
    """Does it: (the report as data, lines for people).

    Raises:
        HandoverError: for whatever cannot be done; nothing is written then.
    """
    from parity_tests.commands import exported

    names = read_map(request.map_path)
    if request.graph_alone:
        return exported.to_keras(request)
    if request.to_saved_model:
        return exported.to_saved_model(request, names)
    if not request.needs_model:
        return _rewritten(request, names)
    from tf2_keras.migrate.checkpoint import keras_saving

    keras_saving.returned_when_freed()
    # What a checkpoint fills needs no initial values; what it leaves open does.
    filled = not (request.from_keras or request.partial)
    with (
        keras_saving.unallocated() if filled else contextlib.nullcontext() as variables
    ):
        model, own_names = model_of(request)
        _state_of(model)  # which builds the optimizer
    if names is None:
        names = own_names
    if request.from_keras:
        return _to_tf1(request, model, names)
    return _to_keras(request, model, names, variables)


def read_map(path):
    """{TF1 name: name, layout or None} of a JSON file; None without one."""
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            names = json.load(file, object_pairs_hook=_once)
        if not isinstance(names, dict):
            raise ValueError("no object")
    except (OSError, ValueError, RecursionError) as error:
        raise mistake(
            "--map must name a JSON file of names",
            f"{path} ({getattr(error, 'strerror', None) or str(error) or 'too deep'})",
            'Write for instance {"conv1/weights": "conv1/kernel"}',
        ) from None
    return names


def _once(pairs):
    names = dict(pairs)
    if len(names) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice} is named twice")
    return names


def model_of(request):
    """(the compiled model, the TF1 names that its file knows or None)."""
    if not request.chapter and not request.model_file:
        return _described(request), None
    if request.chapter:
        twin = chapters.twin(request.chapter)
        model = twin.build()
        return model, twin.checkpoint_names(model)
    from parity_tests.pair import tf1_sides
    from parity_tests.pair.errors import theirs

    path, _, function = request.model_file.rpartition(":")
    if not path:
        path, function = request.model_file, DEFAULT_FUNCTION
    pair_files.require_file(path)
    with pair_files.explained():
        with tf1_sides.unswitched():
            module = tf1_sides.load(path)
        build = getattr(module, function, None)
        if not callable(build):
            raise mistake(
                f"{path} must hold a function of that name",
                function,
                "Name it, --model FILE.py:build",
            )
        with theirs("--model must return its model"), tf1_sides.unswitched():
            model = build()
            names = getattr(module, "checkpoint_names", None)
            return _compiled(model, request), names(model) if names else None


def _described(request):
    """The model that the source itself describes."""
    from tf2_keras.migrate.checkpoint import keras_configs

    model = keras_configs.model_of(keras_files.opened(request.source))
    if not model.compiled:  # by a loss of the program's own, say
        model.compile("sgd", "mse", jit_compile=False)
    return model


def _compiled(model, request):
    import keras

    if not isinstance(model, keras.Model) or not model.compiled:
        raise mistake(
            "--model must return a compiled keras.Model",
            f"{request.model_file}: {type(model).__name__}",
            "Call compile(optimizer, loss, jit_compile=False) on it",
        )
    return model


def _state_of(model):
    """The model's ``training.State``; what it cannot take of a model is the user's."""
    from tf2_keras.migrate.checkpoint import states

    try:
        return states.state_of(model)
    except ValueError as error:
        raise mistake(
            "--model must return a model that can be trained",
            str(error).rstrip("."),
            "Mend it there",
        ) from None


def _to_keras(request, model, names, variables):
    from tf2_keras.migrate.checkpoint import handover, keras_saving, streams

    if request.of_tf_keras:
        of_layers = keras_files.names_of(keras_files.opened(request.source), model)
        names = {**of_layers, **(names or {})}
    plan = handover.plan(request.source, model, names)
    meta = plan.checkpoint.prefix + ".meta"
    if any(p.kind == "ambiguous" for p in plan.problems) and os.path.isfile(meta):
        plan = handover.plan(request.source, model, names, **_order(meta))
    lines = plan.describe().splitlines()
    if request.dry_run:
        return _report(request, plan), lines
    if not request.partial:
        plan.require_whole()
    runs = [streams.Runs(*run) for run in runs_of(request)]
    with console.progress() as progress:
        task = progress.add_task("tensors", total=len(plan.items))
        keras_saving.save(
            plan,
            request.path,
            variables,
            request.partial,
            runs,
            functools.partial(progress.advance, task),
        )
    return _report(request, plan), [*lines, *written(request)]


def written(request):
    """Lines about a file of Keras's that is there now."""
    from parity_tests.pair import tf1_sides

    lines = [f"{request.path}: {os.path.getsize(request.path):,} bytes"]
    imports = imports_of(request.path)
    if imports:
        # Keras looks up by name what was registered, and imports nothing.
        says = ", ".join(sorted(name.removeprefix(tf1_sides.SIDE) for name in imports))
        lines.append(f"keras.models.load_model takes it after: import {says}")
    return lines


def imports_of(path):
    """[modules that register what a .keras is made of], none of a .weights.h5."""
    if not path.endswith(".keras"):
        return []
    with zipfile.ZipFile(path) as archive:
        stack = [json.loads(archive.read("config.json"))]
    modules = set()
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if part.get("registered_name") and part.get("module"):
                module = _module_of(part)
                modules.add(PARTS if module.startswith(f"{PARTS}.") else module)
            part = list(part.values())
        stack += part if isinstance(part, list) else []
    return [module for module in modules if not module.startswith("keras")]


def _module_of(part):
    """The module that registers a serialised class, or function, of which Keras says none."""
    if part["class_name"] != "function":
        return part["module"]
    import keras

    function = keras.saving.get_registered_object(part["config"])
    return getattr(function, "__module__", "keras")


def _order(meta):
    from parity_tests.pair import exported_order

    try:
        variables = exported_order.variables(meta)
    except ValueError as error:
        raise mistake(
            "The .meta beside CKPT must be its graph",
            str(error).rstrip("."),
            "Move it away to go without",
        ) from None
    trained = {name for name, variable in variables.items() if variable.trainable}
    return {"order": list(variables), "trainable": trained}


def _report(request, plan):
    return {
        **request.facts,
        "whole": plan.is_whole,
        "items": [
            {
                "name": item.name,
                "role": item.role.kind,
                "targets": list(item.match.sources),
                "layout": item.match.layout,
                "how": item.match.how,
            }
            for item in plan.items
        ],
        "iterations_from_powers": plan.iterations,
        "left_out": list(plan.left_out),
        "problems": [problem._asdict() for problem in plan.problems],
    }


def _to_tf1(request, model, names):
    from tf2_keras.migrate.checkpoint import writing

    if names is None:
        raise mistake(
            "A model must come with the TF1 names of its variables",
            "no --map",
            "Use --map FILE, or write checkpoint_names(model) in the file of --model",
        )
    load_weights(model, request.source)
    values = writing.sources_of(model, names)
    if request.dry_run:
        arrays = ((name, value()) for name, value in values.items())
        written = {name: (array.dtype, array.shape) for name, array in arrays}
    else:
        written = writing.write(request.path, values, request.force)
    return _told(request, written)


def load_weights(model, path):
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise mistake(
            "CKPT must hold the weights of the model",
            f"{path} ({said(error)})",
            "Name the model that it was saved from",
        ) from None


def _rewritten(request, names):
    """A TF1 checkpoint as another: V1 as V2, shards as one, under other names."""
    from tf2_keras.migrate.checkpoint import handover, writing
    from tf2_keras.migrate.checkpoint.matching import require_targets_once

    checkpoint = reading.opened(request.source)
    handover.refuse_objects(checkpoint)
    checkpoint = partitions.Joined(checkpoint)
    names = names or {}
    for name in names:
        reading.known(name, checkpoint)
    new = {name: names.get(name, name) for name in checkpoint.entries}
    require_targets_once(new)
    new = {name: target for name, target in new.items() if target is not None}
    if not request.dry_run:
        writing.rewrite(request.path, checkpoint, new, request.force)
    entries = {target: checkpoint.entries[name] for name, target in new.items()}
    return _told(request, {t: (e.dtype, e.shape) for t, e in entries.items()})


def _told(request, tensors):
    """(report, lines) of {name: (dtype, shape)} of a TF1 checkpoint."""
    lines = [
        f"{name}  {dtype} {list(shape)}" for name, (dtype, shape) in tensors.items()
    ]
    report = {**request.facts, "tensors": list(tensors)}
    return report, [*lines, f"{request.path}: {len(tensors)} tensors"]
