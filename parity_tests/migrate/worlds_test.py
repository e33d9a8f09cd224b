"""Claims about telling TF1 code from TF2 code."""

import importlib.util
import pathlib

import pytest

from parity_tests.migrate.programs import TF, findings, printed, symbols
from tf2_keras.migrate import guide, html_report, sarif, scan, terminal

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
    "methods of classes of both": "import tensorflow as tf\nimport keras\n"
    "v = tf.Variable(0.0)\nv.assign(1.0)\nif v == v: tf.nn.dropout(v, 0.5)",
    "compat.v2": "import tensorflow.compat.v2 as tf\ntf.nn.dropout(x, 0.5)",
}


@pytest.mark.parametrize("name", TF2)
def test_code_for_tensorflow_2_gives_nothing(name, tmp_path):
    assert findings(tmp_path, TF2[name]) == []


def test_old_names_in_code_for_tensorflow_2_are_told(tmp_path):
    text = TF2["model"] + "\ntf.compat.v1.placeholder(tf.float32)"
    assert symbols(tmp_path, text) == ["tf.placeholder"]


@pytest.mark.parametrize("written", ["tf.compat.v1.", "from tensorflow.compat.v1 "])
def test_what_is_written_as_it_is_called_today_stays(written, tmp_path):
    lines = {
        "tf.compat.v1.": f"{TF}m = tf.compat.v1.SummaryMetadata()\n"
        "s = tf.compat.v1.get_seed(1)\ntf.function(f)",
        "from tensorflow.compat.v1 ": "from tensorflow.compat.v1 import "
        "SummaryMetadata, get_seed\nm, s = SummaryMetadata(), get_seed(1)",
    }[written]
    assert {finding.status for finding in findings(tmp_path, lines)} == {"same"}
    lines = lines.replace(".compat.v1", "").replace("tf.function(f)", "tf.Session()")
    told = {finding.symbol: finding.status for finding in findings(tmp_path, lines)}
    assert told["tf.SummaryMetadata"] == told["tf.get_seed"] == "renamed"


def test_kerass_own_code_gives_nothing_but_what_it_takes_from_compat_v1():
    """TF2 code of more than 50 000 lines, those of its modules that name TensorFlow."""
    folder = pathlib.Path(importlib.util.find_spec("keras").origin).parent
    paths = [
        str(path)
        for path in sorted(folder.rglob("*.py"))
        if not path.name.endswith("_test.py")
        and "tensorflow" in path.read_text(encoding="utf-8")
    ]
    report = scan.scan(paths, workers=1)
    assert report.lines > 50_000
    told = {(finding.symbol, finding.source) for finding in report.to_show()}
    assert len(told) < 5
    assert [source for _, source in told if "compat.v1" not in source] == []


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


# ---------------------------------------------------- what a file does not say itself

# The program of tensorflow#47495: nothing in it says which TensorFlow it was written for.
LSTM = f"""{TF}
inputs = tf.keras.Input([5, 3])
model = tf.keras.Model(inputs, tf.keras.layers.LSTM(4)(inputs))
"""


@pytest.fixture
def told_nothing(tmp_path):
    (tmp_path / "lstm.py").write_text(LSTM)
    return str(tmp_path)


def test_what_was_taken_for_tensorflow_2_is_counted(told_nothing):
    report = scan.scan([told_nothing])
    assert (report.findings, report.taken_for_tf2) == ([], (3, 1))
    assert report.as_data()["summary"]["taken_for_tf2"] == {"uses": 3, "files": 1}
    for text in (
        printed(terminal.report(report)),
        printed(guide.tables(guide.reading(report))),
        html_report.html(report),
        str(sarif.log(report)),
    ):
        text = " ".join(text.split())
        assert "3 uses in 1 file that exist in both were taken" in text
        assert "--assume tf1" in text and "Nothing to do" not in text


def test_neighbours_of_tensorflow_2_say_enough(told_nothing, tmp_path):
    (tmp_path / "new.py").write_text(TF + "tf.random.set_seed(1)\n")
    report = scan.scan([told_nothing])
    assert (report.findings, report.taken_for_tf2) == ([], (0, 0))


def test_what_says_itself_what_it_is_is_not_counted(tmp_path):
    (tmp_path / "new.py").write_text(
        TF + "tf.keras.layers.LSTM(tf.random.set_seed(1))\n"
    )
    report = scan.scan([str(tmp_path)])
    assert (report.findings, report.taken_for_tf2) == ([], (0, 0))
    assert "exist in both" not in printed(terminal.report(report))


@pytest.mark.parametrize("assume, statuses", [("tf1", {"changes"}), ("tf2", set())])
def test_an_assumption_reads_such_files(assume, statuses, told_nothing):
    report = scan.scan([told_nothing], assume=assume)
    found = {
        finding.status
        for finding in report.findings
        if finding.symbol == "tf.keras.layers.LSTM"
    }
    assert found == statuses
    assert report.taken_for_tf2 == (0, 0)  # it was said


def test_a_tape_is_no_sign_where_tensorflow_1_is_assumed(tmp_path):
    """1.15 had tf.function and GradientTape too; what it had not still is a sign."""
    (tmp_path / "tape.py").write_text(
        TF + "tf.GradientTape()\ntf.keras.layers.GRU(3)\n"
    )
    (tmp_path / "seed.py").write_text(TF + "tf.random.set_seed(1)\n")
    files = {
        finding.file for finding in scan.scan([str(tmp_path)], assume="tf1").findings
    }
    assert files == {str(tmp_path / "tape.py")}


@pytest.mark.parametrize("command", ["scan", "guide"])
def test_commands_take_the_assumption(command, told_nothing, tf_parity):
    code, out, err = tf_parity(command, told_nothing, "--assume", "tf1")
    assert (code, err) == (0, "") and "tf.keras.layers.LSTM" in out
    code, out, err = tf_parity(command, told_nothing, "--assume", "tf3")
    assert (code, out) == (2, "") and "--assume must be a known name" in err


def test_a_private_name_says_nothing_and_what_comes_after_it_does(tmp_path):
    private = "from tensorflow.python.ops.math_ops import is_nan\nis_nan(x)\n"
    text = f"import keras\nimport tensorflow as tf\n{private}tf.Session()\n"
    assert "tf.Session" in symbols(tmp_path, text)
