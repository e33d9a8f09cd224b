"""Claims about which tests hold a module to what it says."""

import pathlib

import pytest

from parity_tests.house import mutation


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("parity_tests/engine/ulps.py", ["engine/ulps_test.py"]),
        # Its name is a part of the test file's; what holds for every part holds for it.
        (
            "tf2_keras/tf1_semantics/layers/normalization.py",
            ["parts/batch_normalization_test.py", "parts/every_part_test.py"],
        ),
        # Nothing is named after it: its package's.
        (
            "tf2_keras/tf1_semantics/optimizers/adam.py",
            [
                "parts/optimizers_in_keras_test.py",
                "parts/optimizers_on_replicas_test.py",
                "parts/optimizers_test.py",
            ],
        ),
    ],
)
def test_the_claims_of_a_module_are_those_named_after_it(module, expected):
    assert (mutation.ROOT / module).is_file()
    claims = mutation.claims(pathlib.Path(module))
    files = [claim for claim in claims if claim.endswith(".py")]
    assert files == [f"parity_tests/{file}" for file in expected]


def test_a_longer_name_in_a_test_file_s_is_another_module_s():
    claims = mutation.claims(pathlib.Path("tf1_graph/models/mnist_cnn.py"))
    assert "parity_tests/models/mnist_cnn_next_batch_test.py" in claims
    # tf1_graph/session.py has no file of its own, and is imported by compiled_test.py.
    claims = mutation.claims(pathlib.Path("tf1_graph/session.py"))
    assert "parity_tests/pair/compiled_test.py" in claims and len(claims) > 1
