"""Claims about names that are looked up in a .meta before TensorFlow is imported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.commands import console, node_names
from parity_tests.witness import exported_twins
from tf1_graph import meta_graphs

NAMES = sorted(exported_twins.PROGRAMS)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_those_that_tensorflow_reads(name):
    path = exported_twins.meta(name)
    nodes = meta_graphs.read(path).graph_def.node
    assert node_names.of_meta(path) == {node.name for node in nodes}


@given(st.binary(max_size=40), st.integers(0, 2000))
def test_what_is_no_whole_graph_has_no_names_or_some(tmp_path_factory, junk, length):
    """Cut short or followed by anything, it ends in names or in None, in no error."""
    path = tmp_path_factory.mktemp("damaged") / "model.meta"
    with open(exported_twins.meta(NAMES[0]), "rb") as file:
        path.write_bytes(file.read(length) + junk)
    assert isinstance(node_names.of_meta(str(path)), set)


@pytest.mark.parametrize("content", [b"", b"no graph", 1000], ids=str)
def test_what_is_no_graph_is_told_before_tensorflow_is_imported(
    tf_parity, tmp_path, monkeypatch, content
):
    """In the words of whoever reads it with TensorFlow; a number cuts a graph short."""
    path = tmp_path / "model.meta"
    if isinstance(content, int):
        with open(exported_twins.meta(NAMES[0]), "rb") as file:
            content = file.read(content)
    path.write_bytes(content)
    with pytest.raises(ValueError) as refused:
        meta_graphs.read(str(path))
    monkeypatch.setattr(console, "import_tensorflow", lambda: pytest.fail("imported"))
    code, out, err = tf_parity("draft", path, "-o", tmp_path / "twin.py")
    assert (code, out) == (2, "")
    assert err == f"tf-parity: {refused.value}\n"
    assert not (tmp_path / "twin.py").exists()


@pytest.mark.parametrize(
    "words, said",
    [
        (["--train", "trian_op"], "--train trian_op (nearest: train"),
        (["--loss", "losss"], "--loss losss (nearest: loss"),
        (["--x", "x=none_such:0"], "--x none_such:0 (nearest: "),
        (["--training-feed", "keep=0.5"], "--training-feed keep (nearest: "),
    ],
)
def test_a_mistyped_name_is_told_before_tensorflow_is_imported(
    tf_parity, tmp_path, monkeypatch, words, said
):
    monkeypatch.setattr(console, "import_tensorflow", lambda: pytest.fail("imported"))
    meta = exported_twins.meta("lstm_classifier")
    code, out, err = tf_parity("draft", meta, "-o", tmp_path / "twin.py", *words)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert said in err
    assert not (tmp_path / "twin.py").exists()
