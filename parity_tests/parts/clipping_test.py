"""TF1's gradient clips against compat.v1 graphs: dense, sparse, stacked, in training."""

import contextlib
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.parts import clipping
from tf2_keras import tf1_semantics

PARTS = {part.name.removeprefix("clipping."): part for part in clipping.PARTS}
FEWER = settings(max_examples=settings().max_examples // 2)
WEIGHTS, TABLE, COLUMNS = (5, 3), 7, 4


def made(name, arguments):
    return getattr(tf1_semantics.clipping, name)(**arguments)


def as_gradients(weights, values, indices):
    """[dense, none, sparse with duplicates, dense]."""
    table = tf.IndexedSlices(values, indices, tf.constant([TABLE, COLUMNS], tf.int64))
    return [weights, None, table, values]


def as_arrays(gradients):
    """{name: array}; of the sparse one what TF1 left sparse, its values and rows."""
    assert gradients[1] is None
    arrays = {"weights": gradients[0], "same dense": gradients[3]}
    if isinstance(gradients[2], tf.IndexedSlices):
        arrays.update(values=gradients[2].values, rows=gradients[2].indices)
    else:
        arrays["table"] = gradients[2]
    return arrays


SESSIONS = contextlib.ExitStack()


@pytest.fixture(autouse=True, scope="module")
def close_sessions():
    yield
    graph_of_tf1.cache_clear()
    SESSIONS.close()


@functools.cache
def graph_of_tf1(references, dtype):
    """A Session that clips what its variables hold; a fed gradient folds otherwise.

    Args:
        references: tuple of (name of the part, tuple of its arguments' items).
        dtype: of the gradients.
    """
    with tf.Graph().as_default() as graph:
        fed = [
            tf.compat.v1.placeholder(dtype, WEIGHTS),
            tf.compat.v1.placeholder(dtype, [None, COLUMNS]),
            tf.compat.v1.placeholder(tf.int64, [None]),
        ]
        held = [
            tf.compat.v1.get_variable(
                f"held_{place}",
                initializer=np.zeros(
                    [9 if size is None else size for size in one.shape],
                    one.dtype.as_numpy_dtype,
                ),
            )
            for place, one in enumerate(fed)
        ]
        hold = [one.assign(value).op for one, value in zip(held, fed, strict=False)]
        gradients = as_gradients(*[one.read_value() for one in held])
        for name, arguments in references:
            gradients = PARTS[name].reference(gradients, **dict(arguments))
        clipped = as_arrays(gradients)
    session = SESSIONS.enter_context(
        contextlib.closing(tf.compat.v1.Session(graph=graph))
    )

    def run(*arrays):
        session.run(hold, dict(zip(fed, arrays, strict=False)))
        return session.run(clipped)

    return run


@st.composite
def problems(draw, dtypes=("float32", "float64", "float16")):
    """(dtype, dense gradient, slices, their rows), infinities and NaN among them."""
    dtype = draw(st.sampled_from(dtypes))
    weights = draw(strategies.arrays(WEIGHTS, dtype)).copy()
    values = draw(strategies.arrays((9, COLUMNS), dtype)).copy()
    special = draw(st.sampled_from([None, None, np.inf, -np.inf, np.nan]))
    if special is not None:
        draw(st.sampled_from([weights, values])).flat[3] = special
    rows = draw(st.lists(st.integers(0, TABLE - 1), min_size=9, max_size=9))
    return dtype, weights, values, np.array(rows, np.int64)


def clipped_by(clips, gradients):
    for clip in clips:
        gradients = clip(gradients)
    return gradients


def require_equal(expected, clips, weights, values, rows):
    """Fails unless the clips do the same, eagerly and in a function, to the bit."""

    def clipped(*tensors):
        return as_arrays(clipped_by(clips, as_gradients(*tensors)))

    tensors = [tf.constant(array) for array in (weights, values, rows)]
    for function in (clipped, tf.function(clipped, autograph=False)):
        received = {key: tensor.numpy() for key, tensor in function(*tensors).items()}
        compare_plays(
            [{"gradients": expected}], [{"gradients": received}]
        ).require_agreement()


@pytest.mark.parametrize("name", PARTS)
@FEWER
@given(data=st.data())
def test_clipped_gradients_are_those_of_tf1(name, data):
    # TF1 multiplied by float32 sizes, which takes float32 gradients only.
    dtypes = (
        ("float32",) if name == "ByAverageNorm" else ("float32", "float64", "float16")
    )
    dtype, *arrays = data.draw(problems(dtypes))
    arguments = data.draw(PARTS[name].arguments)
    expected = graph_of_tf1(((name, tuple(arguments.items())),), dtype)(*arrays)
    require_equal(expected, [made(name, arguments)], *arrays)


STACKED = (
    ("ByGlobalNorm", {"clip_norm": 5.0}),
    ("ByValue", {"clip_value_min": -1.0, "clip_value_max": 2.0}),
)


@FEWER
@given(problem=problems(), turned=st.booleans())
def test_stacked_clips_are_those_of_tf1_in_their_order(problem, turned):
    dtype, *arrays = problem
    stack = STACKED[::-1] if turned else STACKED
    references = tuple((name, tuple(arguments.items())) for name, arguments in stack)
    expected = graph_of_tf1(references, dtype)(*arrays)
    require_equal(expected, [made(*one) for one in stack], *arrays)


def test_a_global_norm_that_is_not_finite_makes_every_gradient_nan():
    for ruin in (np.inf, -np.inf, np.nan, 1e30):  # the square of the last overflows
        clipped = made("ByGlobalNorm", {"clip_norm": 5.0})(
            [tf.constant([1.0, ruin]), None, tf.ones([3])]
        )
        assert clipped[1] is None
        assert np.isnan(clipped[0].numpy()).all() and np.isnan(clipped[2].numpy()).all()


def test_a_sparse_norm_counts_slices_of_one_row_apart():
    slices = tf.IndexedSlices(tf.constant([[3.0], [-3.0]]), [1, 1], [2, 1])
    (clipped,) = made("ByGlobalNorm", {"clip_norm": 1.0})([slices])
    assert isinstance(clipped, tf.IndexedSlices)
    np.testing.assert_allclose(clipped.values, [[0.5**0.5], [-(0.5**0.5)]], rtol=1e-6)


def test_nothing_to_clip_is_left_alone():
    for name, part in PARTS.items():
        clip = made(name, part.samples[0])
        assert clip([]) == [] and clip([None, None]) == [None, None]


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_an_average_norm_of_another_dtype_is_refused(dtype):
    clip = made("ByAverageNorm", {"clip_norm": 0.1})
    with pytest.raises(
        ValueError, match=rf"^gradients must be float32\. Received: {dtype}\."
    ):
        clip([tf.ones([3], dtype)])


def trained_by_tf1(clips, start, x, y, steps):
    """Yields slots and variables after each step of a regression on embeddings.

    The loss is no linear one: of such, no gradient depends on the forward pass, and
    Grappler lets Keras's optimizers update a variable before backpropagation reads it.
    """
    with tf.Graph().as_default() as graph:
        rows = tf.compat.v1.placeholder(tf.int64, [None, 2])
        target = tf.compat.v1.placeholder(tf.float32, [None, COLUMNS])
        table = tf.compat.v1.get_variable("table", initializer=start["table"])
        weights = tf.compat.v1.get_variable("weights", initializer=start["weights"])
        output = tf.reduce_sum(tf.nn.embedding_lookup(table, rows), 1) * weights
        loss = tf.reduce_sum(tf.square(output - target))
        optimizer = tf.compat.v1.train.MomentumOptimizer(0.1, 0.9)
        gradients, variables = zip(*optimizer.compute_gradients(loss), strict=False)
        for name, arguments in clips:
            gradients = PARTS[name].reference(list(gradients), **arguments)
        train = optimizer.apply_gradients(zip(gradients, variables, strict=False))
        state = {
            "slots": {slot.op.name: slot for slot in optimizer.variables()},
            "updates": {"table": table, "weights": weights},
        }
        initialise = tf.compat.v1.global_variables_initializer()
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        for step in range(steps):
            session.run(train, {rows: x[step], target: y[step]})
            yield session.run(state)


class Embedded(keras.layers.Layer):
    """The sum of the embeddings of two rows, times weights."""

    def __init__(self, start):
        super().__init__()
        for name, value in start.items():
            setattr(
                self,
                name,
                self.add_weight(
                    shape=value.shape,
                    name=name,
                    initializer=lambda *_, value=value, **__: tf.constant(value),
                ),
            )

    def call(self, rows):
        embedded = tf.nn.embedding_lookup(self.table.value, rows)
        return tf.reduce_sum(embedded, 1) * self.weights_


@pytest.mark.parametrize(
    "clips",
    [
        *(((name, part.samples[0]),) for name, part in PARTS.items()),
        STACKED,
    ],
    ids=[*PARTS, "stacked"],
)
def test_training_with_clips_is_that_of_tf1(clips):
    random = np.random.RandomState(0)
    start = {
        "table": random.standard_normal((TABLE, COLUMNS)).astype(np.float32),
        "weights": random.standard_normal(COLUMNS).astype(np.float32),
    }
    steps, batch = 5, 6
    x = random.randint(TABLE, size=(steps, batch, 2))
    y = (3 * random.standard_normal((steps, batch, COLUMNS))).astype(np.float32)
    expected = list(trained_by_tf1(clips, start, x, y, steps))
    layer = Embedded({"table": start["table"], "weights_": start["weights"]})
    optimizer = tf1_semantics.optimizers.Momentum(
        0.1, 0.9, clip=[made(*one) for one in clips]
    )
    model = keras.Sequential([keras.Input((2,), dtype="int64"), layer])
    model.compile(
        optimizer,
        lambda target, output: tf.reduce_sum(tf.square(output - target)),
        jit_compile=False,
    )
    states = []

    def keep(*_, **__):
        slots, _ = optimizer.tf1_slots()
        states.append(
            {
                "slots": {
                    f"{name}/Momentum": slot.numpy()
                    for name, slot in zip(
                        ("table", "weights"), slots["Momentum"], strict=False
                    )
                },
                "updates": {
                    "table": layer.table.numpy(),
                    "weights": layer.weights_.numpy(),
                },
            }
        )

    model.fit(
        x.reshape(-1, 2),
        y.reshape(-1, COLUMNS),
        batch_size=batch,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=keep)],
    )
    comparison = compare_plays(expected, states)
    comparison.require_agreement()
    assert comparison.records == steps


def test_kerass_clipnorm_is_tf1s_as_the_descriptor_says():
    rows = np.array([0, 2, 2, 1])
    values = np.random.RandomState(0).standard_normal((4, 64)).astype(np.float32)
    slices = tf.IndexedSlices(tf.constant(values), rows, [5, 64])
    of_keras = keras.optimizers.SGD(1.0, clipnorm=1.0)
    of_ours = keras.optimizers.SGD(1.0)
    moved = []
    for optimizer, gradients in (
        (of_keras, [slices]),
        (of_ours, made("ByNorm", {"clip_norm": 1.0})([slices])),
    ):
        variable = keras.Variable(np.zeros([5, 64], np.float32))
        optimizer.apply(gradients, [variable])
        moved.append(variable.numpy())
    np.testing.assert_array_equal(*moved)


class OfTheSum(tf1_semantics.clipping.ByGlobalNorm):
    """Sums duplicates before it takes the norm."""

    def __call__(self, gradients):
        return super().__call__(
            [one if one is None else tf.convert_to_tensor(one) for one in gradients]
        )


class MaximumForBoth(tf1_semantics.clipping.ByValue):
    """One limit for both sides."""

    def clip(self, gradient):
        return tf1_semantics.clipping.ByValue(
            -self.clip_value_max, self.clip_value_max
        ).clip(gradient)


@pytest.mark.parametrize(
    "faulty, name", [(OfTheSum, "ByGlobalNorm"), (MaximumForBoth, "ByValue")]
)
def test_planted_faults_are_found(faulty, name):
    random = np.random.RandomState(0)
    arrays = (
        (9 * random.standard_normal(WEIGHTS)).astype(np.float32),
        random.standard_normal((9, COLUMNS)).astype(np.float32),
        np.array([1, 1, 2, 3, 3, 3, 0, 6, 6]),
    )
    arguments = PARTS[name].samples[0]
    expected = graph_of_tf1(((name, tuple(arguments.items())),), "float32")(*arrays)
    require_equal(expected, [made(name, arguments)], *arrays)
    with pytest.raises(AssertionError):
        require_equal(expected, [faulty(**arguments)], *arrays)
