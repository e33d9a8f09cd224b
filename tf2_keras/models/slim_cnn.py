"""A small VGG of slim on pictures of stripes: the Keras 3 twin.

What nets/vgg.py, nets/lenet.py and train_image_classifier.py of research/slim have in common:
regularisers, an initializer and batch normalisation that all layers share, two convolutions
a stage, an average over all pixels, dropout; losses that are added up; a train op.

Shapes: B batch, H = W = 12 pixels once resized, 3 colours.

Run it: ``python -m tf2_keras.models.slim_cnn``
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    image_size: int = 12  # pixels a side, after resizing
    channels: tuple = (8, 16)  # of both convolutions of a stage
    hidden: int = 16
    classes: int = 4
    keep_prob: float = 0.5  # of dropout; slim's keep, and do not drop, so much
    weight_decay: float = 0.004  # of convolutions and of what is fully connected
    learning_rate: float = 0.01
    momentum: float = 0.9
    batch_size: int = 8
    steps: int = 6
    seed: int = 1  # of the graph; each random op adds its own


def preprocess(images, config):
    """[B, h, w, 3] between 0 and 1 -> [B, H, W, 3] between -1 and 1."""
    # Keras's Resizing samples at the centres of pixels, TF1 did at their corners.
    size = (config.image_size, config.image_size)
    resized = tf1_semantics.layers.ResizeBilinear(size, name="resized")(images)
    return (resized - 0.5) * 2.0


def arg_scope(config):
    """What all layers of the net are made with, unless they say otherwise."""
    return {
        # Keras's GlorotUniform draws other numbers from the same seed.
        "kernel_initializer": tf1_semantics.initializers.Xavier(seed=(config.seed, 11)),
        # Half the square, where Keras's L2 takes all of it.
        "kernel_regularizer": tf1_semantics.losses.L2(config.weight_decay),
    }


def conv2d(x, channels, config, name):
    """slim.conv2d with slim.batch_norm: same padding, no bias, a ReLU at the end."""
    x = keras.layers.Conv2D(
        channels, 3, padding="same", use_bias=False, name=name, **arg_scope(config)
    )(x)
    # slim's decay is 0.999, and it has no gamma.
    x = tf1_semantics.layers.BatchNormalization(
        momentum=0.999, scale=False, name=name + "_norm"
    )(x)
    return keras.layers.ReLU()(x)


def inference(images, config):
    """[B, h, w, 3] -> logits [B, classes], float32; ``training`` is said at the call."""
    first, second = config.channels
    net = preprocess(images, config)
    for number in (1, 2):
        net = conv2d(net, first, config, f"conv1_{number}")
    net = keras.layers.MaxPooling2D(2, strides=2, name="pool1")(net)  # [B, 6, 6, 8]
    for number in (1, 2):
        net = conv2d(net, second, config, f"conv2_{number}")
    pixels = net.shape[1:3]
    net = keras.layers.AveragePooling2D(pixels, name="pool2")(net)  # [B, 1, 1, 16]
    net = keras.layers.Flatten()(net)
    net = keras.layers.Dense(
        config.hidden, activation="relu", name="fc3", **arg_scope(config)
    )(net)
    net = tf1_semantics.layers.Dropout(
        config.keep_prob, seed=(config.seed, 12), name="dropout3"
    )(net)
    return keras.layers.Dense(config.classes, name="logits", **arg_scope(config))(net)


def loss(labels, logits):
    """Cross-entropy of classes [B], a scalar."""
    one_hot = tf.one_hot(labels, logits.shape[-1])
    return tf1_semantics.losses.SoftmaxCrossEntropy()(one_hot, logits)


def optimizer(config):
    """Momentum, as TF1 rounded it."""
    return tf1_semantics.optimizers.Momentum(config.learning_rate, config.momentum)


@keras.saving.register_keras_serializable("slim_cnn")
class Net(keras.Model):
    """A functional model that adds up what ``tf.losses.get_total_loss`` collected."""

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        # Keras adds one penalty after another; add_n all at once.
        return tf.add_n([loss(y, y_pred), *self.losses])


def build(config=Config()):
    """The whole model, compiled; ``training=`` chooses between the two towers of TF1."""
    images = keras.Input([10, 10, 3], name="images")
    model = Net(images, inference(images, config))
    model.compile(optimizer(config), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def checkpoint_names(model):
    """{TF1 variable name: variable}: scopes are slim's, and so are their names."""
    slots, _ = model.optimizer.tf1_slots()
    trained = zip(model.trainable_variables, slots["Momentum"], strict=True)
    momentum = {variable.path: slot for variable, slot in trained}
    names = {"global_step": model.optimizer.iterations}
    for variable in model.variables:
        layer, _, name = variable.path.partition("/")
        if name == "drawn":  # how far dropout has read its stream
            continue
        if layer.startswith("conv"):
            layer = f"{layer[:5]}/{layer}".replace("_norm", "/BatchNorm")
        name = {"kernel": "weights", "bias": "biases"}.get(name, name)
        names[f"{layer}/{name}"] = variable
        if variable.path in momentum:
            names[f"{layer}/{name}/Momentum"] = momentum[variable.path]
    return names


def run(train_pictures, test_pictures, config=Config()):
    """A record of the start, of each step, and of the test pictures after the last.

    Args:
        train_pictures, test_pictures: (images [n, 10, 10, 3] float32, classes [n] int64).
    """
    model = build(config)
    names = checkpoint_names(model)

    def variables():
        return {name: np.asarray(variable) for name, variable in names.items()}

    # What model.summary() lists; count_params() has the moving statistics as well.
    size = sum(
        variable.value.shape.num_elements() for variable in model.trainable_variables
    )
    history = [{"initial values": variables()}]
    history.append({"size": {"trainable": np.int64(size)}})
    for step in range(config.steps):
        start = step * config.batch_size
        batch = [part[start : start + config.batch_size] for part in train_pictures]
        model.reset_metrics()  # else it tells the mean over the steps so far
        loss_value = model.train_on_batch(*batch, return_dict=True)["loss"]
        history.append({"loss": {"loss": np.float32(loss_value)}})
        history.append({"updates": variables()})
    images, labels = test_pictures
    logits = model.predict_on_batch(images)
    probabilities = keras.ops.softmax(logits).numpy()
    share = np.mean(probabilities.argmax(1) == labels)
    history.append({"outputs": {"probabilities": probabilities}})
    history.append({"evaluation": {"accuracy": share}})
    return history


def examples():
    """Stripes in four directions, in colours of their own: 48 to train on, 16 to test."""
    random = np.random.RandomState(0)
    rows, columns = np.indices([10, 10])
    labels = np.arange(64) % 4
    across = (rows, columns, rows + columns, rows - columns)
    pictures = []
    for label in labels:
        stripes = (across[label] + random.randint(0, 4)) // 2 % 2
        colours = random.randint(0, 256, [2, 3])
        noise = random.randint(0, 32, [10, 10, 3])
        pictures.append(np.minimum(colours[stripes] + noise, 255))
    images = np.float32(pictures) / np.float32(255)
    return (images[:48], labels[:48]), (images[48:], labels[48:])


if __name__ == "__main__":
    for record in run(*examples()):
        for stage in ("loss", "evaluation"):
            for name, value in record.get(stage, {}).items():
                print(name, f"{value:.3f}")
