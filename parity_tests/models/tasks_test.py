"""Claims about the tasks of a program: they come to their end, or are ended."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import sys
import time
from unittest import mock

import pytest

from parity_tests.models import tasks
from parity_tests.models.tasks import Cluster

THIS = sys.modules[__name__]
TWO = Cluster({"ps": 1}, {"worker": 2})


def run(folder, config):
    """What a task of these tests does, as ``config`` says; itself one side of a program."""
    told = json.loads(os.environ["TF_CONFIG"]) if "TF_CONFIG" in os.environ else {}
    job, index = told.get("task", {"type": "only", "index": 0}).values()
    pathlib.Path(folder, f"{job}_{index}_{os.getpid()}").touch()
    if job == "ps" or config == "never done":
        time.sleep(600)
    if job == "worker" and not config:
        begun(folder, 3)  # as a worker waits for what serves it
    if config == "mistaken" and index == 1:
        raise ValueError("This must be told.\nIn one line.")
    if config == "killed" and index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    seen = {f"{job} {index}": told.get("cluster", {})}
    return [{"outputs": seen}, {"loss": {f"of {job} {index}": 0.5}}]


def begun(folder, number, seconds=300):
    """Waits until so many tasks have begun."""
    end = time.monotonic() + seconds
    while len(pids(folder)) < number and time.monotonic() < end:
        time.sleep(0.05)
    assert len(pids(folder)) == number


def pids(folder):
    return [
        int(path.name.rpartition("_")[2]) for path in pathlib.Path(folder).iterdir()
    ]


def alive(pid):
    """Whether a process runs; one that is dead and not waited for does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def gone(numbers, seconds=60):
    """Whether all of these processes end soon."""
    end = time.monotonic() + seconds
    while any(map(alive, numbers)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, numbers))


def test_what_tasks_saw_at_one_step_is_one_record(tmp_path):
    """Each knows its cluster, whose ports are apart; those that serve end last."""
    outputs, losses = tasks.run(THIS, (str(tmp_path),), "", TWO)
    assert losses == {"loss": {"of worker 0": 0.5, "of worker 1": 0.5}}
    first, second = outputs["outputs"].values()
    assert first == second and [*first] == ["ps", "worker"]
    addresses = first["ps"] + first["worker"]
    assert len(set(addresses)) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert len(pids(tmp_path)) == 3 and gone(pids(tmp_path))


def test_a_task_alone_is_in_no_cluster(tmp_path):
    outputs, _ = tasks.run(THIS, (str(tmp_path),), "", Cluster({}, {"chief": 1}))
    assert outputs == {"outputs": {"only 0": {}}}


@pytest.mark.parametrize(
    "config, message",
    [
        ("mistaken", "Received: worker 1, ValueError: This must be told.. Run"),
        ("killed", "Received: worker 1, it ended with -9. Run"),
    ],
)
def test_a_task_that_fails_ends_all(tmp_path, config, message):
    with pytest.raises(tasks.TaskError) as refusal:
        tasks.run(THIS, (str(tmp_path),), config, TWO)
    assert message in str(refusal.value) and "\n" not in str(refusal.value)
    assert gone(pids(tmp_path))


@mock.patch.object(tasks, "SECONDS", 2)
def test_a_task_that_never_comes_ends_all(tmp_path):
    with pytest.raises(tasks.TaskError, match="nothing from worker 0, worker 1. Look"):
        tasks.run(THIS, (str(tmp_path),), "never done", TWO)
    assert gone(pids(tmp_path))


@mock.patch.object(tasks, "SECONDS", 0)
def test_a_run_whose_task_never_comes_is_one_line(tf_parity):
    code, _, error = tf_parity("run", "--chapter", "towers", "--steps", "1")
    assert code == 2 and error.count("\n") == 1, error
    assert "Received: nothing from chief 0. Look" in error


def test_a_port_is_free_and_held_until_all_are_chosen():
    with contextlib.ExitStack() as held:
        port = tasks.free_port(held)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((tasks.ADDRESS, port))
    with socket.socket() as other:
        other.bind((tasks.ADDRESS, port))


STARTER = """
import signal, sys
# Whatever the shell ignores, as it does for what runs behind it, its children would ignore.
signal.signal(signal.SIGINT, signal.default_int_handler)
from parity_tests.models import tasks, tasks_test
tasks.PRELOADED.clear()  # TensorFlow is not what this is about
tasks.run(tasks_test, (sys.argv[1],), "never done", tasks_test.TWO)
"""


def of_session(number):
    """The processes of a session, which all are that one process started."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2]
        except OSError:
            continue  # it has just ended
        if int(fields.split()[3]) == number and alive(path.name):
            yield int(path.name)


@pytest.mark.skipif(not pathlib.Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_nothing_is_left(started_python, tmp_path, number):
    with started_python("-c", STARTER, tmp_path) as process:
        begun(tmp_path, 3)
        of_all = [*of_session(process.pid)]
        # And what they are forked from.
        assert {*pids(tmp_path), process.pid} < {*of_all}
        process.send_signal(number)
        assert process.wait(60) != 0
        assert gone(of_all)
