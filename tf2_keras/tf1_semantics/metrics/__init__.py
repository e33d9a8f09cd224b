"""TF1's streaming metrics as Keras ones: the same local variables, the same values.

They take what TF1's took. Accuracy, MeanIoU and MeanPerClassAccuracy compare class
numbers: a model whose output is logits needs a metric that calls ``tf.argmax`` first:

    class ClassAccuracy(metrics.Accuracy):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_true, tf.argmax(y_pred, -1), sample_weight)

In ``model.compile``, what stands under ``metrics`` gets no sample_weight; what stands
under ``weighted_metrics`` does. Weights follow the rule of ``losses``; those that lack
the last axis, or have one of size 1 too many, get or lose it, as in TF1.
"""

from tf2_keras.tf1_semantics.metrics.classes import MeanIoU, MeanPerClassAccuracy
from tf2_keras.tf1_semantics.metrics.curves import AUC
from tf2_keras.tf1_semantics.metrics.means import (
    Accuracy,
    Mean,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
)
from tf2_keras.tf1_semantics.metrics.ratios import Precision, Recall

__all__ = [
    "AUC",
    "Accuracy",
    "Mean",
    "MeanAbsoluteError",
    "MeanIoU",
    "MeanPerClassAccuracy",
    "MeanSquaredError",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
]
