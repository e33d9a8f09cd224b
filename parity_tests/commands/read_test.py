"""Claims about `tf-parity read`: every line of both files, side by side."""

import collections

import pytest

from parity_tests.models import reading


@pytest.mark.parametrize("width", [80, 120, 160])
@pytest.mark.parametrize("name", ["linear_regression", "resnet", "wide_deep"])
def test_read_shows_all_files_to_the_last_character(tf_parity, name, width):
    code, out, _ = tf_parity("read", name, "--width", width)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "\x1b" not in out  # no colours where there is no terminal
    files = "".join(path.read_text("utf-8") for path in reading.all_sources(name))
    missing = collections.Counter(files) - collections.Counter(out)
    assert set(missing) <= set(" \n")
    assert all(
        passage.name in out
        for path in reading.all_sources(name)
        for passage in reading.passages(path)
    )


def test_passages_hold_each_line_of_a_file_once():
    for name in ("mnist_cnn", "resnet", "linear_regression"):
        for path in reading.sources(name):
            kept = "\n".join(passage.source for passage in reading.passages(path))
            lines = path.read_text(encoding="utf-8").splitlines()
            assert kept.split() == "\n".join(lines).split()


def test_functions_of_one_name_stand_beside_each_other():
    rows = reading.aligned("mnist_cnn")
    paired = {left.name for left, right in rows if left and right}
    assert {"Config", "inference", "loss", "optimizer", "build", "run"} <= paired
    assert all(left.name == right.name for left, right in rows if left and right)
