"""static_rnn: cells with one kernel, called step by step, as one layer over time."""

import collections
from typing import NamedTuple

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.rules import cells as tf1_cells
from tf2_keras.migrate.draft.rules.recurrent import is_zero, nested
from tf2_keras.migrate.draft.rules.shapes import index_of

FEWEST = 2  # steps; a cell that is called once has nothing to be called over
STEP = ("MatMul", ("ConcatV2", "*", "*", 1), "$kernel")


class Chain(NamedTuple):
    """Steps of one cell, or of several on top of each other.

    steps: [[cell of each step]] of each cell, the lowest first.
    """

    steps: list

    @property
    def outputs(self):
        """Names of the outputs of the uppermost, in order."""
        return [cell["output"].name for cell in self.steps[-1]]

    @property
    def inputs(self):
        return [cell["x"] for cell in self.steps[0]]

    @property
    def cells(self):
        """One of each."""
        return [steps[0] for steps in self.steps]


class Sequence(NamedTuple):
    """What a chain reads, as one tensor.

    template: Python of it, {0} for the tensor. is_reversed: whether from its end.
    """

    tensor: object
    template: str
    is_time_major: bool
    is_reversed: bool


class Place(NamedTuple):
    """chain: of a step's output. step: which; of a state its place behind the outputs."""

    chain: Chain
    step: int


def output_of_step(context, tensor):
    """What a cell gave at one step."""
    place = _places(context).get(tensor.name)
    require(place is not None, "no step of an unrolled cell")
    statement = _of_chains(context, _alone, place.chain)
    index = _index(place.step, len(place.chain.outputs), statement)
    return _found(context, statement, tensor, index)


def state_of_cell(context, tensor):
    """What a cell kept after the last step, that is no output: an LSTM's memory."""
    place = _ends(context).get(tensor.name)
    require(place is not None, "no last state of an unrolled cell")
    statement = _of_chains(context, _alone, place.chain)
    statement.outputs[place.step] = tensor.name
    return _placed(context, statement, tensor)


def outputs_of_both(context, tensor):
    """What two cells gave at one step, joined: static_bidirectional_rnn."""
    forward, backward = _ways(context, tensor)
    statement = _of_chains(context, _both, forward.chain, backward.chain)
    index = _index(forward.step, len(forward.chain.outputs), statement)
    return _found(context, statement, tensor, index)


def _ways(context, tensor):
    """The ``Place`` of a joined step's output there, and on the way back."""
    bound = terms.unify(context.reader, ("ConcatV2", "?fw", "?bw", "#axis"), tensor)
    require(bound is not None and bound["axis"] in (1, -1), "no two outputs joined")
    places = _places(context)
    forward, backward = (places.get(bound[way].name) for way in ("fw", "bw"))
    require(forward is not None and backward is not None, "no two unrolled cells")
    count = len(forward.chain.outputs)
    require(
        len(backward.chain.outputs) == count
        and forward.step + backward.step == count - 1,
        "two outputs of other steps",
    )
    return forward, backward


def outputs_of_all(context, tensor):
    """The outputs of all steps stacked again."""
    given = context.reader.given(tensor)
    axis = tensor.op.get_attr("axis")
    require(axis == 1 and len(given) >= FEWEST, "no stack along time")
    place = _places(context).get(given[0].name)
    if place is not None:
        chains, steps = [place.chain], [step.name for step in given]
        is_whole = place.chain.outputs == steps
    else:
        ways = [_ways(context, step) for step in given]
        chains = [way.chain for way in ways[0]]
        is_whole = len(chains[0].outputs) == len(given) and all(
            forward.chain is chains[0]
            and backward.chain is chains[1]
            and forward.step == step
            for step, (forward, backward) in enumerate(ways)
        )
    require(is_whole, "a stack of something else")
    made = _alone if len(chains) == 1 else _both
    statement = _of_chains(context, made, *chains)
    require(not _is_time_major(statement), "another order of axes")
    return _found(context, statement, tensor, None)


def _of_chains(context, made, *chains):
    """The one ``Statement`` that a function makes of chains."""
    statements = context.__dict__.setdefault("unrolled", {})
    key = tuple(chain.outputs[0] for chain in chains)
    if key not in statements:
        statements[key] = made(context, *chains)
    return statements[key]


def _index(step, count, statement):
    """Python of a step among all."""
    step = -1 if step == count - 1 else step
    return f"{step}" if _is_time_major(statement) else f":, {step}"


def _found(context, statement, tensor, index):
    """The statement; index: Python of where the tensor is in it, None for all of it."""
    statement.steps[tensor.name] = index
    statement.outputs[0] = min(
        (name for name, of in statement.steps.items() if of is None),
        default=f"steps:{next(iter(statement.steps))}",
    )
    return _placed(context, statement, tensor)


def _placed(context, statement, tensor):
    position = context.reader.position[tensor.op.name]
    statement.position = min(statement.position, position)
    return statement


def _is_time_major(statement):
    return any(keyword == "time_major" for keyword, _ in statement.call.arguments)


def _places(context):
    """{name of a step's output: its ``Place``} of all unrolled cells."""
    known = context.__dict__.get("places")
    if known is None:
        known = context.__dict__["places"] = {
            name: Place(chain, step)
            for chain in _stacked(context.reader, _chains(context.reader))
            for step, name in enumerate(chain.outputs)
        }
    return known


def _ends(context):
    """{name of a last state: its ``Place`` among what a network returns}."""
    known = context.__dict__.get("ends")
    if known is None:
        known = context.__dict__["ends"] = {}
        chains = {id(place.chain): place.chain for place in _places(context).values()}
        for chain in chains.values():
            last = [steps[-1] for steps in chain.steps]
            states = [
                cell[word].name
                for cell in last
                for word in ("memory", "output")
                if word in cell
            ]
            known |= {
                name: Place(chain, place)
                for place, name in enumerate(states, 1)
                if name not in chain.outputs
            }
    return known


def _chains(reader):
    """[Chain] of one cell each."""
    kernels = collections.Counter(
        terms.unify(reader, STEP, operation.outputs[0])["kernel"]
        for operation in reader.operations
        if operation.type == "MatMul"
        and terms.unify(reader, STEP, operation.outputs[0])
    )
    called = {kernel for kernel, count in kernels.items() if count >= FEWEST}
    following = {}  # {name of the state before: cell}
    for operation in reader.operations if called else ():
        if operation.type in ("Mul", "Add", "AddV2", "Tanh", "Relu"):
            cell = _cell(reader, operation.outputs[0])
            if cell is not None and cell["kernel"] in called:
                following[cell["kernel"], cell["h"].name] = cell
    ends = {(cell["kernel"], cell["output"].name) for cell in following.values()}
    chains = []
    for (kernel, before), cell in following.items():
        if (kernel, before) in ends:
            continue
        steps = []
        while cell is not None:
            is_lstm = steps and "c" in cell
            if is_lstm and cell["c"].name != steps[-1]["memory"].name:
                break
            steps.append(cell)
            cell = following.get((kernel, cell["output"].name))
        if len(steps) == kernels[kernel]:  # all there are
            chains.append(Chain([steps]))
    return chains


def _cell(reader, output):
    if output.op.type == "Mul":
        bound = terms.unify(reader, tf1_cells.LSTM, output)
        return bound and tf1_cells.lstm(reader, bound["memory"], output)
    return tf1_cells.of_one_state(reader, output)


def _stacked(reader, chains):
    """The chains, in which what only reads another, both from zeros, is on top of it."""
    upon = collections.defaultdict(list)
    for chain in chains:
        upon[tuple(tensor.name for tensor in chain.inputs)].append(chain)
    outputs = {tuple(chain.outputs) for chain in chains}
    stacked, waiting = [], []
    for given, listed in upon.items():
        if given not in outputs:
            waiting += listed
    while waiting:
        chain = waiting.pop(0)
        above = upon[tuple(chain.outputs)]
        while len(above) == 1 and not _begins(reader, chain) + _begins(
            reader, above[0]
        ):
            chain = Chain([*chain.steps, *above[0].steps])
            above = upon[tuple(chain.outputs)]
        stacked.append(chain)
        waiting += above
    return stacked


def _begins(reader, chain):
    """The states that a chain begins with; empty for zeros."""
    begins = [
        reader.source(steps[0][state])
        for steps in chain.steps
        for state in ("c", "h")
        if state in steps[0]
    ]
    return [] if all(is_zero(reader, begin) for begin in begins) else begins


def _sequence(reader, inputs):
    """The ``Sequence`` of what the steps read; None of what no one tensor has."""
    for is_reversed in (False, True):
        listed = inputs[::-1] if is_reversed else inputs
        found = _sequence_in_order(reader, [reader.source(step) for step in listed])
        if found is not None:
            return Sequence(*found, is_reversed)
    return None


def _sequence_in_order(reader, steps):
    """(tensor, template, whether time comes first) of steps from the first on."""
    operation = steps[0].op
    squeezed = None
    if operation.type == "Squeeze":  # of a part of one step
        squeezed = list(operation.get_attr("squeeze_dims"))
        if any(step.op.type != "Squeeze" for step in steps):
            return None
        steps = [reader.given(step)[0] for step in steps]
        operation = steps[0].op
    if operation.type == "StridedSlice":
        return _sliced(reader, steps)
    is_whole = len(operation.outputs) == len(steps) and all(
        step.op is operation and step.value_index == place
        for place, step in enumerate(steps)
    )
    if not is_whole or operation.type not in ("Unpack", "Split"):
        return None
    if operation.type == "Unpack":
        axis = operation.get_attr("axis")
        tensor = reader.given(steps[0])[0]
    else:
        axis, tensor = reader.given(steps[0])
        axis = reader.number(axis)
    if axis not in (0, 1) or squeezed not in (None, [axis]):
        return None
    template = "{0}"
    if operation.type == "Split" and squeezed is None:
        if axis:
            return None
        # Rows of all steps, one step after the other.
        template = f"keras.ops.stack(keras.ops.split({{0}}, {len(steps)}))"
    elif operation.type == "Split" and tensor.shape[axis] != len(steps):
        return None
    return tensor, template, axis == 0


def _sliced(reader, steps):
    """Of x[:, 0], x[:, 1], ...: all that there are."""
    tensor = reader.given(steps[0])[0]
    for place, step in enumerate(steps):
        index = step.op.type == "StridedSlice" and index_of(reader, step.op)
        if index not in (f":, {place}", f":, {place}, :"):
            return None
        if reader.given(step)[0].name != tensor.name:
            return None
    known = tensor.shape.rank == 3 and tensor.shape[1] == len(steps)
    return (tensor, "{0}", False) if known else None


def _alone(context, chain):
    """The ``Statement`` of a StaticRNN."""
    sequence = _sequence(context.reader, chain.inputs)
    begins = _begins(context.reader, chain)
    if sequence is None:
        words = [f"{{{place}}}" for place in range(len(chain.inputs))]
        listed = f"keras.ops.stack([{', '.join(words)}])"
        sequence = Sequence(None, listed, True, False)
    inputs = chain.inputs if sequence.tensor is None else [sequence.tensor]
    template = sequence.template
    if sequence.is_reversed:
        axis = 0 if sequence.is_time_major else 1
        template = f"keras.ops.flip({template}, {axis})"
    structure, end = tf1_cells.structure(chain.cells)
    if begins:
        words = [f"{{{len(inputs) + place}}}" for place in range(len(begins))]
        template += f", initial_state={nested(structure, words)}"
    parts = [tf1_cells.part_of(context, chain.cells)]
    statement = _statement(context, "StaticRNN", parts, chain, sequence.is_time_major)
    statement.template = "" if template == "{0}" else template
    statement.inputs = [context.reader.source(t).name for t in (*inputs, *begins)]
    statement.outputs, statement.structure = [None] * end, (0, structure)
    statement.base = _scope(chain).replace("/", ".") or "rnn#"
    return statement


def _both(context, forward, backward):
    """The ``Statement`` of a StaticBidirectionalRNN."""
    ways = [_sequence(context.reader, way.inputs) for way in (forward, backward)]
    require(None not in ways, "steps of no one tensor")
    there, back = ways
    require(
        there.tensor.name == back.tensor.name
        and (there.is_reversed, back.is_reversed) == (False, True)
        and there[1:3] == back[1:3],
        "two ways over other steps",
    )
    for chain in (forward, backward):
        require(not _begins(context.reader, chain), "states to begin with")
    parts = [
        tf1_cells.part_of(context, chain.cells, way)
        for way, chain in (("fw/", forward), ("bw/", backward))
    ]
    layer, is_time_major = "StaticBidirectionalRNN", there.is_time_major
    statement = _statement(context, layer, parts, forward, is_time_major)
    statement.template = "" if there.template == "{0}" else there.template
    statement.inputs = [there.tensor.name]
    statement.outputs, statement.structure = [None] * 3, (0, 1, 2)
    scope = _scope(forward).rpartition("/")[0]
    statement.base = scope.replace("/", ".") or "bidirectional_rnn#"
    return statement


def _scope(chain):
    """The scope of a network of one way."""
    return chain.steps[0][0]["kernel"].rpartition("/")[0].rpartition("/")[0]


def _statement(context, layer, parts, chain, is_time_major):
    """A layer whose single steps are told apart later, see ``statements.by_step``."""
    output = chain.steps[-1][0]["output"]
    statement = tf1_cells.layer_over(context, layer, parts, output, is_time_major)
    statement.steps = {}
    return statement


RULES = {
    "Mul": [output_of_step, state_of_cell],
    "Add": [output_of_step, state_of_cell],
    "Tanh": [output_of_step, state_of_cell],
    "Relu": [output_of_step, state_of_cell],
    "ConcatV2": [outputs_of_both],
    "Pack": [outputs_of_all],
}
