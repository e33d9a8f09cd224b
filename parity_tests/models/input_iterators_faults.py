"""Faults planted in the twin that reads data sets."""

import tensorflow as tf

from parity_tests.models.pair import Fault


def _shuffled_on(twin):
    """One data set for all epochs, as one would write it."""
    training_rows, made = twin.training_rows, []

    def kept(shards, config):
        if not made:
            made.append(training_rows(shards, config))
        return made[0]

    return {"training_rows": kept}


def _rows(twin, buffer=None, reshuffled=None, interleaved=None, seed=11):
    def training_rows(shards, config):
        tf.random.set_seed(config.seed)
        rows = (interleaved or twin.interleaved)(shards).map(lambda row: 2 * row)
        rows = rows.shuffle(
            buffer or config.buffer, seed=seed, reshuffle_each_iteration=reshuffled
        )
        return rows.batch(config.batch_size, config.drop_remainder)

    return {"training_rows": training_rows}


def _one_shard_after_another(twin):
    return _rows(
        twin,
        interleaved=lambda shards: tf.data.Dataset.from_tensor_slices(
            shards.reshape(-1)
        ),
    )


FAULTS = {
    "shuffled_on": Fault(
        "One data set is read in every epoch: from the second on another order.",
        "batches",
        _shuffled_on,
    ),
    "not_reshuffled": Fault(
        "reshuffle_each_iteration=False, which is an order of its own.",
        "batches",
        lambda twin: _rows(twin, reshuffled=False),
    ),
    "one_shard_after_another": Fault(
        "Shards are read one after another.", "batches", _one_shard_after_another
    ),
    "graph_seed_alone": Fault(
        "The op has no seed of its own.", "batches", lambda twin: _rows(twin, seed=None)
    ),
    "another_buffer": Fault(
        "All rows are in the buffer.", "batches", lambda twin: _rows(twin, buffer=100)
    ),
    "remainder_dropped": Fault(
        "The short batch is dropped.",
        "batches",
        fields={"drop_remainder": True},
        both={"batch_size": 5},
    ),
}
