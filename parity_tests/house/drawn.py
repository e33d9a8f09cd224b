"""Which cases of the claims a run takes, a plugin of pytest that imports no TensorFlow.

Most claims hold for many alike: each fault of each chapter, each option of each part. Run
are, as of a property's examples, some of them: where the whole tree is run, an eighth of
each test's cases, and of the tests that are marked slow a quarter; the same ones in every
run, or by a profile that draws new examples, new ones; ``--draw SEED`` draws others, which
the same seed draws again. Whoever names files or tests runs all of theirs, and so does
``--whole``.
"""

import collections
import math
import zlib

import pytest
from hypothesis import settings

SHARE = 8  # of a test's cases one in so many, and at least one
OF_SLOW = 4  # of the tests that are marked slow one in so many
SLOW = (
    "slow(shared=''): takes seconds of processor time, or needs what does and is shared "
    "by name; where the whole tree is run, a quarter of these tests are."
)
_COUNTS = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption(
        "--whole",
        action="store_true",
        help="Run every case of every test, as where files or tests are named.",
    )
    parser.addoption(
        "--draw",
        metavar="SEED",
        help="Of the whole tree take the cases of this seed, such as a commit's hash.",
    )


def pytest_configure(config):
    """The decision is the controller's of pytest-xdist; its workers are handed it."""
    config.addinivalue_line("markers", SLOW)
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    chosen = named or config.option.keyword or config.option.markexpr
    draws = not (chosen or config.getoption("--whole"))
    draws = getattr(config, "workerinput", {}).get("draws_cases", draws)
    config.stash[_COUNTS] = collections.Counter(draws=draws)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["draws_cases"] = bool(node.config.stash[_COUNTS]["draws"])


def drawn(names, seed, share):
    """Of some names one in ``share``, and at least one, as a seed has it: a set."""

    def rank(name):
        return zlib.crc32(f"{seed}:{name}".encode())

    return {*sorted(names, key=rank)[: math.ceil(len(names) / share)]}


def _test(item):
    return item.nodeid.partition("[")[0]


def _slow(item):
    """What a slow test is drawn as: itself, or what it shares with others; or None."""
    mark = item.get_closest_marker("slow")
    return mark and mark.kwargs.get("shared", _test(item))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if not config.stash[_COUNTS]["draws"]:
        return
    seed = 0 if settings.default.derandomize else config.option.hypothesis_seed
    seed = config.getoption("--draw") or seed
    cases = collections.defaultdict(list)
    for item in items:
        cases[_test(item)].append(item.nodeid)
    taken = set().union(*(drawn(names, seed, SHARE) for names in cases.values()))
    slow = {name for item in items if (name := _slow(item))}
    left_out = slow - drawn(slow, seed, OF_SLOW)
    taken -= {item.nodeid for item in items if _slow(item) in left_out}
    config.stash[_COUNTS].update(run=len(taken), all=len(items))
    left = [item for item in items if item.nodeid not in taken]
    items[:] = [item for item in items if item.nodeid in taken]
    config.hook.pytest_deselected(items=left)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["cases"] = dict(session.config.stash[_COUNTS])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Every worker collects the same."""
    counts = getattr(node, "workeroutput", {}).get("cases", {})
    node.config.stash[_COUNTS] = collections.Counter(counts)


def pytest_terminal_summary(terminalreporter, config):
    counts = config.stash[_COUNTS]
    if counts["all"]:
        terminalreporter.write_line(
            f"{counts['run']:,} of {counts['all']:,} cases were taken, at least one of "
            "each test that is not slow. All of them: pytest --whole"
        )
