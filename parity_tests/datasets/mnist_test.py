"""Claims about MNIST: the embedded digits, folders, downloads, what is made of them."""

import gzip
import hashlib
import pathlib
import re
import shutil
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.datasets import DatasetError, files, mnist
from parity_tests.datasets.idx import encode_idx

EMBEDDED = pathlib.Path(mnist.EMBEDDED_FOLDER)
ORIGINAL_NAMES = [spellings[0] for spellings in mnist.FOLDER_FILES]
OTHER_NAMES = [spellings[1] for spellings in mnist.FOLDER_FILES]


def few_digits():
    """5 training and 3 test digits of noise."""
    generator = np.random.RandomState(0)
    return mnist.Digits(
        generator.randint(0, 256, (5, 28, 28)).astype(np.uint8),
        np.array([0, 9, 3, 3, 1], np.uint8),
        generator.randint(0, 256, (3, 28, 28)).astype(np.uint8),
        np.array([2, 0, 9], np.uint8),
    )


def write_folder(folder, digits, names=ORIGINAL_NAMES):
    for name, array in zip(names, digits, strict=True):
        content = encode_idx(array)
        (folder / name).write_bytes(
            gzip.compress(content, mtime=0) if name.endswith(".gz") else content
        )


def assert_same(received, expected):
    for array, expected_array in zip(received, expected, strict=True):
        np.testing.assert_array_equal(array, expected_array, strict=True)


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path, few_digits())
    return tmp_path


# ---- the embedded digits


def test_embedded_digits_have_their_shapes_and_dtypes():
    digits = mnist.load()
    assert [array.shape for array in digits] == [(10000, 28, 28), (10000,)] * 2
    assert {array.dtype for array in digits} == {np.dtype(np.uint8)}
    assert all(array.flags.writeable for array in digits)


def test_embedded_digits_are_the_first_of_mnist():
    digits = mnist.load()
    # The labels as every tutorial prints them.
    assert digits.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert digits.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # The class sizes of the whole test set, as published.
    assert np.bincount(digits.test_labels).tolist() == [
        *(980, 1135, 1032, 1010, 982),
        *(892, 958, 1028, 974, 1009),
    ]
    assert digits.train_images.min() == 0 and digits.train_images.max() == 255


def test_source_page_and_sums_agree_with_the_files():
    page = (EMBEDDED / "SOURCE.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| `(\S+\.gz)` \| .*? \| (\d+) \| `([0-9a-f]{64})` \|", page)
    stated = {name: (int(size), digest) for name, size, digest in rows}
    contents = {path.name: path.read_bytes() for path in EMBEDDED.glob("*.gz")}
    assert set(contents) == set(mnist.EMBEDDED_FILES) == set(stated)
    sums = (EMBEDDED / "SHA256SUMS").read_text(encoding="ascii")
    for name, content in contents.items():
        digest = hashlib.sha256(content).hexdigest()
        assert stated[name] == (len(content), digest)
        assert f"{digest}  {name}\n" in sums
    assert "CC BY-SA 3.0" in page
    assert "LeCun" in page and "Cortes" in page


def test_source_page_states_the_sums_of_the_content():
    page = (EMBEDDED / "SOURCE.md").read_text(encoding="utf-8")
    for name in mnist.EMBEDDED_FILES:
        content = gzip.decompress((EMBEDDED / name).read_bytes())
        digest = hashlib.sha256(content).hexdigest()
        assert f"| `{name[:-3]}` | `{digest}` |" in page


def test_cut_files_carry_neither_time_nor_name():
    for name in mnist.EMBEDDED_FILES[:2]:
        content = (EMBEDDED / name).read_bytes()
        flags, time_stamp = content[3], content[4:8]
        assert (flags, time_stamp) == (0, bytes(4))


@pytest.mark.parametrize("name", [*mnist.EMBEDDED_FILES, "SHA256SUMS"])
@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damaged_embedded_file_is_refused(tmp_path, monkeypatch, name, damage):
    copy = tmp_path / "mnist"
    shutil.copytree(EMBEDDED, copy)
    if damage == "missing":
        (copy / name).unlink()
    else:
        content = bytearray((copy / name).read_bytes())
        content[4] ^= 1  # in a .gz the time stamp, which does not harm the content
        (copy / name).write_bytes(content)
    monkeypatch.setattr(mnist, "EMBEDDED_FOLDER", str(copy))
    with pytest.raises(DatasetError, match="Install tf-parity again"):
        mnist.load()


def test_embedded_digits_load_from_any_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(mnist.load().train_labels) == 10000


# ---- a folder


@pytest.mark.parametrize("ending", ["", ".gz"], ids=["plain", "gzipped"])
@pytest.mark.parametrize("names", [ORIGINAL_NAMES, OTHER_NAMES], ids=["-", "."])
def test_folder_is_read_under_each_spelling(tmp_path, names, ending):
    assert not mnist.is_present(tmp_path)
    write_folder(tmp_path, few_digits(), [name + ending for name in names])
    assert_same(mnist.load(tmp_path), few_digits())
    assert_same(mnist.load(str(tmp_path)), few_digits())
    assert mnist.is_present(tmp_path)


def test_spellings_may_be_mixed_and_the_plain_original_wins(folder):
    others = mnist.Digits(*(array[:1] for array in few_digits()))
    write_folder(folder, others, [name + ".gz" for name in ORIGINAL_NAMES])
    write_folder(folder, others, OTHER_NAMES)
    assert_same(mnist.load(folder), few_digits())


@pytest.mark.parametrize("name", ORIGINAL_NAMES)
def test_missing_file_is_named_beside_what_the_folder_holds(folder, name):
    (folder / name).unlink()
    (folder / "something else").touch()
    with pytest.raises(DatasetError, match=f"must hold {name} or .*'something else'"):
        mnist.load(folder)
    assert mnist.is_present(folder)


def test_long_list_of_what_a_folder_holds_is_cut(tmp_path):
    for number in range(30):
        (tmp_path / f"file {number:02}").touch()
    with pytest.raises(DatasetError, match="'file 07' and 22 more"):
        mnist.load(tmp_path)


def test_empty_folder_is_called_empty(tmp_path):
    with pytest.raises(DatasetError, match="the empty folder"):
        mnist.load(tmp_path)


@pytest.mark.parametrize("half", ["train", "test"])
def test_labels_and_images_of_different_number_are_refused(folder, half):
    digits = few_digits()
    fewer = digits._replace(**{f"{half}_labels": getattr(digits, f"{half}_labels")[1:]})
    write_folder(folder, fewer)
    with pytest.raises(DatasetError, match="as many labels as images"):
        mnist.load(folder)


def test_label_above_nine_is_refused(folder):
    labels = np.array([0, 9, 10, 3, 1], np.uint8)
    write_folder(folder, few_digits()._replace(train_labels=labels))
    with pytest.raises(DatasetError, match="the label 10 in .*train-labels"):
        mnist.load(folder)


@pytest.mark.parametrize("shape", [(5, 28, 27), (5, 32, 32), (5, 784, 1)])
def test_images_of_another_size_are_refused(folder, shape):
    images = np.zeros(shape, np.uint8)
    write_folder(folder, few_digits()._replace(test_images=images))
    with pytest.raises(DatasetError, match="uint8 of the shape"):
        mnist.load(folder)


@pytest.mark.parametrize("first", [0, 2], ids=["train", "test"])
def test_exchanged_images_and_labels_are_refused(folder, first):
    digits = list(few_digits())
    digits[first], digits[first + 1] = digits[first + 1], digits[first]
    write_folder(folder, digits)
    with pytest.raises(DatasetError, match="images and labels were not exchanged"):
        mnist.load(folder)


@pytest.mark.parametrize("name", ORIGINAL_NAMES)
def test_truncated_file_is_refused(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1])
    with pytest.raises(DatasetError, match=f"{name}.* truncated file"):
        mnist.load(folder)


def test_folder_in_place_of_a_file_is_refused(folder):
    (folder / ORIGINAL_NAMES[0]).unlink()
    (folder / ORIGINAL_NAMES[0]).mkdir()
    with pytest.raises(DatasetError, match="must be a file"):
        mnist.load(folder)


def test_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="A data folder must exist and be readable"):
        mnist.load(tmp_path / "absent")
    assert not mnist.is_present(tmp_path / "absent")


def test_file_in_place_of_the_folder_is_refused(folder):
    with pytest.raises(DatasetError, match="must be a folder"):
        mnist.load(folder / ORIGINAL_NAMES[0])
    assert not mnist.is_present(folder / ORIGINAL_NAMES[0])


def test_folder_that_the_system_does_not_list_is_refused(folder, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.os, "listdir", refuse)
    with pytest.raises(DatasetError, match="Permission denied"):
        mnist.load(folder)
    assert not mnist.is_present(folder)


def test_folder_that_the_system_does_not_let_look_into_is_refused(folder, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.os, "stat", refuse)
    with pytest.raises(DatasetError, match="Grant yourself read permission"):
        mnist.load(folder)


@pytest.mark.usefixtures("permissions_bind")
@pytest.mark.parametrize("mode", [0o000, 0o100, 0o400])
def test_folder_without_permission_is_refused(folder, mode):
    folder.chmod(mode)
    try:
        with pytest.raises(DatasetError, match="Permission denied"):
            mnist.load(folder)
    finally:
        folder.chmod(0o700)


# ---- keras.datasets


def pretend_keras(monkeypatch, load_data):
    """Puts a keras.datasets.mnist in place whose load_data is the given one."""
    module = types.SimpleNamespace(load_data=load_data)
    datasets = types.SimpleNamespace(mnist=module)
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(datasets=datasets))
    monkeypatch.setitem(sys.modules, "keras.datasets", datasets)


def test_full_mnist_comes_from_keras(monkeypatch):
    digits = few_digits()
    pretend_keras(monkeypatch, lambda: (digits[:2], digits[2:]))
    assert_same(mnist.load("full"), digits)


def test_keras_without_network_is_refused_with_a_remedy(monkeypatch):
    def offline():
        raise Exception("URL fetch failure on\nhttps://storage.googleapis.com.")

    pretend_keras(monkeypatch, offline)
    with pytest.raises(
        DatasetError, match=r"on https://storage.googleapis.com\. Name .*--data DIR\.$"
    ):
        mnist.load("full")


def test_absent_keras_is_refused_with_a_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setitem(sys.modules, "keras.datasets", None)
    with pytest.raises(DatasetError, match="--data DIR"):
        mnist.load("full")


def test_what_keras_returns_is_checked_too(monkeypatch):
    digits = few_digits()
    pretend_keras(monkeypatch, lambda: (digits[:2], (digits[2], digits[3][1:])))
    with pytest.raises(DatasetError, match="as many labels as images"):
        mnist.load("full")


def test_interrupted_download_ends_the_program(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    pretend_keras(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        mnist.load("full")


# ---- what the tutorials made of the digits


def test_scaling_multiplies_by_the_reciprocal_as_the_tutorials_did():
    images = np.arange(256 * 784, dtype=np.int64).astype(np.uint8).reshape(256, 28, 28)
    expected = images.reshape(256, 784).astype(np.float32)
    expected = np.multiply(expected, 1.0 / 255.0)
    received = mnist.flatten_and_scale(images)
    np.testing.assert_array_equal(
        received.view(np.int32), expected.view(np.int32), strict=True
    )
    assert received.dtype == np.float32


def test_dividing_by_255_would_change_126_of_the_256_pixel_values_by_one_ulp():
    pixels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1)
    scaled = mnist.flatten_and_scale(pixels)[:, 0]
    divided = np.arange(256, dtype=np.float32) / np.float32(255.0)
    distance = np.abs(scaled.view(np.int32) - divided.view(np.int32))
    assert np.bincount(distance).tolist() == [130, 126]


def test_scaled_pixels_lie_between_zero_and_one():
    pixels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1)
    scaled = mnist.flatten_and_scale(pixels)
    assert scaled.min() == 0.0 and scaled.max() == 1.0


@given(labels=st.lists(st.integers(0, 9), max_size=20))
def test_one_hot_rows_hold_a_single_one_at_their_label(labels):
    encoded = mnist.one_hot(np.array(labels, np.uint8))
    assert encoded.dtype == np.float32 and encoded.shape == (len(labels), 10)
    np.testing.assert_array_equal(
        encoded.sum(axis=1), np.ones(len(labels), np.float32), strict=True
    )
    np.testing.assert_array_equal(
        encoded.argmax(axis=1), np.array(labels, np.intp), strict=True
    )


@pytest.mark.parametrize("label", [-1, 3])
def test_label_outside_the_classes_is_not_encoded(label):
    with pytest.raises(DatasetError, match=f"the label {label}"):
        mnist.one_hot(np.array([0, label]), classes=3)
