"""Claims about inspect and convert: what they print and write, and how they end."""

import json
import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.migrate import written_checkpoints as written
from parity_tests.models import chapters
from tf2_keras.migrate.checkpoint import reading
from tf2_keras.migrate.checkpoint.errors import said

# Keras 3 writes a TensorFlow variable as NumPy 1 would.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)
MODEL = """
import keras
from tf2_keras import tf1_semantics

def build():
    x = keras.Input((3,))
    y = keras.layers.Dense(3, name="two")(keras.layers.Dense(3, name="one")(x))
    model = keras.Model(x, y)
    optimizer = tf1_semantics.optimizers.Adam(0.1)
    model.compile(optimizer, "mse", jit_compile=False)
    return model

def broken():
    raise RuntimeError("no such data")

nothing = 1
"""
NAMES = {
    "net/one/weights": "one/kernel",
    "net/one/biases": "one/bias",
    "net/two/weights": "two/kernel",
    "net/two/biases": "two/bias",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(prefix, {name: array}) of a TF1 program that trained three steps."""
    folder = tmp_path_factory.mktemp("trained")
    with tf1.Graph().as_default():
        x = tf1.ones([2, 3])
        for name in ("one", "two"):
            with tf1.variable_scope(f"net/{name}"):
                initial = tf1.ones_initializer()
                weights = tf1.get_variable("weights", [3, 3], initializer=initial)
                x = x @ weights + tf1.get_variable("biases", [3], initializer=initial)
        step = tf1.train.get_or_create_global_step()
        train = tf1.train.AdamOptimizer(0.1).minimize(tf1.reduce_sum(x * x), step)
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            for _ in range(3):
                session.run(train)
            prefix = tf1.train.Saver().save(session, str(folder / "model.ckpt"), 3)
            values = session.run({v.op.name: v for v in tf1.global_variables()})
    return prefix, values


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "twin.py"
    path.write_text(MODEL)
    return f"{path}:build"


def test_inspect_says_what_every_tensor_is(tf_parity, trained, tmp_path):
    prefix, values = trained
    report = tmp_path / "report.json"
    code, out, err = tf_parity("inspect", prefix, "--json", report)
    assert (code, err) == (0, "")
    for words in (
        "net/one/weights/Adam_1  [3, 3]  float32  slot Adam_1 of AdamOptimizer",
        "beta1_power  []  float32  power, beta1_power",
        "global_step  []  int64  step",
        "weight: 4 tensors, 24 values, 96 bytes",
    ):
        assert " ".join(words.split()) in " ".join(out.split())
    data = json.loads(report.read_text())
    assert {tensor["name"] for tensor in data["tensors"]} == set(values)
    assert data["totals"]["slot"] == {"tensors": 8, "elements": 48, "bytes": 192}
    assert data["kind"] == "a TF1 checkpoint, format V2"


def test_inspect_breaks_no_line_of_a_small_checkpoint(tf_parity, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # whose own name may be a line long
    (tmp_path / "v1").write_bytes(
        written.table(written.slice_pairs({"w": np.ones((3, 2), np.float32)}))
    )
    _, out, _ = tf_parity("inspect", "v1")
    assert "all: 1 tensor, 6 values, 24 bytes" in out.splitlines()
    assert out.splitlines()[0] == "v1: a TF1 checkpoint, format V1"


def test_inspect_of_a_meta_shows_variables_in_order_of_use(tf_parity, trained):
    prefix, _ = trained
    code, out, _ = tf_parity("inspect", f"{prefix}.meta")
    assert code == 0 and "4 of them are trained" in out
    assert out.index("net/one/weights ") < out.index("net/two/weights ")


def test_inspect_of_what_keras_and_tensorflow_2_wrote(tf_parity, tmp_path):
    module = {}
    exec(MODEL, module)
    model = module["build"]()
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    for path in ("model.keras", "model.weights.h5"):
        code, out, _ = tf_parity("inspect", tmp_path / path)
        assert code == 0 and "weight: 4 tensors, 24 values, 96 bytes" in out
    tf.saved_model.save(tf.Module(), str(tmp_path / "saved"))
    code, out, _ = tf_parity("inspect", tmp_path / "saved")
    assert code == 0 and "SavedModel of TF2" in out


def loaded(path):
    module = {}
    exec(MODEL, module)
    model = module["build"]()
    model.optimizer.build(model.trainable_variables)
    if str(path).endswith(".keras"):
        return keras.models.load_model(path)
    model.load_weights(path)
    return model


@pytest.mark.parametrize("output", ["model.weights.h5", "model.keras"])
def test_a_checkpoint_becomes_a_file_of_keras_s(
    tf_parity, trained, model_file, tmp_path, output
):
    """Weights, slots, powers and the step; by names alone."""
    prefix, values = trained
    path, report = tmp_path / output, tmp_path / "report.json"
    words = ["convert", prefix, "--to", path, "--model", model_file, "--json", report]
    code, out, err = tf_parity(*words)
    assert (code, err) == (0, "")
    assert "net/one/weights → one/kernel  weight, by name" in out
    model = loaded(path)
    received = {weight.path: weight.numpy() for weight in model.weights}
    for name, target in NAMES.items():
        np.testing.assert_array_equal(received[target], values[name], strict=True)
    slots, others = model.optimizer.tf1_slots()
    for slot, slot_variables in slots.items():
        for name, variable in zip(NAMES, slot_variables, strict=True):
            np.testing.assert_array_equal(
                variable.numpy(), values[f"{name}/{slot}"], strict=True
            )
    assert others["beta1_power"].numpy() == values["beta1_power"]
    assert int(model.optimizer.iterations.numpy()) == 3
    data = json.loads(report.read_text())
    assert data["written"] and data["whole"] and data["problems"] == []
    assert sorted(os.listdir(tmp_path)) == sorted([output, "report.json", "twin.py"])


OWN = """
@keras.saving.register_keras_serializable("own")
class Own(keras.layers.Dense):
    pass

@keras.saving.register_keras_serializable("own")
def own(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "of_keras, of_its_own",
    [('keras.layers.Dense(3, name="two")', 'Own(3, name="two")'), ('"mse"', "own")],
    ids=["a class", "a function"],
)
def test_a_new_process_loads_it_after_the_import_that_is_said(
    tf_parity, trained, tmp_path, run_python, of_keras, of_its_own
):
    """Keras knows of a class or function of others only what was registered."""
    twin, path = tmp_path / "own_twin.py", tmp_path / "model.keras"
    own = MODEL.replace(of_keras, of_its_own)
    twin.write_text(own.replace("def build", f"{OWN}\ndef build"))
    code, out, err = tf_parity(
        "convert", trained[0], "--to", path, "--model", f"{twin}:build"
    )
    assert (code, err) == (0, "")
    (said,) = [line for line in out.splitlines() if "load_model" in line]
    *_, imported = said.partition(" takes it after: ")
    assert imported == "import own_twin, tf2_keras.tf1_semantics"
    loading = f"import keras; keras.models.load_model({str(path)!r})"
    parts = "import tf2_keras.tf1_semantics"
    without = run_python("-c", f"{parts}; {loading}", cwd=tmp_path)
    assert without.returncode == 1 and of_its_own[:3] in without.stderr
    assert run_python("-c", f"{imported}; {loading}", cwd=tmp_path).returncode == 0


@pytest.mark.filterwarnings("error:Skipping variable loading for optimizer")
def test_a_saved_model_leaves_slots_behind_without_a_word(
    tf_parity, trained, model_file, tmp_path
):
    path, model = tmp_path / "model.keras", ["--model", model_file]
    assert tf_parity("convert", trained[0], "--to", path, *model)[0] == 0
    target = f"saved_model:{tmp_path / 'saved'}"
    code, out, err = tf_parity("convert", path, "--to", target, *model)
    assert (code, err) == (0, "") and "1 signature\n" in out


def test_there_and_back_is_the_same_checkpoint(
    tf_parity, trained, model_file, tmp_path
):
    prefix, values = trained
    there, names = tmp_path / "model.keras", tmp_path / "names.json"
    assert tf_parity("convert", prefix, "--to", there, "--model", model_file)[0] == 0
    names.write_text(json.dumps({**NAMES, "global_step": "adam/iteration"}))
    words = ["convert", there, "--to", f"tf1:{tmp_path / 'back.ckpt'}"]
    code, _, err = tf_parity(*words, "--model", model_file, "--map", names)
    assert (code, err) == (0, "")
    back = reading.opened(tmp_path / "back.ckpt")
    assert set(back.entries) == set(values)
    for name, value in values.items():
        np.testing.assert_array_equal(back.read(name), value, strict=True)


def test_a_v1_checkpoint_becomes_one_of_v2_under_other_names(tf_parity, tmp_path):
    tensors = {"a": np.ones(3, np.float32), "b": np.zeros((2, 2), np.float32)}
    old, names = tmp_path / "old.ckpt", tmp_path / "names.json"
    old.write_bytes(written.table(written.slice_pairs(tensors)))
    names.write_text(json.dumps({"a": "net/a", "b": None}))
    target = f"tf1:{tmp_path / 'new.ckpt'}"
    assert tf_parity("convert", old, "--to", target, "--map", names)[0] == 0
    new = reading.opened(tmp_path / "new.ckpt")
    assert new.kind == "V2" and set(new.entries) == {"net/a"}
    np.testing.assert_array_equal(new.read("net/a"), tensors["a"], strict=True)


def test_a_chapter_is_converted_by_its_own_names(tf_parity, tmp_path):
    program = chapters.graph("linear_regression").build()
    with program.graph.as_default(), tf1.Session() as session:
        session.run(tf1.global_variables_initializer())
        prefix = tf1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
        values = session.run({v.op.name: v for v in tf1.trainable_variables()})
    path = tmp_path / "model.keras"
    words = ["convert", prefix, "--to", path, "--chapter", "linear_regression"]
    code, _, err = tf_parity(*words)
    assert (code, err) == (0, "")
    model = keras.models.load_model(path)
    names = chapters.twin("linear_regression").checkpoint_names(model)
    received = {weight.path: weight.numpy() for weight in model.weights}
    for name, value in values.items():
        np.testing.assert_array_equal(received[names[name]], value, strict=True)


def test_the_meta_beside_a_checkpoint_tells_the_order_of_use(
    tf_parity, model_file, tmp_path
):
    """Names tell nothing, shapes are alike: without the .meta it is ambiguous."""
    with tf1.Graph().as_default(), tf1.Session() as session:
        y = tf1.ones([2, 3])
        for kernel, bias in (("d", "a"), ("b", "c")):
            weights = tf1.get_variable(kernel, [3, 3])
            y = y @ weights + tf1.get_variable(bias, [3])
        session.run(tf1.global_variables_initializer())
        prefix = tf1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
        values = session.run({v.op.name: v for v in tf1.global_variables()})
    path = tmp_path / "m.keras"
    words = ["convert", prefix, "--to", path, "--model", model_file]
    code, out, err = tf_parity(*words, "--partial")
    assert code == 0, err
    received = {w.path: w.numpy() for w in keras.models.load_model(path).weights}
    for name, target in (("d", "one/kernel"), ("b", "two/kernel"), ("c", "two/bias")):
        np.testing.assert_array_equal(received[target], values[name], strict=True)
    os.remove(f"{prefix}.meta")
    code, out, err = tf_parity(*words, "--force")
    assert (code, out) == (2, "") and "ambiguous: a float32 [3]: one/bias [3]" in err


def test_a_dry_run_says_it_and_writes_nothing(tf_parity, trained, model_file, tmp_path):
    prefix, _ = trained
    words = ["convert", prefix, "--to", tmp_path / "m.keras", "--model", model_file]
    code, out, _ = tf_parity(*words, "--dry-run")
    assert code == 0 and "net/two/biases/Adam → two/bias/Adam" in out
    assert os.listdir(tmp_path) == ["twin.py"]


def test_an_output_that_exists_stays_unless_forced(
    tf_parity, trained, model_file, tmp_path
):
    prefix, _ = trained
    path = tmp_path / "m.keras"
    path.write_text("mine")
    words = ["convert", prefix, "--to", path, "--model", model_file]
    code, out, err = tf_parity(*words)
    assert (code, out) == (2, "") and "must not exist" in err
    assert path.read_text() == "mine"
    assert tf_parity(*words, "--force")[0] == 0
    assert keras.models.load_model(path).built


def mistakes(tmp_path, prefix, model_file):
    """{what is wrong: (words of convert, what the line says)}."""
    to, model = ["--to", tmp_path / "m.keras"], ["--model", model_file]
    path = model_file.removesuffix(":build")
    tf.saved_model.save(tf.Module(), str(tmp_path / "tf2"))
    for name, names in {
        "unknown": {"net/one/wights": "one/kernel"},
        "nowhere": {"net/one/weights": "one/kernle"},
        "twice": {"net/one/weights": "one/kernel", "net/two/weights": "one/kernel"},
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(names))
    (tmp_path / "no.json").write_text("{")
    (tmp_path / "keys.json").write_text('{"a": "b", "a": "c"}')
    whole = pathlib.Path(f"{prefix}.index").read_bytes()
    data = pathlib.Path(f"{prefix}.data-00000-of-00001").read_bytes()
    for name, index, content in (
        ("index", whole[:-9], data),
        ("data", whole, data[:-9]),
        ("bytes", whole, b"\xff" + data[1:]),
    ):
        (tmp_path / f"{name}.index").write_bytes(index)
        (tmp_path / f"{name}.data-00000-of-00001").write_bytes(content)
    (tmp_path / "shard.index").write_bytes(whole)

    def of_map(name):
        return [prefix, *to, *model, "--map", tmp_path / f"{name}.json"]

    return {
        "no checkpoint": ([tmp_path / "none", *to, *model], "no such file"),
        "no checkpoint, no model": ([tmp_path / "none", *to], "no such file"),
        "no graph": ([tmp_path / "none.pb", *to], "readable"),
        "a graph for a model": ([f"{prefix}.meta", *to, *model], "model of its own"),
        "no signature": ([prefix, *to, "--signature", "s"], "--signature"),
        "a SavedModel of TF1's": ([prefix, "--to", "saved_model:x"], "file of Keras's"),
        "no shard": ([tmp_path / "shard", *to, *model], "all of its shards"),
        "a short index": ([tmp_path / "index", *to, *model], "must be whole"),
        "short data": ([tmp_path / "data", *to, *model], "must be whole"),
        "other data": ([tmp_path / "bytes", *to, *model], "checksum"),
        "a SavedModel of TF2": ([tmp_path / "tf2", *to, *model], "SavedModel of TF2"),
        "no model": ([prefix, *to], "--model FILE.py:build"),
        "two models": ([prefix, *to, *model, "--chapter", "resnet"], "not be given"),
        "another output": ([prefix, "--to", "m.onnx", *model], "m.onnx"),
        "no folder": ([prefix, "--to", tmp_path / "no" / "m.keras", *model], "folder"),
        "no function": ([prefix, *to, "--model", f"{path}:nothing"], "function"),
        "no file": ([prefix, *to, "--model", "none.py:build"], "none.py"),
        "other streams": ([prefix, *to, *model, "--streams", "9"], "RUNSxBATCH"),
        "an unknown name": (of_map("unknown"), "net/one/weights"),
        "an unknown target": (of_map("nowhere"), "one/kernel"),
        "a target twice": (of_map("twice"), "for net/one/weights and net/two/weights"),
        "no JSON": (of_map("no"), "JSON"),
        "a name twice": (of_map("keys"), "a is named twice"),
        "no map": ([prefix, *to, *model, "--map", tmp_path / "none.json"], "none.json"),
    }


def test_a_mistake_is_one_line_and_leaves_nothing(
    tf_parity, trained, model_file, tmp_path
):
    prefix, _ = trained
    wrong = mistakes(tmp_path, prefix, model_file)
    before = sorted(os.listdir(tmp_path))
    for kind, (words, part) in wrong.items():
        code, out, err = tf_parity("convert", *words)
        assert (code, out) == (2, ""), kind
        assert err.startswith("tf-parity: ") and err.count("\n") == 1, kind
        assert ". Received: " in err and part in err, f"{kind}: {err}"
        assert sorted(os.listdir(tmp_path)) == before, kind


FULL = """
import ctypes, json, os, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.dont_write_bytecode = True
folder, calls = sys.argv[1], json.loads(sys.argv[2])
library = ctypes.CDLL(None)
MOUNTS, USERS, PRIVATE = 0x20000, 0x10000000, 0x44000  # sched.h, mount.h
is_small = (
    hasattr(library, "unshare")
    and (library.unshare(MOUNTS) == 0 or library.unshare(MOUNTS | USERS) == 0)
    and library.mount(b"none", b"/", None, PRIVATE, None) == 0
    and library.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, b"size=4k") == 0
)
from parity_tests.commands import cli

def convert():
    codes = []
    for words in calls:
        sys.argv = ["tf-parity", "convert", *words]
        try:
            cli.main()
        except SystemExit as stop:
            codes.append(stop.code)
    return codes, os.listdir(folder)

outcomes = [convert()] if is_small else []
if is_small:
    library.umount(folder.encode())
resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
print(json.dumps([*outcomes, convert()]))
"""


@pytest.mark.slow
def test_a_disk_without_room_is_one_line_and_leaves_nothing(
    run_python, trained, model_file, tmp_path
):
    """A tmpfs of one page, where a process may mount one; files of 2 KiB at the most."""
    prefix, _ = trained
    folder = tmp_path / "out"
    folder.mkdir()
    big = written.table(written.slice_pairs({"a": np.ones(1000, np.float32)}))
    (tmp_path / "big.ckpt").write_bytes(big)
    module = {}
    exec(MODEL, module)
    module["build"]().save(tmp_path / "model.keras")
    calls = [
        [prefix, "--to", folder / "model.keras", "--model", model_file],
        [prefix, "--to", folder / "model.weights.h5", "--model", model_file],
        [tmp_path / "big.ckpt", "--to", f"tf1:{folder / 'back.ckpt'}"],
        [tmp_path / "model.keras", "--to", f"saved_model:{folder / 'saved'}"],
    ]
    calls = [[str(word) for word in words] for words in calls]
    ran = run_python("-c", FULL, folder, json.dumps(calls))
    outcomes = json.loads(ran.stdout or "[]")
    assert outcomes and all(outcome == [[2] * 4, []] for outcome in outcomes), (
        ran.stderr
    )
    said = [line for line in ran.stderr.splitlines() if line.startswith("tf-parity: ")]
    assert len(said) == 4 * len(outcomes) and "Traceback" not in ran.stderr, ran.stderr
    assert all("a place that takes it" in line for line in said), said
    assert all("(File too large)" in line for line in said[-4:]), said
    assert all("(No space left on device)" in line for line in said[:-4]), said
    if len(outcomes) == 1:
        pytest.skip("no tmpfs can be mounted here: only files were kept small")


def test_what_raises_in_the_model_s_file_shows_its_traceback(
    tf_parity, trained, model_file, tmp_path
):
    prefix, _ = trained
    broken = model_file.replace(":build", ":broken")
    words = ["convert", prefix, "--to", tmp_path / "m.keras", "--model", broken]
    code, _, err = tf_parity(*words)
    assert code == 2 and "no such data" in err
    assert err.splitlines()[-1].startswith("tf-parity: --model must return its model")


def test_inspect_of_what_is_no_checkpoint_is_one_line(tf_parity, tmp_path):
    for name in ("no.h5", "no.keras", "no.meta", "no"):
        path = tmp_path / name
        for content in (None, b"", b"no checkpoint " * 9):
            if content is not None:
                path.write_bytes(content)
            code, out, err = tf_parity("inspect", path)
            assert (code, out, err.count("\n")) == (2, "", 1), (name, content)
            assert ". Received: " in err


def test_what_a_library_says_is_cut_between_words_and_has_a_name_if_it_says_nothing():
    words = "an axis that is out of bounds " * 9
    told = said(ValueError(f"{words}\nand more"))
    assert len(told) <= 160 and told.endswith(" …")
    assert words.startswith(told.removesuffix(" …") + " ")
    assert said(ValueError("short\nlong")) == "short"
    assert said(KeyError()) == "KeyError"
