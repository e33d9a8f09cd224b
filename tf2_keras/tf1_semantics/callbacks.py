"""What a program knew of each step, for ``fit``."""

import keras

from tf2_keras.tf1_semantics.errors import require

__all__ = ["StepHistory"]


@keras.saving.register_keras_serializable("tf1_semantics")
class StepHistory(keras.callbacks.Callback):
    """What ``session.run([train, loss])`` fetched: the losses and metrics of each step.

    What ``fit`` logs, and ``keras.callbacks.History`` keeps, are means over the epoch so
    far. Here metrics begin anew with each step. ``history`` is
    {"loss": [a float for each step, of all epochs], ...}, as ``History`` has it for each
    epoch; the next call of ``fit`` starts it over.

    Raises:
        ValueError: where a model takes several steps at once, of which Keras logs only
            their mean.
    Source: python/client/session.py, 1.15.
    """

    def __init__(self):
        super().__init__()
        self.history = {}

    def on_train_begin(self, *_, **__):
        require(
            self.model.steps_per_execution == 1,
            "steps_per_execution must be 1, that each step has a loss of its own",
            repr(self.model.steps_per_execution),
            "Use compile(steps_per_execution=1)",
        )
        self.history = {}

    def on_train_batch_begin(self, *_, **__):
        self.model.reset_metrics()

    def on_train_batch_end(self, _batch, logs=None):
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
