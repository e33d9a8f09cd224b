"""Claims about the ``.meta`` files that 1.15.5 exported: what they are and come from."""

import hashlib
import json
import pathlib
import sys

import pytest
import tensorflow as tf

from parity_tests.witness.exported_twins import GOLDENS
from parity_tests.witness.programs import export

ROOT = pathlib.Path(__file__).parents[2]
NAMES = sorted(path.name for path in GOLDENS.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_an_export_is_what_its_provenance_says(name):
    provenance = json.loads((GOLDENS / name / "provenance.json").read_text())
    files = {path.name for path in (GOLDENS / name).iterdir()} - {"provenance.json"}
    assert set(provenance["sha256"]) == files
    for file, digest in provenance["sha256"].items():
        content = (GOLDENS / name / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, file
    source = ROOT / "parity_tests" / "witness" / "programs" / f"{name}.py"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert provenance["source_sha256"] == digest
    assert provenance["tensorflow"].startswith("1.15.") and provenance["cpu"]


def test_the_exports_are_small_and_complete():
    assert {"graph_seed_only", "lstm_classifier", "slim_cnn"} <= set(NAMES)
    for name in NAMES:
        files = {path.name for path in (GOLDENS / name).iterdir()}
        assert {export.META, "computed.npz", export.PROVENANCE} <= files
    assert sum(file.stat().st_size for file in GOLDENS.rglob("*.*")) < 1_500_000


def test_a_program_refuses_another_tensorflow_and_a_full_folder(
    tmp_path, capsys, monkeypatch
):
    def refusal():
        with pytest.raises(SystemExit) as stop:
            export.folder("slim_cnn", "", ["--out", str(tmp_path / "new")])
        assert stop.value.code == 2
        return capsys.readouterr().err

    assert refusal() == (
        "slim_cnn: the program must run under TensorFlow 1.15. Received: TensorFlow "
        f"{tf.__version__} on Python {sys.version_info[0]}.{sys.version_info[1]}. "
        "Build its environment as requirements.txt beside record.py says.\n"
    )
    assert not (tmp_path / "new").exists()
    monkeypatch.setattr(export.tf, "__version__", "1.15.5")
    (tmp_path / "new").write_text("a file")
    assert "--out must be a new or an empty folder" in refusal()
