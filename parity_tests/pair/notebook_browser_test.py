"""Claims about a check in a notebook, shown in headless Chromium."""

import pytest

from parity_tests.engine.comparison import compare_plays
from parity_tests.engine.small_plays import small_run
from parity_tests.house import browsers
from parity_tests.pair import small_pair

# What JupyterLab puts around an output, in its two themes.
NOTEBOOK = """<!DOCTYPE html><meta name="viewport" content="width=device-width">
<title>a notebook</title>
<style>
  body {{ margin: 0; padding: 10px; background: white; color: rgba(0, 0, 0, .87) }}
  div.output {{ font: 14px system-ui, sans-serif; overflow: auto }}
  div.output table {{ border-collapse: collapse; table-layout: fixed; font-size: 12px;
    margin: 0 auto 1em }}
  div.output :is(td, th) {{ padding: .5em; vertical-align: middle; white-space: normal;
    max-width: none }}
  div.output tbody tr:nth-child(odd) {{ background: #f5f5f5 }}
  @media (prefers-color-scheme: dark) {{
    body {{ background: #111; color: rgba(255, 255, 255, .87) }}
    div.output tbody tr:nth-child(odd) {{ background: #212121 }} }}
</style><div class="output">{}</div>"""


@pytest.fixture(scope="module")
def browser():
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def displayed():
    """What two checks and a comparison return for a notebook."""
    levels = ["function", "fit"]
    wrong = small_pair.pair(tf2=lambda: small_pair.model(momentum=0.8), levels=levels)
    found = small_pair.pair().check(), wrong.check()
    comparison = compare_plays(small_run(), small_run(one_step_late=True))
    return [shown._repr_html_() for shown in (*found, comparison)]


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1000])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_notebook_shows_all_of_a_check(scheme, width, browser, displayed):
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.set_content(NOTEBOOK.format("".join(displayed)))
    assert page.locator("tbody th").all_inner_texts() == [
        *("function", "function", "fit", "candidate")
    ]
    # What is too wide for its place scrolls there, and is no wider than the page.
    assert page.evaluate("document.documentElement.scrollWidth") == width
    output = page.locator("div.output")
    assert output.evaluate("node => node.scrollWidth <= node.clientWidth")
    narrow = page.get_by_role("region").first
    assert narrow.evaluate("node => getComputedStyle(node).overflowX") == "auto"
    assert "momentum=0.8 → momentum=0.9" in output.inner_text().replace(") ", " ")
    beyond = page.locator("td", has_text="ULP")
    weights = beyond.evaluate_all("all => all.map(n => getComputedStyle(n).fontWeight)")
    assert weights and set(weights) == {"700"}
    least, where = page.evaluate(browsers.CONTRAST)
    assert least >= 4.5, where
    context.close()
    assert said == []
