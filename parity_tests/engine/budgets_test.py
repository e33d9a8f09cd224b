"""Claims about tolerances: what a budget admits, and how the file that grants them is read."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import budgets
from parity_tests.engine.budgets import Budget
from parity_tests.engine.ulps import INCOMPARABLE

ENTRY = """
[[budget]]
chapter = "mnist"
level = "eager"
stage = "loss"
normwise = 64
reason = "another order of sums"
test = "a_test.py::test_it_is_needed"
"""
OTHERS = """
[[budget]]
part = "mnist"
level = "eager"
stage = "updates"
ulp = 2
reason = "another kernel"
test = "a_test.py::test_it_is_needed"

[[budget]]
program = "exported"
level = "eager"
stage = "loss"
ulp = 3
reason = "another kernel"
test = "a_test.py::test_it_is_needed"
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Makes these lines the one file of budgets: its entries."""
    monkeypatch.setattr(budgets, "FOLDER", tmp_path)

    def write(text):
        (tmp_path / "some.toml").write_text(text)
        budgets.entries.cache_clear()
        return budgets.entries()

    yield write
    budgets.entries.cache_clear()


@given(
    ulp=st.integers(0, 4),
    normwise=st.none() | st.sampled_from([0.0, 0.5, 2.0]),
    elements=st.lists(
        st.tuples(
            st.integers(0, 6) | st.just(INCOMPARABLE),
            st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 2.5, np.inf]),
        )
    ),
)
@example(0, 0.5, [(0, 0.7), (1, 0.5), (1, 0.7), (INCOMPARABLE, 0.5)])
@example(2, None, [(2, 0.0), (3, 0.0), (INCOMPARABLE, 0.0)])
@example(INCOMPARABLE, None, [(6, 0.0), (INCOMPARABLE, 0.0)])
def test_one_of_the_two_measures_admits_and_nothing_admits_what_has_no_distance(
    ulp, normwise, elements
):
    distances = np.array([distance for distance, _ in elements], np.uint64)
    errors = np.array([error for _, error in elements])
    admitted = Budget(ulp, normwise).admits(distances, errors)
    assert admitted.dtype == bool
    assert admitted.tolist() == [
        distance != INCOMPARABLE
        and (distance <= ulp or (normwise is not None and error <= normwise))
        for distance, error in elements
    ]


def test_a_budget_is_nothing_unless_it_says_so():
    assert Budget() == (0, None, "")
    assert Budget().as_data() == {"ulp": 0, "normwise": None, "reason": ""}
    data = Budget(np.uint64(2), np.float32(0.5), "a kernel").as_data()
    assert data == {"ulp": 2, "normwise": 0.5, "reason": "a kernel"}
    assert [type(value) for value in data.values()] == [int, float, str]


def test_budgets_are_of_one_subject_at_one_level(read):
    read(ENTRY + OTHERS)
    budget_for = budgets.budget_for("mnist", "eager")
    # What an entry leaves out it does not grant.
    assert budget_for("loss", "any tensor") == (0, 64, "another order of sums")
    assert budget_for("updates", "any tensor") == (2, None, "another kernel")
    assert budget_for("slots", "any tensor") == Budget()
    assert budgets.budget_for("exported", "eager")("loss", "loss").ulp == 3
    for name, level in (("mnist", "function"), ("resnet", "eager")):
        assert budgets.budget_for(name, level)("loss", "loss") == Budget()


def test_what_one_of_several_levels_grants_is_granted(read):
    read(ENTRY + ENTRY.replace("eager", "another").replace("64", "128") + OTHERS)
    both = budgets.budget_for("mnist", "eager", "another")
    assert both("loss", None) == (0, 128, "another order of sums")
    assert both("updates", None) == (2, None, "another kernel")  # at one of them only
    sign_of_a_zero = Budget(normwise=0, reason="a sign")
    assert sign_of_a_zero.widened(Budget(3, None, "a sum")) == (
        3,
        0,
        "a sign; and a sum",
    )
    assert Budget().widened(Budget()) == Budget()


@pytest.mark.parametrize("vendor, granted", [("AMD", 64), ("Intel", None)])
def test_a_budget_may_be_for_one_vendor_s_processors(
    read, monkeypatch, vendor, granted
):
    monkeypatch.setattr(budgets.processors, "model", lambda: "AMD EPYC 9654")
    read(ENTRY + f'\nvendor = "{vendor}"\n')
    assert budgets.budget_for("mnist", "eager")("loss", None).normwise == granted
    (entry,) = budgets.entries()
    assert budgets.granted_here(entry) is bool(granted)


def test_a_budget_of_some_tensors_goes_before_that_of_all(read):
    read(ENTRY + ENTRY + '\ntensor = "key/bias"\nulp = 7\n')
    budget_for = budgets.budget_for("mnist", "eager")
    stage = budgets.entries()[0]["stage"]
    of_all = budget_for(stage, "query/bias")
    assert budget_for(stage, "layer_0/key/bias/adam_m") == of_all._replace(ulp=7)
    assert budget_for(stage, None) == of_all != budget_for(stage, "key/bias")


def test_the_files_are_read_once(read):
    entries = read(ENTRY + OTHERS)
    assert [budgets.subject(entry) for entry in entries] == [
        "mnist",
        "mnist",
        "exported",
    ]
    assert budgets.entries() is entries
    assert read("") == ()


def test_the_files_of_a_folder_are_read_by_name(read, tmp_path):
    (tmp_path / "earlier.toml").write_text(OTHERS)
    (tmp_path / "notes.txt").write_text("no budget")
    subjects = [budgets.subject(entry) for entry in read(ENTRY)]
    assert subjects == ["mnist", "exported", "mnist"]


@pytest.mark.parametrize(
    "mistaken",
    [
        *(ENTRY.replace(f"\n{field} =", "\n# ") for field in ("level", "stage")),
        *(ENTRY.replace(f"\n{field} =", "\n# ") for field in ("reason", "test")),
        ENTRY.replace("chapter", "# "),
        ENTRY + 'part = "adam"\n',
        ENTRY + 'until = "2030"\n',
        ENTRY.replace('"loss"', '"losses"'),
    ],
)
def test_an_entry_that_is_not_whole_is_refused(read, mistaken):
    assert len(read(ENTRY)) == 1
    with pytest.raises(ValueError, match="^A budget has the fields .* Received: "):
        read(mistaken)
