"""Layers whose Keras namesakes compute something else than TF1's."""

from tf2_keras.tf1_semantics.layers.bias import AddBias, BiasAdd
from tf2_keras.tf1_semantics.layers.dropout import Dropout
from tf2_keras.tf1_semantics.layers.group_normalization import (
    GroupNormalization,
    InstanceNormalization,
)
from tf2_keras.tf1_semantics.layers.images import (
    ResizeArea,
    ResizeBicubic,
    ResizeBilinear,
    ResizeImages,
    ResizeNearestNeighbor,
)
from tf2_keras.tf1_semantics.layers.normalization import (
    BatchNormalization,
    LayerNormalization,
    LocalResponseNormalization,
)
from tf2_keras.tf1_semantics.layers.pooling import MaxPoolingWithArgmax
from tf2_keras.tf1_semantics.layers.update_ops import update_ops

__all__ = [
    "AddBias",
    "BatchNormalization",
    "BiasAdd",
    "Dropout",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "LocalResponseNormalization",
    "MaxPoolingWithArgmax",
    "ResizeArea",
    "ResizeBicubic",
    "ResizeBilinear",
    "ResizeImages",
    "ResizeNearestNeighbor",
    "update_ops",
]
