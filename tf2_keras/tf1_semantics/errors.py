"""How the parts refuse bad input: rule, received, remedy, before any variable changed."""

import numbers


def is_number(value):
    """Whether ``value`` is a Python or NumPy real number; True and False are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def require(condition, rule, received, remedy):
    """Raises a ValueError unless ``condition``; the three parts without their stops."""
    if not condition:
        raise ValueError(f"{rule}. Received: {received}. {remedy}.")


def require_number(name, value, usual):
    """``value`` must be a finite number."""
    require(
        is_number(value) and abs(value) < float("inf"),
        f"{name} must be a finite number",
        repr(value),
        f"Use {usual}",
    )


def require_not_negative(name, value, usual):
    """``value`` must be a finite number of at least zero."""
    require(
        is_number(value) and 0 <= value < float("inf"),
        f"{name} must be a finite number that is not negative",
        repr(value),
        f"Use {usual}",
    )


def require_positive(name, value, usual):
    """``value`` must be a finite number above zero."""
    require(
        is_number(value) and 0 < value < float("inf"),
        f"{name} must be a finite number above zero",
        repr(value),
        f"Use {usual}",
    )


def require_below_one(name, value, usual):
    """``value`` must be in [0, 1): a decay, a beta."""
    require(
        is_number(value) and 0 <= value < 1,
        f"{name} must be in [0, 1)",
        repr(value),
        f"Use {usual}",
    )


def require_one_of(name, value, known, usual):
    """``value`` must be one of ``known``."""
    require(
        value in known,
        f"{name} must be one of {tuple(known)}",
        repr(value),
        f"Use {usual!r}",
    )
