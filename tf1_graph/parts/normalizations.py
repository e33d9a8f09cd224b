"""TF1's normalisations by batch, layer, instance and group, as ``layers`` builds them.

Each is a function (x, training, **arguments of the part) -> {"y": output}, and after it
what 1.15 built of it, in ops that there are today.
"""

import functools

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.parts.cases import genuine
from tf1_graph.parts.initializers import initializer

INITIALIZERS = {
    f"{weight}_initializer"
    for weight in ("beta", "gamma", "moving_mean", "moving_variance")
}


def batch_normalization(x, training, scope="layer", rate="tf.layers", **arguments):
    """tf.layers.batch_normalization, and its updates in UPDATE_OPS.

    Args:
        rate: "contrib" for tf.contrib.layers.batch_norm, told where to put its updates.
    """
    if rate == "contrib":
        return {"y": contrib_batch_norm(x, training, scope, **arguments)}
    options = dict(arguments, training=training, name=scope, reuse=tf.AUTO_REUSE)
    for name in INITIALIZERS.intersection(options):
        options[name] = initializer(options[name])
    try:
        batch_norm = genuine("tf.layers.batch_normalization")
    except AttributeError:
        batch_norm = batch_normalization_in_ops
    return {"y": batch_norm(x, **options)}


def contrib_batch_norm(x, training, scope, momentum=0.99, scale=True, **options):
    """tf.contrib.layers.batch_norm with tf.layers' defaults, on two or four axes.

    With updates_collections that are not the default it is contrib's own, and not
    tf.layers' inside of it.
    """
    batch_norm = genuine("tf.contrib.layers.batch_norm", lost=contrib_batch_norm_in_ops)
    return batch_norm(
        x,
        decay=momentum,
        scale=scale,
        is_training=training,
        updates_collections=[tf.GraphKeys.UPDATE_OPS],
        scope=scope,
        reuse=tf.AUTO_REUSE,
        **options,
    )


def contrib_batch_norm_in_ops(
    x, decay, is_training, updates_collections, scope, **options
):
    """What it built, in ops that there are today: its rate is subtracted in Python."""
    assert updates_collections == [tf.GraphKeys.UPDATE_OPS]
    is_flat = x.shape.rank == 2
    y = batch_normalization_in_ops(
        tf.reshape(x, [-1, 1, 1, x.shape[-1]]) if is_flat else x,
        momentum=decay,
        training=is_training,
        name=scope,
        rate=tf.constant(1.0 - decay),
        **options,
    )
    return tf.reshape(y, tf.shape(x)) if is_flat else y


def batch_normalization_in_ops(
    x,
    axis=-1,
    momentum=0.99,
    epsilon=1e-3,
    center=True,
    scale=True,
    beta_initializer=None,
    gamma_initializer=None,
    moving_mean_initializer=None,
    moving_variance_initializer=None,
    training=False,
    name=None,
    reuse=None,
    fused=None,
    rate=None,
):
    """What tf.layers.batch_normalization of 1.15 built, in ops that there are today."""
    rank = x.shape.rank
    axis = axis % rank
    half = x.dtype in (tf.float16, tf.bfloat16)
    with tf.variable_scope(name, reuse=reuse):
        variable = functools.partial(
            tf.get_variable,
            shape=[int(x.shape[axis])],
            dtype=tf.float32 if half else x.dtype,
        )
        starts = [
            ("gamma", scale, gamma_initializer or tf.ones_initializer()),
            ("beta", center, beta_initializer or tf.zeros_initializer()),
        ]
        # contrib's own made beta first.
        weights = {
            weight: variable(weight, initializer=start)
            for weight, wanted, start in (starts if rate is None else starts[::-1])
            if wanted
        }
        gamma, beta = weights.get("gamma"), weights.get("beta")
        variable = functools.partial(variable, trainable=False)
        moving_mean = variable(
            "moving_mean", initializer=moving_mean_initializer or tf.zeros_initializer()
        )
        moving_variance = variable(
            "moving_variance",
            initializer=moving_variance_initializer or tf.ones_initializer(),
        )
    if fused is not False and rank == 4 and axis in (1, 3):
        moments = {} if training else {"mean": moving_mean, "variance": moving_variance}
        channels = moving_mean.shape
        y, mean, variance = tf.nn.fused_batch_norm(
            x,
            tf.constant(1.0, shape=channels) if gamma is None else gamma,
            tf.constant(0.0, shape=channels) if beta is None else beta,
            epsilon=epsilon,
            is_training=training,
            data_format="NHWC" if axis == 3 else "NCHW",
            **moments,
        )
        rate = 1.0 - tf.constant(momentum) if rate is None else rate
    else:
        sizes = [x.shape[axis] if number == axis else 1 for number in range(rank)]

        def against(per_channel):
            if per_channel is None:
                return None
            if axis != rank - 1:
                per_channel = tf.reshape(per_channel, sizes)
            return tf.cast(per_channel, x.dtype)

        mean, variance = moving_mean, moving_variance
        if training:
            others = [number for number in range(rank) if number != axis]
            raised = tf.cast(x, moving_mean.dtype.base_dtype)
            mean, variance = tf.nn.moments(raised, others)
        y = tf.nn.batch_normalization(
            x, against(mean), against(variance), against(beta), against(gamma), epsilon
        )
        rate = tf.constant(1.0 - momentum)
    if training:
        for moving, batch in ((moving_mean, mean), (moving_variance, variance)):
            change = (moving - batch) * tf.cast(rate, moving.dtype.base_dtype)
            update = tf.assign_sub(moving, change)
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
    return y


def layer_norm(x, _training, epsilon=None, **arguments):
    """contrib's layer_norm; of an ``epsilon``, which it has not, what it built."""
    norm = genuine("tf.contrib.layers.layer_norm", lost=layer_norm_in_ops)
    if epsilon is not None:
        norm = functools.partial(layer_norm_in_ops, epsilon=epsilon)
    return {"y": norm(x, scope="layer", reuse=tf.AUTO_REUSE, **arguments)}


def layer_norm_in_ops(
    x,
    center=True,
    scale=True,
    reuse=None,
    scope=None,
    begin_norm_axis=1,
    begin_params_axis=-1,
    epsilon=None,
):
    """What tf.contrib.layers.layer_norm of 1.15 built, in ops that there are today."""
    rank = x.shape.rank
    shape = x.shape[begin_params_axis:]
    gamma = beta = None
    with tf.variable_scope(scope, reuse=reuse):
        if center:
            beta = tf.get_variable("beta", shape, x.dtype, tf.zeros_initializer())
        if scale:
            gamma = tf.get_variable("gamma", shape, x.dtype, tf.ones_initializer())
    axes = list(range(begin_norm_axis % rank, rank))
    mean, variance = tf.nn.moments(x, axes, keep_dims=True)
    if epsilon is None:
        epsilon = 1e-3 if x.dtype == tf.float16 else 1e-12
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def instance_norm(x, _training, **arguments):
    """contrib's instance_norm, or what it built."""
    norm = genuine("tf.contrib.layers.instance_norm", lost=instance_norm_in_ops)
    return {"y": norm(x, scope="layer", reuse=tf.AUTO_REUSE, **arguments)}


def weights_of(x, channels, center, scale, shape):
    """(beta, gamma) of the current scope, or None each."""
    beta = gamma = None
    if center:
        beta = tf.get_variable("beta", [channels], x.dtype, tf.zeros_initializer())
        beta = tf.reshape(beta, shape)
    if scale:
        gamma = tf.get_variable("gamma", [channels], x.dtype, tf.ones_initializer())
        gamma = tf.reshape(gamma, shape)
    return beta, gamma


def instance_norm_in_ops(
    x,
    center=True,
    scale=True,
    epsilon=1e-6,
    data_format="NHWC",
    scope=None,
    reuse=None,
):
    """What tf.contrib.layers.instance_norm of 1.15 built, in ops that there are today."""
    rank = x.shape.rank
    axis = rank - 1 if data_format == "NHWC" else 1
    channels = int(x.shape[axis])
    shape = [channels] if axis != 1 else [1, channels] + [1] * (rank - 2)
    with tf.variable_scope(scope, reuse=reuse):
        beta, gamma = weights_of(x, channels, center, scale, shape)
        axes = [other for other in range(1, rank) if other != axis]
        mean, variance = tf.nn.moments(x, axes, keep_dims=True)
        return tf.nn.batch_normalization(
            x, mean, variance, beta, gamma, epsilon, name="instancenorm"
        )


def group_norm(x, _training, **arguments):
    """contrib's group_norm, or what it built."""
    norm = genuine("tf.contrib.layers.group_norm", lost=group_norm_in_ops)
    return {"y": norm(x, scope="layer", reuse=tf.AUTO_REUSE, **arguments)}


def group_norm_in_ops(
    x,
    groups=32,
    channels_axis=-1,
    reduction_axes=(-3, -2),
    center=True,
    scale=True,
    epsilon=1e-6,
    mean_close_to_zero=False,
    scope=None,
    reuse=None,
):
    """What tf.contrib.layers.group_norm of 1.15 built, in ops that there are today."""
    rank = x.shape.rank
    axis = channels_axis % rank
    channels = int(x.shape[axis])
    dynamic = tf.shape(x)
    shape = [
        dynamic[number] if size is None else size
        for number, size in enumerate(x.shape.as_list())
    ]
    split = [groups, channels // groups]
    x = tf.reshape(x, shape[:axis] + split + shape[axis + 1 :])
    axes = [axis + 1] + [
        other % rank + (other % rank > axis) for other in reduction_axes
    ]
    with tf.variable_scope(scope, reuse=reuse):
        against = [1] * axis + split + [1] * (rank - axis - 1)
        beta, gamma = weights_of(x, channels, center, scale, against)
        if mean_close_to_zero:
            *sums, _ = tf.nn.sufficient_statistics(x, axes, keep_dims=True)
            mean, variance = tf.nn.normalize_moments(*sums, shift=None)
            # Today's Grappler would add a constant to the square of the mean first.
            epsilon = np.array(epsilon, x.dtype.as_numpy_dtype)
            epsilon = tf.placeholder_with_default(epsilon, [])
        else:
            mean, variance = tf.nn.moments(x, axes, keep_dims=True)
        gain = tf.rsqrt(variance + epsilon)
        offset = -mean * gain
        if gamma is not None:
            gain *= gamma
            offset *= gamma
        if beta is not None:
            offset += beta
        return tf.reshape(x * gain + offset, shape)


# Every instance of the two that the tests build: see ``layers.VARIANTS``.
BY_GROUP = {
    "layers.GroupNormalization": [
        ({}, [None, 3, 2, 32], "float32"),
        ({"groups": 2}, [None, 4, 3, 6], "float64"),
        ({"groups": 1, "scale": False}, [None, 4, 3, 3], "float32"),
        (
            {"groups": 3, "channels_axis": -3, "reduction_axes": (-2, -1)},
            [None, 6, 4, 3],
            "float32",
        ),
        (
            {"groups": 2, "reduction_axes": (-2,), "epsilon": 1e-3, "center": False},
            [None, None, 3, 4],
            "float32",
        ),
        ({"groups": 2, "mean_close_to_zero": True}, [None, 4, 3, 6], "float32"),
        ({"groups": 3, "mean_close_to_zero": True}, [None, 3, 2, 3], "float64"),
    ],
    "layers.InstanceNormalization": [
        ({}, [None, None, None, 3], "float32"),
        ({}, [None, 4, 2], "float64"),
        ({"epsilon": 1e-3, "scale": False}, [None, 6, 5, 3], "float32"),
        ({"center": False}, [None, 6, 5, 3], "float16"),
        ({"data_format": "NCHW"}, [None, 3, 4, 5], "float32"),
    ],
}
