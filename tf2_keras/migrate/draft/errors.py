"""What a draft is refused for."""


class Undraftable(ValueError):
    """A graph that no twin is drafted of; the message is one line."""


class Unlike(Exception):
    """A rule that does not fit an op after all; the message says what is unlike."""


def require(condition, why):
    """Raises ``Unlike`` unless a rule's condition holds."""
    if not condition:
        raise Unlike(why)


def refusal(rule, received, remedy):
    """An ``Undraftable`` of one line."""
    return Undraftable(f"{rule}. Received: {received}. {remedy}.")


def refused_op(operation, why):
    """An ``Undraftable`` that names an op and its node."""
    return refusal(
        "A graph must be drafted op by op",
        f"{operation.type} (node {operation.name}): {why}",
        "Write that part by hand, or name tensors that do without it",
    )
