"""Claims about a twin itself: what is played together, seen, named and refused.

What programs and their twins compute, programs_test.py and others claim; what a program
is made of, updates_test.py.
"""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.pair.small_programs import normal
from tf2_keras import levels, observing, slots, training, twins
from tf2_keras.observing import key_of

# What is played together.


class Counted(levels.Eager):
    """Plays eagerly, at any level, and remembers how many batches at a time."""

    sizes = []

    def play(self, batches, carried):
        self.sizes.append(len(batches))
        yield from super().play(batches, carried)


@pytest.fixture
def sizes(monkeypatch):
    """How many batches every player was given at a time."""
    monkeypatch.setattr(Counted, "sizes", [])
    for level in training.LEVELS:
        monkeypatch.setitem(twins.PLAYERS, level, Counted)
    return Counted.sizes


def counter():
    """A twin with a state of 20 bytes, whose move adds."""
    count = tf.Variable(tf.zeros([5]))

    def add(**batch):
        count.assign_add(sum(batch.values(), tf.ones([5])))

    return training.Twin({"count": count}, {"add": add, "again": add})


# A record of it may take a byte and three times its state: 61.
@pytest.mark.parametrize(
    "most_bytes, expected",
    [(2**20, [3, 3, 1]), (122, [2, 2, 2, 1]), (121, [1] * 7), (60, [1] * 7)],
)
def test_fit_plays_as_many_moves_at_once_as_may_be_held(
    sizes, monkeypatch, most_bytes, expected
):
    monkeypatch.setattr(twins, "MOST_MOVES", 3)
    monkeypatch.setattr(twins, "MOST_BYTES", most_bytes)
    records = list(training.play(counter(), [("add", {})] * 7, "fit"))
    assert sizes == expected
    assert [record["updates"]["count"][0] for record in records[1:]] == [*range(1, 8)]


@pytest.mark.parametrize("level", ["eager", "function"])
def test_elsewhere_no_move_is_read_before_the_last_is_played(sizes, level):
    read = []

    def moves():
        for number in range(3):
            read.append(number)
            yield "add", {}

    play = training.play(counter(), moves(), level)
    for number in range(4):
        next(play)
        assert len(read) == number
    assert sizes == [1, 1, 1]


def test_moves_of_another_name_or_other_inputs_are_played_apart(sizes):
    x, y = {"x": np.ones(5, np.float32)}, {"y": np.ones(5, np.float32)}
    moves = [("add", x), ("add", x), ("add", y), ("again", y), ("add", x)]
    assert len(list(training.play(counter(), moves, "fit"))) == 6
    assert sizes == [2, 1, 1, 1]


@pytest.mark.parametrize("level", training.LEVELS)
def test_what_is_not_fitted_is_played_in_a_function_instead(monkeypatch, level):
    played = []

    def player(at):
        def make(twin, name, specs):
            played.append((name, at))
            return Counted(twin, name, specs)

        return make

    for at in training.LEVELS:
        monkeypatch.setitem(twins.PLAYERS, at, player(at))
    twin = counter()
    twin.unfitted = frozenset({"again"})
    list(training.play(twin, [("add", {}), ("again", {})], level))
    assert played == [("add", level), ("again", {"fit": "function"}.get(level, level))]


def test_fit_says_nothing(capfd):
    list(training.play(counter(), [("add", {})] * 2, "fit"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("level", ["function", "fit"])
def test_a_move_is_traced_once(level):
    traced = []
    total = tf.Variable(0.0)

    def add(x):
        traced.append(x)
        return {"outputs": {"total": total.assign_add(x)}}

    twin = training.Twin({"total": total}, {"add": add})
    records = list(training.play(twin, [("add", {"x": np.float32(2)})] * 3, level))
    assert records[-1]["updates"]["total"] == records[-1]["outputs"]["total"] == 6
    assert len(traced) == 1


# Streams, which only a new player starts over.


def draw():
    return tf.raw_ops.RandomStandardNormal(shape=[2], dtype=tf.float32)


@pytest.mark.parametrize(
    "op, expected",
    [
        (draw, True),
        (lambda: tf.function(draw)(), True),
        (lambda: tf.random.stateless_normal([2], [1, 2]), False),
        (lambda: tf.function(lambda: tf.zeros([2]))(), False),
    ],
    ids=["an op", "within a function", "stateless", "none"],
)
def test_a_stream_is_seen_wherever_it_is(op, expected):
    with tf.Graph().as_default():
        op()
        assert levels.graph_has_streams() == expected


# What is seen.


def test_gradients_are_paired_with_variables_as_keras_pairs_them():
    variables = [keras.Variable(np.float32([number])) for number in range(3)]
    optimizer = keras.optimizers.SGD(0.5)
    optimizer.build(variables)
    first, second, third = map(key_of, variables)
    with observing.observed_gradients([optimizer]) as gradients:
        # Of two variables only, and none for the first of them.
        optimizer.apply([None, tf.constant([2.0])], variables[:2])
        assert set(gradients) == {second}
        optimizer.apply([tf.constant([1.0])] * 3)
    assert {key: value.numpy().tolist() for key, value in gradients.items()} == {
        first: [1.0],
        second: [1.0],
        third: [1.0],
    }
    assert "apply" not in vars(optimizer) and "update_step" not in vars(optimizer)


def test_a_gradient_is_seen_as_the_update_gets_it():
    """After clipping; of what is only added up, as it was given."""
    given, clipped = tf.constant([3.0, 4.0]), [3 / 5, 4 / 5]
    variable = keras.Variable(np.zeros(2, np.float32))
    for options, expected in (
        ({"clipnorm": 1.0}, clipped),
        ({"gradient_accumulation_steps": 2}, [3.0, 4.0]),
    ):
        optimizer = keras.optimizers.SGD(0.5, **options)
        optimizer.build([variable])

        def step(given, optimizer=optimizer):
            with observing.observed_gradients([optimizer]) as gradients:
                optimizer.apply([given], [variable])
            return gradients[key_of(variable)]

        for call in (step, tf.function(step)):
            np.testing.assert_allclose(call(given), expected, rtol=1e-6)


def test_values_become_tensors_in_the_dtype_of_their_input():
    for value in ([1.5, 2.0], np.float64([1.5, 2.0]), tf.constant([1.5, 2.0])):
        for dtype in (tf.float64, tf.float32, tf.float16):
            tensor = observing.as_tensor(value, dtype)
            assert tensor.dtype == dtype and tensor.numpy().tolist() == [1.5, 2.0]
    assert observing.as_tensor(np.int16([1])).dtype == tf.int16
    known = tf.constant([1.0])
    assert observing.as_tensor(known) is observing.as_tensor(known, tf.float32) is known
    for dtype in (None, tf.string):
        assert observing.as_tensor(["a"], dtype).numpy().tolist() == [b"a"]
    sparse = tf.compat.v1.SparseTensorValue([[0, 1]], [2.0], [1, 3])
    assert tf.sparse.to_dense(observing.as_tensor(sparse)).numpy().tolist() == [
        [0, 2, 0]
    ]


def trained_twin(**reported):
    """A twin of two variables, the second of which is not in its state."""
    variables = [keras.Variable(np.float32([1])) for _ in range(2)]
    optimizer = keras.optimizers.SGD(0.5)
    optimizer.build(variables)

    def train(trained):
        optimizer.apply([tf.constant([2.0])], [variables[int(trained)]])
        return reported

    return training.Twin(
        {"kernel": variables[0]}, {"train": train}, optimizers=[optimizer]
    )


def test_gradients_are_named_and_those_that_a_move_reports_are_taken():
    observed = trained_twin().step("train", {"trained": 0})
    assert observed["gradients"]["kernel"].numpy().tolist() == [2.0]
    reported = {"kernel": tf.constant([7.0])}
    assert trained_twin(gradients=reported).step("train", {"trained": 1}) == {
        "gradients": reported
    }
    with pytest.raises(ValueError, match="^Every trained variable must be in the twin"):
        trained_twin().step("train", {"trained": 1})


def test_a_move_that_trains_nothing_has_no_gradients():
    assert counter().step("add", {}) == {}


def test_a_move_is_given_what_it_takes_of_what_is_carried():
    twin = training.Twin(
        {},
        {
            "some": lambda x, state: None,  # noqa: ARG005 -- its parameters count
            "none": lambda x: None,  # noqa: ARG005
            "all": lambda x, **batch: None,  # noqa: ARG005
        },
    )
    carried = {"state": 1, "other": 2}
    taken = {move: twin.takes(move, carried) for move in twin.moves}
    assert taken == {"some": {"state": 1}, "none": {}, "all": carried}


def test_a_setting_is_reset_with_the_state():
    rate, count = tf.Variable(0.5), tf.Variable(0.0)

    def add():
        count.assign_add(rate)

    twin = training.Twin({"count": count}, {"add": add}, settings={"rate": rate})
    for settings, expected in (({"rate": 2.0}, 2.0), (None, 0.5)):
        _, record = training.play(twin, [("add", {})], "eager", settings=settings)
        assert record["updates"] == {"count": expected}


# What a compiled model takes and gives.


def a_model(*outputs):
    """A dropout before a layer for each of ``outputs``."""
    x = keras.Input([3], name="features")
    dropped = keras.layers.Dropout(0.5, seed=1)(x)
    layers = [
        keras.layers.Dense(1, use_bias=False, name=name)(dropped) for name in outputs
    ]
    return keras.Model(x, layers if len(layers) > 1 else layers[0])


@pytest.mark.parametrize("outputs", [["only"], ["first", "second"]])
def test_predictions_are_named_after_the_outputs_and_drop_nothing(outputs):
    model = a_model(*outputs)
    model.compile("sgd", "mse", jit_compile=False)
    twin = training.compiled(model, {name: f"{name}/kernel" for name in outputs})
    x = normal(4, 3)
    predicted = twin.moves["predict"](x=x)["outputs"]
    names = outputs if len(outputs) > 1 else ["y_pred"]
    assert list(predicted) == names
    for name, output in zip(names, outputs, strict=True):
        kernel = model.get_layer(output).kernel
        np.testing.assert_array_equal(
            predicted[name], tf.matmul(x, kernel), strict=True
        )


def test_inputs_are_known_by_their_names_and_one_as_x():
    features = tf.TensorSpec([None, 3], tf.float32)
    assert training._inputs_of(a_model("y")) == {"features": features, "x": features}
    inputs = [keras.Input([2], dtype="int64", name=name) for name in ("a", "b")]
    model = keras.Model(inputs, keras.layers.Add()(inputs))
    spec = tf.TensorSpec([None, 2], tf.int64)
    assert training._inputs_of(model) == {"a": spec, "b": spec}
    assert training._inputs_of(keras.Sequential()) == {}


@pytest.mark.parametrize(
    "batch, expected",
    [
        ({"x": 1}, (1,)),
        ({"y_true": 2}, ({}, 2)),
        ({"x": 1, "y_true": 2}, (1, 2)),
        ({"x": 1, "y_true": 2, "sample_weight": 3}, (1, 2, 3)),
        ({"a": 1, "b": 4, "y_true": 2}, ({"a": 1, "b": 4}, 2)),
        ({"x": 1, "first": 2, "second": 5}, (1, {"first": 2, "second": 5})),
        ({"x": 1, "second": 5, "sample_weight": 3}, (1, {"second": 5}, 3)),
        ({"x": 1, "sample_weight": 3}, (1, None, 3)),
    ],
)
def test_a_batch_is_what_fit_takes(batch, expected):
    model = types.SimpleNamespace(output_names=["first", "second"])
    assert training.data_of(model, batch) == expected


def test_the_optimizers_of_a_model_are_those_that_it_uses():
    first, second = keras.optimizers.SGD(), keras.optimizers.SGD()
    unused = keras.optimizers.RMSprop()  # as compile() makes it
    for optimizer in (first, second):
        optimizer.build([])
    for attributes, expected in (
        ({"optimizer": unused}, [unused]),
        ({"optimizer": first}, [first]),
        ({"own": first, "optimizer": unused}, [first]),
        ({"own": first, "other": second, "optimizer": unused}, [first, second]),
        ({"own": first, "optimizer": second}, [first, second]),
        ({"own": first, "optimizer": first}, [first]),
        ({"own": first, "other": second}, [first, second]),
        ({}, []),
    ):
        model = types.SimpleNamespace(**attributes)
        assert training.optimizers_of(model) == expected, attributes


class Told(keras.layers.Layer):
    """Remembers how it was told of training."""

    def __init__(self):
        super().__init__()
        self.told = []

    def call(self, x, training=None):
        self.told.append(training)
        return x


def new_model():
    """(a linear model, its layer that is told of training)."""
    told = Told()
    x = keras.Input([3])
    y = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="y")
    model = keras.Model(x, y(told(x)))
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    return model, told.told


def test_layers_are_told_of_training():
    model, told = new_model()
    twin = training.compiled(model, {"y": "y/kernel"})
    batch = {"x": tf.ones([2, 3]), "y_true": tf.ones([2, 1])}
    for move, expected in (("train", True), ("predict", False)):
        del told[:]
        twin.step(move, batch)
        assert told == [expected]


@pytest.mark.parametrize("level", training.LEVELS)
def test_training_unobserved_takes_the_same_steps(level, capfd):
    model, _ = new_model()
    twin = training.compiled(model, {"y": "y/kernel"})
    batches = [
        {"x": normal(4, 3, seed=number), "y_true": normal(4, 1, seed=number + 9)}
        for number in range(3)
    ]
    *_, record = training.play(twin, [("train", batch) for batch in batches], level)
    twin.reset()
    data = tf.data.Dataset.from_generator(
        lambda: ((batch["x"], batch["y_true"]) for batch in batches),
        output_signature=(tf.TensorSpec([None, 3]), tf.TensorSpec([None, 1])),
    )
    for _ in range(2):  # the second finds what the first made
        twin.reset()
        training.train(twin, data, level, 3)
        np.testing.assert_allclose(twin.values()["y"], record["updates"]["y"], 1e-5)
    assert ("train" in twin.unobserved) == (level == "function")
    assert (model.train_function is not None) == (level == "fit")
    assert capfd.readouterr() == ("", "")


def test_a_rate_is_a_setting_unless_a_schedule_says_it():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    for rate, expected in ((0.1, {"learning_rate"}), (schedule, set())):
        model = a_model("y")
        model.compile(keras.optimizers.SGD(rate), "mse", jit_compile=False)
        assert set(training.compiled(model, {"y": "y/kernel"}).settings) == expected
    model = a_model("y")  # which predicts only
    assert training.compiled(model, {"y": "y/kernel"}).settings == {}


def test_several_optimizers_are_built_beforehand_and_the_first_has_the_rate():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    for rate, expected in ((0.5, {"learning_rate"}), (schedule, set())):
        model = a_model("y")
        model.own = keras.optimizers.SGD(rate, name="own")
        model.other = keras.optimizers.SGD(0.25, name="other")
        with pytest.raises(
            ValueError, match=r"^several optimizers .* built.*\['own', 'other'\]"
        ):
            training.compiled(model, {"y": "y/kernel"})
        for optimizer in (model.own, model.other):
            optimizer.build(model.trainable_variables)
        settings = training.compiled(model, {"y": "y/kernel"}).settings
        assert set(settings) == expected
        assert all(rate.numpy() == 0.5 for rate in settings.values())


# Slots and beta powers of Keras's own optimizers.


def test_the_powers_of_beta_are_those_of_the_next_step():
    """TF1 kept them in variables, which begin with beta itself."""
    variable = keras.Variable(np.zeros(2, np.float32), name="kernel")
    optimizer = keras.optimizers.Adam(0.1, beta_1=0.5, beta_2=0.25)
    optimizer.build([variable])
    powers = slots.slots_of(optimizer, {key_of(variable): "kernel"})
    for steps in (1, 2):
        assert powers["beta1_power"]().numpy() == 0.5**steps
        assert powers["beta2_power"]().numpy() == 0.25**steps
        optimizer.apply([tf.ones([2])], [variable])


@pytest.mark.parametrize(
    "names", [["kernel"], ["kernel", "kernel_1"], ["kernel_1", "kernel"], ["w", "w"]]
)
def test_slots_belong_to_the_variable_that_they_are_named_after(names):
    """Also where a name begins as another does, or is another's too."""
    variables = [
        keras.Variable(np.zeros(size, np.float32), name=name)
        for size, name in enumerate(names, 1)
    ]
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(variables)
    known = {key_of(variable): f"{variable.shape}" for variable in variables}
    sizes = {
        name: slot.shape for name, slot in slots.slots_of(optimizer, known).items()
    }
    assert sizes == {f"{v.shape}/Momentum": v.shape for v in variables}
    del known[key_of(variables[-1])]  # what has no TF1 name has no slot
    assert len(slots.slots_of(optimizer, known)) == len(names) - 1


def test_slots_that_older_releases_name_without_their_variables_go_in_order():
    def variable(name):
        return types.SimpleNamespace(name=name, path=name)

    trained = [variable("a"), variable("b")]
    first, second, other = variable("velocity"), variable("velocity"), variable("count")
    apart = variable("iteration"), variable("learning_rate")
    optimizer = types.SimpleNamespace(
        _trainable_variables=trained,
        variables=[*apart, first, second, other],
        iterations=apart[0],
        learning_rate=apart[1],
        use_ema=False,
    )
    names = {key_of(trained[0]): "a", key_of(trained[1]): "b"}
    assert slots.slots_of(optimizer, names) == {
        "a/velocity": first,
        "b/velocity": second,
    }
