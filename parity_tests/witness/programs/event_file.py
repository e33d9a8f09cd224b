"""A training that writes summaries: ``python -m parity_tests.witness.programs.event_file``.

``--out DIR`` under 1.15.5 stores the event file that TensorBoard would read. Numbers are
small multiples of a power of two, so that hardly a sum is rounded.

Shapes: 4 examples, 3 features; 2 images of 4 x 5 pixels; 16 samples of sound.
"""

import glob
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.witness.programs import export

STEPS = 3
LEARNING_RATE = 0.25
FEATURES = np.arange(12, dtype=np.float32).reshape(4, 3) / 8 - 0.5
TARGETS = np.array([[1.0], [0.5], [-1.0], [0.25]], np.float32)
# One without a negative number, one with.
IMAGES = np.stack([np.arange(20) / 32, np.arange(20) / 8 - 1]).astype(np.float32)
IMAGES = IMAGES.reshape(2, 4, 5, 1)
SOUND = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 16, 1)
SAMPLE_RATE = 8000  # per second


def build():
    """(graph, merged summaries, train op): what is merged is from before the update."""
    with tf.Graph().as_default() as graph:
        weights = tf.get_variable(
            "weights", [3, 1], initializer=tf.zeros_initializer(), use_resource=True
        )
        errors = tf.matmul(tf.constant(FEATURES), weights) - tf.constant(TARGETS)
        loss = tf.reduce_mean(errors**2)
        with tf.name_scope("train"):
            tf.summary.scalar("loss", loss)
            tf.summary.scalar("loss", 2 * loss)  # a tag that is taken
            tf.summary.histogram("weights", weights)
        tf.summary.image("images", tf.constant(IMAGES), max_outputs=2)
        tf.summary.text("words", tf.constant(["one", "two"]))
        tf.summary.audio("sound", tf.constant(SOUND), SAMPLE_RATE)
        merged = tf.summary.merge_all()
        with tf.control_dependencies([merged]):
            train = tf.train.GradientDescentOptimizer(LEARNING_RATE).minimize(loss)
    return graph, merged, train


def run(folder):
    """Trains and writes an event file into ``folder``."""
    graph, merged, train = build()
    with export.session(graph) as session:
        with graph.as_default():
            session.run(tf.global_variables_initializer())
        writer = tf.summary.FileWriter(folder, graph)
        for step in range(STEPS):
            summary, _ = session.run([merged, train])
            writer.add_summary(summary, step)
        by_hand = tf.Summary(value=[tf.Summary.Value(tag="by_hand", simple_value=0.5)])
        writer.add_summary(by_hand, STEPS)
        writer.close()


def main():
    out = export.folder("event_file", __doc__)
    with tempfile.TemporaryDirectory() as folder:
        run(folder)
        (written,) = glob.glob(os.path.join(folder, "*"))
        events = np.fromfile(written, np.uint8)
    export.write("event_file", out, None, {"events": events})


if __name__ == "__main__":
    main()
