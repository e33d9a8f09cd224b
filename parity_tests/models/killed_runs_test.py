"""A run that is ended in the middle of a program leaves no process, and no file if it can."""

import os
import pathlib
import signal
import time

import pytest

from parity_tests.models.tasks_test import gone, of_session

# One side of the chapter trains for ever; and SIGINT is heard even where it is ignored.
ENDLESS = """
import dataclasses, os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from parity_tests.commands import cli, console
console.import_tensorflow()
from parity_tests.models import programs
import tensorflow.compat.v1 as tf
# An interrupt is lost in the moment in which TensorFlow first asks for NumPy's version.
with tf.Graph().as_default(), tf.Session() as session:
    session.run(tf.constant(1) + 1)
records = programs.records
def endless(side, arrays, config, fault=None):
    if side.__name__.startswith(os.environ["ENDLESS"]):
        config = dataclasses.replace(config, steps=10**6)
        print("at work", flush=True)
    return records(side, arrays, config, fault)
programs.records = endless
cli.main()
"""
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
PROCESSES = {"towers": 3}  # at least: itself, what tasks are forked from, a task


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "chapter, side",
    [
        ("towers", "tf2_keras"),
        ("input_queues", "tf1_graph"),
        ("monitored_session", "tf1_graph"),
        ("monitored_session", "tf2_keras"),
    ],
)
def test_a_run_that_is_ended_leaves_nothing(
    started_python, tmp_path, chapter, side, number
):
    """Threads of queues, tasks, checkpoints: of a kill that nothing can catch, files stay."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "ENDLESS": side}
    words = ["run", "--chapter", chapter]
    with started_python("-c", ENDLESS, *words, env=environment) as process:
        assert process.stdout.readline() == "at work\n"
        end = time.monotonic() + 300
        while not at_work(process.pid, tmp_path, chapter) and time.monotonic() < end:
            time.sleep(0.1)
        of_all = [*of_session(process.pid)]
        assert at_work(process.pid, tmp_path, chapter)
        process.send_signal(number)
        _, error = process.communicate(timeout=120)
        assert process.returncode == SIGNALS[number], error
        assert gone(of_all)
    if number != signal.SIGKILL:
        assert error.startswith("tf-parity: ") and error.count("\n") == 1, error
        assert os.listdir(tmp_path) == []


def at_work(pid, folder, chapter):
    """Whether it has written something, and started all that it starts."""
    started = len([*of_session(pid)])
    return bool(os.listdir(folder)) and started >= PROCESSES.get(chapter, 1)
