"""Mixed precision: float16 in the forward pass, variables in float32, a dynamic loss scale.

A linear model is trained, an example a step. A custom getter stores variables in float32
and hands them out in float16. The loss is scaled up, so that small gradients do not vanish
in float16; a step whose gradients overflow is left out and halves the scale, and after
some good ones it doubles. Or the casts are left to the graph rewrite.

Run it: ``python -m tf1_graph.models.mixed_precision``
"""

import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 10
    initial_scale: float = 32768.0
    growth_steps: int = 3  # good ones in a row, after which the scale doubles
    learning_rate: float = 0.125
    rewrite: bool = False  # whether the graph rewrite makes the casts
    seed: int = 1  # of the graph; each random op adds its own


def stored_in_float32(getter, name, shape=None, dtype=None, *arguments, **options):
    """A custom getter: a float32 variable, cast to what is asked for."""
    variable = getter(name, shape, tf.float32, *arguments, **options)
    return tf.cast(variable, dtype)


def predict(x, config):
    """[batch, inputs] float32 -> [batch, 1], float16 where the casts are made here."""
    dtype, getter = tf.float16, stored_in_float32
    if config.rewrite:
        dtype, getter = tf.float32, None
    with tf.variable_scope("", dtype=dtype, custom_getter=getter):
        kernel = tf.get_variable(
            "kernel",
            [x.shape[1], 1],
            initializer=tf.random_uniform_initializer(-1.0, 1.0, seed=11),
        )
        bias = tf.get_variable("bias", [1], initializer=tf.zeros_initializer())
    return tf.matmul(tf.cast(x, dtype), kernel) + bias


def optimizer(config):
    """Momentum under a dynamic loss scale."""
    scale = tf.train.experimental.DynamicLossScale(
        initial_loss_scale=config.initial_scale,
        increment_period=config.growth_steps,
    )
    momentum = tf.train.MomentumOptimizer(config.learning_rate, 0.5)
    if config.rewrite:
        # Every Session of the process from here on rewrites its graph, for a GPU of compute
        # capability 7 or more. Where there is none, the loss is scaled and nothing is cast.
        rewritten = tf.train.experimental.enable_mixed_precision_graph_rewrite
        return rewritten(momentum, scale)
    return tf.train.experimental.MixedPrecisionLossScaleOptimizer(momentum, scale)


def run(x_data, y_data, config=Config()):
    """What each step saw, by stage, and what it left behind."""
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, x_data.shape[1]])
        y_true = tf.placeholder(tf.float32, [None, 1])
        y_pred = predict(x, config)
        # From here on in float32: a sum of many would lose its last ones in float16.
        loss = tf.reduce_mean(tf.square(y_true - tf.cast(y_pred, tf.float32)))
        train = optimizer(config).minimize(
            loss, global_step=tf.train.get_or_create_global_step()
        )
        state = {variable.op.name: variable for variable in tf.global_variables()}
        scale = {
            "scale": state.pop("current_loss_scale"),
            "good_steps": state.pop("good_steps"),
        }
        initialise = tf.global_variables_initializer()
    with tf.Session(graph=graph) as session:
        session.run(initialise)
        history = [{"initial values": session.run(state)}]
        for step in range(config.steps):
            example = [step % len(x_data)]
            feed = {x: x_data[example], y_true: y_data[example]}
            seen = {"outputs": {"y_pred": y_pred}, "loss": {"loss": loss}}
            record, _ = session.run([seen, train], feed)
            record.update(scale=session.run(scale), updates=session.run(state))
            history.append(record)
    if config.rewrite:
        tf.train.experimental.disable_mixed_precision_graph_rewrite()
    return history


def examples():
    """([4, 2], [4, 1]) float32."""
    x = np.float32([[1, 0], [0, 1], [1, 1], [0, 0]])
    return x, x.sum(axis=1, keepdims=True) + 1


if __name__ == "__main__":
    for record in run(*examples())[1:]:
        print(
            "loss {loss:.5f}".format(**record["loss"]),
            "step {global_step}".format(**record["updates"]),
            "scale {scale:.0f} after {good_steps} good".format(**record["scale"]),
        )
