"""Claims about TensorFlow's tables of renames, which come along as data."""

import importlib.metadata
import pathlib
import re

import pytest

from parity_tests.witness import upgrade_tables
from tf2_keras.migrate import api_table

RECORDED = pathlib.Path(api_table.RENAMES).read_text(encoding="utf-8")
VERSION = re.search(r"TensorFlow (\S+),", RECORDED)[1]


@pytest.mark.skipif(
    importlib.metadata.version("tensorflow") != VERSION,
    reason=f"the tables were recorded from TensorFlow {VERSION}",
)
def test_the_tables_are_those_of_the_tensorflow_they_name():
    assert upgrade_tables.text(upgrade_tables.installed(), VERSION) == RECORDED


def test_what_is_written_is_what_is_read():
    tables = api_table.tables()
    assert upgrade_tables.text(tables, VERSION) == RECORDED
    assert tables.renames["tf.log"] == "tf.math.log"
    assert tables.keywords["tf.argmax"]["dimension"] == "axis"
    assert tables.orders["tf.argmax"][:3] == [None, None, "name"]
