"""The probe of single ops: TF1's expression in the place of the twin's op that is apart.

What is first apart although all that it takes is right is computed otherwise than in TF1:
by another number or sign, by another op, by one too many or one too few. TF1's graph says
what it has there. That is put in its place, and all is looked at again, up to the loss.
"""

import contextlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import func_graph

from parity_tests.pair import tapping, translated
from parity_tests.pair.probes import expressions
from parity_tests.pair.probes.expressions import Constant, Inexpressible, Leaf
from parity_tests.pair.probes.table import (
    FORWARD,
    FORWARD_PASS,
    Change,
    probe,
    shortest,
    together,
)
from parity_tests.pair.taps import tells
from parity_tests.pair.tracebacks import line_of
from tf1_graph import session as tf1_session
from tf1_graph import updates
from tf2_keras import training
from tf2_keras.observing import replaced

MOST_FIXES, MOST_CANDIDATES, MOST_LOOKS = 5, 6, 20
ALIKE, KIND, OTHER = range(3)


@probe("TF1's op for the twin's", FORWARD, "docs/guide/idioms.md", at=FORWARD_PASS)
def operations(sides, divergence):
    """Replaces the first op that is apart by TF1's, then the next, up to the loss."""
    search = _Search(sides, divergence)
    fixes, looked = [], search.look([])
    while looked.badness and len(fixes) < MOST_FIXES:
        best, then = None, looked
        for fix in search.candidates(looked):
            tried = search.look([*fixes, fix])
            # An op that is gone is wrong no more: another has to be right thereby.
            least = 1 if fix.likeness < OTHER else 2
            if tried is None or tried.badness > max(0, looked.badness - least):
                continue
            if tried.badness < then.badness:
                best, then = fix, tried
            if not then.badness or (best is fix and fix.likeness == ALIKE):
                break
        if best is None:
            return
        fixes.append(best)
        looked = then
    if fixes and not looked.badness:
        swaps = _Swaps(fixes)
        unseen = replaced(sides.model, train_function=None)
        told = "; ".join(fix.told for fix in fixes)
        yield Change(
            told, together(swaps.put(), unseen), swaps.on_twin, edits=len(fixes)
        )


class Op(NamedTuple):
    """One op of the twin's move.

    name, kind, line: as of ``tapping.Tap``. takes: (name of an op, place of its output),
    each. constants: {place among what it takes: number}. output: array, or None of what
    cannot be looked at. depends: whether on a batch.
    """

    name: str
    kind: str
    line: str | None
    takes: tuple
    constants: dict
    output: object
    depends: bool

    def describe(self):
        taken = [
            f"{shortest(self.constants[place]):g}"
            if place in self.constants
            else name.rpartition("/")[2]
            for place, (name, _) in enumerate(self.takes)
        ]
        return f"{self.kind}({', '.join(taken)})"


class Fix(NamedTuple):
    """op: name of the twin's. node: what takes its place. told: the change in words.
    likeness: ALIKE, the same op of other numbers or in another order; KIND, of other
    inputs; or OTHER."""

    op: str
    node: object
    told: str
    likeness: int


class Looked(NamedTuple):
    """A move of the twin. ops: {name: Op}. wrong: names of those that are apart.
    first: the first of which all that it takes is right, or None. unequal: {name of the
    op of a result that is apart: TF1's tensor}."""

    ops: dict
    wrong: tuple
    first: str | None
    unequal: dict

    @property
    def badness(self):
        return len(self.unequal) and len(self.unequal) + len(self.wrong)


class _Search:
    """One move on both sides, TF1's with every tensor fetched."""

    def __init__(self, sides, divergence):
        self.sides, step = sides, max(divergence.step, 1)
        program, moves = sides.program, sides.moves
        self.name, batch = moves[step - 1]
        self.before, self.looks = moves[: step - 1], 0
        records = tf1_session.play(program, self.before, sides.start)
        carried = {}
        for record in records if program.moves[self.name].seen.get("carried") else ():
            carried = record.get("carried", {})
        taken = {k: value for k, value in carried.items() if k in program.inputs}
        self.batch = {**taken, **batch}
        self.results = {
            (stage, key): tensor
            for stage, named in program.moves[self.name].seen.items()
            if stage in FORWARD
            for key, tensor in named.items()
        }
        self.tensors = tapping.all_of_graph(program, list(self.results.values()))
        self.arrays = tapping.graph_arrays(
            *(program, self.name, self.batch, sides.start),
            *(self.tensors, self.before, sides.start),
        )
        # What the play feeds besides the batch is a number that the twin has to have.
        feed = program.moves[self.name].feed
        self.fed = {
            tensor.name: np.asarray(value, tensor.dtype.as_numpy_dtype)
            for tensor, value in feed.items()
            if hasattr(tensor, "dtype") and tapping.can_be_fetched(tensor)
        }
        self.standing = {}
        for tensor, array in zip(self.tensors, self.arrays, strict=True):
            self.standing.setdefault(_bits(array), []).append(tensor)
        self.array_of = dict(
            zip([t.name for t in self.tensors], self.arrays, strict=True)
        )

    def look(self, fixes):
        """``Looked`` of the twin with some fixes; None if it cannot be run so."""
        self.looks += 1
        twin, swaps = self.sides.twin, _Swaps(fixes)
        translation = translated.Translation(self.sides.matches)
        try:
            start = translation.values(self.sides.start, twin.state)
            if self.before:
                for _ in training.play(twin, self.before, values=start):
                    pass
            else:
                twin.reset(start)
            with swaps.put():
                ops, results = _ops_of(twin, self.name, self.batch, swaps.swapped)
        except Exception:  # an expression that the twin's shapes do not take
            if not fixes:
                raise
            return None
        finally:
            twin.reset()
        return self._looked(ops, results)

    def _looked(self, ops, results):
        unequal = {}
        for key, name in results.items():
            tensor, op = self.results.get(key), ops.get(name)
            is_seen = tensor is not None and op is not None and op.output is not None
            if is_seen and _bits(op.output) != _bits(self.array_of[tensor.name]):
                unequal[name] = tensor
        right = {
            name: op.output is None
            or not op.depends
            or not np.issubdtype(op.output.dtype, np.floating)
            or _bits(op.output) in self.standing
            for name, op in ops.items()
        }
        good = dict(right)
        for name in reversed(list(ops)):
            if good[name] and ops[name].output is not None and tells(ops[name].output):
                good.update(dict.fromkeys((n for n, _ in ops[name].takes), True))
        wrong = [name for name in ops if not good[name]]
        first = next(
            (
                name
                for name in wrong
                if all(good.get(taken, True) for taken, _ in ops[name].takes)
            ),
            None,
        )
        return Looked(ops, tuple(wrong), first, unequal)

    def candidates(self, looked):
        """[Fix] of the first op that is apart, or of the result where all ops stand."""
        name = looked.first or next(iter(looked.unequal))
        op, order = looked.ops[name], list(looked.ops)
        # Where all ops stand, TF1 goes on from what the twin ends with.
        end = order.index(name) + (looked.first is None)
        earlier = {n: looked.ops[n] for n in order[:end]}
        leaves = {}
        for other in [*earlier, *[n for n, _ in op.takes if n in earlier]]:
            if earlier[other].output is not None:
                leaves[_bits(earlier[other].output)] = other

        def leaf_of(tensor):
            if tensor.name in self.fed:
                return Constant(self.fed[tensor.name])
            array = self.array_of.get(tensor.name)
            other = None if array is None else leaves.get(_bits(array))
            return other and Leaf(other, 0, tensor.op.name)

        if looked.first is None:
            wanted = [looked.unequal[name]]
        else:
            wanted = self._instead(op, earlier)
        found = []
        for tensor in wanted:
            with contextlib.suppress(Inexpressible):
                found.append((tensor, expressions.expression(tensor, leaf_of)))

        def likeness(tensor, node):
            if tensor.op.type != op.kind:
                return OTHER
            is_alike = expressions.leaves(node) <= {taken for taken, _ in op.takes}
            return ALIKE if is_alike else KIND

        found.sort(key=lambda pair: (likeness(*pair), expressions.size(pair[1])))
        at = f" ({op.line})" if op.line else f" of {op.name}"
        for tensor, node in found[:MOST_CANDIDATES]:
            if self.looks < MOST_LOOKS:
                line = line_of(tensor.op)
                of_tf1 = f" ({line})" if line else ""
                told = f"{op.describe()}{at} → {node.describe()}, as TF1 has it{of_tf1}"
                yield Fix(name, node, told, likeness(tensor, node))
        for taken, place in op.takes if self.looks < MOST_LOOKS else ():
            other = earlier.get(taken)
            if (
                place == 0
                and other is not None
                and other.output is not None
                and other.depends
                and (other.output.shape, other.output.dtype)
                == (op.output.shape, op.output.dtype)
            ):
                told = f"{op.describe()}{at} left out: TF1 goes on with what it takes"
                yield Fix(name, Leaf(taken, 0, taken), told, OTHER)

    def _instead(self, op, earlier):
        """TF1's tensors that may stand in the place of an op, of its shape and dtype."""
        bits = {
            _bits(earlier[name].output)
            for name, _ in op.takes
            if name in earlier and earlier[name].output is not None
        }
        taken = {t.op for each in bits for t in self.standing.get(each, ())}
        return [
            tensor
            for tensor, array in zip(self.tensors, self.arrays, strict=True)
            if (array.shape, array.dtype) == (op.output.shape, op.output.dtype)
            and tensor.op not in taken
            and taken & updates.ancestors([tensor.op])
        ]


def _bits(array):
    array = np.asarray(array)
    return array.dtype.str, array.shape, array.tobytes()


def _ops_of(twin, name, batch, swapped):
    """({name: Op}, {(stage, key): name of the op}) of one move, run once in a function."""
    listed, results = [], {}

    def run(batch):  # by the name that inputs have wherever a move is traced
        listed.clear()
        graph = tf.compat.v1.get_default_graph()
        inputs = {tensor.op for tensor in tf.nest.flatten(batch)}
        seen = twin.step(name, batch)
        outputs = []
        for stage in FORWARD:
            for key, tensor in seen.get(stage, {}).items():
                results[stage, key] = swapped(tensor).op.name
        ends = [graph.get_operation_by_name(name) for name in results.values()]
        before = updates.ancestors(ends) | inputs
        depending = set(inputs)
        for operation in graph.get_operations():
            if operation not in before:
                continue
            if any(tensor.op in depending for tensor in operation.inputs):
                depending.add(operation)
            can_be = operation.outputs and tapping.can_be_fetched(operation.outputs[0])
            numbers = enumerate(map(tf.get_static_value, operation.inputs))
            listed.append(
                (
                    operation.name,
                    operation.type,
                    line_of(operation),
                    tuple((t.op.name, t.value_index) for t in operation.inputs),
                    {n: v for n, v in numbers if v is not None and np.ndim(v) == 0},
                    len(outputs) if can_be else None,
                    operation in depending,
                )
            )
            outputs += [operation.outputs[0]] if can_be else []
        return outputs

    arrays = tapping.called(twin, batch, run)
    ops = {}
    for operation, *facts, place, depends in listed:
        output = None if place is None else arrays[place].numpy()
        ops[operation] = Op(operation, *facts, output, depends)
    return ops, results


class _Swaps:
    """Ops of a function of the twin that others take the place of, as it is traced."""

    def __init__(self, fixes):
        self.fixes = {fix.op: fix.node for fix in fixes}
        self._others = {}  # {(id of a graph, op, place): tensor}, and what keeps it

    def swapped(self, value):
        """What stands in the place of a tensor; of another value, the value."""
        if not tf.is_tensor(value) or not hasattr(value, "graph"):
            return value
        key = id(value.graph), value.op.name, value.value_index
        return self._others.get(key, (value,))[0]

    def on_twin(self, twin):
        """What a move returns is what took its place."""
        for name, move in list(twin.moves.items()):

            def swapping(move=move, **batch):
                return tf.nest.map_structure(self.swapped, move(**batch))

            twin.moves[name] = swapping

    @contextlib.contextmanager
    def put(self):
        """While this is entered every function that is traced takes the others."""
        create = func_graph.FuncGraph._create_op_internal
        tape_gradient, gradients = tf.GradientTape.gradient, tf.gradients

        def creating(graph, op_type, inputs, *arguments, **options):
            inputs = [self.swapped(tensor) for tensor in inputs]
            operation = create(graph, op_type, inputs, *arguments, **options)
            node = self.fixes.get(operation.name)
            # fit traces a step within a loop, so that its graph is an inner one.
            if node is not None and expressions.is_within(node, graph):
                key = id(graph), operation.name, 0
                self._others[key] = node.build(graph), graph
            return operation

        def of_tape(tape, target, *arguments, **options):
            target = tf.nest.map_structure(self.swapped, target)
            return tape_gradient(tape, target, *arguments, **options)

        def of_graph(ys, *arguments, **options):
            ys = tf.nest.map_structure(self.swapped, ys)
            return gradients(ys, *arguments, **options)

        func_graph.FuncGraph._create_op_internal = creating
        tf.GradientTape.gradient, tf.gradients = of_tape, of_graph
        try:
            yield
        finally:
            func_graph.FuncGraph._create_op_internal = create
            tf.GradientTape.gradient, tf.gradients = tape_gradient, gradients
