"""Claims about the seeds of a cell's dropouts: one for all of them, or one for each."""

import keras
import numpy as np
import pytest

from tf2_keras.tf1_semantics.recurrent import (
    BasicLSTMCell,
    DropoutWrapper,
    DynamicRNN,
    GRUCell,
    MultiRNNCell,
)

SHARES = {"input_keep_prob": 0.9, "output_keep_prob": 0.8, "state_keep_prob": 0.7}
# TF1 hashed the seed of a wrapper, 7 here, with these names. Source: _gen_seed.
OF_SEED_7 = {
    "input_0": (1, 1933561695),
    "state_1": (1, 839511211),
    "state_2": (1, 1787460112),
    "output_0": (1, 992545650),
}


def outputs(cell):
    """Of a stack, whose first tensor of state, an LSTM's memory, is never dropped."""
    loop = DynamicRNN(cell)
    x = np.random.RandomState(0).standard_normal((2, 5, 3)).astype(np.float32)
    loop.build(x.shape)
    for number, weight in enumerate(loop.trainable_weights):
        drawn = np.random.RandomState(number).standard_normal(weight.shape)
        weight.assign(drawn.astype(np.float32))
    return loop(x, training=True)[0].numpy()


def wrapper(seed, **options):
    stack = MultiRNNCell([BasicLSTMCell(4), GRUCell(3)])
    return DropoutWrapper(stack, **{**SHARES, **options}, seed=seed)


@pytest.mark.slow
def test_seeds_of_ops_are_those_that_a_wrapper_s_seed_gives():
    expected = outputs(wrapper((1, 7)))
    by_name = wrapper(OF_SEED_7)
    np.testing.assert_array_equal(outputs(by_name), expected, strict=True)
    again = DropoutWrapper.from_config(by_name.get_config())
    np.testing.assert_array_equal(outputs(again), expected, strict=True)
    for name in OF_SEED_7:
        received = outputs(wrapper({**OF_SEED_7, name: (1, 2)}))
        assert not np.array_equal(received, expected)


def test_a_model_with_seeds_of_ops_is_saved_and_loaded(tmp_path):
    inputs = keras.Input([5, 3])
    model = keras.Model(inputs, DynamicRNN(wrapper(OF_SEED_7))(inputs)[0])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.ones((2, 5, 3), np.float32)
    expected, received = (known(x, training=True) for known in (model, loaded))
    np.testing.assert_array_equal(received, expected, strict=True)


def test_a_dropout_without_a_seed_of_its_own_is_refused():
    for name in OF_SEED_7:
        few = {key: seed for key, seed in OF_SEED_7.items() if key != name}
        with pytest.raises(ValueError, match=f"^seed must be .*without {name}. Use "):
            wrapper(few)
    kept = {key: OF_SEED_7[key] for key in ("input_0", "output_0")}
    wrapper(kept, state_keep_prob=1.0)  # where nothing is dropped there is no op
    with pytest.raises(ValueError, match="^seed must be an int"):
        wrapper({**OF_SEED_7, "input_0": "one"})


@pytest.mark.parametrize("fed", [False, True])
def test_a_seed_of_no_dropout_is_refused(fed):
    with pytest.raises(ValueError, match=", 'state_0'. Use some of: input_0, "):
        wrapper({**OF_SEED_7, "state_0": (1, 2)}, fed=fed)
