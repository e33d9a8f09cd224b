"""A pair of the user's own: a TF1 program and its rewrite, as it is declared.

pair = OwnPair(tf1=build_graph, tf2=build_model, batches=(x, y_true))
pair.check().require_agreement()
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

from parity_tests.engine.budgets import Budget
from parity_tests.pair import checking, plays, recorder, recording, tf1_sides
from parity_tests.pair.errors import PairError, SideFailed, mistake, unended
from parity_tests.witness import environment
from tf1_graph import session as tf1_session
from tf2_keras import training

TENSORFLOW_1 = "1.15.5"  # what python= may say instead of a path
PATH = (str, os.PathLike)
# Lines that TensorFlow's own C++ writes, whatever the log level.
NOISE = re.compile(
    r"^(WARNING: All log messages before absl|[IWEF]\d{4} \d\d:|"
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] ).*\n?",
    re.M,
)


class TF1Side(NamedTuple):
    """The TF1 side of a pair, where it is more than a build function.

    source: a build function, "program.py:build", "program.py", "model.meta", the folder
        of a SavedModel, or "play.npz". A file of Python runs in a process of its own.
    moves: {name: {"op", "loss", "outputs", "feed", ...}}, of names of tensors, where no
        build function returns them; see ``tf1_sides``.
    inputs: {name in a batch: name of a placeholder}.
    checkpoint: prefix of a checkpoint of the ``.meta`` to start from.
    python: "1.15.5" for the Python of TensorFlow 1.15.5 that ``tf-parity witness`` uses,
        or the path of an interpreter; by default this one.
    """

    source: object
    moves: dict | None = None
    inputs: dict | None = None
    checkpoint: str | None = None
    python: str | None = None


class OwnPair:
    """A TF1 program and its TF2 rewrite.

    Args:
        tf1: a ``TF1Side``, or its ``source`` alone.
        tf2: a compiled ``keras.Model``, a ``Twin``, its arguments as a dictionary, or a
            function that returns one of these.
        batches: see ``plays.plays``. A recorded play brings its own.
        names: {TF1 variable: Keras path}, or the file of such a map; whatever it lacks is
            matched. None for a path leaves a variable out.
        batch_size: of ``batches`` that are arrays.
        steps: moves that train, where ``check`` is not told.
        levels: of the twin, where ``check`` is not told.
        budgets: {stage: Budget}, or {level: {stage: Budget}}; 0 ULP where none is named.
    """

    def __init__(
        self,
        tf1,
        tf2,
        batches=None,
        names=None,
        batch_size=None,
        steps=None,
        levels=("function", "fit"),
        budgets=None,
    ):
        self.tf1 = required_side(tf1 if isinstance(tf1, TF1Side) else TF1Side(tf1))
        self.tf2, self.batches = tf2, batches
        _require(
            names is None or isinstance(names, (dict, *PATH)),
            "names must be a map, or the file of one",
            repr(names),
            "Use {'conv1/weights': 'conv1/kernel'}",
        )
        self.names = names
        self.batch_size, self.steps = batch_size, steps
        self.levels = levels_of(levels)
        self.budgets = by_level(budgets)
        self.folder = None  # that names of files are relative to

    def path(self, name):
        """A file that the pair names, from the folder of the pair's own file."""
        return name if self.folder is None else os.path.join(self.folder, name)

    @property
    def is_recorded(self):
        source = self.tf1.source
        return not callable(source) and str(source).endswith(".npz")

    @property
    def starts_trained(self):
        """Whether TF1's side starts from what was trained and stored, slots included."""
        source, checkpoint = self.tf1.source, self.tf1.checkpoint
        is_folder = not callable(source) and os.path.isdir(self.path(source))
        return checkpoint is not None or is_folder

    @property
    def runs_apart(self):
        """Whether the TF1 side runs in a process of its own."""
        source = self.tf1.source
        is_python = not callable(source) and tf1_sides.split(source)[0].endswith(".py")
        return is_python or self.tf1.python is not None

    def program(self):
        """The ``session.Program`` of a TF1 side that runs in this process."""
        side = self.tf1
        source = side.source if callable(side.source) else self.path(side.source)
        checkpoint = side.checkpoint and self.path(side.checkpoint)
        with tf1_sides.unswitched():
            return tf1_sides.program(source, side.inputs, checkpoint, side.moves)

    def given_names(self):
        """{TF1 name: what a map says}; of a file, if ``names`` is one."""
        if self.names is None or isinstance(self.names, dict):
            return self.names
        path = self.path(self.names)
        try:
            with open(path, encoding="utf-8") as file:
                given = json.load(file)
            if not isinstance(given, dict):
                raise ValueError("no dictionary")
        except (OSError, ValueError) as error:
            raise mistake(
                "names must be a map, or the file of one",
                f"{path} ({error})",
                "Write it with tf-parity check --save-names FILE",
            ) from None
        return given

    def drawn(self, steps=None, examples=None, seed=None):
        """The plays to be compared, as ``plays.plays`` gives them."""
        return plays.plays(
            self.batches, steps or self.steps, examples, seed, self.batch_size
        )

    def record(self, path, steps=None, examples=None, seed=None):
        """Stores the play of the TF1 side in a file, see ``recording``."""
        if self.is_recorded:
            raise mistake(
                "tf1 must be a program to be recorded",
                f"{self.tf1.source}, which is recorded already",
                "Name the program",
            )
        drawn = self.drawn(steps, examples, seed)
        if self.runs_apart:
            self._record_apart(path, drawn)
            return
        source = self.tf1.source
        if callable(source):
            source = getattr(getattr(source, "__code__", None), "co_filename", "")
        with unended(), tf1_session.unfused():
            recorder.write(self.program(), drawn, path, source)

    def _record_apart(self, path, drawn):
        """The same in a process of its own."""
        side = self.tf1
        if callable(side.source):
            raise mistake(
                "tf1 must name a file to run under another Python",
                f"a function, with python={side.python!r}",
                "Write it as tf1=TF1Side('program.py:build', python=...)",
            )
        python = _interpreter(side.python, self.path)
        with tempfile.TemporaryDirectory(prefix="tf-parity-") as folder:
            unplayed, request = (
                os.path.join(folder, name) for name in ("moves.npz", "request.json")
            )
            with recording.Writer(unplayed) as writer:
                for moves in drawn:
                    writer.add(moves)
            file, function = tf1_sides.split(side.source)
            source = os.path.abspath(self.path(file))
            asked = {
                "source": source if function is None else f"{source}:{function}",
                "inputs": side.inputs,
                "checkpoint": side.checkpoint
                and os.path.abspath(self.path(side.checkpoint)),
                "moves": side.moves,
                "path": [os.path.abspath(entry) for entry in sys.path if entry]
                if python == sys.executable
                else [],
                "plays": unplayed,
                "predicts": True,
                "out": os.path.abspath(path),
            }
            try:
                text = json.dumps(asked)
            except TypeError as error:
                raise mistake(
                    "The TF1 side of another process must be named by text and numbers",
                    str(error),
                    "Name tensors instead of handing them over",
                ) from None
            pathlib.Path(request).write_text(text, encoding="utf-8")
            _run_apart(python, request, path)

    def check(self, **options):
        """Compares both sides; see ``checking.checked``."""
        if options.get("levels_asked"):
            options["levels_asked"] = levels_of(options["levels_asked"])
        with unended(), tf1_session.unfused():
            return checking.checked(self, **options)


def _run_apart(python, request, path):
    """Lets the recorder play what is requested; it writes ``path``."""
    with environment.running(
        python,
        "parity_tests.pair.recorder",
        request,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        said = NOISE.sub("", process.stderr.read())
    code = process.returncode
    if code == 0 and os.path.isfile(path):
        return
    trace, _, last = said.rstrip().rpartition("\n")
    if code == recorder.MISTAKE:
        raise PairError(last)
    if code == recorder.FAILED:
        raise SideFailed(last, trace + "\n")
    if code and not environment.tensorflow_version(python):
        raise _no_interpreter(python, "which has no TensorFlow")
    received = f"exit code {code}" if code >= 0 else f"signal {-code}"
    remedy = "What it said is above" if said else "Look for what ends Python in it"
    rule = "The process of the TF1 side must end well, its play recorded"
    raise SideFailed(str(mistake(rule, received, remedy)), said)


def _interpreter(python, path_of):
    """The path of a Python; ``path_of`` says where a relative one is."""
    if python is None:
        return sys.executable
    if str(python) != TENSORFLOW_1:
        path = os.path.abspath(path_of(os.path.expanduser(python)))
        if not (os.path.isfile(path) and os.access(path, os.X_OK)):
            raise _no_interpreter(python, f"which is no program at {path}")
        return path
    try:
        found = environment.find()
    except environment.NoWitness as error:
        raise PairError(str(error)) from None
    if found is None:
        raise mistake(
            f"TF1Side(python={TENSORFLOW_1!r}) must find TensorFlow 1.15.5",
            f"no such environment in {environment.folder()}",
            "Build it with `python -m parity_tests.witness.environment`, or name its "
            f"Python in {environment.VARIABLE}",
        )
    return found


def _no_interpreter(python, why):
    return mistake(
        "TF1Side(python=...) must be the path of an interpreter with TensorFlow, or "
        f"{TENSORFLOW_1!r}",
        f"{str(python)!r}, {why}",
        f"Use python={TENSORFLOW_1!r}, or leave it out for this Python",
    )


def _require(condition, rule, received, remedy):
    if not condition:
        raise mistake(rule, received, remedy)


def required_side(side):
    """A ``TF1Side``, if each of its parts is of a kind that can be one.

    Raises:
        PairError: otherwise.
    """
    source, moves, inputs, checkpoint, python = side
    _require(
        callable(source) or isinstance(source, PATH),
        "tf1 must be a build function, or name a file",
        f"{source!r:.60}",
        "Use for instance tf1='program.py:build' or tf1='model.meta'",
    )
    for argument, value, example in (
        ("moves", moves, {"train": {"op": "train_op", "loss": "loss"}}),
        ("inputs", inputs, {"x": "images"}),
    ):
        _require(
            value is None or isinstance(value, dict),
            f"TF1Side({argument}=...) must be a dictionary",
            f"{value!r:.60}",
            f"Use for instance {argument}={example}",
        )
    for argument, value in (("checkpoint", checkpoint), ("python", python)):
        _require(
            value is None or isinstance(value, PATH),
            f"TF1Side({argument}=...) must be a path",
            f"{value!r:.60}",
            "Write it as text",
        )
    _require(
        checkpoint is None or str(source).endswith(".meta"),
        "TF1Side(checkpoint=...) must go with a .meta",
        f"{str(checkpoint)!r} with {source!r:.60}",
        "Restore it in the build function, or name the .meta beside it",
    )
    return side


def levels_of(levels):
    """Names of levels as a tuple; a single one may stand for itself.

    Raises:
        PairError: for none, or another name.
    """
    levels = (levels,) if isinstance(levels, str) or levels is None else tuple(levels)
    unknown = [level for level in levels if level not in training.LEVELS]
    _require(
        levels and not unknown,
        f"level must be one of {', '.join(training.LEVELS)}, at least one",
        ", ".join(map(repr, unknown)) or "none",
        "Use for instance levels=['function', 'fit']",
    )
    return levels


def by_level(budgets):
    """{level: {stage: Budget}}; without levels the same at each."""
    example = "Use for instance {'updates': Budget(ulp=2, reason='...')}"
    rule = "budgets must be {stage: Budget} or {level: {stage: Budget}}"
    _require(
        budgets is None or isinstance(budgets, dict),
        rule,
        f"{budgets!r:.60}",
        example,
    )
    budgets = dict(budgets or {})
    for level in training.LEVELS:
        if level in budgets:
            break
    else:
        budgets = {level: budgets for level in training.LEVELS}
    for level, of_level in budgets.items():
        _require(
            level in training.LEVELS
            and isinstance(of_level, dict)
            and all(isinstance(budget, Budget) for budget in of_level.values()),
            rule,
            f"{level}: {of_level!r:.60}",
            example,
        )
        for stage, budget in of_level.items():
            _require(
                budget.reason,
                "A budget must have a reason",
                f"{stage}: {budget}",
                "Write Budget(ulp=2, reason='...')",
            )
    return budgets
