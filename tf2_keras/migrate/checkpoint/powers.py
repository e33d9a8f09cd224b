"""The powers of beta that TF1's Adam kept in variables, and the steps behind them."""

import math
from typing import NamedTuple

from tf2_keras.migrate.checkpoint.errors import mistake
from tf2_keras.observing import key_of
from tf2_keras.training import State

SLOTS = ("beta1_power", "beta2_power")

# How far a stored power may be from the one that the steps say: roundings of products.
SAME = 1e-3
SMALLEST = 1e-37  # of float32, about: a smaller power says no more how many steps


def beta_of(optimizer, slot):
    """The beta of an optimizer, ours or Keras's, whose power is so called."""
    number = slot[len("beta")]
    beta = getattr(optimizer, f"beta{number}", None)
    return getattr(optimizer, f"beta_{number}", None) if beta is None else beta


def after(optimizer, slot, steps):
    """The power after so many steps: TF1 started at the first, not at one."""
    return beta_of(optimizer, slot) ** (steps + 1)


def same(stored, expected):
    """Whether a power is that one, but for roundings."""
    return abs(stored - expected) <= max(SAME * expected, SMALLEST)


def steps(optimizer, stored):
    """How many steps are behind powers; None if none of them says.

    Args:
        stored: {slot: power}, such as {"beta1_power": 0.59049}.
    """
    for slot, power in sorted(stored.items()):
        beta = beta_of(optimizer, slot)
        if beta is not None and 0 < beta < 1 and SMALLEST < power < 1:
            return max(0, round(math.log(power) / math.log(beta)) - 1)
    return None


class Pairing(NamedTuple):
    """Which powers of a checkpoint are which optimizer's.

    variables: {TF1 name: name in the state} of those that a variable keeps.
    optimizers: {place of an optimizer: {slot: TF1 name}}. ambiguous: {TF1 name: what it
    may be}. unmatched: [TF1 name] of no optimizer.
    """

    variables: dict
    optimizers: dict
    ambiguous: dict
    unmatched: list


def paired(stored, values, state, given):
    """The ``Pairing`` of powers with the optimizers of a ``training.State``.

    TF1 numbered the powers as a program made its Adams, a model has them in the order of
    its attributes: where they differ, only a map, or a Twin's own names, say whose they
    are.

    Args:
        stored: {TF1 name: roles.Role} of powers. values: {TF1 name: float}.
        given: a map, in which a power leads to a power's name in the state, or to the
            count of an optimizer's steps.
    """
    pairing = Pairing({}, {}, {}, [])
    held = _names_by_optimizer(state)
    sets = {}  # {what the names of one Adam's powers have in common: {slot: TF1 name}}
    for name, role in stored.items():
        sets.setdefault(name.replace(role.slot, "", 1), {})[role.slot] = name
    said = {name: given[name] for name in stored if isinstance(given.get(name), str)}
    if not isinstance(state, State):
        said = {**{name: name for name in stored if name in state.state}, **said}
    free, left = dict(held), []
    for named in sets.values():
        place = _place_of(said, named, held, state)
        if place is None:
            left.append(named)
        else:
            _pair(pairing, named, place, held, state)
            free.pop(place, None)
    alike = all(
        same(values[name], values[left[0].get(slot, name)])
        for named in left
        for slot, name in named.items()
    )
    if len(left) == len(free) and alike:
        for named, place in zip(left, list(free), strict=True):
            _pair(pairing, named, place, held, state)
        return pairing
    for named in left:
        for slot, name in named.items():
            own = said.get(name)
            if hasattr(state.state.get(own), "assign"):
                pairing.variables[name] = own
            elif free:
                pairing.ambiguous[name] = ", ".join(
                    names[slot] for names in free.values() if slot in names
                )
            else:
                pairing.unmatched.append(name)
    return pairing


def _place_of(said, named, held, state):
    """The optimizer that a map says the powers of one Adam are of, or None."""
    for slot, name in named.items():
        if name not in said:
            continue
        for place, names in held.items():
            if said[name] in (names.get(slot), state.optimizers[place].iterations.path):
                return place
        if said[name] not in state.state:
            candidates = sorted(n for names in held.values() for n in names.values())
            raise mistake(
                "A map must lead a power to a power of the model, or to a count of steps",
                f"{name}: {said[name]}",
                f"Use some of: {', '.join(candidates)}",
            )
    return None


def _pair(pairing, named, place, held, state):
    pairing.optimizers[place] = named
    for slot, name in named.items():
        target = held[place][slot]
        if slot in _variables(state.optimizers[place]):
            pairing.variables[name] = target


def _variables(optimizer):
    """{slot: variable} of the powers that an optimizer keeps, as TF1's did."""
    _, others = optimizer.tf1_slots() if hasattr(optimizer, "tf1_slots") else ({}, {})
    return {slot: v for slot, v in others.items() if slot.endswith("_power")}


def _names_by_optimizer(state):
    """{place of an optimizer: {slot: what a map calls it}} of those that have powers.

    Of one that computes them it is the count of its steps.
    """
    names = {key_of(variable): name for name, variable in state.state.items()}
    listed = {}
    for place, optimizer in enumerate(state.optimizers):
        kept = {
            slot: names[key_of(variable)]
            for slot, variable in _variables(optimizer).items()
            if key_of(variable) in names
        }
        computed = {} if hasattr(optimizer, "tf1_slots") else dict.fromkeys(SLOTS)
        for slot in computed:
            if beta_of(optimizer, slot) is not None:
                kept[slot] = optimizer.iterations.path
        if kept:
            listed[place] = kept
    return listed
