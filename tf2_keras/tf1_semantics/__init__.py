"""TF1 behaviour as Keras 3 objects, for any Keras program on TensorFlow.

Where a Keras namesake computes something else, the part here reproduces TF1 to the bit:
``tf1_semantics.optimizers.Adam`` stands where ``keras.optimizers.Adam`` would not do.

The parts are written in TensorFlow's ops, also where ``keras.ops`` has a name for them:
which kernel runs, and in which order, decides over the last bits.
"""

from tf2_keras.tf1_semantics import (
    attention,
    averages,
    callbacks,
    clipping,
    crf,
    decoding,
    gradients,
    initializers,
    layers,
    lookup,
    losses,
    metrics,
    optimizers,
    random,
    recurrent,
    schedules,
    tf_keras,
)

__all__ = [
    "attention",
    "averages",
    "callbacks",
    "clipping",
    "crf",
    "decoding",
    "gradients",
    "initializers",
    "layers",
    "lookup",
    "losses",
    "metrics",
    "optimizers",
    "random",
    "recurrent",
    "schedules",
    "tf_keras",
]
