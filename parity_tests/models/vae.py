"""What the variational autoencoder is run on: real digits."""

import numpy as np

from parity_tests.datasets import mnist

TEACHES = "a sample in the forward pass, two losses summed over their units, RMSProp"
STEPS = 20
LEARNING_RATE = "RMSProp/learning_rate:0"
METRIC = "loss of a test digit"
DATA_SETS = (mnist,)
SOURCES = ("tf1_graph/models/mnist_cnn.py",)  # whose next_batch it takes
TEST_DIGITS = 1000  # scored in a run


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((images [n, 784], float32; labels [n]) to train on, the same to score on)."""
    train, test = mnist.read_data_sets(data)
    return train, tuple(part[:TEST_DIGITS] for part in test)


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    seen = {"y_pred": built.y_pred, "z_mean": built.z_mean, "z_std": built.z_std}
    return session.program(
        built.graph,
        {"x": built.x, "y_true": built.x},  # the input is the target
        {"learning_rate": built.graph.get_tensor_by_name(LEARNING_RATE)},
        train=session.train(built.train, built.loss),
        predict=session.move(outputs=seen),
    )


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.vae import next_batch

    for x, _ in next_batch(*train, config.batch_size, config.seed):
        yield "train", {"x": x, "y_true": x}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.vae import next_batch

    batches = next_batch(*train, config.batch_size, config.seed)
    return batches.map(lambda x, _: (x, x))


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]})]


def score(test, outputs):
    """The chapter's loss of the test digits, as a float."""
    x, seen = (
        test[0],
        {key: value.astype(np.float64) for key, value in outputs[0].items()},
    )
    y_pred, z_mean, z_std = (seen[name] for name in ("y_pred", "z_mean", "z_std"))
    cross_entropy = x * np.log(1e-10 + y_pred) + (1 - x) * np.log(1e-10 + 1 - y_pred)
    divergence = 0.5 * (1 + z_std - np.square(z_mean) - np.exp(z_std))
    return float(np.mean(-cross_entropy.sum(1) - divergence.sum(1)))
