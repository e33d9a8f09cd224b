"""Faults planted in the twin of the towers."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault


def _normalised_together(twin):
    """Keras's layer, which can take the moments of the whole batch."""
    del twin

    def batch_norm(config):
        return keras.layers.BatchNormalization(
            momentum=config.decay,
            epsilon=config.epsilon,
            synchronized=True,
            name="norm",
        )

    return {"batch_norm": batch_norm}


def _statistics_of(replica_wins):
    """Statistics that all replicas share, as a variable with an aggregation does."""

    def patch(twin):
        batch_norm = twin.batch_norm

        def faulty(config):
            layer = batch_norm(config)
            add_weight = layer.add_weight

            def aggregated(*arguments, trainable=True, **options):
                if not trainable:
                    options["aggregation"] = replica_wins
                return add_weight(*arguments, trainable=trainable, **options)

            layer.add_weight = aggregated
            return layer

        return {"batch_norm": faulty}

    return patch


def _not_split(twin):
    """The same batch on every replica."""
    del twin

    def batches(x_data, y_data, strategy, config):
        dataset = tf.data.Dataset.from_tensor_slices((x_data, y_data)).repeat()
        return iter(
            strategy.distribute_datasets_from_function(
                lambda _: dataset.batch(config.batch_size)
            )
        )

    return {"batches": batches}


def _drawn_apart(twin):
    """Each replica takes the next examples for itself, and drops the others' share."""
    del twin

    def batches(x_data, y_data, strategy, config):
        dataset = tf.data.Dataset.from_tensor_slices((x_data, y_data)).repeat()
        share = config.batch_size // config.towers
        dataset = dataset.batch(share).shard(config.towers, 0)
        return iter(strategy.distribute_datasets_from_function(lambda _: dataset))

    return {"batches": batches}


FAULTS = {
    "sum_of_gradients": Fault(
        "Each replica brings the loss of its share, and apply adds the gradients up.",
        "gradients",
        lambda _: {"share": lambda replica_loss, replicas: replica_loss},
    ),
    "mean_taken_twice": Fault(
        "A loss is divided by the number of replicas that was divided by it already.",
        "gradients",
        lambda _: {"share": lambda replica_loss, replicas: replica_loss / replicas**2},
    ),
    "normalised_together": Fault(
        "Batch norm takes the moments of the whole batch.",
        "loss",
        _normalised_together,
    ),
    "statistics_of_all": Fault(
        "The moving statistics move by the mean of the replicas'.",
        "updates",
        _statistics_of("mean"),
    ),
    "statistics_of_the_sum": Fault(
        "The moving statistics move by the sum of the replicas'.",
        "updates",
        _statistics_of("sum"),
    ),
    "not_split": Fault("Each replica gets the whole batch.", "loss", _not_split),
    "drawn_apart": Fault(
        "Each replica reads a share of its own, and not of the same batch.",
        "loss",
        _drawn_apart,
    ),
    "one_device": Fault(
        "All of the batch is on one device, and normalised there.",
        "loss",
        fields={"towers": 1},
    ),
    "batch_of_a_replica": Fault(
        "The size of the whole batch is taken for that of a replica.",
        "loss",
        fields={"batch_size": 16},
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.275}
    ),
}
