"""What holds for every chapter of the group "program": a whole program on each side.

A new one gets all of it for what it is drawn from (CHAPTER_plays.py) and its faults
(CHAPTER_faults.py). What holds for models as well is in every_chapter_test.py.
"""

import dataclasses
import functools
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine.comparison import compare_plays
from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair

EVERY_PROGRAM = pytest.mark.parametrize("name", chapters.PROGRAMS)
FEWER = settings(max_examples=max(3, settings().max_examples // 3))


def faults():
    """Every fault at one level; a chapter's take turns."""
    for name in chapters.PROGRAMS:
        levels = itertools.cycle(chapters.levels(name))
        for fault in chapters.faults(name):
            level = next(levels)
            yield pytest.param(name, fault, level, id=f"{name}-{fault}-{level}")


def loaded(name):
    """What both sides of a chapter take."""
    return chapters.setup(name).load(None, 1)[0]


def fields_of(name):
    return chapters.setup(name).configure(None, 1)


@functools.cache
def reference(name, both):
    """TF1's records, which all faults of a chapter are compared with."""
    return ProgramPair(name, {**fields_of(name), **dict(both)}).reference(loaded(name))


def compared(pair, level, expected, received, **options):
    """Two plays: to the bit, but for what 1.15.5's record and today differ by."""
    budget_for = pair.budgets(level) if pair.recorded else None
    return compare_plays(expected, received, budget_for=budget_for, **options)


@pytest.mark.parametrize(
    "name, level",
    [(name, level) for name in chapters.PROGRAMS for level in chapters.levels(name)],
)
def test_a_program_and_its_twin_agree(name, level):
    """As ``tf-parity run`` runs them."""
    pair = ProgramPair(name, fields_of(name))
    comparison = compared(
        pair, level, reference(name, ()), pair.candidate(loaded(name), level)
    ).require_agreement()
    assert comparison.records > pair.config.steps


@EVERY_PROGRAM
@FEWER
@given(data=st.data())
def test_they_agree_whatever_is_drawn(name, data):
    drawn = data.draw(chapters.drawn(name).plays())
    pair = ProgramPair(name, dict(drawn.fields))
    expected = pair.reference(drawn.moves)
    for level in chapters.levels(name):
        compared(
            pair, level, expected, pair.candidate(drawn.moves, level)
        ).require_agreement(f"at level {level}")


@EVERY_PROGRAM
def test_a_program_does_the_same_again(name):
    """What races with itself, or depends on time or folder, can have no twin."""
    pair, level = ProgramPair(name, fields_of(name)), chapters.levels(name)[-1]
    if pair.recorded:  # three times, when it was; and again in replay_test.py
        first = pair.candidate(loaded(name), level)
    else:
        first = reference(name, ())
        compare_plays(first, pair.reference(loaded(name))).require_agreement()
    compare_plays(first, pair.candidate(loaded(name), level)).require_agreement()


@EVERY_PROGRAM
def test_what_it_runs_by_default_is_said(name):
    setup = chapters.setup(name)
    config = chapters.graph(name).Config()
    assert config.steps == setup.STEPS
    assert {*setup.LEVELS} <= {"eager", "function", "fit"}
    known = {field.name for field in dataclasses.fields(config)}
    assert {*fields_of(name)} <= known


@pytest.mark.parametrize("name, fault, level", list(faults()))
def test_a_planted_fault_is_caught_at_its_stage(name, fault, level):
    planted = chapters.faults(name)[fault]
    true = vars(chapters.twin(name)).copy()
    both = (*(planted.both or {}).items(),)
    pair = ProgramPair(name, fields_of(name), planted)
    divergence = compared(
        pair,
        level,
        reference(name, both),
        pair.candidate(loaded(name), level),
        stop_at_first=True,
    ).first_divergence
    assert divergence is not None, planted.says
    assert divergence.stage == planted.stage, divergence.describe()
    assert vars(chapters.twin(name)) == true  # taken back
