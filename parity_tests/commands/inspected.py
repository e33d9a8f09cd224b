"""What ``tf-parity inspect`` shows, as data: tensors with their roles, and totals."""

import math
import os
import zipfile

from parity_tests.commands import console
from tf2_keras.migrate.checkpoint import keras_files, reading, roles
from tf2_keras.migrate.checkpoint.errors import HandoverError, mistake

WEIGHTS_FILE = "model.weights.h5"  # in a .keras
MOST_ARCHIVED_BYTES = 2**34
OBJECT, ITS_SLOT = "/.ATTRIBUTES/VARIABLE_VALUE", "/.OPTIMIZER_SLOT/"


def inspect(path):
    """{"path", "kind", "tensors": [...], "totals": {role: ...}, "remarks": [...]}.

    Raises:
        HandoverError, ValueError: for what is none of the kinds, or is damaged.
    """
    if path.endswith(".meta"):
        kind, tensors, remarks = _meta(path)
    elif path.endswith((".h5", ".hdf5", ".keras")):
        kind, tensors, remarks = _of_tf_keras(path) or _of_keras(path)
    else:
        kind, tensors, remarks = _checkpoint(path)
    by_kind = {}
    for tensor in tensors:
        by_kind.setdefault(tensor["role"], []).append(tensor)
    known = [name for name in roles.KINDS if name in by_kind]
    return {
        "path": path,
        "kind": kind,
        "tensors": tensors,
        "totals": {
            **{name: total(by_kind[name]) for name in known},
            "all": total(tensors),
        },
        "remarks": remarks,
    }


def total(tensors):
    """How many tensors there are, with how many values and bytes."""
    return {
        "tensors": len(tensors),
        "elements": sum(tensor["elements"] or 0 for tensor in tensors),
        "bytes": sum(tensor["bytes"] or 0 for tensor in tensors),
    }


def _tensor(name, entry, role):
    return {
        "name": name,
        "shape": list(entry.shape),
        "dtype": entry.dtype,
        "elements": math.prod(entry.shape),
        "bytes": entry.nbytes,
        "role": role.kind,
        "of": role.of,
        "slot": role.slot,
        "says": role.says,
    }


def _checkpoint(path):
    checkpoint = reading.opened(path)
    entries = checkpoint.entries
    if reading.OBJECTS in entries:
        told = {name: _role_of_object(name) for name in entries}
        kind = "a checkpoint of tf.train.Checkpoint, or of a SavedModel of TF2"
    else:
        told = roles.roles(entries)
        kind = f"a TF1 checkpoint, format {checkpoint.kind}"
        if path.endswith(".pb"):
            kind = "a frozen graph, the constants that were variables"
        if os.path.isdir(path) and checkpoint.prefix.endswith("variables"):
            kind = "a SavedModel of TF1"
    tensors = [_tensor(name, entry, told[name]) for name, entry in entries.items()]
    remarks = [f"{len(checkpoint.files)} files"] if len(checkpoint.files) > 2 else []
    partitioned = sum(len(entry.slices) > 1 for entry in entries.values())
    if partitioned:
        remarks.append(f"{partitioned} partitioned variables, whole here")
    return kind, tensors, remarks


def _role_of_object(name):
    if not name.endswith(OBJECT):
        return roles.Role(roles.OTHER)
    name = name[: -len(OBJECT)]
    if ITS_SLOT in name:
        of, slot = name.split(ITS_SLOT, 1)
        return roles.Role(roles.SLOT, of, slot, slot.partition("/")[0])
    last = name.rpartition("/")[2]
    if last in ("iter", "save_counter"):
        return roles.Role(roles.STEP if last == "iter" else roles.OTHER)
    is_moving = roles.MOVING.search(name)
    return roles.Role(roles.STATISTICS if is_moving else roles.WEIGHT)


class _Entry:
    """Shape and dtype of a tensor that is no checkpoint's."""

    def __init__(self, shape, dtype, itemsize):
        self.shape, self.dtype = tuple(shape), dtype
        self.nbytes = math.prod(self.shape) * itemsize


def _meta(path):
    """The variables of a graph, in its order of use."""
    console.import_tensorflow()
    from parity_tests.pair import exported_order

    entries, trainable = {}, set()
    for name, variable in exported_order.variables(path).items():
        entries[name] = _Entry(
            variable.shape, variable.dtype.name, variable.dtype.itemsize
        )
        if variable.trainable:
            trainable.add(name)
    told = roles.roles(entries)
    tensors = [_tensor(name, entry, told[name]) for name, entry in entries.items()]
    return (
        "the graph of a MetaGraphDef, its variables in order of use",
        tensors,
        [f"{len(trainable)} of them are trained"],
    )


def _of_tf_keras(path):
    """What tf.keras of 1.15 wrote, its slots by TF1's names; None of any other file."""
    if not keras_files.is_of_tf1(path) or not os.path.isfile(path):
        return None
    try:
        file = keras_files.opened(path)
    except HandoverError:
        return None
    told = roles.roles(file.entries)
    tensors = [_tensor(name, entry, told[name]) for name, entry in file.entries.items()]
    whole = "weights" if file.config is None else "a model"
    return f"{whole} of tf.keras, in HDF5", tensors, []


def _of_keras(path):
    if not os.path.isfile(path):
        kind = "a folder" if os.path.isdir(path) else "no such file"
        raise mistake(
            "CKPT must name a file",
            f"{path} ({kind})",
            "Name what Keras's save or save_weights wrote",
        )
    reading.require_readable(path)
    try:
        if path.endswith(".keras"):
            with zipfile.ZipFile(path) as archive:
                size = archive.getinfo(WEIGHTS_FILE).file_size
                if size > MOST_ARCHIVED_BYTES:
                    raise ValueError(f"{WEIGHTS_FILE} has {size} bytes")
                with archive.open(WEIGHTS_FILE) as file:
                    return "a Keras 3 model", _data_sets(file), []
        kind = "weights or a model of Keras, in HDF5"
        return kind, _data_sets(path), []
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise mistake(
            "CKPT must be a whole file of Keras's",
            f"{path} ({str(error).splitlines()[0][:120]})",
            "Copy it again, and compare its size with the original",
        ) from None


def _data_sets(file):
    """[tensor] of every data set of an HDF5 file; nothing else in it is looked at."""
    import h5py

    tensors = []

    def visit(name, item):
        if not isinstance(item, h5py.Dataset):
            return
        entry = _Entry(item.shape or (), str(item.dtype), item.dtype.itemsize)
        of_optimizer = name.startswith(("optimizer/", "optimizer_weights/"))
        last = name.rpartition("/")[2]
        if of_optimizer:
            is_step = entry.shape == () and item.dtype.kind in "iu"
            role = (
                roles.Role(roles.STEP)
                if is_step
                else roles.Role(roles.SLOT, slot=last, optimizer="the optimizer")
            )
        else:
            moving = roles.MOVING.search(name.rpartition(":")[0] or name)
            role = roles.Role(roles.STATISTICS if moving else roles.WEIGHT)
        tensors.append(_tensor(name, entry, role))

    with h5py.File(file, "r") as opened:
        opened.visititems(visit)
    return tensors
