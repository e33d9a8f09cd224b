"""Names of variables as the two worlds write them, in one spelling."""

import re

# The last part of a name, as slim, tf.layers, raw programs and Keras say it.
SYNONYMS = {
    "weights": "kernel",
    "weight": "kernel",
    "w": "kernel",
    "biases": "bias",
    "b": "bias",
    "scale": "gamma",
    "offset": "beta",
    "population_mean": "moving_mean",
    "population_variance": "moving_variance",
    "embedding": "embeddings",
    # Keras's DepthwiseConv2D has one kernel only, SeparableConv2D two.
    "depthwise_weights": "depthwise_kernel",
    "pointwise_weights": "pointwise_kernel",
}


def spelled(name):
    """The parts of a name: lower-case, ``conv1/weights:0`` as (conv1, kernel)."""
    parts = [
        re.sub(r"[^a-z0-9]+", "_", part.lower()).strip("_")
        for part in name.partition(":")[0].split("/")
    ]
    parts = [part for part in parts if part]
    return (*parts[:-1], SYNONYMS.get(parts[-1], parts[-1])) if parts else ()


def same(name, other):
    """Whether two names say the same but for scopes before them.

    A variable without a scope is its layer's, ``w1`` for ``w1/kernel`` is not.
    """
    first, second = spelled(name), spelled(other)
    shorter, longer = sorted((first, second), key=len)
    if not shorter or longer[-len(shorter) :] != shorter:
        return False
    # ``kernel`` alone is the end of every second name.
    return len(shorter) > 1 or first == second or shorter[0] not in SYNONYMS.values()


def same_depthwise(name, other):
    """Whether they do, one as ``depthwise_kernel``, the other as plain ``kernel``.

    Keras's DepthwiseConv2D has one kernel and calls it that.
    """
    spellings = [
        "/".join(
            "kernel" if part == "depthwise_kernel" else part for part in spelled(n)
        )
        for n in (name, other)
    ]
    return "depthwise_kernel" in (*spelled(name), *spelled(other)) and same(*spellings)


def common_scope(variables):
    """The scopes that all of them stand in, as a tuple: a net's, or a Sequential's.

    Args:
        variables: names; those without a scope, such as a step, do not count.
    """
    scopes = [spelled(name)[:-1] for name in variables]
    scopes = [scope for scope in scopes if scope]
    common = []
    for parts in zip(*scopes, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return tuple(common)


def below(scopes, equal):
    """``equal`` of two names without the scopes that each side has in common."""

    def without(name, scope):
        parts = spelled(name)
        return "/".join(parts[len(scope) :] if parts[: len(scope)] == scope else parts)

    return lambda name, other: equal(
        without(name, scopes[0]), without(other, scopes[1])
    )
