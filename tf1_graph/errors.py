"""How a mistake is told: the rule, what was received, the remedy."""


def refusal(rule, received, remedy):
    """A ValueError of one printable line, whatever is in names and paths."""
    return ValueError(printable(f"{rule}. Received: {received}. {remedy}."))


def printable(text):
    """A text without line breaks, and with a backslash for what would steer a terminal."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode("ascii")
        for character in " ".join(text.split())
    )
