"""TF1's losses as Keras ones, against compat.v1 graphs."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.pair.pair import Pair
from parity_tests.parts.losses import PARTS, REDUCTIONS, batches, part_of, twin
from parity_tests.parts.pairs import Pairs
from tf1_graph.parts import losses as tf1_losses
from tf1_graph.parts.losses import CLASSES, LABELS, REQUIRED, labels_of
from tf2_keras import training
from tf2_keras.tf1_semantics import losses
from tf2_keras.tf1_semantics.losses import Reduction

ARGUMENTS = {part.name: part.arguments for part in PARTS}
EVERY_LOSS = pytest.mark.parametrize("name", LABELS)
PAIRS = Pairs(tf1_losses.program, twin)


def require_parity(name, arguments, problem, batch, of_twin=None):
    """Fails unless eager code and a function agree with the graph, to the bit."""
    pair = PAIRS(name, arguments, problem, of_twin)
    for level in ("function", "eager"):
        comparison = pair.compare([("loss", batch)], level)
        if all(np.size(array) for array in batch.values()):
            comparison.require_agreement()
        assert comparison.first_divergence is None and comparison.records == 2


@st.composite
def awkward_weights(draw, shape):
    """Weights that broadcast to a shape: zeros, one that is not, negative ones."""
    shape = tuple(draw(st.sampled_from([1, size])) for size in shape)
    kind = draw(st.sampled_from(["zeros", "one", "any", "any", "any"]))
    weights = np.zeros(shape, np.float32)
    if kind == "any":
        weights = draw(strategies.arrays(shape, np.float32))
    elif kind == "one" and weights.size:
        weights.flat[draw(st.integers(0, weights.size - 1))] = draw(
            st.sampled_from([1.0, -0.7, 3.3])
        )
    return weights


def problem_of(name, dtype="float32", weighted=True):
    """A problem of a loss whose weights are of its own rank, or else numbers."""
    rank = tf1_losses.weights_rank(name) if weighted else 0
    return {"dtype": dtype, "weights": rank}


@st.composite
def awkward_batches(draw, name, problem):
    """{input: array} of a few examples."""
    examples, dtype = draw(st.integers(0, 6)), problem["dtype"]
    shape, kind = (examples, CLASSES), LABELS[name]
    predictions = draw(strategies.arrays(shape, dtype))
    if name == "losses.LogLoss":
        predictions = np.clip(np.abs(predictions), 0, 1)
    random = np.random.RandomState(draw(st.integers(0, 100)))
    if kind in ("real", "directions"):
        labels = draw(strategies.arrays(shape, dtype))
    else:
        labels = labels_of(kind, random, examples)
        if kind != "classes":
            labels = labels.astype(dtype)
    if problem["weights"] == 0:
        weights = draw(strategies.finite_floats())
    elif name == "losses.CosineDistance":
        weights = draw(awkward_weights((examples, 1)))
    else:
        weights = draw(awkward_weights(shape[: problem["weights"]]))
    return {"labels": labels, "predictions": predictions, "weights": weights}


def configurations(name):
    """Four of (arguments, problem), all reductions over the losses."""
    values = {
        "losses.CosineDistance": [{"axis": 1}, {"axis": -1}],
        "losses.HuberLoss": [{}, {"delta": 0.3}, {"delta": 2.0}, {"delta": 0.0}],
        "losses.LogLoss": [
            {},
            {"epsilon": 1e-3, "rounding": "compat.v1"},
            {"epsilon": 0.0},
            {"epsilon": 0.3},
        ],
        "losses.SigmoidCrossEntropy": [{}, {"label_smoothing": 0.1}],
        "losses.SoftmaxCrossEntropy": [{"label_smoothing": 0.1}, {}],
        "losses.WeightedCrossEntropy": [
            {"pos_weight": 3.7},
            {"pos_weight": [0.3, 1.0, 3.7]},
            {"pos_weight": 0.0},
        ],
    }.get(name, [{}])
    start = sorted(LABELS).index(name)
    configured = []
    for number, (dtype, weighted) in enumerate(
        [("float32", True), ("float32", False), ("float64", True), ("float16", True)]
    ):
        arguments = dict(values[number % len(values)])
        if (
            number and name != "losses.MeanPairwiseSquaredError"
        ):  # the first has the default
            arguments["reduction"] = REDUCTIONS[(start + number) % len(REDUCTIONS)]
        configured.append((arguments, problem_of(name, dtype, weighted)))
    return configured


@EVERY_LOSS
@given(data=st.data())
def test_losses_and_gradients_are_those_of_tf1(name, data):
    arguments, problem = data.draw(st.sampled_from(configurations(name)))
    require_parity(name, arguments, problem, data.draw(awkward_batches(name, problem)))


@pytest.mark.slow
@given(data=st.data())
def test_any_hyperparameters_give_what_tf1_gave(data):
    name = data.draw(st.sampled_from(sorted(LABELS)))
    arguments = data.draw(ARGUMENTS[name])
    if arguments.get("axis") == 0:  # another shape of the loss
        arguments["axis"] = 1
    problem = problem_of(name)
    require_parity(name, arguments, problem, data.draw(awkward_batches(name, problem)))


@pytest.mark.parametrize(
    "name, right, wrong",
    [
        ("LogLoss", {}, {"epsilon": 2e-7}),
        ("LogLoss", {}, {"rounding": "compat.v1"}),
        ("LogLoss", {"rounding": "compat.v1"}, {"rounding": "1.15"}),
        ("HuberLoss", {}, {"delta": 1.001}),
        ("MeanSquaredError", {}, {"reduction": Reduction.MEAN}),
        ("MeanSquaredError", {}, {"reduction": Reduction.SUM_OVER_BATCH_SIZE}),
        ("SoftmaxCrossEntropy", {"label_smoothing": 0.1}, {"label_smoothing": 0.1001}),
        ("SigmoidCrossEntropy", {}, {"weights": 1.0001}),
        ("WeightedCrossEntropy", {"pos_weight": 3.7}, {"pos_weight": 3.7001}),
    ],
)
def test_a_planted_fault_is_found(name, right, wrong):
    name = f"losses.{name}"
    problem = problem_of(name)
    batch = tf1_losses.batch_of(name, problem, np.random.RandomState(0), 5)
    batch["predictions"][0] = 3.0 * (name != "losses.LogLoss")
    batch["weights"].flat = [0.0, 2.0, 0.0, 1.0, 0.5]
    require_parity(name, right, problem, batch)
    with pytest.raises(AssertionError, match="differ"):
        require_parity(name, right, problem, batch, wrong)


# Of losses and weights: (rank, rank, dtype).
RANKS = [
    (0, 0, "float32"),
    (1, 0, "float64"),
    (1, 1, "float32"),
    (2, 2, "float64"),
    (3, 0, "float32"),
    (3, 3, "float16"),
]


@pytest.mark.slow
@given(data=st.data())
def test_weights_and_reductions_are_those_of_tf1(data):
    rank, weights_rank, dtype = data.draw(st.sampled_from(RANKS))
    shape = tuple(data.draw(st.integers(0, 5)) for _ in range(rank))
    # No denormal number: a Session flushes what it fetches, a function may hand it on.
    number = st.sampled_from([0.0, 1.0, -0.7, 2.5, 1e6]).map(np.float32)
    batch = {
        "losses": data.draw(strategies.arrays(shape, dtype)),
        "weights": data.draw(awkward_weights(shape) if weights_rank else number),
    }
    problem = {"dtype": dtype, "weights": weights_rank, "rank": rank}
    for reduction in REDUCTIONS:
        arguments = {"reduction": reduction}
        require_parity("losses.compute_weighted_loss", arguments, problem, batch)


def test_no_weight_at_all_gives_zero():
    for reduction in REDUCTIONS[1:]:
        for weights in (0.0, [[0.0], [0.0]]):
            loss = losses.MeanSquaredError(weights, reduction)
            assert loss([[1.0], [2.0]], [[3.0], [5.0]]).numpy() == 0.0


@EVERY_LOSS
def test_constant_weights_multiply_those_of_the_call(name):
    problem = problem_of(name)
    batch = tf1_losses.batch_of(name, problem, np.random.RandomState(0), 3)
    labels, predictions = batch["labels"], batch["predictions"]
    weights = np.reshape(np.float32([2.0, 0.7, 0.0]), batch["weights"].shape)
    constant = np.reshape([0.5, 0.0, 2.0], weights.shape)
    required = REQUIRED.get(name, {})
    together = part_of(name, {"weights": constant.tolist(), **required})
    alone = part_of(name, required)
    product = np.float32(constant) * weights
    expected = alone(labels, predictions, product).numpy()
    assert together(labels, predictions, weights).numpy() == expected != 0.0
    expected = alone(labels, predictions, np.float32(constant)).numpy()
    assert together(labels, predictions).numpy() == expected


sizes = st.lists(st.integers(1, 3), max_size=3).map(tuple)


@given(shape=sizes, of_weights=sizes)
def test_weights_are_refused_where_tf1_refused_them(shape, of_weights):
    with tf.Graph().as_default():
        elements = tf.compat.v1.placeholder(tf.float32, shape)
        weights = tf.compat.v1.placeholder(tf.float32, of_weights)
        try:
            tf1_losses.loss(
                "losses.compute_weighted_loss", {}, elements, weights=weights
            )
            allowed = True
        except ValueError:
            allowed = False
    elements, weights = tf.ones(shape), tf.ones(of_weights)
    if allowed:
        assert losses.compute_weighted_loss(elements, weights).numpy() == 1.0
        return
    with pytest.raises(ValueError, match="^weights must be a number, or have the rank"):
        losses.compute_weighted_loss(elements, weights)
    with pytest.raises(ValueError, match=r"^sample_weight must .* Received: .* Use "):
        losses.AbsoluteDifference()(elements, elements, weights)


@pytest.mark.parametrize("weights", [[[1.0], [1.0, 2.0]], "1", None])
def test_constant_weights_are_numbers_in_rows_of_one_length(weights):
    with pytest.raises(
        ValueError, match="^weights must be a number or an array of num"
    ):
        losses.MeanSquaredError(weights)


def test_a_function_refuses_weights_once_it_sees_their_shape():
    variable = tf.Variable(1.0)

    @tf.function(
        input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None, None])]
    )
    def step(labels, weights):
        loss = losses.MeanSquaredError()(labels, labels + variable, weights)
        variable.assign_sub(loss)
        return loss

    assert step(np.ones([3, 2]), np.ones([1, 2])).numpy() == 1.0
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="sample_weight must be a number"
    ):
        step(np.ones([3, 2]), np.ones([2, 2]))
    assert variable.numpy() == 0.0
    with pytest.raises(ValueError, match="Use tensors of a known rank"):
        tf.function(
            losses.compute_weighted_loss,
            input_signature=[tf.TensorSpec(None), tf.TensorSpec([])],
        ).get_concrete_function()


@pytest.mark.parametrize(
    "name", sorted(set(LABELS) - {"losses.SparseSoftmaxCrossEntropy"})
)
def test_labels_of_another_shape_are_refused_as_in_tf1(name):
    required = REQUIRED.get(name, {})
    for labels, predictions in (((4,), (4, 1)), ((4, 1), (4,)), ((4, 2), (4, 3))):
        with tf.Graph().as_default(), pytest.raises(ValueError):
            tf1_losses.loss(name, required, tf.ones(labels), tf.ones(predictions))
        with pytest.raises(ValueError, match=r"^y_true must .* Received: .*\. Use "):
            part_of(name, required)(tf.ones(labels), tf.ones(predictions))


def test_class_numbers_are_checked():
    loss = losses.SparseSoftmaxCrossEntropy()
    logits = np.random.RandomState(0).standard_normal((3, 4)).astype(np.float32)
    labels = np.array([0, 3, 1])
    expected = loss(labels, logits).numpy()
    for same in (labels[:, np.newaxis], labels.astype(np.uint8), labels.tolist()):
        assert loss(same, logits).numpy() == expected
    assert loss(labels, logits[..., np.newaxis]).numpy() == expected
    weights = np.array([0.5, 0.0, 2.0])
    assert loss(labels, logits, weights) == loss(labels, logits, weights[:, np.newaxis])
    of_unknown_sizes = tf.function(
        loss,
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None], tf.int64),
            tf.TensorSpec([None, None]),
            tf.TensorSpec([None, None]),
        ],
    )
    columns = labels[:, np.newaxis], logits, weights[:, np.newaxis]
    assert of_unknown_sizes(*columns).numpy() == loss(labels, logits, weights).numpy()
    with pytest.raises(
        ValueError, match="^y_true must be of an integer dtype. Received"
    ):
        loss(labels.astype(np.float32), logits)
    with pytest.raises(ValueError, match="^y_true must have the shape of y_pred but"):
        loss(labels[:2], logits)
    with pytest.raises(tf.errors.InvalidArgumentError):
        loss(labels + 1, logits)


@pytest.mark.parametrize("name", ["MeanSquaredError", "SigmoidCrossEntropy"])
def test_integer_labels_are_cast_as_in_tf1(name):
    name = f"losses.{name}"
    batch = {
        "labels": np.array([[0, 1, 1], [1, 0, 1]]),
        "predictions": np.random.RandomState(0).standard_normal((2, 3)).astype("f"),
    }
    problem = {"dtype": "float32", "labels": "int64", "weights": None}
    require_parity(name, {}, problem, batch)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_no_gradient_flows_into_the_labels(axis):
    random = np.random.RandomState(0)
    labels, logits = random.standard_normal((2, 5, 3)).astype(np.float32)
    batch = {"labels": tf.nn.softmax(labels, axis).numpy(), "predictions": logits}
    name, arguments = "losses.softmax_cross_entropy_with_logits", {"axis": axis}
    problem = {"dtype": "float32", "weights": None}
    require_parity(name, arguments, problem, batch)
    pair = PAIRS(name, arguments, problem)
    *_, record = pair.reference([("loss", batch)])
    assert set(record["gradients"]) == {"predictions"}
    # TF2's function of that name does differentiate by them.
    labels = tf.constant(batch["labels"])
    with tf.GradientTape() as tape:
        tape.watch(labels)
        loss = tf.nn.softmax_cross_entropy_with_logits(labels, logits, axis)
    assert tape.gradient(loss, labels) is not None


# Not by 1.0: Grappler drops that product, unless a Session fetches it, and with it the
# flush of denormals.
@given(
    values=strategies.arrays((3, 4)),
    scale=st.sampled_from([0.0, 1e-4, 0.1, 2.0, 3.7]),
)
def test_the_l2_penalty_and_its_gradient_are_those_of_tf1(values, scale):
    problem = {"dtype": "float32", "weights": None}
    require_parity("losses.L2", {"scale": scale}, problem, {"x": values})


def model_of(name, loss, **options):
    """A linear model, of the problem's kernel, compiled with the loss."""
    *_, kernel = tf1_losses.data(name)
    inputs = keras.Input([kernel.shape[0]])
    dense = keras.layers.Dense(kernel.shape[1], use_bias=False, name="dense", **options)
    outputs = dense(inputs)
    if name in tf1_losses.ACTIVATIONS:
        outputs = keras.layers.Lambda(tf1_losses.ACTIVATIONS[name])(outputs)
    model = keras.Model(inputs, outputs)
    dense.set_weights([kernel])
    model.compile(keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
    return model


def require_trained_as_in_tf1(name, arguments, model_name, model):
    """Fails unless a function and ``fit`` train a model as TF1 did."""
    problem = {"model": model_name, "weighted": True, "rate": 0.1, "scale": 1.0}
    program = tf1_losses.trained(name, arguments, problem)
    trained = training.compiled(model, {"kernel": "dense/kernel"})
    with Pair(program, trained) as pair:
        moves = batches(problem, 5, epochs=3)  # the last batch is short
        for level in ("function", "fit"):
            comparison = pair.compare(moves, level).require_agreement()
            assert comparison.records == 10


@EVERY_LOSS
def test_fit_trains_as_tf1_did(name):
    arguments = REQUIRED.get(name, {})
    model = model_of(name, part_of(name, arguments))
    require_trained_as_in_tf1(name, arguments, name, model)


def test_fit_decays_weights_as_tf1_did():
    name = "losses.MeanSquaredError"
    model = model_of(name, losses.MeanSquaredError(), kernel_regularizer=losses.L2(0.1))
    require_trained_as_in_tf1("losses.L2", {"scale": 0.1}, name, model)


def test_a_saved_model_comes_back_with_its_loss(tmp_path):
    name = "losses.HuberLoss"
    features, labels, weights, _ = tf1_losses.data(name)
    loss = losses.HuberLoss(
        delta=0.3, weights=[[0.5, 0.0, 2.0]], reduction=Reduction.MEAN
    )
    saved = model_of(name, loss, kernel_regularizer=losses.L2(0.1))
    saved.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == loss.get_config()
    arguments = (features, labels, 5, 0, weights)
    assert loaded.evaluate(*arguments) == saved.evaluate(*arguments)


def test_labels_without_the_last_axis_are_refused_in_fit():
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    model.compile("sgd", losses.MeanSquaredError(), jit_compile=False)
    before = model.get_weights()
    with pytest.raises(ValueError, match="y_true must have the shape of y_pred"):
        model.fit(np.ones([4, 2]), np.ones([4]), verbose=0)
    with pytest.raises(ValueError, match="sample_weight must be a number, or have"):
        model.fit(np.ones([4, 2]), np.ones([4, 1]), sample_weight=np.ones(4), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new, strict=True)


def test_a_keras_mask_counts_as_weights():
    # [batch, time, features], where the second example has one step only
    labels = np.random.RandomState(0).standard_normal((2, 3, 4)).astype(np.float32)
    mask = np.array([[True, True, True], [True, False, False]])
    masked = tf.zeros([2, 3, 4])
    masked._keras_mask = tf.constant(mask)
    for loss in (losses.MeanSquaredError(), losses.MeanSquaredError(2.0)):
        expected = loss(labels, tf.zeros([2, 3, 4]), mask[..., np.newaxis])
        assert loss(labels, masked).numpy() == expected.numpy() != 0.0


def test_a_mean_is_shared_out_among_the_replicas_of_a_strategy(monkeypatch):
    batch = [[1.0], [2.0]], [[3.0], [5.0]]
    every = {key: losses.MeanSquaredError(reduction=key) for key in REDUCTIONS}
    alone = {key: loss(*batch).numpy() for key, loss in every.items()}
    monkeypatch.setattr(
        tf.distribute,
        "get_strategy",
        lambda: types.SimpleNamespace(num_replicas_in_sync=2),
    )
    for key, loss in every.items():
        factor = 1.0 if key in (Reduction.NONE, Reduction.SUM) else 0.5
        np.testing.assert_array_equal(
            loss(*batch).numpy(), factor * alone[key], strict=True
        )


def test_the_reductions_are_called_as_in_tf1():
    of_tf1 = tf.compat.v1.losses.Reduction
    assert Reduction._asdict() == {
        key: getattr(of_tf1, key) for key in Reduction._fields
    }
    assert set(Reduction) == set(of_tf1.all())
    assert losses.MeanSquaredError().reduction == of_tf1.SUM_BY_NONZERO_WEIGHTS
    recorded = {
        case.arguments["name"]
        for case in tf1_losses.CASES.values()
        if case.part == "losses.Reduction"
    }
    assert recorded == set(Reduction._fields)
