"""Finds a Python 3.7 with TensorFlow 1.15.5, or builds one."""

import glob
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"
VARIABLE = "TF_PARITY_TF1_PYTHON"  # names the interpreter to use
PROBE = "import tensorflow.compat.v1 as tf; print(tf.__version__)"


class NoWitness(RuntimeError):
    """There is no TensorFlow 1.15 here and none could be built."""


def folder():
    """Where the environment is kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "tf-parity" / "tensorflow-1.15.5"


def find():
    """The interpreter, as a path, or None: the one that is named, or the one kept.

    Raises:
        NoWitness: if one is named that has no TensorFlow 1.15.
    """
    named = os.environ.get(VARIABLE)
    if named:
        version = tensorflow_version(named)
        if not version.startswith("1.15."):
            raise NoWitness(
                f"{VARIABLE} must name a Python with TensorFlow 1.15. Received: {named} "
                f"({version or 'which has none'}). Unset it to have one built."
            )
        return named
    kept = str(folder() / "bin" / "python")
    return kept if tensorflow_version(kept).startswith("1.15.") else None


def tensorflow_version(python):
    """The version that an interpreter imports; an empty string if it imports none."""
    try:
        result = subprocess.run(
            [python, "-W", "ignore", "-c", PROBE],
            capture_output=True,
            text=True,
            env=clean_environment(),
            timeout=120,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def build(say=lambda line: None):
    """Makes the environment in ``folder()`` and returns its interpreter.

    Args:
        say: is told each step, one line a time.

    Raises:
        NoWitness: without a Python 3.7, or if pip cannot install.
    """
    base = python37()
    if base is None:
        raise NoWitness(
            "TensorFlow 1.15 must run on Python 3.7. Received: a machine without one. "
            "Install it, for instance with `pyenv install 3.7` or `uv python install "
            f"3.7`, or name an interpreter that has TensorFlow 1.15 in {VARIABLE}."
        )
    destination = folder()
    # Built beside its place: an interrupted build leaves nothing that looks whole.
    part = destination.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(destination, ignore_errors=True)
    destination.parent.mkdir(parents=True, exist_ok=True)
    say(f"making {destination} with {base}")
    _must_run([base, "-m", "venv", "--copies", str(part)])
    python = str(part / "bin" / "python")
    say("installing TensorFlow 1.15.5 into it")
    _must_run([python, "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)])
    part.rename(destination)
    return str(destination / "bin" / "python")


def python37():
    """A Python 3.7 of this machine, or None: on PATH, of pyenv, of uv."""
    candidates = [shutil.which("python3.7")]
    pyenv = os.environ.get("PYENV_ROOT") or str(pathlib.Path.home() / ".pyenv")
    candidates += sorted(
        glob.glob(f"{pyenv}/versions/3.7*/bin/python3.7"), reverse=True
    )
    if shutil.which("uv"):
        found = subprocess.run(
            ["uv", "python", "find", "3.7"], capture_output=True, text=True
        )
        candidates.append(found.stdout.strip() if found.returncode == 0 else None)
    for candidate in candidates:
        if candidate and _says(
            candidate, "import sys; print(sys.version_info[:2])"
        ) == ("(3, 7)"):
            return candidate
    return None


def _says(python, program):
    try:
        result = subprocess.run(
            [python, "-c", program], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip()


def _must_run(words):
    result = subprocess.run(
        words, capture_output=True, text=True, env=clean_environment()
    )
    if result.returncode:
        last = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1:]
        raise NoWitness(
            "The environment must be built from requirements.txt beside record.py. "
            f"Received: {' '.join(last)} Install by hand and name its Python in {VARIABLE}."
        )


def record(python, names, out, *options, on_line=lambda line: None):
    """Records ``names`` into the folder ``out`` with another interpreter.

    Raises:
        NoWitness: if it fails, with the last thing that it said.
    """
    words = [
        python,
        "-W",
        "ignore",
        "-m",
        "parity_tests.witness.record",
        *names,
        "--out",
        str(out),
        "--write",
        *options,
    ]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=clean_environment(),
    )
    last = "no reason given."
    try:
        for line in process.stdout:
            last = line.strip() or last
            on_line(last)
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()
    if process.returncode:
        raise NoWitness(
            "Recording must succeed under TensorFlow 1.15. "
            f"Received: {last} Run `{' '.join(words[3:])}` there to see all of it."
        )


# What belongs to this Python, or what its TensorFlow told itself: TF2_BEHAVIOR, which
# importing it sets, would switch 1.15 over as well.
NOT_INHERITED = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    "TF2_BEHAVIOR",
)


def clean_environment():
    """This process's environment, without what is not for another Python."""
    kept = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED}
    kept.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return kept


if __name__ == "__main__":
    try:
        print(find() or build(print))
    except NoWitness as error:
        sys.exit(f"witness: {error}")
