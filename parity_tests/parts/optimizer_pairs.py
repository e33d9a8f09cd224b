"""Pairs of an optimizer's program and its twin, and what the claims train by them."""

import functools

import numpy as np
import tensorflow as tf

from parity_tests.engine.comparison import compare_plays
from parity_tests.pair.pair import Pair
from parity_tests.parts.making import made
from parity_tests.parts.optimizer_traps import MOMENTUM
from parity_tests.parts.optimizer_twins import regression, twin
from parity_tests.parts.optimizers import PARTS
from tf1_graph.parts import optimizers as tf1_optimizers

BY_NAME = {part.name: part for part in PARTS}
BATCH = 4


def new_pair(part, arguments, problem, optimizer=None, of_twin=None, undecayed=()):
    """The Pair of an optimizer's program and its twin.

    Args:
        optimizer: what the twin has in place of the part.
        of_twin: arguments of the twin, where they are not the program's.
    """
    return Pair(
        tf1_optimizers.program(part, arguments, problem, undecayed),
        twin(part, of_twin or arguments, problem, optimizer),
    )


def require_parity(part, arguments, problem, steps, **options):
    """Fails unless both sides do the same, to the bit.

    Args:
        steps: {level: how many steps are played at it}.
        **options: of ``new_pair``.
    """
    values, batches = problem
    with new_pair(part, arguments, problem, **options) as pair:
        for level, number in steps.items():
            moves = tf1_optimizers.moves(arguments, batches[:number])
            comparison = pair.compare(moves, level, values).require_agreement()
            assert comparison.records == len(moves) + 1


def require_same(expected, received):
    """Fails unless two dicts of arrays are the same, to the bit."""
    compare_plays([{"updates": expected}], [{"updates": received}]).require_agreement()


def ordinary_problem(steps, dtypes=("float32",)):
    """Variables of several dtypes at once, as in ``tf1_optimizers.ordinary_problem``."""
    values, batches = {}, [{} for _ in range(steps)]
    for dtype in dtypes:
        suffix = f"_{dtype}" if len(dtypes) > 1 else ""
        of_dtype, gradients = tf1_optimizers.ordinary_problem(dtype, steps)
        values.update((name + suffix, value) for name, value in of_dtype.items())
        for batch, arrays in zip(batches, gradients, strict=True):
            for name, array in arrays.items():
                variable, *part_of_it = name.split(" ")
                batch[" ".join([variable + suffix, *part_of_it])] = array
    return values, batches


@functools.cache
def kinds():
    """{name: (part, arguments)}: each part, and what is made otherwise."""
    several = {part.name: (part.name, part.samples[0]) for part in PARTS}
    for kind, arguments in tf1_optimizers.WITH_OTHER_PARTS.items():
        several[kind] = (
            "optimizers.Momentum",
            {**MOMENTUM, "learning_rate": 0.1} | arguments,
        )
    return several


def new_optimizer(kind):
    return made(*kinds()[kind])


def new_twin(kind, problem, **options):
    return twin(*kinds()[kind], problem, **options)


def new_model(kind, **options):
    """The compiled model of a kind, before the first step of ``examples``."""
    return regression(*kinds()[kind], initial_values(), **options)


def initial_values():
    values, _ = tf1_optimizers.regression_problem(0)
    return values


def examples(steps):
    """(ids [examples, 2], int32, some alike; y [examples, 1]), four a step."""
    _, moves = tf1_optimizers.regression_problem(steps, batch=BATCH)
    batches = [batch for _, batch in moves]
    return tuple(
        np.concatenate([batch[name] for batch in batches]) for name in ("x", "y_true")
    )


def as_tensors(batch):
    return {name: tf.constant(array) for name, array in batch.items()}
