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
import shlex

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
        help="Write what assert_parity found into DIR: JSON and HTML, a file a "
        "comparison.",
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
        checked, trace = _checked(pair, options, traced=folder is not None)
        if folder is not None:
            suffix = "" if count == 1 else f"-{count}"
            _write(folder, request.node.nodeid, suffix, checked, trace)
        return checked.require_agreement()

    return compare


def _checked(pair, options, traced):
    from parity_tests.witness import reference_conditions

    reference_conditions.import_tensorflow()
    from parity_tests.pair import loading, own_pair, traces

    own = copy.copy(loading.loaded(pair) if not hasattr(pair, "check") else pair)
    if options.get("budgets"):
        own.budgets = own_pair.by_level(options["budgets"])
    given = {key: options[key] for key in OPTIONS if key in options}
    trace = traces.Trace() if traced else None
    levels = given.pop("levels", None)
    return own.check(levels_asked=levels, trace=trace, **given), trace


def _write(folder, test, suffix, checked, trace):
    """One report, each file whole or not at all; its name is the test's."""
    from parity_tests.pair import checking, html_report

    os.makedirs(folder, exist_ok=True)
    environment = checking.environment()
    data = {
        "generator": html_report.GENERATOR,
        "environment": environment,
        "pairs": {test + suffix: checked.data},
    }
    again = {None: f"pytest {shlex.quote(test)}"}
    subject = html_report.of_pair(test + suffix, checked, trace, again)
    name = re.sub(r"[^\w.-]+", "_", test + suffix).strip("_")
    for ending, text in (
        ("json", json.dumps(data, indent=2, allow_nan=False)),
        ("html", html_report.page([subject], environment)),
    ):
        path = os.path.join(folder, f"{name}.{ending}")
        part = f"{path}.{os.getpid()}.part"
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
