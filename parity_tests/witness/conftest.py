"""TensorFlow 1.15.5 itself, for the claims that run it live."""

import pytest

from parity_tests.witness import environment


@pytest.fixture(scope="session")
def genuine_python():
    """A Python with TensorFlow 1.15.5, or a skip."""
    python = environment.find()
    if python is None:
        pytest.skip(
            "no Python with TensorFlow 1.15.5 here: `python -m "
            "parity_tests.witness.environment` builds one"
        )
    return python
