"""The plays that a pair is compared on, from arrays, a data set or a strategy."""

import itertools

import numpy as np

from parity_tests.pair.errors import mistake, theirs

TRAIN = "train"
STEPS, EXAMPLES, BATCH_SIZE = 10, 5, 32
KEYS = ("x", "y_true", "sample_weight")


def is_strategy(batches):
    """Whether batches are drawn by Hypothesis."""
    return type(batches).__module__.startswith("hypothesis.") and hasattr(
        batches, "example"
    )


def plays(batches, steps=None, examples=None, seed=None, batch_size=None):
    """[[(move, {name in a batch: array})]], a play an example.

    Args:
        batches: a Hypothesis strategy of a batch; arrays of all examples, as a tuple or a
            dictionary; a ``tf.data.Dataset`` or any iterable of batches, or a function
            that returns one of these. A batch is (x, y_true), (x, y_true,
            sample_weight), a dictionary by name, or (move, such a dictionary).
        steps: moves of a play that train; by default ``STEPS``, or as many as there are.
        examples, seed: of a strategy: how many plays, and which.
        batch_size: of arrays.

    Raises:
        PairError: for batches that are none of these or too few, and for options that
            would say nothing.
    """
    for option, value in (
        ("steps", steps),
        ("examples", examples),
        ("batch_size", batch_size),
    ):
        if value is not None and (
            not isinstance(value, (int, np.integer))
            or isinstance(value, bool)
            or value < 1
        ):
            raise mistake(
                f"{option} must be a whole number from 1",
                repr(value),
                "Leave it out for the default",
            )
    if callable(batches) and not is_strategy(batches):
        with theirs("batches must return the batches"):
            batches = batches()
    if is_strategy(batches):
        return _drawn(batches, steps or STEPS, examples or EXAMPLES, seed or 0)
    for option, value in (("--examples", examples), ("--seed", seed)):
        if value is not None:
            raise mistake(
                f"{option} must go with batches of a Hypothesis strategy",
                type(batches).__name__,
                f"Leave {option} out: these batches are the same each time",
            )
    if batches is None:
        raise mistake(
            "A pair must have batches",
            "none",
            "Use batches=(x, y_true), a tf.data.Dataset or a Hypothesis strategy",
        )
    if _is_arrays(batches):
        batches = _sliced(batches, batch_size or BATCH_SIZE, steps or STEPS)
    elif not hasattr(batches, "__iter__"):
        raise mistake(
            "batches must be arrays, a data set, a strategy or an iterable of batches",
            f"{batches!r:.60}",
            "Use for instance batches=(x, y_true)",
        )
    wanted = steps if steps is not None else _bound(batches)
    with theirs("batches must yield the batches"):
        listed = [move_of(batch) for batch in itertools.islice(iter(batches), wanted)]
    if steps is not None and len(listed) < steps:
        raise mistake(
            "batches must last for all steps",
            f"{len(listed)} of {steps}",
            f"Use --steps {max(1, len(listed))}, or repeat them",
        )
    if not listed:
        raise mistake("A pair must have a batch", "none", "Give it one at least")
    return [listed]


def _bound(batches):
    """How many batches are taken where nobody says: a list is taken whole."""
    return None if isinstance(batches, (list, tuple)) else STEPS


def _is_arrays(batches):
    values = batches.values() if isinstance(batches, dict) else batches
    return (
        isinstance(batches, (dict, tuple))
        and bool(batches)
        and all(isinstance(value, np.ndarray) for value in values)
    )


def _sliced(arrays, batch_size, steps):
    """Batches of arrays, round and round, the last of a round a short one."""
    named = (
        arrays if isinstance(arrays, dict) else dict(zip(KEYS, arrays, strict=False))
    )
    lengths = {name: len(array) for name, array in named.items()}
    if len(set(lengths.values())) != 1 or not all(lengths.values()):
        raise mistake(
            "Arrays of a pair must have as many examples each, one at least",
            ", ".join(f"{name}: {count}" for name, count in lengths.items()),
            "Cut them alike",
        )
    examples = next(iter(lengths.values()))
    rounds = itertools.cycle(range(0, examples, batch_size))
    return [
        {name: array[begin : begin + batch_size] for name, array in named.items()}
        for begin in itertools.islice(rounds, steps)
    ]


def move_of(batch):
    """(move, {name: array}) of a batch in any of its forms."""
    move = TRAIN
    if isinstance(batch, (tuple, list)) and batch and isinstance(batch[0], str):
        move, batch = batch
    if isinstance(batch, (tuple, list)) and len(batch) <= len(KEYS):
        parts = list(batch)
        if isinstance(parts[0], dict):  # a data set of (inputs by name, targets)
            named = {
                **parts[0],
                **(
                    parts[1]
                    if len(parts) > 1 and isinstance(parts[1], dict)
                    else dict(zip(KEYS[1:], parts[1:], strict=False))
                ),
            }
        else:
            named = dict(zip(KEYS, parts, strict=False))
        batch = named
    if not isinstance(batch, dict):
        raise mistake(
            "A batch must be (x, y_true) or a dictionary of arrays by name",
            f"{batch!r:.60}",
            "Use for instance {'x': x, 'y_true': y_true}",
        )
    return move, {name: _array(value) for name, value in batch.items()}


def _array(value):
    if hasattr(value, "dense_shape"):
        return value
    return value.numpy() if hasattr(value, "numpy") else np.asarray(value)


def _drawn(strategy, steps, examples, seed):
    """Plays of batches that Hypothesis draws, the same for the same seed."""
    from hypothesis import HealthCheck, Phase, given, settings, strategies
    from hypothesis import seed as seeded

    listed = []

    @seeded(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.lists(strategy, min_size=steps, max_size=steps))
    def draw(batches):
        listed.append([move_of(batch) for batch in batches])

    with theirs("batches must be a strategy that can be drawn from"):
        draw()
    return listed
