"""Claims about input that no comparison can be made of: each ends in a line that helps.

What of it is in a call of the command line is claimed in ``commands/check_test``.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

import parity_tests as parity
from parity_tests.pair import errors, small_pair, tf1_sides
from parity_tests.pair.errors import PairError, SideFailed
from parity_tests.pair.own_pair import TF1Side
from tf2_keras.tf1_semantics import optimizers

X, Y = small_pair.batches(1)[0]


def tf1_loss_of_every_example():
    built = small_pair.build()
    x, y_true = built["inputs"].values()
    loss = tf.square(y_true - built["predict"]["outputs"]["y_pred"])
    return {**built, "train": {"op": built["train"]["op"], "loss": loss}}


def needs_keep_prob():
    built = small_pair.build()
    keep_prob = tf1.placeholder(tf.float32, name="keep_prob")
    loss = built["train"]["loss"] * keep_prob
    step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
    return {**built, "train": {"op": step, "loss": loss}}


def failing():
    """A function of a user's file."""
    namespace = {}
    source = "def build():\n    raise KeyError('no such layer')\n"
    exec(compile(source, "/home/user/model.py", "exec"), namespace)
    return namespace["build"]


def uncompiled():
    x = keras.Input([3])
    return keras.Model(x, keras.layers.Dense(1)(x))


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


def from_a_pipeline():
    weights = tf1.get_variable("dense/kernel", [3, 1])
    loss = tf.reduce_mean(tf.square(tf.matmul(tf.constant(X), weights)))
    step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
    return {"inputs": {}, "train": {"op": step, "loss": loss}}


def renamed(move, word, other):
    """The build function with a word of what it returns mistyped."""

    def build():
        built = small_pair.build()
        named = built if move is None else built[move]
        named[other] = named.pop(word)
        return built

    return build


MISTAKES = {
    "a word of a move that is mistyped": (
        {"tf1": renamed("train", "loss", "los")},
        "What a move sees must be {name: tensor}.*'los' of move 'train'.*Nearest: loss;",
    ),
    "inputs that are mistyped": (
        {"tf1": renamed(None, "inputs", "input")},
        "'x' of move 'input'.*Write 'inputs' for 'input'",
    ),
    "a budget of a stage that nobody has": (
        {"budgets": {"update": parity.Budget(ulp=2, reason="a reason")}},
        "budgets must be of stages that are compared. Received: 'update'.*updates",
    ),
    "a program without placeholders": (
        {"tf1": from_a_pipeline, "batches": [{"x": X}]},
        "tf1 has no placeholder, so name the tensors that the batches come from",
    ),
    "an input without a placeholder": (
        {"batches": [{"x": X, "y": Y}]},
        "An input must match a placeholder.*'y' in batch 1.*y_true",
    ),
    "an input of another shape": (
        {"batches": [(X[:, :2], Y)]},
        r"'x' of shape \[4, 2\] in batch 1.*takes \(None, 3\)",
    ),
    "a placeholder that nothing feeds": (
        {"tf1": needs_keep_prob},
        "move train without keep_prob",
    ),
    "a loss that is no scalar": (
        {"tf1": tf1_loss_of_every_example},
        "A loss must be a scalar.*of move train",
    ),
    "a move that TF1 has not got": (
        {"batches": [("generator", {"x": X})]},
        "A move must be one of tf1's. Received: generator",
    ),
    "a file that is not there": (
        {"tf1": "no.py:build"},
        "/no.py:build', which does not exist",
    ),
    "what a build function must not return": (
        {"tf1": lambda: None},
        "A build function must return",
    ),
    "a model that is not compiled": ({"tf2": uncompiled}, "must be compiled"),
    "what is no model": ({"tf2": 7}, "tf2 must be a compiled keras.Model"),
    "a map to another shape": (
        {"names": {"dense/kernel": "momentum/iteration"}},
        "names must lead to a variable of TF1's shape",
    ),
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
    "a level that does not exist, where another is asked for": (
        {"levels": ["fot"], "asked": {"levels_asked": ["function"]}},
        "level must be one of eager, function, fit.*. Received: 'fot'",
    ),
    "a level that is asked for and does not exist": (
        {"asked": {"levels_asked": ["fot"]}},
        "level must be one of eager, function, fit.*. Received: 'fot'",
    ),
    "no level": ({"levels": []}, "level must be one of .*at least one. Received: none"),
    "half a step, as a truth": ({"steps": True}, "steps must be a whole number from 1"),
    "names that are none": ({"names": 7}, "names must be a map, or the file of one"),
    "a side that is none": ({"tf1": 7}, "tf1 must be a build function, or name a file"),
    "no interpreter": (
        {"tf1": TF1Side("p.py:build", python="1.14")},
        r"interpreter with TensorFlow, or '1.15.5'. Received: '1.14', which is no program",
    ),
    "an interpreter without TensorFlow": (
        {"tf1": TF1Side("p.py:build", python="/bin/false")},
        "interpreter with TensorFlow.*'/bin/false', which has no TensorFlow",
    ),
    "an interpreter that is no path": (
        {"tf1": TF1Side("p.py:build", python=1.15)},
        r"TF1Side\(python=...\) must be a path. Received: 1.15",
    ),
    "moves that are none": (
        {"tf1": TF1Side("p.py:build", moves=["train"])},
        r"TF1Side\(moves=...\) must be a dictionary. Received: \['train'\]",
    ),
    "inputs that are none": (
        {"tf1": TF1Side("p.py:build", inputs="x")},
        r"TF1Side\(inputs=...\) must be a dictionary. Received: 'x'",
    ),
    "a checkpoint of a function": (
        {"tf1": TF1Side("p.py:build", checkpoint="model")},
        r"TF1Side\(checkpoint=...\) must go with a .meta",
    ),
    "budgets that are none": (
        {"budgets": {"fit": parity.Budget(ulp=1, reason="rounding")}},
        "budgets must be {stage: Budget} or",
    ),
    "a budget for everything": (
        {"budgets": parity.Budget(ulp=1, reason="rounding")},
        "budgets must be {stage: Budget} or",
    ),
    "a level that does not exist": (
        {"levels": ["graph"]},
        "level must be one of .*. Received: 'graph'",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_one_line(name):
    options, said = MISTAKES[name]
    options = dict(options)
    asked = options.pop("asked", {})
    with pytest.raises(PairError, match=said) as refused:
        small_pair.pair(**options).check(**asked)
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


@pytest.mark.parametrize("side", ["tf1", "tf2"])
def test_code_that_fails_is_told_with_its_own_traceback(side):
    with pytest.raises(SideFailed, match="KeyError: 'no such layer'") as failed:
        small_pair.pair(**{side: failing()}).check()
    lines = failed.value.trace.splitlines()
    assert lines[1] == '  File "/home/user/model.py", line 2, in build'


@pytest.mark.slow
def test_code_that_fails_in_a_process_of_its_own_does_so_too(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("def build():\n    raise KeyError('no such layer')\n")
    with pytest.raises(SideFailed, match="KeyError: 'no such layer'") as failed:
        small_pair.pair(f"{program}:build").check()
    assert f'File "{program}", line 2, in build' in failed.value.trace


def test_what_would_switch_the_process_over_is_refused():
    def build():
        getattr(tf1, tf1_sides.SWITCHES[0])()

    with pytest.raises(PairError, match="must not switch TensorFlow over.*own"):
        small_pair.pair(build).check()
    assert tf.executing_eagerly()


def test_nan_on_both_sides_is_no_agreement():
    batches = [(X, Y), (np.full_like(X, np.nan), Y)]
    checked = small_pair.pair(batches=batches).check()
    assert not checked.ok and not checked.divergences
    assert (
        "NaN on both sides, first at step 2 (move 3 of the play), loss, tensor loss"
        in checked.nans
    )
    assert checked.data["nan"] == {"step": 3, "stage": "loss", "tensor": "loss"}
    assert small_pair.pair().check().data["nan"] is None
    with pytest.raises(AssertionError, match="NaN on both sides"):
        checked.require_agreement()
