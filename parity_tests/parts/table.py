"""The table of parts: every public name of tf2_keras.tf1_semantics.

One module beside this one holds each kind's descriptors; this is all of them, for the
tests and pages that cut across.
"""

import functools

from parity_tests.parts import (
    attention,
    averages,
    callbacks,
    clipping,
    crf,
    decoding,
    gradients,
    initializers,
    layers,
    lookup,
    losses,
    metrics,
    optimizers,
    random,
    recurrent,
    schedules,
    tf_keras,
    unrolled,
)
from parity_tests.parts.making import constructor

__all__ = ["PARTS", "constructor", "measured"]

PARTS = (
    *initializers.PARTS,
    *optimizers.PARTS,
    *schedules.PARTS,
    *clipping.PARTS,
    *averages.PARTS,
    *losses.PARTS,
    *metrics.PARTS,
    *layers.PARTS,
    *random.PARTS,
    *attention.PARTS,
    *lookup.PARTS,
    *recurrent.PARTS,
    *unrolled.PARTS,
    *crf.PARTS,
    *decoding.PARTS,
    *tf_keras.PARTS,
    *gradients.PARTS,
    *callbacks.PARTS,
)


@functools.cache
def measured(name, number):
    """{step: error} of one trap of a part: see ``descriptor.Trap``."""
    (part,) = (part for part in PARTS if part.name == name)
    return part.traps[number].off()
