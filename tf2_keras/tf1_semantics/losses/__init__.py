"""TF1's losses as Keras ones: one weight an element, and TF1's reductions.

Keras divides a weighted mean by the number of elements; TF1's default divided by how
many of them have a weight other than zero. Weights follow TF1's rule: a number, or an
array of the rank of the loss, whose sizes are 1 or those of the loss. Keras would have
expanded others without a word.

XLA's kernels round otherwise: 0 ULP are claimed without it.
"""

from tf2_keras.tf1_semantics.losses.classification import (
    HingeLoss,
    LogLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SparseSoftmaxCrossEntropy,
    WeightedCrossEntropy,
    softmax_cross_entropy_with_logits,
)
from tf2_keras.tf1_semantics.losses.regression import (
    AbsoluteDifference,
    CosineDistance,
    HuberLoss,
    MeanPairwiseSquaredError,
    MeanSquaredError,
)
from tf2_keras.tf1_semantics.losses.regularization import L2
from tf2_keras.tf1_semantics.losses.sequences import (
    legacy_sequence_loss,
    sequence_loss,
    sequence_loss_by_example,
)
from tf2_keras.tf1_semantics.losses.weighting import Reduction, compute_weighted_loss

__all__ = [
    "AbsoluteDifference",
    "CosineDistance",
    "HingeLoss",
    "HuberLoss",
    "L2",
    "LogLoss",
    "MeanPairwiseSquaredError",
    "MeanSquaredError",
    "Reduction",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SparseSoftmaxCrossEntropy",
    "WeightedCrossEntropy",
    "compute_weighted_loss",
    "legacy_sequence_loss",
    "sequence_loss",
    "sequence_loss_by_example",
    "softmax_cross_entropy_with_logits",
]
