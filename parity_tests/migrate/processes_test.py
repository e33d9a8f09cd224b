"""Claims about processes that work beside another: they end with it, however it ends."""

import os
import pathlib
import signal
import time

import pytest

from tf2_keras.migrate import processes

ROOT = pathlib.Path(__file__).parents[2]
WORKING = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from tf2_keras.migrate import processes
if __name__ == "__main__":
    with processes.pool(2) as pool:
        for job in [pool.submit(processes.os.getpid) for _ in range(8)]:
            print(job.result(), flush=True)
        for _ in range(4):
            pool.submit(time.sleep, 600)
        print("at work", flush=True)
        while True:
            time.sleep(0.01)
"""


def is_alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{number}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_their_parent(started_python, number, tmp_path):
    program = tmp_path / "working.py"
    program.write_text(WORKING)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with started_python(program, env=environment) as process:
        workers = set()
        for line in iter(process.stdout.readline, "at work\n"):
            workers.add(int(line))
        assert workers and all(map(is_alive, workers))
        process.send_signal(number)
        process.wait(60)
        until = time.monotonic() + 60
        while any(map(is_alive, workers)) and time.monotonic() < until:
            time.sleep(0.01)
        assert not any(map(is_alive, workers))


UNGUARDED = """
from tf2_keras.migrate import scan
print("begun", flush=True)
report = scan.scan(["."], workers=2)
print(report.files, len(report.findings))
"""


def test_a_program_without_a_guard_is_not_run_again_in_each(run_python, tmp_path):
    (tmp_path / "program.py").write_text(UNGUARDED)
    (tmp_path / "train.py").write_text("import tensorflow as tf\ntf.Session()\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = run_python("program.py", cwd=tmp_path, env=environment)
    assert (run.stdout.split(), run.stderr) == (["begun", "2", "1"], "")


def fail():
    raise ValueError("as planted")


def test_what_fails_in_one_fails_here_and_ends_the_others():
    begun = time.monotonic()
    with (
        pytest.raises(ValueError, match="as planted"),
        processes.pool(2) as pool,
    ):
        pool.submit(time.sleep, 600)
        pool.submit(fail).result()
    assert time.monotonic() - begun < 300
