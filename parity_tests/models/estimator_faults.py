"""Faults planted in the Keras model that stands in for an Estimator."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models import chapters
from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _mean_for_sum(twin):
    canned = twin.canned

    def faulty(config):
        for model in canned(config):
            model.compile(
                model.optimizer,
                tf1_semantics.losses.SparseSoftmaxCrossEntropy(),
                metrics=[
                    keras.metrics.SparseCategoricalAccuracy("accuracy"),
                    keras.metrics.SparseCategoricalCrossentropy(
                        "average_loss", from_logits=True
                    ),
                ],
                jit_compile=False,
            )
            yield model

    return {"canned": faulty}


def _canned_by_keras(twin):
    """The rate of keras.optimizers.Adagrad, where none is said."""
    canned = twin.canned

    def faulty(config):
        for model in canned(config):
            if model.name == "dnn":
                rate = float(keras.optimizers.Adagrad().learning_rate)
                model.optimizer.learning_rate = rate
            yield model

    return {"canned": faulty}


def _glorot_without_its_op_seed(twin):
    """The first op seed of the graph, and not the one that its place gave it."""
    dense = twin.dense

    def faulty(x, units, name, seed, **options):
        graph_seed, op_seed = seed
        op_seed = 1 if op_seed > 40 else op_seed
        return dense(x, units, name, (graph_seed, op_seed), **options)

    return {"dense": faulty}


def _evaluated_by_examples(twin):
    evaluate = twin.evaluate

    def faulty(model, data, config):
        told = evaluate(model, data, config)
        batches = twin.inputs(data, config, 1)
        by_keras = model.evaluate(batches, return_dict=True, verbose=0)
        return {**told, "loss": np.float32(by_keras["loss"])}

    return {"evaluate": faulty}


def _evaluated_while_it_drops(twin):
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


def _batches_end_with_the_epoch(twin):
    del twin
    return {
        "inputs": lambda data, config, num_epochs: (
            tf.data.Dataset.from_tensor_slices(data)
            .batch(config.batch_size)
            .repeat(num_epochs)
        )
    }


def _not_evaluated_at_the_end(twin):
    class Ending(twin.Saver):
        def on_train_end(self, logs=None):
            pass

    return {"Saver": Ending}


def _told_before_it_is_saved(twin):
    """Callbacks are in the other order than hooks were."""
    fit = twin.Saver.on_train_batch_end

    class Late(twin.Saver):
        def on_train_batch_begin(self, batch, logs=None):
            fit(self, batch, logs)

        def on_train_batch_end(self, batch, logs=None):
            pass

    return {"Saver": Late}


def _logits_served_alone(twin):
    """The model itself is exported, without what PREDICT made of its logits."""
    return {"predictions": lambda logits: {"logits": logits}}


FAULTS = {
    "streams_go_on": Fault(
        "A second training draws on where the first stopped.",
        "loss",
        lambda _: {"start_streams": lambda model: None},
    ),
    "mean_for_sum": Fault(
        "The canned loss is a mean, as Keras's is.", "loss", _mean_for_sum
    ),
    "canned_by_keras": Fault(
        "The canned net has the rate that Keras's Adagrad has.",
        "loss",
        _canned_by_keras,
    ),
    "other_op_seed": Fault(
        "An op without a seed has another one than its graph gave it.",
        "initial values",
        _glorot_without_its_op_seed,
    ),
    "other_graph_seed": Fault(
        "RunConfig's seed is another one.", "initial values", fields={"seed": 2}
    ),
    "evaluated_by_examples": Fault(
        "The loss of an evaluation is a mean over the examples.",
        "evaluation",
        _evaluated_by_examples,
    ),
    "evaluated_while_it_drops": Fault(
        "An evaluation drops units, as training does.",
        "loss",
        _evaluated_while_it_drops,
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
        "The last batch of an epoch is short.", "loss", _batches_end_with_the_epoch
    ),
    "not_evaluated_at_the_end": Fault(
        "The last step is neither saved nor evaluated.",
        "restored",
        _not_evaluated_at_the_end,
        both=chapters.recorded("estimator")["other numbers"],
    ),
    "saved_a_step_later": Fault(
        "What is due is saved and evaluated before the next step.",
        "loss",
        _told_before_it_is_saved,
    ),
    "logits_served_alone": Fault(
        "The export answers with logits alone.", "outputs", _logits_served_alone
    ),
    "share_kept": Fault(
        "The share that is dropped is the share that is kept.",
        "loss",
        fields={"dropout": 0.75},
    ),
    "one_more_kept": Fault(
        "One checkpoint more is kept.", "kept", fields={"max_to_keep": 3}
    ),
    "wrong_rate": Fault(
        "The rate is a hundredth too high.", "restored", fields={"learning_rate": 0.101}
    ),
}
