"""Batches to prove a draft with: numbers that suit what a graph does with them."""

import collections
import math
import os

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.pair.drafting import shapes
from parity_tests.pair.errors import mistake
from tf1_graph import exported
from tf1_graph import session as tf1_session

SEED = 7
SIZES = (5, 3)  # of batches whose size is open, in turn
# Of so many a kernel sums in parts; a step of large examples would take seconds.
LARGE, MOST_NUMBERS = 40, 4096
MOST_SIZES = 8  # that are tried where these do not run
OPEN = 6  # any other open size
LABELS = ("SoftmaxCrossEntropyWithLogits",)
TABLES = ("GatherV2", "Gather", "ResourceGather")
HANDED_ON = ("Identity", "Cast", "Reshape", "ExpandDims", "Transpose", "StopGradient")
HANDED_ON += ("Squeeze", "Snapshot", "Enter", "ReverseSequence")


def batches(program, steps, sizes=SIZES, seed=SEED):
    """[{name in a batch: array}] for a ``session.Program``, ``steps`` of them.

    Args:
        sizes: of batches whose size is open, in turn.
    """
    random = np.random.RandomState(seed)
    inputs = dict(program.inputs)
    uses = {name: _uses(tensor) for name, tensor in inputs.items()}
    made = []
    for step in range(steps):
        size = sizes[step % len(sizes)]
        batch = {}
        for name, tensor in inputs.items():
            shape = _shape(tensor, size)
            batch[name] = _array(random, tensor, shape, uses[name], inputs)
        made.append(batch)
    return made


def fitting_sizes(program):
    """The sizes of batches that a program takes: ``SIZES``, or one that its graph has.

    Small examples come in a ``LARGE`` batch too.

    A program may have been built for one batch size that its placeholders do not say.

    Raises:
        PairError: if a step runs on none, with what TensorFlow said first.
    """
    known, said = collections.Counter(_first_sizes(program)), None
    usual = SIZES
    if _numbers(program) <= MOST_NUMBERS:
        usual = (*SIZES, LARGE)
    for sizes in [usual, *((size,) for size, _ in known.most_common(MOST_SIZES))]:
        try:
            (batch,) = batches(program, 1, sizes)
            moves = [(move, batch) for move in program.moves if move != "predict"]
            for _ in tf1_session.play(program, moves):
                pass
            return sizes
        except tf.errors.InvalidArgumentError as error:
            said = said or error.message.strip().splitlines()[-1]
    raise mistake(
        "A step must run on a batch of random numbers",
        said,
        "Give the placeholders the shapes that they are fed with",
    )


def _numbers(program):
    """How many numbers an example has."""
    return sum(math.prod(_shape(tensor, 1)) for tensor in program.inputs.values())


def _first_sizes(program):
    """First sizes of all that the graph makes of its inputs, as far as it says them.

    Those of states that a loop begins with are said there alone.
    """
    for operation in program.graph.get_operations():
        if operation.type == "Enter" and operation.inputs[0].op.type == "Fill":
            shape = operation.inputs[0].shape
            if shape.rank == 2 and shape[0] is not None:
                yield shape.as_list()[0]
    waiting, seen = list(program.inputs.values()), set()
    while waiting:
        for consumer in waiting.pop().consumers():
            if consumer in seen or "gradients" in consumer.name:
                continue
            seen.add(consumer)
            for tensor in (*consumer.inputs, *consumer.outputs):
                is_data = tensor.dtype.is_floating and (tensor.shape.rank or 0) > 1
                if is_data and tensor.shape[0] is not None:
                    yield tensor.shape.as_list()[0]
            waiting += list(consumer.outputs)


def of_meta(beside, meta, inputs, moves, steps=10, sizes=SIZES):
    """The moves of a pair of a ``.meta``, as ``OwnPair`` takes them.

    Args:
        beside: the pair's own file, whose folder ``meta`` is relative to.
        inputs, moves: as of ``exported.load``.
        sizes: as of ``batches``.
    """
    path = os.path.join(os.path.dirname(os.path.abspath(beside)), meta)
    program = exported.load(shapes.completed(exported.read(path)), inputs, **moves)
    return [(move, batch) for batch in batches(program, steps, sizes) for move in moves]


def _shape(tensor, size):
    """Sizes of an array: the first open one is the batch's."""
    sizes = tensor.shape.as_list() if tensor.shape.rank is not None else [None]
    is_open = [length is None for length in sizes]
    first = is_open.index(True) if any(is_open) else None
    return [
        length if length is not None else size if place == first else OPEN
        for place, length in enumerate(sizes)
    ]


def _array(random, tensor, shape, uses, inputs):
    dtype = tensor.dtype.as_numpy_dtype
    if tensor.dtype == tf.bool:
        return random.rand(*shape) < 0.5
    if tensor.dtype.is_integer:
        bound = uses.get("below")
        if bound is None:
            bound = _steps(inputs) + 1 if uses.get("lengths") else 4
        low = 1 if uses.get("lengths") else 0
        return random.randint(low, max(bound, low + 1), size=shape).astype(dtype)
    if uses.get("labels"):
        chosen = random.randint(shape[-1], size=shape[:-1])
        return np.eye(shape[-1], dtype=dtype)[chosen]
    if uses.get("shares"):
        return (random.rand(*shape) < 0.5).astype(dtype)
    return random.normal(size=shape).astype(dtype)


def _steps(inputs):
    """How many steps a sequence among the inputs has at most."""
    lengths = [
        tensor.shape.as_list()[1] or OPEN
        for tensor in inputs.values()
        if tensor.shape.rank is not None and tensor.shape.rank > 1
    ]
    return min(lengths, default=OPEN)


def _uses(tensor):
    """What becomes of an input: {'labels', 'below', 'lengths', 'shares'}."""
    uses, waiting, seen = {}, [tensor], set()
    while waiting:
        current = waiting.pop()
        if current.name in seen:
            continue
        seen.add(current.name)
        for consumer in current.consumers():
            place = next(
                number
                for number, given in enumerate(consumer.inputs)
                if given.name == current.name
            )
            _note(uses, consumer, place)
            if consumer.type in HANDED_ON:
                waiting += list(consumer.outputs)
    return uses


def _note(uses, consumer, place):
    kind = consumer.type
    if kind in LABELS and place == 1:
        uses["labels"] = True
    elif kind == "SparseSoftmaxCrossEntropyWithLogits" and place == 1:
        _bound(uses, consumer.inputs[0].shape[-1])
    elif kind in TABLES and place == 1:
        table = consumer.inputs[0]
        shape = table.shape
        if shape.rank is None or table.dtype == tf.resource:
            shape = tf.TensorShape(table.op.get_attr("shape"))
        _bound(uses, shape[0])
    elif kind == "OneHot" and place == 0:
        depth = tf.get_static_value(consumer.inputs[1])
        _bound(uses, None if depth is None else int(depth))
    elif kind in ("GreaterEqual", "Less", "ReverseSequence", "SequenceMask", "Max"):
        uses["lengths"] = True
    elif kind in ("Mul", "Sub"):
        names = [given.op.name for given in consumer.inputs]
        uses.setdefault(
            "shares",
            any("logistic" in name for name in names) or "logistic" in consumer.name,
        )


def _bound(uses, size):
    if size is not None:
        uses["below"] = min(int(size), uses.get("below", int(size)))
