"""What the claims about parts share: pairs that are built once and ended at the end."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _sessions_end_with_the_module(request):
    yield
    pairs = getattr(request.module, "PAIRS", None)
    if pairs is not None:
        pairs.close()
