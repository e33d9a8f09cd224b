"""TF1's recurrent cells and loops, whose Keras namesakes compute something else."""

from tf2_keras.tf1_semantics.recurrent.cells import BasicRNNCell, GRUCell
from tf2_keras.tf1_semantics.recurrent.converters import (
    basic_rnn_weights_from_keras,
    basic_rnn_weights_to_keras,
    gru_weights_from_keras,
    gru_weights_to_keras,
    lstm_weights_from_keras,
    lstm_weights_to_keras,
)
from tf2_keras.tf1_semantics.recurrent.loops import (
    BidirectionalDynamicRNN,
    DynamicRNN,
    carried,
)
from tf2_keras.tf1_semantics.recurrent.lstm import BasicLSTMCell, LSTMCell
from tf2_keras.tf1_semantics.recurrent.unrolled import (
    StaticBidirectionalRNN,
    StaticRNN,
)
from tf2_keras.tf1_semantics.recurrent.wrappers import (
    DropoutWrapper,
    MultiRNNCell,
    ResidualWrapper,
)

__all__ = [
    "BasicLSTMCell",
    "BasicRNNCell",
    "BidirectionalDynamicRNN",
    "DropoutWrapper",
    "DynamicRNN",
    "GRUCell",
    "LSTMCell",
    "MultiRNNCell",
    "ResidualWrapper",
    "StaticBidirectionalRNN",
    "StaticRNN",
    "basic_rnn_weights_from_keras",
    "basic_rnn_weights_to_keras",
    "carried",
    "gru_weights_from_keras",
    "gru_weights_to_keras",
    "lstm_weights_from_keras",
    "lstm_weights_to_keras",
]
