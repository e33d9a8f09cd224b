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


def fields(chapter):
    """The names of a chapter's Config, in order; first those of the Config it extends."""
    (config,) = (
        statement
        for statement in _statements(f"tf1_graph/models/{chapter}.py")
        if getattr(statement, "name", None) == "Config"
    )
    extended = [name for base in config.bases for name in fields(base.value.id)]
    own = [field.target.id for field in config.body if isinstance(field, ast.AnnAssign)]
    return tuple(dict.fromkeys([*extended, *own]))


def optimizers():
    """Names of the optimizers that are parts, such as optimizers.Adam."""
    declared = _assigned("tf2_keras/tf1_semantics/optimizers/__init__.py", "__all__")
    return tuple(f"optimizers.{name.value}" for name in declared.elts)


def _assigned(path, name):
    """The syntax tree of what a file assigns to a name at its top level."""
    for statement in _statements(path):
        targets = getattr(statement, "targets", ())
        if [getattr(target, "id", None) for target in targets] == [name]:
            return statement.value
    raise LookupError(f"{path} must assign {name}. Received: a file that does not.")


def _statements(path):
    package, _, inner = path.partition("/")
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    return ast.parse((folder / inner).read_text(encoding="utf-8")).body
