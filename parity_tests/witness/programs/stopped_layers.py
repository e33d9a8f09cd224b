"""A chapter of layers that 1.15.5 alone has: saved after each step, and gone on with.

    python -m parity_tests.witness.programs.stopped_layers CHAPTER FOLDER

FOLDER/model.ckpt-N holds what the program had after N steps. FOLDER/plays.npz is a
``recording`` of its whole play and, where FOLDER/back.ckpt is a checkpoint, of one that
begins with what is in it.
"""

import os
import sys
from unittest import mock

import tensorflow.compat.v1 as tf

from parity_tests.models import chapters, programs
from parity_tests.pair import recording

PLAY = "other numbers"  # of what 1.15.5 recorded of each


def config_of(side, name):
    """The ``Config`` of one side of a chapter, of the play."""
    return side.Config(**chapters.recorded(name)[PLAY])


class Saving(tf.Session):
    """Saves whenever all variables are read: at the beginning and after each step."""

    prefix, step = None, 0

    def run(self, fetches, *options, **more):
        fetched = super().run(fetches, *options, **more)
        if isinstance(fetches, dict):
            if not self.step:
                self.saver = tf.train.Saver(max_to_keep=None)
            self.saver.save(self, self.prefix, self.step, write_meta_graph=False)
            self.step += 1
        return fetched


class Restored(tf.Session):
    """Restores a checkpoint once variables are initialised, which is its first run."""

    prefix, begun = None, False

    def run(self, *options, **more):
        fetched = super().run(*options, **more)
        if not self.begun:
            self.begun = True
            tf.train.Saver().restore(self, self.prefix)
        return fetched


def played(name, session, prefix):
    """The records of a chapter's run in such a Session."""
    graph = chapters.graph(name)
    data, _ = chapters.setup(name).load(None, 1)
    session.prefix = prefix
    with mock.patch.object(graph.tf, "Session", session):
        return programs.records(graph, data, config_of(graph, name))


def main(name, folder):
    back = os.path.join(folder, "back.ckpt")
    with recording.Writer(os.path.join(folder, "plays.npz")) as writer:
        writer.add([], played(name, Saving, os.path.join(folder, "model.ckpt")))
        if os.path.exists(back + ".index"):
            writer.add([], played(name, Restored, back))


if __name__ == "__main__":
    main(*sys.argv[1:])
