"""TF1's streaming metrics as Keras ones, against compat.v1 graphs."""

import contextlib
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.parts.metrics import (
    AGREEING,
    CLASSES,
    DATA,
    PARTS,
    REFERENCES,
    data_of,
    naive_and_expected,
    session_of_tf1,
)
from tf2_keras.tf1_semantics import metrics

SESSIONS = contextlib.ExitStack()
OF_CLASSES = ("MeanIoU", "MeanPerClassAccuracy")


@pytest.fixture(scope="module", autouse=True)
def _graphs_end_with_the_module():
    with SESSIONS:
        yield
    graph_of_tf1.cache_clear()


def specifications(name, rank, weights_rank):
    """{argument of TF1: TensorSpec} of any batch size; None: without weights."""
    kind = DATA[name]
    labels = tf.float32 if kind in ("real", "values") else tf.int64
    predictions = tf.float32 if kind == "probabilities" else labels
    shape = [None] * rank
    found = {"values": tf.TensorSpec(shape, tf.float32)}
    if kind != "values":
        found = {
            "labels": tf.TensorSpec(shape, labels),
            "predictions": tf.TensorSpec(shape, predictions),
        }
    if weights_rank is not None:
        found["weights"] = tf.TensorSpec([None] * weights_rank, tf.float32)
    return found


@functools.cache
def graph_of_tf1(name, arguments, rank, weights_rank):
    return SESSIONS.enter_context(
        session_of_tf1(
            REFERENCES[name], dict(arguments), specifications(name, rank, weights_rank)
        )
    )


def run_of_tf1(name, arguments, rank, weights_rank, batches):
    """Yields {"loss": the value, "slots": the variables} after each batch."""
    update, names = graph_of_tf1(name, tuple(arguments.items()), rank, weights_rank)
    # Such as mean/count and precision/true_positives/count.
    names = [name.partition("/")[2].removesuffix("/count") for name in names]
    update.restart()
    for batch in batches:
        value, variables = update(*batch)
        yield {
            "loss": {"value": value},
            "slots": dict(zip(names, variables, strict=False)),
        }


@functools.cache
def functions_of_keras(name, arguments, rank, weights_rank):
    """(metric, update, result), the last two in tf.functions."""
    metric = getattr(metrics, name)(**dict(arguments))

    @tf.function(
        input_signature=list(specifications(name, rank, weights_rank).values())
    )
    def update(*batch):
        metric.update_state(*batch)
        return metric.result()

    return metric, update, tf.function(metric.result)


def run_of_keras(name, arguments, rank, weights_rank, batches, level):
    """The same of the part."""
    key = tuple(arguments.items())
    metric, update, result = functions_of_keras(name, key, rank, weights_rank)
    metric.reset_state()
    if level == "eager":
        update, result = metric.update_state, metric.result
    for batch in batches:
        updated = update(*map(tf.constant, batch))
        value = result().numpy()
        assert updated is None or updated.numpy() == value or np.isnan(value)
        yield {
            "loss": {"value": value},
            "slots": {variable.name: variable.numpy() for variable in metric.variables},
        }


def require_parity(name, arguments, rank, weights_rank, batches):
    for level in ("function", "eager"):
        run = name, arguments, rank, weights_rank, batches
        comparison = compare_plays(run_of_tf1(*run), run_of_keras(*run, level))
        comparison.require_agreement()
        assert comparison.records == len(batches)


@st.composite
def streams(draw, name, rank, weights_rank):
    """A few batches for a metric, with awkward weights."""
    kind, batches = DATA[name], []
    for seed in draw(st.lists(st.integers(0, 1000), min_size=1, max_size=3)):
        shape = tuple(draw(st.integers(1, 5)) for _ in range(rank))
        size = int(np.prod(shape))
        arrays = data_of(kind, np.random.RandomState(seed), size)
        arrays = [array.reshape(shape) for array in arrays]
        if kind in ("real", "values"):
            arrays = [draw(strategies.arrays(shape)) for _ in arrays]
        if kind == "probabilities":
            corners = draw(strategies.arrays(shape, magnitude=1.0))
            arrays[1] = np.where(
                corners == np.round(corners), np.abs(corners), arrays[1]
            )
        batch = arrays[:1] if kind == "values" else arrays
        if weights_rank is not None:
            of_weights = shape[:weights_rank]
            if name not in OF_CLASSES:  # TF1 cannot broadcast theirs
                of_weights = tuple(
                    draw(st.sampled_from([1, size])) for size in of_weights
                )
            weights = np.zeros(of_weights, np.float32)
            if draw(st.sampled_from(["zeros", "any", "any", "any"])) == "any":
                weights = draw(strategies.arrays(of_weights))
            batch = [*batch, np.asarray(weights)]
        batches.append(batch)
    return batches


# Of values and weights; weights of a rank less get the last axis.
RANKS = [(1, None), (1, 1), (2, 2), (2, 1), (1, 0)]
CONFIGURATIONS = {
    "AUC": [
        {},
        {"curve": "PR"},
        {"curve": "PR", "summation_method": "careful_interpolation"},
        {"curve": "PR", "summation_method": "majoring", "num_thresholds": 11},
        {"curve": "ROC", "summation_method": "minoring", "num_thresholds": 7},
    ],
    "MeanIoU": [{"num_classes": CLASSES}],
    "MeanPerClassAccuracy": [{"num_classes": CLASSES}],
}


@pytest.mark.parametrize("name", DATA)
@given(data=st.data())
def test_values_and_variables_are_those_of_tf1(name, data):
    every = CONFIGURATIONS.get(name, [{}])
    ranks = RANKS if name not in OF_CLASSES else RANKS[:3]
    number = data.draw(st.integers(0, max(len(every), len(ranks)) - 1))
    arguments, (rank, of_weights) = (
        every[number % len(every)],
        ranks[number % len(ranks)],
    )
    batches = data.draw(streams(name, rank, of_weights))
    require_parity(name, arguments, rank, of_weights, batches)


# Dtypes of labels, predictions (or values) and weights, beyond those drawn above.
DTYPES = [
    ("float32", "float32", None),
    ("float16", "float16", "float64"),
    ("float64", "float64", "int32"),
    ("int32", "float32", "bool"),
    ("float32", "int64", "float16"),
    ("bool", "bool", "int64"),
]


def tf1_takes(name, labels, predictions):
    """Its errors are of one float dtype, and its AUC compares numbers."""
    if DATA[name] == "real":
        return labels == predictions != "bool"
    return name != "AUC" or predictions != "bool"


OF_DTYPES = [
    pytest.param(name, dtypes, id="-".join(map(str, (name, *dtypes))))
    for name in DATA
    for dtypes in DTYPES
    if tf1_takes(name, *dtypes[:2])
]


def floats_of_every_kind(dtype, random, name):
    """[40]: zeros of both signs, fractions, and numbers with a class before the dot."""
    numbers = [0.0, -0.0, 0.25, 0.5, 1.0]
    if name != "AUC":
        numbers += [1.75, 2.5, 3.0]
    return random.choice(numbers, 40).astype(dtype)


@pytest.mark.parametrize("name, dtypes", OF_DTYPES)
def test_floats_and_other_dtypes_count_as_in_tf1(name, dtypes):
    arguments = {"num_classes": 4} if name in OF_CLASSES else {}
    names = ["values"] if DATA[name] == "values" else ["labels", "predictions"]
    dtypes = [*dtypes[: len(names)], *filter(None, dtypes[2:])]
    random = np.random.RandomState(0)
    batch = [floats_of_every_kind(dtype, random, name) for dtype in dtypes]
    placeholders = {
        name: tf.TensorSpec([None], dtype)
        for name, dtype in zip([*names, "weights"], dtypes, strict=False)
    }
    with session_of_tf1(REFERENCES[name], arguments, placeholders) as (update, _):
        update(*batch)
        expected, variables = update(*batch)
    for level in ("function", "eager"):
        metric = getattr(metrics, name)(**arguments)
        of_level = metric.update_state
        if level == "function":
            specs = list(placeholders.values())
            of_level = tf.function(of_level, input_signature=specs, autograph=False)
        of_level(*map(tf.constant, batch))
        of_level(*map(tf.constant, batch))
        assert metric.result().numpy().tobytes() == expected.tobytes(), level
        for variable, array in zip(metric.variables, variables, strict=True):
            assert variable.numpy().tobytes() == array.tobytes(), variable.name


@pytest.mark.parametrize("curve", metrics.AUC.CURVES)
@pytest.mark.parametrize("method", metrics.AUC.METHODS)
def test_every_area_is_that_of_tf1(curve, method):
    random = np.random.RandomState(0)
    batches = [
        (*data_of("probabilities", random, size), random.uniform(size=size).astype("f"))
        for size in (83, 1, 300)
    ]
    arguments = {"curve": curve, "summation_method": method}
    require_parity("AUC", arguments, 1, 1, batches)


def test_thresholds_of_ones_own_are_sorted_as_in_tf1():
    batch = data_of("probabilities", np.random.RandomState(0), 50)
    expected = None
    for thresholds in ((0.5, 0.1, 0.3), (0.1, 0.3, 0.5)):
        require_parity("AUC", {"thresholds": thresholds}, 1, None, [batch])
        metric = metrics.AUC(thresholds=list(thresholds))
        metric.update_state(*batch)
        expected = expected or metric.result().numpy()
        assert metric.result().numpy() == expected


@pytest.mark.parametrize("name", DATA)
def test_a_long_stream_ends_as_in_tf1(name):
    random = np.random.RandomState(0)
    batches = []
    for _ in range(30):
        batch = data_of(DATA[name], random, random.randint(1, 200))
        batch = batch[:1] if DATA[name] == "values" else batch
        batches.append((*batch, random.uniform(-0.1, 2.0, batch[0].shape).astype("f")))
    arguments = CONFIGURATIONS.get(name, [{}])[0]
    require_parity(name, arguments, 1, 1, batches)


@pytest.mark.parametrize(
    "name, right, wrong",
    [
        ("AUC", {"curve": "PR"}, {"curve": "PR", "num_thresholds": 199}),
        (
            "AUC",
            {"curve": "PR"},
            {"curve": "PR", "summation_method": "careful_interpolation"},
        ),
        ("MeanIoU", {"num_classes": CLASSES}, {"num_classes": CLASSES + 1}),
    ],
)
def test_a_planted_fault_is_found(name, right, wrong):
    batches = [data_of(DATA[name], np.random.RandomState(0), 60)]
    expected = run_of_tf1(name, right, 1, None, batches)
    received = run_of_keras(name, wrong, 1, None, batches, "function")
    with pytest.raises(AssertionError, match="divergence"):
        compare_plays(expected, received).require_agreement()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", AGREEING)
def test_some_of_the_namesakes_agree(name, weighted):
    """What the descriptors say under ``no_trap``, and the page of traps about ROC."""
    received, expected = naive_and_expected(name, AGREEING[name], {}, weighted=weighted)
    assert received == pytest.approx(expected, rel=1e-6)


def test_the_table_has_every_reference():
    assert (
        {part.name.partition(".")[2] for part in PARTS} == set(REFERENCES) == set(DATA)
    )


def test_before_the_first_batch_and_after_a_reset_there_is_nothing():
    for name in DATA:
        metric = getattr(metrics, name)(**CONFIGURATIONS.get(name, [{}])[0])
        fresh = metric.result().numpy()
        data = data_of(DATA[name], np.random.RandomState(0), 20)
        metric.update_state(*(data[:1] if DATA[name] == "values" else data))
        assert metric.result().numpy() != fresh
        metric.reset_state()
        assert metric.result().numpy() == fresh
        assert not any(np.any(variable.numpy()) for variable in metric.variables)


def test_variables_keep_the_dtypes_of_tf1_whatever_keras_prefers():
    before = keras.config.floatx()
    try:
        keras.config.set_floatx("float64")
        made = [metrics.Mean(), metrics.AUC(), metrics.MeanIoU(3)]
    finally:
        keras.config.set_floatx(before)
    assert [metric.variables[0].dtype for metric in made] == [
        "float32",
        "float32",
        "float64",
    ]


def test_predictions_outside_their_range_change_nothing():
    refused = [
        (metrics.AUC(), [0, 1], [0.5, 1.5], "y_pred must be in [0, 1]", "[1.5]"),
        (
            metrics.AUC(),
            [0, 1],
            [float("nan"), 0.5],
            "y_pred must be in [0, 1]",
            "[nan]",
        ),
        (metrics.MeanIoU(3), [0, 1], [2, 3], "y_pred must be in [0, 3)", "[3]"),
        (metrics.MeanIoU(3), [0, -1], [2, 2], "y_true must be in [0, 3)", "[-1]"),
        (metrics.MeanPerClassAccuracy(3), [0, 5], [2, 2], "y_true must be in", "[5]"),
    ]
    for metric, labels, predictions, rule, received in refused:
        with pytest.raises(ValueError) as caught:
            metric.update_state(labels, predictions)
        assert str(caught.value).startswith(rule)
        assert f". Received: {received}. Use " in str(caught.value)
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            tf.function(metric.update_state)(
                tf.constant(labels), tf.constant(predictions)
            )
        assert rule in str(caught.value)
        assert not any(np.any(variable.numpy()) for variable in metric.variables)


@pytest.mark.parametrize("name", sorted(set(DATA) - {"Mean"}))
def test_shapes_that_tf1_refused_are_refused(name):
    metric = getattr(metrics, name)(**CONFIGURATIONS.get(name, [{}])[0])
    ones = {size: np.ones(size, np.float32) for size in (4, 5, (4, 2))}
    with pytest.raises(ValueError, match="^y_true must have the shape of y_pred. Rec"):
        metric.update_state(ones[4], ones[4, 2])
    with pytest.raises(ValueError, match="^y_true must have the shape of y_pred. Rec"):
        metric.update_state(ones[4], ones[5])
    with pytest.raises(ValueError, match=r"^sample_weight must .* Received: .*\. Use "):
        metric.update_state(ones[4], ones[4], ones[5])
    assert not any(np.any(variable.numpy()) for variable in metric.variables)


@keras.saving.register_keras_serializable("tf1_semantics_tests")
class ClassAccuracy(metrics.Accuracy):
    """What the module's docstring tells to write for a model that outputs logits."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, tf.argmax(y_pred, -1), sample_weight)


def test_fit_and_evaluate_stream_as_tf1_did(tmp_path):
    random = np.random.RandomState(0)
    features = random.standard_normal((23, 4)).astype(np.float32)
    labels = random.randint(2, size=(23, 1))
    weights = random.uniform(size=(23, 1)).astype(np.float32)
    model = keras.Sequential(
        [keras.Input([4]), keras.layers.Dense(1, activation="sigmoid")]
    )
    model.compile(
        keras.optimizers.SGD(0.0),  # so that fit's epochs see one and the same model
        "mse",
        metrics=[metrics.AUC(curve="PR")],
        weighted_metrics=[metrics.AUC(curve="PR", name="weighted_auc")],
        jit_compile=False,
    )
    predictions = model(features).numpy()
    rows = [slice(start, start + 5) for start in range(0, 23, 5)]
    batches = [(labels[row], predictions[row], weights[row]) for row in rows]
    arguments = {"curve": "PR"}
    *_, weighted = run_of_tf1("AUC", arguments, 2, 2, batches)
    *_, plain = run_of_tf1("AUC", arguments, 2, None, [batch[:2] for batch in batches])
    expected = [float(plain["loss"]["value"]), float(weighted["loss"]["value"])]
    assert expected[0] != expected[1]

    history = model.fit(
        features, labels, 5, 2, sample_weight=weights, shuffle=False, verbose=0
    ).history
    assert history["auc"] == [expected[0]] * 2
    assert history["weighted_auc"] == [expected[1]] * 2
    model.save(tmp_path / "model.keras")
    for one in (model, keras.models.load_model(tmp_path / "model.keras")):
        assert one.evaluate(features, labels, 5, 0, weights)[1:] == expected


def test_a_model_of_logits_counts_its_classes():
    random = np.random.RandomState(0)
    features = random.standard_normal((23, 4)).astype(np.float32)
    labels = random.randint(3, size=23)
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=[ClassAccuracy()], jit_compile=False)
    predictions = model(features).numpy().argmax(-1)
    *_, expected = run_of_tf1("Accuracy", {}, 1, None, [(labels, predictions)])
    assert model.evaluate(features, labels, 5, 0)[1] == float(expected["loss"]["value"])
