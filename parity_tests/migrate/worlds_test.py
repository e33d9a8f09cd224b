"""Claims about telling TF1 code from TF2 code."""

import pytest

from parity_tests.migrate.programs import findings, symbols
from tf2_keras.migrate import scan

TF2 = {
    "model": "import tensorflow as tf\nm = tf.keras.Sequential([tf.keras.layers.Dense(3)])\n"
    "@tf.function\ndef step(x):\n    with tf.GradientTape() as tape:\n"
    "        loss = tf.nn.softmax_cross_entropy_with_logits(x, m(x))\n"
    "    return tape.gradient(loss, m.variables)",
    "keras": "import keras\nfrom keras import layers\nimport tensorflow as tf\n"
    "ds = tf.data.Dataset.from_tensor_slices(x).map(lambda x: tf.image.resize(x, (3, 3)))\n"
    "layers.Dense(3)(tf.nn.dropout(x, 0.5))",
    "only in TF2": "import tensorflow as tf\ntf.random.set_seed(1)\ntf.nn.dropout(x, 0.5)\n"
    "tf.random.Generator.from_seed(1)",
    "newer than known": "import tensorflow as tf\n@tf.function\ndef f(): tf.brand.new()",
    "names that TF2 lost since": "import tensorflow as tf\n"
    "tf.keras.layers.Dense(3, kernel_initializer=tf.initializers.zeros)\n"
    "tf.keras.losses.mean_squared_error(x, y)\nprint(tf.__version__)",
    "private names": "import keras\nimport tensorflow as tf\n"
    "from tensorflow.python.ops.math_ops import is_nan\ntf.where(is_nan(x), x, y)",
    "compat.v2": "import tensorflow.compat.v2 as tf\ntf.nn.dropout(x, 0.5)",
}


@pytest.mark.parametrize("name", TF2)
def test_code_for_tensorflow_2_gives_nothing(name, tmp_path):
    assert findings(tmp_path, TF2[name]) == []


def test_old_names_in_code_for_tensorflow_2_are_told(tmp_path):
    text = TF2["model"] + "\ntf.compat.v1.placeholder(tf.float32)"
    assert symbols(tmp_path, text) == ["tf.placeholder"]


def test_a_file_that_says_nothing_goes_with_its_neighbours(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    for folder, text in (("old", "tf.Session()"), ("new", "tf.GradientTape()")):
        (tmp_path / folder / "model.py").write_text(
            f"import tensorflow as tf\n{text}\n"
        )
        (tmp_path / folder / "loss.py").write_text(
            "import tensorflow as tf\ntf.nn.l2_loss(x)\n"
        )
    all_findings = scan.scan([str(tmp_path)]).findings
    symbols_of_loss = [
        finding.symbol for finding in all_findings if finding.file.endswith("loss.py")
    ]
    assert symbols_of_loss == ["tf.nn.l2_loss"]
    assert all("old" in finding.file for finding in all_findings)


def test_a_private_name_says_nothing_and_what_comes_after_it_does(tmp_path):
    private = "from tensorflow.python.ops.math_ops import is_nan\nis_nan(x)\n"
    text = f"import keras\nimport tensorflow as tf\n{private}tf.Session()\n"
    assert "tf.Session" in symbols(tmp_path, text)
