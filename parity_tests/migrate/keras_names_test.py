"""Claims about stand-alone Keras 2 beside TensorFlow 1."""

import keras
import pytest

from parity_tests.migrate.programs import TF, findings
from tf2_keras.migrate import api_table

SESSION = TF + "session = tf.Session()\n"


@pytest.mark.parametrize(
    "dotted, symbol",
    [
        ("keras", "tf.keras"),
        ("keras.layers.Dense", "tf.keras.layers.Dense"),
        ("keras.layers.core.Dense", "tf.keras.layers.Dense"),
        ("keras.layers.convolutional.Conv2D", "tf.keras.layers.Conv2D"),
        ("keras.layers.merge.concatenate", "tf.keras.layers.concatenate"),
        ("keras.engine.topology.Layer", "tf.keras.layers.Layer"),
        ("keras.engine.Layer", "tf.keras.layers.Layer"),
        ("keras.engine.training.Model", "tf.keras.Model"),
        ("keras.engine.Input", "tf.keras.Input"),
        ("keras.utils.np_utils.to_categorical", "tf.keras.utils.to_categorical"),
        ("keras.backend.tensorflow_backend.mean", "tf.keras.backend.mean"),
        ("keras.objectives.mse", "tf.keras.losses.mse"),
        ("kerastuner.engine", "kerastuner.engine"),
    ],
)
def test_private_modules_lead_to_public_names(dotted, symbol):
    assert api_table.canonical(dotted) == symbol
    if symbol.startswith("tf."):
        assert api_table.api()[symbol].in_tf1


USES = {
    "import keras\nkeras.layers.LSTM(3)": "tf.keras.layers.LSTM",
    "from keras import layers as L\nL.LSTM(3)": "tf.keras.layers.LSTM",
    "from keras.layers import LSTM\nLSTM(3)": "tf.keras.layers.LSTM",
    "from keras.layers.recurrent import LSTM\nLSTM(3)": "tf.keras.layers.LSTM",
    "from keras.layers import *\nLSTM(3)": "tf.keras.layers.LSTM",
    "import keras.backend as K\nK.set_session(s)": "tf.keras.backend.set_session",
    "from keras import backend as K\nK.get_session()": "tf.keras.backend.get_session",
}


@pytest.mark.parametrize("text", USES)
def test_the_package_is_read_as_the_tf_keras_of_1_15(text, tmp_path):
    told = findings(tmp_path, SESSION + text)
    (use,) = (finding for finding in told if finding.line == 4)
    assert use.symbol == USES[text] and use.status in ("changes", "gone")
    (package,) = (finding for finding in told if finding.symbol == "keras")
    assert package.line == 3 and "Keras 2" in package.note


def test_a_file_of_keras_alone_goes_with_its_neighbours(tmp_path):
    (tmp_path / "train.py").write_text(SESSION)
    text = "from keras.layers import GRU\nGRU(3)\n"
    told = findings(tmp_path, text, "model.py")
    assert told == []
    from tf2_keras.migrate import scan

    told = scan.scan([str(tmp_path)]).findings
    assert "tf.keras.layers.GRU" in {finding.symbol for finding in told}


@pytest.mark.parametrize(
    "text",
    [
        "import keras\nkeras.layers.LSTM(3)\n",  # says nothing, has no neighbour
        SESSION.replace("tf.Session()", "tf.compat.v1.Session()")
        + "import keras\nkeras.ops.mean(keras.layers.LSTM(3)(x))\n",
    ],
    ids=["alone", "with what only Keras 3 has"],
)
def test_keras_3_is_not_read_as_keras_2(text, tmp_path):
    told = {finding.symbol for finding in findings(tmp_path, text)}
    assert not any("keras" in symbol for symbol in told)


def test_what_only_the_package_had_is_unknown(tmp_path):
    told = findings(tmp_path, SESSION + "import keras\nkeras.layers.Merge([a, b])")
    (use,) = (finding for finding in told if finding.line == 4)
    assert (use.symbol, use.status) == ("tf.keras.layers.Merge", "unknown")
    assert "Keras 2" in use.note


GONE = (
    "fit_generator",
    "evaluate_generator",
    "predict_generator",
    "predict_classes",
)


@pytest.mark.parametrize("method", GONE)
@pytest.mark.parametrize(
    "receiver",
    [
        "keras.models.Sequential([layer])",
        "tf.keras.Model(x, y)",
        "unknown",
        "self.net.model",
    ],
)
def test_methods_of_a_model_that_are_gone(method, receiver, tmp_path):
    assert not hasattr(keras.Model, method) and not hasattr(keras.Sequential, method)
    told = findings(tmp_path, f"{SESSION}import keras\n{receiver}.{method}(x)")
    symbols = {finding.symbol for finding in told if finding.status == "restructure"}
    assert any(symbol.endswith("." + method) for symbol in symbols)
