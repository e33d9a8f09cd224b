"""What the U-Net is run on: circles in a noisy image, as its source draws them."""

import numpy as np

from parity_tests.models import supervised

TEACHES = "no padding, crop and join, transposed convolutions, weights of pixels"
STEPS = 12  # two epochs
METRIC = "test pixels right"
SOURCES = ("tf1_graph/models/resnet.py",)  # whose op_seed it takes
# The source's 572 pixels take seconds a step.
IMAGE_SIZE, TRAIN, TEST = 76, 24, 6


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {
        "seed": seed,
        "nx": IMAGE_SIZE,
        "features_root": 8,
        "keep_prob": 0.5,
        "training_iters": 6,
        "batch_size": 4,
    }


def load(data, seed):
    """((images [n, 76, 76, 1], one-hot [n, 36, 36, 2]) to train on, the same to score on)."""
    from tf1_graph.models.unet import Config

    images, labels = make_data(seed, TRAIN + TEST, Config(nx=IMAGE_SIZE))
    return (images[:TRAIN], labels[:TRAIN]), (images[TRAIN:], labels[TRAIN:])


def make_data(seed, samples, config):
    """Ten circles of any grey in a white square, noise, and all of it from 0 to 1.

    Returns:
        (images [samples, N, N, 1]; labels [samples, M, M, 2], one-hot, of the pixels in
        the middle that the network answers for), float32.
    """
    random = np.random.RandomState(seed)
    rows, columns = np.ogrid[: config.nx, : config.nx]
    images = np.ones([samples, config.nx, config.nx], np.float32)
    circle = np.zeros(images.shape, bool)
    for image, mask in zip(images, circle):
        for _ in range(10):
            row, column = random.randint(config.nx, size=2)
            radius = random.randint(2, config.nx // 8 + 3)
            inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
            image[inside] = random.randint(1, 255)
            mask |= inside
        image += random.normal(scale=20, size=image.shape)
        image -= image.min()
        image /= image.max()
    margin = (config.nx - output_size(config)) // 2
    middle = slice(margin, config.nx - margin)
    labels = np.stack([~circle, circle], axis=3)[:, middle, middle]
    return images[..., np.newaxis], labels.astype(np.float32)


def output_size(config):
    """M: two convolutions a layer leave so much of N, without padding."""
    lost = 2 * (config.filter_size - 1)
    size = config.nx - lost
    for _ in range(config.layers - 1):
        size = size // config.pool_size - lost
    for _ in range(config.layers - 1):
        size = size * config.pool_size - lost
    return size


def program(built, config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(
        built,
        training_feed={built.keep_prob: config.keep_prob},
        inference_feed={built.keep_prob: 1.0},
    )


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.unet import next_batch

    for x, y_true in next_batch(*train, config.batch_size):
        yield "train", {"x": x, "y_true": y_true}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.unet import next_batch

    return next_batch(*train, config.batch_size)


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]})]


def score(test, outputs):
    """The share of pixels whose class is right, as a float."""
    classes = test[1].reshape(-1, test[1].shape[-1])
    flat = [{"y_pred": block["y_pred"].reshape(classes.shape)} for block in outputs]
    return supervised.accuracy(classes, flat)
