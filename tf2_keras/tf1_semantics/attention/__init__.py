"""TF1's attention over a memory, as Keras layers, and the cell that attends."""

from tf2_keras.tf1_semantics.attention.mechanisms import (
    BahdanauAttention,
    LuongAttention,
    hardmax,
)
from tf2_keras.tf1_semantics.attention.wrapper import AttentionWrapper

__all__ = ["AttentionWrapper", "BahdanauAttention", "LuongAttention", "hardmax"]
