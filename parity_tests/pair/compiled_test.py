"""Twins that are made, not written: of compiled Keras models of many kinds."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair.pair import Pair
from parity_tests.pair.small_programs import normal
from tf1_graph import session
from tf2_keras import training
from tf2_keras.tf1_semantics import optimizers

EVERY_LEVEL = pytest.mark.parametrize("level", training.LEVELS)
EXACT_LEVEL = pytest.mark.parametrize("level", ["function", "fit"])
WORDS, WIDTH, FEATURES = 7, 3, 2

TABLE, KERNEL = normal(WORDS, WIDTH), normal(WIDTH + FEATURES, 1, seed=1)
START = {"table": TABLE, "kernel": KERNEL}


def batches(count=3):
    random = np.random.RandomState(3)
    return [
        {
            "word": random.randint(WORDS, size=size),
            "features": random.standard_normal((size, FEATURES)).astype(np.float32),
            "y_true": random.standard_normal((size, 1)).astype(np.float32),
        }
        for size in (5, 5, 2)[:count]
    ]


def scores(table, kernel, word, features):
    looked_up = tf.nn.embedding_lookup(table, word)
    return tf.matmul(tf.concat([looked_up, features], 1), kernel)


def scoring_program(optimizers_of_tf1, weighted=False):
    """Two inputs and an embedding; an optimizer for the table, one for the kernel."""
    with tf.Graph().as_default() as graph:
        word = tf1.placeholder(tf.int64, [None], name="word")
        features = tf1.placeholder(tf.float32, [None, FEATURES], name="features")
        y_true = tf1.placeholder(tf.float32, [None, 1], name="y_true")
        table = tf1.get_variable("table", initializer=TABLE)
        kernel = tf1.get_variable("kernel", initializer=KERNEL)
        y_pred = scores(table, kernel, word, features)
        squares = tf.square(y_true - y_pred)
        if weighted:
            weights = tf1.placeholder(tf.float32, [None], name="sample_weight")
            squares *= weights[:, None]
        loss = tf.reduce_mean(squares)
        pairs = tf1.train.Optimizer.compute_gradients(
            optimizers_of_tf1[0], loss, [table, kernel]
        )
        train = tf.group(
            *[
                optimizer.apply_gradients([pair])
                for optimizer, pair in zip(optimizers_of_tf1, pairs, strict=True)
            ]
        )
    return session.program(
        graph,
        train=session.train(train, loss, pairs, optimizers_of_tf1),
        predict=session.move(outputs={"y_pred": y_pred}),
    )


@keras.saving.register_keras_serializable("compiled_test")
class Scorer(keras.Model):
    """A subclassed model, whose train_step is its own and applies two optimizers."""

    def __init__(self, table_optimizer, kernel_optimizer):
        super().__init__()
        self.table = keras.layers.Embedding(WORDS, WIDTH)
        self.dense = keras.layers.Dense(1, use_bias=False)
        self.table_optimizer, self.kernel_optimizer = table_optimizer, kernel_optimizer

    def call(self, inputs):
        looked_up = self.table(inputs["word"])
        return self.dense(keras.ops.concatenate([looked_up, inputs["features"]], 1))

    def train_step(self, data):
        x, y_true = data
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.ops.square(y_true - self(x, training=True)))
        of_table, of_kernel = tape.gradient(loss, self.trainable_variables)
        self.table_optimizer.apply([of_table], [self.table.embeddings])
        self.kernel_optimizer.apply([of_kernel], [self.dense.kernel])
        return {"loss": loss}


@functools.cache
def scorer():
    program = scoring_program(
        [tf1.train.MomentumOptimizer(0.1, 0.9), tf1.train.AdagradOptimizer(0.1)]
    )
    model = Scorer(
        optimizers.Momentum(0.1, 0.9, name="of_table"),
        optimizers.Adagrad(0.1, name="of_kernel"),
    )
    model({key: batches(1)[0][key] for key in ("word", "features")})
    model.table_optimizer.build([model.table.embeddings])
    model.kernel_optimizer.build([model.dense.kernel])
    model.compile(jit_compile=False)
    model.table.embeddings.assign(TABLE)
    model.dense.kernel.assign(KERNEL)
    names = {
        "table": model.table.embeddings.path,
        "kernel": model.dense.kernel.path,
    }
    return Pair(program, training.compiled(model, names))


def moves_of(batches):
    for batch in batches:
        yield "train", batch
    inputs = {key: batches[0][key] for key in ("word", "features")}
    yield "predict", inputs


@EVERY_LEVEL
def test_a_subclassed_model_with_a_train_step_and_two_optimizers(level):
    pair = scorer()
    comparison = pair.compare(list(moves_of(batches())), level).require_agreement()
    assert comparison.records == 5
    seen = list(pair.candidate(list(moves_of(batches(1))), level))[1]
    assert set(seen["gradients"]) == {"kernel", "table values", "table indices"}
    assert set(seen["slots"]) == {"table/Momentum", "kernel/Adagrad"}


def functional(optimizer, loss="mse"):
    """The same as a functional model with Keras's own training step."""
    word = keras.Input((), dtype="int64", name="word")
    features = keras.Input((FEATURES,), name="features")
    table = keras.layers.Embedding(WORDS, WIDTH, name="table")
    dense = keras.layers.Dense(1, use_bias=False, name="dense")
    joined = keras.layers.Concatenate()([table(word), features])
    model = keras.Model({"word": word, "features": features}, dense(joined))
    model.set_weights([TABLE, KERNEL])
    model.compile(optimizer, loss=loss, jit_compile=False)
    return model


NAMES = {"table": "table/embeddings", "kernel": "dense/kernel"}


@EVERY_LEVEL
def test_a_functional_model_with_inputs_by_name(level):
    with tf.Graph().as_default():
        momentum = tf1.train.MomentumOptimizer(0.1, 0.9)
    model = functional(optimizers.Momentum(0.1, 0.9))
    with Pair(
        scoring_program([momentum, momentum]), training.compiled(model, NAMES)
    ) as pair:
        pair.compare(list(moves_of(batches())), level).require_agreement()


@EXACT_LEVEL
def test_sample_weights_are_part_of_a_batch(level):
    """Of Keras's loss: a sum over the batch's size, whatever the weights are."""
    momentum = tf1.train.MomentumOptimizer(0.1, 0.9)
    weighted = [
        {
            **batch,
            "sample_weight": np.float32([0.5, 0.0, 2.0, 1.0, 3.0])[
                : len(batch["word"])
            ],
        }
        for batch in batches()
    ]
    model = functional(optimizers.Momentum(0.1, 0.9))
    with Pair(
        scoring_program([momentum, momentum], weighted=True),
        training.compiled(model, NAMES),
    ) as pair:
        pair.compare(list(moves_of(weighted)), level).require_agreement()


# Keras's own optimizers: their slots are recorded under TF1's names.

OF_BOTH = {
    "SGD": (
        lambda: tf1.train.MomentumOptimizer(0.1, 0.9),
        lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        {"kernel/Momentum", "bias/Momentum"},
    ),
    "Adam": (
        lambda: tf1.train.AdamOptimizer(0.1),
        lambda: keras.optimizers.Adam(0.1),
        {
            *("kernel/Adam", "kernel/Adam_1", "bias/Adam", "bias/Adam_1"),
            *("beta1_power", "beta2_power"),
        },
    ),
    "RMSprop": (
        lambda: tf1.train.RMSPropOptimizer(0.1, momentum=0.5),
        lambda: keras.optimizers.RMSprop(0.1, momentum=0.5),
        {"kernel/RMSProp", "kernel/RMSProp_1", "bias/RMSProp", "bias/RMSProp_1"},
    ),
    "Adagrad": (
        lambda: tf1.train.AdagradOptimizer(0.1),
        lambda: keras.optimizers.Adagrad(0.1, epsilon=0.0),
        {"kernel/Adagrad", "bias/Adagrad"},
    ),
    "Adadelta": (
        lambda: tf1.train.AdadeltaOptimizer(0.1),
        lambda: keras.optimizers.Adadelta(0.1),
        {"kernel/Adadelta", "kernel/Adadelta_1", "bias/Adadelta", "bias/Adadelta_1"},
    ),
    "Ftrl": (
        lambda: tf1.train.FtrlOptimizer(0.1),
        lambda: keras.optimizers.Ftrl(0.1),
        {"kernel/Ftrl", "kernel/Ftrl_1", "bias/Ftrl", "bias/Ftrl_1"},
    ),
}


@pytest.mark.parametrize("name", OF_BOTH)
def test_the_slots_of_keras_optimizers_are_compared_by_tf1s_names(name):
    of_tf1, of_keras, slots = OF_BOTH[name]
    with tf.Graph().as_default() as graph:
        x = tf1.placeholder(tf.float32, [None, 3], name="x")
        y_true = tf1.placeholder(tf.float32, [None, 1], name="y_true")
        kernel = tf1.get_variable("kernel", initializer=normal(3, 1))
        bias = tf1.get_variable("bias", initializer=np.zeros(1, np.float32))
        loss = tf.reduce_mean(tf.square(tf.matmul(x, kernel) + bias - y_true))
        train = of_tf1().minimize(loss)
    program = session.program(graph, train=session.train(train, loss))
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(1, name="dense")
    model = keras.Model(inputs, dense(inputs))
    model.compile(of_keras(), loss="mse", jit_compile=False)
    dense.kernel.assign(normal(3, 1))
    twin = training.compiled(model, {"kernel": "dense/kernel", "bias": "dense/bias"})
    assert program.slots == twin.slots == slots
    batch = {"x": normal(8, 3, seed=1), "y_true": normal(8, 1, seed=2)}
    with Pair(program, twin) as pair:
        comparison = pair.compare([("train", batch)] * 3, "function")
    stages = [stage for stage, cell in comparison.cells.items() if cell.ok is False]
    assert comparison.cells["loss"].compared == 3
    # What the traps say of each: only these two compute what TF1 computed, dense.
    assert (stages == []) == (name in ("Adagrad", "Ftrl")), stages


# What is refused.


def test_a_model_that_is_not_built_is_refused():
    model = Scorer(optimizers.Momentum(0.1, 0.9), optimizers.Adagrad(0.1))
    with pytest.raises(ValueError, match=r"^model must be built.*Call it once"):
        training.compiled(model, {})


@pytest.mark.parametrize(
    "names, message",
    [
        ({**NAMES, "kernel": "dense/kernle"}, "kernel: dense/kernle, which leads to 0"),
        ({"table": NAMES["table"]}, "must name every trainable variable.*dense/kernel"),
    ],
)
def test_names_that_do_not_fit_are_refused(names, message):
    with pytest.raises(ValueError, match=message):
        training.compiled(functional("sgd"), names)


def test_a_path_of_two_variables_is_refused():
    model = scorer().twin.fitted["train"].model
    names = {
        "table": model.table.embeddings.path,
        "kernel": model.dense.kernel.path,
        "step": "adam/iteration",
    }
    model = Scorer(optimizers.Adam(0.1, name="adam"), optimizers.Adam(0.1, name="adam"))
    model({key: batches(1)[0][key] for key in ("word", "features")})
    model.table_optimizer.build([model.table.embeddings])
    model.kernel_optimizer.build([model.dense.kernel])
    names.update(table=model.table.embeddings.path, kernel=model.dense.kernel.path)
    with pytest.raises(
        ValueError, match="step: adam/iteration, which leads to 2.*names of"
    ):
        training.compiled(model, names)


@pytest.mark.parametrize("level", training.LEVELS)
def test_what_the_twin_has_not_got_is_refused(level):
    twin = scorer().twin
    for play, message in (
        (([("tarin", {})],), "A move must be one of the twin's. Received: tarin"),
        (([], {"tabel": TABLE}), "values must be named.*Received: tabel"),
        (([], None, {"rate": 0.1}), "settings must be named.*Received: rate"),
    ):
        moves, *rest = play
        with pytest.raises(ValueError, match=message):
            list(training.play(twin, moves, level, *rest))
    with pytest.raises(ValueError, match="level must be one of.*Received: 'graph'"):
        list(training.play(twin, [], "graph"))


def test_what_the_program_has_not_got_is_refused():
    program = scorer().program
    for play, message in (
        (([("tarin", {})],), "move must be one of the program's. Received: tarin"),
        (([("train", {"wrod": 1})],), "input must be one of.*Received: wrod"),
        (([], {"tabel": TABLE}), "values must be named.*Received: \\['tabel'\\]"),
        (([], None, {"rate": 0.1}), "setting must be one of.*Received: rate"),
    ):
        with pytest.raises(ValueError, match=message):
            list(session.play(program, *play))


class Reader(keras.Model):
    """A cell whose state goes in and comes out."""

    def __init__(self):
        x, state = keras.Input([FEATURES], name="x"), keras.Input([WIDTH], name="state")
        both = keras.layers.Concatenate()([x, state])
        new = keras.layers.Dense(WIDTH, "tanh", name="cell")(both)
        y = keras.layers.Dense(1, name="out")(new)
        super().__init__(
            inputs={"x": x, "state": state}, outputs={"y": y, "state": new}
        )
        self.compile(optimizers.GradientDescent(0.1), jit_compile=False)

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002 -- Keras's signature
        return tf.reduce_mean(tf.square(y - y_pred["y"]))


@pytest.mark.parametrize("level", ["eager", "function"])
def test_an_output_that_is_named_like_an_input_is_carried_to_the_next_step(level):
    model = Reader()
    names = {v.path: v.path for v in model.trainable_variables}
    twin = training.compiled(model, names)
    batches = [
        {"x": normal(4, FEATURES, seed=number), "y_true": normal(4, 1, seed=number + 5)}
        for number in range(3)
    ]
    zeros = {"state": np.zeros([4, WIDTH], np.float32)}

    def play(*states):
        moves = [
            ("train", {**batch, **state})
            for batch, state in zip(batches, states, strict=True)
        ]
        return list(training.play(twin, moves, level))[1:]

    carried = play(zeros, {}, {})
    given = play(zeros, *[record["carried"] for record in carried[:2]])
    assert [r["loss"] for r in carried] == [r["loss"] for r in given]
    forgotten = play(zeros, zeros, zeros)
    assert carried[0]["loss"] == forgotten[0]["loss"]
    assert carried[1]["loss"] != forgotten[1]["loss"]


def test_a_target_that_is_named_like_an_output_is_not_carried():
    x = keras.Input([FEATURES], name="x")
    model = keras.Model(x, {"out": keras.layers.Dense(1, name="out")(x)})
    model.compile(optimizers.GradientDescent(0.1), "mse", jit_compile=False)
    twin = training.compiled(model, {v.path: v.path for v in model.variables})
    batch = {"x": normal(4, FEATURES), "out": normal(4, 1, seed=1)}
    _, record = training.play(twin, [("train", batch)])
    assert "carried" not in record


def test_powers_of_a_second_optimizer_are_numbered_as_tf1_numbered_them():
    model = Scorer(optimizers.Adam(0.1), optimizers.Adam(0.1, beta1=0.5, name="other"))
    model.table.build([None])
    model.dense.build([None, WIDTH + FEATURES])
    model.table_optimizer.build([model.table.embeddings])
    model.kernel_optimizer.build([model.dense.kernel])
    model.built = True
    names = {"table": model.table.embeddings.path, "kernel": model.dense.kernel.path}
    twin = training.compiled(model, names)
    powers = {"beta1_power", "beta1_power_1", "beta2_power", "beta2_power_1"}
    assert {name for name in twin.slots if "/" not in name} == powers
    values = twin.values()
    assert (values["beta1_power"], values["beta1_power_1"]) == (np.float32(0.9), 0.5)
