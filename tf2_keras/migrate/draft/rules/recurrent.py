"""dynamic_rnn: TF1's while loops whose body is a cell."""

import re

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.rules.context import dtype_argument
from tf2_keras.migrate.draft.statements import Call, Items, Statement, argument, number

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
# A turn is made while there are steps, and one of the longest sequence is left.
TURN = (
    "LogicalAnd",
    ("Less", "*", "?steps"),
    ("Less", "*", ("Minimum", "?steps", ("Maximum", 1, "?longest"))),
)
STEPS = ("StridedSlice", ("Shape", "*"), 0, 1, 1)


class Loop:
    """A while loop of the forward pass: what is carried from turn to turn."""

    def __init__(self, reader, frame):
        self.reader = reader
        self.begins, self.states, self.nexts, self.exits = [], [], [], []
        self.scope = re.sub(r"/?while(_\d+)?(/.*)?$", "", frame)
        for operation in reader.operations:
            if operation.type != "Merge" or not reader.is_loop(operation):
                continue
            enter, turn = (given.op for given in operation.inputs)
            if enter.get_attr("frame_name").decode() != frame:
                continue
            switches = [
                consumer
                for consumer in operation.outputs[0].consumers()
                if consumer.type == "Switch"
            ]
            if not switches:
                continue
            self.begins.append(enter.inputs[0])
            self.states.append(switches[0].outputs[1])
            self.exits.append(switches[0].outputs[0])
            self.nexts.append(turn.inputs[0])

    def place_of_state(self, tensor):
        return [state.name for state in self.states].index(tensor.name)


def _frame_of(reader, exit_op):
    """The frame of an Exit."""
    merge = exit_op.inputs[0].op.inputs[0].op
    require(merge.type == "Merge" and reader.is_loop(merge), "no loop of TF1's")
    return merge.inputs[0].op.get_attr("frame_name").decode()


def outputs_of_loop(context, tensor):
    """The outputs of a dynamic_rnn: a TensorArray gathered behind the loop."""
    gathered = tensor
    is_time_major = True
    if tensor.op.type == "Transpose":
        gathered, is_time_major = context.reader.given(tensor)[0], False
    require(gathered.op.type == "TensorArrayGatherV3", "no loop")
    leaving = context.reader.source(gathered.op.inputs[2])
    require(leaving.op.type == "Exit", "no loop")
    if is_time_major:
        users = [use for use in gathered.consumers() if use.type == "Transpose"]
        require(
            not users or context.uses[gathered.name] > 1, "outputs before a transpose"
        )
    return _of_loop(context, leaving.op, tensor, "outputs", is_time_major)


def state_of_loop(context, tensor):
    """A final state."""
    return _of_loop(context, tensor.op, tensor, "state", None)


def _of_loop(context, exit_op, tensor, what, is_time_major):
    frame = _frame_of(context.reader, exit_op)
    loops = context.__dict__.setdefault("loops", {})
    if frame not in loops:
        loops[frame] = _read(context, frame)
    statement, loop, written, states = loops[frame]
    if what == "outputs":
        place = 0
        require(is_time_major == _is_time_major(statement), "another order of axes")
    else:
        names = [exits.name for exits in loop.exits]
        position = names.index(exit_op.inputs[0].name)
        require(position in states, "a counter of a loop")
        place = 1 + states.index(position)
    statement.outputs[place] = tensor.name
    statement.position = min(
        statement.position, context.reader.position[tensor.op.name]
    )
    return statement


def _is_time_major(statement):
    return any(keyword == "time_major" for keyword, _ in statement.call.arguments)


def _read(context, frame):
    """(Statement, Loop, the place of the outputs, the places of the states)."""
    reader = context.reader
    loop = Loop(reader, frame)
    written, states = None, []
    for place, following in enumerate(loop.nexts):
        source = reader.source(following)
        if source.op.type == "TensorArrayWriteV3":
            require(written is None, "several outputs")
            written = place
            continue
        counted = terms.unify(reader, ("Add", "?counter", 1), source)
        if counted and counted["counter"].name == loop.states[place].name:
            continue
        states.append(place)
    require(written is not None and states, "a loop that writes no outputs")
    cells, lengths = _cells(reader, loop, states)
    _require_bounds(reader, loop, lengths[0])
    output = reader.source(reader.source(loop.nexts[written]).op.inputs[2])
    output, _ = _selected(reader, output)
    require(output.name == cells[-1]["output"].name, "outputs of no cell")
    inputs = [_sequence(reader, cells[0]["x"])]
    for before, after in zip(cells, cells[1:], strict=False):
        require(after["x"].name == before["output"].name, "cells in no row")
    require(len(lengths) == 1, "several lengths")
    if lengths[0] is not None:
        inputs.append((lengths[0], None))
    is_time_major = inputs[0][1]
    sources = [source for source, _ in inputs]
    begins = [reader.source(loop.begins[place]) for place in states]
    if all(_is_zero(reader, begin) for begin in begins):
        begins = []
    # The last output of another loop is its state as well.
    require(all(context.is_value(begin) for begin in begins), "a state of constants")
    statement = _statement(context, loop, cells, (sources, begins), is_time_major)
    return statement, loop, written, states


def _is_zero(reader, begin):
    constant = reader.constant(begin)
    if constant is not None:
        return not constant.any()
    return terms.unify(reader, ("Fill", "*", 0.0), begin) is not None


def _require_bounds(reader, loop, lengths):
    """The loop must run for all steps, or to the end of the longest sequence."""
    predicate = loop.states[0].op.inputs[1].op
    require(predicate.type == "LoopCond", "a loop without a condition")
    bound = terms.unify(reader, TURN, predicate.inputs[0])
    require(bound is not None, "a loop that ends otherwise")
    steps, longest = bound["steps"], bound["longest"]
    require(terms.unify(reader, STEPS, steps) is not None, "steps of something else")
    if lengths is None:
        require(longest.name == steps.name, "a loop that ends before its steps")
    else:
        greatest = terms.unify(reader, ("Max", "?lengths", "*"), longest)
        require(
            greatest is not None and greatest["lengths"].name == lengths.name,
            "a loop that ends by other lengths",
        )


def _selected(reader, tensor):
    """(what a step computes, lengths or None) without dynamic_rnn's Select."""
    pattern = ("Select", ("GreaterEqual", "*", "?lengths"), "*", "?value")
    bound = terms.unify(reader, pattern, tensor)
    if bound is None:
        return reader.source(tensor), None
    return bound["value"], bound["lengths"]


def _cells(reader, loop, states):
    """([what a pattern bound, with 'kind' and 'output'], {lengths})."""
    cells, lengths, place = [], {}, 0
    while place < len(states):
        old = loop.states[states[place]]
        new, length = _selected(reader, loop.nexts[states[place]])
        lengths[None if length is None else length.name] = length
        cell = None
        if place + 1 < len(states):
            cell = _lstm(reader, loop, states[place : place + 2])
        if cell is not None:
            place += 2
        else:
            for kind, pattern in (("GRUCell", GRU), ("BasicRNNCell", RNN)):
                bound = terms.unify(reader, pattern, new, {"h": old})
                if bound is not None:
                    cell = {**bound, "kind": kind, "output": new}
                    break
            require(cell is not None, f"a cell in {loop.scope} that no rule knows")
            place += 1
        cell["activation"] = _activation(reader, cell)
        cells.append(cell)
    return cells, list(lengths.values())


def _lstm(reader, loop, pair):
    """An LSTM of two states, the memory before the output; or None."""
    memory_before, output_before = (loop.states[place] for place in pair)
    memory, _ = _selected(reader, loop.nexts[pair[0]])
    output, _ = _selected(reader, loop.nexts[pair[1]])
    bound = terms.unify(
        reader, MEMORY, memory, {"c": memory_before, "h": output_before}
    )
    if bound is None:
        return None
    bound = terms.unify(reader, LSTM, output, {**bound, "memory": memory})
    if bound is None:
        return None
    return {**bound, "kind": "BasicLSTMCell", "output": output}


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


def _sequence(reader, read):
    """(the tensor whose steps a loop reads, whether time comes first)."""
    require(read.op.type == "TensorArrayReadV3", "a first cell that reads no sequence")
    flow = reader.source(read.op.inputs[2])
    require(flow.op.type == "TensorArrayScatterV3", "a sequence of another kind")
    value = reader.source(flow.op.inputs[2])
    if value.op.type != "Transpose":
        return value, True
    return reader.given(value)[0], False


def _statement(context, loop, cells, inputs, is_time_major):
    """The call of a DynamicRNN; inputs: ([x, lengths, if any], [states to begin with])."""
    reader = context.reader
    inputs, begins = inputs
    calls, weights = [], {}
    for place, cell in enumerate(cells):
        kind = cell["kind"]
        per_unit = {"BasicLSTMCell": 4, "GRUCell": 2, "BasicRNNCell": 1}[kind]
        units = reader.shape_of(cell["kernel"])[1] // per_unit
        arguments = [argument(repr(units), "units")]
        if kind == "BasicLSTMCell" and cell["forget_bias"] != 1:
            bias = number(cell["forget_bias"])
            arguments.append(argument(bias, "config:forget_bias", "forget_bias"))
        if cell["activation"] != "tanh":
            arguments.append(argument(repr(cell["activation"]), keyword="activation"))
        arguments += context.initializer(cell["kernel"], "kernel_initializer")
        usual = "ones" if kind == "GRUCell" else "zeros"
        start = context.initializers.of(cell["bias"])
        require(
            getattr(start, "source", "") == repr(usual), "a bias that starts otherwise"
        )
        name = "cell" if len(cells) == 1 else f"cell_{place}"
        arguments.append(argument(repr(name), keyword="name"))
        calls.append(Call(PART + kind, tuple(arguments)))
        prefix = f"{name}/" if len(cells) == 1 else f"cells/{name}/"
        if kind == "GRUCell":
            candidate = context.initializers.of(cell["candidate_bias"])
            require(getattr(candidate, "source", "") == "'zeros'", "a candidate's bias")
            same = context.initializers.of(cell["candidate_kernel"])
            weights[f"{prefix}gate_kernel"] = cell["kernel"]
            weights[f"{prefix}gate_bias"] = cell["bias"]
            weights[f"{prefix}candidate_kernel"] = cell["candidate_kernel"]
            weights[f"{prefix}candidate_bias"] = cell["candidate_bias"]
            require(
                same == context.initializers.of(cell["kernel"]),
                "two kernels that start otherwise",
            )
        else:
            weights[f"{prefix}kernel"] = cell["kernel"]
            weights[f"{prefix}bias"] = cell["bias"]
    if len(calls) > 1:
        listed = Items(tuple(calls), "[]")
        named = argument("'cells'", keyword="name")
        calls = [Call(f"{PART}MultiRNNCell", ((None, listed), named))]
    arguments = [(None, calls[0])]
    if is_time_major:
        arguments.append(argument("True", keyword="time_major"))
    arguments += context.frozen(weights)
    arguments += dtype_argument(cells[-1]["output"])
    arguments.append(argument("", "name", "name"))
    structure, states = _structure(cells)
    template = ""
    if begins:
        words = [f"{{{place}}}" for place in range(len(inputs) + states)]
        nested = _nested(structure, words[len(inputs) :])
        template = f"{', '.join(words[: len(inputs)])}, initial_state={nested}"
    return Statement(
        [None] * (1 + states),
        Call(f"{PART}DynamicRNN", tuple(arguments)),
        [reader.source(given).name for given in (*inputs, *begins)],
        10**9,
        loop.scope.rpartition("/")[2] or "rnn#",
        weights,
        template=template,
        spread=True,
        structure=(0, structure),
    )


def _nested(structure, words):
    """Python of states, by their places among the statement's outputs."""
    if not isinstance(structure, tuple):
        return words[structure - 1]
    return f"({', '.join(_nested(part, words) for part in structure)})"


def _structure(cells):
    """(the places of the final states, nested as a cell returns them, how many)."""
    places, place = [], 1
    for cell in cells:
        width = 2 if cell["kind"] == "BasicLSTMCell" else 1
        places.append(tuple(range(place, place + width)) if width > 1 else place)
        place += width
    return places[0] if len(places) == 1 else tuple(places), place - 1


RULES = {
    "TensorArrayGatherV3": [outputs_of_loop],
    "Transpose": [outputs_of_loop],
    "Exit": [state_of_loop],
}
