"""TF1's learning-rate decays as Keras schedules, alike in a function and eagerly.

A Session ran a decay through Grappler, which divides by a constant by multiplying with
its rounded inverse and gathers constants that meet. Keras's schedules leave that to
Grappler too: called eagerly, or in a tf.function that returns nothing, they give other
last digits. The schedules here are written as what Grappler makes of TF1's, so that
there is nothing left to rewrite, and every caller gets the Session's numbers: those of
resource variables. With a fed step or a reference variable Grappler knows less of the
graph, and where alpha or beta is zero, or there is noise, last digits differ.

The TF1 program passed ``global_step`` to the decay and to ``minimize``. Forgotten at
``minimize``, the step stays 0 and the rate never decays: such a program needs the first
rate as a float here.
"""

from tf2_keras.tf1_semantics.schedules.cosines import (
    CosineDecay,
    CosineDecayRestarts,
    LinearCosineDecay,
    NoisyLinearCosineDecay,
)
from tf2_keras.tf1_semantics.schedules.decays import (
    ExponentialDecay,
    InverseTimeDecay,
    NaturalExpDecay,
    PiecewiseConstant,
    PolynomialDecay,
    WarmUp,
)

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LinearCosineDecay",
    "NaturalExpDecay",
    "NoisyLinearCosineDecay",
    "PiecewiseConstant",
    "PolynomialDecay",
    "WarmUp",
]
