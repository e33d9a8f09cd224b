"""Claims about the directive of the twin view, on a page of one's own."""

import pytest

pytest.importorskip("sphinx", reason="the extra docs is not installed")
pytest.importorskip("myst_parser", reason="the extra docs is not installed")

from sphinx.errors import SphinxError
from sphinx.testing.util import SphinxTestApp

from parity_tests.models import chapters, reading
from parity_tests.site import twin_view

CONFIGURATION = """
extensions = ["myst_parser"]
root_doc = "page"

def setup(app):
    from parity_tests.site import parts, symbols, twin_view
    app.add_config_value("parity_run", "", "env", str)
    app.add_directive("twin", twin_view.TwinDirective)
    app.add_directive("parts", parts.PartsDirective)
    app.add_directive("symbols", symbols.SymbolsDirective)
"""


@pytest.fixture
def built(tmp_path):
    """The HTML of a page with one directive on its third line."""
    applications = []

    def build(arguments, options="", directive="twin"):
        (tmp_path / "conf.py").write_text(CONFIGURATION)
        text = f"# Page\n\n```{{{directive}}} {arguments}\n{options}```\n"
        (tmp_path / "page.md").write_text(text)
        application = SphinxTestApp(srcdir=tmp_path, freshenv=True)
        applications.append(application)
        application.build()
        return (application.outdir / "page.html").read_text(encoding="utf-8")

    yield build
    for application in applications:
        application.cleanup()


def test_a_block_alone_is_shown(built):
    text = built("mnist_cnn inference")
    assert 'id="mnist_cnn-inference"' in text
    assert 'id="mnist_cnn-loss"' not in text


def test_comments_that_say_why_stand_out(built):
    text = built("mnist_cnn inference")
    (why,) = (line for line in text.splitlines() if "The notes fed keep_prob" in line)
    assert "twin-why" in why
    (shape, *_) = (line for line in text.splitlines() if "# [B, 3136]" in line)
    assert "twin-why" not in shape


@pytest.mark.parametrize(
    "directive, options, said",
    [
        ("mnist_cn", "", "Received: mnist_cn. Nearest: mnist_cnn"),
        ("mnist_cnn inferenze", "", "Received: inferenze. Nearest: inference"),
        ("mnist_cnn inference", ":pin: 1-2\n", "Received: 1-2. Use the numbers"),
    ],
    ids=["chapter", "block", "pin"],
)
def test_what_does_not_exist_stops_the_build_with_file_and_line(
    directive, options, said, built
):
    with pytest.raises(SphinxError) as stopped:
        built(directive, options)
    assert "page.md:3: " in str(stopped.value)
    assert said in str(stopped.value)


@pytest.mark.parametrize(
    "directive, name, nearest",
    [("parts", "optimisers", "optimizers"), ("symbols", "tf.nm", "tf.nn")],
)
def test_an_unknown_module_stops_it_too(directive, name, nearest, built):
    with pytest.raises(SphinxError) as stopped:
        built(name, directive=directive)
    assert "page.md:3: " in str(stopped.value)
    assert f"Received: {name}. Nearest: {nearest}" in str(stopped.value)


@pytest.mark.parametrize("text", ["", "70", "70-", "70-103,71-109", "a-b"])
def test_pins_are_pairs_of_lines(text):
    with pytest.raises(ValueError, match="pin must be pairs of lines"):
        twin_view.pins(text)
    assert twin_view.pins("70-103 71-109") == ((70, 103), (71, 109))


@pytest.mark.slow
def test_the_directive_knows_every_chapter():
    for name in chapters.NAMES:
        assert "twin-block" in twin_view.rendered(
            name, reading.aligned(name), (), {}, twin_view.naive(name)
        )
