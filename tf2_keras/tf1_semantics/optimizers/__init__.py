"""TF1's optimizers as Keras ones."""

from tf2_keras.tf1_semantics.optimizers.adadelta import Adadelta
from tf2_keras.tf1_semantics.optimizers.adagrad import Adagrad, AdagradDA
from tf2_keras.tf1_semantics.optimizers.adam import Adam
from tf2_keras.tf1_semantics.optimizers.bert import AdamWeightDecay
from tf2_keras.tf1_semantics.optimizers.decoupled import AdamW, MomentumW
from tf2_keras.tf1_semantics.optimizers.ftrl import Ftrl
from tf2_keras.tf1_semantics.optimizers.gradient_descent import GradientDescent
from tf2_keras.tf1_semantics.optimizers.momentum import Momentum
from tf2_keras.tf1_semantics.optimizers.proximal import (
    ProximalAdagrad,
    ProximalGradientDescent,
)
from tf2_keras.tf1_semantics.optimizers.rmsprop import RMSProp

__all__ = [
    "Adadelta",
    "Adagrad",
    "AdagradDA",
    "Adam",
    "AdamW",
    "AdamWeightDecay",
    "Ftrl",
    "GradientDescent",
    "Momentum",
    "MomentumW",
    "ProximalAdagrad",
    "ProximalGradientDescent",
    "RMSProp",
]
