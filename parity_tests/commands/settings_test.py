"""Claims about what run and bench are told to run: no option is ever ignored."""

import os

import pytest

from parity_tests.commands import settings
from parity_tests.commands.mistakes import UserError
from parity_tests.datasets.errors import DatasetError
from parity_tests.models import chapters

# The first has no data, the graph of gcn is one batch, and a picture's style another.
WITHOUT_BATCHES = ("session_basics", "gcn", "neural_style")
WITH_BATCHES = tuple(name for name in chapters.MODELS if name not in WITHOUT_BATCHES)


def test_without_options_it_is_every_chapter():
    assert tuple(settings.configured((), None, 1, None)) == chapters.NAMES


def test_a_batch_size_is_for_the_chapters_that_have_one():
    configured = settings.configured((), None, 3, 7)
    assert tuple(configured) == WITH_BATCHES
    for fields, _, _ in configured.values():
        assert fields["batch_size"] == 7 and fields["seed"] == 3
    with pytest.raises(
        UserError, match="--chapter session_basics. Use some of: linear"
    ):
        settings.configured(("resnet", "session_basics"), None, 1, 7)


def test_of_a_group_it_is_the_chapters_that_can_use_the_options(tmp_path):
    basics = chapters.GROUPS["basics"]
    configured = settings.configured((), None, 1, None, ("basics",))
    assert tuple(configured) == basics
    configured = settings.configured(("resnet",), None, 1, 7, ("basics",))
    assert tuple(configured) == (
        "resnet",
        *(name for name in basics if name in WITH_BATCHES),
    )
    with pytest.raises(UserError, match="Received: --group graphs. Use --chapter"):
        settings.configured((), tmp_path, 1, None, ("graphs",))


def test_what_1_15_5_recorded_is_left_out_where_it_recorded_something_else():
    program = chapters.GROUPS["program"]
    assert tuple(settings.configured((), None, 1, None, ("program",))) == program
    others = tuple(name for name in program if not chapters.recorded(name))
    assert others != program
    assert tuple(settings.configured((), None, 2, None, ("program",))) == others
    configured = settings.configured((), None, 1, None, ("program",), steps=17)
    assert tuple(configured) == others


@pytest.mark.parametrize(
    "name, examples",
    [("linear_regression", 2000), ("mnist_cnn", 5000), ("resnet", 10000)],
)
def test_a_batch_holds_at_most_all_examples(name, examples):
    fields, _, _ = settings.configured((name,), None, 1, examples)[name]
    assert fields["batch_size"] == examples
    with pytest.raises(
        UserError, match=f"at most the {examples:,} examples that {name}"
    ):
        settings.configured((name,), None, 1, examples + 1)


def test_data_are_for_the_chapters_that_read_them(tmp_path):
    with pytest.raises(UserError, match=f"Received: the empty folder '{tmp_path}'"):
        settings.configured((), tmp_path, 1, None)  # mlp is the first to read it
    for name in ("session_basics", "linear_regression", "logistic_regression"):
        with pytest.raises(
            UserError, match="Use some of: mlp, kmeans, nearest_neighbours"
        ):
            settings.configured((name,), tmp_path, 1, None)


@pytest.mark.parametrize("name", chapters.NAMES)
def test_a_chapter_declares_whether_it_reads_data(name):
    setup = chapters.setup(name)
    if hasattr(setup, "DATA_SETS"):
        with pytest.raises(DatasetError):
            setup.load(os.devnull, 1)
        files = {file for data_set in setup.DATA_SETS for file in data_set.FILES}
        assert {os.path.join("x", file) for file in files} <= set(
            settings.data_files("x")
        )
    else:
        setup.load(os.devnull, 1)


def test_a_chapter_named_twice_is_run_once():
    names = ("session_basics", "linear_regression", "session_basics")
    assert tuple(settings.configured(names, None, 1, None)) == names[:2]
