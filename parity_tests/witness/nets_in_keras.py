"""The nets of ``nets`` as Keras models, and a command that hands them over at full size.

    python -m parity_tests.witness.nets_in_keras [NAME...]

has TensorFlow 1.15.5 write a checkpoint of each, carries it into the Keras model, slots
included, and prints how far the logits are from those that 1.15.5 computed, before and
after one more step. A layer has the name of its TF1 scope, with dots for slashes.
"""

import functools
import os
import subprocess
import sys
import tempfile

import keras
import numpy as np

from parity_tests.witness import environment, nets
from tf2_keras import tf1_semantics
from tf2_keras.migrate.checkpoint import handover, keras_saving

SMALLEST_EPSILON = 1.001e-5  # what 1.15's fused kernel made of slim's 1e-5


def conv(x, channels, size, name, stride=1, activation="relu", bias=True, norm=None):
    """slim.conv2d: with a bias, or with batch norm after it."""
    padding = "same"
    if stride > 1 and size > 1 and norm == "resnet":
        # resnet_utils.conv2d_same: padded alike whatever the size of the image.
        x = keras.layers.ZeroPadding2D(((size - 1) // 2, size // 2))(x)
        padding = "valid"
    x = keras.layers.Conv2D(
        channels, size, stride, padding, use_bias=bias and not norm, name=name
    )(x)
    if norm:
        x = batch_norm(x, name, norm)
    return keras.layers.Activation(activation)(x) if activation else x


def batch_norm(x, name, norm):
    arguments = {
        "resnet": {"momentum": 0.997, "epsilon": SMALLEST_EPSILON, "rate": "contrib"},
        "mobilenet": {"momentum": 0.9, "epsilon": 0.001},
    }[norm]
    name = f"{name}.BatchNorm"
    return tf1_semantics.layers.BatchNormalization(name=name, **arguments)(x)


def resnet_v1_50(classes, image, width, units):
    """He et al. 2015, arXiv:1512.03385; slim strides in the last unit of a block."""
    inputs = keras.Input((image, image, 3), name="x")
    same = functools.partial(conv, norm="resnet")
    x = same(inputs, 64, 7, "conv1", 2)
    x = keras.layers.MaxPooling2D(3, 2, "same")(x)
    for block, count in enumerate(units, 1):
        base = width * 2 ** (block - 1)
        for unit in range(1, count + 1):
            name = f"block{block}.unit_{unit}.bottleneck_v1"
            stride = 2 if unit == count and block < 4 else 1
            if x.shape[-1] == 4 * base:
                shortcut = keras.layers.MaxPooling2D(1, stride)(x) if stride > 1 else x
            else:
                shortcut = same(
                    x, 4 * base, 1, f"{name}.shortcut", stride, activation=None
                )
            residual = same(x, base, 1, f"{name}.conv1")
            residual = same(residual, base, 3, f"{name}.conv2", stride)
            residual = same(residual, 4 * base, 1, f"{name}.conv3", activation=None)
            x = keras.layers.ReLU()(shortcut + residual)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    logits = conv(x, classes, 1, "logits", activation=None)
    return keras.Model(inputs, keras.layers.Reshape((classes,))(logits))


def vgg_16(classes, image, width, dense):
    """Simonyan and Zisserman 2014, arXiv:1409.1556; dense layers as convolutions."""
    x = inputs = keras.Input((image, image, 3), name="x")
    for block, (count, times) in enumerate(nets.VGG, 1):
        for number in range(1, count + 1):
            x = conv(x, times * width, 3, f"conv{block}.conv{block}_{number}")
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Conv2D(dense, image // 32, activation="relu", name="fc6")(x)
    x = conv(x, dense, 1, "fc7")
    logits = conv(x, classes, 1, "fc8", activation=None)
    return keras.Model(inputs, keras.layers.Reshape((classes,))(logits))


def mobilenet_v1(classes, image, width, layers):
    """Howard et al. 2017, arXiv:1704.04861, table 1."""
    inputs = keras.Input((image, image, 3), name="x")
    normed = functools.partial(conv, norm="mobilenet", activation="relu6")
    x = normed(inputs, width, 3, "Conv2d_0", 2)
    for number, (times, stride) in enumerate(nets.MOBILE[:layers], 1):
        name = f"Conv2d_{number}_depthwise"
        x = keras.layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=name)(
            x
        )
        x = keras.layers.Activation("relu6")(batch_norm(x, name, "mobilenet"))
        x = normed(x, times * width, 1, f"Conv2d_{number}_pointwise")
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    logits = conv(x, classes, 1, "Logits.Conv2d_1c_1x1", activation=None)
    return keras.Model(inputs, keras.layers.Reshape((classes,))(logits))


def bert_tiny(classes, vocabulary, positions, width, heads, layers):
    """Devlin et al. 2018, arXiv:1810.04805, section 3."""
    length = min(positions, 32)
    inputs = {
        name: keras.Input((length,), dtype="int32", name=name)
        for name in ("ids", "segments", "mask")
    }

    def embedded(ids, rows, name):
        name = f"bert.embeddings.{name}"
        return keras.layers.Embedding(rows, width, name=name)(ids)

    def dense(x, units, name, activation=None):
        return keras.layers.Dense(units, activation, name=name)(x)

    def normed(x, name):
        return keras.layers.LayerNormalization(epsilon=1e-12, name=name)(x)

    def split(x):  # [batch, heads, length, width / heads]
        x = keras.layers.Reshape((length, heads, width // heads))(x)
        return keras.layers.Permute((2, 1, 3))(x)

    x = embedded(inputs["ids"], vocabulary, "word_embeddings")
    x += embedded(inputs["segments"], 2, "token_type_embeddings")
    places = keras.ops.cumsum(keras.ops.ones_like(inputs["ids"]), 1) - 1
    x += embedded(places, positions, "position_embeddings")
    x = normed(x, "bert.embeddings.LayerNorm")
    mask = keras.ops.cast(inputs["mask"], "float32")[:, None, None, :]
    away = (1.0 - mask) * -10000.0
    for layer in range(layers):
        name = f"bert.encoder.layer_{layer}"
        query, key, value = (
            split(dense(x, width, f"{name}.attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        scores = keras.ops.matmul(query, keras.ops.transpose(key, (0, 1, 3, 2)))
        scores = scores / np.sqrt(width // heads).astype("f") + away
        heard = keras.ops.matmul(keras.ops.softmax(scores), value)
        heard = keras.layers.Permute((2, 1, 3))(heard)
        heard = keras.layers.Reshape((length, width))(heard)
        heard = dense(heard, width, f"{name}.attention.output.dense")
        x = normed(heard + x, f"{name}.attention.output.LayerNorm")
        inner = dense(x, 4 * width, f"{name}.intermediate.dense", gelu)
        inner = dense(inner, width, f"{name}.output.dense")
        x = normed(inner + x, f"{name}.output.LayerNorm")
    pooled = dense(x[:, 0], width, "bert.pooler.dense", "tanh")
    return keras.Model(inputs, dense(pooled, classes, "output"))


@keras.saving.register_keras_serializable("nets_in_keras")
def gelu(x):
    return keras.activations.gelu(x, approximate=False)


def compiled(net, size):
    """The model of a net, with the optimizer that it was trained by."""
    model = globals()[net](nets.CLASSES[size], **nets.SIZES[size][net])
    if net == "bert_tiny":
        optimizer = tf1_semantics.optimizers.AdamWeightDecay(
            nets.RATE,
            0.01,
            exclude_from_weight_decay=nets.EXCLUDED,
            clip=tf1_semantics.clipping.ByGlobalNorm(1.0),
        )
    else:
        optimizer = tf1_semantics.optimizers.Momentum(nets.RATE, 0.9)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def checkpoint_names(net, model):
    """{TF1 name: Keras path or layout}."""
    called = {"kernel": "weights", "bias": "biases"}
    names = {"global_step": model.optimizer.iterations.path}
    if net == "bert_tiny":
        called = {}
        names["output_weights"] = {"layout": "transposed", "of": ["output/kernel"]}
        names["output_bias"] = "output/bias"
    scope = {"mobilenet_v1": "MobilenetV1/", "bert_tiny": ""}.get(net, f"{net}/")
    for layer in model.layers:
        for weight in layer.weights:
            part = weight.path.rpartition("/")[2]
            name = scope + layer.name.replace(".", "/")
            if layer.name == "output":
                continue
            if isinstance(layer, keras.layers.DepthwiseConv2D):
                part = "depthwise_weights"
            if not isinstance(layer, keras.layers.Embedding):
                name += "/" + called.get(part, part)
            names[name] = weight.path
    return names


def written(python, folder, size, names):
    """Has TensorFlow 1.15.5 train nets and write their checkpoints.

    Raises:
        RuntimeError: with what it said, if it fails.
    """
    with environment.running(
        python,
        "parity_tests.witness.nets",
        *(str(folder), size, *names),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        said = process.stderr.read()
    if process.returncode:
        raise RuntimeError(said[-3000:])


def handed_over(folder, net, size):
    """{what: how far it is from 1.15.5's, of the largest logit} of a net that was written.

    What is compared: the logits of the file that the checkpoint became; then the loss of
    one step, and the logits after it.
    """
    folder = os.path.join(folder, net)
    computed = dict(np.load(os.path.join(folder, "computed.npz")))
    path = os.path.join(folder, "model.weights.h5")
    with keras_saving.unallocated() as variables:
        model = compiled(net, size)
        names = checkpoint_names(net, model)
        plan = handover.plan(os.path.join(folder, "model.ckpt"), model, names)
    keras_saving.save(plan, path, variables)
    model = compiled(net, size)
    model.load_weights(path)
    fed = nets.batch(net, size)
    labels = fed.pop("labels")
    x = fed if len(fed) > 1 else fed["x"]
    logits = model.predict_on_batch(x)
    loss = model.train_on_batch(x, labels)
    resumed = model.predict_on_batch(x)
    largest = float(np.abs(computed["logits"]).max())
    moved = float(np.abs(computed["resumed"] - computed["logits"]).max())
    return {
        "logits": float(np.abs(logits - computed["logits"]).max()) / largest,
        "loss": abs(float(loss) / float(computed["loss"]) - 1),
        "resumed": float(np.abs(resumed - computed["resumed"]).max()) / largest,
        "moved by the step": moved / largest,
        "slots": sum(item.role.kind == "slot" for item in plan.items),
        "weights": len(model.trainable_variables),
    }


def main(words):
    python = environment.find()
    if python is None:
        print("no Python with TensorFlow 1.15.5 here", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        for net in words or nets.SIZES["full"]:
            written(python, folder, "full", [net])
            apart = handed_over(folder, net, "full")
            print(net, {what: float(f"{its:.2g}") for what, its in apart.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
