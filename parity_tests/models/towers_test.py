"""What only the chapter of the towers claims."""

import functools
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.models import chapters, tasks
from parity_tests.models.pair import ProgramPair, distance

CHAPTER = "towers"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
X, Y = chapters.setup(CHAPTER).load(None, 1)[0]
CONFIG = GRAPH.Config()
SHARE = CONFIG.batch_size // CONFIG.towers


@functools.cache
def reference(towers=CONFIG.towers):
    """TF1's records of one step."""
    fields = {"steps": 1, "towers": towers, "batch_size": SHARE * towers}
    return ProgramPair(CHAPTER, fields).reference((X, Y))


def test_the_mean_of_towers_is_that_of_each_variable():
    """Of two towers and of three; the variable is the first tower's."""
    with tf.Graph().as_default(), tf1.Session() as session:
        of_towers = [
            [(tf.constant([tower, 2.0 * tower]), "kernel"), (tf.constant(1.0), "bias")]
            for tower in (1.0, 2.0, 6.0)
        ]
        for towers, mean in ((2, 1.5), (3, 3.0)):
            (kernel, named), (bias, _) = GRAPH.average_gradients(of_towers[:towers])
            assert named == "kernel"
            assert session.run(kernel).tolist() == [mean, 2 * mean]
            assert session.run(bias) == 1.0


def test_each_tower_is_on_its_device_and_all_variables_on_the_first():
    graph = GRAPH.build(4, CONFIG).graph
    products = {
        op.name.split("/")[0]: op.device
        for op in graph.get_operations()
        if op.type == "MatMul" and op.name.startswith("tower_")
    }
    assert products == {"tower_0": "/device:CPU:0", "tower_1": "/device:CPU:1"}
    variables = graph.get_collection(tf1.GraphKeys.GLOBAL_VARIABLES)
    (device,) = {
        variable.device for variable in variables if "step" not in variable.name
    }
    assert device == "/device:CPU:0"


def test_statistics_move_by_the_first_tower_s_share():
    """The margin: by the whole batch's mean they would go elsewhere."""
    start, step, _ = reference()
    values = start["initial values"]
    hidden = X @ values["hidden/kernel"]
    rate = 1 - CONFIG.decay
    of_first, of_all = (
        rate * hidden[:rows].mean(axis=0) for rows in (SHARE, CONFIG.batch_size)
    )
    moved = step["updates"]["norm/moving_mean"]
    np.testing.assert_allclose(moved, of_first, rtol=1e-5)
    assert np.abs(moved - of_all).max() > 0.2 * np.abs(moved).max()


def test_one_device_normalises_by_the_whole_batch():
    """The margin: the same batch on one tower goes another way."""
    fields = {"steps": 1, "towers": 1, "batch_size": CONFIG.batch_size}
    start, one, _ = ProgramPair(CHAPTER, fields).reference((X, Y))
    names = ["hidden/kernel", "logits/kernel"]
    values = start["initial values"], reference()[1]["updates"], one["updates"]
    way = distance(values[1], values[0], names)
    assert distance(values[1], values[2], names) > 0.1 * way


@pytest.mark.parametrize(
    "fault, factor", [("sum_of_gradients", 2), ("mean_taken_twice", 0.5)]
)
def test_a_sum_for_a_mean_moves_by_the_number_of_towers(fault, factor):
    planted = chapters.faults(CHAPTER)[fault]
    _, wrong, _ = ProgramPair(CHAPTER, {"steps": 1}, planted).candidate(
        (X, Y), "function"
    )
    start, step, _ = reference()
    for name in ("hidden/kernel", "logits/bias"):
        first = start["initial values"][name]
        np.testing.assert_allclose(
            wrong["updates"][name] - first,
            factor * (step["updates"][name] - first),
            atol=1e-6,
        )


def test_three_towers_are_added_in_another_order():
    """Two sum alike in any order; of three the last bit of a gradient may differ."""
    pair = ProgramPair(CHAPTER, {"steps": 1, "towers": 3, "batch_size": 3 * SHARE})
    expected = reference(3)[1]["gradients"]
    received = pair.candidate((X, Y), "function")[1]["gradients"]
    off = max(np.abs(expected[name] - received[name]).max() for name in expected)
    largest = max(np.abs(gradient).max() for gradient in expected.values())
    assert 0 < off <= 4 * np.finfo(np.float32).eps * largest


def run(x_data, config):
    """What each replica predicts after a pass in training; for a process of its own."""
    strategy = tf.distribute.MirroredStrategy(TWIN.devices(config))
    with strategy.scope():
        model, _ = TWIN.build(x_data.shape[1], config)

    def replica_step():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        model(tf.gather(tf.split(x_data, config.towers), number), training=True)
        return model(x_data, training=False)

    predicted = strategy.experimental_local_results(strategy.run(replica_step))
    outside = model(x_data, training=False)
    return [
        {
            "outputs": {
                "first": predicted[0].numpy(),
                "last": predicted[-1].numpy(),
                "outside": outside.numpy(),
            }
        }
    ]


def test_each_replica_predicts_by_statistics_of_its_own():
    """The margin: in evaluate under the strategy half of a batch gets other logits."""
    (record,) = tasks.run(
        sys.modules[__name__],
        (X[: CONFIG.batch_size],),
        TWIN.Config(),
        tasks.Cluster({}, {"chief": 1}),
    )
    first, last, outside = record["outputs"].values()
    np.testing.assert_allclose(first, outside, rtol=1e-5, atol=1e-6)
    assert np.abs(last - outside).max() > 0.02
