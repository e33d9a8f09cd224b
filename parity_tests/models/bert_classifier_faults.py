"""Faults planted in the twin of the fine-tuning of BERT."""

import keras
import numpy as np

from parity_tests.models.bert_faults import Corrected, optimizer_with, without_warm_up
from parity_tests.models.pair import Fault


def _keras_truncated_normal(twin):
    def dense(x, units, config, activation=None, name="dense"):
        initializer = keras.initializers.TruncatedNormal(
            stddev=config.initializer_range, seed=1
        )
        return keras.layers.Dense(
            units, activation, kernel_initializer=initializer, name=name
        )(x)

    return {"dense": dense}


def _pooler_without_tanh(twin):
    true = twin.dense
    return {
        "dense": lambda x, units, config, activation=None, name="dense": true(
            x, units, config, name=name
        )
    }


FAULTS = {
    "keras_truncated_normal": Fault(
        "Keras's TruncatedNormal with the same deviation.",
        "initial values",
        _keras_truncated_normal,
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "pooler_without_tanh": Fault(
        "The pooler is a product without its tanh.", "loss", _pooler_without_tanh
    ),
    "padding_attended": Fault(
        "Padding is attended to.",
        "loss",
        batch=lambda batch: {**batch, "input_mask": np.ones_like(batch["input_mask"])},
    ),
    "segments_left_out": Fault(
        "All words are of the first piece.",
        "loss",
        batch=lambda batch: {
            **batch,
            "segment_ids": np.zeros_like(batch["segment_ids"]),
        },
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
        "The first step is as long as the rate.", "updates", without_warm_up
    ),
    "steps_not_counted": Fault(
        "The global step is left to a caller who does not count.",
        "updates",
        optimizer_with(moves_global_step=False),
    ),
}
