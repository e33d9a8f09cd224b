"""Claims about tf-parity draft: files, exit codes, what is said of a mistake."""

import json

import keras
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from parity_tests.commands import draft
from parity_tests.migrate import draft_programs_test
from parity_tests.witness import exported_twins


def exported_graph(path, build):
    """Writes the .meta of what ``build`` makes; returns its path."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(3)
        build()
        tf.train.export_meta_graph(str(path), graph=graph)
    return str(path)


def linear(seed=7):
    """The tensors of a linear model that is trained."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y_true = tf.placeholder(tf.float32, [None, 1], name="y_true")
    weights = tf.get_variable("w", initializer=tf.random_normal([3, 1], seed=seed))
    y_pred = tf.matmul(x, weights, name="y_pred")
    loss = tf.reduce_mean(tf.square(y_pred - y_true))
    tf.train.GradientDescentOptimizer(0.1).minimize(loss, name="train")


@pytest.mark.slow
def test_a_draft_and_its_pair_are_written_and_equal(tf_parity, tmp_path):
    """The pair is one that ``check`` runs."""
    twin, pair, report = (tmp_path / name for name in ("t.py", "p.py", "r.json"))
    meta = exported_twins.meta("lstm_classifier")
    code, out, err = tf_parity(
        "draft", meta, "-o", twin, "--pair", pair, "--steps", "2", "--json", report
    )
    assert code == 0, err
    assert "equal to the bit" in out
    said = json.loads(report.read_text())
    assert said["equal"] and said["names"]["loss"] == "loss:0"
    assert twin.read_text().startswith('"""A Keras 3 twin of the training graph')
    code, out, err = tf_parity("check", pair, "--steps", "2", "--level", "function")
    assert code == 0, out + err


@pytest.mark.parametrize(
    "option, name, says",
    [
        ("--output", "twin.py", "which may hold what somebody wrote by hand"),
        ("--pair", "twin.py", "which may hold what somebody wrote by hand"),
        ("--output", "twin.txt", "Let it end in .py"),
        ("--pair", "-", "Let it end in .py"),
        ("--output", "keras.py", "by whose name there is a keras"),
        ("--output", "numpy.py", "by whose name there is a numpy"),
        ("--output", "dataclasses.py", "must not hide a module that programs import"),
        ("--output", "sys.py", "must not hide a module that programs import"),
        ("--pair", "parity_tests.py", "must not hide a module that programs import"),
        ("--output", "my-twin.py", "Use letters, digits and _"),
        ("--output", "class.py", "must name a file that can be imported"),
    ],
)
def test_no_program_is_written_over(
    tf_parity, tmp_path, monkeypatch, option, name, says
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twin.py").write_text("by hand")
    other = [] if option == "--output" else ["-o", "new.py"]
    meta = exported_twins.meta("slim_cnn")
    code, out, err = tf_parity("draft", meta, *other, option, name)
    assert (code, out) == (2, "") and err.count("\n") == 1 and says in err
    assert [path.name for path in tmp_path.iterdir()] == ["twin.py"]
    assert (tmp_path / "twin.py").read_text() == "by hand"


def checkpointed(folder):
    """(path of a program's file, prefix of a checkpoint, weights) after some steps."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    module = {}
    exec(PROGRAM, module)
    with tf.Graph().as_default(), tf.Session() as session:
        module["build"]()
        session.run(tf.global_variables_initializer())
        feed = {"x:0": np.ones([2, 3]), "y_true:0": np.ones([2, 1])}
        for _ in range(3):
            session.run("train", feed)
        prefix = tf.train.Saver().save(session, str(folder / "model.ckpt"))
        return (
            program,
            prefix,
            session.run({v.op.name: v for v in tf.global_variables()}),
        )


PROGRAM = """
import tensorflow.compat.v1 as tf

def build():
    tf.set_random_seed(3)
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y_true = tf.placeholder(tf.float32, [None, 1], name="y_true")
    weights = tf.get_variable("w", initializer=tf.random_normal([3, 1], seed=7))
    y_pred = tf.matmul(x, weights, name="y_pred")
    loss = tf.reduce_mean(tf.square(y_pred - y_true))
    step = tf.train.get_or_create_global_step()
    tf.train.AdamOptimizer(0.1).minimize(loss, step, name="train")

nothing = 1

def build_of_size(size, *, depth):
    build()

def forgets():
    return 3
"""


def test_a_program_is_drafted_and_its_checkpoint_carried_over(tf_parity, tmp_path):
    """Weights, slots and the step, beside the twin; not over what is there."""
    program, prefix, values = checkpointed(tmp_path)
    twin = tmp_path / "twin.py"
    words = ["draft", f"{program}:build", "-o", twin, "--checkpoint", prefix]
    code, out, err = tf_parity(*words, "--steps", "2")
    assert code == 0, err
    module = {"__name__": "twin"}
    exec(compile(twin.read_text(), str(twin), "exec"), module)
    model = keras.models.load_model(tmp_path / "twin.keras")
    paths = {v.path: v.numpy() for v in [*model.variables, *model.optimizer.variables]}
    for name, path in module["checkpoint_names"](model).items():
        expected = values[name].astype(paths[path].dtype)  # steps are int32 or int64
        np.testing.assert_array_equal(paths[path], expected, strict=True)
    slots = [variable.numpy() for variable in model.optimizer.variables]
    assert any(slot.tobytes() == values["w/Adam_1"].tobytes() for slot in slots)
    assert int(model.optimizer.iterations.numpy()) == 3
    twin.unlink()
    code, _, err = tf_parity(*words)
    assert code == 2 and "must not be there yet" in err and not twin.exists()


def test_a_program_becomes_a_pair_whose_graph_is_written_beside_it(tf_parity, tmp_path):
    program, prefix, _ = checkpointed(tmp_path)
    twin, pair = tmp_path / "drafted_program.py", tmp_path / "pair_of_program.py"
    words = ["draft", f"{program}:build", "-o", twin, "--pair", pair, "--steps", "2"]
    code, _, err = tf_parity(*words)
    assert code == 0, err
    assert (tmp_path / "pair_of_program.meta").stat().st_size
    code, out, err = tf_parity("check", pair, "--steps", "2", "--level", "function")
    assert code == 0, out + err
    for file in (twin, pair):
        file.unlink()
    code, _, err = tf_parity(*words)
    assert code == 2 and "--pair writes a file that must not be there yet" in err


@pytest.mark.slow
def test_a_pair_plays_the_steps_of_a_gan_in_turn(tf_parity, tmp_path):
    meta = exported_graph(tmp_path / "gan.meta", draft_programs_test.gan)
    twin, pair = tmp_path / "drafted_gan.py", tmp_path / "pair_of_gan.py"
    trains = "train_discriminator,train_generator"
    words = ["draft", meta, "-o", twin, "--pair", pair, "--steps", "2"]
    code, out, err = tf_parity(*words, "--train", trains)
    assert code == 0, err
    assert "A step runs train_generator and minimises" in out
    code, out, err = tf_parity("check", pair, "--steps", "2", "--level", "function")
    assert code == 0, out + err


def test_what_checkpoint_names_is_told_by_its_option(tf_parity, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    words = ["-o", tmp_path / "twin.py", "--checkpoint", tmp_path / "none.ckpt"]
    code, _, err = tf_parity("draft", f"{tmp_path / 'program.py'}:build", *words)
    assert code == 2 and "tf-parity: --checkpoint must" in err, err


def test_a_saved_model_becomes_a_twin_that_predicts(tf_parity, tmp_path):
    folder, twin = tmp_path / "saved", tmp_path / "twin.py"
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(3)
        _predicting()
        session.run(tf.global_variables_initializer())
        graph = session.graph
        tf.saved_model.simple_save(
            session,
            str(folder),
            {"x": graph.get_tensor_by_name("x:0")},
            {"y": graph.get_tensor_by_name("y_pred:0")},
        )
    pair = tmp_path / "pair_of_saved.py"
    words = ["--pair", pair, "--steps", "2"]
    code, out, err = tf_parity("draft", folder, "-o", twin, *words)
    assert code == 0, err
    assert "It has no train op" in twin.read_text()
    code, out, err = tf_parity("check", pair, "--level", "function")
    assert code == 0, out + err


@pytest.mark.parametrize(
    "source, says",
    [
        ("program.py:nothing", "must name a function of its file"),
        ("program.py:biuld", "nearest: build), of build, build_of_size, forgets"),
        (
            "program.py:build_of_size",
            "takes no arguments. Received: program.py:build_of",
        ),
        ("program.py:build_of_size", "def small(): return build_of_size(...)"),
        ("program.py:forgets", "which returned 3 and left the default graph empty"),
        ("program.py", "the default graph is empty"),
        ("none.py:build", "no such file"),
        (".", "a folder without saved_model.pb"),
    ],
)
def test_what_is_no_graph_is_refused(tf_parity, tmp_path, monkeypatch, source, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    code, out, err = tf_parity("draft", source, "-o", "twin.py")
    assert (code, out) == (2, "") and err.count("\n") == 1 and says in err, err
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]


def test_of_a_checkpoint_its_graph_is_asked_for(tf_parity, tmp_path):
    exported_graph(tmp_path / "model.ckpt-3.meta", linear)
    code, _, err = tf_parity(
        "draft", tmp_path / "model.ckpt-3", "-o", tmp_path / "t.py"
    )
    assert code == 2 and "Name the graph beside that checkpoint" in err


def test_what_was_not_seeded_is_said_and_exits_with_1(tf_parity, tmp_path):
    path = tmp_path / "model.meta"
    with tf.Graph().as_default() as graph:
        linear(seed=None)
        tf.train.export_meta_graph(str(path), graph=graph)
    twin = tmp_path / "twin.py"
    code, out, err = tf_parity("draft", path, "-o", twin, "--steps", "2")
    assert code == 1, err
    first = twin.read_text().splitlines()[2]
    assert first == "NOT COMPARED: initial values of w, which TF1 drew without a seed."
    assert first in out


def test_a_graph_that_races_with_itself_is_told_so(tf_parity, tmp_path):
    """tf.gradients without a gate: by reference, an update before the last read."""

    def build():
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        y_true = tf.placeholder(tf.float32, [None, 1], name="y_true")
        weights = [
            tf.get_variable(
                name, initializer=tf.random_normal(shape, seed=7), use_resource=False
            )
            for name, shape in (("first/w", [3, 4]), ("second/w", [4, 1]))
        ]
        hidden = tf.nn.relu(tf.matmul(x, weights[0]))
        loss = tf.reduce_mean(tf.square(tf.matmul(hidden, weights[1]) - y_true))
        gradients = tf.gradients(loss, weights)
        tf.train.GradientDescentOptimizer(0.1).apply_gradients(
            zip(gradients, weights, strict=True), name="train"
        )

    meta = exported_graph(tmp_path / "model.meta", build)
    twin = tmp_path / "twin.py"
    code, out, err = tf_parity("draft", meta, "-o", twin, "--steps", "2")
    assert code == 1, err
    assert "races with itself: train/update_second/w" in " ".join(out.split())
    assert "NOT PROVEN" in twin.read_text()


def test_a_graph_without_a_train_op_becomes_a_twin_that_predicts(tf_parity, tmp_path):
    meta = exported_graph(tmp_path / "model.meta", _predicting)
    twin = tmp_path / "twin.py"
    code, out, err = tf_parity("draft", meta, "-o", twin, "--y-pred", "y_pred")
    assert code == 0, err
    assert "no train op" in out
    assert "compile(" not in twin.read_text()


def _predicting():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    weights = tf.get_variable("w", initializer=tf.random_normal([3, 1], seed=7))
    tf.matmul(x, weights, name="y_pred")


def python_op():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y_true = tf.placeholder(tf.float32, [None, 1], name="y_true")
    weights = tf.get_variable("w", initializer=tf.random_normal([3, 1], seed=7))
    doubled = tf.py_func(lambda value: value * 2, [tf.matmul(x, weights)], tf.float32)
    doubled.set_shape([None, 1])
    loss = tf.reduce_mean(tf.square(doubled - y_true) + tf.square(weights[0, 0]))
    tf.train.GradientDescentOptimizer(0.1).minimize(loss, name="train")


def unknown_update():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y_true = tf.placeholder(tf.float32, [None, 1], name="y_true")
    weights = tf.get_variable("w", initializer=tf.random_normal([3, 1], seed=7))
    count = tf.get_variable("seen", initializer=0.0, trainable=False)
    loss = tf.reduce_mean(tf.square(tf.matmul(x, weights) - y_true))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    with tf.control_dependencies([step, tf.assign_add(count, tf.reduce_sum(x))]):
        tf.no_op(name="train")


def unseeded_noise():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y_true = tf.placeholder(tf.float32, [None, 1], name="y_true")
    weights = tf.get_variable("w", initializer=tf.random_normal([3, 1], seed=7))
    noisy = x + tf.random_normal(tf.shape(x), name="noise")
    loss = tf.reduce_mean(tf.square(tf.matmul(noisy, weights) - y_true))
    tf.train.GradientDescentOptimizer(0.1).minimize(loss, name="train")


def two_losses():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    labels = tf.placeholder(tf.float32, [None, 1], name="first")
    others = tf.placeholder(tf.float32, [None, 1], name="second")
    weights = tf.get_variable("w", initializer=tf.random_normal([3, 1], seed=7))
    y_pred = tf.matmul(x, weights)
    loss = tf.reduce_mean(tf.square(y_pred - labels) + tf.square(y_pred - others))
    tf.train.GradientDescentOptimizer(0.1).minimize(loss, name="train")


@pytest.mark.parametrize(
    "build, said",
    [
        (python_op, r"PyFunc (node PyFunc)"),
        (unknown_update, "AssignAdd"),
        (unseeded_noise, "RandomStandardNormal (node noise/RandomStandardNormal)"),
        (two_losses, "--y-true"),
    ],
    ids=["py_func", "an update of its own", "noise without a seed", "two targets"],
)
def test_what_cannot_be_drafted_is_refused_by_op_and_node(
    tf_parity, tmp_path, build, said
):
    """In one line, exit code 2, and nothing is written."""
    with tf.Graph().as_default() as graph:
        build()
        tf.train.export_meta_graph(str(tmp_path / "model.meta"), graph=graph)
    twin, pair = tmp_path / "twin.py", tmp_path / "pair.py"
    code, out, err = tf_parity(
        "draft", tmp_path / "model.meta", "-o", twin, "--pair", pair
    )
    assert code == 2, out
    assert said in err.splitlines()[-1]
    assert len(err.splitlines()) == 1, err
    assert not twin.exists() and not pair.exists()


@pytest.mark.parametrize(
    "words, said",
    [
        (["--training-feed", "keep_prob"], "NAME=VALUE"),
        (["--loss", "nothing"], "nearest"),
        (["--x", "x=none_such"], "nearest"),
        (["--train", "loss"], "Apply"),
    ],
)
def test_a_mistake_in_the_call_is_one_line(tf_parity, tmp_path, words, said):
    meta = exported_twins.meta("lstm_classifier")
    twin = tmp_path / "twin.py"
    code, _, err = tf_parity("draft", meta, "-o", twin, *words)
    assert code == 2
    assert said in err and len(err.splitlines()) == 1, err
    assert not twin.exists()


def two_optimizers():
    """Two losses, each with an optimizer, and a group of both."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    for name in ("first", "second"):
        kernel = tf.get_variable(name, initializer=tf.random_normal([3, 1], seed=7))
        loss = tf.reduce_mean(tf.square(tf.matmul(x, kernel)), name=f"{name}_loss")
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        optimizer.minimize(loss, None, [kernel], name=f"train_{name}")
    operations = [op for op in x.graph.get_operations() if op.type == "NoOp"]
    tf.group(*operations, name="train")
    tf.reduce_sum(x, name="accuracy")


@pytest.mark.parametrize(
    "words, said",
    [
        (["--train", "train"], "A train op must minimise one loss. Received: train"),
        (["--train", "train"], "such as --train train_first"),
        (
            ["--train", "train_first", "--loss", "second_loss"],
            "train_first minimises first_loss:0",
        ),
        (["--train", "train", "--loss", "accuracy"], "--loss must name what the train"),
    ],
)
def test_a_loss_must_be_what_is_minimised(tf_parity, tmp_path, words, said):
    meta = exported_graph(tmp_path / "model.meta", two_optimizers)
    code, out, err = tf_parity("draft", meta, "-o", tmp_path / "twin.py", *words)
    assert (code, out) == (2, "") and err.count("\n") == 1 and said in err, err
    assert not (tmp_path / "twin.py").exists()


@pytest.mark.parametrize("content", [b"", b"no graph", None])
def test_what_is_no_meta_is_refused(tf_parity, tmp_path, content):
    path = tmp_path / "model.meta"
    if content is not None:
        path.write_bytes(content)
    code, _, err = tf_parity("draft", path, "-o", tmp_path / "twin.py")
    assert code == 2
    assert len(err.splitlines()) == 1 and "Received" in err
    assert not (tmp_path / "twin.py").exists()


def many_nodes(meta_graph):
    for number in range(60_001):
        meta_graph.graph_def.node.add(name=f"node_{number}", op="NoOp")


def a_circle(meta_graph):
    for name, given in (("first", "second"), ("second", "first")):
        node = meta_graph.graph_def.node.add(name=name, op="Identity", input=[given])
        node.attr["T"].type = 1


def an_unknown_op(meta_graph):
    meta_graph.graph_def.node.add(name="custom", op="OpOfALostLibrary")


@pytest.mark.parametrize(
    "change, said",
    [(many_nodes, "60,0"), (a_circle, ""), (an_unknown_op, "OpOfALostLibrary")],
)
def test_an_absurd_graph_is_refused_in_one_line(tf_parity, tmp_path, change, said):
    path = exported_graph(tmp_path / "model.meta", linear)
    meta_graph = tf.MetaGraphDef.FromString((tmp_path / "model.meta").read_bytes())
    change(meta_graph)
    (tmp_path / "model.meta").write_bytes(meta_graph.SerializeToString())
    code, _, err = tf_parity("draft", path, "-o", tmp_path / "twin.py")
    assert code == 2, err
    assert said in err and len(err.splitlines()) == 1
    assert not (tmp_path / "twin.py").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "program.py", "--force"],
        ["-o", "twin.py", "--json", "program.py"],
        ["-o", "twin.py", "--checkpoint", "model.ckpt", "--json", "model.ckpt.index"],
    ],
)
def test_what_is_read_is_not_written_over(words, tf_parity, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("program.py", "model.ckpt.index"):
        (tmp_path / name).write_text("of the user")
    code, out, err = tf_parity("draft", "program.py:build", *words)
    assert (code, out) == (2, "") and "must not name what the command reads" in err
    for name in ("program.py", "model.ckpt.index"):
        assert (tmp_path / name).read_text() == "of the user"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_program_that_fails_shows_where(tf_parity, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("def build():\n    raise RuntimeError('my own')\n")
    twin = tmp_path / "twin.py"
    code, out, err = tf_parity("draft", f"{program}:build", "-o", twin)
    assert (code, out) == (2, "") and not twin.exists()
    trace, _, line = err.rstrip("\n").rpartition("\n")
    assert f'{program}", line 2, in build' in trace and "RuntimeError: my own" in trace
    assert line.startswith("tf-parity: MODEL must build its graph. Received: RuntimeE")


def test_a_list_that_is_given_in_parts_is_all_of_them():
    words = ["m.meta", "-o", "t.py", "--training-feed", "a=1", "--training-feed", "b=2"]
    named = draft.command.make_context("draft", words).params
    assert named["training_feed"] == "a=1,b=2" and named["inference_feed"] is None
