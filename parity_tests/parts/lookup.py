"""The descriptor of tf1_semantics.lookup, and its twin."""

import keras
from hypothesis import strategies as st

from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import lookup as tf1_lookup
from tf1_graph.parts.lookup import SYMBOLS, VARIANTS, WORDS
from tf2_keras import training


def twin(part, arguments, _problem):
    """The twin of ``tf1_lookup.program``."""
    table = made(part, arguments)
    return training.Twin({}, {"look_up": lambda x: {"outputs": {"y": table(x)}}})


def _off():
    """{1: error} of Keras's numbers for known words and unknown ones."""
    program = tf1_lookup.program(
        "lookup.IndexTable",
        {"mapping": WORDS, "num_oov_buckets": 1},
        {"dtype": "string"},
    )
    x = [["wolf", "the", "cat"]]
    _, record = session.play(program, [("look_up", {"x": x})])
    layer = keras.layers.StringLookup(vocabulary=WORDS)
    return {1: relative_error(record["outputs"]["y"], layer(x))}


SAMPLES = tuple(arguments for arguments, _ in VARIANTS["lookup.IndexTable"])
PARTS = (
    Part(
        name="lookup.IndexTable",
        tf1=SYMBOLS["lookup.IndexTable"],
        proof="parity_tests/parts/lookup_test.py::test_numbers_are_those_of_tf1",
        arguments=st.sampled_from(SAMPLES),
        samples=SAMPLES,
        refused=tuple(
            ({**SAMPLES[0], name: value}, name)
            for name, values in (
                ("mapping", ([], "words", None, ["a", "a"], ["a", 1], [True], [1.0])),
                ("num_oov_buckets", (-1, 1.0, None, True)),
                ("default_value", (1.0, None, True)),
            )
            for value in values
        ),
        traps=(
            Trap(
                "keras.layers.StringLookup(vocabulary=words)",
                _off,
                {1: 0.5},
                "tf1_semantics.lookup.IndexTable(words, num_oov_buckets=1)",
            ),
        ),
    ),
)
