"""Mistakes that come together: two, or three, in one twin.

Each says where a check must find the two sides apart, and what each proven change must
say. ``python -m parity_tests.pair.mistakes --together`` prints them. Nothing else is here.
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
from parity_tests.pair.mistakes.planted import GRADIENTS, LOSS, SLOTS, rows
from tf2_keras.tf1_semantics import clipping, optimizers

FORGET, GATES = r"forget_bias=0\.0 → 1\.0", r"gates come in the order i, j, f, o"
RATE = r"the rate that TF1 has at each step"
CLIP = r"clipping\.ByGlobalNorm\(0\.(5|01)\)"
KEEP, SEED = r"keep_prob=0\.25 → 0\.75", r"seed=\(7, 9\) → \(7, 21\)"
ADAM = r"tf1_semantics\.optimizers\.Adam\("

# In one place: neither change takes anything away without the other.
IN_ONE_PLACE = [
    *rows(
        "char-RNN",
        char_rnn.pair,
        (
            "no forget bias, gates in Keras's order",
            {"forget_bias": 0.0, "cell": char_rnn.KerasGates},
            LOSS,
            "rnn",
            (FORGET, GATES),
        ),
    ),
    *rows(
        "VAE",
        vae.pair,
        (
            "keep_prob for rate, another seed of the dropout",
            {"dropout": lambda: vae.dropout(0.25, seed=9)},
            LOSS,
            "dropout",
            (KEEP, SEED),
        ),
        (
            "labels and logits swapped, the loss is summed over the batch",
            {
                "pixels": lambda x, logits: vae.bernoulli(logits, x),
                "mean": tf.reduce_sum,
            },
            LOSS,
            "loss",
            (r"other order", r"6 times TF1's"),
        ),
    ),
    *rows(
        "skip-gram",
        skip_gram.pair,
        (
            "another seed of the sampler, the loss is summed over the batch",
            {"sampler_seed": 9, "mean": tf.reduce_sum},
            LOSS,
            "loss",
            (r"sampler's seed → \(7, 11\)", r"8 times TF1's"),
        ),
    ),
    *rows(
        "A2C",
        actor_critic.a2c_pair,
        (
            "a decay of 0.9, the rate is set after the update",
            {
                "optimizer": lambda: optimizers.RMSProp(0.01, decay=0.9, epsilon=1e-5),
                "late": True,
            },
            SLOTS,
            "optimizer",
            (r"decay=0\.9\) → decay=0\.99", RATE),
        ),
        (
            "gradients not clipped, the advantage without stop_gradient",
            {"clip": None, "keep": tf.identity},
            GRADIENTS,
            "value|gradients",
            (CLIP, r"tf\.stop_gradient"),
        ),
    ),
]

# In two places, or at two stages: what comes first hides the other.
IN_SEVERAL = [
    *rows(
        "PPO2",
        actor_critic.ppo2_pair,
        (
            "relu for tanh, the loss is summed over the batch",
            {"activation": "relu", "mean": tf.reduce_sum},
            LOSS,
            "hidden_2",
            (r"relu → tanh", r"16 times TF1's"),
        ),
        (
            "gradients clipped one by one, Adam without its epsilon of 1e-5",
            {
                "clip": clipping.ByNorm(0.5),
                "optimizer": lambda: optimizers.Adam(0.01),
            },
            GRADIENTS,
            "gradients",
            (CLIP, r"epsilon=1e-08\) → epsilon=1e-05"),
        ),
    ),
    *rows(
        "slim CNN, .meta",
        lambda **mistakes: exported.pair("slim_cnn", **mistakes),
        (
            "epsilon of 1e-5 and momentum of 0.99 in batch norm",
            {"epsilon": 1e-5, "batch_norm_momentum": 0.99},
            LOSS,
            "conv1_norm",
            # Of the first layer, then of the second, which it hid; and of both.
            (*[r"epsilon=1e-05 → 0\.001"] * 2, r"momentum=0\.99 → 0\.9"),
        ),
    ),
    *rows(
        "VAE",
        vae.pair,
        (
            "another seed of the dropout, relu for softplus, Keras's Adam",
            {
                "dropout": lambda: vae.dropout(seed=9),
                "activation": "relu",
                "optimizer": lambda: keras.optimizers.Adam(0.01, epsilon=1e-8),
            },
            LOSS,
            "dropout",
            (SEED, r"relu → softplus", ADAM),
        ),
    ),
    *rows(
        "DCGAN",
        dcgan.pair,
        (
            "Keras's epsilon of 1e-3 and momentum of 0.99",
            {"norm": lambda: dcgan.norm(epsilon=1e-3, momentum=0.99)},
            LOSS,
            "g_norm",
            (r"epsilon=0\.001 → 1e-05", r"momentum=0\.99 → 0\.9"),
        ),
        (
            "sigmoid for tanh, Keras's slope of 0.3",
            {"ending": "sigmoid", "slope": 0.3},
            LOSS,
            "g_tanh",
            (r"sigmoid → tanh", r"negative_slope=0\.3 → 0\.2"),
        ),
    ),
]
