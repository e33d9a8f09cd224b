"""Claims about ``tf-parity docs``: what it refuses, before it builds anything."""

import pytest

from parity_tests.site import build


@pytest.fixture
def complete(monkeypatch):
    """As if the extra were installed."""
    monkeypatch.setattr(build, "missing", lambda: [])


def test_without_the_extra_it_says_which_line_installs_it(
    tf_parity, monkeypatch, tmp_path
):
    monkeypatch.setattr(build, "missing", lambda: ["Furo"])
    code, out, err = tf_parity("docs", "--output", tmp_path / "site")
    assert (code, out) == (2, "")
    assert "Received: an installation without Furo." in err
    assert "pip install '.[docs]'" in err
    assert not (tmp_path / "site").exists()


def test_what_is_missing_is_what_cannot_be_imported(monkeypatch):
    monkeypatch.setattr(build, "PACKAGES", {"no_such_package": "None", "json": "JSON"})
    assert build.missing() == ["None"]


@pytest.mark.usefixtures("complete")
def test_a_folder_of_yours_is_not_written_over(tf_parity, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    code, _, err = tf_parity("docs", "--output", tmp_path)
    assert code == 2
    assert "--output must name a folder" in err
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.usefixtures("complete")
def test_a_file_is_no_folder(tf_parity, tmp_path):
    (tmp_path / "site").write_text("")
    code, _, err = tf_parity("docs", "--output", tmp_path / "site")
    assert code == 2
    assert "--output must name a folder" in err


@pytest.mark.usefixtures("complete")
def test_a_run_that_is_none_is_refused_and_nothing_left_behind(tf_parity, tmp_path):
    pytest.importorskip("sphinx", reason="the extra docs is not installed")
    code, _, err = tf_parity(
        "docs", "--output", tmp_path / "site", "--run", tmp_path / "report.json"
    )
    assert code == 2
    assert err.startswith("tf-parity: --run must name what tf-parity run --json wrote")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
