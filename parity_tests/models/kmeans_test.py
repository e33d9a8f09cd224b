"""What only the chapter on k-means claims."""

import itertools

import numpy as np
import pytest

from parity_tests.models import chapters, kmeans_plays
from parity_tests.models.kmeans_plays import SMALL
from parity_tests.models.pair import ChapterPair
from parity_tests.models.vae_plays import small_digits

CHAPTER = "kmeans"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)


def sides_of(pair):
    return pair.reference, lambda moves: pair.candidate(moves, "function")


def normalised(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_the_sources_own_size_is_bit_equal():
    train, _ = chapters.setup(CHAPTER).load(None, seed=1)
    with ChapterPair(CHAPTER) as pair:
        play = list(itertools.islice(pair.setup.moves(train, pair.config), 3))
        comparison = pair.compare(play, "function").require_agreement()
    assert comparison.records == 4


def test_both_programs_report_the_same_and_name_the_clusters_alike():
    fields = {"num_features": 36, "k": 8, "batch_size": 100}
    fields.update(num_steps=12, display_step=4)
    (graph_reports, graph_accuracy), (twin_reports, twin_accuracy) = (
        side.run(*small_digits(), side.Config(**fields)) for side in (GRAPH, TWIN)
    )
    assert [step for step, _ in graph_reports] == [1, 4, 8, 12]
    assert graph_reports == twin_reports
    assert graph_reports[-1][1] < 0.9 * graph_reports[0][1]
    assert graph_accuracy == twin_accuracy > 0.3


def test_a_centre_is_the_mean_of_all_that_were_its_own():
    """The first digit counts as one of them."""
    made = kmeans_plays.batches(4)
    play = [("init", {"x": made[0]})]
    for x in made:
        play += [("predict", {"x": x}), ("train", {"x": x})]
    with ChapterPair(CHAPTER, SMALL) as pair:
        for side in sides_of(pair):
            *records, last = side(play)
            owned = [[first] for first in normalised(made[0][:4])]
            predicted = [r["outputs"]["cluster_idx"] for r in records if "outputs" in r]
            for x, cluster_idx in zip(made, predicted, strict=True):
                for row, cluster in zip(normalised(x), cluster_idx, strict=True):
                    owned[cluster].append(row)
            means = [np.mean(rows, 0) for rows in owned]
            np.testing.assert_allclose(last["updates"]["clusters"], means, rtol=1e-5)
            counts = [len(rows) for rows in owned]
            assert last["updates"]["total_counts"].tolist() == counts


def test_of_equal_centres_the_first_has_all_and_the_other_stays():
    x = kmeans_plays.batches(1)[0]
    start = np.repeat(x[:1], 4, 0)
    with ChapterPair(CHAPTER, SMALL) as pair:
        for side in sides_of(pair):
            play = [("init", {"x": start}), ("train", {"x": x}), ("predict", {"x": x})]
            _, begun, trained, _ = side(play)
            assert trained["updates"]["total_counts"].tolist() == [11, 1, 1, 1]
            for cluster in (1, 2, 3):
                np.testing.assert_array_equal(
                    trained["updates"]["clusters"][cluster],
                    begun["updates"]["clusters"][cluster],
                    strict=True,
                )


def test_nothing_is_trained_by_an_optimizer():
    with ChapterPair(CHAPTER, SMALL) as pair:
        assert not pair.model.trainable_variables
        assert not pair.program.graph.get_collection("trainable_variables")
        assert not pair.program.slots


# Traps, with their margins: what is off after ten steps, as a share of the centres.


@pytest.mark.parametrize(
    "fault, least",
    [  # measured: 0.80, 0.63, 1.75 and 0.23
        ("batch_mean", 0.6),
        ("empty_to_zero", 0.5),
        ("raw_digits_are_averaged", 1.4),
        ("euclidean", 0.18),
    ],
)
def test_a_trap_is_this_far_off(fault, least):
    digits, _ = small_digits()
    fields = {"num_features": 36, "k": 8}
    blocks = [digits[start : start + 20] for start in range(0, 200, 20)]
    play = [("init", {"x": digits}), *(("train", {"x": x}) for x in blocks)]
    with ChapterPair(CHAPTER, fields, chapters.faults(CHAPTER)[fault]) as pair:
        share = pair.share_off(play, names=["clusters"])
    assert least < share < 1.5 * least
