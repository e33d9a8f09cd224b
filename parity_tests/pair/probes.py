"""The cause of a divergence, proven: what TF1 had, tried in place of what stands there.

A probe is one change to the twin. It is a cause only if the twin, so changed, no longer
parts where it did, nor before. The changes come from the TF1 graph itself: the seeds of
its initial values, the hyper-parameters of its ``Apply...`` ops.
"""

import contextlib
import math
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine.records import in_order
from parity_tests.pair import twins
from parity_tests.pair.levels import compare_levels
from tf1_graph import seeds, updates
from tf2_keras import tf1_semantics, training

# {type of the fused op: (tf1_semantics' class, {its argument: the op's input})}.
FUSED = {
    "ApplyGradientDescent": ("GradientDescent", {"learning_rate": "alpha"}),
    "ApplyMomentum": ("Momentum", {"learning_rate": "lr", "momentum": "momentum"}),
    "ApplyAdam": (
        "Adam",
        {
            "learning_rate": "lr",
            "beta1": "beta1",
            "beta2": "beta2",
            "epsilon": "epsilon",
        },
    ),
    "ApplyRMSProp": (
        "RMSProp",
        {
            "learning_rate": "lr",
            "decay": "rho",
            "momentum": "momentum",
            "epsilon": "epsilon",
        },
    ),
    "ApplyAdadelta": (
        "Adadelta",
        {"learning_rate": "lr", "rho": "rho", "epsilon": "epsilon"},
    ),
    "ApplyAdagrad": ("Adagrad", {"learning_rate": "lr"}),
}
FUSED["ApplyCenteredRMSProp"] = FUSED["ApplyRMSProp"]
# Keras's names of the same arguments, where they differ.
OF_KERAS = {
    "SGD": {"learning_rate": "learning_rate", "momentum": "momentum"},
    "Adam": {
        "learning_rate": "learning_rate",
        "beta1": "beta_1",
        "beta2": "beta_2",
        "epsilon": "epsilon",
    },
    "RMSprop": {
        "learning_rate": "learning_rate",
        "decay": "rho",
        "momentum": "momentum",
        "epsilon": "epsilon",
    },
    "Adadelta": {
        "learning_rate": "learning_rate",
        "rho": "rho",
        "epsilon": "epsilon",
    },
    "Adagrad": {"learning_rate": "learning_rate"},
}
# What a loss may be off by: {factor of the twin's over TF1's: what explains it}.
FACTORS = "a sum where TF1 has a mean, or the other way round"


class Cause(NamedTuple):
    """A change to the twin that takes a divergence away.

    change: what to do, in one line. whole: whether nothing differs any more in the whole
    play. page: where to read about it. stage: where the two sides parted.
    """

    change: str
    whole: bool
    page: str
    stage: str

    def describe(self):
        extent = (
            "with it everything is equal"
            if self.whole
            else "with it the two sides part later"
        )
        return f"cause, proven: {extent}\n  {self.change}\n  read {self.page}"

    def as_data(self):
        return self._asdict()


def cause(program, model, compared, level, moves, divergence):
    """The ``Cause`` of a divergence, or None if no probe takes it away.

    Args:
        program: the ``session.Program``; None if it was recorded or ran elsewhere.
        model: the compiled ``keras.Model`` of the twin.
        compared: (Twin) -> a ``Pair`` with it in place of the twin that diverged.
        level, moves, divergence: where, on what, and how it did.
    """
    if program is None or model is None or divergence.stage is None:
        return None
    probes = {
        "initial values": initial_values,
        "loss": losses,
        "slots": optimizers,
        "updates": optimizers,
    }.get(divergence.stage)
    if probes is None:
        return None
    for change, page, changed in probes(program, model, divergence):
        with changed:
            twin, _ = twins.twin_of(model)
            cells, found = compare_levels(compared(twin), [level], [moves])
            twin.reset()
        # Restored before the next is tried.
        later = found.get(level)
        if later is None or _comes_after(later[1], divergence):
            whole = later is None and all(not c["max_ulp"] for c in cells[level].values())
            return Cause(change, whole, page, divergence.stage)
    return None


def _comes_after(later, divergence):
    """Whether a divergence is of a later step or stage, or of a variable besides."""
    if later.step != divergence.step:
        return later.step > divergence.step
    if later.stage is None or later.stage == divergence.stage:
        return False
    return in_order([later.stage, divergence.stage])[0] == divergence.stage


def of_train(program):
    """The fused updates of the moves that train, in the graph's order."""
    return [
        operation
        for move in program.moves.values()
        for operation, _ in updates.changes(move.op, program.variables)
        if updates.APPLY.match(operation.type)
    ]


def hyperparameters(operation):
    """(name of tf1_semantics' optimizer, {argument: number}) of a fused update, or None.

    What the graph computes, such as a rate under a schedule, is left out.
    """
    kind = operation.type.replace("Resource", "").replace("Sparse", "")
    if kind not in FUSED:
        return None
    name, arguments = FUSED[kind]
    inputs = {
        argument.name: tensor
        for argument, tensor in zip(
            operation.op_def.input_arg, operation.inputs, strict=True
        )
    }
    stated = {}
    for argument, key in arguments.items():
        value = tf.get_static_value(inputs[key])
        if value is not None:
            stated[argument] = _shortest(value)
    if kind == "ApplyCenteredRMSProp":
        stated["centered"] = True
    if kind == "ApplyMomentum" and operation.get_attr("use_nesterov"):
        stated["use_nesterov"] = True
    return name, stated


def _shortest(value):
    """The shortest decimal that is the same number in its own dtype: 0.9 of a float32."""
    value = np.asarray(value)[()]
    return float(np.format_float_positional(value, unique=True, trim="0"))


def optimizers(program, model, _divergence):
    """Yields probes of an optimizer: one argument, all of them, then TF1's own."""
    standing = model.optimizer
    fused = [hyperparameters(operation) for operation in of_train(program)]
    if not fused or None in fused or fused.count(fused[0]) != len(fused):
        return
    name, stated = fused[0]
    page = "docs/guide/optimizers.md"
    kind = type(standing).__name__
    config = standing.get_config()
    of_tf1 = type(standing).__module__.startswith("tf2_keras.")
    known = (
        {argument: argument for argument in stated} if of_tf1 else OF_KERAS.get(kind, {})
    )
    differing = {
        known[argument]: value
        for argument, value in stated.items()
        if argument in known
        and not callable(getattr(standing, "_learning_rate", None))
        and not _same(config.get(known[argument]), value)
    }
    for key, value in differing.items():
        yield (
            f"{kind}({key}={config.get(key)!r}) → {key}={value!r}, as TF1 has it",
            page,
            _compiled_with(model, {**config, key: value}, type(standing)),
        )
    if len(differing) > 1:
        told = ", ".join(f"{key}={value!r}" for key, value in differing.items())
        yield (
            f"{kind} → {told}, as TF1 has them",
            page,
            _compiled_with(model, {**config, **differing}, type(standing)),
        )
    if "learning_rate" not in stated:
        return
    replacement = getattr(tf1_semantics.optimizers, name)
    if type(standing) is replacement and not differing:
        return
    told = ", ".join(f"{key}={value!r}" for key, value in stated.items())
    yield (
        f"{kind} → tf1_semantics.optimizers.{name}({told})",
        page,
        _compiled_with(model, stated, replacement),
    )


def _same(standing, value):
    if isinstance(standing, bool | int | float):
        return np.float32(standing) == np.float32(value)
    return False


@contextlib.contextmanager
def _compiled_with(model, config, kind):
    """The model with an optimizer of this configuration in place of its own."""
    config = {key: value for key, value in config.items() if key != "name"}
    with _attributes(model, optimizer=kind(**config, name=model.optimizer.name)):
        yield


@contextlib.contextmanager
def _attributes(model, **attributes):
    kept = {name: getattr(model, name) for name in attributes}
    functions = model.train_function
    try:
        for name, value in attributes.items():
            setattr(model, name, value)
        model.train_function = None
        yield
    finally:
        for name, value in kept.items():
            setattr(model, name, value)
        model.train_function = functions


def losses(program, model, divergence):
    """Yields probes of a loss that is TF1's times a number: a reduction, or a half."""
    if divergence.reference in (None, 0):
        return
    factor = float(divergence.candidate) / float(divergence.reference)
    if not math.isfinite(factor) or factor <= 0:
        return
    nearest = round(factor) if factor > 1 else 1 / round(1 / factor)
    if nearest == 1 or abs(factor / nearest - 1) > 1e-5:
        return
    compute_loss = model.compute_loss

    def scaled(*arguments, **options):
        loss = compute_loss(*arguments, **options)
        return loss / nearest if nearest > 1 else loss * round(1 / nearest)

    said = f"{nearest:g}" if nearest > 1 else f"1/{round(1 / nearest)}"
    yield (
        f"the twin's loss is {said} times TF1's: {FACTORS}",
        "docs/guide/losses.md",
        _attributes(model, compute_loss=scaled),
    )
    del program


def initial_values(program, model, divergence):
    """Yields the probe of the initializer that draws what TF1 drew."""
    with program.graph.as_default():
        meta_graph = tf.compat.v1.train.export_meta_graph(graph=program.graph)
    for drawn in seeds.random_ops(meta_graph):
        if divergence.tensor in drawn.initialises and drawn.tf2:
            yield (
                f"the initial value of {divergence.tensor} → {drawn.tf2}",
                "docs/guide/variables.md",
                _starting_from(model, divergence, drawn),
            )


@contextlib.contextmanager
def _starting_from(model, divergence, drawn):
    """The model with a variable that starts from what an initializer draws."""
    namespace = {
        "initializers": tf1_semantics.initializers,
        "tf1_semantics": tf1_semantics,
        "keras": keras,
        "tf": tf,
    }
    variable = divergence.variable
    kept = variable.numpy()
    try:
        made = eval(drawn.tf2, namespace)  # what seeds wrote, no text of the graph's
        variable.assign(made(tuple(drawn.shape), variable.dtype))
        yield
    finally:
        variable.assign(kept)


training = training  # players are made anew by twins.twin_of
