"""Claims about the geometry of plots."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import curves


def test_a_curve_fills_the_area_from_the_left_below_to_the_right_above():
    plot = curves.of_values([("loss", "tf1 s0", [(0, 0.0), (10, 4.0)], "4")], 10)
    (line,) = plot.lines
    assert line == curves.Line("loss", "tf1 s0", "M0.00 100.00L100.00 0.00", "4")
    assert plot.x == [(0.0, "0"), (50.0, "5"), (100.0, "10")]
    assert plot.y == [(25.0 * n, str(n)) for n in range(5)]


def test_curves_share_their_axes():
    low, high = [(1, 1.0), (2, 1.0)], [(1, 3.0), (2, 5.0)]
    plot = curves.of_values([("a", "s0", low, "1"), ("b", "s1", high, "5")], 2)
    assert [line.path for line in plot.lines] == [
        "M50.00 100.00L100.00 100.00",
        "M50.00 50.00L100.00 0.00",
    ]


def test_one_point_is_a_line_of_no_length():
    plot = curves.of_values([("loss", "s0", [(1, 2.0)], "2")], 1)
    assert plot.lines[0].path == "M100.00 100.00L100.00 100.00"


def test_a_play_of_no_steps_is_a_point_at_the_left():
    plot = curves.of_values([("loss", "s0", [(0, 2.0)], "2")], 0)
    assert plot.lines[0].path == "M0.00 100.00L0.00 100.00"
    assert (plot.x, plot.y) == ([(0.0, "0")], [(0.0, "2")])


def test_an_axis_may_go_on_beyond_the_steps():
    assert curves.of_steps(2, 4) == [(0.0, "0"), (25.0, "1"), (50.0, "2")]
    assert curves.of_steps(2000, 2000)[2:4] == [(50.0, "1,000"), (75.0, "1,500")]


def test_nothing_is_no_plot():
    assert curves.of_values([], 10) is None


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_within(low, span):
    high = low + span
    ticks = curves.ticks(low, high)
    assert 1 <= len(ticks) <= curves.TICKS + 1
    slack = 1e-8 * max(abs(low), abs(high))
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    for step in {b - a for a, b in zip(ticks, ticks[1:], strict=False)}:
        first = step / 10 ** math.floor(math.log10(step * (1 + 1e-6)))
        assert min(abs(first - round_) for round_ in (1, 2, 5)) < 1e-2


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, "0 0.5 1"),
        (0, 0.4, "0 0.1 0.2 0.3 0.4"),
        (0.05, 0.5, "0.2 0.4"),
        (-1, 1, "-1 -0.5 0 0.5 1"),
        (3, 30, "10 20 30"),
        (-8e6, -1e6, "-8e+06 -6e+06 -4e+06 -2e+06"),
    ],
)
def test_ticks_are_the_round_numbers_of_the_least_unit_that_makes_few(
    low, high, labels
):
    assert " ".join(f"{tick:.4g}" for tick in curves.ticks(low, high)) == labels


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_one_value_has_a_tick(value):
    assert curves.ticks(value, value) == [value]
