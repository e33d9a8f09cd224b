"""Claims about programs that race with themselves."""

import warnings

import pytest
import tensorflow.compat.v1 as tf

from parity_tests.models import chapters
from parity_tests.witness import exported_twins
from tf1_graph import exported, races


def two_layers(use_resource, gated):
    """(graph, train) of two dense layers; ``gated`` is what minimize does."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 3])
        weights = [
            tf.get_variable(name, shape, use_resource=use_resource)
            for name, shape in (("first", [3, 4]), ("second", [4, 1]))
        ]
        hidden = tf.nn.relu(tf.matmul(x, weights[0]))
        loss = tf.reduce_mean(tf.matmul(hidden, weights[1]))
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        if gated:
            return graph, optimizer.minimize(loss)
        gradients = tf.gradients(loss, weights)
        return graph, optimizer.apply_gradients(zip(gradients, weights, strict=True))


def test_gradients_without_a_gate_race_with_the_updates():
    graph, train = two_layers(use_resource=False, gated=False)
    (race,) = races.races(graph, train)
    assert race.variable == "second"
    assert race.update.type == "ApplyGradientDescent"
    assert race.other.type == "MatMul"  # the gradient of the hidden layer


@pytest.mark.parametrize("use_resource, gated", [(True, False), (False, True)])
def test_what_is_gated_or_read_by_value_does_not(use_resource, gated):
    graph, train = two_layers(use_resource, gated)
    assert races.races(graph, train) == []


def test_two_updates_of_one_average_race():
    with tf.Graph().as_default() as graph:
        average = tf.get_variable("average", initializer=0.0, trainable=False)
        value = tf.placeholder(tf.float32, [])
        both = [tf.assign_sub(average, (average - value) * rate) for rate in (0.1, 0.2)]
    assert {race.variable for race in races.races(graph, both)} == {"average"}


@pytest.mark.parametrize("gated", [False, True])
def test_an_exported_graph_that_races_is_loaded_with_a_warning(gated):
    graph, train = two_layers(use_resource=False, gated=gated)
    with graph.as_default():
        meta_graph = tf.train.export_meta_graph()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exported.load(meta_graph, train={"op": train.name})
    said = [str(w.message) for w in caught if w.category is races.RaceWarning]
    assert len(said) == (not gated)
    assert all("The move train races" in one and "second" in one for one in said)


@pytest.mark.parametrize("name", exported_twins.PROGRAMS)
def test_what_1_15_5_exported_does_not_race(name):
    program = exported.load(exported_twins.meta(name), **exported_twins.spec(name))
    train = program.moves["train"]
    assert races.races(program.graph, train.op, train.feed) == []


@pytest.mark.parametrize("name", ["mlp", "batch_norm_by_hand", "resnet", "text_cnn"])
def test_chapters_do_not_race(name):
    config = chapters.graph(name).Config(**chapters.drawn(name).SMALL)
    train = chapters.program(name, config).moves["train"]
    assert races.races(train.op.graph, train.op, train.feed) == []
