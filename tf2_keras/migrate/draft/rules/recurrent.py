"""dynamic_rnn: TF1's while loops whose body is a cell; bidirectional, two of them."""

import re
from typing import NamedTuple

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import Unlike, require
from tf2_keras.migrate.draft.rules import cells as tf1_cells
from tf2_keras.migrate.draft.statements import Statement

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
        self.scope = _scope(frame)
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


def _frame_of(reader, exit_op):
    """The frame of an Exit."""
    merge = exit_op.inputs[0].op.inputs[0].op
    require(merge.type == "Merge" and reader.is_loop(merge), "no loop of TF1's")
    return merge.inputs[0].op.get_attr("frame_name").decode()


class Recurrence(NamedTuple):
    """A loop that is a dynamic_rnn.

    states: places of the cells' states among what the loop carries.
    lengths: a tensor, or None. begins: tensors, or empty for zeros.
    """

    loop: Loop
    cells: list
    states: list
    x: object
    lengths: object
    begins: list
    is_time_major: bool


class Drafted(NamedTuple):
    """statement: of one loop or of a pair. outputs, states: where its own begin there."""

    recurrence: Recurrence
    statement: Statement
    outputs: int
    states: int
    is_backward: bool


def outputs_of_loop(context, tensor):
    """The outputs of a dynamic_rnn: a TensorArray gathered behind the loop."""
    drafted = _of_outputs(context, tensor)
    require(not drafted.is_backward, "outputs from the end of sequences")
    return _found(context, drafted, drafted.outputs, tensor)


def outputs_from_the_end(context, tensor):
    """The outputs of the way back, turned around again."""
    turned = _turned(context.reader, tensor)
    require(turned is not None, "another reversal")
    drafted = _of_outputs(context, turned["x"])
    recurrence = drafted.recurrence
    is_time_major = recurrence.is_time_major
    require(
        drafted.is_backward and _is_by(turned, recurrence.lengths, is_time_major),
        "no way back of two",
    )
    return _found(context, drafted, drafted.outputs, tensor)


def state_of_loop(context, tensor):
    """A final state."""
    drafted = _of_frame(context, _frame_of(context.reader, tensor.op))
    recurrence = drafted.recurrence
    names = [exits.name for exits in recurrence.loop.exits]
    position = names.index(tensor.op.inputs[0].name)
    require(position in recurrence.states, "a counter of a loop")
    place = drafted.states + recurrence.states.index(position)
    return _found(context, drafted, place, tensor)


def _found(context, drafted, place, tensor):
    statement = drafted.statement
    statement.outputs[place] = tensor.name
    position = context.reader.position[tensor.op.name]
    statement.position = min(statement.position, position)
    return statement


def _of_outputs(context, tensor):
    """The ``Drafted`` whose outputs a tensor is, in the order of axes that it has."""
    gathered, is_time_major = tensor, True
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
    drafted = _of_frame(context, _frame_of(context.reader, leaving.op))
    require(is_time_major == drafted.recurrence.is_time_major, "another order of axes")
    return drafted


def _of_frame(context, frame):
    loops = context.__dict__.get("loops")
    if loops is None:
        loops = context.__dict__["loops"] = _drafted(context)
    if isinstance(loops.get(frame), Drafted):
        return loops[frame]
    raise loops.get(frame) or Unlike("a loop that never ends")


def _drafted(context):
    """{frame: ``Drafted``, or the ``Unlike`` that says why not}."""
    reader = context.reader
    frames = {}
    for operation in reader.operations:
        if operation.type == "Exit" and operation.outputs[0].name in context.uses:
            frame = _tried(_frame_of, reader, operation)
            if isinstance(frame, str) and frame not in frames:
                frames[frame] = _tried(_read, context, frame)
    drafted = dict(frames)
    known = {f: loop for f, loop in frames.items() if isinstance(loop, Recurrence)}
    for frame, forward in known.items():
        for other, backward in known.items():
            if not _are_a_pair(context, forward, backward):
                continue
            both = _tried(_both, context, forward, backward)
            if isinstance(both, Statement):
                states = 2 + len(forward.states)
                drafted[frame] = Drafted(forward, both, 0, 2, False)
                drafted[other] = Drafted(backward, both, 1, states, True)
    for frame, loop in known.items():
        if drafted[frame] is loop:
            alone = _tried(_alone, context, loop)
            is_alone = isinstance(alone, Statement)
            drafted[frame] = Drafted(loop, alone, 0, 1, False) if is_alone else alone
    for frame, why in drafted.items():
        if isinstance(why, Unlike):
            context.reasons[_scope(frame) + "/" if _scope(frame) else "while"] = str(
                why
            )
    return drafted


def _scope(frame):
    """The scope of a loop, by the name that TF1 gave its frame."""
    return re.sub(r"/?while(_\d+)?(/.*)?$", "", frame)


def _tried(function, *arguments):
    """What a function returns, or the ``Unlike`` that it raises."""
    try:
        return function(*arguments)
    except Unlike as error:
        return error


def _are_a_pair(context, forward, backward):
    """Whether two loops are the ways of a bidirectional_dynamic_rnn."""
    turned = _turned(context.reader, backward.x)
    if turned is None or turned["x"].name != forward.x.name:
        return False
    is_alike = (
        _name(forward.lengths) == _name(backward.lengths)
        and forward.is_time_major == backward.is_time_major
        and _is_by(turned, forward.lengths, forward.is_time_major)
        and not (forward.begins or backward.begins)
    )
    scopes = [loop.loop.scope.rpartition("/")[0] for loop in (forward, backward)]
    return is_alike and _stem(scopes[0]) == _stem(scopes[1])


def _stem(scope):
    """bidirectional_rnn of bidirectional_rnn/fw, which dynamic_rnn's own is below."""
    return re.sub(r"/[fb]w$", "", scope)


def _turned(reader, tensor):
    """{'x', 'axis', 'lengths'} of what a reversal along time reverses; or None."""
    operation = reader.source(tensor).op
    if operation.type == "ReverseSequence":
        axes = [operation.get_attr(name) for name in ("seq_dim", "batch_dim")]
        x, lengths = reader.given(tensor)
        return {"x": x, "axis": axes[0], "lengths": lengths} if sum(axes) == 1 else None
    if operation.type != "ReverseV2":
        return None
    x, axes = reader.given(tensor)
    axes = reader.constant(axes)
    if axes is None or axes.size != 1:
        return None
    return {"x": x, "axis": int(axes.flat[0]), "lengths": None}


def _is_by(turned, lengths, is_time_major):
    """Whether a reversal is along time, within these lengths."""
    is_along_time = turned["axis"] == (0 if is_time_major else 1)
    return is_along_time and _name(turned["lengths"]) == _name(lengths)


def _name(tensor):
    return None if tensor is None else tensor.name


def _read(context, frame):
    """The ``Recurrence`` of a frame."""
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
    x, is_time_major = _sequence(reader, cells[0]["x"])
    for before, after in zip(cells, cells[1:], strict=False):
        require(after["x"].name == before["output"].name, "cells in no row")
    require(len(lengths) == 1, "several lengths")
    begins = [reader.source(loop.begins[place]) for place in states]
    if all(is_zero(reader, begin) for begin in begins):
        begins = []
    # The last output of another loop is its state as well.
    require(all(context.is_value(begin) for begin in begins), "a state of constants")
    return Recurrence(loop, cells, states, x, lengths[0], begins, is_time_major)


def is_zero(reader, begin):
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
    """([cell], [lengths])."""
    cells, lengths, place = [], {}, 0
    while place < len(states):
        old = loop.states[states[place]]
        new, length = _selected(reader, loop.nexts[states[place]])
        lengths[None if length is None else length.name] = length
        cell = None
        if place + 1 < len(states):
            output, _ = _selected(reader, loop.nexts[states[place + 1]])
            both = {"c": old, "h": loop.states[states[place + 1]]}
            cell = tf1_cells.lstm(reader, new, output, both)
        place += 1 if cell is None else 2
        cell = cell or tf1_cells.of_one_state(reader, new, {"h": old})
        require(cell is not None, f"a cell in {loop.scope} that no rule knows")
        cells.append(cell)
    return cells, list(lengths.values())


def _sequence(reader, read):
    """(the tensor whose steps a loop reads, whether time comes first)."""
    require(read.op.type == "TensorArrayReadV3", "a first cell that reads no sequence")
    flow = reader.source(read.op.inputs[2])
    require(flow.op.type == "TensorArrayScatterV3", "a sequence of another kind")
    value = reader.source(flow.op.inputs[2])
    if value.op.type != "Transpose":
        return value, True
    return reader.given(value)[0], False


def _alone(context, recurrence):
    """The ``Statement`` of a DynamicRNN."""
    part = tf1_cells.part_of(context, recurrence.cells)
    structure, end = tf1_cells.structure(recurrence.cells)
    whole = recurrence, (0, structure), end
    statement = _statement(context, "DynamicRNN", [part], whole)
    if recurrence.begins:
        begins, inputs = recurrence.begins, _inputs(recurrence)
        words = [f"{{{place}}}" for place in range(len(inputs) + len(begins))]
        given = ", ".join(words[: len(inputs)])
        states = nested(structure, words[len(inputs) :])
        statement.template = f"{given}, initial_state={states}"
        statement.inputs += [begin.name for begin in begins]
    return statement


def _both(context, forward, backward):
    """The ``Statement`` of a BidirectionalDynamicRNN."""
    parts, states, place = [], [], 2
    for way, recurrence in (("fw/", forward), ("bw/", backward)):
        parts.append(tf1_cells.part_of(context, recurrence.cells, way))
        structure, place = tf1_cells.structure(recurrence.cells, place)
        states.append(structure)
    whole = forward, ((0, 1), tuple(states)), place
    statement = _statement(context, "BidirectionalDynamicRNN", parts, whole)
    scope = forward.loop.scope.rpartition("/")[0]
    statement.base = _stem(scope).rpartition("/")[2] or "bidirectional_rnn#"
    statement.words = {0: "fw", 1: "bw"}
    return statement


def _inputs(recurrence):
    given = [recurrence.x]
    return given if recurrence.lengths is None else [*given, recurrence.lengths]


def _statement(context, layer, parts, whole):
    """The call of a loop on its inputs.

    Args:
        parts: [``cells.Part``] of each way.
        whole: (Recurrence, the structure of the outputs by place, how many there are).
    """
    recurrence, structure, count = whole
    statement = tf1_cells.layer_over(
        context, layer, parts, recurrence.cells[-1]["output"], recurrence.is_time_major
    )
    statement.inputs = [
        context.reader.source(given).name for given in _inputs(recurrence)
    ]
    statement.outputs, statement.structure = [None] * count, structure
    statement.base = recurrence.loop.scope.rpartition("/")[2] or "rnn#"
    return statement


def nested(structure, words):
    """Python of states, by their places among the statement's outputs."""
    if not isinstance(structure, tuple):
        return words[structure - 1]
    return f"({', '.join(nested(part, words) for part in structure)})"


RULES = {
    "TensorArrayGatherV3": [outputs_of_loop],
    "Transpose": [outputs_of_loop],
    "ReverseSequence": [outputs_from_the_end],
    "ReverseV2": [outputs_from_the_end],
    "Exit": [state_of_loop],
}
