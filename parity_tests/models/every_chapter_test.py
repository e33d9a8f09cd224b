"""What holds for every chapter: one property after the other, each for all of them.

A new chapter gets all of it for what it is drawn from (CHAPTER_plays.py) and its faults
(CHAPTER_faults.py). What only one chapter claims is in CHAPTER_test.py, what holds for
the programs among them in every_program_test.py, and how both files of one are read in
read_alike_test.py.
"""

import dataclasses
import functools
import itertools
import os
import tempfile

import keras
import numpy as np
import pytest
import tensorflow.compat.v1 as tf1
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine import budgets, processors
from parity_tests.engine.comparison import compare_plays
from parity_tests.models import chapters
from parity_tests.models.batches import batches_of, by_part, dense, runs_of
from parity_tests.models.exported_moves import named, without_sparse
from parity_tests.models.pair import ChapterPair, twin_of
from parity_tests.witness import handed_over
from tf1_graph import exported
from tf1_graph import session as tf1_session
from tf2_keras import training
from tf2_keras.migrate.checkpoint import handover, writing
from tf2_keras.migrate.checkpoint.errors import HandoverError

EVERY_CHAPTER = pytest.mark.parametrize("name", chapters.NAMES)
EVERY_MODEL = pytest.mark.parametrize("name", chapters.MODELS)
HALF = settings(max_examples=settings().max_examples // 2)
FEWER = settings(max_examples=settings().max_examples // 3)
EXACT_LEVELS = ("function", "fit")
CARRIED_BY_PYTHON = [n for n in chapters.MODELS if n not in chapters.checkpointed()]
EVERY_LEVEL = pytest.mark.parametrize("level", training.LEVELS)


@functools.cache
def pair_of(name, fields=()):
    """One pair for each configuration, ((field, value), ...); all else is fed."""
    # Where compat.v1 has moved from 1.15, whose age the twin is of, the twin moves too.
    pair = ChapterPair(name, dict(fields), getattr(chapters.drawn(name), "MOVED", None))
    pair.close()  # the layers are made: the twin's module is as it was
    return pair


def small_pair(name, fields=None):
    """A pair of the small configuration: built once, and started over by every play."""
    return built_pair(
        name, (*{**chapters.drawn(name).SMALL, **(fields or {})}.items(),)
    )


@functools.cache
def built_pair(name, fields):
    return ChapterPair(name, dict(fields))


@functools.cache
def training_of(pair, started):
    """(moves, TF1's records of them): what every fault of a chapter is compared with.

    Args:
        pair: what ``small_pair`` returned.
        started: whether from ``START`` instead of the initial values.
    """
    drawn = chapters.drawn(pair.name)
    moves = [move for move in drawn.moves(pair.config) if move[0] != "predict"]
    return moves, list(pair.reference(moves, drawn.START if started else None))


def descends(name):
    """Whether a chapter has an optimizer, and so gradients."""
    return hasattr(chapters.graph(name), "optimizer")


def exact_at(name, level):
    """Whether a chapter has no budget at a level on this machine."""
    return not any(
        budgets.subject(entry) == name
        and entry["level"] == level
        and budgets.granted_here(entry)
        for entry in budgets.entries()
    )


def exact_levels(name):
    return tuple(level for level in training.LEVELS if exact_at(name, level))


def budgeted_eagerly():
    return [name for name in chapters.MODELS if not exact_at(name, "eager")]


def faults():
    """Every fault at one level, for which its twin is traced; a chapter's take turns."""
    for name in chapters.MODELS:
        levels = itertools.cycle(exact_levels(name))
        for fault in chapters.faults(name):
            level = next(levels)
            yield pytest.param(name, fault, level, id=f"{name}-{fault}-{level}")


# Plays.


@EVERY_MODEL
@HALF
@given(data=st.data())
def test_whole_plays_agree(name, data):
    """0 ULP, whatever is drawn, at every level without a budget, in any order of them:
    what one has traced may change nothing at another."""
    drawn = data.draw(chapters.drawn(name).plays())
    levels = data.draw(st.permutations(exact_levels(name)))
    require_agreement(name, levels, drawn, granted=False)


# The same examples in every run: a budget was measured, and roundings that training
# magnifies, such as of a gradient that all but cancels, have no bound.
@pytest.mark.parametrize("name", budgeted_eagerly())
@settings(derandomize=True)
@given(data=st.data())
def test_whole_plays_stay_within_their_budgets(name, data):
    drawn = data.draw(chapters.drawn(name).plays(awkward=False))
    require_agreement(name, ("eager",), drawn, granted=True)


@EVERY_MODEL
def test_pinned_plays_are_bit_equal(name):
    for drawn in getattr(chapters.drawn(name), "EXAMPLES", ()):
        require_agreement(name, exact_levels(name)[::-1], drawn, granted=False)


def require_agreement(name, levels, drawn, granted):
    """Of the twin at some levels; TF1's play, which costs as much, is played once."""
    pair = pair_of(name, drawn.fields)
    expected = list(pair.reference(drawn.moves, drawn.values, drawn.settings))
    for level in levels:
        comparison = compare_plays(
            expected,
            pair.candidate(drawn.moves, level, drawn.values, drawn.settings),
            budget_for=pair.budgets(level) if granted else None,
        ).require_agreement(f"at level {level}")
        assert comparison.records == 1 + len(drawn.moves)


@EVERY_MODEL
@EVERY_LEVEL
def test_a_play_from_the_initial_values_on_agrees(name, level):
    pair = small_pair(name)
    moves = chapters.drawn(name).moves(pair.config)
    comparison = pair.compare(moves, level).require_agreement()
    assert comparison.records == 1 + len(moves)
    stages = {stage for stage, cell in comparison.cells.items() if cell.compared}
    assert {"initial values", "outputs", "loss", "updates"} <= stages
    assert ("gradients" in stages) is descends(name)


@EVERY_MODEL
@EVERY_LEVEL
def test_a_second_play_starts_where_the_first_did(name, level):
    """Weights, slots and a dropout's place in its stream are reset."""
    pair = small_pair(name)
    moves = chapters.drawn(name).moves(pair.config)
    first, second = (list(pair.candidate(moves, level)) for _ in range(2))
    losses = [record["loss"] for record in first if "loss" in record]
    assert losses[0] != losses[1]
    compare_plays(first, second).require_agreement()


@EVERY_MODEL
def test_every_variable_has_the_name_and_shape_of_tf1(name):
    """The full size of ``Config()``, which no play here has."""
    sides = chapters.graph(name), chapters.twin(name)
    built = sides[0].build()
    with built.graph.as_default():
        expected = {
            variable.op.name: tuple(variable.shape.as_list())
            for variable in tf1.trainable_variables()
        }
    model = sides[1].build()
    names = {path: key for key, path in sides[1].checkpoint_names(model).items()}
    assert expected == {
        names[variable.path]: tuple(variable.shape)
        for variable in model.trainable_variables
    }


# Configuration and batches.


@EVERY_CHAPTER
def test_both_sides_have_the_same_configuration(name):
    of_graph, of_twin = (
        [(field.name, field.type, field.default) for field in dataclasses.fields(side)]
        for side in (chapters.graph(name).Config, chapters.twin(name).Config)
    )
    assert of_graph == of_twin


@pytest.mark.parametrize(
    "name, maker",
    [
        *((name, "make_data") for name in ("linear_regression", "logistic_regression")),
        *((name, "data") for name in ("input_iterators", "input_queues")),
        *(
            (name, "examples")
            for name in ("save_restore", "summaries", "finetune", "monitored_session")
        ),
        ("slim_cnn", "examples"),
        ("hello_rnn", "examples"),
        ("mixed_precision", "examples"),
        ("parameter_server", "examples"),
        ("control_flow", "signal"),
    ],
)
def test_both_sides_make_the_same_data(name, maker):
    made = (
        getattr(side, maker)() for side in (chapters.graph(name), chapters.twin(name))
    )
    for ours, theirs in zip(*map(tf1.nest.flatten, made), strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


@EVERY_MODEL
@given(
    batch_size=st.integers(1, 250),
    examples=st.integers(1, 200),
    seed=st.integers(0, 2**32 - 1),
)
def test_both_sides_take_the_same_batches(name, batch_size, examples, seed):
    """In order, a short batch at the end of an epoch where the source had one."""
    setup, graph = chapters.setup(name), chapters.graph(name)
    fields = {**setup.configure(None, seed), "seed": seed}
    if hasattr(graph.Config(), "batch_size"):
        fields["batch_size"] = batch_size
    config = graph.Config(**fields)
    train = setup.load(None, 1)[0]
    if hasattr(setup, "first"):
        train = setup.first(train, examples, batch_size)
    else:
        train = tuple(part[:examples] for part in train)
    trains = getattr(setup, "TRAINS", ("train",))
    steps = min(12, 2 * -(-examples // batch_size) + 1)
    steps = -(-steps // len(trains))  # of several moves each
    compared = 0
    of_twin = setup.dataset(train, config).take(steps)
    moves = (batch for move, batch in setup.moves(train, config) if move in trains)
    for received in of_twin:
        received = tf1.nest.map_structure(dense, received)
        for arrays in batches_of(setup, received, config):
            for one, other in zip(next(moves).values(), arrays, strict=True):
                np.testing.assert_array_equal(dense(one), other, strict=True)
        compared += 1
    assert compared == steps


# Budgets and faults.


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(entry, id=f"{entry['chapter']}-{entry['stage']}")
        for entry in budgets.entries()
        if entry["level"] == "eager" and "chapter" in entry
        if budgets.granted_here(entry)
    ],
)
def test_an_eager_budget_is_needed(entry, needed_here):
    """Somewhere among these plays a stage is off: without its budget it would fail."""
    name = entry["chapter"]
    drawn = chapters.drawn(name)
    worst = 0
    for fields, values in getattr(drawn, "REVEALING", ((drawn.SMALL, drawn.START),)):
        pair = pair_of(name, tuple(fields.items()))
        moves = drawn.moves(pair.config)
        comparison = pair.compare(moves, "eager", values, granted=False)
        worst = max(worst, comparison.cells[entry["stage"]].max_ulp)
    if not worst:
        seen_on = entry.get("needed_on", "")
        if seen_on not in processors.model():
            pytest.skip(f"this budget was seen to be needed on {seen_on} only")
        needed_here(name)
    assert worst > 0


@pytest.mark.parametrize("name, fault, level", list(faults()))
def test_a_planted_fault_is_caught_at_its_stage(name, fault, level):
    drawn, planted = chapters.drawn(name), chapters.faults(name)[fault]
    true = vars(chapters.twin(name)).copy()
    started = planted.stage != "initial values"
    pair = small_pair(name, planted.both)
    moves, expected = training_of(pair, started)
    with ChapterPair(name, drawn.SMALL, planted, pair.program) as faulty:
        divergence = compare_plays(
            expected,
            faulty.candidate(moves, level, drawn.START if started else None),
            budget_for=faulty.budgets(level),
            stop_at_first=True,
        ).first_divergence
    assert divergence is not None, planted.says
    assert divergence.stage == planted.stage, divergence.describe()
    assert vars(chapters.twin(name)) == true  # taken back


# Models.


def continued(name, pair, model, moves):
    """The play of a model that was made from the pair's, from where that stands."""
    twin = twin_of(name, model)
    twin.inputs.update(pair.twin.inputs)
    return training.play(twin, moves)


# Keras 3 writes a TensorFlow variable as NumPy 1 would.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@EVERY_MODEL
def test_a_saved_and_loaded_model_goes_on_where_it_stopped(name, tmp_path):
    """Weights, slots, counts and the place in every stream are all in the file."""
    pair = small_pair(name)
    moves = chapters.drawn(name).moves(pair.config)
    whole = list(pair.reference(moves))
    list(pair.candidate(moves[:2], "function"))
    pair.model.save(tmp_path / "half.keras")
    loaded = keras.models.load_model(tmp_path / "half.keras")
    rest = list(continued(name, pair, loaded, moves[2:]))
    state = {**whole[2]["updates"], **whole[2]["slots"]}
    compare_plays(
        [{"initial values": state}, *whole[3:]],
        rest,
        budget_for=pair.budgets("function"),
    ).require_agreement()


@EVERY_MODEL
def test_a_clone_trains_as_the_original_does(name):
    pair = small_pair(name)
    pair.twin.reset()
    clone = keras.models.clone_model(pair.model)
    assert type(clone) is type(pair.model)
    clone.set_weights(pair.model.get_weights())
    if not descends(name):
        clone.compile(jit_compile=False)
    elif type(clone).get_compile_config is keras.Model.get_compile_config:
        optimizer = chapters.twin(name).optimizer(pair.config)
        clone.compile(optimizer, loss=pair.model.loss, jit_compile=False)
    else:  # it has several
        clone.compile_from_config(pair.model.get_compile_config())
    moves = chapters.drawn(name).moves(pair.config)
    compare_plays(
        pair.reference(moves), continued(name, pair, clone, moves)
    ).require_agreement()


@EVERY_MODEL
def test_an_exported_graph_is_the_program_again(name, tmp_path):
    pair = small_pair(name)
    program = pair.program
    path = tmp_path / "model.meta"
    with program.graph.as_default():
        tf1.train.export_meta_graph(str(path))
    inputs = by_part(program.inputs)
    loaded = exported.load(
        str(path),
        inputs={key: tensor.name for key, tensor in inputs.items()},
        **{key: named(move) for key, move in program.moves.items()},
    )
    moves = chapters.drawn(name).moves(pair.config)
    expected = [without_sparse(record) for record in pair.reference(moves)]
    moves = [(move, by_part(batch)) for move, batch in moves]
    compare_plays(expected, tf1_session.play(loaded, moves)).require_agreement()


# State hand-over.


@functools.cache
def saver_of(name, fields):
    with pair_of(name, fields).program.graph.as_default():
        return tf1.train.Saver()


def played(pair, drawn, saver, prefix, stopped):
    """The records of TF1's play, saved after so many moves."""
    records = []
    for record in pair.reference(drawn.moves, drawn.values, drawn.settings):
        if len(records) == stopped:
            with pair.program.graph.as_default():
                session = pair.session(fresh=False)
                saver.save(session, prefix, write_meta_graph=False)
        records.append(record)
    return records


@pytest.mark.parametrize("name", chapters.checkpointed())
@FEWER
@given(data=st.data())
def test_training_goes_on_from_a_checkpoint_as_if_it_had_never_stopped(name, data):
    """0 ULP against the Session that played on, wherever it was saved."""
    drawn = data.draw(chapters.drawn(name).plays())
    stopped = data.draw(st.integers(0, len(drawn.moves) - 1), label="moves played")
    level = data.draw(st.sampled_from(EXACT_LEVELS))
    pair = pair_of(name, drawn.fields)
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "model.ckpt")
        saver = saver_of(name, drawn.fields)
        records = played(pair, drawn, saver, prefix, stopped)
        names = {**pair.powers(), **pair.names}
        handover.load(prefix, pair.model, names, runs=runs_of(drawn.moves[:stopped]))
    with pair.twin.starting_here():
        comparison = compare_plays(
            [
                {"initial values": handed_over.state_of(records[stopped])},
                *records[stopped + 1 :],
            ],
            pair.candidate(drawn.moves[stopped:], level, settings=drawn.settings),
        ).require_agreement()
    assert comparison.records == 1 + len(drawn.moves) - stopped


@pytest.mark.parametrize("name", CARRIED_BY_PYTHON)
def test_a_state_that_python_carried_is_missing_in_a_checkpoint_and_named(
    name, tmp_path
):
    pair = small_pair(name)
    prefix = str(tmp_path / "model.ckpt")
    with pair.program.graph.as_default():
        session = pair.session()
        session.run(tf1.global_variables_initializer())
        tf1.train.Saver().save(session, prefix, write_meta_graph=False)
    with pytest.raises(HandoverError) as refused:
        handover.load(prefix, pair.model, pair.names)
    missing = chapters.setup(name).played(pair.model)["remembered"].values()
    assert all(variable.path in str(refused.value) for variable in missing)


@pytest.mark.parametrize("name", chapters.checkpointed())
def test_a_session_goes_on_from_a_checkpoint_of_the_twin(name, tmp_path):
    """What was trained in Keras goes back, slots, powers and step included."""
    pair = small_pair(name)
    moves = chapters.drawn(name).moves(pair.config)
    *_, left = pair.candidate(moves[:2], "function")
    prefix = str(tmp_path / "model.ckpt")
    writing.save(prefix, pair.model, pair.names)
    with pair.program.graph.as_default():
        session = pair.session()
        tf1.train.Saver().restore(session, prefix)
    restored = tf1_session.plain(session.run(pair.program.variables))
    compare_plays(
        [{"updates": handed_over.state_of(left)}], [{"updates": restored}]
    ).require_agreement()


@pytest.mark.parametrize("name", chapters.checkpointed())
def test_1_15_5_and_keras_go_on_from_each_other_s_checkpoints(name, restored, tmp_path):
    """Saver.restore of what Keras wrote; Keras from what Saver.save wrote."""
    handed_over.both_ways(small_pair(name), restored, tmp_path)


@pytest.mark.parametrize("name", CARRIED_BY_PYTHON)
def test_a_memory_that_no_checkpoint_holds_begins_anew(name, restored, tmp_path):
    """As in 1.15.5 that is started again."""
    handed_over.started_again(small_pair(name), restored, tmp_path)
