"""Descriptors of tf1_semantics.random, and their twins."""

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import REFUSED_SEEDS, relative_error
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import random as tf1_random
from tf1_graph.parts import random_models as tf1_models
from tf1_graph.parts.random import FREQUENCIES, SEED, SYMBOLS, TRUE, VARIANTS
from tf2_keras import training


def twin(part, arguments, problem):
    """The twin of ``tf1_random.program``."""
    dtype = problem["dtype"] if problem["dtype"].startswith("float") else "float32"
    layer = made(part, {**arguments, "dtype": dtype})
    layer.build(tuple(problem["sizes"]))
    names = ("y",)
    if tf1_random.is_sampler(part):
        names = ("sampled", "true expected", "sampled expected")

    def draw(x):
        outputs = layer(x)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return {"outputs": dict(zip(names, outputs, strict=True))}

    return training.Twin({}, {"draw": draw}, hidden=layer.weights)


def skip_gram(loss, sampler):
    """The twin of ``tf1_models.skip_gram``.

    Args:
        sampler: a layer; None for what the loss draws by itself.
    """
    starts = tf1_models.starts(["table", "weights", "biases"])
    variables = {name: tf.Variable(value) for name, value in starts.items()}
    loss = getattr(tf.nn, loss)
    if sampler is not None:
        sampler.build((None, 1))

    def train(x, y_true):
        with tf.GradientTape() as tape:
            errors = loss(
                variables["weights"],
                variables["biases"],
                y_true,
                tf.nn.embedding_lookup(variables["table"], x),
                tf1_models.NUM_SAMPLED,
                tf1_models.CLASSES,
                sampled_values=sampler and sampler(y_true),
            )
            value = tf.reduce_mean(errors)
        gradients = tape.gradient(value, variables)
        for name, variable in variables.items():
            sparse = gradients[name]
            changes = -tf1_models.RATE * sparse.values
            variable.scatter_add(tf.IndexedSlices(changes, sparse.indices))
        return {"loss": {"loss": value}, "gradients": gradients}

    return training.Twin(
        variables, {"train": train}, hidden=sampler.weights if sampler else ()
    )


def autoencoder(noise):
    """The twin of ``tf1_models.autoencoder``; ``noise`` is a layer."""
    starts = tf1_models.starts(["encoder", "decoder"])
    variables = {name: tf.Variable(value) for name, value in starts.items()}
    noise.build((None, tf1_models.WIDTH))

    def train(x):
        with tf.GradientTape() as tape:
            mean, log_variance = tf.split(tf.matmul(x, variables["encoder"]), 2, 1)
            code = mean + tf.exp(0.5 * log_variance) * noise(mean)
            decoded = tf.matmul(code, variables["decoder"])
            value = tf.reduce_mean(
                tf.reduce_sum(tf.math.squared_difference(decoded, x), 1)
            )
        gradients = tape.gradient(value, variables)
        for name, variable in variables.items():
            variable.assign_sub(0.001 * gradients[name])
        return {"loss": {"loss": value}, "gradients": gradients}

    return training.Twin(variables, {"train": train}, hidden=noise.weights)


# --- traps ---

DRAWS = 10


def _trap(write, name, arguments, shape, naive, at_least, instead):
    """A trap of what is drawn.

    Args:
        naive: x -> what is drawn in place of it; for a sampler the classes.
        at_least: {draw: error}.
    """
    part = f"random.{name}"
    dtype = "int64" if tf1_random.is_sampler(part) else "float32"
    problem = {"sizes": [None, *shape[1:]], "dtype": dtype, "rows": shape[:1] * DRAWS}
    moves = tf1_random.moves_of(part, arguments, problem)

    def off():
        _, *records = session.play(
            tf1_random.program(part, arguments, problem), moves[: max(at_least)]
        )
        errors = {}
        for step, (record, (_, batch)) in enumerate(
            zip(records, moves, strict=False), 1
        ):
            expected = next(iter(record["outputs"].values()))
            received = np.asarray(naive(step, tf.constant(batch["x"], dtype)))
            errors[step] = relative_error(expected, received)
        return {step: errors[step] for step in at_least}

    return Trap(write, off, at_least, f"tf1_semantics.random.{instead}")


def _retraced():
    """A function that samples, traced anew before its second half of the draws."""

    def traced():
        return tf.function(
            lambda classes: (
                tf.raw_ops.LogUniformCandidateSampler(
                    true_classes=classes,
                    num_true=1,
                    num_sampled=6,
                    unique=True,
                    range_max=50,
                    seed=SEED[0],
                    seed2=SEED[1],
                ).sampled_candidates
            )
        )

    functions = {}

    def sampled(step, classes):
        late = step > DRAWS // 2
        if step == 1:
            functions.clear()
        if late not in functions:
            functions[late] = traced()
        return functions[late](classes)

    return sampled


# --- the table ---


def _part(name, refused, **rest):
    part = f"random.{name}"
    samples = tuple(arguments for arguments, *_ in VARIANTS[part])
    return Part(
        name=part,
        tf1=SYMBOLS[part],
        proof="parity_tests/parts/random_test.py::test_draws_are_those_of_tf1",
        arguments=st.sampled_from(samples),
        samples=samples,
        refused=(
            *refused,
            *(({**samples[0], **wrong}, "seed") for wrong, _ in REFUSED_SEEDS),
        ),
        **rest,
    )


def _each(name, values, **others):
    return tuple(({**others, name: value}, name) for value in values)


NO_NUMBERS = (float("nan"), float("inf"), "1", True)
NO_COUNTS = (0, -1, 1.0, True, None)
OF_SAMPLERS = (
    *_each("num_true", NO_COUNTS, **{**TRUE, "num_true": 1}),
    *_each("num_sampled", (*NO_COUNTS, 51), **{**TRUE, "num_sampled": 1}),
    *_each("unique", ("yes", None), **{**TRUE, "unique": True}),
    *_each("range_max", (*NO_COUNTS, 2**31), **{**TRUE, "range_max": 1}),
)
FIXED = {**TRUE, "unigrams": FREQUENCIES}
AGAIN = (
    "TF's own op draws the same until its function is traced again: see "
    "random.LogUniformCandidateSampler"
)

PARTS = (
    _part(
        "Categorical",
        (
            *_each("num_samples", NO_COUNTS, seed=1),
            *_each("output_dtype", ("int16", 1), num_samples=1, seed=1),
        ),
        traps=(
            _trap(
                "keras.random.categorical(logits, 1, seed=14)",
                "Categorical",
                {"num_samples": 1, "seed": SEED},
                [64, 5],
                lambda _, x: keras.random.categorical(x, 1, seed=14),
                {1: 0.5},
                "Categorical(1, seed=(1, 14))",
            ),
        ),
    ),
    _part(
        "FixedUnigramCandidateSampler",
        (
            *(({**FIXED, **wrong}, name) for wrong, name in OF_SAMPLERS),
            *_each("range_max", (49, 51), **{**FIXED, "range_max": 50}),
            *_each("distortion", (*NO_NUMBERS, None), **FIXED),
            *_each("num_reserved_ids", (-1, 1.0, None), **FIXED),
            *_each("num_shards", NO_COUNTS, **FIXED),
            *_each("shard", (-1, 1, None), **FIXED),
            *_each("unigrams", ([], None, 3.0, [1.0, -1.0], ["1"], "ab"), **dict(TRUE)),
        ),
        no_trap=AGAIN,
    ),
    _part("LearnedUnigramCandidateSampler", OF_SAMPLERS, no_trap=AGAIN),
    _part(
        "LogUniformCandidateSampler",
        OF_SAMPLERS,
        traps=(
            _trap(
                "tf.random.log_uniform_candidate_sampler(…, seed=14)  # in a function "
                "that is traced a second time, before the tenth draw",
                "LogUniformCandidateSampler",
                dict(TRUE),
                [3, 1],
                _retraced(),
                {10: 0.2},
                "LogUniformCandidateSampler(1, 6, True, 50, seed=(1, 14))",
            ),
        ),
    ),
    _part(
        "Normal",
        (
            *_each("mean", (*NO_NUMBERS, None), seed=1),
            *_each("stddev", (*NO_NUMBERS, None), seed=1),
        ),
        traps=(
            _trap(
                "keras.random.normal(keras.ops.shape(x), seed=14)",
                "Normal",
                {"seed": SEED},
                [64, 8],
                lambda _, x: keras.random.normal(x.shape, seed=14),
                {1: 0.5},
                "Normal(seed=(1, 14))",
            ),
        ),
    ),
    _part(
        "Shuffle",
        (),
        traps=(
            _trap(
                "keras.random.shuffle(x, seed=14)",
                "Shuffle",
                {"seed": SEED},
                [64, 2],
                lambda _, x: keras.random.shuffle(x, seed=14),
                {1: 0.5},
                "Shuffle(seed=(1, 14))",
            ),
        ),
    ),
    _part(
        "Uniform",
        (
            *_each("minval", (*NO_NUMBERS, None), seed=1),
            *_each("maxval", NO_NUMBERS, seed=1),
        ),
        traps=(
            _trap(
                "keras.random.uniform(keras.ops.shape(x), seed=14)",
                "Uniform",
                {"seed": SEED},
                [64, 8],
                lambda _, x: keras.random.uniform(x.shape, seed=14),
                {1: 0.5},
                "Uniform(seed=(1, 14))",
            ),
        ),
    ),
    _part("UniformCandidateSampler", OF_SAMPLERS, no_trap=AGAIN),
)
