"""What is claimed of a part of tf2_keras.tf1_semantics, as data."""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st


class Trap(NamedTuple):
    """A naive migration of a TF1 symbol, and how far off it is.

    write: what people write, as one line of code.
    off: () -> {step: error}, measured against a compat.v1 graph. An error is the largest
        difference over the largest magnitude: for an optimizer of the way that TF1's
        variables went since the start (1.0: as wrong as not to move at all), otherwise
        of what TF1 computed. Steps are of (1, 10, 100); 1 alone for what has no steps.
    at_least: {step: error} that the migration is off by, at least: the claim that a test
        makes. It names one step or several.
    instead: what to write, as one line of code.
    """

    write: str
    off: Callable[[], dict]
    at_least: dict
    instead: str


class Part(NamedTuple):
    """One public name of ``tf1_semantics``.

    name: with its module, such as "optimizers.Adam".
    tf1: the TF1 symbol that it reproduces, such as "tf.train.AdamOptimizer".
    arguments: Hypothesis strategy of keyword arguments of part and reference.
    samples: keyword arguments of a few instances, defaults and others: what the
        cross-cutting tests make, save, load and clone. Empty for a function.
    refused: pairs of (keyword arguments, the one that is wrong): a ValueError whose
        message starts with the wrong one's rule, and tells what was received and the
        remedy.
    proof: file and name of the test that compares it with the reference.
    reference: what the compat.v1 graph uses, called with the same arguments, where
        tf1_graph.parts does not say it.
    traps: naive migrations, the same-named Keras object with its defaults first.
    no_trap: why there is none, where there is none.
    """

    name: str
    tf1: str
    proof: str
    reference: Callable | None = None
    arguments: st.SearchStrategy | None = None
    samples: tuple = ()
    refused: tuple = ()
    traps: tuple = ()
    no_trap: str | None = None
