"""Claims about causes: the mistake that was planted is named, and nothing else is."""

import keras
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.engine.records import STAGES
from parity_tests.pair import explaining, small_pair
from parity_tests.pair.probes import table
from tf2_keras.tf1_semantics import initializers, optimizers


def program(optimizer, penalty=0.0):
    """A build function of one layer under an optimizer."""

    def build():
        tf1.set_random_seed(1)
        x = tf1.placeholder(tf.float32, [None, 3], name="x")
        labels = tf1.placeholder(tf.float32, [None, 1], name="labels")
        initial = tf1.random_normal([3, 1], stddev=0.5, seed=11)
        weights = tf1.get_variable("dense/kernel", initializer=initial)
        bias = tf1.get_variable("bias/bias", initializer=tf.fill([1], 0.5))
        y_pred = tf.matmul(x, weights) + bias
        loss = tf.reduce_mean(tf.square(labels - y_pred))
        if penalty:
            loss += penalty * tf.nn.l2_loss(weights)
        step = optimizer().minimize(loss)
        return {
            "inputs": {"x": x, "y_true": labels},
            "train": {"op": step, "loss": loss},
        }

    return build


class Bias(keras.layers.Layer):
    def __init__(self, value, **options):
        super().__init__(**options)
        self.initializer = keras.initializers.Constant(value)

    def build(self, input_shape):
        self.bias = self.add_weight(
            shape=(input_shape[-1],), initializer=self.initializer, name="bias"
        )

    def call(self, x):
        return x + self.bias


def rewrite(optimizer, seed=(1, 11), bias=0.5, penalty=None, scale=1.0):
    initial = initializers.RandomNormal(stddev=0.5, seed=seed)
    dense = keras.layers.Dense(
        1,
        use_bias=False,
        kernel_initializer=initial,
        kernel_regularizer=penalty,
        name="dense",
    )
    model = keras.Sequential(
        [keras.Input([3], name="x"), dense, Bias(bias, name="bias")]
    )
    model.compile(optimizer, small_pair.MeanOfSquares(scale), jit_compile=False)
    return model


def sgd():
    return tf1.train.GradientDescentOptimizer(0.1)


def ppo2():
    """baselines' Adam, whose epsilon the rewrite lost."""
    return tf1.train.AdamOptimizer(0.01, epsilon=1e-5)


def a2c():
    """baselines' RMSProp, whose slot starts at ones."""
    return tf1.train.RMSPropOptimizer(0.01, decay=0.99, epsilon=1e-5)


PLANTED = {
    "another op seed": (
        (sgd, 0.0),
        {"optimizer": "sgd_part", "seed": (1, 12)},
        "initial values",
        r"dense/kernel → initializers.RandomNormal\(stddev=0.5, seed=\(1, 11\)\)",
    ),
    "another constant": (
        (sgd, 0.0),
        {"optimizer": "sgd_part", "bias": 0.0},
        "initial values",
        r"bias/bias → keras.initializers.Constant\(0.5\)",
    ),
    "another rate": (
        (sgd, 0.0),
        {"optimizer": lambda: optimizers.GradientDescent(0.01)},
        "updates",
        r"GradientDescent\(learning_rate=0.01\) → learning_rate=0.1",
    ),
    "PPO2's epsilon": (
        (ppo2, 0.0),
        {"optimizer": lambda: optimizers.Adam(0.01)},
        "updates",
        r"Adam\(epsilon=1e-08\) → epsilon=1e-05",
    ),
    "two arguments": (
        (ppo2, 0.0),
        {"optimizer": lambda: optimizers.Adam(0.01, beta2=0.99)},
        "initial values",
        r"beta2=0.999, epsilon=1e-05|tf1_semantics.optimizers.Adam\(.*beta2=0.999",
    ),
    "Keras's Adam": (
        (ppo2, 0.0),
        {"optimizer": lambda: keras.optimizers.Adam(0.01, epsilon=1e-5)},
        "slots",
        r"keras.optimizers.Adam → tf1_semantics.optimizers.Adam\(.*epsilon=1e-05\)",
    ),
    "Keras's Adam with a clip that it keeps": (
        (ppo2, 0.0),
        {
            "optimizer": lambda: keras.optimizers.Adam(
                0.01, epsilon=1e-5, global_clipnorm=1e6
            )
        },
        "slots",
        r"tf1_semantics.optimizers.Adam\(.*epsilon=1e-05, global_clipnorm=1000000.0\)",
    ),
    "A2C's slot of ones": (
        (a2c, 0.0),
        {"optimizer": lambda: keras.optimizers.RMSprop(0.01, rho=0.99, epsilon=1e-5)},
        "initial values",
        r"RMSprop → tf1_semantics.optimizers.RMSProp\(.*decay=0.99",
    ),
    "a loss that is doubled": (
        (sgd, 0.0),
        {"optimizer": "sgd_part", "scale": 2.0},
        "loss",
        "the twin's loss is 2 times TF1's",
    ),
    "a loss that is a quarter": (
        (sgd, 0.0),
        {"optimizer": "sgd_part", "scale": 0.25},
        "loss",
        "the twin's loss is 1/4 of TF1's",
    ),
    "an L2 that is not halved": (
        (sgd, 0.01),
        {"optimizer": "sgd_part", "penalty": keras.regularizers.L2(0.01)},
        "loss",
        r"L2\(s\) → L2\(s / 2\)",
    ),
}


def checked(program_of, twin, **options):
    optimizer = twin.pop("optimizer")
    if optimizer == "sgd_part":
        optimizer = lambda: optimizers.GradientDescent(0.1)  # noqa: E731 -- as the others
    return small_pair.pair(
        program(*program_of), rewrite(optimizer(), **twin), **options
    ).check(levels_asked=["function"])


@pytest.mark.parametrize("name", PLANTED)
def test_the_cause_of_a_planted_mistake_is_proven(name):
    program_of, twin, stage, said = PLANTED[name]
    found = checked(program_of, dict(twin))
    ((_, divergence),) = found.divergences.values()
    (cause,) = found.causes.values()
    assert (divergence.stage, cause.stage) == (stage, stage)
    with pytest.raises(AssertionError, match=f"cause, proven.*\n.*(?:{said})"):
        found.require_agreement()
    assert found.data["cause"]["function"]["change"] == cause.change
    if name != "an L2 that is not halved":  # its halves are rounded in another order
        assert cause.whole


def test_of_two_mistakes_the_first_to_show_is_proven_first():
    twin = {"optimizer": lambda: optimizers.GradientDescent(0.2), "scale": 2.0}
    found = checked((sgd, 0.0), twin)
    (cause,) = found.causes.values()
    assert cause.stage == "loss" and cause.whole
    loss, rate = (proven.probe for proven in cause.changes)
    assert (loss, rate) == ("sum or mean", "hyper-parameter")
    assert "2 causes, proven together: with all of them" in cause.describe()


@tf.custom_gradient
def badly_derived(x):
    return tf.square(x), lambda upstream: upstream * x  # without the factor 2


class OtherGradient(keras.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):  # noqa: ARG002 -- Keras's
        return tf.reduce_mean(badly_derived(y_true - y_pred))


def test_what_no_probe_takes_away_has_no_cause():
    model = rewrite(optimizers.GradientDescent(0.1))
    model.compile(optimizers.GradientDescent(0.1), OtherGradient(), jit_compile=False)
    found = small_pair.pair(program(sgd), model).check()
    assert found.divergences and not found.causes and found.data["cause"] == {}


def broken(_sides, _divergence):
    raise ZeroDivisionError("a graph that no one foresaw")
    yield


def test_a_probe_that_fails_is_named_and_hides_no_other(monkeypatch):
    failing = table.Probe("broken", STAGES, "", table.FORWARD_PASS, broken)
    monkeypatch.setattr(table, "PROBES", [failing, *table.PROBES])
    wrong = rewrite(optimizers.GradientDescent(0.1))
    wrong.compile(optimizers.GradientDescent(0.1), OtherGradient(), jit_compile=False)
    found = small_pair.pair(program(sgd), wrong).check()
    assert any("broken (ZeroDivisionError)" in note for note in found.data["notes"])
    twin = rewrite(optimizers.GradientDescent(0.2))
    assert small_pair.pair(program(sgd), twin).check().causes["function"].whole


def test_what_explains_a_divergence_and_fails_leaves_the_verdict(monkeypatch):
    def placed(*_):
        raise ZeroDivisionError("a graph that no one foresaw")

    monkeypatch.setattr(explaining, "_placed", placed)
    found = small_pair.pair(
        program(sgd), rewrite(optimizers.GradientDescent(0.2))
    ).check()
    assert found.divergences and not found.places and found.causes["function"].whole
    said = "The place in the network could not be looked for: ZeroDivisionError: "
    (note,) = [note for note in found.data["notes"] if note.startswith(said)]
    # Whose fault it is is said as well: here no code of the user's was called.
    assert "a defect of tf-parity, at parity_tests/pair/probes/probes_test.py:" in note


def test_code_of_the_user_that_cannot_be_tapped_is_no_defect_of_ours(tmp_path):
    path = tmp_path / "theirs.py"
    path.write_text("def call():\n    return [][0]\n")
    namespace = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    for call, is_ours in ((namespace["call"], False), (lambda: [][0], True)):
        notes = []
        with explaining.unless_it_fails("The cause", notes):
            call()
        assert notes[0].startswith(
            "The cause could not be looked for: IndexError: list"
        )
        assert ("a defect of tf-parity" in notes[0]) is is_ours


def test_a_pair_that_is_equal_has_no_cause_and_probes_leave_the_model_as_it_was():
    model = rewrite(optimizers.Adam(0.01))
    standing = model.optimizer
    found = small_pair.pair(program(ppo2), model).check()
    assert found.causes and model.optimizer is standing
    again = small_pair.pair(program(ppo2), model).check()
    assert again.data["first_divergence"] == found.data["first_divergence"]
    equal = small_pair.pair(
        program(ppo2), rewrite(optimizers.Adam(0.01, epsilon=1e-5))
    ).check()
    assert equal.ok and equal.causes == {}
