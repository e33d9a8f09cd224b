"""A chapter that writes out a canned estimator is what that estimator was, on 1.15.5."""

import json
import subprocess

from parity_tests.witness import environment


def test_the_wide_and_deep_chapter_is_the_canned_estimator(genuine_python, tmp_path):
    """Its loss of every step, and every variable and slot after twenty, to the bit."""
    with environment.running(
        genuine_python,
        "parity_tests.witness.programs.canned_wide_deep",
        str(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        output, said = process.communicate()
    assert process.returncode == 0, said[-3000:]
    report = json.loads(output.splitlines()[-1])
    assert report["estimator"] == report["written out"]
    assert len(set(report["estimator"])) == 20
    assert report["farthest"] == 0 and report["variables"] == 49
