"""One picture painted in the style of another, as in anishathalye/neural-style.

A network that knows pictures is left as it is. What is trained is a picture: until its
features are those of the content, and how they vary together is as in the style.

Shapes: pictures [1, H, W, 3], 0 to 255 less the mean pixel; C channels of a layer.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

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
    return image - np.array(MEAN_PIXEL, np.float32)


def unprocess(image):
    return image + np.array(MEAN_PIXEL, np.float32)


def conv_layer(x, channels, seed):
    """[1, H, W, in] -> [1, H, W, C]. The source's kernels were VGG's, from a file."""
    shape = [3, 3, int(x.shape[-1]), channels]
    stddev = (2.0 / (shape[0] * shape[1] * shape[2])) ** 0.5
    kernels = tf.get_variable(
        "kernels",
        shape,
        initializer=tf.truncated_normal_initializer(stddev=stddev, seed=seed),
        trainable=False,
    )
    return tf.nn.conv2d(x, kernels, strides=[1, 1, 1, 1], padding="SAME")


def net_preloaded(current, config):
    """[1, H, W, 3] -> {layer: its features}. Each call takes the same kernels."""
    pool = {"max": tf.nn.max_pool, "avg": tf.nn.avg_pool}[config.pooling]
    net = {}
    for number, name in enumerate(LAYERS):
        if name.startswith("conv"):
            with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
                channels = config.channels[int(name[4]) - 1]
                current = conv_layer(current, channels, 20 + number)
        elif name.startswith("relu"):
            current = tf.nn.relu(current)
        else:
            current = pool(current, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        net[name] = current
    return net


def inference(content, style, config):
    """(the picture, a variable; {layer: features} of it, of content and of style)."""
    shape = [1, config.height, config.width, 3]
    image = tf.Variable(tf.random_normal(shape, seed=11) * 0.256, name="image")
    nets = [net_preloaded(x, config) for x in (image, content, style)]
    return (image, *nets)


def size(x):
    return float(np.prod(x.shape.as_list()))


def gram_matrix(features):
    """[1, H, W, C] -> [C, C]: how channels vary together, wherever in the picture."""
    flat = tf.reshape(features, [-1, int(features.shape[-1])])
    return tf.matmul(flat, flat, transpose_a=True) / size(features)


def mean_square(x):
    """l2_loss halves the sum of squares."""
    return 2 * tf.nn.l2_loss(x) / size(x)


def total_variation(image):
    """Of pixels below each other and beside each other: two means."""
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
    return tf.train.AdamOptimizer(config.learning_rate, epsilon=config.epsilon)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple("Model", "graph x style image losses loss train")


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        shape = [1, config.height, config.width, 3]
        x = tf.placeholder(tf.float32, shape, name="content")
        style = tf.placeholder(tf.float32, shape, name="style")
        image, *nets = inference(x, style, config)
        parts = losses(image, *nets, config=config)
        total = loss(parts)
        train_op = optimizer(config).minimize(total)
        picture = tf.identity(image)
    return Model(graph, x, style, picture, parts, total, train_op)


def run(content, style, config=Config()):
    """Returns ([(step, loss before it)] at each report, the picture [1, H, W, 3]).

    Args:
        content, style: pictures [1, H, W, 3] of 0 to 255, float32.
    """
    built = build(config)
    feed_dict = {built.x: preprocess(content), built.style: preprocess(style)}
    reports = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for step in range(config.iterations):
                value, _ = session.run([built.loss, built.train], feed_dict=feed_dict)
                if step % config.print_iterations == 0:
                    reports.append((step, value))
            picture = session.run(built.image)
    return reports, unprocess(picture)
