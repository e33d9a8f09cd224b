"""The arrays that a plan fills a model's variables with, one variable after another."""

import collections
import itertools
import math

import numpy as np

from tf2_keras.migrate.checkpoint import roles
from tf2_keras.migrate.checkpoint.entries import numpy_dtype
from tf2_keras.migrate.checkpoint.states import dtype_of, slot_factor
from tf2_keras.migrate.checkpoint.wire import PIECE


def groups_of(items):
    """[[Item]]: items that fill the same variables together, slots last.

    A velocity of Keras's has a rate in it, which may itself be among the items.
    """
    groups, places = [], {}
    for item in sorted(items, key=lambda item: item.role.kind == roles.SLOT):
        known = {places[source] for source in item.match.sources if source in places}
        place = min(known, default=len(groups))
        if place == len(groups):
            groups.append([])
        groups[place].append(item)
        for other in known - {place}:
            groups[place] += groups[other]
            groups[other] = []
        for member in groups[place]:
            places.update(dict.fromkeys(member.match.sources, place))
    return [group for group in groups if group]


def shares(group):
    """{name of a variable: the share of it that a group fills}, 1 if it is whole."""
    if len(group) == 1 and group[0].match.is_plain:
        return {group[0].match.sources[0]: 1}
    filled, sizes = collections.Counter(), {}
    for item in group:
        match = item.match
        for source, count, shape in zip(
            match.sources, match.counts(), match.source_shapes, strict=True
        ):
            filled[source] += count
            sizes[source] = math.prod(shape)
    return {name: filled[name] / size if size else 1 for name, size in sizes.items()}


def is_as_it_is(plan, group):
    """Whether a group is one tensor whose bytes are those of its variable."""
    (item, *others), state = group, plan.twin.state
    if others or not item.match.is_plain or _factor(plan, item):
        return False
    dtype = plan.checkpoint.entries[item.name].dtype
    return dtype == dtype_of(state[item.match.sources[0]]).name


def is_by_rows(group):
    """Whether the rows of a group's tensors, side by side, are those of its variables."""
    matches = [item.match for item in group]
    first = matches[0]
    if not all(
        match.is_by_rows and match.sources == first.sources and not match.forget_bias
        for match in matches
    ):
        return False
    places = [match.rows_of_sources for match in matches]
    return all(
        sorted(itertools.chain(*(place[source][1] for place in places)))
        == list(range(width))
        for source, (_, width) in zip(first.sources, first.source_shapes, strict=True)
    )


def pieces_of(plan, group, source):
    """Yields the bytes of a variable that a group fills by rows, few at a time.

    Fails at their end at the latest unless the tensors are what their checksums say.
    """
    variable = plan.twin.state[source]
    (height, width), dtype = tuple(variable.shape), dtype_of(variable)
    rows = max(1, PIECE // max(1, width * dtype.itemsize))
    columns = [item.match.rows_of_sources[source][1] for item in group]
    first, _ = group[0].match.rows_of_sources[source]
    blocks = zip(*(_blocks(plan, item, rows) for item in group), strict=True)
    for number, of_items in enumerate(blocks):
        # To the last one, although the variable may end before: checksums are of all.
        begin = max(0, first - number * rows)
        end = max(0, first + height - number * rows)
        filled = np.empty((len(of_items[0][begin:end]), width), dtype)
        for block, places in zip(of_items, columns, strict=True):
            filled[:, places] = block[begin:end]
        yield filled.reshape(-1).view(np.uint8)


def _blocks(plan, item, rows):
    """Yields the rows of a tensor, so many at a time, as the twin's values."""
    dtype = numpy_dtype(plan.checkpoint.entries[item.name].dtype)
    _, width = item.match.shape
    size, factor = max(1, rows * width * dtype.itemsize), _factor(plan, item)
    read = bytearray()

    def block(content):
        values = np.frombuffer(bytes(content), dtype).reshape(-1, width)
        return values * factor if factor else values

    for piece in plan.checkpoint.bytes_of(item.name):
        read.extend(piece)
        while len(read) >= size:
            yield block(read[:size])
            del read[:size]
    if read:
        yield block(read)


def _factor(plan, item):
    """What a tensor is multiplied by to be the twin's, or None."""
    if item.role.kind == roles.SLOT and not plan.checkpoint.of_keras:
        return slot_factor(plan.twin, item.role.slot)
    return None


def _scaled(value, factor):
    """A tensor by a factor or None, in the tensor's own place if it may be."""
    if not factor:
        return value
    in_place = value.flags.writeable and np.result_type(value, factor) == value.dtype
    return np.multiply(value, factor, out=value if in_place else None)


def arrays_of(plan, group, read):
    """{name of a variable: array} of what a group of a plan's items fills.

    Args:
        read: function of a tensor's name that gives its array.
    """
    state, arrays = plan.twin.state, {}
    for item in group:
        value = read(item.name)
        value = _scaled(value, _factor(plan, item))
        sources = item.match.sources
        before = [
            arrays[source] if source in arrays else state[source].numpy()
            for source in (() if item.match.is_of_views else sources)
        ]
        filled = item.match.to_twin(value, before, item.offset)
        arrays.update(zip(sources, filled, strict=True))
    return {
        source: array.astype(dtype_of(state[source]), copy=False)
        for source, array in arrays.items()
    }
