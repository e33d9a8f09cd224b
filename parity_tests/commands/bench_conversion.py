"""What ``tf-parity bench convert`` measures: hand-overs of large checkpoints."""

import functools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from tf2_keras.migrate.checkpoint import bundles, partitions, reading, writing
from tf2_keras.migrate.checkpoint.entries import Entry

COPIED_AT_A_TIME = 2**22
BLOCKS = ((64, 3), (128, 4), (256, 6), (512, 3))  # of ResNet-50 v1: width, units
SLOTS = ("Adam", "Adam_1")


def resnet_50():
    """{name: shape} of slim's ResNet-50 v1 with Adam's slots: 307 MB of float32."""
    shapes, inputs = {"conv1/weights": (7, 7, 3, 64)}, 64
    for block, (width, units) in enumerate(BLOCKS, 1):
        for unit in range(1, units + 1):
            scope = f"block{block}/unit_{unit}/bottleneck_v1"
            kernels = {
                "conv1": (1, 1, inputs, width),
                "conv2": (3, 3, width, width),
                "conv3": (1, 1, width, 4 * width),
            }
            if unit == 1:
                kernels["shortcut"] = (1, 1, inputs, 4 * width)
            for name, shape in kernels.items():
                shapes[f"{scope}/{name}/weights"] = shape
                for part in ("gamma", "beta", "moving_mean", "moving_variance"):
                    shapes[f"{scope}/{name}/BatchNorm/{part}"] = shape[-1:]
            inputs = 4 * width
    shapes["logits/weights"], shapes["logits/biases"] = (2048, 1000), (1000,)
    trained = [name for name in shapes if "moving" not in name]
    slots = {f"{name}/{slot}": shapes[name] for name in trained for slot in SLOTS}
    return {f"resnet_v1_50/{n}": shape for n, shape in {**shapes, **slots}.items()}


def write_sharded(prefix, gigabytes, shards=8):
    """Writes a checkpoint of so many GB in shards; its tensors have 32 MB each."""
    count = max(shards, round(gigabytes * 2**30 / 2**25))
    array = np.random.RandomState(0).standard_normal((2**13, 2**10)).astype("f")
    pairs, names = {}, [f"table_{number:04d}" for number in range(count)]
    for shard in range(shards):
        path = f"{prefix}-shard-{shard}"
        with bundles.Bundle(path) as bundle:
            first = None
            for number, name in enumerate(names[shard::shards]):
                if number == 0:
                    bundle.add(name, array)
                    first = reading_entry(bundle, array)
                else:  # the same bytes again: their checksum is known
                    bundle.copy(name, first, f"{path}.data-00000-of-00001")
        pairs[shard] = bundle
    merge(prefix, [f"{prefix}-shard-{shard}" for shard in range(shards)])
    return count * array.nbytes


def reading_entry(bundle, array):
    """The ``Entry`` of the first tensor of a bundle that is being written."""
    from tf2_keras.migrate.checkpoint.wire import crc32c, masked

    bundle.file.flush()
    crc, content = 0, memoryview(array.reshape(-1).view(np.uint8))
    for begin in range(0, len(content), COPIED_AT_A_TIME):
        crc = crc32c(content[begin : begin + COPIED_AT_A_TIME], crc)
    return Entry(array.shape, "float32", size=array.nbytes, crc=masked(crc))


def merge(prefix, prefixes):
    """Makes one sharded checkpoint of several, without copying."""
    import tensorflow as tf

    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=prefixes, destination_prefix=prefix, delete_old_dirs=False
    )


def of_bytes(source, target):
    """Reads and writes the bytes of a checkpoint's files, to the disk."""
    for path in source:
        with open(path, "rb") as read, open(target, "wb") as written:
            shutil.copyfileobj(read, written, COPIED_AT_A_TIME)
            written.flush()
            os.fsync(written.fileno())
        os.remove(target)


def measure(rounds, gigabytes, say=lambda _line: None):
    """{what: numbers} of a ResNet-50 with slots, and of a sharded checkpoint.

    Seconds are medians of rounds in turn; memory is what a process of its own took at its
    highest over what it took before. Before it, and not measured, a Keras model is built,
    which has no values then.
    """
    with tempfile.TemporaryDirectory(prefix="tf-parity-bench-") as folder:
        prefix = os.path.join(folder, "resnet_50.ckpt")
        numbers = np.random.RandomState(0)
        writing.write(
            prefix,
            {
                name: lambda shape=shape: numbers.standard_normal(shape).astype("f")
                for name, shape in resnet_50().items()
            },
        )
        say("resnet_50")
        measured = {"resnet_50": _measured(prefix, folder, rounds, True)}
        if gigabytes:
            room = shutil.disk_usage(folder).free
            needed = 3 * gigabytes * 2**30
            if room < needed:
                raise OSError(f"{folder} has {room:,} bytes free of {needed:,.0f}")
            prefix = os.path.join(folder, "sharded.ckpt")
            write_sharded(prefix, gigabytes)
            say("sharded")
            measured["sharded"] = _measured(prefix, folder, 1)
        return measured


def _measured(prefix, folder, rounds, keras_too=False):
    """{kind of conversion: numbers}."""
    checkpoint = reading.opened(prefix)
    sizes = [entry.nbytes for entry in checkpoint.entries.values()]
    target = os.path.join(folder, "converted")
    weights_file = f"{target}.weights.h5"
    # {side: (what is made before it, what is measured)}
    sides = {
        "bytes": (tuple, lambda: of_bytes(checkpoint.files, target)),
        "to TF1": (tuple, lambda: convert(prefix, target)),
    }
    if keras_too:
        run = functools.partial(into_keras, prefix, weights_file)
        sides["to Keras"] = built, run
    seconds = {side: [] for side in sides}
    for _ in range(rounds):
        for side, (prepare, run) in sides.items():
            made = prepare()
            begin = time.perf_counter()
            run(*made)
            seconds[side].append(time.perf_counter() - begin)
    medians = {side: statistics.median(its) for side, its in seconds.items()}
    memory = {"to TF1": _memory(prefix, target)}
    if keras_too:
        memory["to Keras"] = _memory(prefix, weights_file, "keras")
    for path in (target + ".index", target + ".data-00000-of-00001", weights_file):
        if os.path.exists(path):
            os.remove(path)
    return {
        side: {
            "bytes": sum(sizes),
            "largest_tensor": max(sizes),
            "seconds": medians[side],
            "ratio": medians[side] / medians["bytes"],
            "memory": memory[side],
            "memory_ratio": memory[side] / max(sizes),
        }
        for side in memory
    }


def convert(prefix, target):
    """A checkpoint as another of one shard."""
    checkpoint = partitions.Joined(reading.opened(prefix))
    names = {name: name for name in checkpoint.entries}
    writing.rewrite(target, checkpoint, names, force=True)


def holder(shapes):
    """A compiled Keras model that holds variables of these shapes, and their names."""
    import keras

    from tf2_keras import tf1_semantics

    class Holder(keras.layers.Layer):
        def build(self, _shape):
            for name, shape in shapes.items():
                self.add_weight(
                    shape=shape,
                    name=name.replace("/", "."),
                    initializer="zeros",
                    trainable="moving" not in name,
                )

        def call(self, x):
            return x

    x = keras.Input((1,))
    model = keras.Model(x, Holder(name="holder")(x))
    optimizer = tf1_semantics.optimizers.Adam(0.1)
    model.compile(optimizer, jit_compile=False)
    optimizer.build(model.trainable_variables)
    return model, {name: f"holder/{name.replace('/', '.')}" for name in shapes}


def built(shapes=None):
    """(a model without values, their names, what ``keras_saving.save`` takes of it)."""
    from tf2_keras.migrate.checkpoint import keras_saving

    shapes = shapes or {n: s for n, s in resnet_50().items() if not n.endswith(SLOTS)}
    with keras_saving.unallocated() as variables:
        model, names = holder(shapes)
    return model, names, variables


def into_keras(prefix, target, model, names, variables):
    """A checkpoint as the weights of a Keras model, slots included."""
    from tf2_keras.migrate.checkpoint import handover, keras_saving

    # What the optimizer counts, the checkpoint of the benchmark has not got.
    plan = handover.plan(prefix, model, names)
    keras_saving.save(plan, target, variables, partial=True)


def _memory(*words):
    """Bytes that a conversion takes in a process of its own."""
    words = [sys.executable, "-m", __name__, *words]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    return int(ran.stdout.split()[-1])


def resident(name):
    """VmRSS, what a process takes of memory, or VmHWM, the most; of Linux."""
    with open("/proc/self/status") as file:
        return (
            next(int(line.split()[1]) for line in file if line.startswith(name)) * 1024
        )


def first_use(to_keras):
    """Converts something small: what the libraries then take is the interpreter's."""
    with tempfile.TemporaryDirectory(prefix="tf-parity-bench-") as folder:
        prefix = os.path.join(folder, "small.ckpt")
        writing.write(prefix, {"small": np.ones([4, 4], np.float32)})
        target = os.path.join(folder, "small.weights.h5")
        if to_keras:
            into_keras(prefix, target, *built({"small": (4, 4)}))
        else:
            convert(prefix, target)


def main(words):
    """Converts once, and prints by how much memory grew while it did."""
    import tensorflow  # noqa: F401 - which is part of the interpreter here

    from tf2_keras.migrate.checkpoint import keras_saving

    prefix, target, *to_keras = words
    keras_saving.returned_when_freed()
    first_use(to_keras)
    made = built() if to_keras else ()
    before = resident("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forgets the most that there was
    if to_keras:
        into_keras(prefix, target, *made)
    else:
        convert(prefix, target)
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    main(sys.argv[1:])
