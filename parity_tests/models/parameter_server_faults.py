"""Faults planted in the twin of the parameter servers."""

import tensorflow as tf

from parity_tests.models.pair import Fault

SYNCHRONOUS = {"modes": ("synchronous",), "steps": 2}
ASYNCHRONOUS = {"modes": ("asynchronous",), "steps": 2}


def _batches(of_worker):
    """The twin's ``batches``, by (dataset without end, step, worker, config)."""

    def batches(x_data, y_data, *where):
        dataset = tf.data.Dataset.from_tensor_slices((x_data, y_data)).repeat()
        return of_worker(dataset, *where)

    return lambda _: {"batches": batches}


def _share(dataset, worker):
    return dataset.shard(worker.num_input_pipelines, worker.input_pipeline_id)


def _same_examples(dataset, step, _worker, config):
    return dataset.batch(config.batch_size).skip(step)


def _dealt_out(dataset, step, worker, config):
    return _share(dataset, worker).batch(config.batch_size).skip(step)


def _one_ahead(dataset, step, worker, config):
    return _share(dataset.batch(config.batch_size), worker).skip(step + 1)


FAULTS = {
    "sum_of_gradients": Fault(
        "Each worker brings its gradients, and apply adds them up.",
        "updates",
        lambda _: {"share": lambda gradients, replicas: gradients},
        both=SYNCHRONOUS,
    ),
    "mean_taken_twice": Fault(
        "Gradients are divided by the number of workers that were divided by it already.",
        "updates",
        lambda _: {
            "share": lambda gradients, replicas: [
                gradient / replicas**2 for gradient in gradients
            ]
        },
        both=SYNCHRONOUS,
    ),
    "rate_by_workers": Fault(
        "The rate is multiplied by the number of workers.",
        "updates",
        fields={"learning_rate": 0.5},
        both=SYNCHRONOUS,
    ),
    "same_examples": Fault(
        "Every worker reads all batches, as the first one does.",
        "loss",
        _batches(_same_examples),
        both=SYNCHRONOUS,
    ),
    "dealt_out": Fault(
        "Examples are dealt out to the workers, and not batches.",
        "loss",
        _batches(_dealt_out),
        both=SYNCHRONOUS,
    ),
    "batch_of_all": Fault(
        "The size of all workers' batches is taken for that of one.",
        "loss",
        fields={"batch_size": 8},
        both=SYNCHRONOUS,
    ),
    "one_worker": Fault(
        "There is one worker, which trains with half of each batch.",
        "loss",
        fields={"workers": 1},
        both=SYNCHRONOUS,
    ),
    "one_ahead": Fault(
        "A coordinator's worker begins at its second batch.",
        "loss",
        _batches(_one_ahead),
        both=ASYNCHRONOUS,
    ),
    "drawn_otherwise": Fault(
        "The coordinator draws initial values from another seed.",
        "initial values",
        fields={"seed": 2},
        both=ASYNCHRONOUS,
    ),
    "without_momentum": Fault(
        "The coordinator's optimizer has too little momentum.",
        "updates",
        fields={"momentum": 0.25},
        both=ASYNCHRONOUS,
    ),
}
