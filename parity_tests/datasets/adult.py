"""Rows of the UCI Adult census data, embedded; see adult/SOURCE.md."""

import csv
import gzip
import hashlib
import os

import numpy as np

from parity_tests.datasets.errors import DatasetError
from parity_tests.datasets.files import read_file

PATH = os.path.join(os.path.dirname(__file__), "adult", "adult_2999.csv.gz")
SHA256 = "7c0ba277f7a6683e75ba65882e484cc67df708da040626a46429dfa9c7b06c52"
NUMBERS = ("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
LABEL = "income_bracket"


def load():
    """({column: [2999], float32 or bytes}, labels [2999], int32: more than 50 000 dollars).

    Raises:
        DatasetError: the file is not what was embedded.
    """
    try:
        content = gzip.decompress(read_file(PATH))
        received = hashlib.sha256(content).hexdigest()
    except (OSError, EOFError) as error:
        content, received = b"", str(error)
    if received != SHA256:
        raise DatasetError(
            f"The embedded rows must have the SHA-256 {SHA256}",
            f"{PATH!r} with {received}",
            "Install tf-parity again",
        )
    rows = list(csv.DictReader(content.decode("ascii").splitlines()))
    columns = {
        name: np.array([float(row[name]) for row in rows], np.float32)
        if name in NUMBERS
        else np.array([row[name].encode("ascii") for row in rows], object)
        for name in rows[0]
        if name != LABEL
    }
    return columns, np.array([row[LABEL] == ">50K" for row in rows], np.int32)
