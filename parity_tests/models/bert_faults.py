"""Faults planted in the twin of BERT."""

import inspect

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics

EXCLUDED = ["LayerNorm", "layer_norm", "bias"]


def optimizer_with(made=tf1_semantics.optimizers.AdamWeightDecay, **changed):
    """(twin module) -> patch: BERT's optimizer with other arguments."""

    def patch(twin):
        def optimizer(config):
            options = {
                "weight_decay_rate": 0.01,
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


def without_warm_up(_twin):
    """A patch: the decay alone."""
    decay = tf1_semantics.schedules.PolynomialDecay
    return {
        "learning_rate": lambda config: decay(
            config.learning_rate, config.num_train_steps, end_learning_rate=0.0
        )
    }


def _part(name, change):
    """(twin module) -> patch: a layer of the twin that is given something else.

    Args:
        change: (what the layer is called with) -> the same, changed.
    """

    def patch(twin):
        true = getattr(twin, name)
        call = true.call

        def changed(layer, *given):
            return call(layer, *change(*given))

        changed.__signature__ = inspect.signature(call)
        return {name: type(name, (true,), {"call": changed})}

    return patch


def _padding_attended(twin):
    true = twin.bert_model
    return {
        "bert_model": lambda input_ids, input_mask, segment_ids, config: true(
            input_ids, keras.ops.ones_like(input_mask), segment_ids, config
        )
    }


def _not_tied(transformed, table):
    return transformed, tf.stop_gradient(table)


def _norm(twin):
    return {
        "layer_norm": lambda x, name: tf1_semantics.layers.LayerNormalization(
            begin_norm_axis=-1, epsilon=1e-3, name=f"{name}.LayerNorm"
        )(x)
    }


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
    "keras_epsilon": Fault("Keras's epsilon in the layer norms, 1e-3.", "loss", _norm),
    "padding_attended": Fault("Padding is attended to.", "loss", _padding_attended),
    "weights_ignored": Fault(
        "Predictions that pad a pair's masked words count.", "loss", _weights_ignored
    ),
    "table_not_tied": Fault(
        "The table gets no gradient from the words that are told.",
        "gradients",
        _part("MaskedLM", _not_tied),
    ),
    "not_clipped": Fault(
        "The gradients are applied as they are.", "gradients", optimizer_with(clip=())
    ),
    "bias_corrected": Fault(
        "The moments' bias is corrected.", "updates", optimizer_with(Corrected)
    ),
    "everything_decays": Fault(
        "Biases and layer norms decay as well.",
        "updates",
        optimizer_with(exclude_from_weight_decay=None),
    ),
    "no_warm_up": Fault(
        "The first step is as long as the rate.",
        "updates",
        without_warm_up,
    ),
    "steps_not_counted": Fault(
        "The global step is left to a caller who does not count.",
        "updates",
        optimizer_with(moves_global_step=False),
    ),
}
