"""The contract on programs of many kinds: each at every level, to the bit.

What one input, one target, one loss and one optimizer do not cover: several inputs, an
embedding with sparse gradients, two optimizers, moves that alternate, state that is
carried over, no loss at all, a train_step of the model's own, Keras's own optimizers.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.engine.budgets import Budget
from parity_tests.pair.pair import Pair
from tf1_graph import session
from tf2_keras import training
from tf2_keras.observing import key_of
from tf2_keras.slots import slots_of
from tf2_keras.tf1_semantics import optimizers

EVERY_LEVEL = pytest.mark.parametrize("level", training.LEVELS)
# Eagerly there is no Grappler that makes products of divisions and folds sums.
EAGERLY = Budget(
    normwise=32, reason="what Grappler rewrites in a graph rounds otherwise"
)


def budgets(level):
    """(stage, tensor) -> Budget: none but where nothing rewrites the graph."""
    return lambda *_: EAGERLY if level == "eager" else None


def normal(*shape, seed=0):
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def variables_of(values):
    """{name: keras.Variable} that start from arrays."""
    return {
        name: keras.Variable(value, name=name.replace("/", "_"))
        for name, value in values.items()
    }


def graph_variables(values):
    """{name: variable} in the graph that is the default."""
    return {
        name: tf1.get_variable(name, initializer=value)
        for name, value in values.items()
    }


def built(optimizer, variables):
    """(optimizer, {TF1 name: slot}) for variables by TF1 name."""
    optimizer.build(list(variables.values()))
    names = {key_of(variable): name for name, variable in variables.items()}
    return optimizer, slots_of(optimizer, names)


# A GAN: two optimizers, two moves that train, and one that only looks.

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


# k-means: no loss, no gradient, no optimizer.


def kmeans_step(centres, points):
    """(the centre that each point belongs to, the new centres)."""
    distances = tf.reduce_sum(tf.square(points[:, None] - centres[None]), 2)
    nearest = tf.argmin(distances, 1)
    ones = tf.ones_like(points[:, 0])
    counts = tf.math.unsorted_segment_sum(ones, nearest, 3)[:, None]
    sums = tf.math.unsorted_segment_sum(points, nearest, 3)
    return nearest, sums / tf.maximum(counts, 1.0)


@EVERY_LEVEL
def test_a_program_without_a_loss(level):
    start = normal(3, 2)
    with tf.Graph().as_default() as graph:
        points = tf1.placeholder(tf.float32, [None, 2], name="points")
        centres = tf1.get_variable("centres", initializer=start)
        nearest, new = kmeans_step(centres, points)
        update = tf1.assign(centres, new).op
    program = session.program(
        graph, step=session.move(update, outputs={"nearest": nearest})
    )
    variable = tf.Variable(start)

    def step(points):
        nearest, new = kmeans_step(variable, points)
        variable.assign(new)
        return {"outputs": {"nearest": nearest}}

    moves = [("step", {"points": normal(50, 2, seed=7)})] * 4
    twin = training.Twin({"centres": variable}, {"step": step})
    with Pair(program, twin) as pair:
        comparison = pair.compare(moves, level).require_agreement()
    assert comparison.records == 5
    assert set(comparison.cells) >= {"initial values", "outputs", "updates"}


@EVERY_LEVEL
def test_a_move_without_inputs(level):
    with tf.Graph().as_default() as graph:
        count = tf1.get_variable("count", initializer=np.float32(1))
        program = session.program(
            graph, double=session.move(tf1.assign(count, 2 * count))
        )
    variable = tf.Variable(np.float32(1))

    def double():
        variable.assign(2 * variable)

    twin = training.Twin({"count": variable}, {"double": double})
    with Pair(program, twin) as pair:
        pair.compare([("double", {})] * 3, level).require_agreement()


# Two inputs, an embedding, two optimizers, and a state that is carried: all at once.

VOCABULARY, WIDTH, STATE, CLASSES = 11, 5, 7, 4
READER = {
    "embedding": 0.4 * normal(VOCABULARY, WIDTH, seed=1),
    "rnn/input": 0.4 * normal(WIDTH, STATE, seed=2),
    "rnn/state": 0.4 * normal(STATE, STATE, seed=3),
    "output": 0.4 * normal(STATE, CLASSES, seed=4),
}


def reader(weights, words, state):
    """([batch, steps, classes] logits, [batch, state] the last state)."""
    embedded = tf.nn.embedding_lookup(weights["embedding"], words)
    logits = []
    for step in range(2):
        state = tf.tanh(
            tf.matmul(embedded[:, step], weights["rnn/input"])
            + tf.matmul(state, weights["rnn/state"])
        )
        logits.append(tf.matmul(state, weights["output"]))
    return tf.stack(logits, 1), state


def reader_loss(labels, logits):
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def reader_program():
    with tf.Graph().as_default() as graph:
        words = tf1.placeholder(tf.int32, [None, 2], name="words")
        labels = tf1.placeholder(tf.int32, [None, 2], name="labels")
        state = tf1.placeholder(tf.float32, [None, STATE], name="state")
        weights = graph_variables(READER)
        logits, last = reader(weights, words, state)
        loss = reader_loss(labels, logits)
        table, *others = weights.values()
        lazy = tf1.train.AdamOptimizer(0.1)
        pairs = lazy.compute_gradients(loss, [table])
        others = tf1.train.RMSPropOptimizer(1e-2).minimize(loss, var_list=others)
        with tf1.control_dependencies(
            tf.nest.flatten(pairs[0][0], expand_composites=True)
        ):
            train = tf.group(others, lazy.apply_gradients(pairs))
    return session.program(
        graph,
        train=session.train(
            train,
            loss,
            pairs,
            lazy,
            outputs={"logits": logits},
            carried={"state": last},
        ),
    )


def reader_twin():
    variables = variables_of(READER)
    table, *others = variables.values()
    lazy, lazy_slots = built(optimizers.Adam(0.1), {"embedding": table})
    rest, rest_slots = built(
        optimizers.RMSProp(1e-2),
        {
            name: variable
            for name, variable in variables.items()
            if variable is not table
        },
    )
    weights = {name: variable.value for name, variable in variables.items()}

    def train(words, labels, state):
        with tf.GradientTape() as tape:
            logits, last = reader(weights, words, state)
            loss = reader_loss(labels, logits)
        of_table, *of_others = tape.gradient(loss, list(weights.values()))
        rest.apply(of_others, others)
        lazy.apply([of_table], [table])
        return {
            "loss": {"loss": loss},
            "outputs": {"logits": logits},
            "carried": {"state": last},
        }

    slots = {**lazy_slots, **rest_slots}
    return training.Twin(
        {**variables, **slots},
        {"train": train},
        slots=slots,
        hidden=[*lazy.variables, *rest.variables],
        optimizers=[lazy, rest],
    )


def reader_moves():
    random = np.random.RandomState(5)
    for number in range(5):
        batch = {
            "words": random.randint(VOCABULARY, size=(3, 2)).astype(np.int32),
            "labels": random.randint(CLASSES, size=(3, 2)).astype(np.int32),
        }
        if number in (0, 3):  # an epoch begins
            batch["state"] = np.zeros((3, STATE), np.float32)
        yield "train", batch


@functools.cache
def reading():
    return Pair(reader_program(), reader_twin(), budgets)


@EVERY_LEVEL
def test_inputs_embedding_optimizers_and_carried_state_at_once(level):
    comparison = reading().compare(list(reader_moves()), level).require_agreement()
    assert comparison.records == 6
    assert comparison.cells["carried"].compared == 5
    gradients = list(reading().candidate(list(reader_moves())[:1], level))[1][
        "gradients"
    ]
    assert set(gradients) == {
        "output",
        "rnn/state",
        "rnn/input",
        "embedding values",
        "embedding indices",
    }


def test_a_state_that_is_not_carried_is_a_divergence():
    def forgetful(moves):
        for move, batch in moves:
            yield move, {"state": np.zeros((3, STATE), np.float32), **batch}

    plays = iter([list(reader_moves()), list(forgetful(reader_moves()))])
    comparison = reading().compare(lambda: next(plays), "function")
    assert (comparison.first_divergence.step, comparison.first_divergence.stage) == (
        2,
        "outputs",
    )


# Word vectors: rows of an embedding, and a sampler that keeps its place in a stream.

VECTORS = {
    "embedding": normal(30, 4, seed=1),
    "weights": normal(30, 4, seed=2),
    "biases": np.zeros(30, np.float32),
}


def contrastive_loss(weights, centre, context, sampled, **options):
    embedded = tf.nn.embedding_lookup(weights["embedding"], centre)
    nce_loss = tf1.nn.nce_loss if options else tf.nn.nce_loss
    return tf.reduce_mean(
        nce_loss(
            weights["weights"],
            weights["biases"],
            context,
            embedded,
            5,
            30,
            sampled_values=sampled,
            **options,
        )
    )


def vectors_program():
    with tf.Graph().as_default() as graph:
        tf1.set_random_seed(1)
        centre = tf1.placeholder(tf.int64, [None], name="centre")
        context = tf1.placeholder(tf.int64, [None, 1], name="context")
        weights = graph_variables(VECTORS)
        sampled = tf1.nn.log_uniform_candidate_sampler(context, 1, 5, True, 30, seed=11)
        loss = contrastive_loss(
            weights, centre, context, sampled, partition_strategy="div"
        )
        optimizer = tf1.train.GradientDescentOptimizer(1.0)
        pairs = optimizer.compute_gradients(loss)
        train = optimizer.apply_gradients(pairs)
    return session.program(
        graph, train=session.train(train, loss, pairs, outputs={"sampled": sampled[0]})
    )


def vectors_twin():
    variables = variables_of(VECTORS)
    optimizer, _ = built(optimizers.GradientDescent(1.0), variables)
    weights = {name: variable.value for name, variable in variables.items()}

    def train(centre, context):
        sampled = tf.raw_ops.LogUniformCandidateSampler(
            true_classes=context,
            num_true=1,
            num_sampled=5,
            unique=True,
            range_max=30,
            seed=1,
            seed2=11,
        )
        with tf.GradientTape() as tape:
            loss = contrastive_loss(weights, centre, context, sampled)
        gradients = tape.gradient(loss, list(weights.values()))
        optimizer.apply(gradients, list(variables.values()))
        return {"outputs": {"sampled": sampled[0]}, "loss": {"loss": loss}}

    return training.Twin(
        variables, {"train": train}, hidden=optimizer.variables, optimizers=[optimizer]
    )


@pytest.mark.parametrize("level", ["function", "fit"])
def test_a_sampler_in_the_graph_starts_over_with_each_play(level):
    """Its kernel holds the place in the stream: Session and function are made anew."""
    random = np.random.RandomState(3)
    moves = [
        (
            "train",
            {
                "centre": random.randint(30, size=8),
                "context": random.randint(30, size=(8, 1)),
            },
        )
        for _ in range(3)
    ]
    with Pair(vectors_program(), vectors_twin()) as pair:
        for _ in range(2):
            pair.compare(moves, level).require_agreement()
        _, first, second, _ = pair.candidate(moves, level)
    assert first["outputs"]["sampled"].tolist() != second["outputs"]["sampled"].tolist()
    assert {"embedding values", "embedding indices"} <= set(first["gradients"])
