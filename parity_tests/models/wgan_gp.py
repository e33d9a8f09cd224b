"""What the WGAN with gradient penalty is run on: real digits."""

import numpy as np

from parity_tests.datasets import mnist

TEACHES = "a gradient whose gradient trains, five steps of a critic to one of another"
TRAINS = ("critic",) * 5 + ("generator",)
STEPS = 18  # moves: three iterations
METRIC = "mean ink of made digits"
DATA_SETS = (mnist,)
SAMPLES = 64


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((digits [n, 784],) to train on, (z [64, 10],) to make digits of), float32."""
    (digits, _), _ = mnist.read_data_sets(data)
    z = np.random.RandomState(seed).uniform(-1, 1, [SAMPLES, 10])
    return (digits,), (z.astype(np.float32),)


def program(built, _config):
    """The TF1 side's moves: a step of each network, and digits of noise."""
    from tf1_graph import session

    return session.program(
        built.graph,
        {"x": built.x, "z": built.z},
        critic=session.train(built.d_train, built.d_loss),
        generator=session.train(built.g_train, built.g_loss),
        predict=session.move(outputs={"y_pred": built.made}),
    )


def played(model):
    """The twin's moves; ``predict`` takes noise alone, and no loop of fit plays it."""

    def critic(x, z):
        return {"loss": {"loss": model.d_step(x, z)}}

    def generator(z):
        return {"loss": {"loss": model.g_step(z)}}

    def predict(z):
        return {"outputs": {"y_pred": model.generator(z)}}

    return {
        "critic": critic,
        "generator": generator,
        "predict": predict,
        "unfitted": ("predict",),
    }


def iteration(x, z, critic_steps):
    """The moves of one iteration: several of the critic, one of the generator."""
    zs = np.split(z, critic_steps + 1)
    critic = [
        ("critic", {"x": x, "z": z}) for x, z in zip(np.split(x, critic_steps), zs)
    ]
    return critic + [("generator", {"z": zs[-1]})]


def moves_of(element, config):
    """The moves of one element of ``dataset``."""
    return iteration(element["x"], element["z"], config.critic_steps)


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.wgan_gp import next_batch

    for x, z in next_batch(*train, config):
        yield from iteration(x, z, config.critic_steps)


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.wgan_gp import next_batch

    return next_batch(*train, config)


def evaluation(test, config):
    """The moves whose outputs are scored."""
    return [("predict", {"z": test[0][:, : config.z_dim]})]


def score(test, outputs):
    """The mean of all pixels of the made digits, 0 paper and 1 ink."""
    return float(outputs[0]["y_pred"].mean(dtype=np.float64))
