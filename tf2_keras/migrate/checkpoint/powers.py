"""The powers of beta that TF1's Adam kept in variables, and the steps behind them."""

import math

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
