"""TF1's moving averages beside TF1's programs: alone, in optimizers, swapped in."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.pair.pair import Pair
from parity_tests.parts import averages, optimizer_twins
from tf1_graph.parts import averages as tf1_averages
from tf1_graph.parts import optimizers as tf1_optimizers
from tf1_graph.parts.averages import PART
from tf2_keras import tf1_semantics, training

(DESCRIPTOR,) = averages.PARTS
Average = tf1_semantics.averages.ExponentialMovingAverage
FEWER = settings(max_examples=settings().max_examples // 2)
BOTH = pytest.mark.parametrize("num_updates", [False, True])


def new_pair(arguments, problem, **options):
    return Pair(
        tf1_averages.program(PART, arguments, problem),
        averages.twin(PART, arguments, problem, **options),
    )


@FEWER
@given(data=st.data())
def test_averages_are_those_of_tf1(data):
    """Of a variable, and of a tensor, whose average starts at zero."""
    dtype = data.draw(st.sampled_from(["float32", "float64", "float16"]))
    shape = data.draw(st.sampled_from([(), (3,), (65,), (2, 3)]))
    values = [
        np.asarray(data.draw(strategies.arrays(shape, dtype)))
        for _ in range(data.draw(st.integers(2, 4)))
    ]
    values += values[::-1] * 3
    arguments = data.draw(DESCRIPTOR.arguments)
    with new_pair(arguments, values) as pair:
        for level in ("function", "eager"):
            comparison = pair.compare(
                tf1_averages.moves(values), level, {"variable": values[0]}
            ).require_agreement()
            assert comparison.records == len(values)


def test_a_number_keeps_the_sign_of_its_zero():
    """TensorFlow keeps one tensor for equal numbers of Python, and -0.0 equals 0.0."""
    values = [np.asarray(sign) for sign in (0.0, -0.0, 0.0, -0.0)]
    for start in values:
        arguments = {"decay": 0.5, "num_updates": False, "zero_debias": False}
        with new_pair(arguments, [start] * 2) as pair:
            pair.compare(
                tf1_averages.moves([start] * 2), "eager", {"variable": start}
            ).require_agreement()


def in_an_optimizer(num_updates, **arguments):
    average = (PART, {"decay": 0.9, "num_updates": num_updates})
    return "optimizers.Adam", {
        "learning_rate": 0.1,
        "moving_average": average,
        **arguments,
    }


@BOTH
def test_an_optimizer_in_fit_averages_as_tf1_and_evaluates_with_the_average(
    num_updates,
):
    part, arguments = in_an_optimizer(num_updates)
    values, moves = tf1_optimizers.regression_problem(6)
    batch = moves[0][1]
    program = tf1_optimizers.regression(part, arguments)
    model = optimizer_twins.regression(part, arguments, values)
    twin = optimizer_twins.regression_twin(model)

    def trained_then_evaluated():
        yield from training.play(twin, moves, "fit", values)
        with model.optimizer.moving_average.swapped_in():
            y_pred = tf.function(model)(batch["x"])
            loss = model.evaluate(batch["x"], batch["y_true"], verbose=0)
        # The variables are what they were before.
        yield twin.record("evaluate", {"outputs": {"y_pred": y_pred}})
        assert loss == pytest.approx(
            float(optimizer_twins.mean_square(batch["y_true"], y_pred))
        )

    with Pair(program, twin) as pair:
        expected = pair.reference([*moves, ("evaluate", {"x": batch["x"]})], values)
        comparison = compare_plays(expected, trained_then_evaluated())
    comparison.require_agreement()
    assert comparison.records == len(moves) + 2


@BOTH
def test_averages_move_only_when_accumulated_gradients_are_applied(num_updates):
    part, arguments = in_an_optimizer(num_updates, gradient_accumulation_steps=3)
    values, moves = tf1_optimizers.regression_problem(7)
    moves = tf1_optimizers.moves(arguments, [batch for _, batch in moves])
    records = []
    with optimizer_twins.regression_pair(part, arguments, values) as pair:
        pair.compare(
            moves, "fit", values, on_candidate=records.append
        ).require_agreement()
    averaged = [
        record["updates"]["kernel/ExponentialMovingAverage"].tobytes()
        for record in records[1:]
    ]
    assert [now != before for before, now in itertools.pairwise(averaged)] == [
        False,
        True,
        False,
        False,
        True,
        False,
    ]


def test_an_average_starts_at_what_the_play_starts_with():
    """Also in a Session that has played before: its variables held something else."""
    problem = list(np.random.RandomState(0).standard_normal((4, 3)).astype(np.float32))
    moves, start = tf1_averages.moves(problem), {"variable": problem[0]}
    with new_pair({"decay": 0.9}, problem) as pair:
        assert len(pair.program.initialisers) == 2
        for _ in range(9):
            pair.compare(moves, "function", start).require_agreement()


@BOTH
def test_a_loaded_model_goes_on_as_tf1(num_updates, tmp_path):
    part, arguments = in_an_optimizer(num_updates)
    loaded, comparison = optimizer_twins.saved_and_loaded(
        part, arguments, steps=9, saved=4, path=tmp_path / "model.keras"
    )
    comparison.require_agreement()
    held = loaded.optimizer.moving_average.averages
    for average, variable in zip(held, loaded.trainable_variables, strict=True):
        assert any(average is known for known in loaded.optimizer.variables)
        assert not np.array_equal(average.numpy(), variable.numpy())


def test_averages_built_inside_a_function_start_at_the_initial_values():
    weights = keras.Variable(np.float32([1.0, 2.0]))
    average = Average(0.75)
    optimizer = tf1_semantics.optimizers.Momentum(1.0, 0.0, moving_average=average)

    @tf.function
    def step(gradient):
        optimizer.apply([gradient], [weights])
        return gradient

    step(tf.constant([1.0, 1.0]))
    require(average.average(weights), 0.75, 1.75)
    require(weights, 0.0, 1.0)


def require(tensor, *values):
    np.testing.assert_array_equal(tensor.numpy(), np.float32(values), strict=True)


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
        require(weights, 2.0, 3.0)
        raise KeyError
    require(weights, 3.0, 4.0)
    require(average.average(weights), 2.0, 3.0)
    with average.swapped_in():  # and once more
        require(weights, 2.0, 3.0)
    require(weights, 3.0, 4.0)


def nested(_, average):
    with average.swapped_in(), average.swapped_in():
        pass


def updated_while_swapped(_, average):
    with average.swapped_in():
        average.update()


def swapped_in_a_function(_, average):
    @tf.function(autograph=False)
    def function():
        with average.swapped_in():
            pass

    function()


MISUSES = {
    nested: "swapped_in must not be nested in itself",
    updated_while_swapped: "update must not be called while the averages are swapped in",
    swapped_in_a_function: "swapped_in must be called eagerly",
    lambda weights, average: average.build([weights]): (
        "moving_average must be an object of its own for every optimizer"
    ),
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
    require(weights, 3.0, 4.0)
    require(average.average(weights), 2.0, 3.0)


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
    require(average.average(weights), 2.0, 3.0)
    assert average.average(tf.Variable(1.0)) is None


def test_averages_are_named_after_what_they_average_and_are_not_trained():
    average = Average(0.5, zero_debias=True)
    average.build(
        [
            keras.Variable(np.float32(1.0), name="kernel"),
            tf.Variable(1.0, name="layer/bias"),
            tf.TensorSpec([], tf.float32),
            tf.TensorSpec([], tf.float32, name="loss"),
        ]
    )
    assert [variable.name for variable in average.variables] == [
        *("kernel_moving_average", "layer_bias_moving_average"),
        *("tensor_moving_average", "loss_moving_average"),
        *("tensor_biased", "tensor_local_step", "loss_biased", "loss_local_step"),
    ]
    assert not any(variable.trainable for variable in average.variables)
    for values in ([], [1.0], [1.0] * 3):
        with pytest.raises(ValueError, match=r"^values must be a list of 2, "):
            average.update(1, values)


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
    arguments = {"decay": 0.99, "num_updates": True}
    for average, agrees in ((None, True), (faulty(**arguments), False)):
        with new_pair(arguments, values, average=average) as pair:
            moves, start = tf1_averages.moves(values), {"variable": values[0]}
            assert pair.compare(moves, "eager", start).ok == agrees
