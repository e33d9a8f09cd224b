"""Faults planted in the twin in mixed precision."""

import keras

from parity_tests.models.pair import Fault


def _dense_of(dtype):
    """The layer under another policy."""

    def patch(twin):
        def build(inputs, config):
            x = keras.Input((inputs,), name="x")
            kernel = twin.tf1_semantics.initializers.RandomUniform(
                -1.0, 1.0, seed=(config.seed, 11)
            )
            dense = keras.layers.Dense(1, kernel_initializer=kernel, dtype=dtype)
            return keras.Model(x, dense(x))

        return {"build": build}

    return patch


def _scale_not_taken_out(twin):
    """The loss is scaled, and a plain optimizer would apply what comes of it."""
    optimizer = twin.optimizer

    def faulty(config):
        scaled = optimizer(config)
        scaled.scale_loss = lambda loss: 2.0 * loss * scaled.dynamic_scale
        return scaled

    return {"optimizer": faulty}


def _not_scaled(twin):
    """In a loop of one's own the line that scales is forgotten."""
    optimizer = twin.optimizer

    def faulty(config):
        scaled = optimizer(config)
        scaled.scale_loss = lambda loss: loss
        return scaled

    return {"optimizer": faulty}


FAULTS = {
    "float16_variables": Fault(
        "Variables are float16 as well.",
        "initial values",
        _dense_of("float16"),
    ),
    "float32_throughout": Fault(
        "The layer computes in float32.", "outputs", _dense_of("float32")
    ),
    "bfloat16": Fault(
        "The layer computes in bfloat16.", "outputs", _dense_of("mixed_bfloat16")
    ),
    "scaled_twice": Fault(
        "The loss is scaled by more than is taken out.",
        "scale",
        _scale_not_taken_out,
    ),
    "not_scaled": Fault(
        "The loss is not scaled, and gradients are divided by the scale.",
        "scale",
        _not_scaled,
    ),
    "defaults_of_keras": Fault(
        "The scale doubles after 2000 good steps.",
        "scale",
        fields={"growth_steps": 2000},
    ),
    "scale_of_one": Fault(
        "The scale starts at 1.", "scale", fields={"initial_scale": 1.0}
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.1375}
    ),
}
