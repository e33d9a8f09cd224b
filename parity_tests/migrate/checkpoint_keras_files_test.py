"""Claims about the ``.h5`` of tf.keras in 1.15: into Keras 3, optimizer and all."""

import hashlib
import json
import pathlib
import shutil

import h5py
import keras
import numpy as np
import pytest

from parity_tests.witness.programs import keras_files as program
from tf2_keras.migrate.checkpoint import (
    handover,
    keras_configs,
    keras_files,
    reading,
)
from tf2_keras.migrate.checkpoint.errors import HandoverError
from tf2_keras.tf1_semantics import tf_keras

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)
GOLDENS = pathlib.Path(__file__).parents[1] / "goldens" / "keras_files"
# 1.15.5's transcendental kernels round otherwise; of weights and outputs about 1.
WITHIN = 1e-6


@pytest.fixture(scope="module")
def computed():
    return dict(np.load(GOLDENS / "computed.npz"))


def handed_over(name, partial=False):
    """The model that a file describes, with all that is in it."""
    file = keras_files.opened(GOLDENS / f"{name}.h5")
    model = keras_configs.model_of(file)
    names = keras_files.names_of(file, model)
    plan = handover.plan(file, model, names)
    plan.load(partial)
    return model, plan


def test_the_files_are_what_their_provenance_says():
    provenance = json.loads((GOLDENS / "provenance.json").read_text())
    for file, digest in provenance["sha256"].items():
        content = (GOLDENS / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, file
    source = pathlib.Path(program.__file__).read_bytes()
    assert hashlib.sha256(source).hexdigest() == provenance["source_sha256"]
    assert provenance["tensorflow"] == "1.15.5"


@pytest.mark.parametrize("name", ["layers", "words"])
def test_a_model_computes_and_goes_on_as_in_1_15_5(computed, name):
    """Outputs, and every weight after one step more: with the slots, not without.

    But for the table: of rows that a batch has twice, or not at all, Keras's optimizers
    make something else.
    """
    inputs = [computed["images"], computed["words"]][name == "words" :]
    targets = computed["targets"][:, : 2 - (name == "words")]
    model, plan = handed_over(name)
    model.run_eagerly = True
    assert plan.is_whole and any(i.role.kind == "slot" for i in plan.items)
    outputs = model(inputs if len(inputs) > 1 else inputs[0]).numpy()
    stored = computed[f"{name}_outputs"]
    np.testing.assert_allclose(outputs, stored, rtol=0, atol=WITHIN)
    apart = {}
    for without_slots in (False, True):
        plan.load()
        if without_slots:
            for variable in model.optimizer.variables[2:]:
                variable.assign(keras.ops.zeros_like(variable))
        batch = [part[: program.BATCH] for part in inputs]
        y = targets[: program.BATCH]
        model.train_on_batch(batch if len(batch) > 1 else batch[0], y)
        weights = [
            weight
            for layer in model.layers
            for weight in (*layer.trainable_weights, *layer.non_trainable_weights)
            if weight.dtype != "uint32"
        ]
        expected = [computed[f"{name}_resumed_{n}"] for n in range(len(weights))]
        assert f"{name}_resumed_{len(weights)}" not in computed
        apart[without_slots] = max(
            float(np.abs(weight.numpy() - value).max())
            for weight, value in zip(weights, expected, strict=True)
            if weight.name != "embeddings"
        )
    assert apart[False] < WITHIN < 1e-3 < apart[True], apart


def test_weights_in_cudnn_s_layout_are_those_of_lstm_and_gru(computed):
    x = keras.Input(computed["cudnn_x"].shape[1:])
    sigmoid = {"recurrent_activation": "sigmoid"}
    lstm = tf_keras.LSTM(3, return_sequences=True, name="lstm", **sigmoid)
    gru = tf_keras.GRU(3, reset_after=True, name="gru", **sigmoid)
    of_parts = keras.Model(x, gru(lstm(x)))
    lstm = keras.layers.LSTM(3, return_sequences=True, name="lstm")
    of_keras = keras.Model(x, keras.layers.GRU(3, name="gru")(lstm(x)))
    file = keras_files.opened(GOLDENS / "cudnn.h5")
    for model in (of_parts, of_keras):
        model.compile("sgd", "mse", jit_compile=False)
        handover.load(file, model, keras_files.names_of(file, model))
        outputs = model(computed["cudnn_x"]).numpy()
        stored = computed["cudnn_outputs"]
        np.testing.assert_allclose(outputs, stored, rtol=0, atol=WITHIN)


def test_weights_go_into_a_model_of_one_s_own(computed):
    """Layer by layer of the same name; then of the same shapes, where one alone has them."""
    words = keras.Input((5,), dtype="int32")
    y = keras.layers.Embedding(9, 4, name="embedding")(words)
    y = keras.layers.GRU(3, return_sequences=True, name="gru")(y)
    y = keras.layers.LSTM(3, name="another_name")(y)
    model = keras.Model(words, keras.layers.Dense(1, name="dense")(y))
    model.compile(keras.optimizers.SGD(0.05, 0.9), "mse", jit_compile=False)
    file = keras_files.opened(GOLDENS / "words.h5")
    names = keras_files.names_of(file, model)
    assert {name.partition("/")[0] for name in names} == {
        *("embedding_1", "gru_1", "lstm_1", "dense", "global_step")
    }
    handover.load(file, model, names)
    outputs = model(computed["words"].astype("int32")).numpy()
    np.testing.assert_allclose(outputs, computed["words_outputs"], rtol=0, atol=WITHIN)


def test_convert_and_inspect_take_such_files(tf_parity, computed, tmp_path):
    path = tmp_path / "model.keras"
    code, out, err = tf_parity("convert", GOLDENS / "layers.h5", "--to", path)
    assert (code, err) == (0, "") and "lstm/bias/Adam_1 → " in out
    loaded = keras.models.load_model(path)
    outputs = loaded([computed["images"], computed["words"]]).numpy()
    stored = computed["layers_outputs"]
    np.testing.assert_allclose(outputs, stored, rtol=0, atol=WITHIN)
    assert int(loaded.optimizer.iterations) == 4
    code, out, err = tf_parity("inspect", GOLDENS / "layers.h5")
    assert code == 0 and "a model of tf.keras" in out
    assert "slot Adam_1 of AdamOptimizer" in out and "moving statistics" in out
    code, out, err = tf_parity(
        "convert", GOLDENS / "cudnn.h5", "--to", tmp_path / "no.keras"
    )
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "weights alone" in err and not (tmp_path / "no.keras").exists()


# What is no such file.


def changed(tmp_path, change):
    path = tmp_path / "model.h5"
    shutil.copy(GOLDENS / "words.h5", path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def refusal(call, *arguments):
    with pytest.raises(HandoverError) as caught:
        call(*arguments)
    said = str(caught.value)
    assert ". Received: " in said and "\n" not in said
    return said


def with_config(change):
    def changed_file(file):
        config = json.loads(file.attrs["model_config"])
        change(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)

    return changed_file


@pytest.mark.parametrize(
    "kind", ["Lambda", "TensorFlowOpLayer", "Layer", "__class__", "Input"]
)
def test_a_layer_that_may_run_what_is_in_the_file_is_refused(tmp_path, kind):
    function = ["4wEAAAA=", None, None]

    def change(layers):
        layers[1] = {"class_name": kind, "config": {"name": "l", "function": function}}

    file = keras_files.opened(changed(tmp_path, with_config(change)))
    said = refusal(keras_configs.model_of, file)
    assert f"with a {kind}" in said and "run nothing of the file" in said


@pytest.mark.parametrize("kind", ["initializer", "activation"])
def test_only_objects_of_keras_are_made(tmp_path, kind):
    def change(layers):
        config = layers[0 if kind == "initializer" else 3]["config"]
        if kind == "initializer":
            made = {"class_name": "os.system", "config": {"command": "true"}}
            config["embeddings_initializer"] = made
        else:
            config["activation"] = "os.system"

    file = keras_files.opened(changed(tmp_path, with_config(change)))
    assert "can make" in refusal(keras_configs.model_of, file)


@pytest.mark.parametrize("kind", ["soft", "external", "raw"])
def test_nothing_outside_of_the_file_is_read(tmp_path, kind):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(4096))

    def change(file):
        place = "model_weights/dense/dense/kernel:0"
        del file[place]
        if kind == "soft":
            file[place] = h5py.SoftLink("/model_weights/dense/dense/bias:0")
        elif kind == "external":
            file[place] = h5py.ExternalLink(str(GOLDENS / "layers.h5"), "/x")
        else:
            external = [(str(secret), 0, 12)]
            file.create_dataset(place, (3, 1), "<f4", external=external)

    assert "must be whole" in refusal(keras_files.opened, changed(tmp_path, change))


def test_what_is_cut_off_or_of_keras_3_is_refused(tmp_path):
    path = tmp_path / "cut.h5"
    content = (GOLDENS / "words.h5").read_bytes()
    for kept in (0, 100, len(content) // 2):
        path.write_bytes(content[:kept])
        assert "must be whole" in refusal(reading.opened, path)
    with h5py.File(path, "w") as file:
        file["layers"] = [1.0]
    assert "names no layers" in refusal(reading.opened, path)
