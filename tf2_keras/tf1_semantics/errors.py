"""How the parts refuse bad input: rule, received, remedy, before any variable changed."""

import numbers

import keras
import tensorflow as tf


def is_number(value):
    """Whether ``value`` is a Python or NumPy real number; True and False are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_int(value, at_least=None):
    """Whether ``value`` is a Python int of at least that; True and False are not."""
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and (at_least is None or value >= at_least)
    )


def is_function(value):
    """Whether ``value`` can be called and is no class, whose call makes an object."""
    return callable(value) and not isinstance(value, type)


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


def require_share_kept(name, value):
    """``value`` must be in (0, 1]: what a dropout keeps."""
    require(
        is_number(value) and 0 < value <= 1,
        f"{name} must be in (0, 1]",
        repr(value),
        "Use 1 - rate if you have the share that is dropped",
    )


def require_int(name, value, usual, at_least=None):
    """``value`` must be an int, of at least that if it is given."""
    require(
        is_int(value, at_least),
        f"{name} must be an int"
        + ("" if at_least is None else f" of at least {at_least}"),
        repr(value),
        f"Use {usual}",
    )


def require_flags(**flags):
    """Each of the arguments given by name must be True or False."""
    for name, value in flags.items():
        require(
            isinstance(value, bool),
            f"{name} must be True or False",
            repr(value),
            "Use one of the two",
        )


def require_one_of(name, value, known, usual):
    """``value`` must be one of ``known``."""
    require(
        value in known,
        f"{name} must be one of {tuple(known)}",
        repr(value),
        f"Use {usual!r}",
    )


def require_dtype(name, value, kinds, usual):
    """A tensor, an array or a Keras input must be of a dtype of one of the kinds.

    Args:
        kinds: of 'floating' and 'integer'.
        usual: the dtype to cast to.
    """
    dtype = getattr(value, "dtype", None)
    if dtype is None:  # Python's own lists and numbers: TensorFlow chooses
        return
    dtype = tf.as_dtype(dtype)  # Keras's standardize_dtype has no strings
    require(
        any(getattr(dtype, f"is_{kind}") for kind in kinds),
        f"{name} must be of a dtype that is {' or '.join(kinds)}",
        dtype.name,
        "Use numbers in place of strings"
        if dtype == tf.string
        else f"Use keras.ops.cast({name}, {usual!r})",
    )


def initializer_from(name, identifier, optional=False):
    """The Keras initialiser that the argument ``name`` stands for.

    Args:
        optional: whether None may stand for none.
    """
    return _object_from(
        name, identifier, keras.initializers.get, optional, "initializer", "zeros"
    )


def activation_from(name, identifier):
    """The Keras activation that the argument ``name`` stands for."""
    return _object_from(
        name, identifier, keras.activations.get, False, "activation", "tanh"
    )


def _object_from(name, identifier, get, optional, what, usual):
    if identifier is None and optional:
        return None
    try:
        part = get(identifier)
    except ValueError:
        part = None
    require(
        part is not None,
        f"{name} must be an {what} or the name of one",
        repr(identifier),
        f"Use {usual!r}",
    )
    return part
