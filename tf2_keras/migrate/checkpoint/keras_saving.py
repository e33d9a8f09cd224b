"""A plan as a file of Keras's, tensor by tensor: the model itself never holds them.

    with keras_saving.unallocated() as variables:
        model = build()
    plan = handover.plan("model.ckpt-1000", model)
    keras_saving.save(plan, "model.weights.h5", variables)

Keras saves the model, so that the file has whatever layout Keras and the model's own
layers give it; when it asks a variable for its value, a tensor of the checkpoint is read.
"""

import contextlib
import ctypes
import math
import os
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.migrate.checkpoint import filling, writing
from tf2_keras.migrate.checkpoint.states import dtype_of
from tf2_keras.migrate.checkpoint.verifying import AT_LEAST, verified

LARGE = 2**16  # bytes, from which on a variable has no initial values
COPIED_AT_A_TIME, BEGUN_AT_A_TIME = 2**20, 2**25  # bytes
M_MMAP_THRESHOLD = -3  # Source: malloc.h of glibc
AROUND_ALL, AROUND_EACH = 2**16, 2**11  # bytes that HDF5 takes besides the values


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


def returned_when_freed():
    """Has the C library give tensors' memory back to the system, for this process.

    It would keep what was freed, with small things between that leave too little room for
    the next: of a ResNet-50 eleven times its largest tensor. TensorFlow's own allocator
    does without, but is there only with oneDNN.
    """
    with contextlib.suppress(OSError, AttributeError):  # another library than GNU's
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, AT_LEAST)


class _Array(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that ``np.array`` does not copy: nobody else has it."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):  # noqa: ARG002 - as NumPy calls it
        return self.array if dtype is None else self.array.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        arrays = [x.array if isinstance(x, _Array) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getattr__(self, name):
        if name.startswith("__"):  # such as __array_interface__, which is copied from
            raise AttributeError(name)
        return getattr(self.array, name)

    def __getitem__(self, key):
        return self.array[key]

    def __len__(self):
        return len(self.array)


class _Values:
    """What a plan fills a model's variables with, read when it is asked for.

    Args:
        groups: [[Item]] of which all variables are Keras's.
        path: of the file that they are written to.
        on_item: called once for each item, when it is read.
    """

    def __init__(self, plan, groups, path, on_item):
        self.plan, self.path, self.on_item = plan, path, on_item
        # Keras asks about in this order.
        order = {id(v): place for place, v in enumerate(plan.twin.variables)}
        self.groups = sorted(
            groups,
            key=lambda group: min(order.get(id(v), 0) for v in _targets(plan, group)),
        )
        self.places = {
            id(variable): place
            for place, group in enumerate(self.groups)
            for variable in _targets(plan, group)
        }
        self.most = max([AT_LEAST, *map(self._nbytes, range(len(self.groups)))])
        self.arrays = {}  # {id of a variable: array} that were read and not asked for
        self.were_read = set()  # places of groups
        self.is_reading, self.begun = False, 0
        self.reader, self.ahead = ThreadPoolExecutor(1), {}

    def of(self, variable):
        """The array of a variable; None for one that has its own value."""
        place = self.places.get(id(variable))
        if place is None or self.is_reading:
            return None
        if id(variable) not in self.arrays:
            self.arrays.clear()
            self._read(place)
        return self.arrays.pop(id(variable))

    def _read(self, place):
        """Reads a group, and small ones after it; then those after these, meanwhile."""
        places, size = self._together(place)
        tensors = (self.ahead.get(place) or self._begin(places)).result()
        self.ahead.clear()
        following, size_after = self._together(places[-1] + 1)
        # Two batches take no more memory than the largest one.
        if following and size + size_after <= self.most:
            self.ahead[following[0]] = self._begin(following)
        self.is_reading = True
        try:
            for number in places:
                arrays = filling.arrays_of(self.plan, self.groups[number], tensors.pop)
                self.arrays.update(
                    (id(self.plan.twin.state[name]), array)
                    for name, array in arrays.items()
                )
        finally:
            self.is_reading = False
        for number in set(places) - self.were_read:
            for _ in self.groups[number]:
                self.on_item()
        self.were_read.update(places)
        self.begun += size
        if self.begun > BEGUN_AT_A_TIME:
            writing.begin(self.path)
            self.begun = 0

    def _together(self, place):
        """([places of groups that are read together], their bytes)."""
        places, size = [], 0
        for number in range(place, len(self.groups)):
            nbytes = self._nbytes(number)
            if places and (size + nbytes > AT_LEAST or number in self.were_read):
                break
            places.append(number)
            size += nbytes
        return places, size

    def _begin(self, places):
        names = [item.name for number in places for item in self.groups[number]]
        return self.reader.submit(lambda: dict(verified(self.plan.checkpoint, names)))

    def _nbytes(self, place):
        entries = self.plan.checkpoint.entries
        return sum(entries[item.name].nbytes for item in self.groups[place])

    @contextlib.contextmanager
    def instead(self):
        """In its body variables have these for values."""
        value, as_array = keras.Variable.value, keras.Variable.__array__
        as_numpy = keras.Variable.numpy

        def tensor(variable):
            array = self.of(variable)
            return value.fget(variable) if array is None else tf.constant(array)

        def array_of(variable, dtype=None, copy=None):  # noqa: ARG001 - NumPy's
            array = self.of(variable)
            if array is None:
                return as_array(variable, dtype)
            return array if dtype is None else array.astype(dtype, copy=False)

        def numpy(variable):
            array = self.of(variable)
            return as_numpy(variable) if array is None else _Array(array)

        with (
            self.reader,
            _replaced(keras.Variable, "value", property(tensor)),
            _replaced(keras.Variable, "__array__", array_of),
            _replaced(keras.Variable, "numpy", numpy),
        ):
            yield


def save(plan, path, variables=None, partial=False, runs=(), on_item=lambda: None):
    """Writes what a plan fills a model with as a ``.weights.h5`` or ``.keras``.

    Whole or not at all. The model holds what are single numbers afterwards, rates and
    counts; of the others it is not the model that the file has.

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
    for group, arrays in _arrays(plan, held):
        for name, array in arrays.items():
            plan.twin.state[name].assign(array)
        for _ in group:
            on_item()
    filled = {id(v) for item in plan.items for v in _targets(plan, [item])}
    for key, (variable, initializer) in (variables or {}).items():
        if key not in filled:
            variable.assign(initializer(tuple(variable.shape), dtype=variable.dtype))
    plan.go_on(runs)
    path = os.fspath(path)
    is_archive = path.endswith(".keras")
    with writing.folder_beside(path) as folder:
        temporary = os.path.join(folder, os.path.basename(path))
        # Into an archive, Keras would write by way of memory.
        apart = os.path.join(folder, "archived")
        weights = os.path.join(apart, "model.weights.h5") if is_archive else temporary
        writing.require_room(folder, _size(plan) * (1 + is_archive))
        with _Values(plan, streamed, weights, on_item).instead():
            if is_archive:
                keras.saving.save_model(plan.model, apart, zipped=False)
            else:
                plan.model.save_weights(weights)
        if is_archive:
            _archive(apart, temporary)
        writing.moved(temporary, path)


def _size(plan):
    """About as many bytes as the weights' file has, rather more."""
    variables = {id(variable): variable for variable in plan.twin.variables}
    return AROUND_ALL + sum(
        AROUND_EACH + math.prod(v.shape.as_list()) * dtype_of(v).itemsize
        for v in variables.values()
    )


def _is_streamed(plan, group):
    """Whether a group's variables are Keras's, and more than single numbers."""
    return all(
        isinstance(variable, keras.Variable) and variable.shape.rank
        for variable in _targets(plan, group)
    )


def _targets(plan, group):
    """[variable] that a group of items fills."""
    names = dict.fromkeys(name for item in group for name in item.match.sources)
    return [plan.twin.state[name] for name in names]


def _arrays(plan, groups):
    """Yields (group, {name of a variable: array}), the tensors read as they are needed."""
    names = [item.name for group in groups for item in group]
    tensors = verified(plan.checkpoint, names)
    for group in groups:
        # The group first: of the tensors no more than it has are taken.
        read = dict(tensor for _, tensor in zip(group, tensors, strict=False))
        yield group, filling.arrays_of(plan, group, read.pop)


def _archive(folder, path):
    """Makes the ``.keras`` of what Keras saved in a folder."""
    with zipfile.ZipFile(path, "w") as archive:
        for parent, _, names in os.walk(folder):
            for name in names:
                member = os.path.join(parent, name)
                inside = os.path.relpath(member, folder).replace(os.sep, "/")
                with (
                    open(member, "rb") as source,
                    archive.open(inside, "w", force_zip64=True) as target,
                ):
                    shutil.copyfileobj(source, target, COPIED_AT_A_TIME)
                os.remove(member)
