"""What 1.15.5 exports runs in Keras, and what Keras exports runs in 1.15.5."""

import subprocess

import keras
import numpy as np

from parity_tests.witness import environment
from parity_tests.witness import saved_models as saved_models_of_tf1
from tf2_keras import tf1_semantics
from tf2_keras.migrate.checkpoint import exports, handover, saved_models

# Its transcendental kernels round otherwise, FACTS of the witness; of numbers about 1.
WITHIN = 4e-7


def under(python, *words):
    with environment.running(
        python,
        "parity_tests.witness.saved_models",
        *map(str, words),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        said = process.stderr.read()
    assert process.returncode == 0, said[-3000:]


def test_what_1_15_5_exports_is_a_layer(genuine_python, tmp_path):
    under(genuine_python, "write", tmp_path)
    computed = dict(np.load(tmp_path / "computed.npz"))
    feed = {"x": computed["x"], "ids": computed["ids"]}
    saved = exports.opened(tmp_path / "saved")
    p = saved.layer("serving_default")(feed).numpy()
    np.testing.assert_allclose(p, computed["p"], rtol=0, atol=WITHIN)
    logits = saved.layer("logits")(feed).numpy()
    np.testing.assert_allclose(logits, computed["logits"], rtol=0, atol=WITHIN)
    frozen = exports.opened(tmp_path / "frozen.pb").layer(outputs={"p": "net/p"})
    np.testing.assert_array_equal(frozen(feed).numpy(), p, strict=True)
    assert set(frozen.tf1_variables) == set(saved.variables)


def test_what_keras_exports_is_loaded_and_run_by_1_15_5(genuine_python, tmp_path):
    x = keras.Input((6, 6, 2), name="x")
    ids = keras.Input((5,), dtype="int32", name="ids")
    y = keras.layers.Conv2D(3, 3, activation="relu")(x)
    y = keras.layers.BatchNormalization()(y)
    y = keras.layers.DepthwiseConv2D(3, padding="same")(y)
    y = keras.layers.GlobalAveragePooling2D()(y)
    # Evaluated, it draws a mask at 1.0, and its stream moves.
    y = tf1_semantics.layers.Dropout(0.5, seed=(1, 2), fed=True)(y)
    looked_up = keras.layers.Embedding(9, 4)(ids)
    lstm = keras.layers.LSTM(3)(looked_up)
    gru = keras.layers.Bidirectional(keras.layers.GRU(2))(looked_up)
    y = keras.layers.Concatenate()([y, lstm, gru])
    p = keras.layers.Dense(3, activation="softmax", name="p")(y)
    model = keras.Model({"x": x, "ids": ids}, {"p": p, "y": y})
    numbers = np.random.RandomState(0)
    for variable in model.variables:
        value = numbers.uniform(0.1, 0.5, variable.shape)
        if not variable.path.startswith("seed") and variable.dtype == "float32":
            variable.assign(value.astype(variable.dtype))
    feed = {
        "x": numbers.standard_normal((4, 6, 6, 2)).astype("f"),
        "ids": numbers.randint(0, 9, (4, 5)).astype("i"),
    }
    expected = model(feed)
    np.savez(tmp_path / "feeds.npz", **feed)
    saved_models.write(tmp_path / "saved", model)
    out = tmp_path / "out.npz"
    under(genuine_python, "run", tmp_path / "saved", tmp_path / "feeds.npz", out)
    received = dict(np.load(out))
    assert set(received) == {"p", "y"}
    for key, value in received.items():
        np.testing.assert_allclose(value, expected[key].numpy(), rtol=4e-7, atol=WITHIN)


def test_nets_of_slim_go_on_in_keras_where_1_15_5_stopped(genuine_python, tmp_path):
    """The SavedModel's logits; the .meta trained one step on, with its slots."""
    under(genuine_python, "nets", tmp_path)
    for name in saved_models_of_tf1.NETS:
        folder = tmp_path / name
        computed = dict(np.load(folder / "computed.npz"))
        evaluated = exports.opened(folder / "saved").layer()(computed["images"])
        require_close(evaluated, computed["y"])
        export = exports.opened(folder / "model.ckpt.meta")
        model = export.model(inputs={"images": "images"}, outputs={"y": "logits"})
        model.compile(
            tf1_semantics.optimizers.Momentum(0.05, 0.9),
            tf1_semantics.losses.SoftmaxCrossEntropy(),
            jit_compile=False,
        )
        layer = model.get_layer("graph")
        names = {
            **layer.checkpoint_names(),
            "global_step": model.optimizer.iterations.path,
        }
        plan = handover.plan(folder / "model.ckpt", model, names)
        slots = [item for item in plan.items if item.role.kind == "slot"]
        assert len(slots) == len(model.trainable_variables), name
        # In training nothing reads the moving statistics, so they are no part of it.
        statistics = {
            problem.name for problem in plan.problems if "moving" not in problem.name
        }
        assert not statistics, name
        plan.load(partial=True)
        model.train_on_batch(computed["images"], computed["labels"])
        for variable, value in layer.tf1_variables.items():
            require_close(value, computed[f"resumed|{variable}".replace("/", "|")])


def require_close(received, expected):
    """Within the roundings of other kernels, by the largest number."""
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(
        np.asarray(received), expected, rtol=0, atol=5e-6 * scale
    )
