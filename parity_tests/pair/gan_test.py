"""The contract on a GAN: two optimizers, two moves that train, and one that only looks."""

import functools

import keras
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair.pair import Pair
from parity_tests.pair.small_programs import (
    budgets,
    graph_variables,
    normal,
)
from tf1_graph import session
from tf2_keras import training
from tf2_keras.observing import key_of
from tf2_keras.slots import slots_of
from tf2_keras.tf1_semantics import optimizers

EVERY_LEVEL = pytest.mark.parametrize("level", training.LEVELS)

NOISE, FEATURES, HIDDEN = 4, 6, 8
GAN = {
    "d/w1": 0.3 * normal(FEATURES, HIDDEN, seed=1),
    "d/w2": 0.3 * normal(HIDDEN, 1, seed=2),
    "g/w1": 0.3 * normal(NOISE, HIDDEN, seed=3),
    "g/w2": 0.3 * normal(HIDDEN, FEATURES, seed=4),
}


def given(value, shape, dtype):
    """An initializer, but for the value."""
    return tf.ensure_shape(tf.constant(value, dtype), shape)


def two_layers(x, first, second, ops=tf):
    return ops.matmul(ops.nn.relu(ops.matmul(x, first)), second)


def mean_cross_entropy(logits, labels_like):
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(
            labels=labels_like(logits), logits=logits
        )
    )


def gan_losses(weights, x, z):
    """(the discriminator's loss, the generator's, what the generator makes)."""
    fake = two_layers(z, weights["g/w1"], weights["g/w2"])
    on_fake = two_layers(fake, weights["d/w1"], weights["d/w2"])
    generator_loss = mean_cross_entropy(on_fake, tf.ones_like)
    if x is None:
        return None, generator_loss, fake
    on_real = two_layers(x, weights["d/w1"], weights["d/w2"])
    discriminator_loss = mean_cross_entropy(on_real, tf.ones_like)
    discriminator_loss += mean_cross_entropy(on_fake, tf.zeros_like)
    return discriminator_loss, generator_loss, fake


def gan_program():
    with tf.Graph().as_default() as graph:
        x = tf1.placeholder(tf.float32, [None, FEATURES], name="x")
        z = tf1.placeholder(tf.float32, [None, NOISE], name="z")
        weights = graph_variables(GAN)
        discriminator_loss, generator_loss, fake = gan_losses(weights, x, z)
        train = {
            net: tf1.train.AdamOptimizer(1e-2, beta1=0.5).minimize(
                loss, var_list=[weights[f"{net}/w1"], weights[f"{net}/w2"]]
            )
            for net, loss in (("d", discriminator_loss), ("g", generator_loss))
        }
    return session.program(
        graph,
        discriminator=session.train(train["d"], discriminator_loss),
        generator=session.train(train["g"], generator_loss),
        sample=session.move(outputs={"fake": fake}),
    )


class Gan(keras.Model):
    """Two nets and their optimizers; ``train_step`` plays one move of each."""

    def __init__(self):
        super().__init__()
        self.nets = {
            net: [
                self.add_weight(
                    shape=GAN[name].shape,
                    initializer=functools.partial(given, GAN[name]),
                    name=name.replace("/", "_"),
                )
                for name in (f"{net}/w1", f"{net}/w2")
            ]
            for net in "dg"
        }
        # Equal names: told apart by what they are, not by their paths.
        self.optimizers = {net: optimizers.Adam(1e-2, beta1=0.5) for net in "dg"}
        for net in "dg":
            self.optimizers[net].build(self.nets[net])
        self.built = True

    def weights_by_name(self):
        return {
            f"{net}/w{number}": weight
            for net in "dg"
            for number, weight in enumerate(self.nets[net], 1)
        }

    def step(self, net, loss_of):
        with tf.GradientTape() as tape:
            loss = loss_of()
        gradients = tape.gradient(loss, [weight.value for weight in self.nets[net]])
        self.optimizers[net].apply(gradients, self.nets[net])
        return {"loss": {"loss": loss}}

    def discriminator(self, x, z):
        return self.step("d", lambda: gan_losses(self.weights_by_name(), x, z)[0])

    def generator(self, z):
        return self.step("g", lambda: gan_losses(self.weights_by_name(), None, z)[1])

    def sample(self, z):
        return {"outputs": {"fake": gan_losses(self.weights_by_name(), None, z)[2]}}


def gan_twin():
    model = Gan()
    state, slots = model.weights_by_name(), {}
    for net, suffix in (("d", ""), ("g", "_1")):
        # TF1 made names of their own for the second optimizer's powers.
        names = {key_of(v): name for name, v in state.items()}
        for name, slot in slots_of(model.optimizers[net], names).items():
            slots[name if "/" in name else name + suffix] = slot
    hidden = [v for known in model.optimizers.values() for v in known.variables]
    return training.Twin(
        {**state, **slots},
        {
            move: getattr(model, move)
            for move in ("discriminator", "generator", "sample")
        },
        slots=slots,
        hidden=hidden,
        optimizers=model.optimizers.values(),
    )


def gan_moves():
    for number, size in enumerate((16, 16, 5)):
        x, z = normal(size, FEATURES, seed=number), normal(size, NOISE, seed=number + 9)
        yield "discriminator", {"x": x, "z": z}
        yield "discriminator", {"x": x[::-1].copy(), "z": z}
        yield "generator", {"z": z}
        yield "sample", {"z": z}


@functools.cache
def gan():
    return Pair(gan_program(), gan_twin(), budgets)


@EVERY_LEVEL
def test_two_optimizers_that_alternate(level):
    comparison = gan().compare(list(gan_moves()), level).require_agreement()
    assert comparison.records == 13
    assert list(comparison.cells) == [
        "initial values",
        "outputs",
        "loss",
        "gradients",
        "slots",
        "updates",
    ]
    assert all(cell.compared for cell in comparison.cells.values())


def test_each_optimizer_keeps_its_own_counts():
    """Both live under the path ``adam/…``: neither may stand in for the other."""
    pair = gan()
    moves = list(gan_moves())[:3]
    records = list(pair.candidate(moves, "function"))
    powers = {
        name: records[-1]["slots"][name] for name in ("beta1_power", "beta1_power_1")
    }
    # 0.5 to start with, halved by each update: two of the discriminator, one of the other.
    assert powers == {"beta1_power": 0.5**3, "beta1_power_1": 0.5**2}


@EVERY_LEVEL
def test_moves_in_another_order_are_a_divergence(level):
    pair = gan()
    moves = list(gan_moves())[1:3]
    plays = iter([moves, moves[::-1]])
    comparison = pair.compare(lambda: next(plays), level)
    divergence = comparison.first_divergence
    assert divergence.step == 1
    assert divergence.problem == "move discriminator against move generator"
