"""Claims about the pre-commit hooks and the GitHub action: what they run, run here.

Both run ``.ci/light``, which makes an environment without TensorFlow at its first call;
``.ci/run`` makes it. Here its place is taken by this checkout.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap
import urllib.parse

import pytest

from parity_tests.house.house_test import NEEDS_CHECKOUT
from parity_tests.migrate.programs import TF, sarif_errors

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = NEEDS_CHECKOUT


@pytest.fixture
def light(tmp_path):
    """Variables of a process in which .ci/light finds its environment made."""
    made = tmp_path / "light"
    (made / "bin").mkdir(parents=True)
    (made / "complete").touch()
    script = made / "bin" / "tf-parity"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m parity_tests "$@"\n')
    script.chmod(0o755)
    return {
        **os.environ,
        "TF_PARITY_LIGHT": str(made),
        "PYTHONPATH": str(ROOT),
        "GITHUB_ACTION_PATH": str(ROOT),
    }


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project with a blank"
    folder.mkdir()
    (folder / "gone.py").write_text(TF + "tf.contrib.layers.flatten(x)\n")
    (folder / "renamed.py").write_text(TF + "y = tf.log(x)\n")
    return folder


def run(words, folder, environment):
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


# --------------------------------------------------------------------------- pre-commit


def hooks():
    """{id: {field: text}} of .pre-commit-hooks.yaml, which is flat."""
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    found = {}
    for line in re.sub(r"^#.*\n", "", text, flags=re.M).splitlines():
        begins, field, value = re.fullmatch(r"(- |  )(\w+): (.+)", line).groups()
        if begins == "- ":
            found[value] = hook = {}
        hook[field] = value
    return found


def hook_words(name):
    """What pre-commit calls for a hook of language script, files apart."""
    hook = hooks()[name]
    assert hook["language"] == "script"
    program, *words = hook["entry"].split()
    assert os.access(ROOT / program, os.X_OK)
    return [ROOT / program, *words]


@pytest.mark.parametrize(
    "files, code",
    [(["gone.py"], 1), (["renamed.py"], 0), (["renamed.py", "gone.py"], 1)],
)
def test_the_scanning_hook_fails_on_what_is_gone(files, code, project, light):
    done = run([*hook_words("tf-parity-scan"), *files], project, light)
    assert (done.returncode, done.stderr) == (code, "")
    assert ("tf.contrib.layers.flatten" in done.stdout) == bool(code)


def test_the_fixing_hook_renames_what_is_staged_and_nothing_else(project, light):
    done = run([*hook_words("tf-parity-fix"), "renamed.py"], project, light)
    assert (done.returncode, done.stderr) == (0, "")
    assert (project / "renamed.py").read_text() == TF + "y = tf.math.log(x)\n"
    assert "contrib" in (project / "gone.py").read_text()


# ------------------------------------------------------------------------------- action


def action():
    return (ROOT / "action.yml").read_text(encoding="utf-8")


def inputs():
    """{input: default} of the action."""
    found = re.findall(
        r'^  ([\w-]+):\n    description: .+\n    default: "?([^"\n]*)"?$',
        action(),
        re.M,
    )
    assert len(found) == 5
    return dict(found)


def step(name):
    """(variables, script) of a step that runs something."""
    (text,) = re.findall(rf"- name: {name}\n((?:      .*\n)+)", action())
    variables = dict(re.findall(r"(\w+): \$\{\{ inputs\.([\w-]+) \}\}", text))
    script = textwrap.dedent(text.partition("run: |\n")[2])
    return variables, script


def run_step(name, folder, environment, **given):
    variables, script = step(name)
    values = inputs() | {key.replace("_", "-"): value for key, value in given.items()}
    named = {variable: values[of] for variable, of in variables.items()}
    # As GitHub runs `shell: bash`.
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return run(words, folder, {**environment, **named})


def test_the_action_writes_the_sarif_that_it_uploads(project, light):
    done = run_step("Scan", project, light)
    assert (done.returncode, done.stderr) == (0, "")
    log = json.loads((project / inputs()["sarif"]).read_text())
    results = {result["ruleId"] for result in log["runs"][0]["results"]}
    assert results == {"tf.contrib.layers.flatten/gone", "tf.log/renamed"}
    assert "sarif_file: ${{ inputs.sarif }}" in action()


# What github/codeql-action, upload-sarif/action.yml of version 4, declares.
UPLOAD_INPUTS = {
    "sarif_file",
    "checkout_path",
    "ref",
    "sha",
    "token",
    "matrix",
    "category",
    "wait-for-processing",
}


def test_every_step_of_the_action_is_run_here_or_uploads():
    names = re.findall(r"^    - name: (.+)$", action(), re.M)
    assert names == ["Scan", "Upload", "Gate"]
    assert [name for name in names if step(name)[1]] == ["Scan", "Gate"]
    (text,) = re.findall(r"- name: Upload\n((?:      .*\n)+)", action())
    condition, uses, *given = map(str.strip, text.splitlines())
    assert condition == "if: inputs.upload == 'true'"
    assert uses == "uses: github/codeql-action/upload-sarif@v4" and given[0] == "with:"
    stated = dict(line.split(": ", 1) for line in given[1:])
    assert set(stated) <= UPLOAD_INPUTS and "sarif_file" in stated


@pytest.mark.parametrize("paths", [".", "gone.py renamed.py", "{project}"])
def test_what_is_uploaded_is_taken(paths, project, light):
    """By the rules of upload-sarif: the official schema; one run; places in the checkout.

    The places are those that it reads lines from, to know a finding again.
    """
    if "{" in paths:  # blanks separate paths, so a folder of its own
        project = project.rename(project.with_name("project"))
    paths = paths.format(project=project)
    done = run_step("Scan", project, light, paths=paths)
    assert (done.returncode, done.stderr) == (0, "")
    log = json.loads((project / inputs()["sarif"]).read_text())
    assert sarif_errors(log) == []
    (sarif_run,) = log["runs"]
    assert len(sarif_run["results"]) == 2
    for result in sarif_run["results"]:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        uri = urllib.parse.unquote(place["artifactLocation"]["uri"])
        path = (project / uri.removeprefix("file://")).resolve()
        assert path.is_relative_to(project.resolve())
        line = path.read_text().splitlines()[place["region"]["startLine"] - 1]
        assert result["ruleId"].split("/")[0].rpartition(".")[2] in line


def test_the_action_takes_several_paths_and_an_assumption(project, light):
    (project / "keras.py").write_text(TF + "tf.keras.layers.LSTM(3)\n")
    given = {"paths": "renamed.py keras.py", "sarif": "out.sarif", "assume": "tf1"}
    done = run_step("Scan", project, light, **given)
    assert (done.returncode, done.stderr) == (0, "")
    log = json.loads((project / "out.sarif").read_text())
    results = {result["ruleId"] for result in log["runs"][0]["results"]}
    assert results == {"tf.log/renamed", "tf.keras.layers.LSTM/changes"}


@pytest.mark.parametrize("fail_on, code", [("gone", 1), ("unknown", 0), ("mistake", 2)])
def test_the_gate_of_the_action_fails_on_what_it_is_told(fail_on, code, project, light):
    done = run_step("Gate", project, light, fail_on=fail_on)
    assert done.returncode == code


def test_the_light_script_names_files_that_exist():
    script = (ROOT / ".ci" / "light").read_text()
    for path in re.findall(r"\$here/([\w./-]+)", script):
        assert path == ".light" or (ROOT / path).exists(), path
