"""CIFAR-10: a folder of its python or binary version, or keras.datasets.

Nothing of CIFAR-10 is embedded.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from parity_tests.datasets.batch_pickle import CLASSES, ROW_BYTES, decode_batch
from parity_tests.datasets.errors import DatasetError
from parity_tests.datasets.files import (
    described_content,
    list_folder,
    path_text,
    read_file,
)

# Training batches in order, the test batch last.
PYTHON_FILES = tuple(f"data_batch_{i}" for i in range(1, 6)) + ("test_batch",)
BINARY_FILES = tuple(f"{name}.bin" for name in PYTHON_FILES)

# Where the files may lie within the folder that a user names: (subfolder, files).
LAYOUTS = (
    ("", PYTHON_FILES),
    ("cifar-10-batches-py", PYTHON_FILES),
    ("", BINARY_FILES),
    ("cifar-10-batches-bin", BINARY_FILES),
)
# All that may be read of a folder.
FILES = tuple(os.path.join(folder, name) for folder, files in LAYOUTS for name in files)

SIDE = 32  # pixels
CHANNELS = 3  # red, green, blue
UNPACK = "Unpack cifar-10-python.tar.gz or cifar-10-binary.tar.gz there"


class Images(NamedTuple):
    """Raw images: pixels 0 to 255, labels 0 to 9.

    Shapes: images `[n, 32, 32, 3]` uint8, channels last, labels `[n]` uint8.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load(data) -> Images:
    """Loads training and test images.

    Args:
        data: "full" for keras.datasets.cifar10, or a folder that holds the batches of
            the python or of the binary version, directly or in the subfolder that
            their archives unpack to. Of several versions the python one is read.
            A batch may have any number of images above zero.

    Returns:
        `Images`, not scaled.

    Raises:
        DatasetError: the data is absent, unreadable or not CIFAR-10.
    """
    if data is None:
        raise DatasetError(
            "CIFAR-10 must be named, since none of it is embedded",
            "no data",
            'Name a folder of its batches, or "full", with --data',
        )
    if data == "full":
        return _load_from_keras()
    return _load_folder(path_text(data))


def is_present(folder) -> bool:
    """Whether a folder holds any CIFAR-10 batch; False if it cannot be listed."""
    try:
        names = list_folder(folder)
    except DatasetError:
        return False
    for subfolder, files in LAYOUTS:
        try:
            if set(files) & set(_names_within(path_text(folder), subfolder, names)):
                return True
        except DatasetError:  # the subfolder cannot be listed
            continue
    return False


def _load_folder(folder):
    names = list_folder(folder)
    most_present, nearest = set(), None
    for subfolder, files in LAYOUTS:
        present = set(files) & set(_names_within(folder, subfolder, names))
        path = os.path.join(folder, subfolder) if subfolder else folder
        if len(present) == len(files):
            return _load_batches(path, files)
        if len(present) > len(most_present):
            most_present, nearest = present, (path, files)
    if nearest is None:
        raise DatasetError(
            "A folder of CIFAR-10 must hold data_batch_1 to data_batch_5 and "
            "test_batch, or the same with .bin",
            described_content(folder, names),
            UNPACK,
        )
    path, files = nearest
    missing = [name for name in files if name not in most_present]
    raise DatasetError(
        f"A folder of CIFAR-10 must hold all {len(files)} batches",
        f"folder {path!r} without {', '.join(missing)}",
        UNPACK,
    )


def _names_within(folder, subfolder, names):
    """The names in a subfolder, none if it does not exist; "" is the folder itself."""
    if not subfolder:
        return names
    if subfolder not in names:
        return []
    return list_folder(os.path.join(folder, subfolder))


def _load_batches(folder, files):
    read = _read_binary if files is BINARY_FILES else _read_python
    *training, test = [read(os.path.join(folder, name)) for name in files]
    return Images(
        np.concatenate([images for images, _ in training]),
        np.concatenate([labels for _, labels in training]),
        *test,
    )


def _read_python(path):
    pixels, labels = decode_batch(read_file(path), path)
    return _channels_last(pixels), labels


def _read_binary(path):
    """One batch of rows: a label, then 3072 pixels, each a byte."""
    content = read_file(path)
    row = 1 + ROW_BYTES
    if len(content) % row != 0:
        raise DatasetError(
            f"A CIFAR-10 binary batch must consist of rows of {row} bytes",
            f"{path!r} with {len(content)} bytes, {len(content) % row} too many",
            "Fetch CIFAR-10 again from its own page",
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, row)  # [n, 3073]
    labels = rows[:, 0].copy()
    _check_labels(labels, path)
    return _channels_last(rows[:, 1:]), labels


def _channels_last(pixels):
    """`[n, 3072]`, one plane after the other, to `[n, 32, 32, 3]`."""
    planes = pixels.reshape(-1, CHANNELS, SIDE, SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _load_from_keras():
    try:
        from keras.datasets import cifar10

        training, test = cifar10.load_data()
    except Exception as error:  # no Keras, no network, no room, a changed file ...
        raise DatasetError(
            "CIFAR-10 must be downloadable, or already in Keras's cache",
            f"{type(error).__name__} from keras.datasets.cifar10: {error}".rstrip(". "),
            "Name a folder of its batches with --data DIR",
        ) from error
    return Images(*_checked(*training), *_checked(*test))


def _checked(images, labels):
    """One half of what Keras returns: its labels are a column, `[n, 1]`."""
    images, labels = np.asarray(images), np.asarray(labels).reshape(-1)
    if (
        images.dtype != np.uint8
        or images.shape[1:] != (SIDE, SIDE, CHANNELS)
        or len(images) != len(labels)
        or len(images) == 0
    ):
        raise DatasetError(
            f"CIFAR-10 must have images of the shape [n, {SIDE}, {SIDE}, {CHANNELS}], "
            "bytes, and n labels",
            f"{images.dtype} of the shape {list(images.shape)} and {len(labels)} "
            "labels from keras.datasets.cifar10",
            'Set "image_data_format" to "channels_last" in ~/.keras/keras.json',
        )
    _check_labels(labels, "keras.datasets.cifar10")
    return images, labels.astype(np.uint8)


def _check_labels(labels, source):
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise DatasetError(
            f"CIFAR-10 labels must lie between 0 and {CLASSES - 1}",
            f"labels from {labels.min()} to {labels.max()} in {source!r}",
            "Take the batch from CIFAR-10; CIFAR-100, for one, has more classes",
        )
