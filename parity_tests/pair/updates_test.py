"""Claims about a program: what is fed, initialised and updated, found from its graph."""

import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.engine.comparison import compare_plays
from parity_tests.pair.kept import kept_by
from parity_tests.pair.pair import Pair
from tf1_graph import session, updates
from tf2_keras import training

# What is fed.


def scaled():
    """(Graph, its tensors by name) of a loss that a placeholder and a constant scale."""
    with tf.Graph().as_default() as graph:
        x = tf1.placeholder(tf.float32, [], name="x")
        scale = tf1.placeholder_with_default(2.0, [], name="scale")
        rate = tf.constant(0.5, name="rate")
        weights = tf1.get_variable("weights", initializer=1.0)
        y_pred = weights * x
        loss = tf.square(y_pred) * scale
        train = tf1.train.GradientDescentOptimizer(rate).minimize(loss)
    return types.SimpleNamespace(
        graph=graph, x=x, y_true=scale, y_pred=y_pred, loss=loss, train=train, rate=rate
    )


def test_inputs_are_the_placeholders_unless_it_is_said():
    built = scaled()
    program = session.program(built.graph, train=session.train(built.train))
    assert program.inputs == {"x": built.x}
    assert session.program(built.graph, {"a": built.x}).inputs == {"a": built.x}


def test_what_a_move_and_what_a_play_feeds_comes_besides_the_batch():
    built = scaled()
    program = session.program(
        built.graph,
        settings={"rate": built.rate},
        train=session.train(built.train, built.loss, feed={built.y_true: 1.0}),
        plain=session.train(built.train, {"twice": built.loss}),
    )
    moves = [("train", {"x": 1.0}), ("plain", {"x": 1.0})]
    for settings, rate in ((None, 0.5), ({"rate": 0.25}, 0.25)):
        weights = np.float32(1)
        _, *records = session.play(program, moves, settings=settings)
        for record, name, scale in zip(records, ("loss", "twice"), (1, 2), strict=True):
            assert record["loss"] == {name: scale * weights**2}
            assert record["gradients"] == {"weights": 2 * scale * weights}
            weights -= np.float32(rate * 2 * scale) * weights
            assert record["updates"] == {"weights": weights}


def test_a_supervised_program_trains_and_predicts():
    built = scaled()
    program = session.supervised(built, {built.rate: 0.25}, {built.x: 3.0}, "rate:0")
    assert program.inputs == {"x": built.x, "y_true": built.y_true}
    assert program.settings == {"learning_rate": built.rate}
    assert program.moves["train"].feed == {built.rate: 0.25}
    assert program.moves["predict"].feed == {built.x: 3.0}
    assert program.moves["predict"].seen == {"outputs": {"y_pred": built.y_pred}}
    assert session.supervised(built).settings == {}
    built.predict = built.loss
    predict = session.supervised(built).moves["predict"]
    assert predict.seen == {"outputs": {"y_pred": built.loss}}


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_play_starts_from_what_it_is_given(use_resource):
    with tf.Graph().as_default() as graph:
        for name, start in (("first", 1.0), ("second", 2.0)):
            tf1.get_variable(name, initializer=start, use_resource=use_resource)
    program = session.program(graph)
    for values, expected in (
        (None, {"first": 1.0, "second": 2.0}),
        ({"second": 7.0}, {"first": 1.0, "second": 7.0}),
    ):
        assert list(session.play(program, [], values)) == [{"initial values": expected}]


# What keeps its place.


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
    taken = graph.get_operation_by_name("taken")
    kept = [kept_by(graph, [operation]) for operation in (drawn, taken, read)]
    assert kept == [True, True, False]


def test_what_a_run_holds_for_itself_is_no_stream():
    """A branch and a loop are as their bodies are; an assertion keeps nothing."""
    with tf.Graph().as_default() as graph:
        variable = tf1.get_variable("variable", initializer=1.0, use_resource=True)

        def branch(name, draws):
            def body():
                tf1.assert_positive(variable)
                return variable + (tf1.random_uniform([]) if draws else 1.0)

            return tf1.cond(variable > 0, body, lambda: variable + 0.0, name=name)

        def loop(name, draws):
            return tf1.while_loop(
                lambda total: total < 3.0,
                lambda total: total + branch(name + "/branch", draws),
                [variable],
                name=name,
            )

        array = tf1.TensorArray(tf.float32, 1).write(0, variable).read(0)
        with tf1.control_dependencies([tf1.assert_positive(variable)]):
            quiet = [branch("kept", False), loop("counted", False), array + 1.0]
        drawing = [branch("drawn", True), loop("summed", True)]
    assert not kept_by(graph, [tensor.op for tensor in quiet])
    for tensor in drawing:
        assert kept_by(graph, [tensor.op])


@pytest.mark.parametrize("draws, sessions", [(False, 2), (True, 4)])
def test_a_session_serves_again_unless_a_move_draws(monkeypatch, draws, sessions):
    """The initial values are those of a fresh one, and of what is handed over."""
    opened, open_session = [], session.open_session
    with tf.Graph().as_default() as graph:
        tf1.set_random_seed(5)
        drawn, again = (
            tf1.get_variable(name, [3], initializer=tf1.random_normal_initializer())
            for name in ("drawn", "again")
        )
        total = tf1.reduce_sum(drawn * again)
        total = total + tf1.random_normal([]) if draws else total
    program = session.program(graph, read=session.move(outputs={"total": total}))
    moves, given = [("read", {})], {"again": np.float32([1, 2, 3])}
    starts = (given, None, given, None)
    expected = [list(session.play(program, moves, values)) for values in starts]
    monkeypatch.setattr(
        session,
        "open_session",
        lambda graph: opened.append(graph) or open_session(graph),
    )
    with Pair(program, training.Twin({}, {})) as pair:
        plays = [list(pair.reference(moves, values)) for values in starts]
    assert len(opened) == sessions
    for play, records in zip(plays, expected, strict=True):
        compare_plays(records, play).require_agreement()


# What is initialised and updated.


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
        bias = tf1.get_variable("bias", initializer=0.0)
        loss = tf.reduce_sum(tf.square(weights + bias))
        optimizer = tf1.train.GradientDescentOptimizer(0.1)
        pairs = optimizer.compute_gradients(loss)
        both = tf.group(*(optimizer.apply_gradients(pairs) for _ in range(2)))
    with pytest.raises(
        ValueError,
        match="^train must update each variable by one.*'gradients': {'bias': a tensor",
    ):
        session.train(both, loss)
    move = session.train(both, loss, pairs)
    assert move.seen["gradients"] == {v.op.name: gradient for gradient, v in pairs}
    assert move.slots == frozenset()


def test_other_ops_of_a_train_op_are_no_updates_by_a_gradient():
    """Counts and assertions, also those whose names come first."""
    with tf.Graph().as_default() as graph:
        weights = tf1.get_variable("weights", initializer=[1.0, 2.0])
        frozen = tf1.get_variable("frozen", initializer=[3.0, 4.0])
        count = tf1.get_variable("a_count", initializer=0, trainable=False)
        loss = tf.reduce_sum(tf.square(weights) * frozen)
        with tf1.control_dependencies([tf1.assign_add(count, 1, name="a_first")]):
            train = tf1.train.MomentumOptimizer(0.1, 0.9).minimize(
                loss, var_list=[weights]
            )
    move = session.train(train, loss)
    assert set(move.seen["gradients"]) == {"weights"}
    assert move.slots == {"weights/Momentum"}
    named = updates.changes(train, session.program(graph).variables)
    assert [name for _, name in named] == ["a_count", "weights"]


def test_slots_of_a_named_gradient_are_told_by_their_names():
    with tf.Graph().as_default():
        table = tf1.get_variable("table", initializer=np.ones((4, 2), np.float32))
        bias = tf1.get_variable("bias", initializer=np.ones(2, np.float32))
        count = tf1.get_variable("count", initializer=0, trainable=False)
        loss = tf.reduce_sum(tf1.nn.embedding_lookup(table, [1, 1]) * bias)
        optimizer = tf1.train.AdamOptimizer(0.1)
        pairs = optimizer.compute_gradients(loss)
        train = optimizer.apply_gradients(pairs, count)
    move = session.train(train, loss, [pair for pair in pairs if pair[1] is table])
    assert set(move.seen["gradients"]) == {"table", "bias"}
    assert move.slots >= {f"{name}/Adam" for name in ("table", "bias")}
    assert move.slots <= {
        *(
            f"{name}/{slot}"
            for name in ("table", "bias")
            for slot in ("Adam", "Adam_1")
        ),
        *("beta1_power", "beta2_power"),
    }


def looked_up(optimizer, use_resource):
    """(train op, loss, what compute_gradients returned) of a table and of a bias."""
    table = tf1.get_variable(
        "table", initializer=np.ones((4, 2), np.float32), use_resource=use_resource
    )
    bias = tf1.get_variable("bias", initializer=np.ones(2, np.float32))
    rows = tf1.placeholder(tf.int32, [None], name="rows")
    loss = tf.reduce_sum(tf.square(tf1.nn.embedding_lookup(table, rows) * bias))
    pairs = optimizer.compute_gradients(loss)
    return optimizer.apply_gradients(pairs), loss, pairs


OF_ROWS = {
    "Adam": lambda: tf1.train.AdamOptimizer(0.1),
    "gradient descent": lambda: tf1.train.GradientDescentOptimizer(0.1),
    "momentum": lambda: tf1.train.MomentumOptimizer(0.1, 0.9),
    "Adagrad": lambda: tf1.train.AdagradOptimizer(0.1),
}


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("name", OF_ROWS)
def test_the_gradient_of_rows_is_found_as_compute_gradients_gave_it(name, use_resource):
    with tf.Graph().as_default():
        train, loss, pairs = looked_up(OF_ROWS[name](), use_resource)
        found, named = (session.train(train, loss, given) for given in (None, pairs))
        of_table, _ = pairs[0]
        received = found.seen["gradients"]["table"]
        assert received.values.op is of_table.values.op
        assert received.indices.op is of_table.indices.op
        assert set(found.seen["gradients"]) == {"table", "bias"}
        assert found.slots == named.slots


def test_rows_that_are_updated_by_hand_have_no_gradient_to_be_found():
    """What is scattered is no product of a gradient and a rate, or there are two."""
    with tf.Graph().as_default():
        for number, count in ((1, 1), (2, 2)):
            table = tf1.get_variable(
                f"table{number}",
                initializer=np.ones((4, 2), np.float32),
                use_resource=True,
            )
            values = table.sparse_read([0, 1])
            rows = values * values if count == 1 else values * 0.1
            updates_by_hand = [
                table.scatter_sub(tf.IndexedSlices(rows, tf.constant([0, 1])))
                for _ in range(count)
            ]
            with pytest.raises(ValueError, match=f"Received: table{number} .by "):
                session.train(tf.group(*updates_by_hand))


def test_beta_powers_of_rows_alone_are_slots():
    with tf.Graph().as_default():
        table = tf1.get_variable("table", initializer=np.ones((4, 2), np.float32))
        loss = tf.reduce_sum(tf.square(tf1.nn.embedding_lookup(table, [1, 1])))
        move = session.train(tf1.train.AdamOptimizer(0.1).minimize(loss), loss)
    powers = {"beta1_power", "beta2_power"}
    assert move.slots == {"table/Adam", "table/Adam_1", *powers}


def test_a_gradient_without_a_record_is_remembered_as_such():
    with tf.Graph().as_default():
        train, loss, _ = looked_up(OF_ROWS["Adam"](), True)
        move = session.train(train, loss, {"table": None})
    assert set(move.seen["gradients"]) == {"bias"}
    assert move.unrecorded == {"table"}


def sparse_inputs(kind):
    """(inputs of a sparse update, whether its rows were summed before)."""
    values, rows = tf.ones([3, 2]), tf.constant([1, 1, 0])
    unique, position = tf.unique(rows)
    summed = tf.math.unsorted_segment_sum(values, position, tf.size(unique))
    others, _ = tf.unique(tf.constant([2, 3]))
    return {
        "summed": (summed, unique, True),
        "by other rows": (summed, others, False),
        "scaled": (summed * 2.0, unique, False),
        "of no sum": (values, unique, False),
        "as they came": (values, rows, False),
    }[kind]


@pytest.mark.parametrize(
    "kind", ["summed", "by other rows", "scaled", "of no sum", "as they came"]
)
def test_rows_are_those_before_duplicates_were_summed(kind):
    with tf.Graph().as_default():
        gradient, indices, is_summed = sparse_inputs(kind)
        received = updates._gradient({"grad": gradient, "indices": indices})
        if is_summed:
            values, rows = gradient.op.inputs[0], indices.op.inputs[0]
        else:
            values, rows = gradient, indices
        assert received.values is values and received.indices is rows
        assert updates._gradient({"delta": gradient}) is gradient


def test_a_train_op_that_updates_nothing_is_told_which_ops_do():
    with tf.Graph().as_default() as graph:
        variables = [tf1.get_variable(f"w{n}", initializer=1.0) for n in range(4)]
        loss = tf.add_n([tf.square(variable) for variable in variables])
        for optimizer, expected in (
            (None, "no Apply op at all"),
            (tf1.train.GradientDescentOptimizer(0.1), ", ".join(
                f"GradientDescent/update_w{n}/ResourceApplyGradientDescent"
                for n in range(3)
            )),
        ):  # fmt: skip
            if optimizer:
                optimizer.minimize(loss)
            with pytest.raises(ValueError) as refused:
                updates.gradients_and_slots(graph, loss)
            assert str(refused.value).endswith(f"The graph updates by {expected}.")


def test_the_nearest_names_are_three_at_most():
    known = ["kernel", "kernel_1", "kernel_2", "kernel_3", "bias"]
    assert updates.nearest("kernel_0", known).count(", ") == 2
    assert updates.nearest("biases", known) == "bias"
    assert updates.nearest("gamma", known) == "none"
