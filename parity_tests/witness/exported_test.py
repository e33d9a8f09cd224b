"""Claims about a ``.meta`` as the TF1 side: what it computes, finds and refuses."""

import contextlib
import hashlib
import json
import pathlib
import shutil
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.engine import budgets
from parity_tests.engine.comparison import compare_plays
from parity_tests.witness.programs import export, lstm_classifier, slim_cnn
from tf1_graph import exported
from tf1_graph import session as tf1_session
from tf2_keras import training
from tf2_keras.tf1_semantics import initializers, layers, losses, optimizers, recurrent

ROOT = pathlib.Path(__file__).parents[2]
GOLDENS = pathlib.Path(__file__).parents[1] / "goldens" / "exported"
NAMES = ("dropout_trained", "graph_seed_only", "lstm_classifier", "slim_cnn")
PROGRAMS = {"slim_cnn": slim_cnn, "lstm_classifier": lstm_classifier}


def load(name, **fields):
    """The Program of one of the two .meta files that train."""
    program = PROGRAMS[name]
    feeds = {}
    if name == "slim_cnn":
        feeds["training_feed"] = {slim_cnn.IS_TRAINING: True}
        feeds["inference_feed"] = {slim_cnn.IS_TRAINING + ":0": False}
    arguments = dict(
        x=program.X,
        y_true=program.Y_TRUE,
        loss=program.LOSS + ":0",
        train=program.TRAIN,
        y_pred=program.Y_PRED,
        **feeds,
    )
    return exported.load(GOLDENS / name / "model.meta", **{**arguments, **fields})


@pytest.fixture(scope="module")
def programs():
    """{name: Program}, each imported once."""
    return {name: load(name) for name in PROGRAMS}


def computed(name):
    """{name: array} of what 1.15.5 computed."""
    with np.load(GOLDENS / name / "computed.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def run(program, batches, **options):
    """Every record of a run in a Session of its own."""
    with contextlib.closing(tf1_session.open_session(program)) as session:
        return list(tf1_session.run(session, program, batches, **options))


# ---------------------------------------------------------------- the twins


class Regularised(keras.Model):
    """A model whose penalties are summed before they are added, as TF1 does."""

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002 -- Keras's signature
        return losses.SoftmaxCrossEntropy()(y, y_pred) + tf.add_n(self.losses)


def slim_cnn_twin(batch_norm_momentum=0.9, seed=3):
    """(model, {TF1 name: Keras path}) of witness/programs/slim_cnn.py."""

    def block(x, channels, strides, op_seed, name):
        x = keras.layers.Conv2D(
            channels,
            3,
            strides,
            padding="same",
            use_bias=False,
            name=name,
            kernel_initializer=initializers.Xavier(seed=(seed, op_seed)),
            kernel_regularizer=losses.L2(0.01),
        )(x)
        x = layers.BatchNormalization(
            momentum=batch_norm_momentum, name=f"{name}_norm"
        )(x)
        return keras.layers.ReLU()(x)

    x = keras.Input([8, 8, 1], name="x")
    net = block(x, 6, 1, 6, "conv1")
    net = keras.layers.MaxPooling2D(2)(net)
    net = block(net, 8, 2, 75, "conv2")
    net = keras.layers.Conv2D(
        8,
        2,
        use_bias=False,
        name="conv3",
        kernel_initializer=initializers.GlorotUniform(seed=(seed, 143)),
    )(net)
    net = keras.layers.ReLU()(layers.BiasAdd(name="conv3_add")(net))
    net = keras.layers.Flatten()(net)
    logits = keras.layers.Dense(
        4,
        name="logits",
        kernel_initializer=initializers.GlorotUniform(seed=(seed, 169)),
    )(net)
    model = Regularised(x, logits)
    model.compile(optimizer=optimizers.Momentum(0.05, 0.9), jit_compile=False)
    names = {
        "conv3/kernel": "conv3/kernel",
        "conv3/bias": "conv3_add/bias",
        "logits/kernel": "logits/kernel",
        "logits/bias": "logits/bias",
        "global_step": "momentum/iteration",
    }
    for conv in ("conv1", "conv2"):
        names[f"{conv}/weights"] = f"{conv}/kernel"
        for part in ("gamma", "beta", "moving_mean", "moving_variance"):
            names[f"{conv}/BatchNorm/{part}"] = f"{conv}_norm/{part}"
    return model, names


def lstm_classifier_twin(forget_bias=1.0):
    """(model, {TF1 name: Keras path}) of witness/programs/lstm_classifier.py."""
    cell = recurrent.BasicLSTMCell(
        8,
        forget_bias,
        name="cell",
        kernel_initializer=initializers.GlorotUniform(seed=(11, 102)),
    )
    x = keras.Input([6, 5], name="x")
    outputs, _ = recurrent.DynamicRNN(cell, name="rnn")(x)
    logits = keras.layers.Dense(
        3, kernel_initializer=initializers.GlorotUniform(seed=(11, 168)), name="logits"
    )(outputs[:, -1])
    model = keras.Model(x, logits)

    def loss(y_true, y_pred):
        return tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
        )

    model.compile(optimizer=optimizers.Adam(0.02), loss=loss, jit_compile=False)
    names = {"logits/kernel": "logits/kernel", "logits/bias": "logits/bias"}
    for part in ("kernel", "bias"):
        names[f"rnn/basic_lstm_cell/{part}"] = f"rnn/cell/{part}"
    return model, names


TWINS = {"slim_cnn": slim_cnn_twin, "lstm_classifier": lstm_classifier_twin}


def candidate(twin, batches, level="function"):
    """Every record of a twin's run."""
    records = []
    training.Training(*twin, batches[0]).run(batches, level, records.append)
    return records


# ---------------------------------------------------------------- what it computes


@pytest.fixture(scope="module")
def imported_runs(programs):
    """{name: (batches, records)} of the .meta files run in this TensorFlow."""
    runs = {}
    for name, program in programs.items():
        batches = list(PROGRAMS[name].batches())
        runs[name] = batches, run(program, batches)
    return runs


@pytest.mark.parametrize("level", ["function", "fit"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_twin_trains_as_the_meta_of_1_15_5_to_the_bit(imported_runs, name, level):
    batches, reference = imported_runs[name]
    assert len(batches) >= 10
    comparison = compare_plays(reference, candidate(TWINS[name](), batches, level))
    comparison.require_agreement()
    assert all(cell.compared for cell in comparison.cells.values())


@pytest.mark.parametrize(
    "name, mistake, stage",
    [
        ("slim_cnn", {"seed": 4}, "initial values"),
        ("slim_cnn", {"batch_norm_momentum": 0.99}, "updates"),
        ("lstm_classifier", {"forget_bias": 0.0}, "loss"),
    ],
)
def test_a_mistake_in_the_twin_is_caught(imported_runs, name, mistake, stage):
    batches, reference = imported_runs[name]
    records = candidate(TWINS[name](**mistake), batches[:1])
    found = compare_plays(reference[:2], records).first_divergence
    assert found.stage == stage


def recorded(name, steps):
    """The run that 1.15.5 recorded: initial values, each loss, the last values."""
    arrays = computed(name)
    named = {
        stage: {
            key.partition("/")[2]: value
            for key, value in arrays.items()
            if key.startswith(stage + "/")
        }
        for stage in ("initial", "final")
    }
    records = [{"initial values": named["initial"]}]
    records += [{"loss": {"loss": loss}} for loss in arrays["losses"][-steps:]]
    records[-1]["updates"] = named["final"]
    return records


def like_recorded(records):
    """What of a whole run 1.15.5 recorded; slots are among the values there."""
    kept = [records[0], *({"loss": record["loss"]} for record in records[1:])]
    kept[-1]["updates"] = {**records[-1]["updates"], **records[-1]["slots"]}
    return kept


@pytest.mark.parametrize("side", ["imported", "twin"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_1_15_5_itself_is_matched_within_these_budgets(imported_runs, name, side):
    batches, records = imported_runs[name]
    if side == "twin":
        records = candidate(TWINS[name](), batches)
    comparison = compare_plays(
        recorded(name, len(batches)),
        like_recorded(records),
        budget_for=budgets.budget_for(name, "1.15.5"),
    )
    comparison.require_agreement()
    assert comparison.cells["initial values"].max_ulp == 0
    assert comparison.cells["initial values"].compared
    # The budgets are needed, and far below one update.
    for stage in ("loss", "updates"):
        assert comparison.cells[stage].max_ulp > 0
    one_step_late = [*like_recorded(records[:2]), *like_recorded(records)[1:-1]]
    one_step_late[1].pop("updates")
    assert (
        compare_plays(
            recorded(name, len(batches))[:-1],
            one_step_late[:-1],
            budget_for=budgets.budget_for(name, "1.15.5"),
        ).first_divergence.step
        == 2
    )


def test_the_inference_of_a_meta_takes_the_moving_statistics(programs):
    program, (*_, (x, _)) = programs["slim_cnn"], slim_cnn.batches()
    arrays = computed("slim_cnn")
    final = {
        name.partition("/")[2]: value
        for name, value in arrays.items()
        if name.startswith("final/")
    }
    with contextlib.closing(tf1_session.open_session(program)) as session:
        tf1_session.initialise(session, program, final)
        predicted = tf1_session.predict(session, program, x)
    np.testing.assert_allclose(predicted, arrays["predicted"], rtol=0, atol=1e-6)


def test_a_run_goes_on_from_a_checkpoint_of_1_15_5():
    program = load("slim_cnn", checkpoint=GOLDENS / "slim_cnn" / "model.ckpt")
    batches = list(slim_cnn.batches())[slim_cnn.CHECKPOINT_AFTER :]
    records = run(program, batches)
    assert records[0]["initial values"]["global_step"] == slim_cnn.CHECKPOINT_AFTER
    assert np.any(records[0]["initial values"]["conv1/weights/Momentum"] != 0)
    reference = [{}, *recorded("slim_cnn", len(batches))[1:]]
    kept = [{}, *like_recorded(records)[1:]]
    compare_plays(
        reference, kept, budget_for=budgets.budget_for("slim_cnn", "1.15.5")
    ).require_agreement()
    # Values that are given still come before those of the checkpoint.
    given = {"global_step": np.int64(100)}
    (first,) = run(program, [], values=given)
    assert first["initial values"]["global_step"] == 100


# ---------------------------------------------------------------- what it finds


def small_program(optimizer, use_resource, initial=0.3):
    """A Program from source: what ``load`` has to find again in its .meta."""
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
        graph=graph,
        x=x,
        y_true=y_true,
        y_pred=y_pred,
        loss=loss,
        gradients=gradients,
        optimizer=optimizer,
        train=train,
    )


def small_batches():
    random = np.random.RandomState(0)
    return [
        tuple(random.normal(size=[5, width]).astype(np.float32) for width in (4, 2))
        for _ in range(3)
    ]


SMALL = dict(x="x", y_true="y_true", loss="loss", train="train", y_pred="y_pred")
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
    kinds = {each.op.type for each in program.graph.get_collection("variables")}
    assert kinds == {"VarHandleOp" if use_resource else "VariableV2"}
    assert list(tf1_session.slot_variables(program)) == list(
        tf1_session.slot_variables(source)
    )
    assert "rate" in tf1_session.model_variables(program)  # read, but no slot
    batches = small_batches()
    compare_plays(run(source, batches), run(program, batches)).require_agreement()


def test_a_gradient_before_clipping_can_be_named():
    def clipped(rate):
        optimizer = tf1.train.GradientDescentOptimizer(rate)
        compute = optimizer.compute_gradients
        optimizer.compute_gradients = lambda loss: [
            (tf1.clip_by_norm(gradient, 1e-3), variable)
            for gradient, variable in compute(loss)
        ]
        return optimizer

    meta_graph, source = small_program(clipped, use_resource=False)
    raw = "gradients/MatMul_grad/tuple/control_dependency_1:0"
    batches = small_batches()[:1]
    norms = {}
    for kind, gradients in (("clipped", None), ("raw", {"layer/w": raw})):
        program = exported.load(meta_graph, gradients=gradients, **SMALL)
        gradient = run(program, batches)[1]["gradients"]["layer/w"]
        norms[kind] = np.linalg.norm(gradient)
    assert norms["clipped"] == pytest.approx(1e-3) and norms["raw"] > 0.1


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


def test_the_rows_of_an_embedding_are_found():
    optimizer = tf1.train.MomentumOptimizer(0.1, 0.9)
    program = exported.load(embedding_meta(optimizer), **SMALL)
    _, record = run(program, [ROWS])
    assert list(record["gradients"]["table"].indices) == [1, 4]
    assert np.any(record["slots"]["table/Momentum"][[1, 4]] != 0)


def test_an_update_without_a_fused_op_is_asked_about_not_left_out():
    meta_graph = embedding_meta(tf1.train.AdamOptimizer())
    with pytest.raises(ValueError, match="Received: table .*gradients={'table': "):
        exported.load(meta_graph, **SMALL)
    program = exported.load(meta_graph, **SMALL, gradients={"table": None})
    assert {"table/Adam", "table/Adam_1"} <= set(tf1_session.slot_variables(program))
    _, record = run(program, [ROWS])
    assert not record["gradients"] and np.any(record["slots"]["table/Adam"] != 0)


# ---------------------------------------------------------------- what it refuses


def changed(change, name="slim_cnn"):
    """The MetaGraphDef of a program with a change made to it."""
    meta_graph = exported.read(GOLDENS / name / "model.meta")
    change(meta_graph)
    return meta_graph


def refused(path, **fields):
    """The message of the ValueError; nothing is left in the default graph."""
    arguments = dict(
        x=slim_cnn.X, y_true=slim_cnn.Y_TRUE, loss=slim_cnn.LOSS, train=slim_cnn.TRAIN
    )
    with tf1.Graph().as_default() as graph:
        with pytest.raises(ValueError) as error:
            exported.load(path, **{**arguments, **fields})
        assert not graph.get_operations()
    message = str(error.value)
    assert " must " in message and ". Received: " in message
    assert message.endswith(".") and "\n" not in message
    return message


def test_a_meta_that_is_cut_anywhere_is_refused_or_whole(tmp_path):
    whole = (GOLDENS / "slim_cnn" / "model.meta").read_bytes()
    meta_graph = exported.read(GOLDENS / "slim_cnn" / "model.meta")
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
    for path in (tmp_path / "text", GOLDENS / "slim_cnn" / "model.ckpt.index"):
        assert "whole MetaGraphDef" in refused(path)


def test_names_that_the_graph_has_not_got_are_listed_with_the_nearest():
    message = refused(
        GOLDENS / "slim_cnn" / "model.meta",
        loss="totl_loss",
        train="train_op/control",
        y_pred=3,
        training_feed={"is_trainin": True},
    )
    assert "loss='totl_loss' (nearest: total_loss:0" in message
    assert "train='train_op/control' (nearest: train_op/control_dependency" in message
    assert "training_feed['is_trainin'] (nearest" not in message
    assert "training_feed['is_trainin']='is_trainin' (nearest: is_training:0" in message
    assert "y_pred=3" in message
    # Of another program: nothing is named so.
    message = refused(GOLDENS / "lstm_classifier" / "model.meta")
    assert "train='train_op/control_dependency'" in message
    assert "x='x'" not in message


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
    meta = GOLDENS / "slim_cnn" / "model.meta"
    for train in ("total_loss", "conv1/weights/Assign"):
        message = refused(meta, train=train)
        assert "leads to none" in message and "ApplyMomentum" in message
    message = refused(meta, gradients={"conv1/weight": None})
    assert "'conv1/weight' (nearest: conv1/weights" in message


def test_checkpoints_that_do_not_fit_are_refused(tmp_path):
    meta = GOLDENS / "slim_cnn" / "model.meta"
    assert "prefix of a checkpoint" in refused(meta, checkpoint=tmp_path / "model.ckpt")
    lstm = GOLDENS / "lstm_classifier" / "model.meta"
    message = refused(
        lstm, loss="loss", train="train", checkpoint=GOLDENS / "slim_cnn" / "model.ckpt"
    )
    assert "beta1_power is missing" in message
    assert "logits/kernel is float32 [8, 4], not float32 [8, 3]" in message
    for file in (GOLDENS / "slim_cnn").glob("model.ckpt*"):
        shutil.copy(file, tmp_path)
    index = tmp_path / "model.ckpt.index"
    index.write_bytes(index.read_bytes()[:100])
    assert "prefix of a checkpoint" in refused(meta, checkpoint=tmp_path / "model.ckpt")


# ---------------------------------------------------------------- what is stored


@pytest.mark.parametrize("name", NAMES)
def test_an_export_is_what_its_provenance_says(name):
    provenance = json.loads((GOLDENS / name / "provenance.json").read_text())
    files = {path.name for path in (GOLDENS / name).iterdir()} - {"provenance.json"}
    assert set(provenance["sha256"]) == files
    for file, digest in provenance["sha256"].items():
        content = (GOLDENS / name / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, file
    source = ROOT / "parity_tests" / "witness" / "programs" / f"{name}.py"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert provenance["source_sha256"] == digest
    assert provenance["tensorflow"].startswith("1.15.") and provenance["cpu"]


def test_the_exports_are_small_and_complete():
    assert {path.name for path in GOLDENS.iterdir()} == set(NAMES)
    assert sum(file.stat().st_size for file in GOLDENS.rglob("*.*")) < 1_100_000


def test_a_program_refuses_another_tensorflow_and_a_full_folder(
    tmp_path, capsys, monkeypatch
):
    def refusal():
        with pytest.raises(SystemExit) as stop:
            export.folder("slim_cnn", "", ["--out", str(tmp_path / "new")])
        assert stop.value.code == 2
        return capsys.readouterr().err

    assert refusal() == (
        "slim_cnn: the program must run under TensorFlow 1.15. Received: TensorFlow "
        f"{tf.__version__} on Python {sys.version_info[0]}.{sys.version_info[1]}. "
        "Build its environment as requirements.txt beside record.py says.\n"
    )
    assert not (tmp_path / "new").exists()
    monkeypatch.setattr(export.tf, "__version__", "1.15.5")
    (tmp_path / "new").write_text("a file")
    assert "--out must be a new or an empty folder" in refusal()
