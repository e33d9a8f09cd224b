"""Claims about the page of a comparison as a browser shows it, in headless Chromium."""

import numpy as np
import pytest

from parity_tests.engine.small_plays import small_run
from parity_tests.house import browsers
from parity_tests.pair import html_report, networks, stored_pairs


@pytest.fixture(scope="module")
def browser():
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page of what is hardest to show: long names, many layers, two subjects."""
    name = "a_scope_of_a_scope/" * 6 + "kernel"
    plays = [
        {
            stage: {
                {"dense/kernel": name}.get(tensor, tensor): value
                for tensor, value in named.items()
            }
            for stage, named in record.items()
        }
        for record in small_run(learning_rate=0.1)
    ]
    off = [dict(record) for record in plays]
    for record in off[2:]:
        record["updates"] = {
            key: value + np.float32(1e-3) for key, value in record["updates"].items()
        }
    subject = stored_pairs.subject(name="x" * 200, reference=plays, candidate=off)
    for trace in subject.trace.levels.values():
        trace.layers = [
            networks.Layer(
                f"layer_{n}" * 8, "Dense", (n - 1,) * bool(n), name, "A", n, n, ()
            )
            for n in range(8)
        ]
        lines = ("a line of code " * 20,) * 9
        trace.sources = [
            networks.Source(title, "/home/" + "user/" * 40, 95, lines, (98,))
            for title in ("TF1", "the twin")
        ]
    path = tmp_path_factory.mktemp("report") / "index.html"
    text = html_report.page([subject, stored_pairs.subject()], {"cpu": "x" * 300})
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser, address):
    """(width, colour scheme) -> a page; none may say anything or ask for anything."""
    contexts, said = [], []

    def open_page(width, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url in (address, "data:,") or said.append(request.url)
            ),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "width, scheme", [(400, "light"), (900, "dark"), (1440, "light")]
)
def test_nothing_is_cut_and_all_can_be_read(width, scheme, opened):
    page = opened(width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(n => n.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    # Figures are as wide as there is room, and each line of a plot is there.
    widths = page.evaluate(
        "[...document.querySelectorAll('.plot svg')].map(node => node.clientWidth)"
    )
    assert min(widths) > width / 2 - 100
    assert page.locator(".plot path").count() >= 4
    assert page.locator(".heat rect").count() >= 2
    least, where = page.evaluate(browsers.CONTRAST)
    assert least >= 4.5, where


def test_the_keyboard_reaches_and_opens_everything(opened):
    page = opened(900)
    closed = page.locator("details:not([open])").count()
    assert closed >= 2
    # Twice as many as can be reached while they are closed.
    for _ in range(2 * page.locator("a[href^='#'], summary, [tabindex]").count()):
        page.keyboard.press("Tab")
        is_closed, outline = page.evaluate(
            """() => { const node = document.activeElement;
            return [node.matches("details:not([open]) > summary"),
                    node === document.body || getComputedStyle(node).outlineStyle]; }"""
        )
        assert outline != "none"  # what has the focus shows it
        if is_closed:
            page.keyboard.press("Enter")
    assert page.locator("details:not([open])").count() == 0


def test_what_scrolls_or_is_a_picture_has_a_name(opened):
    page = opened(400)
    unnamed = page.evaluate(
        "[...document.querySelectorAll('[role=region], [role=img], [role=group]')]"
        ".filter(node => !node.getAttribute('aria-label')).map(node => node.outerHTML)"
    )
    assert unnamed == []
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1


def test_on_paper_everything_lies_open(opened):
    page = opened(900, "dark")
    page.emulate_media(media="print", color_scheme="light")
    hidden = page.evaluate(
        "[...document.querySelectorAll('details td, details pre')]"
        ".filter(node => !node.checkVisibility({contentVisibilityAuto: true})).length"
    )
    assert page.locator("details:not([open])").count() >= 2
    assert hidden == 0
    assert page.locator("nav").is_hidden()
