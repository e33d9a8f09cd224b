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

from parity_tests.commands import seeds_table
from parity_tests.engine.ulps import identical, ulp_distance
from parity_tests.witness.listing import by_node, exported, in_tf2
from parity_tests.witness.programs import graph_seed_only
from tf1_graph import seeds

GOLDEN = pathlib.Path(__file__).parents[1] / "goldens" / "exported" / "graph_seed_only"
META = GOLDEN / "model.meta"


@pytest.fixture(scope="module")
def listed():
    """{node: RandomOp} of the .meta that 1.15.5 wrote."""
    return by_node(seeds.read(META))


@pytest.fixture(scope="module")
def computed():
    """{name: array} of what 1.15.5 computed."""
    with np.load(GOLDEN / "computed.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def test_the_list_is_in_the_order_of_the_graph_and_says_how_to_write_each_op(listed):
    written = {
        node: (operation.seed, operation.tf2) for node, operation in listed.items()
    }
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
        name: in_tf2(operation.tf2, shape=operation.shape)
        for operation in listed.values()
        for name in operation.initialises
    }
    # The list says that the graph's own ops follow: here * 2 + 1.
    scaled = by_variable.pop("scaled") * 2.0 + 1.0
    by_variable["scaled"] = lambda *_, **__: scaled

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
    initialised = {
        name for operation in listed.values() for name in operation.initialises
    }
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
    (operation,) = seeds.random_ops(meta_graph)
    assert operation.seed == (7, 0)


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
    (operation,) = seeds.random_ops(meta_graph)
    assert (operation.dtype, operation.shape, operation.initialises) == (
        dtype,
        shape,
        ["w"],
    )
    with contextlib.closing(tf1.Session(graph=graph)) as session:
        session.run("w/Assign")
        (variable,) = graph.get_collection("variables")
        started = session.run(variable)
    written = tf.function(lambda: in_tf2(operation.tf2)(tuple(shape), dtype))().numpy()
    assert ulp_distance(np.asarray(started), written).max(initial=0) == 0, operation.tf2


def test_unseeded_ops_and_seeds_in_other_places():
    def build():
        tf1.Variable(tf1.random_normal([2]), name="w")
        tf1.random_uniform([2])
        data = (
            tf.data.Dataset.range(3)
            .shuffle(3, seed=9)
            .map(lambda _: tf1.random_normal([2], seed=4))
        )
        tf1.data.make_one_shot_iterator(data).get_next()

    unseeded, alone, *others = seeds.random_ops(exported(build)[0])
    assert unseeded.seed == (0, 0) and unseeded.tf2 is None
    assert unseeded.remark.startswith("unrepeatable")
    assert unseeded.remark.endswith("take them from a checkpoint")
    assert alone.remark.endswith("take them over as data")
    assert unseeded.initialises == ["w"]
    (within,) = [other for other in others if other.op == "RandomStandardNormal"]
    assert "/" in within.node and within.seed[1] == 4


def test_an_export_without_its_defaults_lists_the_same():
    with tf.Graph().as_default():
        tf1.random_uniform([2])
        tf1.random_shuffle(tf1.range(3))
        tf1.set_random_seed(3)
        tf1.random_normal([2], seed=0)
        whole, stripped = (
            seeds.random_ops(tf1.train.export_meta_graph(strip_default_attrs=strip))
            for strip in (False, True)
        )
    assert [operation.seed for operation in whole] == [(0, 0), (0, 0), (3, 0)]
    assert stripped == whole


@pytest.mark.parametrize("computed", ["low", "high", "both"])
@pytest.mark.parametrize("kind", ["integers", "uniform", "normal", "truncated_normal"])
def test_what_the_graph_computes_is_not_written(kind, computed):
    """Neither of the two arguments may be taken for the other, or for a default."""
    dtype = "int32" if kind == "integers" else "float32"

    def build():
        low, high = (
            tf1.placeholder(dtype, []) if computed in (name, "both") else number
            for name, number in (("low", 2), ("high", 5))
        )
        draw = getattr(tf1, f"random_{kind}", getattr(tf1, kind, tf1.random_uniform))
        draw([2], low, high, dtype=dtype, seed=4)

    (operation,) = seeds.random_ops(exported(build)[0])
    graph_seed, op_seed = operation.seed
    assert operation.tf2 == (
        f"tf.raw_ops.RandomUniformInt(..., seed={graph_seed}, seed2={op_seed})"
        if kind == "integers"
        else f"philox.{kind}(shape, seed={operation.seed})"
    )


@pytest.mark.parametrize("shape", [[3, 2], [2, 3], [2, 2], [2, 2, 5]])
def test_an_orthogonal_matrix_is_known_wide_or_tall(shape):
    def build():
        tf1.set_random_seed(1)
        for name, gain in (("plain", 1.0), ("scaled", 1.5)):
            initializer = tf1.orthogonal_initializer(gain, seed=4)
            tf1.get_variable(name, shape, initializer=initializer, use_resource=False)

    meta_graph, graph = exported(build)
    operations = seeds.random_ops(meta_graph)
    assert [operation.tf2 for operation in operations] == [
        "initializers.Orthogonal(seed=(1, 4))",
        "initializers.Orthogonal(gain=1.5, seed=(1, 4))",
    ]
    with contextlib.closing(tf1.Session(graph=graph)) as session:
        session.run(["plain/Assign", "scaled/Assign"])
        started = session.run(graph.get_collection("variables"))
    for operation, value in zip(operations, started, strict=True):
        assert identical(in_tf2(operation.tf2)(tuple(shape), "float32").numpy(), value)


NEARLY_ORTHOGONAL = {
    "shifted": lambda q, sign: tf.reshape(q * sign, [3, 2]) + 2.0,
    "cut off": lambda q, sign: tf.maximum(tf.reshape(q * sign, [3, 2]), 0.5),
    "squared": lambda q, sign: tf.reshape(q * sign, [3, 2]) ** 2.0,
    "added": lambda q, sign: tf.reshape(q + sign, [3, 2]) * 2.0,
    "subtracted": lambda q, sign: tf.reshape(q - sign, [3, 2]) * 2.0,
    "positive": lambda q, sign: tf.abs(q * sign) * 2.0,
    "reversed": lambda q, sign: tf.reverse(q * sign, [0]) * 2.0,
}


@pytest.mark.parametrize("kind", NEARLY_ORTHOGONAL)
def test_what_only_resembles_an_orthogonal_matrix_is_none(kind):
    def build():
        q, r = tf.linalg.qr(tf1.random_normal([3, 2], seed=4))
        sign = tf.sign(tf.linalg.diag_part(r))
        tf1.Variable(NEARLY_ORTHOGONAL[kind](q, sign), name="w")

    (operation,) = seeds.random_ops(exported(build)[0])
    assert operation.tf2 == f"philox.normal(shape, seed={operation.seed})"


def test_what_no_op_scales_is_drawn_as_it_is():
    arguments = {"shape": [2], "dtype": "float32", "seed": 1, "seed2": 4}

    def build():
        for number, op in enumerate(("RandomStandardNormal", "TruncatedNormal")):
            tf1.Variable(getattr(tf.raw_ops, op)(**arguments), name=f"w{number}")

    assert [operation.tf2 for operation in seeds.random_ops(exported(build)[0])] == [
        "initializers.RandomNormal(seed=(1, 4))",
        "initializers.TruncatedNormal(seed=(1, 4))",
    ]


def test_an_op_that_takes_two_numbers_is_not_taken_for_another():
    def build():
        tf.raw_ops.ParameterizedTruncatedNormal(
            shape=[2], means=0.0, stdevs=1.0, minvals=-1.0, maxvals=1.0, seed=1, seed2=4
        )

    (operation,) = seeds.random_ops(exported(build)[0])
    assert operation.tf2 == (
        "tf.raw_ops.ParameterizedTruncatedNormal(..., seed=1, seed2=4)"
    )


@pytest.mark.parametrize(
    "number, expected",
    [
        (-0.036514837, "-0.036514837"),  # of twelve characters
        (-0.0036514837, "-3.6514837e-03"),
        (1.0, "1.0"),
        (1e30, "1.0e+30"),
    ],
)
def test_a_number_is_written_as_shortly_as_it_can_be_read(number, expected):
    assert seeds._number(np.float32(number)) == expected
    assert np.float32(float(expected)) == np.float32(number)


@pytest.mark.parametrize(
    "op, inputs",
    [
        ("RandomDataset", "seed seed2"),
        ("ShuffleDataset", "data size seed seed2"),
        ("ShuffleAndRepeatDataset", "data size seed seed2 count"),
    ],
)
def test_orders_of_data_are_listed_but_not_written(op, inputs):
    graph_def = tf1.GraphDef()
    for name, value in (("seed", 3), ("seed2", 4), ("size", 5), ("count", 6)):
        node = graph_def.node.add(name=name, op="Const")
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.int64))
    graph_def.node.add(name="ordered", op=op, input=inputs.split())
    (operation,) = seeds.random_ops(tf1.MetaGraphDef(graph_def=graph_def))
    assert (operation.seed, operation.tf2) == ((3, 4), None)
    assert "as data" in operation.remark


@pytest.mark.parametrize(
    "shape, fans", [([3, 5], 8), ([2, 3, 5, 7], 72), ([1, 1], 2), ([2, 5, 7], 24)]
)
def test_the_limits_of_glorot_are_known_by_the_shape(shape, fans):
    limit = np.float32(np.sqrt(6 / fans))
    limits = {"minval": -limit, "maxval": limit}
    assert seeds._is_glorot(shape, limits)
    for wrong in (
        *({**limits, "minval": minval} for minval in (np.float32(0), -2 * limit)),
        {"minval": -2 * limit, "maxval": 2 * limit},
        {"minval": -limit / 2, "maxval": limit / 2},
    ):
        assert not seeds._is_glorot(shape, wrong)
    for others in (None, [], [5], [0, 5], [*shape, 2]):
        assert not seeds._is_glorot(others, limits)


def test_a_graph_with_a_node_missing_is_listed_all_the_same(listed):
    whole = seeds.read(META)
    number = len(whole.graph_def.node)
    for at in range(0, number, 5):
        torn = tf1.MetaGraphDef()
        torn.CopyFrom(whole)
        del torn.graph_def.node[at]
        assert set(by_node(torn)) == set(listed) - {whole.graph_def.node[at].name}


def test_the_command_prints_a_table_and_writes_the_same_as_data(
    tf_parity, tmp_path, listed, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "seeds.json"
    code, out, err = tf_parity("seeds", META, "--json", path)
    assert (code, err) == (0, "")
    lines = [line.strip() for line in out.splitlines()]
    assert max(map(len, lines)) <= 80
    whole = 0
    for operation in listed.values():
        assert f"\n{operation.seed}  " in out
        if operation.tf2 and len(operation.tf2) <= 70:  # to be copied, so unbroken
            assert operation.tf2 in lines
            whole += 1
    assert whole > 10
    assert "TensorFlow 1.15.5" in out
    data = json.loads(path.read_text())
    assert data["meta_graph"] == str(META)
    assert data["random_ops"] == [
        json.loads(json.dumps(operation.as_data())) for operation in listed.values()
    ]


def test_a_text_file_says_the_same(tmp_path, listed):
    path = tmp_path / "model.pbtxt"
    path.write_text(text_format.MessageToString(seeds.read(META)))
    assert by_node(seeds_table.read(path)) == listed


def test_a_graph_without_random_ops_is_no_mistake(tf_parity, tmp_path):
    path, report = tmp_path / "model.meta", tmp_path / "seeds.json"
    meta_graph, _ = exported(lambda: tf1.Variable(1.0))
    path.write_bytes(meta_graph.SerializeToString())
    code, out, err = tf_parity("seeds", path, "--json", report)
    assert (code, err) == (0, "")
    said = f"{path} holds no random op: there is nothing to seed."
    assert "".join(out.split()) == "".join(said.split())
    assert json.loads(report.read_text())["random_ops"] == []
