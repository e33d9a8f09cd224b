"""What a model holds between steps, by its Keras paths."""

import keras

from tf2_keras import training
from tf2_keras.observing import key_of


def paths_of(model, asked=()):
    """{path: path} of what a model holds between steps: weights, and counts of steps.

    Rates of optimizers are what a program sets: only those ``asked`` for are among them.
    """
    for optimizer in training.optimizers_of(model):
        if not optimizer.built and len(training.optimizers_of(model)) == 1:
            optimizer.build(model.trainable_variables)
    drawing = set()
    for layer in model._flatten_layers():
        generator = getattr(layer, "seed_generator", None)
        if isinstance(generator, keras.random.SeedGenerator):
            drawing.add(key_of(generator.state))
    metrics = {key_of(v) for metric in model.metrics for v in metric.variables}
    counts = [optimizer.iterations for optimizer in training.optimizers_of(model)]
    rates = [optimizer.learning_rate for optimizer in training.optimizers_of(model)]
    counts += [rate for rate in rates if getattr(rate, "path", None) in asked]
    return {
        variable.path: variable.path
        for variable in [*model.variables, *counts]
        if key_of(variable) not in drawing | metrics
    }
