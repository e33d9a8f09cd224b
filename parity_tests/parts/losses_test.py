"""TF1's losses as Keras ones, against compat.v1 graphs."""

import contextlib
import functools
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.parts.losses import (
    ACTIVATIONS,
    LABELS,
    PARTS,
    REDUCTIONS,
    labels_of,
    problem,
)
from tf2_keras.tf1_semantics import losses
from tf2_keras.tf1_semantics.losses import Reduction

REFERENCES = {part.name.partition(".")[2]: part.reference for part in PARTS}
ARGUMENTS = {part.name.partition(".")[2]: part.arguments for part in PARTS}
EVERY_LOSS = pytest.mark.parametrize("name", LABELS)
CLASSES = 3
SESSIONS = contextlib.ExitStack()


@pytest.fixture(scope="module", autouse=True)
def _graphs_end_with_the_module():
    """Graphs serve many examples; their Sessions are closed once all are done."""
    with SESSIONS:
        yield
    graph_of_tf1.cache_clear()
    weighted_losses_of_tf1.cache_clear()


def session_of(graph):
    return SESSIONS.enter_context(contextlib.closing(tf.compat.v1.Session(graph=graph)))


def record(values):
    """What a comparison takes, of a loss and its gradients."""
    loss, *gradients = values
    names = ("predictions", "labels")
    return {
        "loss": {"loss": loss},
        "gradients": {
            key: gradient
            for key, gradient in zip(names, gradients, strict=False)
            if gradient is not None
        },
    }


def require_agreement(expected, received):
    assert [tensor is None for tensor in expected] == [
        tensor is None for tensor in received
    ]
    if sum(np.size(tensor) for tensor in expected if tensor is not None):
        compare_plays([record(expected)], [record(received)]).require_agreement()


def specifications(name, dtype, weights_rank):
    """TensorSpecs of labels, predictions and weights, of any batch size."""
    rank = weights_rank and 2
    if LABELS[name] in ("one-hot", "classes"):
        rank = weights_rank and 1
    specification = tf.TensorSpec([None, CLASSES], dtype)
    labels = specification
    if LABELS[name] == "classes":
        labels = tf.TensorSpec([None], tf.int64)
    return labels, specification, tf.TensorSpec([None] * rank, tf.float32)


@functools.cache
def graph_of_tf1(name, arguments, dtype, weights_rank):
    """(labels, predictions, weights) -> [loss, gradients by predictions and labels].

    Args:
        arguments: pairs of the loss's own; its weights, if any, multiply those fed.
        weights_rank: 0 for a number, 1 for an array of the loss's rank.
    """
    arguments = dict(arguments)
    with tf.Graph().as_default() as graph:
        fed = [
            tf.compat.v1.placeholder(one.dtype, one.shape)
            for one in specifications(name, dtype, weights_rank)
        ]
        weights = fed[2]
        if "weights" in arguments:
            weights = tf.constant(arguments.pop("weights"), tf.float32) * weights
        loss = REFERENCES[name](fed[0], fed[1], weights=weights, **arguments)
        by = [fed[1], fed[0]] if fed[0].dtype.is_floating else [fed[1]]
        gradients = tf.compat.v1.gradients(loss, by)
    wanted = [tensor for tensor in [loss, *gradients] if tensor is not None]
    session = session_of(graph)

    def run(*data):
        found = iter(session.run(wanted, dict(zip(fed, data, strict=False))))
        return [
            tensor if tensor is None else next(found) for tensor in [loss, *gradients]
        ]

    return run


def loss_and_gradients(loss, labels, predictions, weights):
    """[loss, gradients by predictions and labels], None where nothing flows."""
    by = [predictions, labels] if labels.dtype.is_floating else [predictions]
    with tf.GradientTape() as tape:
        tape.watch(by)
        value = loss(labels, predictions, weights)
    return [value, *tape.gradient(value, by)]


@functools.cache
def function_of_keras(name, arguments, dtype, weights_rank):
    """The same as ``graph_of_tf1``, of the part, in a tf.function."""
    loss = getattr(losses, name)(**dict(arguments))
    return tf.function(
        functools.partial(loss_and_gradients, loss),
        input_signature=specifications(name, dtype, weights_rank),
    )


def as_arrays(tensors):
    return [None if tensor is None else tensor.numpy() for tensor in tensors]


def require_parity(name, arguments, dtype, weights_rank, data, other=None):
    """Fails unless function and eager code agree with the graph, to the bit.

    Args:
        other: arguments of the part, if they are to differ from the graph's.
    """
    key = tuple(arguments.items())
    of_part = key if other is None else tuple(other.items())
    expected = graph_of_tf1(name, key, dtype, weights_rank)(*data)
    tensors = [tf.constant(array) for array in data]
    function = function_of_keras(name, of_part, dtype, weights_rank)
    require_agreement(expected, as_arrays(function(*tensors)))
    loss = getattr(losses, name)(**dict(of_part))
    require_agreement(expected, as_arrays(loss_and_gradients(loss, *tensors)))


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


@st.composite
def batches(draw, name, dtype, weights_rank, smallest=0):
    """(labels, predictions, weights) of a few examples."""
    examples = draw(st.integers(smallest, 6))
    shape = (examples, CLASSES)
    kind = LABELS[name]
    predictions = draw(strategies.arrays(shape, dtype))
    if name == "LogLoss":
        predictions = np.clip(np.abs(predictions), 0, 1)
    random = np.random.RandomState(draw(st.integers(0, 100)))
    if kind in ("real", "directions"):
        labels = draw(strategies.arrays(shape, dtype))
    else:
        labels = labels_of(kind, random, examples, CLASSES)
        if kind != "classes":
            labels = labels.astype(dtype)
    of_loss = shape[:1] if kind in ("one-hot", "classes") else shape
    if name == "CosineDistance":
        of_loss = (examples, 1)
    if weights_rank == 0:
        weights = draw(strategies.finite_floats())
    else:
        weights = draw(awkward_weights(of_loss))
    return labels, predictions, np.asarray(weights)


def configurations(name):
    """Four of (arguments, dtype, rank of the weights), all reductions over the losses."""
    values = {
        "CosineDistance": [{"axis": 1}, {"axis": -1}],
        "HuberLoss": [{}, {"delta": 0.3}, {"delta": 2.0}, {"delta": 0.0}],
        "LogLoss": [{}, {"epsilon": 1e-3}, {"epsilon": 0.0}, {"epsilon": 0.3}],
        "SigmoidCrossEntropy": [{}, {"label_smoothing": 0.1}],
        "SoftmaxCrossEntropy": [{"label_smoothing": 0.1}, {}],
    }.get(name, [{}])
    start = sorted(LABELS).index(name)
    found = []
    for number, (dtype, rank) in enumerate(
        [("float32", 1), ("float32", 0), ("float64", 1), ("float16", 1)]
    ):
        arguments = dict(values[number % len(values)])
        if number and name != "MeanPairwiseSquaredError":  # the first has the default
            arguments["reduction"] = REDUCTIONS[(start + number) % len(REDUCTIONS)]
        found.append((arguments, dtype, rank))
    return found


@EVERY_LOSS
@given(data=st.data())
def test_losses_and_gradients_are_those_of_tf1(name, data):
    arguments, dtype, rank = data.draw(st.sampled_from(configurations(name)))
    require_parity(name, arguments, dtype, rank, data.draw(batches(name, dtype, rank)))


@given(data=st.data())
def test_any_hyperparameters_give_what_tf1_gave(data):
    name = data.draw(st.sampled_from(sorted(LABELS)))
    arguments = data.draw(ARGUMENTS[name])
    if arguments.get("axis") == 0:  # another shape of the loss
        arguments["axis"] = 1
    batch = data.draw(batches(name, "float32", 1))
    require_parity(name, arguments, "float32", 1, batch)


@pytest.mark.parametrize(
    "name, right, wrong",
    [
        ("LogLoss", {}, {"epsilon": 2e-7}),
        ("HuberLoss", {}, {"delta": 1.001}),
        ("MeanSquaredError", {}, {"reduction": Reduction.MEAN}),
        ("MeanSquaredError", {}, {"reduction": Reduction.SUM_OVER_BATCH_SIZE}),
        ("SoftmaxCrossEntropy", {"label_smoothing": 0.1}, {"label_smoothing": 0.1001}),
        ("SigmoidCrossEntropy", {}, {"weights": 1.0001}),
    ],
)
def test_a_planted_fault_is_found(name, right, wrong):
    random = np.random.RandomState(0)
    labels = labels_of(LABELS[name], random, 5, CLASSES)
    predictions = random.uniform(size=(5, CLASSES)).astype(np.float32)
    predictions[0] = 3.0 * (name != "LogLoss")
    rank = 1 if name == "SoftmaxCrossEntropy" else 2
    weights = np.array([0.0, 2.0, 0.0, 1.0, 0.5], np.float32).reshape(
        [5] + [1] * (rank - 1)
    )
    batch = labels, predictions, weights
    require_parity(name, right, "float32", 1, batch)
    with pytest.raises(AssertionError, match="differ"):
        require_parity(name, right, "float32", 1, batch, other=wrong)


# Of losses and weights: (rank, rank, dtype).
RANKS = [
    (0, 0, "float32"),
    (1, 0, "float64"),
    (1, 1, "float32"),
    (2, 2, "float64"),
    (3, 0, "float32"),
    (3, 3, "float16"),
]


@functools.cache
def weighted_losses_of_tf1(rank, weights_rank, dtype):
    """(losses, weights) -> [[loss, gradient] for each reduction], and the same of Keras."""
    with tf.Graph().as_default() as graph:
        fed = [
            tf.compat.v1.placeholder(dtype, [None] * rank),
            tf.compat.v1.placeholder(tf.float32, [None] * weights_rank),
        ]
        wanted = []
        for reduction in REDUCTIONS:
            loss = tf.compat.v1.losses.compute_weighted_loss(*fed, reduction=reduction)
            wanted.append([loss, tf.compat.v1.gradients(loss, fed[0])[0]])
    session = session_of(graph)

    def of_keras(elements, weights):
        found = []
        for reduction in REDUCTIONS:
            with tf.GradientTape() as tape:
                tape.watch(elements)
                loss = losses.compute_weighted_loss(elements, weights, reduction)
            found.append([loss, tape.gradient(loss, elements)])
        return found

    function = tf.function(
        of_keras,
        input_signature=[
            tf.TensorSpec([None] * rank, dtype),
            tf.TensorSpec([None] * weights_rank, tf.float32),
        ],
    )
    return (
        lambda *data: session.run(wanted, dict(zip(fed, data, strict=False))),
        function,
        of_keras,
    )


@given(data=st.data())
def test_weights_and_reductions_are_those_of_tf1(data):
    rank, weights_rank, dtype = data.draw(st.sampled_from(RANKS))
    shape = tuple(data.draw(st.integers(0, 5)) for _ in range(rank))
    elements = data.draw(strategies.arrays(shape, dtype))
    # No denormal number: a Session flushes what it fetches, a function may hand it on.
    number = st.sampled_from([0.0, 1.0, -0.7, 2.5, 1e6]).map(np.float32)
    weights = data.draw(awkward_weights(shape) if weights_rank else number)
    graph, function, eager = weighted_losses_of_tf1(rank, weights_rank, dtype)
    expected = graph(elements, weights)
    for run in (function, eager):
        received = run(tf.constant(elements), tf.constant(weights))
        for one, other in zip(expected, received, strict=False):
            require_agreement(one, as_arrays(other))


def test_no_weight_at_all_gives_zero():
    for reduction in REDUCTIONS[1:]:
        for weights in (0.0, [[0.0], [0.0]]):
            loss = losses.MeanSquaredError(weights, reduction)
            assert loss([[1.0], [2.0]], [[3.0], [5.0]]).numpy() == 0.0


@EVERY_LOSS
def test_constant_weights_multiply_those_of_the_call(name):
    labels, predictions, weights, _ = _first_batch(name)
    constant = [[0.5], [0.0], [2.0]] if weights.ndim == 2 else [0.5, 0.0, 2.0]
    batch = labels[:3], predictions[:3], weights[1:4]
    together = getattr(losses, name)(weights=constant, **_required(name))
    alone = getattr(losses, name)(**_required(name))
    product = np.asarray(constant, np.float32) * batch[2]
    assert together(*batch).numpy() == alone(*batch[:2], product).numpy() != 0.0
    assert (
        together(*batch[:2]).numpy() == alone(*batch[:2], np.float32(constant)).numpy()
    )


def _required(name):
    return {"axis": -1} if name == "CosineDistance" else {}


def _first_batch(name):
    features, labels, weights, kernel = problem(name)
    predictions = ACTIVATIONS.get(name, tf.identity)(features @ kernel).numpy()
    return labels, predictions, weights, kernel


sizes = st.lists(st.integers(1, 3), max_size=3).map(tuple)


@given(shape=sizes, of_weights=sizes)
def test_weights_are_refused_where_tf1_refused_them(shape, of_weights):
    with tf.Graph().as_default():
        elements = tf.compat.v1.placeholder(tf.float32, shape)
        weights = tf.compat.v1.placeholder(tf.float32, of_weights)
        try:
            tf.compat.v1.losses.compute_weighted_loss(elements, weights)
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


@pytest.mark.parametrize("name", sorted(set(LABELS) - {"SparseSoftmaxCrossEntropy"}))
def test_labels_of_another_shape_are_refused_as_in_tf1(name):
    loss = getattr(losses, name)(**_required(name))
    for labels, predictions in (((4,), (4, 1)), ((4, 1), (4,)), ((4, 2), (4, 3))):
        with tf.Graph().as_default(), pytest.raises(ValueError):
            REFERENCES[name](tf.ones(labels), tf.ones(predictions), **_required(name))
        with pytest.raises(ValueError, match=r"^y_true must .* Received: .*\. Use "):
            loss(tf.ones(labels), tf.ones(predictions))


def test_class_numbers_are_checked():
    loss = losses.SparseSoftmaxCrossEntropy()
    logits = np.random.RandomState(0).standard_normal((3, 4)).astype(np.float32)
    labels = np.array([0, 3, 1])
    expected = loss(labels, logits).numpy()
    for same in (labels[:, np.newaxis], labels.astype(np.uint8), labels.tolist()):
        assert loss(same, logits).numpy() == expected
    weights = np.array([0.5, 0.0, 2.0])
    assert loss(labels, logits, weights) == loss(labels, logits, weights[:, np.newaxis])
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
    labels = np.array([[0, 1, 1], [1, 0, 1]])
    logits = np.random.RandomState(0).standard_normal((2, 3)).astype(np.float32)
    with tf.Graph().as_default() as graph:
        loss = REFERENCES[name](labels, logits)
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        expected = session.run(loss)
    assert getattr(losses, name)()(labels, logits).numpy() == expected


def test_no_gradient_flows_into_the_labels():
    random = np.random.RandomState(0)
    made, logits = random.standard_normal((2, 5, 3)).astype(np.float32)
    for axis in (-1, 0, 1):
        with tf.Graph().as_default() as graph:
            fed = [tf.compat.v1.placeholder(tf.float32, [None, None]) for _ in range(2)]
            loss = REFERENCES["softmax_cross_entropy_with_logits"](
                labels=tf.nn.softmax(fed[0], axis), logits=fed[1], axis=axis
            )
            by_labels, by_logits = tf.compat.v1.gradients(loss, fed)
        assert by_labels is None
        with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
            expected = session.run(
                [loss, by_logits], dict(zip(fed, (made, logits), strict=False))
            )

        def run(
            labels,
            logits,
            function=losses.softmax_cross_entropy_with_logits,
            axis=axis,
        ):
            with tf.GradientTape() as tape:
                tape.watch([labels, logits])
                loss = function(tf.nn.softmax(labels, axis), logits, axis)
            by_labels, by_logits = tape.gradient(loss, [labels, logits])
            return loss, by_logits, by_labels

        for level in (run, tf.function(run)):
            *received, by_labels = level(tf.constant(made), tf.constant(logits))
            assert by_labels is None
            require_agreement(expected, as_arrays(received))
        of_tf2 = tf.nn.softmax_cross_entropy_with_logits
        assert run(tf.constant(made), tf.constant(logits), of_tf2)[2] is not None


# Not by 1.0: Grappler drops that product, unless a Session fetches it, and with it the
# flush of denormals.
@given(
    values=strategies.arrays((3, 4)),
    scale=st.sampled_from([0.0, 1e-4, 0.1, 2.0, 3.7]),
)
def test_the_l2_penalty_and_its_gradient_are_those_of_tf1(values, scale):
    expected = _l2_of_tf1(scale)(values)

    def run(kernel):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            loss = losses.L2(scale)(kernel)
        return loss, tape.gradient(loss, kernel)

    kernel = tf.constant(values)
    require_agreement(expected, as_arrays(_l2_function(scale)(kernel)))
    require_agreement(expected, as_arrays(run(kernel)))


@functools.cache
def _l2_of_tf1(scale):
    with tf.Graph().as_default() as graph:
        kernel = tf.compat.v1.placeholder(tf.float32, [None, None])
        loss = REFERENCES["L2"](scale)(kernel)
        wanted = [loss, tf.compat.v1.gradients(loss, kernel)[0]]
    session = session_of(graph)
    return lambda values: session.run(wanted, {kernel: values})


@functools.cache
def _l2_function(scale):
    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def run(kernel):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            loss = losses.L2(scale)(kernel)
        return loss, tape.gradient(loss, kernel)

    return run


class Recorded(keras.Model):
    """A model that keeps the loss of its last step; fit's logs are running means."""

    def compute_loss(self, *arguments, **options):
        loss = super().compute_loss(*arguments, **options)
        self.last_loss.assign(loss)
        return loss


def model_of(name, loss, **options):
    """A linear model, of the problem's kernel, compiled with the loss."""
    _, _, _, kernel = problem(name)
    inputs = keras.Input([kernel.shape[0]])
    dense = keras.layers.Dense(kernel.shape[1], use_bias=False, **options)
    outputs = dense(inputs)
    if name in ACTIVATIONS:
        outputs = keras.layers.Lambda(ACTIVATIONS[name])(outputs)
    model = Recorded(inputs, outputs)
    model.last_loss = tf.Variable(0.0, trainable=False)
    dense.set_weights([kernel])
    model.compile(keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
    return model


def run_of_tf1(name, epochs, batch, penalty=None):
    """Yields {"loss", "updates"} of the linear model after each step."""
    features, labels, weights, kernel = problem(name)
    with tf.Graph().as_default() as graph:
        fed = [
            tf.compat.v1.placeholder(array.dtype, [None, *array.shape[1:]])
            for array in (features, labels, weights)
        ]
        variable = tf.compat.v1.get_variable("kernel", initializer=kernel)
        predictions = ACTIVATIONS.get(name, tf.identity)(fed[0] @ variable)
        loss = REFERENCES[name](fed[1], predictions, weights=fed[2], **_required(name))
        if penalty is not None:
            loss += penalty(variable)
        train = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(loss)
        initialise = tf.compat.v1.global_variables_initializer()
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        for _ in range(epochs):
            for start in range(0, len(features), batch):
                rows = slice(start, start + batch)
                feed = dict(
                    zip(
                        fed, (features[rows], labels[rows], weights[rows]), strict=False
                    )
                )
                value, _ = session.run([loss, train], feed)
                updates = {"kernel": session.run(variable)}
                yield {"loss": {"loss": value}, "updates": updates}


def run_of_fit(name, model, epochs, batch):
    """The same of ``fit``."""
    features, labels, weights, _ = problem(name)
    records = []

    def keep(*_, **__):
        records.append(
            {
                "loss": {"loss": model.last_loss.numpy()},
                "updates": {"kernel": model.layers[1].kernel.numpy()},
            }
        )

    model.fit(
        features,
        labels,
        batch,
        epochs,
        sample_weight=weights,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=keep)],
    )
    return records


@EVERY_LOSS
def test_fit_trains_as_tf1_did(name):
    model = model_of(name, getattr(losses, name)(**_required(name)))
    received = run_of_fit(name, model, epochs=3, batch=5)  # the last batch is short
    assert len(received) == 9
    compare_plays(run_of_tf1(name, 3, 5), received).require_agreement()


def test_fit_decays_weights_as_tf1_did():
    name = "MeanSquaredError"
    model = model_of(name, losses.MeanSquaredError(), kernel_regularizer=losses.L2(0.1))
    received = run_of_fit(name, model, epochs=2, batch=5)
    expected = run_of_tf1(name, 2, 5, penalty=REFERENCES["L2"](0.1))
    compare_plays(expected, received).require_agreement()


def test_a_saved_model_comes_back_with_its_loss(tmp_path):
    name = "HuberLoss"
    features, labels, weights, _ = problem(name)
    loss = losses.HuberLoss(
        delta=0.3, weights=[[0.5, 0.0, 2.0]], reduction=Reduction.MEAN
    )
    model = model_of(name, loss, kernel_regularizer=losses.L2(0.1))
    saved = keras.Model(model.inputs, model.outputs)
    saved.compile(keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
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
    for one, other in zip(before, model.get_weights(), strict=False):
        np.testing.assert_array_equal(one, other)


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
        np.testing.assert_array_equal(loss(*batch).numpy(), factor * alone[key])


def test_the_reductions_are_called_as_in_tf1():
    of_tf1 = tf.compat.v1.losses.Reduction
    assert Reduction._asdict() == {
        key: getattr(of_tf1, key) for key in Reduction._fields
    }
    assert set(Reduction) == set(of_tf1.all())
    assert losses.MeanSquaredError().reduction == of_tf1.SUM_BY_NONZERO_WEIGHTS
