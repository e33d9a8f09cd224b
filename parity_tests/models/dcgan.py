"""What the DCGAN is run on: real digits, pixels from -1 to 1."""

import numpy as np

from parity_tests.datasets import mnist

TEACHES = (
    "two networks, two Adams, whose statistics move when, a train_step of one's own"
)
TRAINS = ("discriminator", "generator", "generator")
STEPS = 12  # moves: four iterations
METRIC = "mean ink of made digits"
DATA_SETS = (mnist,)
SOURCES = ("tf1_graph/models/resnet.py",)  # whose op_seed it takes
SAMPLES = 64


def configure(data, seed):
    """Fields of the chapter's Config for a run: digits, two levels, few features."""
    return {
        "seed": seed,
        "output_size": 28,
        "c_dim": 1,
        "levels": 2,
        "gf_dim": 16,
        "df_dim": 16,
        "batch_size": 32,
    }


def load(data, seed):
    """((images [n, 28, 28, 1],) to train on, (z [64, 100],) to make digits of), float32."""
    pixels = mnist.load(data).train_images[..., np.newaxis].astype(np.float32)
    z = np.random.RandomState(seed).uniform(-1, 1, [SAMPLES, 100])
    return (pixels / np.float32(127.5) - np.float32(1),), (z.astype(np.float32),)


def first(train, examples, batch_size):
    """The first so many images, a batch at least: none is ever short."""
    return (train[0][: max(examples, batch_size)],)


def program(built, _config):
    """The TF1 side's moves: a step of each network, and images by the sampler."""
    from tf1_graph import session

    return session.program(
        built.graph,
        {"images": built.images, "z": built.z},
        discriminator=session.train(built.d_optim, built.d_loss),
        generator=session.train(built.g_optim, built.g_loss),
        predict=session.move(outputs={"y_pred": built.sampler}),
    )


def played(model):
    """The twin's moves; ``predict`` takes noise alone, and no loop of fit plays it."""

    def discriminator(images, z):
        return {"loss": {"loss": model.d_step(images, z)}}

    def generator(z):
        return {"loss": {"loss": model.g_step(z)}}

    def predict(z):
        return {"outputs": {"y_pred": model.generator(z, training=False)}}

    return {
        "discriminator": discriminator,
        "generator": generator,
        "predict": predict,
        "unfitted": ("predict",),
    }


def moves(train, config):
    """Endless training as the chapter's own loop does it: one step, then two."""
    from tf1_graph.models.dcgan import next_batch

    for images, z in next_batch(*train, config.batch_size, config.z_dim, config.seed):
        yield from iteration(images, z)


def moves_of(element, _config):
    """The moves of one element of ``dataset``."""
    return iteration(element["images"], element["z"])


def iteration(images, z):
    """The moves of one iteration."""
    return [
        ("discriminator", {"images": images, "z": z}),
        ("generator", {"z": z}),
        ("generator", {"z": z}),
    ]


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.dcgan import next_batch

    return next_batch(*train, config.batch_size, config.z_dim, config.seed)


def evaluation(test, config):
    """The moves whose outputs are scored."""
    return [("predict", {"z": test[0][:, : config.z_dim]})]


def score(test, outputs):
    """The mean of all pixels of the made digits, 0 paper and 1 ink."""
    return float((outputs[0]["y_pred"].mean(dtype=np.float64) + 1) / 2)
