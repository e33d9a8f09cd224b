"""The descriptor of tf1_semantics.callbacks, and the losses that it is compared with."""

import keras
import numpy as np
import tensorflow.compat.v1 as tf1

from parity_tests.parts.descriptor import Part, Trap
from tf1_graph.models import linear_regression as graph
from tf2_keras.models import linear_regression as twin

STEPS = 10


def losses_of_tf1(x, y_true, steps, **fields):
    """[loss of each step] that a Session fetched beside the step of descent."""
    built = graph.build(graph.Config(**fields))
    feed_dict = {built.x: x, built.y_true: y_true}
    with built.graph.as_default():
        init = tf1.global_variables_initializer()
        with tf1.Session() as session:
            session.run(init)
            fetches = [built.loss, built.train]
            return [session.run(fetches, feed_dict)[0] for _ in range(steps)]


def fit(x, y_true, epochs, steps_per_epoch, callback, **fields):
    """Trains the twin, all data at each step."""
    model = twin.build(twin.Config(**fields))
    model.fit(
        twin.mini_batches(x, y_true, len(x), seed=0),
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        shuffle=False,
        verbose=0,
        callbacks=[callback],
    )


def _mean_so_far():
    """{step: error} of what fit logs."""
    x, y_true = graph.make_data()
    fields = {"learning_rate": 0.1}
    losses = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: losses.append(logs["loss"])
    )
    fit(x, y_true, 1, STEPS, callback, **fields)
    expected = losses_of_tf1(x, y_true, STEPS, **fields)
    errors = np.abs(np.subtract(losses, expected)) / np.abs(expected)
    return {step: float(errors[step - 1]) for step in (1, STEPS)}


PARTS = (
    Part(
        name="callbacks.StepHistory",
        tf1="tf.Session.run",
        proof="parity_tests/parts/callbacks_test.py::test_losses_are_those_of_each_step",
        samples=({},),
        traps=(
            Trap(
                'LambdaCallback(on_train_batch_end=lambda step, logs: logs["loss"])',
                _mean_so_far,
                {10: 1.0},
                "tf1_semantics.callbacks.StepHistory()",
            ),
        ),
    ),
)
