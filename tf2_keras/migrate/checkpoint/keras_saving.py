"""A plan as a file of Keras's, piece by piece: the model itself never holds its values.

    with keras_saving.unallocated() as variables:
        model = build()
    plan = handover.plan("model.ckpt-1000", model)
    keras_saving.save(plan, "model.weights.h5", variables)

Keras saves the model, so that the file has whatever layout Keras and the model's own
layers give it, without the values; then the file is written, with the bytes of the
checkpoint in their places.
"""

import contextlib
import ctypes
import math
import os
import shutil
import zipfile

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.migrate.checkpoint import filling, outlines, writing
from tf2_keras.migrate.checkpoint.states import dtype_of
from tf2_keras.migrate.checkpoint.wire import in_pieces

LARGE = 2**16  # bytes, from which on a variable has no initial values
RETURNED, BEGUN_AT_A_TIME = 2**20, 2**25  # bytes
ARCHIVE, WEIGHTS = ".keras", "model.weights.h5"
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

    with outlines.replaced(keras.Variable, "__init__", constructed):
        yield made


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
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, RETURNED)


class _Values:
    """The values that a plan gives a model's variables, read when they are asked for.

    Args:
        groups: [[Item]] of which all variables are Keras's.
        on_item: called once for each item, when it is read.
    """

    def __init__(self, plan, groups, on_item):
        self.plan, self.on_item = plan, on_item
        self.groups = {
            id(variable): group
            for group in groups
            for variable in _targets(plan, group)
        }
        self.last, self.arrays = None, {}  # a group, and what it fills
        self.told = set()

    def of(self, variable):
        """The array of a variable."""
        group = self.groups.get(id(variable))
        if group is None:
            return variable.numpy()
        if group is not self.last:
            # One group's arrays are there at a time.
            self.last, self.arrays = None, {}
            arrays = filling.arrays_of(self.plan, group, self.plan.checkpoint.read)
            state = self.plan.twin.state
            self.arrays = {id(state[name]): array for name, array in arrays.items()}
            self.last = group
            self._tell(group)
        return self.arrays[id(variable)]

    def pieces_of(self, variable):
        """Yields the bytes of a variable's value."""
        plan, group = self.plan, self.groups.get(id(variable))
        if group and filling.is_as_it_is(plan, group):
            yield from plan.checkpoint.bytes_of(group[0].name)
            self._tell(group)
        elif group and filling.is_by_rows(group):
            sources = group[0].match.sources
            (source,) = (s for s in sources if plan.twin.state[s] is variable)
            yield from filling.pieces_of(plan, group, source)
            self._tell(group)
        else:
            yield from in_pieces(self.of(variable))

    def _tell(self, group):
        for item in () if group[0].name in self.told else group:
            self.told.add(item.name)
            self.on_item()


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
    for group in held:
        arrays = filling.arrays_of(plan, group, plan.checkpoint.read)
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
    values = _Values(plan, streamed, on_item)
    outline = outlines.Outline(values.of)
    with writing.folder_beside(path) as folder:
        writing.require_room(folder, _size(plan))
        temporary = os.path.join(folder, os.path.basename(path))
        saved = os.path.join(folder, "saved")
        weights = os.path.join(saved, WEIGHTS)

        def save_model():
            shutil.rmtree(saved, ignore_errors=True)  # if it is not the first time
            if path.endswith(ARCHIVE):
                # Into an archive, Keras would write by way of memory.
                keras.saving.save_model(plan.model, saved, zipped=False)
            else:
                os.mkdir(saved)
                plan.model.save_weights(weights)

        outline.make(save_model)
        contents = outline.contents(weights, values.pieces_of)
        with open(temporary, "wb") as file:
            if path.endswith(ARCHIVE):
                _archive(saved, file, contents)
            else:
                _write(file, contents, file)
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


def _write(target, pieces, file):
    """Writes pieces; the disk begins with them before the last is there.

    Args:
        target: takes the pieces. file: that they come to lie in.
    """
    begun = 0
    for piece in pieces:
        begun += target.write(piece)
        if begun > BEGUN_AT_A_TIME:
            writing.begin(file)
            begun = 0


def _archive(folder, file, weights):
    """Makes the ``.keras`` of what Keras saved in a folder, but for the weights.

    Args:
        weights: yields the bytes of their file.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for parent, _, names in os.walk(folder):
            for name in sorted(names):
                member = os.path.join(parent, name)
                inside = os.path.relpath(member, folder).replace(os.sep, "/")
                with archive.open(inside, "w", force_zip64=True) as target:
                    if inside == WEIGHTS:
                        _write(target, weights, file)
                    else:
                        with open(member, "rb") as source:
                            shutil.copyfileobj(source, target)
