"""What to write instead, from the arguments of the call that is replaced.

    keras.layers.Dense({num_outputs}, {activation=activation_fn|'relu'}, {name=scope})

of ``fully_connected(x, 8, activation_fn=None)`` gives ``keras.layers.Dense(8,
activation=None)``. In braces stands an argument of TF1's:

    {units}            as the call has it; else its default in 1.15; else …
    {use_bias=bias}    by another name; left out where the call leaves it out
    {name=argument|x}  with x where the call leaves it out

TensorFlow's data formats are rewritten as Keras's. What a call unpacks, and what is no number, text, name or short list of such, is …; a
symbol that is not called shows the names of its arguments.
"""

import re

from tf2_keras.migrate.signatures import signature

UNKNOWN = "…"
LEFT_OUT = "\0"
OPERATION = re.compile(r"^-|^[^\[(]* [-+*/]")
FIELD = re.compile(
    r"\{(?:(?P<name>\w+)=)?(?P<argument>\w+)(?:\|(?P<default>[^{}]*))?\}"
)


def rendered(template, symbol, call, successor):
    """The text of a rule for one call.

    symbol: the canonical symbol that is called.
    call: a bindings.Call, or None where it is not called.
    successor: (dotted TensorFlow symbol) -> its name today, or None.
    """
    if "{" not in template:
        return template

    def fill(field):
        name, argument, default = field.group("name", "argument", "default")
        text = _text(symbol, call, argument, successor)
        if text is None and call.unpacks and default is None:
            return UNKNOWN
        if text is None:
            text = UNKNOWN if call.unpacks else default
        if text is None and name:
            return LEFT_OUT
        if text is None:
            text = _default(symbol, argument, successor)
        if argument == "data_format":
            text = in_keras(name, text)
        if name:
            return f"{name}={text}"
        return f"({text})" if OPERATION.search(text) and computed_with(field) else text

    return tidied(FIELD.sub(fill, template))


def in_keras(name, data_format):
    """TensorFlow's data format as Keras has it, or as the axis of the channels."""
    letters = data_format.strip("'")
    if not re.fullmatch("N[A-Z]{2,4}", letters):
        return UNKNOWN if name == "axis" else data_format
    last = letters.endswith("C")
    if name == "axis":
        return "-1" if last else "1"
    return repr("channels_last" if last else "channels_first")


def computed_with(field):
    """Whether a field of a template stands in an operation or before an attribute."""
    before, after = field.string[: field.start()], field.string[field.end() :]
    return bool(
        re.search(r"[-+*/] ?$", before) or re.match(r" ?[-+*/<]|\.\w|\[", after)
    )


def tidied(text):
    """Without what was left out and the commas around it; … and another … are one."""
    text = re.sub(rf", {LEFT_OUT}|{LEFT_OUT}, |{LEFT_OUT}", "", text)
    return re.sub(r"(?<=[(, ])…(?:, …)+", UNKNOWN, text)


def _text(symbol, call, argument, successor):
    """How an argument is written in a call; None if it is not given."""
    if call is None:
        return argument
    place = signature(symbol).place(argument)
    if argument in call.keywords:
        key, value = argument, call.keywords[argument]
    elif place is not None and call.positional > place:
        key = place
        value = call.literals[place] if place < len(call.literals) else None
    else:
        return None
    is_symbol = isinstance(value, str) and value.startswith("tensorflow.")
    if is_symbol and ".FLAGS." not in value:
        return successor(value) or UNKNOWN
    return call.texts.get(key, UNKNOWN)


def _default(symbol, argument, successor):
    value = signature(symbol).defaults.get(argument)
    if isinstance(value, str) and value.startswith("tensorflow."):
        value = successor(value)
        return UNKNOWN if value is None else value
    if value is None:
        return UNKNOWN
    return value if value == "None" else as_written(value)


def as_written(value):
    """A literal as code: numbers as people write them, 1e-5 and not 1e-05."""
    return re.sub(r"e([+-])0*(\d)", r"e\1\2", repr(value))
