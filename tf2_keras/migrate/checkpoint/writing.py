"""Keras models as TF1 checkpoints, which ``tf.train.Saver`` of 1.15 restores."""

import contextlib
import errno
import functools
import os
import re
import secrets
import shutil

import numpy as np
import tensorflow as tf

from tf2_keras.migrate.checkpoint import layouts, roles
from tf2_keras.migrate.checkpoint.bundles import Bundle
from tf2_keras.migrate.checkpoint.entries import Entry
from tf2_keras.migrate.checkpoint.errors import mistake
from tf2_keras.migrate.checkpoint.matching import nearest, require_targets_once
from tf2_keras.migrate.checkpoint.states import slot_factor, state_of, variables_of
from tf2_keras.observing import plain

SHARD = ".data-00000-of-00001"


def save(prefix, model, names=None, force=False):
    """Writes what a model or a Twin holds as a TF1 checkpoint, slots and step included.

    Args:
        prefix: path of the checkpoint, such as 'model.ckpt-1000'.
        model: as of ``handover.plan``.
        names: {TF1 name: name in the model, or {"layout": ..., "of": [names]}}, such as
            a chapter's ``checkpoint_names`` or a plan's ``as_map()``; for a Twin by
            default its own names.
        force: whether what is there may be replaced.

    Returns:
        {TF1 name: Role} of what was written.

    Raises:
        HandoverError: for a map that leaves a weight out or leads nowhere, for a
            checkpoint that exists, for a place that cannot be written.
    """
    written = write(prefix, sources_of(model, names), force)
    return roles.roles(
        {name: Entry(shape, dtype) for name, (dtype, shape) in written.items()}
    )


def values_of(model, names=None):
    """{TF1 name: array} of a model or a Twin, in TF1's layouts."""
    return {name: value() for name, value in sources_of(model, names).items()}


def sources_of(model, names=None):
    """{TF1 name: function that gives its array} of a model or a Twin, in TF1's layouts."""
    twin = state_of(model, names)
    if names is None:
        if twin is not model:
            raise mistake(
                "A model must come with the TF1 names of its variables",
                f"names=None for {model.name}",
                "Use {TF1 name: Keras path}, such as a plan's as_map()",
            )
        names = {name: name for name in variables_of(twin)}
    names = {name: entry for name, entry in names.items() if entry is not None}
    require_targets_once(names)
    state = _State(twin)
    matches = {name: _match(name, entry, state) for name, entry in names.items()}
    used = {source for match in matches.values() for source in match.sources}
    missing = [
        name
        for name, variable in variables_of(twin).items()
        if name not in used and variable.dtype.kind not in "iu"
    ]
    if missing:
        raise mistake(
            "A map must name every variable",
            f"none for {', '.join(missing[:6])}",
            "Add their TF1 names",
        )
    values = {
        name: functools.partial(_value, match, match.sources, state)
        for name, match in matches.items()
    }
    for name, match in matches.items():
        values.update(_companions(twin, name, match, state))
    followed = set(values) | used
    values.update(
        (name, functools.partial(state.__getitem__, name))
        for name in twin.slots
        if name not in followed and name.rpartition("/")[0] not in state
    )
    return values


class _State:
    """The arrays of a Twin's state by their names, fetched when they are asked for."""

    def __init__(self, twin):
        self.variables = twin.state

    def __contains__(self, name):
        return name in self.variables

    def __iter__(self):
        return iter(self.variables)

    def __getitem__(self, name):
        variable = self.variables[name]
        value = variable if hasattr(variable, "assign") else variable()
        return np.asarray(plain({name: value})[name])

    def shape(self, name):
        variable = self.variables[name]
        known = hasattr(variable, "assign")
        return tuple(variable.shape) if known else self[name].shape


def _value(match, sources, state, with_offset=True, factor=None):
    """A tensor as TF1 has it."""
    value = match.to_tf1([state[source] for source in sources], with_offset)
    return np.asarray(value / factor if factor else value)


def _match(name, entry, state):
    sources = [entry] if isinstance(entry, str) else list(entry.get("of", ()))
    layout = "same" if isinstance(entry, str) else entry.get("layout")
    for source in sources:
        if source not in state:
            raise mistake(
                "A map must lead to variables of the model",
                f"{name}: {source}",
                f"Use some of: {nearest(source, state)}",
            )
    if layout not in layouts.LAYOUTS or layout == "reshaped" or not sources:
        raise mistake(
            "A layout must be a known one",
            f"{name}: {layout}",
            f"Use some of: {', '.join(set(layouts.LAYOUTS) - {'reshaped'})}",
        )
    shapes = [state.shape(source) for source in sources]
    forget_bias = 0.0 if isinstance(entry, str) else entry.get("forget_bias", 0.0)
    match = layouts.of_layout(name, sources, shapes, layout, "map", forget_bias)
    if match is None:
        raise mistake(
            "A layout must fit the variables that it is of",
            f"{name}: {layout} of {[list(shape) for shape in shapes]}",
            "Name another layout, or other variables",
        )
    return match


def _companions(twin, name, match, state):
    """{TF1 name: function} of the slots and averages of one variable."""
    values = {}
    first = match.sources[0] + "/"
    for known in state:
        suffix = known[len(first) :]
        is_average = suffix.startswith(roles.EMA)
        is_slot = known in twin.slots and not is_average
        if not known.startswith(first) or "/" in suffix:
            continue
        if not is_slot and not is_average:
            continue
        sources = [f"{source}/{suffix}" for source in match.sources]
        if not all(source in state for source in sources):
            continue
        factor = slot_factor(twin, suffix) if is_slot else None
        values[f"{name}/{suffix}"] = functools.partial(
            _value, match, sources, state, not is_slot, factor
        )
    return values


def write(prefix, values, force=False):
    """Writes {name: array, or a function that gives it} as a checkpoint of format V2.

    Whole or not at all, and so that one array at a time is there.

    Returns:
        {name: (dtype, shape)}.
    """
    with _placed(prefix, force) as path, Bundle(path) as bundle:
        for name, value in values.items():
            bundle.add(name, value() if callable(value) else value)
    return bundle.written


def rewrite(prefix, checkpoint, names, force=False):
    """Writes tensors of a checkpoint as one of format V2, under other names.

    Args:
        checkpoint: ``partitions.Joined``.
        names: {name there: name here}.
    """
    with _placed(prefix, force) as path, Bundle(path) as bundle:
        for name, target in names.items():
            entry = checkpoint.entries[name]
            if entry.dtype == "string":
                bundle.add(target, checkpoint.read(name))
            else:
                pieces = checkpoint.bytes_of(name)
                bundle.add_pieces(target, entry.dtype, entry.shape, pieces)


@contextlib.contextmanager
def _placed(prefix, force):
    """A prefix beside the one asked for, whose files are moved when they are whole."""
    prefix = os.path.abspath(os.fspath(prefix))
    require_free(prefix, (".index", SHARD), force)
    with folder_beside(prefix) as temporary:
        path = os.path.join(temporary, os.path.basename(prefix))
        yield path
        # The index last: without it nothing is a checkpoint.
        for ending in (SHARD, ".index"):
            moved(path + ending, prefix + ending)


@contextlib.contextmanager
def folder_beside(target):
    """A new folder beside a file to be written, gone afterwards, whatever happens.

    Raises:
        HandoverError: for whatever cannot be written in its body.
    """
    folder = os.path.dirname(os.path.abspath(target))
    temporary = os.path.join(folder, f".tf-parity-{secrets.token_hex(6)}.part")
    try:
        os.mkdir(temporary)
        yield temporary
    except (OSError, tf.errors.OpError) as error:
        # TensorFlow says the place first, and in a Session a trace of calls before it.
        said = getattr(error, "strerror", None)
        said = said or re.findall(r"; ([^;\[\n]+)", f"; {error}")[-1]
        raise mistake(
            "The output must be written to a place that takes it",
            f"{target} ({said.strip().rstrip('.')[:200]})",
            "Choose another folder, make room, or change its permissions",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)


def require_room(folder, size):
    """Fails as a write would unless so many bytes can be written to a folder.

    HDF5 must not find out by itself: a file that it cannot flush ends the interpreter.

    Raises:
        OSError: for a full disk, or a limit of the process.
    """
    path = os.path.join(folder, "room")
    with open(path, "wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        elif shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.remove(path)


def begin(file):
    """Has the disk begin with what is in a file so far, for less to wait for at its end."""
    if hasattr(os, "posix_fadvise"):
        file.flush()
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def moved(path, target):
    """Moves a file that is whole to its place; a full disk may show only here."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    os.replace(path, target)


def require_free(target, endings=("",), force=False):
    """Refuses an output that exists."""
    for ending in endings:
        if os.path.exists(target + ending) and not force:
            raise mistake(
                "An output must not exist",
                target + ending,
                "Choose another name, or allow it with --force (force=True)",
            )
