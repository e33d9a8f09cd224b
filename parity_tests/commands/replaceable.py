"""Which files a report may take the place of: earlier ones of ours, and empty ones.

A report says whose it is, JSON under ``generator``, a page in its head, text in a line. So
a program, or notes of the user's, that a mistyped name leads to stay as they are.
"""

import json
import os
import zipfile

GENERATOR = "tf-parity"
PAGE = f'<meta name="generator" content="{GENERATOR}">'
WRITTEN = f"Written by {GENERATOR}"
MOST_BYTES = 2**28  # of a file that is looked at


def marked(report):
    """A report as data, with whose it is. SARIF has a place of its own for that."""
    return report if _tool(report) else {"generator": GENERATOR, **report}


def signed(text):
    """A report as text, with whose it is in its last line unless it says so itself."""
    if PAGE in text[:2000] or WRITTEN in text:
        return text
    return f"{text.rstrip()}\n\n{WRITTEN}.\n"


def is_report(path):
    """Whether a file is empty, or a report that a command wrote."""
    text = _text(path)
    if text is None or not text.strip():
        return text is not None
    if text.startswith("{"):
        report = _data(text)
        return report.get("generator") == GENERATOR or _tool(report) == GENERATOR
    return PAGE in text[:2000] or WRITTEN in text


def is_map(path):
    """Whether a file is empty, or such a map of names as check writes."""
    text = _text(path)
    if text is None or not text.strip():
        return text is not None
    entries = _data(text).values()
    return bool(entries) and all(
        entry is None
        or isinstance(entry, str)
        or (type(entry) is dict and "of" in entry)
        for entry in entries
    )


def is_play(path):
    """Whether a file is empty, or a play that record wrote."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "play.json" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return os.path.isfile(path) and not os.path.getsize(path)


def _text(path):
    """The text of a file; None of one that is too large or no text."""
    try:
        if os.path.getsize(path) > MOST_BYTES:
            return None
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None


def _data(text):
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _tool(log):
    """The tool that wrote a log in SARIF; None of other data."""
    try:
        return log["runs"][0]["tool"]["driver"]["name"]
    except (KeyError, IndexError, TypeError):
        return None
