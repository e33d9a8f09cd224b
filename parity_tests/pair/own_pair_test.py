"""Claims about a pair of one's own: every kind of side, and every mistake at its stage."""

import html
import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

import parity_tests as parity
from parity_tests.pair import small_pair, template, tf1_sides
from parity_tests.pair.errors import PairError
from parity_tests.witness import environment
from tf2_keras.tf1_semantics import layers, optimizers

PROGRAM = "program.py"


@pytest.fixture
def program(tmp_path):
    """A user's file with the TF1 side."""
    path = tmp_path / PROGRAM
    path.write_text(small_pair.SOURCE)
    return path


def all_equal(checked):
    """Whether every stage of every level was compared and is 0 ULP."""
    return checked.ok and all(
        cell["ok"] and cell["max_ulp"] == 0
        for cells in checked.data["levels"].values()
        for cell in cells.values()
    )


def first(checked):
    """(step, stage, tensor) of the first divergence."""
    ((_, divergence),) = checked.divergences.values()
    return divergence.step, divergence.stage, divergence.tensor


# ------------------------------------------------------------------ kinds of TF1 side


def test_the_template_is_equal_at_every_level():
    checked = template.pair.check(levels_asked=["function", "fit"], steps=2)
    assert all_equal(checked.require_agreement())
    assert set(checked.data["levels"]["fit"]) == {
        "initial values",
        "outputs",
        "loss",
        "gradients",
        "slots",
        "updates",
    }


def named(source, **more):
    return parity.TF1Side(source, **{**small_pair.NAMED, **more})


@pytest.mark.slow
def test_a_file_with_a_build_function_runs_in_a_process_of_its_own(program):
    # What would switch this process over for good.
    source = program.read_text()
    program.write_text(f"{source}\ntf.{tf1_sides.SWITCHES[0]}()\n")
    assert all_equal(small_pair.pair(f"{program}:build").check())
    assert tf.executing_eagerly()


@pytest.mark.slow
def test_a_file_that_builds_while_it_is_imported(program):
    program.write_text(f"{small_pair.SOURCE}\nbuild()\n")
    assert all_equal(small_pair.pair(named(str(program))).check())


def exported(folder):
    """A Session of the program, with its graph; writes what a user has of it."""
    graph = tf1.Graph()
    with graph.as_default(), tf1.Session() as session:
        with tf1_sides.resets_of_an_empty_graph():
            built = small_pair.build()
        session.run(tf1.global_variables_initializer())
        tf1.train.Saver().save(session, str(folder / "model"))
        builder = tf1.saved_model.Builder(str(folder / "exported"))
        signature = tf1.saved_model.predict_signature_def(
            {"x": built["inputs"]["x"]}, built["predict"]["outputs"]
        )
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}
        )
        builder.save()


def test_a_meta_graph_with_and_without_its_checkpoint(tmp_path):
    exported(tmp_path)
    meta = str(tmp_path / "model.meta")
    assert all_equal(small_pair.pair(named(meta)).check())
    side = named(meta, checkpoint=str(tmp_path / "model"))
    assert all_equal(small_pair.pair(side).check())


def test_a_checkpoint_that_was_trained_goes_on_with_its_slots(tmp_path):
    prefix = str(tmp_path / "trained")
    with tf1.Graph().as_default(), tf1.Session() as session:
        with tf1_sides.resets_of_an_empty_graph():
            built = small_pair.build()
        feed = dict(
            zip(built["inputs"].values(), small_pair.batches(1)[0], strict=True)
        )
        session.run(tf1.global_variables_initializer())
        for _ in range(3):
            session.run(built["train"]["op"], feed)
        tf1.train.Saver().save(session, prefix)
    side = named(f"{prefix}.meta", checkpoint=prefix)
    found = small_pair.pair(side).check(init_from_tf1=True)
    assert (
        found.ok and "Initial values and slots were copied" in found.data["notes"][-1]
    )
    assert {
        cell["max_ulp"]
        for stage, cell in found.data["levels"]["function"].items()
        if stage != "initial values"
    } == {0}
    wrong = small_pair.pair(side, lambda: small_pair.model(momentum=0.8))
    found = wrong.check(init_from_tf1=True)
    assert first(found)[1] == "slots"
    assert "momentum=0.8) → momentum=0.9" in found.causes["function"].change


def test_a_slot_that_starts_otherwise_is_not_hidden_by_copied_values():
    def rms_prop():
        built = small_pair.build()
        step = tf1.train.RMSPropOptimizer(0.01).minimize(built["train"]["loss"])
        return {**built, "train": {**built["train"], "op": step}}

    def zeros():
        model = small_pair.model()
        model.compile(
            keras.optimizers.RMSprop(0.01, epsilon=1e-10),
            small_pair.MeanOfSquares(),
            jit_compile=False,
        )
        return model

    found = small_pair.pair(rms_prop, zeros).check(init_from_tf1=True)
    assert first(found)[1] == "slots"


def test_a_saved_model_predicts_and_trains(tmp_path):
    exported(tmp_path)
    side = named(
        str(tmp_path / "exported"), moves={"train": {"op": "step", "loss": "loss"}}
    )
    assert all_equal(small_pair.pair(side).check())


def test_a_recorded_play_is_the_same_reference(tmp_path):
    path = tmp_path / "play.npz"
    small_pair.pair().record(path)
    assert all_equal(small_pair.pair(str(path), batches=None).check())
    # The pair's own side is then not asked for.
    assert all_equal(small_pair.pair("no such file").check(play=path))
    checked = small_pair.pair(str(path), lambda: small_pair.model(momentum=0.8)).check()
    assert first(checked) == (3, "slots", "dense/kernel/Momentum")


@pytest.mark.slow
def test_a_recording_of_another_process_is_the_same_file(program, tmp_path):
    here, apart = tmp_path / "here.npz", tmp_path / "apart.npz"
    small_pair.pair().record(here)
    small_pair.pair(f"{program}:build").record(apart)
    of_here, of_apart = (contents(path)["plays"] for path in (here, apart))
    assert of_here == of_apart


def contents(path):
    return json.loads(zipfile.ZipFile(path).read("play.json"))


def test_1_15_5_itself_is_a_side(program, tmp_path):
    try:
        if environment.find() is None:
            raise environment.NoWitness
    except environment.NoWitness:
        pytest.skip("there is no TensorFlow 1.15.5 here")
    side = parity.TF1Side(f"{program}:build", python="1.15.5")
    pair, play = small_pair.pair(side), tmp_path / "play.npz"
    pair.record(play)
    checked = pair.check(play=play)
    assert checked.data["recorded"]["tensorflow"] == "1.15.5"
    assert checked.data["levels"]["function"]["initial values"]["max_ulp"] == 0
    assert checked.data["levels"]["function"]["updates"]["normwise"] < 16


def outputs_as_well():
    """TF1's side, whose step says what it computed beside its loss."""
    built = small_pair.build()
    built["train"]["outputs"] = built["predict"]["outputs"]
    return built


@pytest.mark.parametrize("recorded", [False, True], ids=["a graph", "a recording"])
def test_outputs_that_a_model_s_step_does_not_give_are_left_out_and_told(
    recorded, tmp_path
):
    pair, play = small_pair.pair(outputs_as_well), None
    if recorded:
        play = tmp_path / "play.npz"
        pair.record(play)
    checked = pair.check(play=play)
    assert all_equal(checked)
    assert checked.data["levels"]["function"]["outputs"]["max_ulp"] == 0  # of predict
    (note,) = [note for note in checked.data["notes"] if "outputs of train" in note]
    assert "in a move of their own, predict" in note


def test_in_a_notebook_a_check_displays_as_its_table():
    shown = small_pair.pair().check()._repr_html_()
    assert '<th scope="row">function</th>' in shown and "updates</th>" in shown
    checked = small_pair.pair(tf2=lambda: small_pair.model(momentum=0.8)).check()
    shown = html.unescape(checked._repr_html_())
    assert "First divergence: step 2 (move 3 of the play), move train, slots" in shown
    assert checked.causes["function"].change in shown


# ------------------------------------------------------------------ kinds of TF2 side


class OwnStep(keras.Model):
    """A model with a train_step of its own."""

    def __init__(self):
        super().__init__()
        self.dense = small_pair.model().layers[-1]

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y_true = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y_true - self(x, training=True)))
        trained = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, trained), trained)
        return {"loss": loss}


def own_step():
    model = OwnStep()
    model.compile(optimizers.Momentum(0.05, 0.9), jit_compile=False)
    model(np.zeros([1, 3], np.float32))
    return model


def callables():
    kernel = small_pair.model().layers[-1].kernel
    optimizer = optimizers.Momentum(0.05, 0.9)
    optimizer.build([kernel])

    def train(x, y_true):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y_true - tf.matmul(x, kernel)))
        optimizer.apply(tape.gradient(loss, [kernel]), [kernel])
        return {"loss": {"loss": loss}}

    slots, _ = optimizer.tf1_slots()
    (slot,) = slots["Momentum"]
    return {
        "state": {"kernel": kernel, "kernel/Momentum": slot},
        "moves": {"train": train},
        "slots": ["kernel/Momentum"],
        "optimizers": [optimizer],
        "hidden": optimizer.variables,
    }


@pytest.mark.parametrize(
    "tf2",
    [small_pair.model(), own_step, callables, lambda: parity.Twin(**callables())],
    ids=["a model", "a train_step of its own", "callables", "a Twin"],
)
def test_every_kind_of_twin_is_compared_at_function_and_fit(tf2):
    checked = small_pair.pair(tf2=tf2).check(levels_asked=["function", "fit"])
    assert all_equal(checked.require_agreement())


def test_a_map_of_names_may_be_partial_or_a_file(tmp_path):
    path = tmp_path / "names.json"
    path.write_text('{"dense/kernel": "other/kernel"}')
    pair = small_pair.pair(tf2=lambda: small_pair.model(name="other"), names=str(path))
    checked = pair.check()
    assert all_equal(checked)
    assert checked.data["matched"] == {"dense/kernel": {"how": "map", "layout": "same"}}


# ------------------------------------------------------------------ mistakes planted


@pytest.mark.parametrize(
    "mistake, place",
    [
        ({"seed": (1, 12)}, (0, "initial values", "dense/kernel")),
        ({"scale": 0.5}, (2, "loss", "loss")),
        ({"momentum": 0.8}, (3, "slots", "dense/kernel/Momentum")),
    ],
)
@pytest.mark.parametrize("level", ["function", "fit"])
def test_a_planted_mistake_is_named_at_its_stage(mistake, place, level):
    pair = small_pair.pair(tf2=lambda: small_pair.model(**mistake))
    checked = pair.check(levels_asked=[level])
    assert not checked.ok
    assert first(checked) == place
    with pytest.raises(AssertionError, match="First divergence"):
        checked.require_agreement()


def test_a_budget_admits_what_it_says_and_needs_a_reason():
    def tf2():
        return small_pair.model(scale=1 + 2**-22)

    budget = parity.Budget(normwise=8, reason="a scale that is off by two roundings")
    stages = ("loss", "gradients", "slots", "updates", "outputs")
    assert not small_pair.pair(tf2=tf2).check().ok
    assert small_pair.pair(tf2=tf2, budgets=dict.fromkeys(stages, budget)).check().ok
    with pytest.raises(PairError, match="A budget must have a reason"):
        small_pair.pair(budgets={"loss": parity.Budget(ulp=1)})


# ------------------------------------------------------------------ random streams


def unseeded():
    built = small_pair.SOURCE.replace(", seed=11", "").replace(
        "tf.set_random_seed(1)", ""
    )
    namespace = {}
    exec(built, namespace)
    return namespace["build"]()


def test_initial_values_without_a_seed_are_named_and_can_be_taken_over():
    pair = small_pair.pair(unseeded)
    checked = pair.check()
    assert first(checked)[1:] == ("initial values", "dense/kernel")
    assert "initial values of dense/kernel without a seed" in checked.data["notes"][0]
    assert "--init-from-tf1" in checked.data["notes"][0]
    copied = pair.check(init_from_tf1=True)
    cells = dict(copied.data["levels"]["function"])
    assert cells.pop("initial values", {"ok": None})["ok"] is None
    assert copied.ok and all(cell["max_ulp"] == 0 for cell in cells.values())
    assert "is unproven" in copied.data["notes"][-1]


def with_dropout(seed):
    def build():
        tf1.set_random_seed(1)
        x = tf1.placeholder(tf.float32, [None, 3], name="x")
        labels = tf1.placeholder(tf.float32, [None, 1], name="labels")
        weights = tf1.get_variable("dense/kernel", initializer=tf.ones([3, 1]))
        dropped = tf1.nn.dropout(x, rate=0.5, seed=seed, name="drop")
        loss = tf.reduce_mean(tf.square(labels - tf.matmul(dropped, weights)))
        step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
        return {
            "inputs": {"x": x, "y_true": labels},
            "train": {"op": step, "loss": loss},
        }

    return build


def dropping(layer):
    x = keras.Input([3], name="x")
    y = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="dense")
    model = keras.Model(x, y(layer(x)))
    model.compile(
        optimizers.GradientDescent(0.1), small_pair.MeanOfSquares(), jit_compile=False
    )
    return model


@pytest.mark.slow
def test_dropout_with_two_seeds_is_equal_and_without_them_is_named():
    twin = dropping(layers.Dropout(0.5, seed=(1, 7), name="drop"))
    assert small_pair.pair(with_dropout(7), twin).check().data["notes"] == []
    of_keras = dropping(keras.layers.Dropout(0.5, seed=7, name="drop"))
    graph = with_dropout(None)

    def without_any_seed():
        built = graph()
        for operation in tf1.get_default_graph().get_operations():
            if "seed" in operation.node_def.attr:
                operation._set_attr("seed", tf1.AttrValue(i=0))
                operation._set_attr("seed2", tf1.AttrValue(i=0))
        return built

    checked = small_pair.pair(without_any_seed, of_keras).check()
    of_tf1, of_tf2 = checked.data["notes"][:2]
    assert not checked.ok
    assert "TF1 draws drop/" in of_tf1 and "tf1_semantics.layers.Dropout" in of_tf1
    assert "The twin's drop (Dropout) draws from a stream of Keras's" in of_tf2
