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
