"""TF1's cells and loops as Keras layers: claims against compat.v1 graphs."""

import contextlib
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parity_tests.engine import budgets, strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.engine.ulps import normwise_error
from parity_tests.parts.recurrent import CELL_STRATEGIES
from parity_tests.parts.recurrent_runs import (
    Problem,
    Twin,
    cell_of_twin,
    initial_states,
    loop_of_tf1,
    loops_of_tf1,
    run_of_tf1,
)
from tf2_keras import tf1_semantics
from tf2_keras.tf1_semantics.recurrent import (
    BasicLSTMCell,
    BidirectionalDynamicRNN,
    DynamicRNN,
    GRUCell,
    LSTMCell,
    MultiRNNCell,
)

FEATURES = 3
DTYPES = ("float32", "float64", "float16")
LSTM = ("BasicLSTMCell", {"num_units": 4})
GRU = ("GRUCell", {"num_units": 4})
PEEPHOLES = ("LSTMCell", {"num_units": 4, "use_peepholes": True})
# Graphs of loops are slow to build: few examples, more in the other profiles.
FEW = settings(max_examples=max(2, settings.default.max_examples // 8))


def ordinary(*cells, time=23, lengths=(0, 5, 23, 7), dtype="float32", **options):
    """A problem of normal data, the same in every test."""
    batch = len(lengths) if lengths else 4
    x = np.random.RandomState(0).standard_normal((batch, time, FEATURES))
    lengths = np.array(lengths, np.int32) if lengths else None
    return Problem(cells, x.astype(dtype), lengths, **options)


@st.composite
def problems(draw, *cells):
    """Problems of awkward data; some with lengths, of which some are 0 or full."""
    dtype = draw(st.sampled_from(DTYPES))
    batch, time = draw(st.integers(1, 5)), draw(st.sampled_from([1, 2, 3, 7, 24]))
    time_major = draw(st.booleans())
    shape = (time, batch, FEATURES) if time_major else (batch, time, FEATURES)
    lengths = draw(
        st.none() | st.lists(st.integers(0, time), min_size=batch, max_size=batch)
    )
    if lengths is not None:
        lengths = np.array(lengths, draw(st.sampled_from([np.int32, np.int64])))
    return Problem(
        cells,
        draw(strategies.arrays(shape, dtype=dtype, magnitude=10.0)),
        lengths,
        time_major,
        draw(st.booleans()),
        draw(st.integers(0, 2**31)),
    )


def require_parity(problem, levels=("function", "eager"), steps=1, cells=None):
    """Fails unless both sides agree to the bit: outputs, states, gradients."""
    of_tf1 = list(run_of_tf1(problem, steps))
    for level in levels:
        twin = Twin(problem, cells)
        comparison = compare_plays(of_tf1, twin.run(level, steps))
        comparison.require_agreement(reproduce=level)
        assert comparison.records == steps


@pytest.mark.parametrize("name", CELL_STRATEGIES)
@FEW
@given(data=st.data())
def test_cells_in_loops_are_those_of_tf1(name, data):
    problem = data.draw(problems((name, data.draw(CELL_STRATEGIES[name]))))
    # The second step finds the streams of dropouts where the first left them.
    require_parity(problem, steps=2)


# (cell, arguments, the options that bind): what an example may draw and never feel.
PROJECTED = {"num_units": 4, "num_proj": 3}
WRAPPED = {"cell": ("LSTMCell", PROJECTED), "seed": 3}
OPTIONS = [
    ("BasicRNNCell", {"num_units": 4}, {"activation": "relu"}),
    ("GRUCell", {"num_units": 4}, {"activation": "relu"}),
    ("BasicLSTMCell", {"num_units": 4}, {"forget_bias": 0.0}),
    ("LSTMCell", {"num_units": 4}, {"use_peepholes": True}),
    ("LSTMCell", {"num_units": 4}, {"cell_clip": 0.1}),
    ("LSTMCell", {"num_units": 4, "use_peepholes": True}, {"cell_clip": 0.1}),
    ("LSTMCell", PROJECTED, {"proj_clip": 0.05}),
    ("LSTMCell", {"num_units": 4}, {"forget_bias": -1.0}),
    ("DropoutWrapper", WRAPPED, {"input_keep_prob": 0.7}),
    ("DropoutWrapper", WRAPPED, {"output_keep_prob": 0.7}),
    ("DropoutWrapper", WRAPPED, {"state_keep_prob": 0.7}),
    ("DropoutWrapper", {**WRAPPED, "fed": True}, {"state_keep_prob": 0.7}),
]


@pytest.mark.parametrize(
    "name, arguments, options",
    [
        pytest.param(*case, id="-".join([case[0], *case[2], *list(case[1])[1:]]))
        for case in OPTIONS
    ],
)
def test_every_option_that_binds_is_that_of_tf1(name, arguments, options):
    with_options = ordinary((name, {**arguments, **options}), time=7, lengths=(0, 5, 7))
    without = ordinary((name, arguments), time=7, lengths=(0, 5, 7))
    (bound,), (free,) = run_of_tf1(with_options), run_of_tf1(without)
    output = "output or state 0"
    assert not np.array_equal(bound["loss"][output], free["loss"][output])
    for option in {"cell_clip", "proj_clip"} & set(options):
        clipped = bound["loss"][f"output or state {option == 'cell_clip':d}"]
        assert (np.abs(clipped) == np.float32(options[option])).any()
    require_parity(with_options, levels=["function"])


@FEW
@given(problem=problems(LSTM, GRU))
@example(ordinary(PEEPHOLES, PEEPHOLES))
def test_both_directions_are_those_of_tf1(problem):
    require_parity(problem)


@pytest.mark.parametrize("lengths", [None, (0, 5, 23, 7)], ids=["full", "lengths"])
@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(PEEPHOLES, id="peepholes"),
        pytest.param(
            (
                "MultiRNNCell",
                {
                    "cells": [
                        LSTM,
                        GRU,
                        ("ResidualWrapper", {"cell": GRU}),
                        ("ResidualWrapper", {"cell": PEEPHOLES}),
                    ]
                },
            ),
            id="stack",
        ),
        pytest.param(
            (
                "DropoutWrapper",
                {
                    "cell": ("MultiRNNCell", {"cells": [LSTM, GRU]}),
                    "state_keep_prob": 0.8,
                    "output_keep_prob": 0.5,
                    "seed": 7,
                },
            ),
            id="dropout-around-a-stack",
        ),
    ],
)
def test_tensors_with_three_gradients_add_them_in_the_order_of_tf1(cell, lengths):
    """Grappler sorts the inputs of a sum by name, over 23 steps here."""
    require_parity(ordinary(cell, lengths=lengths))


@pytest.mark.parametrize("masked", [False, True], ids=["full", "masked"])
@pytest.mark.parametrize("spec", [LSTM, GRU, PEEPHOLES], ids=lambda spec: spec[0])
def test_cells_work_in_the_loop_of_keras(spec, masked):
    """Outputs and final state to the bit; the zeros past the end need the option."""
    problem = ordinary(spec, lengths=(1, 5, 23, 7) if masked else None)
    (of_tf1,) = run_of_tf1(problem)
    layer = keras.layers.RNN(
        cell_of_twin(spec), return_sequences=True, return_state=True,
        zero_output_for_mask=True,
    )  # fmt: skip
    layer.build((None, None, FEATURES))
    for weight, value in zip(
        layer.weights, of_tf1["initial values"].values(), strict=False
    ):
        weight.assign(value)
    # Open sizes, as in the graph: known ones let Grappler reorder more sums.
    specs = [
        tf.TensorSpec([None, None, FEATURES]),
        tf.TensorSpec([None, None], tf.bool),
    ]
    function = tf.function(
        lambda x, mask: layer(x, mask=mask if masked else None), input_signature=specs
    )
    lengths = problem.lengths if masked else np.full(4, 23)
    received = function(problem.x, np.arange(23) < lengths[:, None])
    expected = [value for key, value in of_tf1["loss"].items() if key != "loss"]
    for one, other in zip(expected, tf.nest.flatten(received), strict=True):
        assert one.tobytes() == other.numpy().tobytes()


@pytest.mark.parametrize("level", ["function", "eager"])
@pytest.mark.parametrize(
    "spec",
    [("BasicRNNCell", {"num_units": 4}), LSTM, GRU, PEEPHOLES],
    ids=lambda spec: spec[0],
)
def test_cells_work_alone(spec, level):
    problem = ordinary(spec, time=1, lengths=None, initial=True)
    (of_tf1,) = run_of_tf1(problem)
    cell = cell_of_twin(spec)
    (state,) = tf.nest.map_structure(tf.constant, initial_states(problem))
    cell.build((None, FEATURES))
    for weight, value in zip(
        cell.weights, of_tf1["initial values"].values(), strict=False
    ):
        weight.assign(value)
    step = cell
    if level == "function":
        specs = tf.nest.map_structure(
            lambda one: tf.TensorSpec([None, one.shape[1]]), state
        )
        step = tf.function(
            cell, input_signature=[tf.TensorSpec([None, FEATURES]), specs]
        )
    output, state = step(tf.constant(problem.x[:, 0]), state)
    expected = [value for key, value in of_tf1["loss"].items() if key != "loss"]
    expected[0] = expected[0][:, 0]
    received = [one.numpy() for one in [output, *tf.nest.flatten(state)]]
    # An LSTM has a split behind its bias, so that nothing is fused.
    budget = (
        budgets.budget_for(f"recurrent.{spec[0]}", level)("loss", None).normwise or 0
    )
    errors = [normwise_error(*pair) for pair in zip(expected, received, strict=True)]
    assert max(errors) <= budget
    assert (max(errors) > 0) == (budget > 0)


FAULTS = {
    "gates in the order of Keras": ("kernel", lambda kernel: np.concatenate(
        [np.split(kernel, 4, -1)[gate] for gate in (0, 2, 1, 3)], -1
    )),
    "a transposed state": ("kernel", lambda kernel: np.concatenate(
        [kernel[FEATURES:], kernel[:FEATURES]]
    )),
    "forget_bias in the weights as well": ("bias", lambda bias: bias + np.repeat(
        [0, 0, 1, 0], len(bias) // 4
    ).astype(bias.dtype)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_weights_are_found(fault):
    problem = ordinary(LSTM, time=5, lengths=(0, 5, 2))
    (of_tf1,) = run_of_tf1(problem)
    twin = Twin(problem)
    name, spoil = FAULTS[fault]
    weight = twin.weights[f"rnn/basic_lstm_cell/{name}"]
    weight.assign(spoil(weight.numpy()))
    (of_twin,) = twin.run()
    of_twin["initial values"] = of_tf1["initial values"]
    with pytest.raises(AssertionError, match="values differ|loss"):
        compare_plays([of_tf1], [of_twin]).require_agreement()


class RenamedCell(LSTMCell):
    """A cell whose ops' names sort before those of the loop, as TF1's did not."""

    scope = "Another"

    def tf1_weights(self):
        return {
            name.replace(self.scope, LSTMCell.scope): weight
            for name, weight in super().tf1_weights().items()
        }


def test_names_of_ops_decide_over_the_last_bits():
    problem = ordinary(PEEPHOLES)
    with pytest.raises(AssertionError, match="gradients"):
        require_parity(
            problem, levels=["function"], cells=[RenamedCell(4, use_peepholes=True)]
        )


class LateLoop(DynamicRNN):
    """Counts lengths from one."""

    def _loop(self, inputs, state, sequence_length=None, training=False):
        return super()._loop(inputs, state, sequence_length + 1, training)


def test_a_loop_that_ends_one_step_late_is_found(monkeypatch):
    monkeypatch.setattr(tf1_semantics.recurrent, "DynamicRNN", LateLoop)
    with pytest.raises(AssertionError, match="output or state"):
        require_parity(ordinary(GRU, time=5, lengths=(0, 2, 4)))


# Training.
CLASSES, UNITS, BATCH, STEPS = 3, 6, 8, 32
OPTIMIZERS = {
    "Momentum": (
        lambda: tf.compat.v1.train.MomentumOptimizer(0.1, 0.9),
        lambda: tf1_semantics.optimizers.Momentum(0.1, 0.9),
    ),
    "Adam": (
        lambda: tf.compat.v1.train.AdamOptimizer(0.01),
        lambda: tf1_semantics.optimizers.Adam(0.01),
    ),
}


@functools.cache
def examples():
    """(x [examples, time, features], lengths, labels): the last batch is short."""
    random = np.random.RandomState(0)
    count = BATCH * STEPS - 3
    x = random.standard_normal((count, 21, FEATURES)).astype(np.float32)
    lengths = random.randint(22, size=count).astype(np.int32)
    return x, lengths, random.randint(CLASSES, size=count)


def batches():
    for start in range(0, len(examples()[0]), BATCH):
        yield [array[start : start + BATCH] for array in examples()]


@functools.cache
def training_of_tf1(optimizer):
    """[{"initial values"}, {"loss", "updates"}, ...] of a classifier of sequences."""
    with tf.Graph().as_default() as graph, loops_of_tf1():
        x = tf.compat.v1.placeholder(tf.float32, [None, None, FEATURES])
        lengths = tf.compat.v1.placeholder(tf.int32, [None])
        labels = tf.compat.v1.placeholder(tf.int64, [None])
        problem = Problem((("BasicLSTMCell", {"num_units": UNITS}),), None)
        initial = tf.compat.v1.glorot_uniform_initializer(seed=5)
        with tf.compat.v1.variable_scope("classifier", initializer=initial):
            _, (_, h) = loop_of_tf1(problem, x, lengths, [None])
            w = tf.compat.v1.get_variable("w", [UNITS, CLASSES])
            b = tf.compat.v1.get_variable("b", initializer=tf.zeros([CLASSES]))
        logits = tf.matmul(h, w) + b
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        )
        train = OPTIMIZERS[optimizer][0]().minimize(loss)
        variables = tf.compat.v1.trainable_variables()
        names = [one.op.name.removeprefix("classifier/") for one in variables]
        initialise = tf.compat.v1.global_variables_initializer()
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        records = [
            {"initial values": dict(zip(names, session.run(variables), strict=False))}
        ]
        for batch in batches():
            feed = dict(zip((x, lengths, labels), batch, strict=False))
            value, _ = session.run([loss, train], feed)
            updates = dict(zip(names, session.run(variables), strict=False))
            records.append({"loss": {"loss": value}, "updates": updates})
    return records


@keras.saving.register_keras_serializable("parity_tests")
class CrossEntropy(keras.losses.Loss):
    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "reduction": None})

    def call(self, labels, logits):
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=tf.cast(labels, tf.int64), logits=logits
            )
        )


def classifier():
    """(Keras model of two inputs, {TF1's name: weight})."""
    initial = tf1_semantics.initializers.GlorotUniform(seed=5)
    x = keras.Input((None, FEATURES))
    lengths = keras.Input((), dtype="int32")
    cell = BasicLSTMCell(UNITS, kernel_initializer=initial)
    loop = DynamicRNN(cell)
    _, (_, h) = loop(x, sequence_length=lengths)
    dense = keras.layers.Dense(CLASSES, use_bias=False, kernel_initializer=initial)
    bias = tf1_semantics.layers.AddBias()
    model = keras.Model([x, lengths], bias(dense(h)))
    return model, {**loop.tf1_weights(), "w": dense.kernel, "b": bias.bias}


def values(weights):
    return {name: weight.numpy() for name, weight in weights.items()}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("level", ["function", "eager"])
def test_a_classifier_is_trained_as_in_tf1(level, optimizer):
    model, weights = classifier()
    keras_optimizer = OPTIMIZERS[optimizer][1]()
    keras_optimizer.build(model.trainable_variables)

    def step(x, lengths, labels):
        with tf.GradientTape() as tape:
            loss = CrossEntropy()(labels, model([x, lengths], training=True))
        variables = model.trainable_variables
        gradients = tape.gradient(loss, [one.value for one in variables])
        keras_optimizer.apply(gradients, variables)
        return loss

    if level == "function":
        specs = [
            tf.TensorSpec([None, None, FEATURES]),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None], tf.int64),
        ]
        step = tf.function(step, input_signature=specs, autograph=False)

    def run():
        yield {"initial values": values(weights)}
        for batch in batches():
            loss = step(*map(tf.constant, batch))
            yield {"loss": {"loss": loss.numpy()}, "updates": values(weights)}

    comparison = compare_plays(training_of_tf1(optimizer), run())
    comparison.require_agreement()
    assert comparison.records == STEPS + 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_classifier_is_fitted_as_in_tf1(optimizer):
    model, weights = classifier()
    model.compile(OPTIMIZERS[optimizer][1](), CrossEntropy(), jit_compile=False)
    records = [{"initial values": values(weights)}]
    after = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda *_, **__: records.append({"updates": values(weights)})
    )
    x, lengths, labels = examples()
    model.fit(
        [x, lengths],
        labels,
        batch_size=BATCH,
        shuffle=False,
        verbose=0,
        callbacks=[after],
    )
    of_tf1 = [
        {key: value for key, value in record.items() if key != "loss"}
        for record in training_of_tf1(optimizer)
    ]
    assert len(records) == STEPS + 1
    compare_plays(of_tf1, records).require_agreement()


# Keras 3 writes a TensorFlow variable as NumPy 1 would.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_saved_model_goes_on_as_if_never_saved(tmp_path):
    """Its weights, its lengths, and the streams of its dropouts."""
    x = keras.Input((None, FEATURES))
    lengths = keras.Input((), dtype="int32")
    cell = cell_of_twin(
        ("DropoutWrapper", {"cell": LSTM, "input_keep_prob": 0.5, "seed": (1, 2)})
    )
    (forward, backward), states = BidirectionalDynamicRNN(
        MultiRNNCell([cell, GRUCell(3)]), LSTMCell(3, num_proj=2)
    )(x, sequence_length=lengths)
    model = keras.Model([x, lengths], [forward, backward, *tf.nest.flatten(states)])
    arguments = [tf.constant(examples()[0][:4]), tf.constant(examples()[1][:4])]
    first = model(arguments, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    second, of_loaded = (one(arguments, training=True) for one in (model, loaded))
    assert np.any(first[0] != second[0])
    for one, other in zip(second, of_loaded, strict=True):
        np.testing.assert_array_equal(one, other)


def test_evaluating_neither_drops_nor_moves_a_stream():
    spec = ("DropoutWrapper", {"cell": LSTM, "output_keep_prob": 0.5, "seed": 3})
    layer = DynamicRNN(cell_of_twin(spec))
    x = tf.ones([2, 5, FEATURES])
    outputs, _ = layer(x)
    assert np.all(outputs.numpy() != 0)
    assert [int(one) for one in layer.non_trainable_weights] == [0]
    layer(x, training=True)
    # TF1's kernel reserves 256 numbers an element, at each of the 5 steps.
    assert [int(one) for one in layer.non_trainable_weights] == [5 * 2 * 4 * 256]


def test_masks_do_not_depend_on_what_else_is_drawn_or_traced():
    spec = ("DropoutWrapper", {"cell": LSTM, "state_keep_prob": 0.5, "seed": 3})
    runs = []
    for seed, traced in ((1, False), (2, True)):
        keras.utils.set_random_seed(seed)
        twin = Twin(ordinary(spec, time=4))
        step = tf.function(twin.layer) if traced else twin.layer
        x = tf.constant(twin.problem.x)
        runs.append([step(x[:size], training=True)[0].numpy() for size in (4, 2, 3)])
    for one, other in zip(*runs, strict=True):
        assert one.tobytes() == other.tobytes()


# Bad input.


def a_layer(**options):
    return DynamicRNN(BasicLSTMCell(2), **options)


X = np.ones((2, 5, FEATURES), np.float32)


@pytest.mark.parametrize(
    "x, options, message",
    [
        (
            X,
            {"sequence_length": np.array([5, 6])},
            r"sequence_length must be in \[0, 5\]",
        ),
        (X, {"sequence_length": np.array([-1, 5])}, r"sequence_length must be in"),
        (
            X,
            {"sequence_length": np.array([5])},
            r"sequence_length must be of the shape",
        ),
        (
            X,
            {"sequence_length": np.ones([2, 1], int)},
            r"must be of the shape \[batch\]",
        ),
        (X, {"sequence_length": 5}, r"sequence_length must be of the shape"),
        (X[0], {}, r"inputs must be of rank 3"),
        (X[..., None], {}, r"inputs must be of rank 3"),
        (
            X,
            {"initial_state": [np.zeros((2, 2), "f"), np.zeros((2, 3), "f")]},
            "states must",
        ),
        (X, {"initial_state": np.zeros((2, 2), np.float32)}, r"states must"),
    ],
)
@pytest.mark.parametrize("traced", [False, True], ids=["eager", "function"])
def test_shapes_and_lengths_that_are_known_are_refused(x, options, message, traced):
    layer = a_layer()
    call = functools.partial(layer, x, **options)
    with pytest.raises(
        ValueError, match=rf"{message}[^.]*\. Received: .*\. \w+ "
    ) as raised:
        tf.function(call)() if traced else call()
    assert "must" in str(raised.value)


@pytest.mark.parametrize(
    "lengths, message",
    [([1, 5, 6], "sequence_length must be in"), ([1, 5], "must be of the shape"),
     ([1, 5, -1], "sequence_length must be in")],
)  # fmt: skip
@pytest.mark.parametrize("loop", [DynamicRNN, BidirectionalDynamicRNN])
def test_lengths_known_only_when_run_are_refused_before_anything_changes(
    loop, lengths, message
):
    cells = [
        cell_of_twin(
            ("DropoutWrapper", {"cell": LSTM, "input_keep_prob": 0.5, "seed": seed})
        )
        for seed in range(1 if loop is DynamicRNN else 2)
    ]
    layer = loop(*cells)
    layer.build((None, None, FEATURES))
    optimizer = tf1_semantics.optimizers.Adam(0.1)
    optimizer.build(layer.trainable_variables)
    specs = [tf.TensorSpec([None, None, FEATURES]), tf.TensorSpec([None], tf.int32)]

    @functools.partial(tf.function, input_signature=specs, autograph=False)
    def step(x, lengths):
        with tf.GradientTape() as tape:
            outputs = layer(x, sequence_length=lengths, training=True)
            loss = tf.add_n([tf.reduce_sum(one) for one in tf.nest.flatten(outputs)])
        variables = layer.trainable_variables
        gradients = tape.gradient(loss, [one.value for one in variables])
        optimizer.apply(gradients, variables)
        return loss

    x = np.ones((3, 5, FEATURES), np.float32)
    step(x, np.array([0, 5, 3], np.int32))
    state = [*layer.variables, *optimizer.variables]
    before = [one.numpy() for one in state]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        step(x, np.array(lengths, np.int32))
    for one, other in zip(before, state, strict=False):
        np.testing.assert_array_equal(one, other.numpy())


def test_a_cell_refuses_states_of_another_shape():
    cell = GRUCell(3)
    x = tf.ones([2, FEATURES])
    for state in (tf.ones([2, 4]), [tf.ones([2, 3])] * 2, tf.ones([3])):
        with pytest.raises(
            ValueError, match=r"states must be of the shapes .*Received"
        ):
            cell(x, state)
    with pytest.raises(ValueError, match=r"inputs must be of rank 2.*Received.*Use"):
        cell.build((None, 5, FEATURES))


def test_a_residual_cell_refuses_inputs_of_another_width():
    layer = DynamicRNN(tf1_semantics.recurrent.ResidualWrapper(GRUCell(FEATURES + 1)))
    with pytest.raises(
        ValueError, match=r"inputs must be as wide as the outputs, 4\. R"
    ):
        layer.build((None, None, FEATURES))


def test_dropout_is_refused_under_xla():
    spec = ("DropoutWrapper", {"cell": LSTM, "output_keep_prob": 0.5, "seed": 3})
    layer = DynamicRNN(cell_of_twin(spec))
    layer.build((None, None, FEATURES))
    compiled = tf.function(functools.partial(layer, training=True), jit_compile=True)
    with pytest.raises(NotImplementedError, match="jit_compile=False"):
        compiled(tf.ones([2, 5, FEATURES]))
