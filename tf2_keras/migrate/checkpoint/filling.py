"""The arrays that a plan fills a model's variables with, one variable after another."""

import collections
import math

from tf2_keras.migrate.checkpoint import roles
from tf2_keras.migrate.checkpoint.states import dtype_of, slot_factor


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


def _factor(plan, item):
    """What a tensor is multiplied by to be the twin's, or None."""
    if item.role.kind == roles.SLOT and not plan.checkpoint.of_keras:
        return slot_factor(plan.twin, item.role.slot)
    return None


def arrays_of(plan, group, read):
    """{name of a variable: array} of what a group of a plan's items fills.

    Args:
        read: function of a tensor's name that gives its array.
    """
    state, arrays = plan.twin.state, {}
    for item in group:
        value = read(item.name)
        factor = _factor(plan, item)
        value = value * factor if factor else value
        sources = item.match.sources
        if item.match.is_plain:
            arrays[sources[0]] = value
        else:
            before = [
                arrays[source] if source in arrays else state[source].numpy()
                for source in sources
            ]
            filled = item.match.to_twin(value, before, item.offset)
            arrays.update(zip(sources, filled, strict=True))
    return {
        source: array.astype(dtype_of(state[source]), copy=False)
        for source, array in arrays.items()
    }
