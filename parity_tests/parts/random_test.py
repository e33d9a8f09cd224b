"""TF1's seeded random ops as Keras layers, against compat.v1 graphs.

In functions every variant is compared in every_part_test.py, with 1.15.5 itself; here
they are called eagerly, trained with, saved, traced again and started over.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.pair.pair import Pair
from parity_tests.parts import random as parts
from parity_tests.parts.making import made
from parity_tests.parts.pairs import Pairs
from tf1_graph.parts import random as tf1_random
from tf1_graph.parts import random_models as tf1_models
from tf2_keras.tf1_semantics import philox, random
from tf2_keras.tf1_semantics.random.alias import AliasTable
from tf2_keras.tf1_semantics.random.integers import REJECTED, below

PAIRS = Pairs(tf1_random.program, parts.twin)
VARIANTS = list(tf1_random.variants())
SAMPLERS = [part for part in tf1_random.SYMBOLS if tf1_random.is_sampler(part)]
EVERY_SAMPLER = pytest.mark.parametrize("part", SAMPLERS)


@pytest.mark.parametrize("part", tf1_random.VARIANTS)
@given(data=st.data())
def test_draws_are_those_of_tf1(part, data):
    part, arguments, problem = data.draw(
        st.sampled_from([variant for variant in VARIANTS if variant[0] == part])
    )
    seeds = st.one_of(strategies.seeds(), st.tuples(*[strategies.seeds()] * 2))
    arguments = {**arguments, "seed": data.draw(seeds)}
    rows = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    moves = tf1_random.moves_of(
        part, arguments, {**problem, "rows": rows}, data.draw(st.integers(0, 99))
    )
    with Pair(
        tf1_random.program(part, arguments, problem),
        parts.twin(part, arguments, problem),
    ) as pair:
        comparison = pair.compare(moves, "eager").require_agreement()
    assert comparison.records == len(moves) + 1


@pytest.mark.parametrize("part", tf1_random.VARIANTS)
def test_another_seed_another_dtype_or_order_is_found(part):
    """What is compared can differ: the twin has the seed's neighbour."""
    _, arguments, problem = next(v for v in VARIANTS if v[0] == part)
    with Pair(
        tf1_random.program(part, arguments, problem),
        parts.twin(part, {**arguments, "seed": (1, 15)}, problem),
    ) as pair:
        assert not pair.compare(
            tf1_random.moves_of(part, arguments, problem), "eager"
        ).ok


# --- in training programs ---

SKIP_GRAM = [
    ("nce_loss", "random.LogUniformCandidateSampler"),
    ("sampled_softmax_loss", "random.LearnedUnigramCandidateSampler"),
]


@pytest.mark.slow
@pytest.mark.parametrize("loss, sampler", SKIP_GRAM)
def test_word2vec_is_trained_as_in_tf1(loss, sampler):
    """The loss of the same name in TF2, over the sampler: in a function and in fit.

    Sampled softmax leaves out true classes among the sampled ones and nce does not,
    each by its default, as in TF1: some are drawn here.
    """
    arguments = dict(tf1_random.TRUE)
    moves = tf1_models.batches(6)
    program = tf1_models.skip_gram(loss, sampler, arguments)
    with Pair(program, parts.skip_gram(loss, made(sampler, arguments))) as pair:
        for level in ("function", "fit"):
            assert pair.compare(moves, level).require_agreement().records == 7
    sampler = made(sampler, arguments)
    assert any(
        np.isin(batch["y_true"], sampler(batch["y_true"])[0]).any()
        for _, batch in moves
    )


def test_what_a_sampled_loss_draws_by_itself_is_the_log_uniform_sampler():
    """num_sampled classes, unique, by the seeds of the graph and the loss."""
    loss, arguments = "sampled_softmax_loss", dict(tf1_random.TRUE)
    sampler = made("random.LogUniformCandidateSampler", arguments)
    with tf.Graph().as_default() as graph:
        tf.compat.v1.set_random_seed(1)
        labels = tf.compat.v1.placeholder(tf.int64, [None, 1])
        variables = tf1_models.starts(["table", "weights", "biases"])
        value = tf.compat.v1.nn.sampled_softmax_loss(
            variables["weights"],
            variables["biases"],
            labels,
            tf.gather(variables["table"], labels[:, 0]),
            tf1_models.NUM_SAMPLED,
            tf1_models.CLASSES,
            seed=14,
        )
    labels_fed = np.arange(8)[:, None]
    with tf.compat.v1.Session(graph=graph) as session:
        expected = session.run(value, {labels: labels_fed})
    received = getattr(tf.nn, loss)(
        variables["weights"],
        variables["biases"],
        labels_fed,
        tf.gather(variables["table"], labels_fed[:, 0]),
        tf1_models.NUM_SAMPLED,
        tf1_models.CLASSES,
        sampled_values=sampler(labels_fed),
    )
    np.testing.assert_allclose(received, expected, rtol=1e-6)


def test_a_variational_autoencoder_is_trained_as_in_tf1():
    arguments = {"seed": (1, 14)}
    x = np.random.RandomState(0).standard_normal((6, tf1_models.FEATURES))
    moves = [("train", {"x": x[step % 2 :].astype(np.float32)}) for step in range(5)]
    program = tf1_models.autoencoder(arguments)
    with Pair(program, parts.autoencoder(random.Normal(**arguments))) as pair:
        for level in ("function", "fit"):
            assert pair.compare(moves, level).require_agreement().records == 6
    with Pair(program, parts.autoencoder(random.Normal(seed=(1, 15)))) as pair:
        assert pair.compare(moves, "function").first_divergence.stage == "loss"


# --- the place in the stream ---


@pytest.mark.parametrize("part", tf1_random.VARIANTS)
def test_a_stream_goes_on_when_traced_again_and_starts_over_when_told(part):
    _, arguments, problem = next(v for v in VARIANTS if v[0] == part)
    moves = tf1_random.moves_of(part, arguments, {**problem, "rows": [4, 4]})
    batches = [tf.constant(batch["x"], problem["dtype"]) for _, batch in moves]
    layer = made(part, arguments)
    first, second = [tf.nest.flatten(layer(batch)) for batch in batches]
    start = [variable.numpy() * 0 for variable in layer.weights]
    start[1:] = [np.ones_like(counts) for counts in start[1:]]
    layer.set_weights(start)
    for expected, batch in zip((first, second), batches, strict=True):
        received = tf.function(layer)(batch)  # a function of its own each time
        for one, other in zip(expected, tf.nest.flatten(received), strict=True):
            np.testing.assert_array_equal(one, other, strict=True)
    copy = type(layer).from_config(layer.get_config())
    copy.build(tuple(problem["sizes"]))
    copy.set_weights(layer.get_weights())
    for one, other in zip(
        *(tf.nest.flatten(draw(batches[0])) for draw in (layer, copy)), strict=True
    ):
        np.testing.assert_array_equal(one, other, strict=True)


def test_noise_is_that_of_a_model_and_is_saved_with_it(tmp_path):
    inputs = keras.Input([3])
    model = keras.Model(inputs, inputs + random.Normal(seed=7)(inputs))
    x = np.zeros((2, 3), np.float32)
    model(x)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x), strict=True)


def test_a_sampler_is_part_of_a_functional_model():
    inputs = keras.Input([1], dtype="int64")
    sampler = random.LogUniformCandidateSampler(1, 6, True, 50, seed=(1, 14))
    model = keras.Model(inputs, sampler(inputs))
    expected = random.LogUniformCandidateSampler.from_config(sampler.get_config())
    classes = np.array([[3], [4]])
    for one, other in zip(model(classes), expected(classes), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


# --- numbers that TF1 passed over ---


def passed_over(bound, numbers, bits):
    """TF1's loop in Python: what it took of each number, or REJECTED."""
    largest = 2**bits - 1
    if bound & (bound - 1) == 0:
        return [number & (bound - 1) for number in numbers]
    remainder = largest % bound + 1
    return [REJECTED if number < remainder else number % bound for number in numbers]


@given(
    bound=st.one_of(
        st.integers(1, 2**31 - 1), st.integers(0, 30).map(lambda power: 2**power)
    ),
    numbers=st.lists(
        st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)), min_size=1
    ),
)
@example(bound=2**31 - 1, numbers=[0, 1, 2, 3, 4, 2**32, 2**32 + 1])
def test_numbers_below_a_bound_are_those_of_tf1(bound, numbers):
    low, high = (
        np.array([number >> shift & 0xFFFFFFFF for number in numbers], np.int64)
        for shift in (0, 32)
    )
    of_words = below(bound, low).numpy().tolist()
    assert of_words == passed_over(bound, low.tolist(), 32)
    assert below(bound, low, high).numpy().tolist() == passed_over(bound, numbers, 64)


@given(
    words=st.lists(
        st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 40)), max_size=40
    )
)
def test_a_word_of_which_no_class_is_made_is_passed_over(words):
    """2^32 % 43 is 4: the words 0 to 3 give none."""
    table = AliasTable(np.arange(1, 44, dtype=np.float32))
    expected, rest = [], list(words)
    while rest:
        number = np.float32((rest.pop(0) & 0x7FFFFF) / 2.0**23)
        while rest and rest[0] < 2**32 % 43:
            rest.pop(0)
        if rest:
            place = rest.pop(0) % 43
            kept = number < table.parts[place]
            expected.append(place if kept else table.aliases[place])
    received = table.draws(tf.constant(words, tf.int64, [len(words)]))
    assert received.numpy().tolist() == expected


def test_words_and_doubles_of_a_stream():
    words = philox.words(9, (1, 14))
    assert words.dtype == tf.int64 and words.shape == [9]
    # Four words a block: the fifth is the first of the next.
    np.testing.assert_array_equal(words[4:8], philox.words(4, (1, 14), 1), strict=True)
    doubles = philox.doubles(tf.reshape(words[:8], [4, 2])).numpy()
    expected = philox.uniform([4], (1, 14), dtype=tf.float64).numpy()
    np.testing.assert_array_equal(doubles, expected, strict=True)


# --- what is refused ---


@EVERY_SAMPLER
@pytest.mark.parametrize("shape", [(None,), (None, 2), (None, 1, 1), (None, None)])
def test_true_classes_of_another_shape_are_refused(part, shape):
    layer = made(part, next(v for v in VARIANTS if v[0] == part)[1])
    with pytest.raises(ValueError, match="^inputs must be true classes .* Received: "):
        layer.build(shape)
    assert not layer.weights


@pytest.mark.parametrize(
    "layer, shape",
    [
        (functools.partial(random.Categorical, 1), (None,)),
        (functools.partial(random.Categorical, 1), (None, 2, 3)),
        (random.Shuffle, ()),
    ],
)
def test_what_has_nothing_to_choose_from_is_refused(layer, shape):
    layer = layer(seed=1)
    with pytest.raises(ValueError, match=r"^inputs must .*\. Received: .*\. Use .*\.$"):
        layer.build(shape)


@pytest.mark.parametrize("part", tf1_random.VARIANTS)
def test_inputs_of_another_dtype_and_xla_are_refused(part):
    _, arguments, problem = next(v for v in VARIANTS if v[0] == part)
    layer = made(part, arguments)
    shape = [2] + [size or 2 for size in problem["sizes"][1:]]
    wrong = np.full(shape, "a") if part == "random.Shuffle" else np.ones(shape, bool)
    with pytest.raises(ValueError, match="^inputs must be of a dtype .* Use "):
        layer(wrong)
    compiled = tf.function(layer, jit_compile=True)
    with pytest.raises(NotImplementedError, match="Use jit_compile=False"):
        compiled(tf.ones(shape, problem["dtype"]))
