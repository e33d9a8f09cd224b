"""The one exception for a user's mistake about data."""


class DatasetError(ValueError):
    """Data that a user named cannot be used.

    Its text is one line, `rule. Received: received. remedy.`, ready for stderr.

    Args:
        rule: what must hold, without the full stop.
        received: what was found instead, without the full stop.
        remedy: what the user can do now, without the full stop.
    """

    def __init__(self, rule, received, remedy):
        # All three reach args, so that the exception survives pickling between
        # processes, as pytest-xdist does with it.
        super().__init__(rule, received, remedy)
        self.rule = rule
        self.received = received
        self.remedy = remedy

    def __str__(self):
        text = f"{self.rule}. Received: {self.received}. {self.remedy}."
        # A message quoted from the system or from Keras may hold line breaks.
        return " ".join(text.split())
