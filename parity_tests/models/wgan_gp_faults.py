"""Faults planted in the twin of the WGAN with gradient penalty."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault


def _start(initializer):
    """(twin module) -> patch: weights from ``initializer(seed)``."""
    return lambda twin: {"xavier_init": lambda in_size, seed, config: initializer(seed)}


def _penalty(of_slopes, axis=1, root=tf.sqrt):
    """(twin module) -> patch: another penalty, ``of_slopes(slopes)`` of each slope."""

    def penalty(grad, config):
        slopes = root(tf.reduce_sum(tf.square(grad), axis=axis))
        return config.lam * tf.reduce_mean(of_slopes(slopes))

    return lambda twin: {"penalty": penalty}


def _square_of_a_mean(grad, config):
    slopes = tf.sqrt(tf.reduce_sum(tf.square(grad), axis=1))
    return config.lam * tf.reduce_mean(slopes - 1.0) ** 2


def _from_one(slopes):
    return tf.square(slopes - 1.0)


def _gradient_not_trained(twin):
    """What a step without its second tape does, or one with it in the wrong place."""
    gradient = twin.gradient
    return {"gradient": lambda critic, x: tf.stop_gradient(gradient(critic, x))}


def _between(eps):
    """(twin module) -> patch: points in between by other numbers, ``eps(layer, x)``."""

    def patch(twin):
        base = twin.Between

        class Between(base):
            def call(self, x, made):
                share = eps(super(base, self).call, x)
                return share * x + (1.0 - share) * made

        return {"Between": Between}

    return patch


@keras.saving.register_keras_serializable("wgan_gp_faults")
class KerasUniform(keras.layers.Layer):
    """Points in between by numbers of Keras's."""

    def __init__(self, *_, seed=None, **options):
        super().__init__(**options)
        self.generator = keras.random.SeedGenerator(31)

    def call(self, x, made):
        eps = keras.random.uniform(tf.shape(x[:, :1]), seed=self.generator)
        return eps * x + (1.0 - eps) * made


def _trained(patched):
    """(twin module) -> patch: a WGAN with other steps, ``patched(its class)``."""
    return lambda twin: {"WGAN": patched(twin.WGAN)}


def _weights_clipped(base):
    class Clipped(base):
        def d_step(self, x, z):
            d_loss = super().d_step(x, z)
            for weight in self.critic.trainable_variables:
                weight.assign(tf.clip_by_value(weight.value, -0.01, 0.01))
            return d_loss

    return Clipped


def _both_networks_trained(base):
    class Both(base):
        def g_step(self, z):
            with tf.GradientTape(persistent=True) as tape:
                g_loss = -tf.reduce_mean(self.critic(self.generator(z)))
            for network, optimizer in (
                (self.generator, self.g_optimizer),
                (self.critic, self.d_optimizer),
            ):
                variables = network.trainable_variables
                optimizer.apply(tape.gradient(g_loss, variables), variables)
            return g_loss

    return Both


FAULTS = {
    "keras_glorot_normal": Fault(
        "Keras's GlorotNormal, which counts outputs as well.",
        "initial values",
        _start(lambda seed: keras.initializers.GlorotNormal(seed)),
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "squared_slopes": Fault(
        "The square of the slope is kept near one.",
        "loss",
        _penalty(_from_one, root=tf.identity),
    ),
    "square_of_a_mean": Fault(
        "The mean distance from one is squared, and not each slope's.",
        "loss",
        lambda twin: {"penalty": _square_of_a_mean},
    ),
    "one_sided_penalty": Fault(
        "Slopes below one cost nothing.",
        "loss",
        _penalty(lambda slopes: tf.square(tf.maximum(slopes - 1.0, 0.0))),
    ),
    "one_slope_of_a_batch": Fault(
        "One norm of all gradients instead of one a digit.",
        "loss",
        _penalty(_from_one, axis=None),
    ),
    "one_share_a_pixel": Fault(
        "Each pixel lies on a way of its own.",
        "loss",
        _between(lambda draw, x: draw(x)),
    ),
    "keras_uniform": Fault(
        "keras.random.uniform with the same seed.",
        "loss",
        lambda twin: {"Between": KerasUniform},
    ),
    "batches_shifted": Fault("The first step is skipped.", "loss", skipped=1),
    "penalty_not_trained": Fault(
        "The penalty counts, but has no gradient.", "gradients", _gradient_not_trained
    ),
    "both_networks_trained": Fault(
        "The generator's loss trains the critic as well.",
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
    "weights_clipped": Fault(
        "The critic's weights are clipped, as before there was a penalty.",
        "updates",
        _trained(_weights_clipped),
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.011}
    ),
}
