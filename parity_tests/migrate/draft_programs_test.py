"""Claims about programs as public repositories have them: what each leaves unsaid is found.

The graphs are of our own, and as small as they can be.
"""

import functools

import pytest
import tensorflow.compat.v1 as tf

from parity_tests.migrate import draft_table
from parity_tests.migrate.draft_rules_test import weights
from parity_tests.pair.drafting import batches, finding, proving, shapes
from tf1_graph import exported, rnn_cell

STEPS = 3


def meta_graph_of(build):
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(3)
        build()
        return shapes.completed(tf.train.export_meta_graph(graph=graph))


def drafted(build, **names):
    """The source of a program's draft, which is equal to it."""
    meta_graph = meta_graph_of(build)
    found = finding.found(meta_graph, finding.Names(**names))
    proof = proving.proven(meta_graph, found, "model.meta", STEPS)
    assert proof.is_equal, proof.status
    return proof.source


def dense(x, name, units):
    kernel = weights(f"{name}/kernel", [x.shape[-1], units])
    bias = tf.get_variable(f"{name}/bias", initializer=tf.zeros([units]))
    return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def discriminator(x):
    with tf.variable_scope("discriminator", reuse=tf.AUTO_REUSE):
        return dense(tf.nn.leaky_relu(dense(x, "hidden", 4)), "logits", 1)


def gan():
    z = tf.placeholder(tf.float32, [None, 2])
    real = tf.placeholder(tf.float32, [None, 3])
    with tf.variable_scope("generator"):
        fake = tf.tanh(dense(z, "image", 3))
    on_real, on_fake = tf.sigmoid(discriminator(real)), tf.sigmoid(discriminator(fake))
    losses = {
        "discriminator": -tf.reduce_mean(tf.log(on_real) + tf.log(1.0 - on_fake)),
        "generator": -tf.reduce_mean(tf.log(on_fake)),
    }
    for name, loss in losses.items():
        trained = tf.trainable_variables(name)
        tf.train.AdamOptimizer(0.01).minimize(loss, None, trained, name=f"train_{name}")


@pytest.mark.parametrize("trained", ["discriminator", "generator"])
def test_a_train_op_of_a_gan_calls_one_layer_twice_and_freezes_the_other_network(
    trained,
):
    source = drafted(gan, train=f"train_{trained}")
    hidden = "    hidden = keras.layers.Dense(\n"
    assert source.count(hidden) == (trained == "discriminator")
    assert source.count("trainable=False") == (1 if trained == "discriminator" else 3)
    assert "tf.math.log(1.0 - " in source or trained == "generator"


def test_the_train_ops_of_a_gan_become_the_steps_of_one_model():
    """In another order than the graph's: the powers of two Adams are told apart."""
    source = drafted(gan, train="train_generator,train_discriminator")
    assert "trainable=False" not in source
    assert "def generator_step(self, x, y=None):" in source
    assert '"generator": ("generator.",)' in source
    assert source.count("keras.layers.Dense(") == 3


def smoothed():
    logits = dense(tf.placeholder(tf.float32, [None, 3], "x"), "logits", 1)
    labels = tf.fill(tf.shape(logits), 1.0) - 0.1  # as 1.15 wrote tf.ones_like
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(losses))


def test_labels_that_a_loss_makes_itself_belong_to_it():
    source = drafted(smoothed)
    assert "labels=tf.ones_like(y_pred) - 0.1, logits=y_pred" in source
    assert "(keras.layers.Layer)" not in source


def shared_count():
    x = tf.placeholder(tf.float32, [None, 2], "x")
    step = tf.train.get_or_create_global_step()
    for name in ("first", "second"):
        loss = tf.reduce_mean(tf.square(dense(x, name, 1)))
        trained = tf.trainable_variables(name)
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        optimizer.minimize(loss, step, trained, name=f"train_{name}")


def test_train_ops_that_share_what_they_change_are_refused():
    with pytest.raises(ValueError, match="share nothing.*global_step.*one at a time"):
        drafted(shared_count, train="train_first,train_second")


@pytest.mark.parametrize("options", [{"train": "a,a"}, {"train": "train_generator,"}])
def test_each_of_several_train_ops_is_named_once(options):
    with pytest.raises(ValueError, match="--train must name each once"):
        finding.found(meta_graph_of(gan), finding.Names(**options))


def wide():
    x, y_true = (
        tf.placeholder(tf.float64, [None, 2], name) for name in ("x", "y_true")
    )
    start = tf.random_normal([2, 2], seed=7, dtype=tf.float64)
    logits = tf.nn.bias_add(
        tf.matmul(x, tf.get_variable("dense/kernel", initializer=start)),
        tf.get_variable("dense/bias", initializer=tf.zeros([2], tf.float64)),
    )
    loss = tf.reduce_mean(tf.square(tf.tanh(logits) - y_true))
    tf.train.GradientDescentOptimizer(0.1).minimize(loss)


def test_a_program_of_doubles_stays_one():
    source = drafted(wide)
    assert source.count('dtype="float64"') == 3  # two layers and an input
    assert "whose loss Keras would round" in source


def test_a_bias_of_one_unit_is_added_as_tf1_did():
    """Its gradient differs first where a batch is too large to be summed in a row."""

    def build():
        x = tf.placeholder(tf.float32, [None, 3], "x")
        y_true = tf.placeholder(tf.float32, [None, 1], "y_true")
        loss = tf.reduce_mean(tf.square(dense(x, "dense", 1) - y_true))
        tf.train.GradientDescentOptimizer(0.1).minimize(loss)

    assert "tf1_semantics.layers.BiasAdd(" in drafted(build)


def averaged(is_counted):
    def build():
        x = tf.placeholder(tf.float32, [None, 2], "x")
        y_true = tf.placeholder(tf.float32, [None, 1], "y_true")
        loss = tf.reduce_mean(tf.square(dense(x, "dense", 1) - y_true))
        step = tf.train.get_or_create_global_step()
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, step)
        average = tf.train.ExponentialMovingAverage(0.9, step if is_counted else None)
        with tf.control_dependencies([train]):
            average.apply(tf.trainable_variables())

    return build


@pytest.mark.parametrize("is_counted", [False, True])
def test_moving_averages_behind_a_train_op_are_kept_by_the_optimizer(is_counted):
    source = drafted(averaged(is_counted))
    assert "moving_average=tf1_semantics.averages.ExponentialMovingAverage(" in source
    assert "moving_average_decay: float = 0.9" in source
    assert ("num_updates=True" in source) == is_counted
    assert "Not part of it" not in source


def decoder():
    with rnn_cell.while_loops():
        source, target = (
            tf.placeholder(tf.float32, [None, 3, 2], name) for name in ("x", "taught")
        )
        y_true = tf.placeholder(tf.float32, [None, 1])
        states = None
        for name, x in (("encoder", source), ("decoder", target)):
            cell = rnn_cell.cell_class("BasicLSTMCell")(2)
            starts = tf.random_normal_initializer(seed=7)
            with tf.variable_scope(name, initializer=starts):
                outputs, states = tf.nn.dynamic_rnn(
                    cell, x, initial_state=states, dtype=tf.float32
                )
        loss = tf.reduce_mean(tf.square(dense(outputs[:, -1], "dense", 1) - y_true))
        tf.train.GradientDescentOptimizer(0.1).minimize(loss)


@pytest.mark.slow
def test_a_loop_that_starts_where_another_ended_is_handed_its_state():
    assert "initial_state=(" in drafted(decoder)


def shapeless():
    """Old code: no shapes, no names, a dropout of tf.layers, labels one too deep."""
    x, y_true = tf.placeholder(tf.float32), tf.placeholder(tf.float32, [None, 3])
    is_training = tf.placeholder(tf.bool)
    # tf.matmul of today takes what has no shape for a batch of matrices.
    hidden = tf.nn.relu(tf.raw_ops.MatMul(a=x, b=weights("first", [2, 4])))
    dropped = functools.partial(tf.nn.dropout, hidden, rate=0.3, seed=5)
    with rnn_cell.while_loops():  # and conditions, of ops that switch
        hidden = tf.cond(is_training, dropped, lambda: tf.identity(hidden))
    logits = tf.matmul(hidden, weights("second", [4, 3])) + weights("bias", [3])
    losses = tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=tf.stop_gradient([y_true]), logits=logits
    )
    tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(losses))


def test_what_placeholders_do_not_say_is_read_off_their_use():
    source = drafted(shapeless)
    assert "keras.Input(shape=(2,)" in source
    assert "tf1_semantics.layers.Dropout(" in source


def test_a_keep_prob_without_a_shape_is_asked_for():
    def build():
        x = tf.placeholder(tf.float32, [None, 2])
        dropped = tf.nn.dropout(x, keep_prob=tf.placeholder("float", name="keep"))
        loss = tf.reduce_mean(tf.square(dense(dropped, "dense", 1)))
        tf.train.GradientDescentOptimizer(0.1).minimize(loss)

    with pytest.raises(ValueError, match="--training-feed keep=0.5"):
        finding.found(meta_graph_of(build), finding.Names())


def test_what_an_iterator_yields_is_an_input():
    def build():
        data = tf.data.Dataset.from_tensor_slices(([[1.0, 2.0]] * 4, [[3.0]] * 4))
        x, y_true = tf.data.make_one_shot_iterator(data.batch(2)).get_next()
        loss = tf.reduce_mean(tf.square(dense(x, "dense", 1) - y_true))
        tf.train.GradientDescentOptimizer(0.1).minimize(loss)

    found = finding.found(meta_graph_of(build), finding.Names())
    inputs = {"IteratorGetNext_0": "IteratorGetNext:0"}
    assert found.inputs == {**inputs, "IteratorGetNext_1": "IteratorGetNext:1"}


def test_batches_have_the_size_that_a_program_was_built_for():
    def build(sizes):
        x = tf.placeholder(tf.float32, [None, 2], "x")
        fixed = tf.reshape(dense(x, "dense", 1), [sizes, 1])
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(fixed))

    def sizes_of(build):
        program = exported.load(meta_graph_of(build), train={"op": "GradientDescent"})
        return batches.fitting_sizes(program)

    assert sizes_of(lambda: build(7)) == (7,)
    assert sizes_of(lambda: build(-1)) == (*batches.SIZES, batches.LARGE)


def test_a_table_says_what_became_of_each_graph_of_a_folder(
    tmp_path, monkeypatch, capsys
):
    """Asked for what a .json beside the graph does not say; refused by op and node."""

    def build():
        x = tf.placeholder(tf.float32, [None, 2], "x")
        drawn = dense(x, "dense", 1) + tf.random_normal([1], name="noise")
        for name in ("first", "second"):
            loss = tf.reduce_mean(tf.square(drawn))
            tf.train.GradientDescentOptimizer(0.1).minimize(loss, name=name)

    data = meta_graph_of(build).SerializeToString()
    for name in ("open", "told"):
        (tmp_path / f"{name}.meta").write_bytes(data)
    (tmp_path / "told.json").write_text('{"train": "first"}')
    monkeypatch.setattr("sys.argv", ["draft_table", str(tmp_path)])
    draft_table.main()
    asked, refused, counted = capsys.readouterr().out.splitlines()
    assert "asked" in asked and "first, second. Name one with --train" in asked
    assert "refused" in refused and "noise" in refused
    assert counted == "1 asked, 1 refused"
