"""Makes parts of tf1_semantics by their names, parts within parts included."""

from tf2_keras import tf1_semantics


def constructor(name):
    """The class or function of a part's name, such as "optimizers.Adam"."""
    module, _, name = name.partition(".")
    return getattr(getattr(tf1_semantics, module), name)


def made(name, arguments):
    """A part. An argument that is a part itself is a pair of its name and arguments."""
    return constructor(name)(
        **{argument: _value(value) for argument, value in arguments.items()}
    )


def _value(value):
    if isinstance(value, list):
        return [_value(element) for element in value]
    match value:
        case (str() as name, dict() as arguments):
            return made(name, arguments)
    return value
