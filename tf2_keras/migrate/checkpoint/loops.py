"""The contexts of TF1's loops, found from the ops where a graph comes without them.

A MetaGraphDef says of each loop what is in it; a frozen graph does not. Gradients need it,
and so do functions, which otherwise tie together ops of different loops.

Source: tensorflow/python/ops/control_flow_ops.py, WhileContext; control_flow.proto.
"""

import collections

from tensorflow.core.protobuf import control_flow_pb2
from tensorflow.python.framework import op_def_registry

ENTER, EXIT, NEXT = "Enter", "Exit", "NextIteration"


def contexts_of(graph):
    """[WhileContextDef] of the outermost loops of a GraphDef, inner ones within.

    Where freezing left the exit of a variable of a loop out, as nothing read it, the graph
    gets it back: without it gradients do not pass through that variable.
    """
    _add_exits(graph)
    nodes = {node.name: node for node in graph.node}
    frames = _frames(nodes)
    members = collections.defaultdict(list)
    for name, frame in frames.items():
        members[frame].append(nodes[name])
    listed = {}
    for frame in sorted((f for f in members if f), key=lambda f: (-len(f), f)):
        context = _context(frame, members[frame], nodes, frames)
        if context is None:
            continue
        for inner, its in listed.items():
            if inner[:-1] == frame:
                context.nested_contexts.add().while_ctxt.CopyFrom(its)
        listed[frame] = context
    return [context for frame, context in listed.items() if len(frame) == 1]


def _add_exits(graph):
    nodes = {node.name: node for node in graph.node}
    left = {_source(node.input[0]) for node in graph.node if node.op == EXIT}
    for node in list(graph.node):
        if node.op == "Switch" and _is_switch(nodes, node) and node.name not in left:
            added = graph.node.add(name=f"{node.name}_Exit", op=EXIT)
            added.input.append(node.name)
            added.attr["T"].type = node.attr["T"].type


def _in_order(node):
    """By the numbers of names: Enter, Enter_1, Enter_2, Enter_10."""
    base, _, number = node.name.rpartition("_")
    return (base, int(number)) if number.isdigit() else (node.name, 0)


def _source(name):
    return name.lstrip("^").partition(":")[0]


def _frames(nodes):
    """{name: (names of the frames that it is in, outermost first)}."""
    users, waiting = collections.defaultdict(list), {}
    for name, node in nodes.items():
        sources = {_source(text) for text in node.input}
        sources = {s for s in sources if s in nodes and nodes[s].op != NEXT}
        waiting[name] = len(sources)
        for source in sources:
            users[source].append(name)
    ready = [name for name, count in waiting.items() if not count]
    inside, frames = collections.defaultdict(tuple), {}
    while ready:
        name = ready.pop()
        node, frame = nodes[name], inside[name]
        if node.op == ENTER:
            frame = (*frame, node.attr["frame_name"].s.decode("utf-8", "replace"))
        frames[name] = frame[:-1] if node.op == EXIT else frame
        for user in users[name]:
            inside[user] = max(inside[user], frames[name], key=len)
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    return frames


def _context(frame, members, nodes, frames):
    """The WhileContextDef of one frame, or None of a loop that is not whole."""
    by_op = collections.defaultdict(list)
    for node in members:
        by_op[node.op].append(node)
    variables = [n for n in by_op[ENTER] if not n.attr["is_constant"].b]
    enters = sorted(variables, key=_in_order)
    merges = {
        _source(n.input[0]): n for n in by_op["Merge"] if _is_enter(nodes, n.input[0])
    }
    switches = {_source(n.input[0]): n for n in by_op["Switch"] if _is_switch(nodes, n)}
    bodies = {
        node.input[0]: node
        for node in members
        if node.op == "Identity" and node.input[0].endswith(":1")
    }
    exits = {
        _source(node.input[0]): node
        for node in nodes.values()
        if node.op == EXIT and frames.get(_source(node.input[0])) == frame
    }
    pivots = by_op["LoopCond"]
    chain = []
    for enter in enters:
        merge = merges.get(enter.name)
        switch = switches.get(merge.name) if merge is not None else None
        chain.append((enter, merge, switch))
    first = next(
        (c for c in chain if c[2] is not None and f"{c[2].name}:1" in bodies), None
    )
    if first is None or len(pivots) != 1:
        return None
    context = control_flow_pb2.WhileContextDef(
        context_name=frame[-1],
        parallel_iterations=first[0].attr["parallel_iterations"].i or 10,
        back_prop=True,
        pivot_name=f"{pivots[0].name}:0",
        pivot_for_pred_name=f"{first[1].name}:0",
        pivot_for_body_name=f"{bodies[f'{first[2].name}:1'].name}:0",
    )
    for enter, _, switch in chain:
        context.loop_enter_names.append(f"{enter.name}:0")
        if switch is not None and switch.name in exits:
            context.loop_exit_names.append(f"{exits[switch.name].name}:0")
    values = context.values_def.values
    for node in [*members, *exits.values()]:
        values.extend(f"{node.name}:{place}" for place in range(outputs_of(node)))
        if node.op == ENTER and node.attr["is_constant"].b:
            outer = node.input[0] if ":" in node.input[0] else f"{node.input[0]}:0"
            context.values_def.external_values[outer] = f"{node.name}:0"
            values.append(outer)
    return context


def _is_enter(nodes, text):
    source = nodes.get(_source(text))
    return source is not None and source.op == ENTER


def _is_switch(nodes, node):
    source = nodes.get(_source(node.input[1])) if len(node.input) > 1 else None
    return source is not None and source.op == "LoopCond"


def outputs_of(node):
    """How many outputs a node has."""
    definition = op_def_registry.get(node.op)
    if definition is None:
        return 1
    count = 0
    for output in definition.output_arg:
        if output.number_attr:
            count += node.attr[output.number_attr].i
        elif output.type_list_attr:
            count += len(node.attr[output.type_list_attr].list.type)
        else:
            count += 1
    return count
