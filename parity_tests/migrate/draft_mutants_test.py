"""Claims about mutated graphs: whatever is changed changes the draft, or is refused."""

import re

import pytest

from parity_tests.migrate import draft_mutants, drafted
from parity_tests.pair.drafting import finding, proving
from tf2_keras.migrate.draft import drafting, writing
from tf2_keras.migrate.draft.errors import Undraftable

# How many mutants of a graph there are at least; a rule that is new adds its own.
LEAST = {"slim_cnn": 75, "lstm_classifier": 45, "mnist_cnn": 70}
# What may be changed without any number changing, and why.
EQUIVALENT = {
    r"num_present/Equal/y .*value": "a weight of 1 is neither 0 nor 0.03",
    r"num_present/zeros_like .*value": "of two branches the one that is not taken",
    r"softmax_cross_entropy_loss/Sum_1 .*keep_dims": "the sum of one number has no axes",
}


def source_of(meta_graph, names):
    program = proving.program_of(meta_graph, names)
    product = drafting.drafted(proving.request_of(program, names, "model.meta"))
    return writing.source(product, [])


@pytest.mark.slow
@pytest.mark.parametrize("name", LEAST)
def test_a_change_of_the_graph_changes_its_draft_or_is_refused(name):
    meta_graph, names = drafted.of(name)
    names = proving.with_target(meta_graph, finding.found(meta_graph, names))
    original, unseen, count = source_of(meta_graph, names), [], 0
    for mutant in draft_mutants.mutants(meta_graph, names):
        count += 1
        try:
            is_seen = source_of(mutant.meta_graph, names) != original
        except (Undraftable, ValueError):
            is_seen = True  # ValueError: TensorFlow itself takes no such graph
        if not is_seen:
            unseen.append(str(mutant))
    assert count >= LEAST[name]
    assert [
        mutant
        for mutant in unseen
        if not any(re.search(pattern, mutant) for pattern in EQUIVALENT)
    ] == []
