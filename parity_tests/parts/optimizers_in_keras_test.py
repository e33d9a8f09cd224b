"""TF1's optimizers as Keras treats them: in fit, saved, copied, without gradients."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.pair.pair import Pair
from parity_tests.parts.optimizer_pairs import (
    BATCH,
    BY_NAME,
    as_tensors,
    examples,
    initial_values,
    kinds,
    new_model,
    new_optimizer,
    new_pair,
    new_twin,
    ordinary_problem,
    require_same,
)
from parity_tests.parts.optimizer_twins import saved_and_loaded
from parity_tests.parts.optimizers import PARTS
from tf1_graph.parts import optimizers as tf1_optimizers
from tf2_keras import training

KINDS = pytest.mark.parametrize("kind", kinds())
IN_FIT = [(part.name, 0) for part in PARTS] + [
    ("optimizers.Momentum", -3),
    ("optimizers.Adam", -1),
    ("optimizers.AdamW", 2),
]


@pytest.mark.parametrize(
    "part, sample",
    [pytest.param(part, sample, id=f"{part}-{sample}") for part, sample in IN_FIT],
)
def test_fit_is_that_of_tf1_also_after_saving_and_loading(part, sample, tmp_path):
    arguments = BY_NAME[part].samples[sample]
    # Saved in the midst of an accumulation by three.
    path = tmp_path / "model.keras"
    _, comparison = saved_and_loaded(part, arguments, 40, 22, path)
    comparison.require_agreement()


@pytest.mark.parametrize(
    "kind", ["optimizers.Adam", "a schedule and a clip", "an accumulation"]
)
def test_fit_counts_only_the_steps_that_it_takes(kind):
    """A data set that does not know its length has one more step begun at its end.

    Keras's own optimizers count that one, at the end of every epoch.
    """

    def batches():
        for _ in range(6):
            yield np.ones((4, 2), np.int32), np.ones((4, 1), np.float32)

    specs = tf.TensorSpec([None, 2], tf.int32), tf.TensorSpec([None, 1])
    model = new_model(kind)
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(
            tf.data.Dataset.from_generator(batches, output_signature=specs),
            epochs=3,
            verbose=0,
        )
    optimizer = model.optimizer
    applied = 18 // (optimizer.accumulation_steps or 1)
    assert optimizer.iterations.numpy() == applied
    if optimizer.accumulation_steps:
        assert optimizer._summed.numpy() == 0
    _, others = optimizer.tf1_slots()
    for name, power in others.items():
        beta = np.float32(getattr(optimizer, name.removesuffix("_power")))
        expected = functools.reduce(np.multiply, [beta] * (applied + 1))
        assert power.numpy() == expected


REFUSES_XLA = r"Received: jit_compile=True\. Use"


@KINDS
def test_xla_is_refused_before_anything_changes(kind):
    values, (batch,) = ordinary_problem(1)
    del values["table"], batch["table values"], batch["table indices"]
    played = new_twin(kind, (values, [batch]))
    before = played.values()
    compiled = tf.function(played.moves["train"], jit_compile=True)
    with pytest.raises(NotImplementedError, match=REFUSES_XLA):
        compiled(**as_tensors(batch))
    require_same(before, played.values())


def test_xla_is_refused_in_fit_before_anything_changes():
    model = new_model("optimizers.Adam", jit_compile=True)
    with pytest.raises(NotImplementedError, match=REFUSES_XLA):
        model.fit(*examples(2), batch_size=BATCH, verbose=0)
    require_same(
        initial_values(),
        dict(zip(("table", "kernel"), model.get_weights(), strict=True)),
    )
    assert model.optimizer.iterations.numpy() == 0


@KINDS
def test_a_configuration_makes_the_same_optimizer_again(kind):
    part, arguments = kinds()[kind]
    values, batches = problem = ordinary_problem(4)
    moves = tf1_optimizers.moves(arguments, batches)
    original = new_optimizer(kind)
    for copy in (
        type(original).from_config(original.get_config()),
        keras.optimizers.deserialize(keras.optimizers.serialize(original)),
    ):
        assert copy.get_config() == original.get_config()
        with new_pair(part, arguments, problem, copy) as pair:
            pair.compare(moves, "eager", values).require_agreement()


@KINDS
def test_no_gradients_change_nothing(kind):
    optimizer = new_optimizer(kind)
    played = new_twin(kind, ordinary_problem(1), optimizer=optimizer)
    before = played.values()
    optimizer.apply([], [])
    new_optimizer(kind).apply([])  # not even built
    require_same(before, played.values())


@KINDS
def test_gradients_that_are_all_none_are_refused(kind):
    played = new_twin(kind, ordinary_problem(1))
    before = played.values()
    with pytest.raises(ValueError, match="No gradients provided"):
        played.moves["train"]()  # of nothing that is fed
    require_same(before, played.values())


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@KINDS
def test_a_variable_without_gradient_stays_and_the_others_move(kind):
    part, arguments = kinds()[kind]
    if "gradient_accumulation_steps" in arguments:
        pytest.skip("TF1 programs made sums of what has gradients only")
    values, batches = ordinary_problem(3)
    for batch in batches:
        del batch["bias"]
    with new_pair(part, arguments, (values, batches)) as pair:
        # TF1 makes no slots for it. Its average moves with the others', to where it is.
        idle = {name for name in pair.twin.state if name.startswith("bias/")}
        idle.discard("bias/ExponentialMovingAverage")
        slots = {name: pair.twin.state.pop(name) for name in idle}
        initial = {name: slot.numpy() for name, slot in slots.items()}
        records = []
        moves = tf1_optimizers.moves(arguments, batches)
        pair.compare(
            moves, "eager", values, on_candidate=records.append
        ).require_agreement()
    for name, slot in slots.items():
        np.testing.assert_array_equal(slot.numpy(), initial[name], strict=True)
    bias = records[-1]["updates"]["bias"]
    np.testing.assert_array_equal(bias, values["bias"], strict=True)


@KINDS
def test_plain_tensorflow_variables_are_updated_alike(kind):
    part, arguments = kinds()[kind]
    values, batches = problem = ordinary_problem(3)
    with Pair(
        tf1_optimizers.program(part, arguments, problem),
        new_twin(kind, problem, variable=tf.Variable),
    ) as pair:
        moves = tf1_optimizers.moves(arguments, batches)
        pair.compare(moves, "eager", values).require_agreement()


def test_a_loss_scale_that_is_a_power_of_two_changes_nothing():
    values, batches = ordinary_problem(4)
    del values["table"]  # Keras makes dense gradients of the sparse ones it unscales
    batches = [{name: batch[name] for name in values} for batch in batches]
    moves = tf1_optimizers.moves({}, batches)
    *records, last = training.play(
        new_twin("optimizers.Adam", (values, batches)), moves
    )
    inner = new_optimizer("optimizers.Adam")
    wrapped = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1024.0)
    variables = [keras.Variable(value, name=name) for name, value in values.items()]

    @tf.function
    def step(gradients):
        wrapped.apply([gradient * 1024.0 for gradient in gradients], variables)
        return gradients

    def held():
        return {
            name: variable.numpy()
            for name, variable in zip(values, variables, strict=True)
        }

    for record, batch in zip([*records[1:], last], batches, strict=True):
        step([tf.constant(batch[name]) for name in values])
        require_same({name: record["updates"][name] for name in values}, held())
    before = held()
    step([tf.fill(value.shape, np.float32(np.inf)) for value in values.values()])
    require_same(before, held())
    assert inner.iterations.numpy() == 4
