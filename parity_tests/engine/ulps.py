"""How far apart two arrays are: in representable steps, and norm-wise.

Both measures count in ULPs, units in the last place. `ulp_distance` takes each
element's own unit; it explodes near zero, where units are tiny. `normwise_error` takes
the unit of the tensor's largest magnitude instead.
"""

import functools
from typing import NamedTuple

import numpy as np

# The distance of a NaN from a number. No two floating-point numbers are this far apart;
# only the opposite extremes of int64 and of uint64 are.
INCOMPARABLE = 2**64 - 1

# Large arrays are worked through in blocks, so that temporaries stay in the processor's
# cache; temporaries as large as a 13 MB array cost several times the arithmetic.
_BLOCK_ELEMENTS = 64 * 1024
_BLOCK_BYTES = 1024 * 1024

# Up to here copying both arrays' bytes is cheaper than one comparison by numpy.
_SMALL_BYTES = 4096


class FloatLayout(NamedTuple):
    """How a floating-point dtype lies in memory: sign, exponent, fraction."""

    unsigned: type  # the unsigned integer of the same width
    signed: type  # the signed integer of the same width
    infinity: int  # the bits of +inf: greater magnitudes are NaN, smaller ones finite
    epsilon: float  # the step from 1 to the next number
    digits: int  # significant decimal digits that tell any two numbers apart


# By name, because bfloat16 belongs to ml_dtypes, which need not be installed here.
FLOAT_LAYOUTS = {
    "float16": FloatLayout(np.uint16, np.int16, 0x7C00, 2.0**-10, 5),
    "bfloat16": FloatLayout(np.uint16, np.int16, 0x7F80, 2.0**-7, 4),
    "float32": FloatLayout(np.uint32, np.int32, 0x7F80_0000, 2.0**-23, 9),
    "float64": FloatLayout(np.uint64, np.int64, 0x7FF0_0000_0000_0000, 2.0**-52, 17),
}


@functools.cache
def require_measurable(dtype):
    """Refuse a numpy dtype whose elements have no distance.

    Raises:
        TypeError: unless it is one of FLOAT_LAYOUTS, of integers, or bool.
    """
    if dtype.kind not in "biu" and dtype.name not in FLOAT_LAYOUTS:
        raise TypeError(
            f"Distances are defined for {', '.join(FLOAT_LAYOUTS)}, integers and bool. "
            f"Received: {dtype}. Compare complex numbers as their real and imaginary "
            "parts, and leave out what is not a number."
        )


def identical(reference, candidate):
    """Whether two arrays have the same dtype, shape and bytes.

    The early exit of every comparison. Stricter than a distance of 0, since NaNs may
    differ in their bytes.

    Args:
        reference, candidate: arrays or numpy scalars, in any memory layout.

    Returns:
        bool.

    Raises:
        TypeError: for arrays of Python objects, whose bytes are mere addresses.
    """
    reference = np.asarray(reference)
    candidate = np.asarray(candidate)
    for dtype in (reference.dtype, candidate.dtype):
        if dtype.hasobject:
            require_measurable(dtype)
    if reference.shape != candidate.shape or reference.dtype != candidate.dtype:
        return False
    if reference.nbytes <= _SMALL_BYTES:
        return reference.tobytes() == candidate.tobytes()
    if reference.flags.f_contiguous and candidate.flags.f_contiguous:
        # Seen transposed, both lie in C order: nothing needs to be copied.
        reference, candidate = reference.T, candidate.T
    # The widest word that divides the array makes the fewest comparisons.
    word = next(w for w in (8, 4, 2, 1) if reference.nbytes % w == 0)
    reference, candidate = (
        np.ascontiguousarray(array).reshape(-1).view(np.uint8).view(f"u{word}")
        for array in (reference, candidate)
    )
    for block in _blocks(reference.size, _BLOCK_BYTES // word):
        if not np.array_equal(reference[block], candidate[block]):
            return False
    return True


def ulp_distance(reference, candidate, signed_zeros=True):
    """The number of representable steps between two arrays, element by element.

    Floating-point numbers stand on one line: -inf, the negative numbers, -0.0, 0.0, the
    positive numbers, inf. The distance of two is the number of steps along it, so that
    infinity is 1 step from the largest finite number. A NaN is 0 from any other NaN and
    INCOMPARABLE from a number. Integers are apart by their absolute difference, False
    and True by 1.

    Args:
        reference, candidate: float16, bfloat16, float32, float64, integers or bool;
            the same shape and dtype; any memory layout.
        signed_zeros: whether -0.0 and 0.0 are two numbers, 1 step apart, or one.

    Returns:
        uint64 array of the same shape.

    Raises:
        TypeError: for any other dtype.
        ValueError: if shapes or dtypes differ.
    """
    reference, candidate = _comparable_pair(reference, candidate)
    if identical(reference, candidate):
        return np.zeros(reference.shape, np.uint64)
    distance = np.empty(reference.shape, np.uint64)
    flat = distance.reshape(-1)
    reference, candidate = reference.reshape(-1), candidate.reshape(-1)
    for block in _blocks(flat.size, _BLOCK_ELEMENTS):
        flat[block] = _distance(reference[block], candidate[block], signed_zeros)
    return distance


def normwise_distance(reference, candidate, at_least=0.0):
    """Each element's error in ULPs of the reference's largest magnitude.

        |candidate - reference| / (max|reference| * epsilon)

    The largest magnitude is that of the finite elements. epsilon is the step from 1 to
    the next number, 2**-23 for float32, and 1 for integers and bool. Computed in
    float64. -0.0 and 0.0 are equal here, and so are two NaNs, or two infinities of one
    sign.

    Args:
        reference, candidate: as for `ulp_distance`.
        at_least: a magnitude that stands in for the reference's own where that is
            smaller.

    Returns:
        float64 array of the same shape; inf where only one is a NaN or infinite, or
        where a difference meets a reference without any magnitude.

    Raises:
        TypeError, ValueError: as `ulp_distance`.
    """
    reference, candidate = _comparable_pair(reference, candidate)
    shape = reference.shape
    reference, candidate = reference.reshape(-1), candidate.reshape(-1)
    largest = max(largest_magnitude(reference), at_least)
    return _scaled_difference(reference, candidate, largest).reshape(shape)


def normwise_error(reference, candidate, at_least=0.0):
    """The greatest `normwise_distance` of two arrays.

    Args:
        reference, candidate, at_least: as for `normwise_distance`.

    Returns:
        float: 0.0 for equal and for empty arrays, inf for those beyond measure.

    Raises:
        TypeError, ValueError: as `ulp_distance`.
    """
    reference, candidate = _comparable_pair(reference, candidate)
    if identical(reference, candidate):
        return 0.0
    reference, candidate = reference.reshape(-1), candidate.reshape(-1)
    largest = max(largest_magnitude(reference), at_least)
    error = 0.0
    for block in _blocks(reference.size, _BLOCK_ELEMENTS):
        scaled = _scaled_difference(reference[block], candidate[block], largest)
        error = max(error, float(scaled.max()))
    return error


def largest_magnitude(numbers):
    """The largest magnitude of the finite elements, a float; 0.0 if there are none."""
    numbers = np.asarray(numbers).reshape(-1)
    largest = 0.0
    for block in _blocks(numbers.size, _BLOCK_ELEMENTS):
        magnitudes = np.abs(_as_float64(numbers[block]))
        greatest = magnitudes.max()
        if not np.isfinite(greatest):
            greatest = magnitudes.max(where=np.isfinite(magnitudes), initial=0.0)
        largest = max(largest, float(greatest))
    return largest


def finite_or_none(number):
    """A float that is valid JSON; None for what no number can say."""
    return None if number is None or not np.isfinite(number) else float(number)


def _blocks(size, length):
    """Slices of at most `length` that cover range(size) in order."""
    return (slice(start, start + length) for start in range(0, size, length))


def _comparable_pair(reference, candidate):
    """Both as arrays of native byte order, checked to be numbers of one kind."""
    reference = np.asarray(reference)
    candidate = np.asarray(candidate)
    if reference.shape != candidate.shape:
        raise ValueError(
            "Only arrays of the same shape have a distance. Received: "
            f"{list(reference.shape)} and {list(candidate.shape)}. "
            "Reshape one of them, or compare shapes first."
        )
    if reference.dtype != candidate.dtype:
        raise ValueError(
            "Only arrays of the same dtype have a distance. Received: "
            f"{reference.dtype} and {candidate.dtype}. "
            "Cast one of them, or compare dtypes first."
        )
    dtype = reference.dtype
    require_measurable(dtype)
    if not dtype.isnative:  # its bits would be read in the wrong order
        native = dtype.newbyteorder("=")
        return reference.astype(native), candidate.astype(native)
    return reference, candidate


def _distance(reference, candidate, signed_zeros):
    """`ulp_distance` of two flat arrays; unsigned, as wide as their dtype."""
    dtype = reference.dtype
    layout = FLOAT_LAYOUTS.get(dtype.name)
    if layout is None:
        unsigned = np.dtype(f"u{dtype.itemsize}")
        greater = np.maximum(reference, candidate).view(unsigned)
        lesser = np.minimum(reference, candidate).view(unsigned)
        # Modulo 2**n, and hence exact even between the extremes of a signed type.
        return greater - lesser
    places = _place_on_the_line(reference, layout, signed_zeros)
    others = _place_on_the_line(candidate, layout, signed_zeros)
    distance = np.maximum(places, others) - np.minimum(places, others)
    reference_is_nan = _is_nan(reference, layout)
    candidate_is_nan = _is_nan(candidate, layout)
    if reference_is_nan.any() or candidate_is_nan.any():
        distance = distance.astype(np.uint64)
        distance[reference_is_nan != candidate_is_nan] = INCOMPARABLE
        distance[reference_is_nan & candidate_is_nan] = 0
    return distance


def _place_on_the_line(numbers, layout, signed_zeros):
    """Each number's place on the line of numbers, counted from the lowest bits up."""
    bits = numbers.view(layout.unsigned)
    width = bits.dtype.itemsize * 8
    sign = layout.unsigned(1 << (width - 1))
    # All ones for negative numbers, all zeros for the others.
    negative = (numbers.view(layout.signed) >> layout.signed(width - 1)).view(
        layout.unsigned
    )
    # The bits of positive numbers rise with the number, those of negative ones fall.
    places = bits ^ (negative | sign)
    if not signed_zeros:
        places -= negative  # all ones is -1: moves -0.0 and all below it up by one
    return places


def _is_nan(numbers, layout):
    bits = numbers.view(layout.unsigned)
    width = bits.dtype.itemsize * 8
    magnitudes = bits & layout.unsigned((1 << (width - 1)) - 1)
    return magnitudes > layout.unsigned(layout.infinity)


def _as_float64(numbers):
    with np.errstate(invalid="ignore"):  # casting a signalling NaN would warn
        return numbers.astype(np.float64)


def _scaled_difference(reference, candidate, largest):
    """`normwise_distance` of flat arrays, given the whole reference's `largest`."""
    layout = FLOAT_LAYOUTS.get(reference.dtype.name)
    if layout is None:
        # Exact to the last integer, which float64 is not beyond 2**53.
        difference = _distance(reference, candidate, True).astype(np.float64)
        epsilon = 1.0
    else:
        epsilon = layout.epsilon
        reference, candidate = _as_float64(reference), _as_float64(candidate)
        with np.errstate(invalid="ignore", over="ignore"):
            difference = np.abs(reference - candidate)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scaled = difference / largest / epsilon
        if np.isfinite(scaled).all():
            return scaled
        # Rare: something not finite, an overflow, or a reference of zeros.
        if largest > 0:
            parts = np.abs(reference / largest - candidate / largest) / epsilon
            scaled = np.where(np.isinf(difference), parts, scaled)
    equal = (reference == candidate) | (np.isnan(reference) & np.isnan(candidate))
    scaled = np.where(equal, 0.0, scaled)
    return np.where(np.isnan(scaled), np.inf, scaled)
