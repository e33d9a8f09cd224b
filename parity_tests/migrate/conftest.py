"""What several tests of this folder work on."""

import json

import pytest

from parity_tests.migrate.programs import PROGRAM


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with one program, one notebook and one broken file, as current folder."""
    (tmp_path / "train.py").write_text(PROGRAM)
    cells = [{"cell_type": "code", "source": PROGRAM}]
    (tmp_path / "näh & <co>.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "broken.py").write_text("x = = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path
