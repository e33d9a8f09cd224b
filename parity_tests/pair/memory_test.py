"""Claims about taps where memory is short: in a process whose memory has a limit."""

import json
import os
import sys

import pytest

LIMITED = '''
import json, resource

import keras
import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

import parity_tests as parity
from parity_tests.pair import probes, small_pair, tapping
from parity_tests.pair.probes import causes
from tf2_keras.tf1_semantics import optimizers

ROWS, COLUMNS, LAYERS, WRONG = 1024, 2048, 12, 9  # 8 MB after each layer


def build():
    x = tf1.placeholder(tf.float32, [None, 1], name="x")
    y_true = tf1.placeholder(tf.float32, [None, 1], name="y_true")
    scale = tf1.get_variable("scale/w", initializer=tf.ones([1, COLUMNS]))
    y = tf.matmul(x, scale)
    for _ in range(LAYERS):
        y = tf.sqrt(y)
    loss = tf.reduce_mean(tf.square(tf.reduce_mean(y, 1, keepdims=True) - y_true))
    step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
    return {"train": {"op": step, "loss": loss}}


def rewrite():
    x = keras.Input([1], name="x")
    y = keras.layers.Dense(
        COLUMNS, use_bias=False, kernel_initializer="ones", name="scale"
    )(x)
    for number in range(LAYERS):
        root = keras.ops.sigmoid if number == WRONG else keras.ops.sqrt
        y = keras.layers.Activation(root, name=f"l{number}")(y)
    y = keras.ops.mean(y, 1, keepdims=True)
    model = keras.Model(x, y)
    model.compile(
        optimizers.GradientDescent(0.1), small_pair.MeanOfSquares(), jit_compile=False
    )
    return model


random = np.random.RandomState(0)
batch = [random.uniform(0.5, 1, [ROWS, 1]).astype("float32") for _ in range(2)]
graph_arrays, sizes = tapping.graph_arrays, []


def limited(program, name, batch, values, tensors, *others):
    """The taps of TF1's side, with room for a third of them."""
    sizes.append(len(tensors))
    with open("/proc/self/statm") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    whole, ballast = resource.getrlimit(resource.RLIMIT_AS), []
    resource.setrlimit(resource.RLIMIT_AS, (taken, whole[1]))
    try:
        try:
            while True:  # what the process had freed is room as well
                ballast.append(np.empty([ROWS, COLUMNS], np.float32))
        except MemoryError:
            del ballast[: LAYERS // 3]
        resource.setrlimit(
            resource.RLIMIT_AS, (taken + LAYERS // 3 * ROWS * COLUMNS * 4, whole[1])
        )
        return graph_arrays(program, name, batch, values, tensors, *others)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, whole)


tapping.graph_arrays = limited
probes.cause = lambda *_: causes.Found(None, ())  # the place is what is asked for
pair = parity.OwnPair(build, rewrite, [tuple(batch)], levels=["function"])
found = pair.check()
place = found.places.get("function")
print(json.dumps([sizes, found.data["notes"], place and place.layer]))
'''


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is taken")
def test_where_memory_is_out_fewer_tensors_are_tapped_and_it_is_said(run_python):
    # Else each thread has an arena of its own, with room that nobody sees.
    done = run_python("-c", LIMITED, env={**os.environ, "MALLOC_ARENA_MAX": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    sizes, notes, layer = json.loads(done.stdout.splitlines()[-1])
    assert len(sizes) > 1 and sizes[1] == sizes[0] // 2
    said = (
        f"Only {sizes[-1]} of {sizes[0]} tensors of the graph were tapped: memory was"
    )
    assert [note for note in notes if note.startswith(said)], notes
    # That layer, or, where of what is right not all was tapped, one on the way to it.
    assert layer and layer.startswith("l")
