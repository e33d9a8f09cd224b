"""A checkpoint of another shape than the variable's, in ref and in resource variables.

    python -m parity_tests.witness.programs.another_shape FOLDER

Prints {kind of variable: the error, or the shape that it holds then} as a line of JSON.
"""

import json
import os
import sys

import tensorflow.compat.v1 as tf


def restored(folder, resource):
    """What comes of a checkpoint of [4, 3] in a variable of [4, 2]."""
    prefix = os.path.join(folder, "model.ckpt")
    for classes in (3, 2):
        with tf.Graph().as_default(), tf.Session() as session:
            weights = tf.get_variable("weights", [4, classes], use_resource=resource)
            session.run(weights.initializer)
            if classes == 3:
                tf.train.Saver().save(session, prefix)
                continue
            try:
                tf.train.Saver().restore(session, prefix)
            except tf.errors.InvalidArgumentError as error:
                return type(error).__name__
            return list(session.run(weights).shape)


def main(folder):
    kinds = {"ref": False, "resource": True}
    print(
        json.dumps({kind: restored(folder, is_one) for kind, is_one in kinds.items()})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
