"""What happened at each level, step by step, in little memory however long a play is.

A report draws it, TensorBoard overlays it:

    trace = Trace()
    compare_levels(pair, levels, plays, trace.on_record, trace.on_difference)
    trace.levels["fit"].losses["session"]["loss"]   # [(step, value)]
"""

import numpy as np

from parity_tests.engine.records import MOVE

SESSION = "session"
COLUMNS = 128  # up to here every step has one; then as many steps share one
MOST_STEPS = 512  # of a loss that are kept


class LevelTrace:
    """One play of one level: the last that was played, which is the one that parts.

    Attributes:
        play: its number, from 0.
        steps: how many moves were played.
        losses: {side: {loss: [(step, value)]}}, a side being SESSION or the level.
        tensors: {stage: {tensor: None}} of all that was compared, in order.
        measured: {stage: {column}} in which the stage was compared at all.
        width: steps that share a column.
        distances: {(stage, tensor): {column: greatest distance in ULPs}} of what differs;
            INCOMPARABLE where there is none.
        layers: [networks.Layer] of the twin, after a divergence.
        sources: [networks.Source] of what parts, TF1's before the twin's.
    """

    def __init__(self, level, play):
        self.level, self.play, self.steps = level, play, 0
        self.losses = {SESSION: {}, level: {}}
        self.tensors, self.measured, self.distances = {}, {}, {}
        self.layers, self.sources = [], []
        self.width = self._stride = 1
        self._played = {SESSION: -1, level: -1}

    @property
    def columns(self):
        """How many there are."""
        return self.steps // self.width + 1

    def column(self, step):
        return step // self.width

    def has_begun(self, side):
        return self._played[side] >= 0

    def record(self, side, record):
        self._played[side] += 1
        step = self._played[side]
        self.steps = max(self.steps, step)
        self._make_room()
        for name, value in (record.get("loss") or {}).items():
            points = self.losses[side].setdefault(name, [])
            if points and step - points[-1][0] < self._stride:
                points.pop()  # the newest stands for its stretch
            points.append((step, float(np.mean(value))))
        if side == SESSION:
            for stage, named in record.items():
                if stage != MOVE and named:
                    self.tensors.setdefault(stage, {}).update(dict.fromkeys(named))
                    self.measured.setdefault(stage, set()).add(self.column(step))

    def difference(self, step, stage, tensor, ulps):
        self.steps = max(self.steps, step)
        self._make_room()
        columns = self.distances.setdefault((stage, tensor), {})
        column = self.column(step)
        columns[column] = max(columns.get(column, 0), ulps)

    def _make_room(self):
        while self.columns > COLUMNS:
            self.width *= 2
            for key, columns in self.distances.items():
                merged = {}
                for column, ulps in columns.items():
                    merged[column // 2] = max(merged.get(column // 2, 0), ulps)
                self.distances[key] = merged
            for stage, columns in self.measured.items():
                self.measured[stage] = {column // 2 for column in columns}
        while self.steps > self._stride * MOST_STEPS:
            self._stride *= 2
            for named in self.losses.values():
                for name, points in named.items():
                    latest = {step // self._stride: (step, v) for step, v in points}
                    named[name] = list(latest.values())

    def worst(self, stage, tensor=None):
        """Greatest distance of a stage, or of one tensor of it, over all steps."""
        return max(self.drift(stage, tensor).values(), default=0)

    def drift(self, stage, tensor=None):
        """{column: greatest distance in ULPs} of a stage, or of one tensor of it."""
        worst = {}
        for (of_stage, of_tensor), columns in self.distances.items():
            if of_stage == stage and tensor in (None, of_tensor):
                for column, ulps in columns.items():
                    worst[column] = max(worst.get(column, 0), ulps)
        return worst


class Trace:
    """Of all levels that are compared; its methods are what ``compare_levels`` calls."""

    def __init__(self):
        self.levels = {}

    def on_record(self, level, side, record):
        before = self.levels.get(level)
        if before is None:
            self.levels[level] = LevelTrace(level, 0)
        elif "initial values" in record and before.has_begun(side):
            self.levels[level] = LevelTrace(level, before.play + 1)
        self.levels[level].record(side, record)

    def on_difference(self, level, step, stage, tensor, ulps):
        self.levels[level].difference(step, stage, tensor, ulps)


class Several:
    """Observers of one comparison, such as a ``Trace``, as one; Nones are left out."""

    def __init__(self, *observers):
        self.observers = [o for o in observers if o is not None]

    def on_record(self, level, side, record):
        for observer in self.observers:
            observer.on_record(level, side, record)

    @property
    def on_difference(self):
        """None without observers: what nobody hears need not be said."""
        return self._tell if self.observers else None

    def _tell(self, *difference):
        for observer in self.observers:
            observer.on_difference(*difference)
