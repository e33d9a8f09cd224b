"""How variables start: from the ops of an initial value to an initialiser."""

import collections
import math

import numpy as np

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import Unlike
from tf2_keras.migrate.draft.statements import Call, Items, Literal, array, number

PART = "tf1_semantics.initializers."
MOST_LISTED = 64  # numbers of a constant that are written out
TRUNCATED_STDDEV = 0.87962566103423978  # of a normal cut off at two
NORMALS = {
    "RandomNormal": ("Add", ("Mul", "?drawn", "#stddev"), "#mean"),
    "RandomNormal of one": ("Mul", "?drawn", "#stddev"),
}
UNIFORM = ("Add", ("Mul", "?drawn", ("Sub", "#high", "#low")), "#low")
DRAWS = {
    "RandomStandardNormal": "RandomNormal",
    "TruncatedNormal": "TruncatedNormal",
    "RandomUniform": "RandomUniform",
}
SQUARE = ("Mul", ("Qr", ("Add", ("Mul", "?drawn", 1.0), 0.0)), "*")
ORTHOGONAL = {
    "upright": ("Mul", "#gain", ("Reshape", SQUARE, "*")),
    "transposed": ("Mul", "#gain", ("Reshape", ("Transpose", SQUARE, "*"), "*")),
}
# By mode, scale and distribution; the first that fits is taken, tf.get_variable's
# default before all others.
NAMED = {
    ("fan_avg", 1.0, "uniform"): "GlorotUniform",
    ("fan_avg", 1.0, "truncated_normal"): "GlorotNormal",
    ("fan_in", 2.0, "truncated_normal"): "HeNormal",
    ("fan_in", 2.0, "uniform"): "HeUniform",
    ("fan_in", 1.0, "truncated_normal"): "LecunNormal",
    ("fan_in", 1.0, "uniform"): "LecunUniform",
}


class Initializers:
    """Initialisers of a graph's variables.

    Attributes:
        unseeded: names of variables that every run drew anew.
    """

    def __init__(self, reader):
        self.reader = reader
        self.unseeded = []
        self._counts = None

    def of(self, variable):
        """The ``Call`` or ``Literal`` that starts a variable.

        Raises:
            Unlike: for a first value that no initialiser gives.
        """
        value = self.reader.first_value(variable)
        if value is None:
            raise Unlike(f"{variable} has no initial value")
        constant = self.reader.constant(value)
        if constant is not None:
            return of_constant(constant, variable)
        call = self._drawn(variable, value)
        if call is None:
            raise Unlike(
                f"{variable} starts at what {value.op.type} (node {value.op.name}) gives"
            )
        return call

    def _drawn(self, variable, value):
        reader = self.reader
        dtype = value.dtype.base_dtype.as_numpy_dtype
        kind = reader.kind(value)
        if kind in DRAWS:
            usual = {"low": 0, "high": 1, "mean": 0, "stddev": 1}
            return self._of_draw(variable, value, usual, dtype)
        _, bound = terms.first(
            reader, {**ORTHOGONAL, "uniform": UNIFORM, **NORMALS}, value
        )
        if bound is None or reader.kind(bound["drawn"]) not in DRAWS:
            return None
        if "gain" in bound:
            gain = [] if bound["gain"] == 1 else [("gain", _number(bound["gain"]))]
            seed = self._seed(variable, bound["drawn"])
            return Call(f"{PART}Orthogonal", (*gain, seed))
        return self._of_draw(variable, bound["drawn"], {"mean": 0, **bound}, dtype)

    def _of_draw(self, variable, drawn, bound, dtype):
        kind = DRAWS[self.reader.kind(drawn)]
        if (kind == "RandomUniform") != ("high" in bound and "low" in bound):
            return None
        seed = self._seed(variable, drawn)
        spreads = _spreads_of(kind, bound, self.reader.shape_of(variable), dtype)
        # A square kernel fits several names: it has that of the others.
        spread = max(spreads, key=self._count, default=None)
        if spread is not None:
            function, arguments = spread
        elif kind == "RandomUniform":
            function = kind
            arguments = ((None, _number(bound["low"])), (None, _number(bound["high"])))
        else:
            function = kind
            arguments = tuple(
                (name, Literal(number(bound[name]), name))
                for name, usual in (("mean", 0), ("stddev", 1))
                if bound[name] != usual
            )
        return Call(PART + function, (*arguments, seed))

    def _count(self, spread):
        """How many variables of the graph a spread fits."""
        if self._counts is None:
            self._counts = collections.Counter()
            for variable in self.reader.variables:
                self._counts.update(self._fitting(variable))
        return self._counts[repr(spread)]

    def _fitting(self, variable):
        value = self.reader.first_value(variable)
        if value is None:
            return []
        _, bound = terms.first(self.reader, {"uniform": UNIFORM, **NORMALS}, value)
        if bound is None or self.reader.kind(bound["drawn"]) not in DRAWS:
            return []
        kind = DRAWS[self.reader.kind(bound["drawn"])]
        if (kind == "RandomUniform") != ("high" in bound):
            return []
        dtype = value.dtype.base_dtype.as_numpy_dtype
        shape = self.reader.shape_of(variable)
        found = _spreads_of(kind, {"mean": 0, **bound}, shape, dtype)
        return [repr(spread) for spread in found]

    def _seed(self, variable, drawn):
        """The argument ``seed`` of a draw."""
        operation = self.reader.source(drawn).op
        seeds = [int(operation.get_attr(name)) for name in ("seed", "seed2")]
        if seeds == [0, 0] and variable not in self.unseeded:
            self.unseeded.append(variable)
        return seed_argument(*seeds)


def seed_argument(graph_seed, op_seed):
    """The argument ``seed`` of a part: (the graph's seed, the op's own)."""
    return "seed", Items(
        (Literal(repr(graph_seed), "config:seed"), Literal(repr(op_seed), "seed"))
    )


def of_constant(value, variable=""):
    """The initialiser of an array that the graph holds."""
    values = np.unique(value)
    if len(values) == 1:
        if values[0] == 0:
            return Literal("'zeros'")
        if values[0] == 1:
            return Literal("'ones'")
        return Call("keras.initializers.Constant", ((None, _number(values[0])),))
    if value.size > MOST_LISTED:
        raise Unlike(f"{variable} starts at {value.size} numbers of the graph's own")
    return Call(f"{PART}Constant", ((None, Literal(array(value))),))


def _number(value):
    return Literal(number(value))


def _spreads_of(kind, bound, shape, dtype):
    """[(name of a part, its arguments)] whose spread depends on the shape, likely first."""
    if len(shape) < 2 or not all(shape):
        return []
    field = math.prod(shape[:-2])
    fan_in, fan_out = shape[-2] * field, shape[-1] * field
    fans = {"fan_avg": (fan_in + fan_out) / 2, "fan_in": fan_in, "fan_out": fan_out}
    if kind == "RandomUniform":
        if bound["low"] != -bound["high"]:
            return []
        size = bound["high"]
    elif bound["mean"] != 0:
        return []
    else:
        size = bound["stddev"]
    fitting = []
    for mode, scale, distribution, expected in _spreads(kind, fans):
        if dtype(expected) == dtype(size):
            fitting.append(_named(mode, scale, distribution))
    if kind == "RandomUniform" and not fitting:
        fitting += _unit_scaling(size, shape, dtype)
    return fitting


def _named(mode, scale, distribution):
    """(name of a part, its arguments)."""
    name = NAMED.get((mode, scale, distribution))
    if name:
        return name, ()
    words = [repr(scale), repr(mode), repr(distribution)]
    if distribution == "contrib":
        name, words = "ContribVarianceScaling", [repr(scale), repr(mode.upper())]
    return name or "VarianceScaling", tuple((None, Literal(word)) for word in words)


def _unit_scaling(size, shape, dtype):
    for factor in (1.0, 1.43, 1.15):
        if dtype(math.sqrt(3 / max(math.prod(shape[:-1]), 1.0)) * factor) == size:
            words = () if factor == 1 else ((None, Literal(repr(factor))),)
            return [("UniformUnitScaling", words)]
    return []


def _spreads(kind, fans):
    """(mode, scale, distribution, limit or stddev) of all that a name stands for."""
    for mode, fan in fans.items():
        for scale in (1.0, 2.0):
            variance = scale / max(1.0, fan)
            if kind == "RandomUniform":
                yield mode, scale, "uniform", math.sqrt(3.0 * variance)
            elif kind == "RandomNormal":
                if scale == 1.0 or mode == "fan_in":
                    yield mode, scale, "untruncated_normal", math.sqrt(variance)
            else:
                truncated = math.sqrt(variance) / TRUNCATED_STDDEV
                yield mode, scale, "truncated_normal", truncated
                yield mode, scale, "contrib", math.sqrt(1.3 * scale / fan)
