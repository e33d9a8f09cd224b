"""The ladder: a draft, its comparison with the graph, and the next rung on a divergence."""

import sys
import types
from typing import NamedTuple

import tensorflow.compat.v1 as tf

from parity_tests.engine.comparison import compare_plays
from parity_tests.pair.drafting import batches, finding
from parity_tests.pair.pair import Pair
from tf1_graph import exported, races, updates
from tf1_graph import session as tf1_session
from tf2_keras import training
from tf2_keras.migrate.draft import cutting, drafting, reading, writing

LEVELS = ("function", "fit")
STEPS = 10
# What is tried in turn, until nothing diverges.
RUNGS = ({}, {"gradients_of_tf1": True})


class Proof(NamedTuple):
    """What came of a draft.

    source: the file, which says itself what was compared.
    is_equal: whether all was compared, and equal.
    status: [line] of what was compared.
    divergence: an engine ``Divergence``, or None. level: where it showed.
    product: the ``drafting.Product``. names: ``finding.Names``, the target as y_true.
    sizes: of the batches.
    """

    source: str
    is_equal: bool
    status: list
    divergence: object
    level: str | None
    product: object
    names: finding.Names
    sizes: tuple


def proven(
    meta_graph, names, origin, steps=STEPS, levels=LEVELS, checkpoint=None, moves=None
):
    """The ``Proof`` of the best draft of a graph.

    Args:
        meta_graph: a ``tf.MetaGraphDef``.
        names: ``finding.Names``, found.
        origin: what to call the graph in the file.
        checkpoint: prefix of a checkpoint to start from.
        moves: [(move, {name in a batch: array})] to compare by; by default ``steps``
            batches of numbers that suit the graph.

    Raises:
        Undraftable: for what cannot be drafted.
    """
    best = None
    names = with_target(meta_graph, names)
    for rung in RUNGS:
        proof = _proof(
            meta_graph, names, origin, steps, levels, checkpoint, moves, rung
        )
        if proof.is_equal or proof.divergence is None:
            return proof
        if best is None:
            best = proof
    return best


def with_target(meta_graph, names):
    """The names with the target, if there is one, called y_true in a batch."""
    if names.train is None or "y_true" in names.inputs:
        return names
    if len(finding.steps(names)) > 1:
        target = names.y_true  # nothing tells the labels of a loss from another's input
    else:
        program = program_of(meta_graph, names)
        request = request_of(program, names, "")
        reader = reading.Reader(request.graph, request.inputs, request.feed)
        (train,) = request.trains
        target = cutting.target_of(reader, train.loss, request.inputs, names.y_true)
    if target is None:
        return names
    inputs = {
        "y_true" if name == target else name: tensor
        for name, tensor in names.inputs.items()
    }
    return names._replace(inputs=inputs, y_true="y_true")


def program_of(meta_graph, names, checkpoint=None):
    """The ``session.Program`` of a graph, with what it plays."""
    moves = {
        step: {**named, "feed": names.training_feed or {}}
        for step, named in finding.steps(names).items()
    }
    if names.y_pred is not None:
        moves["predict"] = {
            "outputs": {"y_pred": names.y_pred},
            "feed": names.inference_feed or {},
        }
    return exported.unchecked(meta_graph, names.inputs, checkpoint, **moves)


def request_of(program, names, origin, **options):
    """The ``drafting.Request`` of a program."""
    graph = program.graph
    named = exported.Named(graph)
    feed = {
        named.element("feed", name): value
        for name, value in (names.training_feed or {}).items()
    }
    trains = []
    with graph.as_default():
        variables = {v.op.name: v for v in tf.global_variables()}
    for step, names_of_step in finding.steps(names).items():
        loss = named.element("loss", names_of_step["loss"])
        train = named.element("train", names_of_step["op"], op=True)
        trains.append(drafting.Train(step, loss, updates.changes(train, variables)))
    y_pred = None
    if names.y_pred is not None:
        y_pred = named.element("y_pred", names.y_pred)
    named.require_known()
    return drafting.Request(
        graph,
        dict(program.inputs),
        trains,
        y_true=names.y_true,
        y_pred=y_pred,
        feed=feed,
        origin=origin,
        **options,
    )


def module_of(source, name="tf_parity_draft"):
    """The module that a source is, of no file."""
    module = types.ModuleType(name)
    module.__dict__["__file__"] = f"<{name}>"
    sys.modules[name] = module  # dataclasses look there
    try:
        exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    finally:
        del sys.modules[name]
    return module


def _proof(meta_graph, names, origin, steps, levels, checkpoint, moves, rung):
    # Of its own initial values: those of a checkpoint say nothing of how it starts.
    program = program_of(meta_graph, names)
    product = drafting.drafted(request_of(program, names, origin, **rung))
    module = module_of(writing.source(product, ["Not compared."]))
    model = module.build()
    if product.loss is None:
        model.compile("sgd")  # which a twin has to be; it trains nothing
    with tf1_session.unfused():
        twin = training.compiled(
            model,
            module.checkpoint_names(model),
            unfitted=("predict",),
            **training.steps_of(model, finding.steps(names)),
        )
        known = set(twin.state)
        is_given = bool(product.unseeded) or checkpoint is not None
        if is_given:
            # What was read as a constant may not be fed, and values to start from are.
            program = program_of(meta_graph, names, checkpoint)
        program = program._replace(
            variables={
                name: variable
                for name, variable in program.variables.items()
                if name in known
            }
        )
        sizes = batches.SIZES
        if moves is None:
            if product.loss is not None:
                sizes = batches.fitting_sizes(program)
            moves = _moves(program, product, names, steps, sizes)
        else:
            steps = sum(move != "predict" for move, _ in moves)
        divergence, level = None, None
        racing = _races(program)
        with Pair(program, twin) as pair:
            values = _start(pair, is_given)
            if not racing:
                racing = _differs_from_itself(pair, moves, values)
            for level in levels:
                comparison = pair.compare(moves, level, values)
                comparison.finish()
                divergence = comparison.first_divergence
                if divergence is not None:
                    break
    status = _status(product, names, steps, levels, level, divergence)
    if racing:
        status = [f"NOT PROVEN: the graph races with itself: {racing}.", *status]
    return Proof(
        writing.source(product, status),
        divergence is None and not product.unseeded and not racing,
        status,
        divergence,
        level if divergence is not None else None,
        product,
        names,
        sizes,
    )


def _races(program):
    """What of a step races with what, or an empty text."""
    found = []
    for move in program.moves.values():
        found += races.races(program.graph, move.op, move.feed) if move.op else []
    if not found:
        return ""
    return races.told(found[0])


def _differs_from_itself(pair, moves, values):
    """Where two plays of the graph differ from each other, or an empty text."""
    first = list(pair.reference(moves, values))
    second = pair.reference(moves, values)
    comparison = compare_plays(first, second)
    comparison.finish()
    divergence = comparison.first_divergence
    return "" if divergence is None else divergence_line(divergence)


def _start(pair, is_given):
    """Initial values to begin both sides with; None for each side's own."""
    if not is_given:
        return None
    record = next(iter(pair.reference([])))
    return dict(record["initial values"])


def _moves(program, product, names, steps, sizes):
    data = batches.batches(program, steps, sizes)
    moves = [(step.name, batch) for batch in data for step in product.steps]
    if names.y_pred is not None and product.predicts:
        taken = {product.names[tensor] for tensor in product.inputs.values()}
        moves += [
            ("predict", {name: array for name, array in batch.items() if name in taken})
            for batch in (data if product.loss is None else data[:1])
        ]
    return moves


def _status(product, names, steps, levels, level, divergence):
    ran = [
        f"A step runs {step['op']} and minimises {step['loss']}."
        for step in finding.steps(names).values()
    ]
    if divergence is not None:
        return [
            f"DIVERGES at level {level}: {divergence_line(divergence)}",
            "What is equal up to there was compared; nothing behind it was.",
            *ran,
        ]
    lines = []
    if product.unseeded:
        listed = ", ".join(product.unseeded[:3])
        lines.append(
            f"NOT COMPARED: initial values of {listed}, which TF1 drew without a seed."
        )
    if product.loss is None:
        return [
            *lines,
            "It has no train op: only what it predicts was compared, and is equal to the",
            f"bit, on {steps} batches; initial values too.",
        ]
    other = "the other initial" if product.unseeded else "initial"
    lines.append(
        f"Compared with that graph over {steps} steps at levels {' and '.join(levels)}: "
        f"{other} values,"
    )
    lines.append("loss, gradients, slots and updates are equal to the bit.")
    lines += ran
    if product.remainder:
        lines.append(f"Not part of it: {', '.join(product.remainder[:3])}.")
    return lines


def divergence_line(divergence):
    """A divergence in one line."""
    return divergence.describe().splitlines()[0].removeprefix("First divergence: ")
