"""Faults planted in the twin of the queues."""

import tensorflow as tf

from parity_tests.models.pair import Fault


def _batched_by_epoch(twin):
    """dataset.batch(...).repeat(...): the end of an epoch is that of a batch."""

    def examples_of(paths, config):
        order = twin.order_of_files(paths, config)
        epochs = [
            tf.data.TFRecordDataset(order[begin : begin + len(paths)]).batch(
                config.batch_size, drop_remainder=not config.allow_smaller
            )
            for begin in range(0, len(order), len(paths))
        ]
        batches = epochs[0]
        for epoch in epochs[1:]:
            batches = batches.concatenate(epoch)
        return batches.map(lambda batch: tf.io.parse_example(batch, twin.FEATURES))

    return {"examples_of": examples_of}


def _one_order(twin):
    order_of_files = twin.order_of_files

    def faulty(paths, config):
        return order_of_files(paths, config)[: len(paths)] * config.steps

    return {"order_of_files": faulty}


def _no_default(twin):
    label = tf.io.FixedLenFeature([], tf.int64, default_value=0)
    return {"FEATURES": {**twin.FEATURES, "label": label}}


def _padded_words(twin):
    """What keras.utils.pad_sequences and a ragged to_tensor make: zeros after the words."""

    def read(examples):
        for record in true_read(examples):
            seen = record["batches"]
            shape = [len(seen["label"]), 1 + int(seen["places"][:, 1].max(initial=-1))]
            sparse = tf.SparseTensor(seen["places"], seen["words"], shape)
            seen["words"] = tf.sparse.to_dense(sparse).numpy().ravel()
            yield record

    true_read = twin.read
    return {"read": read}


def _shuffled_by_tf_data(twin):
    del twin

    def shuffled(rows, config):
        tf.random.set_seed(config.seed)
        dataset = tf.data.Dataset.from_tensor_slices(rows).shuffle(len(rows), seed=12)
        for row in dataset:
            yield {"shuffled": {"row": row.numpy()}}

    return {"shuffled": shuffled}


FAULTS = {
    "batched_by_epoch": Fault(
        "Each epoch is batched by itself.", "batches", _batched_by_epoch
    ),
    "files_in_order": Fault(
        "The files are read as they are named.",
        "batches",
        lambda _: {"order_of_files": lambda paths, config: paths * config.steps},
    ),
    "one_order": Fault(
        "The files have the first epoch's order in all.", "batches", _one_order
    ),
    "smaller_allowed": Fault(
        "The last batch may be smaller.", "batches", fields={"allow_smaller": True}
    ),
    "default_of_zero": Fault(
        "What has no label is of class 0.", "batches", _no_default
    ),
    "padded_words": Fault(
        "Words are padded by zeros, which are words as well.", "batches", _padded_words
    ),
    "shuffled_by_tf_data": Fault(
        "tf.data shuffles, with a buffer of all rows and the same seeds.",
        "shuffled",
        _shuffled_by_tf_data,
    ),
}
