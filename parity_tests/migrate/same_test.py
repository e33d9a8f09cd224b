"""Functions that compute the same under the name that TF2 has for them.

One graph holds every row of ROWS in its TF1 form, one tf.function in its TF2 form; both
get the same drawn values and have to agree to the bit.
"""

import contextlib
import functools

import absl.app
import absl.flags
import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine.ulps import identical
from parity_tests.migrate.renamed_rows import (
    BEFORE_1_15,
    PARAGRAPHS,
    SYMBOLS,
    random_rows,
    rows,
)
from parity_tests.witness import api
from tf2_keras.migrate import catalogue

SHAPES = {
    "x": [None, 3],
    "y": [None, 3],
    "unit": [None, 3],
    "over_one": [None, 3],
    "positive": [None, 3],
    "square": [3, 3],
    "definite": [3, 3],
    "logits": [None, 4],
    "onehot": [None, 4],
    "images": [2, 8, 8, 4],
    "colours": [2, 8, 8, 3],
    "kernel": [3, 3, 4, 4],
    "pointwise": [1, 1, 16, 3],
}
WHOLE = {
    "labels": [None],
    "counts": [None, 2],
    "pairs": [None, 2],
    "sorted_ids": [None],
}


def inputs(seed, awkward):
    """{name: array}: four examples; zeros, ties and large values if ``awkward``."""
    generator = np.random.default_rng(seed)
    shapes = {
        name: [4 if size is None else size for size in shape]
        for name, shape in SHAPES.items()
    }
    values = {
        name: generator.normal(size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    if awkward:
        for name in ("x", "y", "images", "logits"):
            flat = values[name].reshape(-1)
            flat[generator.integers(0, flat.size, flat.size // 2)] = 0.0
            flat[generator.integers(0, flat.size, flat.size // 4)] = 1.5
            flat[generator.integers(0, flat.size, 1)] = 80.0
            flat[generator.integers(0, flat.size, 1)] = -0.0
    values["unit"] = np.clip(values["unit"] / 4, -0.99, 0.99)
    values["over_one"] = 1 + np.abs(values["over_one"])
    values["positive"] = np.abs(values["positive"]) + np.float32(1e-3)
    values["definite"] += 6 * np.eye(3, dtype=np.float32)
    values["colours"] = np.clip(np.abs(values["colours"]) / 3, 0, 1).astype(np.float32)
    values["truth"] = generator.integers(0, 2, 4).astype(bool)
    values["labels"] = generator.integers(0, 4, 4).astype(np.int32)
    values["counts"] = generator.integers(0, 3, [4, 2]).astype(np.int32)
    values["pairs"] = np.array([[0, 2], [3, 1]], np.int32)
    values["sorted_ids"] = np.sort(generator.integers(0, 3, 4)).astype(np.int32)
    values["onehot"] = np.eye(4, dtype=np.float32)[values["labels"]]
    return values


def specs():
    return {
        **{name: (shape, tf.float32) for name, shape in SHAPES.items()},
        **{name: (shape, tf.int32) for name, shape in WHOLE.items()},
        "truth": ([None], tf.bool),
    }


def sampled_candidates():
    """What a candidate sampler gave, the same for both sides."""
    return (
        tf.constant([0, 3], tf.int64),
        tf.constant([[0.5]] * 4),
        tf.constant([0.5, 0.25]),
    )


def namespace(module, tensors):
    return {"tf": module, **tensors, "sampled": sampled_candidates()}


def first_tensor(value):
    return value[0] if isinstance(value, (list, tuple)) else value


@functools.cache
def both_sides(paragraph):
    """({name: array}) -> results of the graph, and of the tf.function; and the Session."""
    names = specs()
    graph = tf1.Graph()
    with graph.as_default():
        fed = {
            name: tf1.placeholder(dtype, shape)
            for name, (shape, dtype) in names.items()
        }
        tensors = [
            first_tensor(eval(as_of_1_15(symbol, before), namespace(tf1, fed)))
            for symbol, before, _ in rows(paragraph)
        ]
    session = tf1.Session(graph=graph)

    @tf.function(
        input_signature=[
            {
                name: tf.TensorSpec(shape, dtype)
                for name, (shape, dtype) in names.items()
            }
        ]
    )
    def function(values):
        return [
            first_tensor(eval(after, namespace(tf, values)))
            for _, _, after in rows(paragraph)
        ]

    def run_graph(values):
        return session.run(tensors, {fed[name]: values[name] for name in fed})

    def run_function(values):
        results = function({name: tf.constant(values[name]) for name in names})
        return [result.numpy() for result in results]

    return run_graph, run_function, session


def as_of_1_15(symbol, expression):
    known = BEFORE_1_15.get(symbol)
    return expression.replace(symbol, known, 1) if known else expression


def results(values):
    """[(row, TF1's result, TF2's result)] of every row."""
    triples = []
    for paragraph in PARAGRAPHS:
        run_graph, run_function, _ = both_sides(paragraph)
        sides = run_graph(values), run_function(values)
        triples += zip(rows(paragraph), *sides, strict=True)
    return [(row, np.asarray(old), np.asarray(new)) for row, old, new in triples]


def agree(old, new):
    """Whether dtype, shape and every bit are equal; one NaN is like another."""
    if (old.dtype, old.shape) != (new.dtype, new.shape):
        return False
    if old.tobytes() == new.tobytes():
        return True
    if old.dtype.kind != "f":
        return False
    nan = np.isnan(old) & np.isnan(new)
    return np.where(nan, 0, old).tobytes() == np.where(nan, 0, new).tobytes()


@pytest.fixture(scope="module", autouse=True)
def _closed_sessions():
    yield
    for paragraph in PARAGRAPHS:
        both_sides(paragraph)[2].close()
    both_sides.cache_clear()


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), awkward=st.booleans())
@example(seed=0, awkward=False)
@example(seed=0, awkward=True)
def test_functions_are_bit_equal_under_their_new_names(seed, awkward):
    different = [
        (row[1], old, new)
        for row, old, new in results(inputs(seed, awkward))
        if not agree(old, new)
    ]
    assert different == []


@pytest.mark.slow
def test_one_changed_bit_in_any_row_is_seen():
    for row, old, new in results(inputs(1, False)):
        if not new.size:
            continue
        changed = np.array(new)
        changed.reshape(-1).view(np.uint8)[0] ^= 1
        assert not agree(old, changed), row
        assert not agree(old, changed.reshape(1, *changed.shape)), row


def test_what_the_catalogue_takes_from_here_is_here():
    """Every rule whose evidence is the comparison above has a row in it."""
    name = "same_test.py::test_functions_are_bit_equal_under_their_new_names"
    named = {
        rule.symbol
        for rule in catalogue.rules().exact.values()
        if rule.evidence.endswith(name)
    }
    proofs = {
        symbol
        for symbol, evidence in catalogue.rules().proofs.items()
        if evidence.endswith(name)
    }
    assert sorted((named | proofs) - set(SYMBOLS)) == []
    elsewhere = set(catalogue.rules().exact)  # with evidence of their own
    assert sorted(set(SYMBOLS) - named - proofs - elsewhere) == []


def test_the_old_name_and_the_new_one_are_one_object():
    """What tf1_api.tsv calls identical is identical in this TensorFlow."""
    table = [row for row in catalogue.api().values() if row.successor == "identical"]
    assert len(table) > 2000
    relations = {
        row.symbol: api.relation_of(tf, row.symbol, row.signature) for row in table
    }
    assert {s: r for s, r in relations.items() if r != "identical"} == {}


def test_names_that_do_not_exist_today_do_not_exist_today():
    gone = [
        row.symbol
        for row in catalogue.api().values()
        if row.in_tf1 and not row.in_compat_v1 and row.kind != "method"
    ]
    still = [symbol for symbol in gone if api.exists(tf1, symbol)]
    assert still == [] and len(gone) > 1500


@pytest.mark.slow
@given(graph_seed=st.integers(0, 2**31 - 1), op_seed=st.integers(0, 2**31 - 1))
@example(graph_seed=1, op_seed=11)
def test_seeded_random_ops_are_bit_equal_call_by_call(graph_seed, op_seed):
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        tf1.set_random_seed(graph_seed)
        drawn = [eval(before, {"tf": tf1, "s": op_seed}) for before, _ in random_rows()]
        first, second = session.run(drawn), session.run(drawn)
    for (before, after), *expected in zip(random_rows(), first, second, strict=True):
        # Eager kernels are shared among calls with equal attributes: begin anew.
        tf.random.set_seed(graph_seed)
        for numbers in expected:
            received = eval(after, {"tf": tf, "s": op_seed}).numpy()
            assert identical(numbers, received), before


def test_keras_layers_compute_what_the_ops_of_tf_layers_did():
    """tf.layers is gone: its ops, in a graph, against the layers that take its place."""
    values = inputs(5, True)
    x, images = values["x"], values["images"]
    kernel, pointwise = values["kernel"], values["pointwise"]
    square, bias = values["square"], np.float32([0.1, 0.2, 0.3])
    wide = np.float32([0.1, 0.2, 0.3, 0.4])
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        a, b = (
            tf1.placeholder(tf.float32, [None, 3]),
            tf1.placeholder(tf.float32, [None, 8, 8, 4]),
        )
        expected = session.run(
            {
                "dense": tf1.nn.relu(tf1.nn.bias_add(tf1.matmul(a, square), bias)),
                "conv": tf1.nn.relu(
                    tf1.nn.bias_add(
                        tf1.nn.conv2d(b, kernel, [1, 2, 2, 1], "SAME"), wide
                    )
                ),
                "valid": tf1.nn.bias_add(
                    tf1.nn.conv2d(b, kernel, [1, 1, 1, 1], "VALID"), wide
                ),
                "transposed": tf1.nn.bias_add(
                    tf1.nn.conv2d_transpose(
                        b, kernel, [4 // 2, 16, 16, 4], [1, 2, 2, 1], "SAME"
                    ),
                    wide,
                ),
                "separable": tf1.nn.bias_add(
                    tf1.nn.separable_conv2d(b, kernel, pointwise, [1, 1, 1, 1], "SAME"),
                    bias,
                ),
                "maximum": tf1.nn.max_pool(b, [1, 3, 3, 1], [1, 2, 2, 1], "VALID"),
                "average": tf1.nn.avg_pool(b, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"),
                "flat": tf1.reshape(b, [-1, 8 * 8 * 4]),
            },
            {a: x, b: images},
        )
    layers = keras.layers
    layers_by_name = {
        "dense": (layers.Dense(3, "relu"), x, [square, bias]),
        "conv": (
            layers.Conv2D(4, 3, 2, "same", activation="relu"),
            images,
            [kernel, wide],
        ),
        "valid": (layers.Conv2D(4, 3), images, [kernel, wide]),
        "transposed": (layers.Conv2DTranspose(4, 3, 2, "same"), images, [kernel, wide]),
        "separable": (
            layers.SeparableConv2D(3, 3, padding="same", depth_multiplier=4),
            images,
            [kernel, pointwise, bias],
        ),
        "maximum": (layers.MaxPooling2D(3, 2), images, []),
        "average": (layers.AveragePooling2D(2), images, []),
        "flat": (layers.Flatten(), images, []),
    }
    for name, (layer, data, weights) in layers_by_name.items():
        layer.build(data.shape)
        layer.set_weights(weights)
        received = tf.function(layer)(tf.constant(data)).numpy()
        assert agree(expected[name], received), name


def test_tf2_is_eager_and_compares_values():
    assert tf.executing_eagerly()
    assert bool((tf.constant([1.0, 2.0]) == tf.constant([1.0, 2.0]))[1])
    assert hasattr(tf.Variable(1.0), "handle")  # a resource variable


def test_an_assertion_runs_where_it_stands():
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.debugging.assert_equal(1, 2)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.debugging.Assert(tf.constant(False), [0])
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        number = tf1.placeholder(tf.int32, [])
        tf1.assert_equal(number, 2)  # nothing depends on it
        assert session.run(tf1.identity(number), {number: 1}) == 1


def test_a_condition_of_one_axis_chose_rows_and_now_chooses_columns():
    condition = np.array([True, False, False])
    x = np.arange(9.0).reshape(3, 3)
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        rows_chosen = session.run(tf1.where(condition, x, -x))
    columns_chosen = tf.where(condition, x, -x).numpy()
    assert identical(rows_chosen, np.where(condition[:, None], x, -x))
    assert identical(columns_chosen, np.where(condition, x, -x))
    assert (rows_chosen != columns_chosen).any()
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.where(np.array([True, False]), np.ones([2, 3]), np.zeros([2, 3]))


def test_div_drops_the_remainder_of_integers():
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        old = session.run(tf1.div(tf1.constant([7, -7]), 2))
    assert identical(old, (tf.constant([7, -7]) // 2).numpy())
    assert identical(tf.divide(tf.constant([7, -7]), 2).numpy(), np.array([3.5, -3.5]))


def test_split_strings_were_sparse_and_are_ragged():
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        text = tf1.constant(["a b", "c"])
        olds = session.run([tf1.string_split(text), tf1.strings.split(text)])
    new = tf.strings.split(tf.constant(["a b", "c"]))
    assert isinstance(new, tf.RaggedTensor)
    for old in olds:
        assert isinstance(old, tf1.SparseTensorValue)
        assert old.values.tolist() == new.to_sparse().values.numpy().tolist()
        assert identical(old.indices, new.to_sparse().indices.numpy())


def test_a_dimension_is_a_number():
    assert tf.ones([2, 3]).shape[1] == 3 and isinstance(tf.ones([2, 3]).shape[1], int)
    assert tf.TensorShape([None, 3])[0] is None
    assert tf.__version__ == tf1.VERSION == tf.version.VERSION


def test_a_list_of_tables_was_dealt_out_in_turn_and_is_now_cut_in_pieces():
    tables, ids = [np.float32([[0], [2]]), np.float32([[1], [3]])], [0, 1, 2, 3]
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        old = session.run(tf1.nn.embedding_lookup(tables, ids))
    new = tf.nn.embedding_lookup(tables, ids).numpy()
    assert identical(old, np.float32([[0], [1], [2], [3]]))
    assert identical(new, np.float32([[0], [2], [1], [3]]))


def test_a_device_is_chosen_by_name():
    with tf1.Graph().as_default(), tf1.device("/cpu:0"):
        assert tf1.constant(1).device.lower().endswith("cpu:0")
    with tf.device("/cpu:0"):
        assert tf.constant(1).device.lower().endswith("cpu:0")


def test_data_sets_give_the_same_elements():
    def elements(module):
        dataset = module.data.Dataset.from_tensor_slices(np.arange(12))
        dataset = dataset.shuffle(5, seed=3).repeat(2).map(lambda n: n * 2)
        return dataset.batch(5).prefetch(1)

    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        tf1.set_random_seed(1)
        batch = tf1.data.make_one_shot_iterator(elements(tf1)).get_next()
        old = [session.run(batch) for _ in range(5)]
    tf.random.set_seed(1)
    new = [batch.numpy() for batch in elements(tf)]
    assert all(map(identical, old, new)) and len(old) == len(new)


def test_files_are_read_and_written_alike(tmp_path):
    path = str(tmp_path / "folder" / "file.txt")
    tf1.gfile.MakeDirs(str(tmp_path / "folder"))
    with tf1.gfile.FastGFile(path, "w") as file:
        file.write("text")
    with tf.io.gfile.GFile(path) as file:
        assert file.read() == "text"
    assert tf.io.gfile.exists(path) and tf1.gfile.Exists(path)
    assert tf.io.gfile.glob(path) == tf1.gfile.Glob(path) == [path]
    assert tf.io.gfile.listdir(str(tmp_path)) == tf1.gfile.ListDirectory(str(tmp_path))
    assert issubclass(tf1.gfile.GFile, tf.io.gfile.GFile)


def saved_by_a_saver(folder):
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        tf1.get_variable("dense/kernel", initializer=np.ones([3, 2], np.float32))
        session.run(tf1.global_variables_initializer())
        return tf1.train.Saver().save(session, str(folder / "old"))


def test_tf2_reads_the_checkpoints_of_a_saver(tmp_path):
    path = saved_by_a_saver(tmp_path)
    assert tf.train.latest_checkpoint(str(tmp_path)) == path
    assert tf.train.list_variables(path) == [("dense/kernel", [3, 2])]
    saved = np.ones([3, 2], np.float32)
    reader = tf.train.load_checkpoint(path)
    assert identical(reader.get_tensor("dense/kernel"), saved)
    assert identical(tf.train.load_variable(path, "dense/kernel"), saved)


def test_restoring_a_tf1_checkpoint_says_nothing_unless_it_is_asserted(tmp_path):
    path = saved_by_a_saver(tmp_path)
    model = keras.Sequential(
        [keras.Input([3]), keras.layers.Dense(2, use_bias=False, name="dense")]
    )
    first = model.layers[0].kernel.value.numpy()
    status = tf.train.Checkpoint(model=model).restore(path)
    kernel = model.layers[0].kernel.value.numpy()
    assert identical(kernel, first)
    with pytest.raises(AssertionError):
        status.assert_existing_objects_matched()


def test_flags_are_those_of_absl():
    assert tf1.flags.DEFINE_string is not None
    assert tf1.app.flags.FlagValues is absl.flags.FlagValues
    assert tf1.app.flags.DEFINE_enum is absl.flags.DEFINE_enum
    assert callable(absl.app.run) and callable(tf1.app.run)


def test_the_logger_is_the_same():
    logger = tf.get_logger()
    before = logger.level
    try:
        tf1.logging.set_verbosity(tf1.logging.ERROR)
        assert logger.getEffectiveLevel() == tf1.logging.ERROR
    finally:
        logger.setLevel(before)


def test_a_graph_seed_alone_draws_other_numbers():
    with tf1.Graph().as_default(), contextlib.closing(tf1.Session()) as session:
        tf1.set_random_seed(1)
        # 1.15 took the op seed from the number of nodes so far: 4, for instance.
        expected = session.run(tf1.random_normal([4], seed=4))
        drawn = session.run(tf1.random_normal([4]))
    assert expected.tobytes() != drawn.tobytes()
