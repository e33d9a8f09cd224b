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
    written = written.replace("(,)", "()")
    arguments = ast.parse(f"def function{written}: pass").body[0].args
    positional = [argument.arg for argument in arguments.args]
    first = len(positional) - len(arguments.defaults)
    pairs = [
        *zip(positional[first:], arguments.defaults, strict=True),
        *zip(
            [argument.arg for argument in arguments.kwonlyargs],
            arguments.kw_defaults,
            strict=True,
        ),
    ]
    defaults = {}
    for name, node in pairs:
        value = None if node is None else _literal(node)
        if value is not None:
            defaults[name] = value
    names = [*positional, *[argument.arg for argument in arguments.kwonlyargs]]
    return Signature(tuple(names), tuple(positional), defaults)


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
