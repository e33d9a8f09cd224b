"""What neural_style is run on: two pictures that are computed, a disc and stripes."""

import numpy as np

TEACHES = "a gradient to a picture, several losses, a network that is left as it is"
STEPS = 10
METRIC = "loss"
SIZES = {"height": 24, "width": 24, "channels": (8, 12)}


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return dict(SIZES, seed=seed)


def pictures(height, width, seed):
    """(content, style), [1, H, W, 3] of 0 to 255: a bright disc, and coloured stripes."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    colours = random.uniform(0, 255, size=(4, 3))
    disc = (x**2 + y**2 < 0.5)[..., np.newaxis]
    stripes = (np.sin(9 * x + 4 * y) > 0)[..., np.newaxis]
    return tuple(
        np.where(shape, *colours[place : place + 2])[np.newaxis].astype(np.float32)
        for shape, place in ((disc, 0), (stripes, 2))
    )


def load(_data, seed):
    """((content, style) to train on, the same again), as the network takes them."""
    from tf1_graph.models.neural_style import preprocess

    train = tuple(map(preprocess, pictures(SIZES["height"], SIZES["width"], seed)))
    return train, train


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``."""
    from tf1_graph import session

    return session.program(
        built.graph,
        {"x": built.x, "style": built.style},
        train=session.train(built.train, built.loss),
        predict=session.move(outputs=dict(built.losses, image=built.image)),
    )


def played(model):
    """Both pictures are of the size of the one that is made: no size is open."""
    import tensorflow as tf

    spec = tf.TensorSpec(model.image.shape, tf.float32)
    return {"inputs": {"x": spec, "style": spec}}


def batch_of(pair):
    return dict(zip(("x", "style"), pair))


def moves(train, _config):
    """Endless training as the chapter's own loop does it."""
    while True:
        yield "train", batch_of(train)


def dataset(train, _config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensors((batch_of(train),)).repeat()


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", batch_of(test))]


def score(_test, outputs):
    """The sum of the three losses, as a float."""
    parts = ("content_loss", "style_loss", "tv_loss")
    return float(sum(outputs[0][name].astype(np.float64) for name in parts))
