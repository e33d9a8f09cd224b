"""Finds a Python 3.7 with TensorFlow 1.15.5, or builds one, and records there.

This project may be installed anywhere: in a checkout, or between NumPy 2 and TensorFlow
2, which that Python must not see. So it is shown a folder with links to this project's
packages and nothing else, and runs isolated from its environment and its user's.
"""

import contextlib
import glob
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from parity_tests.witness import golden_folders

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"
VARIABLE = "TF_PARITY_TF1_PYTHON"  # names the interpreter to use
PROBE = "import tensorflow.compat.v1 as tf; print(tf.__version__)"
# What a recording imports of this project; of tf2_keras, how a process is started.
PACKAGES = ("tf1_graph", "tf2_keras", "parity_tests")
# Neither PYTHON... variables nor the user's site-packages, no .pyc files beside this
# Python's own, and lines as they come.
ISOLATED = ("-E", "-s", "-B", "-u", "-W", "ignore")
SECONDS_TO_ANSWER = 600  # importing TensorFlow on a busy machine; else seconds


class NoWitness(RuntimeError):
    """There is no TensorFlow 1.15 here and none could be built."""


def folder():
    """Where the environment is kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache).absolute() / "tf-parity" / "tensorflow-1.15.5"


def find():
    """The interpreter, as a path, or None: the one that is named, or the one kept.

    Raises:
        NoWitness: if one is named that has no TensorFlow 1.15.
    """
    named = os.environ.get(VARIABLE)
    if named:
        # A relative path is the caller's; recordings run in a folder of their own.
        python = shutil.which(os.path.expanduser(named)) or named
        python = os.path.abspath(python)
        version = tensorflow_version(python)
        if not version.startswith("1.15."):
            raise NoWitness(
                f"{VARIABLE} must name a Python with TensorFlow 1.15. Received: {named} "
                f"({version or 'which has none'}). Unset it to have one built."
            )
        return python
    kept = str(folder() / "bin" / "python")
    return kept if tensorflow_version(kept).startswith("1.15.") else None


def tensorflow_version(python):
    """The version that an interpreter imports; an empty string if it imports none."""
    return _answer([python, "-I", "-W", "ignore", "-c", PROBE])


def _answer(words):
    """What a command prints; an empty string if it fails or does not end."""
    try:
        result = subprocess.run(
            words,
            capture_output=True,
            text=True,
            env=clean_environment(),
            timeout=SECONDS_TO_ANSWER,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def build(say=lambda _line: None):
    """Makes the environment in ``folder()`` and returns its interpreter.

    Args:
        say: is told each step, one line a time.

    Raises:
        NoWitness: without a Python 3.7, without a place, or if pip cannot install.
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
    python = str(part / "bin" / "python")
    steps = {
        f"making {destination} with {base}": [
            base,
            "-I",
            "-m",
            "venv",
            "--copies",
            part,
        ],
        f"installing TensorFlow 1.15.5 with {python}": [
            *(python, "-I", "-m", "pip", "install", "-q", "-r", REQUIREMENTS)
        ],
    }
    try:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(destination, ignore_errors=True)
        destination.parent.mkdir(parents=True, exist_ok=True)
        for step, words in steps.items():
            say(step)
            _must_run(step, words)
        part.rename(destination)
    except OSError as error:
        raise NoWitness(
            f"The environment must be built in {destination}. Received: "
            f"{error.strerror or error}. Set XDG_CACHE_HOME to a folder that can be "
            "written to."
        ) from None
    return str(destination / "bin" / "python")


def python37():
    """A Python 3.7 of this machine, or None: on PATH, of pyenv, of uv."""
    candidates = [shutil.which("python3.7")]
    pyenv = os.environ.get("PYENV_ROOT") or str(pathlib.Path.home() / ".pyenv")
    candidates += sorted(
        glob.glob(f"{pyenv}/versions/3.7*/bin/python3.7"), reverse=True
    )
    if shutil.which("uv"):
        candidates.append(_answer(["uv", "python", "find", "3.7"]))
    version = "import sys; print(sys.version_info[:2])"
    for candidate in filter(None, candidates):
        if _answer([candidate, "-I", "-c", version]) == "(3, 7)":
            return candidate
    return None


def _must_run(step, words):
    result = subprocess.run(
        list(map(str, words)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean_environment(),
    )
    if result.returncode:
        raise _failure(
            f"The environment of TensorFlow 1.15 must be built; {step}",
            result.returncode,
            result.stdout,
            f"install requirements.txt beside record.py by hand and name its Python in "
            f"{VARIABLE}",
        )


def _failure(rule, code, output, remedy):
    """One line about a child that failed, with its last; all of it goes to a file."""
    lines = output.strip().splitlines() or ["no reason given"]
    handle, path = tempfile.mkstemp(prefix="tf-parity-", suffix=".log")
    with open(handle, "w", encoding="utf-8") as file:
        file.write(output)
    ended = f"exit code {code}" if code > 0 else f"signal {-code}"
    last = lines[-1].strip().rstrip(".")
    return NoWitness(
        f"{rule}. Received: {ended}: {last}. Read {path}, which holds all that was "
        f"said, or {remedy}."
    )


@contextlib.contextmanager
def running(python, module, *words, **pipes):
    """A module of this project under another interpreter, as a ``subprocess.Popen``.

    It runs in a folder of its own: paths among ``words`` must be absolute.
    """
    with tempfile.TemporaryDirectory(prefix="tf-parity-") as folder_of_links:
        for package in PACKAGES:
            os.symlink(ROOT / package, pathlib.Path(folder_of_links, package))
        process = subprocess.Popen(
            [python, *ISOLATED, "-m", module, *words],
            text=True,
            cwd=folder_of_links,
            env=clean_environment(),
            **pipes,
        )
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()


def record(python, names, out, *options, on_line=lambda _line: None):
    """Records ``names`` into the folder ``out`` with another interpreter.

    Args:
        python: its path.
        names: some of ``recordables.NAMES``.
        out: a folder, from where this process is.
        options: further ones of ``record``; paths among them must be absolute.
        on_line: is told what begins, one line a time.

    Raises:
        NoWitness: if it fails, in one line that names the interpreter and the step; or
            if it would replace something else than a golden.
    """
    out = os.path.abspath(out)
    for name in names:
        try:
            golden_folders.require_replaceable(os.path.join(out, name))
        except golden_folders.ForeignFolder as error:
            raise NoWitness(str(error)) from None
    step, output = "start", []
    begins = tuple(f"{name}: " for name in names)
    arguments = [*names, "--out", out, "--write", *options]
    try:
        with running(
            python,
            "parity_tests.witness.record",
            *arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            for line in process.stdout:
                output.append(line)
                if line.startswith(begins):
                    step = "record " + line.partition(":")[0]
                    on_line(line.strip())
    except OSError as error:
        raise NoWitness(
            f"{python} must {step} under TensorFlow 1.15. Received: "
            f"{error.strerror or error}. Name another interpreter in {VARIABLE}."
        ) from None
    if process.returncode:
        raise _failure(
            f"{python} must {step} under TensorFlow 1.15",
            process.returncode,
            "".join(output),
            f"name another interpreter in {VARIABLE}",
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
    kept = {
        name: value for name, value in os.environ.items() if name not in NOT_INHERITED
    }
    kept.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return kept


if __name__ == "__main__":
    try:
        print(find() or build(print))
    except NoWitness as error:
        sys.exit(f"witness: {error}")
