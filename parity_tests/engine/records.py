"""What a play yields: records of stages.

A record is plain data: `{stage: {name: array}}`, its stages in order of execution, each a
dictionary of numpy arrays or scalars. A play yields `{"initial values": {...}}` first and
then one record a move, which says under "move" what was played:

    {"move": "train", "loss": {...}, "gradients": {...}, "slots": {...}, "updates": {...}}

The stages are an open set. Those of STAGES come in that order; what else a record has
stands between what the move saw and what it left behind.
"""

MOVE = "move"  # the key of a record that is no stage
PARTS = (" values", " indices")  # of a sparse tensor, after its name
SEEN = ("initial values", "outputs", "loss", "gradients", "carried")
LEFT_BEHIND = ("slots", "updates")
STAGES = (*SEEN, *LEFT_BEHIND)


def in_order(stages):
    """The names of stages in order of execution, each once."""
    stages = dict.fromkeys(stages)
    others = [stage for stage in stages if stage not in STAGES]
    return [stage for stage in (*SEEN, *others, *LEFT_BEHIND) if stage in stages]


def checked(record, side, step):
    """`record`, if it is of the form that the module's docstring gives.

    Raises:
        TypeError: otherwise.
    """
    if not isinstance(record, dict) or not all(
        stage == MOVE or tensors is None or isinstance(tensors, dict)
        for stage, tensors in record.items()
    ):
        raise TypeError(
            "A record must be a dictionary of stages, each a dictionary of arrays by "
            f"name. Received: record {step} of the {side}, {record!r:.60}. "
            'Yield for instance {"loss": {"loss": loss}}.'
        )
    return record


def other_form(tensor, others):
    """(name, whether it is sparse) of what the other side has in the other form; or None.

    Args:
        tensor: a name, of one side's record.
        others: names of the other side's.
    """
    if all(tensor + part in others for part in PARTS):
        return tensor, False
    for part in PARTS:
        name = tensor[: -len(part)]
        if tensor.endswith(part) and name in others:
            return name, True
    return None
