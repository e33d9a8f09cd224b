"""Layers whose Keras namesakes compute something else than TF1's."""

from tf2_keras.tf1_semantics.layers.bias import AddBias, BiasAdd
from tf2_keras.tf1_semantics.layers.dropout import Dropout
from tf2_keras.tf1_semantics.layers.group_normalization import (
    GroupNormalization,
    InstanceNormalization,
)
from tf2_keras.tf1_semantics.layers.images import ResizeBilinear, ResizeNearestNeighbor
from tf2_keras.tf1_semantics.layers.normalization import (
    BatchNormalization,
    LayerNormalization,
    LocalResponseNormalization,
)
from tf2_keras.tf1_semantics.layers.pooling import MaxPoolingWithArgmax

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
    "ResizeBilinear",
    "ResizeNearestNeighbor",
]
