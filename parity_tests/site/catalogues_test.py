"""Claims about the Chinese edition's catalogues: that they are of today's pages."""

import collections
import re

import pytest

pytest.importorskip("sphinx", reason="the extra docs is not installed")

from markdown_it import MarkdownIt

from parity_tests.site import catalogues, links

UPDATE = "python -m parity_tests.site.catalogues, then translate what is fuzzy"
NAMES = sorted(path.stem for path in catalogues.folder().glob("*.po"))


@pytest.fixture(scope="module")
def sources():
    return catalogues.sources()


def translated():
    """(catalogue, message) of every translation."""
    return [
        (name, message)
        for name in NAMES
        for message in catalogues.read(name)
        if message.id and message.string
    ]


def facts(text):
    """What no translation may change: code, addresses, and numbers."""
    code = [match[2] for match in re.finditer(r"(`+)(.+?)\1", text)]
    prose = re.sub(r"(`+).+?\1", " ", text)
    addresses = re.findall(r"\]\(([^)]*)\)", prose)
    prose = re.sub(r"\]\([^)]*\)", "]", prose)
    numbers = re.findall(r"(?<![A-Za-z\d.])\d+(?:\.\d+)*", prose)
    return sorted(code), sorted(addresses), sorted(numbers)


@pytest.mark.parametrize("name", NAMES)
def test_a_catalogue_is_of_the_messages_that_the_pages_have_today(name, sources):
    if name == catalogues.THEME:
        pytest.skip("the theme's words are no page's")
    entries = [message for message in catalogues.read(name) if message.id]
    changed = [message.id for message in entries if message.fuzzy]
    assert changed == [], UPDATE
    assert {message.id for message in entries} - set(sources[name]) == set(), UPDATE


@pytest.mark.parametrize("name", NAMES)
def test_every_message_of_the_edition_is_translated(name, sources):
    catalogue = catalogues.read(name)
    left = [
        message
        for message in sources.get(name, ())
        if not catalogues.is_translated(catalogue.get(message))
    ]
    if left:
        told = "; ".join(message[:40] for message in left)
        pytest.xfail(f"{name}: {len(left)} not translated: {told}")


def test_the_edition_has_all_pages_but_the_tables_of_data():
    """Their rows are names and reasons of parts and budgets, as the terminal has them."""
    left = set(catalogues.documents()) - set(catalogues.edition())
    assert left == {"parts", "tolerances", "traps"}


def test_code_addresses_and_numbers_are_those_of_the_page():
    wrong = [
        (name, message.id)
        for name, message in translated()
        if facts(message.id) != facts(message.string)
    ]
    assert wrong == []


def marks(text):
    """What Markdown shows of a text otherwise than as letters, counted."""
    tokens = MarkdownIt("commonmark").parseInline(text)[0].children
    return collections.Counter(token.type for token in tokens if token.tag)


def test_what_is_bold_or_a_link_on_the_page_is_so_in_the_translation():
    """Behind 。 no ** ends anything, unless another sign follows: write **…**。"""
    wrong = [
        (name, message.string)
        for name, message in translated()
        if marks(message.id) != marks(message.string)
    ]
    assert wrong == []


def test_a_translation_is_in_chinese():
    """It has a Chinese character, or is a name that is the same in both."""
    wrong = [
        message.string
        for _, message in translated()
        if not re.search("[\u3000-\u9fff\uff00-\uffef]", message.string)
        and message.string != message.id
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "text, is_needed",
    [
        ("the same rate", True),
        ("a `.meta`", True),
        ("[numbers](numbers.md)", True),
        ("`tf.gradients`, `tf.cond`", False),
        ("[a/b.py](../a/b.py), [c.py](c.py)", False),
        ("0.5", False),
        ("TypeError", False),
        ("keras-team/keras#19649", False),
    ],
)
def test_what_needs_a_translation_has_a_word_besides_code_and_names(text, is_needed):
    assert catalogues.needs_translation(text) is is_needed


@pytest.fixture
def own_catalogue(tmp_path, monkeypatch):
    """A catalogue of one message."""
    monkeypatch.setattr(catalogues, "folder", lambda: tmp_path)
    text = 'msgid "The rate falls after each epoch."\nmsgstr "学习率逐轮下降。"\n'
    (tmp_path / "guide.po").write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("own_catalogue")
def test_a_message_that_changed_makes_its_translation_fuzzy():
    text = catalogues.updated("guide", ["The rate falls after every epoch."])
    assert "fuzzy" in text
    assert 'msgid "The rate falls after every epoch."' in text
    assert "学习率" in text


@pytest.mark.usefixtures("own_catalogue")
def test_or_takes_it_out_for_whoever_knows_no_chinese():
    texts = ["The rate falls after every epoch."]
    text = catalogues.updated("guide", texts, is_dropping=True)
    assert 'msgid "The rate falls after every epoch."\nmsgstr ""' in text
    assert "fuzzy" not in text
    assert "学习率" not in text


@pytest.mark.usefixtures("own_catalogue")
def test_a_message_that_is_gone_leaves_the_catalogue():
    assert "学习率" not in catalogues.updated("guide", [])


def test_links_out_of_the_edition_lead_to_the_english_page():
    text = (
        "[a](../parts.md#layers), [b](sessions.md), [c](../../tf1_graph/a.py), [d](#e)"
    )
    assert links.rewritten(text, "guide", ("guide/sessions",)) == (
        "[a](site:parts.html#layers), [b](sessions.md), [c](source:tf1_graph/a.py), "
        "[d](#e)"
    )
    assert links.rewritten(text, "guide") == (
        "[a](../parts.md#layers), [b](sessions.md), [c](source:tf1_graph/a.py), [d](#e)"
    )
    assert links.rewritten("[a](guide/README.md)", "", ()) == (
        "[a](site:guide/index.html)"
    )
