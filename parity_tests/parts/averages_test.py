"""TF1's moving averages against compat.v1 graphs: alone, in optimizers, swapped in."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.parts import averages
from tf2_keras import tf1_semantics

(PART,) = averages.PARTS
Average = tf1_semantics.averages.ExponentialMovingAverage
FEWER = settings(max_examples=settings().max_examples // 2)
BOTH = pytest.mark.parametrize("num_updates", [False, True])


def averages_of_tf1(values, decay, num_updates, zero_debias=False):
    """Yields the average of a variable that holds values[0], then one after another."""
    with tf.Graph().as_default() as graph:
        variable = tf.compat.v1.get_variable("variable", initializer=values[0])
        fed = tf.compat.v1.placeholder(values[0].dtype, values[0].shape)
        global_step = tf.compat.v1.train.get_or_create_global_step()
        update = tf.group(variable.assign(fed).op, global_step.assign_add(1).op)
        average = PART.reference(
            decay, global_step if num_updates else None, zero_debias
        )
        with tf.control_dependencies([update]):
            update = average.apply([variable])
        value = average.average(variable)
        initialise = tf.compat.v1.global_variables_initializer()
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        yield {"initial values": {"average": session.run(value)}}
        for one in values[1:]:
            session.run(update, {fed: one})
            yield {"updates": {"average": session.run(value)}}


def averages_of_twin(average, values, level):
    """Yields the same, of a Keras variable."""
    variable = keras.Variable(values[0], dtype=values[0].dtype.name)
    average.build([variable])

    def update(value, step):
        variable.assign(value)
        average.update(step)
        return value

    if level == "function":
        update = tf.function(update)
    yield {"initial values": {"average": average.average(variable).numpy()}}
    for step, one in enumerate(values[1:], 1):
        update(tf.constant(one), tf.constant(step, tf.int64))
        yield {"updates": {"average": average.average(variable).numpy()}}


@FEWER
@given(data=st.data())
def test_averages_are_those_of_tf1(data):
    dtype = data.draw(st.sampled_from(["float32", "float64", "float16"]))
    shape = data.draw(st.sampled_from([(), (3,), (65,), (2, 3)]))
    values = [
        np.asarray(data.draw(strategies.arrays(shape, dtype)))
        for _ in range(data.draw(st.integers(2, 4)))
    ]
    values += values[::-1] * 3
    arguments = data.draw(PART.arguments)
    # TF1 ignored it for variables.
    zero_debias = data.draw(st.booleans())
    expected = list(averages_of_tf1(values, **arguments, zero_debias=zero_debias))
    for level in ("function", "eager"):
        average = Average(**arguments, zero_debias=zero_debias)
        comparison = compare_plays(expected, averages_of_twin(average, values, level))
        comparison.require_agreement()
        assert comparison.records == len(values)


@pytest.mark.parametrize("zero_debias", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", ["function", "eager"])
def test_averages_of_tensors_are_those_of_tf1(zero_debias, dtype, level):
    losses = np.random.RandomState(0).standard_normal(20).astype(dtype)
    with tf.Graph().as_default() as graph:
        fed = tf.compat.v1.placeholder(dtype, [])
        loss = fed * 2
        reference = PART.reference(0.9, zero_debias=zero_debias)
        update = reference.apply([loss])
        value = reference.average(loss)
        initialise = tf.compat.v1.global_variables_initializer()
    average = Average(0.9, zero_debias=zero_debias)
    average.build([tf.TensorSpec([], dtype, name="loss")])

    def step(loss):
        average.update(values=[loss * 2])
        return loss

    if level == "function":
        step = tf.function(step)
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        for one in losses:
            session.run(update, {fed: one})
            step(tf.constant(one))
            assert average.averages[0].numpy() == session.run(value)
    assert len(average.variables) == (3 if zero_debias else 1)


def problem():
    random = np.random.RandomState(0)
    x = random.standard_normal((24, 5)).astype(np.float32)
    y = random.standard_normal((24, 2)).astype(np.float32)
    return x, y, random.standard_normal((5, 2)).astype(np.float32)


def trained_by_tf1(num_updates):
    """Yields weights and average after each step; then the loss with the average."""
    x, y, start = problem()
    with tf.Graph().as_default() as graph:
        inputs = tf.compat.v1.placeholder(tf.float32, [None, 5])
        target = tf.compat.v1.placeholder(tf.float32, [None, 2])
        weights = tf.compat.v1.get_variable("weights", initializer=start)
        loss = tf.reduce_sum(tf.square(tf.matmul(inputs, weights) - target))
        global_step = tf.compat.v1.train.get_or_create_global_step()
        train = tf.compat.v1.train.AdamOptimizer(0.1).minimize(loss, global_step)
        average = PART.reference(0.9, global_step if num_updates else None)
        with tf.control_dependencies([train]):
            train = average.apply([weights])
        state = {"weights": weights, "average": average.average(weights)}
        swap = weights.assign(state["average"])
        initialise = tf.compat.v1.global_variables_initializer()
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        for step in range(6):
            batch = slice(4 * step, 4 * step + 4)
            session.run(train, {inputs: x[batch], target: y[batch]})
            yield {"updates": session.run(state)}
        # What restoring variables_to_restore() did.
        session.run(swap)
        yield {"loss": {"evaluated": session.run(loss, {inputs: x[:4], target: y[:4]})}}


def new_model(average, **arguments):
    _, _, start = problem()
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(
                2,
                use_bias=False,
                kernel_initializer=lambda _, dtype: tf.constant(start, dtype),
            ),
        ]
    )
    optimizer = tf1_semantics.optimizers.Adam(0.1, moving_average=average, **arguments)
    model.compile(
        optimizer,
        lambda target, output: tf.reduce_sum(tf.square(output - target)),
        jit_compile=False,
    )
    return model


def fit(model, keep=None, examples=slice(None)):
    x, y, _ = problem()
    model.fit(
        x[examples],
        y[examples],
        batch_size=4,
        shuffle=False,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda *_, **__: keep and keep()
            )
        ],
    )


@BOTH
def test_an_optimizer_in_fit_averages_as_tf1_and_evaluates_with_the_average(
    num_updates,
):
    average = Average(0.9, num_updates)
    model = new_model(average)
    (weights,) = model.trainable_variables
    states = []
    fit(
        model,
        lambda: states.append(
            {
                "updates": {
                    "weights": weights.numpy(),
                    "average": average.average(weights).numpy(),
                }
            }
        ),
    )
    x, y, _ = problem()
    trained = weights.numpy()
    with average.swapped_in():
        output = tf.function(model)(x[:4])
        evaluated = tf.function(lambda a, b: tf.reduce_sum(tf.square(a - b)))(
            output, y[:4]
        )
        loss = model.evaluate(x[:4], y[:4], verbose=0)
    states.append({"loss": {"evaluated": evaluated.numpy()}})
    comparison = compare_plays(list(trained_by_tf1(num_updates)), states)
    comparison.require_agreement()
    assert comparison.records == 7
    assert loss == pytest.approx(float(evaluated))
    np.testing.assert_array_equal(weights.numpy(), trained)


@BOTH
def test_a_loaded_model_goes_on_as_if_never_saved(num_updates, tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    model.compile(
        tf1_semantics.optimizers.Momentum(
            0.01, 0.9, moving_average=Average(0.99, num_updates)
        ),
        "mse",
        jit_compile=False,
    )
    fit(model, examples=slice(0, 12))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        fit(one, examples=slice(12, 24))
    expected, received = (
        [*one.variables, *one.optimizer.variables] for one in (model, loaded)
    )
    for one, other in zip(expected, received, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    for one in (model, loaded):
        held = one.optimizer.moving_average.averages
        assert all(
            any(average is v for v in one.optimizer.variables) for average in held
        )
        assert not np.array_equal(held[0].numpy(), one.trainable_variables[0].numpy())


def test_averages_built_inside_a_function_start_at_the_initial_values():
    weights = keras.Variable(np.float32([1.0, 2.0]))
    average = Average(0.75)
    optimizer = tf1_semantics.optimizers.Momentum(1.0, 0.0, moving_average=average)

    @tf.function
    def step(gradient):
        optimizer.apply([gradient], [weights])
        return gradient

    step(tf.constant([1.0, 1.0]))
    np.testing.assert_array_equal(average.average(weights).numpy(), [0.75, 1.75])
    np.testing.assert_array_equal(weights.numpy(), [0.0, 1.0])


def test_averages_move_only_when_accumulated_gradients_are_applied():
    average = Average(0.9, num_updates=True)
    model = new_model(average, gradient_accumulation_steps=3)
    (weights,) = model.trainable_variables
    _, _, start = problem()
    kept = []
    fit(model, lambda: kept.append(average.average(weights).numpy()))
    for batch in (0, 1, 3, 4):
        np.testing.assert_array_equal(kept[batch], kept[batch - 1] if batch else start)
    # n is 1 and 2: decay is 2 / 11 and 3 / 12.
    assert not np.array_equal(kept[2], start) and not np.array_equal(kept[5], kept[2])
    decay = np.float32(3) / np.float32(12)
    np.testing.assert_array_equal(
        kept[5], kept[2] - (kept[2] - weights.numpy()) * (np.float32(1) - decay)
    )


def built():
    weights = keras.Variable(np.float32([1.0, 2.0]))
    average = Average(0.5)
    average.build([weights])
    weights.assign([3.0, 4.0])
    average.update()
    return weights, average


def test_what_was_swapped_comes_back_even_if_the_body_raises():
    weights, average = built()
    with pytest.raises(KeyError), average.swapped_in():
        np.testing.assert_array_equal(weights.numpy(), [2.0, 3.0])
        raise KeyError
    np.testing.assert_array_equal(weights.numpy(), [3.0, 4.0])
    np.testing.assert_array_equal(average.average(weights).numpy(), [2.0, 3.0])
    with average.swapped_in():  # and once more
        np.testing.assert_array_equal(weights.numpy(), [2.0, 3.0])
    np.testing.assert_array_equal(weights.numpy(), [3.0, 4.0])


def nested(_weights, average):
    with average.swapped_in(), average.swapped_in():
        pass


def updated_while_swapped(_weights, average):
    with average.swapped_in():
        average.update()


def swapped_in_a_function(_weights, average):
    @tf.function(autograph=False)
    def function():
        with average.swapped_in():
            pass

    function()


MISUSES = {
    nested: "swapped_in must not be nested in itself",
    updated_while_swapped: "update must not be called while the averages are swapped in",
    swapped_in_a_function: "swapped_in must be called eagerly",
    lambda weights, average: average.build(
        [weights]
    ): "moving_average must be an object of its own for every optimizer",
    lambda *_: Average(0.5).update(): "update must come after build",
    lambda weights, _: Average(0.5).average(weights): "average must come after build",
    lambda _, average: average.update(1, [0.5]): "values must be a list of 0",
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse_is_told_and_changes_nothing(misuse):
    weights, average = built()
    with pytest.raises(ValueError) as caught:
        misuse(weights, average)
    message = str(caught.value)
    assert message.startswith(MISUSES[misuse]) and ". Received: " in message
    np.testing.assert_array_equal(weights.numpy(), [3.0, 4.0])
    np.testing.assert_array_equal(average.average(weights).numpy(), [2.0, 3.0])


def test_a_step_is_asked_for_where_it_is_needed():
    average = Average(0.5, num_updates=True)
    average.build([keras.Variable(np.float32(1.0))])
    with pytest.raises(ValueError, match=r"^step must be given .*Received: None\. Use"):
        average.update()


def test_plain_tensorflow_variables_are_averaged_too():
    weights = tf.Variable([1.0, 2.0])
    average = Average(0.5)
    average.build([weights])
    weights.assign([3.0, 4.0])
    average.update()
    np.testing.assert_array_equal(average.average(weights).numpy(), [2.0, 3.0])
    assert average.average(tf.Variable(1.0)) is None


class FromTheFirstUpdate(Average):
    """Starts from the value after the first update, as Keras does."""

    def update(self, step=None, values=()):
        if int(step) == 1:
            self.averages[0].assign(self.averaged[0])
        super().update(step, values)


class OneUpdateLate(Average):
    def update(self, step=None, values=()):
        super().update(step - 1, values)


@pytest.mark.parametrize("faulty", [FromTheFirstUpdate, OneUpdateLate])
def test_planted_faults_are_found(faulty):
    values = list(np.random.RandomState(0).standard_normal((5, 3)).astype(np.float32))
    expected = list(averages_of_tf1(values, 0.99, True))
    compare_plays(
        expected, averages_of_twin(Average(0.99, True), values, "eager")
    ).require_agreement()
    with pytest.raises(AssertionError):
        compare_plays(
            expected, averages_of_twin(faulty(0.99, True), values, "eager")
        ).require_agreement()
