"""The cause of a divergence, proven: what TF1 had, tried in place of what stands there.

A probe is one change to the twin. It is a cause only if the twin, so changed, no longer
parts where it did, nor before. What to try is read from the TF1 graph itself: the seeds
of its random ops, the hyper-parameters of its updates, its clips, its epsilons.

Each probe is one decorated function, in the module of what it changes; see ``table``.
"""

from parity_tests.pair.probes import (  # noqa: F401 -- each fills the table
    biases,
    dropouts,
    gradients,
    initial_values,
    layers,
    losses,
    operations,
    optimizers,
    orders,
    recurrent,
    sampling,
    sums,
)
from parity_tests.pair.probes.causes import cause, is_trained
from parity_tests.pair.probes.graph_facts import changing
from parity_tests.pair.probes.table import FORWARD, PROBES, Cause, Sides

__all__ = ["FORWARD", "PROBES", "Cause", "Sides", "cause", "changing", "is_trained"]

# What fits whatever is apart is tried when nothing that has a name does.
PROBES.sort(key=lambda known: known.changes is operations.operations)
