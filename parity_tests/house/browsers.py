"""The machine's Chromium, for claims about pages; where there is none they skip."""

import contextlib
import shutil

import pytest

# It asks for nothing of its own; as root there is no sandbox to be had.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The contrast of every text with what is behind it, by WCAG's formula; the least of all.
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d",
    {willReadFrequently: true});
  const channels = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const luminance = rgb => { const [r, g, b] = rgb.slice(0, 3).map(v => { v /= 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const behind = node => { let layers = [];
    for (; node; node = node.parentElement)
      layers.push(channels(getComputedStyle(node).backgroundColor));
    let below = dark ? [18, 18, 18] : [255, 255, 255];
    for (const [r, g, b, a] of layers.reverse())
      below = [r, g, b].map((v, i) => v * a / 255 + below[i] * (1 - a / 255));
    return below; };
  let least = [99, ""];
  for (const node of document.querySelectorAll("body *")) {
    if (![...node.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    if (!node.checkVisibility() || node.closest("svg")) continue;
    const [a, b] = [luminance(channels(getComputedStyle(node).color)),
                    luminance(behind(node))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < least[0]) least = [ratio, node.className + ": " + node.textContent];
  }
  return least;
}"""


@contextlib.contextmanager
def chromium():
    """A headless browser; skips the test, with the reason, where none starts."""
    sync_api = pytest.importorskip(
        "playwright.sync_api",
        reason="playwright, which drives Chromium, is not installed",
    )
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except sync_api.Error as error:
            pytest.skip(
                f"Chromium does not start here: {error.message.splitlines()[0]}"
            )
        yield browser
        browser.close()
