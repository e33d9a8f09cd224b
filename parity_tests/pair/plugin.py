"""The pytest plugin: ``assert_parity`` compares a pair of the user's own in a test.

    def test_the_rewrite_is_the_same(assert_parity):
        assert_parity("pair.py")

    @pytest.mark.parity(levels=["fit"], budgets={"updates": Budget(2, reason="...")})
    def test_a_pair(assert_parity):
        assert_parity(OwnPair(tf1=build_graph, tf2=build_model, batches=(x, y_true)))

pytest imports it wherever tf-parity is installed: nothing heavy is, until it is used.
"""

import copy
import json
import os
import re

import pytest

MARKER = (
    "parity(levels, steps, examples, seed, init_from_tf1, play, budgets): how "
    "assert_parity compares the pairs of a test"
)
OPTIONS = ("levels", "steps", "examples", "seed", "init_from_tf1", "play")


def pytest_addoption(parser):
    parser.getgroup("tf-parity").addoption(
        "--parity-report",
        metavar="DIR",
        help="Write what assert_parity found as JSON into DIR, a file a comparison.",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def assert_parity(request):
    """Compares a pair, an ``OwnPair`` or "FILE.py[:pair]", and fails where it parts.

    Options of ``parity_tests.pair.checking.checked`` and ``budgets`` may be given by the
    marker ``parity``, or to the call, which come first. It returns the ``Checked``.
    """
    folder = request.config.getoption("--parity-report")
    stated = {}
    for marker in reversed(list(request.node.iter_markers("parity"))):
        stated.update(marker.kwargs)
    count = 0

    def compare(pair, **options):
        __tracebackhide__ = True
        nonlocal count
        count += 1
        options = {**stated, **options}
        unknown = sorted(set(options) - {*OPTIONS, "budgets"})
        if unknown:
            pytest.fail(
                "The options of assert_parity must be known. "
                f"Received: {', '.join(unknown)}. Use some of: {', '.join(OPTIONS)}, "
                "budgets.",
                pytrace=False,
            )
        checked = _checked(pair, options)
        if folder is not None:
            suffix = "" if count == 1 else f"-{count}"
            _write(folder, request.node.nodeid + suffix, checked.data)
        return checked.require_agreement()

    return compare


def _checked(pair, options):
    from parity_tests.witness import reference_conditions

    reference_conditions.import_tensorflow()
    from parity_tests.pair import loading, own_pair

    own = copy.copy(loading.loaded(pair) if not hasattr(pair, "check") else pair)
    if options.get("budgets"):
        own.budgets = own_pair.by_level(options["budgets"])
    given = {key: options[key] for key in OPTIONS if key in options}
    return own.check(levels_asked=given.pop("levels", None), **given)


def _write(folder, test, data):
    """One report, whole or not at all; its name is the test's."""
    from parity_tests.witness import reference_conditions

    os.makedirs(folder, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", test).strip("_")
    path = os.path.join(folder, f"{name}.json")
    report = {"environment": reference_conditions.describe(), "pairs": {test: data}}
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2, allow_nan=False)
    os.replace(part, path)
