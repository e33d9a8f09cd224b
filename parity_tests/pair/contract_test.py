"""Claims about the contract itself: what is played together, seen, named and refused.

What programs and their twins compute on it, programs_test.py and others claim.
"""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair.small_programs import normal
from tf1_graph import session, updates
from tf2_keras import levels, observing, slots, training
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
        monkeypatch.setitem(training.PLAYERS, level, Counted)
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
    monkeypatch.setattr(training, "MOST_MOVES", 3)
    monkeypatch.setattr(training, "MOST_BYTES", most_bytes)
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


def test_fit_says_nothing(capfd):
    list(training.play(counter(), [("add", {})] * 2, "fit"))
    assert capfd.readouterr() == ("", "")


# Streams, which only a new player or Session starts over.


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


def streaming_graph():
    """(Graph, {name: op}): variables of both kinds, and what keeps a place besides."""
    with tf.Graph().as_default() as graph:
        for name, use_resource in (("ref", False), ("resource", True)):
            variable = tf1.get_variable(
                name, initializer=np.float32(1), use_resource=use_resource
            )
            tf1.assign_add(variable, 1.0)
        tf1.random_normal([2], name="drawn")
        queue = tf1.FIFOQueue(3, tf.float32, name="queue")
        queue.dequeue(name="taken")
    return graph


def test_streams_are_what_keeps_its_place_and_is_no_variable():
    graph = streaming_graph()
    expected = {"drawn/RandomStandardNormal", "queue"}
    named = {operation.name for operation in session.streams(graph)}
    assert expected <= named <= {*expected, "taken"}
    drawn = graph.get_operation_by_name("drawn")
    (stream,) = session.streams(graph, [drawn])
    assert stream.name == "drawn/RandomStandardNormal"
    read = graph.get_tensor_by_name("resource/Read/ReadVariableOp:0").op
    assert session.streams(graph, [read]) == []


# What is seen.


def test_gradients_are_paired_with_variables_as_keras_pairs_them():
    variables = [keras.Variable(np.float32([number])) for number in range(3)]
    optimizer = keras.optimizers.SGD(0.5)
    optimizer.build(variables)
    first, second, third = map(key_of, variables)
    with observing.observed_gradients([optimizer]) as gradients:
        # Of two variables only, and none for the first of them.
        optimizer.apply([None, tf.constant([2.0]), tf.constant([3.0])], variables[:2])
        assert set(gradients) == {second}
        optimizer.apply([tf.constant([1.0])] * 3)
    assert {key: value.numpy().tolist() for key, value in gradients.items()} == {
        first: [1.0],
        second: [1.0],
        third: [1.0],
    }
    assert "apply" not in vars(optimizer) and "update_step" not in vars(optimizer)


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
        assert np.array_equal(predicted[name], tf.matmul(x, kernel))


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


def test_a_rate_is_a_setting_unless_a_schedule_says_it():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    for rate, expected in ((0.1, {"learning_rate"}), (schedule, set())):
        model = a_model("y")
        model.compile(keras.optimizers.SGD(rate), "mse", jit_compile=False)
        assert set(training.compiled(model, {"y": "y/kernel"}).settings) == expected
    model = a_model("y")  # which predicts only
    assert training.compiled(model, {"y": "y/kernel"}).settings == {}


def test_several_optimizers_that_are_not_built_are_refused():
    model = a_model("y")
    model.compile("sgd", "mse", jit_compile=False)
    model.own, model.other = keras.optimizers.SGD(), keras.optimizers.SGD()
    model.optimizer.build(model.trainable_variables)
    with pytest.raises(
        ValueError, match="^several optimizers of a model must be built"
    ):
        training.compiled(model, {"y": "y/kernel"})


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
    )
    names = {key_of(trained[0]): "a", key_of(trained[1]): "b"}
    assert slots.slots_of(optimizer, names) == {
        "a/velocity": first,
        "b/velocity": second,
    }


# TF1's side.


def test_initialisers_wait_for_the_variables_that_they_read():
    with tf.Graph().as_default() as graph:
        first = tf1.get_variable("first", initializer=1.0, use_resource=False)
        second = tf1.Variable(first + 1.0, name="second", use_resource=True)
        third = tf1.Variable(
            second + first, name="third", collections=["local_variables"]
        )
        alone = tf1.get_variable("alone", initializer=3.0)
    program = session.program(graph, read=session.move(outputs={"third": third}))
    assert program.initialisers == [
        [first.initializer, alone.initializer],
        [second.initializer],
        [third.initializer],
    ]
    assert list(program.variables) == ["first", "second", "alone"]
    _, record = session.play(program, [("read", {})])
    assert record["outputs"] == {"third": 3.0}


def test_initialisers_that_read_each_other_run_at_once():
    with tf.Graph().as_default() as graph:
        first, second = (tf1.Variable(0.0, use_resource=False) for _ in range(2))
        first._initializer_op = tf1.assign(first, second + 1.0).op
        second._initializer_op = tf1.assign(second, first + 1.0).op
        alone = tf1.Variable(0.0)
    assert session.program(graph).initialisers == [
        [alone.initializer],
        [first.initializer, second.initializer],
    ]


def test_a_session_places_softly():
    with tf.Graph().as_default() as graph, tf1.device("/device:GPU:7"):
        one = tf.constant(1.0) + 0.0
    with session.open_session(graph) as opened:
        assert opened.run(one) == 1.0


def test_a_variable_is_known_through_what_only_reads_it():
    with tf.Graph().as_default():
        for use_resource in (False, True):
            name = f"variable_{use_resource}"
            variable = tf1.get_variable(name, [2], use_resource=use_resource)
            read = tf.identity(tf.cast(variable, tf.float64))
            chosen, _ = tf.raw_ops.Switch(data=read, pred=tf.constant(True))
            assert updates.variable_of(chosen) == name
            assert updates.variable_of(chosen + 1.0) is None


def test_two_updates_of_a_variable_are_refused_unless_their_gradient_is_named():
    with tf.Graph().as_default():
        weights = tf1.get_variable("weights", initializer=[1.0, 2.0])
        loss = tf.reduce_sum(tf.square(weights))
        optimizer = tf1.train.GradientDescentOptimizer(0.1)
        pairs = optimizer.compute_gradients(loss)
        both = tf.group(*(optimizer.apply_gradients(pairs) for _ in range(2)))
    with pytest.raises(ValueError, match="^train must update each variable by one"):
        session.train(both, loss)
    move = session.train(both, loss, pairs)
    assert move.seen["gradients"] == {"weights": pairs[0][0]}
    assert move.slots == frozenset()
