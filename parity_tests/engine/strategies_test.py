"""Claims about the drawn data: it keeps its promises, is awkward, and shrinks."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from parity_tests.engine import strategies
from parity_tests.engine.ulps import FLOAT_LAYOUTS

DTYPES = [np.float16, ml_dtypes.bfloat16, np.float32, np.float64]
every_float = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
# Searching for one example is deterministic, and stores nothing.
SEARCH = settings(
    max_examples=2000,
    phases=[Phase.generate, Phase.shrink],
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def can_be_found(strategy, condition):
    """Whether Hypothesis finds what meets the condition."""
    try:
        find(strategy, condition, settings=settings(SEARCH, phases=[Phase.generate]))
    except NoSuchExample:
        return False
    return True


def smallest(strategy, condition):
    """What Hypothesis shrinks to, of all that it finds to meet the condition."""
    return find(strategy, condition, settings=SEARCH)


def bits(array):
    return array.view(FLOAT_LAYOUTS[array.dtype.name].unsigned)


# ------------------------------------------------------------------- floats and arrays


@every_float
@given(data=st.data())
def test_arrays_have_the_shape_dtype_and_magnitude_asked_for(dtype, data):
    shape = data.draw(
        st.sampled_from([(), 3, (0,), (1,), (7, 3), (2, 0, 3), (2, 5, 5, 3)])
    )
    magnitude = data.draw(st.sampled_from([0.3, 1.0, 100.0, 1e30, 1e300]))
    awkward = data.draw(st.booleans())
    array = data.draw(strategies.arrays(shape, dtype, awkward, magnitude))
    assert isinstance(array, np.ndarray)
    assert array.shape == (shape if isinstance(shape, tuple) else (shape,))
    assert array.dtype == dtype
    values = array.astype(np.float64)
    assert np.isfinite(values).all()
    assert (np.abs(values) <= magnitude).all()


@every_float
@given(data=st.data())
def test_finite_floats_are_scalars_of_the_dtype_within_the_magnitude(dtype, data):
    magnitude = data.draw(st.sampled_from([1e-3, 1.0, 65504.0, 1e300]))
    value = data.draw(strategies.finite_floats(dtype, magnitude))
    assert value.dtype == dtype and value.shape == ()
    assert np.isfinite(np.float64(value)) and abs(np.float64(value)) <= magnitude


def has_many_zeros_of_both_signs(values):
    negative_zeros = (values == 0) & np.signbit(values)
    return 5 < negative_zeros.sum() < (values == 0).sum() - 5


def has_many_denormals(values):
    # More than the single elements, of which at most four are written over.
    return ((values != 0) & (np.abs(values) < 2.0**-126)).sum() > 5


def has_ties(values):
    return len(np.unique(values)) < values.size / 2


def is_ordinary(values):
    # Of hundreds, two may round to one number.
    return len(np.unique(values)) >= values.size - 2 and np.abs(values).max() < 6


def is_constant(values):
    return values[0] != 0 and (values == values[0]).all()


def is_zero(values):
    return not values.any()


def is_half_zero(values):
    return 0.3 < (values == 0).mean() < 0.7


def is_large(values):
    return np.abs(values).mean() > 20


@pytest.mark.parametrize(
    "kind",
    [
        has_many_zeros_of_both_signs,
        has_many_denormals,
        has_ties,
        is_ordinary,
        is_constant,
        is_zero,
        is_half_zero,
        is_large,
    ],
)
def test_every_kind_of_awkward_array_is_found(kind):
    arrays = strategies.arrays(30)
    assert can_be_found(arrays, lambda array: bool(kind(array.astype(np.float64))))


@given(strategies.arrays((4, 50), awkward=False))
@example(np.random.RandomState(521).standard_normal((4, 50)).astype(np.float32))
def test_arrays_that_are_not_awkward_are_ordinary(array):
    assert is_ordinary(array.reshape(-1))


@every_float
def test_finite_floats_reach_the_largest_number_and_the_smallest_denormal(dtype):
    floats = strategies.finite_floats(dtype, magnitude=np.inf)
    sign = 1 << (8 * np.dtype(dtype).itemsize - 1)
    info = ml_dtypes.finfo(dtype)
    corners = [info.max, info.smallest_subnormal, info.smallest_normal]
    for corner in (*corners, dtype(0), dtype(0.5), dtype(1)):
        for expected in (int(bits(corner)), sign | int(bits(corner))):
            assert can_be_found(floats, lambda drawn, e=expected: bits(drawn) == e)


@pytest.mark.parametrize(
    ("kind", "distinct", "least", "mean_square"),
    [
        ("zeros", 1, 0.0, 0.0),
        ("constant", 1, None, None),
        ("ties", 3, None, None),
        ("rectified", 10_000, None, 0.5),  # half of a normal's
        ("denormal", 10_000, -1e-3, 1e-6 / 3),
        ("large", 10_000, -50.0, 50.0**2 / 3),
        ("ordinary", 10_000, None, 1.0),
    ],
)
def test_a_kind_of_content_is_as_it_is_named(kind, distinct, least, mean_square):
    random = np.random.RandomState(1)
    values = strategies._of_kind(kind, random, (200, 100), 50.0, 1e-3)
    assert values.shape == (200, 100)
    if distinct < 10_000:
        assert len(np.unique(values)) == distinct
    else:
        assert len(np.unique(values)) > distinct / 2
        # As many below zero as above, and as large.
        for half in (np.maximum(values, 0.0), np.minimum(values, 0.0)):
            np.testing.assert_allclose((half**2).mean(), mean_square / 2, rtol=0.1)
    if least is not None:
        np.testing.assert_allclose([values.min(), -values.max()], least, rtol=1e-3)


@every_float
def test_three_kinds_share_an_array_by_thirds(dtype):
    layout = FLOAT_LAYOUTS[np.dtype(dtype).name]
    kinds = ("zeros", "ordinary", "large")
    array = strategies._content(kinds, 1, 30_000, np.dtype(dtype), layout, 60_000.0)
    magnitudes = np.abs(array.astype(np.float64))
    assert magnitudes.max() <= 60_000
    for share in ((magnitudes == 0).mean(), (magnitudes > 6).mean()):
        assert 0.32 < share < 0.35


def test_an_array_shrinks_to_zeros_and_the_element_that_matters():
    shrunk = smallest(strategies.arrays((8, 8)), lambda array: (array == 100).any())
    assert np.count_nonzero(shrunk) == 1
    shrunk = smallest(strategies.arrays((8, 8)), lambda array: array.sum() > 1.5)
    assert len(np.unique(shrunk)) <= 2


def test_arrays_drawn_apart_share_no_memory():
    pairs = st.tuples(strategies.arrays(3), strategies.arrays(3))
    first, second = smallest(pairs, lambda _pair: True)
    np.testing.assert_array_equal(first, second, strict=True)
    assert not np.shares_memory(first, second)


def test_an_array_may_be_larger_than_what_hypothesis_could_draw_by_element():
    @settings(SEARCH, max_examples=5, suppress_health_check=[HealthCheck.too_slow])
    @given(strategies.arrays((1000, 1000)))
    def draw(array):
        assert array.size == 1_000_000

    draw()


def test_other_dtypes_and_magnitudes_are_refused():
    for strategy in (strategies.finite_floats, lambda d: strategies.arrays(3, d)):
        with pytest.raises(TypeError, match="Received: int32"):
            strategy(np.int32)
    for magnitude in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="magnitude must be positive"):
            strategies.arrays(3, np.float32, magnitude=magnitude)


# --------------------------------------------------------------------- labels, batches


@given(data=st.data(), examples=st.integers(0, 9), classes=st.integers(1, 4))
def test_labels_are_class_numbers(data, examples, classes):
    labels = data.draw(strategies.labels(examples, classes))
    assert labels.shape == (examples,) and labels.dtype == np.int64
    assert ((labels >= 0) & (labels < classes)).all()
    labels = data.draw(strategies.labels(examples, classes, np.float32))
    assert labels.dtype == np.float32


@given(strategies.one_class_labels(5, 3))
def test_one_class_labels_are_all_alike(labels):
    assert (labels == labels[0]).all()


def test_labels_are_found_of_one_class_and_of_all_classes():
    labels = strategies.labels(20, 4)
    for count in (1, 2, 3, 4):
        assert can_be_found(labels, lambda drawn, c=count: len(np.unique(drawn)) == c)
    assert can_be_found(labels, lambda drawn: (drawn == 3).all())


@given(data=st.data(), total=st.integers(1, 40), batch=st.integers(1, 12))
def test_batch_sizes_are_equal_but_for_a_shorter_last_one(data, total, batch):
    sizes = data.draw(strategies.batch_sizes(total, batch))
    assert 1 <= sum(sizes) <= total
    assert max(sizes) <= batch
    assert len(set(sizes[:-1])) <= 1
    assert 1 <= sizes[-1] <= sizes[0]


def test_batch_sizes_are_found_with_and_without_a_short_last_batch():
    sizes = strategies.batch_sizes(20, 6)
    assert smallest(sizes, lambda drawn: drawn[-1] < drawn[0]) == (2, 1)
    assert smallest(sizes, lambda drawn: len(drawn) > 1) == (1, 1)


@given(data=st.data(), examples=st.integers(3, 40), batch=st.integers(2, 12))
def test_batches_cover_the_examples_and_end_with_a_short_one(data, examples, batch):
    if all(examples % size == 0 for size in range(2, min(batch, examples) + 1)):
        with pytest.raises(ValueError, match="does not divide the examples"):
            strategies.batches(examples, batch)
        return
    slices = data.draw(strategies.batches(examples, batch))
    values = np.arange(examples)
    parts = [values[each] for each in slices]
    np.testing.assert_array_equal(np.concatenate(parts), values, strict=True)
    assert [each.stop - each.start for each in slices] == [len(part) for part in parts]
    assert len(parts[-1]) < len(parts[0]) <= batch
    assert len({len(part) for part in parts[:-1]}) == 1


# --------------------------------------------------------------------- seeds and more


@given(strategies.seeds())
def test_seeds_are_non_negative_int64(seed):
    assert isinstance(seed, int) and 0 <= seed < 2**63


@pytest.mark.parametrize(
    "seed",
    [0, 1, 2, 87654321, 2**31 - 2, 2**31 - 1, 2**31, 2**32 - 1, 2**32]
    + [2 * (2**31 - 1), 2**63 - 1],
)
def test_every_awkward_seed_is_found(seed):
    assert can_be_found(strategies.seeds(), lambda drawn: drawn == seed)


def test_seeds_of_every_size_are_found_and_none_that_is_no_int64():
    for low in (2**10, 2**33, 2**60):  # where no corner is
        assert can_be_found(strategies.seeds(), lambda d, x=low: x < d < 4 * x)
    assert not can_be_found(
        strategies.seeds(),
        lambda drawn: type(drawn) is not int or not 0 <= drawn < 2**63,
    )


@given(
    strategies.hyperparameters(
        learning_rate=(1e-4, 1.0),
        momentum=(0.0, 0.9),
        steps=(1, 5),
        nesterov=[False, True],
        decay=st.just(None),
    )
)
def test_hyperparameters_are_within_what_was_asked_for(drawn):
    assert list(drawn) == ["learning_rate", "momentum", "steps", "nesterov", "decay"]
    assert isinstance(drawn["learning_rate"], float)
    assert 1e-4 <= drawn["learning_rate"] <= 1.0
    assert 0.0 <= drawn["momentum"] <= 0.9
    assert isinstance(drawn["steps"], int) and 1 <= drawn["steps"] <= 5
    assert drawn["nesterov"] in (False, True)
    assert drawn["decay"] is None


def test_rates_of_every_order_of_magnitude_are_found_and_so_are_both_ends():
    rates = strategies.hyperparameters(rate=(1e-4, 1.0))
    for low in (1e-4, 1e-3, 1e-2, 1e-1):
        assert can_be_found(rates, lambda drawn, x=low: x <= drawn["rate"] < 10 * x)
    assert smallest(rates, lambda drawn: drawn["rate"] == 1.0) == {"rate": 1.0}
    assert smallest(rates, lambda _drawn: True) == {"rate": 1e-4}


@pytest.mark.parametrize(
    ("low", "high", "even"),
    [(0.0, 0.9, np.linspace), (-1.0, 1.0, np.linspace), (1e-4, 1.0, np.geomspace)],
)
def test_floats_are_spread_evenly_over_a_range_or_its_orders(low, high, even):
    values = strategies.spread(low, high)
    assert values == sorted(values) and (values[0], values[-1]) == (low, high)
    expected = even(low, high, 1001)
    # Three digits are within half of the third; ends and what rounds to them are kept.
    np.testing.assert_allclose(values, expected, rtol=5.1e-3, atol=1e-12)
    assert all(value == float(f"{value:.3g}") for value in values)


def test_a_range_of_one_value_is_that_value():
    for value in (0.5, -0.5):
        drawn = strategies.hyperparameters(rate=(value, value), steps=(3, 3))
        assert smallest(drawn, lambda _drawn: True) == {"rate": value, "steps": 3}


def test_a_range_upside_down_is_refused():
    with pytest.raises(ValueError, match="rate must be given as"):
        strategies.hyperparameters(rate=(1.0, 0.1))
