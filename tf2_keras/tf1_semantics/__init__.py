"""TF1 behaviour as Keras 3 objects, for any Keras program on TensorFlow.

Where a Keras namesake computes something else, the part here reproduces TF1 to the bit.
"""
from tf2_keras.tf1_semantics.dropout import Dropout
from tf2_keras.tf1_semantics.initializers import (
    RandomNormal,
    TruncatedNormal,
    VarianceScaling,
)
from tf2_keras.tf1_semantics.layers import AddBias, BatchNormalization
from tf2_keras.tf1_semantics.optimizers import Adam, Momentum

__all__ = [
    'Adam',
    'AddBias',
    'BatchNormalization',
    'Dropout',
    'Momentum',
    'RandomNormal',
    'TruncatedNormal',
    'VarianceScaling',
]
