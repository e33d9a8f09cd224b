"""Noise in the forward pass: draws of the shape of a tensor."""

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.initializers import seed_argument
from tf2_keras.migrate.draft.statements import argument, number

# Of a tensor's shape, or of one that the graph holds.
SHAPES = {"of x": ("Shape", "?x"), "fixed": "*"}
NORMALS = {
    (kind, key): pattern
    for key, shape in SHAPES.items()
    for drawn in [("RandomStandardNormal", shape)]
    for kind, pattern in (
        ("whole", ("Add", ("Mul", drawn, "#stddev"), "#mean")),
        ("raw", drawn),
    )
}
UNIFORMS = {
    (kind, key): pattern
    for key, shape in SHAPES.items()
    for drawn in [("RandomUniform", shape)]
    for kind, pattern in (
        ("whole", ("Add", ("Mul", drawn, ("Sub", "#maxval", "#minval")), "#minval")),
        ("raw", drawn),
    )
}
PARTS = (
    ("Normal", NORMALS, {"mean": 0, "stddev": 1}),
    ("Uniform", UNIFORMS, {"minval": 0, "maxval": 1}),
)


def noise(context, tensor):
    """tf.random_normal or tf.random_uniform of a tensor's shape."""
    reader = context.reader
    example = _example(reader, tensor)
    fitting = [
        (part, usual, bound)
        for part, patterns, usual in PARTS
        for _, bound in [terms.first(reader, patterns, tensor)]
        if bound is not None
    ]
    require(fitting, "no noise")
    part, usual, bound = fitting[0]
    require("x" in bound or example is not None, "noise of nothing's shape")
    drawn = tensor
    while reader.kind(drawn) not in ("RandomStandardNormal", "RandomUniform"):
        drawn = next(
            given for given in reader.given(drawn) if reader.needs_kind(given, "draw")
        )
    seeds = [int(drawn.op.get_attr(name)) for name in ("seed", "seed2")]
    require(any(seeds), "a draw without a seed, which nobody can repeat")
    arguments = [
        argument(number(bound[name]), keyword=name)
        for name, value in usual.items()
        if name in bound and bound[name] != value
    ]
    arguments.append(seed_argument(*seeds))
    shaped = bound.get("x", example)
    statement = context.statement(
        tensor, f"tf1_semantics.random.{part}", arguments, [shaped], "noise#"
    )
    statement.template = "" if "x" in bound else "{0}[0]"
    return statement


def _example(reader, tensor):
    """An input whose examples have the fixed shape of a tensor; None without one."""
    sizes = tensor.shape
    for operation in reader.operations:
        for output in operation.outputs:
            known = output.name in reader.inputs and output.shape.rank and sizes.rank
            if known and output.shape[1:].as_list() == sizes.as_list():
                return output
    return None


RULES = {
    "Add": [noise],
    "RandomStandardNormal": [noise],
    "RandomUniform": [noise],
}
