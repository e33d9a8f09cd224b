"""Faults planted in the twin that writes summaries."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault


def _after_the_update(twin):
    train_step = twin.train_step

    def faulty(model, optimizer, config, x, y_true):
        train_step(model, optimizer, config, x, y_true)

        class Nothing:
            def apply(self, gradients, variables):
                pass

        return train_step(model, Nothing(), config, x, y_true)

    return {"train_step": faulty}


def _mean_so_far(twin):
    """What fit logs: the mean since the epoch began."""
    scalar, mean = twin.scalar, keras.metrics.Mean()

    def faulty(tag, value):
        if tag == "loss":
            mean.update_state(value)
            value = mean.result()
        return scalar(tag, value)

    return {"scalar": faulty}


def _tags_without_numbers(twin):
    scalar = twin.scalar
    return {"scalar": lambda tag, value: scalar(tag.removesuffix("_1"), value)}


def _step_of_the_tracing(twin):
    add_summary, steps = twin.add_summary, []

    def faulty(writer, summary, step):
        steps.append(step)
        add_summary(writer, summary, steps[0])

    return {"add_summary": faulty}


def _number_of_the_tracing(twin):
    """What a tf.function does with a number of Python's: it keeps the first."""
    scalar, numbers = twin.scalar, []

    def faulty(tag, value):
        if tag == "epochs":
            numbers.append(value)
            value = numbers[0]
        return scalar(tag, value)

    return {"scalar": faulty}


def _steps_from_one(twin):
    add_summary = twin.add_summary
    return {
        "add_summary": lambda writer, summary, step: add_summary(
            writer, summary, step + 1
        )
    }


def _clipped_picture(twin):
    """What TensorBoard's tf.summary.image shows of numbers: 0 black, and 1 white."""
    image = twin.image

    def faulty(tag, images):
        return image(tag, tf.image.convert_image_dtype(images, tf.uint8, saturate=True))

    return {"image": faulty}


def _equal_buckets(twin):
    """What TensorBoard's tf.summary.histogram counts in: thirty buckets of one width."""
    del twin

    def histogram(tag, values):
        def summary(values):
            counts, edges = np.histogram(values.astype(np.float64), 30)
            proto = tf.compat.v1.HistogramProto(
                min=values.min(),
                max=values.max(),
                num=values.size,
                sum=values.sum(),
                bucket_limit=edges[1:],
                bucket=counts,
            )
            value = tf.compat.v1.Summary.Value(tag=tag, histo=proto)
            return tf.compat.v1.Summary(value=[value]).SerializeToString()

        return tf.ensure_shape(tf.numpy_function(summary, [values], tf.string), [])

    return {"histogram": histogram}


def _one_forgotten(twin):
    variable_summaries = twin.variable_summaries

    def faulty(variable, scope):
        return variable_summaries(variable, scope) if scope == "summaries" else []

    return {"variable_summaries": faulty}


FAULTS = {
    "after_the_update": Fault(
        "What is to be seen is made after the update.", "train", _after_the_update
    ),
    "mean_so_far": Fault(
        "The loss that is shown is the mean since the epoch began.",
        "train",
        _mean_so_far,
    ),
    "tags_without_numbers": Fault(
        "Tags have not the numbers that a graph gave them.",
        "train",
        _tags_without_numbers,
    ),
    "step_of_the_tracing": Fault(
        "The step is Python's at the time of tracing.", "train", _step_of_the_tracing
    ),
    "number_of_the_tracing": Fault(
        "A number of Python's is that of the time of tracing.",
        "test",
        _number_of_the_tracing,
    ),
    "steps_from_one": Fault("Steps are counted from one.", "train", _steps_from_one),
    "clipped_picture": Fault(
        "Of a picture's numbers what is below 0 is black, and above 1 white.",
        "train",
        _clipped_picture,
    ),
    "equal_buckets": Fault(
        "A histogram has thirty buckets of one width.", "train", _equal_buckets
    ),
    "one_forgotten": Fault(
        "A summary was not put into the list, which no collection fills.",
        "train",
        _one_forgotten,
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "train", fields={"learning_rate": 0.1375}
    ),
}
