"""Claims about CIFAR-10: folders of both versions, and what Keras returns."""

import sys
import types

import numpy as np
import pytest

from parity_tests.datasets import DatasetError, cifar10, files
from parity_tests.datasets.cifar10_batches import (
    ROWS,
    batch,
    binary,
    written_by_python_2,
    written_by_python_3,
)

WRITERS = {
    "python 2": (written_by_python_2, cifar10.PYTHON_FILES, "cifar-10-batches-py"),
    "python 3": (written_by_python_3, cifar10.PYTHON_FILES, "cifar-10-batches-py"),
    "binary": (binary, cifar10.BINARY_FILES, "cifar-10-batches-bin"),
}
EACH_VERSION = pytest.mark.parametrize("version", WRITERS)


def write_folder(folder, version, first_seed=0):
    write, names, _ = WRITERS[version]
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        (folder / name).write_bytes(write(*batch(first_seed + index)))


def images_of(pixels):
    """The slow and plain way from planes to channels last."""
    images = np.zeros((len(pixels), 32, 32, 3), np.uint8)
    for channel in range(3):
        for row in range(32):
            start = 1024 * channel + 32 * row
            images[:, row, :, channel] = pixels[:, start : start + 32]
    return images


def assert_loaded(received, first_seed=0):
    batches = [batch(first_seed + index) for index in range(6)]
    pixels = np.concatenate([pixels for pixels, _ in batches[:5]])
    labels = np.concatenate([labels for _, labels in batches[:5]]).astype(np.uint8)
    test_labels = np.array(batches[5][1], np.uint8)
    expected = images_of(pixels), labels, images_of(batches[5][0]), test_labels
    for array, expected_array in zip(received, expected, strict=True):
        np.testing.assert_array_equal(array, expected_array, strict=True)
        assert array.flags.c_contiguous and array.flags.writeable


# ---- folders


@EACH_VERSION
def test_folder_is_read_directly(tmp_path, version):
    assert not cifar10.is_present(tmp_path)
    write_folder(tmp_path, version)
    assert cifar10.is_present(tmp_path)
    assert_loaded(cifar10.load(tmp_path))
    assert_loaded(cifar10.load(str(tmp_path)))


@EACH_VERSION
def test_folder_is_read_from_the_subfolder_of_its_archive(tmp_path, version):
    write_folder(tmp_path / WRITERS[version][2], version)
    assert cifar10.is_present(tmp_path)
    assert_loaded(cifar10.load(tmp_path))


def test_python_version_is_preferred(tmp_path):
    write_folder(tmp_path, "binary", first_seed=0)
    write_folder(tmp_path, "python 2", first_seed=10)
    assert_loaded(cifar10.load(tmp_path), first_seed=10)


def test_complete_version_is_preferred(tmp_path):
    write_folder(tmp_path, "python 2", first_seed=10)
    write_folder(tmp_path, "binary", first_seed=0)
    (tmp_path / "data_batch_3").unlink()
    assert_loaded(cifar10.load(tmp_path), first_seed=0)


@EACH_VERSION
def test_missing_batches_are_named(tmp_path, version):
    names = WRITERS[version][1]
    write_folder(tmp_path, version)
    (tmp_path / names[1]).unlink()
    (tmp_path / names[5]).unlink()
    with pytest.raises(DatasetError, match=f"without {names[1]}, {names[5]}. Unpack"):
        cifar10.load(tmp_path)
    assert cifar10.is_present(tmp_path)


def test_folder_without_batches_is_told_by_what_it_holds(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").touch()
    with pytest.raises(DatasetError, match="with 'cifar-10-python.tar.gz'. Unpack"):
        cifar10.load(tmp_path)


def test_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="must exist"):
        cifar10.load(tmp_path / "absent")
    assert not cifar10.is_present(tmp_path / "absent")


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").touch()
    with pytest.raises(DatasetError, match="must be a folder"):
        cifar10.load(tmp_path / "cifar-10-python.tar.gz")


def test_file_in_place_of_the_subfolder_is_refused(tmp_path):
    (tmp_path / "cifar-10-batches-py").touch()
    with pytest.raises(DatasetError, match="must be a folder"):
        cifar10.load(tmp_path)
    assert not cifar10.is_present(tmp_path)


def test_no_data_is_refused():
    with pytest.raises(DatasetError, match="none of it is embedded"):
        cifar10.load(None)


def test_file_that_the_system_does_not_open_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    write_folder(tmp_path, "binary")
    monkeypatch.setattr(files, "open", refuse, raising=False)
    with pytest.raises(DatasetError, match="data_batch_1.bin.*Permission denied"):
        cifar10.load(tmp_path)


# ---- the binary version


@pytest.mark.parametrize("change", [-1, 1, -3072])
def test_binary_batch_of_broken_rows_is_refused(tmp_path, change):
    write_folder(tmp_path, "binary")
    path = tmp_path / "test_batch.bin"
    content = path.read_bytes() + bytes(3073)
    path.write_bytes(content[: ROWS * 3073 + change])
    with pytest.raises(DatasetError, match="test_batch.bin.* too many"):
        cifar10.load(tmp_path)


def test_empty_binary_batch_is_refused(tmp_path):
    write_folder(tmp_path, "binary")
    (tmp_path / "data_batch_5.bin").write_bytes(b"")
    with pytest.raises(DatasetError, match="data_batch_5.bin"):
        cifar10.load(tmp_path)


def test_binary_label_above_nine_is_refused(tmp_path):
    write_folder(tmp_path, "binary")
    (tmp_path / "data_batch_2.bin").write_bytes(binary(batch()[0], [0, 10, 3]))
    with pytest.raises(DatasetError, match="labels from 0 to 10 in .*data_batch_2.bin"):
        cifar10.load(tmp_path)


# ---- keras.datasets


def pretend_keras(monkeypatch, load_data):
    """Puts a keras.datasets.cifar10 in place whose load_data is the given one."""
    module = types.SimpleNamespace(load_data=load_data)
    datasets = types.SimpleNamespace(cifar10=module)
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(datasets=datasets))
    monkeypatch.setitem(sys.modules, "keras.datasets", datasets)


def keras_half(seed):
    pixels, labels = batch(seed)
    return images_of(pixels), np.array(labels)[:, None]


def test_full_cifar10_comes_from_keras(monkeypatch):
    pretend_keras(monkeypatch, lambda: (keras_half(0), keras_half(1)))
    received = cifar10.load("full")
    expected = *keras_half(0), *keras_half(1)
    for array, expected_array in zip(received, expected, strict=True):
        squeezed = np.squeeze(expected_array).astype(np.uint8)
        np.testing.assert_array_equal(array, squeezed, strict=True)


def test_keras_without_network_is_refused_with_a_remedy(monkeypatch):
    def offline():
        raise Exception("URL fetch failure on\nhttps://www.cs.toronto.edu")

    pretend_keras(monkeypatch, offline)
    with pytest.raises(DatasetError, match="URL fetch failure on https.*--data DIR"):
        cifar10.load("full")


def test_keras_with_channels_first_is_refused_with_a_remedy(monkeypatch):
    images, labels = keras_half(0)
    half = images.transpose(0, 3, 1, 2), labels
    pretend_keras(monkeypatch, lambda: (half, half))
    with pytest.raises(DatasetError, match="channels_last"):
        cifar10.load("full")
