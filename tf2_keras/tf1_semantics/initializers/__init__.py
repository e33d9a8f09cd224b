"""TF1's initialisers as Keras ones, the random ones keyed by (graph seed, op seed).

Keras's own initialisers of the same names draw other numbers from the same seed. These
hold no state: a part gives the same tensor at every call, so that global seeds, call
order, retracing and the reuse of a layer cannot change it.

``seed`` is 0 by default, as TF1's ``seed=0`` in a graph without a seed, not its None:
what was not seeded drew other numbers at every start or, in a graph with a seed, took
the number of ops made before it. ``tf-parity seeds`` reads the pair from a graph.
"""

from tf2_keras.tf1_semantics.initializers.distributions import (
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
from tf2_keras.tf1_semantics.initializers.fixed import Constant, Identity
from tf2_keras.tf1_semantics.initializers.scaling import (
    ContribVarianceScaling,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    UniformUnitScaling,
    VarianceScaling,
    Xavier,
)

__all__ = [
    "Constant",
    "ContribVarianceScaling",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "LecunNormal",
    "LecunUniform",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "UniformUnitScaling",
    "VarianceScaling",
    "Xavier",
]
