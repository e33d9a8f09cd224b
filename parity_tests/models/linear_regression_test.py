"""What only the linear regression chapter claims."""

import numpy as np
import pytest

from parity_tests.models import chapters
from parity_tests.models.pair import ChapterPair
from tf1_graph import session as tf1_session

CHAPTER = "linear_regression"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)


def test_data_and_reported_parameters_are_those_of_the_notes():
    x, y = GRAPH.make_data()
    assert x.shape == (2000, 3) and y.shape == (1, 2000)
    reports = GRAPH.run(x, y)
    assert [report[0] for report in reports] == [0, 5, 10]
    weights, bias = reports[-1][1:]
    np.testing.assert_allclose(weights, [[0.3, 0.5, 0.1]], atol=0.01)
    np.testing.assert_allclose(bias, -0.2, atol=0.01)


@pytest.mark.parametrize("batch_size", [2000, 300])
def test_both_programs_report_the_same_parameters(batch_size):
    x, y = GRAPH.make_data()
    of_graph, of_twin = (
        side.run(x, y, side.Config(batch_size=batch_size)) for side in (GRAPH, TWIN)
    )
    assert len(of_graph) == 3
    for expected, received in zip(of_graph, of_twin, strict=True):
        assert expected[0] == received[0]
        for value, other in zip(expected[1:], received[1:], strict=True):
            np.testing.assert_array_equal(value, other, strict=True)


@pytest.mark.parametrize("level", ["function", "fit"])
def test_full_size_data_are_bit_equal_over_all_steps(level):
    (x, y_true), _ = chapters.setup(CHAPTER).load(None, seed=0)
    moves = [("train", {"x": x, "y_true": y_true})] * 11
    with ChapterPair(CHAPTER) as pair:
        pair.compare(moves, level, granted=False).require_agreement()


def test_targets_in_a_column_broadcast_without_a_word():
    """The trap of ``y_true`` with shape None: a loss over [batch, batch] differences."""
    (x, y_true), _ = chapters.setup(CHAPTER).load(None, seed=0)
    x, y_true = x[:50], y_true[:, :50]
    values = {"inference/weights": [[0.3, 0.5, 0.1]], "inference/bias": -0.2}
    program = chapters.program(CHAPTER, GRAPH.Config())

    def loss_of(targets):
        batch = {"x": x, "y_true": targets}
        _, record = tf1_session.play(program, [("train", batch)], values)
        return record["loss"]["loss"]

    right, broadcast = loss_of(y_true), loss_of(y_true.T)
    assert broadcast > 10 * right
    _, record = tf1_session.play(program, [("predict", {"x": x})], values)
    y_pred = record["outputs"]["y_pred"]
    assert TWIN.loss(y_true.T, y_pred).numpy() == broadcast
