"""What only the chapter on nearest neighbours claims."""

import numpy as np
import pytest

from parity_tests.models import chapters
from parity_tests.models.nearest_neighbours import KNOWN
from parity_tests.models.pair import ProgramPair

CHAPTER = "nearest_neighbours"
DATA = chapters.setup(CHAPTER).load(None, 1)[0]


def answers(side):
    """(numbers of the nearest, distances [asked, N]) of a side's records."""
    *records, _ = side
    outputs = [record["outputs"] for record in records]
    indices = np.stack([seen["nn_index"] for seen in outputs])
    return indices, np.stack([seen["distance"] for seen in outputs])


@pytest.fixture(scope="module")
def of_graph():
    return ProgramPair(CHAPTER).reference(DATA)


def test_it_has_no_variables():
    graph = chapters.graph(CHAPTER).build().graph
    assert not graph.get_collection("variables")


def test_the_nearest_is_that_of_the_formula(of_graph):
    digits, _, asked, _ = (part.astype(np.float64) for part in DATA)
    expected = np.stack([np.abs(digits - xte).sum(1) for xte in asked])
    indices, distances = answers(of_graph)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)
    np.testing.assert_array_equal(indices, expected.argmin(1), strict=True)


def test_of_two_equally_near_digits_it_is_the_first(of_graph):
    indices, distances = answers(of_graph)
    np.testing.assert_array_equal(
        distances[:, :KNOWN], distances[:, KNOWN:], strict=True
    )
    assert indices.max() < KNOWN


def test_a_known_digit_is_its_own_neighbour():
    digits, labels, *_ = (part[:20] for part in DATA)
    pair = ProgramPair(CHAPTER, {"steps": 20})
    for side in (pair.reference, lambda data: pair.candidate(data, "function")):
        records = side((digits, labels, digits, labels))
        indices, distances = answers(records)
        assert indices.tolist() == list(range(20)) and not distances.diagonal().any()
        assert records[-1]["accuracy"]["accuracy"] == pytest.approx(1)


# Traps, with their margins: the share of digits that get another neighbour.


@pytest.mark.parametrize(
    "fault, least",
    [  # measured: 0.115, 0.405, 0.87 and 1
        ("euclidean", 0.08),
        ("by_cosine", 0.3),
        ("bytes_subtracted", 0.6),
        ("last_of_equals", 0.7),
    ],
)
def test_a_trap_is_this_far_off(of_graph, fault, least):
    faulty = ProgramPair(CHAPTER, fault=chapters.faults(CHAPTER)[fault])
    indices, _ = answers(faulty.candidate(DATA, "function"))
    share = np.mean(indices != answers(of_graph)[0])
    assert least < share <= min(1, 1.5 * least)
