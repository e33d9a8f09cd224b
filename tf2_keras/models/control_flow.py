"""Control flow in TF2: Python in a tf.function, whose lines run in their order.

The same filter as the TF1 twin: ``if`` for cond, ``for`` for while_loop, nothing for
control dependencies, ``tf.custom_gradient`` for both kinds of gradients of one's own,
and ``tf.numpy_function`` for py_func.

Run it: ``python -m tf2_keras.models.control_flow``
"""

import collections
import dataclasses

import keras
import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6
    learning_rate: float = 0.00390625
    enough: float = 2.0  # the loss below which a step does not train
    largest: float = 0.5  # magnitude of a gradient that goes back in time


Filter = collections.namedtuple("Filter", ["weight", "decay", "asked", "trained"])


def variables():
    """What is trained, and two counts; they have their values from here on."""
    return Filter(
        keras.Variable(1.5, name="weight"),
        keras.Variable(0.75, name="decay"),
        keras.Variable(0, dtype="int32", trainable=False, name="asked"),
        keras.Variable(0, dtype="int32", trainable=False, name="trained"),
    )


def bounded(x, largest):
    """``x``, whose gradient is clipped to [-largest, largest]."""

    @tf.custom_gradient
    def identity(x):
        return tf.identity(x), lambda dy: tf.clip_by_value(dy, -largest, largest)

    return identity(x)


@tf.custom_gradient
def guided_relu(x):
    """ReLU; of its gradient only what is positive goes back."""
    # No registry, no map of names: the gradient stands beside the function.
    y = tf.nn.relu(x)
    return y, lambda dy: tf.nn.relu(dy) * tf.cast(y > 0.0, dy.dtype)


def smooth(x, built, config):
    """[length, batch] -> the same: decay * what was before + weight * x."""
    length = tf.shape(x)[0]
    weight, decay = built.weight.value, built.decay.value
    state, outputs = tf.zeros_like(x[0]), tf.TensorArray(tf.float32, length)
    # Over a tensor, so that it is one loop of the graph; over range() it would be unrolled.
    for t in tf.range(length):
        state = decay * bounded(state, config.largest) + weight * x[t]
        # What write returns is the array; without the assignment nothing is written.
        outputs = outputs.write(t, state)
    return outputs.stack()


def difference(x, y_true, built, config):
    """The loss, a scalar: half of the squared difference, over all that is positive."""
    y_pred = guided_relu(smooth(x, built, config))
    return y_pred, 0.5 * tf.reduce_sum(tf.square(y_true - y_pred))


def step(x, y_true, built, optimizer, config, observe):
    """{stage: {name: tensor}} of one step: looks, counts, and trains if it has to.

    ``observe`` is a Python function of the loss.
    """
    parameters = [built.weight, built.decay]
    with tf.GradientTape() as tape:
        y_pred, loss = difference(x, y_true, built, config)
    gradients = tape.gradient(loss, [variable.value for variable in parameters])
    # Above the branches: it runs whichever of them is taken.
    built.asked.assign_add(1)
    if loss > config.enough:
        optimizer.apply(gradients, parameters)
        built.trained.assign_add(1)
    # Below the update, so after it.
    _, loss_after = difference(x, y_true, built, config)
    # print() and len() would run while the function is traced, and never again.
    observed = tf.numpy_function(observe, [loss], tf.float32)
    return {
        "outputs": {"y_pred": y_pred, "observed": observed},
        "loss": {"loss": loss},
        "gradients": dict(zip(["weight", "decay"], gradients, strict=True)),
        "ran": {
            "asked": tf.identity(built.asked.value),
            "trained": tf.identity(built.trained.value),
        },
        "after": {"after": loss_after},
    }


def run(x_data, y_data, config=Config()):
    """What each step saw, by stage, and what it left behind."""
    losses = []  # Python's, whatever the graph does

    def observe(loss):
        losses.append(loss)
        return np.float32(len(losses))

    built = variables()
    optimizer = keras.optimizers.SGD(config.learning_rate)
    optimizer.build([built.weight, built.decay])

    @tf.function
    def traced(x, y_true):
        return step(x, y_true, built, optimizer, config, observe)

    history = [{"initial values": values(built._asdict())}]
    for _ in range(config.steps):
        seen = traced(tf.constant(x_data), tf.constant(y_data))
        record = {stage: values(tensors) for stage, tensors in seen.items()}
        record["updates"] = values(built._asdict())
        history.append(record)
    return history


def values(tensors):
    """{name: array} of tensors, or variables, by name."""
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def signal(length=6):
    """([length, 2], [length, 2]) float32: steps up and down, and what they decay to."""
    x = np.float32([[1, -1], [1, 0], [0, 1], [0, 1], [1, 0], [-1, 0]])[:length]
    y_true = np.zeros_like(x)
    for t in range(len(x)):
        y_true[t] = 0.5 * y_true[t - 1] * (t > 0) + x[t]
    return x, np.maximum(y_true, 0)


if __name__ == "__main__":
    for record in run(*signal())[1:]:
        print(
            "loss {loss:.6f}, then {after:.6f}".format(
                **record["loss"], **record["after"]
            ),
            "asked {}, trained {}".format(*record["ran"].values()),
        )
