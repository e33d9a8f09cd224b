"""A scan as SARIF 2.1.0, which code hosts and editors show beside the code."""

import importlib.metadata
import os
import pathlib
import urllib.parse

from tf2_keras.migrate import terminal
from tf2_keras.migrate.statuses import STATUSES

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
    "sarif-schema-2.1.0.json"
)


def log(report, everything=False):
    """The log of one run as plain data; one rule for each symbol and status."""
    rules, results = {}, []
    for finding in report.to_show(everything):
        identifier = f"{finding.symbol}/{finding.status}"
        if identifier not in rules:
            rules[identifier] = (len(rules), _rule(identifier, finding))
        results.append(
            {
                "ruleId": identifier,
                "ruleIndex": rules[identifier][0],
                "level": STATUSES[finding.status].level,
                "message": {"text": message(finding)},
                "locations": [_location(finding.file, finding.line, finding.column)],
                "properties": {
                    "status": finding.status,
                    "chapter": finding.chapter,
                    "evidence": finding.evidence,
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
                        **_version(),
                        "rules": [rule for _, rule in rules.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [
                            *map(_notification, report.skipped),
                            *_taken(report),
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
    described = f"{finding.symbol}: {STATUSES[finding.status].means}"
    return {
        "id": identifier,
        "shortDescription": {"text": described},
        "fullDescription": {"text": finding.note or described},
        "defaultConfiguration": {"level": STATUSES[finding.status].level},
    }


def _version():
    """{'version': ours}, or {} where a checkout runs that nobody installed."""
    try:
        return {"version": importlib.metadata.version("tf-parity")}
    except importlib.metadata.PackageNotFoundError:
        return {}


def _location(file, line=0, column=0):
    place = {"artifactLocation": {"uri": uri(file)}}
    if line:
        place["region"] = {"startLine": line}
        if column:
            place["region"]["startColumn"] = column
    return {"physicalLocation": place}


def _notification(skipped):
    return {
        "level": "warning",
        "message": {"text": skipped.why},
        "locations": [_location(skipped.file, skipped.line)],
    }


def _taken(report):
    if report.taken_for_tf2[0]:
        text = terminal.taken_for_tf2(report.taken_for_tf2)
        yield {"level": "note", "message": {"text": text}}


def uri(file):
    """A path as SARIF wants it: relative ones stay relative, with forward slashes."""
    path = os.fsencode(pathlib.PurePath(file).as_posix())
    quoted = urllib.parse.quote(path)
    return f"file://{quoted}" if os.path.isabs(file) else quoted
