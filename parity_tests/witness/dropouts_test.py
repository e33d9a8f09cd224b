"""Claims about the dropouts that ``tf-parity seeds`` finds in a graph, trained or not."""

import contextlib
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine.ulps import identical, normwise_error
from parity_tests.witness.listing import by_node, exported, in_tf2
from parity_tests.witness.programs import dropout_trained, graph_seed_only
from tf1_graph import seeds
from tf2_keras.tf1_semantics import recurrent

GOLDENS = pathlib.Path(__file__).parents[1] / "goldens" / "exported"
LATER = ', scaling="compat.v1"'


def recorded(name):
    """({node: RandomOp}, {name: array}) of a .meta that 1.15.5 wrote."""
    with np.load(GOLDENS / name / "computed.npz", allow_pickle=False) as arrays:
        return by_node(seeds.read(GOLDENS / name / "model.meta")), dict(arrays)


@pytest.fixture(scope="module")
def trained():
    return recorded("dropout_trained")


@pytest.fixture(scope="module")
def untrained():
    return recorded("graph_seed_only")


def the_one_within(listed, name):
    """The listed op of a name scope that belongs to a dropout."""
    (operation,) = [
        operation
        for operation in listed.values()
        if operation.node.startswith(name + "/") and "Dropout" in operation.tf2
    ]
    return operation


# ---- what 1.15.5 drew


def test_each_dropout_of_a_graph_that_trains_is_written_as_a_layer(trained):
    listed, _ = trained
    written = {
        node.replace("/random_uniform/RandomUniform", ""): (
            operation.tf2,
            operation.remark,
        )
        for node, operation in listed.items()
        if not operation.initialises
    }
    fed, in_loop = "keep_prob is what was fed to keep_prob", "once for each time step"
    wrapper = "recurrent.DropoutWrapper(cell, {}, seed=(13, 5))"
    older = "x / keep_prob * tf.floor(keep_prob + uniform), a dropout of an older TF1"
    assert older in written.pop("random_uniform_1/RandomUniform")[1]
    assert written.pop("random_uniform/RandomUniform")[1].startswith("scaled and")
    assert written == {
        "seeded/while/dropout": (wrapper.format("input_keep_prob=0.9"), in_loop),
        "seeded/while/dropout_1": (wrapper.format("state_keep_prob=0.7"), in_loop),
        "seeded/while/dropout_2": (wrapper.format("output_keep_prob=0.8"), in_loop),
        "unseeded/while/dropout": (
            "layers.Dropout(keep_prob, seed=(13, 358), fed=True)",
            f"{fed}; {in_loop}",
        ),
        "number": ("layers.Dropout(keep_prob=0.6, seed=(13, 580))", ""),
        "fed": ("layers.Dropout(keep_prob, seed=(13, 613), fed=True)", fed),
        "fed_rate": (
            "layers.Dropout(1 - rate, seed=(13, 644), fed=True)",
            "rate is what was fed to rate",
        ),
        "branch/cond/dropout": ("layers.Dropout(keep_prob=0.7, seed=(13, 681))", ""),
        "contrib/cond/dropout": ("layers.Dropout(keep_prob=0.9, seed=(13, 721))", ""),
        "keras/cond/dropout": ("layers.Dropout(keep_prob=0.8, seed=(13, 761))", ""),
        "weights/dropout": ("layers.Dropout(keep_prob=0.75, seed=(13, 791))", ""),
        "first": ("layers.Dropout(keep_prob, seed=(13, 810), fed=True)", fed),
        "second": ("layers.Dropout(keep_prob, seed=(13, 827), fed=True)", fed),
    }


@pytest.mark.parametrize("name", dropout_trained.DROPOUTS)
def test_listed_dropouts_drop_what_1_15_5_dropped_in_training(trained, name):
    listed, computed = trained
    layer = in_tf2(
        the_one_within(listed, name).tf2,
        keep_prob=dropout_trained.KEEP_PROB,
        rate=dropout_trained.RATE,
    )
    apply = tf.function(lambda x: layer(x, training=True))
    for step in range(dropout_trained.STEPS):
        x, reference = (
            computed[f"{name}/{side}/{step}"] for side in ("input", "output")
        )
        dropped = reference == 0
        assert 0 < dropped.sum() < dropped.size
        assert identical(apply(x).numpy(), reference)


@pytest.mark.parametrize("name", graph_seed_only.DROPOUTS)
def test_listed_dropouts_drop_what_1_15_5_dropped_alone(untrained, name):
    listed, computed = untrained
    text = the_one_within(listed, name).tf2
    layer = in_tf2(text, keep_prob=graph_seed_only.KEEP_PROB)
    x = graph_seed_only.dropout_input(name)
    apply = tf.function(lambda x: layer(x, training=True))
    for run in range(graph_seed_only.RUNS):
        reference = computed[f"{name}/{run}"]
        dropped = reference == 0
        assert 0 < dropped.sum() < dropped.size
        assert identical(apply(x).numpy(), reference)


def require_masks(cell, computed, name):
    """Fails unless a loop drops what 1.15.5 dropped in the loop of that name."""
    loop = recurrent.DynamicRNN(cell)
    loop.build(computed[f"{name}/input/0"].shape)
    for weight_name, weight in cell.tf1_weights().items():
        weight.assign(computed[f"initial/{name}/{weight_name}"])
    for step in range(dropout_trained.STEPS):
        x, reference = (
            computed[f"{name}/{side}/{step}"] for side in ("input", "output")
        )
        outputs, _ = loop(x, training=True)
        np.testing.assert_array_equal(outputs.numpy() == 0, reference == 0, strict=True)
        if step == 0:  # 1.15.5 went on with other weights
            # tanh and sigmoid are other polynomials than in 1.15. Another mask of the
            # inputs or of the state would be a million times as far off.
            assert normwise_error(reference, outputs.numpy()) < 16


def test_a_listed_wrapper_drops_what_1_15_5_dropped(trained):
    listed, computed = trained
    # Each draw is listed by itself: the program had one wrapper for all of them.
    wrappers = [
        in_tf2(operation.tf2, cell=recurrent.BasicLSTMCell(8))
        for operation in listed.values()
        if operation.tf2.startswith("recurrent.DropoutWrapper")
    ]
    names = ("input_keep_prob", "output_keep_prob", "state_keep_prob")
    shares = {
        name: min(getattr(wrapper, name) for wrapper in wrappers) for name in names
    }
    assert list(shares.values()) == [0.9, 0.8, 0.7]
    cell = recurrent.DropoutWrapper(
        recurrent.BasicLSTMCell(8), **shares, seed=wrappers[0].seed
    )
    require_masks(cell, computed, "seeded")


def test_a_listed_dropout_of_a_loop_draws_once_for_each_time_step(trained):
    listed, computed = trained
    text = the_one_within(listed, "unseeded/while").tf2
    layer = in_tf2(text, keep_prob=dropout_trained.KEEP_PROB)
    for step in range(dropout_trained.STEPS):
        reference = computed[f"unseeded/output/{step}"]
        for time in range(reference.shape[1]):
            dropped = layer(np.ones_like(reference[:, time]), training=True).numpy()
            np.testing.assert_array_equal(
                dropped == 0, reference[:, time] == 0, strict=True
            )


def test_a_wrapper_without_a_seed_drops_as_1_15_5_did_by_the_seed_of_its_op(trained):
    listed, computed = trained
    seed = the_one_within(listed, "unseeded/while").seed
    cell = recurrent.DropoutWrapper(
        recurrent.GRUCell(7),
        output_keep_prob=dropout_trained.KEEP_PROB,
        seed={"output_0": seed},
        fed=True,
    )
    require_masks(cell, computed, "unseeded")


def test_a_listed_variational_mask_is_that_of_1_15_5(trained):
    listed, computed = trained
    text = listed["random_uniform_1/RandomUniform"].tf2
    dropped_in_all = 0
    for step in range(dropout_trained.STEPS):
        reference = computed[f"variational/output/{step}"]
        shape = [1, reference.shape[-1]]  # one mask for all sequences and time steps
        drawn = 256 * step * shape[-1]
        uniform = in_tf2(
            text.replace("seed=", "drawn=drawn, seed="), shape=shape, drawn=drawn
        )
        dropped = np.floor(np.float32(0.9) + uniform.numpy()) == 0
        np.testing.assert_array_equal(
            np.broadcast_to(dropped, reference.shape), reference == 0, strict=True
        )
        dropped_in_all += dropped.sum()
    assert dropped_in_all


# ---- any graph of today's


def of_1_15(x, rate, seed):
    """1.15's ``tf.nn.dropout`` in today's ops."""
    rate = tf1.convert_to_tensor(rate, x.dtype)
    kept = tf1.random_uniform(tf1.shape(x), seed=seed, dtype=x.dtype) >= rate
    return x * (1 / (1 - rate)) * tf1.cast(kept, x.dtype)


def of_today(x, rate, seed):
    return tf1.nn.dropout(x, rate=rate, seed=seed)


AGES = {"1.15": of_1_15, "compat.v1": of_today}
KEEP_PROBS = st.sampled_from([0.5, 0.9, 0.37, 1 / 3, 0.001, 0.03, 0.87])


@pytest.mark.slow
@given(
    age=st.sampled_from(sorted(AGES)),
    keep_probs=st.lists(KEEP_PROBS | st.none(), min_size=1, max_size=3),
    rows=st.none() | st.just(5),
    trains=st.booleans(),
    dtype=st.sampled_from(["float32", "float64", "float16"]),
)
@example("1.15", [0.8, None, 0.8], None, True, "float32")
@example("compat.v1", [0.8, None, 0.8], 5, True, "float32")
def test_any_chain_of_dropouts_is_found_and_drops_the_same(
    age, keep_probs, rows, trains, dtype
):
    """``None`` is a keep_prob that is fed."""
    given_share = 0.75

    def build():
        net = tf1.placeholder(dtype, [rows, 9], name="x")
        fed = tf1.placeholder(dtype, [], name="keep_prob")
        tensors = [net]
        for number, keep_prob in enumerate(keep_probs):
            rate = 1 - fed if keep_prob is None else 1 - keep_prob
            net = net * tf1.get_variable(f"scale_{number}", [9], dtype)
            tensors.append(net)
            net = AGES[age](net, rate, seed=40 + number)
            tensors.append(net)
        if trains:
            loss = tf1.reduce_mean(net * net)
            tf1.train.MomentumOptimizer(0.1, 0.9).minimize(loss, name="train")
        tf1.identity_n(tensors, name="tensors")

    meta_graph, graph = exported(build)
    operations = [
        operation
        for operation in seeds.random_ops(meta_graph)
        if not operation.initialises
    ]
    assert len(operations) == len(keep_probs)
    calls = [
        in_tf2(f"{operation.tf2[:-1]}, dtype={dtype!r})", keep_prob=given_share)
        for operation in operations
    ]
    for number, (layer, keep_prob) in enumerate(zip(calls, keep_probs, strict=True)):
        assert layer.seed == (87654321, 40 + number)
        assert layer.fed == (keep_prob is None)
        assert layer.scaling == age
        expected = given_share if keep_prob is None else keep_prob
        assert layer.keep_prob == pytest.approx(expected, rel=1e-2)
    apply = tf.function(
        lambda tensors: [
            layer(x, training=True) for layer, x in zip(calls, tensors, strict=True)
        ]
    )
    x = np.linspace(1, 2, 45).reshape([5, 9]).astype(dtype)
    with contextlib.closing(tf1.Session(graph=graph)) as session:
        for variable in graph.get_collection("variables"):
            session.run(variable.initializer)
        fetches = [f"tensors:{number}" for number in range(1 + 2 * len(calls))]
        for _ in range(2):
            feed = {"x:0": x, "keep_prob:0": given_share}
            _, *tensors = session.run(fetches, feed)
            dropped = apply(tensors[::2])
            for received, expected in zip(dropped, tensors[1::2], strict=True):
                assert identical(received.numpy(), expected)


def test_a_scale_that_the_layer_does_not_have_is_said():
    def build():
        x = tf1.placeholder(tf.float32, [None, 3])
        kept = tf1.random_uniform(tf1.shape(x), seed=5) >= 0.25
        x * 2.0 * tf1.cast(kept, tf.float32)

    (operation,) = seeds.random_ops(exported(build)[0])
    assert operation.tf2 == f"layers.Dropout(keep_prob=0.75, seed=(87654321, 5){LATER})"
    assert operation.remark == (
        "the same mask; TF1 scales by 2.0, the layer by 1.3333333730697632; "
        "what is dropped keeps its sign in TF1"
    )


def test_a_share_that_the_graph_computes_is_named():
    def build():
        x = tf1.placeholder(tf.float32, [None, 3])
        training = tf1.placeholder_with_default(False, [], name="training")
        keep_prob = tf1.where(training, 0.5, 1.0, name="share")
        of_1_15(x, 1 - keep_prob, seed=5)

    (operation,) = seeds.random_ops(exported(build)[0])
    text = "layers.Dropout(keep_prob, seed=(87654321, 5), fed=True)"
    assert (operation.tf2, operation.remark) == (text, "keep_prob is what share gave")


def test_what_no_layer_writes_is_not_said_to_be_one():
    def build():
        x = tf1.placeholder(tf.float32, [None, 3])
        # One decision for a row; the arithmetic of an older TF1; plain noise; a share
        # that keeps nothing, and one that is none.
        tf1.nn.dropout(x, 0.5, noise_shape=[tf1.shape(x)[0], 1], seed=1)
        tf1.nn.dropout(x, 0.5, noise_shape=tf1.shape(x[:, :1]), seed=1)
        x / 0.5 * tf1.floor(0.5 + tf1.random_uniform(tf1.shape(x), seed=2))
        tf1.random_normal([4], seed=3)
        of_1_15(x, 1.0, seed=4)
        of_1_15(x, np.nan, seed=4)

    drawn = "drawn: 256 times"
    for operation, remark in zip(
        seeds.random_ops(exported(build)[0]),
        [drawn, drawn, "a dropout of an older TF1", drawn, drawn, drawn],
        strict=True,
    ):
        assert operation.tf2.startswith("philox.") and remark in operation.remark
