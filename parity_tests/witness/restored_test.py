"""Optimizers go on in Keras from where TensorFlow 1.15.5 stopped them.

Chapters do both ways, in ``parity_tests/models/every_chapter_test.py``.
"""

import numpy as np
import pytest

from parity_tests.parts.optimizer_pairs import kinds
from parity_tests.parts.optimizer_twins import twin as optimizer_twin
from parity_tests.witness.handed_over import state_of, written
from tf1_graph.parts import optimizers as tf1_optimizers
from tf2_keras import training
from tf2_keras.migrate.checkpoint import handover

# Their gradients are fed: 1.15.5's own backpropagation may read a variable
# that was updated before, where nothing gates it.

CUT, STEPS = 6, 12
# Of a tensor's largest number: what six steps make of the roundings of other kernels.
WITHIN = 2e-6


def problem_of(arguments):
    """(values, batches, moves) that an optimizer is tried on."""
    values, batches = tf1_optimizers.ordinary_problem("float32", STEPS)
    return values, batches, tf1_optimizers.moves(arguments, batches)


@pytest.fixture(scope="module")
def stopped(restored, tmp_path_factory):
    """{kind of optimizer: (prefix, 1.15.5's records)}, saved after CUT moves."""
    folder = tmp_path_factory.mktemp("optimizers")
    requests = []
    for number, (part, arguments) in enumerate(kinds().values()):
        *_, moves = problem_of(arguments)
        requests.append(
            {
                "part": part,
                "arguments": repr(arguments),
                "plays": written(folder / f"{number}.npz", moves),
                "save": str(folder / f"{number}.ckpt"),
                "after": CUT,
                "out": str(folder / f"{number}.out.npz"),
            }
        )
    records = restored(*requests)
    prefixes = [request["save"] for request in requests]
    return dict(zip(kinds(), zip(prefixes, records, strict=True), strict=True))


@pytest.mark.parametrize("kind", kinds())
def test_an_optimizer_goes_on_where_1_15_5_stopped(kind, stopped):
    """Its state to the bit; six steps later all of it, but for roundings."""
    prefix, played = stopped[kind]
    part, arguments = kinds()[kind]
    values, batches, moves = problem_of(arguments)
    twin = optimizer_twin(part, arguments, (values, batches))
    # Sums of gradients begin anew after an update.
    accumulates = arguments.get("gradient_accumulation_steps")
    sums = {f"{name}/gradient_sum": None for name in values} if accumulates else None
    handover.load(prefix, twin, sums, partial=bool(accumulates))
    with twin.starting_here():
        received = list(training.play(twin, moves[CUT:]))
    start, end = state_of(received[0]), state_of(received[-1])
    for name, value in state_of(played[CUT]).items():
        if name not in (sums or ()):
            np.testing.assert_array_equal(start[name], value, strict=True)
    for name, value in state_of(played[-1]).items():
        largest = max(float(np.abs(value).max()), 1e-30)
        np.testing.assert_allclose(end[name], value, rtol=0, atol=WITHIN * largest)
    assert all(np.abs(end[name] - start[name]).max() > 0 for name in values)
