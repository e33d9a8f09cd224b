"""Fine-tuning in Keras: layers taken over by name, variables trained by choice.

The same program as the TF1 twin: a net is trained and saved; another one takes over all but
its last layer, which is trained alone; then the whole net at a lower rate; and what comes
out is loaded to predict.

Shapes: B images of N x N pixels, one channel; F features; K classes.

Run it: ``python -m tf2_keras.models.finetune``
"""

import collections
import dataclasses
import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 3  # of each of the three trainings
    features: int = 4  # F
    classes: int = 3  # K of the first net
    new_classes: int = 2  # K of the second
    decay: float = 0.9  # of the moving statistics
    epsilon: float = 0.001
    learning_rate: float = 0.5
    fine_rate: float = 0.0625  # of the whole net
    seed: int = 1  # of the first net's graph, one less than the second's


def batch_norm(config):
    """Keras's own remembers another variance, and stands still where it is not trained."""
    return tf1_semantics.layers.BatchNormalization(
        momentum=config.decay, epsilon=config.epsilon, name="BatchNorm"
    )


def inference(images, classes, config, seed):
    """[B, N, N, 1] -> logits [B, K]. Whether it is training is said at each call."""

    def normal(op_seed):
        return tf1_semantics.initializers.TruncatedNormal(0, 0.5, seed=(seed, op_seed))

    net = keras.layers.Conv2D(
        config.features,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=normal(11),
        name="conv1",
    )(images)
    net = keras.layers.ReLU()(batch_norm(config)(net))
    net = keras.layers.GlobalAveragePooling2D()(net)
    return keras.layers.Dense(classes, kernel_initializer=normal(12), name="logits")(
        net
    )


def loss_of(net, images, labels):
    """Mean cross-entropy of a batch in training, a scalar."""
    loss = tf1_semantics.losses.SparseSoftmaxCrossEntropy()
    # training=True also while only the last layer is trained: slim's layers knew nothing
    # of that. layer.trainable = False would have batch norm infer.
    return loss(labels, net(images, training=True))


# A step, and what it trains by which optimizer.
Training = collections.namedtuple("Training", ["step", "momentum", "trained"])


def train_op(net, learning_rate, layers):
    """Momentum for the variables of some layers. The statistics of all move with it."""
    trained = [v for name in layers for v in net.get_layer(name).trainable_variables]
    momentum = tf1_semantics.optimizers.Momentum(learning_rate, 0.5)
    momentum.build(trained)
    # The size of a batch is left open, as TF1's placeholders left it: known, a graph would
    # make products with its rounded inverse of the divisions by it.
    images, labels = tf.TensorSpec(net.input_shape), tf.TensorSpec([None], tf.int32)

    @tf.function(input_signature=[images, labels])
    def train_step(images, labels):
        with tf.GradientTape() as tape:
            loss = loss_of(net, images, labels)
        momentum.apply(tape.gradient(loss, trained), trained)
        return loss

    return Training(train_step, momentum, trained)


def build(size, classes, config, seed):
    """A net for images of so many pixels."""
    images = keras.Input([size, size, 1], name="images")
    return keras.Model(images, inference(images, classes, config, seed))


# {TF1 name: (layer, weight)}
NAMES = {
    "net/conv1/weights": ("conv1", "kernel"),
    "net/conv1/BatchNorm/beta": ("BatchNorm", "beta"),
    "net/conv1/BatchNorm/gamma": ("BatchNorm", "gamma"),
    "net/conv1/BatchNorm/moving_mean": ("BatchNorm", "moving_mean"),
    "net/conv1/BatchNorm/moving_variance": ("BatchNorm", "moving_variance"),
    "net/logits/weights": ("logits", "kernel"),
    "net/logits/biases": ("logits", "bias"),
}
LAYERS = ("conv1", "BatchNorm", "logits")


def state(net, trainings):
    """{TF1 name: value} of all variables."""
    variables = {
        name: getattr(net.get_layer(layer), weight)
        for name, (layer, weight) in NAMES.items()
    }
    names = {variable.path: name for name, variable in variables.items()}
    for training in trainings:
        slots, _ = training.momentum.tf1_slots()
        for variable, slot in zip(training.trained, slots["Momentum"], strict=True):
            name = f"{names[variable.path]}/Momentum"
            variables[f"{name}_1" if name in variables else name] = slot
    return {name: np.asarray(variable) for name, variable in variables.items()}


def train(net, training, data, config, trainings):
    """Steps on all images; yields a record of each."""
    for _ in range(config.steps):
        loss = training.step(*data)
        yield {"loss": {"loss": loss.numpy()}, "updates": state(net, trainings)}


def take_over(net, pretrained):
    """All but the last layer, layer by layer."""
    # load_weights(skip_mismatch=True) only warns of what it leaves out.
    for layer in ("conv1", "BatchNorm"):
        net.get_layer(layer).set_weights(pretrained.get_layer(layer).get_weights())


def pretrain(data, config, folder):
    """Trains the first net, and saves it."""
    net = build(data[0].shape[1], config.classes, config, config.seed)
    of_all = train_op(net, config.learning_rate, LAYERS)
    yield {"initial values": state(net, [of_all])}
    yield from train(net, of_all, data, config, [of_all])
    net.save(os.path.join(folder, "pretrained.keras"))


def fine_tune(data, config, folder):
    """Trains the last layer of the second net, then all of it, and saves it."""
    net = build(data[0].shape[1], config.new_classes, config, config.seed + 1)
    of_logits = train_op(net, config.learning_rate, ["logits"])
    of_all = train_op(net, config.fine_rate, LAYERS)
    take_over(net, keras.models.load_model(os.path.join(folder, "pretrained.keras")))
    yield {"restored": state(net, [of_logits, of_all])}
    yield from train(net, of_logits, data, config, [of_logits, of_all])
    yield from train(net, of_all, data, config, [of_logits, of_all])
    net.save(os.path.join(folder, "fine_tuned.keras"))


def predict(images, folder):
    """Logits of the second net, by its moving statistics."""
    net = keras.models.load_model(os.path.join(folder, "fine_tuned.keras"))
    return tf.function(net)(images, training=False).numpy()


def run(images, labels, new_images, new_labels, folder, config=Config()):
    """A record of each step, of what was restored and of what is predicted."""
    history = [
        *pretrain((images, labels), config, folder),
        *fine_tune((new_images, new_labels), config, folder),
    ]
    logits = predict(new_images, folder)
    return history + [{"outputs": {"logits": logits}}]


def examples():
    """Six images [6, 6, 1] of three classes and four of two: lines, squares, noise."""
    random = np.random.RandomState(0)
    images = random.uniform(0, 0.25, [10, 6, 6, 1]).astype(np.float32)
    labels = np.int32([0, 1, 2, 0, 1, 2, 0, 1, 0, 1])
    images[labels == 0, :, 2] += 1
    images[labels == 1, 1:4, 1:4] += 1
    return images[:6], labels[:6], images[6:], labels[6:]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        if "loss" in record:
            print("loss {loss:.4f}".format(**record["loss"]))
    print("classes", records[-1]["outputs"]["logits"].argmax(1))
