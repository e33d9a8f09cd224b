"""Claims about the two measures of distance."""

import fractions
import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine.ulps import (
    FLOAT_LAYOUTS,
    INCOMPARABLE,
    finite_or_none,
    identical,
    normwise_distance,
    normwise_error,
    ulp_distance,
)

DTYPES = {
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}
every_float = pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)


def number(value, dtype):
    return np.asarray(value, np.float64).astype(dtype)


def as_float64(values):
    with np.errstate(invalid="ignore"):  # casting a signalling NaN would warn
        return np.asarray(values).astype(np.float64)


def from_bits(bits, dtype):
    return np.array(bits, FLOAT_LAYOUTS[dtype.name].unsigned).view(dtype)


def bits_of(dtype):
    """Any bit pattern, and often those around zero, the denormals and infinity."""
    layout = FLOAT_LAYOUTS[dtype.name]
    sign = 1 << (8 * dtype.itemsize - 1)
    corners = [0, 1, 2, layout.infinity - 1, layout.infinity, layout.infinity + 1]
    corners += [sign | corner for corner in corners]
    return st.sampled_from(corners) | st.integers(0, 2 * sign - 1)


def distance(reference, candidate, **options):
    result = ulp_distance(reference, candidate, **options)
    assert result.dtype == np.uint64
    assert result.shape == np.shape(reference)
    return int(result)


# ------------------------------------------------------------------ the line of numbers


def test_layouts_are_those_that_numpy_and_ml_dtypes_state():
    for name, layout in FLOAT_LAYOUTS.items():
        dtype = DTYPES[name]
        info = ml_dtypes.finfo(dtype)
        assert float(from_bits(layout.infinity, dtype)) == np.inf
        assert from_bits(layout.infinity - 1, dtype) == info.max
        assert layout.epsilon == float(info.eps)
        # The fewest decimal digits that tell any two numbers apart.
        assert layout.digits == math.ceil(1 + (info.nmant + 1) * math.log10(2))


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("signed_zeros", [True, False])
def test_every_neighbour_of_a_16_bit_dtype_is_1_apart(name, signed_zeros):
    dtype = DTYPES[name]
    every = from_bits(np.arange(2**16), dtype)
    every = every[~np.isnan(as_float64(every))]
    values = every.astype(np.float64)
    # Sorted by value, and -0.0 before 0.0.
    line = every[np.lexsort((~np.signbit(values), values))]
    steps = ulp_distance(line[:-1], line[1:], signed_zeros)
    both_zero = (line[:-1] == 0) & (line[1:] == 0)
    assert both_zero.sum() == 1
    assert (steps[~both_zero] == 1).all()
    assert steps[both_zero] == (1 if signed_zeros else 0)
    # And from the lowest number they add up.
    from_lowest = ulp_distance(np.full_like(line, line[0]), line, signed_zeros)
    np.testing.assert_array_equal(from_lowest[1:], np.cumsum(steps), strict=True)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@given(data=st.data())
def test_nextafter_is_1_apart(dtype, data):
    dtype = np.dtype(dtype)
    start = from_bits(data.draw(bits_of(dtype)), dtype)
    if not np.isfinite(start):
        return
    for towards in (-np.inf, np.inf):
        with np.errstate(all="ignore"):
            neighbour = np.nextafter(start, dtype.type(towards))
        assert distance(start, neighbour, signed_zeros=False) == 1


@every_float
@given(data=st.data())
def test_distance_is_symmetric_and_zero_to_itself(dtype, data):
    bits = bits_of(dtype)
    first, second = (from_bits(data.draw(bits), dtype) for _ in range(2))
    signed_zeros = data.draw(st.booleans())
    assert distance(first, second, signed_zeros=signed_zeros) == distance(
        second, first, signed_zeros=signed_zeros
    )
    assert distance(first, first, signed_zeros=signed_zeros) == 0


@every_float
@given(data=st.data())
def test_distances_add_up_along_the_line(dtype, data):
    numbers = [from_bits(data.draw(bits_of(dtype)), dtype) for _ in range(3)]
    if any(np.isnan(as_float64(each)) for each in numbers):
        return
    low, middle, high = sorted(numbers, key=lambda x: (float(x), not _negative(x)))
    assert distance(low, high) == distance(low, middle) + distance(middle, high)


def _negative(value):
    return bool(np.signbit(np.float64(value)))


@every_float
def test_minus_zero_and_zero_are_neighbours_unless_signs_of_zeros_do_not_count(dtype):
    minus, plus = number(-0.0, dtype), number(0.0, dtype)
    assert distance(minus, plus) == 1
    assert distance(minus, plus, signed_zeros=False) == 0


@every_float
def test_the_smallest_denormals_are_2_steps_apart_and_one_more_across_two_zeros(dtype):
    sign = 1 << (8 * dtype.itemsize - 1)
    plus, minus = from_bits(1, dtype), from_bits(sign | 1, dtype)
    assert distance(minus, plus) == 3
    assert distance(minus, plus, signed_zeros=False) == 2
    assert distance(number(0.0, dtype), plus) == 1


@every_float
def test_the_greatest_denormal_and_the_smallest_normal_are_neighbours(dtype):
    smallest_normal = ml_dtypes.finfo(dtype).smallest_normal
    bits = int(np.asarray(smallest_normal).view(FLOAT_LAYOUTS[dtype.name].unsigned))
    assert distance(from_bits(bits - 1, dtype), from_bits(bits, dtype)) == 1


@every_float
def test_nan_is_0_from_any_nan_and_incomparable_with_every_number(dtype):
    infinity = FLOAT_LAYOUTS[dtype.name].infinity
    sign = 1 << (8 * dtype.itemsize - 1)
    all_nans = [infinity + 1, 2 * sign - 1, sign - 1, sign | (infinity + 1)]
    nans = from_bits(all_nans, dtype)
    assert np.isnan(as_float64(nans)).all()
    assert not ulp_distance(nans, nans[::-1]).any()
    for other in (0.0, -0.0, 1.0, -np.inf, np.inf):
        others = np.full_like(nans, number(other, dtype))
        assert (ulp_distance(nans, others) == INCOMPARABLE).all()
        assert (ulp_distance(others, nans, False) == INCOMPARABLE).all()


@every_float
def test_infinity_is_0_from_itself_and_1_from_the_largest_finite_number(dtype):
    infinity = number(np.inf, dtype)
    largest = from_bits(FLOAT_LAYOUTS[dtype.name].infinity - 1, dtype)
    assert distance(infinity, infinity) == 0
    assert distance(infinity, largest) == 1
    assert distance(-infinity, -largest) == 1


@every_float
def test_opposite_infinities_do_not_overflow(dtype):
    infinity = FLOAT_LAYOUTS[dtype.name].infinity
    plus, minus = number(np.inf, dtype), number(-np.inf, dtype)
    assert distance(minus, plus) == 2 * infinity + 1
    assert distance(minus, plus, signed_zeros=False) == 2 * infinity
    assert 2 * infinity + 1 < INCOMPARABLE


# ---------------------------------------------------------------------- other dtypes


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
@given(data=st.data())
def test_integers_are_apart_by_their_exact_difference(dtype, data):
    info = np.iinfo(dtype)
    integers = st.sampled_from([info.min, info.max]) | st.integers(info.min, info.max)
    first, second = data.draw(integers), data.draw(integers)
    apart = distance(np.array(first, dtype), np.array(second, dtype))
    assert apart == abs(first - second)


def test_false_and_true_are_1_apart():
    reference = np.array([False, False, True, True])
    candidate = np.array([False, True, False, True])
    assert ulp_distance(reference, candidate).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    "values",
    [
        np.array([1j], np.complex64),
        np.array([None]),
        np.array(["a"]),
        np.array([b"a"]),
        np.array(["2019-01-01"], "M8[D]"),
        np.zeros(2, "V2"),
        np.zeros(2, ml_dtypes.float8_e5m2),
        np.zeros(2, np.longdouble),
    ],
    ids=lambda values: str(values.dtype),
)
def test_other_dtypes_are_refused_by_name(values):
    for measure in (ulp_distance, normwise_error, normwise_distance):
        with pytest.raises(TypeError) as caught:
            measure(values, values)
        assert f"Received: {values.dtype}" in str(caught.value)


def test_different_shapes_and_dtypes_are_refused():
    values = np.zeros(3, np.float32)
    for measure in (ulp_distance, normwise_error, normwise_distance):
        with pytest.raises(ValueError, match=r"Received: \[3\] and \[3, 1\]"):
            measure(values, values[:, None])
        with pytest.raises(ValueError, match=r"Received: \[3, 1\] and \[3\]"):
            measure(values[:, None], values)
        with pytest.raises(ValueError, match="Received: float32 and float64"):
            measure(values, values.astype(np.float64))
        with pytest.raises(ValueError, match="Received: float64 and float32"):
            measure(values.astype(np.float64), values)


# -------------------------------------------------------------------- memory layouts


@every_float
def test_big_endian_and_strided_arrays_measure_as_plain_ones(dtype):
    random = np.random.RandomState(0)
    reference = random.standard_normal((6, 8)).astype(dtype)
    candidate = random.standard_normal((6, 8)).astype(dtype)
    expected = ulp_distance(reference, candidate)
    for see in (lambda x: x.T, lambda x: x[::-2, 1::3], np.asfortranarray):
        layout = ulp_distance(see(reference), see(candidate))
        np.testing.assert_array_equal(layout, see(expected), strict=True)
        assert normwise_error(see(reference), see(candidate)) == normwise_error(
            see(reference).copy(), see(candidate).copy()
        )
    if dtype.name != "bfloat16":  # which has but one byte order
        big_endian = dtype.newbyteorder(">")
        swapped = reference.astype(big_endian), candidate.astype(big_endian)
        np.testing.assert_array_equal(ulp_distance(*swapped), expected, strict=True)
        assert normwise_error(*swapped) == normwise_error(reference, candidate)


def test_measures_of_an_array_of_many_blocks_take_all_of_them_in():
    reference = np.ones(200_003, np.float32)
    candidate = reference.copy()
    candidate[-1] = np.nextafter(np.float32(1), np.float32(2))
    distances = ulp_distance(reference, candidate)
    assert distances[-1] == 1 and distances.sum() == 1
    assert normwise_error(reference, candidate) == 1.0
    # The largest magnitude stands in another block than the error.
    reference[0] = candidate[0] = 4.0
    assert normwise_error(reference, candidate) == 0.25
    assert normwise_distance(reference, candidate)[-1] == 0.25
    # An earlier block holds the greater error.
    candidate[1] = 2.0
    assert normwise_error(reference, candidate) == 0.25 / 2.0**-23


def test_the_arguments_stay_as_they_were():
    reference = np.array([0.0, np.nan, 1.0], np.float32)
    candidate = np.array([-0.0, np.inf, 2.0], np.float32)
    before = reference.tobytes(), candidate.tobytes()
    reference.flags.writeable = candidate.flags.writeable = False
    ulp_distance(reference, candidate, False)
    normwise_error(reference, candidate)
    assert (reference.tobytes(), candidate.tobytes()) == before


# -------------------------------------------------------------------------- identical


@pytest.mark.parametrize("shape", [(), (0,), (3,), (70, 1001), (3, 300_001)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.bool_, "S3"])
def test_a_copy_is_identical_and_any_changed_byte_is_not(shape, dtype):
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    content = (np.arange(size) % 2).astype(np.uint8)
    reference = content.view(dtype).reshape(shape)
    assert identical(reference, reference.copy())
    fortran = np.array(reference, order="F")
    assert identical(reference, fortran)
    assert identical(fortran, fortran.copy(order="F"))
    for position in {0, size // 2, size - 1} if size else ():
        changed = content.copy()
        changed[position] ^= 1
        changed = changed.view(dtype).reshape(shape)
        assert not identical(reference, changed)
        assert not identical(fortran, np.array(changed, order="F"))
        assert not identical(fortran, changed)


def test_a_strided_view_is_identical_to_its_copy():
    values = np.arange(40_000, dtype=np.float32).reshape(200, 200)
    for view in (values[::2, 1:], values[:, ::-1], values[1:].T):
        assert identical(view, view.copy())
        assert not identical(view, view + 1)


def test_identical_is_about_bytes_dtype_and_shape():
    zero, minus_zero = np.float32(0.0), np.float32(-0.0)
    assert not identical(zero, minus_zero)
    assert identical(np.float32(np.nan), np.float32(np.nan))
    for pair in (
        (zero, np.float64(0.0)),
        # Of one size, and all bytes are zero.
        (np.zeros(3, np.float32), np.zeros(3, np.int32)),
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros(3, "<f4"), np.zeros(3, ">f4")),
    ):
        assert not identical(*pair)
        assert not identical(*reversed(pair))
    with pytest.raises(TypeError, match="Received: object"):
        identical(np.array([None]), np.array([None]))


# -------------------------------------------------------------------------- norm-wise


@every_float
@given(data=st.data())
def test_normwise_error_is_the_formula_in_exact_arithmetic(dtype, data):
    bits = bits_of(dtype)
    drawn = [data.draw(st.lists(bits, min_size=3, max_size=3)) for _ in range(2)]
    reference, candidate = (from_bits(each, dtype) for each in drawn)
    if not np.isfinite(as_float64([reference, candidate])).all():
        return
    exact = [
        [fractions.Fraction(float(each)) for each in array]
        for array in (reference, candidate)
    ]
    largest = max(abs(each) for each in exact[0])
    error = max(abs(first - second) for first, second in zip(*exact, strict=True))
    if largest == 0:
        expected = 0.0 if error == 0 else np.inf
    else:
        epsilon = fractions.Fraction(FLOAT_LAYOUTS[dtype.name].epsilon)
        ratio = error / (largest * epsilon)
        too_large = ratio > fractions.Fraction(np.finfo(np.float64).max)
        expected = np.inf if too_large else float(ratio)
    assert normwise_error(reference, candidate) == pytest.approx(expected, rel=1e-14)


@given(
    first=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2),
    second=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2),
)
@example([0, 0], [0, 0])
@example([0, 0], [0, 1])
@example([-(2**63), 0], [2**63 - 1, 0])
def test_normwise_error_of_integers_is_their_relative_error(first, second):
    error = max(abs(a - b) for a, b in zip(first, second, strict=True))
    largest = max(abs(a) for a in first)
    expected = error / largest if largest else (np.inf if error else 0.0)
    measured = normwise_error(np.array(first, np.int64), np.array(second, np.int64))
    assert measured == pytest.approx(expected, rel=1e-14)


@every_float
def test_one_ulp_of_the_largest_magnitude_is_1(dtype):
    epsilon = FLOAT_LAYOUTS[dtype.name].epsilon
    reference = number([1.0, 0.0, -0.5], dtype)
    assert normwise_error(reference, number([1 + epsilon, 0, -0.5], dtype)) == 1.0
    # Near zero the same error is a great many elementwise ULPs.
    candidate = number([1.0, epsilon, -0.5], dtype)
    assert normwise_error(reference, candidate) == 1.0
    assert ulp_distance(reference, candidate).max() > 1000


@every_float
def test_equal_nans_infinities_and_zeros_have_no_normwise_error(dtype):
    reference = number([np.nan, np.inf, -np.inf, 0.0, 2.0], dtype)
    candidate = number([-np.nan, np.inf, -np.inf, -0.0, 2.0], dtype)
    assert normwise_error(reference, candidate) == 0.0
    assert (
        normwise_error(number([np.nan, 0.0], dtype), number([np.nan, -0.0], dtype)) == 0
    )


@every_float
@pytest.mark.parametrize(
    ("reference", "candidate"),
    [
        ([np.nan, 1.0], [0.0, 1.0]),
        ([0.0, 1.0], [np.nan, 1.0]),
        ([np.inf, 1.0], [1.0, 1.0]),
        ([1.0, 1.0], [-np.inf, 1.0]),
        ([np.inf, 1.0], [-np.inf, 1.0]),
        ([np.inf, 1.0], [np.nan, 1.0]),
        ([0.0, 0.0], [0.0, 1.0]),
        ([0.0, -0.0], [np.nan, 0.0]),
        ([np.inf, np.nan], [np.inf, 1.0]),
    ],
)
def test_what_no_number_can_measure_is_infinitely_far(dtype, reference, candidate):
    pair = number(reference, dtype), number(candidate, dtype)
    assert normwise_error(*pair) == np.inf


def test_an_infinity_in_both_does_not_hide_the_error_beside_it():
    reference = np.array([np.inf, 1.0], np.float32)
    candidate = np.array([np.inf, 1.5], np.float32)
    assert normwise_error(reference, candidate) == 0.5 / 2.0**-23


def test_a_difference_too_large_for_float64_is_still_measured():
    largest = np.finfo(np.float64).max
    reference = np.array([largest, 1.0])
    assert normwise_error(reference, -reference) == 2.0 / 2.0**-52
    assert normwise_error(reference, np.array([-largest / 2, 1.0])) == 1.5 / 2.0**-52


def test_normwise_error_is_the_greatest_normwise_distance():
    random = np.random.RandomState(0)
    reference = random.standard_normal((3, 5)).astype(np.float32)
    candidate = reference + np.float32(1e-6)
    distances = normwise_distance(reference, candidate)
    assert distances.shape == (3, 5) and distances.dtype == np.float64
    assert distances.max() == normwise_error(reference, candidate)
    # A magnitude from elsewhere counts if it is larger, and none does by itself.
    for scale in (1e-3, 1.0):
        scaled = reference * np.float32(scale), candidate * np.float32(scale)
        error = np.abs(np.subtract(*scaled, dtype=np.float64)).max() / 2.0**-23
        largest = np.abs(scaled[0]).max().astype(np.float64)
        for measure in (normwise_error, lambda *a: normwise_distance(*a).max()):
            assert measure(*scaled) == pytest.approx(error / largest)
            assert measure(*scaled, largest / 2) == pytest.approx(error / largest)
            assert measure(*scaled, 8.0) == pytest.approx(error / 8.0)
    assert normwise_distance(np.float32(1), np.float32(1)).shape == ()


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.bool_])
def test_empty_arrays_are_equal(dtype):
    empty = np.zeros((0, 3), dtype)
    assert identical(empty, empty.copy())
    assert ulp_distance(empty, empty).shape == (0, 3)
    assert normwise_distance(empty, empty).shape == (0, 3)
    assert normwise_error(empty, empty) == 0.0


def test_what_json_has_no_number_for_is_none():
    for number in (None, np.inf, -np.inf, np.nan):
        assert finite_or_none(number) is None
    assert finite_or_none(np.float32(0.5)) == 0.5
    assert type(finite_or_none(np.float32(0.5))) is float
