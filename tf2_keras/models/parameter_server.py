"""Workers in processes of their own, in TensorFlow 2: synchronous, or with servers.

Synchronous: MultiWorkerMirroredStrategy. There are no parameter servers: each worker has
the variables, and all apply the sum of their gradients. Asynchronous:
ParameterServerStrategy, whose program is a coordinator's, where TF1 had one in each
worker; with one worker gradients come in an order that can be said.

Each task of the cluster is a process, which ``TF_CONFIG`` tells the cluster and its place.

Shapes: B examples of I inputs, for each worker; H hidden units; K classes.

Run it: ``python -m tf2_keras.models.parameter_server [synchronous|asynchronous]``, in each
task; without a ``TF_CONFIG`` it is a cluster of one worker.
"""

import dataclasses
import sys

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6
    modes: tuple = ("synchronous", "asynchronous")  # each in a cluster of its own
    workers: int = 2  # that are synchronous; asynchronous is one
    batch_size: int = 4  # of each worker
    hidden: int = 5  # H
    classes: int = 3  # K
    save_every: int = 2  # steps
    learning_rate: float = 0.25
    momentum: float = 0.5
    seed: int = 1  # of the graph; each random op adds its own


def started(mode):
    """(strategy, number of the task), as TF_CONFIG says; what serves stays here."""
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    task = resolver.task_id or 0
    if mode == "synchronous":
        return tf.distribute.MultiWorkerMirroredStrategy(), task
    if resolver.task_type != "chief":
        server = tf.distribute.Server(
            resolver.cluster_spec(),
            job_name=resolver.task_type,
            task_index=task,
            protocol="grpc",
        )
        server.join()  # it has no end of its own
    return tf.distribute.ParameterServerStrategy(resolver), task


def dense(units, seed, config, name):
    """[B, inputs] -> [B, units]."""
    normal = tf1_semantics.initializers.TruncatedNormal(
        0, 0.5, seed=(config.seed, seed)
    )
    return keras.layers.Dense(units, kernel_initializer=normal, name=name)


def inference(x, config):
    """[B, I] -> logits [B, K]."""
    hidden = keras.layers.ReLU()(dense(config.hidden, 11, config, "hidden")(x))
    return dense(config.classes, 12, config, "logits")(hidden)


def loss(y_true, y_pred):
    """Mean cross-entropy of labels [B] and logits [B, K], a scalar."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    )


def optimizer(config):
    return tf1_semantics.optimizers.Momentum(config.learning_rate, config.momentum)


def share(gradients, replicas):
    """What a worker adds to the update."""
    # apply adds up what SyncReplicasOptimizer took the mean of.
    return [gradient / replicas for gradient in gradients]


def build(inputs, config):
    """The model, and the optimizer with its slots made."""
    x = keras.Input([inputs], name="x")
    model = keras.Model(x, inference(x, config))
    momentum = optimizer(config)
    momentum.build(model.trainable_variables)
    return model, momentum


def batches(x_data, y_data, step, worker, workers, config):
    """Endless batches of a worker, from a step on."""
    dataset = tf.data.Dataset.from_tensor_slices((x_data, y_data)).repeat()
    dataset = dataset.batch(config.batch_size).shard(workers, worker)
    return dataset.skip(step)


def run(x_data, y_data, config=Config(), folder=None):
    """What a worker sees: of each step a record, and at last what is predicted.

    folder: where the chief saves to, and goes on from if it is started again.
    """
    (mode,) = config.modes
    strategy, task = started(mode)
    with strategy.scope():
        model, momentum = build(x_data.shape[1], config)
    variables = model.trainable_variables
    checkpoint = tf.train.Checkpoint(model=model, optimizer=momentum)
    if folder and tf.train.latest_checkpoint(folder):
        checkpoint.restore(tf.train.latest_checkpoint(folder)).assert_consumed()
    step = int(np.asarray(momentum.iterations))

    def replica_step(x, y_true):
        with tf.GradientTape() as tape:
            worker_loss = loss(y_true, model(x, training=True))
        gradients = tape.gradient(worker_loss, variables)
        momentum.apply(share(gradients, strategy.num_replicas_in_sync), variables)
        return worker_loss, gradients

    def train_workers(drawn):
        """What a worker saw; a coordinator's function, or that of all workers alike."""
        return strategy.run(replica_step, next(drawn))

    if mode == "synchronous":
        drawn = iter(
            strategy.distribute_datasets_from_function(
                lambda worker: batches(
                    *(x_data, y_data, step),
                    *(worker.input_pipeline_id, worker.num_input_pipelines, config),
                )
            )
        )
        train = tf.function(train_workers)
    else:
        coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        drawn = iter(
            coordinator.create_per_worker_dataset(
                lambda: batches(x_data, y_data, step, 0, 1, config)
            )
        )
        train_worker = tf.function(train_workers)

        def train(drawn):
            return coordinator.schedule(train_worker, args=(drawn,)).fetch()

    def state(stage):
        if task != 0:
            return {}
        named = {variable.path: variable for variable in model.variables}
        named.update(momentum.tf1_variables([variable.path for variable in variables]))
        return {stage: {name: np.asarray(variable) for name, variable in named.items()}}

    history = [state("restored" if step else "initial values")]
    for number in range(step + 1, config.steps + 1):
        worker_loss, gradients = train(drawn)
        paths = [f"worker {task} {variable.path}" for variable in variables]
        pairs = zip(paths, gradients, strict=True)
        history.append(
            {
                "loss": {f"worker {task}": np.asarray(worker_loss)},
                "gradients": {path: np.asarray(gradient) for path, gradient in pairs},
                **state("updates"),
            }
        )
        if folder and task == 0 and number % config.save_every == 0:
            checkpoint.save(f"{folder}/model.ckpt")
    if task != 0:
        return [*history, {}]
    predict = tf.function(lambda x: model(x, training=False))
    return [*history, {"outputs": {"logits": predict(x_data).numpy()}}]


def examples():
    """(float32 [20, 4], int64 [20]): three clusters, the larger the rarer."""
    random = np.random.RandomState(0)
    labels = np.int64([0, 1, 0, 2, 1] * 4)
    centres = np.float32([[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 1]])
    noise = random.uniform(-0.5, 0.5, [20, 4]).astype(np.float32)
    return centres[labels] + noise, labels


if __name__ == "__main__":
    modes = tuple(sys.argv[1:]) or ("synchronous",)
    for record in run(*examples(), config=Config(modes=modes))[1:-1]:
        ((worker, value),) = record["loss"].items()
        print(f"{worker}: loss {value:.5f}")
