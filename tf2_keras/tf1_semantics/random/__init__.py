"""TF1's seeded random ops as Keras layers, whose place in a stream is a weight."""

from tf2_keras.tf1_semantics.random.candidates import (
    FixedUnigramCandidateSampler,
    LearnedUnigramCandidateSampler,
    LogUniformCandidateSampler,
    UniformCandidateSampler,
)
from tf2_keras.tf1_semantics.random.draws import Categorical, Shuffle
from tf2_keras.tf1_semantics.random.noise import Normal, Uniform

__all__ = [
    "Categorical",
    "FixedUnigramCandidateSampler",
    "LearnedUnigramCandidateSampler",
    "LogUniformCandidateSampler",
    "Normal",
    "Shuffle",
    "Uniform",
    "UniformCandidateSampler",
]
