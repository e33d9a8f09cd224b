"""Two ``.meta`` files of TensorFlow 1.15.5, slim and contrib among them, as own pairs."""

from parity_tests.pair.own_pair import OwnPair, TF1Side
from parity_tests.witness import exported_twins

STEPS = 2


def pair(name, **mistakes):
    """The ``OwnPair`` of one of ``exported_twins.PROGRAMS``; arguments are mistakes."""
    stated = dict(exported_twins.spec(name))
    inputs, moves = stated.pop("inputs"), {"train": stated["train"]}
    twin = exported_twins.TWINS[name]
    _, names = twin()
    names = {tf1: path for tf1, path in names.items() if "iteration" not in path}
    batches = [batch for _, batch in exported_twins.training_moves(name)[:STEPS]]
    return OwnPair(
        TF1Side(str(exported_twins.meta(name)), moves, inputs),
        lambda: twin(**mistakes)[0],
        batches,
        names=names,
        levels=["function"],
    )
