"""Faults planted in the twin of proximal policy optimisation."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _keras_orthogonal(twin):
    def fc(x, scope, nh, init_scale, seed, config):
        del config
        drawn = keras.initializers.Orthogonal(init_scale, seed=seed)
        return twin.FC(nh, kernel_initializer=drawn, name=scope)(x)

    return {"fc": fc}


def _one_scale(twin):
    true = twin.fc

    def fc(x, scope, nh, init_scale, seed, config):
        return true(x, scope, nh, 2**0.5, seed, config)

    return {"fc": fc}


def _biases_after_weights(twin):
    class Adam(tf1_semantics.optimizers.Adam):
        def apply(self, gradients, trainable_variables=None):
            by_kind = [*range(0, len(gradients), 2), *range(1, len(gradients), 2)]
            super().apply(
                [gradients[place] for place in by_kind],
                [trainable_variables[place] for place in by_kind],
            )

    return {
        "optimizer": lambda config: Adam(
            config.lr,
            epsilon=config.epsilon,
            clip=[tf1_semantics.clipping.ByGlobalNorm(config.max_grad_norm)],
            name="adam",
        )
    }


def _optimizer(epsilon=None, clip=tf1_semantics.clipping.ByGlobalNorm):
    """(twin module) -> patch: Adam with another epsilon, or another clip."""
    return lambda twin: {
        "optimizer": lambda config: tf1_semantics.optimizers.Adam(
            config.lr,
            epsilon=config.epsilon if epsilon is None else epsilon,
            clip=[clip(config.max_grad_norm)],
            name="adam",
        )
    }


def _rmsprop(slot="ones", epsilon=None):
    """(twin module) -> patch: A2C's RMSProp with another first slot, or epsilon."""

    class RMSProp(tf1_semantics.optimizers.RMSProp):
        def add_slots(self, variables, name, initializer="zeros"):
            return super().add_slots(
                variables, name, slot if name == "rms" else initializer
            )

    return lambda twin: {
        "optimizer": lambda config: RMSProp(
            config.lr,
            config.alpha,
            epsilon=config.epsilon if epsilon is None else epsilon,
            clip=[tf1_semantics.clipping.ByGlobalNorm(config.max_grad_norm)],
            name="rmsprop",
        )
    }


def _value_of_ppo2(twin):
    true = twin.a2c_losses

    def a2c_losses(neglogpac, vpred, batch):
        pg_loss, vf_loss = true(neglogpac, vpred, batch)
        return pg_loss, 0.5 * vf_loss

    return {"a2c_losses": a2c_losses}


def _normalised(batch):
    advs = batch["advs"]
    return {**batch, "advs": (advs - advs.mean()) / (advs.std() + np.float32(1e-8))}


def _loss(value=None, policy=None, normalised=False):
    """(twin module) -> patch: a loss of other errors of the value, or the policy."""

    def clipped_value(vpred, batch, cliprange):
        near = batch["values"] + tf.clip_by_value(
            vpred - batch["values"], -cliprange, cliprange
        )
        errors = tf.square(vpred - batch["returns"]), tf.square(near - batch["returns"])
        return tf.maximum(*errors)

    def clipped_policy(ratio, advs, cliprange):
        near = tf.clip_by_value(ratio, 1.0 - cliprange, 1.0 + cliprange)
        return tf.maximum(-advs * ratio, -advs * near)

    def patch(twin):
        def loss(logits, vpred, batch, config):
            cliprange, advs = batch["cliprange"], batch["advs"]
            ratio = tf.exp(batch["neglogpacs"] - twin.neglogp(logits, batch["actions"]))
            vf_losses = (value or clipped_value)(vpred, batch, cliprange)
            pg_losses = (policy or clipped_policy)(ratio, advs, cliprange)
            return (
                tf.reduce_mean(pg_losses)
                - tf.reduce_mean(twin.entropy(logits)) * config.ent_coef
                + 0.5 * tf.reduce_mean(vf_losses) * config.vf_coef
            )

        return {"loss": loss}

    return patch


def _plain_value(vpred, batch, cliprange):
    return tf.square(vpred - batch["returns"])


def _least_value(vpred, batch, cliprange):
    near = batch["values"] + tf.clip_by_value(
        vpred - batch["values"], -cliprange, cliprange
    )
    errors = tf.square(vpred - batch["returns"]), tf.square(near - batch["returns"])
    return tf.minimum(*errors)


def _plain_policy(ratio, advs, cliprange):
    return -advs * ratio


def _clipped_alone(ratio, advs, cliprange):
    return -advs * tf.clip_by_value(ratio, 1.0 - cliprange, 1.0 + cliprange)


def _advantages_as_they_are(batch):
    return {**batch, "advs": batch["returns"] - batch["values"]}


def _sample_deviation(batch):
    """As torch.std, which divides by n - 1."""
    size = np.float32(len(batch["advs"]))
    return {**batch, "advs": batch["advs"] * np.sqrt((size - 1) / size)}


def _rate_stays(twin):
    class PPO(twin.PPO):
        def train_step(self, data):
            data = ({**data[0], "lr": tf.constant(self.config.lr)},)
            return super().train_step(data)

    return {"PPO": PPO}


A2C = {"algorithm": "a2c"}

FAULTS = {
    "keras_orthogonal": Fault(
        "Keras's Orthogonal with the same seeds.", "initial values", _keras_orthogonal
    ),
    "one_scale": Fault(
        "The last layers start as large as those before.", "initial values", _one_scale
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "value_not_clipped": Fault(
        "The value may go as far as it likes.", "loss", _loss(value=_plain_value)
    ),
    "value_by_the_smaller_error": Fault(
        "Of the two errors of a value the smaller one counts.",
        "loss",
        _loss(value=_least_value),
    ),
    "ratio_not_clipped": Fault(
        "The ratio is not clipped.",
        "loss",
        _loss(policy=_plain_policy),
        both={"cliprange": 0.001},
    ),
    "ratio_clipped_alone": Fault(
        "The clipped ratio counts, and not the greater loss of two.",
        "loss",
        _loss(policy=_clipped_alone),
        both={"cliprange": 0.001},
    ),
    "advantages_as_they_are": Fault(
        "Advantages are not normalised.", "loss", batch=_advantages_as_they_are
    ),
    "sample_deviation": Fault(
        "Advantages are divided by the sample's deviation.",
        "loss",
        batch=_sample_deviation,
    ),
    "actions_of_the_neighbour": Fault(
        "Each observation meets the action of another one.",
        "loss",
        batch=lambda batch: {**batch, "actions": np.roll(batch["actions"], 1)},
    ),
    "clip_by_variable": Fault(
        "Each gradient is clipped by its own norm, Keras's clipnorm.",
        "gradients",
        _optimizer(clip=tf1_semantics.clipping.ByNorm),
    ),
    "biases_after_weights": Fault(
        "The clip's squares are summed in another order.",
        "gradients",
        _biases_after_weights,
        # Of a few numbers the sum comes out alike.
        both={"num_hidden": 64, "batch_size": 64, "max_grad_norm": 0.01},
    ),
    "adam_as_it_comes": Fault(
        "Adam has its own epsilon of 1e-8.", "updates", _optimizer(epsilon=1e-8)
    ),
    "adam_of_keras": Fault(
        "Adam has Keras's epsilon of 1e-7, as in the published branch for TF2.",
        "updates",
        _optimizer(epsilon=1e-7),
    ),
    "rate_stays": Fault("The fed rate is not taken.", "updates", _rate_stays),
    "a2c_slot_of_zeros": Fault(
        "RMSProp's slot starts at zeros, as Keras's in the published branch for TF2.",
        "initial values",
        _rmsprop(slot="zeros"),
        both=A2C,
    ),
    "a2c_epsilon_as_it_comes": Fault(
        "RMSProp has its own epsilon of 1e-10.",
        "slots",
        _rmsprop(epsilon=1e-10),
        both=A2C,
    ),
    "a2c_value_of_ppo2": Fault(
        "The value's error is halved, as in PPO2.", "loss", _value_of_ppo2, both=A2C
    ),
    "a2c_advantages_normalised": Fault(
        "Advantages are normalised, as in PPO2.", "loss", batch=_normalised, both=A2C
    ),
}
