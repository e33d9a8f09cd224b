"""TF1's recurrent cells: the ops that each is, and the parts that stand for them."""

from typing import NamedTuple

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.rules.context import dtype_argument
from tf2_keras.migrate.draft.statements import (
    Call,
    Items,
    Literal,
    Statement,
    argument,
    number,
)

PART = "tf1_semantics.recurrent."
JOINED = ("BiasAdd", ("MatMul", ("ConcatV2", "?x", "?h", 1), "$kernel"), "$bias")


def _gate(place, gates, count=4):
    return (f"Split:{place}/{count}", 1, gates)


MEMORY = (
    "Add",
    ("Mul", "?c", ("Sigmoid", ("Add", _gate(2, JOINED), "#forget_bias"))),
    ("Mul", ("Sigmoid", _gate(0, JOINED)), ("Tanh|Relu", _gate(1, JOINED))),
)
LSTM = ("Mul", ("Tanh|Relu", "?memory"), ("Sigmoid", _gate(3, JOINED)))
_GATES = ("Sigmoid", JOINED)
_CANDIDATE = (
    "BiasAdd",
    (
        "MatMul",
        ("ConcatV2", "?x", ("Mul", _gate(0, _GATES, 2), "?h"), 1),
        "$candidate_kernel",
    ),
    "$candidate_bias",
)
GRU = (
    "Add",
    ("Mul", _gate(1, _GATES, 2), "?h"),
    ("Mul", ("Sub", 1.0, _gate(1, _GATES, 2)), ("Tanh|Relu", _CANDIDATE)),
)
RNN = ("Tanh|Relu", JOINED)
# One state, and the weights' width by unit; of an LSTM, which has two, see ``lstm``.
OF_ONE_STATE = {"GRUCell": GRU, "BasicRNNCell": RNN}
# {attribute of a part: (what its pattern calls it, its name in TF1)}
WEIGHTS = {
    kind: {word: (word, f"{scope}/{word}") for word in ("kernel", "bias")}
    for kind, scope in (
        ("BasicLSTMCell", "basic_lstm_cell"),
        ("BasicRNNCell", "basic_rnn_cell"),
    )
}
WEIGHTS["GRUCell"] = {
    "gate_kernel": ("kernel", "gru_cell/gates/kernel"),
    "gate_bias": ("bias", "gru_cell/gates/bias"),
    "candidate_kernel": ("candidate_kernel", "gru_cell/candidate/kernel"),
    "candidate_bias": ("candidate_bias", "gru_cell/candidate/bias"),
}
GATES = {"BasicLSTMCell": 4, "GRUCell": 2, "BasicRNNCell": 1}


def lstm(reader, memory, output, bound=None):
    """What binds the patterns of an LSTM's new states, as a cell; or None.

    Args:
        bound: {"c", "h"} of the old ones, where they are known.
    """
    bound = terms.unify(reader, MEMORY, memory, bound)
    if bound is None:
        return None
    bound = terms.unify(reader, LSTM, output, {**bound, "memory": memory})
    return bound and _cell(reader, "BasicLSTMCell", output, bound)


def of_one_state(reader, output, bound=None):
    """The same of a cell whose new state is its output."""
    for kind, pattern in OF_ONE_STATE.items():
        names = terms.unify(reader, pattern, output, bound)
        if names is not None:
            return _cell(reader, kind, output, names)
    return None


def _cell(reader, kind, output, bound):
    cell = {**bound, "kind": kind, "output": output}
    return {**cell, "activation": _activation(reader, cell)}


def _activation(reader, cell):
    """The one activation of a cell, Keras's name of it."""
    output = cell["output"]
    if cell["kind"] == "BasicRNNCell":
        kinds = {reader.kind(output)}
    elif cell["kind"] == "GRUCell":
        kinds = {
            kind
            for factor in reader.given(output)
            for kind in map(reader.kind, reader.given(factor))
            if kind in ("Tanh", "Relu")
        }
    else:
        memory = cell["memory"]
        kinds = {
            kind
            for tensor in (output, *reader.given(memory))
            for kind in map(reader.kind, reader.given(tensor))
            if kind in ("Tanh", "Relu")
        }
    require(len(kinds) == 1, "two activations in one cell")
    return kinds.pop().lower()


class Part(NamedTuple):
    """The call of one cell or of several in a row.

    weights: {attribute: variable}. scope: what all variables are below, by names that
    the part gives them as TF1 did; None where they have others.
    """

    call: Call
    weights: dict
    scope: str | None


def part_of(context, cells, way=""):
    """The ``Part`` of cells.

    Args:
        way: what attributes and names begin with, such as 'fw/'.
    """
    calls, weights, scopes = [], {}, set()
    is_one = len(cells) == 1
    for place, cell in enumerate(cells):
        name = "cell" if is_one else f"cell_{place}"
        calls.append(_call(context, cell, name))
        path = f"{way}{name}/" if is_one else f"{way}cells/{name}/"
        below = way if is_one else f"{way}multi_rnn_cell/{name}/"
        for attribute, (word, of_tf1) in WEIGHTS[cell["kind"]].items():
            variable = weights[path + attribute] = cell[word]
            ending = f"/{below}{of_tf1}"
            is_as_tf1 = variable.endswith(ending)
            scopes.add(variable.removesuffix(ending) if is_as_tf1 else None)
    call = calls[0]
    if not is_one:
        listed = Items(tuple(calls), "[]")
        named = argument("'cells'", keyword="name")
        call = Call(f"{PART}MultiRNNCell", ((None, listed), named))
    return Part(call, weights, scopes.pop() if len(scopes) == 1 else None)


def layer_over(context, layer, parts, output, is_time_major):
    """The ``Statement`` of a layer that calls cells over time, without its tensors.

    Args:
        parts: [``Part``] of each way. output: what its dtype is told by.
    """
    arguments = [(None, part.call) for part in parts]
    weights = {path: name for part in parts for path, name in part.weights.items()}
    if is_time_major:
        arguments.append(argument("True", keyword="time_major"))
    arguments += context.frozen(weights)
    arguments += dtype_argument(output)
    arguments.append(argument("", "name", "name"))
    scopes = {part.scope for part in parts}
    return Statement(
        [],
        Call(f"{PART}{layer}", tuple(arguments)),
        [],
        10**9,
        weights=weights,
        spread=True,
        scope=scopes.pop() if len(scopes) == 1 else None,
    )


def _call(context, cell, name):
    reader, kind = context.reader, cell["kind"]
    units = reader.shape_of(cell["kernel"])[1] // GATES[kind]
    arguments = [argument(repr(units), "units")]
    if kind == "BasicLSTMCell" and cell["forget_bias"] != 1:
        bias = number(cell["forget_bias"])
        arguments.append(argument(bias, "config:forget_bias", "forget_bias"))
    if cell["activation"] != "tanh":
        arguments.append(argument(repr(cell["activation"]), keyword="activation"))
    arguments += context.initializer(cell["kernel"], "kernel_initializer")
    if kind == "GRUCell":
        arguments += _starts_of_gru(context, cell)
    else:
        start = context.initializers.of(cell["bias"])
        require(start == Literal("'zeros'"), "a bias that starts otherwise")
    arguments.append(argument(repr(name), keyword="name"))
    return Call(PART + kind, tuple(arguments))


def _starts_of_gru(context, cell):
    """Arguments of a GRU whose weights start otherwise than its part's."""
    starts = {
        word: context.initializers.of(cell[word])
        for word in ("bias", "candidate_bias", "kernel", "candidate_kernel")
    }
    biases = starts["bias"], starts["candidate_bias"]
    arguments = []
    if biases != (Literal("'ones'"), Literal("'zeros'")):
        require(biases[0] == biases[1], "a GRU whose two biases start otherwise")
        arguments.append(("bias_initializer", biases[0]))
    # TF1 drew what only the graph has a seed for by another seed a kernel.
    if starts["candidate_kernel"] != starts["kernel"]:
        start = starts["candidate_kernel"]
        arguments.append(("candidate_kernel_initializer", start))
    return arguments


def structure(cells, first=1):
    """(the places of the final states, nested as a cell returns them, the next place)."""
    places, place = [], first
    for cell in cells:
        width = 2 if cell["kind"] == "BasicLSTMCell" else 1
        places.append(tuple(range(place, place + width)) if width > 1 else place)
        place += width
    return places[0] if len(places) == 1 else tuple(places), place
