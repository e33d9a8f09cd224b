"""What replaces contrib computes what contrib computed under TensorFlow 1.15.5."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.migrate import contrib_rows
from parity_tests.witness import stored
from tf2_keras import tf1_semantics
from tf2_keras.migrate import catalogue

EVIDENCE = (
    "parity_tests/migrate/contrib_test.py"
    "::test_replacements_compute_what_1_15_5_computed"
)
READS = {False: "reads of a reference variable", True: "reads of a resource variable"}
ONE_OBJECT = "names of one object"
w = contrib_rows.w


# ------------------------------------------------------------- the words of the rows


def layer(made, inputs, order=None):
    """A layer's outputs with drawn weights; TF1 made them in ``order``."""
    made.build(inputs.shape)
    order = order or range(len(made.weights))
    drawn = [
        w(number, *weight.shape)
        for number, weight in zip(order, made.weights, strict=True)
    ]
    made.set_weights(drawn)
    return made(inputs)


def moved(made, inputs):
    made(inputs, training=True)
    return np.concatenate([made.moving_mean.numpy(), made.moving_variance.numpy()])


def streamed(metric, *data):
    metric.update_state(*data)
    return metric.result()


def trained(optimizer):
    variable, factor = keras.Variable(w(0, 3)), tf.constant(w(1, 3))
    optimizer.build([variable])
    step = tf.function(lambda: optimizer.apply([factor * variable], [variable]))
    for _ in range(contrib_rows.STEPS):
        step()
    return variable.value


def unrolled(cell):
    inputs = tf.constant(contrib_rows.inputs()["sequences"])
    return layer(tf1_semantics.recurrent.DynamicRNN(cell), inputs)[0]


def elements(dataset):
    return np.concatenate([np.ravel(element.numpy()) for element in dataset])


def looked_up(table, keys):
    return table.lookup(tf.constant(keys))


def expected_places(images):
    """[batch, 2 channels]: the mean place, from -1 to 1, under softmax of a channel."""
    height, width, channels = images.shape[1:]
    rows, columns = tf.meshgrid(
        tf.linspace(-1.0, 1.0, height), tf.linspace(-1.0, 1.0, width), indexing="ij"
    )
    flat = tf.reshape(tf.transpose(images, [0, 3, 1, 2]), [-1, height * width])
    chances = tf.nn.softmax(flat)
    places = [
        tf.reduce_sum(tf.reshape(axis, [-1]) * chances, 1) for axis in (rows, columns)
    ]
    return tf.reshape(tf.stack(places, 1), [-1, 2 * channels])


def same_class(classes):
    same = tf.cast(classes[:, None] == classes, tf.float32)
    return same / tf.reduce_sum(same, 1, keepdims=True)


def rotation(angle, height, width):
    """The transform of tf.raw_ops.ImageProjectiveTransformV3 that turns about the centre."""
    cosine, sine = tf.cos(angle), tf.sin(angle)
    x = ((width - 1) - (cosine * (width - 1) - sine * (height - 1))) / 2.0
    y = ((height - 1) - (sine * (width - 1) + cosine * (height - 1))) / 2.0
    return tf.stack([[cosine, -sine, x, sine, cosine, y, 0.0, 0.0]])


def namespace():
    names = {
        name: array if name == "ids" or array.dtype.kind == "U" else tf.constant(array)
        for name, array in contrib_rows.inputs().items()
    }
    return {**globals(), **names, "sparse": contrib_rows.sparse}


def today(form):
    result = eval(form, namespace())
    return result.numpy() if hasattr(result, "numpy") else np.asarray(result)


def off_by(expected, received):
    """The largest error over the largest magnitude,"""
    if expected.dtype.kind != "f":
        return float((expected != received).any())
    return float(np.abs(expected - received).max() / np.abs(expected).max())


# --------------------------------------------------------------------------- claims


@pytest.mark.parametrize("row", contrib_rows.rows(), ids=lambda row: row[1][:70])
def test_replacements_compute_what_1_15_5_computed(row):
    _, before, after = row
    expected, received = stored.computed("contrib")[before], today(after)
    assert (received.dtype, received.shape) == (expected.dtype, expected.shape)
    assert off_by(expected, received) <= contrib_rows.ULPS * 2.0**-23


@pytest.mark.parametrize("trap", contrib_rows.traps(), ids=lambda trap: trap[2][:70])
def test_what_one_would_write_is_off_by_its_stated_margin(trap):
    margin, _, before, after = trap
    expected = stored.computed("contrib")[before]
    assert off_by(expected, today(after)) >= margin


def test_second_names_are_of_one_object():
    groups = [
        set(names.split()) for names in stored.computed("contrib")[ONE_OBJECT].tolist()
    ]
    second = {
        symbol: catalogue.original(symbol)
        for symbol in catalogue.api()
        if catalogue.original(symbol) != symbol
    }
    apart = {
        names
        for names in second.items()
        if not any(group.issuperset(names) for group in groups)
    }
    assert apart == set() and len(second) > 130


MODULES = [
    "crf",
    "cudnn_rnn",
    "data",
    "eager",
    "framework",
    "image",
    "layers",
    "lookup",
    "losses",
    "metrics",
    "opt",
    "rnn",
    "seq2seq",
    "slim",
    "training",
]


def test_every_public_symbol_has_an_answer_of_its_own():
    """No rule of a whole module answers for one of them."""
    exact = catalogue.rules().exact
    symbols = {
        symbol
        for symbol, row in catalogue.api().items()
        if row.in_tf1 and any(symbol.startswith(f"tf.contrib.{m}.") for m in MODULES)
    }
    assert {s for s in symbols if not {s, catalogue.original(s)} & set(exact)} == set()
    assert {s for s in symbols if not catalogue.find(s).note} == set()
    assert len(symbols) > 700


def test_the_numbers_are_those_of_1_15_5():
    stored.require_provenance("contrib")
    assert set(stored.computed("contrib")) == {
        *contrib_rows.forms(),
        *READS.values(),
        ONE_OBJECT,
    }


def test_what_the_catalogue_takes_from_here_is_here():
    measured = {as_function(symbol) for symbol, _, _ in contrib_rows.rows()}
    for rule in catalogue.every():
        texts = (rule, *rule.cases)
        if any(text.evidence == EVIDENCE for text in texts):
            symbol = catalogue.original(rule.symbol)
            assert as_function(symbol) in measured, rule.symbol


def as_function(symbol):
    """tf.layers.Conv1D and tf.layers.conv1d alike; 1.15's resize is resize_images."""
    symbol = {"tf.image.resize": "tf.image.resize_images"}.get(symbol, symbol)
    return symbol.lower().replace("_", "")


def test_a_read_before_an_assignment_saw_what_was_assigned():
    """[old, new] of old = identity(x), and after it new = assign(x, x + 1).

    What x itself is beside them has no order where it is a resource.
    """
    expected = {False: [1, 1], True: [0, 1]}
    for use_resource, name in READS.items():
        assert stored.computed("contrib")[name].tolist() == expected[use_resource]
        assert reads_today(use_resource) == expected[use_resource]
    assert reads_today(None) == [0, 1]  # today's default, 1.15's was False


def reads_today(use_resource):
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        x = tf1.get_variable("x", initializer=0.0, use_resource=use_resource)
        old = tf1.identity(x)
        with tf1.control_dependencies([old]):
            new = tf1.assign(x, x + 1)
        session.run(tf1.global_variables_initializer())
        return session.run([old, new])
