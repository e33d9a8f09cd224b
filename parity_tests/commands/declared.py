"""Names as modules declare them in their source: importing those takes TensorFlow's seconds."""

import ast
import importlib.util
import pathlib


def faults(chapter):
    """{name: (what is wrong, stage where it first shows)} of a chapter's FAULTS."""
    declared = _assigned(f"parity_tests/models/{chapter}_faults.py", "FAULTS")
    return {
        key.value: tuple(word.value for word in fault.args[:2])
        for key, fault in zip(declared.keys, declared.values, strict=True)
    }


def optimizers():
    """Names of the optimizers that are parts, such as optimizers.Adam."""
    declared = _assigned("tf2_keras/tf1_semantics/optimizers/__init__.py", "__all__")
    return tuple(f"optimizers.{name.value}" for name in declared.elts)


def _assigned(path, name):
    """The syntax tree of what a file assigns to a name at its top level."""
    package, _, inner = path.partition("/")
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    for statement in ast.parse((folder / inner).read_text(encoding="utf-8")).body:
        targets = getattr(statement, "targets", ())
        if [getattr(target, "id", None) for target in targets] == [name]:
            return statement.value
    raise LookupError(f"{path} must assign {name}. Received: a file that does not.")
