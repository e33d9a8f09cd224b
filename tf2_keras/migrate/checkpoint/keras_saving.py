"""A plan as a file of Keras's, tensor by tensor: the model itself never holds them.

    with keras_saving.unallocated() as variables:
        model = build()
    plan = handover.plan("model.ckpt-1000", model)
    keras_saving.save(plan, "model.weights.h5", variables)

Keras saves the model with stand-ins for the values of its large variables, some bytes
each; so the file has whatever layout Keras and the model's own layers give it. Then the
tensors are put in the stand-ins' places, one after another.
"""

import contextlib
import os
import shutil
import zipfile

import h5py
import keras
import numpy as np
import tensorflow as tf

from tf2_keras.migrate.checkpoint import filling, writing
from tf2_keras.migrate.checkpoint.states import dtype_of
from tf2_keras.migrate.checkpoint.verifying import verified

LARGE = 2**16  # bytes, from which on a variable's values are not held
ARCHIVED = "model.weights.h5"  # what a .keras holds the weights in
COPIED_AT_A_TIME = 2**20  # bytes
AROUND_ALL, AROUND_EACH = 2**16, 2**11  # bytes that HDF5 takes besides the values
# A stand-in: bits that no layer writes by chance, and the number of a variable.
MARK, DIGITS = np.unpackbits(np.frombuffer(b"stand-in", np.uint8)), 24


@contextlib.contextmanager
def unallocated():
    """Keras variables made in its body have no initial values, if they are large.

    Their memory is asked for and never touched, which takes none. Who reads one before it
    is assigned reads anything.

    Yields:
        {id of a variable: (variable, its initializer)}.
    """
    made = {}
    construct = keras.Variable.__init__

    def constructed(self, initializer, shape=None, dtype=None, *rest, **options):
        if isinstance(initializer, str):
            initializer = keras.initializers.get(initializer)
        values = initializer
        if callable(initializer) and _is_large(shape, dtype):
            values = _empty
            made[id(self)] = self, initializer
        construct(self, values, shape, dtype, *rest, **options)

    with _replaced(keras.Variable, "__init__", constructed):
        yield made


@contextlib.contextmanager
def _replaced(cls, name, attribute):
    """In its body an attribute of a class is another one."""
    inherited = name not in vars(cls)
    before = getattr(cls, name)
    setattr(cls, name, attribute)
    try:
        yield
    finally:
        if inherited:
            delattr(cls, name)
        else:
            setattr(cls, name, before)


def _is_large(shape, dtype):
    sizes = [size or 0 for size in shape or ()]
    dtype = tf.as_dtype(keras.backend.standardize_dtype(dtype))
    return np.prod(sizes, dtype=np.float64) * dtype.size >= LARGE


def _empty(shape, dtype=None):
    dtype = tf.as_dtype(keras.backend.standardize_dtype(dtype))
    return tf.raw_ops.Empty(shape=tuple(shape), dtype=dtype)


def _stand_ins(variables):
    """In its body variables have stand-ins for values, with their places in the list."""
    places = {id(variable): place for place, variable in enumerate(variables)}
    value = keras.Variable.value

    def stand_in(variable):
        place = places.get(id(variable))
        if place is None:
            return value.fget(variable)
        digits = [place >> digit & 1 for digit in range(DIGITS)]
        return tf.constant(np.append(MARK, digits), variable.dtype)

    return _replaced(keras.Variable, "value", property(stand_in))


def save(plan, path, variables=None, partial=False, runs=(), on_item=lambda: None):
    """Writes what a plan fills a model with as a ``.weights.h5`` or ``.keras``.

    Whole or not at all. The model holds the small ones afterwards, and what a layer saves
    in a form of its own; of the others it is not the model that the file has.

    Args:
        plan: a ``handover.Plan`` of a Keras model.
        path: of the file; what is there is replaced.
        variables: what ``unallocated`` gave, if the model was built in its body.
        partial, runs, on_item: as of ``Plan.load``.

    Raises:
        HandoverError: for a plan that is not whole, for bytes that are not what their
            checksums say, for a place that cannot be written.
    """
    if not partial:
        plan.require_whole()
    streamed, held = [], []
    for group in filling.groups_of(plan.items):
        (streamed if _is_streamed(plan, group) else held).append(group)
    _hold(plan, held, on_item)
    filled = {
        id(plan.twin.state[name]) for item in plan.items for name in item.match.sources
    }
    for key, (variable, initializer) in (variables or {}).items():
        if key not in filled:
            variable.assign(initializer(tuple(variable.shape), dtype=variable.dtype))
    plan.go_on(runs)
    path = os.fspath(path)
    with writing.folder_beside(path) as folder:
        temporary = os.path.join(folder, os.path.basename(path))
        writing.require_room(folder, _size(plan) * (1 + path.endswith(".keras")))
        while not _is_saved(plan, streamed, temporary, on_item):
            pass
        writing.moved(temporary, path)


def _size(plan):
    """About as many bytes as the weights' file has, rather more."""
    variables = {id(variable): variable for variable in plan.twin.variables}
    return AROUND_ALL + sum(
        AROUND_EACH + _nbytes(variable) for variable in variables.values()
    )


def _nbytes(variable):
    return int(np.prod(variable.shape, dtype=np.float64)) * dtype_of(variable).itemsize


def _is_streamed(plan, group):
    """Whether a group's variables are Keras's, and all of them large."""
    targets = [plan.twin.state[name] for name in _targets(group)]
    return all(
        isinstance(target, keras.Variable) and _nbytes(target) >= LARGE
        for target in targets
    )


def _targets(group):
    return dict.fromkeys(name for item in group for name in item.match.sources)


def _hold(plan, groups, on_item):
    """Puts groups into the model itself."""
    for group, arrays in _arrays(plan, groups):
        for name, array in arrays.items():
            plan.twin.state[name].assign(array)
        for _ in group:
            on_item()


def _arrays(plan, groups):
    """Yields (group, {name of a variable: array}), the tensors read as they are needed."""
    names = [item.name for group in groups for item in group]
    tensors = verified(plan.checkpoint, names)
    for group in groups:
        # The group first: of the tensors no more than it has are taken.
        read = dict(tensor for _, tensor in zip(group, tensors, strict=False))
        yield group, filling.arrays_of(plan, group, read.pop)


def _is_saved(plan, groups, path, on_item):
    """Saves the model, and puts tensors in the places of the stand-ins.

    Returns:
        Whether they all had one. A layer may save its variables in a form of its own:
        those the model holds then, and ``groups`` has no more, so that it can be saved
        again.
    """
    names = [name for group in groups for name in _targets(group)]
    with _stand_ins([plan.twin.state[name] for name in names]):
        if path.endswith(".keras"):
            plan.model.save(path)
        else:
            plan.model.save_weights(path)
    if not groups:
        return True
    with _weights_of(path) as file:
        data_sets = {names[n]: places for n, places in _data_sets(file).items()}
        other = [g for g in groups if not data_sets.keys() >= _targets(g).keys()]
        if not other:
            for group, arrays in _arrays(plan, groups):
                for name in _targets(group):
                    array = arrays.pop(name)
                    for place in data_sets[name]:
                        _replace(file, place, array)
                    del array
                for _ in group:
                    on_item()
            return True
    _hold(plan, other, on_item)
    groups[:] = [group for group in groups if group not in other]
    return False


def _replace(file, place, array):
    """Puts an array in the place of a stand-in, whose attributes stay."""
    attributes, dtype = dict(file[place].attrs), file[place].dtype
    del file[place]
    array = np.ascontiguousarray(array)
    data = array if array.dtype == dtype else array.view(dtype)  # bfloat16
    file.create_dataset(place, array.shape, dtype, data).attrs.update(attributes)


def _data_sets(file):
    """{place of a variable: [names of data sets]} that are stand-ins."""
    names = {}

    def look(name, item):
        place = _place(item) if isinstance(item, h5py.Dataset) else None
        if place is not None:
            names.setdefault(place, []).append(name)

    file.visititems(look)
    return names


def _place(data_set):
    """The place of the variable that a data set stands in for, or None."""
    if data_set.shape != (MARK.size + DIGITS,):
        return None
    bits = data_set[()]
    if bits.dtype.kind == "V":  # bfloat16, which HDF5 does not know
        bits = bits.view(tf.bfloat16.as_numpy_dtype)
    bits = bits.astype(np.float32)
    if not np.array_equal(bits[: MARK.size], MARK):
        return None
    return sum(int(bit) << digit for digit, bit in enumerate(bits[MARK.size :]))


@contextlib.contextmanager
def _weights_of(path):
    """The HDF5 file of what Keras saved, to be changed; a ``.keras`` has it inside."""
    if not path.endswith(".keras"):
        with h5py.File(path, "r+") as file:
            yield file
        return
    apart, whole = f"{path}.weights.h5", f"{path}.whole"
    with zipfile.ZipFile(path) as archive:
        with archive.open(ARCHIVED) as source, open(apart, "wb") as target:
            shutil.copyfileobj(source, target, COPIED_AT_A_TIME)
        with h5py.File(apart, "r+") as file:
            yield file
        with zipfile.ZipFile(whole, "w") as target:
            for member in archive.infolist():
                with (
                    target.open(member.filename, "w", force_zip64=True) as copy,
                    open(apart, "rb")
                    if member.filename == ARCHIVED
                    else archive.open(member) as source,
                ):
                    shutil.copyfileobj(source, copy, COPIED_AT_A_TIME)
    os.remove(apart)
    os.replace(whole, path)
