"""A part's configuration, read off its constructor: once, for every part."""

import inspect

import keras

_OF_ARGUMENTS = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


class Configured:
    """What keeps every argument of its constructor in an attribute of that name.

    Stands before Keras's class among the bases. What a constructor passes on by
    ``**kwargs`` is looked for in the next one, and at last in Keras's configuration,
    which also decides where both know an argument.
    """

    def get_config(self):
        config = {name: getattr(self, name) for name in _arguments(type(self))}
        if _passes_on(_constructors(type(self))[-1]):
            config.update(super().get_config())
        return {name: serialized(value) for name, value in config.items()}

    @classmethod
    def from_config(cls, config):
        return cls(**{name: deserialized(value) for name, value in config.items()})


def _constructors(part):
    """Signatures of the constructors that pass on what they do not take themselves."""
    signatures = []
    for base in part.__mro__:
        if issubclass(base, Configured) and "__init__" in vars(base):
            signatures.append(inspect.signature(base.__init__))
            if not _passes_on(signatures[-1]):
                break
    return signatures


def _passes_on(signature):
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def _arguments(part):
    """Names of what the constructors of a part take, without ``self``."""
    return [
        name
        for signature in _constructors(part)
        for name, parameter in list(signature.parameters.items())[1:]
        if parameter.kind in _OF_ARGUMENTS
    ]


def serialized(value):
    """What a configuration holds: numbers, strings, lists as they are, objects by name."""
    if isinstance(value, (list, tuple)):
        return (tuple if isinstance(value, tuple) else list)(map(serialized, value))
    if value is None or isinstance(value, (bool, int, float, str, dict)):
        return value
    return keras.saving.serialize_keras_object(value)


def deserialized(value):
    """The argument that ``serialized`` made this of."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(deserialized, value))
    if isinstance(value, dict):
        return keras.saving.deserialize_keras_object(value)
    return value
