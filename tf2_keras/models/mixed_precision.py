"""Mixed precision in Keras: the policy mixed_float16 and its LossScaleOptimizer.

The same training as the TF1 twin. What a custom getter did to variables, a layer's policy
does; the scale of the loss is a variable of the optimizer. What the graph rewrite did is
said layer by layer.

Run it: ``python -m tf2_keras.models.mixed_precision``
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 10
    initial_scale: float = 32768.0
    growth_steps: int = 3  # good ones in a row, after which the scale doubles
    learning_rate: float = 0.125
    rewrite: bool = False  # whether the graph rewrite makes the casts
    seed: int = 1  # of the graph; each random op adds its own


def build(inputs, config):
    """[batch, inputs] float32 -> [batch, 1], of variables in float32."""
    x = keras.Input((inputs,), name="x")
    kernel = tf1_semantics.initializers.RandomUniform(-1.0, 1.0, seed=(config.seed, 11))
    dense = keras.layers.Dense(
        1,
        use_bias=not config.rewrite,
        kernel_initializer=kernel,
        dtype="mixed_float16",
        name="dense",
    )
    y_pred = dense(x)
    if config.rewrite:
        # It cast what a GPU multiplies in float16, and nothing that is added to it. On a
        # CPU it cast nothing: there the twin is a float32 layer.
        y_pred = tf1_semantics.layers.AddBias(name="add")(y_pred)
    return keras.Model(x, y_pred)


def optimizer(config):
    """Momentum under a dynamic loss scale."""
    momentum = tf1_semantics.optimizers.Momentum(config.learning_rate, 0.5)
    return keras.optimizers.LossScaleOptimizer(
        momentum,
        initial_scale=config.initial_scale,
        dynamic_growth_steps=config.growth_steps,
    )


def run(x_data, y_data, config=Config()):
    """What each step saw, by stage, and what it left behind."""
    model = build(x_data.shape[1], config)
    scaled = optimizer(config)
    variables = model.trainable_variables
    scaled.build(variables)

    @tf.function
    def train(x, y_true):
        with tf.GradientTape() as tape:
            y_pred = model(x)
            # From here on in float32: a sum of many would lose its last ones in float16.
            loss = tf.reduce_mean(tf.square(y_true - tf.cast(y_pred, tf.float32)))
            # In a loop of one's own this is a line to write; fit does it.
            large = scaled.scale_loss(loss)
        scaled.apply(tape.gradient(large, variables), variables)
        return y_pred, loss

    names = ["kernel", "bias"]
    of_state = dict(zip(names, variables, strict=True))
    # Steps that were left out are not counted.
    of_state.update(scaled.inner_optimizer.tf1_variables(names))

    def state():
        return {name: np.asarray(variable) for name, variable in of_state.items()}

    history = [{"initial values": state()}]
    for step in range(config.steps):
        example = [step % len(x_data)]
        y_pred, loss = train(x_data[example], y_data[example])
        scale = {
            "scale": np.asarray(scaled.dynamic_scale),
            "good_steps": np.int64(scaled.step_counter),
        }
        history.append(
            {
                "outputs": {"y_pred": y_pred.numpy()},
                "loss": {"loss": loss.numpy()},
                "scale": scale,
                "updates": state(),
            }
        )
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
