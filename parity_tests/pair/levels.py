"""The levels of one pair, compared one after another: what run and check both print."""

import functools

MOST_KEPT = 2**28  # bytes of TF1's records that are kept for the levels that follow


class Kept:
    """The records of a play, played once as long as they fit, however often it is asked.

    Args:
        most: bytes of their arrays beyond which nothing is kept and each time is played.
    """

    def __init__(self, most=MOST_KEPT):
        self.most, self._whole = most, None

    def records(self, play):
        """What ``play()`` yields: the first time, and until it was seen to its end, from
        there."""
        if self._whole is not None:
            yield from self._whole
            return
        kept, size = [], 0
        for record in play():
            size += _size(record)
            if size <= self.most:
                kept.append(record)
            else:
                kept.clear()
            yield record
        if size <= self.most:
            self._whole = kept


def _size(record):
    """Bytes of the arrays of a record."""
    named = (stage for stage in record.values() if isinstance(stage, dict))
    return sum(
        getattr(value, "nbytes", 0) for stage in named for value in stage.values()
    )


def compare_levels(pair, levels, plays, on_record=None, on_difference=None):
    """Compares plays at levels, up to the first play of a level that diverges.

    Args:
        pair: a ``Pair``.
        levels: some of ``tf2_keras.training.LEVELS``.
        plays: functions without arguments, each returning an iterable of moves.
        on_record: called with the level, "session" or the level, and each record;
            None for nothing.
        on_difference: called with the level and what a Comparison's ``on_difference``
            is; None for nothing.

    Returns:
        ({level: {stage: cell's ``as_data()``, the worst over all plays}},
         {level: (number of the play from 0, engine Divergence)}).
    """
    cells, divergences = {}, {}
    # TF1 plays the same beside every level: once is enough.
    share = MOST_KEPT // max(1, len(plays))
    kept = [Kept(share) if len(levels) > 1 else None for _ in plays]
    for level in levels:
        cells[level] = {}
        for number, moves in enumerate(plays):
            comparison = pair.compare(
                moves,
                level,
                on_reference=on_record
                and functools.partial(on_record, level, "session"),
                on_candidate=on_record and functools.partial(on_record, level, level),
                on_difference=on_difference and functools.partial(on_difference, level),
                kept=kept[number],
            )
            for stage, cell in comparison.cells.items():
                data = cell.as_data()
                worst = cells[level].setdefault(stage, data)
                if _badness(data) > _badness(worst):
                    cells[level][stage] = data
            if comparison.first_divergence is not None:
                divergences[level] = number, comparison.first_divergence
                break
    return cells, divergences


def _badness(cell):
    """What orders the cells of one stage: beyond its budget first, then by distance."""
    if cell["ok"] is None:
        return -1, 0, 0
    infinite = float("inf")
    ulp, normwise = (
        infinite if cell[measure] is None else cell[measure]
        for measure in ("max_ulp", "normwise")
    )
    return int(not cell["ok"]), ulp, normwise
