"""Bad input is refused before anything happens, by rule, received and remedy.

What each part refuses in particular is in its descriptor, and tested in parts_test.py.
"""

import ast
import functools
import inspect
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.parts import table
from tf2_keras import tf1_semantics
from tf2_keras.tf1_semantics import errors

ROOT = pathlib.Path(__file__).parents[2]
CLASSES = [part for part in table.PARTS if part.samples]


def arguments_of(part):
    """{argument: its default} of a part's own, without its name and Keras's."""
    parameters = inspect.signature(table.constructor(part.name)).parameters
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if name != "name" and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }


ARGUMENTS = [
    pytest.param(part, name, id=f"{part.name}-{name}")
    for part in CLASSES
    for name in arguments_of(part)
]
FLAGS = [
    pytest.param(part, name, id=f"{part.name}-{name}")
    for part in CLASSES
    for name, default in arguments_of(part).items()
    if isinstance(default, bool)
]


def require_refusal(call, start):
    """The message of a ValueError: one line that starts so and says what to do."""
    with pytest.raises(ValueError) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(start), message
    assert ". Received: " in message and ". Use " in message and "\n" not in message
    return message


@pytest.mark.parametrize("part, name", ARGUMENTS)
def test_an_argument_that_means_nothing_is_refused_by_its_name(part, name):
    """Taken, it would fail later, in the words of something else; a value that the
    refusal recommends is taken, and mostly the default."""
    arguments = {**part.samples[0], name: object()}
    make = functools.partial(table.constructor(part.name), **arguments)
    message = require_refusal(make, f"{name} must ")
    default = arguments_of(part)[name]
    for value in recommended(message):
        make(**{name: value})
        usual = MORE_USUAL.get(name, ())
        assert repr(value) in map(repr, (default, *usual)), (default, value)


# {argument: what is recommended where there is no default, or a more usual value}.
MORE_USUAL = {
    "end_learning_rate": (1e-4,),  # TF1's default; BERT's was 0
    **dict.fromkeys(("kernel_initializer", "bias_initializer"), ("zeros",)),
    **dict.fromkeys(("initializer", "gamma_initializer"), ("zeros",)),
    "candidate_kernel_initializer": ("zeros",),
    "moving_variance_initializer": ("zeros",),
    **dict.fromkeys(("decay_steps", "first_decay_steps", "warmup_steps"), (1000,)),
    **dict.fromkeys(("ksize", "strides"), ((2, 2),)),
    "boundaries": ([1000, 2000],),
    **dict.fromkeys(("buckets", "hash_bucket_size"), (1000,)),
    "clip_norm": (5.0,),
    "decay": (0.999,),
    "decay_rate": (0.5, 0.96),
    "epsilon": (1e-12,),
    "label_smoothing": (0.1,),
    "learning_rate": (0.1, 0.01),
    "exclude_from_weight_decay": (["LayerNorm", "layer_norm", "bias"],),
    "maxval": (1, 1.0),
    "method": ("bilinear",),
    "momentum": (0.9,),
    "pos_weight": (2.0,),
    **dict.fromkeys(("num_true", "num_samples"), (1,)),
    "num_sampled": (5,),
    "output_dtype": ("int64",),
    "padding": ("SAME",),
    "recurrent_activation": ("tanh",),
    "save_steps": (100,),
    "scale": (1e-4,),
    "size": ((32, 32),),
    "stddev": (0.1,),
    "values": ([0.1, 0.01, 0.001],),
    "weight_decay": (1e-4,),
    "weight_decay_rate": (0.01,),
    "width": (8,),
}


def recommended(message):
    """[the value that a refusal recommends, if it says one]."""
    words = re.search(r"\. Use (?:for instance |a value such as )?(.+)\.$", message)[1]
    try:
        return [ast.literal_eval(words)]
    except (ValueError, SyntaxError):  # words of something else
        return []


@pytest.mark.parametrize("part, name", FLAGS)
def test_a_flag_is_true_or_false(part, name):
    arguments = {**part.samples[0], name: "yes"}
    make = functools.partial(table.constructor(part.name), **arguments)
    require_refusal(make, f"{name} must be ")


LEAST = 5e-324  # above zero
NEVER = [float("nan"), float("inf"), -float("inf"), True, "1", None, 1j]
# {rule: (the outermost that it takes, what is just beyond)}.
BOUNDS = {
    "require_number": ([-1.7e308, 0, 1.7e308, np.float32(2)], []),
    "require_not_negative": ([0, LEAST, 1.7e308], [-LEAST, -1]),
    "require_positive": ([LEAST, 1.7e308], [0, -0.0, -LEAST, -1]),
    "require_below_one": ([0, 1 - 2**-53], [-LEAST, 1, 2]),
    "require_share_kept": ([LEAST, 1], [0, 1 + 2**-52, -1, 2]),
    "require_int": ([-1, 0, 2**70], [0.0, np.float32(1)]),
}


@pytest.mark.parametrize("rule", BOUNDS)
def test_a_rule_takes_all_up_to_its_bounds_and_nothing_beyond(rule):
    taken, beyond = BOUNDS[rule]
    usual = [] if rule == "require_share_kept" else [1]
    require = functools.partial(getattr(errors, rule), "number")
    for value in taken:
        require(value, *usual)
    for value in [*beyond, *NEVER]:
        require_refusal(lambda value=value: require(value, *usual), "number must be ")


def test_an_int_of_at_least_something_is_no_less():
    for value in (2, 3):
        errors.require_int("number", value, 2, at_least=2)
    for value in (1, 2.0, True):
        require_refusal(
            lambda value=value: errors.require_int("number", value, 2, at_least=2),
            "number must be an int of at least 2. ",
        )


# {(part, argument): (the outermost that it takes, what is just beyond)}; besides
# these, parts take the rules above as they are.
INFINITE = [float("inf"), float("nan")]
ABOVE_ONE = 1 + 2**-52
OF_A_WINDOW = (
    [1, (1, 1), [1, 2, 3, 1]],
    [0, (0, 1), (1, 0), (1,), (1, 2, 3), [2, 2, 2, 1], [1, 2, 2, 2]],
)
EDGES = {
    ("layers.BatchNormalization", "momentum"): (
        [0, 1],
        [-LEAST, ABOVE_ONE, *INFINITE],
    ),
    ("initializers.Constant", "value"): (
        [True, 1.5, [1, 2], np.ones((2, 2))],
        [[[1], [1, 2]], "1", [None], np.array(["1"])],
    ),
    ("layers.BatchNormalization", "fused"): ([None, True, False], ["yes", 2]),
    ("layers.LocalResponseNormalization", "depth_radius"): ([0], [-1, 0.5]),
    ("layers.MaxPoolingWithArgmax", "ksize"): OF_A_WINDOW,
    ("layers.MaxPoolingWithArgmax", "strides"): OF_A_WINDOW,
    ("layers.ResizeBilinear", "size"): ([(1, 1)], [(0, 1), (1, 0), (1,), (1, 1, 1)]),
    ("losses.SigmoidCrossEntropy", "label_smoothing"): (
        [0, 1],
        [-LEAST, ABOVE_ONE, *INFINITE],
    ),
    ("optimizers.GradientDescent", "learning_rate"): ([0], [-LEAST, *INFINITE]),
    ("optimizers.GradientDescent", "gradient_accumulation_steps"): ([2], [1, 0]),
    ("optimizers.GradientDescent", "clipnorm"): ([1e-30], [0, *INFINITE]),
    ("optimizers.GradientDescent", "global_clipnorm"): ([1e-30], [0, *INFINITE]),
    ("optimizers.GradientDescent", "clipvalue"): ([1e-30], [0, *INFINITE]),
    ("optimizers.Ftrl", "learning_rate"): ([LEAST], [0, *INFINITE]),
    ("optimizers.Ftrl", "learning_rate_power"): ([0, -1e300], [LEAST, -float("inf")]),
    ("schedules.CosineDecayRestarts", "t_mul"): ([1], [1 - 2**-53, *INFINITE]),
    ("schedules.CosineDecayRestarts", "m_mul"): ([LEAST], [0]),
    ("metrics.AUC", "num_thresholds"): ([2], [1]),
    ("metrics.AUC", "thresholds"): (
        [[0, 1], (0.5,)],
        [[-LEAST], [ABOVE_ONE], [0.5, 2], 0.5],
    ),
    ("metrics.MeanIoU", "num_classes"): ([1], [0]),
    ("recurrent.LSTMCell", "num_units"): ([1], [0]),
    ("recurrent.LSTMCell", "num_proj"): ([1, None], [0]),
    ("recurrent.LSTMCell", "cell_clip"): ([0, None], [-LEAST]),
    ("recurrent.LSTMCell", "proj_clip"): ([0, None], [-LEAST]),
    ("clipping.ByValue", "clip_value_min"): ([], [9.0, 10.0, *INFINITE]),
}
SAMPLES = {
    **{part.name: part.samples[0] for part in CLASSES},
    "clipping.ByValue": {"clip_value_max": 9.0},
}


@pytest.mark.parametrize("part, argument", EDGES)
def test_an_argument_takes_its_outermost_values_and_none_beyond(part, argument):
    taken, beyond = EDGES[part, argument]
    make = functools.partial(table.constructor(part), **SAMPLES[part])
    for value in taken:
        make(**{argument: value})
    for value in beyond:
        message = require_refusal(
            lambda value=value: make(**{argument: value}), f"{argument} must "
        )
        for recommendation in recommended(message):
            make(**{argument: recommendation})
            assert recommendation == 1.0 or "clip" not in argument


@pytest.mark.parametrize(
    "boundaries, values, wrong",
    [
        ([1], [0.0, 1.0], None),
        ([1, 2.0], (0.1, 0.2, 0.3), None),
        ([1, 1], [0.1, 0.2, 0.3], "boundaries"),
        ([2, 1], [0.1, 0.2, 0.3], "boundaries"),
        ([1.5], [0.1, 0.2], "boundaries"),
        ([], [0.1], "boundaries"),
        (1, [0.1, 0.2], "boundaries"),
        ([1], [0.1], "values"),
        ([1], [0.1, 0.2, 0.3], "values"),
        ([1], [0.1, -LEAST], "values"),
        ([1], [float("inf"), 0.1], "values"),
    ],
)
def test_boundaries_rise_and_values_are_one_more(boundaries, values, wrong):
    make = functools.partial(
        tf1_semantics.schedules.PiecewiseConstant, boundaries, values
    )
    if wrong is None:
        make()
    else:
        require_refusal(make, f"{wrong} must ")


OF_EVERY_OPTIMIZER = [
    ("clip", 1.0),
    ("clip", [tf1_semantics.clipping.ByNorm(1.0), 1.0]),
    ("clip", tf1_semantics.clipping.ByNorm),  # the class instead of a clip
    ("moving_average", 0.99),
    ("moving_average", tf1_semantics.averages.ExponentialMovingAverage),
    ("learning_rate", tf1_semantics.schedules.CosineDecay),
]


@pytest.mark.parametrize("name, value", OF_EVERY_OPTIMIZER)
@pytest.mark.parametrize(
    "part",
    [part for part in CLASSES if part.name.startswith("optimizers.")],
    ids=lambda part: part.name,
)
def test_an_optimizer_refuses_at_once_what_would_fail_in_its_first_step(
    part, name, value
):
    arguments = {**part.samples[0], name: value}
    make = functools.partial(table.constructor(part.name), **arguments)
    require_refusal(make, f"{name} must be ")


# Inputs of layers: (layer, shape of its inputs).
LAYERS = [
    *(
        pytest.param(part, (2, 4, 4, 3), id=part.name)
        for part in CLASSES
        if part.name.startswith("layers.")
    ),
    *(
        pytest.param(part, (2, 4, 3), id=part.name)
        for part in CLASSES
        if part.name.endswith("DynamicRNN")
    ),
]


def take_integers(part):
    """Images are integers more often than not, and TF1's kernels took them."""
    return "Resize" in part.name or "Pooling" in part.name


@pytest.mark.parametrize("dtype", ["int32", "bool", "str"])
@pytest.mark.parametrize("part, shape", LAYERS)
def test_layers_refuse_inputs_of_a_dtype_that_tf1_had_no_kernel_for(part, shape, dtype):
    layer = table.constructor(part.name)(**part.samples[0])
    inputs = np.ones(shape, dtype)
    symbol = keras.Input(shape[1:], dtype={"str": "string"}.get(dtype, dtype))
    calls = [
        functools.partial(layer, inputs),
        functools.partial(layer, tf.constant(inputs)),
        functools.partial(tf.function(layer, autograph=False), tf.constant(inputs)),
        functools.partial(layer, symbol),
    ]
    if dtype == "int32" and take_integers(part):
        calls[1]()
        return
    for call in calls:
        message = require_refusal(call, "inputs must be of a dtype that is floating")
        assert ("Use numbers in place of strings" in message) == (dtype == "str")
    assert not layer.built


def test_a_cell_refuses_integers():
    cell = tf1_semantics.recurrent.GRUCell(3)
    state = cell.get_initial_state(2)
    require_refusal(
        lambda: cell(np.ones((2, 5), int), state),
        "inputs must be of a dtype that is floating",
    )


@pytest.mark.parametrize(
    "name", ["SigmoidCrossEntropy", "SoftmaxCrossEntropy", "SparseSoftmaxCrossEntropy"]
)
def test_cross_entropies_refuse_logits_of_integers(name):
    loss = getattr(tf1_semantics.losses, name)()
    labels = np.zeros([2], int) if "Sparse" in name else np.zeros([2, 3], int)
    require_refusal(
        lambda: loss(labels, np.zeros([2, 3], int)),
        "y_pred must be of a dtype that is floating. Received: int64",
    )


LOSSES = [
    part
    for part in CLASSES
    if part.name.startswith("losses.") and part.name != "losses.L2"
]


@pytest.mark.parametrize("part", LOSSES, ids=lambda part: part.name)
def test_losses_refuse_strings(part):
    loss = table.constructor(part.name)(**part.samples[0])
    numbers, words = np.zeros([2, 3], np.float32), np.full([2, 3], "a")
    require_refusal(lambda: loss(numbers, words), "y_pred must be of a dtype")
    require_refusal(lambda: loss(words, numbers), "y_true must be of a dtype")


# What fit hands to a loss of one element a class.


def new_model():
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3)])
    model.compile("sgd", tf1_semantics.losses.SigmoidCrossEntropy(), jit_compile=False)
    return model


X = np.random.RandomState(0).standard_normal((6, 4)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]
CLASS_WEIGHT = {0: 1.0, 1: 2.0, 2: 0.5}


@pytest.mark.parametrize(
    "weights", [{"class_weight": CLASS_WEIGHT}, {"sample_weight": np.ones(6)}]
)
def test_weights_of_examples_are_refused_with_the_shape_that_they_need(weights):
    with pytest.raises(ValueError) as caught:
        new_model().fit(X, Y, batch_size=3, verbose=0, **weights)
    assert "sample_weight must be a number, or have the rank" in str(caught.value)
    assert "Use sample_weight[:, None] for one weight an example" in str(caught.value)
    assert "in place of class_weight, a sample_weight" in str(caught.value)


def test_weights_of_the_shape_that_the_message_names_are_taken():
    weights = np.array([CLASS_WEIGHT[label] for label in Y.argmax(-1)])[:, None]
    model = new_model()
    expected = model.loss(Y, model(X), weights).numpy()
    assert expected != model.loss(Y, model(X)).numpy()
    assert model.evaluate(X, Y, 6, 0, sample_weight=weights) == pytest.approx(expected)
    loss = tf1_semantics.losses.MeanSquaredError()
    with pytest.raises(ValueError, match=r"Use sample_weight\[:, None, None\] for one"):
        loss(np.zeros([2, 3, 4]), np.zeros([2, 3, 4]), np.ones(2))
    loss(np.zeros([2, 3, 4]), np.zeros([2, 3, 4]), np.ones(2)[:, None, None])


ELSEWHERE = """
import sys
from parity_tests.witness import reference_conditions
reference_conditions.import_tensorflow()
import keras
try:
    keras.models.load_model(sys.argv[1])
except TypeError as error:
    print(error)
import tf2_keras.tf1_semantics
print(keras.models.load_model(sys.argv[1]).layers[-1].name)
"""


# Keras 3 writes a TensorFlow variable as NumPy 1 would.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_saved_model_is_loaded_where_the_parts_are_imported(tmp_path):
    """docs/parts.md says so: Keras's own error does not name what to import."""
    bias = tf1_semantics.layers.AddBias(name="bias")
    keras.Sequential([keras.Input([4]), bias]).save(tmp_path / "model.keras")
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, tmp_path / "model.keras"],
        timeout=600, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    *error, loaded = run.stdout.splitlines()
    assert "Could not locate class 'AddBias'" in "\n".join(error)
    assert loaded == "bias"
