"""Both sides as runs of TensorBoard, which overlays runs that share their tags.

    with EventFiles(folder) as files:
        compare_levels(pair, levels, plays, files.on_record, files.on_difference)

FOLDER/tf1 is TF1's side, FOLDER/function and so on are the levels of its rewrite. An event
file holds TFRecords of ``Event``, so TensorBoard itself need not be installed.
"""

import collections
import contextlib
import os
import pathlib
import secrets
import time

import numpy as np
import tensorflow as tf

from parity_tests.engine.ulps import INCOMPARABLE
from parity_tests.pair import unfinished
from parity_tests.pair.traces import SESSION

TF1 = "tf1"
NORMS = ("gradients", "updates")  # stages whose tensors are told by their norm
PART = ".tf-parity-"  # of what is not whole yet


class EventFiles:
    """Writes scalars by step: the losses, the norms of gradients and variables, and the
    greatest distance of each stage in ULPs.

    Files are whole when the ``with`` ends, or not there at all.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._writers = {}  # {name of the run: (TFRecordWriter, path of the part)}
        self._steps = collections.Counter()
        self._plays = collections.Counter()
        self._stack = contextlib.ExitStack()
        self._levels = {}  # the first is the one whose TF1 side is written

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for name, (writer, part) in self._writers.items():
            writer.close()
            if kind is None:
                run = self.folder / name
                run.mkdir(parents=True, exist_ok=True)
                # TensorBoard knows event files by their name.
                stem = f"events.out.tfevents.{int(time.time())}.tf-parity"
                os.replace(part, run / stem)
            else:
                part.unlink(missing_ok=True)
        self._stack.close()

    def on_record(self, level, side, record):
        if "initial values" in record:
            self._plays[level, side] += 1
            self._steps[level, side] = -1
        self._steps[level, side] += 1
        self._levels.setdefault(level)
        if side == SESSION and level != next(iter(self._levels)):
            return  # the same as of the first level
        scalars = {}
        for name, value in (record.get("loss") or {}).items():
            scalars[name if name == "loss" else f"loss/{name}"] = np.mean(value)
        for stage in NORMS:
            for name, value in (record.get(stage) or {}).items():
                if np.asarray(value).dtype.kind not in "SUOc":
                    norm = np.linalg.norm(np.asarray(value, np.float64))
                    scalars[f"{stage}/{name}"] = norm
        self._write(level, side, self._steps[level, side], scalars)

    def on_difference(self, level, step, stage, tensor, ulps):
        if ulps != INCOMPARABLE:
            self._write(level, level, step, {f"ULP of {stage}/{tensor}": ulps})

    def _write(self, level, side, step, scalars):
        if not scalars:
            return
        name = TF1 if side == SESSION else level
        if self._plays[level, side] > 1:
            name = f"{name}-{self._plays[level, side]}"
        if name not in self._writers:
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.folder / f"{PART}{secrets.token_hex(4)}.part"
            self._stack.enter_context(unfinished.noted(str(part)))
            self._writers[name] = tf.io.TFRecordWriter(str(part)), part
            self._event(name, file_version="brain.Event:2")
        values = [
            tf.compat.v1.Summary.Value(tag=tag, simple_value=float(value))
            for tag, value in scalars.items()
        ]
        self._event(name, step=step, summary=tf.compat.v1.Summary(value=values))

    def _event(self, name, **fields):
        event = tf.compat.v1.Event(wall_time=time.time(), **fields)
        self._writers[name][0].write(event.SerializeToString())


def opened(folder):
    """``EventFiles`` of a folder; None, in a ``with`` as well, without one."""
    return contextlib.nullcontext() if folder is None else EventFiles(folder)
