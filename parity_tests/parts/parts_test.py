"""Claims that hold for every part of tf1_semantics, from one table of descriptors."""

import inspect
import pathlib
import re

import keras
import pytest
import tensorflow as tf

from parity_tests.pages import parts as pages
from parity_tests.parts import making, signatures
from parity_tests.parts import table as parts
from tf2_keras import tf1_semantics

ROOT = pathlib.Path(__file__).parents[2]
EVERY_PART = pytest.mark.parametrize("part", parts.PARTS, ids=lambda part: part.name)
SAMPLES = [
    pytest.param(part, arguments, id=f"{part.name}-{number}")
    for part in parts.PARTS
    for number, arguments in enumerate(part.samples)
]
REFUSED = [
    pytest.param(part, arguments, wrong, id=f"{part.name}-{wrong}-{number}")
    for part in parts.PARTS
    for number, (arguments, wrong) in enumerate(part.refused)
]
TRAPS = [
    pytest.param(part, number, id=f"{part.name}-{number}")
    for part in parts.PARTS
    for number in range(len(part.traps))
]


def test_every_public_name_is_in_the_table_once():
    public = [
        f"{module}.{name}"
        for module in tf1_semantics.__all__
        for name in getattr(tf1_semantics, module).__all__
    ]
    assert len(public) == len(set(public))
    assert sorted(part.name for part in parts.PARTS) == sorted(public)


@EVERY_PART
def test_a_part_names_its_source_and_the_test_that_proves_it(part):
    documentation = inspect.getdoc(parts.constructor(part.name))
    assert documentation and "Source:" in documentation
    assert part.tf1.startswith("tf.") or part.tf1 in signatures.HIDDEN
    path, _, test = part.proof.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {re.escape(test)}\(", source, re.M), part.proof


@EVERY_PART
def test_a_part_has_a_trap_or_says_why_not(part):
    assert bool(part.traps) != bool(part.no_trap)
    for trap in part.traps:
        assert trap.at_least and set(trap.at_least) <= {1, 10, 100}


@EVERY_PART
def test_a_class_is_registered_sampled_and_refuses_something(part):
    made = parts.constructor(part.name)
    if inspect.isclass(made):
        assert keras.saving.get_registered_name(made).startswith("tf1_semantics>")
        assert part.samples
        arguments = set(inspect.signature(made).parameters) - {"name", "kwargs"}
        assert part.refused or not arguments


@pytest.mark.parametrize("part, arguments", SAMPLES)
def test_a_configuration_makes_the_same_part_again(part, arguments):
    original = making.made(part.name, arguments)
    serialised = keras.saving.serialize_keras_object(original)
    for copy in (
        type(original).from_config(original.get_config()),
        keras.saving.deserialize_keras_object(serialised),
    ):
        assert type(copy) is type(original)
        assert copy.get_config() == original.get_config()


@pytest.mark.parametrize("part, arguments", SAMPLES)
def test_making_a_part_draws_nothing_from_the_global_seeds(part, arguments):
    keras.utils.set_random_seed(3)
    expected = tf.random.uniform([4]).numpy().tolist()
    keras.utils.set_random_seed(3)
    making.made(part.name, arguments)
    assert tf.random.uniform([4]).numpy().tolist() == expected


@pytest.mark.parametrize("part, arguments, wrong", REFUSED)
def test_bad_arguments_are_told_by_rule_received_and_remedy(part, arguments, wrong):
    with pytest.raises(ValueError) as caught:
        making.made(part.name, arguments)
    message = str(caught.value)
    assert message.startswith(f"{wrong} must ")
    assert f". Received: {arguments[wrong]!r}. " in message
    assert message.endswith(".") and message.count(". ") >= 2


REMEDY = "run python -m parity_tests.pages.parts"
IN_A_CHECKOUT = pages.DOCS.is_dir()  # where docs/ is
NUMBER = r"\| (\d[\d.]*(?:e[+-]\d+)?|) (?=\|)"


@pytest.mark.parametrize("part, number", TRAPS)
def test_a_naive_migration_is_off_by_its_stated_margin(part, number):
    """And by what its page says: a little otherwise on another processor."""
    trap, measured = part.traps[number], parts.measured(part.name, number)
    for step, error in trap.at_least.items():
        assert measured[step] >= error, f"{trap.write}: {measured}"
    if not IN_A_CHECKOUT:
        return
    page = (pages.DOCS / "traps.md").read_text(encoding="utf-8").splitlines()
    row = pages.trap_row(part, trap, measured)
    assert any(says_about_the_same(stored, row) for stored in page), f"{row}: {REMEDY}"


def says_about_the_same(stored, row):
    """Whether a row of the page has the words of another, and about its numbers."""
    if re.sub(NUMBER, "| ", stored) != re.sub(NUMBER, "| ", row):
        return False
    numbers = (re.findall(NUMBER, text) for text in (stored, row))
    for old, new in zip(*numbers, strict=True):
        smaller, larger = sorted([float(old or 0), float(new or 0)])
        # Below 1e-4 it may be roundings, which differ by processor altogether.
        if bool(old) is not bool(new) or (larger >= 1e-4 and larger > 3 * smaller):
            return False
    return True


@pytest.mark.skipif(not IN_A_CHECKOUT, reason="docs/ is in a checkout only")
def test_the_pages_of_parts_and_traps_are_up_to_date():
    """To the word; what is measured is claimed trap by trap."""
    nothing = pages.traps_page(lambda *_: {})
    for name, page in (("parts", pages.parts_page()), ("traps", nothing)):
        stored = (pages.DOCS / f"{name}.md").read_text(encoding="utf-8")
        assert re.sub(NUMBER, "| ", stored) == re.sub(NUMBER, "| ", page), REMEDY
