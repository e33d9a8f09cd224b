"""Claims about drafts: equal to their graphs, readable, the same each time."""

import ast
import functools
import re

import pytest

from parity_tests.migrate import drafted
from parity_tests.models import chapters
from parity_tests.pair.drafting import finding, proving
from tf2_keras.migrate.draft.errors import Undraftable

MOST_PARAMETERS = 6
# Drafts that are longer than the twin by hand, by how much, and why.
LONGER = {
    "dcgan": (
        1.3,
        "each layer of a network is written out, none in a loop over levels",
    ),
    "transformer": (1.2, "a reshape or a product between layers is a layer of its own"),
}
WIDTH = 88


@functools.cache
def proof_of(name):
    return drafted.proven(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", drafted.NAMES)
def test_a_draft_is_equal_to_its_graph_and_reads_as_it_was_approved(name):
    """At levels function and fit; ``python -m parity_tests.migrate.drafted`` rewrites."""
    proof = proof_of(name)
    assert proof.is_equal, proof.status
    assert proof.source == drafted.golden(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", drafted.NAMES)
def test_a_draft_is_readable(name):
    source = drafted.golden(name).read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert max(map(len, source.splitlines())) <= WIDTH
    assert "raw_ops" not in source and "Lambda" not in source
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node in tree.body:
            assert len(node.args.args) <= MOST_PARAMETERS, node.name
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("name", drafted.CHAPTERS)
def test_a_draft_is_no_longer_than_the_twin_by_hand(name):
    def model_part(source):
        """Lines of the functions that both have, without what only a run needs."""
        known = {
            "Config",
            "inference",
            "loss",
            "optimizer",
            "build",
            "checkpoint_names",
        }
        tree = ast.parse(source)
        skipped = {"run", "accuracy", "next_batch", "make_data", "mini_batches"}
        listed = [
            node for node in tree.body if getattr(node, "name", "") not in skipped
        ]
        if name in drafted.SEVERAL:
            known -= {"loss", "optimizer"}  # each step's are called after it
        assert known <= {getattr(node, "name", None) for node in listed}
        return sum(node.end_lineno - node.lineno + 1 for node in listed)

    by_hand = chapters.twin(name).__file__
    with open(by_hand, encoding="utf-8") as file:
        written = model_part(file.read())
    draft = model_part(drafted.golden(name).read_text(encoding="utf-8"))
    most, _ = LONGER.get(name, (1.0, ""))
    assert draft <= most * written, (draft, written)


def test_each_chapter_is_drafted_or_refused():
    known = {*drafted.CHAPTERS, *drafted.REFUSED, *drafted.ASKED}
    assert known == {*chapters.MODELS}


@pytest.mark.parametrize("name", drafted.REFUSED)
def test_what_cannot_be_drafted_is_refused_by_op_and_node(name):
    meta_graph, names = drafted.of_chapter(name)
    names = finding.found(meta_graph, names)
    with pytest.raises(Undraftable, match=re.escape(drafted.REFUSED[name])):
        proving.proven(meta_graph, names, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", drafted.ASKED)
def test_what_a_graph_leaves_open_is_asked_for_with_the_candidates(name):
    meta_graph, _ = drafted.exported_chapter(name)
    with pytest.raises(ValueError, match=re.escape(drafted.ASKED[name])):
        names = finding.found(meta_graph, finding.Names())
        proving.proven(meta_graph, names, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "slim_cnn"])
def test_the_same_graph_gives_the_same_bytes(name):
    again = drafted.proven(name)
    assert again.source == proof_of(name).source


def test_the_first_lines_say_what_was_compared():
    source = proof_of("mlp").source
    assert re.match(
        r'"""A Keras 3 twin of the training graph in mlp\.meta\.\n\n', source
    )
    assert f"Compared with that graph over {drafted.STEPS} steps" in source
