"""TF1's gradient clips beside TF1's programs: dense, sparse, stacked, in training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.pair.pair import Pair
from parity_tests.parts import clipping, optimizer_twins
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import clipping as tf1_clipping
from tf1_graph.parts import optimizers as tf1_optimizers
from tf1_graph.parts.clipping import ROWS
from tf2_keras import tf1_semantics

PARTS = {part.name: part for part in clipping.PARTS}
FEWER = settings(max_examples=settings().max_examples // 2)
WEIGHTS, COLUMNS = (5, 3), 4
DTYPES = ("float32", "float64", "float16")
MOVES = [("clip", {})]


@st.composite
def problems(draw, dtypes=DTYPES):
    """A dense gradient and a sparse one with duplicates, infinities and NaN among them."""
    dtype = draw(st.sampled_from(dtypes))
    weights = draw(strategies.arrays(WEIGHTS, dtype)).copy()
    values = draw(strategies.arrays((9, COLUMNS), dtype)).copy()
    special = draw(st.sampled_from([None, None, np.inf, -np.inf, np.nan]))
    if special is not None:
        draw(st.sampled_from([weights, values])).flat[3] = special
    rows = draw(st.lists(st.integers(0, ROWS - 1), min_size=9, max_size=9))
    return {
        "weights": weights,
        "table values": values,
        "table indices": np.array(rows, np.int64),
    }


def with_limits(part, arguments, problem):
    """Arguments whose ``clip_norm`` is a share of what the part compares it with."""
    if "clip_norm" not in arguments:
        return arguments
    arrays = [
        np.where(np.isfinite(array), array, 0).astype(np.float64)
        for name, array in problem.items()
        if name != "table indices"
    ]
    if part == "clipping.ByGlobalNorm":
        arrays = [np.concatenate([array.ravel() for array in arrays])]
    sizes = [array.size if part == "clipping.ByAverageNorm" else 1 for array in arrays]
    norms = [
        np.linalg.norm(array) / size for array, size in zip(arrays, sizes, strict=True)
    ]
    limit = arguments["clip_norm"] * (max(norms) or 1.0)
    return {"clip_norm": max(float(f"{limit:.3g}"), 1e-30)}


def new_pair(part, arguments, problem, stacked=(), clips=None):
    return Pair(
        tf1_clipping.program(part, arguments, problem, stacked),
        clipping.twin(part, arguments, problem, clips),
    )


def require_parity(part, arguments, problem, stacked=(), clips=None):
    """Fails unless the clips do the same, eagerly and in a function, to the bit."""
    with new_pair(part, arguments, problem, stacked, clips) as pair:
        for level in ("eager", "function"):
            values = tf1_clipping.values(problem)
            pair.compare(MOVES, level, values).require_agreement()


@pytest.mark.parametrize("name", PARTS)
@FEWER
@given(data=st.data())
def test_clipped_gradients_are_those_of_tf1(name, data):
    # TF1 multiplied by float32 sizes, which takes float32 gradients only.
    by_average = name == "clipping.ByAverageNorm"
    problem = data.draw(problems(("float32",) if by_average else DTYPES))
    arguments = with_limits(name, data.draw(PARTS[name].arguments), problem)
    require_parity(name, arguments, problem)


STACKED = (
    ("clipping.ByGlobalNorm", {"clip_norm": 5.0}),
    ("clipping.ByValue", {"clip_value_min": -1.0, "clip_value_max": 2.0}),
)


@FEWER
@given(problem=problems(), turned=st.booleans())
def test_stacked_clips_are_those_of_tf1_in_their_order(problem, turned):
    first, second = STACKED[::-1] if turned else STACKED
    clips = [made(*first), made(*second)]
    require_parity(*first, problem, stacked=[second], clips=clips)


def test_a_global_norm_that_is_not_finite_makes_every_gradient_nan():
    for ruin in (np.inf, -np.inf, np.nan, 1e30):  # the square of the last overflows
        clipped = made("clipping.ByGlobalNorm", {"clip_norm": 5.0})(
            [tf.constant([1.0, ruin]), None, tf.ones([3])]
        )
        assert clipped[1] is None
        assert np.isnan(clipped[0].numpy()).all() and np.isnan(clipped[2].numpy()).all()


@pytest.mark.parametrize("gradient", [[0.0, 0.0], [3.0, -4.0], [0.3, 0.4]])
def test_a_clip_by_norm_has_tf1s_derivative_also_at_zero(gradient):
    """What a penalty of clipped gradients asks for; the root itself has none there."""
    derivatives = []
    for clip in (
        lambda x: made("clipping.ByNorm", {"clip_norm": 1.0})([x])[0],
        lambda x: tf.compat.v1.clip_by_norm(x, 1.0),
    ):
        x = tf.constant(gradient)
        with tf.GradientTape() as tape:
            tape.watch(x)
            clipped = clip(x)
        derivatives.append(tape.gradient(clipped, x, tf.constant([1.0, 2.0])).numpy())
    np.testing.assert_array_equal(*derivatives, strict=True)
    assert np.isfinite(derivatives[0]).all()


def test_a_sparse_norm_counts_slices_of_one_row_apart():
    slices = tf.IndexedSlices(tf.constant([[3.0], [-3.0]]), [1, 1], [2, 1])
    (clipped,) = made("clipping.ByGlobalNorm", {"clip_norm": 1.0})([slices])
    assert isinstance(clipped, tf.IndexedSlices)
    np.testing.assert_allclose(clipped.values, [[0.5**0.5], [-(0.5**0.5)]], rtol=1e-6)


def test_nothing_to_clip_is_left_alone():
    for name, part in PARTS.items():
        clip = made(name, part.samples[0])
        assert clip([]) == [] and clip([None, None]) == [None, None]


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_an_average_norm_of_another_dtype_is_refused(dtype):
    clip = made("clipping.ByAverageNorm", {"clip_norm": 0.1})
    with pytest.raises(
        ValueError, match=rf"^gradients must be float32\. Received: {dtype}\."
    ):
        clip([tf.ones([3], dtype)])


@pytest.mark.parametrize(
    "clips",
    [*([(name, part.samples[0])] for name, part in PARTS.items()), list(STACKED)],
    ids=[*PARTS, "stacked"],
)
def test_training_with_clips_is_that_of_tf1(clips):
    """A model's gradients, in ``fit``, which are large enough to be clipped."""
    part = "optimizers.Momentum"
    arguments = {"learning_rate": 0.1, "momentum": 0.9, "clip": clips}
    values, moves = tf1_optimizers.regression_problem(5, scale=10.0)
    with optimizer_twins.regression_pair(part, arguments, values) as pair:
        pair.compare(moves, "fit", values).require_agreement()
        *_, clipped = pair.reference(moves, values)
    del arguments["clip"]
    program = tf1_optimizers.regression(part, arguments)
    *_, unclipped = session.play(program, moves, values)
    for name in values:
        assert not np.array_equal(clipped["updates"][name], unclipped["updates"][name])


def test_kerass_clipnorm_is_tf1s_as_the_descriptor_says():
    rows = np.array([0, 2, 2, 1])
    values = np.random.RandomState(0).standard_normal((4, 64)).astype(np.float32)
    slices = tf.IndexedSlices(tf.constant(values), rows, [5, 64])
    of_keras = keras.optimizers.SGD(1.0, clipnorm=1.0)
    of_ours = keras.optimizers.SGD(1.0)
    moved = []
    for optimizer, gradients in (
        (of_keras, [slices]),
        (of_ours, made("clipping.ByNorm", {"clip_norm": 1.0})([slices])),
    ):
        variable = keras.Variable(np.zeros([5, 64], np.float32))
        optimizer.apply(gradients, [variable])
        moved.append(variable.numpy())
    np.testing.assert_array_equal(*moved, strict=True)


class OfTheSum(tf1_semantics.clipping.ByGlobalNorm):
    """Sums duplicates before it takes the norm."""

    def __call__(self, gradients):
        return super().__call__(
            [
                None if gradient is None else tf.convert_to_tensor(gradient)
                for gradient in gradients
            ]
        )


class MaximumForBoth(tf1_semantics.clipping.ByValue):
    """One limit for both sides."""

    def clip(self, gradient):
        return tf1_semantics.clipping.ByValue(
            -self.clip_value_max, self.clip_value_max
        ).clip(gradient)


@pytest.mark.parametrize(
    "faulty, name",
    [(OfTheSum, "clipping.ByGlobalNorm"), (MaximumForBoth, "clipping.ByValue")],
)
def test_planted_faults_are_found(faulty, name):
    random = np.random.RandomState(0)
    problem = {
        "weights": (9 * random.standard_normal(WEIGHTS)).astype(np.float32),
        "table values": random.standard_normal((9, COLUMNS)).astype(np.float32),
        "table indices": np.array([1, 1, 2, 3, 3, 3, 0, 6, 6]),
    }
    arguments = PARTS[name].samples[0]
    require_parity(name, arguments, problem)
    with pytest.raises(AssertionError):
        require_parity(name, arguments, problem, clips=[faulty(**arguments)])
