"""Faults planted in the twin of BERT."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics

EXCLUDED = ["LayerNorm", "layer_norm", "bias"]


def _optimizer(made=tf1_semantics.optimizers.AdamWeightDecay, **changed):
    """(twin module) -> patch: BERT's optimizer with other arguments."""

    def patch(twin):
        def optimizer(config):
            options = {
                "weight_decay_rate": config.weight_decay_rate,
                "exclude_from_weight_decay": EXCLUDED,
                "clip": [tf1_semantics.clipping.ByGlobalNorm(1.0)],
                **changed,
            }
            return made(twin.learning_rate(config), **options)

        return {"optimizer": optimizer}

    return patch


class Corrected(tf1_semantics.optimizers.AdamWeightDecay):
    """Adam's bias correction, which every other Adam has."""

    def dense_update(self, variable, gradient, rate, m, v):
        step = tf.cast(self.iterations + 1, tf.float32)
        correction = tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        super().dense_update(variable, gradient, rate * correction, m, v)


def _schedule(rate):
    """(twin module) -> patch: another rate.

    Args:
        rate: (the true schedule's call, the schedule, step) -> rate.
    """

    def patch(twin):
        class WarmUp(twin.WarmUp):
            def __call__(self, step):
                return rate(super().__call__, self, step)

        return {"WarmUp": WarmUp}

    return patch


def _padding_attended(twin):
    class TransformerLayer(twin.TransformerLayer):
        def self_attention(self, x, adder):
            return super().self_attention(x, tf.zeros_like(adder))

    return {"TransformerLayer": TransformerLayer}


def _norm(epsilon):
    def layer_norm(config, name, sizes=(None,)):
        layer = tf1_semantics.layers.LayerNormalization(
            begin_norm_axis=-1, epsilon=epsilon, name=name
        )
        layer.build([*sizes, config.hidden_size])
        return layer

    return lambda twin: {"layer_norm": layer_norm}


def _predictions(change):
    """(twin module) -> patch: masked words told from something else.

    Args:
        change: (words [B, F, H], positions [B, P], table [V, H]) -> the same.
    """

    def patch(twin):
        class Predictions(twin.Predictions):
            def call(self, *given):
                return super().call(*change(*given))

        return {"Predictions": Predictions}

    return patch


def _not_tied(words, positions, table):
    return words, positions, tf.stop_gradient(table)


def _gathered_from_the_first(words, positions, table):
    starts = tf.range(tf.shape(positions)[0]) * tf.shape(words)[1]
    return words, positions - starts[:, tf.newaxis], table


def _weights_ignored(twin):
    true = twin.loss
    return {
        "loss": lambda *arguments: true(*arguments[:-1], tf.ones_like(arguments[-1]))
    }


FAULTS = {
    "keras_truncated_normal": Fault(
        "Keras's TruncatedNormal with the same deviation.",
        "initial values",
        lambda twin: {
            "create_initializer": lambda name, config: (
                keras.initializers.TruncatedNormal(
                    stddev=config.initializer_range, seed=1
                )
            )
        },
    ),
    "tanh_gelu": Fault(
        "gelu by tanh, as later versions and many others have it.",
        "loss",
        lambda twin: {"gelu": lambda x: tf.nn.gelu(x, approximate=True)},
    ),
    "keras_epsilon": Fault(
        "Keras's epsilon in the layer norms, 1e-3.", "loss", _norm(1e-3)
    ),
    "padding_attended": Fault("Padding is attended to.", "loss", _padding_attended),
    "gathered_from_the_first": Fault(
        "Positions are those of the first pair, for all of them.",
        "loss",
        _predictions(_gathered_from_the_first),
    ),
    "weights_ignored": Fault(
        "Predictions that pad a pair's masked words count.", "loss", _weights_ignored
    ),
    "table_not_tied": Fault(
        "The table gets no gradient from the words that are told.",
        "gradients",
        _predictions(_not_tied),
    ),
    "not_clipped": Fault(
        "The gradients are applied as they are.", "gradients", _optimizer(clip=())
    ),
    "bias_corrected": Fault(
        "The moments' bias is corrected.", "updates", _optimizer(Corrected)
    ),
    "everything_decays": Fault(
        "Biases and layer norms decay as well.",
        "updates",
        _optimizer(exclude_from_weight_decay=None),
    ),
    "no_warm_up": Fault(
        "The first step is as long as the rate.",
        "updates",
        _schedule(lambda true, schedule, step: schedule.decay(step)),
    ),
    "rate_one_step_on": Fault(
        "The rate is that of the next step.",
        "updates",
        _schedule(lambda true, schedule, step: true(step + 1)),
    ),
    "steps_not_counted": Fault(
        "The global step is left to a caller who does not count.",
        "updates",
        _optimizer(moves_global_step=False),
    ),
}
