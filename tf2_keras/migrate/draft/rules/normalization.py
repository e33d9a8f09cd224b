"""Batch normalisation, fused or not, and what moves its statistics."""

import re

import numpy as np

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.rules.context import scope_of
from tf2_keras.migrate.draft.statements import argument, number

LAYER = "tf1_semantics.layers.BatchNormalization"
# moving -= (moving - statistic) * rate
UPDATE = ("Mul", ("Sub", "$moving", "?statistic"), "?rate")
SUBTRACTING = ("AssignSub", "AssignSubVariableOp")
# x * (gamma / sqrt(variance + epsilon)) + (beta - mean * the same)
FACTORS = {
    "scaled": ("Mul", ("Rsqrt", ("Add", "?variance", "#epsilon")), "$gamma"),
    "plain": ("Rsqrt", ("Add", "?variance", "#epsilon")),
}
UNFUSED = {
    (scaled, centered): (
        "Add",
        ("Mul", "?x", factor),
        ("Sub", "$beta", ("Mul", "?mean", factor))
        if centered
        else ("Mul", ("Neg", "?mean"), factor),
    )
    for scaled, factor in FACTORS.items()
    for centered in (True, False)
}
NEVER = "TF1 left out the UPDATE_OPS: these moving statistics never move."


def fused(context, tensor):
    """FusedBatchNorm in training."""
    reader, operation = context.reader, tensor.op
    require(tensor.value_index == 0, "statistics of a batch norm")
    gamma, beta = (reader.variable(given) for given in operation.inputs[1:3])
    scale, offset = (reader.constant(given) for given in operation.inputs[1:3])
    require(gamma or (scale is not None and np.all(scale == 1)), "a computed gamma")
    require(beta or (offset is not None and np.all(offset == 0)), "a computed beta")
    require(operation.get_attr("is_training"), "a batch norm by moving statistics")
    _require_same_at_inference(context, operation, gamma or beta)
    statistics = operation.outputs[1], operation.outputs[2]
    axis = 1 if operation.get_attr("data_format") == b"NCHW" else None
    epsilon = number(np.float32(operation.get_attr("epsilon")))
    return _normalized(
        context, tensor, operation.inputs[0], gamma, beta, statistics, epsilon, axis
    )


def _require_same_at_inference(context, operation, weight):
    """Another call may train as well; the branch that predicts differs in is_training."""
    reader = context.reader
    if weight is None:
        return
    for other in context.batch_norms():
        same = {reader.variable(given) for given in other.inputs[1:3]}
        if other is operation or weight not in same:
            continue
        require(
            other.get_attr("epsilon") == operation.get_attr("epsilon")
            and other.get_attr("data_format") == operation.get_attr("data_format")
            and (reader.alive(other.outputs[0]) or not other.get_attr("is_training")),
            "a batch norm that predicts otherwise",
        )


def _by_moments(reader, tensor):
    """({name: what}, [axis of the moments]) of tf.nn.batch_normalization of moments."""
    key, bound = terms.first(reader, UNFUSED, tensor)
    require(key, "no norm by moments")
    x, mean, variance = bound["x"], bound["mean"], bound["variance"]
    statistics = [_unsqueezed(reader, statistic) for statistic in (mean, variance)]
    means = terms.unify(reader, ("Mean", "?x", "*"), statistics[0], {"x": x})
    squares = ("SquaredDifference", "?x", ("StopGradient", "?mean"))
    spread = terms.unify(
        reader,
        ("Mean", squares, "*"),
        statistics[1],
        {"x": x, "mean": statistics[0]},
    )
    require(means is not None and spread is not None, "statistics of something else")
    axes = reader.constant(statistics[0].op.inputs[1])
    require(x.shape.rank and axes is not None, "computed axes")
    spread_axes = reader.constant(statistics[1].op.inputs[1])
    require(np.array_equal(axes, spread_axes), "moments over different axes")
    return bound, sorted(int(axis) % x.shape.rank for axis in np.ravel(axes))


def unfused(context, tensor):
    """tf.nn.moments and tf.nn.batch_normalization over all axes but the last."""
    bound, axes = _by_moments(context.reader, tensor)
    rank = bound["x"].shape.rank
    require(axes == list(range(rank - 1)), "over other axes")
    return _normalized(
        context,
        tensor,
        bound["x"],
        bound.get("gamma"),
        bound.get("beta"),
        (bound["mean"], bound["variance"]),
        number(bound["epsilon"]),
        None,
        fused=rank != 4,
    )


def by_example(context, tensor):
    """contrib's layer_norm and instance_norm: each example by its own moments."""
    reader = context.reader
    bound, axes = _by_moments(reader, tensor)
    x, rank = bound["x"], bound["x"].shape.rank
    for moment in (bound["mean"].op, bound["variance"].op):
        keeps = moment.type == "Mean" and moment.get_attr("keep_dims")
        require(keeps, "moments without their axes")
    weights = {
        name: bound[name] for name in ("beta", "gamma") if bound.get(name) is not None
    }
    arguments = [
        argument("False", keyword=flag)
        for flag, name in (("center", "beta"), ("scale", "gamma"))
        if name not in weights
    ]
    shapes = {tuple(reader.shape_of(variable)) for variable in weights.values()}
    require(len(shapes) < 2, "weights of two shapes")
    sizes = tuple(x.shape.as_list())
    epsilon = bound["epsilon"]
    if axes == list(range(axes[0], rank)) and axes[0] > 0:
        function = "tf1_semantics.layers.LayerNormalization"
        shape = shapes.pop() if shapes else sizes[-1:]
        require(shape == sizes[rank - len(shape) :], "weights of another shape")
        if axes[0] != 1:
            arguments.append(argument(repr(axes[0]), keyword="begin_norm_axis"))
        if len(shape) != 1:
            begin = rank - len(shape)
            arguments.append(argument(repr(begin), keyword="begin_params_axis"))
        usual = 1e-12
    else:
        require(rank > 2 and axes == list(range(1, rank - 1)), "over other axes")
        require(not shapes or shapes == {sizes[-1:]}, "weights of another shape")
        function, usual = "tf1_semantics.layers.InstanceNormalization", 1e-6
    if epsilon != epsilon.dtype.type(usual):
        arguments.append(argument(number(epsilon), keyword="epsilon"))
    for name, usual_start in (("beta", "'zeros'"), ("gamma", "'ones'")):
        if name in weights:
            start = context.initializers.of(weights[name])
            require(getattr(start, "source", "") == usual_start, "other first weights")
    base = scope_of(next(iter(weights.values()), ""), "norm")
    return context.statement(tensor, function, arguments, [x], base, weights)


def _unsqueezed(reader, tensor):
    source = reader.source(tensor)
    return reader.given(source)[0] if source.op.type == "Squeeze" else source


def _normalized(context, tensor, x, gamma, beta, statistics, epsilon, axis, fused=True):
    momentum, style, moving, operations = _moving(context, statistics)
    if not moving:
        moving, momentum = _never_moving(context, gamma or beta), "1.0"
    is_fused = fused and tensor.op.type.startswith("FusedBatchNorm")
    arguments = [] if axis is None else [argument(repr(axis), keyword="axis")]
    arguments += [
        argument(momentum, "config:batch_norm_momentum", "momentum"),
        argument(epsilon, "config:batch_norm_epsilon", "epsilon"),
    ]
    weights = {"moving_mean": moving[0], "moving_variance": moving[1]}
    for attribute, variable, flag, usual in (
        ("beta", beta, "center", "zeros"),
        ("gamma", gamma, "scale", "ones"),
    ):
        if variable is None:
            arguments.append(argument("False", keyword=flag))
            continue
        arguments += context.initializer(variable, f"{attribute}_initializer", usual)
        weights[attribute] = variable
    if not fused:
        arguments.append(argument("False", keyword="fused"))
    if is_fused and style == "contrib":
        arguments.append(argument("'contrib'", keyword="rate"))
    for variable, name, usual in zip(
        moving, ("mean", "variance"), ("zeros", "ones"), strict=True
    ):
        arguments += context.initializer(variable, f"moving_{name}_initializer", usual)
    context.explained.update(dict.fromkeys(operations, tensor.name))
    statement = context.statement(
        tensor,
        LAYER,
        arguments,
        [x],
        scope_of(gamma or beta or moving[0], "norm"),
        weights,
    )
    if not operations:
        statement.why = NEVER
    return statement


def _moving(context, statistics):
    """(momentum as Python, how its rate was rounded, [variables], names of the ops)."""
    reader = context.reader
    wanted = {
        reader.source(given).name: place for place, given in enumerate(statistics)
    }
    moving, rates, operations = {}, {}, []
    for operation, variable in context.updates:
        if operation.type not in SUBTRACTING:
            continue
        bound = terms.unify(reader, UPDATE, operation.inputs[1])
        if bound is None or bound["statistic"].name not in wanted:
            continue
        require(bound["moving"] == variable, "a statistic moved by another")
        place = wanted[bound["statistic"].name]
        require(place not in moving, "a statistic moved twice")
        moving[place] = variable
        rates[place] = _momentum(reader, bound["rate"])
        operations.append(operation.name)
    if not moving:
        return None, None, [], []
    require(set(moving) == {0, 1}, "one statistic that moves")
    require(rates[0] == rates[1], "two momentums")
    momentum, style = rates[0]
    return momentum, style, [moving[0], moving[1]], operations


def _momentum(reader, rate):
    """(momentum as Python, "tf.layers" or "contrib") of a rate, 1 - momentum."""
    bound = terms.unify(reader, ("Sub", 1.0, "#momentum"), rate)
    if bound is not None:
        return number(bound["momentum"]), "tf.layers"
    value = reader.number(rate)
    require(value is not None, "a momentum that is computed")
    for digits in range(1, 17):
        momentum = round(1 - float(value), digits)
        if value.dtype.type(1.0 - momentum) == value:
            return repr(momentum), "contrib"
    return repr(1 - float(value)), "contrib"


def _never_moving(context, beside):
    """The moving statistics that no update moves, by the names of their scope."""
    require(beside, "a batch norm without a name")
    scope = re.sub(r"[^/]*$", "", beside)
    moving = [scope + name for name in ("moving_mean", "moving_variance")]
    known = context.reader.variables
    require(all(name in known for name in moving), "moving statistics not to be found")
    return moving


RULES = {"FusedBatchNormV3": [fused], "Add": [unfused, by_example]}
