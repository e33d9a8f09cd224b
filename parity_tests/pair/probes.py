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
from tf2_keras import tf1_semantics
from tf2_keras.observing import replaced

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


class Sides(NamedTuple):
    """What a probe has to do with.

    program: the ``session.Program``. model: the ``keras.Model``. twin: the ``Twin`` that
    diverged. matches: {TF1 name: layouts.Match}. pair: (Twin, {TF1 name: array} that both
    sides start from, or None) -> a ``Pair`` with it in place of the twin.
    """

    program: object
    model: object
    twin: object
    matches: dict
    pair: object


def cause(sides, level, moves, divergence, initial):
    """The ``Cause`` of a divergence, or None if no probe takes it away.

    Args:
        sides: ``Sides``.
        level, moves, divergence: where, on what, and how it did.
        initial: {TF1 name: array} of TF1's initial values.
    """
    if divergence.stage == "initial values" and divergence.tensor in sides.matches:
        return initial_values(sides, level, moves, divergence, initial)
    probes = {
        "initial values": (optimizers,),  # those of slots
        "loss": (losses, penalties),
        "gradients": (penalties,),
        "slots": (optimizers,),
        "updates": (optimizers,),
    }.get(divergence.stage, ())
    deferring = None  # the first after which the two sides part later
    for probe in probes:
        for change, page, changed in probe(sides, divergence):
            sides.twin.reset()
            with changed:
                twin, _ = twins.twin_of(sides.model)
                found = _parted(sides.pair(twin, None), level, moves)
                twin.reset()
            if found is None:
                return Cause(change, True, page, divergence.stage)
            if deferring is None and _comes_after(found, divergence):
                deferring = Cause(change, False, page, divergence.stage)
    return deferring


def _parted(pair, level, moves):
    """The first divergence of a pair, or None."""
    with pair:
        _, found = compare_levels(pair, [level], [moves])
    return found[level][1] if level in found else None


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


def optimizers(sides, _divergence):
    """Yields probes of an optimizer: one argument, all of them, then TF1's own."""
    model = sides.model
    standing = getattr(model, "optimizer", None)
    fused = [hyperparameters(operation) for operation in of_train(sides.program)]
    if standing is None or not fused or any(each != fused[0] for each in fused):
        return
    if fused[0] is None:
        return
    name, stated = fused[0]
    kind, page = type(standing), "docs/guide/optimizers.md"
    config = standing.get_config()
    is_part = kind.__module__.startswith("tf2_keras.")
    known = {argument: argument for argument in stated}
    if not is_part:
        known = OF_KERAS.get(kind.__name__, {})
    differing = {
        known[argument]: value
        for argument, value in stated.items()
        if argument in known and _differs(config.get(known[argument]), value)
    }
    changes = [{key: value} for key, value in differing.items()]
    if len(changes) > 1:
        changes.append(differing)
    label = f"tf1_semantics.optimizers.{kind.__name__}"
    label = label if is_part else f"keras.optimizers.{kind.__name__}"
    for change in changes:
        was = ", ".join(f"{key}={config[key]:g}" for key in change)
        yield (
            f"{label}({was}) → {_told(change)}, as TF1 has it",
            page,
            _with_optimizer(model, kind, {**config, **change}),
        )
    replacement = getattr(tf1_semantics.optimizers, name)
    if "learning_rate" in stated and (kind is not replacement or differing):
        yield (
            f"{label} → tf1_semantics.optimizers.{name}({_told(stated)})",
            page,
            _with_optimizer(model, replacement, stated),
        )


def _told(arguments):
    return ", ".join(f"{key}={value!r}" for key, value in arguments.items())


def _differs(standing, value):
    """Whether a number stands there, and another one; a schedule is none."""
    is_number = isinstance(standing, (bool, int, float, np.number))
    return is_number and np.float32(standing) != np.float32(value)


def _with_optimizer(model, kind, config):
    """The model with another optimizer in place of its own, under the same name."""
    config = {key: value for key, value in config.items() if key != "name"}
    optimizer = kind(**config, name=model.optimizer.name)
    return replaced(model, optimizer=optimizer, train_function=None)


def losses(sides, divergence):
    """Yields the probe of a loss that is TF1's times a whole number, or a part of it."""
    if not divergence.reference:
        return
    factor = float(divergence.candidate) / float(divergence.reference)
    if not math.isfinite(factor) or factor <= 0:
        return
    times, share = round(factor), round(1 / factor)
    if times > 1 and abs(factor / times - 1) < 1e-5:
        said, scale = f"{times} times", 1 / times
    elif share > 1 and abs(factor * share - 1) < 1e-5:
        said, scale = f"1/{share} of", share
    else:
        return
    compute_loss = sides.model.compute_loss

    def scaled(*arguments, **options):
        # As a part of a graph, so that what is a power of two is exact.
        return compute_loss(*arguments, **options) * scale

    yield (
        f"the twin's loss is {said} TF1's: it sums where TF1 takes a mean, or has another "
        "weight; take the loss by the reduction that TF1 had, tf1_semantics.losses",
        "docs/guide/losses.md",
        replaced(sides.model, compute_loss=scaled, train_function=None),
    )


def penalties(sides, _divergence):
    """Yields the probes of an L2 penalty that TF1 halved."""
    layers = sides.model._flatten_layers()
    penalised = {
        id(regularizer): regularizer
        for layer in layers
        for regularizer in vars(layer).values()
        if hasattr(regularizer, "l2") and callable(regularizer)
    }
    for factor, said in ((0.5, "s / 2"), (2.0, "2 * s")):
        changes = [
            replaced(regularizer, l2=regularizer.l2 * factor)
            for regularizer in penalised.values()
        ]
        if changes:
            yield (
                f"L2(s) → L2({said}): TF1's l2_loss and l2_regularizer are half the sum of "
                "squares, Keras's L2 is all of it",
                "docs/guide/losses.md",
                _together([*changes, replaced(sides.model, train_function=None)]),
            )


@contextlib.contextmanager
def _together(changes):
    with contextlib.ExitStack() as stack:
        for change in changes:
            stack.enter_context(change)
        yield


def initial_values(sides, level, moves, divergence, initial):
    """The cause of initial values that differ: the initializers that draw TF1's.

    It is proven where an initializer of ours draws the very numbers, for each variable
    that differs.
    """
    drawn = {}
    graph = sides.program.graph
    with graph.as_default():
        meta_graph = tf.compat.v1.train.export_meta_graph(graph=graph)
    for operation in seeds.random_ops(meta_graph):
        for name in operation.initialises:
            drawn[name] = operation.tf2
    changes = []
    twin_values = {name: sides.twin.state[name] for name in sides.twin.state}
    sides.twin.reset()
    for name, match in sides.matches.items():
        arrays = [twin_values[source].numpy() for source in match.sources]
        value = initial[name]
        if match.to_tf1(arrays).tobytes() == value.tobytes():
            continue
        written = drawn.get(name) or _constant(value)
        if not written or not _draws(written, value):
            return None
        changes.append(f"{name} → {written}")
    if not changes:
        return None
    later = _parted(sides.pair(sides.twin, initial), level, moves)
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return Cause(
        "; ".join(changes[:3]) + more,
        later is None,
        "docs/guide/variables.md",
        divergence.stage,
    )


def _constant(value):
    """The initializer of a value that is one number everywhere, or None."""
    if not value.size or (value != value.flat[0]).any() or value.dtype.kind != "f":
        return None
    number = _shortest(value.flat[0])
    named = {0.0: "keras.initializers.Zeros()", 1.0: "keras.initializers.Ones()"}
    return named.get(number, f"keras.initializers.Constant({number!r})")


def _draws(written, value):
    """Whether an initializer, as Python, gives these very numbers."""
    namespace = {"initializers": tf1_semantics.initializers, "keras": keras}
    try:
        made = eval(written, namespace)(value.shape, value.dtype.name)
    except Exception:  # what seeds writes for a shape that the graph changed
        return False
    return np.asarray(made).tobytes() == value.tobytes()
