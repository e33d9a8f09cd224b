"""Claims about the Kerases that the project supports, and about 1.15 beside them."""

import keras
import pytest

from parity_tests.migrate import keras_range
from tf2_keras.migrate import catalogue

VERSION = tuple(int(number) for number in keras.__version__.split(".")[:2])
# {behaviour: {Keras from which on: what it gives}}; 1.15.5 gives RIGHT.
KNOWN = {
    "losses_of_two_batches": {(3, 8): [1, 5], (3, 15): [1, 9]},
    "tested_losses_of_two_batches": {(3, 8): [1, 5], (3, 15): [1, 9]},
    "losses_told_to_a_callback": {(3, 8): [1, 5], (3, 15): [1, 5]},
    "loss_with_weights_of_the_targets_rank": {(3, 8): [32.5], (3, 15): [32.5]},
}
# What TensorFlow 1.15.5 gave on the same numbers; it refuses weights of the targets' rank.
IN_1_15 = {
    "losses_of_two_batches": [1, 9],
    "tested_losses_of_two_batches": [1, 9],
    "losses_told_to_a_callback": [1, 9],
}
BEHAVIOURS = {behaviour.__name__: behaviour for behaviour in keras_range.BEHAVIOURS}


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_each_end_of_the_range_does_what_the_rules_say(name, record_property):
    record_property("keras", keras.__version__)
    measured = KNOWN[name].get(VERSION)
    if measured is None:
        pytest.skip(f"Not measured on Keras {keras.__version__}, only on 3.8 and 3.15.")
    assert BEHAVIOURS[name]() == measured, f"Keras {keras.__version__}"


def test_every_behaviour_is_known_at_both_ends():
    assert set(KNOWN) == set(BEHAVIOURS)
    assert all(set(values) == {(3, 8), (3, 15)} for values in KNOWN.values())


def test_what_differs_within_the_range_or_from_1_15_is_said():
    for symbol in ("tf.keras.Model.train_on_batch", "tf.keras.Model.test_on_batch"):
        rule = catalogue.find(symbol)
        assert rule.status == "changes"
        assert "3.8" in rule.note and "3.15" in rule.note
    assert IN_1_15["losses_told_to_a_callback"] != [1, 5]
    assert (
        "running mean"
        in catalogue.find("tf.keras.callbacks.Callback.on_batch_end").note
    )
