"""Faults planted in the twin that is fine-tuned."""

import os

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault


def _head_only(change):
    """(twin module) -> patch: while the last layer is trained alone, something is otherwise.

    Args:
        change: (twin module, net, the right training) -> the faulty one.
    """

    def patch(twin):
        def train_op(net, learning_rate, layers, train_op=twin.train_op):
            training = train_op(net, learning_rate, layers)
            return change(twin, net, training) if layers == ["logits"] else training

        return {"train_op": train_op}

    return patch


def _infers(twin, net, training):
    """What trainable = False makes of keras.layers.BatchNormalization."""

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            loss = twin.tf1_semantics.losses.SparseSoftmaxCrossEntropy()(
                labels, net(images, training=False)
            )
        gradients = tape.gradient(loss, training.trained)
        training.momentum.apply(gradients, training.trained)
        return loss

    return training._replace(step=step)


def _statistics_stand(twin, net, training):
    layer = net.get_layer("BatchNorm")

    def step(images, labels):
        kept = layer.get_weights()
        loss = training.step(images, labels)
        layer.set_weights(kept)
        return loss

    return training._replace(step=step)


def _all_layers_trained(twin, net, training):
    rate = float(training.momentum.learning_rate)
    whole = twin.train_op(net, rate, twin.LAYERS)
    return training._replace(step=whole.step)


def _one_memory(twin):
    """The optimizer of the last layer goes on with what it remembers."""
    made = []

    def train_op(net, learning_rate, layers, train_op=twin.train_op):
        training = train_op(net, learning_rate, layers)
        made.append(training)
        if len(made) < 3:  # of the first net, of the last layer, of the whole net
            return training
        of_logits, of_all = (
            other.momentum.tf1_slots()[0]["Momentum"] for other in made[1:]
        )

        def step(images, labels):
            if int(training.momentum.iterations) == 0:
                for slot, memory in zip(of_all[-2:], of_logits, strict=True):
                    slot.assign(memory)
            return training.step(images, labels)

        return training._replace(step=step)

    return {"train_op": train_op}


def _keras_batch_norm(twin):
    def batch_norm(config):
        return keras.layers.BatchNormalization(
            momentum=config.decay, epsilon=config.epsilon, name="BatchNorm"
        )

    return {"batch_norm": batch_norm}


def _weights_alone(twin):
    """What copying trainable_variables carries: no statistics."""

    def take_over(net, pretrained):
        for layer in ("conv1", "BatchNorm"):
            old = pretrained.get_layer(layer).trainable_variables
            new = net.get_layer(layer).trainable_variables
            for variable, value in zip(new, old, strict=True):
                variable.assign(value)

    return {"take_over": take_over}


def _by_the_batch(twin):
    def predict(images, folder):
        net = keras.models.load_model(os.path.join(folder, "fine_tuned.keras"))
        return tf.function(net)(images, training=True).numpy()

    return {"predict": predict}


FAULTS = {
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "keras_batch_norm": Fault(
        "Keras's batch norm, which remembers another variance.",
        "updates",
        _keras_batch_norm,
    ),
    "nothing_taken_over": Fault(
        "The second net begins with numbers of its own.",
        "restored",
        lambda twin: {"take_over": lambda net, pretrained: None},
    ),
    "weights_alone": Fault(
        "Weights are taken over, statistics are not.", "restored", _weights_alone
    ),
    "infers_while_frozen": Fault(
        "Layers that are not trained normalise by their moving statistics.",
        "loss",
        _head_only(_infers),
    ),
    "statistics_stand": Fault(
        "Statistics of layers that are not trained stand still.",
        "updates",
        _head_only(_statistics_stand),
    ),
    "all_layers_trained": Fault(
        "All layers are trained from the beginning.",
        "updates",
        _head_only(_all_layers_trained),
    ),
    "one_memory": Fault(
        "The whole net goes on with the momentum of its last layer.",
        "updates",
        _one_memory,
    ),
    "rate_not_lowered": Fault(
        "The whole net is trained at the last layer's rate.",
        "updates",
        fields={"fine_rate": 0.5},
    ),
    "predicts_by_the_batch": Fault(
        "Predictions normalise by the batch, as training does.",
        "outputs",
        _by_the_batch,
    ),
}
