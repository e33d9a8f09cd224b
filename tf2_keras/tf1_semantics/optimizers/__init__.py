"""TF1's optimizers as Keras ones."""
from tf2_keras.tf1_semantics.optimizers.adam import Adam
from tf2_keras.tf1_semantics.optimizers.momentum import Momentum

__all__ = ['Adam', 'Momentum']
