"""Claims about `tf-parity read`: every line of both files, side by side."""

import pytest

from parity_tests.models import reading


@pytest.mark.parametrize("width", [80, 160])
def test_read_shows_every_line_of_both_files(tf_parity, width):
    code, out, _ = tf_parity("read", "mnist_cnn", "--width", width)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "\x1b" not in out  # no colours where there is no terminal
    squeezed = "".join(out.split())
    for path in reading.sources("mnist_cnn"):
        functions = [p.name for p in reading.passages(path)]
        assert "inference" in functions and "max_pool_2x2" in functions
        for function in functions:
            assert function in squeezed


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
