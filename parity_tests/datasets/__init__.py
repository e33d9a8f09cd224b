"""Data sets as numpy arrays: embedded digits, folders that a user names, downloads.

`mnist.load()` reads the digits embedded in this package, `mnist.load(folder)` and
`cifar10.load(folder)` the files of a user's folder, and `load("full")` asks
`keras.datasets`. `idx.read_idx` reads one file of the format MNIST comes in.

All of it imports on Python 3.7 with numpy 1.18, since the witness that records
TensorFlow 1.15.5 feeds its graphs from here; TensorFlow itself is never imported.
"""

from parity_tests.datasets.errors import DatasetError

__all__ = ["DatasetError"]
