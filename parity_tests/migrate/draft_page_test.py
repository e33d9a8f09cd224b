"""The page about drafts: its five commands are run as they stand there."""

import shutil

import keras
import pytest

from parity_tests.house import markdown
from parity_tests.witness import exported_twins

PAGE = markdown.ROOT / "docs" / "draft.md"


@pytest.mark.slow
@pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is in a checkout only")
def test_five_commands_lead_from_a_meta_to_a_trained_model(
    tf_parity, tmp_path, monkeypatch
):
    (block, *_) = (
        piece for piece in markdown.code(PAGE) if piece.language == "console"
    )
    calls = [words for _, *words in markdown.commands(block)]
    assert len(calls) == 5
    for file in exported_twins.meta("slim_cnn").parent.glob("model.*"):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    for words in calls:
        code, out, err = tf_parity(*words)
        assert code == 0, (words, out, err)
    model = keras.models.load_model("trained.keras", compile=False)
    assert model.count_params() > 0
