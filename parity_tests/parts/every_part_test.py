"""What holds for every recorded part: it is TF1's, on genuine 1.15.5 as well."""

import contextlib
import functools
import importlib
import inspect

import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.engine import budgets
from parity_tests.engine.comparison import compare_plays
from parity_tests.parts.making import constructor
from parity_tests.parts.table import PARTS
from parity_tests.witness import golden, recordables, replay
from tf1_graph import session

GRAPH_SIDES = {
    kind: importlib.import_module(f"tf1_graph.parts.{kind}")
    for kind in recordables.KINDS
}
# {part: the kind whose golden has its cases}
KIND_OF = {
    case.part: kind
    for kind, side in GRAPH_SIDES.items()
    for case in side.CASES.values()
}
CASES = {
    part.name: [
        case
        for side in GRAPH_SIDES.values()
        for case in side.CASES.values()
        if case.part == part.name
    ]
    for part in PARTS
    if part.name.partition(".")[0] in GRAPH_SIDES
}
EVERY_PART = pytest.mark.parametrize("part", CASES)
# What has no effect on numbers; seeds, which their own tests are about.
WITHOUT_EFFECT = {"name", "seed", "verify_shape"}


# Of what 1.15.5 has one value, so that none could be recorded beside it, and why.
REFUSED = "the part refuses another"
OF_KERAS = "a program of TF1 fetched a state and fed it"
OF_SEEDS = "where only the graph had a seed, TF1 drew the two kernels by two of its own"
OF_TODAY = "'compat.v1' is for what today's TensorFlow makes of it"
ONE_VALUE = {
    ("layers.BatchNormalization", "renorm"): REFUSED,
    ("layers.Dropout", "scaling"): OF_TODAY,
    ("layers.LayerNormalization", "epsilon"): "tf.contrib.layers.layer_norm took none",
    ("layers.MaxPoolingWithArgmax", "output_dtype"): "a CPU had no kernel for int32",
    ("losses.LogLoss", "rounding"): OF_TODAY,
    ("recurrent.BasicLSTMCell", "state_is_tuple"): REFUSED,
    ("recurrent.DynamicRNN", "stateful"): OF_KERAS,
    ("recurrent.StaticRNN", "stateful"): OF_KERAS,
    ("recurrent.GRUCell", "candidate_kernel_initializer"): OF_SEEDS,
    ("recurrent.LSTMCell", "state_is_tuple"): REFUSED,
    ("recurrent.MultiRNNCell", "state_is_tuple"): REFUSED,
    ("recurrent.DropoutWrapper", "variational_recurrent"): REFUSED,
    ("recurrent.DropoutWrapper", "scaling"): OF_TODAY,
    ("recurrent.gru_weights_to_keras", "reset_after"): REFUSED,
    ("recurrent.gru_weights_from_keras", "reset_after"): REFUSED,
}


def options(part):
    """Arguments of a part that have a default, those handed on to a base included."""
    made = constructor(part)
    if not callable(made):  # Reduction, a table: each of its names is recorded
        return set()
    found = {}
    for definition in getattr(made, "__mro__", [made]):
        parameters = inspect.signature(definition).parameters.values()
        found = {**{parameter.name: parameter for parameter in parameters}, **found}
        handed_on = any(p.kind is p.VAR_KEYWORD for p in parameters)
        if not handed_on or not definition.__module__.startswith("tf2_keras"):
            break
    return {
        name
        for name, parameter in found.items()
        if parameter.default is not parameter.empty
        and name not in WITHOUT_EFFECT
        and (part, name) not in ONE_VALUE
    }


@EVERY_PART
def test_a_part_is_recorded_with_its_defaults_and_with_every_option(part):
    given = [set(case.arguments) for case in CASES[part]]
    assert any(not arguments & options(part) for arguments in given)
    assert set().union(*given) >= options(part)


@pytest.mark.parametrize("part, option", ONE_VALUE)
def test_an_option_of_one_value_has_no_other(part, option):
    made = constructor(part)
    assert all(option not in case.arguments for case in CASES[part])
    if ONE_VALUE[part, option] != REFUSED:
        return
    default = inspect.signature(made).parameters[option].default
    if inspect.isclass(made):
        (descriptor,) = (known for known in PARTS if known.name == part)
        refused = [
            known.get(option) for known, wrong in descriptor.refused if wrong == option
        ]
        assert refused == [not default]
    else:
        required = [
            name
            for name, parameter in inspect.signature(made).parameters.items()
            if parameter.default is parameter.empty
        ]
        with pytest.raises(ValueError, match=f"^{option} must be "):
            made(**dict.fromkeys(required), **{option: not default})


def first_moves(case, arguments):
    """The records of a case's first moves, with other arguments.

    Without what rewrites graphs: it takes longer than fifty moves, and moves last bits.
    """
    graph_side = GRAPH_SIDES[KIND_OF[case.part]]
    program, moves, values, settings = graph_side.play(
        case._replace(arguments=arguments)
    )
    as_written = tf1.ConfigProto(allow_soft_placement=True)
    as_written.graph_options.rewrite_options.disable_meta_optimizer = True
    opened = tf1.Session(graph=program.graph, config=as_written)
    with contextlib.closing(opened):  # and not entered: a play may be left half-way
        yield from session.play(program, moves[:50], values, settings, opened)


@pytest.mark.parametrize("part", [part for part in CASES if options(part)])
def test_every_option_makes_a_difference_in_some_case(part):
    """On TF1's side: else whatever the part makes of it would agree."""
    whole = {}  # {number of a case: its records}, played once for all options

    def differs(number, option):
        case = CASES[part][number]
        without = {**case.arguments}
        del without[option]
        try:
            played = list(first_moves(case, without))
        except (ValueError, tf.errors.InvalidArgumentError):
            return True  # TF1 did not even take what is left
        if number not in whole:
            whole[number] = list(first_moves(case, case.arguments))
        return not compare_plays(whole[number], played, stop_at_first=True).ok

    without_effect = [
        option
        for option in sorted(options(part))
        if not any(
            differs(number, option)
            for number, case in enumerate(CASES[part])
            if option in case.arguments
        )
    ]
    assert not without_effect, f"left out of any case of {part}, these change nothing"


# 1.15.5 itself, as it was recorded.


@functools.cache
def leg(part, side):
    """A part's golden against a side: only what is asked for is played."""
    kind = KIND_OF[part]
    ((_, _, comparison),) = replay.part_legs(stored(kind), [part], [side])
    return comparison


@EVERY_PART
@pytest.mark.parametrize("side", replay.PART_SIDES)
def test_a_part_does_what_1_15_5_did(part, side):
    kind = KIND_OF[part]
    comparison = leg(part, side).require_agreement()
    assert comparison.records == sum(
        len(stored(kind).kept(play))
        for play, case in GRAPH_SIDES[kind].CASES.items()
        if case.part == part
    )


@functools.cache
def stored(kind):
    return golden.Golden(replay.GOLDENS / "parts" / kind)


@pytest.mark.parametrize("kind", recordables.KINDS)
def test_what_is_recorded_are_the_cases(kind):
    assert stored(kind).plays == tuple(GRAPH_SIDES[kind].CASES)


@EVERY_PART
def test_the_budgets_of_a_part_are_needed(part, needed_here):
    """Each by some stage of some play; what is float64 is budgeted apart."""
    needed_here("parts/" + KIND_OF[part])
    cells = leg(part, "compat.v1").cells
    differing = {stage for stage, cell in cells.items() if cell.max_ulp}
    stated = {
        entry["stage"]
        for entry in budgets.entries()
        if budgets.subject(entry) == part
        and entry["level"] in ("1.15.5", "1.15.5" + replay.FLOAT64)
    }
    assert differing == stated
