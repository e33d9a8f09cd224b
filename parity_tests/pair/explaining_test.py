"""Claims about what explains a divergence: of a play elsewhere, backwards, out of memory."""

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair import explaining, probes, recording, small_pair, tapping, taps
from tf2_keras.tf1_semantics import optimizers

# Calls the build function of small_pair from a file of the user's own.
PROGRAM = small_pair.SOURCE


@pytest.fixture
def recorded(tmp_path):
    """A recorded play of a file of the user's, played in a process of its own."""
    source = tmp_path / "program.py"
    source.write_text(PROGRAM, encoding="utf-8")
    path = tmp_path / "play.npz"
    small_pair.pair(f"{source}:build").record(path)
    return source, path


@pytest.mark.slow
def test_the_cause_is_proven_against_a_recorded_play(recorded):
    source, path = recorded
    twin = lambda: small_pair.model(momentum=0.5)  # noqa: E731 -- as tf2 is given
    found = small_pair.pair(str(path), twin, batches=None).check()
    cause, place = found.causes["function"], found.places["function"]
    assert cause.whole and "momentum=0.5) → momentum=0.9" in cause.change
    assert place.op_type == "ResourceApplyMomentum"
    # The line is that of the user's file, in the process that is long gone.
    line = next(
        number
        for number, text in enumerate(PROGRAM.splitlines(), 1)
        if "MomentumOptimizer" in text
    )
    assert place.tf1_line == f"{source}:{line}"


@pytest.mark.slow
def test_a_layer_is_named_against_a_recorded_play(recorded):
    _, path = recorded
    found = small_pair.pair(str(path), with_activation, batches=None).check()
    place, cause = found.places["function"], found.causes["function"]
    assert (place.layer, place.op) == ("dense", "y_pred")
    assert "activation relu → linear" in cause.change


def with_activation():
    model = small_pair.model()
    model.get_layer("dense").activation = keras.activations.relu
    return model


@pytest.mark.slow
def test_a_recording_without_its_graph_says_that_no_cause_can_be_looked_for(
    recorded, tmp_path
):
    _, path = recorded
    with zipfile.ZipFile(path) as stored:
        members = {name: stored.read(name) for name in stored.namelist()}
    contents = json.loads(members[recording.CONTENTS])
    contents["graph"] = None  # as in recordings of before
    del contents["facts"]["remapping"]
    contents[recording.HASH] = recording.fingerprint(contents)
    members[recording.CONTENTS] = json.dumps(contents).encode()
    older = tmp_path / "older.npz"
    with zipfile.ZipFile(older, "w") as stored:
        for name, data in members.items():
            stored.writestr(name, data)
    found = small_pair.pair(
        str(older), lambda: small_pair.model(momentum=0.5), batches=None
    ).check()
    assert found.divergences and not found.causes and not found.places
    remapped, note = found.data["notes"]
    assert "recorded with Grappler's remapper on, or before" in remapped
    assert note.endswith(
        "TF1's side is recorded, and it was recorded without its graph"
    )


# Backwards: layers that are equal, and whose gradients are not.


def build():
    """Three layers; no gradient goes through one of two ways."""
    x = tf1.placeholder(tf.float32, [None, 3], name="x")
    y_true = tf1.placeholder(tf.float32, [None, 1], name="y_true")
    random = np.random.RandomState(0)

    def dense(x, name, units):
        shape = [int(x.shape[-1]), units]
        start = random.standard_normal(shape).astype(np.float32)
        return tf.matmul(x, tf1.get_variable(f"{name}/kernel", initializer=start))

    hidden = tf.tanh(dense(x, "first", 4), name="first/out")
    y = tf.square(dense(hidden, "second", 4), name="second/out")
    y_pred = dense(y, "last", 1)
    loss = tf.reduce_mean(tf.square(y_true - y_pred))
    step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
    return {"train": {"op": step, "loss": loss}}


@tf.custom_gradient
def badly_derived_square(x):
    return tf.square(x), lambda upstream: upstream * x  # without the factor 2


class Square(keras.layers.Layer):
    def call(self, x):
        return badly_derived_square(x)


def rewrite(square, activation="tanh"):
    x = keras.Input([3], name="x")

    def dense(units, name, activation=None):
        return keras.layers.Dense(units, activation, use_bias=False, name=name)

    y = square(dense(4, "second")(dense(4, "first", activation)(x)))
    model = keras.Model(x, dense(1, "last")(y))
    model.compile(
        optimizers.GradientDescent(0.1), small_pair.MeanOfSquares(), jit_compile=False
    )
    return model


def test_the_layer_whose_gradient_is_wrong_is_named_backwards():
    model = rewrite(Square(name="square"))
    found = small_pair.pair(build, model).check(init_from_tf1=True)
    ((_, divergence),) = found.divergences.values()
    place = found.places["function"]
    assert divergence.stage == "gradients" and place.direction == "backward"
    # The first gradient that is apart is that of what goes into the square, by whose
    # derivative it is made.
    assert (place.layer, place.kind) == (
        "square",
        "Square, what it hands back to second",
    )
    assert "backwards, first apart in layer square" in place.describe()
    assert not found.causes
    assert found.data["suspects"]["function"][0]["layer"] == "second"
    note = found.data["notes"][-1]
    assert note.startswith("No TF1 semantics that is known here takes it away; tried: ")
    assert "Suspect: second (Dense)" in note


def test_where_memory_is_out_fewer_tensors_are_tapped_and_that_is_said(monkeypatch):
    arrays_of, asked = tapping.graph_arrays, []

    def short_of_memory(program, name, batch, values, tensors, *play):
        asked.append(len(tensors))
        if len(asked) < 2:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")
        return arrays_of(program, name, batch, values, tensors, *play)

    monkeypatch.setattr(tapping, "graph_arrays", short_of_memory)
    wrong = rewrite(keras.ops.square, "elu")
    found = small_pair.pair(build, wrong).check(init_from_tf1=True)
    assert asked[1] == asked[0] // 2
    said = f"Only {asked[1]} of {asked[0]} tensors of the graph were tapped: memory was out"
    assert any(note.startswith(said) for note in found.data["notes"])


def test_nothing_is_tapped_or_probed_where_all_is_equal(monkeypatch):
    def never(*_, **__):
        raise AssertionError("a pair that is equal was explained")

    monkeypatch.setattr(taps, "tapped", never)
    monkeypatch.setattr(probes, "cause", never)
    monkeypatch.setattr(explaining, "explained", never)
    assert small_pair.pair().check().ok


def callables(train, start=0.0, rate=0.05):
    """A twin without a model; ``train``: (kernel, x, y_true) -> (loss, gradient)."""
    kernel = small_pair.model().layers[-1].kernel.value
    kernel = tf.Variable(kernel + start)
    momentum = tf.Variable(tf.zeros_like(kernel))

    def move(x, y_true):
        loss, gradient = train(kernel, x, y_true)
        momentum.assign(0.9 * momentum + gradient)
        kernel.assign_sub(rate * momentum)
        return {"loss": {"loss": loss}, "gradients": {"kernel": gradient}}

    twin = {
        "state": {"kernel": kernel, "kernel/Momentum": momentum},
        "moves": {"train": move},
        "slots": ["kernel/Momentum"],
    }
    return small_pair.pair(tf2=twin, names={"dense/kernel": "kernel"})


def right(kernel, x, y_true, factor=1.0, of_gradient=1.0):
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = factor * tf.reduce_mean(tf.square(y_true - tf.matmul(x, kernel)))
    return loss, of_gradient * tape.gradient(loss, kernel)


@pytest.mark.parametrize(
    "pair, stage, layer, kind",
    [
        (
            lambda: callables(lambda *batch: right(*batch, factor=0.5)),
            "loss",
            taps.OP,
            ", Mul",
        ),
        (
            lambda: callables(lambda *batch: right(*batch, of_gradient=2.0)),
            "gradients",
            taps.BACKWARD,
            "gradient of dense/kernel",
        ),
        (
            lambda: callables(right, rate=0.1),
            "updates",
            taps.OPTIMIZER,
            "updates of dense/kernel",
        ),
        (
            lambda: callables(right, start=1.0),
            "initial values",
            taps.VARIABLE,
            "dense/kernel",
        ),
    ],
)
def test_a_twin_of_callables_is_told_where_it_parts_and_that_no_cause_is_tried(
    pair, stage, layer, kind
):
    found = pair().check(levels_asked=["function"])
    ((_, divergence),) = found.divergences.values()
    place = found.places["function"]
    assert (divergence.stage, place.layer) == (stage, layer)
    assert kind in place.kind and place.op is not None
    assert explaining.UNCHANGEABLE in found.data["notes"] and not found.causes


def test_every_level_is_explained_and_a_common_cause_is_printed_once():
    twin = lambda: small_pair.model(momentum=0.5)  # noqa: E731 -- as tf2 is given
    found = small_pair.pair(tf2=twin).check(levels_asked=["function", "fit"])
    assert found.causes["function"] == found.causes["fit"]
    assert found.data["remedy"]["fit"]["proven"]
    assert "momentum=0.5) → momentum=0.9" in "\n".join(found.why("function"))
    assert found.why("fit") == ["there and for the same cause as at level function"]
