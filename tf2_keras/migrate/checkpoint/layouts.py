"""How the values of one TF1 variable lie in the variables of a twin.

A layout is a function of arrays, the twin's, that gives the array as TF1 has it. Run on
arrays of positions it says where every element comes from, so that values can be taken
over in both directions, and gradients and slots as well.
"""

from typing import NamedTuple

import numpy as np


def same(array):
    return array


def transposed(array):
    return array.T


def rows(*arrays):
    return np.concatenate(arrays, 0)


def columns(*arrays):
    return np.concatenate(arrays, -1)


def _gates(array, count):
    return np.split(array, count, -1)


def lstm_kernel(kernel, recurrent_kernel):
    """TF1 has inputs and state in one kernel, gates i, j, f, o; Keras has i, f, c, o."""
    i, f, c, o = _gates(rows(kernel, recurrent_kernel), 4)
    return columns(i, c, f, o)


def lstm_bias(bias):
    i, f, c, o = _gates(bias, 4)
    return columns(i, c, f, o)


def gru_gates_kernel(kernel, recurrent_kernel):
    """TF1 has the gates r, u in one kernel; Keras has z (TF1's u), r, h in two."""
    z, r, _ = _gates(rows(kernel, recurrent_kernel), 3)
    return columns(r, z)


def gru_candidate_kernel(kernel, recurrent_kernel):
    return _gates(rows(kernel, recurrent_kernel), 3)[2]


def gru_gates_bias(bias):
    z, r, _ = _gates(bias, 3)
    return columns(r, z)


def gru_candidate_bias(bias):
    return _gates(bias, 3)[2]


def forget_offset(forget_bias, shape):
    """What TF1 adds to the forget gate when it runs and Keras keeps in the bias."""
    offset = np.zeros(shape)
    units = shape[0] // 4
    offset[2 * units : 3 * units] = forget_bias
    return offset


# What a map of names calls them: {name: function of the twin's arrays}.
LAYOUTS = {
    "same": same,
    "transposed": transposed,
    "reshaped": same,  # sizes of 1 come and go
    "rows": rows,
    "columns": columns,
    "lstm kernel": lstm_kernel,
    "lstm bias": lstm_bias,
    "gru gates kernel": gru_gates_kernel,
    "gru candidate kernel": gru_candidate_kernel,
    "gru gates bias": gru_gates_bias,
    "gru candidate bias": gru_candidate_bias,
}


def _split(value, shapes, axis):
    return np.split(value, np.cumsum([shape[axis] for shape in shapes])[:-1], axis)


# The other way, as views, where it takes no more: {name: function of TF1's array and the
# shapes of the twin's}. Every element of these is TF1's.
VIEWS = {
    "same": lambda value, _: [value],
    "transposed": lambda value, _: [value.T],
    "reshaped": lambda value, shapes: [value.reshape(shapes[0])],
    "rows": lambda value, shapes: _split(value, shapes, 0),
    "columns": lambda value, shapes: _split(value, shapes, -1),
}

# Of these every row of TF1's is a row of one source after the other, its columns moved.
BY_ROWS = ("lstm kernel", "gru gates kernel", "gru candidate kernel", "rows")


class Match(NamedTuple):
    """One TF1 variable and where its values lie in the twin.

    name: TF1's. sources: the twin's names. layout: one of LAYOUTS. how: what told so.
    shape: TF1's. source_shapes: of the sources. forget_bias: what the twin's bias has in
    it and TF1's has not.
    """

    name: str
    sources: tuple
    layout: str
    how: str
    shape: tuple
    source_shapes: tuple
    forget_bias: float = 0.0

    @property
    def is_plain(self):
        return self.layout == "same"

    @property
    def positions(self):
        """int array of TF1's shape, places in the sources' elements, one after the other.

        Computed when it is asked for: it is twice as large as the variable.
        """
        ends = np.cumsum([0, *map(_elements, self.source_shapes)])
        arrays = [
            np.arange(begin, end).reshape(shape)
            for begin, end, shape in zip(
                ends, ends[1:], self.source_shapes, strict=False
            )
        ]
        return LAYOUTS[self.layout](*arrays).reshape(self.shape)

    @property
    def entry(self):
        """What a map of names says of it, JSON-valid."""
        if self.is_plain:
            return self.sources[0]
        entry = {"layout": self.layout, "of": list(self.sources)}
        return {**entry, "forget_bias": self.forget_bias} if self.forget_bias else entry

    def to_tf1(self, arrays, with_offset=True):
        """The array as TF1 has it, of the twin's arrays."""
        if self.is_plain:
            return arrays[0]
        values = LAYOUTS[self.layout](*map(np.asarray, arrays)).reshape(self.shape)
        if self.forget_bias and with_offset:
            values = values - self._offset(values.dtype)
        return values

    def to_twin(self, value, arrays, with_offset=True):
        """The twin's arrays with TF1's ``value`` in them.

        Args:
            arrays: those of the twin before it; nobody reads them if it ``is_of_views``.
        """
        value = np.asarray(value)
        if self.is_plain:
            return [value]
        value = value.reshape(self.shape)
        if self.forget_bias and with_offset:
            value = value + self._offset(value.dtype)
        if self.is_of_views:
            return VIEWS[self.layout](value, self.source_shapes)
        if self.is_by_rows:
            return self._rows_to_twin(value, arrays)
        flat = np.concatenate([np.ravel(array) for array in arrays])
        flat[self.positions] = value
        ends = np.cumsum([np.size(array) for array in arrays])[:-1]
        return [
            part.reshape(np.shape(array))
            for part, array in zip(np.split(flat, ends), arrays, strict=True)
        ]

    @property
    def is_of_views(self):
        """Whether all elements of its sources are its own, and lie in it as in theirs."""
        return self.layout in VIEWS

    @property
    def is_by_rows(self):
        """Whether its rows are rows of the sources, one after the other, others' columns."""
        return self.layout in BY_ROWS and all(len(s) == 2 for s in self.source_shapes)

    @property
    def rows_of_sources(self):
        """{source: (first row of TF1's, where in a row of the source its columns go)}."""
        heights, widths = zip(*self.source_shapes, strict=True)
        ends = np.cumsum([0, *widths])
        rows = [np.arange(b, e)[None] for b, e in zip(ends, ends[1:], strict=False)]
        columns = LAYOUTS[self.layout](*rows)
        firsts = np.cumsum([0, *heights])[:-1].tolist()
        return {
            source: (first, row - end)
            for source, first, row, end in zip(
                self.sources, firsts, columns, ends[:-1], strict=True
            )
        }

    def _rows_to_twin(self, value, arrays):
        """As ``to_twin``, without the positions, which take more memory than the rest."""
        filled = []
        for array, place in zip(arrays, self.rows_of_sources.values(), strict=True):
            array, (first, columns) = np.array(array), place
            array[:, columns] = value[first : first + len(array)]
            filled.append(array)
        return filled

    def counts(self):
        """How many elements of each source it fills."""
        if self.is_of_views:
            return list(map(_elements, self.source_shapes))
        if self.is_by_rows:
            places = zip(self.rows_of_sources.values(), self.source_shapes, strict=True)
            return [len(columns) * shape[0] for (_, columns), shape in places]
        ends = np.cumsum(list(map(_elements, self.source_shapes)))
        sources = np.searchsorted(ends, self.positions.ravel(), side="right")
        return np.bincount(sources, minlength=len(ends)).tolist()

    def _offset(self, dtype):
        return forget_offset(self.forget_bias, self.shape).astype(dtype)


def _elements(shape):
    return int(np.prod(shape, dtype=np.int64))


def of_layout(name, sources, shapes, layout, how, forget_bias=0.0):
    """A ``Match`` of the shape that a layout gives, or None if it takes no such shapes.

    Args:
        name: of the TF1 variable.
        sources, shapes: of the twin's, in the order that the layout takes them.
    """
    shapes = tuple(map(tuple, shapes))
    try:
        # Of arrays that take no memory.
        shape = LAYOUTS[layout](*(np.broadcast_to(False, its) for its in shapes)).shape
    except (ValueError, TypeError, IndexError):
        return None
    return Match(name, tuple(sources), layout, how, shape, shapes, forget_bias)


def match(name, shape, sources, shapes, layout, how, forget_bias=0.0):
    """A ``Match``, or None if the layout does not give TF1's ``shape``.

    Args:
        name, sources, shapes: as of ``of_layout``.
    """
    shape = tuple(shape)
    made = of_layout(name, sources, shapes, layout, how, forget_bias)
    if made is None:
        return None
    if layout == "reshaped":
        if [s for s in shapes[0] if s != 1] != [s for s in shape if s != 1]:
            return None
        made = made._replace(shape=shape)
    return made if made.shape == shape else None


def of_one(name, shape, source, source_shape, how):
    """The ``Match`` of one variable by another, as it is, transposed or reshaped."""
    for layout in ("same", "transposed", "reshaped"):
        made = match(name, shape, [source], [source_shape], layout, how)
        if made is not None:
            return made
    return None
