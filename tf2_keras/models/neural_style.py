"""One picture painted in the style of another: the Keras 3 twin.

A network that knows pictures is left as it is. What is trained is a picture: until its
features are those of the content, and how they vary together is as in the style.

Shapes: pictures [1, H, W, 3], 0 to 255 less the mean pixel; C channels of a layer.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics

# The first two blocks of VGG; the source went on to conv5_4.
LAYERS = ("conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1")
LAYERS += ("conv2_1", "relu2_1", "conv2_2", "relu2_2")
CONTENT_LAYER, STYLE_LAYERS = "relu2_2", ("relu1_1", "relu2_1")
MEAN_PIXEL = (123.68, 116.779, 103.939)  # red, green, blue of what VGG was trained on


@dataclasses.dataclass(frozen=True)
class Config:
    height: int = 64  # H
    width: int = 64  # W
    channels: tuple = (64, 128)  # C, of each block
    pooling: str = "max"  # or "avg"
    content_weight: float = 5.0
    style_weight: float = 500.0
    tv_weight: float = 100.0
    learning_rate: float = 10.0
    epsilon: float = 1e-8
    iterations: int = 1000
    print_iterations: int = 100  # steps between two reports of the loss
    seed: int = 1  # of the graph; each random op adds its own


def preprocess(image):
    """Pixels of 0 to 255 as the network takes them."""
    # keras.applications.vgg19.preprocess_input turns red into blue besides.
    return image - np.array(MEAN_PIXEL, np.float32)


def unprocess(image):
    return image + np.array(MEAN_PIXEL, np.float32)


def conv_layer(x, channels, seed, config, name):
    """[1, H, W, in] -> [1, H, W, C]. The source's kernels were VGG's, from a file."""
    stddev = (2.0 / (3 * 3 * x.shape[-1])) ** 0.5
    kernels = tf1_semantics.initializers.TruncatedNormal(
        stddev=stddev, seed=(config.seed, seed)
    )
    return keras.layers.Conv2D(
        channels,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer=kernels,
        trainable=False,
        name=name,
    )(x)


def net_preloaded(config):
    """A model, [1, H, W, 3] -> {layer: its features}, whose kernels stay as they are."""
    pools = {"max": keras.layers.MaxPooling2D, "avg": keras.layers.AveragePooling2D}
    image = current = keras.Input([config.height, config.width, 3], batch_size=1)
    net = {}
    for number, name in enumerate(LAYERS):
        if name.startswith("conv"):
            channels = config.channels[int(name[4]) - 1]
            current = conv_layer(current, channels, 20 + number, config, name)
        elif name.startswith("relu"):
            current = keras.layers.ReLU(name=name)(current)
        else:
            current = pools[config.pooling](2, padding="same", name=name)(current)
        net[name] = current
    # A name before "strided_slice" in the alphabet, as TF1's Conv2D was: the picture has
    # five gradients, of the network and of four slices, and Grappler adds them by names.
    return keras.Model(image, net, name="net")


def inference(image, vgg, content, style):
    """(the picture, a variable; {layer: features} of it, of content and of style)."""
    image = tf.convert_to_tensor(image)
    nets = [vgg(x) for x in (image, content, style)]
    return (image, *nets)


def size(x):
    return float(np.prod(x.shape))


def gram_matrix(features):
    """[1, H, W, C] -> [C, C]: how channels vary together, wherever in the picture."""
    flat = tf.reshape(features, [-1, features.shape[-1]])
    # keras.ops.matmul would have a transposed copy first.
    return tf.matmul(flat, flat, transpose_a=True) / size(features)


def mean_square(x):
    """l2_loss halves the sum of squares. Keras has none."""
    return 2 * tf.nn.l2_loss(x) / size(x)


def total_variation(image):
    """Of pixels below each other and beside each other: two means."""
    # tf.image.total_variation is a sum, of absolute differences.
    down = image[:, 1:] - image[:, :-1]
    right = image[:, :, 1:] - image[:, :, :-1]
    return 2 * (tf.nn.l2_loss(down) / size(down) + tf.nn.l2_loss(right) / size(right))


def losses(image, net, content_net, style_net, config):
    """{name: what content, style and neighbouring pixels add to the loss}, weighted."""
    content_loss = mean_square(net[CONTENT_LAYER] - content_net[CONTENT_LAYER])
    style_losses = [
        mean_square(gram_matrix(net[layer]) - gram_matrix(style_net[layer]))
        for layer in STYLE_LAYERS
    ]
    style_loss = sum(style_losses[1:], style_losses[0]) / len(STYLE_LAYERS)
    return {
        "content_loss": config.content_weight * content_loss,
        "style_loss": config.style_weight * style_loss,
        "tv_loss": config.tv_weight * total_variation(image),
    }


def loss(parts):
    """A scalar."""
    return parts["content_loss"] + parts["style_loss"] + parts["tv_loss"]


def optimizer(config):
    """Adam; the picture is all that it trains."""
    return tf1_semantics.optimizers.Adam(
        config.learning_rate, epsilon=config.epsilon, name="adam"
    )


@keras.saving.register_keras_serializable("neural_style")
class NeuralStyle(keras.Model):
    """A model whose one weight is what it is trained for; content and style are inputs."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config = Config(**config)
        self.image = self.add_weight(
            shape=(1, config.height, config.width, 3),
            # keras.initializers.RandomNormal draws other numbers.
            initializer=tf1_semantics.initializers.RandomNormal(
                stddev=0.256, seed=(config.seed, 11)
            ),
            name="image",
        )
        self.vgg = net_preloaded(config)
        self.built = True

    def call(self, inputs):
        seen = inference(self.image, self.vgg, inputs["x"], inputs["style"])
        return {"image": seen[0], **losses(*seen, self.config)}

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        return loss(y_pred)

    def train_step(self, data):
        (inputs,) = data
        with tf.GradientTape() as tape:
            total = self.compute_loss(y_pred=self(inputs, training=True))
        # A tape adds the picture's five gradients up in another order than TF1.
        variables = self.trainable_variables
        gradients = tf1_semantics.gradients.gradients(total, variables, tape)
        self.optimizer.apply(gradients, variables)
        return {"loss": total}

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


def build(config=Config()):
    """The whole model, compiled."""
    model = NeuralStyle(dataclasses.asdict(config), name="neural_style")
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    convolutions = [name for name in LAYERS if name.startswith("conv")]
    kernels = {f"{name}/kernels": f"{name}/kernel" for name in convolutions}
    return {"image": model.image.path, **kernels}


def run(content, style, config=Config()):
    """Returns ([(step, loss before it)] at each report, the picture [1, H, W, 3]).

    Args:
        content, style: pictures [1, H, W, 3] of 0 to 255, float32.
    """
    model = build(config)
    inputs = {"x": preprocess(content), "style": preprocess(style)}
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        tf.data.Dataset.from_tensors((inputs,)).repeat(),
        steps_per_epoch=config.iterations,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    reports = list(enumerate(history.history["loss"]))[:: config.print_iterations]
    return reports, unprocess(model.image.numpy())
