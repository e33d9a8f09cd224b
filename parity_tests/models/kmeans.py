"""What k-means is run on: real digits."""

import numpy as np

from parity_tests.datasets import mnist

TEACHES = "updates without a gradient: ties, empty clusters, a rate that counts"
STEPS = 20
METRIC = "average distance of a test digit"
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
    """The TF1 side's moves: ``init`` once, then ``train``; and ``predict``."""
    from tf1_graph import session

    seen = {"cluster_idx": built.cluster_idx, "scores": built.scores}
    return session.program(
        built.graph,
        {"x": built.x},
        init=session.move(built.init),
        train=session.move(built.train, loss={"avg_distance": built.avg_distance}),
        predict=session.move(outputs=seen),
    )


def played(model):
    """The move that the twin has besides ``train`` and ``predict``."""
    return {"init": model.get_layer("kmeans").choose_initial_centers}


def moves(train, config):
    """The first centres, then endless training, as the chapter's own loop does it."""
    from tf1_graph.models.kmeans import next_batch

    for number, (x, _) in enumerate(next_batch(*train, config.batch_size, config.seed)):
        if number == 0:
            yield "init", {"x": x}
        yield "train", {"x": x}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.kmeans import next_batch

    batches = next_batch(*train, config.batch_size, config.seed)
    return batches.map(lambda x, _: (x,))


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]})]


def score(test, outputs):
    """The average distance, as a float."""
    return float(np.mean(outputs[0]["scores"].astype(np.float64)))
