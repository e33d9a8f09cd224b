"""What only the chapter of supervised trainings claims."""

import functools
import signal
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair

CHAPTER = "monitored_session"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
CONFIG = TWIN.Config()


@functools.cache
def starts(killed_at=CONFIG.killed_at):
    """What each of four starts of the twin left behind: killed, on, once more, NaN."""
    records = ProgramPair(CHAPTER, {"killed_at": killed_at}).candidate(DATA, "fit")
    return [record for record in records if "saved" in record]


def step_of(start):
    return int(start["saved"]["global_step"])


def test_a_killed_training_ends_as_if_it_had_not_been_killed():
    """From step 4, which was saved: the fifth is trained again, on the same example."""
    killed, gone_on, *_ = starts()
    assert step_of(killed) == 4 and step_of(gone_on) == 6
    uninterrupted, *_ = starts(killed_at=100)
    assert step_of(uninterrupted) == 6
    for name, value in uninterrupted["saved"].items():
        np.testing.assert_array_equal(gone_on["saved"][name], value, strict=True)


def test_what_is_started_after_its_end_trains_one_step_more():
    _, ended, once_more, _ = starts()
    assert step_of(once_more) == step_of(ended) + 1


def test_a_guard_that_stops_lets_the_nan_be_saved(tmp_path):
    """And one that raises does not: then nothing is saved at the end."""
    assert np.isnan(starts()[-1]["saved"]["bias"]).all()
    spoilt = DATA[0], np.full_like(DATA[1], np.nan)
    raising = mock.patch.object(
        GRAPH, "hooks", lambda loss, *_: [tf1.train.NanTensorHook(loss)]
    )
    with raising, pytest.raises(RuntimeError, match="NaN loss during training"):
        GRAPH.train(spoilt, GRAPH.Config(), str(tmp_path), [])
    assert np.isfinite(GRAPH.left_behind(str(tmp_path))["saved"]["bias"]).all()


def test_whatever_is_run_in_a_monitored_session_runs_the_hooks():
    """All but what run_step_fn runs in the session below."""
    history = []
    with tf.Graph().as_default():
        step = tf1.train.get_or_create_global_step()
        hook = GRAPH.Told("hook", step, history)
        with tf1.train.MonitoredTrainingSession(hooks=[hook]) as session:
            session.run(step)
            assert len(history) == 3  # created, before, after
            session.run_step_fn(lambda step_context: step_context.session.run(step))
            assert len(history) == 3


def test_a_supervisor_goes_on_from_the_same_files(tmp_path):
    """What came before MonitoredTrainingSession; it saves by a clock, or when told."""
    folder = str(tmp_path)
    GRAPH.train(DATA, GRAPH.Config(steps=2), folder, [])
    before = GRAPH.left_behind(folder)["saved"]
    with tf.Graph().as_default():
        loss, train_op, _ = GRAPH.build(*DATA, config=GRAPH.Config())
        # No threads of its own: on TensorFlow 2 those do not know the graph.
        supervisor = tf1.train.Supervisor(
            logdir=folder, save_model_secs=0, save_summaries_secs=0, summary_op=None
        )
        with supervisor.managed_session() as session:
            for variable in tf1.global_variables():
                restored, value = session.run(variable), before[variable.op.name]
                np.testing.assert_array_equal(restored, value, strict=True)
            session.run(train_op)
            supervisor.saver.save(session, supervisor.save_path, 3)
    GRAPH.train(DATA, GRAPH.Config(steps=4), folder, [])
    assert GRAPH.left_behind(folder)["saved"]["global_step"] == 4


def test_backup_and_restore_begins_the_epoch_again_and_forgets(tmp_path):
    """The margin: ten steps for six, from the first example on; and no backup is left."""

    def fit(kill):
        model = TWIN.build(2, CONFIG)
        folder = tmp_path / "backup"
        callbacks = [keras.callbacks.BackupAndRestore(str(folder), save_freq=2)]
        model.fit(
            TWIN.batches_from(0, DATA),
            steps_per_epoch=CONFIG.steps,
            shuffle=False,
            verbose=0,
            callbacks=callbacks + kill,
        )
        return model

    with pytest.raises(TWIN.Killed):
        fit([TWIN.Kill(CONFIG.killed_at)])
    assert (tmp_path / "backup").exists()
    assert int(fit([]).optimizer.iterations) == 4 + CONFIG.steps
    assert not (tmp_path / "backup").exists()


KILLED = """\
import os, signal, sys
from parity_tests.witness import reference_conditions
reference_conditions.import_tensorflow()
from parity_tests.models import chapters
twin = chapters.twin("monitored_session")
data, _ = chapters.setup("monitored_session").load(None, 1)


class Die(twin.Kill):
    def on_train_batch_begin(self, batch, logs=None):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        super().on_train_batch_begin(batch, logs)


twin.train(data, twin.Config(), sys.argv[1], [], Die(5))
"""


@pytest.mark.slow
def test_a_process_that_is_killed_in_the_middle_goes_on(run_python, tmp_path):
    """By a signal that nothing can catch, before its sixth step."""
    result = run_python("-c", KILLED, tmp_path)
    assert result.returncode == -signal.SIGKILL, result.stderr
    TWIN.train(DATA, CONFIG, str(tmp_path), [])
    left, expected = TWIN.left_behind(DATA, CONFIG, str(tmp_path)), starts()[1]
    assert left["kept"]["steps"].tolist() == expected["kept"]["steps"].tolist()
    for name, value in expected["saved"].items():
        np.testing.assert_array_equal(left["saved"][name], value, strict=True)
