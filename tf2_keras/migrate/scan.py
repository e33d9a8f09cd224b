"""What becomes of every use of TensorFlow 1.x in a code base.

    report = scan(['project'])
    report.findings    # [Finding]: file, line, column, symbol, status, replacement, ...

Files are read apart (``sources``), each gives its uses (``names``), and the catalogue
answers for each use, once all are known: a file says of itself whether it is TF1 or TF2
code where it can, and goes with its neighbours where it cannot.
"""

import concurrent.futures
import fnmatch
import functools
import multiprocessing
import os
import signal
from collections import Counter
from typing import NamedTuple

from tf2_keras.migrate import catalogue, names, sources

STATUSES = ("gone", "restructure", "changes", "renamed", "same", "unknown")
# Below this, starting other processes takes longer than reading.
WORTH_PROCESSES = 1_000_000  # bytes
CHUNK = 250_000

# Modules of tensorflow.python whose names are public somewhere else.
INTERNAL = {
    **dict.fromkeys(
        [
            "ops.array_ops",
            "ops.check_ops",
            "ops.clip_ops",
            "ops.control_flow_ops",
            "ops.data_flow_ops",
            "ops.functional_ops",
            "ops.gradients",
            "ops.gradients_impl",
            "ops.init_ops",
            "ops.io_ops",
            "ops.logging_ops",
            "ops.math_ops",
            "ops.parsing_ops",
            "ops.partitioned_variables",
            "ops.random_ops",
            "ops.script_ops",
            "ops.sparse_ops",
            "ops.special_math_ops",
            "ops.state_ops",
            "ops.string_ops",
            "ops.tensor_array_ops",
            "ops.variable_scope",
            "ops.variables",
            "ops.while_v2",
            "ops.map_fn",
            "ops.histogram_ops",
            "framework.ops",
            "framework.dtypes",
            "framework.tensor_shape",
            "framework.constant_op",
            "framework.importer",
            "framework.random_seed",
            "framework.sparse_tensor",
            "framework.tensor_util",
            "framework.tensor_spec",
            "framework.function",
            "client.session",
        ],
        "tf",
    ),
    **dict.fromkeys(
        [
            "ops.nn",
            "ops.nn_ops",
            "ops.nn_impl",
            "ops.rnn",
            "ops.ctc_ops",
            "ops.embedding_ops",
            "ops.candidate_sampling_ops",
        ],
        "tf.nn",
    ),
    **dict.fromkeys(["ops.rnn_cell", "ops.rnn_cell_impl"], "tf.nn.rnn_cell"),
    **dict.fromkeys(["ops.image_ops", "ops.image_ops_impl"], "tf.image"),
    **dict.fromkeys(
        [
            "layers.base",
            "layers.convolutional",
            "layers.core",
            "layers.layers",
            "layers.normalization",
            "layers.pooling",
        ],
        "tf.layers",
    ),
    "data.ops.dataset_ops": "tf.data",
    "data.ops.iterator_ops": "tf.data",
    "data.ops.readers": "tf.data",
    "estimator": "tf.estimator",
    "feature_column.feature_column": "tf.feature_column",
    "framework.errors": "tf.errors",
    "framework.graph_util": "tf.graph_util",
    "keras": "tf.keras",
    "lib.io.python_io": "tf.python_io",
    "ops.distributions": "tf.distributions",
    "ops.linalg_ops": "tf.linalg",
    "ops.losses.losses": "tf.losses",
    "ops.losses.losses_impl": "tf.losses",
    "ops.metrics": "tf.metrics",
    "ops.metrics_impl": "tf.metrics",
    "platform.app": "tf.app",
    "platform.flags": "tf.app.flags",
    "platform.gfile": "tf.gfile",
    "platform.resource_loader": "tf.resource_loader",
    "platform.test": "tf.test",
    "platform.tf_logging": "tf.logging",
    "saved_model": "tf.saved_model",
    "summary.summary": "tf.summary",
    "training": "tf.train",
    "util.nest": "tf.nest",
}

# What only the whole of a program shows; told where it shows.
FACTS = {
    "broadcast": catalogue.Rule(
        "tf.placeholder",
        "changes",
        "one orientation on both sides: tf.ensure_shape(y, [None]) or [None, 1]",
        "A target without a static shape is subtracted from a prediction: [batch] "
        "minus [batch, 1] broadcasts to [batch, batch] and trains something else, in "
        "TF1 without a word. A Keras loss object aligns the two shapes instead.",
        "linear_regression",
        "parity_tests/models/linear_regression_test.py"
        "::test_targets_in_a_column_broadcast_without_a_word",
    ),
    "no_global_step": catalogue.Rule(
        "tf.train.Optimizer.minimize",
        "changes",
        "a constant rate, to keep the numbers; the schedule, to get what was meant",
        "The rate follows a schedule, but this update is not given global_step=: "
        "unless something else moves the step, TF1 trains at the first rate for ever. "
        "A Keras optimizer counts its own steps, so that the same schedule does decay.",
        "resnet",
        "parity_tests/parts/parts_test.py"
        "::test_a_naive_migration_is_off_by_its_stated_margin",
    ),
    "schedule": catalogue.Rule(
        "tf.train.MomentumOptimizer",
        "changes",
        "tf1_semantics.optimizers.Momentum(schedule, momentum)",
        "Momentum under a rate that changes: TF1 multiplies the accumulator by the "
        "rate of the day, Keras folds the old rate into its velocity, so that each "
        "change of the rate arrives late.",
        "resnet",
        "parity_tests/models/resnet_test.py"
        "::test_trap_keras_momentum_keeps_the_old_rate",
    ),
    "no_seed": catalogue.Rule(
        "tf.set_random_seed",
        "changes",
        "tf.set_random_seed(1) before the first operation, then record the numbers",
        "This program trains and sets no seed, so that no two runs agree. Freeze the "
        "numbers of TF1 first; without a seed there is nothing to compare with.",
        "session_basics",
        "parity_tests/parts/philox_test.py::test_seeds_reach_the_kernel_as_in_tf1",
    ),
}
SEEDS = ("tf.set_random_seed", "tf.random.set_random_seed", "tf.random.set_seed")
RUNS = (
    "tf.Session",
    "tf.InteractiveSession",
    "tf.train.MonitoredTrainingSession",
    "tf.train.MonitoredSession",
    "tf.train.SingularMonitoredSession",
    "tf.train.Supervisor",
    "tf.contrib.slim.learning.train",
    "tf.contrib.training.train",
)
TRAINS = (
    "tf.gradients",
    "tf.contrib.slim.learning.create_train_op",
    "tf.contrib.training.create_train_op",
    "tf.contrib.layers.optimize_loss",
    "tf.contrib.slim.learning.train",
)
# Parts of TensorFlow 2 that lost names since 2.0: using one of those is not TF1 code.
ALSO_OF_TF2 = (
    "tf.__version__",
    "tf.autograph",
    "tf.data",
    "tf.distribute",
    "tf.estimator",
    "tf.experimental",
    "tf.feature_column",
    "tf.initializers",
    "tf.keras",
    "tf.lite",
    "tf.losses",
    "tf.metrics",
    "tf.tpu",
    "tf.version",
)
PRIVATE = ("tensorflow.python.", "tensorflow.core.", "tensorflow.compiler.")
# In 1.15 already, and hardly written by anyone who stayed with Sessions.
TF2_WAYS = ("tf.function", "tf.GradientTape")


class Finding(NamedTuple):
    """One use and what becomes of it; ``cell`` says where in a notebook, or ''."""

    file: str
    line: int
    column: int
    symbol: str
    status: str
    replacement: str
    note: str
    chapter: str
    evidence: str
    cell: str = ""

    def as_data(self):
        data = self._asdict()
        del data["cell"]
        return data


class Report(NamedTuple):
    """What a scan found.

    files: how many files were read.
    lines: how many lines they have.
    findings: [Finding], those of status 'same' included, in order of the files.
    skipped: [sources.Skipped].
    """

    files: int
    lines: int
    findings: list
    skipped: list

    def as_data(self, everything=False):
        """As JSON has it; uses that stay as they are only if asked for everything."""
        shown = [
            finding.as_data()
            for finding in self.findings
            if everything or finding.status != "same"
        ]
        return {"files": self.files, "findings": shown, "summary": self.summary()}

    def summary(self):
        counts = Counter(finding.status for finding in self.findings)
        proven = sum(
            finding.evidence != catalogue.UNPROVEN or bool(finding.chapter)
            for finding in self.findings
        )
        return {
            "lines": self.lines,
            "uses": len(self.findings),
            "statuses": {status: counts[status] for status in STATUSES},
            "with_evidence_or_chapter": proven,
            "files_with_findings": len(
                {each.file for each in self.findings if each.status != "same"}
            ),
            "skipped": dict(
                sorted(Counter(each.reason for each in self.skipped).items())
            ),
            "skipped_files": [
                {key: value for key, value in each._asdict().items() if value}
                for each in self.skipped
            ],
        }


class Read(NamedTuple):
    """What reading one file gave; small, as it travels between processes."""

    file: str
    lines: int
    uses: list  # [(names.Use with the place in the file, cell)]
    imports_keras: bool
    skipped: tuple


def scan(paths, workers=None, on_progress=lambda done, total: None):
    """Reads every file under the paths and answers for every use of TF1.

    workers: processes to read with; by default as many as there are cores, and none for
        a few small files.
    on_progress: told the bytes read and all bytes, now and then.
    """
    files, skipped = sources.find(paths)
    reads = _read_all(files, workers, on_progress)
    for read in reads:
        skipped += read.skipped
    readable = [read for read in reads if read.lines >= 0]
    return Report(
        len(readable),
        sum(read.lines for read in readable),
        _answer(readable),
        skipped,
    )


# -------------------------------------------------------------------- reading the files


def _read_all(files, workers, on_progress):
    sizes = {}
    for file in files:
        try:
            sizes[file] = os.path.getsize(file)
        except OSError:
            sizes[file] = 0
    total, done = sum(sizes.values()), 0
    if workers is None:
        workers = _cores() if total > WORTH_PROCESSES else 1
    on_progress(0, total)
    if workers <= 1 or len(files) < 2:
        reads = []
        for file in files:
            reads.append(read_file(file))
            done += sizes[file]
            on_progress(done, total)
        return reads

    chunks, size = [[]], 0
    for file in files:
        if size > CHUNK:
            chunks.append([])
            size = 0
        chunks[-1].append(file)
        size += sizes[file]
    found = {}

    def tell(reads):
        nonlocal done
        for read in reads:
            found[read.file] = read
            done += sizes[read.file]
        on_progress(done, total)

    _read_together(chunks, workers, tell)
    # A file that takes its process down takes others' results with it: what is missing
    # is read once more, each file on its own.
    for file in files:
        if file not in found:
            _read_together([[file]], 1, tell)
    return [
        found.get(file)
        or Read(file, -1, [], False, (sources.Skipped(file, "crashes the parser"),))
        for file in files
    ]


def _read_together(chunks, workers, tell):
    context = multiprocessing.get_context("spawn")
    # Ctrl-C reaches every process of a terminal; only this one is to answer it.
    with concurrent.futures.ProcessPoolExecutor(
        workers, context, signal.signal, (signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        jobs = [pool.submit(read_files, chunk) for chunk in chunks]
        try:
            for job in concurrent.futures.as_completed(jobs):
                try:
                    tell(job.result())
                except concurrent.futures.process.BrokenProcessPool:
                    continue
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _cores():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def read_files(files):
    return [read_file(file) for file in files]


def read_file(file):
    """The Read of one file; lines is -1 if it could not be used at all."""
    try:
        source = sources.read(file)
        program = (
            names.read(source.body)
            if source.may_use_tensorflow
            else names.Program([], False)
        )
    except sources.Unusable as unusable:
        return Read(file, -1, [], False, (unusable.skipped,))
    except RecursionError:
        return Read(file, -1, [], False, (sources.Skipped(file, "nested too deeply"),))
    uses = []
    for use in program.uses:
        line, column, cell = source.place(use.line, use.column)
        uses.append((use._replace(line=line, column=column), cell))
    return Read(file, source.lines, uses, program.imports_keras, source.skipped)


# ------------------------------------------------------------------- answering for uses


class Known(NamedTuple):
    symbol: str
    only_in_tf1: bool
    only_in_tf2: bool
    by_compat: bool  # written with compat.v1
    listed: bool  # has a row or a rule of its own


@functools.cache
def resolve(dotted):
    """The canonical symbol of a dotted name: its longest known beginning.

    None for TensorFlow itself and for what is marked as TF2.
    """
    if dotted.startswith("tensorflow.compat.v2"):
        return None
    symbol = catalogue.canonical(dotted)
    if symbol.startswith("tf.python."):
        symbol = _public(symbol)
    elif symbol.startswith("tf.contrib.") and ".python." in symbol:
        symbol = _of_contrib(symbol)
    parts = symbol.split(".")
    if len(parts) == 1:
        return None
    known, exact = catalogue.api(), catalogue.rules().exact
    for count in range(len(parts), 1, -1):
        start = ".".join(parts[:count])
        if start in known or start in exact:
            if start in known and known[start].kind == "module":
                # Only the module is known. Its next name is the symbol; inside of a
                # private package, the whole path.
                if parts[count : count + 1] != ["python"]:
                    symbol = ".".join(parts[: count + 1])
            else:
                symbol = start
            break
    row = known.get(symbol)
    if row is None:
        of_tf1 = symbol in exact or catalogue.find(symbol) is not None
        of_tf1 = of_tf1 and not symbol.startswith("tf.keras")
    else:
        of_tf1 = row.in_tf1 and not row.in_v2
    return Known(
        symbol,
        only_in_tf1=of_tf1,
        only_in_tf2=row is not None and not row.in_tf1,
        by_compat=".compat.v1" in dotted,
        listed=row is not None or symbol in exact,
    )


@functools.cache
def method(symbol):
    """The rule of a method, 'tf.train.AdamOptimizer.minimize', if it has its own."""
    if symbol in catalogue.rules().exact or symbol in catalogue.api():
        return catalogue.find(symbol)
    name = symbol.rpartition(".")[2]
    for rule in catalogue.rules().patterns:
        named = rule.symbol.endswith("." + name)
        if named and fnmatch.fnmatchcase(symbol, rule.symbol):
            return rule._replace(symbol=symbol)
    return None


def _public(symbol):
    """Where a name of tensorflow.python is public; itself if nowhere."""
    parts = symbol.split(".")[2:]
    for count in range(len(parts) - 1, 0, -1):
        module = INTERNAL.get(".".join(parts[:count]))
        if module is None:
            continue
        # Modules below tf.keras and tf.train may be folded into them.
        for first in (count, len(parts) - 1):
            public = ".".join((module, *parts[first:]))
            if public in catalogue.api():
                return public
    return symbol


def _of_contrib(symbol):
    """'tf.contrib.rnn.python.ops.rnn_cell.LSTMCell' as 'tf.contrib.rnn.LSTMCell'."""
    package, _, path = symbol.partition(".python.")
    for name in path.split("."):
        public = f"{package}.{name}"
        if public in catalogue.api() and catalogue.api()[public].kind != "module":
            return public
    return symbol


class _File(NamedTuple):
    read: Read
    uses: list  # [(use, cell, Known)]
    facts: list  # [(use, cell)]
    used: frozenset
    world: str  # 'tf1', 'tf2' or ''


def _answer(reads):
    files = [_look_at(read) for read in reads]
    everywhere = frozenset().union(*[file.used for file in files])
    worlds = _worlds(files)
    findings = []
    for file in files:
        findings += _findings(file, worlds[file.read.file], everywhere)
    return findings


def _look_at(read):
    uses, facts, used = [], [], set()
    for use, cell in read.uses:
        if use.kind == "fact":
            facts.append((use, cell))
            continue
        known = resolve(use.dotted)
        if known is None:
            continue
        whole = catalogue.canonical(use.dotted)
        used.update((known.symbol, whole))
        if "update_ops" in getattr(use.call, "literals", ()):
            used.add("tf.GraphKeys.UPDATE_OPS")
        if use.kind == "method":
            if method(whole) is None:
                continue  # told with its class
            known = known._replace(symbol=whole)
        elif use.call is None and _is_of_value(use, known.symbol):
            continue
        uses.append((use, cell, known))
    return _File(read, uses, facts, frozenset(used), _world(read, uses, used))


def _is_of_value(use, symbol):
    """``FLAGS.rate``, where FLAGS is an alias: the alias was told already."""
    alias = ".".join(use.dotted.split(".")[: use.alias])
    return use.dotted != alias and len(symbol) <= len(catalogue.canonical(alias))


def _world(read, uses, used):
    """'tf1' or 'tf2' if the file itself says so, else ''."""
    tf2 = bool(used.intersection(TF2_WAYS))
    for use, _, known in uses:
        if use.dotted.startswith(PRIVATE):
            continue  # says nothing: TF2 still has many old names there
        by_alias = use.kind == "name" and use.alias == 3
        if by_alias and use.dotted.startswith("tensorflow.compat.v1."):
            return "tf1"  # `import tensorflow.compat.v1 as tf`
        if (
            known.only_in_tf1
            and not known.by_compat
            and not _within(known.symbol, ALSO_OF_TF2)
        ):
            return "tf1"
        tf2 = tf2 or known.only_in_tf2
    return "tf2" if tf2 else ""


def _within(symbol, modules):
    return any(symbol == each or symbol.startswith(each + ".") for each in modules)


def _worlds(files):
    """{file: 'tf1' or 'tf2'}: what it says, what most neighbours say, or TF1.

    Neighbours are the files of the nearest folder above that says anything; for a file
    with Keras in it only those of its own folder, and TF2 if they say nothing.
    """
    of_folder = {}
    for file in files:
        if file.world:
            for folder in _folders(file):
                of_folder.setdefault(folder, Counter())[file.world] += 1
    worlds = {}
    for file in files:
        keras = file.read.imports_keras or any(
            known.symbol.startswith("tf.keras") for _, _, known in file.uses
        )
        folders = list(_folders(file))[: 1 if keras else None]
        counts = next(
            (of_folder[folder] for folder in folders if folder in of_folder),
            Counter(tf2=keras),
        )
        of_others = "tf1" if counts["tf1"] >= counts["tf2"] else "tf2"
        worlds[file.read.file] = file.world or of_others
    return worlds


def _folders(file):
    """The folder of a file and all above."""
    folder = os.path.dirname(os.path.abspath(file.read.file))
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _findings(file, world, everywhere):
    used = file.used
    if not (used.intersection(TRAINS) or any(map(names.is_optimizer, used))):
        used = used | everywhere  # of a model that another file trains
    found = {}
    for use, cell, known in file.uses:
        if world == "tf2" and not known.by_compat:
            continue
        rule = method(known.symbol) if use.kind == "method" else None
        rule = rule or catalogue.find(known.symbol)
        if rule is None:
            if known.symbol.startswith("tf.keras."):
                continue  # newer than 1.15, all of whose Keras is known
            rule = catalogue.Rule(known.symbol, "unknown", note=UNKNOWN)
        elif known.only_in_tf2:
            continue
        else:
            rule = catalogue.decide(rule, use.call, used)
        key = (use.line, use.column, known.symbol)
        if key not in found or found[key].status == "same":
            found[key] = _finding(file, use, cell, rule)
    if world == "tf1":
        for use, cell, rule in _facts(file):
            key = (use.line, use.column, rule.symbol)
            found[key] = _finding(file, use, cell, rule)
    return [found[key] for key in sorted(found)]


UNKNOWN = "Not in the public interface of TensorFlow 1.15, nor known from before."


def _finding(file, use, cell, rule):
    return Finding(
        file.read.file,
        use.line,
        use.column,
        rule.symbol,
        rule.status,
        rule.replacement,
        rule.note,
        rule.chapter,
        rule.evidence,
        cell,
    )


def _facts(file):
    """What the program shows as a whole: (where, cell, rule)."""
    for use, cell in file.facts:
        name, _, dotted = use.dotted.partition(":")
        rule, symbol = FACTS[name], catalogue.canonical(dotted)
        if name == "no_global_step":
            rule = rule._replace(symbol=symbol)
        if name != "schedule" or symbol == rule.symbol:
            yield use, cell, rule
    trains = file.used.intersection(TRAINS) or any(map(names.is_optimizer, file.used))
    if trains and not file.used.intersection(SEEDS):
        for use, cell, known in file.uses:
            if known.symbol in RUNS and use.call is not None:
                yield use, cell, FACTS["no_seed"]
                break
