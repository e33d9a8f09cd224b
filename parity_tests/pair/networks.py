"""The twin's layers, how far each is from its counterpart in the graph, and the sources.

Both sides run the move that parted from TF1's state before it, every tensor tapped, as
``taps`` does for the place of a divergence; here each layer is listed. It is looked at
after a divergence only.
"""

import ast
import inspect
import re
from typing import NamedTuple

from parity_tests.pair import explaining, tapping, tf1_sides
from parity_tests.pair.tracebacks import line_of
from tf1_graph import session as tf1_session
from tf1_graph import updates

AROUND = 6  # lines of a source before and after the one that matters
MOST_LINES = 60


class Layer(NamedTuple):
    """One call of a layer.

    name, kind: the twin's. sources: numbers of the layers that it takes from.
    op, op_type: TF1's nearest op, or None.
    distance: norm-wise, in ULPs of the largest magnitude; None where nothing has its
        shape.
    gradient: the same of the loss's derivative by what it returns; None where there is
        none.
    variables: TF1's names of its variables.
    """

    name: str
    kind: str
    sources: tuple
    op: str | None
    op_type: str | None
    distance: float | None
    gradient: float | None
    variables: tuple


class Source(NamedTuple):
    """Lines of one side's code.

    title: of what. path: of the file. first: number of the first line.
    lines: the text of each. marked: numbers of those that matter.
    """

    title: str
    path: str
    first: int
    lines: tuple
    marked: tuple = ()


def layers(program, model, twin, moves, step, paths, copied=None, to_twin=None):
    """[Layer] in order of execution, of the move at which two sides part.

    Args:
        program: a ``session.Program``.
        model, twin: the ``keras.Model`` and its ``Twin``.
        moves: [(name, batch)] of the play.
        step: of the divergence; at 0, the initial values, the first move is run.
        paths: {TF1 name: paths of the model's variables that it became}.
        copied: {TF1 name: array} that the play started from, or None.
        to_twin: {TF1 name: array} -> {the twin's name: array}; by default the names
            are the same.
    """
    step = max(1, step)
    records = tf1_session.play(program, moves[:step], copied)
    before = [next(records) for _ in range(step)][-1]
    state = {**before.get("initial values", {}), **before.get("updates", {})}
    carried = {
        key: value
        for key, value in before.get("carried", {}).items()
        if key in program.inputs
    }
    name, batch = moves[step - 1][0], {**carried, **moves[step - 1][1]}
    tensors = tapping.of_graph(program, name)
    backward = tapping.backward_of_graph(program, name)
    earlier = tapping.moves_before(program, moves, step)
    taken = tapping.graph_arrays(
        program, name, batch, state, [*tensors, *backward], earlier, copied
    )
    arrays, derivatives = taken[: len(tensors)], taken[len(tensors) :]
    to_twin = to_twin or (lambda values: values or {})
    tapping.reset(twin, to_twin(state), earlier, to_twin(copied))
    try:
        tapped, *_ = tapping.of_model(model, twin, name, batch)
    finally:
        twin.reset()
    weights = {
        layer.name: {variable.path for variable in layer.weights}
        for layer in model._flatten_layers(include_self=False)
    }
    listed = []
    for tap in tapped:
        position, distance = tapping.nearest(tap.output, arrays)
        operation = None if position is None else tensors[position].op
        gradient = None
        if tap.gradient is not None:
            _, gradient = tapping.nearest(tap.gradient, derivatives)
        of_layer = weights.get(tap.layer, set())
        listed.append(
            Layer(
                tap.layer,
                tap.kind,
                tap.sources,
                operation and operation.name,
                operation and operation.type,
                distance,
                gradient,
                tuple(name for name, those in paths.items() if of_layer & set(those)),
            )
        )
    return listed


def of_line(title, place):
    """The ``Source`` around "file:line", or None where there is none to read."""
    path, _, number = (place or "").rpartition(":")
    if not number.isdecimal():
        return None
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    first = max(1, int(number) - AROUND)
    shown = tuple(lines[first - 1 : int(number) + AROUND])
    return Source(title, path, first, shown, (int(number),)) if shown else None


def of_function(title, function, words=()):
    """The ``Source`` of a function, its lines with one of ``words`` marked; or None."""
    try:
        lines, first = inspect.getsourcelines(function)
        path = inspect.getsourcefile(function)
    except (OSError, TypeError):
        return None
    return _marked(title, path, first, lines, words)


def of_file(title, path, name, words=()):
    """The same of a function by its name, in a file that is not imported."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        functions = [
            node
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef) and node.name == name
        ]
    except (OSError, ValueError, SyntaxError):
        return None
    for node in functions:
        lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
        return _marked(title, path, node.lineno, lines, words)
    return None


def _marked(title, path, first, lines, words):
    """A ``Source`` of at most MOST_LINES, begun shortly before what is marked."""
    lines = [line.rstrip("\n") for line in lines]
    pattern = "|".join(re.escape(word) for word in words if word)
    marked = [
        first + number
        for number, line in enumerate(lines)
        if pattern and re.search(rf"(?<!\w)(?:{pattern})(?!\w)", line)
    ]
    if len(lines) > MOST_LINES:
        begin = max(0, marked[0] - first - AROUND) if marked else 0
        first, lines = first + begin, lines[begin : begin + MOST_LINES]
    return Source(title, path, first, tuple(lines), tuple(marked))


# What the lines of a Keras rewrite say that matter at a stage.
OF_TRAINING = ("compile", "minimize", "apply_gradients", "apply", "optimizer")
WORDS = {
    "loss": ("loss", "losses", "compile"),
    "gradients": ("loss", "losses", "compile", "gradient"),
    "slots": OF_TRAINING,
    "updates": OF_TRAINING,
}


def tf1_line(program, divergence):
    """ "file:line" of the user's TF1 code that made what parted, or None."""
    operation = _operation(program, divergence)
    return None if operation is None else line_of(operation)


def _operation(program, divergence):
    """The op of TF1 that what parted stems from, or None."""
    stage, tensor = divergence.stage, divergence.tensor
    if stage == "initial values" and tensor in program.variables:
        return program.variables[tensor].initializer
    move = program.moves.get(divergence.move)
    if move is None:
        return None
    seen = move.seen.get(stage, {}).get(tensor)
    if stage in ("outputs", "loss") and seen is not None:
        return getattr(seen, "op", None)
    changing = updates.changes(move.op, program.variables)
    # A slot begins with the name of its variable.
    named = [op for op, name in changing if f"{tensor}/".startswith(f"{name}/")]
    return next(iter([*named, *(op for op, _ in changing)]), None)


def of_pair(own, program, divergence, place):
    """[Source] of what parts in an ``OwnPair``: TF1's, the twin's, as far as known.

    Args:
        program: the ``session.Program``, or None where it ran in another process.
        place: ``taps.Place``, or None.
    """
    words = WORDS.get(divergence.stage)
    lines = [place and place.tf1_line, program and tf1_line(program, divergence)]
    of_tf1 = [of_line("TF1", line) for line in lines]
    if callable(own.tf1.source):
        of_tf1.append(of_function("TF1", own.tf1.source, words or ()))
    else:
        path, function = tf1_sides.split(own.tf1.source)
        of_tf1.append(of_file("TF1", own.path(path), function, words or ()))
    of_tf2 = [of_line("the twin", place and place.tf2_line)]
    if inspect.isfunction(own.tf2):
        words = words or [place.layer if place else divergence.tensor]
        of_tf2.append(of_function("the twin", own.tf2, words))
    return [next(filter(None, sources)) for sources in (of_tf1, of_tf2) if any(sources)]


def explain(trace, own, drawn, divergences, places, program, notes, network):
    """Adds to a trace the sources and the network of every level that parts.

    Args:
        trace: a ``traces.Trace``.
        own: the ``OwnPair``. drawn: its plays. program: None if it ran elsewhere.
        divergences: {level: (play, engine Divergence)}. places: {level: taps.Place}.
        notes: gets what could not be looked for.
        network: (moves, step) -> [Layer], or None where nothing can be tapped.
    """
    for level, (number, divergence) in divergences.items():
        of_level = trace.levels[level]
        with explaining.unless_it_fails("The sources", notes):
            of_level.sources = of_pair(own, program, divergence, places.get(level))
        if network is not None:
            with explaining.unless_it_fails("The network", notes):
                of_level.layers = network(drawn[number], divergence.step)
