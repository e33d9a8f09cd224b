"""Control flow in a graph: cond, while_loop, control dependencies, py_func, gradients.

A filter over time is fitted to a signal: a step trains only while the loss is too large,
counts how often it was asked and how often it trained, and says what Python saw. The
pieces are those that people used: a loop with a TensorArray, a gradient that is clipped
on its way back in time, a ReLU with the gradient of guided backpropagation.

Run it: ``python -m tf1_graph.models.control_flow``
"""

import collections
import contextlib
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6
    learning_rate: float = 0.00390625
    enough: float = 2.0  # the loss below which a step does not train
    largest: float = 0.5  # magnitude of a gradient that goes back in time


Filter = collections.namedtuple("Filter", ["weight", "decay", "asked", "trained"])


def variables():
    """What is trained, and two counts."""

    def variable(name, value, trainable=True):
        # Resources: what is read after an update, in the order of control dependencies,
        # is the updated value. Of TF1's own ref variables a cached read may be older.
        return tf.get_variable(
            name, initializer=value, trainable=trainable, use_resource=True
        )

    return Filter(
        variable("weight", np.float32(1.5)),
        variable("decay", np.float32(0.75)),
        variable("asked", 0, trainable=False),
        variable("trained", 0, trainable=False),
    )


def bounded(x, largest):
    """``x``, whose gradient is clipped to [-largest, largest]."""

    @tf.custom_gradient
    def identity(x):
        return tf.identity(x), lambda dy: tf.clip_by_value(dy, -largest, largest)

    return identity(x)


def guided_relu(x):
    """ReLU; of its gradient only what is positive goes back."""
    # A process knows a gradient by its name, and refuses a second one of that name.
    with contextlib.suppress(KeyError):
        tf.RegisterGradient("GuidedRelu")(
            lambda op, dy: tf.nn.relu(dy) * tf.cast(op.outputs[0] > 0.0, dy.dtype)
        )
    graph = tf.get_default_graph()
    with graph.gradient_override_map({"Relu": "GuidedRelu"}):
        return tf.nn.relu(x, name="guided_relu")


def smooth(x, built, config):
    """[length, batch] -> the same: decay * what was before + weight * x."""
    length = tf.shape(x)[0]
    # Read once, outside: the loop takes both as they are before any update.
    weight, decay = tf.identity(built.weight), tf.identity(built.decay)

    def body(t, before, outputs):
        state = decay * bounded(before, config.largest) + weight * x[t]
        return t + 1, state, outputs.write(t, state)

    _, _, outputs = tf.while_loop(
        lambda t, *_: t < length,
        body,
        [0, tf.zeros_like(x[0]), tf.TensorArray(tf.float32, length)],
    )
    return outputs.stack()


def difference(x, y_true, built, config):
    """The loss, a scalar: half of the squared difference, over all that is positive."""
    y_pred = guided_relu(smooth(x, built, config))
    return y_pred, 0.5 * tf.reduce_sum(tf.square(y_true - y_pred))


def step(x, y_true, built, config, observe):
    """{stage: {name: tensor}} of one step: looks, counts, and trains if it has to.

    ``observe`` is a Python function of the loss.
    """
    y_pred, loss = difference(x, y_true, built, config)
    parameters = [built.weight, built.decay]
    gradients = tf.gradients(loss, parameters)
    # Made outside of the branches: it runs whichever of them is taken.
    asked = tf.assign_add(built.asked, 1)

    def train():
        # Made inside: it runs only with this branch.
        optimizer = tf.train.GradientDescentOptimizer(config.learning_rate)
        update = optimizer.apply_gradients(list(zip(gradients, parameters)))
        with tf.control_dependencies([update]):
            return asked, tf.assign_add(built.trained, 1)

    asked, trained = tf.cond(
        loss > config.enough, train, lambda: (asked, tf.identity(built.trained))
    )
    # A graph has no lines: what is to be computed after the update has to say so.
    with tf.control_dependencies([trained]):
        _, loss_after = difference(x, y_true, built, config)
    (observed,) = tf.py_func(observe, [loss], [tf.float32])
    return {
        "outputs": {"y_pred": y_pred, "observed": observed},
        "loss": {"loss": loss},
        "gradients": dict(zip(["weight", "decay"], gradients)),
        "ran": {"asked": asked, "trained": trained},
        "after": {"after": loss_after},
    }


def run(x_data, y_data, config=Config()):
    """What each step saw, by stage, and what it left behind."""
    losses = []  # Python's, whatever the graph does

    def observe(loss):
        losses.append(loss)
        return np.float32(len(losses))

    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [None, None], "x")
        y_true = tf.placeholder(tf.float32, [None, None], "y_true")
        built = variables()
        seen = step(x, y_true, built, config, observe)
        initialise = tf.global_variables_initializer()
    with tf.Session(graph=graph) as session:
        session.run(initialise)
        history = [{"initial values": session.run(built._asdict())}]
        for _ in range(config.steps):
            record = session.run(seen, {x: x_data, y_true: y_data})
            record["updates"] = session.run(built._asdict())
            history.append(record)
    return history


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
