"""Faults planted in what stands for train_and_evaluate."""

from parity_tests.models.estimator_faults import (
    batches_end_with_the_epoch,
    evaluated_while_it_drops,
)
from parity_tests.models.pair import Fault


def _not_evaluated_at_the_end(twin):
    class Ending(twin.Saver):
        def on_train_end(self, logs=None):
            pass

    return {"Saver": Ending}


def _told_before_it_is_saved(twin):
    """Callbacks are in the other order than hooks were."""
    fit = twin.Saver.on_train_batch_end

    class Late(twin.Saver):
        def on_train_batch_begin(self, batch, logs=None):
            fit(self, batch, logs)

        def on_train_batch_end(self, batch, logs=None):
            pass

    return {"Saver": Late}


def _logits_served_alone(twin):
    """The model itself is exported, without what PREDICT made of its logits."""
    return {"predictions": lambda logits: {"logits": logits}}


def _steps_counted_from_here(twin):
    true = twin.train_and_evaluate

    def faulty(model, folder, max_steps, *told):
        twin.Saver.restore(model, folder)
        return true(model, folder, max_steps + int(model.optimizer.iterations), *told)

    return {"train_and_evaluate": faulty}


def _evaluated_where_it_starts(twin):
    """What is saved before the first step is evaluated too."""

    class Starting(twin.Saver):
        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)
            self.after_save(self.saved + 1)

    return {"Saver": Starting}


FAULTS = {
    "not_evaluated_at_the_end": Fault(
        "The last step is neither saved nor evaluated.",
        "outputs",
        _not_evaluated_at_the_end,
    ),
    "evaluated_where_it_starts": Fault(
        "What it starts from is evaluated.",
        "initial values",
        _evaluated_where_it_starts,
    ),
    "saved_a_step_later": Fault(
        "What is due is saved and evaluated before the next step.",
        "loss",
        _told_before_it_is_saved,
    ),
    "steps_counted_from_here": Fault(
        "The second start trains as many steps as there are in all.",
        "outputs",
        _steps_counted_from_here,
    ),
    "streams_go_on": Fault(
        "The second start draws on where the first stopped.",
        "loss",
        lambda _: {"start_streams": lambda model: None},
    ),
    "evaluated_while_it_drops": Fault(
        "An evaluation drops units, as training does.",
        "loss",
        evaluated_while_it_drops,
    ),
    "batches_end_with_the_epoch": Fault(
        "The last batch of an epoch is short.", "loss", batches_end_with_the_epoch
    ),
    "logits_served_alone": Fault(
        "The export answers with logits alone.", "outputs", _logits_served_alone
    ),
    "one_more_kept": Fault(
        "One checkpoint more is kept.", "kept", fields={"max_to_keep": 3}
    ),
    "wrong_rate": Fault(
        "The rate is a hundredth too high.", "restored", fields={"learning_rate": 0.101}
    ),
}
