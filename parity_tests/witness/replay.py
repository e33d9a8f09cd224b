"""Compares goldens with what today's compat.v1 and the twins compute."""

import pathlib

import keras
import tensorflow as tf

from parity_tests.engine import budgets
from parity_tests.engine.budgets import Budget
from parity_tests.engine.comparison import compare_plays
from parity_tests.models import chapters
from parity_tests.models.pair import ChapterPair
from parity_tests.parts import table as parts
from parity_tests.witness import golden, runs, tf1_parts
from parity_tests.witness.recordables import PLAY

GOLDENS = pathlib.Path(__file__).parents[1] / "goldens"
SIDES = ("compat.v1", "function", "fit")
EXACT = Budget()
# The level of budgets.toml for 1.15.5 itself on two kinds of processor. Its vectorised
# square root begins with the processor's own approximation, which Intel and AMD round
# otherwise.
ANOTHER_CPU = "1.15.5, another CPU"


def level_of_budgets(onednn=True):
    """The level of budgets.toml that says what 1.15.5 and the two others differ by."""
    return "1.15.5" if onednn else "1.15.5, oneDNN off"


def compare(stored, play, records, budget_for=None):
    """Compares a stored play with another one of the same moves.

    Args:
        stored: a ``golden.Golden``.
        play: the name of one of its plays.
        records: of the other play, an iterable, whole tensors as they are.
        budget_for: (stage, tensor) -> Budget, or None for 0 ULP; it is asked for a large
            tensor by its own name. Where it is 0 ULP, hashes must agree.

    Returns:
        engine.comparison.Comparison, finished.
    """
    return _compare(
        stored, play, lambda exact: stored.like(play, records, exact), budget_for
    )


def compare_recordings(stored, other, play):
    """Compares two goldens' plays of one name: to the bit, if on one kind of processor.

    Args:
        stored, other: of the same chapter or part, each a ``golden.Golden``.
        play: as above.
    """
    budget_for = None
    if not same_processor(stored, other):
        budget_for = budget_of(stored, play, ANOTHER_CPU)
    return _compare(stored, play, lambda exact: other.play(play, exact), budget_for)


def same_processor(stored, other):
    """Whether two goldens were recorded on one kind of processor."""
    return all(stored.facts[key] == other.facts[key] for key in ("cpu", "cpu_flags"))


def _compare(stored, play, candidate_for, budget_for):
    def budget(stage, tensor):
        return (budget_for and budget_for(stage, tensor)) or EXACT

    def exact(stage, tensor):
        return not (budget(stage, tensor).ulp or budget(stage, tensor).normwise)

    def granted(stage, tensor):
        if tensor.endswith((golden.SHAPE, golden.SHA256)):
            return EXACT
        for suffix in (golden.SAMPLED, golden.LARGEST):
            tensor = tensor.removesuffix(suffix)
        return budget(stage, tensor)

    return compare_plays(
        stored.play(play, exact), candidate_for(exact), budget_for=granted
    )


def legs(name, folder=None, onednn=True):
    """Yields (chapter or part, side, Comparison) of everything under one golden's name.

    Args:
        name: one of ``recordables.NAMES``.
        folder: that holds goldens by name; by default those that come along.
        onednn: whether this process runs with oneDNN: another budget applies without.
    """
    stored = golden.Golden(pathlib.Path(folder or GOLDENS) / name)
    if name in chapters.NAMES:
        for side, comparison in chapter_legs(stored, onednn):
            yield name, side, comparison
    else:
        yield from part_legs(stored)


def chapter_legs(stored, onednn=True, fault=None, sides=SIDES):
    """Yields (side, Comparison): a chapter's golden against compat.v1 and its twin.

    Args:
        stored: the ``golden.Golden`` of a chapter.
        onednn: as above.
        fault: a ``pair.Fault`` to plant in the twin.
        sides: some of ``SIDES``.
    """
    name = stored.facts["chapter"]
    fields = {key: _hashable(value) for key, value in stored.facts["config"].items()}
    # The golden's configuration stays, whatever a fault would show best under.
    with ChapterPair(name, fields, fault and fault._replace(both=None)) as pair:
        for side in sides:
            moves = runs.moves_of(name, pair.config, stored.facts["steps"])
            if side == "compat.v1":
                records = pair.reference(moves)
            else:
                records = pair.candidate(moves, side)
            budget_for = budget_of(stored, PLAY, level_of_budgets(onednn))
            yield side, compare(stored, PLAY, records, budget_for)


def part_legs(stored):
    """Yields (part, side, Comparison): the golden against compat.v1 and the parts."""
    sides = {"compat.v1": _of_compat_v1(), "function": _of_twin()}
    for part in stored.plays:
        budget_for = budget_of(stored, part, level_of_budgets())
        for side, played in sides.items():
            yield part, side, compare(stored, part, played[part], budget_for)


def budget_of(stored, play, level):
    """(stage, tensor) -> Budget of a golden's play at a level of budgets.toml."""
    if "chapter" in stored.facts:
        return budgets.budget_for(stored.facts["chapter"], level)
    # Those of a part are for float32; float64 is claimed to the bit.
    of_float32 = budgets.budget_for(play, level)
    return lambda stage, tensor: (
        EXACT if "float64" in tensor else of_float32(stage, tensor)
    )


def _of_compat_v1():
    """{part: its play}; contrib's optimizers as the table of parts has them."""
    references = {part.name: part.reference for part in parts.PARTS}
    return tf1_parts.plays(
        lambda name, _, arguments: references["optimizers." + name](**arguments)
    )


def _of_twin():
    """{part: its play} of the parts themselves."""

    def value_of(name, _, arguments, dtype):
        part = parts.constructor("initializers." + name)
        return part(seed=tf1_parts.SEED, **arguments)(tf1_parts.SHAPE, dtype).numpy()

    def states_of(name, _, arguments, dtype):
        part = parts.constructor("optimizers." + name)
        return _states_of_twin(part(**arguments), dtype)

    return tf1_parts.plays_of(value_of, states_of)


def _states_of_twin(optimizer, dtype):
    values, gradient = tf1_parts.problem(dtype)
    variables = [
        keras.Variable(value, dtype=dtype, name=name) for name, value in values.items()
    ]
    optimizer.build(variables)
    rows = tf.TensorSpec([None], tf.int32)

    @tf.function(
        input_signature=[
            tf.TensorSpec(values["weights"].shape, dtype),
            tf.TensorSpec(values["bias"].shape, dtype),
            tf.TensorSpec([None, 4], dtype),
            rows,
        ]
    )
    def step(of_weights, of_bias, of_rows, indices):
        sparse = tf.IndexedSlices(of_rows, indices, dense_shape=tf.constant([12, 4]))
        optimizer.apply([of_weights, of_bias, sparse], variables)
        return of_weights

    for number in range(1, max(tf1_parts.STEPS) + 1):
        gradients = gradient(number)
        step(gradients["weights"], gradients["bias"], *gradients["embedding"])
        if number in tf1_parts.STEPS:
            slots, others = optimizer.tf1_slots()
            named = {
                f"{name}/{slot}": variable.numpy()
                for slot, of_variables in slots.items()
                for name, variable in zip(values, of_variables, strict=True)
            }
            named.update((name, variable.numpy()) for name, variable in others.items())
            yield {
                "slots": named,
                "updates": {
                    name: variable.numpy()
                    for name, variable in zip(values, variables, strict=True)
                },
            }


def _hashable(value):
    """JSON's lists as the tuples that they were."""
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
