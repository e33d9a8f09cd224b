"""The arguments that a symbol of TensorFlow 1.15 took, as tf1_api.tsv records them."""

import ast
import functools
from typing import NamedTuple

from tf2_keras.migrate.api_table import api, original

# Made of another function, with some arguments said, by functools.partial.
FULLY_CONNECTED = "tf.contrib.layers.fully_connected"
PARTIALS = tuple(
    f"tf.contrib.{module}.{name}"
    for module in ("layers", "slim")
    for name in ("elu", "linear", "relu", "relu6")
)
# Of classes that hand all on to a base class, as written there.
WRAPPED = {
    "DropoutWrapper": "(cell, input_keep_prob=1.0, output_keep_prob=1.0, "
    "state_keep_prob=1.0, variational_recurrent=False, input_size=None, dtype=None, "
    "seed=None, dropout_state_filter_visitor=None, **kwargs)",
    "ResidualWrapper": "(cell, residual_fn=None, **kwargs)",
    "DeviceWrapper": "(cell, device, **kwargs)",
}


class Arguments(NamedTuple):
    """Of a function, or of a class's constructor.

    positional: names of those that may go by position, in order.
    defaults: {name: default as code}, of all that have one.
    keyword_only: names of the others.
    any_position, any_keyword: the name behind * or **, or ''.
    """

    positional: tuple
    defaults: dict
    keyword_only: tuple
    any_position: str
    any_keyword: str


class Signature(NamedTuple):
    """Of a function, or of a class's constructor.

    names: of all arguments.
    positional: of those that may go by position, in order.
    defaults: {name: literal}, as bindings.Call has them: a literal None is the text
        'None', a TensorFlow symbol its dotted name. What is not written as a literal,
        such as a function, is left out.
    """

    names: tuple = ()
    positional: tuple = ()
    defaults: dict = {}

    def place(self, name):
        """At which place an argument goes by position, from 0; None if it does not."""
        return self.positional.index(name) if name in self.positional else None


@functools.cache
def signature(symbol):
    """The Signature of a canonical symbol; an empty one if none is recorded."""
    symbol = FULLY_CONNECTED if symbol in PARTIALS else symbol
    row = api().get(symbol) or api().get(original(symbol))
    if row is None or not row.signature:
        return Signature()
    written = WRAPPED.get(symbol.rpartition(".")[2], row.signature)
    described = arguments(written)
    literals = {
        name: _literal(ast.parse(code, mode="eval").body)
        for name, code in described.defaults.items()
    }
    defaults = {name: value for name, value in literals.items() if value is not None}
    names = described.positional + described.keyword_only
    return Signature(names, described.positional, defaults)


@functools.cache
def arguments(written):
    """The Arguments that a signature such as '(a, b=1, *, c=(2,))' tells."""
    code = written.replace("(,)", "()")
    listed = ast.parse(f"def function{code}: pass").body[0].args
    positional = [argument.arg for argument in (*listed.posonlyargs, *listed.args)]
    first = len(positional) - len(listed.defaults)
    keyword_only = [argument.arg for argument in listed.kwonlyargs]
    defaults = dict(zip(positional[first:], listed.defaults, strict=True))
    defaults |= dict(zip(keyword_only, listed.kw_defaults, strict=True))
    return Arguments(
        tuple(positional),
        {name: ast.unparse(node) for name, node in defaults.items() if node},
        tuple(keyword_only),
        listed.vararg.arg if listed.vararg else "",
        listed.kwarg.arg if listed.kwarg else "",
    )


def _literal(node):
    if isinstance(node, ast.Attribute):
        return ast.unparse(node).replace("tf.", "tensorflow.", 1)
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    if value is None:
        return "None"
    if value is Ellipsis:
        return None
    return list(value) if isinstance(value, tuple) else value
