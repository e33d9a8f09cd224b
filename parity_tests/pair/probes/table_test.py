"""Claims about the table of probes: each is described, has a page, and is documented."""

import pathlib

import pytest

from parity_tests.engine.records import STAGES
from parity_tests.pair.probes import PROBES, table

ROOT = pathlib.Path(__file__).parents[3]
NEEDS_CHECKOUT = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="docs/ is in a checkout only"
)
KINDS = {*STAGES, table.SLOT_STARTS, table.STATISTICS}
PLACES = {table.LAYERS, table.LOSS, table.GRADIENTS, table.UPDATE, table.FORWARD_PASS}


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_probe_says_where_it_applies_and_what_it_replaces(probe):
    assert probe.stages and set(probe.stages) <= KINDS
    assert probe.at in PLACES
    assert probe.changes.__doc__.startswith("Replaces ")


@NEEDS_CHECKOUT
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_probe_has_a_page_and_a_line_in_the_documentation(probe):
    assert (ROOT / probe.page).is_file()
    page = (ROOT / "docs" / "own_pair.md").read_text(encoding="utf-8")
    assert f"| {probe.name} |" in page


def test_probes_are_told_apart_by_their_names():
    assert len({probe.name for probe in PROBES}) == len(PROBES) >= 18
