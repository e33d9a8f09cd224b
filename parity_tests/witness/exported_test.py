"""Claims about a ``.meta`` as the TF1 side: what ``load`` finds in it and refuses.

What two of them compute, trained and with Keras rewrites beside them, claims
exported_twins_test.py.
"""

import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.engine.comparison import compare_plays
from parity_tests.witness import exported_twins
from tf1_graph import exported
from tf1_graph import session as tf1_session

META = exported_twins.meta("slim_cnn")
CHECKPOINT = exported_twins.GOLDENS / "slim_cnn" / "model.ckpt"

# What it finds.


def small_program(optimizer, use_resource, initial=0.3):
    """(.meta, Program) from source: what ``load`` has to find again."""
    with tf1.Graph().as_default() as graph:
        tf1.set_random_seed(2)
        x = tf1.placeholder(tf.float32, [None, 4], name="x")
        y_true = tf1.placeholder(tf.float32, [None, 2], name="y_true")
        with tf1.variable_scope("layer", use_resource=use_resource):
            w = tf1.get_variable(
                "w", initializer=tf1.truncated_normal([4, 2], stddev=initial, seed=3)
            )
            b = tf1.get_variable("b", [2], initializer=tf1.zeros_initializer())
        y_pred = tf1.add(tf1.matmul(x, w), b, name="y_pred")
        loss = tf1.reduce_mean(tf1.square(y_pred - y_true), name="loss")
        rate = tf1.get_variable(
            "rate", initializer=0.1, trainable=False, use_resource=use_resource
        )
        optimizer = optimizer(rate)
        gradients = optimizer.compute_gradients(loss)
        train = optimizer.apply_gradients(gradients, name="train")
        meta_graph = tf1.train.export_meta_graph()
    return meta_graph, tf1_session.program(
        graph,
        {"x": x, "y_true": y_true},
        # By what the source itself knows of its gradients and slots.
        train=tf1_session.train(train, loss, gradients, optimizer),
        predict=tf1_session.move(outputs={"y_pred": y_pred}),
    )


SMALL = {
    "train": {"op": "train", "loss": "loss"},
    "predict": {"outputs": {"y_pred": "y_pred"}},
}


def small_moves():
    random = np.random.RandomState(0)
    sizes = {"x": [5, 4], "y_true": [5, 2]}
    for _ in range(3):
        batch = {
            name: random.normal(size=size).astype(np.float32)
            for name, size in sizes.items()
        }
        yield "train", batch
        yield "predict", {"x": batch["x"]}


OPTIMIZERS = {
    "SGD": tf1.train.GradientDescentOptimizer,
    "Momentum": lambda rate: tf1.train.MomentumOptimizer(rate, 0.9),
    "Adam": tf1.train.AdamOptimizer,
    "RMSProp": lambda rate: tf1.train.RMSPropOptimizer(rate, centered=True),
    "Adagrad": tf1.train.AdagradOptimizer,
    "Adadelta": tf1.train.AdadeltaOptimizer,
    "Ftrl": tf1.train.FtrlOptimizer,
    "ProximalAdagrad": tf1.train.ProximalAdagradOptimizer,
}


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_meta_gives_the_program_that_its_source_gave(name, use_resource):
    meta_graph, source = small_program(OPTIMIZERS[name], use_resource)
    program = exported.load(meta_graph, **SMALL)
    kinds = {variable.op.type for variable in program.graph.get_collection("variables")}
    assert kinds == {"VarHandleOp" if use_resource else "VariableV2"}
    assert set(program.inputs) == {"x", "y_true"}  # all placeholders
    assert list(program.variables) == list(source.variables)
    assert program.slots == source.slots
    assert "rate" in set(program.variables) - program.slots  # read, but no slot
    compare_plays(
        tf1_session.play(source, small_moves()),
        tf1_session.play(program, small_moves()),
    ).require_agreement()


def test_a_gradient_before_clipping_can_be_named():
    def clipped(rate):
        optimizer = tf1.train.GradientDescentOptimizer(rate)
        compute = optimizer.compute_gradients
        optimizer.compute_gradients = lambda loss: [
            (tf1.clip_by_norm(gradient, 1e-3), variable)
            for gradient, variable in compute(loss)
        ]
        return optimizer

    meta_graph, _ = small_program(clipped, use_resource=False)
    raw = "gradients/MatMul_grad/tuple/control_dependency_1:0"
    moves = list(small_moves())[:1]
    norms = []
    for named in ({}, {"gradients": {"layer/w": raw}}):
        program = exported.load(meta_graph, train={**SMALL["train"], **named})
        _, record = tf1_session.play(program, moves)
        norms.append(np.linalg.norm(record["gradients"]["layer/w"]))
    assert norms[0] == pytest.approx(1e-3) and norms[1] > 0.1


def embedding_meta(optimizer):
    """Rows of an embedding: ids [B] of 5, rows of 3."""
    with tf1.Graph().as_default():
        x = tf1.placeholder(tf.int32, [None], name="x")
        y_true = tf1.placeholder(tf.float32, [None, 3], name="y_true")
        table = tf1.get_variable("table", [5, 3], use_resource=False)
        y_pred = tf1.nn.embedding_lookup(table, x, name="y_pred")
        loss = tf1.reduce_mean(tf1.square(y_pred - y_true), name="loss")
        optimizer.minimize(loss, name="train")
        return tf1.train.export_meta_graph()


ROWS = np.array([1, 1, 4], np.int32), np.ones([3, 3], np.float32)
ROWS = [("train", dict(zip(("x", "y_true"), ROWS, strict=True)))]


def test_the_rows_of_an_embedding_are_found():
    optimizer = tf1.train.MomentumOptimizer(0.1, 0.9)
    program = exported.load(embedding_meta(optimizer), **SMALL)
    _, record = tf1_session.play(program, ROWS)
    # As compute_gradients gives them, duplicates included.
    assert list(record["gradients"]["table indices"]) == [1, 1, 4]
    assert record["gradients"]["table values"].shape == (3, 3)
    assert np.any(record["slots"]["table/Momentum"][[1, 4]] != 0)


class ByHand:
    """Rows that are written, and not by an op that says by which gradient."""

    def minimize(self, loss, name):
        (table,) = tf1.trainable_variables()
        (gradient,) = tf1.gradients(loss, [table])
        rows = tf1.gather(table, gradient.indices) - 0.1 * gradient.values
        tf1.scatter_update(table, gradient.indices, rows, name=name)


def test_an_update_that_says_no_gradient_is_asked_about_not_left_out():
    meta_graph = embedding_meta(ByHand())
    with pytest.raises(ValueError, match="Received: table .*'gradients': {'table': "):
        exported.load(meta_graph, **SMALL)
    program = exported.load(
        meta_graph, train={**SMALL["train"], "gradients": {"table": None}}
    )
    before, record = tf1_session.play(program, ROWS)
    assert not record["gradients"]
    assert np.any(record["updates"]["table"] != before["initial values"]["table"])


# What it refuses.


def changed(change):
    """The MetaGraphDef of a program with a change made to it."""
    meta_graph = exported.read(META)
    change(meta_graph)
    return meta_graph


def refused(path, name="slim_cnn", **fields):
    """The message of the ValueError; nothing is left in the default graph."""
    with tf1.Graph().as_default() as graph:
        with pytest.raises(ValueError) as error:
            exported.load(path, **{**exported_twins.spec(name), **fields})
        assert not graph.get_operations()
    message = str(error.value)
    assert " must " in message and ". Received: " in message
    assert message.endswith(".") and "\n" not in message
    return message


def test_a_meta_that_is_cut_anywhere_is_refused_or_whole(tmp_path):
    whole, meta_graph = META.read_bytes(), exported.read(META)
    # Only between two of its fields can a cut leave a message; then the graph is whole.
    within = len(meta_graph.meta_info_def.SerializeToString()) + len(
        meta_graph.graph_def.SerializeToString()
    )
    path = tmp_path / "model.meta"
    for at in [0, 1, 2, 100, *np.linspace(200, within, 20).astype(int)]:
        path.write_bytes(whole[:at])
        assert "whole MetaGraphDef" in refused(path)


def test_what_is_no_meta_is_refused(tmp_path):
    assert "no such file" in refused(tmp_path / "model.meta")
    assert "a folder" in refused(tmp_path)
    (tmp_path / "text").write_text("node { name: 'x' }")
    for path in (tmp_path / "text", CHECKPOINT.with_suffix(".ckpt.index")):
        assert "whole MetaGraphDef" in refused(path)


def test_names_that_the_graph_has_not_got_are_listed_with_the_nearest():
    message = refused(
        META,
        inputs={"x": "x", "y_true": "y_tru"},
        train={
            "op": "train_op/control",
            "loss": "totl_loss",
            "feed": {"is_trainin": True},
        },
        predict={"outputs": {"y_pred": 3}},
    )
    for told in (
        "inputs['y_true']='y_tru' (nearest: y_true:0",
        "train['op']='train_op/control' (nearest: train_op/control_dependency",
        "train['loss']='totl_loss' (nearest: total_loss:0",
        "train['feed']['is_trainin']='is_trainin' (nearest: is_training:0",
        "predict['outputs']['y_pred']=3 (nearest: none",
    ):
        assert told in message
    # Of another program: what it has is not complained of.
    message = refused(exported_twins.meta("lstm_classifier"))
    assert "train['op']='train_op/control_dependency'" in message
    assert "inputs['x']" not in message


def test_ops_that_this_tensorflow_lacks_are_all_listed():
    def change(meta_graph):
        meta_graph.graph_def.node[7].op = "ContribThing"
        meta_graph.graph_def.node[9].op = "AnotherThing"
        meta_graph.graph_def.node[11].op = "ContribThing"
        function = meta_graph.graph_def.library.function.add()
        function.signature.name = "own"
        function.node_def.add(name="inner", op="InnerThing")
        function.node_def.add(name="recursive", op="own")

    meta_graph = changed(change)
    message = refused(meta_graph)
    node = meta_graph.graph_def.node
    assert f"Received: AnotherThing (node {node[9].name})" in message
    assert f"ContribThing (node {node[7].name})" in message
    assert "InnerThing (node inner)" in message and "own" not in message.split(".")[2]


def test_graphs_that_cannot_be_driven_are_refused():
    def without_variables(meta_graph):
        del meta_graph.collection_def["variables"]

    def torn(meta_graph):
        meta_graph.graph_def.node[7].input[:] = ["nowhere"]

    assert "without the collection 'variables'" in refused(changed(without_variables))
    assert "nowhere" in refused(changed(torn))
    train = exported_twins.spec("slim_cnn")["train"]
    for op in ("total_loss", "conv1/weights/Assign"):
        message = refused(META, train={**train, "op": op})
        assert "leads to none" in message and "ApplyMomentum" in message
    message = refused(META, train={**train, "gradients": {"conv1/weight": None}})
    assert "'conv1/weight' (nearest: conv1/weights" in message


@pytest.mark.parametrize("error", [ValueError, KeyError, TypeError, tf1.errors.OpError])
def test_a_graph_that_cannot_be_imported_is_refused(monkeypatch, error):
    def fails(*_, **__):
        raise error(*(["no such node"] if error is not tf1.errors.OpError else [
            None, None, "no such node", 3
        ]))  # fmt: skip

    monkeypatch.setattr(tf1.train, "import_meta_graph", fails)
    message = refused(META)
    assert "that this TensorFlow can import" in message and "no such node" in message
    assert "with TensorFlow 1.15.5, whose ops" in message


def test_an_op_that_no_list_has_is_known_if_it_can_be_imported(monkeypatch):
    monkeypatch.delattr(tf1.raw_ops, "NoOp")
    assert exported._is_known("NoOp") and not exported._is_known("NoSuchOp")


def one_variable(shape, dtype):
    with tf1.Graph().as_default() as graph, tf1.device("/device:GPU:3"):
        tf1.get_variable("w", shape, dtype)
        return graph, tf1.train.export_meta_graph()


def test_a_checkpoint_is_restored_unless_its_shapes_or_dtypes_are_others(tmp_path):
    graph, meta_graph = one_variable([4, 2], tf.float32)
    program = exported.load(meta_graph)
    assert not program.variables["w"].op.device
    with graph.as_default(), tf1_session.open_session(graph) as opened:
        opened.run(tf1.global_variables_initializer())
        prefix = tf1.train.Saver().save(opened, str(tmp_path / "model"))
        (saved,) = opened.run(tf1.global_variables())
    program = exported.load(meta_graph, checkpoint=prefix)
    for _ in range(2):  # and again, whatever a play made of it
        ((initial,),) = (
            record["initial values"].values()
            for record in tf1_session.play(program, [])
        )
        np.testing.assert_array_equal(initial, saved, strict=True)
    for shape, dtype in (
        *(([4, 3], tf.float32), ([4, 1], tf.float32)),
        *(([4], tf.float32), ([4, 2], tf.float64)),
    ):
        _, meta_graph = one_variable(shape, dtype)
        with pytest.raises(ValueError) as refused_by:
            exported.load(meta_graph, checkpoint=prefix)
        told = f"w is float32 [4, 2], not {dtype.name} {shape}"
        assert told in str(refused_by.value)
    assert "prefix of a checkpoint" in refused(META, checkpoint=3)


def test_checkpoints_that_do_not_fit_are_refused(tmp_path):
    assert "prefix of a checkpoint" in refused(META, checkpoint=tmp_path / "model.ckpt")
    lstm = exported_twins.meta("lstm_classifier")
    message = refused(lstm, "lstm_classifier", checkpoint=CHECKPOINT)
    assert "beta1_power is missing" in message
    assert "logits/kernel is float32 [8, 4], not float32 [8, 3]" in message
    for file in CHECKPOINT.parent.glob("model.ckpt*"):
        shutil.copy(file, tmp_path)
    index = tmp_path / "model.ckpt.index"
    index.write_bytes(index.read_bytes()[:100])
    assert "prefix of a checkpoint" in refused(META, checkpoint=tmp_path / "model.ckpt")
