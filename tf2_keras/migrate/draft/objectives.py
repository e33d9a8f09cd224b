"""The function of a loss: what it takes of the model, of the batch and of the weights."""

from typing import NamedTuple

from tf2_keras.migrate.draft import penalties
from tf2_keras.migrate.draft.cones import shape_text
from tf2_keras.migrate.draft.errors import refusal
from tf2_keras.migrate.draft.naming import python_name
from tf2_keras.migrate.draft.plain import Expressions

MOST_PARAMETERS = 6  # of a function of a draft


class Loss(NamedTuple):
    """The function of a loss and how the model calls it.

    kernels: Python of the weights that it penalises alike, or None.
    """

    parameters: list
    arguments: list
    lines: list
    shapes: str
    kernels: str | None
    is_special: bool


def loss_of(request, reader, minimised, cut, outputs, paths):
    """(Loss, kinds of ops that only tf.raw_ops has).

    Args:
        minimised: the scalar.
        outputs: all that the model returns, of which the cut has some.
    """
    several = len(cut.outputs) > 1
    known_places = [output.name for output in outputs]
    places = [known_places.index(output.name) for output in cut.outputs]
    names = ["y_pred"]
    if several:
        names = [f"y_pred_{place}" for place in range(len(cut.outputs))]
    known = {output.name: name for output, name in zip(cut.outputs, names, strict=True)}
    parameters, arguments = [], []
    if cut.target is not None:
        known.setdefault(request.inputs[cut.target].name, "y_true")
        parameters.append("y_true")
        arguments.append("y")
    if several and len(names) + len(cut.read) >= MOST_PARAMETERS:
        known.update(
            (output.name, f"y_pred[{place}]")
            for place, output in zip(places, cut.outputs, strict=True)
        )
        places, names = None, ["y_pred"]
    parameters += names
    if places is None or len(outputs) == 1:
        arguments.append("y_pred")
    else:
        arguments += [f"y_pred[{place}]" for place in places]
    model_inputs = [name for name in request.inputs if name != cut.target]
    for name in cut.read:
        python = python_name(name)
        known[request.inputs[name].name] = python
        parameters.append(python)
        arguments.append("x" if len(model_inputs) == 1 else f"x[{name!r}]")
    read = []

    def weight(variable):
        if variable not in paths:
            raise refusal(
                "A loss must read only variables that the model has",
                f"{reader.variables[variable].op.type} (node {variable})",
                "Write that part by hand, or name another loss with --loss",
            )
        read.append(paths[variable])
        return penalties.weight_of(paths[variable])

    python = Expressions(reader, known, weight)
    lines, (result,) = python.body([minimised])
    lines = [*lines, f"return {result}"]
    kernels = None
    if python.penalised is not None:
        trained = [paths[name] for name in reader.trainable if name in paths]
        kernels = penalties.kernels(python.penalised, trained)
        parameters.append("kernels")
        arguments.append("kernels")
    if "weights[" in "".join(lines):
        parameters.append("weights")
        arguments.append("weights")
    shapes = " and ".join(shape_text(output.shape) for output in cut.outputs)
    is_special = (
        len(cut.outputs) > 1 or bool(cut.read) or bool(read) or cut.target is None
    ) or any(_is_wide(output) for output in cut.outputs)
    dtype = None if is_special else request.inputs[cut.target].dtype.name
    if dtype not in (None, "float32"):
        why = "# Keras hands a loss its labels as float32."
        lines = [why, f"y_true = tf.cast(y_true, tf.{dtype})", *lines]
    return Loss(
        parameters, arguments, lines, f"Of {shapes}", kernels, is_special
    ), python.raw


def _is_wide(tensor):
    """Whether a tensor is of a dtype that Keras's losses would round."""
    return tensor.dtype.is_floating and tensor.dtype.name != "float32"
