"""Claims about exported graphs as Keras layers: outputs, gradients, training, refusals."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.migrate import damaged_graphs, exported_graphs
from tf1_graph.rnn_cell import while_loops
from tf2_keras import tf1_semantics, training
from tf2_keras.migrate.checkpoint import exports, handover, reading, saved_models
from tf2_keras.migrate.checkpoint.errors import HandoverError

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)
TENSORS = {"logits": exported_graphs.OUTPUT, "p": "net/probabilities"}
FORMS = ("saved_model", "frozen", "meta")


@pytest.fixture(scope="module", params=[False, True], ids=["by reference", "resource"])
def of_both_kinds(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    return exported_graphs.export(str(folder), request.param)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return exported_graphs.export(str(tmp_path_factory.mktemp("exported")), False)


def layer_of(exported, form):
    export = exports.opened(getattr(exported, form))
    if form == "saved_model":
        return export.layer("serving_default")
    return export.layer(inputs=exported_graphs.INPUTS, outputs=TENSORS)


def require_equal(received, expected):
    np.testing.assert_array_equal(np.asarray(received), expected, strict=True)


@pytest.mark.parametrize("form", FORMS)
def test_outputs_and_gradients_are_the_session_s(of_both_kinds, form):
    """To the bit, eagerly and in a function, through the loop and the table."""
    exported = of_both_kinds
    layer = layer_of(exported, form)
    feed = {key: tf.constant(value) for key, value in exported.feeds[-1].items()}

    def computed():
        with tf.GradientTape() as tape:
            outputs = layer(feed)
            loss = tf.reduce_sum(outputs["logits"] * outputs["logits"])
        variables = {n: layer.tf1_variables[n].value for n in exported.gradients}
        gradients = tape.gradient(loss, variables)
        return outputs, {n: tf.convert_to_tensor(g) for n, g in gradients.items()}

    for run in (computed, tf.function(computed))[form != "frozen" :]:
        outputs, gradients = run()
        for key, expected in exported.outputs.items():
            require_equal(outputs[key], expected)
        for name, expected in exported.gradients.items():
            assert np.abs(expected).max() > 0
            require_equal(gradients[name], expected)


@pytest.mark.parametrize("level", ["function", "fit"])
def test_training_goes_on_in_keras_as_it_would_have_in_the_session(exported, level):
    """The graph is the model: slots and step come from the checkpoint beside the .meta."""
    export = exports.opened(exported.meta)
    model = export.model(
        inputs=exported_graphs.INPUTS, outputs={"logits": exported_graphs.OUTPUT}
    )

    def loss(_, logits):
        return tf.reduce_sum(logits * logits)

    model.compile(tf1_semantics.optimizers.Adam(0.1), loss, jit_compile=False)
    names = model.get_layer("graph").checkpoint_names()
    step = {"global_step": "adam/iteration"}
    handover.load(exported.meta.removesuffix(".meta"), model, {**names, **step})
    twin = training.compiled(model, names)
    target = np.zeros((3, 2), np.float32)
    moves = [
        ("train", {**feed, "y_true": target})
        for feed in exported.feeds[exported_graphs.STOPPED :]
    ]
    *_, last = training.play(twin, moves, level)
    for name, expected in exported.trained.items():
        require_equal(last["updates"][name], expected)


def test_several_signatures_share_their_variables(exported):
    export = exports.opened(exported.saved_model)
    assert set(export.signatures) == {"serving_default", "features"}
    both, features = export.layer(), export.layer("features")
    for name, variable in features.tf1_variables.items():
        assert variable is both.tf1_variables[name]
    assert set(features.tf1_variables) < set(both.tf1_variables)
    x = tf.constant(exported.feeds[0]["x"])
    before = features(x)
    assert before.shape == (3, 5)
    kernel = both.tf1_variables["net/rnn/kernel"]
    kernel.assign(kernel * 2)
    assert np.abs(features(x) - before).max() > 0
    in_order = both([exported.feeds[0]["ids"], x])
    by_name = both({"ids": exported.feeds[0]["ids"], "x": x})
    require_equal(in_order["p"], by_name["p"])


def test_statistics_are_no_weights_that_a_loss_trains(exported):
    for form in FORMS:
        layer = layer_of(exported, form)
        trained = {name: v.trainable for name, v in layer.tf1_variables.items()}
        moving = trained.pop("net/bn/moving_mean")
        assert not moving and set(trained) == set(exported.gradients), form
        assert all(trained.values()), form


def test_what_is_the_same_in_every_call_is_fed_once(exported):
    """The dropout drops by the seed of its node, as in a Session's first run."""
    layer = exports.opened(exported.meta).layer(
        inputs=exported_graphs.INPUTS,
        outputs={"p": "net/probabilities"},
        feed={"net/keep_prob": 0.5},
    )
    with tf1.Graph().as_default(), tf1.Session() as session:
        saver = tf1.train.import_meta_graph(exported.meta)
        saver.restore(session, exported.meta.removesuffix(".meta"))
        fed = {f"net/{key}:0": value for key, value in exported.feeds[0].items()}
        fed["net/keep_prob:0"] = 0.5
        expected = session.run("net/probabilities:0", fed)
    require_equal(tf.function(layer)(exported.feeds[0]), expected)


def test_two_calls_in_one_function_do_not_meet_in_their_loops(exported):
    layer = layer_of(exported, "frozen")
    feeds = exported.feeds[:2]
    both = tf.function(lambda: [layer(feed)["p"] for feed in feeds])()
    for received, feed in zip(both, feeds, strict=True):
        require_equal(received, layer(feed)["p"].numpy())


@pytest.mark.parametrize("form", ["saved_model", "frozen"])
def test_a_model_of_a_graph_is_saved_and_loaded(exported, form, tmp_path):
    export = exports.opened(getattr(exported, form))
    tensors = {} if form == "saved_model" else {"outputs": TENSORS}
    model = export.model(**tensors)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    require_equal(loaded(exported.feeds[-1])["p"], exported.outputs["p"])


def test_the_variables_of_an_export_go_into_a_twin(exported):
    """As those of a checkpoint do, of a frozen graph too."""

    class Twin(keras.layers.Layer):
        def build(self, _):
            shapes = {
                "rnn.kernel": (8, 5),
                "table": (7, 5),
                "out": (5, 2),
                "bias": (2,),
            }
            for name, shape in shapes.items():
                self.add_weight(shape=shape, name=name, initializer="zeros")

        def call(self, x):
            return x

    x = keras.Input((3,))
    model = keras.Model(x, Twin(name="net")(x))
    model.compile(tf1_semantics.optimizers.GradientDescent(0.1), jit_compile=False)
    names = {"net/rnn/kernel": "net/rnn.kernel", "net/bn/moving_mean": None}
    for form in ("saved_model", "frozen"):
        path = getattr(exported, form)
        plan = handover.plan(path, model, names)
        plan.load(partial=form == "saved_model")
        expected = reading.opened(path)
        for weight in model.get_layer("net").weights:
            name = weight.path.replace(".", "/")
            require_equal(weight.numpy(), expected.read(name))


@pytest.mark.parametrize("use_resource", [False, True])
def test_averages_beside_what_is_computed_stay_outside(use_resource, tmp_path):
    """Their initialisers read the variables of the net, in conditions of TF1's."""
    with while_loops(), tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf1.float32, [None, 3], "x")
        kernel = tf1.get_variable("kernel", [3, 2], use_resource=use_resource)
        loss = tf1.reduce_sum(tf1.square(x @ kernel))
        train = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
        with tf1.control_dependencies([train]):
            average = tf1.train.ExponentialMovingAverage(0.9)
            train = average.apply([kernel])
        # A net may ask itself; the variables of a model have their values.
        filled = tf1.is_variable_initialized(kernel)
        tf1.cond(filled, lambda: x @ kernel, lambda: x[:, :2], name="y")
        session.run(tf1.global_variables_initializer())
        given = np.ones([1, 3], np.float32)
        session.run(train, {x: given})
        prefix = tf1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
        expected = session.run("y/Merge:0", {x: given})
    layer = exports.opened(f"{prefix}.meta").layer(outputs={"y": "y/Merge"})
    assert list(layer.tf1_variables) == ["kernel"]
    require_equal(layer(given), expected)


def test_a_loop_s_output_has_the_shape_that_the_export_says(tmp_path):
    with while_loops(), tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf1.float32, [None, 3], "x")
        kernel = tf1.get_variable("kernel", [3, 3])
        _, y = tf1.while_loop(
            lambda step, _: step < 3,
            lambda step, y: (step + 1, tf1.matmul(y, kernel)),
            [0, x],
        )
        tf1.identity(y, name="y")
        session.run(tf1.global_variables_initializer())
        meta = tf1.train.Saver().save(session, str(tmp_path / "model.ckpt")) + ".meta"
    model = exports.opened(meta).model(outputs={"y": "y"})
    assert model.output_shape == (None, 3)


@pytest.mark.filterwarnings("ignore")
def test_damaged_exports_are_made_or_refused():
    """10 000 by ``python -m parity_tests.migrate.damaged_graphs 10000``."""
    outcomes = damaged_graphs.damaged_and_made(range(25))
    assert outcomes["made"] > 0 and outcomes["refused"] > 5


# Back: SavedModels of TF1.


def test_a_keras_model_becomes_a_saved_model_of_tf1(tmp_path):
    x = keras.Input((4, 3), name="x")
    ids = keras.Input((2,), dtype="int32", name="ids")
    features = keras.layers.LSTM(3, name="features")(x)
    looked_up = keras.layers.Flatten()(keras.layers.Embedding(5, 2)(ids))
    hidden = keras.layers.Concatenate()([features, looked_up])
    hidden = tf1_semantics.layers.Dropout(0.5, seed=(1, 2), fed=True)(hidden)
    p = keras.layers.Dense(2, activation="softmax", name="p")(hidden)
    model = keras.Model({"x": x, "ids": ids}, {"p": p, "hidden": hidden})
    folder = str(tmp_path / "saved")
    names = {"net/kernel": "p/kernel"}
    told = saved_models.write(folder, model, {"f": keras.Model(x, features)}, names)
    assert set(told) == {"serving_default", "f"}
    feed = {
        "x": np.random.RandomState(0).standard_normal((3, 4, 3)).astype("f"),
        "ids": np.array([[0, 1], [2, 2], [4, 3]], np.int32),
    }
    expected = model(feed)
    with tf1.Graph().as_default(), tf1.Session() as session:
        loaded = tf1.saved_model.load(session, ["serve"], folder)
        signature = loaded.signature_def["serving_default"]
        outputs = {key: info.name for key, info in signature.outputs.items()}
        fed = {signature.inputs[key].name: feed[key] for key in feed}
        for key, value in session.run(outputs, fed).items():
            require_equal(value, expected[key].numpy())
    assert "net/kernel" in reading.opened(folder).entries
    assert os.listdir(tmp_path) == ["saved"]
    with pytest.raises(HandoverError, match="must not exist"):
        saved_models.write(folder, model)
    saved_models.write(folder, model, force=True)
    assert os.listdir(tmp_path) == ["saved"]


def test_an_op_that_1_15_has_not_got_is_named(tmp_path):
    @keras.saving.register_keras_serializable("checkpoint_exports_test")
    class Later(keras.layers.Layer):
        def call(self, x):
            return tf.raw_ops.BatchMatMulV3(x=x, y=x, Tout=tf.float32, adj_y=True)

    x = keras.Input((4,))
    with pytest.raises(HandoverError, match="that 1.15 has. Received: BatchMatMulV3"):
        saved_models.write(tmp_path / "saved", keras.Model(x, Later()(x)))
    assert os.listdir(tmp_path) == []


# What is no export.


def written(tmp_path, graph):
    path = tmp_path / "graph.pb"
    path.write_bytes(graph.SerializeToString())
    return path


def refusal(call, *arguments, **options):
    with pytest.raises(HandoverError) as caught:
        call(*arguments, **options)
    said = str(caught.value)
    assert ". Received: " in said and "\n" not in said
    return said


def test_names_that_a_graph_has_not_got_are_told_with_the_nearest(exported):
    export = exports.opened(exported.saved_model)
    assert "Use one of: serving_default" in refusal(export.layer, "nothing like it")
    said = refusal(export.layer, outputs={"p": "net/probabilties"})
    assert "Nearest: net/probabilities" in said
    said = refusal(export.layer, inputs={"x": "net/x"}, outputs=TENSORS)
    assert "must be inputs or fed" in said and "net/ids:0" in said
    frozen = exports.opened(exported.frozen)
    assert "Placeholders: net/" in refusal(frozen.layer)
    assert "tags" in refusal(exports.opened, exported.saved_model, tags=["train"])
    layer = export.layer("features")
    assert "['x']" in refusal(layer._by_key, {"y": 1})


def test_a_graph_that_cannot_be_imported_is_one_line(tmp_path):
    with tf1.Graph().as_default() as graph:
        x = tf1.placeholder(tf1.float32, [None, 3], "x")
        tf1.identity(tf1.matmul(x, tf1.ones([3, 2])), name="y")
    definition = graph.as_graph_def()
    next(node for node in definition.node if node.op == "MatMul").attr["T"].type = 3
    export = exports.opened(written(tmp_path, definition))
    said = refusal(export.model, outputs={"y": "y"})
    assert said.startswith("A graph must be one that this TensorFlow can import")


def test_an_input_of_a_size_below_nothing_is_one_line(tmp_path):
    with tf1.Graph().as_default() as graph:
        tf1.identity(tf1.placeholder(tf1.float32, [None, 3], "x"), name="y")
    definition = graph.as_graph_def()
    definition.node[0].attr["shape"].shape.dim[0].size = -5
    path = tmp_path / "frozen.pb"
    path.write_bytes(definition.SerializeToString())
    said = refusal(exports.opened(path).model, outputs={"y": "y"})
    assert "-5" in said and said.startswith("An export must be one that Keras can")


def test_a_meta_without_its_checkpoint_says_so(exported, tmp_path):
    alone = tmp_path / "alone.meta"
    with open(exported.meta, "rb") as file:
        alone.write_bytes(file.read())
    said = refusal(exports.opened(alone).layer, outputs=TENSORS)
    assert "values of its variables" in said and "checkpoint='model.ckpt" in said


def test_a_saved_model_of_tf2_is_not_taken_for_one_of_tf1(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "tf2"))
    assert "of TF2" in refusal(exports.opened, tmp_path / "tf2")
    assert "readable" in refusal(exports.opened, tmp_path)


@pytest.mark.parametrize("kind", ["a file", "Python", "a table"])
def test_a_graph_that_does_more_than_to_compute_is_refused(tmp_path, kind):
    with tf1.Graph().as_default() as graph:
        if kind == "a file":
            tf1.read_file(tf1.constant("/etc/hostname"), name="y")
        elif kind == "Python":
            tf1.identity(tf1.py_func(lambda: 1.0, [], tf1.float64), name="y")
        else:
            table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, -1)
            tf1.identity(table.size(), name="y")
    export = exports.opened(written(tmp_path, graph.as_graph_def()))
    said = refusal(export.layer, outputs={"y": "y"})
    assert "must do nothing but compute" in said


def test_functions_that_call_themselves_or_nobody_has_are_refused(tmp_path):
    @tf.function
    def once(x):
        return x + 1.0

    with tf1.Graph().as_default() as graph:
        tf1.identity(once(tf1.placeholder(tf1.float32, [2], "x")), name="y")
    definition = graph.as_graph_def()
    name = definition.library.function[0].signature.name
    call = next(node for node in definition.node if "f" in node.attr)
    recursive = definition.library.function[0].node_def.add()
    recursive.CopyFrom(call)
    recursive.name = "again"
    recursive.input[:] = ["x"]
    export = exports.opened(written(tmp_path, definition))
    assert "call themselves" in refusal(export.layer, outputs={"y": "y"})
    call.attr["f"].func.name = name + "s"
    export = exports.opened(written(tmp_path, definition))
    assert "every function" in refusal(export.layer, outputs={"y": "y"})


def test_a_constant_that_asks_for_more_than_there_is_is_refused(tmp_path):
    with tf1.Graph().as_default() as graph:
        tf1.constant(1.0, shape=[4], name="y")
    definition = graph.as_graph_def()
    shape = definition.node[0].attr["value"].tensor.tensor_shape
    shape.dim[0].size = 2**40
    said = refusal(exports.opened, written(tmp_path, definition))
    assert "would take" in said
    path = tmp_path / "no.pb"
    path.write_bytes(b"no graph " * 9)
    assert "must be whole" in refusal(exports.opened, path)
