"""Claims about the search for the smallest play that parts, and the script that shows it."""

import os

import numpy as np
import pytest
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.pair import small_pair, worst_cases
from parity_tests.pair.errors import PairError

PAIR = """
from parity_tests.pair import small_pair
pair = small_pair.pair(tf2=lambda: small_pair.model(momentum=0.8))
"""
SECONDS = 600  # of a search that ends by itself, however busy the machine is


def searched(seconds=SECONDS, check=None, **options):
    """(``Search``, ``Checked``) of a pair of one layer."""
    search = worst_cases.Search(seconds, most_steps=3)
    pair = small_pair.pair(**options)
    return search, pair.check(search=search, **(check or {}))


def test_a_wrong_momentum_shows_in_two_steps_of_one_row():
    search, checked = searched(tf2=lambda: small_pair.model(momentum=0.8))
    assert not checked.ok
    assert search.divergence.stage == "slots"
    sizes = [len(batch["x"]) for _, batch in search.moves]
    assert sizes == [1, 1]
    data = checked.data["worst_case"]
    assert (data["steps"], data["numbers"]) == (2, 8)
    assert data["divergence"]["stage"] == "slots" and data["plays"] > 2
    assert "has 2 moves and 8 numbers" in search.describe("worst.py")


def test_a_scale_shows_in_one_step_of_a_strategy_shrunk_to_zeros():
    drawn = st.tuples(strategies.arrays((2, 3)), strategies.arrays((2, 1)))
    search, _ = searched(
        tf2=lambda: small_pair.model(scale=1 + 2**-22),
        batches=drawn,
        check={"steps": 2, "examples": 1},
    )
    ((_, batch),) = search.moves
    assert search.divergence is not None
    # What says nothing of the mistake became 0.
    assert np.count_nonzero(batch["x"]) <= 1 and np.count_nonzero(batch["y_true"]) <= 1


def test_equal_sides_have_no_worst_case_and_the_time_is_kept():
    search, checked = searched(seconds=1e-9)
    assert checked.ok and search.moves is None and search.played == 1
    assert checked.data["worst_case"]["divergence"] is None
    assert "none of 1 plays" in search.describe("worst.py")
    assert "was not written" in search.describe("worst.py")


def test_rows_of_a_batch_stay_together_where_the_graph_fixes_their_number():
    pair = small_pair.pair()
    program = pair.program()
    (batch, *_) = pair.drawn()[0]
    cut = worst_cases._rows(*batch, program)
    assert "just" not in repr(cut)
    program.inputs["x"].set_shape([4, 3])
    assert repr(worst_cases._rows(*batch, program)).startswith("just")


def test_a_side_of_another_process_is_refused(tmp_path):
    path = tmp_path / "play.npz"
    small_pair.pair().record(path, steps=1)
    with pytest.raises(
        PairError, match="--worst-case must have a TF1 side that is a gr"
    ):
        searched(tf1=str(path), batches=None)


@pytest.mark.parametrize(
    "array",
    [
        np.float32([[1 / 3, -0.0], [1e-45, 3.4e38]]),
        np.float64([0.1, np.nan, -np.inf]),
        np.arange(3000, dtype=np.int64),
        np.array([True, False]),
        np.array(7, np.int32),
        np.array([b"ab", b"\x00c"]),
        np.zeros([0, 3], np.float16),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_an_array_in_a_script_is_the_same_to_the_bit(array):
    namespace = {"np": np}
    exec("import base64" + worst_cases.STORED, namespace)
    again = eval(worst_cases._literal(array), namespace)
    np.testing.assert_array_equal(again, array, strict=True)
    assert again.tobytes() == array.tobytes()


@pytest.mark.slow
def test_the_script_shows_it_by_itself(tmp_path, run_python, tf_parity):
    file, script = tmp_path / "pair.py", tmp_path / "worst case.py"
    file.write_text(PAIR)
    search, _ = searched(seconds=1e-9, tf2=lambda: small_pair.model(momentum=0.8))
    script.write_text(worst_cases.script(search, str(file), "pair"))
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    result = run_python(script, cwd=tmp_path, env=environment)
    assert result.returncode == 1
    assert (
        "First divergence: step 2 (move 3 of the play), move train, slots, tensor dense"
        in result.stderr
    )
    # It is a pair too, and it follows the file that it names.
    code, out, _ = tf_parity("check", script)
    assert (
        code == 1
        and "step 2 (move 3 of the play), move train, slots" in out
        and "momentum=0.9" in out
    )
    file.write_text(PAIR.replace("0.8", "0.9"))
    assert tf_parity("check", script)[0] == 0
