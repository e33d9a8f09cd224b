"""The Estimators of the chapter, stopped, and gone on with in the same model_dir.

    python -m parity_tests.witness.programs.stopped_estimators FOLDER

Of each FOLDER/stopped keeps the model_dir as it was when its training stopped, under the
name of the twin's model. FOLDER/plays.npz is a ``recording`` of a play of each: what the
checkpoint held, then the records of another call of train and of what it left behind.
"""

import os
import shutil
import sys

from parity_tests.models import estimator as setup
from parity_tests.pair import recording
from tf1_graph.models import estimator as graph

# Stops at a step that is no multiple of those at which it saves, and drops half.
FIELDS = setup.RECORDED["other numbers"]
NAMES = ("own", "dnn", "linear")  # of the twin's models, in their order


def main(folder):
    config, data = graph.Config(**FIELDS), graph.examples()
    plays = os.path.join(folder, "plays.npz")
    own = graph.build(os.path.join(folder, "own"), config)
    estimators = (own, *graph.canned(folder, config))
    with recording.Writer(plays) as writer:
        for name, estimator in zip(NAMES, estimators):
            graph.train(estimator, data, config, [], "initial values")
            stopped = graph.left_behind(estimator)["updates"]
            shutil.copytree(estimator.model_dir, os.path.join(folder, "stopped", name))
            records = [{"initial values": stopped}]
            graph.train(estimator, data, config, records, "restored")
            records.append(graph.left_behind(estimator))
            records.append({"evaluation": graph.evaluate(estimator, data, config)})
            records.append({"outputs": graph.predict(estimator, data, config)})
            writer.add([], records)


if __name__ == "__main__":
    main(sys.argv[1])
