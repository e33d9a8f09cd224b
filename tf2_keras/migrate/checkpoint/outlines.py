"""What Keras saves of a model, but for its values, and where in the file they go.

    outline = Outline(read)
    outline.make(lambda: model.save_weights(path))
    for piece in outline.contents(path, pieces_of):
        ...

While Keras saves, each variable has for a value a mark, an array of its shape that is one
element in memory. A mark that HDF5 is given becomes a data set without values, whose place
in the file is then known. A layer that saves something else than its values as they are
is found out, for its marks turn up nowhere, or beside something else: Keras saves once
more, and that layer's variables have their values.
"""

import contextlib
import math

import h5py
import keras
import numpy as np
import tensorflow as tf

from tf2_keras.migrate.checkpoint.states import dtype_of
from tf2_keras.migrate.checkpoint.wire import PIECE


class Outline:
    """Where Keras puts the values of a model's variables; see the module.

    Args:
        read: function of a Keras variable that gives its array; called for those alone
            that a layer looks at.

    Attributes:
        places: {offset in the file: variable}, after ``make``.
    """

    def __init__(self, read):
        self._read, self._is_reading = read, False
        self._known = {}  # {id: a variable whose values were needed}
        self._begin()

    def _begin(self):
        self.places = {}
        self._marks = {}  # {address: (variable, array)}
        self._groups = {}  # {address: name of the group that has it}
        self._others = set()  # names of groups with something else in them

    def make(self, save):
        """Has Keras save, ``save()``, until nothing but marks stands for values."""
        doubtful = None
        while doubtful != {}:
            self._begin()
            with self._instead():
                save()
            doubtful = {
                id(variable): variable
                for address, (variable, _) in self._marks.items()
                if self._groups.get(address) in {None, *self._others}
            }
            self._known.update(doubtful)

    def contents(self, path, pieces_of):
        """Yields the bytes of the whole file, in their order.

        Args:
            path: of what was saved. pieces_of: function of a variable that yields the
                bytes of its value.
        """
        end = 0
        with open(path, "rb") as file:
            for place, variable in sorted(
                self.places.items(), key=lambda pair: pair[0]
            ):
                yield from _between(file, end, place)
                yield from pieces_of(variable)
                size = math.prod(variable.shape) * dtype_of(variable).itemsize
                end = place + size
            yield from _between(file, end, file.seek(0, 2))

    # While Keras saves.

    def _is_marked(self, variable):
        # HDF5 has no dtype of strings of its own.
        return id(variable) not in self._known and dtype_of(variable).kind != "O"

    def _mark(self, variable):
        """A new mark; it is known by its address, which is copied nowhere."""
        mark = np.broadcast_to(np.zeros((), dtype_of(variable)), tuple(variable.shape))
        self._marks[_address(mark)] = variable, mark
        return mark

    def _value(self, variable):
        """The array of a variable; what reads it may ask the variable itself."""
        self._is_reading = True
        try:
            return self._read(variable)
        finally:
            self._is_reading = False

    @contextlib.contextmanager
    def _instead(self):
        """In its body variables have marks, and data sets of marks no values."""
        value, as_array = keras.Variable.value, keras.Variable.__array__
        as_numpy, create = keras.Variable.numpy, h5py.Group.create_dataset

        def tensor(variable):
            if self._is_reading:
                return value.fget(variable)
            return tf.constant(self._value(variable))

        def array_of(variable, dtype=None, copy=None):  # noqa: ARG001 - NumPy's
            if self._is_reading:
                return as_array(variable, dtype)
            if self._is_marked(variable) and dtype is None:
                return self._mark(variable)
            return self._value(variable).astype(dtype or dtype_of(variable), copy=False)

        def numpy(variable):
            if self._is_reading:
                return as_numpy(variable)
            if self._is_marked(variable):
                return _Unread(variable, self._mark, self._value)
            return self._value(variable)

        def created(group, name, shape=None, dtype=None, data=None, **options):
            address = _address(data) if isinstance(data, np.ndarray) else None
            if address not in self._marks:
                self._others.add(group.name)
                return create(group, name, shape, dtype, data, **options)
            variable, mark = self._marks[address]
            self._groups[address] = group.name
            data_set = _empty(group, name, mark)
            place = data_set.id.get_offset()
            if place is not None:  # as of a data set without elements
                self.places[place] = variable
            return data_set

        copied = np.array

        def array(thing, *rest, **options):
            # Before NumPy 2.1 it copies what __array__ gives, a mark too.
            is_asked = isinstance(thing, keras.Variable | _Unread)
            as_it_is = is_asked and not rest and not options
            return np.asarray(thing) if as_it_is else copied(thing, *rest, **options)

        with (
            replaced(np, "array", array),
            replaced(keras.Variable, "value", property(tensor)),
            replaced(keras.Variable, "__array__", array_of),
            replaced(keras.Variable, "numpy", numpy),
            replaced(h5py.Group, "create_dataset", created),
        ):
            yield


def _address(array):
    return array.__array_interface__["data"][0]


def _empty(group, name, like):
    """A data set in one place of the file, where nothing is written yet."""
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    created.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    created.set_obj_track_times(False)  # as h5py: a file depends on no clock
    identifier = h5py.h5d.create(
        group.id,
        None,
        h5py.h5t.py_create(like.dtype, logical=True),
        h5py.h5s.create_simple(like.shape)
        if like.shape
        else h5py.h5s.create(h5py.h5s.SCALAR),
        created,
    )
    data_set = h5py.Dataset(identifier)
    if name is not None:
        group[name] = data_set
    return data_set


def _between(file, begin, end):
    """Yields the bytes of a file between two places."""
    file.seek(begin)
    for place in range(begin, end, PIECE):
        yield file.read(min(PIECE, end - place))


@contextlib.contextmanager
def replaced(owner, name, attribute):
    """In its body an attribute of a class or a module is another one."""
    inherited = name not in vars(owner)
    before = getattr(owner, name)
    setattr(owner, name, attribute)
    try:
        yield
    finally:
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


class _Unread(np.lib.mixins.NDArrayOperatorsMixin):
    """What ``variable.numpy()`` gives: a mark as an array, the value to who looks at it."""

    def __init__(self, variable, mark, value):
        self.variable, self.mark, self.value = variable, mark, value

    def __array__(self, dtype=None, copy=None):  # noqa: ARG002 - as NumPy calls it
        if dtype is None:
            return self.mark(self.variable)
        return self.value(self.variable).astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        arrays = [x.value(x.variable) if isinstance(x, _Unread) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getattr__(self, name):
        if name.startswith("__"):  # such as __array_interface__, which is copied from
            raise AttributeError(name)
        return getattr(self.value(self.variable), name)

    def __getitem__(self, key):
        return self.value(self.variable)[key]

    def __len__(self):
        return len(self.value(self.variable))

    def __float__(self):
        return float(self.value(self.variable))

    def __int__(self):
        return int(self.value(self.variable))
