"""Deep residual networks: He et al. 2015, arXiv:1512.03385, the Keras 3 twin.

``Config()`` is the CIFAR ResNet-20 of section 4.2 (6n+2 layers, n = 3, identity
shortcuts); ``RESNET_50`` the bottleneck network of table 1 with projection shortcuts.

Shapes: B batch, H, W pixels, C channels; images are [B, H, W, C].
"""

import dataclasses
import re
import zlib

import keras
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    image_shape: tuple = (32, 32, 3)
    classes: int = 10
    blocks: tuple = (3, 3, 3)  # residual blocks a stage; (n, n, n) is ResNet-(6n+2)
    width: int = 16  # channels of the first stage; each later stage doubles them
    bottleneck: bool = False  # 1x1, 3x3, 1x1 with four times the channels at the end
    learning_rates: tuple = (0.1, 0.01, 0.001)
    boundaries: tuple = (32000, 48000)  # steps at which the rate goes down
    momentum: float = 0.9
    weight_decay: float = 1e-4
    decay: float = 0.9  # of the moving statistics; the paper does not say
    epsilon: float = 1.001e-5  # 1.15 raises less to this, compat.v1 does not
    batch_size: int = 128
    seed: int = 1  # of the graph; each convolution adds its own


RESNET_50 = Config(
    image_shape=(224, 224, 3),
    classes=1000,
    blocks=(3, 4, 6, 3),
    width=64,
    bottleneck=True,
    batch_size=256,
    boundaries=(300000, 450000),
)


def op_seed(name):
    """A seed from a scope's full name: the order of creation cannot change it."""
    return zlib.crc32(name.encode()) % (2**31 - 1)


def he_normal(name, config):
    """stddev = sqrt(2 / fan_in): He et al. 2015, arXiv:1502.01852."""
    # Keras's HeNormal is truncated, and draws other numbers from the same seed.
    return tf1_semantics.initializers.VarianceScaling(
        scale=2.0,
        mode="fan_in",
        distribution="untruncated_normal",
        seed=(config.seed, op_seed(name)),
    )


def l2(config):
    """weight_decay * |kernel|^2 / 2; Keras's own L2 does not halve the square."""
    return tf1_semantics.losses.L2(config.weight_decay)


def layer_name(name):
    """The TF1 scope as a layer's name, which may not hold a slash."""
    return name.replace("/", "_")


def conv2d(x, channels, size, stride, config, name):
    """[B, H, W, C] -> [B, H/stride, W/stride, channels]; batch norm adds the bias."""
    return keras.layers.Conv2D(
        channels,
        size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=he_normal(name, config),
        kernel_regularizer=l2(config),
        name=layer_name(name),
    )(x)


def batch_norm(x, config, name):
    """Fused batch normalisation over [B, H, W], with moving statistics.

    Keras's own layer gathers the population variance, TF1's fused op the sample's.
    Which branch runs is said at the call, ``model(x, training=True)``; the statistics
    move in the forward pass, and there is no collection to forget.
    """
    return tf1_semantics.layers.BatchNormalization(
        momentum=config.decay, epsilon=config.epsilon, name=layer_name(name)
    )(x)


def shortcut(x, channels, stride, config, name):
    """What a block adds to its residual: x itself, reshaped where it must be."""
    in_channels = x.shape[-1]
    if in_channels == channels and stride == 1:
        return x
    if config.bottleneck:  # option B: a projection
        x = conv2d(x, channels, 1, stride, config, name + "/shortcut")
        return batch_norm(x, config, name + "/shortcut_norm")
    # Option A: every second pixel, and zeros for the channels that are new.
    missing = channels - in_channels
    padding = [[0, 0], [0, 0], [0, 0], [missing // 2, missing - missing // 2]]
    return keras.ops.pad(x[:, ::stride, ::stride, :], padding)


def basic_block(x, channels, stride, config, name):
    """Two 3x3 convolutions around an identity shortcut (figure 2)."""
    residual = conv2d(x, channels, 3, stride, config, name + "/conv1")
    residual = keras.layers.ReLU()(batch_norm(residual, config, name + "/norm1"))
    residual = conv2d(residual, channels, 3, 1, config, name + "/conv2")
    residual = batch_norm(residual, config, name + "/norm2")
    return keras.layers.ReLU()(residual + shortcut(x, channels, stride, config, name))


def bottleneck_block(x, channels, stride, config, name):
    """1x1, 3x3 and 1x1 convolutions around a shortcut (figure 5, right)."""
    residual = conv2d(x, channels, 1, stride, config, name + "/conv1")
    residual = keras.layers.ReLU()(batch_norm(residual, config, name + "/norm1"))
    residual = conv2d(residual, channels, 3, 1, config, name + "/conv2")
    residual = keras.layers.ReLU()(batch_norm(residual, config, name + "/norm2"))
    residual = conv2d(residual, 4 * channels, 1, 1, config, name + "/conv3")
    residual = batch_norm(residual, config, name + "/norm3")
    return keras.layers.ReLU()(
        residual + shortcut(x, 4 * channels, stride, config, name)
    )


def inference(x, config):
    """[B, H, W, C] -> logits [B, classes], float32."""
    block = bottleneck_block if config.bottleneck else basic_block
    size, stride = (7, 2) if config.bottleneck else (3, 1)  # ImageNet's stem, CIFAR's
    x = conv2d(x, config.width, size, stride, config, "stem")
    x = keras.layers.ReLU()(batch_norm(x, config, "stem_norm"))
    if config.bottleneck:  # a quarter of the pixels a side
        x = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for stage, count in enumerate(config.blocks):
        for index in range(count):
            stride = 2 if stage > 0 and index == 0 else 1
            name = f"stage{stage + 1}_block{index + 1}"
            x = block(x, config.width * 2**stage, stride, config, name)
    x = keras.layers.GlobalAveragePooling2D()(x)  # [B, C]
    return keras.layers.Dense(
        config.classes,
        kernel_initializer=he_normal("logits", config),
        kernel_regularizer=l2(config),
        name="logits",
    )(x)


@keras.saving.register_keras_serializable("resnet")
def loss(y_true, y_pred):
    """Mean cross-entropy of labels [B], int64, and logits [B, classes], a scalar."""
    return keras.ops.mean(
        keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
    )


def optimizer(config):
    """The optimizer. Keras's SGD folds a changing rate into its momentum."""
    learning_rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        list(config.boundaries), list(config.learning_rates)
    )
    return tf1_semantics.optimizers.Momentum(
        learning_rate, config.momentum, name="momentum"
    )


@keras.saving.register_keras_serializable("resnet")
class ResNet(keras.Model):
    """A functional model that adds up its losses as ``tf.add_n`` did."""

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        # Keras adds one penalty after another; add_n sums eight at a time.
        return tf.add_n([loss(y, y_pred), *self.losses])


def build(config=Config()):
    """The whole model, compiled; ``training=`` chooses between the two towers of TF1."""
    x = keras.Input(shape=config.image_shape, name="x")
    model = ResNet(x, inference(x, config))
    model.compile(optimizer=optimizer(config), jit_compile=False)
    # Slots exist before a function is traced: the first call of one that creates them
    # runs another graph, fused otherwise, and its last bits differ.
    model.optimizer.build(model.trainable_variables)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}: a scope's slash is a layer's underscore."""
    names = {
        re.sub(r"^(stage\d+_block\d+)_", r"\1/", variable.path): variable.path
        for variable in model.variables
    }
    names["global_step"] = "momentum/iteration"
    return names


def run(batches, test_images, test_labels, config=Config()):
    """Trains on every (images, labels) of ``batches``; returns the test accuracy."""
    model = build(config)
    # The size of a batch stays open, as in TF1's placeholder. train_on_batch traces the
    # size it is given, and Grappler folds that into the gradient of the last pooling.
    images_spec = tf.TensorSpec([None, *config.image_shape], tf.float32)
    labels_spec = tf.TensorSpec([None], tf.int64)

    @tf.function(input_signature=[images_spec, labels_spec])
    def step(images, labels):
        with tf.GradientTape() as tape:
            y_pred = model(images, training=True)
            total_loss = model.compute_loss(images, labels, y_pred)
        gradients = tape.gradient(total_loss, model.trainable_variables)
        model.optimizer.apply(gradients, model.trainable_variables)

    @tf.function(input_signature=[images_spec])
    def classify(images):
        return tf.argmax(model(images, training=False), 1)

    for images, labels in batches:
        step(images, labels)
    return (classify(test_images).numpy() == test_labels).mean()
