"""What batch_norm_by_hand is run on: real digits."""

from parity_tests.models.mnist_cnn import (  # noqa: F401  a setup as that one's
    DATA_SETS,
    SCORED,
    dataset,
    evaluation,
    load,
    moves,
    score,
)

TEACHES = "moments, moving averages and tf.cond on the phase, before there was a layer"
STEPS = 20
LEARNING_RATE = "GradientDescent/learning_rate:0"
METRIC = "test accuracy"
SOURCES = ("tf1_graph/models/mnist_cnn.py", "tf1_graph/rnn_cell.py")


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(
        built,
        training_feed={built.phase_train: True},
        inference_feed={built.phase_train: False},
        learning_rate=LEARNING_RATE,
    )
