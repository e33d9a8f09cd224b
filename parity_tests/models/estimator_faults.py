"""Faults planted in the Keras model that stands in for an Estimator."""

import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def evaluated_by_examples(twin):
    evaluate = twin.evaluate

    def faulty(model, data, config):
        told = evaluate(model, data, config)
        batches = twin.inputs(data, config, 1)
        by_keras = model.evaluate(batches, return_dict=True, verbose=0)
        return {**told, "loss": np.float32(by_keras["loss"])}

    return {"evaluate": faulty}


def evaluated_while_it_drops(twin):
    """Metrics are those of training mode."""
    true = tf1_semantics.layers.Dropout

    class Dropping(true):
        def call(self, x, training=False):
            return super().call(x, training=True)

    build = twin.build

    def faulty(config):
        model = build(config)
        model.get_layer("dropout").__class__ = Dropping
        return model

    return {"build": faulty}


def _warm_start_of_all(twin):
    return {"warm_start": lambda model, folder, _: twin.Saver.restore(model, folder)}


def _warm_start_with_memory(twin):
    """The optimizer's memory of the hidden layer comes along."""
    warm_start = twin.warm_start

    def faulty(model, folder, config):
        warm_start(model, folder, config)
        donor = twin.build(config)
        twin.Saver.restore(donor, folder)
        twin.Saver.checkpoint_of(model)  # its slots are made
        for slot, value in zip(
            *(side.optimizer.tf1_slots()[0]["Adagrad"][:2] for side in (model, donor)),
            strict=True,
        ):
            slot.assign(value)

    return {"warm_start": faulty}


def batches_end_with_the_epoch(twin):
    del twin
    return {
        "inputs": lambda data, config, num_epochs: (
            tf.data.Dataset.from_tensor_slices(data)
            .batch(config.batch_size)
            .repeat(num_epochs)
        )
    }


FAULTS = {
    "streams_go_on": Fault(
        "A second training draws on where the first stopped.",
        "loss",
        lambda _: {"start_streams": lambda model: None},
    ),
    "other_graph_seed": Fault(
        "RunConfig's seed is another one.", "initial values", fields={"seed": 2}
    ),
    "evaluated_by_examples": Fault(
        "The loss of an evaluation is a mean over the examples.",
        "evaluation",
        evaluated_by_examples,
    ),
    "evaluated_while_it_drops": Fault(
        "An evaluation drops units, as training does.",
        "evaluation",
        evaluated_while_it_drops,
    ),
    "warm_start_of_all": Fault(
        "A warm start takes everything over.", "restored", _warm_start_of_all
    ),
    "warm_start_with_memory": Fault(
        "A warm start takes the optimizer's memory over.",
        "loss",
        _warm_start_with_memory,
    ),
    "batches_end_with_the_epoch": Fault(
        "The last batch of an epoch is short.", "loss", batches_end_with_the_epoch
    ),
    "share_kept": Fault(
        "The share that is dropped is the share that is kept.",
        "loss",
        fields={"dropout": 0.75},
    ),
    "wrong_rate": Fault(
        "The rate is a hundredth too high.", "loss", fields={"learning_rate": 0.101}
    ),
}
