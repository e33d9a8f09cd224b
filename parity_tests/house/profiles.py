"""The Hypothesis profiles, a plugin of pytest that imports no TensorFlow.

Chosen by ``pytest --hypothesis-profile=NAME``:

- quick (default): few examples, the same in every run, so that what fails was broken by
  a change;
- ci: as many, new ones in every run, so that what was missed can still be found;
- thorough: a thousand new ones a property.

The header prints the seed of the new ones. No profile shrinks what it finds, since that
is minutes without a word for an optimizer: ``--shrink`` does.
"""

import random

import pytest
from hypothesis import HealthCheck, Phase, settings

# Each says whether it is random: what is not said is taken from Hypothesis's own profile,
# and where a variable ``CI`` is set, that one draws the same in every run.
PROFILES = {
    "quick": {"max_examples": 10, "derandomize": True},
    "ci": {"max_examples": 10, "derandomize": False},
    "thorough": {"max_examples": 1000, "derandomize": False},
}


def pytest_addoption(parser):
    parser.addoption(
        "--shrink",
        action="store_true",
        help="Let Hypothesis shrink what fails to its smallest example (minutes).",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Before Hypothesis's own, which then loads the profile and sets the seed."""
    shrinks = config.getoption("--shrink", default=False)
    left_out = {Phase.explain, *([] if shrinks else [Phase.shrink])}
    for name, differing in PROFILES.items():
        settings.register_profile(
            name,
            deadline=None,  # the first example of a pair traces its functions
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            phases=[phase for phase in Phase if phase not in left_out],
            print_blob=True,
            **differing,
        )
    # Hypothesis loads what is named, and knows of no default but its own.
    settings.load_profile(config.getoption("--hypothesis-profile") or "quick")
    if config.getoption("--hypothesis-seed") is None:
        # Drawn here and not by Hypothesis, so that the header can state it; a worker of
        # pytest-xdist is handed it.
        given = getattr(config, "workerinput", {}).get("hypothesis_seed")
        drawn = given or str(random.SystemRandom().getrandbits(32))
        config.option.hypothesis_seed = drawn


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["hypothesis_seed"] = node.config.getoption("--hypothesis-seed")


def examples(config):
    """The options that draw the same examples again."""
    profile = config.getoption("--hypothesis-profile") or "quick"
    if settings.default.derandomize:
        return f"--hypothesis-profile={profile}"
    seed = config.getoption("--hypothesis-seed")
    return f"--hypothesis-profile={profile} --hypothesis-seed={seed}"


def pytest_report_header(config):
    """The examples' seed, in the header of every run."""
    return f"examples: {examples(config)}"


def pytest_terminal_summary(terminalreporter, config):
    if terminalreporter.stats.get("failed"):
        terminalreporter.write_line(
            f"The same examples again: pytest TEST {examples(config)}; with --shrink as "
            "well, the smallest that fails. Keep it as an @example."
        )
