"""MNIST: the embedded digits, a folder of IDX files, or keras.datasets.

Source: Y. LeCun, C. Cortes, http://yann.lecun.com/exdb/mnist/; the embedded part is
described in mnist/SOURCE.md. `flatten_and_scale` and `one_hot` are what the TensorFlow
tutorials' `input_data.read_data_sets(folder, one_hot=True)` did to it.
"""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

import numpy as np

from parity_tests.datasets.errors import DatasetError
from parity_tests.datasets.files import (
    described_content,
    list_folder,
    path_text,
    read_file,
)
from parity_tests.datasets.idx import decode_idx, read_idx

# The folder of data beside this module, which lies inside an installed wheel too.
EMBEDDED_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mnist")
EMBEDDED_FILES = (
    "train10k-images-idx3-ubyte.gz",
    "train10k-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

# Both spellings are in circulation; the first is the original.
FOLDER_FILES = (
    ("train-images-idx3-ubyte", "train-images.idx3-ubyte"),
    ("train-labels-idx1-ubyte", "train-labels.idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"),
    ("t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"),
)

# All that may be read of a folder, each also gzipped.
FILES = tuple(
    name + ending
    for spellings in FOLDER_FILES
    for name in spellings
    for ending in ("", ".gz")
)

CLASSES = 10
SIDE = 28  # pixels
VALIDATION_SIZE = 5000  # read_data_sets kept the first examples for validation
INSTALL_AGAIN = "Install tf-parity again"


class Digits(NamedTuple):
    """Raw digits: pixels 0 (paper) to 255 (ink), labels 0 to 9.

    Shapes: images `[n, 28, 28]` uint8, labels `[n]` uint8.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load(data=None) -> Digits:
    """Loads training and test digits.

    Args:
        data: None for the embedded 10 000 + 10 000, "full" for keras.datasets.mnist,
            or a folder of the four IDX files, each gzipped or not. Where a folder
            holds a file twice, the uncompressed one under its original name is read.

    Returns:
        `Digits`, not scaled.

    Raises:
        DatasetError: the data is absent, unreadable or not MNIST.
    """
    if data is None:
        return _load_embedded()
    if data == "full":
        return _load_from_keras()
    return _load_folder(path_text(data))


def is_present(folder) -> bool:
    """Whether a folder holds any MNIST IDX file; False if it cannot be listed."""
    try:
        names = list_folder(folder)
    except DatasetError:
        return False
    return any(_find(spellings, names) for spellings in FOLDER_FILES)


def read_data_sets(data=None):
    """Digits scaled and split as the tutorials' ``input_data.read_data_sets`` did it.

    Args:
        data: as of ``load``.

    Returns:
        ((images `[n, 784]`, float32; labels `[n]`, uint8) to train on, the same to score
        on). A data set with nothing beyond the validation examples keeps them all.

    Raises:
        DatasetError: as ``load``.
    """
    digits = load(data)
    start = VALIDATION_SIZE if len(digits.train_images) > VALIDATION_SIZE else 0
    return (
        (flatten_and_scale(digits.train_images[start:]), digits.train_labels[start:]),
        (flatten_and_scale(digits.test_images), digits.test_labels),
    )


def flatten_and_scale(images: np.ndarray) -> np.ndarray:
    """Pixels between 0 and 1, one row an image, bit for bit as the tutorials had them.

    Args:
        images: `[n, 28, 28]`, uint8.

    Returns:
        `[n, 784]`, float32.

    Source: tensorflow/contrib/learn/python/learn/datasets/mnist.py (1.15), class
        DataSet, reached as tensorflow.examples.tutorials.mnist.input_data.
    """
    flat = images.reshape(len(images), -1).astype(np.float32)  # [n, 784]
    # A multiplication by the rounded reciprocal: dividing by 255 is 1 ULP away for
    # 126 of the 256 pixel values.
    return np.multiply(flat, np.float32(1.0 / 255.0))


def one_hot(labels: np.ndarray, classes: int = CLASSES) -> np.ndarray:
    """Labels as rows with a single one.

    Args:
        labels: `[n]`, integers from 0 to `classes` - 1.
        classes: the number of columns.

    Returns:
        `[n, classes]`, float32.

    Raises:
        DatasetError: a label lies outside the classes.
    """
    labels = np.asarray(labels)
    outside = labels[(labels < 0) | (labels >= classes)]
    if outside.size:
        raise DatasetError(
            f"A label must lie between 0 and {classes - 1}",
            f"the label {outside[0]}",
            "Check the labels, or name more classes",
        )
    encoded = np.zeros((len(labels), classes), np.float32)
    encoded[np.arange(len(labels)), labels] = 1.0
    return encoded


def _load_embedded():
    sums = _embedded_sums()
    arrays = []
    for name in EMBEDDED_FILES:
        path, content = _read_embedded(name)
        received = hashlib.sha256(content).hexdigest()
        if received != sums.get(name):
            raise DatasetError(
                f"The embedded file {name} must have the SHA-256 {sums.get(name)}",
                f"{path!r} with {received}",
                INSTALL_AGAIN,
            )
        arrays.append(decode_idx(content, path))
    return _checked(arrays, EMBEDDED_FILES)


def _embedded_sums():
    """File name -> SHA-256, from the file that `sha256sum` wrote."""
    _, content = _read_embedded("SHA256SUMS")
    # Undecodable bytes can only make a sum differ, which the caller reports.
    lines = content.decode("ascii", errors="replace").splitlines()
    pairs = (line.partition("  ") for line in lines)
    return {name: digest for digest, _, name in pairs}


def _read_embedded(name):
    """The path and the content of an embedded file."""
    path = os.path.join(EMBEDDED_FOLDER, name)
    try:
        return path, read_file(path)
    except DatasetError as error:  # the user did not spell this path
        raise DatasetError(error.rule, error.received, INSTALL_AGAIN) from error


def _load_from_keras():
    try:
        from keras.datasets import mnist

        (train_images, train_labels), (test_images, test_labels) = mnist.load_data()
    except Exception as error:  # no Keras, no network, no room, a changed file ...
        raise DatasetError(
            "The full MNIST must be downloadable, or already in Keras's cache",
            f"{type(error).__name__} from keras.datasets.mnist: {error}".rstrip(". "),
            "Name a folder of the four IDX files with --data DIR",
        ) from error
    arrays = [train_images, train_labels, test_images, test_labels]
    return _checked(
        arrays, [f"keras.datasets.mnist {field}" for field in Digits._fields]
    )


def _load_folder(folder):
    names = list_folder(folder)
    file_names = [_find(spellings, names) for spellings in FOLDER_FILES]
    for spellings, name in zip(FOLDER_FILES, file_names):
        if name is None:
            raise DatasetError(
                f"A folder of MNIST must hold {spellings[0]} or {spellings[1]}, "
                "with or without .gz",
                described_content(folder, names),
                "Put the file there, or leave out --data for the embedded digits",
            )
    paths = [os.path.join(folder, name) for name in file_names]
    return _checked([read_idx(path) for path in paths], paths)


def _find(spellings, names):
    """The first name of a file that a folder holds, or None."""
    for spelling in spellings:
        for name in (spelling, spelling + ".gz"):
            if name in names:
                return name
    return None


def _checked(arrays, sources):
    """`Digits` from four arrays, each with the name of where it came from."""
    arrays = [np.asarray(array) for array in arrays]
    for images, labels, images_source, labels_source in (
        (arrays[0], arrays[1], sources[0], sources[1]),
        (arrays[2], arrays[3], sources[2], sources[3]),
    ):
        _check_images(images, images_source)
        _check_labels(labels, labels_source)
        if len(images) != len(labels):
            raise DatasetError(
                "There must be as many labels as images",
                f"{len(images)} images in {images_source!r} and {len(labels)} labels "
                f"in {labels_source!r}",
                "Take both files from the same data set",
            )
    return Digits(*arrays)


def _check_images(images, source):
    if (
        images.dtype != np.uint8
        or images.ndim != 3
        or images.shape[1:] != (SIDE, SIDE)
        or len(images) == 0
    ):
        raise DatasetError(
            f"MNIST images must be bytes of the shape [n, {SIDE}, {SIDE}]",
            f"{source!r} with {images.dtype} of the shape {list(images.shape)}",
            "Check that images and labels were not exchanged",
        )


def _check_labels(labels, source):
    if labels.dtype != np.uint8 or labels.ndim != 1 or len(labels) == 0:
        raise DatasetError(
            "MNIST labels must be bytes of the shape [n]",
            f"{source!r} with {labels.dtype} of the shape {list(labels.shape)}",
            "Check that images and labels were not exchanged",
        )
    if labels.max() >= CLASSES:
        raise DatasetError(
            f"MNIST labels must lie between 0 and {CLASSES - 1}",
            f"the label {labels.max()} in {source!r}",
            "Take the file from MNIST itself; EMNIST, for one, has more classes",
        )
