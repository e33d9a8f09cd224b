"""Chapters that save by themselves: the twin goes on from what the TF1 program saved."""

from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parity_tests.engine.comparison import compare_plays
from parity_tests.models import chapters
from tf2_keras.migrate.checkpoint import handover

# Keras 3 writes a TensorFlow variable as NumPy 1 would.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)
FEWER = settings(max_examples=settings().max_examples // 3)


def sides(chapter):
    """(its TF1 program, its twin, what it is run on)."""
    graph, twin = chapters.graph(chapter), chapters.twin(chapter)
    return graph, twin, chapters.setup(chapter).load(None, 1)[0]


def load(prefix, model, optimizer, names=None):
    """All of a checkpoint of TF1 into a model and its optimizer."""
    model.compile(optimizer, "mse", jit_compile=False)
    return handover.load(prefix, model, names)


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
    twin.manager_of(model, optimizer, config, of_twin).save(before)
    expected = list(graph.go_on(data, graph.Config(steps=after), of_graph))
    received = list(twin.go_on(data, config, of_twin))
    for record in (*expected, *received):
        record.pop("kept", None)  # TF1's checkpoints before it are not the twin's
    assert int(expected[-1]["updates"]["global_step"]) == before + after
    compare_plays(expected, received).require_agreement()


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
        twin.checkpoint_of(model), of_twin, 2, checkpoint_name="model.ckpt"
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


@FEWER
@given(before=st.integers(1, 6), after=st.integers(1, 4))
def test_a_scale_of_losses_goes_on_in_keras(tmp_path_factory, before, after):
    """What it has come to, and how many steps were good since it changed."""
    graph, twin, (x, y) = sides("mixed_precision")
    config = graph.Config(steps=before)
    prefix = str(tmp_path_factory.mktemp("tf1") / "model.ckpt")

    class Saving(tf1.Session):
        """Saves when it is closed."""

        def __exit__(self, *exits):
            with self.graph.as_default():
                tf1.train.Saver().save(self, prefix)
            return super().__exit__(*exits)

    with mock.patch.object(graph.tf, "Session", Saving):
        graph.run(x, y, config)
    expected = graph.run(x, y, graph.Config(steps=before + after))[before:]
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
    expected[0] = {"initial values": expected[0]["updates"]}
    compare_plays(expected, received).require_agreement()
