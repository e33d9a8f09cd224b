"""Claims about the rows of the twin view: every line once, in order, by its role."""

import pytest

from parity_tests.models import chapters, facing, reading


def passage(source, first_line=1):
    return reading.Passage("forward", first_line, source)


LEFT = passage(
    """\
def forward(x):
    # why
    w = tf.Variable(
        0.0)
    b = tf.Variable(1.0)
    y = x * w + b
    return y""",
    first_line=10,
)
RIGHT = passage(
    """\
@registered
def forward(x):
    y = Dense(1)(x)
    return y""",
    first_line=50,
)


def test_statements_of_one_role_face_each_other():
    assert facing.rows(LEFT, RIGHT) == [
        ([10], [50, 51]),
        ([11, 12, 13, 14], []),
        ([15], [52]),
        ([16], [53]),
    ]


def test_what_stands_in_a_scope_faces_what_stands_in_none():
    scoped = passage("def forward(x):\n    with tf.name_scope('a'):\n        return x")
    plain = passage("def forward(x):\n    return x")
    assert facing.rows(scoped, plain) == [([1], [1]), ([2], []), ([3], [2])]


def test_a_passage_without_a_counterpart_stands_alone():
    assert facing.rows(None, RIGHT) == [([], [50, 51, 52, 53])]
    assert facing.rows(LEFT, None) == [([10, 11, 12, 13, 14, 15, 16], [])]


def test_a_pin_sets_two_lines_beside_each_other():
    assert facing.rows(LEFT, RIGHT, pins=[(13, 52)]) == [
        ([10], [50, 51]),
        ([11, 12, 13], [52]),
        ([14, 15], []),
        ([16], [53]),
    ]


def test_a_pin_must_name_lines_of_both_passages():
    with pytest.raises(ValueError, match=r"line of both passages. Received: 9\."):
        facing.rows(LEFT, RIGHT, pins=[(9, 52)])


def test_pins_must_not_cross():
    with pytest.raises(ValueError, match="must not cross"):
        facing.rows(LEFT, RIGHT, pins=[(13, 53), (16, 52)])


@pytest.mark.parametrize("name", chapters.STEMS)
def test_every_line_of_both_files_stands_in_one_row(name):
    """But the empty ones between passages."""
    for side, path in enumerate(reading.sources(name)):
        shown = [
            number
            for passages in reading.aligned(name)
            for row in facing.rows(*passages)
            for number in row[side]
        ]
        assert shown == sorted(set(shown))
        lines = path.read_text(encoding="utf-8").splitlines()
        written = {number for number, line in enumerate(lines, 1) if line.strip()}
        assert written <= set(shown) <= set(range(1, len(lines) + 1))


@pytest.mark.parametrize("name", chapters.STEMS)
def test_what_has_one_name_on_both_sides_is_more_than_one_row(name):
    """A chapter whose functions stood in one row each would not be aligned inside."""
    rows = {
        left.name: len(facing.rows(left, right))
        for left, right in reading.aligned(name)
        if left and right
    }
    assert max(rows.values()) >= 4
