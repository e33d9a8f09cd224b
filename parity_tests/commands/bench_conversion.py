"""What ``tf-parity bench convert`` measures: hand-overs of large checkpoints."""

import functools
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from tf2_keras.migrate.checkpoint import bundles, partitions, reading, writing

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
    names = [f"table_{number:04d}" for number in range(count)]
    for shard in range(shards):
        with bundles.Bundle(f"{prefix}-shard-{shard}") as bundle:
            for name in names[shard::shards]:
                bundle.add(name, array)
    merge(prefix, [f"{prefix}-shard-{shard}" for shard in range(shards)])
    return count * array.nbytes


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


# {kind of conversion: how its output ends}.
KINDS = {"to TF1": "", "to .weights.h5": ".weights.h5", "to .keras": ".keras"}


def measure(rounds, gigabytes, say=lambda _line: None):
    """{what: numbers} of a ResNet-50 with slots, and of a sharded checkpoint.

    Seconds are medians of rounds in turn; memory is what a process of its own took at its
    highest over what it took before, pages of files that are cached not counted. Before
    it, and not measured, a Keras model is built, which has no values then.
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
        measured = {"resnet_50": _measured(prefix, folder, rounds)}
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


def _measured(prefix, folder, rounds):
    """{kind of conversion: numbers}."""
    checkpoint = reading.opened(prefix)
    sizes = [entry.nbytes for entry in checkpoint.entries.values()]
    target = os.path.join(folder, "converted")
    # {side: (what is made before it, what is measured)}
    sides = {"bytes": (tuple, lambda: of_bytes(checkpoint.files, target))}
    for kind, ending in KINDS.items():
        sides[kind] = prepared(prefix, target + ending)
    seconds = {side: [] for side in sides}
    for _ in range(rounds):
        for side, (prepare, run) in sides.items():
            made = prepare()
            begin = time.perf_counter()
            run(*made)
            seconds[side].append(time.perf_counter() - begin)
            for path in glob.glob(glob.escape(target) + ".*"):
                os.remove(path)
    medians = {side: statistics.median(its) for side, its in seconds.items()}
    report = {}
    for kind, ending in KINDS.items():
        memory = _memory(prefix, target + ending)
        report[kind] = {
            "bytes": sum(sizes),
            "largest_tensor": max(sizes),
            "seconds": medians[kind],
            "ratio": medians[kind] / medians["bytes"],
            "memory": memory,
            "memory_ratio": memory / max(sizes),
        }
        for path in glob.glob(glob.escape(target) + ".*"):
            os.remove(path)
    return report


def prepared(prefix, target):
    """(function of what a conversion needs before, function of that which does it)."""
    if not target.endswith((".h5", ".keras")):
        return tuple, lambda: convert(prefix, target)
    return (
        functools.partial(built, prefix),
        functools.partial(into_keras, prefix, target),
    )


def convert(prefix, target):
    """A checkpoint as another of one shard."""
    checkpoint = partitions.Joined(reading.opened(prefix))
    names = {name: name for name in checkpoint.entries}
    writing.rewrite(target, checkpoint, names, force=True)


@functools.cache
def holder_class():
    import keras

    @keras.saving.register_keras_serializable("tf_parity_bench")
    class Holder(keras.layers.Layer):
        """Holds variables of the shapes that it is given by their names."""

        def __init__(self, shapes, **options):
            super().__init__(**options)
            self.shapes = shapes

        def build(self, _shape):
            for name, shape in self.shapes.items():
                self.add_weight(
                    shape=shape,
                    name=name.replace("/", "."),
                    initializer="zeros",
                    trainable="moving" not in name,
                )

        def call(self, x):
            return x

        def get_config(self):
            return {**super().get_config(), "shapes": self.shapes}

    return Holder


def built(prefix):
    """A compiled Keras model without values that takes a checkpoint.

    Returns:
        (model, {TF1 name: name in it}, what ``keras_saving.save`` takes of it).
    """
    import keras

    from tf2_keras import tf1_semantics
    from tf2_keras.migrate.checkpoint import keras_saving

    entries = reading.opened(prefix).entries
    shapes = {n: e.shape for n, e in entries.items() if not n.endswith(SLOTS)}
    optimizers = tf1_semantics.optimizers
    has_slots = len(shapes) < len(entries)
    kind = optimizers.Adam if has_slots else optimizers.GradientDescent
    with keras_saving.unallocated() as variables:
        x = keras.Input((1,))
        model = keras.Model(x, holder_class()(shapes, name="holder")(x))
        optimizer = kind(0.1)
        model.compile(optimizer, jit_compile=False)
        optimizer.build(model.trainable_variables)
    names = {name: f"holder/{name.replace('/', '.')}" for name in shapes}
    return model, names, variables


def into_keras(prefix, target, model, names, variables):
    """A checkpoint as a file of a Keras model, slots included."""
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


def main(words):
    """Converts once, and prints by how much memory grew while it did."""
    import tensorflow  # noqa: F401 - which is part of the interpreter here

    from tf2_keras.migrate.checkpoint import keras_saving

    prefix, target = words
    keras_saving.returned_when_freed()
    with tempfile.TemporaryDirectory(prefix="tf-parity-bench-") as folder:
        # What the libraries take at their first use is the interpreter's.
        small = os.path.join(folder, "small.ckpt")
        tensors = ("small", *(f"small/{slot}" for slot in SLOTS))
        writing.write(small, {n: np.ones([4, 4], np.float32) for n in tensors})
        prepare, run = prepared(small, os.path.join(folder, os.path.basename(target)))
        run(*prepare())
    prepare, run = prepared(prefix, target)
    made = prepare()
    before = resident("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forgets the most that there was
    run(*made)
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    main(sys.argv[1:])
