"""What a draft is made of before it is text: statements whose calls are trees.

Every literal of a call has a role, such as 'seed' or 'config:momentum'. What is equal
but for its literals can become one function; what is readable comes from the roles.
"""

import dataclasses
from typing import NamedTuple

import numpy as np


class Literal(NamedTuple):
    """source: Python. role: what it means, '' for nothing in particular."""

    source: str
    role: str = ""


class Call(NamedTuple):
    """A call, of a class or function by its dotted name.

    arguments: ((keyword or None, Call, Literal or Items), ...).
    """

    function: str
    arguments: tuple = ()


class Items(NamedTuple):
    """A list or tuple of trees; ``brackets`` is '[]' or '()'."""

    items: tuple
    brackets: str = "()"


@dataclasses.dataclass
class Statement:
    """One line of ``inference``.

    outputs: names of the tensors that it stands for, None where one is not needed.
    call: the layer that is called, a ``Call``; or None, where ``template`` is all.
    inputs: names of tensors.
    position: of its op in the graph.
    base: what to name its layer after; None for one without a name.
    weights: {attribute of the layer: TF1 variable}.
    template: Python with {0}, {1} for the inputs, such as '{0} + {1}'; of a layer what it
        is called with, if that is not the inputs.
    kind: 'layer', 'operator', or 'function' for a call of a function of the draft.
    why: a comment, if any.
    """

    outputs: list
    call: Call | None
    inputs: list
    position: int
    base: str | None = None
    weights: dict = dataclasses.field(default_factory=dict)
    template: str = ""
    kind: str = "layer"
    why: str = ""
    name: str | None = None
    spread: bool = False  # whether several inputs are arguments of their own
    structure: tuple | None = None  # how several outputs are nested, by their places
    words: dict = dataclasses.field(default_factory=dict)  # {place: name of an output}
    scope: str | None = None  # below which a loop calls its weights as TF1 did
    steps: dict | None = (
        None  # {tensor: Python of its index in the first output, or None}
    )


def skeleton(node):
    """What is equal of two trees that differ in literals only."""
    if isinstance(node, Literal):
        return ("literal", node.role)
    if isinstance(node, Items):
        return ("items", node.brackets, tuple(map(skeleton, node.items)))
    return (
        "call",
        node.function,
        tuple((keyword, skeleton(value)) for keyword, value in node.arguments),
    )


def literals(node):
    """The literals of a tree, in order."""
    if node is None:
        return []
    if isinstance(node, Literal):
        return [node]
    below = node.items if isinstance(node, Items) else [v for _, v in node.arguments]
    return [literal for child in below for literal in literals(child)]


def filled(node, values):
    """The tree with its literals taken from an iterator."""
    if node is None:
        return None
    if isinstance(node, Literal):
        return next(values)
    if isinstance(node, Items):
        return Items(tuple(filled(item, values) for item in node.items), node.brackets)
    return Call(
        node.function,
        tuple((keyword, filled(value, values)) for keyword, value in node.arguments),
    )


def rendered(node):
    """The Python of a tree, on one line."""
    if isinstance(node, Literal):
        return node.source
    if isinstance(node, Items):
        inner = ", ".join(map(rendered, node.items))
        if node.brackets == "()" and len(node.items) == 1:
            inner += ","
        return node.brackets[0] + inner + node.brackets[1]
    arguments = ", ".join(
        f"{keyword}={rendered(value)}" if keyword else rendered(value)
        for keyword, value in node.arguments
        if not _is_default(node, keyword, value)
    )
    return f"{node.function}({arguments})"


def _is_default(node, keyword, value):
    """Whether an argument says what Keras's layer does anyway."""
    if not isinstance(value, Literal) or not node.function.startswith("keras.layers."):
        return False
    if keyword == "padding":
        return value.source == "'valid'"
    if keyword == "strides":
        pooled = "Pooling" in node.function and rendered(node.arguments[0][1])
        return value.source == (pooled or "1")
    return False


def number(value):
    """Python for a number: the shortest that rounds to it in its dtype."""
    value = np.asarray(value)
    if value.dtype == bool:
        return repr(bool(value))
    if np.issubdtype(value.dtype, np.integer):
        return repr(int(value))
    scalar = value[()]
    if not np.isfinite(scalar):
        return f'float("{float(scalar)}")'
    text = repr(float(str(scalar)))
    return text if value.dtype.type(float(text)) == scalar else repr(float(scalar))


def array(value):
    """Python for an array: nested lists, a number by itself."""
    value = np.asarray(value)
    if value.ndim == 0:
        return number(value)
    return "[" + ", ".join(array(row) for row in value) + "]"


def same_or_tuple(sizes):
    """Python for sizes that Keras takes as one number where they are equal."""
    sizes = [int(size) for size in sizes]
    return repr(sizes[0]) if len(set(sizes)) == 1 else repr(tuple(sizes))


def by_step(statements):
    """The statements, in which the outputs of single steps are statements themselves."""
    written = []
    for statement in statements:
        written.append(statement)
        for name, index in (statement.steps or {}).items():
            if index is not None:
                part = Statement(
                    [name], None, [statement.outputs[0]], statement.position
                )
                part.template, part.kind = f"{{0}}[{index}]", "operator"
                written.append(part)
    return written


def argument(source, role="", keyword=None):
    """(keyword, Literal), as the arguments of a call are."""
    return keyword, Literal(source, role)
