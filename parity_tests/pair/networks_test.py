"""Claims about the network and the sources that a report shows of a divergence."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair import networks, traces
from parity_tests.pair.own_pair import OwnPair
from tf2_keras import tf1_semantics

RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal([4, 3]).astype(np.float32)
Y = RANDOM.standard_normal([4, 3]).astype(np.float32)
KERNELS = [RANDOM.standard_normal([3, 3]).astype(np.float32) for _ in range(2)]


def build(beside=tf.identity):
    x = tf1.placeholder(tf.float32, [None, 3], name="x")
    labels = tf1.placeholder(tf.float32, [None, 3], name="labels")
    first, second = (
        tf1.get_variable(f"{name}/kernel", initializer=kernel)
        for name, kernel in zip(("first", "second"), KERNELS, strict=True)
    )
    hidden = tf.nn.relu(tf.matmul(x, first))
    y_pred = tf.matmul(hidden, second) + beside(hidden)
    loss = tf.reduce_mean(tf.square(labels - y_pred))
    step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
    return {
        "inputs": {"x": x, "y_true": labels},
        "train": {"op": step, "loss": loss},
        "predict": {"outputs": {"y_pred": y_pred}},
    }


class MeanOfSquares(keras.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):  # noqa: ARG002 -- Keras's
        return tf.reduce_mean(tf.square(y_true - y_pred))


def model(activation="relu", rate=0.1):
    def dense(kernel, name):
        kernel = keras.initializers.Constant(kernel)
        return keras.layers.Dense(
            3, use_bias=False, kernel_initializer=kernel, name=name
        )

    x = keras.Input([3], name="x")
    hidden = dense(KERNELS[0], "first")(x)
    hidden = keras.layers.Activation(activation, name="activation")(hidden)
    y = dense(KERNELS[1], "second")(hidden)
    y = keras.layers.Add(name="sum")([y, hidden])
    twin = keras.Model(x, y)
    twin.compile(
        tf1_semantics.optimizers.GradientDescent(rate),
        MeanOfSquares(),
        jit_compile=False,
    )
    return twin


def traced(tf1_side, tf2):
    """(trace of level function, the divergence)."""
    trace = traces.Trace()
    pair = OwnPair(tf1_side, tf2, [(X, Y)] * 2, levels=["function"])
    checked = pair.check(trace=trace)
    ((_, divergence),) = checked.divergences.values()
    assert "could not be looked for" not in " ".join(checked.data["notes"])
    return trace.levels["function"], divergence


def test_layers_before_the_mistake_are_equal_and_those_after_are_not():
    trace, divergence = traced(build, lambda: model("tanh"))
    assert divergence.stage == "outputs"
    layers = {layer.name: layer for layer in trace.layers}
    assert list(layers) == ["first", "activation", "second", "sum"]
    assert layers["first"].distance == 0 and layers["first"].op_type == "MatMul"
    assert all(layers[name].distance > 100 for name in ("activation", "second", "sum"))
    assert [layer.sources for layer in trace.layers] == [(), (0,), (1,), (1, 2)]
    assert layers["second"].variables == ("second/kernel",)


@pytest.mark.slow
def test_a_gradient_that_is_not_stopped_shows_backwards_alone():
    trace, divergence = traced(lambda: build(tf.stop_gradient), model)
    assert divergence.stage == "gradients"
    assert [layer.distance for layer in trace.layers] == [0, 0, 0, 0]
    first, activation, second, total = (layer.gradient for layer in trace.layers)
    assert second == total == 0 and min(first, activation) > 100


def test_a_mistake_of_the_optimizer_leaves_every_layer_equal(tmp_path):
    path = tmp_path / "program.py"  # where a user's code is, and not ours
    path.write_text(inspect.getsource(build))
    namespace = dict(globals())
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    trace, divergence = traced(namespace["build"], lambda: model(rate=0.2))
    assert divergence.stage == "updates"
    assert [layer.distance for layer in trace.layers] == [0, 0, 0, 0]
    assert [layer.gradient for layer in trace.layers] == [0, 0, 0, 0]
    of_tf1, of_tf2 = trace.sources
    assert (of_tf1.title, of_tf2.title) == ("TF1", "the twin")
    # The line that trains, in TF1's file; the function that makes the model.
    marked = dict(enumerate(of_tf1.lines, of_tf1.first))[of_tf1.marked[0]]
    assert ".minimize(loss)" in marked and of_tf1.path == str(path)
    assert any("rate=0.2" in line for line in of_tf2.lines)


def test_a_source_is_what_stands_around_a_line(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("\n".join(f"line {n}" for n in range(1, 31)))
    source = networks.of_line("TF1", f"{path}:20")
    assert source.lines[20 - source.first] == "line 20" and source.marked == (20,)
    assert len(source.lines) == 2 * networks.AROUND + 1
    assert networks.of_line("TF1", f"{path}:1").first == 1
    assert networks.of_line("TF1", f"{tmp_path}/none.py:3") is None
    assert networks.of_line("TF1", None) is None


def test_a_function_is_shown_with_the_lines_that_matter():
    source = networks.of_function("the twin", model, ["compile"])
    assert source.lines[0].startswith("def model(")
    (marked,) = source.marked
    assert "twin.compile(" in source.lines[marked - source.first]
    assert networks.of_function("TF1", len) is None
    # The same, of a file that runs in another process.
    assert networks.of_file("the twin", __file__, "model", ["compile"]) == source
    assert networks.of_file("TF1", __file__, "no_function") is None
    assert networks.of_file("TF1", "/no/such/file.py", "build") is None


@pytest.mark.parametrize("name", ["loss", "outputs"])
def test_every_stage_has_advice_with_a_page(name):
    from parity_tests.house import markdown
    from parity_tests.pair import advice

    assert name in advice.BY_STAGE
    for _, page in [*advice.BY_STAGE.values(), advice.OTHERWISE]:
        assert (markdown.ROOT / page).is_file() or not (markdown.ROOT / "docs").is_dir()
