"""The beginning of Shakespeare's Coriolanus, embedded; see shakespeare/SOURCE.md."""

import hashlib
import os

from parity_tests.datasets.errors import DatasetError
from parity_tests.datasets.files import read_file

PATH = os.path.join(os.path.dirname(__file__), "shakespeare", "coriolanus_60k.txt")
SHA256 = "740ebef1ae14de2ed939fbd1ea61c43bf0c1a0f98c7a5ebc49ee79c0ff6af6d5"


def load() -> str:
    """59 805 characters of ASCII, 59 different ones.

    Raises:
        DatasetError: the file is not what was embedded.
    """
    content = read_file(PATH)
    received = hashlib.sha256(content).hexdigest()
    if received != SHA256:
        raise DatasetError(
            f"The embedded text must have the SHA-256 {SHA256}",
            f"{PATH!r} with {received}",
            "Install tf-parity again",
        )
    return content.decode("ascii")
