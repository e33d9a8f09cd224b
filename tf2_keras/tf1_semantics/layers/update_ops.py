"""``UPDATE_OPS``: updates that the caller runs, in place of the forward pass."""

import contextlib
import contextvars
import re

_collecting = contextvars.ContextVar("collecting", default=None)


class UpdateOps:
    """Updates of moving statistics, in the order in which layers were called."""

    def __init__(self):
        self._updates = []  # (path of the variable, function that updates it)

    def __len__(self):
        return len(self._updates)

    def run(self, scope=None):
        """Runs them, each on what the one before left.

        Args:
            scope: a regular expression: only those of variables whose paths begin so,
                such as "discriminator/".
        """
        for path, update in self._updates:
            if scope is None or re.match(scope, path):
                update()


@contextlib.contextmanager
def update_ops():
    """``tf.get_collection(tf.GraphKeys.UPDATE_OPS)``: what ran only if a program ran it.

        with update_ops() as updates:
            real = discriminator(images, training=True)
            fake = discriminator(generator(noise), training=True)
        updates.run("discriminator")

    Within, ``BatchNormalization`` normalises as ever, and its moving statistics stay as
    they are until ``run``: in a ``train_step``, a tf.function or eager code. So a GAN's
    step for one net moves no statistics of the other, and of two passes of one net
    those of one alone, or of both in order. What is not run is lost, as in TF1. Of two
    passes whose updates ran together TF1 left open which came first.

    Source: tf.get_collection, tf.GraphKeys.UPDATE_OPS, 1.15.
    """
    updates = UpdateOps()
    token = _collecting.set(updates)
    try:
        yield updates
    finally:
        _collecting.reset(token)


def collect_or_run(path, update):
    """Runs an update, unless the caller wants to.

    Args:
        path: of the variable that it changes.
        update: a function without arguments.
    """
    updates = _collecting.get()
    if updates is None:
        update()
    else:
        updates._updates.append((path, update))
