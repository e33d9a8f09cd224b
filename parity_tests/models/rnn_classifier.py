"""What rnn_classifier is run on: sequences that count up, and random ones."""

from parity_tests.models import supervised

TEACHES = "dynamic_rnn with lengths, both directions, each sequence's last output"
STEPS = 20
LEARNING_RATE = "GradientDescent/learning_rate:0"
METRIC = "test accuracy"
SOURCES = ("tf1_graph/rnn_cell.py",)
TRAIN, TEST = 1000, 500  # examples, as in the source


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((x [n, 20, 1], lengths [n], one-hot [n, 2]) to train on, the same to score on)."""
    from tf1_graph.models.rnn_classifier import Config, make_data

    return make_data(seed, TRAIN, Config()), make_data(seed + 1, TEST, Config())


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.program(
        built.graph,
        {"x": built.x, "lengths": built.lengths, "y_true": built.y_true},
        {"learning_rate": built.graph.get_tensor_by_name(LEARNING_RATE)},
        train=session.train(built.train, built.loss),
        predict=session.move(outputs={"y_pred": built.y_pred}),
    )


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.rnn_classifier import next_batch

    for x, lengths, y_true in next_batch(train, config.batch_size):
        yield "train", {"x": x, "lengths": lengths, "y_true": y_true}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.rnn_classifier import next_batch

    return next_batch(train, config.batch_size)


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0], "lengths": test[1]})]


def score(test, outputs):
    """Accuracy, as a float."""
    return supervised.accuracy(test[2], outputs)
