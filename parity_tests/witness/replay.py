"""Compares goldens with what today's compat.v1 and the twins compute."""

import collections
import itertools
import pathlib

import keras
import tensorflow as tf

from parity_tests.engine import budgets
from parity_tests.engine.comparison import Budget, Comparison
from parity_tests.models import chapters
from parity_tests.models.pair import Pair
from parity_tests.parts import table as parts
from parity_tests.witness import golden, runs, tf1_parts
from tf1_graph import session as tf1_session

GOLDENS = pathlib.Path(__file__).parents[1] / "goldens"
SIDES = ("compat.v1", "function", "fit")
EXACT = Budget()


def level_of_budgets(onednn):
    """The level of budgets.toml that says what 1.15.5 and the two others differ by."""
    return "1.15.5" if onednn else "1.15.5, oneDNN off"


def compare_chapter(name, side, folder=None, onednn=True, granted=True, fault=None):
    """One leg: the golden of a chapter against compat.v1, or its twin at a level.

    Args:
        name: a chapter.
        side: one of ``SIDES``.
        folder: that holds the golden; by default the one that comes along.
        onednn: whether this process runs with oneDNN: another budget applies without.
        granted: whether budgets above zero apply.
        fault: a ``pair.Fault`` to plant in the twin.

    Returns:
        engine.comparison.Comparison, finished.
    """
    stored = golden.Golden(folder or GOLDENS / name)
    budget_for = budgets.budget_for(name, level_of_budgets(onednn))
    if not granted:
        budget_for = _exactly
    comparison = Comparison(stored.records(_is_exact(budget_for)), budget_for)
    numbers = itertools.count()

    def observe(record):
        number = next(numbers)
        comparison.observe(stored.like(number, record, _is_exact(budget_for)))

    fields = {key: _hashable(value) for key, value in stored.facts["config"].items()}
    config = chapters.graph(name).Config(**fields)
    batches = runs.batches_of(name, config, stored.facts["steps"])
    if side == "compat.v1":
        built = chapters.graph(name).build(config)
        session = tf1_session.open_session(built)
        try:
            for record in tf1_session.run(session, built, batches):
                observe(record)
        finally:
            session.close()
    else:
        # The golden's configuration stays, whatever a fault would show best under.
        with Pair(name, fields, fault and fault._replace(both=None)) as pair:
            pair.training.run(batches, side, observe)
    comparison.finish()
    return comparison


def legs(name, folder=None, onednn=True):
    """Yields (chapter or part, side, Comparison) of everything under one golden's name.

    Args:
        name: a chapter, or ``tf1_parts.NAME``.
        folder: that holds goldens by name; by default those that come along.
        onednn: as above.
    """
    own = pathlib.Path(folder or GOLDENS) / name
    if name == tf1_parts.NAME:
        sides = [(side, compare_parts(side, own)) for side in ("compat.v1", "function")]
        for part in sides[0][1]:
            for side, compared in sides:
                yield part, side, compared[part]
    else:
        for side in SIDES:
            yield name, side, compare_chapter(name, side, own, onednn)


def compare_parts(side, folder=None, granted=True):
    """The optimizers and initialisers: the golden against compat.v1 or the parts.

    Args:
        side: "compat.v1" or "function".
        folder, granted: as above.

    Returns:
        {part, such as "optimizers.Adam": Comparison, finished}.
    """
    stored = golden.Golden(folder or GOLDENS / tf1_parts.NAME)
    compared = {}
    for module, table in (
        ("initializers", tf1_parts.INITIALIZERS),
        ("optimizers", tf1_parts.OPTIMIZERS),
    ):
        live = _values if module == "initializers" else _states
        for name, ways in table.items():
            part = f"{module}.{name}"
            budget_for = _budget_of_part(part) if granted else _exactly
            exact = _is_exact(budget_for)
            reference = [_only(record, name + " ") for record in stored.records(exact)]
            comparison = Comparison(filter(None, reference), budget_for)
            for number, record in enumerate(live(part, name, ways, side)):
                if record:
                    comparison.observe(stored.like(number, record, exact))
            comparison.finish()
            compared[part] = comparison
    return compared


def _only(record, prefix):
    """What of a record is a part's own; its tensors begin with the part's name."""
    own = {
        stage: {key: array for key, array in tensors.items() if key.startswith(prefix)}
        for stage, tensors in record.items()
    }
    return {stage: tensors for stage, tensors in own.items() if tensors}


def _values(part, name, ways, side):
    """The initial values of an initialiser, in the form of a run."""
    initial = collections.OrderedDict()
    for key, _, symbol, arguments, dtype in tf1_parts.entries({name: ways}):
        if side == "compat.v1":
            initial[key] = tf1_parts.initial_value(
                lambda: tf1_parts.initializer_of_tf1(name, symbol, arguments), dtype
            )
        else:
            made = parts.constructor(part)(seed=tf1_parts.SEED, **arguments)
            initial[key] = made(tf1_parts.SHAPE, dtype).numpy()
    yield {"initial values": initial}


def _states(part, name, ways, side):
    """The slots and variables of an optimizer, in the form of a run."""
    (descriptor,) = (known for known in parts.PARTS if known.name == part)
    after = [{"slots": {}, "updates": {}} for _ in tf1_parts.STEPS]
    for key, _, _, arguments, dtype in tf1_parts.entries({name: ways}):
        if side == "compat.v1":
            states = tf1_parts.optimizer_states(
                lambda: descriptor.reference(**arguments), dtype
            )
        else:
            states = _states_of_twin(parts.constructor(part)(**arguments), dtype)
        tf1_parts.merge(after, key, states)
    yield {}
    yield from (
        {stage: tensors for stage, tensors in record.items() if tensors}
        for record in after
    )


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
                for name, variable in zip(values, of_variables)
            }
            named.update((name, variable.numpy()) for name, variable in others.items())
            yield {
                "slots": named,
                "updates": {
                    name: variable.numpy() for name, variable in zip(values, variables)
                },
            }


def _budget_of_part(part):
    """Budgets are for float32; float64 is claimed to the bit."""
    of_float32 = budgets.budget_for(part, level_of_budgets(onednn=True))
    return lambda stage, tensor: (
        EXACT if tensor and "float64" in tensor else of_float32(stage, tensor)
    )


def _exactly(stage, tensor):
    return EXACT


def _is_exact(budget_for):
    """(stage, tensor) -> whether no difference is granted, so that hashes must agree."""
    return lambda stage, tensor: budget_for(stage, tensor) == EXACT


def _hashable(value):
    """JSON's lists as the tuples that they were."""
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
