"""Faults planted in the character model's twin."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault, other_parts
from tf2_keras import tf1_semantics


def _rnn(**methods):
    """(twin module) -> patch: a loop with other methods."""
    changed = type("DynamicRNN", (tf1_semantics.recurrent.DynamicRNN,), methods)
    return other_parts("recurrent", DynamicRNN=changed)


# Keras asks that call has the arguments whose shapes build takes.
def _from_zeros(self, inputs, sequence_length=None, **options):
    """As keras.layers.LSTM without stateful=True: every batch starts from zeros."""
    self.reset_state()
    return tf1_semantics.recurrent.DynamicRNN.call(
        self, inputs, sequence_length, **options
    )


def _exchanging(self, inputs, sequence_length=None, **options):
    seen = tf1_semantics.recurrent.DynamicRNN.call(
        self, inputs, sequence_length, **options
    )
    for c, h in self.state:
        before = tf.identity(c)
        c.assign(h)
        h.assign(before)
    return seen


class DecaysByStep(tf1_semantics.optimizers.Adam):
    """The rate of an epoch goes down at every step."""

    def apply(self, gradients, trainable_variables=None):
        super().apply(gradients, trainable_variables)
        self.learning_rate.assign(self.learning_rate * 0.97)


def _shuffled(moves):
    """The moves with the first two batches exchanged, as ``fit`` would shuffle arrays."""
    first, second, *_ = (n for n, (move, _) in enumerate(moves) if move == "train")
    moves[first], moves[second] = moves[second], moves[first]
    return moves


def _optimizer(adam=tf1_semantics.optimizers.Adam, clip=lambda config: {}):
    return lambda twin: {
        "optimizer": lambda config: adam(
            config.learning_rate, name="adam", **clip(config)
        )
    }


def _clipped(config):
    return {"clip": [tf1_semantics.clipping.ByGlobalNorm(config.grad_clip)]}


def _global_clipnorm(config):
    return {"global_clipnorm": config.grad_clip}


def _by_variable(config):
    return {"clip": [tf1_semantics.clipping.ByNorm(config.grad_clip)]}


def _by_value(config):
    limit = config.grad_clip
    return {"clip": [tf1_semantics.clipping.ByValue(-limit, limit)]}


def _loss_summed_over_time(twin):
    """As when a loss is averaged by batch alone."""

    def loss(targets, logits):
        time = targets.shape[1]
        losses = keras.losses.sparse_categorical_crossentropy(
            keras.ops.reshape(targets, [-1]), logits, from_logits=True
        )
        return keras.ops.mean(losses) * time

    return {"loss": loss}


def _cell(**options):
    """(twin module) -> patch: cells with other arguments."""

    def cell(num_units, initializer, name):
        arguments = {"initializer": initializer, **options}
        return tf1_semantics.recurrent.LSTMCell(num_units, name=name, **arguments)

    return other_parts("recurrent", LSTMCell=cell)


def _keras_embedding(twin):
    return {
        "glorot_uniform": lambda seed, config: keras.initializers.GlorotUniform(seed)
    }


CLIPPED = {"grad_clip": 0.05}  # so little that every step is clipped

FAULTS = {
    "keras_glorot_uniform": Fault(
        "Keras's GlorotUniform with the same seeds.",
        "initial values",
        _keras_embedding,
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "state_not_carried": Fault(
        "Every batch starts from no memory.", "loss", _rnn(call=_from_zeros)
    ),
    "state_parts_exchanged": Fault(
        "c and h change places between batches.",
        "carried",
        _rnn(call=_exchanging),
    ),
    "state_not_zeroed": Fault(
        "The state of the last batch outlives the epoch.",
        "carried",
        _rnn(reset_state=lambda self: None),
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "targets_not_shifted": Fault(
        "The target is the character that was read.",
        "loss",
        batch=lambda batch: {**batch, "y_true": batch["x"]},
    ),
    "batches_shuffled": Fault(
        "Batches come in another order, as fit shuffles arrays.",
        "loss",
        moves=_shuffled,
    ),
    "loss_summed_over_time": Fault(
        "The loss is averaged by stream and not by character.",
        "loss",
        _loss_summed_over_time,
    ),
    "forget_bias_zero": Fault(
        "The forget gate has no bias of its own.", "loss", _cell(forget_bias=0.0)
    ),
    "clip_by_variable": Fault(
        "Each gradient is clipped by its own norm, Keras's clipnorm.",
        "gradients",
        _optimizer(clip=_by_variable),
        both=CLIPPED,
    ),
    "clip_by_value": Fault(
        "Each element is clipped, Keras's clipvalue.",
        "gradients",
        _optimizer(clip=_by_value),
        both={"grad_clip": 0.001},
    ),
    "not_clipped": Fault(
        "The gradients are applied as they are.",
        "gradients",
        _optimizer(),
        both=CLIPPED,
    ),
    "rate_by_step": Fault(
        "The rate decays at every step, as a schedule of Keras counts them.",
        "updates",
        _optimizer(DecaysByStep, _clipped),
    ),
    "keras_adam": Fault(
        "Keras's Adam as it comes; its global_clipnorm makes sparse gradients dense.",
        "gradients",
        _optimizer(keras.optimizers.Adam, _global_clipnorm),
    ),
}
