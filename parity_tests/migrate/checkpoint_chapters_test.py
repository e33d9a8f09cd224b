"""Chapters that are programs: the twin goes on from what the TF1 program saved."""

import contextlib
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parity_tests.engine import budgets
from parity_tests.engine.comparison import compare_plays
from parity_tests.migrate import checkpoint_layers_test, handed_tasks
from parity_tests.models import chapters, programs, tasks
from parity_tests.pair import recording
from parity_tests.witness.chapters_test import printed
from parity_tests.witness.programs import stopped_estimators
from tf2_keras import training
from tf2_keras.migrate.checkpoint import handover, streams

# Keras 3 writes a TensorFlow variable as NumPy 1 would.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)
FEWER = settings(max_examples=settings().max_examples // 3)
FEWEST = settings(max_examples=max(1, settings().max_examples // 5))


def sides(chapter):
    """(its TF1 program, its twin, what it is run on)."""
    graph, twin = chapters.graph(chapter), chapters.twin(chapter)
    return graph, twin, chapters.setup(chapter).load(None, 1)[0]


@contextlib.contextmanager
def saved(graph, prefix):
    """In its body a Session of a chapter that has none of its own saves when it closes."""

    class Saving(tf1.Session):
        def __exit__(self, *exits):
            try:
                with self.graph.as_default():
                    tf1.train.Saver().save(self, prefix)
            finally:
                super().__exit__(*exits)

    with mock.patch.object(graph.tf, "Session", Saving):
        yield


def state(variables):
    """What a hand-over fills, of variables by TF1's names that are no Keras model's."""
    return training.State(variables, frozenset(), [], list(variables.values()))


def load(prefix, model, optimizer, names=None):
    """All of a checkpoint of TF1 into a model and its optimizer."""
    model.compile(optimizer, "mse", jit_compile=False)
    return handover.load(prefix, model, names)


@pytest.mark.slow
@FEWER
@given(before=st.integers(1, 6), after=st.integers(1, 4))
@example(before=3, after=3)
def test_save_restore_goes_on_in_keras(tmp_path_factory, before, after):
    graph, twin, data = sides("save_restore")
    of_graph, of_twin = (str(tmp_path_factory.mktemp(side)) for side in ("tf1", "tf2"))
    list(graph.begin(data, graph.Config(steps=before), of_graph))
    config = twin.Config(steps=after)
    model, optimizer = twin.build(config)
    plan = load(tf.train.latest_checkpoint(of_graph), model, optimizer)
    assert len(plan.items) == len(twin.state(model, optimizer))
    model.save(f"{of_twin}/model.keras")
    twin.manager_of(model, optimizer, config, of_twin).save(before)
    expected = list(graph.go_on(data, graph.Config(steps=after), of_graph))
    received = list(twin.go_on(data, config, of_twin))
    for record in (*expected, *received):
        record.pop("kept", None)  # TF1's checkpoints before it are not the twin's
    assert int(expected[-1]["updates"]["global_step"]) == before + after
    compare_plays(expected, received).require_agreement()


@pytest.mark.slow
@FEWER
@given(killed_at=st.integers(1, 6))
def test_a_monitored_training_that_was_killed_goes_on_in_keras(
    tmp_path_factory, killed_at
):
    graph, twin, data = sides("monitored_session")
    of_graph, of_twin = (str(tmp_path_factory.mktemp(side)) for side in ("tf1", "tf2"))
    config = twin.Config()
    with pytest.raises(graph.Killed):
        kill = graph.Kill(min(killed_at, config.steps - 1))
        graph.train(data, graph.Config(), of_graph, [], kill)
    model = twin.build(data[0].shape[1], config)
    prefix = tf.train.latest_checkpoint(of_graph)
    load(prefix, model, model.optimizer, NAMES_OF_MONITORED)
    step = int(model.optimizer.iterations)
    tf.train.CheckpointManager(
        twin.Saver.checkpoint_of(model), of_twin, 2, checkpoint_name="model.ckpt"
    ).save(step)
    histories = [], []
    graph.train(data, graph.Config(), of_graph, histories[0])
    twin.train(data, config, of_twin, histories[1])
    losses = [
        [
            record["calls"]["first after_run"]
            for record in history
            if "first after_run" in record["calls"]
        ]
        for history in histories
    ]
    assert len(losses[0]) == config.steps - step > 0
    np.testing.assert_array_equal(*losses, strict=True)
    saved = [
        graph.left_behind(of_graph)["saved"],
        twin.left_behind(data, config, of_twin)["saved"],
    ]
    assert saved[0].keys() == saved[1].keys()
    for name, value in saved[0].items():
        np.testing.assert_array_equal(saved[1][name], value, strict=True)


NAMES_OF_MONITORED = {"kernel": "linear/kernel", "bias": "linear/bias"}


@pytest.mark.slow
@FEWER
@given(steps=st.integers(1, 5))
def test_a_net_that_tf1_trained_is_tuned_in_keras(tmp_path_factory, steps):
    """The first net's statistics and its optimizer come along; the second net is tuned."""
    graph, twin, (images, labels, *new) = sides("finetune")
    of_graph, of_twin = (tmp_path_factory.mktemp(side) for side in ("tf1", "tf2"))
    config = twin.Config(steps=steps)
    list(graph.pretrain((images, labels), graph.Config(steps=steps), str(of_graph)))
    net = twin.build(images.shape[1], config.classes, config, config.seed)
    names = {
        name: getattr(net.get_layer(layer), weight).path
        for name, (layer, weight) in twin.NAMES.items()
    }
    training = twin.train_op(net, config.learning_rate, twin.LAYERS)
    load(str(of_graph / "pretrained.ckpt"), net, training.momentum, names)
    net.save(of_twin / "pretrained.keras")
    assert keras.models.load_model(of_twin / "pretrained.keras").optimizer.built
    expected = graph.fine_tune(new, graph.Config(steps=steps), str(of_graph))
    received = twin.fine_tune(new, config, str(of_twin))
    comparison = compare_plays(list(expected), list(received)).require_agreement()
    assert comparison.records == 1 + 2 * steps


@pytest.mark.slow
@FEWER
@given(before=st.integers(1, 6), after=st.integers(1, 4))
def test_a_scale_of_losses_goes_on_in_keras(tmp_path_factory, before, after):
    """What it has come to, and how many steps were good since it changed."""
    graph, twin, (x, y) = sides("mixed_precision")
    config = graph.Config(steps=before)
    prefix = str(tmp_path_factory.mktemp("tf1") / "model.ckpt")

    with saved(graph, prefix):
        graph.run(x, y, config)
    expected = graph.run(x, y, graph.Config(steps=before + after))
    model, scaled = twin.build(x.shape[1], twin.Config()), twin.optimizer(twin.Config())
    scaled.build(model.trainable_variables)
    names = {
        "global_step": scaled.inner_optimizer.iterations.path,
        "current_loss_scale": scaled.dynamic_scale.path,
        "good_steps": scaled.step_counter.path,
    }
    load(prefix, model, scaled, names)
    # Its own run begins at the first example.
    shift = -(before % len(x))
    with (
        mock.patch.object(twin, "build", lambda *_: model),
        mock.patch.object(twin, "optimizer", lambda *_: scaled),
        mock.patch.object(scaled, "build"),  # which would begin with the scale anew
    ):
        received = twin.run(
            np.roll(x, shift, 0), np.roll(y, shift, 0), twin.Config(steps=after)
        )
    compare_plays(programs.rest_of(expected, before), received).require_agreement()


def stopped(graph, drawn, prefix, before, after):
    """Saves what TF1 has after so many steps; the records of a play that never stopped."""

    def played(steps):
        config = graph.Config(**{**dict(drawn.fields), "steps": steps})
        return graph.run(*drawn.moves, config)

    with saved(graph, prefix):
        played(before)
    return played(before + after)


@pytest.mark.slow
@FEWER
@given(before=st.integers(1, 6), after=st.integers(1, 4), data=st.data())
def test_a_table_in_parts_and_its_averages_go_on_in_keras(
    tmp_path_factory, before, after, data
):
    """TF1 saves the parts as one; the twin has them apart, and so their averages."""
    graph, twin, _ = sides("variable_sharing")
    drawn = data.draw(chapters.drawn("variable_sharing").plays())
    prefix = str(tmp_path_factory.mktemp("tf1") / "model.ckpt")
    expected = stopped(graph, drawn, prefix, before, after)
    fields = dict(drawn.fields)
    config = twin.Config(**{**fields, "steps": after})
    encoder = twin.Encoder(config)
    encoder.build(None)
    averages = twin.averaged_by(encoder)
    names = twin.names_of(encoder).tolist()
    variables = dict(zip(names, encoder.weights, strict=True))
    for name, average in zip(names, averages.averages, strict=True):
        variables[f"{name}/ExponentialMovingAverage"] = average
    parts = {"layout": "rows", "of": names[: config.parts]}
    plan = handover.load(prefix, state(variables), {"encoder/table": parts})
    averaged = [item.name for item in plan.items if item.role.kind == "average"]
    assert len(averaged) == 3 and len(plan.items) == 6
    with (
        mock.patch.object(twin, "Encoder", lambda _: encoder),
        mock.patch.object(encoder, "build"),  # which would make its variables anew
        mock.patch.object(twin, "averaged_by", lambda *_: averages),
    ):
        received = twin.run(*drawn.moves, config)
    compare_plays(programs.rest_of(expected, before), received).require_agreement()


@pytest.mark.slow
@FEWER
@given(before=st.integers(1, 6), after=st.integers(1, 4), data=st.data())
def test_counts_of_what_ran_go_on_in_keras(tmp_path_factory, before, after, data):
    graph, twin, _ = sides("control_flow")
    drawn = data.draw(chapters.drawn("control_flow").plays())
    prefix = str(tmp_path_factory.mktemp("tf1") / "model.ckpt")
    expected = stopped(graph, drawn, prefix, before, after)
    fields = dict(drawn.fields)
    built = twin.variables()
    handover.load(prefix, state(built._asdict()))
    with mock.patch.object(twin, "variables", lambda: built):
        received = twin.run(*drawn.moves, twin.Config(**{**fields, "steps": after}))
    for record in received[1:]:
        # A list of Python's is in no checkpoint.
        record["outputs"]["observed"] += np.float32(before)
    compare_plays(programs.rest_of(expected, before), received).require_agreement()


@pytest.mark.slow
@FEWER
@given(tests=st.integers(1, 2), after=st.integers(1, 4), data=st.data())
def test_events_go_on_in_keras(tmp_path_factory, tests, after, data):
    """As TensorBoard shows them, from the step on at which TF1 stopped."""
    graph, twin, _ = sides("summaries")
    drawn = data.draw(chapters.drawn("summaries").plays())
    fields, (x, y, *test) = dict(drawn.fields), drawn.moves
    before = tests * fields["test_every"]
    folders = [str(tmp_path_factory.mktemp(side)) for side in ("tf1", "whole", "tf2")]
    prefix = str(tmp_path_factory.mktemp("saved") / "model.ckpt")
    with saved(graph, prefix):
        graph.write(
            x, y, *test, graph.Config(**{**fields, "steps": before}), folders[0]
        )
    whole = graph.Config(**{**fields, "steps": before + after})
    expected = []
    for record in graph.run(x, y, *test, folders[1], whole):
        (event,) = record.values()
        if "step" in event:
            event["step"] -= before
        if "epochs" in event:  # counted by Python, which begins anew
            event["epochs"] = np.float32((int(event["step"]) + 1) / len(x))
        if event.get("step", 0) >= 0:
            expected.append(record)
    config = twin.Config(**{**fields, "steps": after})
    model, optimizer = twin.build(config)
    load(prefix, model, optimizer)
    with mock.patch.object(twin, "build", lambda _: (model, optimizer)):
        # Its own run begins at the first example.
        turned = (np.roll(array, -(before % len(x)), 0) for array in (x, y))
        received = twin.run(*turned, *test, folders[2], config)
    assert len(received) > after
    compare_plays(expected, received).require_agreement()


@pytest.mark.slow
@FEWEST
@given(before=st.integers(1, 5), after=st.integers(1, 3), data=st.data())
def test_towers_go_on_as_replicas(tmp_path_factory, before, after, data):
    """Variables of the first device are those of every replica, and slots likewise."""
    graph, twin, _ = sides("towers")
    plays = chapters.drawn("towers").plays()
    drawn = data.draw(plays.filter(lambda drawn: dict(drawn.fields)["towers"] == 2))
    prefix = str(tmp_path_factory.mktemp("tf1") / "model.ckpt")
    expected = stopped(graph, drawn, prefix, before, after)
    fields = dict(drawn.fields)
    config = twin.Config(**{**fields, "steps": after})
    shift = -(before * config.batch_size % len(drawn.moves[0]))
    turned = [np.roll(array, shift, 0) for array in drawn.moves]
    cluster = chapters.setup("towers").cluster("tf2_keras", config)
    received = tasks.run(handed_tasks, ("towers", *turned, prefix), config, cluster)
    predicted = received[-1]["outputs"]  # of all examples, in their order
    predicted["logits"] = np.roll(predicted["logits"], -shift, 0)
    compare_plays(programs.rest_of(expected, before), received).require_agreement()


def test_parameter_servers_go_on_under_strategies(tmp_path):
    """Synchronous and not: what the chief saved is what every worker begins with."""
    graph, twin, data = sides("parameter_server")
    setup, before = chapters.setup("parameter_server"), 3
    for whole in setup.parts(twin.Config(steps=before + 2)):
        (mode,) = whole.modes
        cluster, folder = setup.cluster("tf1_graph", whole), str(tmp_path / mode)
        config = graph.Config(steps=before, modes=(mode,))
        tasks.run(graph, data, config, cluster, folder=folder)
        config = graph.Config(steps=whole.steps, modes=(mode,))
        expected = programs.rest_of(tasks.run(graph, data, config, cluster), before)
        expected[0] = {"restored": expected[0]["initial values"]}
        cluster = setup.cluster("tf2_keras", whole)
        prefix = tf.train.latest_checkpoint(folder)
        arguments = ("parameter_server", *data, prefix)
        received = tasks.run(handed_tasks, arguments, whole, cluster)
        compare_plays(expected, received).require_agreement(mode)


def test_estimators_go_on_in_keras(genuine_python, tmp_path):
    """From their model_dirs, live: no graph of compat.v1 could, it has no tf.estimator.

    One of a model_fn of its own, and two canned ones, whose variables are in pieces.
    """
    (_, own, data), (_, canned, _) = sides("estimator"), sides("canned_estimator")
    printed(genuine_python, stopped_estimators.__name__, tmp_path)
    plays = recording.Recording(tmp_path / "plays.npz")
    config = own.Config(**stopped_estimators.FIELDS)
    of_canned = canned.Config(**stopped_estimators.OF_CANNED)
    folder = str(tmp_path / "tf2")

    def go_on(model):
        """As the twin saves, and goes on from what it saved."""
        saver = own.Saver(folder, config.save_every)
        saver.set_model(model)
        saver.on_train_begin()
        fresh, records = own.build(config), []
        own.train(fresh, folder, data, config, records, "initial values")
        return records + own.left_behind(fresh, folder, data, config)

    def go_on_as_it_is(model):
        records = canned.train(model, data, of_canned)
        return records + canned.left_behind(model, data, of_canned)

    def same_names(model):
        return {weight.path: weight.path for weight in model.trainable_variables}

    for play, (name, model, names_of, trained, chapter) in enumerate(
        [
            ("own", own.build(config), same_names, go_on, "estimator"),
            *(
                (
                    *(make.__name__, make(of_canned), canned.checkpoint_names),
                    *(go_on_as_it_is, "canned_estimator"),
                )
                for make in (canned.dnn, canned.linear)
            ),
        ]
    ):
        names = names_of(model)
        plan = handover.load(tmp_path / "stopped" / name, model, names)
        stopped, *expected = plays.records(play)
        assert len(plan.items) == len(stopped["initial values"])
        held = dict(zip(names, model.trainable_variables, strict=True))
        held.update(model.optimizer.tf1_variables([*names]))
        filled = {key: np.asarray(variable) for key, variable in held.items()}
        compare_plays([stopped], [{"initial values": filled}]).require_agreement()
        granted = budgets.budget_for(chapter, chapters.level_of_budgets())
        received = trained(model)
        compare_plays(expected, received, budget_for=granted).require_agreement()
        assert received[-3]["updates"]["global_step"] == 2 * config.steps


@pytest.mark.slow
@FEWER
@given(before=st.integers(1, 4), after=st.integers(1, 3))
def test_masks_of_each_letter_go_on_in_keras(tmp_path_factory, before, after):
    """As many as a word has letters were drawn in each step."""
    graph, twin, (words,) = sides("hello_rnn")
    prefix = str(tmp_path_factory.mktemp("tf1") / "model.ckpt")

    def config(side, steps):
        return side.Config(hidden_size=5, steps=steps)

    with saved(graph, prefix):
        graph.run(words, config(graph, before))
    expected = graph.run(words, config(graph, before + after))
    x, *_ = twin.encode(words)
    model = twin.build(*x.shape[1:], config=config(twin, after))
    names = {
        name: variable.path for name, variable in twin.checkpoint_names(model).items()
    }
    runs = [streams.Runs(before, len(words))]
    handover.load(prefix, model, names, runs=runs)
    with mock.patch.object(twin, "build", lambda *_, **__: model):
        received = twin.run(words, config(twin, after))
    compare_plays(programs.rest_of(expected, before), received).require_agreement()


# Every program has its claim here, or says why not.

HANDED_OVER = {
    "save_restore": test_save_restore_goes_on_in_keras,
    "monitored_session": test_a_monitored_training_that_was_killed_goes_on_in_keras,
    "finetune": test_a_net_that_tf1_trained_is_tuned_in_keras,
    "mixed_precision": test_a_scale_of_losses_goes_on_in_keras,
    "variable_sharing": test_a_table_in_parts_and_its_averages_go_on_in_keras,
    "control_flow": test_counts_of_what_ran_go_on_in_keras,
    "summaries": test_events_go_on_in_keras,
    "towers": test_towers_go_on_as_replicas,
    "parameter_server": test_parameter_servers_go_on_under_strategies,
    "estimator": test_estimators_go_on_in_keras,
    "hello_rnn": test_masks_of_each_letter_go_on_in_keras,
    "train_and_evaluate": test_estimators_go_on_in_keras,
    "canned_estimator": test_estimators_go_on_in_keras,
    **dict.fromkeys(
        checkpoint_layers_test.CHAPTERS,
        checkpoint_layers_test.test_layers_go_on_in_keras,
    ),
}
# Their graphs have no variables.
NOTHING_TO_SAVE = ("input_iterators", "input_queues", "nearest_neighbours")


def test_every_program_hands_over_or_says_why_not():
    programs = [*HANDED_OVER, *NOTHING_TO_SAVE]
    assert sorted(programs) == sorted(chapters.PROGRAMS)


@pytest.mark.parametrize("name", NOTHING_TO_SAVE)
def test_a_program_without_variables_has_nothing_to_hand_over(name, tmp_path):
    graph, _, data = sides(name)
    prefix = str(tmp_path / "model.ckpt")
    with saved(graph, prefix), pytest.raises(ValueError, match="No variables to save"):
        programs.records(graph, data, graph.Config())
