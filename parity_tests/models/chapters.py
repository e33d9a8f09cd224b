"""The chapters in reading order, and the files of each.

Runs under Python 3.7 as well.
"""

import ast
import difflib
import importlib
import os

from parity_tests.engine import processors

GROUPS = {
    "basics": (
        "session_basics",
        "linear_regression",
        "logistic_regression",
        "mlp",
        "kmeans",
        "nearest_neighbours",
    ),
    "images": (
        "mnist_cnn",
        "cnn_layers",
        "slim_cnn",
        "resnet",
        "batch_norm_by_hand",
        "unet",
        "neural_style",
    ),
    "sequences": (
        "hello_rnn",
        "char_rnn",
        "rnn_classifier",
        "static_rnn",
        "text_cnn",
        "bilstm_crf",
        "word2vec",
        "seq2seq",
        "ctc",
        "transformer",
        "bert_classifier",
        "bert",
    ),
    "generative": (
        "autoencoder",
        "conv_autoencoder",
        "vae",
        "dcgan",
        "wgan_gp",
    ),
    "graphs": ("gcn",),
    "tables": ("wide_deep",),
    "reinforcement": (
        "dqn",
        "ppo",
    ),
    "program": (
        "control_flow",
        "variable_sharing",
        "input_iterators",
        "save_restore",
        "summaries",
        "finetune",
        "monitored_session",
        "estimator",
        "train_and_evaluate",
        "canned_estimator",
        "input_queues",
        "mixed_precision",
        "towers",
        "parameter_server",
    ),
}
NAMES = tuple(name for names in GROUPS.values() for name in names)
# What is compared is what ``run`` returns: there is no model to play.
PROGRAMS = (
    *GROUPS["program"],
    *("nearest_neighbours", "cnn_layers", "slim_cnn", "hello_rnn", "conv_autoencoder"),
)
MODELS = tuple(name for name in NAMES if name not in PROGRAMS)

# {chapter: its files besides those of its own name}: a subject that one file would bury.
BESIDES = {"wide_deep": ("feature_columns",)}


def stems(name):
    """The stems of a chapter's files on either side: its name, and those besides."""
    return (name, *BESIDES.get(name, ()))


STEMS = tuple(stem for name in NAMES for stem in stems(name))


def owner(stem):
    """The chapter whose file has this stem, or the stem itself, if none has."""
    return next((name for name in BESIDES if stem in BESIDES[name]), stem)


class UnknownName(ValueError):
    """A name that the user got wrong; the message shows the nearest known ones."""


def require_known(name, known, kind):
    """``name``, if it is one of ``known``.

    Raises:
        UnknownName: otherwise, with the nearest known names.
    """
    if name in known:
        return name
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    remedy = (
        f"Nearest: {', '.join(nearest)}" if nearest else f"Known: {', '.join(known)}"
    )
    received = name if name.strip() else "an empty text"
    raise UnknownName(f"{kind} must be a known name. Received: {received}. {remedy}.")


def setup(name):
    """The module that says what a chapter is run on; imports no TensorFlow.

    It has TEACHES, STEPS and METRIC; ``configure(data, seed)``, ``load(data, seed)``,
    ``program(built, config)``, ``moves(train, config)``, ``dataset(train, config)``,
    ``evaluation(test, config)`` and ``score(test, outputs)``. It may have DATA_SETS, the modules
    of ``parity_tests.datasets`` whose files ``load`` finds in a folder ``data``; SCORED, how
    many of the examples to score on a run takes, where all take long; SOURCES,
    what else than its TF1 file a golden depends on; TRAINS, the moves that train on one
    element of ``dataset``, in order, where it is not ``("train",)``, with
    ``moves_of(element, config)``, those moves with their batches; ``first(train, examples,
    batch_size)``, where examples are not along the first axis, or a batch is never short;
    ``played(model)``, what ``training.compiled`` takes besides for its moves; and
    CHECKPOINTED = False, where a program carried from run to run in Python what the next
    step starts from, a state that it fetched and fed, which no Saver has seen.

    That of one of PROGRAMS has TEACHES; STEPS, the default of its Config; LEVELS, those at
    which its twin is run; ``configure`` and ``load``. What ``load`` returns to train on is
    what ``run`` of both sides takes before its ``config``, as ``programs`` says. It may
    have ``cluster(side, config)``: the ``tasks.Cluster`` that a side, "tf1_graph" or
    "tf2_keras", is run in, or None for the process that asks; ``parts(config)``: the
    configurations that it runs one after the other, each in a cluster of its own; OPTIONS,
    fields of its Config that ``tf-parity run`` takes; and ``level_of_budgets(level,
    config)``, where budgets depend on a configuration. Where no TensorFlow of today
    can run its TF1 side, it has RECORDED, {play: fields of its Config besides those of
    ``configure``}: what 1.15.5 did with these is in its golden, and is the reference
    instead; of a tensor larger than a golden keeps whole, what it keeps.
    """
    require_known(name, NAMES, "chapter")
    return importlib.import_module(f"parity_tests.models.{name}")


def teaches():
    """{chapter: one line about what it teaches}, in reading order.

    Read from the source, so that a scan needs nothing that a chapter runs on.
    """
    return {name: _said(name, "TEACHES") for name in NAMES}


def checkpointed():
    """The chapters whose checkpoint holds all that the next step needs."""
    return tuple(name for name in MODELS if _said(name, "CHECKPOINTED", default=True))


def _said(chapter, name, default=None):
    """What the setup of a chapter says under a name, without running it."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), chapter + ".py")
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if targets and getattr(targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    if default is None:
        raise ValueError(
            f"The setup of a chapter must say its {name}. "
            f"Received: {path}. Write {name} = '...' in it."
        )
    return default


def drawn(name):
    """The module that says what a chapter's claims are drawn from.

    It has ``SMALL``, fields of a small configuration; ``START``, values from which every
    fault shows, or None; ``plays(awkward=True)``, a Hypothesis strategy of Drawn; and
    ``moves(config)``, a short play with predictions. It may have ``EXAMPLES``, plays that
    are always tried; ``REVEALING``, where eager budgets are needed; and ``MOVED``, a Fault
    that makes of the twin what today's compat.v1 computes where that is not 1.15's.

    That of one of PROGRAMS has ``plays()`` only, of Drawn whose moves are what ``load``
    returns to train on; one that is ``recorded`` draws from what is.
    """
    return importlib.import_module(f"parity_tests.models.{name}_plays")


def faults(name):
    """{fault: Fault} of a chapter."""
    return importlib.import_module(f"parity_tests.models.{name}_faults").FAULTS


def graph(name):
    """The TF1 side of a chapter."""
    return importlib.import_module(f"tf1_graph.models.{name}")


def twin(name):
    """The Keras side of a chapter."""
    return importlib.import_module(f"tf2_keras.models.{name}")


def recorded(name):
    """{play of its golden: fields of its Config} where the golden is the reference, or {}."""
    return _said(name, "RECORDED", {}) if name in PROGRAMS else {}


# The level of budgets for 1.15.5 itself on two kinds of processor. Its vectorised square
# root begins with the processor's own approximation, and its matrix products sum in an
# order of the processor's vector extensions.
ANOTHER_CPU = "1.15.5, another CPU"


def level_of_budgets(onednn=None):
    """The level of budgets that says what 1.15.5 and today's TensorFlow differ by.

    onednn: whether this process runs with oneDNN; by default as its environment says.
    """
    if onednn is None:
        onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0"
    return "1.15.5" if onednn else "1.15.5, oneDNN off"


def levels_of_budgets(facts, onednn=None):
    """Those that say what a golden and today's TensorFlow in this process differ by.

    facts: of the golden.
    onednn: as above.
    """
    level = level_of_budgets(onednn)
    return (level,) if processors.same_kind(facts) else (level, ANOTHER_CPU)


def levels(name):
    """The levels at which the twin of a chapter is run, or () for all."""
    return _said(name, "LEVELS") if name in PROGRAMS else ()


def program(name, config):
    """The ``tf1_graph.session.Program`` of a chapter."""
    return setup(name).program(graph(name).build(config), config)
