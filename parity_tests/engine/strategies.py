"""Hypothesis strategies for data that is awkward to compute with.

Arrays are drawn as a seed, a few kinds of content and a few single elements, not
element by element: that is fast for arrays of any size, and what shrinks is the seed to
0, the kinds to zeros, and the single elements away.
"""

import math

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine.ulps import FLOAT_LAYOUTS

# TF1 reduces seeds modulo this number.
_SEED_MODULUS = 2**31 - 1

# The kinds of content. The simplest come first: Hypothesis shrinks towards them.
_KINDS = ("zeros", "constant", "ties", "ordinary", "rectified", "denormal", "large")


def finite_floats(dtype=np.float32, magnitude=100.0):
    """Single numbers: ordinary ones, and zeros of both signs, denormals, extremes.

    Args:
        dtype: float16, bfloat16, float32 or float64.
        magnitude: none is greater; at most the dtype's largest finite number.

    Returns:
        Strategy of numpy scalars of that dtype.

    Raises:
        TypeError: for any other dtype.
        ValueError: if `magnitude` is not positive.
    """
    dtype, layout = _float_dtype(dtype)
    largest = _largest_within(dtype, layout, magnitude)
    smallest = float(_from_bits(1, dtype, layout))
    smallest_normal = float(_smallest_normal(dtype, layout))
    corners = [0.0, 1.0, 0.5, smallest, smallest_normal, largest]
    corners = [corner for corner in corners if corner <= largest]
    corners = corners + [-corner for corner in corners]
    ordinary = st.floats(-largest, largest)
    return (st.sampled_from(corners) | ordinary).map(
        lambda number: np.float64(number).astype(dtype)
    )


def arrays(shape, dtype=np.float32, awkward=True, magnitude=100.0):
    """Arrays of standard normals, mixed with what programs stumble over.

    An awkward array mixes up to three kinds of content: exact zeros, one constant, ties
    (a few values over and over), rectified normals (zeros of both signs), denormals,
    large magnitudes, ordinary normals. Up to four more elements are `finite_floats`.

    Args:
        shape: tuple of sizes, or one size.
        dtype: float16, bfloat16, float32 or float64.
        awkward: False for standard normals only.
        magnitude: no element is greater.

    Returns:
        Strategy of arrays [shape] of that dtype.

    Raises:
        TypeError, ValueError: as `finite_floats`.
    """
    dtype, layout = _float_dtype(dtype)
    largest = _largest_within(dtype, layout, magnitude)
    seeds_of_content = st.integers(0, 2**32 - 1)
    if not awkward:
        return seeds_of_content.map(
            lambda seed: _content(("ordinary",), seed, shape, dtype, layout, largest)
        )

    kinds = st.lists(st.sampled_from(_KINDS), min_size=1, max_size=3, unique=True)
    size = math.prod(np.atleast_1d(shape).tolist())
    elements = st.tuples(
        st.integers(0, max(size - 1, 0)), finite_floats(dtype, magnitude)
    )
    overwritten = st.lists(elements, max_size=4 if size else 0)

    def build(kinds, seed, overwritten):
        array = _content(kinds, seed, shape, dtype, layout, largest)
        for position, number in overwritten:
            array.reshape(-1)[position] = number
        return array

    return st.builds(build, kinds, seeds_of_content, overwritten)


def labels(examples, classes, dtype=np.int64):
    """Class numbers for so many examples, often with classes that never occur.

    Args:
        examples: how many labels.
        classes: how many classes there are; labels are below.
        dtype: of the result.

    Returns:
        Strategy of arrays [examples].
    """

    def build(seed, present):
        random = np.random.RandomState(seed)
        return random.randint(present, size=examples).astype(dtype)

    mixed = st.builds(build, st.integers(0, 2**32 - 1), st.integers(1, classes))
    return one_class_labels(examples, classes, dtype) | mixed


def one_class_labels(examples, classes, dtype=np.int64):
    """Labels that are all alike; arguments and result as `labels`."""
    return st.integers(0, classes - 1).map(
        lambda label: np.full(examples, label, dtype=dtype)
    )


def batch_sizes(total, batch):
    """Sizes of consecutive batches: equal ones, and a last one that may be shorter.

    Args:
        total: the most examples that they add up to; at least 1.
        batch: the largest size; at least 1.

    Returns:
        Strategy of tuples of sizes.
    """

    def cut(examples, size):
        whole, rest = divmod(examples, size)
        return (size,) * whole + ((rest,) if rest else ())

    return st.builds(cut, st.integers(1, total), st.integers(1, batch))


def batches(examples, batch):
    """Slices that cut all the examples into batches, the last one always short.

    Args:
        examples: how many there are.
        batch: the largest batch size.

    Returns:
        Strategy of lists of slices, in order, that cover range(examples).

    Raises:
        ValueError: if every batch size up to `batch` divides `examples`, or exceeds
            them.
    """
    sizes = [size for size in range(2, min(batch, examples) + 1) if examples % size]
    if not sizes:
        raise ValueError(
            "A short last batch needs a size that does not divide the examples. "
            f"Received: {examples} examples in batches of at most {batch}. "
            "Use a larger batch or another number of examples."
        )
    return st.sampled_from(sizes).map(
        lambda size: [
            slice(start, min(start + size, examples))
            for start in range(0, examples, size)
        ]
    )


def seeds():
    """Seeds as TF1 takes them: int64, reduced modulo 2**31 - 1, where 0 is special.

    Returns:
        Strategy of ints in [0, 2**63 - 1].
    """
    corners = [0, 1, 2, 87654321]  # the last is TF1's default graph-level seed
    corners += [_SEED_MODULUS + offset for offset in (-1, 0, 1)]
    corners += [2**32 - 1, 2**32, 2 * _SEED_MODULUS, 2**63 - 1]
    return st.sampled_from(corners) | st.integers(0, 2**63 - 1)


def hyperparameters(**choices):
    """Named hyper-parameters, such as `learning_rate=(1e-4, 1.0), nesterov=[True]`.

    Args:
        **choices: for each name a strategy; or a list, of which one is drawn; or a pair
            (low, high): of ints for an int, else for a float, spread evenly over the
            orders of magnitude if both are positive. Floats have three digits, so that
            most of them are no float32, which is where TF1 and Keras round differently.

    Returns:
        Strategy of dicts {name: value}.

    Raises:
        ValueError: if a pair's low is above its high.
    """
    strategies = {
        name: _hyperparameter(name, choice) for name, choice in choices.items()
    }
    return st.fixed_dictionaries(strategies).map(
        # Hypothesis has its own order.
        lambda drawn: {name: drawn[name] for name in choices}
    )


def _hyperparameter(name, choice):
    if isinstance(choice, st.SearchStrategy):
        return choice
    if isinstance(choice, list):
        return st.sampled_from(choice)
    low, high = choice
    if low > high:
        raise ValueError(
            f"{name} must be given as (low, high). Received: {choice}. Swap the two."
        )
    if isinstance(low, int) and isinstance(high, int):
        return st.integers(low, high)

    # A list instead of a mapped number: reports of failures then show the value itself.
    return st.sampled_from(spread(low, high))


def spread(low, high):
    """Floats of three digits from low to high, both included: a list, in order.

    They are spread evenly over the orders of magnitude if both ends are positive.
    """
    fractions = np.linspace(0.0, 1.0, 1001).tolist()
    if low > 0:
        between = [low * (high / low) ** fraction for fraction in fractions]
    else:
        between = [low + (high - low) * fraction for fraction in fractions]
    rounded = [float(f"{value:.3g}") for value in between]
    return [float(low), *(v for v in rounded if low < v < high), float(high)]


def _of_kind(kind, random, shape, largest, tiny):
    """A float64 array of one kind; `tiny` is the dtype's smallest normal number."""
    if kind == "zeros":
        return np.zeros(shape)
    if kind == "constant":
        return np.full(shape, random.standard_normal())
    if kind == "ties":
        return random.choice(random.standard_normal(3), size=shape)
    if kind == "rectified":  # what a ReLU leaves, with -0.0 beside 0.0
        signs = random.choice([1.0, -1.0], size=shape)
        return signs * np.maximum(random.standard_normal(shape), 0.0)
    if kind == "denormal":
        return random.uniform(-tiny, tiny, size=shape)
    if kind == "large":
        return random.uniform(-1.0, 1.0, size=shape) * largest
    return random.standard_normal(shape)


def _content(kinds, seed, shape, dtype, layout, largest):
    """An array whose elements are of one of the kinds each."""
    random = np.random.RandomState(seed)
    tiny = float(_smallest_normal(dtype, layout))
    contents = [_of_kind(kind, random, shape, largest, tiny) for kind in kinds]
    chosen = random.randint(len(contents), size=shape)
    content = np.choose(chosen, contents)
    return np.asarray(np.clip(content, -largest, largest)).astype(dtype)


def _float_dtype(dtype):
    dtype = np.dtype(dtype)
    layout = FLOAT_LAYOUTS.get(dtype.name)
    if layout is None:
        raise TypeError(
            f"dtype must be one of {', '.join(FLOAT_LAYOUTS)}. Received: {dtype}. "
            "Draw labels or integers for integer tensors."
        )
    return dtype, layout


def _from_bits(bits, dtype, layout):
    return np.array([bits], layout.unsigned).view(dtype)[0]


def _smallest_normal(dtype, layout):
    fraction_bits = -round(math.log2(layout.epsilon))
    return _from_bits(1 << fraction_bits, dtype, layout)


def _largest_within(dtype, layout, magnitude):
    """The largest number of the dtype that is no greater than `magnitude`, a float."""
    if not magnitude > 0:
        raise ValueError(
            f"magnitude must be positive. Received: {magnitude}. Use 100.0, say."
        )
    with np.errstate(over="ignore"):
        rounded = np.float64(magnitude).astype(dtype)
    bits = int(np.asarray(rounded).view(layout.unsigned))
    if float(rounded) > magnitude or bits >= layout.infinity:
        # Positive numbers have rising bits: the number below is one less.
        bits -= 1
    return float(_from_bits(bits, dtype, layout))
