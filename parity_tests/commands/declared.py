"""Names as modules declare them in their source: importing those takes TensorFlow's seconds."""

import ast
import importlib.util
import pathlib


def faults(chapter):
    """Names of the faults of a chapter, the keys of its FAULTS."""
    for statement in _tree(f"parity_tests.models.{chapter}_faults").body:
        targets = getattr(statement, "targets", ())
        if [getattr(target, "id", None) for target in targets] == ["FAULTS"]:
            return tuple(key.value for key in statement.value.keys)
    return ()


def optimizers():
    """Names of the optimizers that are parts, such as optimizers.Adam."""
    return tuple(
        keyword.value.value
        for node in ast.walk(_tree("parity_tests.parts.optimizers"))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Part"
        for keyword in node.keywords
        if keyword.arg == "name"
    )


def _tree(module):
    path = pathlib.Path(importlib.util.find_spec(module).origin)
    return ast.parse(path.read_text(encoding="utf-8"))
