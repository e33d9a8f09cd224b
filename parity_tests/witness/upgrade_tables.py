"""Writes tf2_keras/migrate/tf1_renames.tsv from TensorFlow's tables for tf_upgrade_v2.

    python -m parity_tests.witness.upgrade_tables

A scan reads that file and needs no TensorFlow; ``upgrade_tables_test.py`` compares it
with the TensorFlow that is installed.
"""

import ast
import contextlib
import importlib.metadata
import importlib.util
import os

from tf2_keras.migrate import api_table

HEAD = (
    "# python -m parity_tests.witness.upgrade_tables: TensorFlow {version}, "
    "tensorflow/tools/compatibility/{{renames_v2,all_renames_v2,tf_upgrade_v2,reorders_v2}}.py\n"
    "# Copyright 2018 The TensorFlow Authors, Apache License 2.0\n"
    "table\tsymbol\told\tnew\n"
)


def installed():
    """The api_table.Tables of the installed TensorFlow, which is not imported."""
    spec = importlib.util.find_spec("tensorflow")
    folder = os.path.join(spec.submodule_search_locations[0], "tools", "compatibility")
    renames = _dictionary(folder, "renames_v2.py", "renames")
    for name in ("addons_symbol_mappings", "manual_symbol_renames"):
        renames.update(_dictionary(folder, "all_renames_v2.py", name))
    keywords = _dictionary(folder, "tf_upgrade_v2.py", "function_keyword_renames")
    orders = _dictionary(folder, "reorders_v2.py", "reorders")
    return api_table.Tables(renames, keywords, orders)


def _dictionary(folder, file_name, name):
    """The literal entries of a dictionary that a Python file assigns to ``name``."""
    with open(os.path.join(folder, file_name), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    entries = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Dict):
            continue
        target = node.targets[0]
        if name != getattr(target, "id", getattr(target, "attr", None)):
            continue
        for key, value in zip(node.value.keys, node.value.values, strict=True):
            with contextlib.suppress(ValueError):
                entries[ast.literal_eval(key)] = ast.literal_eval(value)
        if entries:
            break
    return entries


def text(tables, version):
    """The whole file: sorted, an empty column for a None."""
    rows = [("rename", old, "", new) for old, new in tables.renames.items()]
    for symbol, names in tables.keywords.items():
        rows += [("keyword", symbol, old, new or "") for old, new in names.items()]
    for symbol, order in tables.orders.items():
        names = ",".join(name or "" for name in order)
        rows.append(("order", symbol, "", names))
    return HEAD.format(version=version) + "".join(
        "\t".join(row) + "\n" for row in sorted(rows)
    )


if __name__ == "__main__":
    content = text(installed(), importlib.metadata.version("tensorflow"))
    with open(api_table.RENAMES, "w", encoding="utf-8") as file:
        file.write(content)
