"""What a loop over time demands of its inputs and of the lengths of its sequences."""

import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require


def require_shapes(inputs_shape, sequence_length_shape, time_axis, static=None):
    """Refuses what can be seen before the loop runs.

    Args:
        inputs_shape: [batch, time, features], or [time, batch, features].
        sequence_length_shape: [batch], or None.
        time_axis: 0 or 1.
        static: the lengths themselves where they are known, as an array.
    """
    axes = ("[time, batch, features]", "[batch, time, features]")[time_axis]
    require(
        len(inputs_shape) == 3 and inputs_shape[2] is not None,
        f"inputs must be of rank 3, {axes}, with features known",
        repr(tuple(inputs_shape)),
        "Reshape them, or set the last size",
    )
    if sequence_length_shape is None:
        return
    batch, time = inputs_shape[1 - time_axis], inputs_shape[time_axis]
    require(
        len(sequence_length_shape) == 1
        and (
            None in (batch, sequence_length_shape[0])
            or batch == sequence_length_shape[0]
        ),
        f"sequence_length must be of the shape [batch], {batch}",
        repr(tuple(sequence_length_shape)),
        "Use one length for each sequence",
    )
    if static is not None and time is not None and static.size:
        require(
            static.min() >= 0 and static.max() <= time,
            f"sequence_length must be in [0, {time}], the size of the time axis",
            repr(static.tolist()),
            "Pad the inputs, or cut the lengths",
        )


def checked(inputs, sequence_length, time_axis):
    """(inputs, lengths as int32), which fail to exist unless the lengths are right.

    Whatever is computed or updated from them comes after the assertion.
    """
    lengths = tf.cast(sequence_length, tf.int32)
    time, batch = tf.shape(inputs)[time_axis], tf.shape(inputs)[1 - time_axis]
    assertions = [
        tf.debugging.Assert(
            tf.reduce_all(tf.equal(tf.shape(lengths), [batch])),
            [
                "sequence_length must be of the shape [batch]",
                [batch],
                ". Received:",
                tf.shape(lengths),
                ". Use one length for each sequence.",
            ],
        ),
        tf.debugging.Assert(
            tf.reduce_all((lengths >= 0) & (lengths <= time)),
            [
                "sequence_length must be in [0, time], time being",
                time,
                ". Received:",
                lengths,
                ". Pad the inputs, or cut the lengths.",
            ],
            summarize=20,
        ),
    ]
    # Eagerly the assertions have raised already, and are None.
    with tf.control_dependencies(
        [assertion for assertion in assertions if assertion is not None]
    ):
        return tf.identity(inputs), tf.identity(lengths)
