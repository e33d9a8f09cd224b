"""A scan as SARIF 2.1.0, which code hosts and editors show beside the code."""

import importlib.metadata
import os
import pathlib
import urllib.parse

from tf2_keras.migrate import terminal

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
    "sarif-schema-2.1.0.json"
)
LEVELS = {
    "gone": "error",
    "restructure": "warning",
    "changes": "warning",
    "renamed": "note",
    "unknown": "note",
    "same": "none",
}


def log(found, everything=False):
    """The log of one run as plain data; one rule for each symbol and status."""
    rules, results = {}, []
    for each in found.findings:
        if each.status == "same" and not everything:
            continue
        identifier = f"{each.symbol}/{each.status}"
        if identifier not in rules:
            rules[identifier] = (len(rules), _rule(identifier, each))
        results.append(
            {
                "ruleId": identifier,
                "ruleIndex": rules[identifier][0],
                "level": LEVELS[each.status],
                "message": {"text": message(each)},
                "locations": [_location(each.file, each.line, each.column)],
                "properties": {
                    "status": each.status,
                    "chapter": each.chapter,
                    "evidence": each.evidence,
                },
            }
        )
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "tf-parity",
                        "version": importlib.metadata.version("tf-parity"),
                        "rules": [rule for _, rule in rules.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [
                            _notification(each) for each in found.skipped
                        ],
                    }
                ],
                "results": results,
            }
        ],
    }


def message(finding):
    """One line that says what becomes of a use."""
    becomes = finding.replacement or "no successor"
    text = f"{finding.symbol}: {finding.status}. Becomes: {becomes}."
    return f"{text} {finding.note}".strip()


def _rule(identifier, finding):
    described = f"{finding.symbol}: {terminal.MEANS[finding.status]}"
    return {
        "id": identifier,
        "shortDescription": {"text": described},
        "fullDescription": {"text": finding.note or described},
        "defaultConfiguration": {"level": LEVELS[finding.status]},
    }


def _location(file, line=0, column=0):
    place = {"artifactLocation": {"uri": uri(file)}}
    if line:
        place["region"] = {"startLine": line}
        if column:
            place["region"]["startColumn"] = column
    return {"physicalLocation": place}


def _notification(skipped):
    text = skipped.reason + (f": {skipped.detail}" if skipped.detail else "")
    return {
        "level": "warning",
        "message": {"text": terminal.printable(text)},
        "locations": [_location(skipped.file, skipped.line)],
    }


def uri(file):
    """A path as SARIF wants it: relative ones stay relative, with forward slashes."""
    path = os.fsencode(pathlib.PurePath(file).as_posix())
    quoted = urllib.parse.quote(path)
    return f"file://{quoted}" if os.path.isabs(file) else quoted
