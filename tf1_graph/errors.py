"""How a mistake is told: the rule, what was received, the remedy."""


def refusal(rule, received, remedy):
    """The ValueError for a broken rule."""
    return ValueError(f"{rule}. Received: {received}. {remedy}.")
