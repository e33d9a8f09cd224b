"""Every piece of Python that a page shows runs, or stands in a file that runs.

A page of a chapter shows lines of the chapter's own files; a block that stands in neither
says so, ``<!-- executed -->``, and is run like the blocks of every other page. The page of
idioms is generated from rules that ``parity_tests/migrate/idioms_test.py`` runs. A block
that cannot run says why, ``<!-- not executed: REASON -->``; none has to so far.
"""

import contextlib
import io
import pathlib
import re
import shlex
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.house import markdown
from parity_tests.models import chapters, reading
from parity_tests.pages import idioms

ROOT = markdown.ROOT
STATE = "docs/guide/state.md"
HANDOVER = "docs/guide/handover.md"
AGENTS = "docs/agents.md"
PAGES = [page for page in markdown.pages() if page != idioms.PAGE]
BLOCKS = [
    block
    for page in PAGES
    for block in markdown.code(page)
    if block.language == "python"
]
EXCERPTS, EXECUTED = [], []
for block in BLOCKS:
    of_chapter = block.page.startswith("docs/models/") and block.remark != "executed"
    if not block.remark.startswith("not executed: "):
        (EXCERPTS if of_chapter else EXECUTED).append(block)


def place(block):
    return block.place


def flowing(code):
    """Code without line breaks and what a formatter puts beside them: commas, spaces."""
    return re.sub(r"(?<=[(\[{]) |,? (?=[)\]}])", "", " ".join(code.split()))


@pytest.mark.parametrize("block", EXCERPTS, ids=place)
def test_an_excerpt_stands_in_a_file_of_the_chapter(block):
    name = re.fullmatch(r"docs/models/(\w+)\.md", block.page)[1]
    assert block.text.strip()
    assert any(
        flowing(block.text) in flowing(path.read_text(encoding="utf-8"))
        for path in reading.all_sources(name)
    )


def statements(column):
    """The lines of a column, joined where the next is indented, without their spaces."""
    joined = []
    for line in filter(None, column):
        if line.startswith(" "):
            joined[-1] += line
        else:
            joined.append(line)
    return ["".join(text.split()) for text in joined]


def test_the_pair_on_the_first_screen_stands_in_the_two_files():
    """Line breaks apart, which two columns need."""
    (block,) = (
        block
        for block in markdown.code(ROOT / "README.md")
        if block.remark == "pair: mnist_cnn"
    )
    heading, _, *rows = (line.split("│") for line in block.text.splitlines())
    for number, file in enumerate(heading):
        source = "".join((ROOT / file.strip()).read_text("utf-8").split())
        column = [row[number].rstrip().removeprefix(" " * number) for row in rows]
        assert len(statements(column)) == 3
        for statement in statements(column):
            assert statement in source


def small_model():
    """A compiled model of two weights and the data that it fits."""
    model = keras.Sequential([keras.Input([1]), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def model_to_compile():
    return {"model": small_model()}


def tensorflow():
    return {"tf": tf}


def targets_and_predictions():
    return {"tf": tf, "y_true": tf.zeros([1, 4]), "y_pred": tf.ones([1, 4])}


def own_pair():
    """The sides and the batches that the page of pairs speaks of."""
    (block, *_) = (b for b in EXECUTED if b.page == "docs/own_pair.md")
    declared = block.text.partition("pair = ")[0]
    namespace = {}
    exec(declared, namespace)
    return namespace


def two_sums():
    """What the first two blocks of the page on measures make, for those below."""
    namespace = {}
    for block in [b for b in EXECUTED if b.page == "docs/measured.md"][:2]:
        exec(block.text, namespace)
    return namespace


def sides_of_a_pair():
    return {"model": small_model(), "x": np.ones([4, 1]), "y_true": np.ones([4, 1])}


# What a block finds: the names that its page speaks of.
GIVEN = {
    "README.md": sides_of_a_pair,
    "docs/measured.md": two_sums,
    "docs/own_pair.md": own_pair,
    "docs/parts.md": model_to_compile,
    "docs/guide/sessions.md": tensorflow,
    "docs/guide/tensors.md": tensorflow,
    "docs/guide/verify.md": dict,
    "docs/models/linear_regression.md": targets_and_predictions,
    "docs/models/logistic_regression.md": dict,
}


def execute(block, given):
    """Runs a block with these names; returns its namespace afterwards."""
    namespace = dict(given)
    exec(compile(textwrap.dedent(block.text), block.place, "exec"), namespace)
    return namespace


@pytest.mark.parametrize(
    "block",
    [block for block in EXECUTED if block.page not in (STATE, AGENTS, HANDOVER)],
    ids=place,
)
def test_a_block_runs_and_prints_what_the_page_says(
    block, capsys, tmp_path, monkeypatch
):
    given = GIVEN[block.page]()
    monkeypatch.chdir(tmp_path)
    if "model" in given:
        given["model"].save("model.keras")
    namespace = execute(block, given)
    if "model" in given:  # what the block compiled, or loaded, trains
        namespace["model"].fit(np.ones([4, 1]), np.ones([4, 1]), verbose=0)
        return
    blocks = [
        piece for piece in markdown.code(ROOT / block.page) if piece.line > block.line
    ]
    printed = capsys.readouterr().out
    if printed:
        following = next(piece for piece in blocks if piece.language != "inline")
        assert following.language == ""
        numbers = [list(map(float, text.split())) for text in (printed, following.text)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", chapters.checkpointed())
def test_a_checkpoint_is_taken_over_as_the_guide_says(name, tmp_path):
    (block,) = (block for block in EXECUTED if block.page == STATE)
    graph = chapters.graph(name).build().graph
    path = str(tmp_path / "model.ckpt")
    with graph.as_default(), tf1.Session() as session:
        session.run(tf1.global_variables_initializer())
        # Not what the twin starts from anyway.
        session.run(
            [v.assign(tf1.cast(v + 1, v.dtype)) for v in tf1.global_variables()]
        )
        tf1.train.Saver().save(session, path, write_meta_graph=False)
    twin = chapters.twin(name)
    model = twin.build()
    names = twin.checkpoint_names(model)
    given = {"model": model, "path": path, "checkpoint_names": names}
    assert execute(block, given)["plan"].is_whole
    variables = {v.path: v for v in (*model.variables, *model.optimizer.variables)}
    reader = tf.train.load_checkpoint(path)
    for tf1_name, keras_path in names.items():
        np.testing.assert_array_equal(
            variables[keras_path].numpy(), reader.get_tensor(tf1_name), strict=True
        )


@pytest.mark.slow
@pytest.mark.skipif(not PAGES, reason="docs/ is in a checkout only")
def test_the_loop_of_agents_runs_as_its_page_says(
    tf_parity, tmp_path, monkeypatch, capfd
):
    """A mistake is planted, found by the loop, mended as it says, and gone."""
    monkeypatch.chdir(tmp_path)
    page = next(page for page in PAGES if page.match(AGENTS))
    pieces = markdown.code(page)
    calls = [
        words
        for piece in pieces
        if piece.language == "console"
        for _, *words in markdown.commands(piece)
    ]
    (made, repeated, last) = calls
    (reading,) = (piece for piece in pieces if piece.language == "python")
    assert tf_parity(*made)[0] == 0
    (path,) = (pathlib.Path(word) for word in repeated if word.endswith(".py"))
    right, wrong = "optimizers.Adam(0.01)", "optimizers.Adam(0.02)"
    source = path.read_text()
    assert source.count(right) == 1
    path.write_text(source.replace(right, wrong))
    code, _, err = tf_parity(*repeated)
    assert code == 1, err
    execute(reading, {})
    printed = capfd.readouterr().out
    assert f"{path}, function: updates, " in printed
    assert "learning_rate=0.01" in printed
    assert "(read docs/guide/optimizers.md)" in printed
    path.write_text(source)
    assert tf_parity(*repeated)[0] == 0
    execute(reading, {})
    assert capfd.readouterr().out == ""
    assert tf_parity(*last)[0] == 0
    assert (tmp_path / "report" / "index.html").is_file()


@pytest.mark.skipif(not PAGES, reason="docs/ is in a checkout only")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_page_of_the_hand_over_runs_from_top_to_bottom(
    tf_parity, tmp_path, monkeypatch
):
    """Its blocks are one program; a console prints at least what the page shows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    page = next(page for page in PAGES if page.match(HANDOVER))
    namespace, printed, ran = {}, "", 0
    for piece in markdown.code(page):
        kind, _, name = piece.remark.partition(": ")
        if kind == "file":
            pathlib.Path(name).write_text(piece.text, encoding="utf-8")
        elif piece.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                namespace = execute(piece, namespace)
            printed = out.getvalue()
        elif piece.language == "console":
            shown = iter(piece.text.splitlines())
            lines = []
            for line in shown:
                if line.startswith("$ "):
                    _, *words = shlex.split(line[2:])
                    code, out, err = tf_parity(*words)
                    assert (code, err) == (0, ""), line
                    lines = [" ".join(text.split()) for text in out.splitlines()]
                    ran += 1
                else:
                    assert " ".join(line.split()) in lines, line
        elif piece.language == "":
            assert printed == piece.text
    assert ran == 4 and namespace["plan"].is_whole
    sys.modules.pop("twin")
