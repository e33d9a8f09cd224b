"""The claims about TF1's dropout as a layer: the same mask at the same step.

What 1.15.5 itself computed is compared in every_part_test.py, with all other parts.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.budgets import Budget
from parity_tests.pair.pair import Pair
from parity_tests.parts import layers, recurrent
from parity_tests.parts.pairs import Pairs
from parity_tests.witness import golden, replay
from tf1_graph import session
from tf1_graph.parts import layers as tf1_layers
from tf1_graph.parts import recurrent as tf1_recurrent
from tf2_keras import tf1_semantics
from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.layers.dropout import SCALINGS

SEED = (1, 14)
PART = "layers.Dropout"
BOTH_KINDS = pytest.mark.parametrize(
    "fed", [pytest.param(True, id="fed"), pytest.param(False, id="number")]
)
BOTH_AGES = pytest.mark.parametrize("scaling", SCALINGS)
PAIRS = Pairs(tf1_layers.program, layers.twin)


@pytest.fixture(autouse=True)
def _sessions_end_with_the_test():
    yield
    PAIRS.close()


def moves_of(run):
    """The moves of a run, with gradients that are as awkward as the inputs."""
    return [
        ("train" if training else "predict", {"x": x, "upstream": x[::-1]})
        for x, training in run
    ]


def reference(keep_prob, fed, run):
    """[what TF1's graph returns at each step of a run]."""
    problem = {"sizes": [None, None], "dtype": "float32"}
    arguments = {"keep_prob": keep_prob, "seed": SEED, "fed": fed}
    program = tf1_layers.program(PART, arguments, problem)
    _, *records = session.play(program, moves_of(run))
    return [record["outputs"]["y"] for record in records]


@st.composite
def runs(draw):
    """Two to five steps: [(x [rows, columns], whether it is a training step)]."""
    columns = draw(st.integers(1, 9))
    rows = draw(st.lists(st.integers(1, 40), min_size=2, max_size=5))
    dtype = draw(st.sampled_from(["float32", "float16", "float64"]))
    return [
        (draw(strategies.arrays((size, columns), dtype)), draw(st.booleans()))
        for size in rows
    ]


def ordinary_run(trains):
    """Batches of 6, 5, 6 … examples, the same in every test."""
    random = np.random.RandomState(0)
    return [
        (random.standard_normal((6 - step % 2, 7)).astype(np.float32), training)
        for step, training in enumerate(trains)
    ]


@pytest.mark.slow
@BOTH_AGES
@BOTH_KINDS
@given(
    keep_prob=strategies.hyperparameters(keep_prob=(0.01, 1.0)),
    seed=st.tuples(strategies.seeds(), strategies.seeds()),
    run=runs(),
)
@example({"keep_prob": 1.0}, SEED, ordinary_run([True] * 3))
@example({"keep_prob": 0.5}, (0, 0), ordinary_run([True, False, True]))
@example({"keep_prob": 0.8}, SEED, ordinary_run([True, False, True]))
def test_masks_are_bit_equal_step_by_step(fed, scaling, keep_prob, seed, run):
    """And what is kept, and the gradients."""
    arguments = {**keep_prob, "seed": seed, "fed": fed, "scaling": scaling}
    problem = {"sizes": [None, None], "dtype": run[0][0].dtype.name}
    pair = PAIRS(PART, arguments, problem)
    for level in ("function", "eager"):
        pair.compare(moves_of(run), level).require_agreement()


# ------------------------------------------------------- genuine TensorFlow 1.15.5

DROPOUTS = {play: case for play, case in tf1_layers.CASES.items() if case.part == PART}
ECHOES = {
    play: case
    for play, case in tf1_recurrent.CASES.items()
    if case.arguments.get("cell", (None,))[0] == tf1_recurrent.ECHO
}


def require_1_15_5(kind, play, graph_side, twin_side, level, budget_for=None):
    """Fails unless a twin computes what is recorded, to the bit."""
    case = graph_side.CASES[play]
    stored = golden.Golden(replay.GOLDENS / "parts" / kind)
    program, moves, values, settings = graph_side.play(case)
    with Pair(program, twin_side.twin(*case[:3])) as pair:
        records = pair.candidate(moves, level, values, settings)
        replay.compare(stored, play, records, budget_for).require_agreement()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@BOTH_KINDS
def test_1_15_5_itself_is_matched_to_the_bit(fed, dtype):
    """Eagerly: finite numbers and others, at ordinary shares and odd."""
    plays = [
        play
        for play, case in DROPOUTS.items()
        if case.arguments.get("fed", False) == fed and case.problem["dtype"] == dtype
    ]
    assert len(plays) >= len(tf1_layers.SHARES)
    for play in plays:
        require_1_15_5("layers", play, tf1_layers, layers, "eager")


def test_numbers_that_equal_the_rate_occur_among_what_is_recorded():
    """In float16, whose numbers are few: 1.15.5 kept them, and so do the cases."""
    ties = [
        case.arguments for case in DROPOUTS.values() if case.problem["given"] == "ones"
    ]
    assert len(ties) == 6
    for arguments in ties:
        noise = philox.uniform([64, 128], arguments["seed"], dtype=tf.float16).numpy()
        assert (noise == np.float16(1 - arguments["keep_prob"])).sum() > 3


@pytest.mark.parametrize("level", ["function", "eager"])
@pytest.mark.parametrize("play", ECHOES)
def test_the_wrapper_of_cells_matches_1_15_5_to_the_bit(play, level):
    """Around a cell that computes nothing; but for the loss, which is a sum."""
    assert len(ECHOES) == 6

    def budget_for(stage, _tensor):
        return Budget(normwise=4) if stage == "loss" else Budget()

    require_1_15_5("recurrent", play, tf1_recurrent, recurrent, level, budget_for)


def test_the_ages_are_alike_where_keep_prob_is_a_power_of_two_and_else_apart():
    """The share of what is kept whose last bits differ; the masks are the same."""
    x = np.abs(np.random.RandomState(0).standard_normal((50, 100))).astype(np.float32)
    for keep_prob, fed, low, high in (
        (0.5, True, 0, 0),
        (0.25, False, 0, 0),
        (0.9, True, 0.25, 0.35),  # what the docstring says
        (0.1, False, 0.9, 1),  # 1 - 0.9 is rounded to float32 before the inverse
    ):
        of_1_15, of_compat_v1 = (
            tf1_semantics.layers.Dropout(keep_prob, SEED, fed, scaling)(
                x, training=True
            ).numpy()
            for scaling in SCALINGS
        )
        kept = of_1_15 != 0
        np.testing.assert_array_equal(kept, of_compat_v1 != 0, strict=True)
        apart = np.mean(of_1_15[kept] != of_compat_v1[kept])
        assert low <= apart <= high, keep_prob


# ------------------------------------------------------- the stream


def require_same_bits(received, expected):
    for array, other in zip(received, expected, strict=True):
        assert array.tobytes() == other.tobytes()


@BOTH_KINDS
def test_evaluating_moves_the_stream_only_of_a_fed_keep_prob(fed):
    last = []
    for trains in ([True, True], [True, False, True]):
        x, _ = ordinary_run(trains)[0]
        last.append(reference(0.5, fed, [(x, training) for training in trains])[-1])
    assert np.array_equal(*last) == (not fed)


def test_evaluating_a_fed_keep_prob_makes_zeros_of_denormals():
    """As the graph does, which multiplies by what is fed."""
    x = np.float32([[1e-40, -1e-40, 1.0]])
    for fed, expected in ((True, [[0.0, -0.0, 1.0]]), (False, x)):
        layer = tf1_semantics.layers.Dropout(0.5, SEED, fed)
        of_function = tf.function(functools.partial(layer, training=False))
        for call in (layer, of_function):
            received = call(tf.constant(x)).numpy()
            assert received.tobytes() == np.float32(expected).tobytes()


def test_a_number_is_scaled_by_its_inverse_and_a_fed_one_divided_by():
    """Under compat.v1. Where 1 / keep_prob is exact they agree, else to a rounding."""
    x = ordinary_run([True])[0][0]
    for keep_prob, alike in ((0.5, True), (0.25, True), (0.3, False), (0.9, False)):
        number, fed = (
            tf1_semantics.layers.Dropout(keep_prob, SEED, fed, "compat.v1")(
                x, training=True
            ).numpy()
            for fed in (False, True)
        )
        np.testing.assert_array_equal(number == 0, fed == 0, strict=True)
        assert np.array_equal(number, fed) == alike


# Keras 3 writes a TensorFlow variable as NumPy 1 would.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@BOTH_KINDS
def test_a_saved_layer_goes_on_in_its_stream(fed, tmp_path):
    run = ordinary_run([True] * 4)
    model = keras.Sequential(
        [keras.Input((7,)), tf1_semantics.layers.Dropout(0.3, SEED, fed=fed)]
    )
    received = [model(x, training=training).numpy() for x, training in run[:2]]
    model.save(tmp_path / "dropout.keras")
    loaded = keras.models.load_model(tmp_path / "dropout.keras")
    received += [loaded(x, training=training).numpy() for x, training in run[2:]]
    require_same_bits(received, reference(0.3, fed, run))


@BOTH_KINDS
def test_retracing_goes_on_in_the_stream(fed):
    layer = tf1_semantics.layers.Dropout(0.3, SEED, fed=fed)
    layer.build([None, None])
    function = tf.function(functools.partial(layer, training=True))
    run = [(np.ones((rows, 7), np.float32), True) for rows in (2, 3, 4, 2)]
    received = [function(tf.constant(x)).numpy() for x, _ in run]
    require_same_bits(received, reference(0.3, fed, run))
    assert function.experimental_get_tracing_count() > 1


def test_neither_global_seeds_nor_other_layers_touch_the_stream():
    run = ordinary_run([True] * 3)
    layer = tf1_semantics.layers.Dropout(0.3, SEED)
    other = tf1_semantics.layers.Dropout(0.3, SEED)
    received = []
    for x, training in run:
        tf.random.set_seed(7)
        keras.utils.set_random_seed(7)
        received.append(layer(x, training=training).numpy())
    require_same_bits(received, reference(0.3, False, run))
    # The same seeds again start the same stream again.
    first = tf1_semantics.layers.Dropout(0.3, SEED)(run[0][0], training=True)
    np.testing.assert_array_equal(other(run[0][0], training=True), first, strict=True)


@pytest.mark.parametrize("keep_prob", [0, -0.1, 1.5])
def test_a_keep_prob_outside_its_range_is_refused(keep_prob):
    with pytest.raises(ValueError, match=r"in \(0, 1\]. Received: .*Use 1 - rate"):
        tf1_semantics.layers.Dropout(keep_prob, SEED)
