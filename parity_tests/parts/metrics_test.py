"""TF1's streaming metrics as Keras ones, against compat.v1 graphs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.parts.metrics import AGREEING, PARTS, naive_and_expected, twin
from parity_tests.parts.pairs import Pairs
from tf1_graph.parts import metrics as tf1_metrics
from tf1_graph.parts.metrics import CLASSES, DATA, batch_of, moves_of, problem_of
from tf2_keras.tf1_semantics import metrics

EVERY_METRIC = pytest.mark.parametrize("part", DATA)
OF_CLASSES = ("metrics.MeanIoU", "metrics.MeanPerClassAccuracy")
PAIRS = Pairs(tf1_metrics.program, twin)


def require_parity(part, arguments, problem, batches, of_twin=None):
    """Fails unless values and variables agree after each batch, to the bit."""
    pair = PAIRS(part, arguments, problem, of_twin)
    for level in ("function", "eager"):
        comparison = pair.compare(moves_of(batches), level).require_agreement()
        assert comparison.records == 1 + 2 * len(batches)


def value_of_tf1(part, arguments, problem, batches):
    """What TF1 made of all batches together, a float."""
    *_, record = PAIRS(part, arguments, problem).reference(moves_of(batches))
    return float(record["outputs"]["value"])


def made(part):
    """A metric with what it asks for."""
    name = part.partition(".")[2]
    return getattr(metrics, name)(**tf1_metrics.REQUIRED.get(part, {}))


@st.composite
def streams(draw, part, problem):
    """A few batches for a metric, with awkward weights."""
    kind, batches = problem["data"], []
    for seed in draw(st.lists(st.integers(0, 1000), min_size=1, max_size=3)):
        shape = tuple(draw(st.integers(1, 5)) for _ in range(problem["rank"]))
        batch = batch_of(problem, np.random.RandomState(seed), *shape)
        if kind in ("real", "values"):
            batch = {name: draw(strategies.arrays(shape)) for name in batch}
        if kind == "probabilities":
            corners = draw(strategies.arrays(shape, magnitude=1.0))
            batch["predictions"] = np.where(
                corners == np.round(corners), np.abs(corners), batch["predictions"]
            )
        if problem["weights"] is not None:
            of_weights = (*shape, 1)[: problem["weights"]]
            if part not in OF_CLASSES:  # TF1 cannot broadcast theirs
                of_weights = tuple(
                    draw(st.sampled_from([1, size])) for size in of_weights
                )
            weights = np.zeros(of_weights, np.float32)
            if draw(st.sampled_from(["zeros", "any", "any", "any"])) == "any":
                weights = draw(strategies.arrays(of_weights))
            batch["weights"] = weights
        batches.append(batch)
    return batches


# Of values and weights: of a rank less they get the last axis, of one more they lose it.
RANKS = [(1, None), (1, 1), (2, 2), (2, 1), (1, 0), (1, 2)]
CONFIGURATIONS = {
    "metrics.AUC": [
        {},
        {"curve": "PR"},
        {"curve": "PR", "summation_method": "careful_interpolation"},
        {"curve": "PR", "summation_method": "majoring", "num_thresholds": 11},
        {"curve": "ROC", "summation_method": "minoring", "num_thresholds": 7},
    ],
    **{part: [required] for part, required in tf1_metrics.REQUIRED.items()},
}


@EVERY_METRIC
@given(data=st.data())
def test_values_and_variables_are_those_of_tf1(part, data):
    every = CONFIGURATIONS.get(part, [{}])
    ranks = RANKS if part not in OF_CLASSES else RANKS[:3]
    number = data.draw(st.integers(0, max(len(every), len(ranks)) - 1))
    problem = problem_of(part, *ranks[number % len(ranks)])
    batches = data.draw(streams(part, problem))
    require_parity(part, every[number % len(every)], problem, batches)


@pytest.mark.parametrize("curve", metrics.AUC.CURVES)
@pytest.mark.parametrize("method", metrics.AUC.METHODS)
def test_every_area_is_that_of_tf1(curve, method):
    random = np.random.RandomState(0)
    problem = problem_of("metrics.AUC", weights=1)
    batches = [
        {
            **batch_of(problem, random, size),
            "weights": random.uniform(size=size).astype("f"),
        }
        for size in (83, 1, 300)
    ]
    arguments = {"curve": curve, "summation_method": method}
    require_parity("metrics.AUC", arguments, problem, batches)


def test_thresholds_of_ones_own_are_sorted_as_in_tf1():
    problem = problem_of("metrics.AUC")
    batch = batch_of(problem, np.random.RandomState(0), 50)
    values = set()
    for thresholds in ([0.5, 0.1, 0.3], [0.1, 0.3, 0.5]):
        arguments = {"thresholds": thresholds}
        require_parity("metrics.AUC", arguments, problem, [batch])
        values.add(value_of_tf1("metrics.AUC", arguments, problem, [batch]))
    assert len(values) == 1


@EVERY_METRIC
def test_weights_of_an_axis_too_many_or_too_few_count_alike(part):
    """Each example has its own weight, whatever axes of size 1 say so."""
    random = np.random.RandomState(0)
    batch = batch_of(problem_of(part), random, 6)
    weights = random.uniform(size=6).astype(np.float32)
    expected = made(part)
    expected.update_state(*batch.values(), weights)
    counts = [variable.numpy() for variable in expected.variables]
    column = {name: array[:, np.newaxis] for name, array in batch.items()}
    given = [(batch, weights[:, np.newaxis]), (column, weights)]
    if part not in OF_CLASSES and len(batch) == 2:  # theirs have to have one shape
        for name in batch:
            given.append(({**batch, name: column[name]}, weights))
    for arrays, of_one_shape in given:
        metric = made(part)
        metric.update_state(*arrays.values(), of_one_shape)
        for variable, count in zip(metric.variables, counts, strict=True):
            np.testing.assert_array_equal(variable.numpy(), count, strict=True)


@EVERY_METRIC
def test_a_long_stream_ends_as_in_tf1(part):
    random = np.random.RandomState(0)
    problem = problem_of(part, weights=1)
    batches = []
    for _ in range(30):
        size = random.randint(1, 200)
        batch = batch_of(problem, random, size)
        batch["weights"] = random.uniform(-0.1, 2.0, size).astype("f")
        batches.append(batch)
    require_parity(part, CONFIGURATIONS.get(part, [{}])[0], problem, batches)


@pytest.mark.parametrize(
    "part", ["metrics.Accuracy", "metrics.Precision", "metrics.Recall", *OF_CLASSES]
)
def test_float_predictions_count_as_in_tf1(part):
    """Cast to the dtype of the labels, or to bool: 0.9 is class 0, and 0.1 is true."""
    problem = problem_of(part, data="probabilities")
    batches = [batch_of(problem, np.random.RandomState(0), size) for size in (50, 3)]
    require_parity(part, tf1_metrics.REQUIRED.get(part, {}), problem, batches)


# Dtypes of labels, predictions (or values) and weights, beyond those drawn above.
DTYPES = [
    ("float32", "float32", None),
    ("float16", "float16", "float64"),
    ("float64", "float64", "int32"),
    ("int32", "float32", "bool"),
    ("float32", "int64", "float16"),
    ("bool", "bool", "int64"),
]


def tf1_takes(part, labels, predictions):
    """Its errors are of one float dtype, and its AUC compares numbers."""
    if DATA[part] == "real":
        return labels == predictions != "bool"
    return part != "metrics.AUC" or predictions != "bool"


def floats_of_every_kind(dtype, random, part):
    """[40]: zeros of both signs, fractions, and numbers with a class before the dot."""
    numbers = [0.0, -0.0, 0.25, 0.5, 1.0]
    if part != "metrics.AUC":
        numbers += [1.75, 2.5, 3.0]
    return random.choice(numbers, 40).astype(dtype)


@pytest.mark.parametrize(
    "part, dtypes",
    [
        pytest.param(part, dtypes, id="-".join(map(str, (part, *dtypes))))
        for part in DATA
        for dtypes in DTYPES
        if tf1_takes(part, *dtypes[:2])
    ],
)
def test_floats_and_other_dtypes_count_as_in_tf1(part, dtypes):
    of_weights = dtypes[2]
    problem = problem_of(part, weights=1 if of_weights else None)
    problem["dtypes"] = [
        *dtypes[: 1 if DATA[part] == "values" else 2],
        *([of_weights] if of_weights else []),
    ]
    random = np.random.RandomState(0)
    batch = {
        name: floats_of_every_kind(dtype, random, part)
        for name, (dtype, _) in tf1_metrics.specifications(problem).items()
    }
    require_parity(part, tf1_metrics.REQUIRED.get(part, {}), problem, [batch] * 2)


@EVERY_METRIC
def test_the_name_of_a_metric_is_that_of_its_variables_in_tf1(part):
    arguments = {**tf1_metrics.REQUIRED.get(part, {}), "name": "other"}
    require_parity(part, arguments, problem_of(part), [])


@pytest.mark.parametrize(
    "part, right, wrong",
    [
        ("metrics.AUC", {"curve": "PR"}, {"curve": "PR", "num_thresholds": 199}),
        (
            "metrics.AUC",
            {"curve": "PR"},
            {"curve": "PR", "summation_method": "careful_interpolation"},
        ),
        ("metrics.MeanIoU", {"num_classes": CLASSES}, {"num_classes": CLASSES + 1}),
    ],
)
def test_a_planted_fault_is_found(part, right, wrong):
    problem = problem_of(part)
    batches = [batch_of(problem, np.random.RandomState(0), 60)]
    require_parity(part, right, problem, batches)
    with pytest.raises(AssertionError, match="divergence"):
        require_parity(part, right, problem, batches, wrong)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("part", AGREEING)
def test_some_of_the_namesakes_agree(part, weighted):
    """What the descriptors say under ``no_trap``, and the page of traps about ROC."""
    received, expected = naive_and_expected(part, AGREEING[part], {}, weighted=weighted)
    assert received == pytest.approx(expected, rel=1e-6)


def test_the_table_has_every_metric_that_is_recorded():
    assert {part.name for part in PARTS} == set(tf1_metrics.SYMBOLS) == set(DATA)


@EVERY_METRIC
def test_before_the_first_batch_and_after_a_reset_there_is_nothing(part):
    metric = made(part)
    fresh = metric.result().numpy()
    batch = batch_of(problem_of(part), np.random.RandomState(0), 20)
    metric.update_state(*batch.values())
    assert metric.result().numpy() != fresh
    metric.reset_state()
    assert metric.result().numpy() == fresh
    assert not any(np.any(variable.numpy()) for variable in metric.variables)


def test_variables_keep_the_dtypes_of_tf1_whatever_keras_prefers():
    before = keras.config.floatx()
    try:
        keras.config.set_floatx("float64")
        of_float64 = [metrics.Mean(), metrics.AUC(), metrics.MeanIoU(3)]
    finally:
        keras.config.set_floatx(before)
    assert [metric.variables[0].dtype for metric in of_float64] == [
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
        (metrics.AUC(), [0, 1], [0.5, -1e-3], "y_pred must be in [0, 1]", "[-0.001"),
        # Of many the first three are told.
        (
            metrics.AUC(),
            [1] * 5,
            [2.0, 3, 1, 4, 5],
            "y_pred must be",
            "[2.0, 3.0, 4.0]",
        ),
        (metrics.MeanIoU(3), [0, 1], [2, 3], "y_pred must be in [0, 3)", "[3]"),
        (metrics.MeanIoU(3), [0, -1], [2, 2], "y_true must be in [0, 3)", "[-1]"),
        (metrics.MeanPerClassAccuracy(3), [0, 5], [2, 2], "y_true must be in", "[5]"),
    ]
    for metric, labels, predictions, rule, received in refused:
        with pytest.raises(ValueError) as caught:
            metric.update_state(labels, predictions)
        assert str(caught.value).startswith(rule)
        told = str(caught.value).partition(". Received: ")[2]
        assert told.startswith(received) and "]. Use " in told
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            tf.function(metric.update_state)(
                tf.constant(labels), tf.constant(predictions)
            )
        assert rule in str(caught.value)
        assert not any(np.any(variable.numpy()) for variable in metric.variables)


@pytest.mark.parametrize("part", sorted(set(DATA) - {"metrics.Mean"}))
def test_shapes_that_tf1_refused_are_refused(part):
    metric = made(part)
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


@pytest.mark.slow
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
    batches = [{"labels": labels[row], "predictions": predictions[row]} for row in rows]
    weighted = [
        {**batch, "weights": weights[row]}
        for batch, row in zip(batches, rows, strict=True)
    ]
    expected = [
        value_of_tf1(
            "metrics.AUC", {"curve": "PR"}, problem_of("metrics.AUC", 2, rank), known
        )
        for rank, known in ((None, batches), (2, weighted))
    ]
    assert expected[0] != expected[1]

    history = model.fit(
        features, labels, 5, 2, sample_weight=weights, shuffle=False, verbose=0
    ).history
    assert history["auc"] == [expected[0]] * 2
    assert history["weighted_auc"] == [expected[1]] * 2
    model.save(tmp_path / "model.keras")
    for known in (model, keras.models.load_model(tmp_path / "model.keras")):
        assert known.evaluate(features, labels, 5, 0, weights)[1:] == expected


def test_a_model_of_logits_counts_its_classes():
    random = np.random.RandomState(0)
    features = random.standard_normal((23, 4)).astype(np.float32)
    labels = random.randint(3, size=23)
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=[ClassAccuracy()], jit_compile=False)
    predictions = model(features).numpy().argmax(-1)
    part, batch = "metrics.Accuracy", {"labels": labels, "predictions": predictions}
    expected = value_of_tf1(part, {}, problem_of(part), [batch])
    assert model.evaluate(features, labels, 5, 0)[1] == expected
