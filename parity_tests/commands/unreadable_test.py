"""Claims about what the system does not let be read or written: a line, and no loss."""

import pathlib

import numpy as np
import pytest

from parity_tests.migrate.checkpoint_models import checkpoint

pytestmark = pytest.mark.usefixtures("permissions_bind")
VALUES = {"dense/kernel": np.ones((3, 3), np.float32)}


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    """The name of a checkpoint in the current folder."""
    monkeypatch.chdir(tmp_path)
    return pathlib.Path(checkpoint(tmp_path, VALUES)).name


def contents():
    return {path: path.stat().st_size for path in pathlib.Path().rglob("*")}


def refused(tf_parity, *words):
    """The one line of a refusal for what is not permitted, after which all is as it was."""
    before = contents()
    code, out, err = tf_parity(*words)
    assert (code, out, err.count("\n")) == (2, "", 1), out + err
    assert "Permission denied" in err and contents() == before
    return err


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
@pytest.mark.parametrize("target", ["tf1:back.ckpt", "model.keras", "model.weights.h5"])
def test_a_closed_file_of_a_checkpoint(tf_parity, prefix, ending, target):
    closed = pathlib.Path(prefix + ending)
    closed.chmod(0)
    words = () if target.startswith("tf1:") else ("--model", write_model())
    err = refused(tf_parity, "convert", prefix, "--to", target, *words)
    assert prefix in err
    if ending == ".index":
        assert closed.name in refused(tf_parity, "inspect", prefix)


def write_model():
    pathlib.Path("twin.py").write_text(
        "import keras\n"
        "def build():\n"
        "    layer = keras.layers.Dense(3, use_bias=False, name='dense')\n"
        "    model = keras.Sequential([keras.Input((3,)), layer])\n"
        "    model.compile('sgd', 'mse')\n"
        "    return model\n"
    )
    return "twin.py:build"


@pytest.mark.parametrize(
    "name",
    [
        "frozen.pb",
        "model.meta",
        "model.h5",
        "model.hdf5",
        "model.keras",
        "model.weights.h5",
        "v1.ckpt",
        "exported/saved_model.pb",
        "saved/checkpoint",
    ],
)
def test_any_other_closed_file(tf_parity, prefix, name):
    del prefix
    closed = pathlib.Path(name)
    closed.parent.mkdir(exist_ok=True)
    closed.write_bytes(b"closed")
    closed.chmod(0)
    path = name if str(closed.parent) == "." else closed.parent
    if name == "exported/saved_model.pb":  # its variables alone are inspected
        words = ("convert", path, "--to", "out.keras")
    else:
        words = ("inspect", path)
    assert closed.name in refused(tf_parity, *words)
    if name in ("model.keras", "model.weights.h5"):
        words = ("convert", name, "--to", "tf1:back.ckpt", "--model", write_model())
        assert name in refused(tf_parity, *words)


@pytest.mark.parametrize("mode", [0o000, 0o600])
def test_a_closed_folder(tf_parity, prefix, mode):
    """Of mode 600 its names can be read, and nothing of its files."""
    folder = pathlib.Path("folder")
    folder.mkdir()
    for path in list(pathlib.Path().glob(f"{prefix}.*")):
        path.rename(folder / path.name)
    folder.chmod(mode)
    try:
        for path in (folder, folder / prefix):
            code, out, err = tf_parity("inspect", path)
            assert (code, out, err.count("\n")) == (2, "", 1), out + err
            assert "folder" in err
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("command", ["convert", "draft"])
def test_a_closed_map_or_model(tf_parity, prefix, command):
    names = pathlib.Path("names.json")
    names.write_text("{}")
    names.chmod(0)
    if command == "convert":
        words = (
            prefix,
            "--to",
            "model.keras",
            "--model",
            write_model(),
            "--map",
            names,
        )
        assert "names.json" in refused(tf_parity, "convert", *words)
        names = pathlib.Path("twin.py")
        names.chmod(0)
        words = (prefix, "--to", "model.keras", "--model", "twin.py:build")
        assert "twin.py" in refused(tf_parity, "convert", *words)
    else:
        pathlib.Path("model.meta").write_bytes(b"closed")
        pathlib.Path("model.meta").chmod(0)
        words = ("model.meta", "-o", "out.py")
        assert "model.meta" in refused(tf_parity, "draft", *words)


@pytest.mark.parametrize(
    "target", ["tf1:closed/back.ckpt", "closed/model.keras", "closed/model.weights.h5"]
)
def test_a_folder_that_takes_no_output(tf_parity, prefix, target):
    folder = pathlib.Path("closed")
    folder.mkdir(0o500)
    words = () if target.startswith("tf1:") else ("--model", write_model())
    assert "closed/" in refused(tf_parity, "convert", prefix, "--to", target, *words)
    assert not list(folder.iterdir())


def test_permission_bits_bind_again_as_before(prefix):
    """What the other claims rest on: a closed file cannot be opened."""
    closed = pathlib.Path(prefix + ".index")
    closed.chmod(0)
    with pytest.raises(PermissionError):
        closed.read_bytes()
    closed.chmod(0o600)
    assert closed.read_bytes()
