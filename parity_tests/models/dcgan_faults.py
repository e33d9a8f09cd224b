"""Faults planted in the DCGAN's twin."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _batch_norm(layer):
    """(twin module) -> patch: another batch norm, ``layer(config, name)``."""

    def patch(twin):
        return {"batch_norm": lambda x, config, name: layer(config, name)(x)}

    return patch


def _keras_batch_norm(config, name):
    return keras.layers.BatchNormalization(
        momentum=config.decay, epsilon=config.epsilon, name=name
    )


def _as_in_tf_layers(config, name):
    """1 - momentum is rounded otherwise in tf.layers."""
    return tf1_semantics.layers.BatchNormalization(
        momentum=config.decay, epsilon=config.epsilon, name=name
    )


def _trained(patched):
    """(twin module) -> patch: a DCGAN with other steps, ``patched(its class)``."""
    return lambda twin: {"DCGAN": patched(twin, twin.DCGAN)}


def _step(model, network, optimizer, loss_of):
    """One update of a network by the gradients of a loss."""
    with tf.GradientTape() as tape:
        loss = loss_of()
    variables = network.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


def _frozen_discriminator(twin, base):
    class Frozen(base):
        def g_step(self, z):
            def g_loss():
                made = self.generator(z, training=True)
                return twin.loss(self.discriminator(made, training=False), True)

            return _step(self, self.generator, self.g_optimizer, g_loss)

    return Frozen


def _made_images_first(twin, base):
    class MadeFirst(base):
        def d_step(self, images, z):
            def d_loss():
                made = self.generator(z, training=True)
                on_made = self.discriminator(made, training=True)
                on_real = self.discriminator(images, training=True)
                return twin.loss(on_real, True) + twin.loss(on_made, False)

            return _step(self, self.discriminator, self.d_optimizer, d_loss)

    return MadeFirst


def _one_pass_of_both(twin, base):
    """Real and made images in one batch, as is often done to save a pass."""

    class Together(base):
        def d_step(self, images, z):
            def d_loss():
                both = tf.concat([images, self.generator(z, training=True)], 0)
                logits = self.discriminator(both, training=True)
                on_real, on_made = tf.split(logits, 2)
                return twin.loss(on_real, True) + twin.loss(on_made, False)

            return _step(self, self.discriminator, self.d_optimizer, d_loss)

    return Together


def _statistics_of_one_network(twin, base):
    """Statistics move with the network that is trained, as from UPDATE_OPS by scope."""

    class OwnStatistics(base):
        def g_step(self, z):
            def g_loss():
                made = self.generator(z, training=True)
                with tf1_semantics.layers.update_ops():
                    fooled = self.discriminator(made, training=True)
                return twin.loss(fooled, True)

            return _step(self, self.generator, self.g_optimizer, g_loss)

    return OwnStatistics


def _one_count_of_steps(twin, base):
    """What one optimizer for both networks does: its powers of beta count all steps."""

    class OneCount(base):
        def powers(self):
            both = self.d_optimizer.variables, self.g_optimizer.variables
            return [
                pair for pair in zip(*both, strict=False) if "power" in pair[0].name
            ]

        def d_step(self, images, z):
            loss = super().d_step(images, z)
            for of_d, of_g in self.powers():
                of_g.assign(of_d)
            return loss

        def g_step(self, z):
            loss = super().g_step(z)
            for of_d, of_g in self.powers():
                of_d.assign(of_g)
            return loss

    return OneCount


def _both_networks_trained(twin, base):
    class Both(base):
        def g_step(self, z):
            with tf.GradientTape(persistent=True) as tape:
                made = self.generator(z, training=True)
                g_loss = twin.loss(self.discriminator(made, training=True), True)
            for network, optimizer in (
                (self.generator, self.g_optimizer),
                (self.discriminator, self.d_optimizer),
            ):
                variables = network.trainable_variables
                optimizer.apply(tape.gradient(g_loss, variables), variables)
            return g_loss

    return Both


FAULTS = {
    "keras_random_normal": Fault(
        "Keras's RandomNormal with the same seeds.",
        "initial values",
        lambda twin: {
            "start": lambda name, config, initializer=None: (
                keras.initializers.RandomNormal(stddev=0.02, seed=twin.op_seed(name))
            )
        },
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "one_pass_of_both": Fault(
        "Real and made images are normalised together.",
        "loss",
        _trained(_one_pass_of_both),
    ),
    "frozen_discriminator": Fault(
        "In the generator's step the discriminator normalises by its moving statistics, "
        "which is what trainable = False does.",
        "loss",
        _trained(_frozen_discriminator),
    ),
    "batches_shifted": Fault("The first iteration is skipped.", "loss", skipped=3),
    "both_networks_trained": Fault(
        "The generator's loss trains the discriminator as well.",
        "gradients",
        _trained(_both_networks_trained),
    ),
    "keras_adam": Fault(
        "Keras's Adam as it comes.",
        "slots",
        lambda twin: {
            "optimizer": lambda config, name: keras.optimizers.Adam(
                config.learning_rate, config.beta1, name=name
            )
        },
    ),
    "one_count_of_steps": Fault(
        "One optimizer for both networks: its bias correction counts all steps.",
        "slots",
        _trained(_one_count_of_steps),
    ),
    "keras_batch_norm": Fault(
        "Keras's batch norm, which remembers another variance.",
        "gradients",
        _batch_norm(_keras_batch_norm),
    ),
    "as_in_tf_layers": Fault(
        "1 - momentum is rounded as tf.layers did it.",
        "updates",
        _batch_norm(_as_in_tf_layers),
    ),
    "made_images_first": Fault(
        "The made images move the statistics before the real ones.",
        "updates",
        _trained(_made_images_first),
    ),
    "statistics_of_one_network": Fault(
        "The generator's step leaves the discriminator's statistics alone.",
        "updates",
        _trained(_statistics_of_one_network),
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.011}
    ),
}
