"""The Estimators of two chapters, stopped, and gone on with in the same model_dir.

    python -m parity_tests.witness.programs.stopped_estimators FOLDER

Of each FOLDER/stopped keeps the model_dir as it was when its training stopped, as "own",
"dnn" and "linear". FOLDER/plays.npz is a ``recording`` of a play of each: what the
checkpoint held, then the records of another call of train and of what it left behind.
"""

import os
import shutil
import sys

from parity_tests.models import canned_estimator as setup_of_canned
from parity_tests.models import estimator as setup
from parity_tests.pair import recording
from tf1_graph.models import canned_estimator, estimator

# Stops at a step that is no multiple of those at which it saves, and drops half.
FIELDS = setup.RECORDED["other numbers"]
OF_CANNED = setup_of_canned.RECORDED["other numbers"]


def train_own(own, data, config):
    """[record, ...] of a training of the Estimator of one's own."""
    records = []
    estimator.train(own, data, config, records, "initial values")
    return records


def main(folder):
    data = estimator.examples()
    config = estimator.Config(**FIELDS)
    of_canned = canned_estimator.Config(**OF_CANNED)
    played = {
        "own": (estimator, estimator.build, train_own, config),
        "dnn": (
            canned_estimator,
            canned_estimator.dnn,
            canned_estimator.train,
            of_canned,
        ),
        "linear": (
            canned_estimator,
            canned_estimator.linear,
            canned_estimator.train,
            of_canned,
        ),
    }
    with recording.Writer(os.path.join(folder, "plays.npz")) as writer:
        for name, (chapter, build, train, fields) in played.items():
            stopped = build(os.path.join(folder, name), fields)
            train(stopped, data, fields)
            held, *_ = chapter.left_behind(stopped, data, fields)
            shutil.copytree(stopped.model_dir, os.path.join(folder, "stopped", name))
            records = train(stopped, data, fields)
            records += chapter.left_behind(stopped, data, fields)
            writer.add([], [{"initial values": held["updates"]}] + records)


if __name__ == "__main__":
    main(sys.argv[1])
