"""Claims about planted faults: what runs against them, in what order, what is told."""

import collections
import os
import pathlib
import re
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.house import mutation
from parity_tests.house.claims import ELSEWHERE, OF_EVERY

OF_EVERY_PART = [f"parts/{file}" for file in OF_EVERY["parts"]]


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("parity_tests/engine/ulps.py", ["engine/ulps_test.py"]),
        # Its name is a part of the test file's; what holds for every part holds for it.
        (
            "tf2_keras/tf1_semantics/layers/normalization.py",
            ["parts/batch_normalization_test.py", *OF_EVERY_PART],
        ),
        # Nothing is named after it: its package's.
        (
            "tf2_keras/tf1_semantics/optimizers/adam.py",
            [
                "parts/optimizers_in_keras_test.py",
                "parts/optimizers_on_replicas_test.py",
                "parts/optimizers_test.py",
                *OF_EVERY_PART,
            ],
        ),
        # migrate/errors_test.py is of another room.
        ("tf2_keras/tf1_semantics/errors.py", ["parts/refusals_test.py"]),
        ("tf2_keras/migrate/errors.py", ["migrate/errors_test.py"]),
        (
            "tf2_keras/models/resnet.py",
            [
                "models/resnet_test.py",
                "models/every_chapter_test.py",
                "models/every_program_test.py",
            ],
        ),
    ],
)
def test_the_claims_of_a_module_are_those_named_after_it(module, expected):
    assert (mutation.ROOT / module).is_file()
    claims = mutation.claims(pathlib.Path(module))
    files = [claim for claim in claims if claim.endswith(".py")]
    assert files == [f"parity_tests/{file}" for file in expected]


def test_the_files_that_are_named_elsewhere_exist():
    for module, files in ELSEWHERE.items():
        assert (mutation.ROOT / module).is_file()
        for file in files:
            assert (mutation.ROOT / "parity_tests" / file).is_file()
    for folder, files in OF_EVERY.items():
        for file in files:
            assert (mutation.ROOT / "parity_tests" / folder / file).is_file()


def test_a_longer_name_in_a_test_file_s_is_another_module_s():
    claims = mutation.claims(pathlib.Path("tf1_graph/models/mnist_cnn.py"))
    assert "parity_tests/models/mnist_cnn_next_batch_test.py" in claims
    # What a chapter has in a file besides is claimed by the chapter's tests.
    claims = mutation.claims(pathlib.Path("tf2_keras/models/feature_columns.py"))
    assert claims == mutation.claims(pathlib.Path("tf2_keras/models/wide_deep.py"))
    # parity_tests/pair/streams.py has no file of its own: all of its room.
    claims = mutation.claims(pathlib.Path("parity_tests/pair/streams.py"))
    assert "parity_tests/pair/compiled_test.py" in claims and len(claims) > 5
    claims = mutation.claims(pathlib.Path("tf2_keras/migrate/parsing.py"))
    assert "parity_tests/migrate/sources_test.py" in claims


def test_what_is_named_after_the_fault_comes_first_then_what_noticed_most():
    names = ["a[Adam]", "b", "c[Adam]", "d"]

    def chosen(**options):
        # Of the tests, d draws examples.
        items = [
            types.SimpleNamespace(nodeid=name, obj=given(st.none())(lambda _: None))
            if name == "d"
            else types.SimpleNamespace(nodeid=name, obj=print)
            for name in names
        ]
        choice = mutation.Choice("Adam", {"c[Adam]": 1, "d": 2}, **options)
        choice.pytest_collection_modifyitems(items)
        return [item.nodeid for item in items]

    assert chosen() == ["c[Adam]", "a[Adam]", "d", "b"]
    assert chosen(only="named") == ["c[Adam]", "a[Adam]"]
    assert chosen(only={"a[Adam]", "d"}) == ["a[Adam]", "d"]
    names[:] = ["b", "d"]
    assert chosen(only="named") == ["d", "b"]
    assert chosen(drawing=True) == ["d"]


def test_a_line_is_of_the_class_or_function_around_it(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("A = 1\n\n@cache\ndef f():\n  return 1\n\nclass C:\n  B = 2\n")
    names = [mutation.surroundings(file, line) for line in range(1, 9)]
    assert names == ["", "", "f", "f", "f", "", "C", "C"]


CLAIMS = """
import tensorflow as tf

def test_holds():
    assert tf.linalg.matmul(tf.ones([300, 300]), tf.ones([300, 300]))[0, 0] == 300

def test_does_not_hold():
    assert tf.reduce_sum(tf.ones([2])) == 3

def test_hangs():
    while True:
        try:
            sum(range(1000))
        except Exception:
            pass
"""

FORKED = """
import pathlib, sys
from parity_tests.house import forks
forks.import_others()
folder = pathlib.Path(sys.argv[1])
for words in (["-k", "holds"], ["-k", "does_not_hold"], ["-k", "hangs"], ["nowhere"]):
    choice = forks.Choice(patience=2)
    words = [str(folder), "--rootdir", str(folder), *words]
    words += ["-p", "parity_tests.house.profiles", "-p", "parity_tests.conftest"]
    print(*forks.run_tests(words, choice, folder, 60)[:2])
"""


@pytest.mark.slow
def test_a_fork_tells_what_holds_from_what_fails_and_what_hangs(run_python, tmp_path):
    (tmp_path / "claims_test.py").write_text(CLAIMS)
    # The tests' root is put before the project's, which has the conftest.
    result = run_python(
        *("-c", FORKED, tmp_path),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(mutation.ROOT)},
    )
    assert result.stdout.splitlines() == [
        "True []",
        "False ['claims_test.py::test_does_not_hold']",
        "False ['claims_test.py::test_hangs']",
        "False []",
    ], result.stderr


def test_what_is_listed_still_stands_in_its_module():
    for entry in mutation.listed():
        assert set(entry) == {"module", "fault", "reason"} and entry["reason"]
        lines = (mutation.ROOT / entry["module"]).read_text(encoding="utf-8")
        lines = {line.strip() for line in lines.splitlines()}
        gone = [line[2:] for line in entry["fault"].splitlines() if line[:2] == "- "]
        whole = entry["fault"] == "…"  # whatever is planted in the module
        assert whole or gone and lines.issuperset(gone), entry


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("- a\n+ b", True), ("- a\n+ bc", False), ("- a\n+ …", True), ("- b\n+ …", False)],
)
def test_a_listed_fault_is_known_by_its_lines(fault, expected):
    diff = ["--- m.py", "+++ m.py", "@@ -1 +1 @@", "     x", "-    a", "+    b"]
    entries = [{"module": "m.py", "fault": "\n" + fault}]
    assert mutation.is_listed("m.py", mutation.difference(diff), entries) == expected
    assert not mutation.is_listed("n.py", mutation.difference(diff), entries)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("zip(a, b, strict=False), strict=True)", True),
        ("zip(a, b, strict=True), strict=False)", True),
        ("zip(a, a, strict=True), strict=True)", False),
    ],
)
def test_a_zip_that_checks_no_more_is_as_if_listed(wrong, expected):
    right = "zip(zip(a, b, strict=True), strict=True)"
    diff = f"- {right}\n+ zip({wrong}"
    assert mutation.is_listed("m.py", diff, []) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("f(**{})", True), ("f(+*{})", False), ("x = 1 +", False)]
)
def test_what_is_no_program_is_no_fault(tmp_path, text, expected):
    file = tmp_path / "module.py"
    file.write_text(text)
    assert mutation.parses(file) == expected


def test_the_rate_leaves_out_what_changes_nothing_and_what_was_not_tried():
    counts = {
        "a.py": collections.Counter(killed=3, equivalent=5),
        "longer.py": collections.Counter(
            {"survived": 1, "no program": 4, "not tried": 2}
        ),
    }
    assert list(mutation.table(counts)) == [
        "a.py       3 killed, 0 survived, 5 equivalent, 0 no program, 0 not tried",
        "longer.py  0 killed, 1 survived, 0 equivalent, 4 no program, 2 not tried",
        "all        3 killed, 1 survived, 5 equivalent, 4 no program, 2 not tried",
        "3 of 4: 75.0% noticed",
    ]


@pytest.mark.slow
def test_a_run_tells_of_every_fault_and_leaves_the_tree_alone(run_python):
    pytest.importorskip("cosmic_ray", reason="the extra mutation is not installed")
    module = mutation.ROOT / "parity_tests/engine/records.py"
    before = module.read_bytes()
    result = run_python(
        *("-m", "parity_tests.house.mutation", module.relative_to(mutation.ROOT)),
        *("--faults", 3, "--tests", "parity_tests/engine/comparison_words_test.py"),
    )
    total = re.search(r"^all .*$", result.stdout, re.M)[0]
    assert sum(map(int, re.findall(r"\d+", total))) == 3, result
    assert result.returncode == (", 0 survived," not in total)
    assert result.stdout.count("survives, ") == int(re.search(r"(\d+) surv", total)[1])
    assert module.read_bytes() == before
