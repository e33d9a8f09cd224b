"""Nets that people trained in TF1, written and gone on with under whatever runs this.

    python -m parity_tests.witness.nets FOLDER small NAME...

of each trains a net of random weights for some steps, writes ``FOLDER/NAME/model.ckpt``,
and to ``computed.npz`` the batch, the logits, and the logits one step later. ``full`` is
the size that it was published in; ``small`` has the same layers, narrower and fewer.

Runs under Python 3.7 and TensorFlow 1.15.5.
"""

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.witness import reference_conditions
from tf1_graph.parts.weight_decays import AdamWeightDecayOptimizer

STEPS = 3  # before the checkpoint is written
RATE = 1e-3
EXCLUDED = ("LayerNorm", "layer_norm", "bias")  # BERT's, from its decay
# {size: {net: what it is built of}}.
SIZES = {
    "full": {
        "resnet_v1_50": {"image": 224, "width": 64, "units": (3, 4, 6, 3)},
        "vgg_16": {"image": 224, "width": 64, "dense": 4096},
        "mobilenet_v1": {"image": 224, "width": 32, "layers": 13},
        "bert_tiny": {
            "vocabulary": 30522,
            "positions": 512,
            "width": 128,
            "heads": 2,
            "layers": 2,
        },
    },
    "small": {
        "resnet_v1_50": {"image": 32, "width": 4, "units": (2, 1, 1, 1)},
        "vgg_16": {"image": 32, "width": 2, "dense": 8},
        "mobilenet_v1": {"image": 32, "width": 2, "layers": 4},
        "bert_tiny": {
            "vocabulary": 30,
            "positions": 12,
            "width": 8,
            "heads": 2,
            "layers": 1,
        },
    },
}
CLASSES = {"full": 1000, "small": 5}
# Of MobileNet: what its width is multiplied by, and the stride, layer by layer.
MOBILE = ((2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2), *[(16, 1)] * 5)
MOBILE += ((32, 2), (32, 1))
VGG = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))  # convolutions, and times the width


def batch(net, size, examples=4):
    """{name: array} that a net is trained and tried on; labels included."""
    # Of two examples at a single pixel batch normalisation makes plus and minus one, and
    # their gradient is what roundings leave of it.
    numbers, sizes = np.random.RandomState(3), SIZES[size][net]
    labels = np.arange(examples, dtype=np.int32) % CLASSES[size]
    if net != "bert_tiny":
        shape = examples, sizes["image"], sizes["image"], 3
        return {"x": numbers.standard_normal(shape).astype("f"), "labels": labels}
    shape = examples, min(sizes["positions"], 32)
    mask = np.ones(shape, np.int32)
    mask[-1, shape[1] // 2 :] = 0
    return {
        "ids": numbers.randint(0, sizes["vocabulary"], shape).astype("i"),
        "segments": numbers.randint(0, 2, shape).astype("i"),
        "mask": mask,
        "labels": labels,
    }


def resnet_v1_50(is_training, size, x):
    """slim's own."""
    from tensorflow.contrib import slim
    from tensorflow.contrib.slim.nets import resnet_v1

    sizes = SIZES[size]["resnet_v1_50"]
    blocks = [
        resnet_v1.resnet_v1_block(
            f"block{number + 1}",
            base_depth=sizes["width"] * 2**number,
            num_units=units,
            stride=1 if number == 3 else 2,
        )
        for number, units in enumerate(sizes["units"])
    ]
    with slim.arg_scope(resnet_v1.resnet_arg_scope()):
        logits, _ = resnet_v1.resnet_v1(
            x,
            blocks,
            CLASSES[size],
            is_training=is_training,
            scope="resnet_v1_50",
        )
    return tf.squeeze(logits, [1, 2])


def vgg_16(is_training, size, x):
    """slim's own; where it is small, the same layers. Without dropout."""
    from tensorflow.contrib import slim
    from tensorflow.contrib.slim.nets import vgg

    sizes = SIZES[size]["vgg_16"]
    if size == "full":
        return vgg.vgg_16(x, CLASSES[size], is_training, dropout_keep_prob=1.0)[0]
    with tf.variable_scope("vgg_16"):
        for number, (count, times) in enumerate(VGG, 1):
            scope = f"conv{number}"
            width = times * sizes["width"]
            x = slim.repeat(x, count, slim.conv2d, width, [3, 3], scope=scope)
            x = slim.max_pool2d(x, [2, 2])
        pixels = [sizes["image"] // 32] * 2
        x = slim.conv2d(x, sizes["dense"], pixels, padding="VALID", scope="fc6")
        x = slim.conv2d(x, sizes["dense"], [1, 1], scope="fc7")
        x = slim.conv2d(x, CLASSES[size], [1, 1], activation_fn=None, scope="fc8")
        return tf.squeeze(x, [1, 2])


def mobilenet_v1(is_training, size, x):
    """Version 1 as the model garden built it of slim's layers."""
    from tensorflow.contrib import slim

    sizes = SIZES[size]["mobilenet_v1"]
    width, layers = sizes["width"], MOBILE[: sizes["layers"]]
    norm = {"is_training": is_training, "decay": 0.9, "epsilon": 0.001, "scale": True}
    with tf.variable_scope("MobilenetV1"), slim.arg_scope(
        [slim.conv2d, slim.separable_conv2d],
        activation_fn=tf.nn.relu6,
        normalizer_fn=slim.batch_norm,
        normalizer_params=norm,
    ):
        x = slim.conv2d(x, width, [3, 3], stride=2, scope="Conv2d_0")
        for number, (times, stride) in enumerate(layers, 1):
            scope = f"Conv2d_{number}_"
            x = slim.separable_conv2d(
                x,
                None,
                [3, 3],
                depth_multiplier=1,
                stride=stride,
                scope=scope + "depthwise",
            )
            x = slim.conv2d(x, times * width, [1, 1], scope=scope + "pointwise")
        x = tf.reduce_mean(x, [1, 2], keepdims=True)
        with tf.variable_scope("Logits"):
            x = slim.conv2d(
                x,
                CLASSES[size],
                [1, 1],
                activation_fn=None,
                normalizer_fn=None,
                scope="Conv2d_1c_1x1",
            )
        return tf.squeeze(x, [1, 2])


def bert_tiny(_is_training, size, ids, segments, mask):
    """BERT's encoder and a classifier on it, with the names of its repository.

    Devlin et al. 2018, arXiv:1810.04805, section 3; without dropout.
    """
    from tensorflow.contrib.layers import layer_norm

    sizes = SIZES[size]["bert_tiny"]
    width, heads, length = sizes["width"], sizes["heads"], ids.shape[1].value
    initializer = tf.truncated_normal_initializer(stddev=0.02)

    def dense(x, units, name, activation=None):
        return tf.layers.dense(
            x, units, activation, kernel_initializer=initializer, name=name
        )

    def normed(x):
        return layer_norm(
            x, begin_norm_axis=-1, begin_params_axis=-1, scope="LayerNorm"
        )

    def table(name, rows):
        return tf.get_variable(name, [rows, width], initializer=initializer)

    def gelu(x):
        return x * 0.5 * (1.0 + tf.erf(x / np.sqrt(2.0).astype("f")))

    def split(x):  # [batch, heads, length, width / heads]
        return tf.transpose(
            tf.reshape(x, [-1, length, heads, width // heads]), [0, 2, 1, 3]
        )

    with tf.variable_scope("bert"):
        with tf.variable_scope("embeddings"):
            words = table("word_embeddings", sizes["vocabulary"])
            x = tf.gather(words, ids)
            x += tf.gather(table("token_type_embeddings", 2), segments)
            x += table("position_embeddings", sizes["positions"])[:length]
            x = normed(x)
        away = (1.0 - tf.cast(mask[:, tf.newaxis, tf.newaxis], tf.float32)) * -10000.0
        for layer in range(sizes["layers"]):
            with tf.variable_scope(f"encoder/layer_{layer}"):
                with tf.variable_scope("attention"):
                    with tf.variable_scope("self"):
                        query, key, value = [
                            split(dense(x, width, name))
                            for name in ("query", "key", "value")
                        ]
                    scores = tf.matmul(query, key, transpose_b=True)
                    scores = scores / np.sqrt(width // heads).astype("f") + away
                    heard = tf.matmul(tf.nn.softmax(scores), value)
                    heard = tf.transpose(heard, [0, 2, 1, 3])
                    heard = tf.reshape(heard, [-1, length, width])
                    with tf.variable_scope("output"):
                        x = normed(dense(heard, width, "dense") + x)
                with tf.variable_scope("intermediate"):
                    inner = dense(x, 4 * width, "dense", gelu)
                with tf.variable_scope("output"):
                    x = normed(dense(inner, width, "dense") + x)
        with tf.variable_scope("pooler"):
            pooled = dense(x[:, 0], width, "dense", tf.tanh)
    weights = tf.get_variable(
        "output_weights", [CLASSES[size], width], initializer=initializer
    )
    bias = tf.get_variable(
        "output_bias", [CLASSES[size]], initializer=tf.zeros_initializer()
    )
    return tf.nn.bias_add(tf.matmul(pooled, weights, transpose_b=True), bias)


def minimized(net, loss):
    """The op of a step: Momentum; of BERT its own optimizer, after its own clip."""
    step = tf.train.get_or_create_global_step()
    if net != "bert_tiny":
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            return tf.train.MomentumOptimizer(RATE, 0.9).minimize(loss, step)
    variables = tf.trainable_variables()
    gradients = tf.gradients(loss, variables)
    gradients, _ = tf.clip_by_global_norm(gradients, clip_norm=1.0)
    optimizer = AdamWeightDecayOptimizer(
        RATE, weight_decay_rate=0.01, exclude_from_weight_decay=EXCLUDED
    )
    return optimizer.apply_gradients(list(zip(gradients, variables)), step)


def write(folder, net, size):
    """Trains, saves, computes and goes on."""
    fed = batch(net, size)
    build = globals()[net]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        inputs = {
            name: tf.placeholder(array.dtype, [None, *array.shape[1:]], name)
            for name, array in fed.items()
        }
        given = {name: its for name, its in inputs.items() if name != "labels"}
        with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
            logits = build(True, size, **given)
            loss = tf.losses.sparse_softmax_cross_entropy(inputs["labels"], logits)
            train = minimized(net, loss)
        with tf.variable_scope(tf.get_variable_scope(), reuse=True):
            evaluated = build(False, size, **given)
        feed = {inputs[name]: array for name, array in fed.items()}
        session.run(tf.global_variables_initializer())
        for _ in range(STEPS):
            session.run(train, feed)
        prefix = os.path.join(folder, net, "model.ckpt")
        tf.train.Saver().save(session, prefix, write_meta_graph=False)
        before = session.run(evaluated, feed)
        resumed_loss, _ = session.run([loss, train], feed)
        after = session.run(evaluated, feed)
    np.savez(
        os.path.join(folder, net, "computed.npz"),
        logits=before,
        loss=resumed_loss,
        resumed=after,
        **fed,
    )


def main(words):
    folder, size, *names = words
    reference_conditions.settle()
    for net in names or SIZES[size]:
        os.makedirs(os.path.join(folder, net), exist_ok=True)
        write(folder, net, size)


if __name__ == "__main__":
    main(sys.argv[1:])
