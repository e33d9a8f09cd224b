"""Claims about ``tf-parity seeds``: what it lists draws what TensorFlow 1.15.5 drew."""

import contextlib
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine.ulps import identical, ulp_distance
from parity_tests.witness.programs import graph_seed_only
from tf1_graph import seeds
from tf2_keras.tf1_semantics import initializers, layers, philox

GOLDEN = pathlib.Path(__file__).parents[1] / "goldens" / "exported" / "graph_seed_only"
META = GOLDEN / "model.meta"


@pytest.fixture(scope="module")
def listed():
    """{node: RandomOp} of the .meta that 1.15.5 wrote."""
    return {each.node: each for each in seeds.random_ops(seeds.read(META))}


@pytest.fixture(scope="module")
def computed():
    """{name: array} of what 1.15.5 computed."""
    with np.load(GOLDEN / "computed.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def in_tf2(text, **names):
    """What the listed Python gives; it is what a user pastes."""
    return eval(
        text,
        {"initializers": initializers, "layers": layers, "philox": philox, "tf": tf},
        names,
    )


def exported(build):
    """The MetaGraphDef of what ``build`` builds, and the graph."""
    with tf1.Graph().as_default() as graph:
        build()
        return tf1.train.export_meta_graph(), graph


def test_the_list_is_in_the_order_of_the_graph_and_says_how_to_write_each_op(listed):
    written = {node: (each.seed, each.tf2) for node, each in listed.items()}
    assert list(written.items()) == [
        (
            "convolution/kernel/Initializer/random_uniform/RandomUniform",
            (
                (7, 5),
                "initializers.RandomUniform(-0.36514837, 0.36514837, seed=(7, 5))",
            ),
        ),
        (
            "by_default/kernel/Initializer/random_uniform/RandomUniform",
            (
                (7, 31),
                "initializers.RandomUniform(-0.19611613, 0.19611613, seed=(7, 31))",
            ),
        ),
        (
            "dropout/random_uniform/RandomUniform",
            ((7, 44), "layers.Dropout(keep_prob=0.75, seed=(7, 44))"),
        ),
        (
            "xavier/weights/Initializer/random_uniform/RandomUniform",
            (
                (7, 59),
                "initializers.RandomUniform(-0.52223295, 0.52223295, seed=(7, 59))",
            ),
        ),
        (
            "contrib/dropout/random_uniform/RandomUniform",
            ((7, 77), "layers.Dropout(keep_prob=0.9, seed=(7, 77))"),
        ),
        (
            "truncated_normal/TruncatedNormal",
            ((7, 92), "initializers.TruncatedNormal(stddev=0.1, seed=(7, 92))"),
        ),
        (
            "random_normal/RandomStandardNormal",
            ((7, 103), "initializers.RandomNormal(mean=0.5, seed=(7, 103))"),
        ),
        (
            "fed/random_uniform/RandomUniform",
            ((7, 116), "layers.Dropout(keep_prob, seed=(7, 116), fed=True)"),
        ),
        (
            "random_uniform/RandomUniform",
            ((7, 131), "initializers.RandomUniform(-0.05, 0.05, seed=(7, 131))"),
        ),
        (
            "he/kernel/Initializer/truncated_normal/TruncatedNormal",
            ((7, 143), "initializers.TruncatedNormal(stddev=0.6076704, seed=(7, 143))"),
        ),
        (
            "orthogonal/kernel/Initializer/random_normal/RandomStandardNormal",
            ((7, 158), "initializers.Orthogonal(gain=1.5, seed=(7, 158))"),
        ),
        (
            "random_normal_1/RandomStandardNormal",
            ((7, 181), "philox.normal(shape, seed=(7, 181))"),
        ),
        (
            "truncated_normal_1/TruncatedNormal",
            ((7, 42), "initializers.TruncatedNormal(seed=(7, 42))"),
        ),
        ("shuffled", ((7, 204), "tf.raw_ops.RandomShuffle(..., seed=7, seed2=204)")),
        (
            "integers",
            (
                (7, 208),
                "initializers.RandomUniform(0, 10, seed=(7, 208))(shape, 'int32')",
            ),
        ),
        (
            "drawn/Multinomial",
            ((7, 209), "tf.raw_ops.Multinomial(..., seed=7, seed2=209)"),
        ),
    ]
    first = next(iter(listed.values()))
    assert first == seeds.RandomOp(
        node="convolution/kernel/Initializer/random_uniform/RandomUniform",
        op="RandomUniform",
        dtype="float32",
        shape=[3, 3, 1, 4],
        seed=(7, 5),
        initialises=["convolution/kernel"],
        tf2="initializers.RandomUniform(-0.36514837, 0.36514837, seed=(7, 5))",
        remark="the limits of GlorotUniform, the default",
    )
    assert listed["integers"].dtype == "int32"


def twin(listed):
    """A Keras model of the same kernels, started by what the list says."""
    by_variable = {
        name: in_tf2(each.tf2, shape=each.shape)
        for each in listed.values()
        for name in each.initialises
    }
    # The list says that the graph's own ops follow: here * 2 + 1.
    scaled = by_variable.pop("scaled") * 2.0 + 1.0
    by_variable["scaled"] = lambda *_shape, **_dtype: scaled

    def dense(units, variable):
        return keras.layers.Dense(units, kernel_initializer=by_variable[variable])

    model = keras.Sequential(
        [
            keras.Input([8, 8, 1]),
            keras.layers.Conv2D(
                4, 3, kernel_initializer=by_variable["convolution/kernel"]
            ),
            keras.layers.Flatten(),
            dense(12, "by_default/kernel"),
            dense(10, "xavier/weights"),
            dense(9, "truncated"),
            dense(8, "normal"),
            dense(7, "uniform"),
            dense(6, "he/kernel"),
            dense(5, "orthogonal/kernel"),
            dense(4, "scaled"),
            dense(3, "with_a_seed"),
        ]
    )
    kernels = [layer.kernel.numpy() for layer in model.layers if layer.weights]
    return dict(
        zip(
            [
                "convolution/kernel",
                "by_default/kernel",
                "xavier/weights",
                "truncated",
                "normal",
                "uniform",
                "he/kernel",
                "orthogonal/kernel",
                "scaled",
                "with_a_seed",
            ],
            kernels,
            strict=True,
        )
    )


def test_a_keras_twin_starts_with_the_values_of_1_15_5_to_the_bit(listed, computed):
    kernels = twin(listed)
    initialised = {name for each in listed.values() for name in each.initialises}
    assert initialised == set(kernels)
    for name, kernel in kernels.items():
        assert identical(kernel, computed[f"initial/{name}"]), name


def test_without_the_list_today_s_tensorflow_starts_with_other_values(computed):
    def build():
        tf1.set_random_seed(graph_seed_only.GRAPH_SEED)
        tf1.get_variable("by_default/kernel", [144, 12])

    meta_graph, graph = exported(build)
    with contextlib.closing(tf1.Session(graph=graph)) as session:
        session.run("by_default/kernel/Assign")
        (variable,) = graph.get_collection("variables")
        started = session.run(variable)
    of_1_15 = computed["initial/by_default/kernel"]
    assert started.shape == of_1_15.shape
    assert np.mean(started == of_1_15) < 0.01  # the same limits, other numbers
    assert [each.seed for each in seeds.random_ops(meta_graph)] == [(7, 0)]


@pytest.mark.parametrize("name", graph_seed_only.DROPOUTS)
def test_listed_dropouts_drop_what_1_15_5_dropped(listed, computed, name):
    (each,) = [
        each
        for each in listed.values()
        if each.node.startswith(name + "/") and "Dropout" in each.tf2
    ]
    layer = in_tf2(each.tf2, keep_prob=graph_seed_only.KEEP_PROB)
    x = graph_seed_only.dropout_input(name)
    apply = tf.function(lambda x: layer(x, training=True))
    one = np.float32(1)
    rate = np.float32(1 - layer.keep_prob)
    for run in range(graph_seed_only.RUNS):
        reference, dropped = computed[f"{name}/{run}"], apply(x).numpy()
        mask = dropped != 0
        assert 0 < mask.sum() < mask.size
        assert np.array_equal(mask, reference != 0)
        assert ulp_distance(reference, dropped, signed_zeros=False).max() <= 1
        # What 1.15 computed besides: a product with the inverse, and the zero's sign.
        assert identical(x * (one / (one - rate)) * mask.astype(np.float32), reference)


@pytest.mark.parametrize("keep_prob", [0.001, 0.03, 1 / 3, 0.5, 0.87])
def test_the_listed_keep_prob_gives_the_scale_of_1_15(keep_prob):
    def build():
        # 1.15's tf.nn.dropout in today's ops; it took half of all rates' inverses from
        # a difference that was rounded to float32 before.
        x = tf1.placeholder(tf.float32, [None, 99], name="x")
        rate = tf1.constant(1 - keep_prob)
        kept = tf1.random_uniform(tf1.shape(x), seed=5) >= rate
        tf1.multiply(x * (1 / (1 - rate)), tf1.cast(kept, tf.float32), name="dropped")

    meta_graph, graph = exported(build)
    (each,) = seeds.random_ops(meta_graph)
    layer = in_tf2(each.tf2)
    x = np.linspace(1, 2, 990, dtype=np.float32).reshape([10, 99])
    with contextlib.closing(tf1.Session(graph=graph)) as session:
        reference = session.run("dropped:0", {"x:0": x})
    assert identical(tf.function(layer)(x, training=True).numpy(), reference)
    assert each.remark == "the same mask"


def test_a_scale_that_the_layer_does_not_have_is_said():
    def build():
        x = tf1.placeholder(tf.float32, [None, 3])
        kept = tf1.random_uniform(tf1.shape(x), seed=5) >= 0.25
        x * 2.0 * tf1.cast(kept, tf.float32)

    (each,) = seeds.random_ops(exported(build)[0])
    assert each.tf2 == "layers.Dropout(keep_prob=0.75, seed=(87654321, 5))"
    said = "the same mask; TF1 scales by 2.0, the layer by 1.333"
    assert each.remark.startswith(said)


def test_listed_raw_ops_and_integers_draw_as_1_15_5(listed, computed):
    logits = tf.constant(graph_seed_only.FED[1])
    shuffled, drawn = (
        in_tf2("lambda x: " + listed[node].tf2.replace("(...,", f"({arguments},"))
        for node, arguments in (
            ("shuffled", "value=x"),
            ("drawn/Multinomial", "logits=x, num_samples=2"),
        )
    )
    for name, kernel in (("shuffled", shuffled), ("drawn", drawn)):
        signature = [tf.TensorSpec(logits.shape, logits.dtype)]
        step = tf.function(kernel, input_signature=signature)
        for run in range(graph_seed_only.RUNS):
            assert identical(step(logits).numpy(), computed[f"{name}/{run}"]), name
    integers = in_tf2(listed["integers"].tf2, shape=listed["integers"].shape)
    assert identical(integers.numpy(), computed["integers/0"])
    assert listed["integers"].remark == "the first draw only"


SEEDS = st.integers(-(2**31), 2**31 - 1)
# No denormals: a Session that folds its constants flushes them.
NUMBERS = st.floats(-4, 4, width=16, allow_subnormal=False) | st.integers(
    -4000, 4000
).map(lambda thousandths: thousandths / 1000)


@given(
    seed=st.tuples(SEEDS | st.none(), SEEDS).filter(lambda seed: seed[1] != 0),
    kind=st.sampled_from(["random_uniform", "random_normal", "truncated_normal"]),
    first=NUMBERS,
    second=NUMBERS,
    dtype=st.sampled_from(["float32", "float64", "float16"]),
    shape=st.lists(st.integers(1, 4), max_size=3),
    use_resource=st.booleans(),
)
def test_any_initial_value_is_written_to_the_bit(
    seed, kind, first, second, dtype, shape, use_resource
):
    def build():
        if seed[0] is not None:
            tf1.set_random_seed(seed[0])
        value = getattr(tf1, kind)(shape, first, second, dtype=dtype, seed=seed[1])
        tf1.Variable(value, name="w", use_resource=use_resource)

    meta_graph, graph = exported(build)
    (each,) = seeds.random_ops(meta_graph)
    assert (each.dtype, each.shape, each.initialises) == (dtype, shape, ["w"])
    with contextlib.closing(tf1.Session(graph=graph)) as session:
        session.run("w/Assign")
        (variable,) = graph.get_collection("variables")
        started = session.run(variable)
    written = tf.function(lambda: in_tf2(each.tf2)(tuple(shape), dtype))().numpy()
    assert ulp_distance(np.asarray(started), written).max(initial=0) == 0, each.tf2


@pytest.mark.parametrize("keep_prob", [0.5, 0.9, 0.37, 1 / 3])
def test_a_dropout_of_a_later_compat_v1_is_found_too(keep_prob):
    def build():
        tf1.nn.dropout(tf1.placeholder(tf.float32, [None, 3]), keep_prob, seed=5)
        tf1.nn.dropout(tf1.placeholder(tf.float32, [2, 3]), keep_prob, seed=6)

    first, second = seeds.random_ops(exported(build)[0])
    assert in_tf2(first.tf2).keep_prob == pytest.approx(keep_prob, rel=1e-15)
    assert in_tf2(second.tf2).seed == (87654321, 6)
    assert first.remark == ""


def test_what_no_layer_writes_is_not_said_to_be_one():
    def build():
        x = tf1.placeholder(tf.float32, [None, 3])
        # One decision for a row; the arithmetic of TF1 before 1.13; plain noise.
        tf1.nn.dropout(x, 0.5, noise_shape=[tf1.shape(x)[0], 1], seed=1)
        tf1.nn.dropout(x, 0.5, noise_shape=tf1.shape(x[:, :1]), seed=1)
        x / 0.5 * tf1.floor(0.5 + tf1.random_uniform(tf1.shape(x), seed=2))
        tf1.random_normal([4], seed=3)

    for each, remark in zip(
        seeds.random_ops(exported(build)[0]),
        [*["drawn: 256 times"] * 2, "a dropout of an older TF1", "drawn: 256 times"],
        strict=True,
    ):
        assert each.tf2.startswith("philox.") and remark in each.remark


def test_unseeded_ops_and_seeds_in_other_places():
    def build():
        tf1.Variable(tf1.random_normal([2]), name="w")
        tf1.random_uniform([2])
        data = (
            tf.data.Dataset.range(3)
            .shuffle(3, seed=9)
            .map(lambda _element: tf1.random_normal([2], seed=4))
        )
        tf1.data.make_one_shot_iterator(data).get_next()

    unseeded, alone, *others = seeds.random_ops(exported(build)[0])
    assert unseeded.seed == (0, 0) and unseeded.tf2 is None
    assert unseeded.remark.startswith("unrepeatable")
    assert unseeded.remark.endswith("take them from a checkpoint")
    assert alone.remark.endswith("take them over as data")
    assert unseeded.initialises == ["w"]
    (within,) = [each for each in others if each.op == "RandomStandardNormal"]
    assert "/" in within.node and within.seed[1] == 4


def test_orders_of_data_are_listed_but_not_written():
    graph_def = tf1.GraphDef()
    for name, value in (("seed", 3), ("seed2", 4)):
        node = graph_def.node.add(name=name, op="Const")
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.int64))
    graph_def.node.add(
        name="shuffled", op="ShuffleDataset", input=["data", "size", "seed", "seed2"]
    )
    (each,) = seeds.random_ops(tf1.MetaGraphDef(graph_def=graph_def))
    assert (each.seed, each.tf2) == ((3, 4), None) and "as data" in each.remark


def test_a_graph_with_a_node_missing_is_listed_all_the_same(listed):
    whole = seeds.read(META)
    number = len(whole.graph_def.node)
    for at in range(0, number, 5):
        torn = tf1.MetaGraphDef()
        torn.CopyFrom(whole)
        del torn.graph_def.node[at]
        found = {each.node for each in seeds.random_ops(torn)}
        assert found == set(listed) - {whole.graph_def.node[at].name}


def test_the_command_prints_a_table_and_writes_the_same_as_data(
    tf_parity, tmp_path, listed
):
    path = tmp_path / "seeds.json"
    code, out, err = tf_parity("seeds", META, "--json", path)
    assert (code, err) == (0, "")
    squeezed = "".join(character for character in out if character not in " │\n")
    for each in listed.values():
        assert str(each.seed).replace(" ", "") in squeezed
    assert "TensorFlow 1.15.5" in out
    data = json.loads(path.read_text())
    assert data["meta_graph"] == str(META)
    assert data["random_ops"] == [
        json.loads(json.dumps(each.as_data())) for each in listed.values()
    ]


def test_a_text_file_says_the_same(tmp_path, listed):
    path = tmp_path / "model.pbtxt"
    path.write_text(text_format.MessageToString(seeds.read(META)))
    assert seeds.random_ops(seeds.read(path)) == list(listed.values())


def test_a_graph_without_random_ops_is_no_mistake(tf_parity, tmp_path):
    path, report = tmp_path / "model.meta", tmp_path / "seeds.json"
    meta_graph, _ = exported(lambda: tf1.Variable(1.0))
    path.write_bytes(meta_graph.SerializeToString())
    code, out, err = tf_parity("seeds", path, "--json", report)
    assert (code, out, err) == (
        0,
        f"{path} holds no random op: there is nothing to seed.\n",
        "",
    )
    assert json.loads(report.read_text())["random_ops"] == []


def test_a_bad_file_is_one_line_and_exit_code_2(tf_parity, tmp_path):
    whole = META.read_bytes()
    contents = {
        "empty": b"",
        "text": b"hello, world\n",
        "zeros": bytes(100),
        "archive": (GOLDEN / "computed.npz").read_bytes(),
        "graph": seeds.read(META).graph_def.SerializeToString(),
        "parsed as nothing": b"\x7a\x00",
        **{f"cut at {at}": whole[:at] for at in (1, 10, 1000, len(whole) // 2)},
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for path in (*map(tmp_path.joinpath, contents), tmp_path, tmp_path / "missing"):
        code, out, err = tf_parity("seeds", path, "--json", tmp_path / "seeds.json")
        assert code == 2 and out == "", path
        assert len(err.strip().splitlines()) == 1, err
        assert "must name a" in err and f"Received: {path}" in err
        assert not (tmp_path / "seeds.json").exists()
