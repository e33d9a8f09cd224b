"""Where the Kerases that this project supports differ among themselves.

    python -m parity_tests.migrate.keras_range

prints, for the Keras that runs it, what each of BEHAVIOURS gives; keras_range_test.py
holds what is right for it. Runs wherever the project does, without pytest.
"""

import numpy as np


def model_of_one_weight(**compiled):
    """y = w * x with w = 1, trained at rate 0 so that only what is reported moves."""
    import keras

    model = keras.Sequential([keras.Input([1]), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.ones([1, 1], np.float32)])
    model.compile(keras.optimizers.SGD(0.0), "mse", **compiled)
    return model


def losses_of_two_batches():
    """train_on_batch on errors 1 and 3: squared 1 and 9."""
    model = model_of_one_weight()
    x = np.zeros([1, 1], np.float32)
    return [float(np.ravel(model.train_on_batch(x, x + error))[0]) for error in (1, 3)]


def tested_losses_of_two_batches():
    """test_on_batch on errors 1 and 3."""
    model = model_of_one_weight()
    x = np.zeros([1, 1], np.float32)
    return [float(np.ravel(model.test_on_batch(x, x + error))[0]) for error in (1, 3)]


def losses_told_to_a_callback():
    """What on_train_batch_end is told in fit on errors 1 and 3: squared 1 and 9."""
    import keras

    told = []

    class Listener(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            told.append((batch, float(logs["loss"])))

    model = model_of_one_weight()
    x = np.zeros([2, 1], np.float32)
    y = np.float32([[1], [3]])
    model.fit(x, y, 1, shuffle=False, verbose=0, callbacks=[Listener()])
    return [loss for _, loss in told]


def loss_with_weights_of_the_targets_rank():
    """MSE of errors [[1, 3], [2, 4]], a loss of 5 and one of 10, with four weights."""
    import keras

    loss = keras.losses.MeanSquaredError()
    errors = np.float32([[1, 3], [2, 4]])
    weights = np.float32([[1, 3], [5, 7]])
    return [float(loss(np.zeros_like(errors), errors, sample_weight=weights))]


BEHAVIOURS = (
    losses_of_two_batches,
    tested_losses_of_two_batches,
    losses_told_to_a_callback,
    loss_with_weights_of_the_targets_rank,
)


def main():
    from parity_tests.witness import reference_conditions

    reference_conditions.import_tensorflow()
    import keras

    print("Keras", keras.__version__)
    for behaviour in BEHAVIOURS:
        print(f"{behaviour.__name__}: {behaviour()}")


if __name__ == "__main__":
    main()
