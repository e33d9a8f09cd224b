"""Claims about the built site: what it holds, that its links lead somewhere, its look.

All of them share one build, which takes the better part of a minute, and this file.
"""

import html
import itertools
import json
import re
import urllib.parse

import jsonschema
import pytest

from parity_tests.house import browsers
from parity_tests.models import chapters, reading
from parity_tests.pair import html_report
from parity_tests.site import (
    catalogues,
    docstrings,
    keras_objects,
    machines,
    numbers,
    parts,
    symbols,
    traps,
    twin_view,
)
from parity_tests.site.built import Page, page, targets
from parity_tests.site.extension import STATIC
from parity_tests.site.links import of_test
from tf2_keras.migrate import addresses, catalogue, errors, html_pages

pytestmark = pytest.mark.slow(shared="site")
LARGEST = 20_000_000  # bytes of the whole site
CHAPTER = "models/mnist_cnn.html"
# Nothing that they use has a namesake in Keras, or a part, that it would be taken for.
WITHOUT_TRAPS = ("kmeans", "input_iterators", "input_queues", "nearest_neighbours")
WITHOUT_TRAPS += ("canned_estimator", "train_and_evaluate")
# A page of each kind, at the widths and in the colours that show most of it.
RUN = "models/linear_regression.html"  # what conftest has a run of
LOOKED_AT = [
    (RUN, 400, "light"),
    (RUN, 900, "dark"),
    (RUN, 1440, "light"),
    ("symbols/tf.layers.html", 400, "dark"),
    ("symbols/tf.layers.html", 1440, "light"),
    ("parts/clipping.html", 400, "light"),
    ("parts/clipping.html", 1440, "dark"),
    ("guide/verify.html", 400, "dark"),
    (f"zh/{RUN}", 400, "light"),
    ("zh/index.html", 1440, "dark"),
]


def test_every_link_leads_to_a_page_of_the_site_and_to_a_place_on_it(site):
    dead, followed = set(), 0
    for path in site.rglob("*.html"):
        for link in targets(path)[0]:
            target = urllib.parse.urlsplit(link)
            if target.scheme or target.netloc:
                assert target.scheme in ("https", "http", "mailto"), link
                continue
            file = path.parent / urllib.parse.unquote(target.path)
            file = file.resolve() if target.path else path
            anchor = urllib.parse.unquote(target.fragment)
            if not file.is_file() or (
                file.suffix == ".html" and anchor not in targets(file)[1]
            ):
                dead.add((path.name, link))
            followed += 1
    assert sorted(dead)[:20] == []
    assert followed > 5000


def test_no_file_names_the_folder_that_it_was_built_in(site):
    folder = str(site.parent).encode()
    files = [path for path in site.rglob("*") if path.is_file()]
    assert [path for path in files if folder in path.read_bytes()] == []
    assert b"symbols/tf.nn.md" in (site / "searchindex.js").read_bytes()


def test_every_symbol_has_the_address_that_explain_prints(site):
    rules = list(catalogue.every())
    assert len(rules) > 5500
    for rule in rules:
        name, _, anchor = addresses.of_symbol(rule.symbol).partition("#")
        assert anchor == rule.symbol
        assert anchor in targets(site / name)[1]


def test_what_is_told_of_a_class_is_the_address_of_its_methods():
    assert addresses.of_symbol("tf.compat.v1.log") == "symbols/tf.html#tf.log"
    method = addresses.of_symbol("tf.train.Saver.no_method")
    assert method == "symbols/tf.train.html#tf.train.Saver"
    assert addresses.of_symbol("nothing") == ""


def test_every_message_has_the_address_that_explain_prints(site):
    for error in errors.errors():
        name, _, anchor = addresses.of_message(error).partition("#")
        assert anchor in page(site / name).anchors, error.message


def test_a_symbol_tells_what_the_catalogue_knows(site):
    text = page(site / "symbols/tf.nn.html").text
    rule = catalogue.shown(catalogue.find("tf.nn.dropout"))
    assert rule.replacement in text
    assert rule.cases[0].note in text
    assert rule.evidence in text


def test_a_symbol_names_the_chapters_that_use_it(site):
    users = symbols.chapters_by_symbol()
    assert "mnist_cnn" in users["tf.truncated_normal"]
    links, _ = targets(site / "symbols/tf.html")
    for name in users["tf.truncated_normal"]:
        assert f"../models/{name}.html" in links


def test_a_keras_object_tells_what_is_measured_of_it(site):
    measured, _ = keras_objects.by_object()["keras.optimizers.RMSprop"]
    text = page(site / "keras.html").text
    assert len(measured) > 1
    for trap in measured:
        assert " ".join(trap.written.split()) in text


def test_a_part_tells_what_its_docstring_says(site):
    assert len(parts.parts()) > 120
    for part in parts.parts():
        file, _, anchor = parts.address_of(part.name).partition("#")
        shown = page(site / file)
        assert anchor in shown.anchors
        for passage in docstrings.passages(part.definition.docstring):
            for said in (passage.text, *itertools.chain(*passage.entries)):
                assert " ".join(said.replace("``", "").split()) in shown.text
        assert f"../{of_test(part.proof)}" in shown.links


def test_a_page_that_names_a_part_leads_to_it(site):
    assert "parts/optimizers.html#optimizers.Adam" in page(site / "parts.html").links
    name, anchor = addresses.of_symbol("tf.train.AdamOptimizer").split("#")
    assert "../parts/optimizers.html#optimizers.Adam" in page(site / name).links
    assert anchor in page(site / name).anchors


@pytest.mark.parametrize("name", chapters.NAMES)
def test_a_chapter_shows_every_line_of_both_programs(name, site):
    text = (site / f"models/{name}.html").read_text(encoding="utf-8")
    shown = page(site / f"models/{name}.html")
    traps, switches = [], 0
    views = text.split('<section class="twin highlight"')[1:]
    for stem, view in zip(chapters.stems(name), views, strict=True):
        blocks = re.findall(
            '<pre class="(tf.)" style="--before: (.*?)">(.*?)</pre>', view, re.S
        )
        for side, path in zip(("tf1", "tf2"), reading.sources(stem), strict=True):
            lines = {}
            for kind, before, code in blocks:
                if kind == side:
                    code = html.unescape(re.sub("<[^>]+>", "", code)).splitlines()
                    lines |= dict(enumerate(code, int(before) + 1))
            written = dict(enumerate(path.read_text("utf-8").splitlines(), 1))
            assert {n: line for n, line in written.items() if line} == {
                n: line for n, line in lines.items() if line
            }
        for left, right in reading.aligned(stem):
            assert f"{stem}-{(left or right).name}" in shown.anchors
        naive = [trap for line in twin_view.naive(stem).values() for trap in line]
        switches += bool(naive)
        traps += naive
    assert shown.headings.count("h1") == 1
    assert text.count('class="twin-naive"') == len(traps)
    assert text.count('class="twin-plot"') == len(traps)
    assert text.count('class="twin-switch"') == switches
    assert bool(traps) is (name not in WITHOUT_TRAPS)


def test_numbers_are_those_of_the_run(site):
    text = page(site / "models/linear_regression.html").text
    assert "eager 6.8 of 64" in text
    assert "fit 0 ULP" in text
    links = page(site / "models/linear_regression.html").links
    assert "../tolerances.html#linear_regression-eager-loss" in links
    for test in (numbers.EXACT, numbers.BUDGETED):
        assert f"../{of_test(test)}" in links


def test_the_trajectories_of_both_sides_and_of_1_15_5_are_drawn(site):
    path = site / "models/linear_regression.html"
    _, _, figure = path.read_text(encoding="utf-8").partition("<figure")
    figure, _, _ = figure.partition("</figure>")
    legend = Page(figure.partition("<ul")[2]).text
    assert "TensorFlow 1.15.5: 2.5" in legend
    assert "TF1, compat.v1: 2" in legend
    assert "the twin, function: 2" in legend
    witness, graph, twin = re.findall('class="[^"]*" d="(M[^"]*)"', figure)[:3]
    assert graph == twin
    assert graph.startswith(witness) and graph != witness
    assert "recorded up to step 2" in figure


def test_what_is_drawn_is_of_the_files_above_it(site):
    assert "<figure" not in (site / "models/mlp.html").read_text(encoding="utf-8")


def test_reports_have_the_colours_and_fonts_of_the_site(site):
    palette = (html_pages.HERE / "palette.css").read_text(encoding="utf-8")
    assert (site / "_static/palette.css").read_text(encoding="utf-8") == palette
    assert palette.strip() in html_report.page([], {})
    assert palette.strip() in html_pages.rendered(html_pages.HERE / "look.css")
    used = set(re.findall(r"var\((--[\w-]+)\)", (STATIC / "site.css").read_text()))
    assert {"--paper", "--ink", "--link", "--same", "--changes", "--gone"} <= used


def test_a_stale_run_is_told_and_none_of_its_numbers_shown(site):
    text = page(site / "models/mlp.html").text
    assert "is of other files than those above" in text
    assert (
        "0 ULP"
        not in text.partition("Side by side")[2].partition("Before and after")[0]
    )


def test_a_chapter_without_a_run_says_so(site):
    text = page(site / CHAPTER).text
    assert "built without a run of it: tf-parity run --json report.json" in text


@pytest.mark.parametrize("document", catalogues.edition())
def test_both_editions_show_the_same_code_and_lead_to_each_other(document, site):
    english = site / f"{document}.html"
    chinese = site / f"zh/{document}.html"
    assert page(chinese).blocks == page(english).blocks
    assert page(english).anchors <= page(chinese).anchors
    assert chinese in [
        (english.parent / link).resolve() for link in page(english).links
    ]
    assert english in [
        (chinese.parent / link).resolve() for link in page(chinese).links
    ]
    assert '<html class="no-js" lang="zh-CN"' in chinese.read_text(encoding="utf-8")


def test_a_page_in_english_alone_leads_to_the_front_of_the_chinese_edition(site):
    assert "../zh/index.html" in page(site / "symbols/tf.nn.html").links
    assert not (site / "zh/symbols").exists()


def test_the_chinese_edition_leads_to_the_one_set_of_symbols(site):
    assert "../../symbols/tf.html#tf.placeholder" in (
        page(site / "zh/guide/sessions.html").links
    )


def test_a_page_says_how_much_of_it_is_not_translated(site):
    for document in catalogues.edition():
        catalogue = catalogues.read(catalogues.domain(document))
        left = [
            message
            for message in catalogues.messages(document)
            if not catalogues.is_translated(catalogue.get(message))
        ]
        text = page(site / f"zh/{document}.html").text
        assert ("处尚未翻译" in text) is bool(left), document


def test_the_search_page_has_a_heading_in_both(site):
    assert page(site / "search.html").headings == ["h1"]
    assert page(site / "zh/search.html").headings == ["h1"]


def test_tables_for_machines_are_by_their_schema(site):
    schema = json.loads((site / "data/schema.json").read_text(encoding="utf-8"))
    assert schema["oneOf"][0]["properties"]["version"]["const"] == machines.VERSION
    kinds = {kind["properties"]["kind"]["const"]: kind for kind in schema["oneOf"]}
    checks = {
        name: jsonschema.Draft202012Validator(kind) for name, kind in kinds.items()
    }
    for name in machines.tables():
        lines = (site / f"data/{name}.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(lines) >= len(chapters.NAMES)
        for line in lines:
            row = json.loads(line)
            checks[row["kind"]].validate(row)
            file, _, anchor = row["address"].partition("#")
            assert anchor in targets(site / file)[1]
        llms = (site / "llms.txt").read_text(encoding="utf-8")
        assert f"(data/{name}.jsonl)" in llms


def test_the_site_is_no_larger_than_20_megabytes(site):
    sizes = [path.stat().st_size for path in site.rglob("*") if path.is_file()]
    assert sum(sizes) < LARGEST


@pytest.fixture(scope="module")
def browser():
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser, site):
    """(path, width, colour scheme) -> a page; none may say anything or ask elsewhere."""
    contexts, said = [], []

    def open_page(path, width=1440, scheme="light", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((site.as_uri(), "data:"))
                or said.append(request.url)
            ),
        )
        page.goto(f"{site.as_uri()}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize("path, width, scheme", LOOKED_AT)
def test_nothing_is_cut_all_can_be_read_and_axe_finds_nothing(
    path, width, scheme, opened
):
    page = opened(path, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    least, where = page.evaluate(browsers.CONTRAST)
    assert least >= 4.5, where
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python, which brings axe, is not installed",
    )
    options = {
        "preload": False,  # style sheets again, which no page may ask for from file://
    }
    violations = [
        f"{violation['id']}: {violation['nodes'][0]['html']}"
        for violation in axe.Axe().run(page, options=options).response["violations"]
        if violation["impact"] != "minor"
    ]
    assert violations == []


@pytest.mark.parametrize(
    "anchor, above",
    [
        ("symbols/tf.layers.html#tf.layers.dense", ".mobile-header"),
        ("models/mnist_cnn.html#mnist_cnn-inference", ".twin-head"),
    ],
)
def test_what_an_address_names_lies_below_what_stays_at_the_top(anchor, above, opened):
    top, bottom = opened(anchor, 400).evaluate(
        """above => [document.querySelector(":target").getBoundingClientRect().top,
        document.querySelector(above).getBoundingClientRect().bottom]""",
        above,
    )
    assert bottom <= top < bottom + 100


def test_the_longest_page_fits_a_telephone(opened):
    page = opened("keras.html", 400)
    assert page.evaluate("document.documentElement.scrollWidth") == 400


def beside(page):
    """Whether the two cells of a row stand beside each other, both to be seen."""
    return page.evaluate(
        """() => { const [left, right] =
        [...document.querySelector("#mnist_cnn-inference .twin-row").children]
          .map(cell => cell.getBoundingClientRect());
        return left.width > 0 && left.right <= right.left && left.top === right.top; }"""
    )


def test_two_columns_from_900_pixels_on(opened):
    assert beside(opened(CHAPTER, 1440))
    assert beside(opened(CHAPTER, 900))
    assert not beside(opened(CHAPTER, 880))


def test_the_tab_is_chosen_once_for_all_pages(opened):
    page = opened(CHAPTER, 400)
    cells = page.locator("#mnist_cnn-inference .twin-row .tf1")
    assert cells.first.is_visible()
    tab = page.get_by_role("tab", name="TF2")
    tab.click()
    assert not cells.first.is_visible()
    assert tab.get_attribute("aria-selected") == "true"
    page.locator("#mnist_cnn-build").evaluate(
        "node => node.scrollIntoView({behavior: 'instant'})"
    )
    assert tab.evaluate(
        """node => { const {left, top} = node.getBoundingClientRect();
        return document.elementFromPoint(left + 5, top + 5) === node; }"""
    )
    page.goto(page.url.replace("mnist_cnn", "char_rnn"))
    assert page.get_by_role("tab", name="TF2").get_attribute("aria-selected") == "true"
    assert page.locator(".twin-row .tf2").first.is_visible()
    assert not page.locator(".twin-row .tf1").first.is_visible()


def test_without_a_script_both_programs_can_be_read(opened):
    page = opened(CHAPTER, 400, java_script_enabled=False)
    for side in ("tf1", "tf2"):
        assert page.locator(
            f"#mnist_cnn-inference .twin-row .{side}"
        ).first.is_visible()


def test_the_naive_twin_is_switched_on(opened):
    page = opened(CHAPTER, 1440, java_script_enabled=False)
    naive = page.locator("#mnist_cnn-optimizer .twin-naive").first
    assert not naive.is_visible()
    page.get_by_label("show the naive twin").check()
    assert naive.is_visible()
    (adam, *_) = traps.by_symbol()["tf.train.AdamOptimizer"]
    assert adam.written in naive.text_content()
    assert traps.said(adam) in naive.text_content()
    assert naive.locator("svg polyline").is_visible()


def test_arrow_keys_light_one_row_after_the_other(opened):
    page = opened(CHAPTER)
    rows = page.locator("#mnist_cnn-inference .twin-row")
    behind = "node => getComputedStyle(node).backgroundColor"
    before = rows.nth(1).evaluate(behind)
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    assert rows.nth(1).evaluate("node => node === document.activeElement")
    assert rows.nth(1).evaluate(behind) != before
    assert rows.first.evaluate(behind) == before


def test_the_keyboard_reaches_every_function(opened):
    page = opened(CHAPTER)
    assert page.evaluate(
        """() => [...document.querySelectorAll(".twin-block")].every(
        block => block.querySelector(".twin-row[tabindex='0']"))"""
    )


def test_on_paper_both_programs_stand_side_by_side(opened):
    page = opened(CHAPTER, 1000, "dark")
    page.emulate_media(media="print", color_scheme="light")
    assert beside(page)
    assert page.locator(".sidebar-drawer").is_hidden()


def test_the_search_finds_a_symbol(opened):
    page = opened("search.html?q=tf.nn.dropout")
    first = page.locator("#search-results li a").first
    first.wait_for()
    assert first.get_attribute("href") == "symbols/tf.nn.html#tf.nn.dropout"


def test_chinese_is_searched_by_any_part_of_a_word(opened):
    page = opened("zh/search.html?q=滑动平均")
    first = page.locator("#search-results li a").first
    first.wait_for()
    first.click()
    page.wait_for_load_state()
    assert "滑动平均" in page.locator("article").inner_text()


def test_the_switch_leads_to_the_same_page_in_the_other_language(opened):
    page = opened(f"zh/{CHAPTER}")
    page.get_by_role("link", name="English", exact=True).click()
    assert page.url.endswith(f"/{CHAPTER}") and "/zh/" not in page.url
    page.get_by_role("link", name="中文", exact=True).click()
    assert page.url.endswith(f"/zh/{CHAPTER}")
