"""Claims about input that no comparison can be made of: each ends in a line that helps.

What of it is in the file of a pair, or in a call of the command line, is claimed in
``own_pair_test`` and in ``commands/check_test``.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.pair import errors, small_pair
from parity_tests.pair.errors import PairError, SideFailed
from tf2_keras.tf1_semantics import optimizers

X, Y = small_pair.batches(1)[0]


def callables(train):
    """A twin of callables whose kernel starts as TF1's does."""
    kernel = small_pair.model().layers[-1].kernel
    return lambda: {
        "state": {"dense/kernel": kernel},
        "moves": {"train": train(kernel)},
    }


def keras_model(*layers):
    x = keras.Input([3], name="x")
    y = x
    for layer in layers:
        y = layer(y)
    model = keras.Model(x, y)
    model.compile(
        optimizers.Momentum(0.05, 0.9), small_pair.MeanOfSquares(), jit_compile=False
    )
    return model


def several_steps_an_execution():
    model = small_pair.model()
    options = {"jit_compile": False, "steps_per_execution": 2}
    model.compile(model.optimizer, model.loss, **options)
    return model


def loss_of_every_example(kernel):
    return lambda x, y_true: {"loss": {"loss": tf.square(x @ kernel - y_true)}}


def loss_without_a_name(kernel):
    return lambda x, y_true: {"loss": tf.reduce_mean(tf.square(x @ kernel - y_true))}


def no_dictionary(kernel):
    return lambda x, y_true: tf.reduce_mean(tf.square(x @ kernel - y_true))


def another_name(kernel):
    return lambda x, labels: no_dictionary(kernel)(x, labels)


def breaking_off():
    yield from small_pair.batches(2)
    raise OSError("the disk is gone")


def without_predict():
    built = small_pair.build()
    return {**built, "generator": built["train"]}


MISTAKES = {
    "another number of steps, by Keras": (
        {"tf2": several_steps_an_execution},
        "both sides need as many. Received: .* with steps_per_execution=2",
    ),
    "another number of steps, by moves": (
        {"tf1": without_predict, "batches": [("generator", {"x": X, "y_true": Y})]},
        "tf2 must have every move of tf1. Received: none for generator",
    ),
    "variables of other shapes": (
        {"tf2": lambda: keras_model(keras.layers.Dense(2, use_bias=False))},
        r"must have its counterpart. Received: dense/kernel \[3, 1\] \(candidates: .*"
        r"kernel \[3, 2\]",
    ),
    "a twin's loss that is no scalar": (
        {"tf2": callables(loss_of_every_example)},
        r"A loss must be a scalar. Received: loss of move train, of shape \[4, 1\]",
    ),
    "no batches": ({"batches": []}, "A pair must have a batch"),
    "what is no batches": ({"batches": 7}, "batches must be arrays, a data set"),
    "no steps": ({"steps": 0}, "steps must be a whole number from 1. Received: 0"),
    "fewer steps than none": ({"steps": -1}, "steps must be a whole number from 1"),
    "half a step": ({"steps": 0.5}, "steps must be a whole number from 1"),
    "no example in a batch": (
        {"batches": (X, Y), "batch_size": 0},
        "batch_size must be a whole number from 1. Received: 0",
    ),
    "a level that does not exist": (
        {"levels": ["graph"]},
        "level must be one of .*. Received: 'graph'",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_line(name):
    options, said = MISTAKES[name]
    with pytest.raises(PairError, match=said) as refused:
        small_pair.pair(**options).check()
    assert not isinstance(refused.value, SideFailed)
    assert "\n" not in str(refused.value) and ". Received: " in str(refused.value)


FAILING = {
    "a loss without a name": (
        {"tf2": callables(loss_without_a_name)},
        "Received: ValueError: .*A move must return {stage: {name: tensor}}",
    ),
    "a move that returns a number": (
        {"tf2": callables(no_dictionary)},
        "Received: ValueError: .*A move must return {stage: {name: tensor}}",
    ),
    "a move that takes other names": (
        {"tf2": callables(another_name)},
        "Received: TypeError: .*unexpected keyword argument 'y_true'",
    ),
    "as many targets as no prediction": (
        {"batches": [(X, Y[:3])]},
        # Whichever side comes first says it.
        r"Received: InvalidArgumentError: Incompatible shapes: \[[34],1\] vs. \[[34],1\]",
    ),
    "batches that break off": (
        {"batches": breaking_off},
        "batches must yield the batches. Received: OSError: the disk is gone",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_code_that_fails_says_what_is_wrong_and_not_a_heading(name):
    options, said = FAILING[name]
    with pytest.raises(SideFailed, match=said) as failed:
        small_pair.pair(**options).check()
    assert "Traceback" in failed.value.trace


def test_outputs_of_another_shape_part_and_do_not_crash():
    def tf2():
        flat = keras.layers.Reshape([], name="flat")
        kernel = small_pair.tf1_semantics.initializers.RandomNormal(0.0, 0.5, (1, 11))
        dense = keras.layers.Dense(
            1, use_bias=False, kernel_initializer=kernel, name="dense"
        )
        return keras_model(dense, flat)

    checked = small_pair.pair(tf2=tf2).check()
    ((_, divergence),) = checked.divergences.values()
    assert (divergence.stage, divergence.problem) == (
        "outputs",
        "shape [4, 1] against [4]",
    )
    assert checked.data["remedy"]["function"]["chapter"] == "docs/guide/layers.md"


@pytest.mark.parametrize(
    "text, line",
    [
        ("", "no reason given"),
        ("Plain.\nMore", "Plain."),
        ("in user code:\n\n  File 'a.py', line 3\n\n    ValueError: bad  \n", "bad"),
        (
            "Graph execution error:\n\nat node\nshapes\n\t [[{{node x}}]] [Op:f]",
            "shapes",
        ),
    ],
)
def test_the_line_of_an_error_that_says_what_is_wrong(text, line):
    assert errors.said(ValueError(text)) == line


def test_nan_on_both_sides_is_data_too():
    batches = [(X, Y), (np.full_like(X, np.nan), Y)]
    data = small_pair.pair(batches=batches).check().data
    assert data["nan"] == {"step": 3, "stage": "loss", "tensor": "loss"}
    assert small_pair.pair().check().data["nan"] is None
