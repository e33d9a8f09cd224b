"""Mistakes that people make when they migrate, planted one at a time.

Each says where a check must find the two sides apart, and what the proven cause must say.
Nothing else is in this file.
"""

import keras
import tensorflow as tf

from parity_tests.pair.mistakes import (
    actor_critic,
    char_rnn,
    dcgan,
    exported,
    skip_gram,
    vae,
)
from parity_tests.pair.mistakes.planted import (
    GRADIENTS,
    INITIAL,
    LOSS,
    SLOTS,
    UPDATES,
    faithful,
    rows,
)
from tf2_keras.tf1_semantics import clipping, optimizers


def _slim(**mistakes):
    return exported.pair("slim_cnn", **mistakes)


def _lstm(**mistakes):
    return exported.pair("lstm_classifier", **mistakes)


def _keras_adam(rate, **options):
    return lambda: keras.optimizers.Adam(rate, epsilon=1e-8, **options)


TF1_ADAM = r"tf1_semantics\.optimizers\.Adam\("
RATE = r"the rate that TF1 has at each step"
CLIP = r"clipping\.ByGlobalNorm\(0\.(5|01)\)"


def _summed(count, over=""):
    """A row: the loss is a sum over the batch instead of its mean."""
    says = rf"{count} times TF1's{over}"
    mistakes = {"mean": tf.reduce_sum}
    return "the loss is summed over the batch", mistakes, LOSS, "loss", says


def _late(stage):
    return "the rate is set after the update", {"late": True}, stage, "optimizer", RATE


def _adam(optimizer, mistake="Keras's Adam"):
    return mistake, {"optimizer": optimizer}, SLOTS, "optimizer", TF1_ADAM


NO_FORGET_BIAS = (
    "no forget bias",
    {"forget_bias": 0.0},
    LOSS,
    "rnn",
    r"forget_bias=0\.0 → 1\.0",
)
KERAS_GATES = (
    "gates in Keras's order",
    {"cell": char_rnn.KerasGates},
    LOSS,
    "rnn",
    r"gates come in the order i, j, f, o",
)
PLANTED = [
    *rows(
        "PPO2",
        actor_critic.ppo2_pair,
        (
            "Adam without its epsilon of 1e-5",
            {"optimizer": lambda: optimizers.Adam(0.01)},
            UPDATES,
            "optimizer",
            r"epsilon=1e-08\) → epsilon=1e-05",
        ),
        _late(UPDATES),
        (
            "gradients clipped one by one",
            {"clip": clipping.ByNorm(0.5)},
            GRADIENTS,
            "gradients",
            CLIP,
        ),
        ("gradients not clipped", {"clip": None}, GRADIENTS, "gradients", CLIP),
        _summed(16, r" \(16 is the size of the batch"),
        (
            "the entropy has the other sign",
            {"bonus": -0.01},
            LOSS,
            "loss",
            r"Mul\(Mean, -0\.01\) .* → Mul\(Mean, 0\.01\)",
        ),
        (
            "relu for tanh",
            {"activation": "relu"},
            LOSS,
            "hidden_2",
            r"hidden_2.*relu → tanh",
        ),
        (
            "another seed",
            {"first_seed": 9},
            INITIAL,
            "hidden_1",
            r"hidden_1/kernel → .*seed=\(7, 1\)",
        ),
    ),
    *rows(
        "A2C",
        actor_critic.a2c_pair,
        (
            "Keras's RMSprop",
            {
                "optimizer": lambda: keras.optimizers.RMSprop(
                    0.01, rho=0.99, epsilon=1e-5
                )
            },
            INITIAL,
            "optimizer",
            r"starts at 1|tf1_semantics\.optimizers\.RMSProp\(",
        ),
        (
            "a slot that starts at zeros",
            {"optimizer": lambda: actor_critic.ZeroStart(0.01, 0.99, epsilon=1e-5)},
            INITIAL,
            "optimizer",
            r"starts at 1",
        ),
        (
            "RMSProp without its epsilon of 1e-5",
            {"optimizer": lambda: optimizers.RMSProp(0.01, 0.99)},
            SLOTS,
            "optimizer",
            r"epsilon=1e-10\) → epsilon=1e-05",
        ),
        (
            "a decay of 0.9",
            {"optimizer": lambda: optimizers.RMSProp(0.01, 0.9, epsilon=1e-5)},
            SLOTS,
            "optimizer",
            r"decay=0\.9\) → decay=0\.99",
        ),
        (
            "the advantage without stop_gradient",
            {"keep": tf.identity},
            GRADIENTS,
            "value",
            r"tf\.stop_gradient of",
        ),
        _late(SLOTS),
        (
            "a momentum of 0.9",
            {"optimizer": lambda: optimizers.RMSProp(0.01, 0.99, 0.9, epsilon=1e-5)},
            SLOTS,
            "optimizer",
            r"momentum=0\.9\) → momentum=0",
        ),
    ),
    *rows(
        "slim CNN, .meta",
        _slim,
        (
            "another graph seed",
            {"seed": 4},
            INITIAL,
            "conv1|conv2|conv3|logits",
            r"→ initializers\.\w+\(.*seed=\(3, \d+\)",
        ),
        (
            "Keras's momentum of 0.99",
            {"batch_norm_momentum": 0.99},
            UPDATES,
            "conv1_norm",
            r"momentum=0\.99 → 0\.9",
        ),
        (
            "epsilon of 1e-5 in batch norm",
            {"epsilon": 1e-5},
            LOSS,
            "conv1_norm",
            r"epsilon=1e-05 → 0\.001",
        ),
        (
            "Keras's batch norm",
            {"norm": keras.layers.BatchNormalization},
            GRADIENTS,
            "conv._norm",
            r"tf1_semantics\.layers\.BatchNormalization",
        ),
        (
            "L2 that is not halved",
            {"penalty": keras.regularizers.L2},
            LOSS,
            "loss",
            r"L2\(s\) → L2\(s / 2\)",
        ),
        (
            "zeros all around before a stride",
            {"pads": True},
            LOSS,
            "conv2_pad|conv2",
            r"padding 'valid' → 'same'",
        ),
        (
            "Nesterov's momentum",
            {"nesterov": True},
            UPDATES,
            "optimizer",
            r"tf1_semantics\.optimizers\.Momentum\(",
        ),
        (
            "batch norm after the ReLU",
            {"norm_first": False},
            LOSS,
            "conv1_relu|conv1_norm",
            r"conv1_norm .* comes before conv1_relu .*; conv2_norm .* before conv2_relu",
        ),
    ),
    *rows(
        "LSTM classifier, .meta",
        _lstm,
        NO_FORGET_BIAS,
        KERAS_GATES,
        _adam(keras.optimizers.Adam),
        (
            "the mean of all outputs for the last",
            {"last": lambda outputs: keras.ops.mean(outputs, 1)},
            LOSS,
            "mean",
            r"Mean\(transpose_1, .* → StridedSlice\(transpose_1, \[ 0, -1\]",
        ),
        _summed(16),
    ),
    *rows(
        "char-RNN",
        char_rnn.pair,
        (
            "the state is not carried",
            {"carried": False},
            LOSS,
            "rnn",
            r"initial_state=\(c, h\)",
        ),
        (
            "clipnorm for the global norm",
            {"clip": {"clipnorm": char_rnn.LARGEST_NORM}},
            GRADIENTS,
            "gradients",
            CLIP,
        ),
        (
            "the loss is summed over time",
            {"shares": (char_rnn.BATCH,)},
            LOSS,
            "loss",
            r"5 times TF1's \(5 is the size of time",
        ),
        NO_FORGET_BIAS,
        KERAS_GATES,
        (
            "the rate comes a step late",
            {"rate": lambda: char_rnn.decay(char_rnn.LateDecay)},
            UPDATES,
            "optimizer",
            RATE,
        ),
        (
            "the rate does not decay",
            {"rate": lambda: char_rnn.RATE},
            UPDATES,
            "optimizer",
            RATE,
        ),
    ),
    *rows(
        "skip-gram",
        skip_gram.pair,
        _adam(_keras_adam(0.05), "Keras's Adam on rows"),
        _adam(lambda: skip_gram.TouchedRows(0.05), "Adam of touched rows only"),
        (
            "another epsilon",
            {"optimizer": lambda: optimizers.Adam(0.05, epsilon=1e-5)},
            UPDATES,
            "optimizer",
            r"epsilon=1e-05\) → epsilon=1e-08",
        ),
        (
            "a table from 0 to 1",
            {"low": 0.0},
            INITIAL,
            "embedding",
            r"embedding/embeddings → initializers\.RandomUniform",
        ),
        (
            "another seed of the sampler",
            {"sampler_seed": 12},
            LOSS,
            "loss",
            r"sampler's seed → \(7, 11\)",
        ),
        _summed(8),
        (
            "accidental hits removed",
            {"hits": True},
            LOSS,
            "loss",
            r"remove_accidental_hits=False",
        ),
    ),
    *rows(
        "VAE",
        vae.pair,
        (
            "keep_prob for rate",
            {"dropout": lambda: vae.dropout(0.25)},
            LOSS,
            "dropout",
            r"keep_prob=0\.25 → 0\.75",
        ),
        (
            "another seed of the dropout",
            {"dropout": lambda: vae.dropout(seed=9)},
            LOSS,
            "dropout",
            r"seed=\(7, 9\) → \(7, 21\)",
        ),
        (
            "another seed of the noise",
            {"noise_seed": 9},
            LOSS,
            "sample",
            r"seed=\(7, 9\) → \(7, 22\)",
        ),
        (
            "variance for deviation",
            {"half": 1.0},
            LOSS,
            "sample",
            r"Mul\(Exp, .* → Mul\(Exp\(Mul\(0\.5, ",
        ),
        (
            "relu for softplus",
            {"activation": "relu"},
            LOSS,
            "decoder",
            r"decoder.*relu → softplus",
        ),
        (
            "labels and logits swapped",
            {"pixels": lambda x, logits: vae.bernoulli(logits, x)},
            LOSS,
            "loss",
            r"other order",
        ),
        _adam(_keras_adam(0.01)),
    ),
    *rows(
        "DCGAN",
        dcgan.pair,
        (
            "Keras's slope of 0.3",
            {"slope": 0.3},
            LOSS,
            "d_leaky",
            r"negative_slope=0\.3 → 0\.2",
        ),
        (
            "beta1 of 0.9 for one net",
            {"d_optimizer": lambda: dcgan.adam("d_adam", 0.9)},
            INITIAL,
            "optimizer",
            r"beta1=0\.9\) → beta1=0\.5",
        ),
        (
            "Keras's momentum of 0.99",
            {"norm": lambda: dcgan.norm(momentum=0.99)},
            UPDATES,
            "g_norm",
            r"momentum=0\.99 → 0\.9",
        ),
        (
            "Keras's epsilon of 1e-3",
            {"norm": lambda: dcgan.norm(epsilon=1e-3)},
            LOSS,
            "g_norm",
            r"epsilon=0\.001 → 1e-05",
        ),
        (
            "Keras's batch norm",
            {"norm": lambda: dcgan.norm(keras.layers.BatchNormalization)},
            LOSS,
            "g_norm",
            r"tf1_semantics\.layers\.BatchNormalization",
        ),
        (
            "centres of pixels",
            {
                "larger": lambda: keras.layers.UpSampling2D(
                    2, interpolation="bilinear", name="g_resize"
                )
            },
            LOSS,
            "g_resize",
            r"tf1_semantics\.layers\.ResizeBilinear\(\(8, 8\)\)",
        ),
        (
            "zeros all around before a stride",
            {"convolution": dcgan.padded},
            LOSS,
            "d_pad|d_conv",
            r"padding 'valid' → 'same'",
        ),
        (
            "UPDATE_OPS that TF1 forgot",
            {"build": lambda: dcgan.build(False)},
            UPDATES,
            "g_norm",
            r"runs no UPDATE_OPS",
        ),
        (
            "sigmoid for tanh",
            {"ending": "sigmoid"},
            LOSS,
            "g_tanh",
            r"g_tanh.*sigmoid → tanh",
        ),
        (
            "labels smoothed",
            {
                "losses": lambda real, fake: dcgan.losses(
                    real, fake, real=lambda logits: 0.9 * tf.ones_like(logits)
                )
            },
            LOSS,
            "loss",
            r"Mul\(0\.9, ones_like\) .* left out",
        ),
    ),
]

FAITHFUL = [
    faithful(program, pair)
    for program, pair in (
        ("PPO2", actor_critic.ppo2_pair),
        ("A2C", actor_critic.a2c_pair),
        ("slim CNN, .meta", _slim),
        ("LSTM classifier, .meta", _lstm),
        ("char-RNN", char_rnn.pair),
        ("skip-gram", skip_gram.pair),
        ("VAE", vae.pair),
        ("DCGAN", dcgan.pair),
    )
]
