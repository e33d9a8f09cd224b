"""What 1.15.5 did with symbols that few programs use, and no chapter shows.

    python -m parity_tests.witness.programs.seldom_used FOLDER

Prints one line of JSON.
"""

import json
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

LAST_STEP = 3
X = np.float32([[1, 0], [0, 1], [1, 1], [2, -1], [-1, 0.5], [0.5, 2]])
LABELS = np.int32([1, 0, 1, 1, 0, 0])
L2 = 0.5
MESSAGES = {
    "SessionLog": {"status": 1, "checkpoint_path": "here", "msg": "begun"},
    "SummaryDescription": {"type_hint": "histogram"},
    "TaggedRunMetadata": {"tag": "step1", "run_metadata": b"\x0a\x00"},
}


def messages():
    """{name: its bytes, as hexadecimal} of messages of event files."""
    return {
        name: getattr(tf.summary, name)(**fields).SerializeToString().hex()
        for name, fields in MESSAGES.items()
    }


def counting(features, labels, mode):
    """A model_fn that counts steps, and learns nothing."""
    del features, labels
    count = tf.train.get_global_step().assign_add(1)
    return tf.estimator.EstimatorSpec(mode, loss=tf.constant(0.0), train_op=count)


def one_example():
    return tf.data.Dataset.from_tensors(({"x": [1.0]}, [1.0])).repeat()


def stopped(folder):
    """Where a chief stops, and the step at which a worker beside its checkpoint does."""
    make = tf.estimator.experimental.make_stop_at_checkpoint_step_hook
    chief = tf.estimator.Estimator(counting, folder)
    chief.train(one_example, [make(chief, LAST_STEP, 0)], steps=10)
    cluster = {
        "chief": ["127.0.0.1:1"],
        "worker": ["127.0.0.1:2"],
        "ps": ["127.0.0.1:3"],
    }
    task = {"type": "worker", "index": 0}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    worker = tf.estimator.Estimator(counting, folder)
    del os.environ["TF_CONFIG"]
    stops = {}
    for last_step in (LAST_STEP, LAST_STEP + 1):
        with tf.Graph().as_default():
            count = tf.train.get_or_create_global_step().assign_add(1)
            hook = make(worker, last_step, 0)
            with tf.train.MonitoredSession(hooks=[hook]) as session:
                step = 0
                while not session.should_stop() and step < 10:
                    step = session.run(count)
            stops[last_step] = int(step)
    return {
        "chief": int(chief.get_variable_value("global_step")),
        "worker": [stops[LAST_STEP], stops[LAST_STEP + 1]],
    }


def received():
    """What an export for training is fed: {name: [dtype, shape]}, features and labels."""
    with tf.Graph().as_default():
        features = {"x": tf.placeholder(tf.float32, [None, 2], "x")}
        labels = {"y": tf.placeholder(tf.int32, [None], "y")}
    build = tf.estimator.experimental.build_raw_supervised_input_receiver_fn
    with tf.Graph().as_default():
        receiver = build(features, labels)()
        return {
            kind: {
                name: [tensor.dtype.name, tensor.shape.as_list()]
                for name, tensor in getattr(receiver, kind).items()
            }
            for kind in ("receiver_tensors", "features", "labels")
        }


def ascended(folder):
    """The weights and the bias that LinearSDCA ends in."""
    classifier = tf.estimator.LinearClassifier(
        [tf.feature_column.numeric_column("x", shape=[2])],
        model_dir=folder,
        optimizer=tf.estimator.experimental.LinearSDCA(
            example_id_column="id", symmetric_l2_regularization=L2
        ),
    )
    ids = np.array([f"person {row}" for row in range(len(X))])
    examples = {"x": X, "id": ids}, LABELS
    classifier.train(lambda: tf.data.Dataset.from_tensors(examples).repeat(), steps=300)
    return {
        name.rpartition("/")[2]: classifier.get_variable_value(name).ravel().tolist()
        for name in classifier.get_variable_names()
        if "weights" in name and "slot" not in name
    }


def main(folder):
    tf.logging.set_verbosity(tf.logging.ERROR)
    print(
        json.dumps(
            {
                "messages": messages(),
                "stopped": stopped(os.path.join(folder, "stopped")),
                "received": received(),
                "ascended": ascended(os.path.join(folder, "ascended")),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
