"""Noise in the forward pass: draws of the shape of a tensor."""

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.initializers import seed_argument
from tf2_keras.migrate.draft.statements import argument, number

SHAPED = ("Shape", "?x")
NORMALS = {
    "whole": ("Add", ("Mul", ("RandomStandardNormal", SHAPED), "#stddev"), "#mean"),
    "raw": ("RandomStandardNormal", SHAPED),
}
UNIFORMS = {
    "whole": (
        "Add",
        ("Mul", ("RandomUniform", SHAPED), ("Sub", "#maxval", "#minval")),
        "#minval",
    ),
    "raw": ("RandomUniform", SHAPED),
}
PARTS = (
    ("Normal", NORMALS, {"mean": 0, "stddev": 1}),
    ("Uniform", UNIFORMS, {"minval": 0, "maxval": 1}),
)


def noise(context, tensor):
    """tf.random_normal or tf.random_uniform of a tensor's shape."""
    reader = context.reader
    fitting = [
        (part, usual, bound)
        for part, patterns, usual in PARTS
        for _, bound in [terms.first(reader, patterns, tensor)]
        if bound is not None
    ]
    require(fitting, "no noise")
    part, usual, bound = fitting[0]
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
    return context.statement(
        tensor, f"tf1_semantics.random.{part}", arguments, [bound["x"]], "noise#"
    )


RULES = {
    "Add": [noise],
    "RandomStandardNormal": [noise],
    "RandomUniform": [noise],
}
