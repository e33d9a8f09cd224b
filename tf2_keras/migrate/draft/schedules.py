"""Learning rates that change: hypotheses that are evaluated against the graph.

The ops of a decay differ between releases. So its numbers are read off, the part is
built of them, and both are computed at steps before, at and behind each of its bounds.
"""

import itertools

import numpy as np
import tensorflow as tf

from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.statements import Call, Literal, number
from tf2_keras.tf1_semantics import schedules as parts

PART = "tf1_semantics.schedules."
COMPARISONS = ("LessEqual", "Less", "Greater", "GreaterEqual")
MOST_CONSTANTS = 8  # of a decay; its arguments are tried among them
MOST_TRIALS = 4000


def schedule(reader, rate, step):
    """The ``Call`` of the schedule that a rate follows.

    Raises:
        Unlike: if it depends on more than the count of steps, or no part computes it.
    """
    source = reader.source(rate)
    behind = reader.needs(source)
    variables = {name for kind, name in behind if kind == "variable"}
    require(len(variables) == 1, f"it depends on {sorted(variables) or 'no step'}")
    counter = variables.pop()
    require(step is None or counter == step, f"it depends on {counter}")
    graph_rate = _GraphRate(reader, source, counter)
    operations = reader.ancestors([source.op])
    constants = _constants(operations)
    call = _piecewise(graph_rate, reader, operations)
    if call is None:
        call = _decay(graph_rate, constants, operations)
    require(call is not None, "no decay of TF1's gives its numbers")
    return call


class _GraphRate:
    """A rate of the graph at any step."""

    def __init__(self, reader, tensor, counter):
        self.reader, self.tensor = reader, tensor
        variable = reader.variables[counter]
        self.dtype = variable.dtype.base_dtype.as_numpy_dtype
        handle = reader.graph.get_operation_by_name(counter)
        self.reads = [
            output
            for operation in reader.operations
            if operation.type in ("Identity", "ReadVariableOp")
            and operation.inputs[0].op is handle
            for output in operation.outputs
        ]
        # A condition reads a variable by reference within itself.
        if handle.type != "VarHandleOp":
            self.reads += handle.outputs
        self._known = {}

    def at(self, step):
        if step not in self._known:
            fed = {read.name: self.dtype(step) for read in self.reads}
            self._known[step] = self.reader.computed(self.tensor, fed)
        return self._known[step]

    def is_given_by(self, part, steps):
        """Whether a part gives the same at each of these steps."""
        return all(_at(part, step) == self.at(step) for step in steps)


def _at(part, step):
    return part(tf.constant(step, tf.int64)).numpy()


def _constants(operations):
    """Numbers among some ops."""
    found = {}
    for operation in operations:
        if operation.type == "Const":
            value = tf.get_static_value(operation.outputs[0])
            if value is not None and np.ndim(value) == 0 and value.dtype.kind in "if":
                found[number(value)] = value
    return [found[key] for key in sorted(found)]


def _piecewise(graph_rate, reader, operations):
    bounds = {
        int(value)
        for operation in operations
        if operation.type in COMPARISONS
        for given in operation.inputs
        for value in [reader.number(given)]
        if value is not None
    }
    if not bounds or min(bounds) < 0:
        return None
    bounds = sorted(bounds)
    # The first steps of each piece, and whether they lie at a bound or behind it.
    values = [graph_rate.at(bounds[0])]
    kept = []
    for bound in bounds:
        after = graph_rate.at(bound + 1)
        if after != graph_rate.at(bound):
            kept.append(bound)
            values.append(after)
    if not kept:
        return None
    part = parts.PiecewiseConstant(kept, [float(value) for value in values])
    steps = {0, 3 * bounds[-1] + 2}
    steps.update(itertools.chain(*((b - 1, b, b + 1) for b in bounds)))
    steps.update((a + b) // 2 for a, b in itertools.pairwise(bounds))
    if not graph_rate.is_given_by(part, sorted(step for step in steps if step >= 0)):
        return None
    listed = (
        _listed((repr(bound) for bound in kept), "boundaries"),
        _listed((number(value) for value in values), "learning_rates"),
    )
    return Call(f"{PART}PiecewiseConstant", listed)


def _listed(words, role):
    text = "(" + ", ".join(words) + ")"
    return None, Call("list", ((None, Literal(text, f"config:{role}")),))


# {part: roles of its numbers}; flags are tried as well.
DECAYS = {
    "ExponentialDecay": ("learning_rate", "decay_steps", "decay_rate"),
    "InverseTimeDecay": ("learning_rate", "decay_steps", "decay_rate"),
    "NaturalExpDecay": ("learning_rate", "decay_steps", "decay_rate"),
    "CosineDecay": ("learning_rate", "decay_steps", "alpha"),
    "PolynomialDecay": (
        "learning_rate",
        "decay_steps",
        "end_learning_rate",
        "power",
    ),
}
FLAGS = {
    "ExponentialDecay": ("staircase",),
    "InverseTimeDecay": ("staircase",),
    "NaturalExpDecay": ("staircase",),
    "PolynomialDecay": ("cycle",),
}
USUAL = {"alpha": 0.0, "power": 1.0, "end_learning_rate": 0.0001}
SIGNS = {
    "ExponentialDecay": {"Pow"},
    "InverseTimeDecay": {"RealDiv"},
    "NaturalExpDecay": {"Exp"},
    "CosineDecay": {"Cos"},
    "PolynomialDecay": {"Pow", "Minimum"},
}


def _decay(graph_rate, constants, operations):
    kinds = {operation.type for operation in operations}
    numbers = [float(str(constant)) for constant in constants]
    numbers = [value for value in numbers if np.isfinite(value)]
    # Halves of what Python negated, and the usual values, which need not be there.
    numbers = sorted({*numbers, *(-value for value in numbers if value < 0), 0.0, 1.0})
    for name, roles in DECAYS.items():
        if not SIGNS[name] & kinds:
            continue
        for flagged in itertools.product(
            (False, True), repeat=len(FLAGS.get(name, ()))
        ):
            flags = dict(zip(FLAGS.get(name, ()), flagged, strict=True))
            found = _tried(graph_rate, name, roles, numbers, flags)
            if found is not None:
                return found
    return None


def _tried(graph_rate, name, roles, numbers, flags):
    first = graph_rate.at(0)
    starts = [value for value in numbers if np.float32(value) == first] or numbers
    candidates = {
        "learning_rate": starts,
        "decay_steps": [value for value in numbers if value >= 1],
        "decay_rate": [value for value in numbers if value >= 0],
        "alpha": [value for value in numbers if 0 <= value < 1],
        "end_learning_rate": [value for value in numbers if value >= 0],
        "power": [value for value in numbers if value > 0],
    }
    trials = itertools.islice(
        itertools.product(*(candidates[role] for role in roles)), MOST_TRIALS
    )
    for values in trials:
        given = dict(zip(roles, values, strict=True))
        period = int(given["decay_steps"])
        steps = (1, period - 1, period, period + 1, 2 * period + 1, 7, 3 * period)
        try:
            part = getattr(parts, name)(**given, **flags)
        except ValueError:
            continue
        if graph_rate.is_given_by(part, [step for step in steps if step >= 0]):
            return _call(name, given, flags)
    return None


def _call(name, given, flags):
    arguments = []
    for role, value in given.items():
        if role in USUAL and value == USUAL[role]:
            continue
        whole = role == "decay_steps" and float(value).is_integer()
        text = repr(int(value)) if whole else number(value)
        keyword = (
            None if role in ("learning_rate", "decay_steps", "decay_rate") else role
        )
        arguments.append((keyword, Literal(text, f"config:{role}")))
    arguments += [(flag, Literal("True")) for flag, is_set in flags.items() if is_set]
    return Call(PART + name, tuple(arguments))
